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

/* One request in twenty is kept for the foreground. */
#define RESERVE_DIVISOR 20

/* The background may save up a quarter of a minute's budget: enough for a small project to be read
 * at once after a pause, too little to leave nothing for what comes right after it. */
#define BURST_DIVISOR 4

static int64_t slot_of(int64_t now)
{
	int64_t slot = now / SLOT_LENGTH;
	return now % SLOT_LENGTH < 0 ? slot - 1 : slot;
}

static uint32_t *slot_at(struct ratelimit *limit, int64_t slot)
{
	int64_t place = slot % RATELIMIT_SLOTS;
	return &limit->slots[place < 0 ? place + RATELIMIT_SLOTS : place];
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
		uint32_t *count = slot_at(limit, s);
		limit->window_used -= *count;
		*count = 0;
	}
	limit->slot_now = slot;
}

/* Tokens a microsecond: as many as the window lets through in the long run, since a faster pace
 * would only fill it early and then wait out the rest of every minute. */
static double background_rate(const struct ratelimit *limit)
{
	uint64_t reserve = limit->per_minute / RESERVE_DIVISOR;
	return (double)(limit->per_minute - reserve) / (double)MINUTE;
}

static void refill(struct ratelimit *limit, int64_t now)
{
	if (now <= limit->refilled_at)
		return;
	double gained = (double)(now - limit->refilled_at) * background_rate(limit);
	double burst = burst_of(limit->per_minute);
	limit->tokens = limit->tokens + gained < burst ? limit->tokens + gained : burst;
	limit->refilled_at = now;
}

static void advance(struct ratelimit *limit, int64_t now)
{
	slide(limit, now);
	refill(limit, now);
}

/* How many requests the window may hold before this class has to wait. */
static uint64_t window_limit(const struct ratelimit *limit, enum ratelimit_class rate_class)
{
	if (rate_class == RATELIMIT_FOREGROUND)
		return limit->per_minute;
	return limit->per_minute - limit->per_minute / RESERVE_DIVISOR;
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
	if (limit->window_used >= window_limit(limit, rate_class)) {
		/* Nothing is saved up meanwhile: it would go out in one burst when the window
		 * opens, and the same would come about in every minute from then. */
		if (rate_class == RATELIMIT_BACKGROUND)
			limit->tokens = 0.0;
		return false;
	}
	if (rate_class == RATELIMIT_BACKGROUND && limit->tokens < 1.0)
		return false;
	/* What the foreground takes the background goes without. */
	limit->tokens = limit->tokens > 1.0 ? limit->tokens - 1.0 : 0.0;
	limit->window_used++;
	++*slot_at(limit, limit->slot_now);
	return true;
}

/* When enough of the oldest slots will have left the window. */
static int64_t window_opens(struct ratelimit *limit, uint64_t at_most, int64_t now)
{
	if (limit->window_used < at_most)
		return now;
	uint64_t left = limit->window_used;
	int64_t slot = limit->slot_now - RATELIMIT_SLOTS;
	while (left >= at_most)
		left -= *slot_at(limit, ++slot);
	return (slot + RATELIMIT_SLOTS) * SLOT_LENGTH;
}

/* When the bucket will hold a whole token. Rounded up and a microsecond more: a sum of fractions
 * that falls short by a rounding would have the caller come back at the same time for ever. */
static int64_t token_comes(const struct ratelimit *limit, int64_t now)
{
	if (limit->tokens >= 1.0)
		return now;
	double wait = (1.0 - limit->tokens) / background_rate(limit);
	return limit->refilled_at + (int64_t)wait + 2;
}

int64_t ratelimit_next(struct ratelimit *limit, enum ratelimit_class rate_class, int64_t now)
{
	advance(limit, now);
	int64_t next = window_opens(limit, window_limit(limit, rate_class), now);
	if (rate_class == RATELIMIT_BACKGROUND) {
		int64_t token = token_comes(limit, now);
		if (token > next)
			next = token;
	}
	return next > now ? next : now;
}

uint64_t ratelimit_available(struct ratelimit *limit, int64_t now)
{
	advance(limit, now);
	return limit->window_used < limit->per_minute ? limit->per_minute - limit->window_used : 0;
}
