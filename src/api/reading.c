/* SPDX-License-Identifier: MIT */
/* Renders records while it takes them into the ETag, and reads the parameters of pages. */
#include "api/reading.h"

#include <string.h>

#include "store/project_store.h"
#include "store/render.h"
#include "store/tx.h"
#include "util/array.h"
#include "util/timestamp.h"

#define KEPT_FOR MICROSECONDS_PER_SECOND

#define PAGE_LIMIT_DEFAULT 100
#define PAGE_LIMIT_MAXIMUM 500

#define ID_PREFIX_MINIMUM 4
#define ID_PREFIX_MAXIMUM 64

/* Bytes of a page, and of what comes behind its last record. */
#define PAGE_BYTES_LIMIT ((size_t)4 * 1024 * 1024)
#define PAGE_END_BYTES ((size_t)128)

int64_t reading_now(struct request *request)
{
	return clock_wall(request_service(request)->clock);
}

void reading_init(struct reading *reading, struct request *request)
{
	*reading = (struct reading){
	    .request = request,
	    .conn = request_reader(request),
	    .tag = conn_instance(request_reader(request)),
	    .now = reading_now(request),
	    .until = INT64_MAX,
	};
	writer_init(&reading->writer, reply_body(request));
}

int reading_read(struct reading *reading, struct request *request,
    int (*body)(struct conn *conn, void *context, struct err *err), void *context)
{
	reading_init(reading, request);
	return tx_read(reading->conn, body, context, &reading->err);
}

struct answered reading_failed(
    const struct reading *reading, int r, struct answered (*not_found)(struct request *request))
{
	return r == STORE_NONE && not_found ? not_found(reading->request)
					    : reply_failed(reading->request, &reading->err);
}

/* Views -----------------------------------------------------------------------------------------*/

struct view_load {
	struct arena *arena;
	struct project_view *view;
};

static void copy_record(const struct project_record *record, void *context)
{
	struct view_load *load = context;
	struct project_record *copy = &load->view->record;
	*copy = *record;
	copy->list_error_code = arena_text(load->arena, record->list_error_code);
	copy->list_error_message = arena_text(load->arena, record->list_error_message);
}

int reading_load_view(
    struct reading *reading, const struct config_project *settings, struct project_view *ret_view)
{
	struct request *request = reading->request;
	struct project_view view = {
	    .settings = settings,
	    .record = {.project_id = settings->project_id, .listed_at = TIMESTAMP_NONE},
	};
	struct view_load load = {.arena = request_arena(request), .view = &view};
	if (project_store_get(
		reading->conn, settings->project_id, copy_record, &load, &reading->err) < 0)
		return -1;
	/* One that was configured a moment ago may not have reached the engine yet. */
	if (engine_upstream(request_engine(request), settings->project_id, &view.upstream) != 0)
		view.upstream = (struct upstream_status){
		    .since = request_config(request)->loaded_at,
		    .next_attempt_at = TIMESTAMP_NONE,
		    .budget_per_minute = settings->rate_limit,
		    .budget_available = settings->rate_limit,
		};
	*ret_view = view;
	return 0;
}

int reading_view(struct reading *reading, int64_t project_id, const struct project_view **ret_view)
{
	struct request *request = reading->request;
	const struct config *config = request_config(request);
	const struct config_project *settings = config_find_project_id(config, project_id);
	if (!settings)
		return STORE_NONE;
	if (!reading->views)
		reading->views = arena_alloc(
		    request_arena(request), config->project_count * sizeof(struct project_view *));
	if (!reading->views)
		return err_set(&reading->err, "no memory for the views of %zu projects",
		    config->project_count);
	const struct project_view **slot = &reading->views[settings - config->projects];
	if (!*slot) {
		struct project_view *view = arena_alloc(request_arena(request), sizeof(*view));
		if (!view)
			return err_set(
			    &reading->err, "no memory for the view of project %s", settings->name);
		if (reading_load_view(reading, settings, view) < 0)
			return -1;
		*slot = view;
		/* A reload may give a project another name, which its records then say. */
		reading->tag = fingerprint_add_text(reading->tag, settings->name);
	}
	*ret_view = *slot;
	return 0;
}

/* Records ---------------------------------------------------------------------------------------*/

static void tag(struct reading *reading, int64_t value)
{
	reading->tag = fingerprint_add(reading->tag, (uint64_t)value);
}

static void note_turn(struct reading *reading, const struct freshness *freshness)
{
	if (freshness->turns_at < reading->until)
		reading->until = freshness->turns_at;
}

void reading_project(struct reading *reading, const struct project_view *view)
{
	struct freshness freshness = freshness_of_project(view, reading->now);
	note_turn(reading, &freshness);
	reading->tag = fingerprint_add_text(reading->tag, view->settings->name);
	tag(reading, view->settings->project_id);
	tag(reading, view->settings->region);
	tag(reading, view->record.connectors);
	tag(reading, view->record.jobs_active);
	tag(reading, view->record.attention_critical);
	tag(reading, view->record.attention_warning);
	tag(reading, view->upstream.state);
	tag(reading, view->upstream.since);
	render_project(&reading->writer, view, &freshness);
}

void reading_connector(struct reading *reading, const struct project_view *view,
    const struct connector_record *record, struct span warnings)
{
	struct freshness freshness = freshness_of_connector(record, view, reading->now);
	note_turn(reading, &freshness);
	tag(reading, record->row);
	tag(reading, record->revision);
	tag(reading, record->latest ? record->latest->row : 0);
	tag(reading, record->latest ? record->latest->revision : 0);
	render_connector(&reading->writer, record, view, &freshness, warnings);
}

void reading_job(
    struct reading *reading, const struct project_view *view, const struct job_record *record)
{
	struct freshness freshness = freshness_of_job(record, view, reading->now);
	note_turn(reading, &freshness);
	tag(reading, record->row);
	tag(reading, record->revision);
	render_job(&reading->writer, record, view->settings->name, &freshness);
}

void reading_snapshot(struct reading *reading, const struct project_view *view,
    const struct snapshot_record *snapshot, const struct job_record *record)
{
	tag(reading, snapshot->row);
	render_snapshot(&reading->writer, snapshot, record, view->settings->name);
}

void reading_operation(
    struct reading *reading, const char *project, const struct operation_record *record)
{
	tag(reading, record->row);
	tag(reading, record->revision);
	if (record->state == OPERATION_UNKNOWN)
		tag(reading, record->listings);
	reading->tag = fingerprint_add_text(reading->tag, project);
	render_operation(&reading->writer, record, project);
}

void reading_reason(struct reading *reading, const struct attention_about *about,
    const struct attention_reason *reason, const char *project)
{
	tag(reading, about->subject);
	tag(reading, about->row);
	tag(reading, reason->code);
	tag(reading, reason->severity);
	tag(reading, reason->since);
	tag(reading, reason->cause);
	reading->tag = fingerprint_add_text(reading->tag, reason->detail);
	reading->tag = fingerprint_add_text(reading->tag, reason->job_id);
	reading->tag = fingerprint_add_text(reading->tag, project);
	render_open_reason(&reading->writer, reason, about, project);
}

/* Answers ---------------------------------------------------------------------------------------*/

void reading_begin_list(struct reading *reading)
{
	writer_begin_object(&reading->writer);
	writer_key(&reading->writer, "data");
	writer_begin_array(&reading->writer);
}

struct reading_row reading_begin_row(const struct reading *reading)
{
	return (struct reading_row){
	    .writer = reading->writer,
	    .len = reading->writer.buffer->len,
	    .tag = reading->tag,
	    .until = reading->until,
	};
}

int reading_end_row(struct reading *reading, const struct reading_row *row)
{
	struct buffer *body = reading->writer.buffer;
	bool fits = !buffer_failed(body) && body->len <= PAGE_BYTES_LIMIT - PAGE_END_BYTES;
	if (fits || !reading->has_row) {
		reading->has_row = true;
		return 0;
	}
	reading->writer = row->writer;
	reading->tag = row->tag;
	reading->until = row->until;
	buffer_cut(body, row->len);
	return STORE_PAGE_FULL;
}

void reading_end_list(
    struct reading *reading, const struct slice_end *end, enum cursor_kind kind, uint64_t list)
{
	char text[CURSOR_TEXT_SIZE];
	const struct cursor cursor = {
	    .kind = kind, .list = list, .time = end->last.time, .row = end->last.row};
	if (end->more)
		cursor_format(&cursor, conn_secret(reading->conn), text);
	tag(reading, end->more);
	writer_end_array(&reading->writer);
	writer_member_boolean(&reading->writer, "has_more", end->more);
	writer_member_text(&reading->writer, "next_cursor", end->more ? text : NULL);
	writer_end_object(&reading->writer);
}

struct answered reading_answer(struct reading *reading, bool kept)
{
	char etag[32];
	/* Rows and revisions are in it, which are numbered across all projects. */
	uint64_t sealed = fingerprint_seal(reading->tag, conn_secret(reading->conn));
	snprintf(etag, sizeof(etag), "W/\"%016llx\"", (unsigned long long)sealed);
	reply_etag(reading->request, etag);
	if (kept) {
		int64_t until = reading->now + KEPT_FOR;
		reply_keep_until(reading->request, reading->until < until ? reading->until : until);
	}
	return reply_json(reading->request, 200);
}

/* Pages -----------------------------------------------------------------------------------------*/

uint64_t page_list(struct request *request, enum cursor_kind kind)
{
	return fingerprint_add(conn_instance(request_reader(request)), kind);
}

int page_read(
    struct request *request, enum cursor_kind kind, uint64_t list, struct slice *ret_slice)
{
	uint64_t limit = PAGE_LIMIT_DEFAULT;
	struct slice slice = {.after = false};
	struct cursor cursor = {.kind = kind, .list = list};
	const char *text = request_parameter(request, "cursor");
	if (request_parameter_unsigned(request, "limit", 1, PAGE_LIMIT_MAXIMUM, &limit) < 0)
		return -1;
	if (text && cursor_parse(text, conn_secret(request_reader(request)), &cursor) < 0)
		return -1;
	slice.limit = (unsigned)limit;
	slice.after = text != NULL;
	slice.position = (struct position){.time = cursor.time, .row = cursor.row};
	*ret_slice = slice;
	return 0;
}

struct answered parameters_refused(struct request *request)
{
	if (request_parameters_failed(request))
		return reply_problem(request, PROBLEM_INVALID_PARAMETER,
		    "a query parameter has a value that cannot be used; see errors");
	reply_fault(request, "parameter", "cursor", problem_entry(PROBLEM_INVALID_CURSOR)->code,
	    "not a next_cursor that this list gave out");
	return reply_problem(request, PROBLEM_INVALID_CURSOR,
	    "the cursor is not a next_cursor of this list in this order; start again without it");
}

int page_project(struct request *request, const struct config_project **ret_project)
{
	const char *name = request_parameter(request, "project");
	const struct config_project *project = NULL;
	if (name) {
		project = config_find_project(request_config(request), name);
		if (!project || !request_may_see(request, project))
			return 1;
	}
	*ret_project = project;
	return 0;
}

struct answered project_refused(struct request *request)
{
	return reply_problem(request, PROBLEM_PROJECT_NOT_FOUND,
	    "no project %s; GET /v1/projects lists those there are",
	    request_parameter(request, "project"));
}

int page_id_prefix(struct request *request, const char **ret_prefix)
{
	const char *text = request_parameter(request, "id_prefix");
	size_t len = text ? strlen(text) : ID_PREFIX_MINIMUM;
	bool good = len >= ID_PREFIX_MINIMUM && len <= ID_PREFIX_MAXIMUM;
	for (size_t i = 0; text && i < len; i++)
		good = good && text[i] > ' ' && text[i] < 0x7f;
	if (!good)
		return request_parameter_refused(
		    request, "id_prefix", "The first 4 to 64 characters of an id are needed.");
	*ret_prefix = text;
	return 0;
}

int page_project_ids(struct request *request, const struct config_project *only, struct err *err,
    struct slice *slice)
{
	const struct config *config = request_config(request);
	int64_t *ids =
	    arena_alloc(request_arena(request), (config->project_count + 1) * sizeof(*ids));
	if (!ids)
		return err_set(err, "no memory for a list of projects");
	size_t count = 0;
	for (size_t i = 0; i < config->project_count; i++) {
		const struct config_project *project = &config->projects[i];
		if (only ? project == only : request_may_see(request, project))
			ids[count++] = project->project_id;
	}
	qsort(ids, count, sizeof(*ids), array_compare);
	slice->project_ids = ids;
	slice->project_count = count;
	return 0;
}

int page_since(struct request *request, int64_t *ret_since)
{
	const char *text = request_parameter(request, "since");
	int64_t value;
	char day[32];
	if (!text)
		return 0;
	snprintf(day, sizeof(day), "%.10sT00:00:00Z", text);
	if (text_parse_duration(text, &value) == 0)
		*ret_since = reading_now(request) - value;
	else if (strlen(text) == 10 && timestamp_parse(day, &value) == 0)
		*ret_since = value;
	/* Only RFC 3339 is promised; of what else timestamp_parse reads, epochs would be guesses.
	 */
	else if (strchr(text, 'T') && timestamp_parse(text, &value) == 0)
		*ret_since = value;
	else
		return request_parameter_refused(request, "since",
		    "A time in RFC 3339 is needed, such as 2024-01-31T12:00:00Z, a day, such as "
		    "2024-01-31, or how long ago, such as 2d or 90m.");
	return 0;
}
