/* SPDX-License-Identifier: MIT */
/* The HTTP edge from socket to socket, with a table of toy routes, an engine of the test's own, and
 * the real store and configuration. */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "api/command.h"
#include "api/handlers.h"
#include "api/reloads.h"
#include "api/service.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/suspend.h"
#include "store/conn.h"
#include "store/database.h"
#include "unit.h"
#include "util/digest.h"
#include "util/jsontext.h"
#include "util/timestamp.h"

/* The engine ---------------------------------------------------------------------------------- */

static pthread_mutex_t mailbox_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t mailbox_filled = PTHREAD_COND_INITIALIZER;
static struct command *mailbox;
static bool answer_at_once;

static void answer_command(struct command *command)
{
	command->result = COMMAND_ACCEPTED;
	snprintf(command->result_operation_id, sizeof(command->result_operation_id), "op_1");
	command->done(command);
}

void engine_submit(struct engine *engine, struct command *command)
{
	(void)engine;
	if (answer_at_once) {
		answer_command(command);
		return;
	}
	pthread_mutex_lock(&mailbox_mutex);
	mailbox = command;
	pthread_cond_signal(&mailbox_filled);
	pthread_mutex_unlock(&mailbox_mutex);
}

static struct command *take_command(void)
{
	pthread_mutex_lock(&mailbox_mutex);
	while (!mailbox)
		pthread_cond_wait(&mailbox_filled, &mailbox_mutex);
	struct command *command = TAKE(mailbox);
	pthread_mutex_unlock(&mailbox_mutex);
	return command;
}

/* The routes ---------------------------------------------------------------------------------- */

static atomic_uint rendered;
static atomic_bool change_before_wait;
static atomic_uint entered;

static struct answered echo(struct request *request)
{
	struct writer writer;
	uint64_t number = 7;
	request_parameter_unsigned(request, "n", 1, 100, &number);
	if (request_parameters_failed(request))
		return reply_problem(request, PROBLEM_INVALID_PARAMETER, "A parameter is bad.");
	writer_init(&writer, reply_body(request));
	writer_begin_object(&writer);
	writer_member_text(&writer, "segment", request_segment(request, 0));
	writer_member_text(&writer, "caller", request_caller(request)->name);
	writer_member_integer(&writer, "n", (int64_t)number);
	writer_end_object(&writer);
	return reply_json(request, 200);
}

static struct answered kept(struct request *request)
{
	atomic_fetch_add(&rendered, 1);
	buffer_printf(reply_body(request), "{\"project\":\"%s\"}", request_project(request)->name);
	reply_etag(request, "W/\"one\"");
	reply_keep_until(request, clock_wall(&clock_system) + MICROSECONDS_PER_HOUR);
	return reply_json(request, 200);
}

static struct answered take_thing(struct request *request)
{
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *value = NULL;
	if (request_json(request, &err, &value) < 0)
		return reply_problem(request, PROBLEM_INVALID_JSON, "%s", err.text);
	buffer_printf(reply_body(request), "{\"length\":%zu}", request_body(request).len);
	return reply_json(request, 201);
}

static struct answered remove_thing(struct request *request)
{
	return reply_no_content(request);
}

static struct answered wait_here(struct request *request)
{
	uint64_t seconds = 0;
	request_parameter_unsigned(request, "wait", 1, 60, &seconds);
	request_wait_for(request, seconds);
	request_watch(request, CHANGE_JOB, request_segment(request, 0));
	unsigned times = atomic_fetch_add(&entered, 1);
	if (atomic_exchange(&change_before_wait, false)) {
		struct topic topic = {.kind = CHANGE_JOB};
		snprintf(topic.id, sizeof(topic.id), "%s", request_segment(request, 0));
		server_notify(request_server(request), &topic, 1);
	}
	/* What it waits for holds when it is entered the second time. */
	if (!request_state(request) && !request_wait_over(request)) {
		request_set_state(request, &entered);
		return reply_wait(request, wait_here);
	}
	buffer_printf(reply_body(request), "{\"entered\":%u,\"over\":%s}", times + 1,
	    request_wait_over(request) ? "true" : "false");
	return reply_json(request, 200);
}

static struct answered commanded(struct request *request)
{
	buffer_printf(reply_body(request), "{\"operation_id\":\"%s\"}",
	    request_command(request)->result_operation_id);
	return reply_json(request, 202);
}

static struct answered command(struct request *request)
{
	const struct command create = {
	    .kind = COMMAND_CREATE,
	    .body = request_body(request),
	    .client = request_printf(request, "%s", request_caller(request)->name),
	};
	return reply_after_command(request, &create, commanded);
}

struct counting {
	unsigned next;
	char end; /* how the third part ends: 'e' well, 'f' fails, 'l' is too long */
};

static int count_on(void *state, void *thread, struct buffer *part, struct err *err)
{
	struct counting *counting = state;
	ck_assert_ptr_nonnull(thread);
	ck_assert_uint_eq(part->len, 0);
	/* The second part is empty, the first one longer than what is sent at once. */
	for (int i = 0; i < 5000 && counting->next == 0; i++)
		buffer_printf(part, "%d,", i);
	if (counting->next++ < 2)
		return 1;
	buffer_append_text(part, "end]");
	part->failed |= counting->end == 'l';
	return counting->end == 'f' ? err_set(err, "as it was to be") : 0;
}

static struct answered in_parts(struct request *request)
{
	struct counting *counting = calloc(1, sizeof(*counting));
	ck_assert_ptr_nonnull(counting);
	counting->end = request_segment(request, 0)[0];
	buffer_append_text(reply_body(request), "[");
	return reply_parts(request, count_on, counting);
}

static struct answered healthy(struct request *request)
{
	buffer_append_text(reply_body(request), "{\"status\":\"ok\"}");
	return reply_json(request, server_healthy(request_server(request)) ? 200 : 503);
}

static const struct route routes[] = {
    {"GET", "/v1/echo/{}", SCOPE_READ, 0, 0, echo, {"n", "m"}},
    {"GET", "/v1/projects/{}", SCOPE_READ, ROUTE_PROJECT | ROUTE_KEPT, 0, kept, {"limit"}},
    {"POST", "/v1/things", SCOPE_MANAGE, 0, REQUEST_BODY_LIMIT, take_thing, {NULL}},
    {"DELETE", "/v1/things", SCOPE_MANAGE, 0, 0, remove_thing, {NULL}},
    {"GET", "/v1/wait/{}", SCOPE_READ, 0, 0, wait_here, {"wait"}},
    {"GET", "/v1/parts/{}", SCOPE_READ, 0, 0, in_parts, {NULL}},
    {"POST", "/v1/command", SCOPE_MANAGE, 0, 1024, command, {NULL}},
    {"GET", "/api/app/projects/{}/connectors", SCOPE_READ,
	ROUTE_PROJECT | ROUTE_FOREIGN | ROUTE_KEPT, 0, kept, {NULL}},
    {"POST", "/v1/reload", SCOPE_MANAGE, 0, 64, reload_post, {NULL}},
    {"GET", "/healthz", SCOPE_NONE, ROUTE_OPEN | ROUTE_HEALTH, 0, healthy, {NULL}},
};

/* A server around them ------------------------------------------------------------------------ */

#define READER "mxp_reader"
#define MANAGER "mxp_manager"
#define CONFINED "mxp_confined"
#define AS(token) "Authorization: Bearer " token "\r\n"

struct fixture {
	char folder[64];
	char database[128];
	char socket_path[96];
	struct conn *writer;
	struct config *config;
	struct reloads *reloads;
	struct service service;
	struct application application;
	struct server *server;
	uint16_t port;
	uint16_t health_port;
	int kept_fd; /* what systemd would hold on to */
};

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[192];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void token_line(char *lines, size_t size, const char *line, const char *token)
{
	char hex[DIGEST_HEX_SIZE];
	digest_sha256_hex(token, strlen(token), hex);
	snprintf(lines + strlen(lines), size - strlen(lines), "%s:%s\n", line, hex);
}

static struct config *load(struct fixture *fixture, const char *daemon_lines)
{
	char text[2048], path[192], tokens[1024] = "";
	struct config *config = NULL;
	snprintf(path, sizeof(path), "%s/mixportd.conf", fixture->folder);
	snprintf(text, sizeof(text),
	    "[daemon]\ntokens = %s/tokens\n%s\n"
	    "[project demo]\nproject_id = 123\nregion = us\ncredential = %s/credential\n"
	    "[project other]\nproject_id = 456\nregion = eu\ncredential = %s/credential\n",
	    fixture->folder, daemon_lines, fixture->folder, fixture->folder);
	write_file(fixture->folder, "mixportd.conf", text);
	write_file(fixture->folder, "credential", "someone:something\n");
	token_line(tokens, sizeof(tokens), "reader:read:*", READER);
	token_line(tokens, sizeof(tokens), "manager:manage:*", MANAGER);
	token_line(tokens, sizeof(tokens), "confined:read:other", CONFINED);
	write_file(fixture->folder, "tokens", tokens);
	_cleanup_faults_ struct faults faults;
	faults_init(&faults);
	int result = config_load(path, 0, &faults, &config);
	ck_assert_msg(result == 0, "%s", buffer_text(&faults.lines));
	return config;
}

static int listen_tcp(uint16_t *ret_port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(fd, 128), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static int listen_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 128), 0);
	return fd;
}

static int open_reader(void *context, struct err *err, void **ret_thread)
{
	const struct service *service = context;
	struct conn *reader = NULL;
	int r = conn_open_reader(service->database, err, &reader);
	*ret_thread = reader;
	return r;
}

static void close_reader(void *thread)
{
	conn_close(thread);
}

static void write_foreign_problem(
    struct writer *writer, const struct problem_entry *entry, const char *detail)
{
	writer_member_text(writer, "status", "error");
	writer_member_text(writer, "error", entry->title);
	writer_member_text(writer, "type", entry->code);
	writer_member_text(writer, "message", detail);
}

/* All but the threads. */
static void prepare(struct fixture *fixture, const char *daemon_lines)
{
	struct err err = ERR_INIT;
	memset(fixture, 0, sizeof(*fixture));
	snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/server_test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(fixture->folder));
	snprintf(fixture->database, sizeof(fixture->database), "%s/db", fixture->folder);
	snprintf(fixture->socket_path, sizeof(fixture->socket_path), "%s/sock", fixture->folder);
	fixture->config = load(fixture, daemon_lines);
	ck_assert_msg(
	    conn_open_writer(fixture->database, &err, &fixture->writer) == 0, "%s", err.text);
	ck_assert_int_eq(reloads_new(&err, &fixture->reloads), 0);
	fixture->service = (struct service){
	    .reloads = fixture->reloads,
	    .clock = &clock_system,
	    .database = fixture->database,
	    .version = "1",
	};
	fixture->application = (struct application){
	    .routes = routes,
	    .route_count = ARRAY_SIZE(routes),
	    .clock = &clock_system,
	    .context = &fixture->service,
	    .open_thread = open_reader,
	    .close_thread = close_reader,
	    .generation = store_generation,
	    .foreign_prefix = "/api/app/",
	    .write_foreign_problem = write_foreign_problem,
	};
	const struct server_options options = {
	    .application = &fixture->application,
	    .connections = (unsigned)fixture->config->max_connections,
	    .health_connections = (unsigned)fixture->config->max_connections,
	};
	ck_assert_int_eq(server_new(&options, fixture->config, &err, &fixture->server), 0);
}

static int start_threads(struct fixture *fixture, struct err *err)
{
	struct listener_socket sockets[] = {
	    {.kind = LISTENER_SOCKET, .fd = listen_unix(fixture->socket_path)},
	    {.kind = LISTENER_TCP, .fd = listen_tcp(&fixture->port), .passed = true},
	    {.kind = LISTENER_HEALTH, .fd = listen_tcp(&fixture->health_port)},
	};
	fixture->kept_fd = dup(sockets[1].fd);
	return server_start(fixture->server, sockets, ARRAY_SIZE(sockets), err);
}

static void start(struct fixture *fixture, const char *daemon_lines)
{
	struct err err = ERR_INIT;
	prepare(fixture, daemon_lines);
	ck_assert_msg(start_threads(fixture, &err) == 0, "%s", err.text);
}

static void remove_folder(const char *folder)
{
	static const char *const names[] = {
	    "mixportd.conf", "credential", "tokens", "db", "db-wal", "db-shm", "db.lock", "sock"};
	char path[192];
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

/* After server_stop. */
static void give_back(struct fixture *fixture)
{
	server_free(fixture->server);
	reloads_free(fixture->reloads);
	conn_close(fixture->writer);
	config_unref(fixture->config);
	close(fixture->kept_fd);
	remove_folder(fixture->folder);
}

static void stop(struct fixture *fixture, int64_t patience)
{
	server_stop(fixture->server, patience);
	give_back(fixture);
}

/* Clients ------------------------------------------------------------------------------------- */

static int connect_tcp(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int connect_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
		if (sent <= 0)
			return;
		data += sent;
		len -= (size_t)sent;
	}
}

static char answer[1 << 17];

/* Reads to the end of the connection. */
static const char *hear_all(int fd)
{
	size_t len = 0;
	ssize_t got;
	while (len < sizeof(answer) - 1 &&
	       (got = recv(fd, answer + len, sizeof(answer) - 1 - len, 0)) > 0)
		len += (size_t)got;
	answer[len] = '\0';
	close(fd);
	return answer;
}

/* Reads one answer of a connection that is kept. */
static const char *hear_one(int fd)
{
	size_t len = 0;
	for (;;) {
		ssize_t got = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);
		ck_assert_int_gt(got, 0);
		len += (size_t)got;
		answer[len] = '\0';
		const char *end = strstr(answer, "\r\n\r\n");
		const char *length = strcasestr(answer, "Content-Length: ");
		if (end &&
		    (!length || len >= (size_t)(end + 4 - answer) + strtoul(length + 16, NULL, 10)))
			return answer;
	}
}

/* Reads what comes in one piece: an answer without a body, whatever its length says. */
static const char *hear_head(int fd)
{
	ssize_t got = recv(fd, answer, sizeof(answer) - 1, 0);
	ck_assert_int_gt(got, 0);
	answer[got] = '\0';
	return answer;
}

static unsigned status_of(const char *text)
{
	return strncmp(text, "HTTP/1.1 ", 9) == 0 ? (unsigned)strtoul(text + 9, NULL, 10) : 0;
}

static const char *exchange(int fd, const char *request)
{
	say(fd, request, strlen(request));
	return hear_all(fd);
}

#define TAIL "Connection: close\r\n\r\n"

/* "METHOD target" and header lines, each with its line end, over TCP as from localhost. */
static const char *ask(struct fixture *fixture, const char *line, const char *headers)
{
	char request[8192];
	snprintf(
	    request, sizeof(request), "%s HTTP/1.1\r\nHost: localhost\r\n%s" TAIL, line, headers);
	return exchange(connect_tcp(fixture->port), request);
}

static unsigned asked(struct fixture *fixture, const char *line, const char *headers)
{
	return status_of(ask(fixture, line, headers));
}

#define ck_answer(text, part) ck_assert_msg(strstr(text, part) != NULL, "no %s in %s", part, text)
#define ck_no_answer(text, part) ck_assert_msg(strstr(text, part) == NULL, "%s in %s", part, text)

/* Waits for a condition, at most ten seconds. */
#define ck_until(condition)                                                                        \
	do {                                                                                       \
		int64_t until_ = clock_monotonic(&clock_system) + 10 * MICROSECONDS_PER_SECOND;    \
		while (!(condition) && clock_monotonic(&clock_system) < until_)                    \
			sched_yield();                                                             \
		ck_assert(condition);                                                              \
	} while (0)

static uint64_t waiting(struct fixture *fixture)
{
	struct server_counters counters;
	server_counters(fixture->server, &counters);
	return counters.waiting;
}

/* Cases --------------------------------------------------------------------------------------- */

START_TEST(every_answer_has_its_headers)
{
	struct fixture fixture;
	start(&fixture, "");
	const char *text =
	    ask(&fixture, "GET /v1/echo/a%20b?n=5", AS(READER) "X-Request-Id: my-id.1\r\n");
	ck_assert_uint_eq(status_of(text), 200);
	ck_answer(text, "X-Request-Id: my-id.1\r\n");
	ck_answer(text, "X-Content-Type-Options: nosniff\r\n");
	ck_answer(text, "Cache-Control: no-store\r\n");
	ck_answer(text, "Content-Type: application/json\r\n");
	ck_answer(text, "{\"segment\":\"a b\",\"caller\":\"reader\",\"n\":5}");
	text = ask(&fixture, "GET /v1/echo/x", AS(READER) "X-Request-Id: no spaces\r\n");
	ck_assert_uint_eq(status_of(text), 200);
	ck_no_answer(text, "no spaces");
	ck_answer(text, "X-Request-Id: r");
	text = ask(&fixture, "HEAD /v1/echo/x", AS(READER));
	ck_assert_uint_eq(status_of(text), 200);
	ck_assert_str_eq(strstr(text, "\r\n\r\n"), "\r\n\r\n");
	text = ask(&fixture, "DELETE /v1/things", AS(MANAGER));
	ck_assert_uint_eq(status_of(text), 204);
	ck_no_answer(text, "Content-Length");
	stop(&fixture, 0);
}
END_TEST

#define GET "GET /v1/echo/a HTTP/1.1\r\n"
#define POST "POST /v1/things HTTP/1.1\r\n"
#define HOST "Host: localhost\r\n"
#define JSON "Content-Type: application/json\r\n"
#define RAW(status, text)                                                                          \
	{                                                                                          \
		status, text, sizeof(text) - 1                                                     \
	}

static const struct raw_case {
	unsigned status;
	const char *text;
	size_t len;
} raw_cases[] = {
    RAW(200, GET HOST AS(READER) TAIL),
    RAW(200, GET HOST "X-Empty:\r\n" AS(READER) "X-Last:   a b\r\n" TAIL),
    RAW(200, "GET http://localhost/v1/echo/a HTTP/1.1\r\n" HOST AS(READER) TAIL),
    RAW(200, GET HOST "Authorization: Basic cmVhZGVyOm14cF9yZWFkZXI=\r\n" TAIL),
    RAW(401, GET HOST "Authorization: Basic b3RoZXI6bXhwX3JlYWRlcg==\r\n" TAIL),
    RAW(200, GET HOST AS(READER) "Sec-Fetch-Site: none\r\n" TAIL),
    RAW(200, GET HOST AS(READER) "Content-Length: 0\r\n" TAIL),
    RAW(400, GET HOST HOST AS(READER) TAIL),
    RAW(400, GET AS(READER) TAIL),
    RAW(400, POST HOST AS(MANAGER) JSON "Content-Length: 2\r\nContent-Length: 2\r\n" TAIL "{}"),
    RAW(411, POST HOST AS(MANAGER) JSON "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n" TAIL
					"2\r\n{}\r\n0\r\n\r\n"),
    RAW(400, POST HOST AS(MANAGER) JSON "Content-Length: +2\r\n" TAIL "{}"),
    RAW(411, POST HOST AS(MANAGER) JSON "Transfer-Encoding: gzip\r\n" TAIL "{}"),
    RAW(400, "GET /v1/echo/a%00 HTTP/1.1\r\n" HOST AS(READER) TAIL),
    RAW(400, "GET /v1/echo/a%zz HTTP/1.1\r\n" HOST AS(READER) TAIL),
    RAW(400, "GET /v1/echo/%ff HTTP/1.1\r\n" HOST AS(READER) TAIL),
    RAW(400, "GET /v1/echo/\x80 HTTP/1.1\r\n" HOST AS(READER) TAIL),
    RAW(400, "GET /v1/echo/a\0b HTTP/1.1\r\n" HOST AS(READER) TAIL),
    RAW(400, GET HOST "X-A: b\0c\r\n" AS(READER) TAIL),
    RAW(400, GET HOST AS(READER) "Connection: close\r\nX-A: b\0c\r\n\r\n"),
    RAW(400, GET HOST "X-A: b\x01\r\n" AS(READER) TAIL),
    RAW(400, GET HOST "X-A: b\rX-B: c\r\n" AS(READER) TAIL),
    RAW(400, GET HOST "X-A: b\n" AS(READER) TAIL),
    RAW(400, GET HOST "X-A: b\r\n folded\r\n" AS(READER) TAIL),
    RAW(400, "GET v1/echo/a HTTP/1.1\r\n" HOST AS(READER) TAIL),
    RAW(200, "GET /v1/echo/a%2Fb HTTP/1.1\r\n" HOST AS(READER) TAIL),
    RAW(404, "GET /v1%2Fecho/a HTTP/1.1\r\n" HOST AS(READER) TAIL),
    RAW(404, "GET /v1/echo/ HTTP/1.1\r\n" HOST AS(READER) TAIL),
    RAW(404, "GET /v1/echo/a/ HTTP/1.1\r\n" HOST AS(READER) TAIL),
    RAW(421, GET "Host: evil.example\r\n" AS(READER) TAIL),
    RAW(421, GET "Host: localhost:1\r\n" AS(READER) TAIL),
    RAW(421, GET "Host: me@localhost\r\n" AS(READER) TAIL),
    RAW(421, "GET http://evil.example/v1/echo/a HTTP/1.1\r\n" HOST AS(READER) TAIL),
    RAW(403, GET HOST "Origin: null\r\n" AS(READER) TAIL),
    RAW(403, GET HOST "Sec-Fetch-Site: same-origin\r\n" AS(READER) TAIL),
    RAW(413, GET HOST AS(READER) "Content-Length: 5\r\n\r\nhello"),
    RAW(413, POST HOST AS(MANAGER) JSON "Content-Length: 65537\r\n\r\n"),
    RAW(415, POST HOST AS(MANAGER) "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}"),
    RAW(400, POST HOST AS(MANAGER) JSON "Content-Length: 13\r\n" TAIL "{\"a\":1,\"a\":2}"),
    RAW(400, POST HOST AS(MANAGER) TAIL),
    RAW(201, POST HOST AS(MANAGER) JSON "Content-Length: 2\r\n" TAIL "{}"),
    RAW(411, POST HOST AS(MANAGER) "Content-Type: application/json; charset=utf-8\r\n"
				   "Transfer-Encoding: chunked\r\n" TAIL
				   "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"),
};

START_TEST(heads_are_policed)
{
	struct fixture fixture;
	start(&fixture, "");
	for (size_t i = 0; i < ARRAY_SIZE(raw_cases); i++) {
		int fd = connect_tcp(fixture.port);
		say(fd, raw_cases[i].text, raw_cases[i].len);
		const char *text = hear_all(fd);
		ck_assert_msg(status_of(text) == raw_cases[i].status, "%u for case %zu: %s\n%s",
		    status_of(text), i, raw_cases[i].text, text);
	}
	stop(&fixture, 0);
}
END_TEST

START_TEST(long_targets_and_bodies_are_refused)
{
	struct fixture fixture;
	char line[5100] = "GET /v1/echo/";
	start(&fixture, "");
	memset(line + strlen(line), 'a', 5000);
	ck_assert_uint_eq(asked(&fixture, line, AS(READER)), 414);
	stop(&fixture, 0);
}
END_TEST

START_TEST(callers_see_what_they_may)
{
	struct fixture fixture;
	start(&fixture, "");
	const char *text = ask(&fixture, "GET /v1/echo/a", "");
	ck_assert_uint_eq(status_of(text), 401);
	ck_answer(text, "WWW-Authenticate: Bearer");
	ck_answer(text, "WWW-Authenticate: Basic");
	ck_answer(text, "Content-Type: application/problem+json");
	ck_answer(text, "\"type\":\"https://mixport.invalid/problems/unauthorized\"");
	ck_assert_uint_eq(asked(&fixture, "GET /v1/echo/a", AS("mxp_nobody")), 401);
	ck_assert_uint_eq(asked(&fixture, "DELETE /v1/things", AS(READER)), 403);
	ck_assert_uint_eq(asked(&fixture, "GET /v1/projects/demo", AS(READER)), 200);
	ck_assert_uint_eq(asked(&fixture, "GET /v1/projects/123", AS(READER)), 200);
	ck_assert_uint_eq(asked(&fixture, "GET /v1/projects/none", ""), 401);
	ck_assert_uint_eq(asked(&fixture, "GET /v1/nothing", ""), 401);
	ck_assert_uint_eq(asked(&fixture, "PUT /v1/things", ""), 401);
	ck_assert_uint_eq(asked(&fixture, "GET /v1/echo/a?x=1", ""), 401);
	ck_assert_uint_eq(asked(&fixture, "GET /v1/nothing", AS(READER)), 404);
	ck_assert_uint_eq(asked(&fixture, "DELETE /v1/things?x=1", AS(READER)), 403);
	ck_assert_uint_eq(asked(&fixture, "GET /v1/projects/none", AS(READER)), 404);
	text = ask(&fixture, "GET /v1/projects/demo", AS(CONFINED));
	ck_assert_uint_eq(status_of(text), 404);
	ck_answer(text, "project-not-found");
	ck_assert_uint_eq(asked(&fixture, "GET /v1/projects/other", AS(CONFINED)), 200);
	ck_assert_uint_eq(
	    asked(&fixture, "GET /api/app/projects/123/connectors/", AS(READER)), 200);
	text = ask(&fixture, "GET /api/app/projects/demo/connectors", AS(READER));
	ck_assert_uint_eq(status_of(text), 404);
	ck_answer(text, "{\"status\":\"error\",\"error\":\"");
	ck_answer(text, "\"type\":\"project-not-found\"");
	text = ask(&fixture, "PUT /v1/things", AS(MANAGER));
	ck_assert_uint_eq(status_of(text), 405);
	ck_answer(text, "Allow: POST, DELETE\r\n");
	stop(&fixture, 0);
}
END_TEST

START_TEST(a_socket_peer_is_known_by_its_uid)
{
	struct fixture fixture;
	char name[64];
	start(&fixture, "");
	const char *text =
	    exchange(connect_unix(fixture.socket_path), GET "Host: localhost\r\n" TAIL);
	ck_assert_uint_eq(status_of(text), 200);
	snprintf(name, sizeof(name), "\"caller\":\"uid:%u\"", (unsigned)getuid());
	ck_answer(text, name);
	text = exchange(connect_unix(fixture.socket_path), GET "Host:\r\n" TAIL);
	ck_assert_uint_eq(status_of(text), 200);
	text = exchange(connect_unix(fixture.socket_path), GET "Host: evil.example\r\n" TAIL);
	ck_assert_uint_eq(status_of(text), 200);
	text = exchange(connect_unix(fixture.socket_path), GET "Host: localhost:1\r\n" TAIL);
	ck_assert_uint_eq(status_of(text), 200);
	stop(&fixture, 0);
}
END_TEST

START_TEST(parameters_are_known_and_given_once)
{
	struct fixture fixture;
	start(&fixture, "");
	const char *text = ask(&fixture, "GET /v1/echo/a?x=1", AS(READER));
	ck_assert_uint_eq(status_of(text), 400);
	ck_answer(text, "\"errors\":[{\"parameter\":\"x\",\"code\":\"unknown-parameter\"");
	text = ask(&fixture, "GET /v1/echo/a?n=1&%6e=2", AS(READER));
	ck_assert_uint_eq(status_of(text), 400);
	ck_answer(text, "{\"parameter\":\"n\",\"code\":\"invalid-parameter\"");
	text = ask(&fixture, "GET /v1/echo/a?n=101", AS(READER));
	ck_assert_uint_eq(status_of(text), 400);
	ck_answer(text, "{\"parameter\":\"n\",\"code\":\"invalid-parameter\"");
	ck_assert_uint_eq(asked(&fixture, "GET /v1/echo/a?n=%2", AS(READER)), 400);
	ck_assert_uint_eq(asked(&fixture, "GET /v1/echo/a?&n=1&", AS(READER)), 200);
	stop(&fixture, 0);
}
END_TEST

START_TEST(what_was_rendered_is_kept)
{
	struct fixture fixture;
	start(&fixture, "");
	/* One connection, so one worker and one cache. */
	int fd = connect_tcp(fixture.port);
	static const char request[] =
	    "GET /v1/projects/other?limit=1 HTTP/1.1\r\n" HOST AS(READER) "\r\n";
	static const char confined[] =
	    "GET /v1/projects/other?limit=1 HTTP/1.1\r\n" HOST AS(CONFINED) "\r\n";
	static const char known[] = "GET /v1/projects/other?limit=1 HTTP/1.1\r\n" HOST AS(
	    READER) "If-None-Match: \"x\", \"one\"\r\n\r\n";
	for (int i = 0; i < 3; i++) {
		say(fd, request, strlen(request));
		const char *text = hear_one(fd);
		ck_assert_uint_eq(status_of(text), 200);
		ck_answer(text, "ETag: W/\"one\"\r\n");
		ck_answer(text, "Cache-Control: no-cache\r\n");
		ck_answer(text, "{\"project\":\"other\"}");
	}
	ck_assert_uint_eq(rendered, 1);
	say(fd, confined, strlen(confined));
	ck_assert_uint_eq(status_of(hear_one(fd)), 200);
	ck_assert_uint_eq(rendered, 2);
	say(fd, known, strlen(known));
	const char *unchanged = hear_head(fd);
	ck_assert_uint_eq(status_of(unchanged), 304);
	ck_answer(unchanged, "Content-Length: 19\r\n");
	ck_assert_str_eq(strstr(unchanged, "\r\n\r\n"), "\r\n\r\n");
	ck_assert_uint_eq(rendered, 2);
	server_reload(fixture.server, fixture.config);
	say(fd, request, strlen(request));
	ck_assert_uint_eq(status_of(hear_one(fd)), 200);
	ck_assert_uint_eq(rendered, 3);
	close(fd);
	stop(&fixture, 0);
}
END_TEST

/* Puts the chunks of the answer together, in place. Returns whether the last one is there. */
static bool unchunk(void)
{
	char *body = strstr(answer, "\r\n\r\n");
	ck_assert_ptr_nonnull(body);
	body += 4;
	const char *chunk = body;
	for (;;) {
		char *data = NULL;
		size_t len = strtoul(chunk, &data, 16);
		if (data == chunk || strncmp(data, "\r\n", 2) != 0 || strlen(data + 2) < len) {
			*body = '\0';
			return false;
		}
		memmove(body, data + 2, len);
		chunk = data + 2 + len + 2;
		body += len;
		if (len == 0) {
			*body = '\0';
			return true;
		}
	}
}

START_TEST(a_body_in_parts_has_its_end_or_none)
{
	static const char *const cut[] = {"GET /v1/parts/fail", "GET /v1/parts/long"};
	static const char old[] =
	    "GET /v1/parts/end HTTP/1.0\r\nHost: localhost\r\n" AS(READER) "\r\n";
	static const char head[] =
	    "HEAD /v1/parts/end HTTP/1.1\r\nHost: localhost\r\n" AS(READER) "\r\n";
	static const char body[] = "\r\n\r\n[0,1,2,";
	struct fixture fixture;
	start(&fixture, "");
	const char *text = ask(&fixture, "GET /v1/parts/end", AS(READER));
	ck_assert_uint_eq(status_of(text), 200);
	ck_assert_ptr_nonnull(strstr(text, "Transfer-Encoding: chunked\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "Content-Type: application/json\r\n"));
	ck_assert(unchunk());
	ck_assert_ptr_nonnull(strstr(text, body));
	ck_assert_str_eq(text + strlen(text) - 14, "4998,4999,end]");
	for (size_t i = 0; i < ARRAY_SIZE(cut); i++) {
		text = ask(&fixture, cut[i], AS(READER));
		ck_assert_uint_eq(status_of(text), 200);
		ck_assert(!unchunk());
		ck_assert_str_eq(text + strlen(text) - 10, "4998,4999,");
	}
	text = exchange(connect_tcp(fixture.port), head);
	ck_assert_uint_eq(status_of(text), 200);
	ck_assert_ptr_nonnull(strstr(text, "Connection: close\r\n"));
	ck_assert_ptr_null(strstr(text, "Keep-Alive"));
	ck_assert_str_eq(strstr(text, "\r\n\r\n"), "\r\n\r\n");
	text = exchange(connect_tcp(fixture.port), old);
	ck_assert_uint_eq(status_of(text), 200);
	ck_assert_ptr_null(strstr(text, "chunked"));
	ck_assert_ptr_nonnull(strstr(text, body));
	ck_assert_str_eq(text + strlen(text) - 14, "4998,4999,end]");
	/* One that leaves in the middle is in nobody's way. */
	int fd = connect_tcp(fixture.port);
	say(fd, old, sizeof(old) - 1);
	close(fd);
	ck_assert_uint_eq(asked(&fixture, "GET /v1/echo/x", AS(READER)), 200);
	stop(&fixture, 0);
}
END_TEST

START_TEST(a_change_ends_a_wait)
{
	struct fixture fixture;
	start(&fixture, "");
	int fd = connect_tcp(fixture.port);
	static const char request[] =
	    "GET /v1/wait/job_1?wait=60 HTTP/1.1\r\n" HOST AS(READER) TAIL;
	say(fd, request, strlen(request));
	ck_until(waiting(&fixture) == 1);
	struct topic other = {.kind = CHANGE_JOB, .id = "job_2"};
	struct topic alien = {.kind = CHANGE_OPERATION, .id = "job_1"};
	struct topic wanted = {.kind = CHANGE_JOB, .id = "job_1"};
	server_notify(fixture.server, &other, 1);
	server_notify(fixture.server, &alien, 1);
	ck_assert_uint_eq(waiting(&fixture), 1);
	server_notify(fixture.server, &wanted, 1);
	const char *text = hear_all(fd);
	ck_assert_uint_eq(status_of(text), 200);
	ck_answer(text, "{\"entered\":2,\"over\":false}");

	/* The change that comes before the wait, and the one that stands for any. */
	change_before_wait = true;
	ck_answer(ask(&fixture, "GET /v1/wait/job_1?wait=60", AS(READER)),
	    "{\"entered\":4,\"over\":false}");
	fd = connect_tcp(fixture.port);
	say(fd, request, strlen(request));
	ck_until(waiting(&fixture) == 1);
	struct topic any = {.kind = CHANGE_JOB};
	server_notify(fixture.server, &any, 1);
	ck_answer(hear_all(fd), "{\"entered\":6,\"over\":false}");
	stop(&fixture, 0);
}
END_TEST

START_TEST(a_wait_ends_in_time_or_with_its_client)
{
	struct fixture fixture;
	/* Only for requests to arrive. */
	start(&fixture, "request_timeout = 300ms");
	int64_t before = clock_monotonic(&clock_system);
	ck_answer(ask(&fixture, "GET /v1/wait/job_1?wait=1", AS(READER)), "\"over\":true");
	int64_t took = clock_monotonic(&clock_system) - before;
	ck_assert_int_ge(took, MICROSECONDS_PER_SECOND);
	ck_assert_int_lt(took, 5 * MICROSECONDS_PER_SECOND);

	unsigned times = entered;
	int fd = connect_tcp(fixture.port);
	static const char request[] =
	    "GET /v1/wait/job_1?wait=60 HTTP/1.1\r\n" HOST AS(READER) TAIL;
	say(fd, request, strlen(request));
	ck_until(waiting(&fixture) == 1);
	close(fd);
	ck_until(waiting(&fixture) == 0);
	ck_until(entered == times + 2);
	stop(&fixture, 0);
}
END_TEST

START_TEST(stopping_ends_waits_and_answers_them)
{
	struct fixture fixture;
	int fds[8];
	start(&fixture, "");
	static const char request[] =
	    "GET /v1/wait/job_1?wait=60 HTTP/1.1\r\n" HOST AS(READER) "\r\n";
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = connect_tcp(fixture.port);
		say(fds[i], request, strlen(request));
	}
	ck_until(waiting(&fixture) == ARRAY_SIZE(fds));
	server_stop(fixture.server, 5 * MICROSECONDS_PER_SECOND);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		const char *text = hear_all(fds[i]);
		ck_assert_uint_eq(status_of(text), 200);
		ck_answer(text, "Connection: close\r\n");
	}
	/* The socket that was passed takes clients for whoever comes next. */
	close(connect_tcp(fixture.port));
	give_back(&fixture);
}
END_TEST

static const char command_request[] =
    "POST /v1/command HTTP/1.1\r\n" HOST AS(MANAGER) JSON "Content-Length: 2\r\n" TAIL "{}";

START_TEST(a_command_is_answered_by_the_engine)
{
	struct fixture fixture;
	start(&fixture, "");
	int fd = connect_tcp(fixture.port);
	say(fd, command_request, strlen(command_request));
	struct command *command = take_command();
	ck_assert_str_eq(command->client, "manager");
	ck_assert(span_equals(command->body, "{}"));
	answer_command(command);
	const char *text = hear_all(fd);
	ck_assert_uint_eq(status_of(text), 202);
	ck_answer(text, "{\"operation_id\":\"op_1\"}");
	answer_at_once = true;
	for (int i = 0; i < 20; i++)
		ck_assert_uint_eq(
		    status_of(exchange(connect_tcp(fixture.port), command_request)), 202);
	/* A client that leaves does not take its command with it. */
	answer_at_once = false;
	fd = connect_tcp(fixture.port);
	say(fd, command_request, strlen(command_request));
	command = take_command();
	close(fd);
	answer_command(command);
	stop(&fixture, MICROSECONDS_PER_SECOND);
}
END_TEST

START_TEST(a_command_may_outlive_the_server)
{
	struct fixture fixture;
	start(&fixture, "");
	int fd = connect_tcp(fixture.port);
	say(fd, command_request, strlen(command_request));
	struct command *command = take_command();
	stop(&fixture, 100 * MICROSECONDS_PER_MILLISECOND);
	const char *text = hear_all(fd);
	ck_assert_uint_eq(status_of(text), 503);
	ck_answer(text, "\"code\":\"stopping\"");
	ck_assert_str_eq(command->client, "manager");
	ck_assert(span_equals(command->body, "{}"));
	answer_command(command);
}
END_TEST

/* Sends a byte every 20 ms until the server has had enough. */
static unsigned drip(int fd, const char *text)
{
	int64_t before = clock_monotonic(&clock_system);
	for (size_t i = 0;
	     text[i] && clock_monotonic(&clock_system) - before < MICROSECONDS_PER_SECOND * 4;
	     i++) {
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		if (poll(&readable, 1, 20) > 0)
			break;
		say(fd, text + i, 1);
	}
	ck_assert_int_lt(clock_monotonic(&clock_system) - before, 4 * MICROSECONDS_PER_SECOND);
	return status_of(hear_all(fd));
}

START_TEST(a_request_must_arrive_in_time)
{
	struct fixture fixture;
	start(&fixture, "request_timeout = 300ms");
	ck_assert_uint_eq(
	    drip(connect_tcp(fixture.port),
		"GET /v1/echo/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\n"),
	    408);
	int fd = connect_tcp(fixture.port);
	static const char head[] = POST HOST AS(MANAGER) JSON "Content-Length: 1000\r\n\r\n";
	static const char blanks[] =
	    "                                                               ";
	say(fd, head, strlen(head));
	ck_assert_uint_eq(drip(fd, blanks), 408);
	/* The second request of a connection too. */
	fd = connect_tcp(fixture.port);
	static const char request[] = GET HOST AS(READER) "\r\n";
	say(fd, request, strlen(request));
	ck_assert_uint_eq(status_of(hear_one(fd)), 200);
	say(fd, head, strlen(head));
	ck_assert_uint_eq(drip(fd, blanks), 408);
	stop(&fixture, 0);
}
END_TEST

static uint64_t connected(struct fixture *fixture)
{
	struct server_counters counters;
	server_counters(fixture->server, &counters);
	return counters.connections;
}

static unsigned count_of(const char *text, const char *part)
{
	unsigned count = 0;
	for (; (text = strstr(text, part)); text++)
		count++;
	return count;
}

/* Says all in one piece and ends this side; what comes until the end of the other comes back. */
static const char *say_and_end(int fd, const char *text)
{
	say(fd, text, strlen(text));
	shutdown(fd, SHUT_WR);
	return hear_all(fd);
}

START_TEST(a_client_that_ends_its_side_is_answered_and_let_go)
{
	struct fixture fixture;
	start(&fixture, "");
	for (unsigned round = 0; round < 20; round++) {
		bool tcp = round % 2 == 0;
		int fd = tcp ? connect_tcp(fixture.port) : connect_unix(fixture.socket_path);
		const char *text = say_and_end(fd, GET HOST AS(READER) "\r\n" GET HOST AS(
						       READER) "\r\n" GET HOST AS(READER) "\r\n");
		ck_assert_uint_eq(count_of(text, "HTTP/1.1 200"), 3);
	}
	/* A wait ends at once; nothing is known about a change then. */
	const char *text = say_and_end(connect_tcp(fixture.port),
	    "GET /v1/wait/job_1?wait=60 HTTP/1.1\r\n" HOST AS(READER) "\r\n");
	ck_assert_uint_eq(status_of(text), 200);
	ck_answer(text, "\"over\":true");
	/* What is not whole will never be. */
	ck_assert_str_eq(say_and_end(connect_tcp(fixture.port), "GET /v1/echo/a HT"), "");
	ck_assert_str_eq(say_and_end(connect_tcp(fixture.port), GET HOST), "");
	ck_assert_str_eq(say_and_end(connect_unix(fixture.socket_path), GET HOST), "");
	ck_assert_str_eq(say_and_end(connect_tcp(fixture.port),
			     POST HOST AS(MANAGER) JSON "Content-Length: 9\r\n\r\n{"),
	    "");
	ck_until(connected(&fixture) == 0);
	stop(&fixture, 0);
}
END_TEST

START_TEST(a_reload_reaches_who_has_nothing_to_do)
{
	struct fixture fixture;
	start(&fixture, "");
	int fd = connect_tcp(fixture.port);
	ck_assert_uint_eq(asked(&fixture, "GET /v1/echo/a", AS(READER)), 200);
	struct config *before = fixture.config;
	fixture.config = load(&fixture, "request_timeout = 300ms");
	server_reload(fixture.server, fixture.config);
	ck_until(__atomic_load_n(&before->references, __ATOMIC_ACQUIRE) == 1);
	config_unref(before);
	ck_assert_uint_eq(
	    drip(connect_tcp(fixture.port),
		"GET /v1/echo/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\n"),
	    408);
	close(fd);
	stop(&fixture, 0);
}
END_TEST

START_TEST(a_crowd_does_not_hide_health)
{
	struct fixture fixture;
	int fds[8];
	struct pollfd ends[8];
	start(&fixture, "max_connections = 4");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		ends[i] =
		    (struct pollfd){.fd = fds[i] = connect_tcp(fixture.port), .events = POLLIN};
	/* Nobody's are a quarter at most: the oldest of a thread's goes for its next. */
	ck_until(poll(ends, ARRAY_SIZE(ends), 0) >= 5);
	struct server_counters counters;
	const char *text = exchange(
	    connect_tcp(fixture.health_port), "GET /healthz HTTP/1.1\r\nHost: localhost\r\n" TAIL);
	ck_assert_uint_eq(status_of(text), 200);
	text = exchange(connect_tcp(fixture.health_port), GET HOST AS(READER) TAIL);
	ck_assert_uint_eq(status_of(text), 404);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	ck_assert_uint_eq(asked(&fixture, "GET /healthz", ""), 200);
	server_counters(fixture.server, &counters);
	ck_assert_uint_ge(counters.sum.by_status[2], 2);
	ck_assert_uint_eq(counters.sum.problems[PROBLEM_NOT_FOUND], 1);
	stop(&fixture, 0);
}
END_TEST

/* A reload is asked for on a connection of its own. */
static int ask_reload(struct fixture *fixture, uint64_t already_waiting)
{
	static const char request[] = "POST /v1/reload HTTP/1.1\r\nHost: localhost\r\n" AS(
	    MANAGER) "Content-Type: application/json\r\nContent-Length: 2\r\n" TAIL "{}";
	int fd = connect_tcp(fixture->port);
	say(fd, request, strlen(request));
	ck_until(waiting(fixture) == already_waiting + 1);
	return fd;
}

static void end_reload(struct fixture *fixture, int64_t at, const char *fault)
{
	_cleanup_faults_ struct faults faults;
	faults_init(&faults);
	if (fault)
		faults_add(&faults, "conf", 3, "%s", fault);
	reloads_end(fixture->reloads, at, &faults);
	service_reloaded(fixture->server);
}

static bool asked_for_reload(struct fixture *fixture)
{
	struct pollfd asked = {.fd = reloads_fd(fixture->reloads), .events = POLLIN};
	return poll(&asked, 1, 0) == 1;
}

START_TEST(who_asks_before_a_reload_begins_shares_it)
{
	struct fixture fixture;
	start(&fixture, "");
	int first = ask_reload(&fixture, 0);
	int second = ask_reload(&fixture, 1);
	ck_assert(asked_for_reload(&fixture));
	reloads_begin(fixture.reloads);
	ck_assert(!asked_for_reload(&fixture));
	int late = ask_reload(&fixture, 2);
	end_reload(&fixture, MICROSECONDS_PER_SECOND, NULL);
	ck_answer(hear_all(first), "{\"reloaded\":true,\"loaded_at\":\"1970-01-01T00:00:01Z\"}");
	ck_assert_uint_eq(status_of(hear_all(second)), 200);
	/* What this one wants read may have been written after it was read. */
	ck_until(waiting(&fixture) == 1);
	ck_assert(asked_for_reload(&fixture));
	reloads_begin(fixture.reloads);
	end_reload(&fixture, 2 * MICROSECONDS_PER_SECOND, "region: \"moon\" is not one");
	const char *text = hear_all(late);
	ck_assert_uint_eq(status_of(text), 422);
	ck_answer(text, "\"code\":\"configuration-invalid\"");
	ck_answer(text, "\"detail\":\"conf:3: region: \\\"moon\\\" is not one\"");
	stop(&fixture, 0);
}
END_TEST

START_TEST(a_stop_answers_who_waits_for_a_reload)
{
	struct fixture fixture;
	start(&fixture, "");
	int waits = ask_reload(&fixture, 0);
	reloads_begin(fixture.reloads);
	server_stop(fixture.server, MICROSECONDS_PER_SECOND);
	const char *text = hear_all(waits);
	ck_assert_uint_eq(status_of(text), 503);
	ck_answer(text, "\"code\":\"stopping\"");
	give_back(&fixture);
}
END_TEST

static const char *hear_answer_to(struct fixture *fixture, const char *request)
{
	int fd = connect_tcp(fixture->port);
	say(fd, request, strlen(request));
	const char *text = hear_one(fd);
	close(fd);
	return text;
}

START_TEST(an_answer_says_for_how_long_the_connection_is_kept)
{
	static const char kept_for[] = "\r\nKeep-Alive: timeout=75\r\n";
	struct fixture fixture;
	start(&fixture, "");
	ck_answer(hear_answer_to(&fixture, GET HOST AS(READER) "\r\n"), kept_for);
	ck_answer(hear_answer_to(&fixture, "GET /v1/echo/a HTTP/1.0\r\n" HOST AS(
					       READER) "Connection: Keep-Alive\r\n\r\n"),
	    kept_for);
	static const char *const ending[] = {
	    GET HOST "\r\n", /* 401 */
	    GET HOST AS(READER) "Connection: close\r\n\r\n",
	    GET HOST AS(READER) "Connection: TE\r\nConnection: te, Close\r\n\r\n",
	    "GET /v1/echo/a HTTP/1.0\r\n" HOST AS(READER) "\r\n",
	    "GET /v1/echo/a HTTP/1.1\r\n" HOST "X: \1\r\n\r\n",
	    "POST /v1/things HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n", /* 401 */
	};
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++) {
		int fd = connect_tcp(fixture.port);
		const char *text = exchange(fd, ending[i]);
		ck_assert_uint_ne(status_of(text), 0);
		ck_no_answer(text, "Keep-Alive");
	}
	stop(&fixture, 0);
}
END_TEST

static int64_t processor_time(void)
{
	struct rusage usage;
	ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * MICROSECONDS_PER_SECOND +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

START_TEST(without_descriptors_it_waits_at_ease)
{
	struct fixture fixture;
	struct rlimit before, none;
	char log[4096] = "";
	int log_fd = memfd_create("log", MFD_CLOEXEC), error_fd = dup(STDERR_FILENO);
	start(&fixture, "");
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_port = htons(fixture.port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct pollfd client = {
	    .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .events = POLLIN};
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	dup2(log_fd, STDERR_FILENO);
	int64_t spent = processor_time();
	ck_assert_int_eq(connect(client.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	say(client.fd, GET HOST AS(READER) TAIL, strlen(GET HOST AS(READER) TAIL));
	int heard = poll(&client, 1, 1000);
	spent = processor_time() - spent;
	dup2(error_fd, STDERR_FILENO);
	ck_assert_int_eq(heard, 0);
	ck_assert_int_lt(spent, MICROSECONDS_PER_SECOND / 3);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_uint_eq(status_of(hear_all(client.fd)), 200);
	/* Two threads say it, once. */
	ck_assert_int_ge(pread(log_fd, log, sizeof(log) - 1, 0), 0);
	unsigned count = 0;
	for (const char *at = log; (at = strstr(at, "can accept nobody")); at++)
		count++;
	ck_assert_uint_ge(count, 1);
	ck_assert_uint_le(count, 2);
	close(log_fd);
	close(error_fd);
	stop(&fixture, 0);
}
END_TEST

/* The threads of libmicrohttpd, in the order they were started. */
static size_t find_serving_threads(pid_t threads[], size_t size)
{
	size_t count = 0;
	for (pid_t id = getpid(); id < getpid() + 10000 && count < size; id++) {
		char path[64], name[32] = "";
		snprintf(path, sizeof(path), "/proc/self/task/%d/comm", (int)id);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (read(fd, name, sizeof(name) - 1) > 0 && strncmp(name, "MHD", 3) == 0)
			threads[count++] = id;
		close(fd);
	}
	return count;
}

static int release[2];

/* A thread that gets the signal sleeps in here, wherever it was. */
static void hold_up(int number)
{
	char byte;
	(void)number;
	(void)!read(release[0], &byte, 1);
}

START_TEST(a_thread_that_has_nothing_to_do_shows_that_it_turns)
{
	struct fixture fixture;
	pid_t threads[8];
	const int64_t limit = 5 * MICROSECONDS_PER_SECOND / 2;
	const struct sigaction action = {.sa_handler = hold_up, .sa_flags = SA_RESTART};
	ck_assert_int_eq(pipe(release), 0);
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	start(&fixture, "");
	ck_until(find_serving_threads(threads, ARRAY_SIZE(threads)) == 5);
	ck_assert(server_alive(fixture.server, limit));
	for (size_t i = 0; i < 5; i += 2) {
		ck_assert_int_eq(syscall(SYS_tgkill, getpid(), threads[i], SIGUSR1), 0);
		ck_until(!server_alive(fixture.server, limit));
		ck_assert_int_eq(write(release[1], "", 1), 1);
		ck_until(server_alive(fixture.server, limit));
	}
	ck_assert_uint_eq(asked(&fixture, "GET /healthz", ""), 200);
	stop(&fixture, 0);
	close(release[0]);
	close(release[1]);
}
END_TEST

/* Whoever gets a number that was freed must not lose it to one who closes it again. */
static void stop_once_more(struct fixture *fixture)
{
	int fds[64];
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	server_stop(fixture->server, 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		ck_assert_int_eq(close(fds[i]), 0);
}

/* With room for so many descriptors more than there are before the start. */
static int start_within(struct fixture *fixture, rlim_t room)
{
	struct err err = ERR_INIT;
	struct rlimit before, limit;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	prepare(fixture, "");
	int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(next);
	limit = (struct rlimit){.rlim_cur = (rlim_t)next + 4 + room, .rlim_max = before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	int result = start_threads(fixture, &err);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	return result;
}

START_TEST(a_start_that_fails_anywhere_leaves_nothing)
{
	struct fixture fixture;
	rlim_t room = 0;
	while (start_within(&fixture, room) < 0) {
		stop_once_more(&fixture);
		/* The socket that was passed takes clients for whoever comes next. */
		close(connect_tcp(fixture.port));
		ck_assert(fcntl(fixture.kept_fd, F_GETFD) >= 0);
		give_back(&fixture);
		room++;
	}
	ck_assert_uint_gt(room, 10);
	ck_assert_uint_eq(asked(&fixture, "GET /v1/echo/a", AS(READER)), 200);
	server_stop(fixture.server, 0);
	stop_once_more(&fixture);
	give_back(&fixture);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"every answer has its headers", every_answer_has_its_headers},
	    {"heads are policed", heads_are_policed},
	    {"long targets and bodies are refused", long_targets_and_bodies_are_refused},
	    {"callers see what they may", callers_see_what_they_may},
	    {"a socket peer is known by its uid", a_socket_peer_is_known_by_its_uid},
	    {"parameters are known and given once", parameters_are_known_and_given_once},
	    {"what was rendered is kept", what_was_rendered_is_kept},
	    {"a body in parts has its end or none", a_body_in_parts_has_its_end_or_none},
	    {"a change ends a wait", a_change_ends_a_wait},
	    {"a wait ends in time or with its client", a_wait_ends_in_time_or_with_its_client},
	    {"stopping ends waits and answers them", stopping_ends_waits_and_answers_them},
	    {"a command is answered by the engine", a_command_is_answered_by_the_engine},
	    {"a command may outlive the server", a_command_may_outlive_the_server},
	    {"a request must arrive in time", a_request_must_arrive_in_time},
	    {"a client that ends its side is answered and let go",
		a_client_that_ends_its_side_is_answered_and_let_go},
	    {"a reload reaches who has nothing to do", a_reload_reaches_who_has_nothing_to_do},
	    {"a crowd does not hide health", a_crowd_does_not_hide_health},
	    {"who asks before a reload begins shares it",
		who_asks_before_a_reload_begins_shares_it},
	    {"a stop answers who waits for a reload", a_stop_answers_who_waits_for_a_reload},
	    {"a start that fails anywhere leaves nothing",
		a_start_that_fails_anywhere_leaves_nothing},
	    {"an answer says for how long the connection is kept",
		an_answer_says_for_how_long_the_connection_is_kept},
	    {"without descriptors it waits at ease", without_descriptors_it_waits_at_ease},
	    {"a thread that has nothing to do shows that it turns",
		a_thread_that_has_nothing_to_do_shows_that_it_turns},
	    {NULL, NULL},
	};
	return unit_main("server", cases);
}
