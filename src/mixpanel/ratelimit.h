/* SPDX-License-Identifier: MIT */
/* The budget of upstream requests of one project. Pure; driven by the caller's monotonic clock.
 *
 * Two rules together. A window over the last 60 s, in slots of 100 ms that count until they have
 * wholly left it, never lets more than per_minute requests into any minute; a fifth of it is for
 * writes alone, and at most half of it for what callers wait for, so that no reader can hold back a
 * create or the scheduled refreshing. A token bucket that refills evenly paces what is scheduled,
 * so that a burst does not eat a whole minute at once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RATELIMIT_SLOTS 601

enum ratelimit_class {
	RATELIMIT_WRITE,     /* creates and deletes */
	RATELIMIT_WAITED,    /* refreshes that a caller waits for */
	RATELIMIT_SCHEDULED, /* all others */
};

/* What went out in the last minute. Invariant: used is the sum of slots. */
struct ratelimit_window {
	uint64_t used;
	uint32_t slots[RATELIMIT_SLOTS];
};

/* Invariant: slot_now is the slot of the latest call. */
struct ratelimit {
	uint64_t per_minute;
	int64_t slot_now;
	double tokens; /* of the bucket of what is scheduled */
	int64_t refilled_at;
	struct ratelimit_window all;
	struct ratelimit_window waited; /* those of them that were */
};

/* A full budget at monotonic time now. per_minute is 1…1,000,000. */
void ratelimit_init(struct ratelimit *limit, uint64_t per_minute, int64_t now);

/* Changes the budget and keeps what was used. */
void ratelimit_change(struct ratelimit *limit, uint64_t per_minute, int64_t now);

/* Takes one request out of the budget. Returns false when there is none for this class. */
bool ratelimit_take(struct ratelimit *limit, enum ratelimit_class rate_class, int64_t now);

/* When ratelimit_take may succeed again: now or later, monotonic. */
int64_t ratelimit_next(struct ratelimit *limit, enum ratelimit_class rate_class, int64_t now);

/* How many requests the window would still let through. */
uint64_t ratelimit_available(struct ratelimit *limit, int64_t now);
