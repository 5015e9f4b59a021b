/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "sync/upstream.h"
#include "unit.h"
#include "util/timestamp.h"

#define SECOND MICROSECONDS_PER_SECOND
#define WALL (1700000000 * SECOND)

static const struct client_answer fine = {.status = 200, .message = ""};
static const struct client_answer timed_out = {.outcome = CLIENT_UNCLEAR, .message = "timed out"};

static struct random_sequence sequence;

static struct client_answer answer(long status, int64_t retry_after)
{
	return (struct client_answer){
	    .status = status,
	    .body = span_of("{\"error\":\"so it is\"}"),
	    .message = "",
	    .retry_after = retry_after,
	};
}

static void init(struct upstream *upstream)
{
	random_sequence_init(&sequence, 1);
	upstream_init(upstream, WALL);
}

/* The end of a request about this subject. */
static enum upstream_verdict ended_of(struct upstream *upstream, const struct client_answer *end,
    uint64_t subject, int64_t started, int64_t now)
{
	const struct upstream_request request = {.subject = subject, .started = started};
	return upstream_ended(upstream, end, &request, now, WALL + now, &sequence);
}

/* Of the list. */
static void ended(
    struct upstream *upstream, const struct client_answer *end, int64_t started, int64_t now)
{
	ended_of(upstream, end, UPSTREAM_LIST, started, now);
}

static struct upstream_status published(const struct upstream *upstream, int64_t now)
{
	struct upstream_status status = {0};
	upstream_publish(upstream, now, WALL + now, &status);
	return status;
}

START_TEST(what_concerns_one_object_holds_nothing_back)
{
	static const long statuses[] = {200, 201, 204, 302, 400, 404, 409};
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		struct client_answer end = answer(statuses[i], 0);
		ck_assert_int_eq(upstream_judge(&end, false).concern, CONCERN_NOBODY);
	}
	/* A list that Mixpanel itself fails to make holds nothing else back either. */
	struct upstream upstream;
	init(&upstream);
	struct client_answer broken = answer(500, 0);
	ended(&upstream, &broken, 0, SECOND);
	ck_assert(upstream_may_ask(&upstream, false, SECOND));
}
END_TEST

START_TEST(one_that_fails_again_and_again_is_its_own_trouble)
{
	static const long statuses[] = {203, 206, 403, 500, 502, 503, 504, 0};
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		struct upstream upstream;
		struct client_answer end = statuses[i] ? answer(statuses[i], 0) : timed_out;
		init(&upstream);
		for (int64_t now = 1; now < 9; now++) {
			/* One, and another one now and then, with a third that succeeds. */
			ck_assert_int_eq(ended_of(&upstream, &end, 7, now, now + 1), VERDICT_GOOD);
			ck_assert_int_eq(ended_of(&upstream, &end, 8, now, now + 1), VERDICT_GOOD);
			ck_assert_int_eq(ended_of(&upstream, &fine, 9, now, now + 1), VERDICT_GOOD);
		}
		ck_assert(upstream_may_ask(&upstream, false, 10));
		ck_assert_int_eq(published(&upstream, 10).state, UPSTREAM_OK);
		/* A third in a row is no coincidence; then whatever succeeds ends it. */
		ended_of(&upstream, &end, 7, 11, 12);
		ended_of(&upstream, &end, 8, 11, 12);
		ended_of(&upstream, &end, 7, 11, 12);
		ck_assert(upstream_may_ask(&upstream, false, 12));
		const struct upstream_request known = {.subject = 9, .known = true, .started = 11};
		ck_assert_int_eq(
		    upstream_ended(&upstream, &end, &known, 12, WALL, &sequence), VERDICT_GOOD);
		ck_assert_int_eq(ended_of(&upstream, &end, 9, 11, 12), VERDICT_FAILED);
		ck_assert(!upstream_may_ask(&upstream, false, 12));
		ended_of(&upstream, &fine, 9, 13, 14);
		ck_assert(upstream_may_ask(&upstream, false, 14));
	}
}
END_TEST

START_TEST(what_concerns_the_project_is_told_apart)
{
	static const struct {
		long status;
		bool write;
		enum upstream_state state;
	} table[] = {
	    {401, false, UPSTREAM_UNAUTHORIZED},
	    {401, true, UPSTREAM_UNAUTHORIZED},
	    {403, false, UPSTREAM_UNAUTHORIZED},
	    {403, true, UPSTREAM_OK},
	    {429, true, UPSTREAM_RATE_LIMITED},
	    {502, false, UPSTREAM_DEGRADED},
	    {503, true, UPSTREAM_DEGRADED},
	    {504, false, UPSTREAM_DEGRADED},
	};
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct client_answer end = answer(table[i].status, 0);
		struct upstream_judgement judgement = upstream_judge(&end, table[i].write);
		ck_assert_int_eq(judgement.state, table[i].state);
		ck_assert_int_eq(judgement.code[0] != '\0', judgement.state != UPSTREAM_OK);
		ck_assert_int_eq(judgement.concern == CONCERN_PROJECT,
		    table[i].status == 401 || table[i].status == 429);
	}
	/* In these words it is our account that is refused, in a create, too. */
	struct client_answer no_member = answer(403, 0);
	no_member.body =
	    span_of("{\"status\":\"error\",\"error\":\"User 7 is not a member of project 8.\"}");
	ck_assert_int_eq(upstream_judge(&no_member, true).concern, CONCERN_PROJECT);
	ck_assert_int_eq(upstream_judge(&no_member, true).state, UPSTREAM_UNAUTHORIZED);
	struct client_answer none = {.outcome = CLIENT_NOT_SENT, .message = "refused"};
	ck_assert_int_eq(upstream_judge(&none, false).concern, CONCERN_PROJECT);
}
END_TEST

START_TEST(it_is_unknown_until_something_was_answered)
{
	struct upstream upstream;
	init(&upstream);
	ck_assert(upstream_may_ask(&upstream, false, 0));
	ck_assert_int_eq(published(&upstream, 0).state, UPSTREAM_UNKNOWN);
	ended(&upstream, &fine, 0, SECOND);
	struct upstream_status status = published(&upstream, SECOND);
	ck_assert_int_eq(status.state, UPSTREAM_OK);
	ck_assert_int_eq(status.since, WALL + SECOND);
	ck_assert_int_eq(status.next_attempt_at, TIMESTAMP_NONE);
}
END_TEST

START_TEST(a_failure_holds_back_and_then_lets_one_probe_through)
{
	struct upstream upstream;
	init(&upstream);
	ended(&upstream, &timed_out, 0, SECOND);
	ck_assert(!upstream_may_ask(&upstream, false, SECOND));
	ck_assert(upstream_may_ask(&upstream, true, SECOND));
	int64_t next = upstream_next(&upstream, SECOND);
	ck_assert_int_ge(next, 4 * SECOND);
	ck_assert_int_le(next, 8 * SECOND);
	ck_assert_int_eq(published(&upstream, SECOND).next_attempt_at, WALL + next);
	ck_assert(!upstream_may_ask(&upstream, false, next - 1));
	ck_assert(upstream_may_ask(&upstream, false, next));
	upstream_asked(&upstream, next);
	ck_assert(!upstream_may_ask(&upstream, false, next));
	ck_assert(upstream_may_ask(&upstream, true, next));
	ck_assert_int_eq(upstream_next(&upstream, next), INT64_MAX);
	ended(&upstream, &fine, next, next + SECOND);
	ck_assert(upstream_may_ask(&upstream, false, next + SECOND));
	ck_assert_str_eq(published(&upstream, next + SECOND).error_code, "");
	ck_assert_uint_eq(published(&upstream, next + SECOND).consecutive_failures, 0);
}
END_TEST

START_TEST(the_hold_grows_with_failures_in_a_row)
{
	struct upstream upstream;
	init(&upstream);
	int64_t now = 0;
	int64_t hold = 0;
	for (unsigned failures = 1; failures <= 8; failures++) {
		upstream_asked(&upstream, now);
		ended(&upstream, &timed_out, now, now + SECOND);
		now += SECOND;
		ck_assert_uint_eq(published(&upstream, now).consecutive_failures, failures);
		hold = upstream_next(&upstream, now) - now;
		now += hold;
	}
	ck_assert_int_ge(hold, 61 * SECOND);
	ck_assert_int_le(hold, 65 * SECOND);
}
END_TEST

START_TEST(what_fails_together_counts_once)
{
	struct upstream upstream;
	init(&upstream);
	for (int64_t i = 0; i < 8; i++)
		ended(&upstream, &timed_out, i, SECOND + i);
	ck_assert_uint_eq(published(&upstream, SECOND).consecutive_failures, 1);
	ck_assert_int_le(upstream_next(&upstream, 2 * SECOND), 8 * SECOND);
}
END_TEST

START_TEST(a_late_end_says_nothing_about_the_probe)
{
	struct upstream upstream;
	init(&upstream);
	ended(&upstream, &timed_out, 0, SECOND);
	int64_t probe = upstream_next(&upstream, SECOND);
	upstream_asked(&upstream, probe);
	/* Others from before the trouble fail, and succeed, while the probe is on its way. */
	ended(&upstream, &timed_out, SECOND / 2, probe + 1);
	ended(&upstream, &fine, SECOND / 2, probe + 2);
	ck_assert_int_eq(published(&upstream, probe + 2).state, UPSTREAM_UNREACHABLE);
	ck_assert(!upstream_may_ask(&upstream, false, probe + 2));
	ended(&upstream, &fine, probe, probe + SECOND);
	ck_assert_int_eq(published(&upstream, probe + SECOND).state, UPSTREAM_OK);
	ck_assert(upstream_may_ask(&upstream, false, probe + SECOND));
}
END_TEST

START_TEST(a_pause_that_mixpanel_asked_for_holds_for_everybody)
{
	struct upstream upstream;
	init(&upstream);
	struct client_answer refused = answer(429, 100 * SECOND);
	ended(&upstream, &refused, 0, SECOND);
	ck_assert(!upstream_may_ask(&upstream, true, 101 * SECOND - 1));
	ck_assert_int_eq(upstream_next(&upstream, SECOND), 101 * SECOND);
	ck_assert(upstream_may_ask(&upstream, true, 101 * SECOND));
	ck_assert(upstream_may_ask(&upstream, false, 101 * SECOND));
	struct upstream_status status = published(&upstream, SECOND);
	ck_assert_int_eq(status.state, UPSTREAM_RATE_LIMITED);
	ck_assert_str_eq(status.error_code, "upstream-rate-limited");
	ck_assert_str_eq(status.error_message, "Mixpanel answered 429: so it is");
	/* A later failure of another kind holds only the scheduled ones. */
	upstream_asked(&upstream, 101 * SECOND);
	ended(&upstream, &timed_out, 101 * SECOND, 102 * SECOND);
	ck_assert(!upstream_may_ask(&upstream, false, 102 * SECOND));
	ck_assert(upstream_may_ask(&upstream, true, 102 * SECOND));
}
END_TEST

START_TEST(a_listing_that_cannot_be_read_degrades_until_one_can)
{
	struct upstream upstream;
	init(&upstream);
	ended(&upstream, &fine, 0, SECOND);
	upstream_listed(&upstream, "upstream-undecodable", "it is no list", WALL + SECOND);
	ck_assert(upstream_may_ask(&upstream, false, SECOND));
	struct upstream_status status = published(&upstream, SECOND);
	ck_assert_int_eq(status.state, UPSTREAM_DEGRADED);
	ck_assert_str_eq(status.error_code, "upstream-undecodable");
	ck_assert_uint_eq(status.consecutive_failures, 1);
	/* A good history does not mend it, nor does trouble that came and went. */
	ended(&upstream, &fine, SECOND, 2 * SECOND);
	ended(&upstream, &timed_out, 2 * SECOND, 3 * SECOND);
	ck_assert_str_eq(published(&upstream, 3 * SECOND).error_code, "upstream-unreachable");
	ended(&upstream, &fine, 20 * SECOND, 21 * SECOND);
	status = published(&upstream, 21 * SECOND);
	ck_assert_int_eq(status.state, UPSTREAM_DEGRADED);
	ck_assert_str_eq(status.error_code, "upstream-undecodable");
	ck_assert_str_eq(status.error_message, "it is no list");
	upstream_listed(&upstream, NULL, NULL, WALL + 22 * SECOND);
	status = published(&upstream, 22 * SECOND);
	ck_assert_int_eq(status.state, UPSTREAM_OK);
	ck_assert_int_eq(status.since, WALL + 22 * SECOND);
	ck_assert_str_eq(status.error_code, "");
	ck_assert_str_eq(status.error_message, "");
}
END_TEST

START_TEST(a_refused_create_does_not_prove_that_we_may_read)
{
	struct upstream upstream;
	init(&upstream);
	struct client_answer refused = answer(403, 0);
	ended(&upstream, &refused, 0, SECOND);
	const struct upstream_request create = {.write = true, .subject = 5, .started = 2 * SECOND};
	upstream_ended(&upstream, &refused, &create, 3 * SECOND, WALL, &sequence);
	ck_assert_int_eq(published(&upstream, 3 * SECOND).state, UPSTREAM_UNAUTHORIZED);
	ended(&upstream, &fine, 4 * SECOND, 5 * SECOND);
	ck_assert_int_eq(published(&upstream, 5 * SECOND).state, UPSTREAM_OK);
}
END_TEST

/* Whatever ends in whatever order: while it is held back at most one scheduled request is on its
 * way that went out since, and a time to go on is always known unless that one is. */
START_TEST(it_never_gets_stuck)
{
	enum { FLIGHTS = 6 };
	struct random_sequence random;
	for (uint64_t seed = 0; seed < 300; seed++) {
		struct upstream upstream;
		int64_t started[FLIGHTS];
		size_t in_flight = 0;
		int64_t now = 0;
		init(&upstream);
		random_sequence_init(&random, seed);
		for (unsigned step = 0; step < 200; step++) {
			now += random_sequence_between(&random, 1, 2 * SECOND);
			if (in_flight < FLIGHTS && upstream_may_ask(&upstream, false, now)) {
				upstream_asked(&upstream, now);
				started[in_flight++] = now;
			} else if (in_flight > 0 && random_sequence_between(&random, 0, 1)) {
				size_t i = (size_t)random_sequence_between(
				    &random, 0, (int64_t)in_flight - 1);
				bool good = random_sequence_between(&random, 0, 2) > 0;
				ended(&upstream, good ? &fine : &timed_out, started[i], now);
				started[i] = started[--in_flight];
			}
			int64_t next = upstream_next(&upstream, now);
			if (in_flight == 0 &&
			    (next == INT64_MAX || !upstream_may_ask(&upstream, false, next)))
				ck_abort_msg("stuck: seed %u step %u", (unsigned)seed, step);
		}
	}
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"what concerns one object holds nothing back",
		what_concerns_one_object_holds_nothing_back},
	    {"one that fails again and again is its own trouble",
		one_that_fails_again_and_again_is_its_own_trouble},
	    {"what concerns the project is told apart", what_concerns_the_project_is_told_apart},
	    {"it is unknown until something was answered",
		it_is_unknown_until_something_was_answered},
	    {"a failure holds back and then lets one probe through",
		a_failure_holds_back_and_then_lets_one_probe_through},
	    {"the hold grows with failures in a row", the_hold_grows_with_failures_in_a_row},
	    {"what fails together counts once", what_fails_together_counts_once},
	    {"a late end says nothing about the probe", a_late_end_says_nothing_about_the_probe},
	    {"a pause that Mixpanel asked for holds for everybody",
		a_pause_that_mixpanel_asked_for_holds_for_everybody},
	    {"a listing that cannot be read degrades until one can",
		a_listing_that_cannot_be_read_degrades_until_one_can},
	    {"a refused create does not prove that we may read",
		a_refused_create_does_not_prove_that_we_may_read},
	    {"it never gets stuck", it_never_gets_stuck},
	    {NULL, NULL},
	};
	return unit_main("upstream", cases);
}
