/* SPDX-License-Identifier: MIT */
/* Mixpanel's own paths, for callers that talk to Mixpanel today: its envelope, around the bytes it
 * last sent. Problems come out in its shape by themselves (see reply.h). */
#include <stdlib.h>

#include "api/handlers.h"
#include "api/operate.h"
#include "api/reading.h"
#include "http/request.h"
#include "store/connector_store.h"
#include "store/job_store.h"
#include "store/tx.h"
#include "util/timestamp.h"

/* Rows that are looked for at once, and bytes until a part of a list is sent. */
#define LISTING_ROWS 500
#define LISTING_PART ((size_t)1024 * 1024)

struct dropin_read {
	struct reading reading;
	const char *connector_id;
};

static void dropin_begin(struct dropin_read *read, struct request *request)
{
	reading_init(&read->reading, request);
	writer_begin_object(&read->reading.writer);
	writer_member_text(&read->reading.writer, "status", "ok");
	writer_key(&read->reading.writer, "results");
}

static struct answered answer(struct dropin_read *read, unsigned status)
{
	struct request *request = read->reading.request;
	writer_end_object(&read->reading.writer);
	if (status == 200)
		reply_keep_until(request, read->reading.now + MICROSECONDS_PER_SECOND);
	return reply_json(request, status);
}

static struct answered not_found(struct request *request)
{
	return reply_problem(request, PROBLEM_CONNECTOR_NOT_FOUND,
	    "project %lld has no connector %s", (long long)request_project(request)->project_id,
	    request_segment(request, 1));
}

void dropin_write_problem(
    struct writer *writer, const struct problem_entry *entry, const char *detail)
{
	writer_member_text(writer, "status", "error");
	writer_member_text(writer, "error", entry->title);
	writer_member_text(writer, "type", entry->code);
	writer_member_text(writer, "message", detail);
}

/* Reading ---------------------------------------------------------------------------------------*/

static int dropin_add_connector(const struct connector_record *record, void *context)
{
	struct dropin_read *read = context;
	if (record->deleted_at != TIMESTAMP_NONE)
		return STORE_NONE;
	writer_raw(&read->reading.writer, record->connector.raw);
	return 0;
}

static int dropin_read_one(struct conn *conn, void *context, struct err *err)
{
	struct dropin_read *read = context;
	return connector_store_get(conn, request_project(read->reading.request)->project_id,
	    read->connector_id, dropin_add_connector, read, err);
}

struct answered dropin_get(struct request *request)
{
	struct err err = ERR_INIT;
	struct dropin_read read = {.connector_id = request_segment(request, 1)};
	dropin_begin(&read, request);
	int r = tx_read(request_reader(request), dropin_read_one, &read, &err);
	if (r)
		return r > 0 ? not_found(request) : reply_failed(request, &err);
	return answer(&read, 200);
}

/* Lists -----------------------------------------------------------------------------------------*/

/* A list, which Mixpanel gives in pages and we whole, however long it is. Each part of it is read
 * in a transaction of its own, where the one before has ended: a client that takes its time holds
 * nothing back. */
struct listing {
	struct writer writer;
	int64_t project_id;    /* where slice points to */
	int64_t connector_row; /* its history; 0: the connectors of the project */
	struct slice slice;    /* what is to be read yet */
	bool has_row;          /* in this part */
	bool full;             /* this part is */
};

static int add_raw(struct listing *listing, struct span raw)
{
	listing->full = listing->has_row && listing->writer.buffer->len + raw.len > LISTING_PART;
	if (listing->full)
		return STORE_PAGE_FULL;
	writer_raw(&listing->writer, raw);
	listing->has_row = true;
	return 0;
}

static int add_listed_connector(const struct connector_record *record, void *context)
{
	return add_raw(context, record->connector.raw);
}

/* What Mixpanel lists is kept for longer than Mixpanel lists it. */
static int add_listed_job(const struct job_record *record, void *context)
{
	return record->listed ? add_raw(context, record->run.raw) : 0;
}

static int read_connectors(
    struct listing *listing, struct conn *conn, struct err *err, struct slice_end *ret_end)
{
	const struct connector_query query = {.slice = listing->slice};
	return connector_store_list(conn, &query, add_listed_connector, listing, err, ret_end);
}

static int read_history(
    struct listing *listing, struct conn *conn, struct err *err, struct slice_end *ret_end)
{
	const struct job_query query = {
	    .connector_row = listing->connector_row,
	    .since = TIMESTAMP_NONE,
	    .slice = listing->slice,
	};
	return job_store_list(conn, &query, add_listed_job, listing, err, ret_end);
}

static int read_part(struct conn *conn, void *context, struct err *err)
{
	struct listing *listing = context;
	struct slice_end end = {.more = true};
	listing->has_row = false;
	listing->full = false;
	while (end.more && !listing->full) {
		int r = listing->connector_row ? read_history(listing, conn, err, &end)
					       : read_connectors(listing, conn, err, &end);
		if (r)
			return -1;
		listing->slice.after = true;
		listing->slice.position = end.last;
	}
	return end.more;
}

static int next_part(void *state, void *thread, struct buffer *part, struct err *err)
{
	struct listing *listing = state;
	listing->writer.buffer = part;
	int r = tx_read(thread, read_part, listing, err);
	if (r == 0) {
		writer_end_array(&listing->writer);
		writer_end_object(&listing->writer);
		writer_end_object(&listing->writer);
	}
	return r;
}

/* The history of a connector, or the connectors when connector_row is 0. Whole when one part holds
 * it all, and then kept for others. */
static struct answered answer_listing(struct request *request, int64_t connector_row)
{
	struct err err = ERR_INIT;
	int64_t now = reading_now(request);
	struct listing *listing = calloc(1, sizeof(*listing));
	if (!listing)
		return reply_failed(request, &(struct err){.text = "no memory for a list"});
	listing->project_id = request_project(request)->project_id;
	listing->connector_row = connector_row;
	listing->slice = (struct slice){
	    .project_ids = &listing->project_id, .project_count = 1, .limit = LISTING_ROWS};
	writer_init(&listing->writer, reply_body(request));
	writer_begin_object(&listing->writer);
	writer_member_text(&listing->writer, "status", "ok");
	writer_key(&listing->writer, "results");
	writer_begin_object(&listing->writer);
	writer_member_null(&listing->writer, "url");
	writer_member_boolean(&listing->writer, "has_more", false);
	writer_key(&listing->writer, "data");
	writer_begin_array(&listing->writer);
	int r = next_part(listing, request_reader(request), reply_body(request), &err);
	if (r > 0)
		return reply_parts(request, next_part, listing);
	free(listing);
	if (r < 0)
		return reply_failed(request, &err);
	reply_keep_until(request, now + MICROSECONDS_PER_SECOND);
	return reply_json(request, 200);
}

struct answered dropin_list(struct request *request)
{
	return answer_listing(request, 0);
}

static int take_present(const struct connector_record *record, void *context)
{
	*(int64_t *)context = record->row;
	return record->deleted_at == TIMESTAMP_NONE ? 0 : STORE_NONE;
}

struct answered dropin_history(struct request *request)
{
	struct err err = ERR_INIT;
	int64_t connector_row = 0;
	int r = connector_store_get(request_reader(request), request_project(request)->project_id,
	    request_segment(request, 1), take_present, &connector_row, &err);
	if (r)
		return r > 0 ? not_found(request) : reply_failed(request, &err);
	return answer_listing(request, connector_row);
}

/* Changing --------------------------------------------------------------------------------------*/

static struct answered dropin_answer_open(struct request *request)
{
	const char *id = request_command(request)->result_operation_id;
	return reply_problem(request, PROBLEM_OUTCOME_UNKNOWN,
	    "whether Mixpanel carried this out is not known yet; do not repeat it: look at "
	    "GET /v1/operations/%s",
	    id);
}

static struct answered dropin_answer_created(struct request *request)
{
	struct err err = ERR_INIT;
	struct dropin_read read = {.connector_id = operate_connector_id(request)};
	if (!read.connector_id)
		return dropin_answer_open(request);
	dropin_begin(&read, request);
	int r = tx_read(request_reader(request), dropin_read_one, &read, &err);
	if (r)
		return r > 0 ? dropin_answer_open(request) : reply_failed(request, &err);
	engine_delivered(request_engine(request), request_command(request)->result_operation_id);
	return answer(&read, 201);
}

/* As long as Mixpanel's own edge would let a caller wait, and a little longer. */
static uint64_t wait_of(const struct request *request)
{
	return (uint64_t)(request_project(request)->write_timeout / MICROSECONDS_PER_SECOND) + 1;
}

static struct answered answer_deleted(struct request *request)
{
	const char *text = request_printf(
	    request, "Successfully deleted Connector with ID:%s", request_segment(request, 1));
	struct writer writer;
	writer_init(&writer, reply_body(request));
	writer_begin_object(&writer);
	writer_member_text(&writer, "status", "ok");
	writer_member_text(&writer, "results", text);
	writer_end_object(&writer);
	return reply_json(request, 200);
}

struct answered dropin_create(struct request *request)
{
	return operate_create(request, &(struct operate_options){
					   .lenient = true,
					   .allow_duplicate = true,
					   .dropin = true,
					   .wait = wait_of(request),
					   .done = dropin_answer_created,
					   .open = dropin_answer_open,
				       });
}

struct answered dropin_delete(struct request *request)
{
	return operate_delete(request,
	    &(struct operate_options){
		.wait = wait_of(request), .done = answer_deleted, .open = dropin_answer_open});
}
