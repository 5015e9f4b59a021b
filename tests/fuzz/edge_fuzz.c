/* SPDX-License-Identifier: MIT */
/* Any bytes on a connection to the edge: its listeners as the daemon has them, but turned by this
 * thread, the routes of the API, and handlers that write down what reached them. However the bytes
 * are cut, no request reaches a handler that is not, as a stricter reader has it, a whole request
 * behind whole ones, with that target and body; and what comes back is one well-formed answer for
 * each request, and nothing behind the last.
 *
 * The first byte says how the rest arrives: its lowest two bits on which listener (3: on that of
 * TCP after many were not let in), the next two in what pieces. */
#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "api/routes.h"
#include "http/connection.h"
#include "http/reply.h"
#include "http/suspend.h"
#include "judge.h"
#include "serve.h"
#include "util/jsontext.h"
#include "util/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ANSWERS_LIMIT ((size_t)64 * 1024 * 1024)

static struct config *config;
static struct application application;

/* What reached handlers ------------------------------------------------------------------------ */

#define SEEN_LIMIT 4096

static struct {
	struct {
		char method[16];
		struct span target;
		struct span body;
	} list[SEEN_LIMIT];
	size_t count;
} seen;

static uint64_t inputs;

static struct span copy_of(struct span text)
{
	char *copy = malloc(text.len + 1);
	assert(copy);
	if (text.len > 0)
		memcpy(copy, text.ptr, text.len);
	return (struct span){.ptr = copy, .len = text.len};
}

static void note(struct request *request)
{
	assert(seen.count < SEEN_LIMIT);
	snprintf(seen.list[seen.count].method, sizeof(seen.list->method), "%s", request->method);
	seen.list[seen.count].target = copy_of(request->target);
	seen.list[seen.count++].body = copy_of(request_body(request));
}

static void forget(void)
{
	for (size_t i = 0; i < seen.count; i++) {
		free((void *)(uintptr_t)seen.list[i].target.ptr);
		free((void *)(uintptr_t)seen.list[i].body.ptr);
	}
	seen.count = 0;
}

/* Handlers ------------------------------------------------------------------------------------- */

/* Says everything that the request says, so that what is not escaped shows. */
static void write_request(struct request *request)
{
	struct writer writer;
	const char *const *names = request->route->parameters;
	const struct config_project *project = request_project(request);
	assert(request_config(request) == config && !request_thread(request));
	writer_init(&writer, reply_body(request));
	writer_begin_object(&writer);
	writer_member_text(&writer, "caller", request_caller(request)->name);
	writer_member_text(&writer, "project", project ? project->name : NULL);
	writer_member_boolean(&writer, "sees", request_visible_project(request, 456) != NULL);
	writer_member_text(&writer, "key", request_idempotency_key(request));
	writer_member_text(&writer, "id", request_id(request));
	writer_member_text(&writer, "copy",
	    request_printf(request, "%s%s",
		request_segment(request, 0) ? request_segment(request, 0) : "",
		request_state(request) ? " waited" : ""));
	for (size_t i = 0; i < ROUTE_SEGMENTS_LIMIT; i++) {
		writer_key(&writer, "segment");
		writer_text(&writer, request_segment(request, i));
	}
	for (size_t i = 0; i < ROUTE_PARAMETERS_LIMIT && names[i]; i++)
		writer_member_text(&writer, names[i], request_parameter(request, names[i]));
	writer_end_object(&writer);
}

static struct answered done(struct request *request)
{
	assert(!request_call(request) || request_call(request) == &seen);
	write_request(request);
	return reply_json(request, 202);
}

static struct answered waited(struct request *request)
{
	request_set_state(request, arena_alloc(request_arena(request), 16));
	if (!request_wait_over(request))
		return reply_wait(request, waited);
	return done(request);
}

static void call_at_once(struct request *request, void *call)
{
	(void)call;
	request_call_done(request);
}

static int next_part(void *state, void *thread, struct buffer *part, struct err *err)
{
	unsigned *left = state;
	(void)thread;
	for (int i = 0; i < 1000; i++)
		buffer_printf(part, "%s%d", i || *left < 4 ? "," : "", i);
	if (*left == 1)
		buffer_append_text(part, "]");
	return --*left == UINT16_MAX ? err_set(err, "as it was to be") : *left > 0;
}

static struct answered in_parts(struct request *request)
{
	unsigned *left = calloc(1, sizeof(*left));
	assert(left);
	*left = 4;
	buffer_append_text(reply_body(request), "[");
	return reply_parts(request, next_part, left);
}

static struct answered read_parameters(struct request *request)
{
	static const char *const states[] = {"present", "deleted", "all", NULL};
	uint64_t number = 0;
	int state = 0;
	request_parameter_unsigned(request, "limit", 1, 1000, &number);
	request_parameter_choice(request, "state", states, &state);
	if (request_parameter(request, "cursor"))
		request_parameter_refused(request, "cursor", "There is none.");
	if (request_parameters_failed(request))
		return reply_problem(request, PROBLEM_INVALID_PARAMETER, "%u parameters are bad.",
		    reply_faults(request));
	if (request->route->flags & ROUTE_KEPT) {
		reply_etag(request,
		    request_printf(request, "W/\"%s\"",
			request_segment(request, 0) ? request_segment(request, 0) : "all"));
		reply_keep_until(request, INT64_MAX);
	}
	write_request(request);
	return reply_json(request, 200);
}

static struct answered read_body(struct request *request)
{
	struct err err = ERR_INIT;
	bool flag = false;
	_cleanup_json_ json_t *value = NULL;
	if (request_body(request).len > 0 && request_json(request, &err, &value) < 0)
		return reply_problem(request, PROBLEM_INVALID_JSON, "%s", err.text);
	if (request_parameter_boolean(request, "validate_only", &flag) < 0)
		return reply_problem(request, PROBLEM_INVALID_PARAMETER, "It is no truth.");
	if (request_parameter(request, "wait")) {
		request_wait_for(request, 1);
		request_watch(request, 0, "x");
		return waited(request);
	}
	struct writer writer;
	reply_problem_members(request, &writer);
	writer_member_integer(&writer, "length", (int64_t)request_body(request).len);
	if (request->route->flags & ROUTE_FOREIGN)
		return reply_problem_status(request, PROBLEM_UPSTREAM_REJECTED, 418, "No: %s.",
		    value ? "it is JSON" : "there is none");
	return reply_after_call(request, &seen, call_at_once, done);
}

static struct answered handle_any(struct request *request)
{
	const char *path = request->route->path;
	note(request);
	if (strcmp(request->route->method, "DELETE") == 0)
		return reply_no_content(request);
	if (strcmp(request->route->method, "POST") == 0)
		return read_body(request);
	if (strcmp(path, "/v1/jobs/{}/snapshots") == 0)
		return in_parts(request);
	if (strcmp(path, "/metrics") == 0) {
		buffer_append_text(reply_body(request), "a 1\n");
		return reply_text(request, 200, "text/plain");
	}
	return read_parameters(request);
}

/* The server ----------------------------------------------------------------------------------- */

static int open_nothing(void *context, struct err *err, void **ret_thread)
{
	(void)err, (void)context;
	*ret_thread = NULL;
	return 0;
}

static void close_nothing(void *thread)
{
	(void)thread;
}

static uint64_t count_inputs(void)
{
	return inputs;
}

/* As the audit does. */
static void take_asked(struct request *request)
{
	struct origin origin;
	request_origin(request, &origin);
	assert(origin.uid >= 0 || !origin.unit);
	assert(request_route(request)->flags & ROUTE_CHANGES);
	request_set_note(request, request);
}

static void take_answered(struct request *request, unsigned status, const char *code)
{
	assert(request_route(request) && (status == 0 || status >= 200) && status < 600);
	assert(!code || *code);
	assert(status > 0 || request_note(request));
	assert(!request_note(request) || request_note(request) == request);
}

/* The tokens mxp_reader, mxp_manager and mxp_confined. */
static void load_tokens(struct tokens *tokens)
{
	static const char *const lines[] = {
	    "reader:read:*", "manager:manage:*", "confined:read:other", "admin:admin:demo,456"};
	char path[] = "/tmp/edge_fuzz.XXXXXX";
	_cleanup_faults_ struct faults faults;
	faults_init(&faults);
	int fd = mkstemp(path);
	assert(fd >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char token[32], hex[DIGEST_HEX_SIZE];
		snprintf(token, sizeof(token), "mxp_%.*s", (int)strcspn(lines[i], ":"), lines[i]);
		digest_sha256_hex(token, strlen(token), hex);
		dprintf(fd, "%s:%s\n", lines[i], hex);
	}
	close(fd);
	tokens_load(tokens, path, &faults);
	unlink(path);
	assert(tokens->count == ARRAY_SIZE(lines));
}

static const struct route *noting_routes(void)
{
	struct route *routes = calloc(application.route_count, sizeof(*routes));
	assert(routes);
	memcpy(routes, application.routes, application.route_count * sizeof(*routes));
	for (size_t i = 0; i < application.route_count; i++)
		routes[i].handler = handle_any;
	return routes;
}

static void end(void)
{
	config_unref(config);
	free((void *)(uintptr_t)application.routes);
}

static void start_edge(void)
{
	static const char text[] =
	    "[daemon]\nrequests_per_second = 20\n"
	    "[project demo]\nproject_id = 123\nregion = us\ncredential = x\n"
	    "[project other]\nproject_id = 456\nregion = eu\ncredential = x\n";
	static struct service service;
	_cleanup_faults_ struct faults faults;
	faults_init(&faults);
	log_set_level(LOG_LEVEL_ERROR);
	if (config_parse_text("fuzz", span_of(text), &faults, &config) < 0)
		abort();
	load_tokens(&config->tokens);
	service.clock = &clock_system;
	application = routes_application(&service);
	application.routes = noting_routes();
	application.open_thread = open_nothing;
	application.close_thread = close_nothing;
	application.generation = count_inputs;
	application.asked = take_asked;
	application.answered = take_answered;
	serve_start(&application, config);
	atexit(end);
}

/* The judge ----------------------------------------------------------------------------------- */

/* What handlers saw are some of the requests, in their order. */
static void judge_handled(
    const struct buffer *answers, const struct http1_request *requests, size_t count)
{
	size_t next = 0;
	for (size_t i = 0; i < seen.count; i++) {
		while (next < count && !(span_equals(requests[next].method, seen.list[i].method) &&
					   span_same(requests[next].target, seen.list[i].target) &&
					   span_same(requests[next].body, seen.list[i].body)))
			next++;
		judge(answers, next < count);
		next++;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum listener_kind kinds[] = {
	    LISTENER_SOCKET, LISTENER_TCP, LISTENER_HEALTH, LISTENER_TCP};
	static const size_t piece_sizes[] = {0, 1, 7, 64};
	const struct http1_request *requests;
	struct http1_answer last;
	if (size < 1 || size > JUDGE_INPUT_LIMIT)
		return 0;
	if (!config)
		start_edge();
	struct span input = {.ptr = (const char *)data + 1, .len = size - 1};
	_cleanup_buffer_ struct buffer answers;
	buffer_init(&answers, ANSWERS_LIMIT);
	inputs++;
	serve_forget((data[0] & 3) == 3);
	serve_input(kinds[data[0] & 3], piece_sizes[data[0] >> 2 & 3], input, &answers);
	assert(!buffer_failed(&answers));
	size_t count = judge_read(input, &requests);
	judge_handled(&answers, requests, count);
	judge_answers(&answers, &last);
	forget();
	return 0;
}
