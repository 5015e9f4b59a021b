/* SPDX-License-Identifier: MIT */
/* Starts the listeners and lets them do what there is to do. */
#include "serve.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/attendant.h"
#include "http/connection.h"
#include "http/listener.h"
#include "http/quota.h"

#define PIECES_LIMIT 100
#define CONNECTIONS 16
#define TURNS_LIMIT 100000
/* More than are answered at once. */
#define TRIED_IN_VAIN 105

static struct {
	const struct application *application;
	struct editions editions;
	struct waits waits;
	struct attendant attendant;
	struct quota quota;
	struct listener listeners[LISTENER_COUNT];
	struct sockaddr_un addresses[LISTENER_COUNT];
	socklen_t lengths[LISTENER_COUNT];
	bool (*meanwhile)(void);
} served;

/* An abstract address, which leaves nothing behind. */
static int listen_on(enum listener_kind kind)
{
	struct sockaddr_un *address = &served.addresses[kind];
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	int len = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
	    "mixport-fuzz-%ld-%d", (long)getpid(), (int)kind);
	served.lengths[kind] =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)address, served.lengths[kind]) < 0 ||
	    listen(fd, 8) < 0)
		abort();
	return fd;
}

/* One of its workers will do. */
static void start_listener(enum listener_kind kind)
{
	const struct worker_setting setting = {
	    .application = served.application,
	    .editions = &served.editions,
	    .waits = &served.waits,
	    .attendant = &served.attendant,
	    .quota = &served.quota,
	};
	struct err err = ERR_INIT;
	struct listener *listener = &served.listeners[kind];
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
	return !has_event(info->epoll_fd) && !has_event(served.attendant.events);
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

/* Lets the edge, and what it serves, do all they can do now. Returns false when it has closed the
 * connection. */
static bool turn(struct MHD_Daemon *daemon, int fd, struct buffer *answers)
{
	unsigned turns = 0;
	bool open;
	do {
		MHD_run(daemon);
		attendant_look(&served.attendant, INT64_MAX);
		open = hear(fd, answers);
		turns++;
		assert(turns < TURNS_LIMIT);
	} while (!is_idle(daemon) || (served.meanwhile && served.meanwhile()));
	return open;
}

void serve_input(
    enum listener_kind kind, size_t piece_size, struct span input, struct buffer *answers)
{
	struct worker *worker = &served.listeners[kind].workers[0];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&served.addresses[kind], served.lengths[kind]) < 0)
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

static void serve_end(void)
{
	for (enum listener_kind kind = 0; kind < LISTENER_COUNT; kind++) {
		struct listener *listener = &served.listeners[kind];
		listener_quiesce(listener);
		listener_stop(listener);
		listener_done(listener);
		for (unsigned i = 0; i < listener->worker_count; i++)
			worker_done(&listener->workers[i]);
	}
	attendant_done(&served.attendant);
	quota_done(&served.quota);
	waits_done(&served.waits);
	editions_done(&served.editions);
}

void serve_start(const struct application *application, struct config *config)
{
	struct err err = ERR_INIT;
	served.application = application;
	editions_init(&served.editions, config);
	quota_init(&served.quota);
	if (waits_init(&served.waits) < 0 || attendant_init(&served.attendant, application->clock,
						 &served.editions, &served.waits, &err) < 0)
		abort();
	for (enum listener_kind kind = 0; kind < LISTENER_COUNT; kind++)
		start_listener(kind);
	atexit(serve_end);
}

void serve_meanwhile(bool (*work)(void))
{
	served.meanwhile = work;
}

void serve_nudge(void)
{
	waits_nudge(&served.waits);
}

void serve_reload(struct config *config)
{
	editions_publish(&served.editions, config);
	for (size_t i = 0; i < served.attendant.worker_count; i++)
		edition_holder_renew(&served.attendant.workers[i]->editions);
	waits_nudge(&served.waits);
}

void serve_forget(bool tired)
{
	quota_done(&served.quota);
	quota_init(&served.quota);
	for (int i = 0; tired && i < TRIED_IN_VAIN; i++)
		quota_failure(&served.quota, LISTENER_TCP, HOLDER_NOBODY, "nobody",
		    clock_monotonic(&clock_system));
}
