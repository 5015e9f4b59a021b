/* SPDX-License-Identifier: MIT */
/* The listeners together: their start, their end, and what they tell of themselves.
 *
 * libmicrohttpd aborts when a connection is suspended while its thread is stopped. So the sockets
 * are taken away first, every wait is ended, calls are abandoned when they are not done in time,
 * and the threads are stopped last, when nothing is suspended. From the moment that waits are
 * closed nothing can be suspended any more. */
#include "http/server.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "http/attendant.h"
#include "http/listener.h"
#include "http/quota.h"

#define HEALTHY_LIMIT (10 * MICROSECONDS_PER_SECOND)
/* How long a client that has just connected may take for its first request while the daemon stops.
 */
#define FRESH_LIMIT (500 * MICROSECONDS_PER_MILLISECOND)
#define DRAIN_PAUSE_MILLISECONDS 5
#define DRAIN_QUIET_ROUNDS 6
#define LAST_ANSWERS_LIMIT (500 * MICROSECONDS_PER_MILLISECOND)

_Static_assert(ATTENDANT_WORKERS_LIMIT >= LISTENER_SOCKETS_LIMIT * LISTENER_THREADS_LIMIT,
    "the attendant cannot mind every thread");

struct server {
	struct server_options options;
	int64_t started_at;
	struct listener listeners[LISTENER_SOCKETS_LIMIT];
	size_t listener_count;
	struct editions editions;
	struct waits waits;
	struct attendant attendant;
	struct quota quota;
};

static int64_t now_of(const struct server *server)
{
	return clock_monotonic(server->options.application->clock);
}

/* Start --------------------------------------------------------------------------------------- */

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
	if (attendant_init(&server->attendant, options->application->clock, &server->editions,
		&server->waits, err) < 0) {
		waits_done(&server->waits);
		free(server);
		return -1;
	}
	quota_init(&server->quota);
	editions_init(&server->editions, config);
	server->started_at = now_of(server);
	*ret_server = server;
	return 0;
}

int server_start(
    struct server *server, const struct listener_socket *sockets, size_t count, struct err *err)
{
	const struct server_options *options = &server->options;
	const struct worker_setting setting = {
	    .server = server,
	    .application = options->application,
	    .editions = &server->editions,
	    .waits = &server->waits,
	    .attendant = &server->attendant,
	    .quota = &server->quota,
	};
	int result = 0;
	assert(count <= LISTENER_SOCKETS_LIMIT);
	/* Every socket is taken over, also when one fails. */
	for (size_t i = 0; i < count; i++)
		server->listeners[i] = (struct listener){
		    .endpoint = {.kind = sockets[i].kind, .group = sockets[i].group},
		    .fd = sockets[i].fd,
		    .passed = sockets[i].passed,
		};
	server->listener_count = count;
	for (size_t i = 0; i < count && result == 0; i++)
		result = listener_prepare(&server->listeners[i], &setting, err);
	if (result == 0)
		result = attendant_start(&server->attendant, err);
	for (size_t i = 0; i < count && result == 0; i++)
		result = listener_start(&server->listeners[i],
		    sockets[i].kind == LISTENER_HEALTH ? options->health_connections
						       : options->connections,
		    err);
	if (result < 0)
		server_stop(server, 0);
	return result;
}

void server_reload(struct server *server, struct config *config)
{
	editions_publish(&server->editions, config);
	for (size_t i = 0; i < server->attendant.worker_count; i++)
		edition_holder_renew(&server->attendant.workers[i]->editions);
	waits_nudge(&server->waits); /* who streams may have lost the right to */
	waits_wake(&server->waits);  /* its limits of time may be shorter */
}

void server_notify(struct server *server, const struct topic *topics, size_t count)
{
	waits_notify(&server->waits, topics, count);
}

/* Stop ---------------------------------------------------------------------------------------- */

static bool is_fresh(struct worker *worker, int64_t now)
{
	bool fresh = false;
	pthread_mutex_lock(&worker->mutex);
	const struct connection *at;
	LIST_FOREACH (at, &worker->connections, entry)
		fresh |= atomic_load(&at->requests) == 0 && now - at->opened_at < FRESH_LIMIT;
	pthread_mutex_unlock(&worker->mutex);
	return fresh;
}

/* Whether no request is under way, nor about to be made by a client that has just connected. */
static bool is_drained(struct server *server)
{
	int64_t now = now_of(server);
	for (size_t i = 0; i < server->attendant.worker_count; i++) {
		struct worker *at = server->attendant.workers[i];
		if (atomic_load(&at->started) != atomic_load(&at->completed) || is_fresh(at, now))
			return false;
	}
	return true;
}

static void drain(struct server *server, int64_t patience)
{
	int64_t until = now_of(server) + patience;
	unsigned quiet = 0;
	/* A connection may have been accepted that is not on our lists yet. */
	while (quiet < DRAIN_QUIET_ROUNDS && now_of(server) < until) {
		quiet = is_drained(server) ? quiet + 1 : 0;
		poll(NULL, 0, DRAIN_PAUSE_MILLISECONDS);
	}
}

void server_stop(struct server *server, int64_t patience)
{
	for (size_t i = 0; i < server->listener_count; i++)
		listener_quiesce(&server->listeners[i]);
	waits_end(&server->waits);
	drain(server, patience);
	waits_close(&server->waits);
	/* What a call ends this very moment is resumed by it. */
	while (waits_count(&server->waits) > 0)
		poll(NULL, 0, DRAIN_PAUSE_MILLISECONDS);
	drain(server, patience > 0 ? LAST_ANSWERS_LIMIT : 0);
	attendant_stop(&server->attendant);
	for (size_t i = 0; i < server->listener_count; i++)
		listener_stop(&server->listeners[i]);
}

struct server *server_free(struct server *server)
{
	if (!server)
		return NULL;
	for (size_t i = 0; i < server->attendant.worker_count; i++)
		worker_done(server->attendant.workers[i]);
	for (size_t i = 0; i < server->listener_count; i++)
		listener_done(&server->listeners[i]);
	attendant_done(&server->attendant);
	quota_done(&server->quota);
	waits_done(&server->waits);
	editions_done(&server->editions);
	free(server);
	return NULL;
}

/* What it tells of itself --------------------------------------------------------------------- */

bool server_alive(const struct server *server, int64_t limit)
{
	return attendant_sees_turning(&server->attendant, limit);
}

bool server_healthy(const struct server *server)
{
	return server_alive(server, HEALTHY_LIMIT) &&
	       (!server->options.alive || server->options.alive(server->options.context));
}

static void count_connections(struct worker *worker, struct server_counters *counters)
{
	pthread_mutex_lock(&worker->mutex);
	const struct connection *at;
	LIST_FOREACH (at, &worker->connections, entry) {
		counters->connections++;
		counters->streams += atomic_load(&at->streaming);
	}
	pthread_mutex_unlock(&worker->mutex);
}

void server_counters(struct server *server, struct server_counters *ret_counters)
{
	*ret_counters = (struct server_counters){.connections = 0};
	for (size_t i = 0; i < server->attendant.worker_count; i++) {
		struct worker *at = server->attendant.workers[i];
		counters_sum(&ret_counters->sum, &at->counters);
		ret_counters->by_listener[at->endpoint->kind] += atomic_load(&at->started);
		count_connections(at, ret_counters);
	}
	counters_sum(&ret_counters->sum, &server->attendant.counters);
	for (size_t i = 0; i < LISTENER_COUNT; i++)
		ret_counters->not_let_in[i] = atomic_load(&server->quota.failed[i]);
	ret_counters->waiting = waits_count(&server->waits);
	ret_counters->unsent = unsent_total(&server->quota.unsent);
}

int64_t server_uptime(const struct server *server)
{
	return now_of(server) - server->started_at;
}
