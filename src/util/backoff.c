/* SPDX-License-Identifier: MIT */
/* Doubles, limits, and adds the jitter. */
#include "util/backoff.h"

#include <assert.h>

#include "util/timestamp.h"

#define DELAY_MINIMUM (2 * MICROSECONDS_PER_SECOND)
#define DELAY_MAXIMUM (60 * MICROSECONDS_PER_SECOND)
#define JITTER_MINIMUM (1 * MICROSECONDS_PER_SECOND)
#define JITTER_MAXIMUM (5 * MICROSECONDS_PER_SECOND)

int64_t backoff_delay(unsigned failures, struct random_sequence *sequence)
{
	assert(failures >= 1);
	int64_t delay = DELAY_MINIMUM;
	for (unsigned doubled = 1; doubled < failures && delay < DELAY_MAXIMUM; doubled++)
		delay *= 2;
	if (delay > DELAY_MAXIMUM)
		delay = DELAY_MAXIMUM;
	return delay + random_sequence_between(sequence, JITTER_MINIMUM, JITTER_MAXIMUM);
}

int64_t backoff_retry_after(int64_t seconds)
{
	if (seconds <= BACKOFF_RETRY_AFTER_MINIMUM / MICROSECONDS_PER_SECOND)
		return BACKOFF_RETRY_AFTER_MINIMUM;
	if (seconds >= BACKOFF_RETRY_AFTER_MAXIMUM / MICROSECONDS_PER_SECOND)
		return BACKOFF_RETRY_AFTER_MAXIMUM;
	return seconds * MICROSECONDS_PER_SECOND;
}
