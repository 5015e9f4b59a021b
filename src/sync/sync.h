/* SPDX-License-Identifier: MIT */
/* What all that works on the sync thread shares: the clock, the writer, the requests going out. */
#pragma once

#include <stdatomic.h>
#include <sys/queue.h>

#include "sync/commit.h"
#include "sync/tally.h"
#include "sync/tickets.h"
#include "transfer/client.h"
#include "util/clock.h"
#include "util/random.h"

struct agenda;

struct sync {
	const struct clock *clock;
	struct random_sequence random;
	uint64_t seed;
	struct commit commit;
	struct client *client;
	struct tickets tickets;
	struct tally tally;
	struct agenda *agenda; /* hears what was read, for inspection.h */
	LIST_HEAD(project_list, project) projects;
	size_t page_bytes;          /* of all answers that are being gathered */
	atomic_bool stopping;       /* nothing new is begun */
	int64_t last_answers_until; /* monotonic; INT64_MAX until it stops */
};

/* Monotonic microseconds. */
static inline int64_t sync_now(const struct sync *sync)
{
	return clock_monotonic(sync->clock);
}

/* Wall clock microseconds. */
static inline int64_t sync_wall(const struct sync *sync)
{
	return clock_wall(sync->clock);
}

/* Whether it is to end. Any thread. */
static inline bool sync_is_stopping(const struct sync *sync)
{
	return atomic_load(&sync->stopping);
}
