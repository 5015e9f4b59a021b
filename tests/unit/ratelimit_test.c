/* SPDX-License-Identifier: MIT */
#include "mixpanel/ratelimit.h"

#include <stdint.h>

#include "unit.h"
#include "util/random.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)

static unsigned take_all(struct ratelimit *limit, enum ratelimit_class rate_class, int64_t now)
{
	unsigned taken = 0;
	while (ratelimit_take(limit, rate_class, now))
		taken++;
	return taken;
}

START_TEST(a_minute_s_budget_is_there_at_once)
{
	struct ratelimit limit;
	ratelimit_init(&limit, 60, 12345);
	ck_assert_uint_eq(ratelimit_available(&limit, 12345), 60);
	ck_assert_uint_eq(take_all(&limit, RATELIMIT_WRITE, 12345), 60);
	ck_assert_uint_eq(ratelimit_available(&limit, 12345), 0);
}
END_TEST

START_TEST(used_budget_comes_back_only_after_a_minute)
{
	struct ratelimit limit;
	int64_t start = 7 * SECOND + 99999;
	ratelimit_init(&limit, 10, start);
	take_all(&limit, RATELIMIT_WRITE, start);
	ck_assert(!ratelimit_take(&limit, RATELIMIT_WRITE, start + MINUTE));
	ck_assert_int_eq(
	    ratelimit_next(&limit, RATELIMIT_WRITE, start + MINUTE), start + MINUTE + 1);
	ck_assert_uint_eq(take_all(&limit, RATELIMIT_WRITE, start + MINUTE + 1), 10);
}
END_TEST

START_TEST(all_others_leave_a_fifth_to_writes)
{
	struct ratelimit limit;
	int64_t now = 0;
	ratelimit_init(&limit, 100, now);
	unsigned taken = 0;
	for (; now < MINUTE; now += SECOND / 10)
		taken += take_all(&limit, RATELIMIT_SCHEDULED, now);
	ck_assert_uint_eq(taken, 80);
	ck_assert_uint_eq(take_all(&limit, RATELIMIT_WRITE, MINUTE - 1), 20);
}
END_TEST

START_TEST(the_background_goes_evenly_after_its_burst)
{
	struct ratelimit limit;
	ratelimit_init(&limit, 60, 0);
	ck_assert_uint_eq(take_all(&limit, RATELIMIT_SCHEDULED, 0), 15);
	for (int64_t i = 1; i <= 32; i++) {
		int64_t at = i * MINUTE / 48;
		ck_assert(!ratelimit_take(&limit, RATELIMIT_SCHEDULED, at - SECOND / 10));
		ck_assert(ratelimit_take(&limit, RATELIMIT_SCHEDULED, at + SECOND / 10));
	}
}
END_TEST

START_TEST(who_waits_gets_half_at_most_and_holds_nobody_back)
{
	for (uint64_t per_minute = 1; per_minute <= 100; per_minute++) {
		struct ratelimit limit;
		ratelimit_init(&limit, per_minute, 0);
		unsigned half = per_minute > 1 ? (unsigned)per_minute / 2 : 1;
		ck_assert_uint_eq(take_all(&limit, RATELIMIT_WAITED, 0), half);
		ck_assert_int_gt(ratelimit_next(&limit, RATELIMIT_WAITED, 0), MINUTE);
		unsigned writes = take_all(&limit, RATELIMIT_WRITE, 1);
		ck_assert_uint_eq(writes, per_minute - half);
	}
}
END_TEST

START_TEST(a_background_that_always_wants_is_never_held_up_for_long)
{
	struct ratelimit limit;
	ratelimit_init(&limit, 600, 0);
	int64_t last = 0;
	for (int64_t now = 0; now < 20 * MINUTE; now += SECOND / 20) {
		if (take_all(&limit, RATELIMIT_SCHEDULED, now) == 0)
			continue;
		if (now > MINUTE + SECOND && now - last > SECOND)
			ck_abort_msg("nothing went out for %lld us at %lld",
			    (long long)(now - last), (long long)now);
		last = now;
	}
}
END_TEST

START_TEST(a_changed_budget_keeps_what_was_used)
{
	struct ratelimit limit;
	ratelimit_init(&limit, 60, 0);
	ck_assert_uint_eq(take_all(&limit, RATELIMIT_WRITE, 0), 60);
	ratelimit_change(&limit, 100, SECOND);
	ck_assert_uint_eq(ratelimit_available(&limit, SECOND), 40);
	ratelimit_change(&limit, 10, SECOND);
	ck_assert_uint_eq(ratelimit_available(&limit, SECOND), 0);
	int64_t next = ratelimit_next(&limit, RATELIMIT_WRITE, SECOND);
	ck_assert_int_gt(next, MINUTE);
	ck_assert_uint_eq(take_all(&limit, RATELIMIT_WRITE, next), 10);
}
END_TEST

START_TEST(a_clock_that_goes_back_frees_nothing)
{
	struct ratelimit limit;
	ratelimit_init(&limit, 5, -3 * SECOND);
	take_all(&limit, RATELIMIT_WRITE, 10 * SECOND);
	ck_assert(!ratelimit_take(&limit, RATELIMIT_WRITE, -90 * SECOND));
	ck_assert_uint_eq(ratelimit_available(&limit, -200 * SECOND), 0);
}
END_TEST

START_TEST(a_budget_of_a_million_is_given_out_whole)
{
	struct ratelimit limit;
	ratelimit_init(&limit, 1000000, 0);
	ck_assert_uint_eq(take_all(&limit, RATELIMIT_WRITE, 0), 1000000);
	ck_assert_uint_eq(ratelimit_available(&limit, MINUTE + SECOND), 1000000);
}
END_TEST

/* The promises as properties, over random sequences -------------------------------------------*/

#define HISTORY 4096

static int64_t random_step(struct random_sequence *sequence)
{
	static const int64_t scales[] = {0, 10, 1000, 200 * 1000, SECOND, 20 * SECOND, 90 * SECOND};
	int64_t scale = scales[random_sequence_between(sequence, 0, 6)];
	return random_sequence_between(sequence, 0, scale);
}

static enum ratelimit_class random_class(struct random_sequence *sequence)
{
	return (enum ratelimit_class)random_sequence_between(sequence, 0, RATELIMIT_SCHEDULED);
}

/* At most per_minute requests in the 60 s up to and with the latest, so in any 60 s. */
static void check_minute(const int64_t *taken, size_t count, uint64_t per_minute)
{
	int64_t latest = taken[(count - 1) % HISTORY];
	if (count <= per_minute)
		return;
	int64_t earlier = taken[(count - 1 - per_minute) % HISTORY];
	if (latest - earlier <= MINUTE)
		ck_abort_msg("%u and one within %lld us", (unsigned)per_minute,
		    (long long)(latest - earlier));
}

START_TEST(no_minute_sees_more_than_the_budget)
{
	static int64_t taken[HISTORY];
	struct random_sequence sequence;
	random_sequence_init(&sequence, 1);
	for (unsigned round = 0; round < 200; round++) {
		struct ratelimit limit;
		uint64_t per_minute = (uint64_t)random_sequence_between(&sequence, 1, 130);
		int64_t now = random_sequence_between(&sequence, -MINUTE, MINUTE);
		ratelimit_init(&limit, per_minute, now);
		size_t count = 0;
		for (unsigned step = 0; step < 3000; step++) {
			now += random_step(&sequence);
			if (!ratelimit_take(&limit, random_class(&sequence), now))
				continue;
			taken[count++ % HISTORY] = now;
			check_minute(taken, count, per_minute);
		}
	}
}
END_TEST

START_TEST(going_to_next_soon_lets_a_request_through)
{
	struct random_sequence sequence;
	random_sequence_init(&sequence, 2);
	for (unsigned round = 0; round < 20000; round++) {
		struct ratelimit limit;
		int64_t now = random_sequence_between(&sequence, -MINUTE, 1000 * MINUTE);
		ratelimit_init(&limit, (uint64_t)random_sequence_between(&sequence, 1, 300), now);
		for (int64_t n = random_sequence_between(&sequence, 0, 60); n > 0; n--) {
			now += random_step(&sequence) / 20;
			ratelimit_take(&limit, random_class(&sequence), now);
		}
		enum ratelimit_class rate_class = random_class(&sequence);
		unsigned visits = 0;
		while (!ratelimit_take(&limit, rate_class, now)) {
			int64_t next = ratelimit_next(&limit, rate_class, now);
			if (next <= now || next - now > MINUTE + SECOND || visits++ >= 3)
				ck_abort_msg("from %lld to %lld", (long long)now, (long long)next);
			now = next;
		}
	}
}
END_TEST

START_TEST(what_is_available_can_be_taken)
{
	struct random_sequence sequence;
	random_sequence_init(&sequence, 3);
	struct ratelimit limit;
	int64_t now = 0;
	ratelimit_init(&limit, 40, now);
	for (unsigned step = 0; step < 20000; step++) {
		now += random_step(&sequence);
		bool available = ratelimit_available(&limit, now) > 0;
		if (available != ratelimit_take(&limit, RATELIMIT_WRITE, now))
			ck_abort_msg("at %lld", (long long)now);
	}
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"a minute's budget is there at once", a_minute_s_budget_is_there_at_once},
	    {"used budget comes back only after a minute",
		used_budget_comes_back_only_after_a_minute},
	    {"all others leave a fifth to writes", all_others_leave_a_fifth_to_writes},
	    {"who waits gets half at most and holds nobody back",
		who_waits_gets_half_at_most_and_holds_nobody_back},
	    {"the background goes evenly after its burst",
		the_background_goes_evenly_after_its_burst},
	    {"a background that always wants is never held up for long",
		a_background_that_always_wants_is_never_held_up_for_long},
	    {"a changed budget keeps what was used", a_changed_budget_keeps_what_was_used},
	    {"a clock that goes back frees nothing", a_clock_that_goes_back_frees_nothing},
	    {"a budget of a million is given out whole", a_budget_of_a_million_is_given_out_whole},
	    {"no minute sees more than the budget", no_minute_sees_more_than_the_budget},
	    {"going to next soon lets a request through",
		going_to_next_soon_lets_a_request_through},
	    {"what is available can be taken", what_is_available_can_be_taken},
	    {NULL, NULL},
	};
	return unit_main("ratelimit", cases);
}
