/* SPDX-License-Identifier: MIT */
/* Counters of requests: those of one thread, and their sum. */
#include "http/counters.h"

#include "util/cleanup.h"

const int64_t counters_duration_bounds[COUNTERS_DURATION_BUCKETS] = {
    100, 500, 1000, 2500, 5000, 10000, 50000, 250000, 1000000, INT64_MAX};

void counters_answer(struct counters *counters, unsigned status, int64_t duration)
{
	size_t bucket = 0;
	while (
	    bucket < COUNTERS_DURATION_BUCKETS - 1 && duration > counters_duration_bounds[bucket])
		bucket++;
	counter_add(&counters->by_status[status / 100 < 6 ? status / 100 : 0], 1);
	counter_add(&counters->duration_buckets[bucket], 1);
	counter_add(&counters->duration_microseconds, duration > 0 ? (uint64_t)duration : 0);
}

void counters_sum(struct counters *sum, const struct counters *counters)
{
	for (size_t i = 0; i < ARRAY_SIZE(sum->by_status); i++)
		counter_add(&sum->by_status[i], atomic_load(&counters->by_status[i]));
	for (size_t i = 0; i < PROBLEM_COUNT; i++)
		counter_add(&sum->problems[i], atomic_load(&counters->problems[i]));
	counter_add(&sum->library_refusals, atomic_load(&counters->library_refusals));
	for (size_t i = 0; i < COUNTERS_DURATION_BUCKETS; i++)
		counter_add(&sum->duration_buckets[i], atomic_load(&counters->duration_buckets[i]));
	counter_add(&sum->duration_microseconds, atomic_load(&counters->duration_microseconds));
}
