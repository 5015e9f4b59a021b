/* SPDX-License-Identifier: MIT */
#include "sync/planner.h"
#include "unit.h"
#include "util/timestamp.h"

#define SECOND MICROSECONDS_PER_SECOND
#define MINUTE MICROSECONDS_PER_MINUTE
#define START (1000 * SECOND)
#define PLACES 8

static const struct planner_settings usual = {
    .list_interval = 60 * SECOND,
    .active_interval = 15 * SECOND,
    .idle_interval = 10 * MINUTE,
    .status_interval = 1000 * MICROSECONDS_PER_DAY,
    .per_minute = 600,
};

static struct planner *new_planner(const struct planner_settings *settings)
{
	struct err err = ERR_INIT;
	struct planner *planner = NULL;
	ck_assert_int_eq(planner_new(settings, 7, START, &err, &planner), 0);
	return planner;
}

static void put(struct planner *planner, int64_t row, bool active, int64_t synced_at, int64_t now)
{
	const struct planner_connector connector = {
	    .row = row,
	    .active = active,
	    .young_until = INT64_MIN,
	    .history_read_at = synced_at,
	    .single_read_at = now,
	};
	ck_assert_int_eq(planner_put(planner, &connector, now), 0);
}

/* Asks what is next at `now`, which must be the list, and has it answered at once. */
static void pass_list(struct planner *planner, int64_t now)
{
	struct plan plan = planner_next(planner, now, PLACES);
	ck_assert_int_eq(plan.kind, PLAN_LIST);
	planner_started(planner, &plan, now);
	planner_done(planner, &plan, 0, now);
}

/* Starts what is next at `now`, which must be this connector's history. */
static struct plan start_history(struct planner *planner, int64_t row, int64_t now)
{
	struct plan plan = planner_next(planner, now, PLACES);
	ck_assert_int_eq(plan.kind, PLAN_HISTORY);
	ck_assert_int_eq(plan.connector_row, row);
	planner_started(planner, &plan, now);
	return plan;
}

static void pass_history(struct planner *planner, int64_t row, int64_t now)
{
	struct plan plan = start_history(planner, row, now);
	planner_done(planner, &plan, 0, now);
}

/* Nothing is due at `now`; returns when something will be. */
static int64_t next_due(struct planner *planner, int64_t now)
{
	struct plan plan = planner_next(planner, now, PLACES);
	ck_assert_int_eq(plan.kind, PLAN_NOTHING);
	ck_assert_int_gt(plan.due, now);
	return plan.due;
}

static void assert_about(int64_t value, int64_t expected)
{
	ck_assert_int_ge(value, expected - expected / 20);
	ck_assert_int_le(value, expected + expected / 20);
}

START_TEST(an_empty_plan_asks_for_the_list_and_again_after_its_interval)
{
	struct planner *planner = new_planner(&usual);
	pass_list(planner, START);
	int64_t due = next_due(planner, START);
	assert_about(due - START, usual.list_interval);
	pass_list(planner, due);
	planner_free(planner);
}
END_TEST

START_TEST(the_order_is_waited_list_active_idle)
{
	struct planner *planner = new_planner(&usual);
	put(planner, 1, false, INT64_MIN, START);
	put(planner, 2, true, INT64_MIN, START);
	put(planner, 3, false, START, START);
	planner_want_history(planner, 3, false, false);
	struct plan plan = planner_next(planner, START, PLACES);
	ck_assert(plan.waited);
	pass_history(planner, 3, START);
	pass_list(planner, START);
	pass_history(planner, 2, START);
	pass_history(planner, 1, START);
	next_due(planner, START);
	planner_free(planner);
}
END_TEST

START_TEST(the_longest_overdue_of_a_class_is_first)
{
	struct planner *planner = new_planner(&usual);
	pass_list(planner, START);
	for (int64_t row = 1; row <= 4; row++)
		put(planner, row, false, START - row * 60 * MINUTE, START);
	for (int64_t row = 4; row >= 1; row--)
		pass_history(planner, row, START);
	planner_free(planner);
}
END_TEST

START_TEST(each_class_comes_back_after_its_interval_counted_from_the_asking)
{
	struct planner *planner = new_planner(&usual);
	pass_list(planner, START);
	put(planner, 1, true, INT64_MIN, START);
	struct plan plan = start_history(planner, 1, START);
	planner_done(planner, &plan, 0, START + 5 * SECOND);
	int64_t due = next_due(planner, START + 5 * SECOND);
	assert_about(due - START, usual.active_interval);
	put(planner, 1, false, INT64_MIN, START);
	struct plan next = planner_next(planner, due, PLACES);
	while (next.kind != PLAN_HISTORY) {
		if (next.kind == PLAN_LIST)
			pass_list(planner, due);
		else
			due = next.due;
		next = planner_next(planner, due, PLACES);
	}
	assert_about(due - START, usual.idle_interval);
	planner_free(planner);
}
END_TEST

START_TEST(what_turns_active_moves_forward_at_once)
{
	struct planner *planner = new_planner(&usual);
	pass_list(planner, START);
	put(planner, 1, false, START - MINUTE, START);
	next_due(planner, START);
	put(planner, 1, true, START - MINUTE, START);
	pass_history(planner, 1, START);
	planner_free(planner);
}
END_TEST

START_TEST(a_young_connector_is_active_until_it_is_not)
{
	struct planner *planner = new_planner(&usual);
	pass_list(planner, START);
	int64_t young_until = START + 20 * SECOND;
	const struct planner_connector young = {
	    .row = 1,
	    .young_until = young_until,
	    .history_read_at = INT64_MIN,
	    .single_read_at = START,
	};
	ck_assert_int_eq(planner_put(planner, &young, START), 0);
	int64_t now = START;
	pass_history(planner, 1, now);
	now = next_due(planner, now);
	assert_about(now - START, usual.active_interval);
	pass_history(planner, 1, now);
	now = next_due(planner, now);
	pass_history(planner, 1, now);
	ck_assert_int_gt(now, young_until);
	assert_about(next_due(planner, now) - START, usual.list_interval);
	planner_free(planner);
}
END_TEST

START_TEST(each_thing_is_in_flight_once)
{
	struct planner *planner = new_planner(&usual);
	struct plan list = planner_next(planner, START, PLACES);
	planner_started(planner, &list, START);
	put(planner, 1, true, INT64_MIN, START);
	struct plan plan = start_history(planner, 1, START);
	put(planner, 1, true, INT64_MIN, START + SECOND);
	ck_assert_int_eq(planner_next(planner, START + 60 * MINUTE, PLACES).kind, PLAN_NOTHING);
	ck_assert_int_gt(planner_next(planner, START + 60 * MINUTE, PLACES).due,
	    START + 900 * MICROSECONDS_PER_DAY);
	/* Neither removing it nor its return makes a second one. */
	planner_remove(planner, 1);
	put(planner, 1, true, INT64_MIN, START + SECOND);
	planner_want_history(planner, 1, false, false);
	ck_assert_int_eq(planner_next(planner, START + 60 * MINUTE, PLACES).kind, PLAN_NOTHING);
	planner_done(planner, &plan, 0, START + 2 * SECOND);
	pass_history(planner, 1, START + 60 * MINUTE);
	planner_free(planner);
}
END_TEST

START_TEST(a_wish_for_what_is_in_flight_asks_once_more_only_if_again)
{
	struct planner *planner = new_planner(&usual);
	for (int again = 0; again <= 1; again++) {
		planner_want_list(planner, false);
		struct plan list = planner_next(planner, START, PLACES);
		ck_assert(list.waited);
		planner_started(planner, &list, START);
		planner_want_list(planner, again);
		planner_done(planner, &list, 0, START);
		ck_assert_int_eq(
		    planner_next(planner, START, PLACES).kind, again ? PLAN_LIST : PLAN_NOTHING);
	}
	pass_list(planner, START);
	put(planner, 1, false, START, START);
	for (int again = 0; again <= 1; again++) {
		planner_want_history(planner, 1, false, false);
		struct plan plan = start_history(planner, 1, START);
		planner_want_history(planner, 1, false, again);
		planner_done(planner, &plan, 0, START);
		ck_assert_int_eq(
		    planner_next(planner, START, PLACES).kind, again ? PLAN_HISTORY : PLAN_NOTHING);
	}
	planner_free(planner);
}
END_TEST

START_TEST(a_failure_comes_back_after_its_delay_whatever_is_stretched)
{
	struct planner_settings small = usual;
	small.per_minute = 10;
	struct planner *planner = new_planner(&small);
	pass_list(planner, START);
	struct plan list = {.kind = PLAN_LIST};
	planner_started(planner, &list, START);
	planner_done(planner, &list, 60 * MINUTE, START);
	for (int64_t row = 1; row <= 100; row++)
		put(planner, row, true, START, START);
	planner_want_history(planner, 1, false, false);
	struct plan plan = start_history(planner, 1, START);
	planner_done(planner, &plan, 20 * SECOND, START + SECOND);
	/* The facts that follow a failure do not bring it forward. */
	put(planner, 1, true, INT64_MIN, START + SECOND);
	ck_assert_int_eq(next_due(planner, START + SECOND), START + 21 * SECOND);
	/* Without a delay asked for, its own backoff grows with each failure in a row. */
	int64_t now = START + 2 * SECOND;
	int64_t before = 0;
	for (int i = 0; i < 4; i++) {
		planner_want_history(planner, 1, false, false);
		plan = start_history(planner, 1, now);
		planner_done(planner, &plan, 1, now);
		int64_t delay = next_due(planner, now) - now;
		ck_assert_int_gt(delay, before);
		before = delay;
	}
	planner_want_history(planner, 1, false, false);
	pass_history(planner, 1, now);
	planner_free(planner);
}
END_TEST

START_TEST(a_connector_never_read_that_fails_is_not_asked_without_end)
{
	struct planner *planner = new_planner(&usual);
	pass_list(planner, START);
	put(planner, 1, false, INT64_MIN, START);
	struct plan plan = start_history(planner, 1, START);
	put(planner, 1, false, INT64_MIN, START);
	planner_done(planner, &plan, 10 * SECOND, START);
	put(planner, 1, false, INT64_MIN, START);
	ck_assert_int_eq(next_due(planner, START), START + 10 * SECOND);
	planner_free(planner);
}
END_TEST

START_TEST(new_facts_do_not_put_off_what_is_due)
{
	struct planner *planner = new_planner(&usual);
	pass_list(planner, START);
	put(planner, 1, false, INT64_MIN, START);
	put(planner, 2, false, INT64_MIN, START + 1);
	put(planner, 1, false, INT64_MIN, START + 2);
	pass_history(planner, 1, START + 3);
	/* Nor does a wall clock that went back, which makes the past look like now. */
	int64_t due = START + usual.idle_interval * 11 / 10;
	put(planner, 1, false, due, due);
	pass_list(planner, due);
	pass_history(planner, 2, due);
	pass_history(planner, 1, due);
	planner_free(planner);
}
END_TEST

START_TEST(the_list_is_read_not_later_than_asked_in_its_turn)
{
	struct planner *planner = new_planner(&usual);
	pass_list(planner, START);
	planner_list_not_later(planner, START + 2 * SECOND);
	planner_list_not_later(planner, START + 9 * SECOND);
	ck_assert_int_eq(next_due(planner, START), START + 2 * SECOND);
	struct plan plan = planner_next(planner, START + 2 * SECOND, PLACES);
	ck_assert_int_eq(plan.kind, PLAN_LIST);
	ck_assert(!plan.waited);
	planner_started(planner, &plan, START + 2 * SECOND);
	planner_list_not_later(planner, START + 12 * SECOND);
	planner_done(planner, &plan, 0, START + 3 * SECOND);
	ck_assert_int_eq(next_due(planner, START + 3 * SECOND), START + 12 * SECOND);
	/* Being read sooner for another reason does not answer it. */
	planner_want_list(planner, false);
	pass_list(planner, START + 5 * SECOND);
	pass_list(planner, START + 12 * SECOND);
	assert_about(next_due(planner, START + 12 * SECOND) - START - 12 * SECOND, 60 * SECOND);
	planner_free(planner);
}
END_TEST

START_TEST(shorter_intervals_move_forward_what_is_due_later)
{
	struct planner *planner = new_planner(&usual);
	pass_list(planner, START);
	put(planner, 1, false, START, START);
	put(planner, 2, false, INT64_MIN, START);
	struct plan plan = start_history(planner, 2, START);
	planner_done(planner, &plan, 5 * MINUTE, START);
	struct planner_settings quick = usual;
	quick.list_interval = 100 * SECOND;
	quick.idle_interval = 30 * SECOND;
	planner_change(planner, &quick, START);
	int64_t due = next_due(planner, START);
	assert_about(due - START, 30 * SECOND);
	int64_t now = START + 32 * SECOND;
	ck_assert_int_eq(planner_next(planner, now, PLACES).kind, PLAN_HISTORY);
	plan = planner_next(planner, now, PLACES);
	planner_started(planner, &plan, now);
	struct plan other = planner_next(planner, now, PLACES);
	ck_assert_int_eq(other.kind, PLAN_HISTORY);
	ck_assert_int_ne(other.connector_row, plan.connector_row);
	planner_free(planner);
}
END_TEST

START_TEST(intervals_stretch_the_idle_ones_first_down_to_a_fifth)
{
	struct planner *planner = new_planner(&usual);
	for (int64_t row = 1; row <= 1000; row++)
		put(planner, row, false, START, START);
	struct planner_intervals intervals = planner_intervals(planner);
	ck_assert(!intervals.stretched);
	ck_assert_int_eq(intervals.idle, usual.idle_interval);

	/* 80 active ones want 320 a minute, the list one, so 159 of 480 are left for 9920. */
	for (int64_t row = 1; row <= 10000; row++)
		put(planner, row, row <= 80, START, START);
	intervals = planner_intervals(planner);
	ck_assert(intervals.stretched);
	ck_assert_int_eq(intervals.list, usual.list_interval);
	ck_assert_int_eq(intervals.active, usual.active_interval);
	assert_about(intervals.idle, 9920 * MINUTE / 159);

	/* 400 active ones want 1600, which leaves the idle ones their fifth: 96. */
	for (int64_t row = 1; row <= 400; row++)
		put(planner, row, true, START, START);
	intervals = planner_intervals(planner);
	ck_assert_int_eq(intervals.list, usual.list_interval);
	assert_about(intervals.idle, 9600 * MINUTE / 96);
	assert_about(intervals.active, 400 * MINUTE / 383);

	for (int64_t row = 1; row <= 10000; row++)
		planner_remove(planner, row);
	ck_assert(!planner_intervals(planner).stretched);
	planner_free(planner);
}
END_TEST

START_TEST(one_request_a_minute_still_reads_everything)
{
	struct planner_settings least = usual;
	least.list_interval = 100 * MICROSECONDS_PER_MILLISECOND;
	least.per_minute = 1;
	struct planner *planner = new_planner(&least);
	for (int64_t row = 1; row <= 4; row++)
		put(planner, row, row <= 2, INT64_MIN, START);
	unsigned asked[5] = {0};
	for (int64_t now = START; now < START + 200 * MINUTE; now += MINUTE) {
		struct plan plan = planner_next(planner, now, PLACES);
		if (plan.kind == PLAN_NOTHING)
			continue;
		asked[plan.connector_row]++;
		planner_started(planner, &plan, now);
		planner_done(planner, &plan, 0, now + SECOND);
	}
	for (int i = 0; i <= 4; i++)
		ck_assert_uint_ge(asked[i], 13);
	planner_free(planner);
}
END_TEST

START_TEST(unknown_rows_are_fine)
{
	struct planner *planner = new_planner(&usual);
	pass_list(planner, START);
	struct plan plan = {.kind = PLAN_HISTORY, .connector_row = 9};
	planner_remove(planner, 9);
	planner_want_history(planner, 9, false, true);
	planner_started(planner, &plan, START);
	planner_done(planner, &plan, 0, START);
	next_due(planner, START);
	ck_assert_ptr_null(planner_free(NULL));
	planner_free(planner);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"an empty plan asks for the list and again after its interval",
		an_empty_plan_asks_for_the_list_and_again_after_its_interval},
	    {"the order is waited, list, active, idle", the_order_is_waited_list_active_idle},
	    {"the longest overdue of a class is first", the_longest_overdue_of_a_class_is_first},
	    {"each class comes back after its interval, counted from the asking",
		each_class_comes_back_after_its_interval_counted_from_the_asking},
	    {"what turns active moves forward at once", what_turns_active_moves_forward_at_once},
	    {"a young connector is active until it is not",
		a_young_connector_is_active_until_it_is_not},
	    {"each thing is in flight once", each_thing_is_in_flight_once},
	    {"a wish for what is in flight asks once more only if again",
		a_wish_for_what_is_in_flight_asks_once_more_only_if_again},
	    {"a failure comes back after its delay, whatever is stretched",
		a_failure_comes_back_after_its_delay_whatever_is_stretched},
	    {"a connector never read that fails is not asked without end",
		a_connector_never_read_that_fails_is_not_asked_without_end},
	    {"new facts do not put off what is due", new_facts_do_not_put_off_what_is_due},
	    {"the list is read not later than asked, in its turn",
		the_list_is_read_not_later_than_asked_in_its_turn},
	    {"shorter intervals move forward what is due later",
		shorter_intervals_move_forward_what_is_due_later},
	    {"intervals stretch, the idle ones first, down to a fifth",
		intervals_stretch_the_idle_ones_first_down_to_a_fifth},
	    {"one request a minute still reads everything",
		one_request_a_minute_still_reads_everything},
	    {"unknown rows are fine", unknown_rows_are_fine},
	    {NULL, NULL},
	};

	return unit_main("planner", cases);
}
