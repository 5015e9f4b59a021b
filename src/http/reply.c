/* SPDX-License-Identifier: MIT */
/* Composes headers and body, and hands them to libmicrohttpd without copying the body. */
#include "http/reply.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "http/connection.h"
#include "http/field.h"
#include "http/quota.h"
#include "util/log.h"

/* Bytes that libmicrohttpd asks for at once where it does not send in chunks (HTTP/1.0). */
#define PARTS_BLOCK ((size_t)64 * 1024)
#define FAULTS_LIMIT 100
#define DETAIL_SIZE 1024

static struct reply *reply_of(const struct request *request)
{
	return &connection_of(request)->reply;
}

struct buffer *reply_body(struct request *request)
{
	return &reply_of(request)->body;
}

void reply_header(struct request *request, const char *name, const char *value)
{
	struct connection *connection = connection_of(request);
	struct reply *reply = reply_of(request);
	assert(reply->header_count < REPLY_HEADERS_LIMIT);
	char *name_copy = connection_text(connection, span_of(name));
	char *value_copy = connection_text(connection, span_of(value));
	if (!name_copy || !value_copy) {
		reply->body.failed = true;
		return;
	}
	reply->headers[reply->header_count].name = name_copy;
	reply->headers[reply->header_count++].value = value_copy;
}

void reply_etag(struct request *request, const char *etag)
{
	reply_of(request)->etag = connection_text(connection_of(request), span_of(etag));
}

void reply_fault(struct request *request, const char *kind, const char *where, const char *code,
    const char *detail)
{
	struct reply *reply = reply_of(request);
	struct writer writer;
	if (strcmp(kind, "parameter") == 0)
		reply->parameter_fault = true;
	if (reply->fault_count++ >= FAULTS_LIMIT)
		return;
	if (reply->faults.len > 0)
		buffer_append_text(&reply->faults, ",");
	writer_init(&writer, &reply->faults);
	writer_begin_object(&writer);
	writer_member_text(&writer, kind, where);
	writer_member_text(&writer, "code", code);
	writer_member_text(&writer, "detail", detail);
	writer_end_object(&writer);
}

unsigned reply_faults(const struct request *request)
{
	return reply_of(request)->fault_count;
}

void reply_problem_members(struct request *request, struct writer *ret_writer)
{
	writer_init_members(ret_writer, &reply_of(request)->members);
}

void reply_keep_until(struct request *request, int64_t until)
{
	assert(request->route->flags & ROUTE_KEPT);
	reply_of(request)->keep_until = until;
}

/* Queueing ------------------------------------------------------------------------------------ */

static struct answered fail(struct request *request, struct MHD_Response *response)
{
	if (response)
		MHD_destroy_response(response);
	connection_of(request)->phase = PHASE_FAILED;
	return (struct answered){.request = request};
}

static enum MHD_Result add_headers(
    struct request *request, struct MHD_Response *response, const char *content_type)
{
	const struct connection *connection = connection_of(request);
	const struct reply *reply = reply_of(request);
	bool close =
	    reply->close || connection->body_unread || atomic_load(&connection->wait.waits->ending);
	enum MHD_Result ok = MHD_add_response_header(response, "X-Request-Id", request->id);
	ok &= MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	ok &= MHD_add_response_header(
	    response, "Cache-Control", reply->etag ? "no-cache" : "no-store");
	if (reply->etag)
		ok &= MHD_add_response_header(response, "ETag", reply->etag);
	if (content_type)
		ok &= MHD_add_response_header(response, "Content-Type", content_type);
	if (close)
		ok &= MHD_add_response_header(response, "Connection", "close");
	else if (connection_stays(connection_of(request)))
		ok &= MHD_add_response_header(response, "Keep-Alive", IDLE_LIMIT_TEXT);
	for (size_t i = 0; i < reply->header_count; i++)
		ok &= MHD_add_response_header(
		    response, reply->headers[i].name, reply->headers[i].value);
	return ok;
}

static void tell_answered(struct request *request, unsigned status)
{
	const struct application *application = connection_of(request)->worker->application;
	if (request->route && (request->route->flags & ROUTE_CHANGES) &&
	    request->caller.scope > SCOPE_NONE && application->answered)
		application->answered(request, status, reply_of(request)->problem);
}

/* Takes the response. */
static struct answered queue(struct request *request, unsigned status,
    struct MHD_Response *response, const char *content_type)
{
	struct connection *connection = connection_of(request);
	int64_t now = connection_now(connection);
	assert(connection->phase != PHASE_ANSWERED && connection->phase != PHASE_SUSPENDED);
	if (!response || add_headers(request, response, content_type) != MHD_YES ||
	    !connection_set_deadline(connection, STAGE_SERVING, now + ANSWER_LIMIT) ||
	    MHD_queue_response(request->mhd, status, response) != MHD_YES)
		return fail(request, response);
	MHD_destroy_response(response);
	connection->phase = PHASE_ANSWERED;
	counters_answer(
	    &connection->worker->counters, status, request->busy + now - request->running_since);
	tell_answered(request, status);
	return (struct answered){.request = request};
}

static struct MHD_Response *empty_response(void)
{
	static char nothing[1];
	return MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
}

/* What is asked for is composed anew when it is asked for again. */
static struct answered refuse_unsent(struct request *request)
{
	struct reply *reply = reply_of(request);
	buffer_clear(&reply->body);
	buffer_clear(&reply->faults);
	buffer_clear(&reply->members);
	reply->header_count = 0;
	reply_header(request, "Retry-After", "1");
	return reply_problem(request, PROBLEM_TOO_MANY_REQUESTS,
	    "%s has not taken yet what it asked for before: read those answers to their end, or "
	    "ask for less at once.",
	    request->caller.name);
}

/* Whether the answer must be given, whatever there is that was not taken: it is the only one, or
 * says what cannot be asked again. */
static bool must_be_sent(const struct request *request, unsigned status)
{
	return status >= 400 || !request->route || (request->route->flags & ROUTE_CHANGES);
}

/* Answers with a body, of which it takes a use. It goes to libmicrohttpd as it is, without a copy,
 * and stays in memory until the client has taken it. */
static struct answered queue_body(struct request *request, unsigned status,
    const struct unsent_body *body, char *data, const char *content_type)
{
	struct unsent_body counted = *body;
	struct connection *connection = connection_of(request);
	struct unsent_load *load = NULL;
	counted.holder = atomic_load(&connection->holder);
	counted.always = must_be_sent(request, status);
	int r = body->len < UNSENT_SMALL
		    ? 0
		    : unsent_take(&connection->worker->quota->unsent, &counted, &load);
	struct MHD_Response *response =
	    r ? NULL
	      : MHD_create_response_from_buffer_with_free_callback_cls(body->len, data,
		    load ? unsent_give_back : body->release, load ? (void *)load : body->body);
	if (!response && load)
		unsent_give_back(load);
	else if (!response)
		body->release(body->body);
	return r > 0 ? refuse_unsent(request) : queue(request, status, response, content_type);
}

static struct answered queue_composed(
    struct request *request, unsigned status, const char *content_type)
{
	size_t len;
	char *data = buffer_steal(&reply_of(request)->body, &len);
	if (!data)
		return queue(request, status, empty_response(), content_type);
	const struct unsent_body body = {.body = data, .len = len, .release = free};
	return queue_body(request, status, &body, data, content_type);
}

static struct answered queue_kept(
    struct request *request, unsigned status, struct kept *kept, const char *content_type)
{
	const struct unsent_body body = {
	    .body = kept_ref(kept), .len = kept->len, .release = kept_unref};
	return queue_body(request, status, &body, kept->data, content_type);
}

static bool etag_is_known(const struct request *request)
{
	const struct headers *headers = &request->headers;
	for (size_t i = 0; i < headers->etag_count; i++)
		if (field_lists_etag(headers->etags[i], reply_of(request)->etag))
			return true;
	return false;
}

static bool is_not_modified(const struct request *request, unsigned status)
{
	return status == 200 && reply_of(request)->etag && request->route &&
	       strcmp(request->route->method, "GET") == 0 && etag_is_known(request);
}

const void *reply_viewer(const struct request *request)
{
	return caller_is_limited(&request->caller) ? request->caller.token : NULL;
}

/* What is kept belongs to the configuration that the worker took last. */
static bool may_be_kept(const struct connection *connection)
{
	return connection->edition->number == connection->worker->cache_edition;
}

struct kept *reply_find_kept(struct request *request, struct span name)
{
	const struct connection *connection = connection_of(request);
	struct worker *worker = connection->worker;
	if (!may_be_kept(connection))
		return NULL;
	request->generation = worker->application->generation();
	return cache_find(&worker->cache, request->generation, name, reply_viewer(request),
	    clock_wall(worker->application->clock));
}

void reply_keep_as(struct request *request, struct span name, int64_t until, struct kept *kept)
{
	const struct connection *connection = connection_of(request);
	struct worker *worker = connection->worker;
	/* Rendered from an older state of the store, it is good for this answer only. */
	if (may_be_kept(connection) && worker->cache.generation == request->generation)
		cache_keep(
		    &worker->cache, request->generation, name, reply_viewer(request), until, kept);
}

struct answered reply_kept(struct request *request, struct kept *kept)
{
	reply_of(request)->etag = kept->etag[0] ? kept->etag : NULL;
	unsigned status = is_not_modified(request, 200) ? 304 : 200;
	return queue_kept(request, status, kept, "application/json");
}

/* Puts a 200 into the worker's cache when the handler said that it may be kept. NULL when not. The
 * body is the returned object's then. */
static struct kept *reply_keep(struct request *request)
{
	struct reply *reply = reply_of(request);
	if (reply->keep_until == 0 || reply->header_count > 0 || reply->body.len == 0 ||
	    !may_be_kept(connection_of(request)) || reply->body.len > CACHE_BODY_LIMIT)
		return NULL;
	struct kept *kept = kept_new(reply->body.data, reply->body.len, reply->etag);
	if (!kept)
		return NULL;
	size_t len;
	char *data = buffer_steal(&reply->body, &len);
	assert(data == kept->data);
	reply_keep_as(request, request->target, reply->keep_until, kept);
	return kept;
}

static struct answered refuse_body(struct request *request)
{
	struct err err = ERR_INIT;
	err_set(&err, "the answer is over %zu bytes long, or there is no memory", BODY_LIMIT);
	return reply_failed(request, &err);
}

struct answered reply_json(struct request *request, unsigned status)
{
	struct reply *reply = reply_of(request);
	struct kept *kept = NULL;
	if (buffer_failed(&reply->body))
		return refuse_body(request);
	if (status == 200)
		kept = reply_keep(request);
	/* With 304 the library leaves the body out, and keeps Content-Length as of the 200. */
	status = is_not_modified(request, status) ? 304 : status;
	if (!kept)
		return queue_composed(request, status, "application/json");
	struct answered answered = queue_kept(request, status, kept, "application/json");
	kept_unref(kept);
	return answered;
}

/* A body that is written while it is sent. */
struct parts {
	struct connection *connection; /* outlives the sending, not this */
	reply_part_fn *next;
	void *state;
	struct buffer part;
	struct unsent_load *load; /* the part */
	size_t sent;              /* of the part */
	bool last;
};

static void parts_free(void *context)
{
	struct parts *parts = context;
	buffer_done(&parts->part);
	free(parts->state);
	free(parts);
}

/* Returns 0, or -1 when the body cannot go on. */
static int parts_renew(struct parts *parts)
{
	struct connection *connection = parts->connection;
	struct request *request = &connection->request;
	struct err err = ERR_INIT;
	int64_t now = connection_now(connection);
	if (!connection_set_deadline(connection, STAGE_SERVING, now + ANSWER_LIMIT) ||
	    !connection_stays_admitted(connection))
		return -1;
	buffer_clear(&parts->part);
	parts->sent = 0;
	int r = parts->next(parts->state, connection->worker->thread, &parts->part, &err);
	if (r >= 0 && buffer_failed(&parts->part))
		r = err_set(&err, "a part is over %zu bytes long, or there is no memory",
		    parts->part.limit);
	if (r < 0)
		log_error("request %s: the answer breaks off: %s", request->id, err.text);
	parts->last = r == 0;
	unsent_change(parts->load, parts->part.len);
	return r < 0 ? -1 : 0;
}

/* Called by libmicrohttpd when the connection takes more. */
static ssize_t parts_read(void *context, uint64_t position, char *data, size_t size)
{
	struct parts *parts = context;
	(void)position;
	while (parts->sent == parts->part.len) {
		if (parts->last)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (parts_renew(parts) < 0)
			return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	size_t rest = parts->part.len - parts->sent;
	size_t len = rest < size ? rest : size;
	memcpy(data, parts->part.data + parts->sent, len);
	parts->sent += len;
	return (ssize_t)len;
}

static void parts_over(void *context)
{
	const struct parts *parts = context;
	unsent_give_back(parts->load);
}

static struct MHD_Response *parts_response(struct request *request, struct parts *parts)
{
	struct MHD_Response *response = MHD_create_response_from_callback(
	    MHD_SIZE_UNKNOWN, PARTS_BLOCK, parts_read, parts, parts_over);
	if (!response)
		parts_over(parts);
	/* libmicrohttpd 0.9.75 ends the body that HEAD does not have, where the next answer
	 * should begin. */
	if (response && request->head)
		MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	reply_of(request)->close = request->head;
	return response;
}

struct answered reply_parts(struct request *request, reply_part_fn *next, void *state)
{
	struct connection *connection = connection_of(request);
	struct parts *parts = calloc(1, sizeof(*parts));
	if (buffer_failed(&reply_of(request)->body) || !parts) {
		free(parts);
		free(state);
		return refuse_body(request);
	}
	*parts = (struct parts){
	    .connection = connection,
	    .next = next,
	    .state = state,
	    .part = reply_of(request)->body,
	};
	buffer_init(&reply_of(request)->body, BODY_LIMIT);
	const struct unsent_body body = {
	    .holder = atomic_load(&connection->holder),
	    .body = parts,
	    .len = parts->part.len,
	    .release = parts_free,
	};
	int r = unsent_take(&connection->worker->quota->unsent, &body, &parts->load);
	if (r) {
		parts_free(parts);
		return r > 0 ? refuse_unsent(request) : fail(request, NULL);
	}
	return queue(request, 200, parts_response(request, parts), "application/json");
}

struct answered reply_response(
    struct request *request, struct MHD_Response *response, const char *content_type)
{
	return queue(request, 200, response, content_type);
}

struct answered reply_text(struct request *request, unsigned status, const char *content_type)
{
	if (buffer_failed(&reply_of(request)->body))
		return refuse_body(request);
	return queue_composed(request, status, content_type);
}

bool reply_text_again(
    struct request *request, const char *content_type, struct answered *ret_answered)
{
	const struct connection *connection = connection_of(request);
	const struct again *again = &connection->worker->again;
	if (!again->kept || again->route != request->route ||
	    again->viewer != reply_viewer(request) || !may_be_kept(connection) ||
	    connection_now(connection) >= again->until)
		return false;
	*ret_answered = queue_kept(request, 200, again->kept, content_type);
	return true;
}

struct answered reply_text_for(
    struct request *request, const char *content_type, int64_t microseconds)
{
	struct connection *connection = connection_of(request);
	struct buffer *body = &reply_of(request)->body;
	struct kept *kept = NULL;
	if (!buffer_failed(body) && body->len > 0 && may_be_kept(connection))
		kept = kept_new(body->data, body->len, NULL);
	if (!kept)
		return reply_text(request, 200, content_type);
	size_t len;
	buffer_steal(body, &len);
	worker_keep_text(connection->worker, &(struct again){
						 .kept = kept,
						 .route = request->route,
						 .viewer = reply_viewer(request),
						 .until = connection_now(connection) + microseconds,
					     });
	return queue_kept(request, 200, kept, content_type);
}

struct answered reply_no_content(struct request *request)
{
	return queue(request, 204, empty_response(), NULL);
}

/* Problems ------------------------------------------------------------------------------------ */

static bool is_foreign(const struct request *request)
{
	const char *prefix = connection_of(request)->worker->application->foreign_prefix;
	if (request->route)
		return (request->route->flags & ROUTE_FOREIGN) != 0;
	return prefix && request->path.len >= strlen(prefix) &&
	       memcmp(request->path.ptr, prefix, strlen(prefix)) == 0;
}

static void write_problem(
    struct request *request, const struct problem_entry *entry, unsigned status, const char *detail)
{
	struct reply *reply = reply_of(request);
	struct writer writer;
	buffer_clear(&reply->body);
	writer_init(&writer, &reply->body);
	writer_begin_object(&writer);
	if (is_foreign(request)) {
		connection_of(request)->worker->application->write_foreign_problem(
		    &writer, entry, detail);
	} else {
		char type[128];
		snprintf(type, sizeof(type), "https://mixport.invalid/problems/%s", entry->code);
		writer_member_text(&writer, "type", type);
		writer_member_text(&writer, "title", entry->title);
		writer_member_integer(&writer, "status", status);
		writer_member_text(&writer, "code", entry->code);
		writer_member_text(&writer, "detail", detail);
		writer_member_text(&writer, "request_id", request->id);
	}
	if (!buffer_failed(&reply->members))
		buffer_append(&reply->body, reply->members.data, reply->members.len);
	if (reply->faults.len > 0 && !buffer_failed(&reply->faults)) {
		writer_key(&writer, "errors");
		writer_begin_array(&writer);
		buffer_append(&reply->body, reply->faults.data, reply->faults.len);
		writer_end_array(&writer);
	}
	writer_end_object(&writer);
}

static bool has_header(const struct reply *reply, const char *name)
{
	for (size_t i = 0; i < reply->header_count; i++)
		if (field_same(span_of(reply->headers[i].name), name))
			return true;
	return false;
}

static struct answered answer_problem(
    struct request *request, enum problem problem, unsigned status, const char *detail)
{
	struct reply *reply = reply_of(request);
	const struct problem_entry *entry = problem_entry(problem);
	reply->etag = NULL;
	reply->keep_until = 0;
	reply->problem = entry->code;
	/* Who asks for too much does not keep its connection, too. */
	reply->close |= status == 429;
	if (status == 503 && reply->header_count < REPLY_HEADERS_LIMIT &&
	    !has_header(reply, "Retry-After"))
		reply_header(request, "Retry-After", "1");
	write_problem(request, entry, status, detail);
	counter_add(&connection_of(request)->worker->counters.problems[problem], 1);
	return queue_composed(
	    request, status, is_foreign(request) ? "application/json" : "application/problem+json");
}

struct answered reply_problem(
    struct request *request, enum problem problem, const char *format, ...)
{
	char detail[DETAIL_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	return answer_problem(request, problem, problem_entry(problem)->status, detail);
}

struct answered reply_problem_status(
    struct request *request, enum problem problem, unsigned status, const char *format, ...)
{
	char detail[DETAIL_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	return answer_problem(request, problem, status, detail);
}

struct answered reply_unauthorized(struct request *request, const char *detail)
{
	reply_header(request, "WWW-Authenticate", "Bearer realm=\"mixport\"");
	reply_header(request, "WWW-Authenticate", "Basic realm=\"mixport\", charset=\"UTF-8\"");
	return reply_problem(request, PROBLEM_UNAUTHORIZED, "%s", detail);
}

struct answered reply_failed(struct request *request, const struct err *err)
{
	log_error("request %s (%s %.*s) failed: %s", request->id, request->method,
	    (int)request->path.len, request->path.ptr, err->text);
	return reply_problem(request, PROBLEM_INTERNAL_ERROR,
	    "The daemon could not answer; its log says why, under this request's id.");
}
