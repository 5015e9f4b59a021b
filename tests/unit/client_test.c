/* SPDX-License-Identifier: MIT */
/* The client against a server that misbehaves as told, in a thread of this program. */
#include "transfer/client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "mixpanel/endpoints.h"
#include "unit.h"
#include "util/backoff.h"
#include "util/clock.h"
#include "util/timestamp.h"

#define CREDENTIAL "robot:s3:cret"
#define CREDENTIAL_HEADER "Authorization: Basic cm9ib3Q6czM6Y3JldA==\r\n"
#define TIMEOUT (10 * MICROSECONDS_PER_SECOND)
#define SHORT_TIMEOUT (150 * MICROSECONDS_PER_MILLISECOND)

#define CONNECTIONS 8
#define REQUEST_LIMIT 65536

#define ANSWER(status, headers, body) "HTTP/1.1 " status "\r\n" headers "\r\n" body
#define OK_ANSWER ANSWER("200 OK", "Content-Length: 2\r\n", "{}")

/* The server ------------------------------------------------------------------------------------
 *
 * It takes one step of its script for each request, and closes the connection of a request that
 * finds no step left. */

enum then { KEEP, CLOSE, RESET, STALL, DRIP };

struct step {
	const char *answer; /* NULL: none */
	enum then then;
};

struct server {
	int listener;
	int stop;
	uint16_t port;
	pthread_t thread;
	const struct step *steps;
	atomic_uint requests;
	atomic_uint connections;
	bool mute;             /* accepts and never reads */
	size_t flood;          /* bytes of body after the first answer, in chunks */
	int open[CONNECTIONS]; /* -1: free */
	bool dripping[CONNECTIONS];
	struct buffer received[CONNECTIONS]; /* the request that is coming in */
	struct buffer log;                   /* all requests; read after server_stop */
};

static void hang_up(struct server *server, size_t i, bool reset)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};
	if (reset)
		setsockopt(server->open[i], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(server->open[i]);
	server->open[i] = -1;
	server->dripping[i] = false;
	buffer_clear(&server->received[i]);
}

static bool is_whole(const char *request)
{
	const char *body = strstr(request, "\r\n\r\n");
	if (!body)
		return false;
	const char *length = strcasestr(request, "content-length:");
	return !length || length > body || strlen(body + 4) >= strtoul(length + 15, NULL, 10);
}

static void send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

/* A chunked body of so many bytes: no Content-Length tells how long it will be. */
static void flood(int fd, size_t bytes)
{
	static char blanks[65536];
	memset(blanks, ' ', sizeof(blanks));
	while (bytes > 0) {
		char size[16];
		size_t n = bytes < sizeof(blanks) ? bytes : sizeof(blanks);
		snprintf(size, sizeof(size), "%zx\r\n", n);
		send_all(fd, size, strlen(size));
		send_all(fd, blanks, n);
		send_all(fd, "\r\n", 2);
		bytes -= n;
	}
	send_all(fd, "0\r\n\r\n", 5);
}

static void take_step(struct server *server, size_t i)
{
	unsigned number = atomic_fetch_add(&server->requests, 1);
	buffer_append_text(&server->log, buffer_text(&server->received[i]));
	buffer_clear(&server->received[i]);
	const struct step *step = server->steps;
	for (unsigned n = 0; step && n < number; n++)
		step = step->answer || step->then != KEEP ? step + 1 : NULL;
	if (!step || (!step->answer && step->then == KEEP)) {
		hang_up(server, i, false);
		return;
	}
	if (step->answer)
		send(server->open[i], step->answer, strlen(step->answer), MSG_NOSIGNAL);
	if (server->flood)
		flood(server->open[i], server->flood);
	if (step->then == CLOSE || step->then == RESET)
		hang_up(server, i, step->then == RESET);
	else
		server->dripping[i] = step->then == DRIP;
}

static void receive(struct server *server, size_t i)
{
	char data[4096];
	ssize_t n = recv(server->open[i], data, sizeof(data), 0);
	if (n <= 0) {
		hang_up(server, i, false);
		return;
	}
	buffer_append(&server->received[i], data, (size_t)n);
	if (is_whole(buffer_text(&server->received[i])))
		take_step(server, i);
}

static void welcome(struct server *server)
{
	int fd = accept(server->listener, NULL, NULL);
	atomic_fetch_add(&server->connections, 1);
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (server->open[i] < 0) {
			server->open[i] = fd;
			return;
		}
	close(fd);
}

static void *serve(void *context)
{
	struct server *server = context;
	for (;;) {
		struct pollfd fds[2 + CONNECTIONS] = {
		    {.fd = server->stop, .events = POLLIN},
		    {.fd = server->listener, .events = POLLIN},
		};
		bool dripping = false;
		for (size_t i = 0; i < CONNECTIONS; i++) {
			fds[2 + i] = (struct pollfd){
			    .fd = server->mute ? -1 : server->open[i],
			    .events = POLLIN,
			};
			dripping |= server->dripping[i];
		}
		poll(fds, 2 + CONNECTIONS, dripping ? 20 : -1);
		if (fds[0].revents)
			return NULL;
		if (fds[1].revents)
			welcome(server);
		for (size_t i = 0; i < CONNECTIONS; i++) {
			if (fds[2 + i].fd >= 0 && fds[2 + i].revents)
				receive(server, i);
			else if (server->dripping[i])
				send(server->open[i], "x", 1, MSG_NOSIGNAL);
		}
	}
}

static int listen_on_loopback(uint16_t *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

/* steps end with {NULL, KEEP}. */
static void server_start(struct server *server, const struct step *steps)
{
	server->steps = steps;
	server->listener = listen_on_loopback(&server->port);
	server->stop = eventfd(0, EFD_CLOEXEC);
	buffer_init(&server->log, 16 * REQUEST_LIMIT);
	for (size_t i = 0; i < CONNECTIONS; i++) {
		server->open[i] = -1;
		buffer_init(&server->received[i], REQUEST_LIMIT);
	}
	ck_assert_int_eq(pthread_create(&server->thread, NULL, serve, server), 0);
}

/* From here on the log may be read; server_done frees it. */
static void server_stop(struct server *server)
{
	ck_assert_int_eq(eventfd_write(server->stop, 1), 0);
	pthread_join(server->thread, NULL);
	close(server->stop);
	close(server->listener);
	for (size_t i = 0; i < CONNECTIONS; i++) {
		if (server->open[i] >= 0)
			close(server->open[i]);
		buffer_done(&server->received[i]);
	}
}

static void server_done(struct server *server)
{
	buffer_done(&server->log);
}

static unsigned count_in(const char *text, const char *part)
{
	unsigned count = 0;
	for (; (text = strstr(text, part)); text += strlen(part))
		count++;
	return count;
}

/* Requests -------------------------------------------------------------------------------------*/

/* A copy of how a request ended. */
struct ending {
	unsigned calls;
	enum client_outcome outcome;
	long status;
	struct buffer body;
	char message[512];
	int64_t retry_after;
	char request_id[CLIENT_REQUEST_ID_SIZE];
	int64_t started_at;
	int64_t duration;
};

static void note_ending(const struct client_answer *answer, void *context)
{
	struct ending *ending = context;
	ending->calls++;
	ending->outcome = answer->outcome;
	ending->status = answer->status;
	ending->retry_after = answer->retry_after;
	snprintf(ending->request_id, sizeof(ending->request_id), "%s", answer->request_id);
	ending->started_at = answer->started_at;
	ending->duration = answer->duration;
	snprintf(ending->message, sizeof(ending->message), "%s", answer->message);
	buffer_init(&ending->body, CLIENT_BODY_LIMIT);
	buffer_append(&ending->body, answer->body.ptr, answer->body.len);
}

static void ending_done(struct ending *ending)
{
	buffer_done(&ending->body);
}
#define _cleanup_ending_ _cleanup_(ending_done)

struct fixture {
	struct server server;
	struct client *client;
	char base[64];
	char url[128];
};

static void fixture_start(struct fixture *fixture, const struct step *steps)
{
	struct err err = ERR_INIT;
	server_start(&fixture->server, steps);
	ck_assert_int_eq(client_new("mixport/test", "x-mp-request-id", &err, &fixture->client), 0);
	snprintf(fixture->base, sizeof(fixture->base), "http://127.0.0.1:%u",
	    (unsigned)fixture->server.port);
	snprintf(fixture->url, sizeof(fixture->url), "%s/connectors", fixture->base);
}

/* The client first: its connections are what the server waits on. */
static void fixture_stop(struct fixture *fixture)
{
	fixture->client = client_free(fixture->client);
	server_stop(&fixture->server);
}

static void fixture_done(struct fixture *fixture)
{
	server_done(&fixture->server);
}

static void submit(
    struct fixture *fixture, enum endpoint endpoint, int64_t timeout, struct ending *ending)
{
	struct err err = ERR_INIT;
	const struct client_request request = {
	    .name = endpoint_name(endpoint),
	    .method = endpoint_method(endpoint),
	    .once = endpoint_writes(endpoint),
	    .url = fixture->url,
	    .credential = CREDENTIAL,
	    .body = endpoint == ENDPOINT_CREATE ? span_of("{\"label\":\"x\"}") : SPAN_NONE,
	    .timeout = timeout,
	    .done = note_ending,
	    .context = ending,
	};
	ck_assert_msg(client_submit(fixture->client, &request, &err) == 0, "%s", err.text);
}

static void run_until_idle(struct client *client)
{
	while (client_in_flight(client) > 0)
		client_run(client, 60 * MICROSECONDS_PER_SECOND);
}

static void ask(
    struct fixture *fixture, enum endpoint endpoint, int64_t timeout, struct ending *ending)
{
	submit(fixture, endpoint, timeout, ending);
	run_until_idle(fixture->client);
	ck_assert_uint_eq(ending->calls, 1);
}

/* One request against one step. */
static void ask_once(const struct step *steps, enum endpoint endpoint, int64_t timeout,
    struct ending *ending, unsigned *ret_requests)
{
	struct fixture fixture = {0};
	fixture_start(&fixture, steps);
	ask(&fixture, endpoint, timeout, ending);
	fixture_stop(&fixture);
	*ret_requests = fixture.server.requests;
	fixture_done(&fixture);
}

START_TEST(a_read_brings_status_and_body)
{
	static const struct step steps[] = {{OK_ANSWER, KEEP}, {NULL, KEEP}};
	struct fixture fixture = {0};
	struct ending ending _cleanup_ending_ = {0};
	int64_t before = clock_wall(&clock_system);
	fixture_start(&fixture, steps);
	ask(&fixture, ENDPOINT_LIST, TIMEOUT, &ending);
	fixture_stop(&fixture);
	ck_assert_int_eq(ending.outcome, CLIENT_ANSWERED);
	ck_assert_int_eq(ending.status, 200);
	ck_assert_str_eq(buffer_text(&ending.body), "{}");
	ck_assert_str_eq(ending.message, "");
	ck_assert_int_eq(ending.retry_after, 0);
	ck_assert_int_ge(ending.started_at, before);
	ck_assert_int_ge(ending.duration, 0);
	const char *log = buffer_text(&fixture.server.log);
	ck_assert_uint_eq(count_in(log, "GET /connectors HTTP/1.1\r\n"), 1);
	ck_assert_uint_eq(count_in(log, CREDENTIAL_HEADER), 1);
	ck_assert_uint_eq(count_in(log, "User-Agent: mixport/test\r\n"), 1);
	ck_assert_uint_eq(count_in(log, "Accept: application/json\r\n"), 1);
	ck_assert_uint_eq(count_in(log, "Accept-Encoding"), 0);
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_create_carries_its_body)
{
	static const struct step steps[] = {
	    {ANSWER("201 Created", "Content-Length: 2\r\n", "{}"), KEEP}, {NULL, KEEP}};
	struct fixture fixture = {0};
	struct ending ending _cleanup_ending_ = {0};
	fixture_start(&fixture, steps);
	ask(&fixture, ENDPOINT_CREATE, TIMEOUT, &ending);
	fixture_stop(&fixture);
	ck_assert_int_eq(ending.status, 201);
	const char *log = buffer_text(&fixture.server.log);
	ck_assert_uint_eq(count_in(log, "POST /connectors HTTP/1.1\r\n"), 1);
	ck_assert_uint_eq(count_in(log, "Content-Type: application/json\r\n"), 1);
	ck_assert_uint_eq(count_in(log, "\r\n\r\n{\"label\":\"x\"}"), 1);
	ck_assert_uint_eq(count_in(log, "Expect"), 0);
	fixture_done(&fixture);
}
END_TEST

/* libcurl repeats a request, a POST too, when the connection it reuses dies. */
START_TEST(a_create_is_never_repeated)
{
	static const struct step steps[] = {
	    {OK_ANSWER, KEEP}, {NULL, CLOSE}, {OK_ANSWER, KEEP}, {OK_ANSWER, KEEP}, {NULL, KEEP}};
	static const enum endpoint writes[] = {ENDPOINT_CREATE, ENDPOINT_DELETE};
	for (size_t i = 0; i < ARRAY_SIZE(writes); i++) {
		struct fixture fixture = {0};
		struct ending read _cleanup_ending_ = {0};
		struct ending write _cleanup_ending_ = {0};
		fixture_start(&fixture, steps);
		ask(&fixture, ENDPOINT_LIST, TIMEOUT, &read);
		ask(&fixture, writes[i], TIMEOUT, &write);
		fixture_stop(&fixture);
		ck_assert_int_eq(read.outcome, CLIENT_ANSWERED);
		ck_assert_int_eq(write.outcome, CLIENT_UNCLEAR);
		ck_assert_uint_eq(fixture.server.requests, 2);
		ck_assert_uint_eq(fixture.server.connections, 2);
		fixture_done(&fixture);
	}
}
END_TEST

START_TEST(only_reads_share_connections)
{
	static const struct step steps[] = {{OK_ANSWER, KEEP}, {OK_ANSWER, KEEP}, {OK_ANSWER, KEEP},
	    {OK_ANSWER, KEEP}, {OK_ANSWER, KEEP}, {NULL, KEEP}};
	static const struct {
		enum endpoint endpoint;
		unsigned connections;
	} calls[] = {
	    {ENDPOINT_CREATE, 1},
	    {ENDPOINT_LIST, 2},
	    {ENDPOINT_HISTORY, 2},
	    {ENDPOINT_DELETE, 3},
	    {ENDPOINT_GET, 3},
	};
	struct fixture fixture = {0};
	fixture_start(&fixture, steps);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		struct ending ending _cleanup_ending_ = {0};
		ask(&fixture, calls[i].endpoint, TIMEOUT, &ending);
		ck_assert_int_eq(ending.outcome, CLIENT_ANSWERED);
		ck_assert_uint_eq(fixture.server.connections, calls[i].connections);
	}
	fixture_stop(&fixture);
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_connection_is_not_kept_after_a_failure)
{
	static const struct step steps[] = {{OK_ANSWER, KEEP}, {OK_ANSWER, KEEP},
	    {ANSWER("503 Service Unavailable", "Content-Length: 2\r\n", "{}"), KEEP},
	    {OK_ANSWER, KEEP}, {NULL, KEEP}};
	static const unsigned connections[] = {1, 1, 1, 2};
	struct fixture fixture = {0};
	fixture_start(&fixture, steps);
	for (size_t i = 0; i < ARRAY_SIZE(connections); i++) {
		struct ending ending _cleanup_ending_ = {0};
		ask(&fixture, ENDPOINT_LIST, TIMEOUT, &ending);
		ck_assert_uint_eq(fixture.server.connections, connections[i]);
	}
	fixture_stop(&fixture);
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_body_goes_with_whatever_method)
{
	static const struct step steps[] = {{OK_ANSWER, KEEP}, {NULL, KEEP}};
	struct fixture fixture = {0};
	struct ending ending _cleanup_ending_ = {0};
	struct err err = ERR_INIT;
	fixture_start(&fixture, steps);
	const struct client_request request = {
	    .name = "delete",
	    .method = "DELETE",
	    .once = true,
	    .url = fixture.url,
	    .credential = CREDENTIAL,
	    .body = span_of("{\"label\":\"x\"}"),
	    .timeout = TIMEOUT,
	    .done = note_ending,
	    .context = &ending,
	};
	ck_assert_int_eq(client_submit(fixture.client, &request, &err), 0);
	run_until_idle(fixture.client);
	fixture_stop(&fixture);
	const char *log = buffer_text(&fixture.server.log);
	ck_assert_uint_eq(count_in(log, "DELETE /connectors HTTP/1.1\r\n"), 1);
	ck_assert_uint_eq(count_in(log, "\r\n\r\n{\"label\":\"x\"}"), 1);
	fixture_done(&fixture);
}
END_TEST

START_TEST(cookies_are_not_kept_and_the_request_id_is_told)
{
	static const struct step steps[] = {
	    {ANSWER("200 OK",
		 "Set-Cookie: who=somebody; Path=/\r\nx-mp-request-id: abc-123\r\n"
		 "Content-Length: 2\r\n",
		 "{}"),
		KEEP},
	    {ANSWER("200 OK", "x-mp-request-id: a b\r\nContent-Length: 2\r\n", "{}"), KEEP},
	    {NULL, KEEP}};
	static const char *const ids[] = {"abc-123", ""};
	struct fixture fixture = {0};
	fixture_start(&fixture, steps);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct ending ending _cleanup_ending_ = {0};
		ask(&fixture, ENDPOINT_LIST, TIMEOUT, &ending);
		ck_assert_str_eq(ending.request_id, ids[i]);
	}
	fixture_stop(&fixture);
	ck_assert_uint_eq(count_in(buffer_text(&fixture.server.log), "ookie"), 0);
	fixture_done(&fixture);
}
END_TEST

START_TEST(no_connection_means_nothing_was_sent)
{
	struct fixture fixture = {0};
	struct ending ending _cleanup_ending_ = {0};
	static const struct step steps[] = {{NULL, KEEP}};
	fixture_start(&fixture, steps);
	/* Bound but not listening: nobody else gets the port, and nobody answers. */
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int silent _cleanup_close_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(silent, (struct sockaddr *)&address, size), 0);
	ck_assert_int_eq(getsockname(silent, (struct sockaddr *)&address, &size), 0);
	snprintf(fixture.url, sizeof(fixture.url), "http://127.0.0.1:%u/",
	    (unsigned)ntohs(address.sin_port));
	ask(&fixture, ENDPOINT_CREATE, TIMEOUT, &ending);
	ck_assert_int_eq(ending.outcome, CLIENT_NOT_SENT);
	ck_assert_uint_eq(count_in(ending.message, "no connection could be made"), 1);
	fixture_stop(&fixture);
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_failed_handshake_means_nothing_was_sent)
{
	static const struct step steps[] = {{NULL, KEEP}};
	for (int mute = 0; mute < 2; mute++) {
		struct fixture fixture = {0};
		struct ending ending _cleanup_ending_ = {0};
		fixture.server.mute = mute;
		fixture_start(&fixture, steps);
		snprintf(fixture.url, sizeof(fixture.url), "https://127.0.0.1:%u/",
		    (unsigned)fixture.server.port);
		ask(&fixture, ENDPOINT_CREATE, SHORT_TIMEOUT, &ending);
		ck_assert_int_eq(ending.outcome, CLIENT_NOT_SENT);
		fixture_stop(&fixture);
		fixture_done(&fixture);
	}
}
END_TEST

START_TEST(without_a_complete_answer_the_outcome_is_unclear)
{
	static const struct step scripts[][2] = {
	    {{NULL, CLOSE}, {NULL, KEEP}},
	    {{NULL, RESET}, {NULL, KEEP}},
	    {{"HTTP/1.1 200 OK\r\nContent-Le", CLOSE}, {NULL, KEEP}},
	    {{ANSWER("200 OK", "Content-Length: 20\r\n", "{}"), CLOSE}, {NULL, KEEP}},
	    {{ANSWER("200 OK", "Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n"), CLOSE},
		{NULL, KEEP}},
	    {{ANSWER("200 OK", "Transfer-Encoding: chunked\r\n", "zz\r\n"), CLOSE}, {NULL, KEEP}},
	    {{"{\"status\":\"ok\"}", CLOSE}, {NULL, KEEP}},
	    {{"HTTP/1.1 100 Continue\r\n\r\n", CLOSE}, {NULL, KEEP}},
	    {{"HTTP/1.1 101 Switching Protocols\r\n\r\n", CLOSE}, {NULL, KEEP}},
	    {{"HTTP/1.1 103 Early Hints\r\n\r\n", CLOSE}, {NULL, KEEP}},
	    {{ANSWER("099 Odd", "Content-Length: 0\r\n", ""), CLOSE}, {NULL, KEEP}},
	    {{"HTTP/22222222221.] 200 OK\r\nContent-Length: 2\r\n\r\n{}", CLOSE}, {NULL, KEEP}},
	};
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		struct ending ending _cleanup_ending_ = {0};
		unsigned requests = 0;
		ask_once(scripts[i], ENDPOINT_CREATE, TIMEOUT, &ending, &requests);
		ck_assert_msg(ending.outcome == CLIENT_UNCLEAR, "script %zu", i);
		ck_assert_uint_eq(requests, 1);
		ck_assert_str_ne(ending.message, "");
	}
}
END_TEST

START_TEST(a_slow_server_is_left_in_time)
{
	static const struct step scripts[][2] = {
	    {{NULL, STALL}, {NULL, KEEP}},
	    {{ANSWER("200 OK", "Content-Length: 100000\r\n", "{"), DRIP}, {NULL, KEEP}},
	    {{"HTTP/1.1 200 OK\r\nX-Slow: ", DRIP}, {NULL, KEEP}},
	};
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		struct ending ending _cleanup_ending_ = {0};
		unsigned requests = 0;
		ask_once(scripts[i], ENDPOINT_CREATE, SHORT_TIMEOUT, &ending, &requests);
		ck_assert_msg(ending.outcome == CLIENT_UNCLEAR, "script %zu", i);
		ck_assert_int_ge(ending.duration, SHORT_TIMEOUT - MICROSECONDS_PER_MILLISECOND);
		ck_assert_int_lt(ending.duration, TIMEOUT);
	}
}
END_TEST

START_TEST(an_answer_over_the_limit_is_dropped)
{
	static const struct step steps[] = {
	    {ANSWER("200 OK", "Transfer-Encoding: chunked\r\n", ""), KEEP}, {NULL, KEEP}};
	for (size_t extra = 0; extra < 2; extra++) {
		struct fixture fixture = {0};
		struct ending ending _cleanup_ending_ = {0};
		fixture.server.flood = CLIENT_BODY_LIMIT + extra;
		fixture_start(&fixture, steps);
		ask(&fixture, ENDPOINT_LIST, TIMEOUT, &ending);
		fixture_stop(&fixture);
		ck_assert_int_eq(ending.outcome, extra ? CLIENT_UNCLEAR : CLIENT_ANSWERED);
		ck_assert_uint_eq(ending.body.len, extra ? 0 : CLIENT_BODY_LIMIT);
		ck_assert_uint_eq(count_in(ending.message, "larger than 4 MiB"), extra);
		fixture_done(&fixture);
	}
}
END_TEST

START_TEST(a_read_follows_an_added_slash_once)
{
	static const struct step steps[] = {
	    {ANSWER("301 Moved", "Location: /connectors/\r\nContent-Length: 4\r\n", "gone"), KEEP},
	    {OK_ANSWER, KEEP}, {NULL, KEEP}};
	struct fixture fixture = {0};
	struct ending ending _cleanup_ending_ = {0};
	fixture_start(&fixture, steps);
	ask(&fixture, ENDPOINT_LIST, TIMEOUT, &ending);
	fixture_stop(&fixture);
	ck_assert_int_eq(ending.status, 200);
	ck_assert_str_eq(buffer_text(&ending.body), "{}");
	const char *log = buffer_text(&fixture.server.log);
	ck_assert_uint_eq(count_in(log, "GET /connectors HTTP/1.1\r\n"), 1);
	ck_assert_uint_eq(count_in(log, "GET /connectors/ HTTP/1.1\r\n"), 1);
	ck_assert_uint_eq(count_in(log, CREDENTIAL_HEADER), 2);
	fixture_done(&fixture);
}
END_TEST

START_TEST(any_other_redirect_is_an_answer)
{
	static const struct {
		const char *answer;
		enum endpoint endpoint;
		long status;
	} redirects[] = {
	    {ANSWER("301 Moved", "Location: /connectors/\r\nContent-Length: 0\r\n", ""),
		ENDPOINT_CREATE, 301},
	    {ANSWER("308 Moved", "Location: /connectors/\r\nContent-Length: 0\r\n", ""),
		ENDPOINT_CREATE, 308},
	    {ANSWER("307 Moved", "Location: /connectors/\r\nContent-Length: 0\r\n", ""),
		ENDPOINT_DELETE, 307},
	    {ANSWER("303 Other", "Location: /connectors/\r\nContent-Length: 0\r\n", ""),
		ENDPOINT_LIST, 303},
	    {ANSWER("302 Found", "Location: /login/\r\nContent-Length: 0\r\n", ""), ENDPOINT_LIST,
		302},
	    {ANSWER("302 Found",
		 "Location: http://other.invalid/connectors/\r\nContent-Length: 0\r\n", ""),
		ENDPOINT_LIST, 302},
	    {ANSWER("302 Found",
		 "Location: /connectors/\r\nLocation: /connectors/\r\nContent-Length: 0\r\n", ""),
		ENDPOINT_LIST, 302},
	    {ANSWER("301 Moved", "Content-Length: 0\r\n", ""), ENDPOINT_LIST, 301},
	};
	for (size_t i = 0; i < ARRAY_SIZE(redirects); i++) {
		struct ending ending _cleanup_ending_ = {0};
		unsigned requests = 0;
		const struct step steps[] = {
		    {redirects[i].answer, KEEP}, {OK_ANSWER, KEEP}, {NULL, KEEP}};
		ask_once(steps, redirects[i].endpoint, TIMEOUT, &ending, &requests);
		ck_assert_int_eq(ending.outcome, CLIENT_ANSWERED);
		ck_assert_int_eq(ending.status, redirects[i].status);
		ck_assert_uint_eq(requests, 1);
	}
}
END_TEST

START_TEST(a_second_redirect_is_an_answer)
{
	static const struct step steps[] = {
	    {ANSWER("301 Moved", "Location: /connectors/\r\nContent-Length: 0\r\n", ""), KEEP},
	    {ANSWER("301 Moved", "Location: /connectors//\r\nContent-Length: 0\r\n", ""), KEEP},
	    {OK_ANSWER, KEEP}, {NULL, KEEP}};
	struct ending ending _cleanup_ending_ = {0};
	unsigned requests = 0;
	ask_once(steps, ENDPOINT_LIST, TIMEOUT, &ending, &requests);
	ck_assert_int_eq(ending.status, 301);
	ck_assert_uint_eq(requests, 2);
}
END_TEST

#define BUSY(retry_after) ANSWER("429 Too Many Requests", retry_after "Content-Length: 0\r\n", "")

#define DIGITS_10(d) d d d d d d d d d d
#define DIGITS_70(d)                                                                               \
	DIGITS_10(d) DIGITS_10(d) DIGITS_10(d) DIGITS_10(d) DIGITS_10(d) DIGITS_10(d) DIGITS_10(d)

START_TEST(retry_after_stays_within_bounds)
{
	static const struct {
		const char *answer;
		int64_t expected;
	} forms[] = {
	    {BUSY(""), 0},
	    {BUSY("Retry-After: \r\n"), 0},
	    {BUSY("Retry-After: soon\r\n"), 0},
	    {BUSY("Retry-After: 0\r\n"), BACKOFF_RETRY_AFTER_MINIMUM},
	    {BUSY("Retry-After: 7\r\n"), 7 * MICROSECONDS_PER_SECOND},
	    {BUSY("Retry-After: 8.0\r\n"), 8 * MICROSECONDS_PER_SECOND},
	    {BUSY("Retry-After: 7.25\r\n"), 8 * MICROSECONDS_PER_SECOND},
	    {BUSY("Retry-After: 8, 8\r\n"), 8 * MICROSECONDS_PER_SECOND},
	    {BUSY("Retry-After: 3,9 , 5\r\n"), 9 * MICROSECONDS_PER_SECOND},
	    {BUSY("Retry-After: 8\r\nRetry-After: 12\r\n"), 12 * MICROSECONDS_PER_SECOND},
	    {BUSY("Retry-After: soon, 8\r\n"), 0},
	    {BUSY("Retry-After: soon\r\nRetry-After: 8\r\n"), 8 * MICROSECONDS_PER_SECOND},
	    {BUSY("Retry-After: -8\r\n"), 0},
	    {BUSY("Retry-After: 8.5.1\r\n"), 0},
	    {BUSY("Retry-After: 1e3\r\n"), 0},
	    {BUSY("Retry-After: Wed, 01 Jan 2014 00:00:00 GMT, 30\r\n"),
		30 * MICROSECONDS_PER_SECOND},
	    {BUSY("Retry-After: 30, Fri, 01 Jan 2100 00:00:00 GMT\r\n"),
		BACKOFF_RETRY_AFTER_MAXIMUM},
	    {BUSY("Retry-After: 99999\r\n"), BACKOFF_RETRY_AFTER_MAXIMUM},
	    {BUSY("Retry-After: 99999999999999999999999\r\n"), BACKOFF_RETRY_AFTER_MAXIMUM},
	    {BUSY("Retry-After: " DIGITS_70("9") "\r\n"), BACKOFF_RETRY_AFTER_MAXIMUM},
	    {BUSY("Retry-After: " DIGITS_70("0") "7\r\n"), 7 * MICROSECONDS_PER_SECOND},
	    {BUSY("Retry-After: 9\t, " DIGITS_70("0") ".5\r\n"), 9 * MICROSECONDS_PER_SECOND},
	    {BUSY("Retry-After: " DIGITS_70("9") "s\r\n"), 0},
	    {BUSY("Retry-After: Wed, 01 Jan 2014 00:00:00 GMT\r\n"), BACKOFF_RETRY_AFTER_MINIMUM},
	    {BUSY("Retry-After: Fri, 01 Jan 2100 00:00:00 GMT\r\n"), BACKOFF_RETRY_AFTER_MAXIMUM},
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct ending ending _cleanup_ending_ = {0};
		unsigned requests = 0;
		const struct step steps[] = {{forms[i].answer, KEEP}, {NULL, KEEP}};
		ask_once(steps, ENDPOINT_LIST, TIMEOUT, &ending, &requests);
		ck_assert_int_eq(ending.status, 429);
		ck_assert_msg(ending.retry_after == forms[i].expected, "%s: %lld", forms[i].answer,
		    (long long)ending.retry_after);
	}
}
END_TEST

START_TEST(a_proxy_in_the_environment_is_not_used)
{
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("all_proxy", "http://127.0.0.1:1", 1);
	static const struct step steps[] = {{OK_ANSWER, KEEP}, {NULL, KEEP}};
	struct fixture fixture = {0};
	struct ending ending _cleanup_ending_ = {0};
	fixture_start(&fixture, steps);
	ask(&fixture, ENDPOINT_LIST, TIMEOUT, &ending);
	fixture_stop(&fixture);
	ck_assert_int_eq(ending.outcome, CLIENT_ANSWERED);
	fixture_done(&fixture);
}
END_TEST

START_TEST(only_http_and_https_are_spoken)
{
	static const struct step steps[] = {{NULL, KEEP}};
	struct fixture fixture = {0};
	struct ending ending _cleanup_ending_ = {0};
	fixture_start(&fixture, steps);
	snprintf(fixture.url, sizeof(fixture.url), "file:///etc/passwd");
	ask(&fixture, ENDPOINT_LIST, TIMEOUT, &ending);
	ck_assert_int_eq(ending.outcome, CLIENT_NOT_SENT);
	fixture_stop(&fixture);
	fixture_done(&fixture);
}
END_TEST

START_TEST(several_requests_run_side_by_side)
{
	static const struct step steps[] = {{OK_ANSWER, KEEP}, {OK_ANSWER, KEEP}, {OK_ANSWER, KEEP},
	    {OK_ANSWER, KEEP}, {NULL, KEEP}};
	struct fixture fixture = {0};
	struct ending endings[4] = {0};
	fixture_start(&fixture, steps);
	for (size_t i = 0; i < 4; i++)
		submit(&fixture, ENDPOINT_LIST, TIMEOUT, &endings[i]);
	ck_assert_uint_eq(client_in_flight(fixture.client), 4);
	run_until_idle(fixture.client);
	fixture_stop(&fixture);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(endings[i].calls, 1);
		ck_assert_int_eq(endings[i].outcome, CLIENT_ANSWERED);
		ending_done(&endings[i]);
	}
	fixture_done(&fixture);
}
END_TEST

/* A done callback that asks again, as long as there is something left to ask. */
struct chain {
	struct fixture *fixture;
	unsigned left;
};

static void ask_again(const struct client_answer *answer, void *context)
{
	struct chain *chain = context;
	struct err err = ERR_INIT;
	ck_assert_int_eq(answer->outcome, CLIENT_ANSWERED);
	if (chain->left == 0)
		return;
	chain->left--;
	const struct client_request request = {
	    .name = "list",
	    .method = "GET",
	    .url = chain->fixture->url,
	    .credential = CREDENTIAL,
	    .timeout = TIMEOUT,
	    .done = ask_again,
	    .context = chain,
	};
	ck_assert_int_eq(client_submit(chain->fixture->client, &request, &err), 0);
}

START_TEST(done_may_submit_the_next_request)
{
	static const struct step steps[] = {
	    {OK_ANSWER, KEEP}, {OK_ANSWER, CLOSE}, {OK_ANSWER, KEEP}, {NULL, KEEP}};
	struct fixture fixture = {0};
	struct chain chain = {.fixture = &fixture, .left = 3};
	const struct client_answer begin = {.outcome = CLIENT_ANSWERED};
	fixture_start(&fixture, steps);
	ask_again(&begin, &chain);
	run_until_idle(fixture.client);
	fixture_stop(&fixture);
	ck_assert_uint_eq(chain.left, 0);
	ck_assert_uint_eq(fixture.server.requests, 3);
	fixture_done(&fixture);
}
END_TEST

static void *wake(void *client)
{
	client_wake(client);
	return NULL;
}

START_TEST(a_wake_ends_the_wait)
{
	struct err err = ERR_INIT;
	struct client *client = NULL;
	ck_assert_int_eq(client_new("mixport/test", "x-mp-request-id", &err, &client), 0);
	pthread_t thread;
	ck_assert_int_eq(pthread_create(&thread, NULL, wake, client), 0);
	int64_t before = clock_monotonic(&clock_system);
	client_run(client, 60 * MICROSECONDS_PER_SECOND);
	ck_assert_int_lt(clock_monotonic(&clock_system) - before, 30 * MICROSECONDS_PER_SECOND);
	pthread_join(thread, NULL);
	client_free(client);
}
END_TEST

START_TEST(freeing_drops_what_is_in_flight)
{
	static const struct step steps[] = {{NULL, STALL}, {NULL, KEEP}};
	struct fixture fixture = {0};
	struct ending ending = {0};
	fixture_start(&fixture, steps);
	submit(&fixture, ENDPOINT_LIST, TIMEOUT, &ending);
	while (fixture.server.requests == 0)
		client_run(fixture.client, 10 * MICROSECONDS_PER_MILLISECOND);
	fixture_stop(&fixture);
	ck_assert_uint_eq(ending.calls, 0);
	fixture_done(&fixture);
	ck_assert_ptr_null(client_free(NULL));
}
END_TEST

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	const struct unit_case cases[] = {
	    {"a read brings status and body", a_read_brings_status_and_body},
	    {"a create carries its body", a_create_carries_its_body},
	    {"a create is never repeated", a_create_is_never_repeated},
	    {"only reads share connections", only_reads_share_connections},
	    {"no connection means nothing was sent", no_connection_means_nothing_was_sent},
	    {"a failed handshake means nothing was sent",
		a_failed_handshake_means_nothing_was_sent},
	    {"without a complete answer the outcome is unclear",
		without_a_complete_answer_the_outcome_is_unclear},
	    {"a slow server is left in time", a_slow_server_is_left_in_time},
	    {"an answer over the limit is dropped", an_answer_over_the_limit_is_dropped},
	    {"a read follows an added slash once", a_read_follows_an_added_slash_once},
	    {"any other redirect is an answer", any_other_redirect_is_an_answer},
	    {"a second redirect is an answer", a_second_redirect_is_an_answer},
	    {"a connection is not kept after a failure", a_connection_is_not_kept_after_a_failure},
	    {"a body goes with whatever method", a_body_goes_with_whatever_method},
	    {"cookies are not kept and the request id is told",
		cookies_are_not_kept_and_the_request_id_is_told},
	    {"Retry-After stays within bounds", retry_after_stays_within_bounds},
	    {"a proxy in the environment is not used", a_proxy_in_the_environment_is_not_used},
	    {"only HTTP and HTTPS are spoken", only_http_and_https_are_spoken},
	    {"several requests run side by side", several_requests_run_side_by_side},
	    {"done may submit the next request", done_may_submit_the_next_request},
	    {"a wake ends the wait", a_wake_ends_the_wait},
	    {"freeing drops what is in flight", freeing_drops_what_is_in_flight},
	    {NULL, NULL},
	};
	int status = unit_main("client", cases);
	curl_global_cleanup();
	return status;
}
