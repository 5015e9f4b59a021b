/* SPDX-License-Identifier: MIT */
/* How often one caller may ask, how much it may leave untaken, and how fast one who is not known
 * may try. */
#pragma once

#include <stdatomic.h>

#include "config/config.h"
#include "http/endpoint.h"
#include "http/unsent.h"
#include "util/bucket.h"

/* Who failed where, since that was last logged. */
struct quota_unsaid {
	uint64_t count;
	int64_t said_at; /* monotonic; 0: never */
};

/* Shared by all serving threads. */
struct quota {
	struct buckets requests;
	struct buckets failures;
	struct unsent unsent;
	_Atomic uint64_t failed[LISTENER_COUNT]; /* since the start */
	pthread_mutex_t mutex;                   /* guards what follows */
	struct quota_unsaid unsaid[LISTENER_COUNT];
};

void quota_init(struct quota *quota);
void quota_done(struct quota *quota);

/* Takes a request out of what the caller (see share.h) may ask in a second; of callers that have
 * not shown who they are all together may ask a quarter of it, on each listener. Returns 0, or 1
 * when it is one too many: the caller waits a second. Any thread. */
int quota_request(struct quota *quota, enum listener_kind kind, uint64_t caller,
    const struct config *config, int64_t now);

/* Notes that somebody was not let in: a number for whom it is slowed, and a name for the log, which
 * gets a line a minute at most. Returns the microseconds for which the answer is to be held back:
 * none for the first hundred, then as many as leave ten a second, a second at most. Any thread. */
int64_t quota_failure(
    struct quota *quota, enum listener_kind kind, uint64_t source, const char *name, int64_t now);
