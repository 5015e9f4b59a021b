/* The budget of upstream requests of one project. Pure; driven by the caller's monotonic clock.
 *
 * Two rules together. A window over the last 60 s, in slots of 100 ms that count until they have
 * wholly left it, never lets more than per_minute requests into any minute. A token bucket that
 * refills evenly paces the background, so that a burst does not eat a whole minute at once; and the
 * last twentieth of the window is kept for those who wait for an answer. */
#ifndef MIXPORT_MIXPANEL_RATELIMIT_H
#define MIXPORT_MIXPANEL_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define RATELIMIT_SLOTS 601

enum ratelimit_class {
	RATELIMIT_FOREGROUND, /* creates, deletes and what a caller waits for */
	RATELIMIT_BACKGROUND, /* scheduled refreshes */
};

/* Invariant: window_used is the sum of slots; slot_now is the slot of the latest call. */
struct ratelimit {
	uint64_t per_minute;
	uint64_t window_used;
	int64_t slot_now;
	double tokens; /* of the background's bucket */
	int64_t refilled_at;
	uint32_t slots[RATELIMIT_SLOTS];
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

#endif
