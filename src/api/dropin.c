/* Mixpanel's own paths, for callers that talk to Mixpanel today: its envelope, around the bytes it
 * last sent. Problems come out in its shape by themselves (see reply.h). */
#include "api/handlers.h"
#include "api/intent.h"
#include "api/reading.h"
#include "api/request.h"
#include "store/connector_store.h"
#include "store/job_store.h"
#include "store/tx.h"
#include "util/timestamp.h"

#define HISTORY_PAGE 500

struct dropin_read {
	struct reading reading;
	const char *connector_id;
	int64_t connector_row;
};

static void begin(struct dropin_read *read, struct request *request)
{
	reading_init(&read->reading, request);
	writer_begin_object(&read->reading.writer);
	writer_member_text(&read->reading.writer, "status", "ok");
	writer_key(&read->reading.writer, "results");
}

static void begin_data(struct writer *writer)
{
	writer_begin_object(writer);
	writer_member_null(writer, "url");
	writer_member_boolean(writer, "has_more", false);
	writer_key(writer, "data");
	writer_begin_array(writer);
}

static void end_data(struct writer *writer)
{
	writer_end_array(writer);
	writer_end_object(writer);
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
	    "project %lld has no connector %s", (long long)request->project->project_id,
	    request->segments[1]);
}

/* Reading ---------------------------------------------------------------------------------------*/

static int add_connector(
    const struct connector_record *record, const struct job_record *latest, void *context)
{
	(void)latest;
	struct dropin_read *read = context;
	if (record->deleted_at != TIMESTAMP_NONE)
		return 1;
	read->connector_row = record->row;
	writer_raw(&read->reading.writer, record->connector.raw);
	return 0;
}

static int read_list(struct conn *conn, void *context, struct err *err)
{
	struct dropin_read *read = context;
	begin_data(&read->reading.writer);
	int r = connector_store_each_present(
	    conn, read->reading.request->project->project_id, add_connector, read, err);
	end_data(&read->reading.writer);
	return r;
}

struct answered dropin_list(struct request *request)
{
	struct err err = ERR_INIT;
	struct dropin_read read = {.connector_id = NULL};
	begin(&read, request);
	if (tx_read(request_reader(request), read_list, &read, &err) != 0)
		return reply_failed(request, &err);
	return answer(&read, 200);
}

static int read_one(struct conn *conn, void *context, struct err *err)
{
	struct dropin_read *read = context;
	return connector_store_get(conn, read->reading.request->project->project_id,
	    read->connector_id, add_connector, read, err);
}

struct answered dropin_get(struct request *request)
{
	struct err err = ERR_INIT;
	struct dropin_read read = {.connector_id = request->segments[1]};
	begin(&read, request);
	int r = tx_read(request_reader(request), read_one, &read, &err);
	if (r)
		return r > 0 ? not_found(request) : reply_failed(request, &err);
	return answer(&read, 200);
}

static int find_present(
    const struct connector_record *record, const struct job_record *latest, void *context)
{
	(void)latest;
	struct dropin_read *read = context;
	read->connector_row = record->row;
	return record->deleted_at == TIMESTAMP_NONE ? 0 : 1;
}

static int add_listed(const struct job_record *record, void *context)
{
	struct dropin_read *read = context;
	if (record->listed)
		writer_raw(&read->reading.writer, record->run.raw);
	return 0;
}

/* What Mixpanel lists is kept for longer than Mixpanel lists it, hence the look at `listed`. */
static int read_listed(struct dropin_read *read, struct conn *conn, struct err *err)
{
	struct job_query query = {
	    .connector_row = read->connector_row,
	    .since = TIMESTAMP_NONE,
	    .limit = HISTORY_PAGE,
	};
	bool more = true;
	while (more) {
		int r = job_store_list(conn, &query, add_listed, read, err, &more,
		    &query.after_time, &query.after_row);
		if (r)
			return -1;
		query.after = true;
	}
	return 0;
}

static int read_history(struct conn *conn, void *context, struct err *err)
{
	struct dropin_read *read = context;
	int r = connector_store_get(conn, read->reading.request->project->project_id,
	    read->connector_id, find_present, read, err);
	if (r)
		return r;
	begin_data(&read->reading.writer);
	r = read_listed(read, conn, err);
	end_data(&read->reading.writer);
	return r;
}

struct answered dropin_history(struct request *request)
{
	struct err err = ERR_INIT;
	struct dropin_read read = {.connector_id = request->segments[1]};
	begin(&read, request);
	int r = tx_read(request_reader(request), read_history, &read, &err);
	if (r)
		return r > 0 ? not_found(request) : reply_failed(request, &err);
	return answer(&read, 200);
}

/* Changing --------------------------------------------------------------------------------------*/

static struct answered answer_open(struct request *request)
{
	const char *id = request->command.result_operation_id;
	return reply_problem(request, PROBLEM_OUTCOME_UNKNOWN,
	    "whether Mixpanel carried this out is not known yet; do not repeat it: look at "
	    "GET /v1/operations/%s",
	    id);
}

static struct answered answer_created(struct request *request)
{
	struct err err = ERR_INIT;
	struct dropin_read read = {.connector_id = intent_connector_id(request)};
	if (!read.connector_id)
		return answer_open(request);
	begin(&read, request);
	int r = tx_read(request_reader(request), read_one, &read, &err);
	if (r)
		return r > 0 ? answer_open(request) : reply_failed(request, &err);
	engine_told(request_engine(request), request->command.result_operation_id);
	return answer(&read, 201);
}

/* As long as Mixpanel's own edge would let a caller wait, and a little longer. */
static uint64_t wait_of(const struct request *request)
{
	return (uint64_t)(request->project->write_timeout / MICROSECONDS_PER_SECOND) + 1;
}

static struct answered answer_deleted(struct request *request)
{
	const char *text = request_printf(
	    request, "Successfully deleted Connector with ID:%s", request->segments[1]);
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
	return intent_create(request, &(struct intent){
					  .lenient = true,
					  .allow_duplicate = true,
					  .dropin = true,
					  .wait = wait_of(request),
					  .done = answer_created,
					  .open = answer_open,
				      });
}

struct answered dropin_delete(struct request *request)
{
	return intent_delete(
	    request, &(struct intent){
			 .wait = wait_of(request), .done = answer_deleted, .open = answer_open});
}
