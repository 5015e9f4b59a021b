/* SPDX-License-Identifier: MIT */
/* What each serving thread has for itself, so that threads share next to nothing. */
#include "http/worker.h"

#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

int worker_init(struct worker *worker, const struct worker_setting *setting,
    const struct endpoint *endpoint, struct err *err)
{
	const struct application *application = setting->application;
	*worker = (struct worker){
	    .server = setting->server,
	    .application = application,
	    .endpoint = endpoint,
	    .waits = setting->waits,
	    .attendant = setting->attendant,
	    .quota = setting->quota,
	    .fd = -1,
	    .events = -1,
	};
	if (application->open_thread(application->context, err, &worker->thread) < 0)
		return -1;
	if (edition_holder_init(&worker->editions, setting->editions) < 0) {
		edition_holder_done(&worker->editions);
		application->close_thread(worker->thread);
		return err_set(err, "no memory for a serving thread");
	}
	random_id("r", worker->id_prefix);
	TAILQ_INIT(&worker->strangers);
	cache_init(&worker->cache);
	worker->cache_edition = worker->editions.newest->number;
	pthread_mutex_init(&worker->mutex, NULL);
	return 0;
}

void worker_done(struct worker *worker)
{
	assert(LIST_EMPTY(&worker->connections));
	cache_clear(&worker->cache);
	worker_keep_text(worker, &(struct again){.kept = NULL});
	edition_holder_done(&worker->editions);
	worker->application->close_thread(worker->thread);
	pthread_mutex_destroy(&worker->mutex);
}

int64_t worker_now(const struct worker *worker)
{
	return clock_monotonic(worker->application->clock);
}

struct edition *worker_edition(struct worker *worker)
{
	struct edition *edition = edition_holder_use(&worker->editions);
	/* Kept answers are keyed by tokens of the old configuration, so they go with it. */
	if (worker->cache_edition != edition->number) {
		cache_clear(&worker->cache);
		worker_keep_text(worker, &(struct again){.kept = NULL});
		worker->cache_edition = edition->number;
	}
	return edition;
}

void worker_keep_text(struct worker *worker, const struct again *again)
{
	if (worker->again.kept)
		kept_unref(worker->again.kept);
	worker->again = *again;
}

void worker_request_id(struct worker *worker, char ret_id[REQUEST_ID_SIZE])
{
	uint64_t number = ++worker->id_count;
	uint64_t big_endian = htobe64(number);
	char digits[2 * sizeof(number) + 1];
	size_t len = 16; /* of the prefix: 75 random bits are plenty */
	text_hex(&big_endian, sizeof(big_endian), digits);
	size_t zeros = strspn(digits, "0");
	memcpy(ret_id, worker->id_prefix, len);
	ret_id[len] = '-';
	/* Eight digits, or as many as there are. */
	snprintf(ret_id + len + 1, sizeof(digits), "%s", digits + (zeros < 8 ? zeros : 8));
}
