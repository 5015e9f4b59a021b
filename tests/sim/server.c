/* SPDX-License-Identifier: MIT */
#include "server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "util/clock.h"

#define EVENTS_AT_ONCE 256
#define READ_SIZE 65536

enum state {
	STATE_READING,
	STATE_WAITING, /* an answer is ready and leaves at `due` */
	STATE_SENDING,
	STATE_HANGING,
};

/* Invariant: in the `timed` list exactly while STATE_WAITING, in `all` always. */
struct connection {
	TAILQ_ENTRY(connection) all;
	TAILQ_ENTRY(connection) timed;
	int fd;
	enum state state;
	struct buffer in;
	size_t in_used; /* bytes of `in` that belong to the request being answered */
	struct buffer out;
	size_t out_sent;
	int64_t due;
	int64_t drip;
	bool head_seen;
	bool counted;
	bool close;
	bool reset;
};

TAILQ_HEAD(connections, connection);

struct server {
	int listening;
	int epoll;
	char address[64];
	struct server_handler handler;
	struct connections all;
	struct connections timed;
};

static void watch(struct server *server, struct connection *connection, int operation)
{
	static const uint32_t interest[] = {
	    [STATE_READING] = EPOLLIN,
	    [STATE_WAITING] = EPOLLRDHUP,
	    [STATE_SENDING] = EPOLLOUT,
	    [STATE_HANGING] = EPOLLRDHUP,
	};
	struct epoll_event event = {.events = interest[connection->state], .data.ptr = connection};
	epoll_ctl(server->epoll, operation, connection->fd, &event);
}

static void enter(struct server *server, struct connection *connection, enum state state)
{
	if (connection->state == state)
		return;
	if (connection->state == STATE_WAITING)
		TAILQ_REMOVE(&server->timed, connection, timed);
	if (state == STATE_WAITING)
		TAILQ_INSERT_TAIL(&server->timed, connection, timed);
	connection->state = state;
	watch(server, connection, EPOLL_CTL_MOD);
}

static void end_request(struct server *server, struct connection *connection)
{
	if (connection->counted)
		server->handler.ended(server->handler.context);
	connection->counted = false;
}

static void drop(struct server *server, struct connection *connection, bool reset)
{
	if (reset) {
		struct linger linger = {.l_onoff = 1, .l_linger = 0};
		setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	}
	end_request(server, connection);
	if (connection->state == STATE_WAITING)
		TAILQ_REMOVE(&server->timed, connection, timed);
	TAILQ_REMOVE(&server->all, connection, all);
	close(connection->fd);
	buffer_done(&connection->in);
	buffer_done(&connection->out);
	free(connection);
}

/* Sends what the socket takes. Returns 1 when all of it left, 0 when there is more, -1 when the
 * connection is gone. */
static int push(struct connection *connection)
{
	while (connection->out_sent < connection->out.len) {
		size_t len = connection->drip ? 1 : connection->out.len - connection->out_sent;
		ssize_t n = send(
		    connection->fd, connection->out.data + connection->out_sent, len, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		connection->out_sent += (size_t)n;
		if (connection->drip)
			return connection->out_sent == connection->out.len;
	}
	return 1;
}

/* Back to reading; what the client sent beyond the request stays. */
static void next_request(struct server *server, struct connection *connection)
{
	end_request(server, connection);
	size_t rest = connection->in.len - connection->in_used;
	memmove(connection->in.data, connection->in.data + connection->in_used, rest);
	connection->in.len = rest;
	connection->in.data[rest] = '\0';
	connection->in_used = 0;
	buffer_clear(&connection->out);
	connection->out_sent = 0;
	connection->head_seen = false;
	enter(server, connection, STATE_READING);
}

/* Returns whether the connection is free for its next request. May drop it. */
static bool transmit(struct server *server, struct connection *connection)
{
	int r = push(connection);
	if (r == 1 && !connection->close) {
		next_request(server, connection);
		return true;
	}
	if (r != 0) {
		drop(server, connection, connection->reset);
		return false;
	}
	if (connection->drip) {
		connection->due = clock_monotonic(&clock_system) + connection->drip;
		enter(server, connection, STATE_WAITING);
	} else {
		enter(server, connection, STATE_SENDING);
	}
	return false;
}

/* Returns as transmit. */
static bool answer_request(
    struct server *server, struct connection *connection, const struct request *request)
{
	struct answer answer;
	answer_init(&answer);
	connection->counted = server->handler.answer(server->handler.context, request, &answer);
	answer.close |= !request->keep_alive || answer.framing == HTTP_CLOSE;
	answer_serialise(&answer, &connection->out);
	/* A server that breaks off does not announce it. */
	connection->close = answer.close || answer.silent || answer.reset ||
			    answer.framing == HTTP_RAW || answer.body_sent < answer.body.len;
	connection->reset = answer.reset;
	connection->drip = answer.drip;
	bool hang = answer.hang;
	int64_t delay = answer.delay;
	answer_done(&answer);
	if (hang) {
		enter(server, connection, STATE_HANGING);
		return false;
	}
	if (delay > 0) {
		connection->due = clock_monotonic(&clock_system) + delay;
		enter(server, connection, STATE_WAITING);
		return false;
	}
	return transmit(server, connection);
}

/* The head is there. Returns false when the handler wants the connection gone. */
static bool see_head(
    struct server *server, struct connection *connection, const struct request *request)
{
	if (connection->head_seen)
		return true;
	connection->head_seen = true;
	if (!server->handler.head(server->handler.context, request))
		return false;
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	if (request->expects_continue && !request->body.ptr)
		(void)!send(connection->fd, go_on, sizeof(go_on) - 1, MSG_NOSIGNAL);
	return true;
}

static void refuse_malformed(struct server *server, struct connection *connection)
{
	static const char text[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"
				   "Connection: close\r\n\r\n";
	(void)!send(connection->fd, text, sizeof(text) - 1, MSG_NOSIGNAL);
	drop(server, connection, false);
}

/* Answers every whole request that has arrived. */
static void advance(struct server *server, struct connection *connection)
{
	for (;;) {
		struct span input = {.ptr = connection->in.data, .len = connection->in.len};
		struct request request;
		switch (http_parse(input, &request, &connection->in_used)) {
		case HTTP_NEEDS_HEAD:
			return;
		case HTTP_MALFORMED:
			refuse_malformed(server, connection);
			return;
		case HTTP_NEEDS_BODY:
			if (!see_head(server, connection, &request))
				drop(server, connection, true);
			return;
		case HTTP_COMPLETE:
			if (!see_head(server, connection, &request)) {
				drop(server, connection, true);
				return;
			}
			if (!answer_request(server, connection, &request))
				return;
			break;
		}
	}
}

static void receive(struct server *server, struct connection *connection)
{
	if (buffer_reserve(&connection->in, READ_SIZE) < 0) {
		drop(server, connection, true);
		return;
	}
	ssize_t n = recv(connection->fd, connection->in.data + connection->in.len, READ_SIZE, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(server, connection, false);
		return;
	}
	connection->in.len += (size_t)n;
	connection->in.data[connection->in.len] = '\0';
	advance(server, connection);
}

static void accept_all(struct server *server)
{
	for (;;) {
		int fd = accept4(server->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		struct connection *connection = NULL;
		if (server->handler.accepted(server->handler.context))
			connection = calloc(1, sizeof(*connection));
		if (!connection) {
			close(fd);
			continue;
		}
		int one = 1;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		connection->fd = fd;
		buffer_init(&connection->in, HTTP_HEAD_LIMIT + HTTP_BODY_LIMIT + READ_SIZE);
		buffer_init(&connection->out, SIZE_MAX / 2);
		TAILQ_INSERT_TAIL(&server->all, connection, all);
		watch(server, connection, EPOLL_CTL_ADD);
	}
}

static void handle_event(struct server *server, struct connection *connection, uint32_t events)
{
	switch (connection->state) {
	case STATE_READING:
		receive(server, connection);
		break;
	case STATE_SENDING:
		if (transmit(server, connection))
			advance(server, connection);
		break;
	case STATE_WAITING:
	case STATE_HANGING:
		if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			drop(server, connection, false);
		break;
	}
}

/* Sends what is due. */
static void run_timed(struct server *server)
{
	int64_t now = clock_monotonic(&clock_system);
	struct connection *connection = TAILQ_FIRST(&server->timed);
	while (connection) {
		struct connection *next = TAILQ_NEXT(connection, timed);
		assert(connection->state == STATE_WAITING);
		if (connection->due <= now && transmit(server, connection))
			advance(server, connection);
		connection = next;
	}
}

/* Milliseconds until something is due; -1 when nothing is. */
static int time_left(const struct server *server)
{
	int64_t now = clock_monotonic(&clock_system);
	int64_t soonest = INT64_MAX;
	for (const struct connection *connection = TAILQ_FIRST(&server->timed); connection;
	     connection = TAILQ_NEXT(connection, timed)) {
		/* The analyser does not see that TAILQ_REMOVE takes what is freed off the list. */
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		if (connection->due < soonest)
			soonest = connection->due;
	}
	if (soonest == INT64_MAX)
		return -1;
	return soonest <= now ? 0 : (int)((soonest - now + 999) / 1000);
}

int server_run(struct server *server, int stop_fd, struct err *err)
{
	struct epoll_event stop = {.events = EPOLLIN, .data.ptr = &stop_fd};
	if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, stop_fd, &stop) < 0)
		return err_set_errno(err, errno, "epoll_ctl");
	for (;;) {
		struct epoll_event events[EVENTS_AT_ONCE];
		run_timed(server);
		int n = epoll_wait(server->epoll, events, EVENTS_AT_ONCE, time_left(server));
		if (n < 0 && errno != EINTR)
			return err_set_errno(err, errno, "epoll_wait");
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == &stop_fd)
				return 0;
			if (!events[i].data.ptr)
				accept_all(server);
			else
				handle_event(server, events[i].data.ptr, events[i].events);
		}
	}
}

/* Addresses ------------------------------------------------------------------------------------*/

union address {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

static int parse_address(
    const char *text, struct err *err, union address *ret_address, socklen_t *ret_len)
{
	union address address = {.any.sa_family = AF_UNSPEC};
	const char *colon = strrchr(text, ':');
	uint64_t port = 0;
	if (!colon || text_parse_unsigned(colon + 1, 0, UINT16_MAX, &port) < 0)
		return err_set(err, "%s is no address: 127.0.0.1:PORT or [::1]:PORT", text);
	struct span host = {.ptr = text, .len = (size_t)(colon - text)};
	if (span_equals(host, "[::1]")) {
		address.ipv6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
		    .sin6_port = htons((uint16_t)port),
		    .sin6_addr = IN6ADDR_LOOPBACK_INIT};
		*ret_len = sizeof(address.ipv6);
	} else if (span_equals(host, "127.0.0.1")) {
		address.ipv4 = (struct sockaddr_in){.sin_family = AF_INET,
		    .sin_port = htons((uint16_t)port),
		    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		*ret_len = sizeof(address.ipv4);
	} else {
		return err_set(err, "%s is not loopback: 127.0.0.1:PORT or [::1]:PORT", text);
	}
	*ret_address = address;
	return 0;
}

static int note_address(struct server *server, struct err *err)
{
	union address address = {.ipv6 = {.sin6_family = AF_UNSPEC}};
	socklen_t len = sizeof(address);
	if (getsockname(server->listening, &address.any, &len) < 0)
		return err_set_errno(err, errno, "getsockname");
	bool ipv6 = address.any.sa_family == AF_INET6;
	snprintf(server->address, sizeof(server->address), "%s:%u", ipv6 ? "[::1]" : "127.0.0.1",
	    ntohs(ipv6 ? address.ipv6.sin6_port : address.ipv4.sin_port));
	return 0;
}

static int listen_on(struct server *server, const char *text, struct err *err)
{
	union address address = {.ipv6 = {.sin6_family = AF_UNSPEC}};
	socklen_t len = 0;
	if (parse_address(text, err, &address, &len) < 0)
		return -1;
	int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	server->listening = socket(address.any.sa_family, type, 0);
	if (server->listening < 0)
		return err_set_errno(err, errno, "socket");
	int one = 1;
	setsockopt(server->listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(server->listening, &address.any, len) < 0 || listen(server->listening, 4096) < 0)
		return err_set_errno(err, errno, "cannot listen on %s", text);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listening, &event) < 0)
		return err_set_errno(err, errno, "epoll_ctl");
	return note_address(server, err);
}

int server_new(
    const char *address, struct server_handler handler, struct err *err, struct server **ret_server)
{
	struct server *server = calloc(1, sizeof(*server));
	if (!server)
		return err_set(err, "no memory for the server");
	server->handler = handler;
	server->listening = -1;
	TAILQ_INIT(&server->all);
	TAILQ_INIT(&server->timed);
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (server->epoll < 0 || listen_on(server, address, err) < 0) {
		server_free(server);
		return -1;
	}
	*ret_server = server;
	return 0;
}

struct server *server_free(struct server *server)
{
	if (!server)
		return NULL;
	while (!TAILQ_EMPTY(&server->all))
		drop(server, TAILQ_FIRST(&server->all), false);
	if (server->listening >= 0)
		close(server->listening);
	if (server->epoll >= 0)
		close(server->epoll);
	free(server);
	return NULL;
}

const char *server_address(const struct server *server)
{
	return server->address;
}
