/* SPDX-License-Identifier: MIT */
/* What each serving thread has for itself, so that threads share next to nothing. */
#include "api/server_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct hold *new_hold(struct server *server)
{
	struct hold *hold = calloc(1, sizeof(*hold));
	if (!hold)
		return NULL;
	hold->config = server_config(server, &hold->generation);
	hold->uses = 1;
	return hold;
}

int worker_init(struct worker *worker, struct listener *listener, struct err *err)
{
	struct server *server = listener->server;
	*worker = (struct worker){.server = server, .listener = listener, .fd = -1, .events = -1};
	if (conn_open_reader(server->options.database, err, &worker->reader) < 0)
		return -1;
	worker->hold = new_hold(server);
	if (!worker->hold) {
		worker->reader = conn_close(worker->reader);
		return err_set(err, "no memory for a serving thread");
	}
	random_id("r", worker->id_prefix);
	cache_init(&worker->cache);
	worker->cache_generation = worker->hold->generation;
	pthread_mutex_init(&worker->mutex, NULL);
	pthread_mutex_init(&worker->hold_mutex, NULL);
	return 0;
}

void worker_done(struct worker *worker)
{
	assert(!worker->connections);
	cache_clear(&worker->cache);
	worker_release(worker->hold);
	worker->hold = NULL;
	worker->reader = conn_close(worker->reader);
	pthread_mutex_destroy(&worker->mutex);
	pthread_mutex_destroy(&worker->hold_mutex);
}

/* Without memory the old one stays in force here until there is some. */
static void take_configuration(struct worker *worker)
{
	struct server *server = worker->server;
	if (atomic_load_explicit(&server->config_generation, memory_order_acquire) ==
	    worker->hold->generation)
		return;
	struct hold *hold = new_hold(server);
	if (!hold)
		return;
	worker_release(worker->hold);
	worker->hold = hold;
}

void worker_reload(struct worker *worker)
{
	pthread_mutex_lock(&worker->hold_mutex);
	take_configuration(worker);
	pthread_mutex_unlock(&worker->hold_mutex);
}

struct hold *worker_hold(struct worker *worker)
{
	pthread_mutex_lock(&worker->hold_mutex);
	take_configuration(worker);
	struct hold *hold = worker->hold;
	atomic_fetch_add_explicit(&hold->uses, 1, memory_order_relaxed);
	pthread_mutex_unlock(&worker->hold_mutex);
	/* What was kept is told apart by tokens of the old configuration, so it goes with it. */
	if (worker->cache_generation != hold->generation) {
		cache_clear(&worker->cache);
		worker->cache_generation = hold->generation;
	}
	return hold;
}

void worker_release(struct hold *hold)
{
	if (atomic_fetch_sub_explicit(&hold->uses, 1, memory_order_acq_rel) > 1)
		return;
	config_unref(hold->config);
	free(hold);
}

void worker_request_id(struct worker *worker, char ret_id[REQUEST_ID_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t number = ++worker->id_count;
	size_t len = 16; /* of the prefix: 75 random bits are plenty */
	memcpy(ret_id, worker->id_prefix, len);
	ret_id[len++] = '-';
	int shift = 28;
	while (shift < 60 && (number >> shift) > 15)
		shift += 4;
	for (; shift >= 0; shift -= 4)
		ret_id[len++] = digits[(number >> shift) & 15];
	ret_id[len] = '\0';
}

void counters_problem(struct counters *counters, enum problem problem)
{
	count_more(&counters->problems[problem], 1);
}

void counters_answer(struct counters *counters, unsigned status, int64_t duration)
{
	size_t bucket = 0;
	while (bucket < SERVER_DURATION_BUCKETS - 1 && duration > server_duration_bounds[bucket])
		bucket++;
	count_more(&counters->by_status[status / 100 < 6 ? status / 100 : 0], 1);
	count_more(&counters->duration_buckets[bucket], 1);
	count_more(&counters->duration_microseconds, duration > 0 ? (uint64_t)duration : 0);
}
