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
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/routes.h"
#include "http/attendant.h"
#include "http/connection.h"
#include "http/listener.h"
#include "http/quota.h"
#include "http/reply.h"
#include "http/suspend.h"
#include "http1.h"
#include "util/jsontext.h"
#include "util/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_LIMIT (128 * 1024)
#define ANSWERS_LIMIT ((size_t)64 * 1024 * 1024)
#define PIECES_LIMIT 100
#define CONNECTIONS 16
#define TURNS_LIMIT 100000

static struct {
	bool started;
	struct config *config;
	struct editions editions;
	struct waits waits;
	struct attendant attendant;
	struct quota quota;
	struct application application;
	struct listener listeners[LISTENER_COUNT];
	struct sockaddr_un addresses[LISTENER_COUNT];
	socklen_t lengths[LISTENER_COUNT];
} edge;

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
	assert(request_config(request) == edge.config && !request_thread(request));
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
	assert((origin.uid >= 0) != (origin.pid == 0));
	assert(request_route(request)->flags & ROUTE_CHANGES);
	request_set_note(request, request);
}

static void take_answered(struct request *request, unsigned status, const char *code)
{
	assert(request_route(request) && status >= 200 && status < 600 && (!code || *code));
	assert(!request_note(request) || request_note(request) == request);
}

/* An abstract address, which leaves nothing behind. */
static int listen_on(enum listener_kind kind)
{
	struct sockaddr_un *address = &edge.addresses[kind];
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	int len = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
	    "mixport-edge-fuzz-%ld-%d", (long)getpid(), (int)kind);
	edge.lengths[kind] = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)address, edge.lengths[kind]) < 0 ||
	    listen(fd, 8) < 0)
		abort();
	return fd;
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

static void stop_edge(void)
{
	for (enum listener_kind kind = 0; kind < LISTENER_COUNT; kind++) {
		struct listener *listener = &edge.listeners[kind];
		listener_quiesce(listener);
		listener_stop(listener);
		for (unsigned i = 0; i < listener->worker_count; i++)
			worker_done(&listener->workers[i]);
	}
	attendant_done(&edge.attendant);
	quota_done(&edge.quota);
	waits_done(&edge.waits);
	editions_done(&edge.editions);
	config_unref(edge.config);
	free((void *)(uintptr_t)edge.application.routes);
}

static const struct route *noting_routes(const struct application *application)
{
	struct route *routes = calloc(application->route_count, sizeof(*routes));
	assert(routes);
	memcpy(routes, application->routes, application->route_count * sizeof(*routes));
	for (size_t i = 0; i < application->route_count; i++)
		routes[i].handler = handle_any;
	return routes;
}

/* One of its workers will do. */
static void start_listener(enum listener_kind kind)
{
	const struct worker_setting setting = {
	    .application = &edge.application,
	    .editions = &edge.editions,
	    .waits = &edge.waits,
	    .attendant = &edge.attendant,
	    .quota = &edge.quota,
	};
	struct err err = ERR_INIT;
	struct listener *listener = &edge.listeners[kind];
	*listener = (struct listener){
	    .endpoint = {.kind = kind, .connections = CONNECTIONS}, .fd = listen_on(kind)};
	if (listener_prepare(listener, &setting, &err) < 0)
		abort();
	struct worker *worker = &listener->workers[0];
	worker->fd = dup(listener->fd);
	worker->daemon = listener_run_library(worker, MHD_USE_EPOLL, worker->fd, CONNECTIONS);
	if (!worker->daemon)
		abort();
}

static void start_edge(void)
{
	static const char text[] =
	    "[daemon]\nrequests_per_second = 20\n"
	    "[project demo]\nproject_id = 123\nregion = us\ncredential = x\n"
	    "[project other]\nproject_id = 456\nregion = eu\ncredential = x\n";
	static struct service service;
	_cleanup_faults_ struct faults faults;
	struct err err = ERR_INIT;
	faults_init(&faults);
	log_set_level(LOG_LEVEL_ERROR);
	if (config_parse_text("fuzz", span_of(text), &faults, &edge.config) < 0)
		abort();
	load_tokens(&edge.config->tokens);
	service.clock = &clock_system;
	edge.application = routes_application(&service);
	edge.application.routes = noting_routes(&edge.application);
	edge.application.open_thread = open_nothing;
	edge.application.close_thread = close_nothing;
	edge.application.generation = count_inputs;
	edge.application.asked = take_asked;
	edge.application.answered = take_answered;
	editions_init(&edge.editions, edge.config);
	quota_init(&edge.quota);
	if (waits_init(&edge.waits) < 0 ||
	    attendant_init(&edge.attendant, &clock_system, &edge.editions, &edge.waits, &err) < 0)
		abort();
	for (enum listener_kind kind = 0; kind < LISTENER_COUNT; kind++)
		start_listener(kind);
	edge.started = true;
	atexit(stop_edge);
}

/* The client ----------------------------------------------------------------------------------- */

static bool has_event(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	return poll(&poller, 1, 0) > 0;
}

static bool is_idle(struct MHD_Daemon *daemon)
{
	MHD_UNSIGNED_LONG_LONG timeout = 1;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (MHD_get_timeout(daemon, &timeout) == MHD_YES && timeout == 0)
		return false;
	return !has_event(info->epoll_fd) && !has_event(edge.attendant.events);
}

/* Takes what was answered. Returns whether more may come. */
static bool hear(int fd, struct buffer *answers)
{
	static char bytes[64 * 1024];
	ssize_t len;
	while ((len = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		buffer_append(answers, bytes, (size_t)len);
	return len < 0 && errno == EAGAIN;
}

/* Lets the edge do all it can do now. Returns false when it has closed the connection. */
static bool turn(struct MHD_Daemon *daemon, int fd, struct buffer *answers)
{
	unsigned turns = 0;
	bool open;
	do {
		MHD_run(daemon);
		attendant_look(&edge.attendant, INT64_MAX);
		open = hear(fd, answers);
		turns++;
		assert(turns < TURNS_LIMIT);
	} while (!is_idle(daemon));
	return open;
}

/* Says the input in pieces of a size (0: in one), and then no more. */
static void converse(
    enum listener_kind kind, size_t piece_size, struct span input, struct buffer *answers)
{
	struct worker *worker = &edge.listeners[kind].workers[0];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&edge.addresses[kind], edge.lengths[kind]) < 0)
		abort();
	size_t pieces = 0;
	bool open = turn(worker->daemon, fd, answers);
	while (open && input.len > 0) {
		size_t size = piece_size > 0 && pieces++ < PIECES_LIMIT ? piece_size : input.len;
		size = size < input.len ? size : input.len;
		ssize_t sent = send(fd, input.ptr, size, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent > 0)
			input =
			    (struct span){.ptr = input.ptr + sent, .len = input.len - (size_t)sent};
		open = turn(worker->daemon, fd, answers);
	}
	shutdown(fd, SHUT_WR);
	for (unsigned i = 0; open; i++) {
		assert(i < TURNS_LIMIT);
		open = turn(worker->daemon, fd, answers);
	}
	close(fd);
	assert(LIST_EMPTY(&worker->connections));
}

/* The judge ------------------------------------------------------------------------------------ */

#define REQUESTS_LIMIT (INPUT_LIMIT / 16)

/* What was answered, for who looks into a failure. */
static const struct buffer *heard;

#define judge(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fwrite(buffer_text(heard), 1, heard->len, stderr);                         \
			fprintf(stderr, "\n%s does not hold\n", #condition);                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static struct http1_request requests[REQUESTS_LIMIT];

static size_t read_requests(struct span input)
{
	static char copy[INPUT_LIMIT];
	size_t count = 0;
	memcpy(copy, input.ptr, input.len);
	input.ptr = copy;
	while (http1_take_request(&input, &requests[count]))
		if (requests[count++].last)
			break;
	return count;
}

/* What handlers saw are some of the requests, in their order. */
static void judge_handled(size_t count)
{
	size_t next = 0;
	for (size_t i = 0; i < seen.count; i++) {
		while (next < count && !(span_equals(requests[next].method, seen.list[i].method) &&
					   span_same(requests[next].target, seen.list[i].target) &&
					   span_same(requests[next].body, seen.list[i].body)))
			next++;
		judge(next < count);
		next++;
	}
}

static void judge_body(const struct http1_answer *answer)
{
	struct span type, value;
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *body = NULL;
	judge(text_is_utf8(answer->body.ptr ? answer->body.ptr : "", answer->body.len));
	http1_find(&answer->head, "Content-Type", &type);
	if (span_equals(type, "application/json") || span_equals(type, "application/problem+json"))
		judge(jsontext_parse(answer->body, 0, &err, &body) == 0);
	if (!span_equals(type, "application/problem+json"))
		return;
	judge(json_integer_value(json_object_get(body, "status")) == (json_int_t)answer->status);
	judge(http1_find(&answer->head, "X-Request-Id", &value) == 1 &&
	      span_equals(value, json_string_value(json_object_get(body, "request_id"))));
}

/* The library answers by itself what never becomes a request, and ends with it. */
static bool is_of_library(const struct http1_answer *answer)
{
	struct span value;
	return http1_find(&answer->head, "X-Request-Id", &value) == 0 &&
	       (answer->status == 400 || answer->status == 414 || answer->status == 431 ||
		   answer->status == 505);
}

static void judge_answers(struct span answers, size_t count)
{
	struct span value;
	struct http1_answer answer;
	size_t index = 0;
	while (answers.len > 0) {
		struct span rest = answers;
		bool known = index < count;
		bool to_head = known && span_equals(requests[index].method, "HEAD");
		bool whole = http1_take_answer(&rest, to_head, &answer);
		/* What is no request can be one to HEAD all the same. */
		if (!known && (!whole || rest.len > 0))
			whole = http1_take_answer((rest = answers, &rest), true, &answer);
		judge(whole);
		answers = rest;
		if (answer.status == 100)
			continue;
		judge(index <= count && answer.status >= 200);
		bool own = is_of_library(&answer);
		judge(own || http1_find(&answer.head, "X-Request-Id", &value) == 1);
		judge(http1_find(&answer.head, "Content-Length", &value) <= 1);
		if (answer.body.len > 0 && !own)
			judge_body(&answer);
		bool last = http1_find(&answer.head, "Connection", &value) > 0 &&
			    http1_same(value, "close");
		judge((!own && !last && known) || answers.len == 0);
		index++;
	}
}

/* As at the start; or when so many were not let in that they wait for their answers. */
static void begin_quota(unsigned how)
{
	quota_done(&edge.quota);
	quota_init(&edge.quota);
	for (int i = 0; how == 3 && i < 105; i++)
		quota_failure(&edge.quota, LISTENER_TCP, HOLDER_NOBODY, "nobody",
		    clock_monotonic(&clock_system));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum listener_kind kinds[] = {
	    LISTENER_SOCKET, LISTENER_TCP, LISTENER_HEALTH, LISTENER_TCP};
	static const size_t piece_sizes[] = {0, 1, 7, 64};
	if (size < 1 || size > INPUT_LIMIT)
		return 0;
	if (!edge.started)
		start_edge();
	struct span input = {.ptr = (const char *)data + 1, .len = size - 1};
	_cleanup_buffer_ struct buffer answers;
	buffer_init(&answers, ANSWERS_LIMIT);
	heard = &answers;
	inputs++;
	begin_quota(data[0] & 3);
	converse(kinds[data[0] & 3], piece_sizes[data[0] >> 2 & 3], input, &answers);
	assert(!buffer_failed(&answers));
	size_t count = read_requests(input);
	judge_handled(count);
	judge_answers((struct span){.ptr = answers.data, .len = answers.len}, count);
	forget();
	return 0;
}
