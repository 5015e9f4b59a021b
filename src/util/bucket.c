/* SPDX-License-Identifier: MIT */
/* Of a bucket only the moment is kept at which it will be full again: what is missing from it is
 * the time until then. */
#include "util/bucket.h"

#include <string.h>

#include "util/clock.h"

#define NANOSECONDS_PER_MICROSECOND 1000
#define NANOSECONDS_PER_SECOND (MICROSECONDS_PER_SECOND * NANOSECONDS_PER_MICROSECOND)

void buckets_init(struct buckets *buckets)
{
	memset(buckets->sets, 0, sizeof(buckets->sets));
	pthread_mutex_init(&buckets->mutex, NULL);
}

void buckets_done(struct buckets *buckets)
{
	pthread_mutex_destroy(&buckets->mutex);
}

/* The owner's, or in its place the one that is full soonest. */
static struct bucket *find(struct buckets *buckets, uint64_t owner)
{
	struct bucket *set = buckets->sets[owner % BUCKETS_SETS];
	struct bucket *fullest = set;
	for (size_t i = 0; i < BUCKETS_WAYS; i++) {
		if (set[i].full_at > 0 && set[i].owner == owner)
			return &set[i];
		if (set[i].full_at < fullest->full_at)
			fullest = &set[i];
	}
	*fullest = (struct bucket){.owner = owner};
	return fullest;
}

int64_t buckets_take(
    struct buckets *buckets, uint64_t owner, const struct bucket_rule *rule, int64_t now)
{
	const int64_t price = NANOSECONDS_PER_SECOND / (int64_t)rule->per_second;
	const int64_t at = now * NANOSECONDS_PER_MICROSECOND;
	pthread_mutex_lock(&buckets->mutex);
	struct bucket *bucket = find(buckets, owner);
	int64_t full_at = (bucket->full_at > at ? bucket->full_at : at) + price;
	int64_t missing = full_at - at - (int64_t)rule->burst * price;
	if (missing <= (int64_t)rule->debt * price)
		bucket->full_at = full_at;
	pthread_mutex_unlock(&buckets->mutex);
	return missing > 0
		   ? (missing + NANOSECONDS_PER_MICROSECOND - 1) / NANOSECONDS_PER_MICROSECOND
		   : 0;
}
