/* SPDX-License-Identifier: MIT */
/* Counters under a mutex: a few for each request that goes out, which is not many. */
#include "sync/tally.h"

_Static_assert(ENGINE_ENDPOINTS == ENDPOINT_COUNT, "an endpoint is not counted");

void tally_init(struct tally *tally)
{
	pthread_mutex_init(&tally->mutex, NULL);
}

void tally_done(struct tally *tally)
{
	pthread_mutex_destroy(&tally->mutex);
}

/* The column of engine_counters.requests. */
static size_t column_of(const struct client_answer *answer)
{
	if (answer->outcome == CLIENT_NOT_SENT)
		return 4;
	if (answer->outcome == CLIENT_UNCLEAR)
		return 5;
	if (answer->status < 300)
		return 0;
	return answer->status < 600 ? (size_t)answer->status / 100 - 2 : 3;
}

void tally_request(struct tally *tally, enum endpoint endpoint, const struct client_answer *answer)
{
	pthread_mutex_lock(&tally->mutex);
	tally->counters.requests[endpoint][column_of(answer)]++;
	tally->counters.request_microseconds[endpoint] += (uint64_t)answer->duration;
	pthread_mutex_unlock(&tally->mutex);
}

void tally_undecodable(struct tally *tally)
{
	pthread_mutex_lock(&tally->mutex);
	tally->counters.undecodable++;
	pthread_mutex_unlock(&tally->mutex);
}

void tally_changed(struct tally *tally, size_t jobs, size_t connectors)
{
	pthread_mutex_lock(&tally->mutex);
	tally->counters.jobs_changed += jobs;
	tally->counters.connectors_changed += connectors;
	pthread_mutex_unlock(&tally->mutex);
}

void tally_set(struct tally *tally, uint64_t commits, unsigned in_flight)
{
	pthread_mutex_lock(&tally->mutex);
	tally->counters.commits = commits;
	tally->counters.in_flight = in_flight;
	pthread_mutex_unlock(&tally->mutex);
}

void tally_read(struct tally *tally, struct engine_counters *ret_counters)
{
	pthread_mutex_lock(&tally->mutex);
	*ret_counters = tally->counters;
	pthread_mutex_unlock(&tally->mutex);
}
