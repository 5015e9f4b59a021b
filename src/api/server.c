/* SPDX-License-Identifier: MIT */
/* The listeners and what happens on them.
 *
 * Each listening socket has a few threads of its own, and its own limit of connections, so that a
 * crowd on one keeps nobody from another; health above all. Each thread is a libmicrohttpd daemon
 * with a descriptor of the socket of its own, and each connection stays with the thread that
 * accepted it. A pool of libmicrohttpd's own is no good: when its second thread cannot be started,
 * it shuts down the listening socket, which systemd may share. A thread owns a struct worker: its
 * reader of the store, its count of uses of the configuration, its cache, its counters. Nothing
 * that a request touches on the way to its answer is shared between threads, unless it waits.
 *
 * What can go wrong here, and why it cannot:
 *
 * A request is driven by calls of `serve`: first with its head, then with pieces of its body, then
 * without; again after each suspension. struct connection's phase says which call it is, and every
 * phase has one way on. Between the first line and the end libmicrohttpd promises exactly one call
 * of `request_over`, however the request ends, so that is where everything is given back.
 *
 * An answer that is queued on the first call ends the connection (libmicrohttpd 0.9.75 always does
 * that), which is right for a body that is not wanted, and needless without one: a request without
 * a body is looked at on the second call. Nothing can be queued between pieces of a body: one that
 * turns out too long is read to its end, within limits.
 *
 * Stopping. libmicrohttpd shuts down the listening socket it has when it is stopped, and aborts
 * when a connection is suspended then. So the socket is taken away first (systemd and the next
 * process may share it), every wait is ended, commands are given up when the engine does not answer
 * in time, and the daemons are stopped last, when nothing is suspended. From the moment that waits
 * are closed nothing can be suspended any more.
 *
 * A body is copied as it comes, with the limit of its route; a head has to fit the memory of its
 * connection. Time is limited by the attendant. */
#include "api/server_private.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "api/guard.h"
#include "util/log.h"

#define STACK_SIZE ((size_t)1024 * 1024)
/* Seconds without a byte; only behind the attendant, which is stricter. */
#define SILENCE_LIMIT 150u
#define SAY_AGAIN_AFTER (10 * MICROSECONDS_PER_SECOND)
#define STARVED_PAUSE_MILLISECONDS 100
#define HEALTHY_LIMIT (10 * MICROSECONDS_PER_SECOND)
/* How long a client that has just connected may take for its first request while the daemon stops.
 */
#define FRESH_LIMIT (500 * MICROSECONDS_PER_MILLISECOND)
#define DRAIN_PAUSE_MILLISECONDS 5
#define DRAIN_QUIET_ROUNDS 6
#define LAST_ANSWERS_LIMIT (500 * MICROSECONDS_PER_MILLISECOND)

const int64_t server_duration_bounds[SERVER_DURATION_BUCKETS] = {
    100, 500, 1000, 2500, 5000, 10000, 50000, 250000, 1000000, INT64_MAX};

static const unsigned threads_of[LISTENER_COUNT] = {
    [LISTENER_SOCKET] = 2, [LISTENER_TCP] = 2, [LISTENER_HEALTH] = 1};

static const char *const names[LISTENER_COUNT] = {
    [LISTENER_SOCKET] = "socket", [LISTENER_TCP] = "TCP", [LISTENER_HEALTH] = "health"};

/* A request ----------------------------------------------------------------------------------- */

static struct answered handle(struct connection *connection)
{
	struct request *request = &connection->request;
	struct worker *worker = connection->worker;
	connection->phase = PHASE_HANDLED;
	/* What is kept belongs to the configuration that the worker took last. */
	if ((request->route->flags & ROUTE_KEPT) &&
	    connection->hold->generation == worker->cache_generation) {
		connection->generation = store_generation();
		struct kept *kept =
		    cache_find(&worker->cache, connection->generation, connection->target,
			request_viewer(request), clock_wall(worker->server->options.clock));
		if (kept)
			return reply_kept(request, kept);
	}
	return request->route->handler(request);
}

static enum MHD_Result settle(struct connection *connection, struct answered answered)
{
	assert(answered.request == &connection->request);
	assert(connection->phase == PHASE_ANSWERED || connection->phase == PHASE_SUSPENDED ||
	       connection->phase == PHASE_FAILED);
	return connection->phase == PHASE_FAILED ? MHD_NO : MHD_YES;
}

static enum MHD_Result begin(struct connection *connection, const char *method, const char *version)
{
	struct request *request = &connection->request;
	request->method = method;
	request->head = strcmp(method, "HEAD") == 0;
	connection->http_1_0 = strcmp(version, "HTTP/1.1") != 0;
	if (guard_frame(request, version) || (connection->has_body && guard_admit(request)))
		return settle(connection, (struct answered){.request = request});
	connection->phase = connection->has_body ? PHASE_BODY : PHASE_FRAMED;
	return MHD_YES;
}

static enum MHD_Result admit(struct connection *connection)
{
	struct request *request = &connection->request;
	if (guard_admit(request))
		return settle(connection, (struct answered){.request = request});
	return settle(connection, handle(connection));
}

static enum MHD_Result take_body(struct connection *connection, const char *data, size_t len)
{
	struct buffer *body = &connection->request.body;
	if (connection->phase == PHASE_BODY && body->len + len > body->limit)
		connection->phase = PHASE_DISCARDING;
	if (connection->phase == PHASE_BODY)
		return buffer_append(body, data, len) == 0 ? MHD_YES : MHD_NO;
	connection->discarded += len;
	return connection->discarded <= DISCARD_LIMIT ? MHD_YES : MHD_NO;
}

static enum MHD_Result finish_body(struct connection *connection)
{
	struct request *request = &connection->request;
	connection->body_unread = false;
	if (connection->phase == PHASE_BODY)
		return settle(connection, handle(connection));
	return settle(connection,
	    reply_problem(request, PROBLEM_BODY_TOO_LARGE,
		"The body is longer than the %zu bytes that are taken here.", request->body.limit));
}

static enum MHD_Result go_on(struct connection *connection)
{
	connection->phase = PHASE_HANDLED;
	return settle(connection, wait_over(&connection->request));
}

static enum MHD_Result serve(void *context, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *data, size_t *len, void **state)
{
	struct connection *connection = *state;
	(void)context, (void)mhd, (void)url;
	if (!connection)
		return MHD_NO;
	struct worker *worker = connection->worker;
	enum MHD_Result result = MHD_NO;
	count_more(&worker->calls, 1);
	if (*len == 0)
		connection->running_since = server_now(worker->server);
	switch (connection->phase) {
	case PHASE_ARRIVED:
		result = begin(connection, method, version);
		break;
	case PHASE_FRAMED:
		result = admit(connection);
		break;
	case PHASE_BODY:
	case PHASE_DISCARDING:
		result = *len > 0 ? take_body(connection, data, *len) : finish_body(connection);
		*len = 0;
		break;
	case PHASE_SUSPENDED:
		result = go_on(connection);
		break;
	case PHASE_NONE:
	case PHASE_HANDLED:
	case PHASE_ANSWERED:
	case PHASE_FAILED:
		break;
	}
	return result;
}

/* The first line is there, nothing of it changed yet. */
static void *request_line(void *context, const char *target, struct MHD_Connection *mhd)
{
	(void)context;
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct connection *connection = info ? info->socket_context : NULL;
	if (connection)
		connection_begin(connection, mhd, target);
	return connection;
}

static void request_over(
    void *context, struct MHD_Connection *mhd, void **state, enum MHD_RequestTerminationCode code)
{
	struct connection *connection = *state;
	(void)context, (void)mhd, (void)code;
	if (connection)
		connection_end(connection);
	*state = NULL;
}

static void connection_event(void *context, struct MHD_Connection *mhd, void **state,
    enum MHD_ConnectionNotificationCode code)
{
	struct worker *worker = context;
	count_more(&worker->calls, 1);
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*state = connection_open(worker, mhd);
	} else if (*state) {
		connection_close(*state);
		*state = NULL;
	}
}

static size_t leave_escaped(void *context, struct MHD_Connection *mhd, char *text)
{
	(void)context, (void)mhd;
	return strlen(text);
}

/* Whether the worker's thread said the same within SAY_AGAIN_AFTER; if not, it has now. The
 * library's formats are literals of its own, so their addresses tell them apart. */
static bool said_lately(struct worker *worker, const char *format)
{
	int64_t now = server_now(worker->server);
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
	const char *name = names[worker->listener->kind];
	count_more(&worker->calls, 1);
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

/* Start --------------------------------------------------------------------------------------- */

struct config *server_config(struct server *server, unsigned *ret_generation)
{
	pthread_mutex_lock(&server->config_mutex);
	struct config *config = config_ref(server->config);
	if (ret_generation)
		*ret_generation = atomic_load(&server->config_generation);
	pthread_mutex_unlock(&server->config_mutex);
	return config;
}

int server_new(const struct server_options *options, struct config *config, struct err *err,
    struct server **ret_server)
{
	struct server *server = calloc(1, sizeof(*server));
	if (!server)
		return err_set(err, "no memory for the server");
	server->options = *options;
	if (waits_init(&server->waits) < 0) {
		int error = errno;
		free(server);
		return err_set_errno(err, error, "cannot make an eventfd");
	}
	if (attendant_init(&server->attendant, server, err) < 0) {
		waits_done(&server->waits);
		free(server);
		return -1;
	}
	server->config = config_ref(config);
	server->started_at = server_now(server);
	pthread_mutex_init(&server->config_mutex, NULL);
	*ret_server = server;
	return 0;
}

static uint16_t port_of(int fd)
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

static int make_workers(struct listener *listener, struct err *err)
{
	unsigned count = threads_of[listener->kind];
	for (; listener->worker_count < count; listener->worker_count++)
		if (worker_init(&listener->workers[listener->worker_count], listener, err) < 0)
			return -1;
	return 0;
}

static int prepare_listener(struct listener *listener, struct err *err)
{
	listener->port = port_of(listener->fd);
	/* Several threads wait for one client: those who come late must not block in accept(2). */
	int flags = fcntl(listener->fd, F_GETFL);
	if (flags < 0 || fcntl(listener->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_set_errno(
		    err, errno, "cannot prepare the %s listener", names[listener->kind]);
	return make_workers(listener, err);
}

/* The library closes the socket it was given when its thread cannot be started, and leaves it open
 * when something else fails. Only another descriptor of the same socket can be the one it left. */
static void close_if_left(int fd, int same)
{
	struct stat left, known;
	if (fstat(fd, &left) == 0 && fstat(same, &known) == 0 && left.st_dev == known.st_dev &&
	    left.st_ino == known.st_ino)
		close(fd);
}

static int start_worker(struct worker *worker, unsigned connections, struct err *err)
{
	const struct listener *listener = worker->listener;
	int fd = fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return err_set_errno(err, errno, "cannot start the threads of the %s listener",
		    names[listener->kind]);
	worker->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC |
					      MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
	    0, NULL, NULL, serve, worker, /* the logger comes first, for all that follows */
	    MHD_OPTION_EXTERNAL_LOGGER, log_library, worker, MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT, connections,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
	    MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_LIMIT, MHD_OPTION_THREAD_STACK_SIZE, STACK_SIZE,
	    MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_URI_LOG_CALLBACK,
	    request_line, worker, MHD_OPTION_NOTIFY_COMPLETED, request_over, worker,
	    MHD_OPTION_NOTIFY_CONNECTION, connection_event, worker, MHD_OPTION_END);
	if (!worker->daemon) {
		close_if_left(fd, listener->fd);
		return err_set(err,
		    "cannot start the threads of the %s listener: is there memory, "
		    "and may more threads and descriptors be had?",
		    names[listener->kind]);
	}
	worker->fd = fd;
	const union MHD_DaemonInfo *info =
	    MHD_get_daemon_info(worker->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	return attendant_mind(&worker->server->attendant, worker, info ? info->epoll_fd : -1, err);
}

/* Its threads share what connections it may have. */
static int start_listener(struct listener *listener, struct err *err)
{
	const struct server_options *options = &listener->server->options;
	unsigned connections =
	    listener->kind == LISTENER_HEALTH ? options->health_connections : options->connections;
	unsigned count = listener->worker_count;
	int result = 0;
	for (unsigned i = 0; i < count && result == 0; i++) {
		unsigned share = connections / count + (i < connections % count);
		result = start_worker(&listener->workers[i], share > 0 ? share : 1, err);
	}
	return result;
}

int server_start(
    struct server *server, const struct listener_socket *sockets, size_t count, struct err *err)
{
	int result = 0;
	assert(count <= LISTENER_SOCKETS_LIMIT);
	/* Every socket is taken over, also when one fails. */
	for (size_t i = 0; i < count; i++)
		server->listeners[i] = (struct listener){.server = server,
		    .kind = sockets[i].kind,
		    .fd = sockets[i].fd,
		    .passed = sockets[i].passed,
		    .group = sockets[i].group};
	server->listener_count = count;
	for (size_t i = 0; i < count && result == 0; i++)
		result = prepare_listener(&server->listeners[i], err);
	if (result == 0)
		result = attendant_start(&server->attendant, err);
	for (size_t i = 0; i < count && result == 0; i++)
		result = start_listener(&server->listeners[i], err);
	if (result < 0)
		server_stop(server, 0);
	return result;
}

/* Workers in a row, those of every listener; NULL after the last. */
static struct worker *next_worker(struct server *server, size_t *position)
{
	while (*position < server->listener_count * THREADS_LIMIT) {
		size_t at = (*position)++;
		struct listener *listener = &server->listeners[at / THREADS_LIMIT];
		if (at % THREADS_LIMIT < listener->worker_count)
			return &listener->workers[at % THREADS_LIMIT];
	}
	return NULL;
}

void server_reload(struct server *server, struct config *config)
{
	pthread_mutex_lock(&server->config_mutex);
	struct config *before = server->config;
	server->config = config_ref(config);
	atomic_fetch_add_explicit(&server->config_generation, 1, memory_order_release);
	pthread_mutex_unlock(&server->config_mutex);
	config_unref(before);
	/* A worker that has nothing to do must not keep secrets that were withdrawn. */
	size_t position = 0;
	for (struct worker *at; (at = next_worker(server, &position));)
		worker_reload(at);
	waits_wake(&server->waits); /* its limits of time may be shorter */
}

void server_changed(const struct change *changes, size_t count, void *context)
{
	struct server *server = context;
	waits_changed(&server->waits, changes, count);
}

/* Stop ---------------------------------------------------------------------------------------- */

static bool is_fresh(struct worker *worker, int64_t now)
{
	bool fresh = false;
	pthread_mutex_lock(&worker->mutex);
	for (struct connection *at = worker->connections; at && !fresh; at = at->next)
		fresh = atomic_load(&at->requests) == 0 && now - at->opened_at < FRESH_LIMIT;
	pthread_mutex_unlock(&worker->mutex);
	return fresh;
}

/* Whether no request is under way, nor about to be made by a client that has just connected. */
static bool is_drained(struct server *server)
{
	size_t position = 0;
	int64_t now = server_now(server);
	for (struct worker *at; (at = next_worker(server, &position));)
		if (atomic_load(&at->started) != atomic_load(&at->completed) || is_fresh(at, now))
			return false;
	return true;
}

static void drain(struct server *server, int64_t patience)
{
	int64_t until = server_now(server) + patience;
	unsigned quiet = 0;
	/* A connection may have been accepted that is not on our lists yet. */
	while (quiet < DRAIN_QUIET_ROUNDS && server_now(server) < until) {
		quiet = is_drained(server) ? quiet + 1 : 0;
		poll(NULL, 0, DRAIN_PAUSE_MILLISECONDS);
	}
}

/* The descriptors stay open until the threads are gone: they may be about to use their numbers. */
static void quiesce(struct listener *listener)
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

static void stop_listener(struct listener *listener)
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

void server_stop(struct server *server, int64_t patience)
{
	atomic_store(&server->stopping, true);
	for (size_t i = 0; i < server->listener_count; i++)
		quiesce(&server->listeners[i]);
	waits_end(&server->waits);
	drain(server, patience);
	waits_close(&server->waits);
	/* What the engine answers this very moment is resumed by it. */
	while (waits_count(&server->waits) > 0)
		poll(NULL, 0, DRAIN_PAUSE_MILLISECONDS);
	drain(server, patience > 0 ? LAST_ANSWERS_LIMIT : 0);
	attendant_stop(&server->attendant);
	for (size_t i = 0; i < server->listener_count; i++)
		stop_listener(&server->listeners[i]);
}

struct server *server_free(struct server *server)
{
	if (!server)
		return NULL;
	size_t position = 0;
	for (struct worker *at; (at = next_worker(server, &position));)
		worker_done(at);
	attendant_done(&server->attendant);
	waits_done(&server->waits);
	pthread_mutex_destroy(&server->config_mutex);
	config_unref(server->config);
	free(server);
	return NULL;
}

/* What it tells of itself --------------------------------------------------------------------- */

bool server_alive(const struct server *server, int64_t limit)
{
	for (size_t i = 0; i < server->listener_count; i++) {
		const struct listener *listener = &server->listeners[i];
		for (unsigned k = 0; k < listener->worker_count; k++)
			if (atomic_load(&listener->workers[k].still_for) > limit)
				return false;
	}
	return !server->attendant.running ||
	       server_now(server) - atomic_load(&server->attendant.last_turn) <= limit;
}

bool server_healthy(const struct server *server)
{
	return server_alive(server, HEALTHY_LIMIT) &&
	       (!server->options.alive || server->options.alive(server->options.context));
}

static void add_counters(struct server_counters *sum, struct counters *counters)
{
	for (size_t i = 0; i < ARRAY_SIZE(sum->by_status); i++)
		sum->by_status[i] += atomic_load(&counters->by_status[i]);
	for (size_t i = 0; i < PROBLEM_COUNT; i++)
		sum->problems[i] += atomic_load(&counters->problems[i]);
	for (size_t i = 0; i < SERVER_DURATION_BUCKETS; i++) {
		uint64_t count = atomic_load(&counters->duration_buckets[i]);
		sum->duration_buckets[i] += count;
		sum->duration_count += count;
	}
	sum->duration_microseconds += atomic_load(&counters->duration_microseconds);
}

static uint64_t count_connections(struct worker *worker)
{
	uint64_t count = 0;
	pthread_mutex_lock(&worker->mutex);
	for (const struct connection *at = worker->connections; at; at = at->next)
		count++;
	pthread_mutex_unlock(&worker->mutex);
	return count;
}

void server_counters(struct server *server, struct server_counters *ret_counters)
{
	struct server_counters sum = {.connections = 0};
	size_t position = 0;
	for (struct worker *at; (at = next_worker(server, &position));) {
		add_counters(&sum, &at->counters);
		sum.by_listener[at->listener->kind] += atomic_load(&at->started);
		sum.connections += count_connections(at);
	}
	add_counters(&sum, &server->attendant.counters);
	sum.waiting = waits_count(&server->waits);
	*ret_counters = sum;
}

int64_t server_uptime(const struct server *server)
{
	return server_now(server) - server->started_at;
}

const char *server_version(const struct server *server)
{
	return server->options.version;
}

struct reloads *server_reloads(const struct server *server)
{
	return server->options.reloads;
}

const struct clock *server_clock(const struct server *server)
{
	return server->options.clock;
}
