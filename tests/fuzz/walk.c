/* SPDX-License-Identifier: MIT */
/* The reading functions of the store, one after the other. */
#include "walk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/audit_store.h"
#include "store/conn_private.h"
#include "store/connector_store.h"
#include "store/event_store.h"
#include "store/freshness.h"
#include "store/gauges.h"
#include "store/job_store.h"
#include "store/operation_store.h"
#include "store/project_store.h"
#include "store/render.h"
#include "util/jsontext.h"
#include "util/timestamp.h"

#define SHOWN_LIMIT ((size_t)64 * 1024 * 1024)
/* Of the rows that are looked at one by one, and of the pages of a list. */
#define ROWS_LIMIT 32
#define PAGES_LIMIT 200
#define PAGE_SIZE 3
/* The projects that rows are looked for under. */
static const int64_t project_ids[] = {1, 2};
/* The moment of all readings. */
#define NOW INT64_C(1700000000000000)

static char name[] = "demo";
static struct config_project settings = {
    .name = name,
    .project_id = 1,
    .region = REGION_US,
    .list_interval = 60 * MICROSECONDS_PER_SECOND,
    .active_interval = 15 * MICROSECONDS_PER_SECOND,
    .idle_interval = 600 * MICROSECONDS_PER_SECOND,
};

/* Rows of one kind that were met, and so shown, to be looked at one by one. */
struct found {
	int64_t rows[ROWS_LIMIT];
	char ids[ROWS_LIMIT][160];
	char keys[ROWS_LIMIT][160];
	size_t count;
};

struct met {
	struct conn *conn;
	struct project_view view;
	struct found connectors;
	struct found jobs;
	struct found operations;
	size_t taken; /* of the page */
};

/* Whether it was met before; it is noted otherwise. */
static bool is_known(struct found *found, int64_t row, const char *id, const char *key)
{
	size_t at = found->count;
	for (size_t i = 0; i < at; i++)
		if (found->rows[i] == row)
			return true;
	if (at == ROWS_LIMIT)
		return false;
	found->rows[at] = row;
	snprintf(found->ids[at], sizeof(found->ids[0]), "%s", id ? id : "");
	snprintf(found->keys[at], sizeof(found->keys[0]), "%s", key ? key : "");
	found->count++;
	return false;
}

/* What a callback answers: a page takes so many rows. */
static int taken(struct met *met)
{
	return met->taken++ < PAGE_SIZE ? 0 : STORE_PAGE_FULL;
}

/* Showing -------------------------------------------------------------------------------------- */

struct shown {
	struct buffer buffer;
	struct writer writer;
};

static void shown_begin(struct shown *shown)
{
	buffer_init(&shown->buffer, SHOWN_LIMIT);
	writer_init(&shown->writer, &shown->buffer);
}

/* A number that no double holds is JSON all the same. */
static void shown_end(struct shown *shown)
{
	json_error_t reason;
	assert(!buffer_failed(&shown->buffer));
	assert(text_is_utf8(shown->buffer.data, shown->buffer.len));
	json_t *value = json_loadb(shown->buffer.data, shown->buffer.len, JSON_DECODE_ANY, &reason);
	if (!value && json_error_code(&reason) != json_error_numeric_overflow) {
		fprintf(stderr, "%s\n%s\n", buffer_text(&shown->buffer), reason.text);
		abort();
	}
	json_decref(value);
	buffer_done(&shown->buffer);
}

static int show_connector(const struct connector_record *record, void *context)
{
	struct met *met = context;
	struct shown shown;
	if (is_known(&met->connectors, record->row, record->connector.connector_id, NULL))
		return taken(met);
	struct freshness freshness = freshness_of_connector(record, &met->view, NOW);
	freshness_is_older(&freshness, 60, NOW);
	shown_begin(&shown);
	render_connector(&shown.writer, record, &met->view, &freshness, SPAN_NONE);
	shown_end(&shown);
	shown_begin(&shown);
	writer_raw(&shown.writer, record->connector.raw);
	shown_end(&shown);
	/* As a create would be compared with it. */
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *body = NULL;
	if (jsontext_parse(record->connector.raw, 0, &err, &body) == 0)
		connector_is_same_import(body, &record->connector);
	return taken(met);
}

static int show_job(const struct job_record *record, void *context)
{
	struct met *met = context;
	struct shown shown;
	if (is_known(&met->jobs, record->row, record->job_id, NULL))
		return taken(met);
	struct freshness freshness = freshness_of_job(record, &met->view, NOW);
	shown_begin(&shown);
	render_job(&shown.writer, record, met->view.settings->name, &freshness);
	shown_end(&shown);
	shown_begin(&shown);
	writer_raw(&shown.writer, record->run.raw);
	shown_end(&shown);
	assert(run_same(&record->run, &record->run));
	return taken(met);
}

static int show_snapshot(const struct snapshot_record *snapshot, void *context)
{
	struct met *met = context;
	struct shown shown;
	const struct job_record job = {.job_id = "job_x", .first_seen_at = NOW};
	shown_begin(&shown);
	render_snapshot(&shown.writer, snapshot, &job, met->view.settings->name);
	shown_end(&shown);
	return taken(met);
}

static int show_operation(const struct operation_record *record, void *context)
{
	struct met *met = context;
	struct shown shown;
	if (is_known(&met->operations, record->row, record->operation_id, record->import_key))
		return taken(met);
	shown_begin(&shown);
	render_operation(&shown.writer, record, met->view.settings->name);
	shown_end(&shown);
	return taken(met);
}

static int show_audit(const struct audit_record *record, void *context)
{
	struct met *met = context;
	struct shown shown;
	const char *const texts[] = {record->audit_id, record->request_id, record->client,
	    record->unit, record->address, record->action, record->connector_id,
	    record->operation_id, record->operation_state, record->code};
	shown_begin(&shown);
	writer_begin_array(&shown.writer);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		writer_text(&shown.writer, texts[i]);
	writer_time(&shown.writer, record->asked_at);
	writer_time(&shown.writer, record->answered_at);
	writer_end_array(&shown.writer);
	shown_end(&shown);
	return taken(met);
}

static void show_project(const struct project_record *record, void *context)
{
	struct met *met = context;
	struct shown shown;
	met->view.record = *record;
	struct freshness freshness = freshness_of_project(&met->view, NOW);
	shown_begin(&shown);
	render_project(&shown.writer, &met->view, &freshness);
	shown_end(&shown);
	/* What the record points to does not outlive this. */
	met->view.record.list_error_code = met->view.record.list_error_message = NULL;
}

/* Lists ---------------------------------------------------------------------------------------- */

/* What is listed, one page. */
typedef int list_fn(struct met *met, const struct slice *slice, const void *query, struct err *err,
    struct slice_end *ret_end);

/* Reads a list from page to page. */
static void page_through(struct met *met, list_fn *list, const void *query, bool of_all)
{
	struct slice slice = {.project_ids = of_all ? NULL : project_ids,
	    .project_count = ARRAY_SIZE(project_ids),
	    .limit = PAGE_SIZE};
	for (unsigned pages = 0;; pages++) {
		struct slice_end end = {.more = false};
		struct err err = ERR_INIT;
		met->taken = 0;
		int r = list(met, &slice, query, &err, &end);
		assert(r >= 0 || err.text[0]);
		if (r || !end.more || pages == PAGES_LIMIT)
			return;
		/* A page that is not the last one leads on. */
		assert(!slice.after || memcmp(&end.last, &slice.position, sizeof(end.last)) != 0 ||
		       met->taken == 0);
		slice.after = true;
		slice.position = end.last;
	}
}

static int list_connectors(struct met *met, const struct slice *slice, const void *query,
    struct err *err, struct slice_end *ret_end)
{
	struct connector_query wanted = *(const struct connector_query *)query;
	wanted.slice = *slice;
	return connector_store_list(met->conn, &wanted, show_connector, met, err, ret_end);
}

static int list_jobs(struct met *met, const struct slice *slice, const void *query, struct err *err,
    struct slice_end *ret_end)
{
	struct job_query wanted = *(const struct job_query *)query;
	wanted.slice = *slice;
	return job_store_list(met->conn, &wanted, show_job, met, err, ret_end);
}

static int list_operations(struct met *met, const struct slice *slice, const void *query,
    struct err *err, struct slice_end *ret_end)
{
	struct operation_query wanted = *(const struct operation_query *)query;
	wanted.slice = *slice;
	return operation_store_list(met->conn, &wanted, show_operation, met, err, ret_end);
}

static int list_snapshots(struct met *met, const struct slice *slice, const void *query,
    struct err *err, struct slice_end *ret_end)
{
	const struct snapshot_query wanted = {.job_row = *(const int64_t *)query, .slice = *slice};
	return job_store_snapshots(met->conn, &wanted, show_snapshot, met, err, ret_end);
}

static int list_audit(struct met *met, const struct slice *slice, const void *query,
    struct err *err, struct slice_end *ret_end)
{
	struct audit_query wanted = *(const struct audit_query *)query;
	wanted.slice = *slice;
	return audit_store_list(met->conn, &wanted, show_audit, met, err, ret_end);
}

static int show_reason(const struct attention_about *about, const struct attention_reason *reason,
    const struct position *position, void *context)
{
	struct met *met = context;
	struct shown shown;
	assert(
	    position->time == ATTENTION_RANK_CRITICAL || position->time == ATTENTION_RANK_WARNING);
	shown_begin(&shown);
	render_open_reason(&shown.writer, reason, about, "demo");
	shown_end(&shown);
	shown_begin(&shown);
	render_told_reason(&shown.writer, reason, about->id);
	shown_end(&shown);
	return taken(met);
}

static int list_attention(struct met *met, const struct slice *slice, const void *query,
    struct err *err, struct slice_end *ret_end)
{
	struct attention_query wanted = *(const struct attention_query *)query;
	wanted.slice = *slice;
	return attention_store_list(met->conn, &wanted, show_reason, met, err, ret_end);
}

/* One by one ----------------------------------------------------------------------------------- */

static int see_followed(const struct followed_connector *connector, void *context)
{
	(void)context;
	assert(connector->row != 0 || connector->connector_id);
	return 0;
}

static int see_sent(const char *connector_id, struct span request, void *context)
{
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *body = NULL;
	(void)context;
	assert(connector_id);
	if (request.ptr)
		assert(jsontext_parse(request, 0, &err, &body) == 0 || err.text[0]);
	return 0;
}

static int see_settling(int64_t row, enum connector_settling settling, void *context)
{
	(void)row, (void)context;
	assert(settling <= SETTLING_OBSERVED);
	return 0;
}

static int see_open(const struct open_operation *operation, void *context)
{
	(void)context;
	assert(operation->state < OPERATION_STATE_COUNT && operation->kind < OPERATION_KIND_COUNT);
	return 0;
}

static void walk_connectors(struct met *met, bool writer)
{
	struct err err = ERR_INIT;
	for (int i = 0; i < 6; i++) {
		const struct connector_query query = {
		    .presence = (enum presence)(i % 3), .newest_first = i >= 3};
		page_through(met, list_connectors, &query, i == 0);
	}
	const struct connector_query filtered = {.presence = PRESENCE_ALL,
	    .id_prefix = "c",
	    .kind = "cloud_import",
	    .connector_type = "gcsImport",
	    .data_format = "mixpanel_event",
	    .status = "active",
	    .label = "x",
	    .job_status = "running"};
	page_through(met, list_connectors, &filtered, false);
	static const struct connector_query attentive[] = {
	    {.presence = PRESENCE_ALL, .attention = ATTENTION_ANY},
	    {.presence = PRESENCE_ALL, .attention = ATTENTION_NONE},
	    {.presence = PRESENCE_ALL, .attention = ATTENTION_ANY, .attention_is = "failing"}};
	for (size_t i = 0; i < ARRAY_SIZE(attentive); i++)
		page_through(met, list_connectors, &attentive[i], false);
	const struct found *found = &met->connectors;
	size_t count = found->count;
	for (size_t i = 0; i < count; i++) {
		const struct job_query jobs = {
		    .connector_row = found->rows[i], .since = TIMESTAMP_NONE};
		const struct job_query of_id = {
		    .connector_id = found->ids[i], .since = TIMESTAMP_NONE};
		met->taken = 0;
		connector_store_get(met->conn, 1, found->ids[i], show_connector, met, &err);
		connector_store_get_row(met->conn, found->rows[i], show_connector, met, &err);
		job_store_each_open(met->conn, found->rows[i], show_job, met, &err);
		met->taken = 0;
		job_store_each_recent(met->conn, found->rows[i], 2, show_job, met, &err);
		met->taken = 0;
		job_store_each_ended(met->conn, found->rows[i], 2, show_job, met, &err);
		met->taken = 0;
		job_store_each_unfinished(met->conn, found->rows[i], show_job, met, &err);
		met->taken = 0;
		job_store_get_gone(met->conn, found->rows[i], show_job, met, &err);
		operation_store_claims(met->conn, 1, found->ids[i], 1, &err);
		if (i >= 4)
			continue;
		page_through(met, list_jobs, &jobs, false);
		page_through(met, list_jobs, &of_id, false);
		char id[RANDOM_ID_SIZE];
		if (writer)
			operation_store_deleting(met->conn, 1, found->ids[i], &err, id);
	}
}

static void walk_jobs(struct met *met)
{
	struct err err = ERR_INIT;
	const struct job_query all = {.since = TIMESTAMP_NONE};
	const struct job_query some = {.since = 0, .id_prefix = "job_1", .statuses = 0x7f};
	const struct job_query running = {.since = TIMESTAMP_NONE, .statuses = 1 << JOB_RUNNING};
	page_through(met, list_jobs, &all, true);
	page_through(met, list_jobs, &some, false);
	page_through(met, list_jobs, &running, false);
	const struct found *found = &met->jobs;
	size_t count = found->count;
	for (size_t i = 0; i < count; i++) {
		met->taken = 0;
		job_store_get(met->conn, found->ids[i], show_job, met, &err);
		if (i < 4)
			page_through(met, list_snapshots, &found->rows[i], false);
	}
}

static void walk_operations(struct met *met)
{
	struct err err = ERR_INIT;
	const struct operation_query all = {.kind = -1, .state = -1};
	const struct operation_query some = {
	    .kind = OPERATION_CREATE, .state = OPERATION_UNKNOWN, .id_prefix = "op_"};
	const struct operation_query few = {.kind = -1, .state = -1, .id_prefix = "op_1"};
	page_through(met, list_operations, &all, true);
	page_through(met, list_operations, &some, false);
	page_through(met, list_operations, &few, false);
	const struct found *found = &met->operations;
	size_t count = found->count;
	const struct operation_owner owner = {.project_id = 1, .client = "uid:0"};
	for (size_t i = 0; i < count; i++) {
		met->taken = 0;
		operation_store_get(met->conn, found->ids[i], show_operation, met, &err);
		operation_store_get_row(met->conn, found->rows[i], show_operation, met, &err);
	}
	met->taken = 0;
	operation_store_get_by_key(met->conn, &owner, "key", show_operation, met, &err);
}

static void walk_audit(struct met *met)
{
	const struct audit_query all = {.since = TIMESTAMP_NONE};
	const struct audit_query some = {.client = "uid:0", .action = audit_actions[0], .since = 0};
	page_through(met, list_audit, &all, true);
	page_through(met, list_audit, &some, false);
	page_through(met, list_audit, &all, false);
}

static bool wants_project(int64_t project_id, void *context)
{
	(void)context;
	return project_id <= 2;
}

static int show_event(const struct event_record *record, void *context)
{
	struct met *met = context;
	struct shown shown;
	assert(record->type < EVENT_TYPE_COUNT);
	shown_begin(&shown);
	writer_begin_object(&shown.writer);
	writer_member_text(&shown.writer, "connector_id", record->connector_id);
	writer_member_text(&shown.writer, "job_id", record->job_id);
	writer_member_text(&shown.writer, "operation_id", record->operation_id);
	writer_member_time(&shown.writer, "at", record->at);
	writer_member_raw(&shown.writer, "previous", record->previous);
	writer_member_raw(&shown.writer, "changed", record->changed);
	writer_member_raw(&shown.writer, "data", record->data);
	writer_end_object(&shown.writer);
	shown_end(&shown);
	return taken(met);
}

static void walk_events(struct met *met)
{
	struct err err = ERR_INIT;
	struct event_feed feed = {.name = ""};
	struct event_query query = {.after = INT64_MIN, .wants_project = wants_project};
	int64_t seq;
	event_store_feed(met->conn, &err, &feed);
	assert(strspn(feed.name, "0123456789abcdefghijklmnopqrstuvwxyz") == strlen(feed.name));
	event_store_since(met->conn, NOW, &err, &seq);
	for (unsigned pages = 0; pages < PAGES_LIMIT; pages++) {
		met->taken = 0;
		int r = event_store_list(met->conn, &query, show_event, met, &err, &seq);
		assert(r >= 0 || err.text[0]);
		if (r != STORE_PAGE_FULL)
			return;
		assert(seq > query.after);
		query.after = seq;
	}
}

static int see_row(int64_t row, void *context)
{
	(void)row, (void)context;
	return 0;
}

static void see_total(int64_t project_id, enum attention_code code,
    enum attention_severity severity, int64_t count, void *context)
{
	(void)context;
	assert(project_id > 0 && code < ATTENTION_CODE_COUNT && count > 0 &&
	       severity < ATTENTION_SEVERITY_COUNT);
}

static void walk_attention(struct met *met, bool writer)
{
	struct err err = ERR_INIT;
	const struct attention_query all = {.severity = -1, .code = -1};
	const struct attention_query some = {
	    .severity = ATTENTION_WARNING, .code = ATTENTION_FAILING};
	const struct attention_about about = {.subject = ATTENTION_OF_CONNECTOR, .row = 1};
	struct attention_reason open[ATTENTION_CODE_COUNT];
	size_t count = 0;
	page_through(met, list_attention, &all, true);
	page_through(met, list_attention, &all, false);
	page_through(met, list_attention, &some, false);
	attention_store_totals(met->conn, see_total, met, &err);
	attention_store_open(met->conn, &about, &err, open, &count);
	assert(count <= ATTENTION_CODE_COUNT);
	if (writer) {
		attention_store_each_subject(met->conn, 1, ATTENTION_FAILING, see_row, met, &err);
		connector_store_each_row(met->conn, 0, 4, see_row, met, &err);
	}
}

/* What only the sync thread asks. */
static void walk_as_writer(struct met *met)
{
	struct err err = ERR_INIT;
	int64_t row;
	unsigned open;
	const struct found *found = &met->operations;
	struct buffer creator _cleanup_buffer_;
	buffer_init(&creator, 1024);
	connector_store_last_row(met->conn, &err, &row);
	for (size_t i = 0; i < found->count + 1; i++) {
		const char *key =
		    i < found->count ? found->keys[i] : "gcsImport\nmixpanel_event\nb\n";
		const struct undelivered_query undelivered = {
		    .owner = {.project_id = 1, .client = "uid:0"}, .import_key = key};
		met->taken = 0;
		connector_store_each_import(met->conn,
		    &(struct import_query){.project_id = 1, .import_key = key}, show_connector, met,
		    &err);
		connector_store_each_sent(met->conn, 1, key, see_sent, met, &err);
		met->taken = 0;
		operation_store_each_import(met->conn, 1, key, show_operation, met, &err);
		operation_store_each_undelivered(
		    met->conn, &undelivered, show_operation, met, &err);
	}
	connector_store_each_settling(met->conn, 1, see_settling, met, &err);
	operation_store_each_open(met->conn, 1, see_open, met, &err);
	operation_store_creator(met->conn, 1, "account", &err, &creator);
	operation_store_count_open(met->conn, "uid:0", 3, &err, &open);
}

void walk_store(struct conn *conn, bool writer)
{
	static struct met met;
	met = (struct met){.conn = conn, .view.settings = &settings};
	struct err err = ERR_INIT;
	struct store_stats stats;
	struct gauges gauges;
	int64_t unknown;
	snprintf(met.view.upstream.error_code, sizeof(met.view.upstream.error_code), "code");
	store_stats(conn, &err, &stats);
	gauges_read(conn, &met.view, NOW, &err, &gauges);
	for (size_t i = 0; i < ARRAY_SIZE(project_ids); i++) {
		connector_store_each_followed(conn, project_ids[i], see_followed, &met, &err);
		operation_store_count_unknown(conn, project_ids[i], &err, &unknown);
		project_store_get(conn, project_ids[i], show_project, &met, &err);
	}
	walk_connectors(&met, writer);
	walk_jobs(&met);
	walk_operations(&met);
	walk_audit(&met);
	walk_events(&met);
	walk_attention(&met, writer);
	if (writer)
		walk_as_writer(&met);
}

/* Writing -------------------------------------------------------------------------------------- */

/* SQLite gives a transaction up by itself when there is no higher row number. */
static bool is_over(struct conn *writer)
{
	return sqlite3_get_autocommit(writer->db) != 0;
}

static void change_connectors(struct conn *writer, struct connector *connector, int64_t *ret_row)
{
	struct err err = ERR_INIT;
	const struct store_failure failure = {.code = "code", .message = "message", .at = NOW};
	for (int i = 0; i < 8 && !is_over(writer); i++) {
		enum connector_change change = CONNECTOR_SAME;
		struct followed_connector followed = {.row = 0};
		struct connector_put put = {.project_id = 1,
		    .connector = connector,
		    .listed = i & 1,
		    .revive = i & 2,
		    .observed_at = NOW,
		    .confirmed = i & 4 ? NOW : TIMESTAMP_NONE,
		    .now = NOW + i};
		connector->status = i & 1 ? NULL : "active";
		connector->label = i > 5 ? "other" : "x";
		if (connector_store_put(writer, &put, &err, &change, &followed) == 0)
			*ret_row = followed.row;
		if (i == 1 || i == 5)
			connector_store_delete(writer, *ret_row, i == 1, NOW, &err);
		connector_store_failed(
		    writer, *ret_row, (enum connector_part)(i & 1), &failure, &err);
	}
	if (is_over(writer))
		return;
	connector_store_created_by_us(writer, *ret_row, "key", &err);
	connector_store_history_synced(writer, *ret_row, NOW, &err);
	connector_store_read(writer, *ret_row, CONNECTOR_PART_HISTORY, &err);
	connector_store_settled(writer, *ret_row, &err);
}

static void change_jobs(struct conn *writer, int64_t connector_row)
{
	struct err err = ERR_INIT;
	char id[RANDOM_ID_SIZE];
	int64_t row = 1;
	unsigned removed;
	const struct run run = {.start_time = NOW,
	    .end_time = TIMESTAMP_NONE,
	    .status = JOB_RUNNING,
	    .upstream_status = "running",
	    .raw = span_of("{}")};
	const struct new_job job = {
	    .project_id = 1, .connector_row = connector_row, .run = &run, .now = NOW};
	for (int i = 0; i < 2 && !is_over(writer); i++) {
		job_store_update(writer, row, &run, NOW, &err);
		job_store_unlisted(writer, row, NOW, true, NOW + 1, &err);
		job_store_relisted(writer, row, NOW + 2, &err);
		job_store_insert(writer, &job, &err, &row, id);
	}
	if (is_over(writer))
		return;
	job_store_retain(writer, 5, 1, 3, &err, &removed);
	job_store_connector_gone(writer, connector_row, NOW, &err);
}

static int update_operation(const struct operation_record *record, void *context)
{
	struct operation_record changed = *record;
	struct err err = ERR_INIT;
	changed.error_code = "code";
	operation_store_update(context, &changed, &err);
	return 0;
}

static void change_operations(struct conn *writer)
{
	struct err err = ERR_INIT;
	int64_t row;
	unsigned removed;
	const struct operation_record added = {.operation_id = "op_added",
	    .project_id = 1,
	    .client = "uid:0",
	    .idempotency_key = "key",
	    .request = span_of("{}"),
	    .created_at = NOW,
	    .sent_at = TIMESTAMP_NONE,
	    .finished_at = TIMESTAMP_NONE,
	    .sent_upstream_at = TIMESTAMP_NONE};
	const struct operation_retention retention = {.before = 5, .keep = 1, .owed = 7};
	const struct audit_entry entry = {
	    .audit_id = "aud_1", .asked_at = NOW, .client = "uid:0", .action = audit_actions[0]};
	const struct store_failure failure = {.code = "code", .message = "message", .at = NOW};
	const struct event_put event = {
	    .type = EVENT_JOB_UPDATED, .at = NOW, .project_id = 1, .data = span_of("{}")};
	if (is_over(writer) || operation_store_insert(writer, &added, &err, &row) != 0)
		return;
	operation_store_get(writer, "op_1", update_operation, writer, &err);
	operation_store_delivered(writer, "op_1", &err);
	operation_store_retain(writer, &retention, 3, &err, &removed);
	if (audit_store_put(writer, &entry, &err) != 0)
		return;
	audit_store_done(writer, &entry, "op_added", "why", &err);
	audit_store_retain(writer, 5, 1, 3, &err, &removed);
	project_store_ensure(writer, 1, &err);
	project_store_list_failed(writer, 1, &failure, &err);
	project_store_list_read(writer, 1, &err);
	project_store_listed(writer, 1, NOW, &err);
	store_touch(writer, &err);
	if (event_store_put(writer, &event, &err) != 0)
		return;
	event_store_own(writer, &err);
	event_store_retain(writer, 5, 1, 3, &err, &removed);
}

void change_store(struct conn *writer)
{
	int64_t row = 1;
	struct connector connector = {
	    .connector_id = "c",
	    .label = "x",
	    .connector_type = "gcsImport",
	    .properties = span_of("{\"gcs_bucket\":\"b\"}"),
	    .data_format = "mixpanel_event",
	    .bucket = "b",
	    .created_at = NOW,
	    .raw = span_of("{}"),
	};
	change_connectors(writer, &connector, &row);
	change_operations(writer);
	change_jobs(writer, row);
	connector.connector_id = "added";
	change_connectors(writer, &connector, &row);
}
