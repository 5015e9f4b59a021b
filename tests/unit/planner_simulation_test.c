/* SPDX-License-Identifier: MIT */
/* A day of a project with ten thousand connectors, a hundred of them active, in virtual time: the
 * planner and the budget together, as the engine drives them. Requests take their time, some fail,
 * jobs start and finish. */
#include <stdio.h>

#include "mixpanel/ratelimit.h"
#include "sync/planner.h"
#include "unit.h"
#include "util/random.h"
#include "util/timestamp.h"

#define SECOND MICROSECONDS_PER_SECOND
#define MINUTE MICROSECONDS_PER_MINUTE
#define DAY MICROSECONDS_PER_DAY
#define START (77 * SECOND)

#define CONNECTORS 10000
#define ACTIVE 100
#define CONCURRENT 32
#define FAILURES_PER_MILLE 10
#define RETRY_AFTER (3 * SECOND)
#define NEVER INT64_MIN
#define PLACES CONCURRENT

/* As ck_assert, without its report to the parent process, which would take most of the time. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			ck_abort_msg("%s", #condition);                                            \
	} while (0)

/* What the world knows of a connector, and what was seen of it. */
struct subject {
	bool active;
	int64_t since;    /* when it last became active or idle */
	int64_t asked_at; /* when a request last went out */
	unsigned asked;   /* since the warm-up */
};

struct flight {
	struct plan plan;
	int64_t ends_at;
	bool fails;
};

struct world {
	struct planner *planner;
	struct ratelimit limit;
	struct random_sequence random;
	struct subject subjects[CONNECTORS + 1];
	struct flight flights[CONCURRENT];
	size_t in_flight;
	int64_t *asked; /* the time of every request */
	size_t asked_count;
	size_t asked_size;
	int64_t next_turnover;
	int64_t list_asked_at;
	int64_t warm_at; /* from here on lateness is judged */
	double latest_list;
	double latest_active; /* the longest gaps seen, as multiples of the interval in force */
	double latest_idle;
	uint64_t fingerprint;
};

static void world_done(struct world *world)
{
	planner_free(world->planner);
	free(world->asked);
	free(world);
}

static void put(struct world *world, int64_t row, bool active, int64_t now)
{
	const struct planner_connector connector = {
	    .row = row,
	    .active = active,
	    .young_until = INT64_MIN,
	    .history_read_at = INT64_MIN,
	    .single_read_at = now,
	};
	ck_assert_int_eq(planner_put(world->planner, &connector, now), 0);
}

static struct world *new_world(uint64_t per_minute, uint64_t seed)
{
	const struct planner_settings settings = {
	    .list_interval = 60 * SECOND,
	    .active_interval = 15 * SECOND,
	    .idle_interval = 10 * MINUTE,
	    .status_interval = 1000 * MICROSECONDS_PER_DAY,
	    .per_minute = per_minute,
	};
	struct world *world = calloc(1, sizeof(*world));
	ck_assert_ptr_nonnull(world);
	struct err err = ERR_INIT;
	ck_assert_int_eq(planner_new(&settings, seed, START, &err, &world->planner), 0);
	ratelimit_init(&world->limit, per_minute, START);
	random_sequence_init(&world->random, seed);
	world->next_turnover = START;
	world->list_asked_at = START;
	for (int64_t row = 1; row <= CONNECTORS; row++) {
		struct subject *subject = &world->subjects[row];
		subject->active = row <= ACTIVE;
		subject->since = START;
		subject->asked_at = NEVER;
		put(world, row, subject->active, START);
	}
	return world;
}

static int64_t pick(struct world *world, int64_t minimum, int64_t maximum)
{
	return random_sequence_between(&world->random, minimum, maximum);
}

static void set_active(struct world *world, int64_t row, bool active, int64_t now)
{
	struct subject *subject = &world->subjects[row];
	subject->active = active;
	subject->since = now;
	put(world, row, active, now);
}

static int64_t pick_subject(struct world *world, bool active)
{
	int64_t row = pick(world, 1, CONNECTORS);
	while (world->subjects[row].active != active)
		row = row % CONNECTORS + 1;
	return row;
}

/* One job finishes, another starts. */
static void turn_over(struct world *world, int64_t now)
{
	set_active(world, pick_subject(world, true), false, now);
	set_active(world, pick_subject(world, false), true, now);
	world->next_turnover = now + pick(world, 0, 20 * SECOND);
}

static void note_lateness(double *latest, int64_t from, int64_t now, int64_t interval)
{
	double lateness = (double)(now - from) / (double)interval;
	if (lateness > *latest)
		*latest = lateness;
}

/* A gap counts for the class that a connector has had all through it. */
static void judge(struct world *world, struct subject *subject, int64_t now)
{
	struct planner_intervals intervals = planner_intervals(world->planner);
	int64_t from = subject->asked_at;
	if (subject->active && subject->since > from)
		from = subject->since;
	if (now < world->warm_at || from < START)
		return;
	subject->asked++;
	if (subject->active)
		note_lateness(&world->latest_active, from, now, intervals.active);
	else
		note_lateness(&world->latest_idle, from, now, intervals.idle);
}

static void note_asked(struct world *world, const struct plan *plan, int64_t now)
{
	if (world->asked_count == world->asked_size) {
		world->asked_size = world->asked_size ? 2 * world->asked_size : 1024;
		world->asked = reallocarray(world->asked, world->asked_size, sizeof(*world->asked));
		MUST(world->asked);
	}
	world->asked[world->asked_count++] = now;
	world->fingerprint =
	    (world->fingerprint ^ (uint64_t)now ^ (uint64_t)plan->connector_row << 40) *
	    UINT64_C(0x100000001b3);
}

static void send_plan(struct world *world, const struct plan *plan, int64_t now)
{
	note_asked(world, plan, now);
	if (plan->kind == PLAN_LIST) {
		note_lateness(&world->latest_list, world->list_asked_at, now,
		    planner_intervals(world->planner).list);
		world->list_asked_at = now;
	} else {
		struct subject *subject = &world->subjects[plan->connector_row];
		judge(world, subject, now);
		subject->asked_at = now;
	}
	planner_started(world->planner, plan, now);
	world->flights[world->in_flight++] = (struct flight){
	    .plan = *plan,
	    .ends_at = now + pick(world, 50000, 2 * SECOND),
	    .fails = pick(world, 1, 1000) <= FAILURES_PER_MILLE,
	};
}

/* As a project's turn: sends what may go out; returns when to look again. */
static int64_t send_all(struct world *world, int64_t now)
{
	while (world->in_flight < CONCURRENT) {
		struct plan plan = planner_next(world->planner, now, PLACES);
		if (plan.kind == PLAN_NOTHING)
			return plan.due;
		if (!ratelimit_take(&world->limit, RATELIMIT_SCHEDULED, now))
			return ratelimit_next(&world->limit, RATELIMIT_SCHEDULED, now);
		send_plan(world, &plan, now);
	}
	return INT64_MAX;
}

static void land(struct world *world, int64_t now)
{
	for (size_t i = world->in_flight; i-- > 0;) {
		struct flight flight = world->flights[i];
		if (flight.ends_at > now)
			continue;
		world->flights[i] = world->flights[--world->in_flight];
		planner_done(world->planner, &flight.plan, flight.fails ? RETRY_AFTER : 0, now);
	}
}

static int64_t next_event(const struct world *world, int64_t next)
{
	if (world->next_turnover < next)
		next = world->next_turnover;
	for (size_t i = 0; i < world->in_flight; i++)
		if (world->flights[i].ends_at < next)
			next = world->flights[i].ends_at;
	return next;
}

static void run(struct world *world, int64_t until)
{
	int64_t now = START;
	while (now < until) {
		land(world, now);
		if (now >= world->next_turnover)
			turn_over(world, now);
		int64_t next = next_event(world, send_all(world, now));
		MUST(next > now);
		now = next;
	}
}

static void assert_within_budget(const struct world *world, size_t per_minute)
{
	for (size_t i = per_minute; i < world->asked_count; i++)
		MUST(world->asked[i] - world->asked[i - per_minute] > MINUTE);
}

/* Nobody was left out: whoever waits now has not waited longer than that either. */
static void judge_the_rest(struct world *world, int64_t end)
{
	struct planner_intervals intervals = planner_intervals(world->planner);
	for (int64_t row = 1; row <= CONNECTORS; row++) {
		const struct subject *subject = &world->subjects[row];
		MUST(subject->asked_at != NEVER);
		if (!subject->active)
			note_lateness(&world->latest_idle, subject->asked_at, end, intervals.idle);
	}
}

/* The figures, for whoever reads the log of the test. */
static void tell(const struct world *world, const char *what)
{
	struct planner_intervals intervals = planner_intervals(world->planner);
	printf(
	    "%s: %zu requests; intervals list %lld s, active %lld s, idle %lld s%s; longest gaps, "
	    "as multiples of those: list %.2f, active %.2f, idle %.2f\n",
	    what, world->asked_count, (long long)(intervals.list / SECOND),
	    (long long)(intervals.active / SECOND), (long long)(intervals.idle / SECOND),
	    intervals.stretched ? " (stretched)" : "", world->latest_list, world->latest_active,
	    world->latest_idle);
	fflush(stdout);
}

START_TEST(a_day_on_750_a_minute_leaves_no_history_late)
{
	struct world *world = new_world(750, 1);
	/* The first minutes: everything is due at once. */
	world->warm_at = START + 2 * MINUTE;
	run(world, START + DAY);
	judge_the_rest(world, START + DAY);
	tell(world, "750 a minute for a day");
	assert_within_budget(world, 750);
	struct planner_intervals intervals = planner_intervals(world->planner);
	ck_assert(intervals.stretched);
	ck_assert_int_eq(intervals.active, 15 * SECOND);
	ck_assert_int_eq(intervals.list, 60 * SECOND);
	ck_assert_int_gt(intervals.idle, 45 * MINUTE);
	ck_assert_int_lt(intervals.idle, 65 * MINUTE);
	ck_assert_double_lt(world->latest_list, 1.2);
	ck_assert_double_lt(world->latest_active, 2.0);
	ck_assert_double_lt(world->latest_idle, 2.0);
	/* The budget is used, too. */
	ck_assert_uint_gt(world->asked_count, 24 * 60 * 550);
	world_done(world);
}
END_TEST

START_TEST(a_day_on_60_a_minute_stretches_evenly)
{
	struct world *world = new_world(60, 2);
	/* A hundred histories at once, and then the first round of them spread out. */
	world->warm_at = START + 10 * MINUTE;
	run(world, START + 2 * DAY);
	judge_the_rest(world, START + 2 * DAY);
	tell(world, "60 a minute for two days");
	assert_within_budget(world, 60);
	struct planner_intervals intervals = planner_intervals(world->planner);
	ck_assert(intervals.stretched);
	/* 48 a minute: the idle ones have a fifth, the list its one, the active ones the rest. */
	ck_assert_int_eq(intervals.list, 60 * SECOND);
	ck_assert_int_gt(intervals.active, 155 * SECOND);
	ck_assert_int_lt(intervals.active, 170 * SECOND);
	ck_assert_int_gt(intervals.idle, 950 * MINUTE);
	ck_assert_int_lt(intervals.idle, 1100 * MINUTE);
	ck_assert_double_lt(world->latest_list, 1.3);
	ck_assert_double_lt(world->latest_active, 2.0);
	ck_assert_double_lt(world->latest_idle, 2.0);
	world_done(world);
}
END_TEST

START_TEST(the_same_seed_gives_the_same_day)
{
	uint64_t fingerprints[3];
	for (uint64_t i = 0; i < 3; i++) {
		struct world *world = new_world(750, i / 2 + 5);
		run(world, START + 60 * MINUTE);
		fingerprints[i] = world->fingerprint;
		world_done(world);
	}
	ck_assert_uint_eq(fingerprints[0], fingerprints[1]);
	ck_assert_uint_ne(fingerprints[1], fingerprints[2]);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"a day on 750 a minute leaves no history late",
		a_day_on_750_a_minute_leaves_no_history_late},
	    {"a day on 60 a minute stretches evenly", a_day_on_60_a_minute_stretches_evenly},
	    {"the same seed gives the same day", the_same_seed_gives_the_same_day},
	    {NULL, NULL},
	};
	return unit_main("planner_simulation", cases);
}
