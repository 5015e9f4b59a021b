/* SPDX-License-Identifier: MIT */
/* Jobs that are over, of which an answer says that they are not. In memory.
 *
 * Replicas differ, and one that lags shows a job as running that has ended. So a job that is over
 * stays over until two answers, long enough apart, say that it is not, and none between them says
 * that it is. A restart forgets what the first one said: the job stays over a little longer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The limit; the oldest makes room for a new one. */
#define DOUBTS_LIMIT 1024

struct doubt {
	int64_t row;   /* of the job */
	int64_t since; /* monotonic: when the answer that said so first was asked for */
};

/* Oldest first. Zeroed is empty. */
struct doubts {
	struct doubt list[DOUBTS_LIMIT];
	size_t count;
};

/* An answer asked for at asked_at says that the job, which is over, is not. Returns whether to
 * believe it: one asked for at least settle_time before has said so, too. It is forgotten then. */
bool doubts_believe(struct doubts *doubts, int64_t row, int64_t asked_at, int64_t settle_time);

/* An answer says that the job is over. */
void doubts_end(struct doubts *doubts, int64_t row);
