/* SPDX-License-Identifier: MIT */
/* Why no minute ever sees more than per_minute requests
 *
 * A request taken at time t is counted in the slot that t falls in, and leaves the count only when
 * that slot lies wholly more than 60 s back: 601 slots, not 600. So at any moment the count covers
 * at least every request of the 60 s before it, and a request is let through only when the count,
 * itself included, is at most per_minute. The price is that a request may count up to 100 ms
 * longer than it must. */
#include "mixpanel/ratelimit.h"

#include <assert.h>
#include <stddef.h>

#define SLOT_LENGTH INT64_C(100000)
#define MINUTE INT64_C(60000000)

#define PER_MINUTE_MAXIMUM 1000000

/* One request in five is kept for writes; one in two at most is for those who wait. */
#define RESERVE_DIVISOR 5
#define WAITED_DIVISOR 2

/* What is scheduled may save up a quarter of a minute's budget: enough for a small project to be
 * read at once after a pause, too little to leave nothing for what comes right after it. */
#define BURST_DIVISOR 4

static int64_t slot_of(int64_t now)
{
	int64_t slot = now / SLOT_LENGTH;
	return now % SLOT_LENGTH < 0 ? slot - 1 : slot;
}

static uint32_t *slot_at(struct ratelimit_window *window, int64_t slot)
{
	int64_t place = slot % RATELIMIT_SLOTS;
	return &window->slots[place < 0 ? place + RATELIMIT_SLOTS : place];
}

static void empty_slot(struct ratelimit_window *window, int64_t slot)
{
	uint32_t *count = slot_at(window, slot);
	window->used -= *count;
	*count = 0;
}

static void count_one(struct ratelimit_window *window, int64_t slot)
{
	window->used++;
	++*slot_at(window, slot);
}

static double burst_of(uint64_t per_minute)
{
	uint64_t burst = per_minute / BURST_DIVISOR;
	return burst > 0 ? (double)burst : 1.0;
}

/* Lets go of the slots that have left the window. A clock that went back changes nothing. */
static void slide(struct ratelimit *limit, int64_t now)
{
	int64_t slot = slot_of(now);
	if (slot <= limit->slot_now)
		return;
	int64_t first = limit->slot_now + 1;
	if (first < slot - RATELIMIT_SLOTS + 1)
		first = slot - RATELIMIT_SLOTS + 1;
	for (int64_t s = first; s <= slot; s++) {
		empty_slot(&limit->all, s);
		empty_slot(&limit->waited, s);
	}
	limit->slot_now = slot;
}

/* Tokens a microsecond: as many as the window lets through in the long run, since a faster pace
 * would only fill it early and then wait out the rest of every minute. */
static double scheduled_rate(const struct ratelimit *limit)
{
	uint64_t reserve = limit->per_minute / RESERVE_DIVISOR;
	return (double)(limit->per_minute - reserve) / (double)MINUTE;
}

static void advance(struct ratelimit *limit, int64_t now)
{
	slide(limit, now);
	if (now <= limit->refilled_at)
		return;
	double gained = (double)(now - limit->refilled_at) * scheduled_rate(limit);
	double burst = burst_of(limit->per_minute);
	limit->tokens = limit->tokens + gained < burst ? limit->tokens + gained : burst;
	limit->refilled_at = now;
}

/* How many requests the window may hold before this class has to wait. */
static uint64_t window_limit(const struct ratelimit *limit, enum ratelimit_class rate_class)
{
	if (rate_class == RATELIMIT_WRITE)
		return limit->per_minute;
	return limit->per_minute - limit->per_minute / RESERVE_DIVISOR;
}

static uint64_t waited_limit(const struct ratelimit *limit)
{
	uint64_t most = limit->per_minute / WAITED_DIVISOR;
	return most > 0 ? most : 1;
}

void ratelimit_init(struct ratelimit *limit, uint64_t per_minute, int64_t now)
{
	assert(per_minute >= 1 && per_minute <= PER_MINUTE_MAXIMUM);
	*limit = (struct ratelimit){
	    .per_minute = per_minute,
	    .slot_now = slot_of(now),
	    .tokens = burst_of(per_minute),
	    .refilled_at = now,
	};
}

void ratelimit_change(struct ratelimit *limit, uint64_t per_minute, int64_t now)
{
	assert(per_minute >= 1 && per_minute <= PER_MINUTE_MAXIMUM);
	advance(limit, now);
	double used = burst_of(limit->per_minute) - limit->tokens;
	double left = burst_of(per_minute) - used;
	limit->tokens = left > 0.0 ? left : 0.0;
	limit->per_minute = per_minute;
}

bool ratelimit_take(struct ratelimit *limit, enum ratelimit_class rate_class, int64_t now)
{
	advance(limit, now);
	if (rate_class == RATELIMIT_WAITED && limit->waited.used >= waited_limit(limit))
		return false;
	if (limit->all.used >= window_limit(limit, rate_class)) {
		/* Nothing is saved up meanwhile: it would go out in one burst when the window
		 * opens, and the same would come about in every minute from then. */
		if (rate_class == RATELIMIT_SCHEDULED)
			limit->tokens = 0.0;
		return false;
	}
	if (rate_class == RATELIMIT_SCHEDULED && limit->tokens < 1.0)
		return false;
	/* What the others take goes from what is scheduled. */
	limit->tokens = limit->tokens > 1.0 ? limit->tokens - 1.0 : 0.0;
	count_one(&limit->all, limit->slot_now);
	if (rate_class == RATELIMIT_WAITED)
		count_one(&limit->waited, limit->slot_now);
	return true;
}

/* When enough of the oldest slots will have left the window. */
static int64_t window_opens(
    struct ratelimit_window *window, int64_t slot_now, uint64_t at_most, int64_t now)
{
	if (window->used < at_most)
		return now;
	uint64_t left = window->used;
	int64_t slot = slot_now - RATELIMIT_SLOTS;
	while (left >= at_most)
		left -= *slot_at(window, ++slot);
	return (slot + RATELIMIT_SLOTS) * SLOT_LENGTH;
}

/* When the bucket will hold a whole token. Rounded up and a microsecond more: a sum of fractions
 * that falls short by a rounding would have the caller come back at the same time for ever. */
static int64_t token_comes(const struct ratelimit *limit, int64_t now)
{
	if (limit->tokens >= 1.0)
		return now;
	double wait = (1.0 - limit->tokens) / scheduled_rate(limit);
	return limit->refilled_at + (int64_t)wait + 2;
}

int64_t ratelimit_next(struct ratelimit *limit, enum ratelimit_class rate_class, int64_t now)
{
	advance(limit, now);
	int64_t next =
	    window_opens(&limit->all, limit->slot_now, window_limit(limit, rate_class), now);
	int64_t own = now;
	if (rate_class == RATELIMIT_SCHEDULED)
		own = token_comes(limit, now);
	else if (rate_class == RATELIMIT_WAITED)
		own = window_opens(&limit->waited, limit->slot_now, waited_limit(limit), now);
	if (own > next)
		next = own;
	return next > now ? next : now;
}

uint64_t ratelimit_available(struct ratelimit *limit, int64_t now)
{
	advance(limit, now);
	return limit->all.used < limit->per_minute ? limit->per_minute - limit->all.used : 0;
}
