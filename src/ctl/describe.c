/* SPDX-License-Identifier: MIT */
/* The columns of each kind of record, and the facts of one. */
#include "ctl/describe.h"

#include <inttypes.h>
#include <string.h>

#include "util/timestamp.h"

#define SHORT_ID 8
#define SHORT_JOB_ID 10

/* The member of a member; NULL when there is none. */
static const json_t *inner(const json_t *object, const char *outer, const char *name)
{
	return member(member(object, outer), name);
}

static const char *inner_text(const json_t *object, const char *outer, const char *name)
{
	return json_string_value(inner(object, outer, name));
}

void describe_source(const json_t *connector, struct buffer *text)
{
	static const struct {
		const char *scheme;
		const char *bucket;
		const char *prefix;
	} sources[] = {
	    {"gs://", "gcs_bucket", "gcs_prefix"},
	    {"s3://", "s3_bucket", "s3_prefix"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		const char *bucket =
		    inner_text(connector, "connector_properties", sources[i].bucket);
		const char *prefix =
		    inner_text(connector, "connector_properties", sources[i].prefix);
		if (!bucket)
			continue;
		buffer_append_text(text, sources[i].scheme);
		buffer_append_text(text, bucket);
		buffer_append_text(text, "/");
		buffer_append_text(text, prefix ? prefix : "");
		return;
	}
}

/* A word for how a job is: what it is, or that it vanished before it was over. */
static const char *job_word(const json_t *job)
{
	return member_text(job, "gone_at") ? "gone" : member_text(job, "status");
}

static void cell_duration(struct table *table, const json_t *job, const struct output *output)
{
	struct buffer text _cleanup_buffer_;
	int64_t lasted = member_seconds(job, "duration_seconds", TIMESTAMP_NONE);
	int64_t began = output_age(output, member_text(job, "start_time"));
	buffer_init(&text, 64);
	if (lasted != TIMESTAMP_NONE)
		display_append_lasting(&text, lasted, "");
	else if (began != TIMESTAMP_NONE && text_same(job_word(job), "running"))
		display_append_lasting(&text, began, "");
	table_add(table, span_of(buffer_text(&text)), TONE_PLAIN);
}

void describe_error(const json_t *record, struct buffer *text)
{
	const char *code = inner_text(record, "error", "code");
	const char *message = inner_text(record, "error", "message");
	buffer_printf(text, "%s%s%s", code ? code : "", code && message && *message ? ": " : "",
	    message ? message : "");
}

static void cell_error(struct table *table, const json_t *record)
{
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, DESCRIPTION_LIMIT);
	describe_error(record, &text);
	table_add(table, span_of(buffer_text(&text)), TONE_PLAIN);
}

/* "1 critical, 2 warning", as far as there are any. */
static void append_attention(const json_t *attention, struct buffer *text)
{
	int64_t critical = member_integer(attention, "critical", 0);
	int64_t warning = member_integer(attention, "warning", 0);
	if (critical > 0)
		buffer_printf(text, "%" PRId64 " critical", critical);
	if (warning > 0)
		buffer_printf(text, "%s%" PRId64 " warning", critical > 0 ? ", " : "", warning);
}

/* Rows -----------------------------------------------------------------------------------------*/

static void cell_listed(const struct output *output, struct table *table, const json_t *project)
{
	const char *at = inner_text(project, "sync", "synced_at");
	bool stale = json_is_true(inner(project, "sync", "stale"));
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, 128);
	int64_t age = output_age(output, at);
	if (output->terminal && age != TIMESTAMP_NONE) {
		display_append_age(&text, age);
		buffer_append_text(&text, stale ? " ago" : "");
	} else if (at) {
		buffer_append_text(&text, at);
	}
	table_add(table, span_of(buffer_text(&text)), stale ? TONE_DOUBTFUL : TONE_PLAIN);
}

static void describe_row_project(
    const struct output *output, struct table *table, const json_t *project)
{
	cell_text_of(table, member(project, "project"), TONE_PLAIN);
	cell_word(table, inner_text(project, "upstream", "state"));
	cell_listed(output, table, project);
	cell_number(table, member(project, "connectors"));
	cell_number(table, member(project, "jobs_active"));
	struct buffer attention _cleanup_buffer_;
	buffer_init(&attention, 64);
	append_attention(member(project, "attention"), &attention);
	enum tone tone = member_integer(member(project, "attention"), "critical", 0) > 0
			     ? TONE_BAD
			     : TONE_DOUBTFUL;
	table_add(table, span_of(buffer_text(&attention)), attention.len > 0 ? tone : TONE_PLAIN);
}

static void describe_row_connector(
    const struct output *output, struct table *table, const json_t *connector)
{
	const json_t *job = member(connector, "latest_job");
	const char *at = member_text(job, "end_time");
	bool deleted = text_same(member_text(connector, "state"), "deleted");
	struct buffer source _cleanup_buffer_;
	buffer_init(&source, DESCRIPTION_LIMIT);
	describe_source(connector, &source);
	cell_id(output, table, member_text(connector, "connector_id"));
	cell_text_of(table, member(connector, "project"), TONE_PLAIN);
	cell_word(table, deleted ? "deleted" : member_text(connector, "status"));
	cell_word(table, job_word(job));
	if (!at)
		at = member_text(job, "start_time");
	cell_time(output, table, at ? at : member_text(job, "first_seen_at"));
	cell_text_of(table, member(connector, "label"), TONE_PLAIN);
	table_add(table, span_of(buffer_text(&source)), TONE_PLAIN);
}

static void describe_row_job(const struct output *output, struct table *table, const json_t *job)
{
	const char *began = member_text(job, "start_time");
	cell_id(output, table, member_text(job, "job_id"));
	cell_text_of(table, member(job, "project"), TONE_PLAIN);
	cell_id(output, table, member_text(job, "connector_id"));
	cell_word(table, job_word(job));
	cell_time(output, table, began ? began : member_text(job, "first_seen_at"));
	cell_duration(table, job, output);
	cell_number(table, inner(job, "stats", "num_events_imported"));
	cell_error(table, job);
}

static void cell_progress(struct table *table, const json_t *job)
{
	struct buffer progress _cleanup_buffer_;
	const json_t *part = member(job, "progress");
	buffer_init(&progress, 64);
	if (json_is_number(part))
		buffer_printf(&progress, "%.0f %%", json_number_value(part) * 100);
	table_add(table, span_of(buffer_text(&progress)), TONE_PLAIN);
}

static void describe_row_snapshot(
    const struct output *output, struct table *table, const json_t *job)
{
	cell_time(output, table, member_text(job, "observed_at"));
	cell_word(table, job_word(job));
	cell_progress(table, job);
	cell_duration(table, job, output);
	cell_number(table, inner(job, "stats", "num_events_imported"));
	cell_error(table, job);
}

static void describe_row_operation(
    const struct output *output, struct table *table, const json_t *operation)
{
	cell_id(output, table, member_text(operation, "operation_id"));
	cell_text_of(table, member(operation, "project"), TONE_PLAIN);
	cell_text_of(table, member(operation, "kind"), TONE_PLAIN);
	cell_word(table, member_text(operation, "state"));
	cell_id(output, table, member_text(operation, "connector_id"));
	cell_time(output, table, member_text(operation, "created_at"));
	cell_text_of(table, member(operation, "client"), TONE_PLAIN);
	cell_error(table, operation);
}

void describe_running(const struct output *output, struct table *table, const json_t *connector)
{
	const json_t *job = member(connector, "latest_job");
	const json_t *events = inner(job, "stats", "num_events_imported");
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, DESCRIPTION_LIMIT);
	cell_word(table, job_word(job));
	cell_text_of(table, member(connector, "project"), TONE_PLAIN);
	cell_id(output, table, member_text(connector, "connector_id"));
	describe_source(connector, &text);
	table_add(table, span_of(buffer_text(&text)), TONE_PLAIN);
	cell_progress(table, job);
	cell_duration(table, job, output);
	buffer_clear(&text);
	if (json_is_integer(events)) {
		display_append_number(&text, json_integer_value(events));
		buffer_append_text(&text, " events");
	}
	table_add(table, span_of(buffer_text(&text)), TONE_PLAIN);
}

const struct table_column describe_reason_columns[DESCRIBE_REASON_COLUMNS] = {
    {NULL, false}, {NULL, false}, {NULL, false}, {NULL, false}, {NULL, false}};

/* Whose reason it is, and which. */
static void cells_reason(const struct output *output, struct table *table, const json_t *reason)
{
	cell_word(table, member_text(reason, "severity"));
	cell_text_of(table, member(reason, "project"), TONE_PLAIN);
	cell_id(output, table, inner_text(reason, "subject", "id"));
	cell_text_of(table, member(reason, "code"), TONE_PLAIN);
}

void describe_reason(const struct output *output, struct table *table, const json_t *reason)
{
	const char *detail = member_text(reason, "detail");
	const char *cause = member_text(reason, "cause");
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, DESCRIPTION_LIMIT);
	buffer_append_text(&text, detail ? detail : "");
	if (cause)
		buffer_printf(&text, " (%s)", cause);
	cells_reason(output, table, reason);
	table_add(table, span_of(buffer_text(&text)), TONE_PLAIN);
}

#define KIND(nothing, member, table_columns, each_row)                                             \
	{                                                                                          \
		.none = (nothing), .id_member = (member), .columns = (table_columns),              \
		.column_count = ARRAY_SIZE(table_columns), .row = (each_row)                       \
	}

static const struct table_column project_columns[] = {
    {"PROJECT", false},
    {"UPSTREAM", false},
    {"LIST", false},
    {"CONNECTORS", true},
    {"ACTIVE", true},
    {"ATTENTION", false},
};
const struct listing_kind describe_projects =
    KIND("no projects", "project", project_columns, describe_row_project);

static const struct table_column connector_columns[] = {
    {"ID", false},
    {"PROJECT", false},
    {"STATUS", false},
    {"JOB", false},
    {"AT", false},
    {"LABEL", false},
    {"SOURCE", false},
};
const struct listing_kind describe_connectors =
    KIND("no connectors", "connector_id", connector_columns, describe_row_connector);

static const struct table_column job_columns[] = {
    {"ID", false},
    {"PROJECT", false},
    {"CONNECTOR", false},
    {"STATUS", false},
    {"STARTED", false},
    {"TOOK", true},
    {"EVENTS", true},
    {"ERROR", false},
};
const struct listing_kind describe_jobs = KIND("no jobs", "job_id", job_columns, describe_row_job);

static const struct table_column snapshot_columns[] = {
    {"SEEN", false},
    {"STATUS", false},
    {"PROGRESS", true},
    {"TOOK", true},
    {"EVENTS", true},
    {"ERROR", false},
};
const struct listing_kind describe_snapshots =
    KIND("no snapshots", "job_id", snapshot_columns, describe_row_snapshot);

static const struct table_column operation_columns[] = {
    {"ID", false},
    {"PROJECT", false},
    {"KIND", false},
    {"STATE", false},
    {"CONNECTOR", false},
    {"ASKED", false},
    {"CLIENT", false},
    {"ERROR", false},
};
const struct listing_kind describe_operations =
    KIND("no operations", "operation_id", operation_columns, describe_row_operation);

static void describe_row_attention(
    const struct output *output, struct table *table, const json_t *reason)
{
	const char *since = member_text(reason, "since");
	const char *advice = member_text(reason, "advice");
	const char *detail = member_text(reason, "detail");
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, DESCRIPTION_LIMIT);
	buffer_printf(
	    &text, "%s%s%s", detail ? detail : "", advice ? ". " : "", advice ? advice : "");
	cells_reason(output, table, reason);
	cell_time(output, table, since);
	table_add(table, span_of(buffer_text(&text)), TONE_PLAIN);
}

/* Detail and advice are the point, and too long for what a terminal leaves of a row. */
static void describe_lines_attention(
    const struct output *output, const json_t *reason, struct buffer *text)
{
	static const char *const told[] = {"detail", "advice"};
	struct table table _cleanup_table_;
	table_init(&table, describe_reason_columns, DESCRIBE_REASON_COLUMNS);
	cells_reason(output, &table, reason);
	cell_time(output, &table, member_text(reason, "since"));
	buffer_append_text(text, text->len > 0 ? "\n" : "");
	table_append(&table, 0, output->color, text);
	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		const char *line = member_text(reason, told[i]);
		if (!line)
			continue;
		buffer_append_text(text, "  ");
		display_append(text, span_of(line));
		buffer_append_text(text, "\n");
	}
}

static const struct table_column attention_columns[] = {
    {"SEVERITY", false},
    {"PROJECT", false},
    {"SUBJECT", false},
    {"CODE", false},
    {"SINCE", false},
    {"DETAIL", false},
};
const struct listing_kind describe_attention = {
    .none = "nothing needs attention",
    .id_object = "subject",
    .id_member = "id",
    .columns = attention_columns,
    .column_count = ARRAY_SIZE(attention_columns),
    .row = describe_row_attention,
    .lines = describe_lines_attention,
};

/* One record -----------------------------------------------------------------------------------*/

enum exit_code describe_print(const struct output *output, const struct found *found,
    const char *id_member, const struct buffer *text)
{
	if (output->form == FORM_TEXT)
		return output_text(text);
	return output_record(output, found_span(found), member_text(found->json, id_member));
}

/* Every member of an object that is a text, a number or a truth value. */
static void fact_members(struct buffer *text, json_t *object)
{
	const char *name;
	const json_t *value;
	json_object_foreach (object, name, value) {
		struct buffer line _cleanup_buffer_;
		buffer_init(&line, 1024);
		if (json_is_string(value))
			buffer_append_text(&line, json_string_value(value));
		else if (json_is_integer(value))
			display_append_number(&line, json_integer_value(value));
		else if (json_is_real(value))
			buffer_printf(&line, "%g", json_real_value(value));
		else if (json_is_boolean(value))
			buffer_append_text(&line, json_is_true(value) ? "yes" : "no");
		if (line.len == 0 || buffer_failed(&line))
			continue;
		buffer_append_text(text, "  ");
		display_append(text, span_of(name));
		buffer_append_text(text, "  ");
		display_append(text, span_of(buffer_text(&line)));
		buffer_append_text(text, "\n");
	}
}

static void fact_sync(const struct output *output, const json_t *record, struct buffer *text)
{
	const json_t *sync = member(record, "sync");
	fact_time(output, text, "confirmed", member_text(sync, "synced_at"));
	if (json_is_true(member(sync, "stale")))
		fact_word(output, text, "stale", "warning: this may not hold any more");
	const char *message = inner_text(sync, "error", "message");
	fact(text, "last refresh", message);
}

static void fact_error(const json_t *record, struct buffer *text)
{
	struct buffer line _cleanup_buffer_;
	buffer_init(&line, DESCRIPTION_LIMIT);
	describe_error(record, &line);
	fact(text, "error", buffer_text(&line));
}

void describe_job(const struct output *output, const json_t *job, struct buffer *text)
{
	const json_t *part = member(job, "progress");
	char progress[32] = "";
	if (json_is_number(part))
		snprintf(progress, sizeof(progress), "%.0f %%", json_number_value(part) * 100);
	fact(text, "job", member_text(job, "job_id"));
	fact(text, "project", member_text(job, "project"));
	fact(text, "connector", member_text(job, "connector_id"));
	fact_word(output, text, "status", member_text(job, "status"));
	fact(text, "progress", progress);
	fact_time(output, text, "first seen", member_text(job, "first_seen_at"));
	fact_time(output, text, "started", member_text(job, "start_time"));
	fact_time(output, text, "ended", member_text(job, "end_time"));
	fact_time(output, text, "gone", member_text(job, "gone_at"));
	fact_error(job, text);
	fact_sync(output, job, text);
	json_t *stats = json_object_get(job, "stats");
	if (json_object_size(stats) > 0)
		buffer_append_text(text, "stats\n");
	fact_members(text, stats);
}

static void fact_latest_job(
    const struct output *output, const json_t *connector, struct buffer *text)
{
	const json_t *job = member(connector, "latest_job");
	struct buffer line _cleanup_buffer_;
	buffer_init(&line, DESCRIPTION_LIMIT);
	if (!job)
		return;
	const char *word = job_word(job);
	const char *id = member_text(job, "job_id");
	buffer_printf(&line, "%s  %s", id ? id : "", word ? word : "");
	if (member(job, "error")) {
		buffer_append_text(&line, "  ");
		describe_error(job, &line);
	}
	fact(text, "newest job", buffer_text(&line));
	fact_time(output, text, "ended", member_text(job, "end_time"));
}

/* What is open of a connector, each with what to do. */
static void fact_attention(
    const struct output *output, const json_t *connector, struct buffer *text)
{
	const json_t *reasons = member(connector, "attention");
	for (size_t i = 0; i < json_array_size(reasons); i++) {
		const json_t *reason = json_array_get(reasons, i);
		const char *code = member_text(reason, "code");
		const char *detail = member_text(reason, "detail");
		struct buffer line _cleanup_buffer_;
		buffer_init(&line, DESCRIPTION_LIMIT);
		buffer_printf(&line, "%s: %s", code ? code : "", detail ? detail : "");
		fact_word(output, text, "attention", member_text(reason, "severity"));
		fact(text, "", buffer_text(&line));
		fact(text, "", member_text(reason, "advice"));
	}
}

void describe_connector(const struct output *output, const json_t *connector, struct buffer *text)
{
	struct buffer source _cleanup_buffer_;
	buffer_init(&source, DESCRIPTION_LIMIT);
	describe_source(connector, &source);
	fact(text, "connector", member_text(connector, "connector_id"));
	fact(text, "project", member_text(connector, "project"));
	fact(text, "label", member_text(connector, "label"));
	fact(text, "type", member_text(connector, "connector_type"));
	fact(text, "source", buffer_text(&source));
	fact(text, "format", inner_text(connector, "category_properties", "data_format"));
	fact(text, "compression", inner_text(connector, "category_properties", "compression"));
	fact_word(output, text, "state", member_text(connector, "state"));
	fact_time(output, text, "deleted", member_text(connector, "deleted_at"));
	fact_word(output, text, "status", member_text(connector, "status"));
	fact(text, "failure", member_text(connector, "failure_message"));
	fact_time(output, text, "status told", member_text(connector, "status_known_at"));
	fact_time(output, text, "created", member_text(connector, "created_at"));
	fact(text, "created by", member_text(connector, "created_by"));
	fact_latest_job(output, connector, text);
	fact_attention(output, connector, text);
	fact_sync(output, connector, text);
}

void describe_operation(const struct output *output, const json_t *operation, struct buffer *text)
{
	const json_t *search = member(operation, "search");
	const json_t *candidates = member(operation, "candidates");
	fact(text, "operation", member_text(operation, "operation_id"));
	fact(text, "kind", member_text(operation, "kind"));
	fact(text, "project", member_text(operation, "project"));
	fact_word(output, text, "state", member_text(operation, "state"));
	fact(text, "connector", member_text(operation, "connector_id"));
	for (size_t i = 0; i < json_array_size(candidates); i++)
		fact(text, "candidate", json_string_value(json_array_get(candidates, i)));
	fact(text, "asked by", member_text(operation, "client"));
	fact(text, "key", member_text(operation, "idempotency_key"));
	fact_time(output, text, "asked", member_text(operation, "created_at"));
	fact_time(output, text, "sent", member_text(operation, "sent_at"));
	fact_time(output, text, "ended", member_text(operation, "finished_at"));
	fact_error(operation, text);
	if (!search)
		return;
	fact_time(output, text, "last looked", member_text(search, "last_at"));
	fact(text, "search",
	    json_is_true(member(search, "over"))
		? "over: it is for a person to say; mixportctl resolve"
		: "goes on");
}

/* Events ---------------------------------------------------------------------------------------*/

static void append_counters(const json_t *job, struct buffer *text)
{
	static const struct {
		const char *member;
		const char *word;
	} counters[] = {
	    {"num_events_imported", "imported"},
	    {"num_events_dropped", "dropped"},
	    {"num_files_imported", "files"},
	};
	bool any = false;
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		const json_t *value = inner(job, "stats", counters[i].member);
		if (!json_is_integer(value))
			continue;
		buffer_append_text(text, any ? ", " : "");
		display_append_number(text, json_integer_value(value));
		/* One of them is one file; the other words are no nouns. */
		bool one = json_integer_value(value) == 1 && text_same(counters[i].word, "files");
		buffer_printf(text, " %s", one ? "file" : counters[i].word);
		any = true;
	}
}

void describe_end(const struct output *output, const json_t *job, struct buffer *text)
{
	int64_t lasted = member_seconds(job, "duration_seconds", TIMESTAMP_NONE);
	struct buffer error _cleanup_buffer_;
	(void)output;
	buffer_init(&error, DESCRIPTION_LIMIT);
	if (lasted != TIMESTAMP_NONE) {
		display_append_lasting(text, lasted, "");
		buffer_append_text(text, "  ");
	}
	if (member(job, "error")) {
		describe_error(job, &error);
		display_append(text, span_of(buffer_text(&error)));
	} else {
		append_counters(job, text);
	}
}

/* What an event is about, in a few words. */
static void append_event_detail(const json_t *event, struct buffer *text)
{
	const char *type = member_text(event, "type");
	const json_t *data = member(event, "data");
	const json_t *changed = member(event, "changed");
	const char *detail = member_text(data, "detail");
	const char *code = member_text(data, "code");
	if (!type)
		return;
	const json_t *part = member(data, "progress");
	if (strncmp(type, "job.", 4) == 0 && text_same(member_text(data, "status"), "queued")) {
		buffer_append_text(text, "queued");
	} else if (strncmp(type, "job.", 4) == 0 && !member(data, "error")) {
		if (json_is_number(part) && !member(data, "end_time"))
			buffer_printf(text, "%.0f %%  ", json_number_value(part) * 100);
		append_counters(data, text);
	}
	if (strncmp(type, "connector.", 10) == 0 && !changed)
		describe_source(data, text);
	else if (strncmp(type, "attention.", 10) == 0)
		buffer_printf(text, "%s: %s", code ? code : "", detail ? detail : "");
	else if (strncmp(type, "operation.", 10) == 0 && member_text(data, "kind"))
		buffer_printf(text, "%s %s%s", member_text(data, "kind"),
		    member_text(data, "operation_id") ? member_text(data, "operation_id") : "",
		    member(data, "error") ? "  " : "");
	else if (inner_text(data, "upstream", "state"))
		buffer_append_text(text, inner_text(data, "upstream", "state"));
	else if (member_text(data, "version"))
		buffer_append_text(text, member_text(data, "version"));
	if (member(data, "error"))
		describe_error(data, text);
	for (size_t i = 0; i < json_array_size(changed) && text->len == 0; i++) {
		const char *name = json_string_value(json_array_get(changed, i));
		buffer_printf(text, "%s%s", i > 0 ? ", " : "changed: ", name ? name : "");
	}
}

static void append_event_cell(
    const struct output *output, struct buffer *line, const char *text, size_t shown)
{
	struct buffer cell _cleanup_buffer_;
	buffer_init(&cell, DESCRIPTION_LIMIT);
	display_append(&cell, span_of(text && *text ? text : "-"));
	if (output->terminal && cell.len > shown) {
		buffer_cut(&cell, shown);
		buffer_append_text(&cell, shown > SHORT_ID ? "\xe2\x80\xa6" : "");
	}
	buffer_append(line, cell.data, cell.len);
	buffer_append_text(line, "  ");
}

void describe_event(const struct output *output, const json_t *event, struct buffer *line)
{
	const char *time = member_text(event, "timestamp");
	const char *type = member_text(event, "type");
	struct buffer detail _cleanup_buffer_;
	struct buffer shown _cleanup_buffer_;
	struct buffer cut _cleanup_buffer_;
	buffer_init(&detail, DESCRIPTION_LIMIT);
	buffer_init(&shown, DESCRIPTION_LIMIT);
	buffer_init(&cut, DESCRIPTION_LIMIT);
	/* Of a time only the hours, minutes and seconds. */
	if (output->terminal && time && strlen(time) > 19)
		buffer_printf(line, "%.8sZ  ", time + 11);
	else
		append_event_cell(output, line, time, SIZE_MAX);
	append_event_cell(output, line, type, SIZE_MAX);
	append_event_cell(output, line, member_text(event, "project"), SIZE_MAX);
	append_event_cell(output, line, member_text(event, "connector_id"), SHORT_ID);
	append_event_cell(output, line, member_text(event, "job_id"), SHORT_JOB_ID);
	append_event_detail(event, &detail);
	display_append(&shown,
	    detail.len > 0 ? (struct span){.ptr = detail.data, .len = detail.len} : span_of("-"));
	size_t used = display_width((struct span){.ptr = buffer_text(line), .len = line->len});
	size_t room = output->columns > used + 1 ? output->columns - used : 1;
	if (output->columns > 0)
		display_append_cut(
		    &cut, (struct span){.ptr = buffer_text(&shown), .len = shown.len}, room);
	const struct buffer *last = output->columns > 0 ? &cut : &shown;
	buffer_append(line, last->data, last->len);
	buffer_append_text(line, "\n");
}
