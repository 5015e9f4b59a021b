/* SPDX-License-Identifier: MIT */
/* The members of each record, in the order in which the manual describes them. */
#include "store/render.h"

#include "util/timestamp.h"

/* Of the pointer and the text of one warning; six bytes may stand for one in JSON. */
#define WARNING_LENGTH_LIMIT 1024

static void render_member_object(struct writer *writer, const char *name, struct span json)
{
	writer_member_raw(writer, name, json.ptr ? json : span_of("{}"));
}

void render_sync(struct writer *writer, const struct freshness *freshness)
{
	writer_begin_object(writer);
	writer_member_time(writer, "synced_at", freshness->synced_at);
	writer_member_boolean(writer, "stale", freshness->stale);
	writer_key(writer, "error");
	if (freshness->error_code) {
		writer_begin_object(writer);
		writer_member_text(writer, "code", freshness->error_code);
		writer_member_text(writer, "message", freshness->error_message);
		writer_member_time(writer, "since", freshness->error_since);
		writer_end_object(writer);
	} else {
		writer_null(writer);
	}
	writer_end_object(writer);
}

static void member_sync(struct writer *writer, const struct freshness *freshness)
{
	writer_key(writer, "sync");
	render_sync(writer, freshness);
}

static void upstream_members(struct writer *writer, const struct upstream_status *status)
{
	writer_member_text(writer, "state", upstream_state_names[status->state]);
	writer_member_time(writer, "since", status->since);
	writer_member_integer(writer, "consecutive_failures", status->consecutive_failures);
	writer_member_time(writer, "next_attempt_at", status->next_attempt_at);
}

void render_own_upstream(struct writer *writer, const struct upstream_status *status)
{
	writer_begin_object(writer);
	upstream_members(writer, status);
	writer_end_object(writer);
}

void render_upstream(struct writer *writer, const struct upstream_status *status)
{
	writer_begin_object(writer);
	upstream_members(writer, status);
	writer_key(writer, "budget");
	writer_begin_object(writer);
	writer_member_integer(writer, "per_minute", (int64_t)status->budget_per_minute);
	writer_member_integer(writer, "available", (int64_t)status->budget_available);
	writer_end_object(writer);
	writer_end_object(writer);
}

void render_project(
    struct writer *writer, const struct project_view *view, const struct freshness *freshness)
{
	writer_begin_object(writer);
	writer_member_text(writer, "project", view->settings->name);
	writer_member_integer(writer, "project_id", view->settings->project_id);
	writer_member_text(writer, "region", region_name(view->settings->region));
	writer_member_integer(writer, "connectors", view->record.connectors);
	writer_member_integer(writer, "jobs_active", view->record.jobs_active);
	writer_key(writer, "attention");
	writer_begin_object(writer);
	writer_member_integer(writer, "critical", view->record.attention_critical);
	writer_member_integer(writer, "warning", view->record.attention_warning);
	writer_end_object(writer);
	writer_key(writer, "upstream");
	render_upstream(writer, &view->upstream);
	member_sync(writer, freshness);
	writer_end_object(writer);
}

static void reason_members(struct writer *writer, const struct attention_reason *reason)
{
	bool caused = reason->cause != ATTENTION_CAUSE_NONE;
	writer_member_text(writer, "code", attention_code_names[reason->code]);
	writer_member_text(writer, "severity", attention_severity_names[reason->severity]);
	writer_member_time(writer, "since", reason->since);
	writer_member_text(writer, "detail", reason->detail);
	writer_member_text(writer, "cause", caused ? attention_cause_names[reason->cause] : NULL);
	writer_member_text(writer, "advice", attention_advice(reason->code, reason->cause));
	writer_member_text(writer, "job_id", *reason->job_id ? reason->job_id : NULL);
}

void render_reason(struct writer *writer, const struct attention_reason *reason)
{
	writer_begin_object(writer);
	reason_members(writer, reason);
	writer_end_object(writer);
}

void render_told_reason(
    struct writer *writer, const struct attention_reason *reason, const char *connector_id)
{
	writer_begin_object(writer);
	reason_members(writer, reason);
	writer_member_text(writer, "connector_id", connector_id);
	writer_end_object(writer);
}

void render_open_reason(struct writer *writer, const struct attention_reason *reason,
    const struct attention_about *about, const char *project)
{
	bool is_project = about->subject == ATTENTION_OF_PROJECT;
	writer_begin_object(writer);
	writer_member_text(writer, "project", project);
	writer_key(writer, "subject");
	writer_begin_object(writer);
	writer_member_text(writer, "kind", attention_subject_names[about->subject]);
	writer_member_text(writer, "id", is_project ? project : about->id);
	writer_end_object(writer);
	reason_members(writer, reason);
	writer_end_object(writer);
}

/* view is NULL for the members that are its own alone. */
static void connector_members(
    struct writer *writer, const struct connector_record *record, const struct project_view *view)
{
	const struct connector *connector = &record->connector;
	bool present = record->deleted_at == TIMESTAMP_NONE;
	writer_member_text(writer, "connector_id", connector->connector_id);
	writer_member_text(writer, "kind", connector_kind_names[connector->kind]);
	if (view) {
		writer_member_text(writer, "project", view->settings->name);
		writer_member_integer(writer, "project_id", record->project_id);
	}
	writer_member_text(writer, "label", connector->label);
	writer_member_text(writer, "connector_type", connector->connector_type);
	render_member_object(writer, "connector_properties", connector->properties);
	render_member_object(writer, "category_properties", connector->category);
	writer_member_text(writer, "status", connector->status);
	writer_member_text(writer, "failure_message", connector->failure_message);
	if (view)
		writer_member_time(writer, "status_known_at", record->status_known_at);
	writer_member_time(writer, "created_at", connector->created_at);
	writer_member_text(writer, "created_by", connector->created_by);
	writer_member_text(writer, "state", present ? "present" : "deleted");
	writer_member_time(writer, "deleted_at", record->deleted_at);
	writer_member_time(writer, "first_seen_at", record->first_seen_at);
	if (view) {
		writer_member_time(writer, "updated_at", record->updated_at);
		writer_member_raw(
		    writer, "attention", record->attention.ptr ? record->attention : span_of("[]"));
	}
}

void render_own_connector(struct writer *writer, const struct connector_record *record)
{
	writer_begin_object(writer);
	connector_members(writer, record, NULL);
	writer_end_object(writer);
}

void render_connector(struct writer *writer, const struct connector_record *record,
    const struct project_view *view, const struct freshness *freshness, struct span warnings)
{
	writer_begin_object(writer);
	connector_members(writer, record, view);
	writer_key(writer, "latest_job");
	if (record->latest)
		render_job(writer, record->latest, view->settings->name, NULL);
	else
		writer_null(writer);
	member_sync(writer, freshness);
	if (warnings.ptr)
		writer_member_raw(writer, "warnings", warnings);
	writer_end_object(writer);
}

static void run_error(struct writer *writer, const struct run *run)
{
	writer_key(writer, "error");
	if (!run->error_code && !run->error_message) {
		writer_null(writer);
		return;
	}
	writer_begin_object(writer);
	writer_member_text(writer, "code", run->error_code);
	writer_member_text(writer, "message", run->error_message ? run->error_message : "");
	writer_end_object(writer);
}

/* project is NULL for the members that are its own alone. */
static void job_members(struct writer *writer, const struct job_record *record, const char *project,
    const struct run *run)
{
	writer_member_text(writer, "job_id", record->job_id);
	writer_member_text(writer, "connector_id", record->connector_id);
	if (project)
		writer_member_text(writer, "project", project);
	writer_member_text(writer, "run_id", run->run_id);
	writer_member_text(writer, "status", job_status_names[run->status]);
	writer_member_text(writer, "upstream_status", run->upstream_status);
	writer_member_time(writer, "start_time", run->start_time);
	writer_member_time(writer, "end_time", run->end_time);
	writer_key(writer, "duration_seconds");
	if (run->start_time == TIMESTAMP_NONE || run->end_time == TIMESTAMP_NONE ||
	    run->end_time < run->start_time)
		writer_null(writer);
	else
		writer_seconds(writer, run->end_time - run->start_time);
	writer_member_raw(writer, "progress", run->progress);
	run_error(writer, run);
	render_member_object(writer, "stats", run->stats);
	writer_member_time(writer, "first_seen_at", record->first_seen_at);
}

void render_own_job(struct writer *writer, const struct job_record *record)
{
	writer_begin_object(writer);
	job_members(writer, record, NULL, &record->run);
	writer_member_time(writer, "gone_at", record->gone_at);
	writer_end_object(writer);
}

void render_job(struct writer *writer, const struct job_record *record, const char *project,
    const struct freshness *freshness)
{
	writer_begin_object(writer);
	job_members(writer, record, project, &record->run);
	writer_member_time(writer, "updated_at", record->updated_at);
	writer_member_time(writer, "gone_at", record->gone_at);
	if (freshness)
		member_sync(writer, freshness);
	writer_end_object(writer);
}

void render_snapshot(struct writer *writer, const struct snapshot_record *snapshot,
    const struct job_record *record, const char *project)
{
	writer_begin_object(writer);
	job_members(writer, record, project, &snapshot->run);
	writer_member_time(writer, "updated_at", snapshot->observed_at);
	writer_member_time(writer, "gone_at", snapshot->gone_at);
	writer_member_time(writer, "observed_at", snapshot->observed_at);
	writer_end_object(writer);
}

static void operation_error(struct writer *writer, const struct operation_record *record)
{
	writer_key(writer, "error");
	if (!record->error_code) {
		writer_null(writer);
		return;
	}
	writer_begin_object(writer);
	writer_member_text(writer, "code", record->error_code);
	writer_member_text(writer, "message", record->error_message ? record->error_message : "");
	writer_end_object(writer);
}

/* How the search for the outcome of an unknown create goes. */
static void operation_search(struct writer *writer, const struct operation_record *record)
{
	writer_key(writer, "search");
	if (record->state != OPERATION_UNKNOWN) {
		writer_null(writer);
		return;
	}
	writer_begin_object(writer);
	writer_member_integer(writer, "listings", record->listings);
	writer_member_time(writer, "last_at", record->last_listed_at);
	writer_member_boolean(writer, "over", record->search_over);
	writer_end_object(writer);
}

static void operation_members(struct writer *writer, const struct operation_record *record)
{
	writer_member_text(writer, "connector_id", record->connector_id);
	writer_member_text(writer, "state", operation_state_names[record->state]);
	writer_member_raw(
	    writer, "candidates", record->candidates.ptr ? record->candidates : span_of("[]"));
	writer_member_text(writer, "idempotency_key", record->idempotency_key);
	writer_member_text(writer, "client", record->client);
	writer_member_raw(writer, "request", record->request);
	operation_error(writer, record);
	operation_search(writer, record);
	writer_member_time(writer, "created_at", record->created_at);
	writer_member_time(writer, "sent_at", record->sent_at);
	writer_member_time(writer, "finished_at", record->finished_at);
}

void render_own_operation(struct writer *writer, const struct operation_record *record)
{
	writer_begin_object(writer);
	writer_member_text(writer, "operation_id", record->operation_id);
	writer_member_text(writer, "kind", operation_kind_names[record->kind]);
	operation_members(writer, record);
	writer_end_object(writer);
}

void render_operation(
    struct writer *writer, const struct operation_record *record, const char *project)
{
	writer_begin_object(writer);
	writer_member_text(writer, "operation_id", record->operation_id);
	writer_member_text(writer, "kind", operation_kind_names[record->kind]);
	writer_member_text(writer, "project", project);
	operation_members(writer, record);
	writer_end_object(writer);
}

static void warning(
    struct writer *writer, const char *pointer, const char *code, const char *detail)
{
	writer_begin_object(writer);
	writer_member_text(writer, "pointer", pointer);
	writer_member_text(writer, "code", code);
	writer_member_text(writer, "detail", detail);
	writer_end_object(writer);
}

/* What a body holds is up to its sender: a few of many say enough, and none is let be endless. */
void render_warnings(struct writer *writer, const struct connector_faults *faults)
{
	size_t shown = 0;
	size_t left = 0;
	char more[64];
	writer_begin_array(writer);
	for (size_t i = 0; i < faults->count; i++) {
		const struct connector_fault *fault = &faults->list[i];
		if (!fault->warning)
			continue;
		bool fits = strlen(fault->pointer) + strlen(fault->detail) <= WARNING_LENGTH_LIMIT;
		if (shown == RENDER_WARNINGS_LIMIT || !fits) {
			left++;
			continue;
		}
		warning(writer, fault->pointer, fault->code, fault->detail);
		shown++;
	}
	if (left > 0) {
		snprintf(
		    more, sizeof(more), "%zu more %s not shown.", left, left == 1 ? "is" : "are");
		warning(writer, "", "more-warnings", more);
	}
	writer_end_array(writer);
}
