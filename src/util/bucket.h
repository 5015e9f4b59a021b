/* SPDX-License-Identifier: MIT */
/* Token buckets, one for each of those who are told apart by a number. A table of them has a fixed
 * size: a bucket that is full says nothing, and is forgotten first. */
#pragma once

#include <pthread.h>
#include <stdint.h>

#define BUCKETS_SETS 32
#define BUCKETS_WAYS 8

struct bucket {
	uint64_t owner;
	int64_t full_at; /* monotonic nanoseconds */
};

struct buckets {
	pthread_mutex_t mutex;
	struct bucket sets[BUCKETS_SETS][BUCKETS_WAYS];
};

struct bucket_rule {
	uint64_t per_second; /* tokens that come back, 1…1,000,000 */
	uint64_t burst;      /* tokens in a full bucket, at least 1 */
	uint64_t debt;       /* tokens that may be missing from an empty one */
};

void buckets_init(struct buckets *buckets);
void buckets_done(struct buckets *buckets);

/* Takes a token out of the owner's bucket, unless more than the debt would be missing then. Returns
 * the microseconds until none is missing: 0 when there was one. now is monotonic microseconds. Any
 * thread. */
int64_t buckets_take(
    struct buckets *buckets, uint64_t owner, const struct bucket_rule *rule, int64_t now);
