/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "sync/match.h"
#include "unit.h"
#include "util/random.h"
#include "util/timestamp.h"

#define NONE TIMESTAMP_NONE
#define NEW MATCH_NEW
#define ROOM 64

static struct run run(const char *run_id, int64_t start_time, enum job_status status)
{
	return (struct run){
	    .run_id = run_id,
	    .start_time = start_time,
	    .end_time = NONE,
	    .status = status,
	    .upstream_status = job_status_names[status],
	};
}

static struct match_stored stored(const char *run_id, int64_t start_time, enum job_status status)
{
	bool done = job_status_is_done(status);
	return (struct match_stored){
	    .run_id = run_id,
	    .start_time = start_time,
	    .over = done,
	    .done = done,
	    .listed = true,
	};
}

/* One that has dropped out of the history. */
static struct match_stored dropped(const char *run_id, int64_t start_time, enum job_status status)
{
	struct match_stored job = stored(run_id, start_time, status);
	job.listed = false;
	job.over = true;
	return job;
}

static void check_match(const struct match_stored *jobs, size_t job_count, const struct run *runs,
    size_t run_count, const size_t *expected)
{
	size_t found[ROOM];
	ck_assert_int_eq(match_history(jobs, job_count, runs, run_count, found), 0);
	for (size_t i = 0; i < run_count; i++)
		if (found[i] != expected[i])
			ck_abort_msg("entry %zu is %zd, not %zd", i, found[i], expected[i]);
}

#define CHECK_MATCH(jobs, runs, ...)                                                               \
	check_match(jobs, ARRAY_SIZE(jobs), runs, ARRAY_SIZE(runs), (const size_t[]){__VA_ARGS__})

START_TEST(the_same_id_is_the_same_job_whatever_else_changed)
{
	const struct match_stored jobs[] = {
	    stored("a", NONE, JOB_QUEUED),
	    stored("b", 10, JOB_RUNNING),
	};
	const struct run runs[] = {run("b", 20, JOB_SUCCEEDED), run("a", 10, JOB_RUNNING)};
	CHECK_MATCH(jobs, runs, 1, 0);
}
END_TEST

START_TEST(two_ids_are_never_the_same_job)
{
	const struct match_stored jobs[] = {
	    stored("a", 10, JOB_RUNNING),
	    stored("q", NONE, JOB_QUEUED),
	    stored(NULL, NONE, JOB_QUEUED),
	};
	const struct run runs[] = {run("b", 10, JOB_RUNNING), run("r", NONE, JOB_QUEUED)};
	CHECK_MATCH(jobs, runs, NEW, 2);
}
END_TEST

START_TEST(a_start_without_its_fraction_is_the_same_within_its_second)
{
	const int64_t second = MICROSECONDS_PER_SECOND;
	const struct match_stored exact[] = {
	    stored(NULL, 10 * second + 7, JOB_RUNNING), stored(NULL, 11 * second + 9, JOB_RUNNING)};
	const struct run whole[] = {
	    run(NULL, 11 * second, JOB_RUNNING), run(NULL, 10 * second, JOB_RUNNING)};
	CHECK_MATCH(exact, whole, 1, 0);
	const struct match_stored cut[] = {stored(NULL, 10 * second, JOB_RUNNING)};
	const struct run told[] = {
	    run(NULL, 11 * second + 7, JOB_RUNNING), run(NULL, 10 * second + 7, JOB_RUNNING)};
	CHECK_MATCH(cut, told, NEW, 0);
	/* The one that is told exactly comes first, and two fractions are two runs. */
	const struct run both[] = {
	    run(NULL, 10 * second, JOB_RUNNING), run(NULL, 10 * second + 7, JOB_RUNNING)};
	CHECK_MATCH(cut, both, 0, NEW);
	const struct run other[] = {run(NULL, 10 * second + 8, JOB_RUNNING)};
	CHECK_MATCH(exact, other, NEW);
	ck_assert(match_same_time(-second, -second + 1) && !match_same_time(-second, -1 - second));
	ck_assert(!match_same_time(NONE, 0) && match_same_time(NONE, NONE));
}
END_TEST

START_TEST(an_id_that_appears_later_is_taken_by_start_time)
{
	const struct match_stored jobs[] = {stored(NULL, 10, JOB_RUNNING)};
	const struct run runs[] = {run("a", 10, JOB_RUNNING)};
	CHECK_MATCH(jobs, runs, 0);
}
END_TEST

START_TEST(an_id_that_every_run_carries_is_none)
{
	const struct match_stored jobs[] = {
	    stored("x", 10, JOB_SUCCEEDED),
	    stored("x", 20, JOB_RUNNING),
	};
	const struct run both[] = {run("x", 20, JOB_RUNNING), run("x", 10, JOB_SUCCEEDED)};
	CHECK_MATCH(jobs, both, 1, 0);
	const struct run next[] = {run("x", 30, JOB_RUNNING), run("x", 20, JOB_SUCCEEDED)};
	CHECK_MATCH(jobs, next, NEW, 1);
	const struct run one[] = {run("x", 20, JOB_SUCCEEDED)};
	CHECK_MATCH(jobs, one, 1);
}
END_TEST

START_TEST(a_run_on_two_pages_is_one)
{
	const struct match_stored jobs[] = {stored("a", 10, JOB_RUNNING)};
	const struct run runs[] = {
	    run("a", 10, JOB_RUNNING),
	    run("b", 5, JOB_FAILED),
	    run("a", 10, JOB_SUCCEEDED),
	    run("b", 5, JOB_FAILED),
	};
	CHECK_MATCH(jobs, runs, 0, NEW, MATCH_REPEATED, MATCH_REPEATED);
	check_match(NULL, 0, runs, 4, (const size_t[]){NEW, NEW, MATCH_REPEATED, MATCH_REPEATED});
}
END_TEST

static void check_overlap(const struct run *before, size_t before_count, const struct run *after,
    size_t after_count, size_t expected, bool expected_doubtful)
{
	bool doubtful = false;
	ck_assert_uint_eq(
	    match_overlap(before, before_count, after, after_count, &doubtful), expected);
	ck_assert_int_eq(doubtful, expected_doubtful);
}

#define CHECK_OVERLAP(before, after, expected, doubtful)                                           \
	check_overlap(before, ARRAY_SIZE(before), after, ARRAY_SIZE(after), expected, doubtful)

START_TEST(the_end_of_one_page_may_begin_the_next)
{
	const struct run before[] = {run(NULL, 30, JOB_RUNNING), run(NULL, 20, JOB_SUCCEEDED)};
	const struct run one[] = {run(NULL, 20, JOB_SUCCEEDED), run(NULL, 10, JOB_SUCCEEDED)};
	const struct run two[] = {run(NULL, 30, JOB_SUCCEEDED), run(NULL, 20, JOB_SUCCEEDED)};
	const struct run other[] = {run(NULL, 20, JOB_FAILED), run(NULL, 10, JOB_SUCCEEDED)};
	const struct run named[] = {run("a", 20, JOB_SUCCEEDED)};
	const struct run queued[] = {run(NULL, NONE, JOB_QUEUED)};
	CHECK_OVERLAP(before, one, 1, false);
	CHECK_OVERLAP(before, two, 2, true); /* it ended between the two, or is another */
	CHECK_OVERLAP(before, other, 0, false);
	CHECK_OVERLAP(before, named, 0, false);
	CHECK_OVERLAP(named, named, 1, false);
	CHECK_OVERLAP(queued, queued, 1, true);
	check_overlap(NULL, 0, one, 2, 0, false);
}
END_TEST

START_TEST(runs_that_share_a_start_time_keep_their_places)
{
	const struct match_stored jobs[] = {
	    stored(NULL, 10, JOB_SUCCEEDED),
	    stored(NULL, 10, JOB_RUNNING),
	    stored(NULL, 20, JOB_RUNNING),
	};
	const struct run runs[] = {
	    run(NULL, 20, JOB_RUNNING),
	    run(NULL, 10, JOB_SUCCEEDED),
	    run(NULL, 10, JOB_FAILED),
	    run(NULL, 10, JOB_RUNNING),
	};
	CHECK_MATCH(jobs, runs, 2, 0, 1, NEW);
}
END_TEST

START_TEST(what_is_listed_comes_before_what_dropped_out)
{
	const struct match_stored jobs[] = {
	    dropped(NULL, 10, JOB_SUCCEEDED),
	    stored(NULL, 10, JOB_RUNNING),
	    dropped(NULL, NONE, JOB_QUEUED),
	    stored(NULL, NONE, JOB_QUEUED),
	};
	const struct run runs[] = {run(NULL, 10, JOB_RUNNING), run(NULL, NONE, JOB_QUEUED)};
	CHECK_MATCH(jobs, runs, 1, 3);
	const struct run more[] = {
	    run(NULL, 10, JOB_RUNNING),
	    run(NULL, 10, JOB_RUNNING),
	    run(NULL, NONE, JOB_QUEUED),
	    run(NULL, NONE, JOB_QUEUED),
	};
	CHECK_MATCH(jobs, more, 0, 1, 2, 3);
}
END_TEST

START_TEST(a_queued_job_that_starts_is_the_same)
{
	const struct match_stored jobs[] = {
	    stored(NULL, 5, JOB_SUCCEEDED),
	    stored(NULL, NONE, JOB_QUEUED),
	    stored(NULL, NONE, JOB_QUEUED),
	};
	const struct run one[] = {
	    run(NULL, NONE, JOB_QUEUED),
	    run(NULL, 10, JOB_RUNNING),
	    run(NULL, 5, JOB_SUCCEEDED),
	};
	CHECK_MATCH(jobs, one, 2, 1, 0);
	const struct run both[] = {run(NULL, 12, JOB_RUNNING), run(NULL, 10, JOB_RUNNING)};
	CHECK_MATCH(jobs, both, 2, 1);
}
END_TEST

START_TEST(a_run_that_starts_while_the_queued_one_still_waits_is_new)
{
	const struct match_stored jobs[] = {stored(NULL, NONE, JOB_QUEUED)};
	const struct run runs[] = {run(NULL, NONE, JOB_QUEUED), run(NULL, 10, JOB_RUNNING)};
	CHECK_MATCH(jobs, runs, 0, NEW);
}
END_TEST

START_TEST(what_is_over_is_not_what_just_started)
{
	const struct match_stored jobs[] = {
	    dropped(NULL, NONE, JOB_QUEUED),
	    stored(NULL, NONE, JOB_CANCELLED),
	};
	const struct run runs[] = {run(NULL, 10, JOB_RUNNING)};
	CHECK_MATCH(jobs, runs, NEW);
}
END_TEST

START_TEST(a_run_cancelled_before_it_started_keeps_its_job)
{
	const struct match_stored jobs[] = {
	    stored(NULL, NONE, JOB_CANCELLED),
	    stored(NULL, NONE, JOB_QUEUED),
	};
	const struct run same[] = {run(NULL, NONE, JOB_QUEUED), run(NULL, NONE, JOB_CANCELLED)};
	CHECK_MATCH(jobs, same, 1, 0);
	const struct run both[] = {run(NULL, NONE, JOB_CANCELLED), run(NULL, NONE, JOB_CANCELLED)};
	CHECK_MATCH(jobs, both, 0, 1);
	const struct match_stored old[] = {dropped(NULL, NONE, JOB_CANCELLED)};
	const struct run queued[] = {run(NULL, NONE, JOB_QUEUED)};
	CHECK_MATCH(old, queued, NEW);
}
END_TEST

START_TEST(new_jobs_are_stored_in_the_order_of_time)
{
	const struct run runs[] = {
	    run(NULL, NONE, JOB_QUEUED),
	    run(NULL, 30, JOB_RUNNING),
	    run(NULL, 10, JOB_RUNNING),
	    run(NULL, NONE, JOB_QUEUED),
	    run(NULL, 10, JOB_FAILED),
	};
	const size_t expected[] = {2, 4, 1, 0, 3};
	size_t order[ARRAY_SIZE(runs)];
	ck_assert_int_eq(match_order(runs, ARRAY_SIZE(runs), order), 0);
	ck_assert_mem_eq(order, expected, sizeof(expected));
	ck_assert_int_eq(match_order(NULL, 0, order), 0);
}
END_TEST

/* Anything at all is sent: twice the same gives twice the same ----------------------------------*/

struct table {
	struct match_stored jobs[512];
	size_t count;
};

static void random_runs(struct random_sequence *random, struct run *runs, size_t *ret_count)
{
	static const char *const ids[] = {NULL, NULL, NULL, "", "a", "b", "c", "d", "e"};
	*ret_count = (size_t)random_sequence_between(random, 0, 8);
	for (size_t i = 0; i < *ret_count; i++) {
		int64_t start = random_sequence_between(random, 0, 5);
		size_t id = (size_t)random_sequence_between(random, 0, ARRAY_SIZE(ids) - 1);
		enum job_status status =
		    (enum job_status)random_sequence_between(random, JOB_QUEUED, JOB_UNKNOWN);
		runs[i] = run(ids[id], start < 2 ? NONE : start, status);
	}
}

/* Applies a history as apply.c does, and remembers where each entry went. */
static void apply(
    struct table *table, const struct run *runs, size_t count, bool complete, size_t *ret_where)
{
	size_t order[ROOM];
	if (match_history(table->jobs, table->count, runs, count, ret_where) < 0 ||
	    match_order(runs, count, order) < 0)
		ck_abort_msg("no memory");
	bool matched[512] = {false};
	for (size_t i = 0; i < count; i++)
		if (ret_where[i] < table->count) {
			if (matched[ret_where[i]])
				ck_abort_msg("two entries are one job");
			matched[ret_where[i]] = true;
			table->jobs[ret_where[i]] =
			    stored(runs[i].run_id, runs[i].start_time, runs[i].status);
		}
	for (size_t i = 0; complete && i < table->count; i++)
		if (!matched[i]) {
			table->jobs[i].listed = false;
			table->jobs[i].over = true;
		}
	for (size_t i = 0; i < count; i++) {
		const struct run *new = &runs[order[i]];
		if (ret_where[order[i]] != NEW)
			continue;
		ret_where[order[i]] = table->count;
		table->jobs[table->count++] = stored(new->run_id, new->start_time, new->status);
	}
}

START_TEST(matching_what_was_applied_gives_the_same)
{
	struct random_sequence random;
	for (uint64_t seed = 0; seed < 2000; seed++) {
		random_sequence_init(&random, seed);
		struct table table = {.count = 0};
		for (unsigned step = 0; step < 12; step++) {
			struct run runs[ROOM];
			size_t count;
			size_t first[ROOM];
			size_t second[ROOM];
			bool complete = random_sequence_between(&random, 0, 3) > 0;
			random_runs(&random, runs, &count);
			apply(&table, runs, count, complete, first);
			apply(&table, runs, count, complete, second);
			if (memcmp(first, second, count * sizeof(*first)) != 0)
				ck_abort_msg("seed %u step %u", (unsigned)seed, step);
		}
	}
}
END_TEST

START_TEST(a_long_history_is_matched_quickly)
{
	size_t count = 50000;
	struct match_stored *jobs = calloc(count, sizeof(*jobs));
	struct run *runs = calloc(count, sizeof(*runs));
	size_t *found = calloc(count, sizeof(*found));
	for (size_t i = 0; i < count; i++) {
		/* Half of them share one start time. */
		jobs[i] = stored(NULL, i < count / 2 ? 1 : (int64_t)i, JOB_SUCCEEDED);
		runs[i] = run(NULL, jobs[i].start_time, JOB_SUCCEEDED);
	}
	ck_assert_int_eq(match_history(jobs, count, runs, count, found), 0);
	for (size_t i = 0; i < count; i++)
		if (found[i] != i)
			ck_abort_msg("%zu", i);
	free(jobs);
	free(runs);
	free(found);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"the same id is the same job, whatever else changed",
		the_same_id_is_the_same_job_whatever_else_changed},
	    {"two ids are never the same job", two_ids_are_never_the_same_job},
	    {"a start without its fraction is the same within its second",
		a_start_without_its_fraction_is_the_same_within_its_second},
	    {"an id that appears later is taken by start time",
		an_id_that_appears_later_is_taken_by_start_time},
	    {"an id that every run carries is none", an_id_that_every_run_carries_is_none},
	    {"a run on two pages is one", a_run_on_two_pages_is_one},
	    {"the end of one page may begin the next", the_end_of_one_page_may_begin_the_next},
	    {"runs that share a start time keep their places",
		runs_that_share_a_start_time_keep_their_places},
	    {"what is listed comes before what dropped out",
		what_is_listed_comes_before_what_dropped_out},
	    {"a queued job that starts is the same", a_queued_job_that_starts_is_the_same},
	    {"a run that starts while the queued one still waits is new",
		a_run_that_starts_while_the_queued_one_still_waits_is_new},
	    {"what is over is not what just started", what_is_over_is_not_what_just_started},
	    {"a run cancelled before it started keeps its job",
		a_run_cancelled_before_it_started_keeps_its_job},
	    {"new jobs are stored in the order of time", new_jobs_are_stored_in_the_order_of_time},
	    {"matching what was applied gives the same", matching_what_was_applied_gives_the_same},
	    {"a long history is matched quickly", a_long_history_is_matched_quickly},
	    {NULL, NULL},
	};
	return unit_main("match", cases);
}
