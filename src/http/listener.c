/* SPDX-License-Identifier: MIT */
/* A listening socket and its threads.
 *
 * Each listening socket has a few threads of its own, and its own limit of connections, so that a
 * crowd on one keeps nobody from another; health above all. Each thread is a libmicrohttpd daemon
 * with a descriptor of the socket of its own, and each connection stays with the thread that
 * accepted it. A pool of libmicrohttpd's own is no good: when its second thread cannot be started,
 * it shuts down the listening socket, which systemd may share. A thread owns a struct worker: what
 * it has of the application, its count of uses of the configuration, its cache, its counters.
 * Nothing that a request touches on the way to its answer is shared between threads, unless it
 * waits.
 *
 * libmicrohttpd shuts down the listening socket it has when it is stopped. So the socket is taken
 * away first: systemd and the next process may share it. */
#include "http/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/attendant.h"
#include "http/dispatch.h"
#include "http/guard.h"
#include "util/cleanup.h"
#include "util/log.h"

#define STACK_SIZE ((size_t)1024 * 1024)
/* Seconds without a byte; only behind the attendant, which is stricter. */
#define SILENCE_LIMIT 150u
#define SAY_AGAIN_AFTER (10 * MICROSECONDS_PER_SECOND)
#define STARVED_PAUSE_MILLISECONDS 100

static const unsigned threads_of[LISTENER_COUNT] = {
    [LISTENER_SOCKET] = 2, [LISTENER_TCP] = 2, [LISTENER_HEALTH] = 1};

static const char *const names[LISTENER_COUNT] = {
    [LISTENER_SOCKET] = "socket", [LISTENER_TCP] = "TCP", [LISTENER_HEALTH] = "health"};

static size_t leave_escaped(void *context, struct MHD_Connection *mhd, char *text)
{
	(void)context, (void)mhd;
	return strlen(text);
}

/* Whether the worker's thread said the same within SAY_AGAIN_AFTER; if not, it has now. The
 * library's formats are literals of its own, so their addresses tell them apart. */
static bool said_lately(struct worker *worker, const char *format)
{
	int64_t now = worker_now(worker);
	struct said *oldest = &worker->said[0];
	for (size_t i = 0; i < SAID_LIMIT; i++) {
		struct said *said = &worker->said[i];
		if (said->format == format && now - said->at < SAY_AGAIN_AFTER)
			return true;
		if (said->at < oldest->at)
			oldest = said;
	}
	*oldest = (struct said){.format = format, .at = now};
	return false;
}

/* A thread that cannot accept a connection and holds none tries again without a pause. This is the
 * only place at which it can be made to pause. */
static void log_library_once(struct worker *worker, const char *format, const char *text)
{
	bool starved = strstr(format, "at FIRST connection") != NULL;
	const char *name = names[worker->endpoint->kind];
	counter_add(&worker->calls, 1);
	/* What it refuses by itself is told nowhere else. */
	if (strstr(format, "Content-Length' header"))
		worker->refused = guard_refuse_unread(worker,
		    strstr(format, "Too large") ? PROBLEM_BODY_TOO_LARGE : PROBLEM_BAD_REQUEST);
	else if (strstr(format, "parse cookies") || strstr(format, "allocate header record"))
		worker->refused = guard_refuse_unread(worker, PROBLEM_HEAD_TOO_LARGE);
	else if (strstr(format, "Error processing request")) {
		counter_add(&worker->counters.library_refusals, !worker->refused);
		worker->refused = false;
	}
	if (!said_lately(worker, format)) {
		log_debug("%s listener: %s", name, text);
		if (starved)
			log_warning("the %s listener can accept nobody for want of descriptors "
				    "or memory",
			    name);
	}
	if (starved)
		poll(NULL, 0, STARVED_PAUSE_MILLISECONDS);
}

__attribute__((format(printf, 2, 0))) static void log_library(
    void *context, const char *format, va_list arguments)
{
	char text[512];
	vsnprintf(text, sizeof(text), format, arguments);
	text[strcspn(text, "\n")] = '\0';
	log_library_once(context, format, text);
}

uint16_t listener_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
		struct sockaddr_storage storage;
	} address = {.storage = {.ss_family = AF_UNSPEC}};
	socklen_t len = sizeof(address);
	if (getsockname(fd, &address.any, &len) < 0)
		return 0;
	if (address.any.sa_family == AF_INET)
		return ntohs(address.ipv4.sin_port);
	return address.any.sa_family == AF_INET6 ? ntohs(address.ipv6.sin6_port) : 0;
}

int listener_prepare(
    struct listener *listener, const struct worker_setting *setting, struct err *err)
{
	listener->endpoint.port = listener_port(listener->fd);
	share_init(&listener->share);
	listener->endpoint.share = &listener->share;
	listener->endpoint.threads = threads_of[listener->endpoint.kind];
	/* Several threads wait for one client: those who come late must not block in accept(2). */
	int flags = fcntl(listener->fd, F_GETFL);
	if (flags < 0 || fcntl(listener->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_set_errno(
		    err, errno, "cannot prepare the %s listener", names[listener->endpoint.kind]);
	unsigned count = listener->endpoint.threads;
	for (; listener->worker_count < count; listener->worker_count++) {
		struct worker *worker = &listener->workers[listener->worker_count];
		if (worker_init(worker, setting, &listener->endpoint, err) < 0)
			return -1;
		attendant_add(setting->attendant, worker);
	}
	return 0;
}

struct MHD_Daemon *listener_run_library(
    struct worker *worker, unsigned how, int fd, unsigned connections)
{
	return MHD_start_daemon(how | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
	    NULL, NULL, dispatch_serve, worker,
	    /* the logger comes first, for all that follows */
	    MHD_OPTION_EXTERNAL_LOGGER, log_library, worker, MHD_OPTION_LISTEN_SOCKET, fd,
	    /* What it would refuse beyond that, the guard does, with an answer of ours. */
	    MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_CONNECTION_LIMIT, connections,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
	    MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_LIMIT, MHD_OPTION_THREAD_STACK_SIZE, STACK_SIZE,
	    MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_URI_LOG_CALLBACK,
	    dispatch_request_line, worker, MHD_OPTION_NOTIFY_COMPLETED, dispatch_request_over,
	    worker, MHD_OPTION_NOTIFY_CONNECTION, dispatch_connection, worker, MHD_OPTION_END);
}

static int start_worker(
    const struct listener *listener, struct worker *worker, unsigned connections, struct err *err)
{
	int fd = fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return err_set_errno(err, errno, "cannot start the threads of the %s listener",
		    names[listener->endpoint.kind]);
	worker->daemon =
	    listener_run_library(worker, MHD_USE_EPOLL_INTERNAL_THREAD, fd, connections);
	if (!worker->daemon) {
		/* The library closes the socket it was given when its thread cannot be started, and
		 * leaves it open when something else fails. Only another descriptor of the same
		 * socket can be the one it left. */
		struct stat left, known;
		if (fstat(fd, &left) == 0 && fstat(listener->fd, &known) == 0 &&
		    left.st_dev == known.st_dev && left.st_ino == known.st_ino)
			close(fd);
		return err_set(err,
		    "cannot start the threads of the %s listener: is there memory, "
		    "and may more threads and descriptors be had?",
		    names[listener->endpoint.kind]);
	}
	worker->fd = fd;
	const union MHD_DaemonInfo *info =
	    MHD_get_daemon_info(worker->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	return attendant_mind(worker->attendant, worker, info ? info->epoll_fd : -1, err);
}

int listener_start(struct listener *listener, unsigned connections, struct err *err)
{
	unsigned count = listener->worker_count;
	int result = 0;
	listener->endpoint.connections = connections;
	for (unsigned i = 0; i < count && result == 0; i++) {
		unsigned share = connections / count + (i < connections % count);
		result = start_worker(listener, &listener->workers[i], share > 0 ? share : 1, err);
	}
	return result;
}

/* The descriptors stay open until the threads are gone: they may be about to use their numbers. */
void listener_quiesce(struct listener *listener)
{
	for (unsigned i = 0; i < listener->worker_count; i++)
		if (listener->workers[i].daemon)
			MHD_quiesce_daemon(listener->workers[i].daemon);
	/* Clients that come now are refused at once, unless somebody else will take them. */
	if (listener->fd >= 0 && !listener->passed)
		shutdown(listener->fd, SHUT_RDWR);
}

static void close_once(int *fd)
{
	cleanup_close(fd);
	*fd = -1;
}

void listener_stop(struct listener *listener)
{
	for (unsigned i = 0; i < listener->worker_count; i++) {
		struct worker *worker = &listener->workers[i];
		if (worker->daemon)
			MHD_stop_daemon(worker->daemon);
		worker->daemon = NULL;
		close_once(&worker->fd);
	}
	close_once(&listener->fd);
}

void listener_done(struct listener *listener)
{
	if (listener->endpoint.share)
		share_done(&listener->share);
}
