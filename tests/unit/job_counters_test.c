/* SPDX-License-Identifier: MIT */
/* What is counted of jobs, and what metrics read of a project. */
#include "store/gauges.h"
#include "store/recorder.h"
#include "store_fixture.h"

/* Counters -------------------------------------------------------------------------------------*/

static void begin(struct fixture *fixture)
{
	fixture_init(fixture);
	ck_assert_int_eq(recorder_attach(fixture->writer, &clock_system, &fixture->err), 0);
}

static int add_connector(struct conn *writer, void *context, struct err *err)
{
	const struct connector connector = fixture_connector("a");
	const struct connector_put put = fixture_single(&connector, T0);
	enum connector_change change;
	return fixture_put_row(writer, &put, err, &change, context);
}

static int load_history(struct conn *writer, void *context, struct err *err)
{
	return recorder_history(writer, *(int64_t *)context, err);
}

/* Something that happens to a job. */
struct step {
	int64_t project_id;
	int64_t row; /* 0: it is new */
	struct run run;
};

static int take_step(struct conn *writer, void *context, struct err *err)
{
	struct step *step = context;
	char id[RANDOM_ID_SIZE];
	const struct new_job job = {
	    .project_id = step->project_id, .connector_row = 1, .run = &step->run, .now = T0};
	return step->row ? job_store_update(writer, step->row, &step->run, T0, err)
			 : job_store_insert(writer, &job, err, &step->row, id);
}

/* A run that began at T0, and what it says that it imported. */
static struct run run_of(enum job_status status, int64_t took, const char *stats)
{
	struct run run = fixture_run(status, T0);
	run.end_time = took < 0 ? TIMESTAMP_NONE : T0 + took;
	run.stats = span_of(stats);
	return run;
}

static int64_t happen(struct fixture *fixture, int64_t row, const struct run *run)
{
	struct step step = {.project_id = PROJECT, .row = row, .run = *run};
	ck_assert_msg(tx_write(fixture->writer, take_step, &step, &fixture->err) == 0, "%s",
	    fixture->err.text);
	return step.row;
}

/* A connector whose history is loaded, and was empty. */
static void begin_loaded(struct fixture *fixture)
{
	int64_t connector = 0;
	begin(fixture);
	ck_assert_int_eq(tx_write(fixture->writer, add_connector, &connector, &fixture->err), 0);
	ck_assert_int_eq(connector, 1);
	ck_assert_int_eq(tx_write(fixture->writer, load_history, &connector, &fixture->err), 0);
}

static struct job_counts counts_now(struct fixture *fixture)
{
	struct job_counts counts;
	recorder_jobs(fixture->writer, PROJECT, &counts);
	return counts;
}

static void expect_counts(
    struct fixture *fixture, uint64_t succeeded, uint64_t failed, uint64_t events, uint64_t bytes)
{
	struct job_counts counts = counts_now(fixture);
	ck_assert_uint_eq(counts.ended[JOB_SUCCEEDED], succeeded);
	ck_assert_uint_eq(counts.ended[JOB_FAILED], failed);
	ck_assert_uint_eq(counts.yield.events, events);
	ck_assert_uint_eq(counts.yield.bytes, bytes);
}

START_TEST(a_job_counts_when_it_ends_and_once)
{
	struct fixture fixture;
	struct run run = run_of(JOB_RUNNING, -1, "{\"num_events_imported\":5}");
	begin_loaded(&fixture);
	int64_t job = happen(&fixture, 0, &run);
	expect_counts(&fixture, 0, 0, 0, 0);
	run = run_of(JOB_SUCCEEDED, 1, "{\"num_events_imported\":7,\"size_imported\":70}");
	happen(&fixture, job, &run);
	expect_counts(&fixture, 1, 0, 7, 70);
	happen(&fixture, job, &run);
	expect_counts(&fixture, 1, 0, 7, 70);
	struct job_counts other;
	recorder_jobs(fixture.writer, PROJECT + 1, &other);
	ck_assert_uint_eq(other.ended[JOB_SUCCEEDED] + other.yield.events, 0);
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_job_first_seen_over_counts_after_the_first_history_only)
{
	struct fixture fixture;
	int64_t connector = 0;
	const struct run run = run_of(JOB_FAILED, 1, "{\"num_events_imported\":7}");
	begin(&fixture);
	ck_assert_int_eq(tx_write(fixture.writer, add_connector, &connector, &fixture.err), 0);
	int64_t first = happen(&fixture, 0, &run);
	ck_assert_int_eq(tx_write(fixture.writer, load_history, &connector, &fixture.err), 0);
	expect_counts(&fixture, 0, 0, 0, 0);
	happen(&fixture, 0, &run);
	expect_counts(&fixture, 0, 1, 7, 0);
	/* Of one that was over from the first, what it grows by is new all the same. */
	const struct run revised = run_of(JOB_FAILED, 1, "{\"num_events_imported\":9}");
	happen(&fixture, first, &revised);
	expect_counts(&fixture, 0, 1, 9, 0);
	fixture_done(&fixture);
}
END_TEST

START_TEST(one_that_runs_in_a_first_history_counts_when_it_ends)
{
	struct fixture fixture;
	int64_t connector = 0;
	struct run run = run_of(JOB_RUNNING, -1, "{}");
	begin(&fixture);
	ck_assert_int_eq(tx_write(fixture.writer, add_connector, &connector, &fixture.err), 0);
	int64_t job = happen(&fixture, 0, &run);
	ck_assert_int_eq(tx_write(fixture.writer, load_history, &connector, &fixture.err), 0);
	run = run_of(JOB_SUCCEEDED, 1, "{\"num_events_imported\":7}");
	happen(&fixture, job, &run);
	expect_counts(&fixture, 1, 0, 7, 0);
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_corrected_job_adds_what_exceeds_the_most_it_ever_said)
{
	struct fixture fixture;
	static const struct {
		enum job_status status;
		const char *stats;
		uint64_t events;
	} steps[] = {
	    {JOB_FAILED, "{\"num_events_imported\":10}", 10},
	    {JOB_FAILED, "{\"num_events_imported\":4}", 10},
	    {JOB_FAILED, "{\"num_events_imported\":9}", 10},
	    {JOB_SUCCEEDED, "{\"num_events_imported\":12}", 12},
	    {JOB_RUNNING, "{\"num_events_imported\":99}", 12},
	    {JOB_SUCCEEDED, "{\"num_events_imported\":13}", 13},
	    {JOB_SUCCEEDED, "{}", 13},
	    {JOB_SUCCEEDED, "{\"num_events_imported\":13}", 13},
	};
	int64_t job = 0;
	begin_loaded(&fixture);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		const struct run run = run_of(steps[i].status, 1, steps[i].stats);
		job = happen(&fixture, job, &run);
		/* It ended once, as it did at first. */
		expect_counts(&fixture, 0, 1, steps[i].events, 0);
	}
	ck_assert_uint_eq(counts_now(&fixture).duration_buckets[0], 1);
	fixture_done(&fixture);
}
END_TEST

static void expect_sql(struct fixture *fixture, const char *sql)
{
	ck_assert_int_eq(sqlite3_exec(fixture->writer->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

START_TEST(what_is_rolled_back_does_not_count)
{
	struct fixture fixture;
	begin_loaded(&fixture);
	struct step step = {.project_id = PROJECT};
	step.run = run_of(JOB_SUCCEEDED, 1, "{\"num_events_imported\":7}");
	/* The event is written after the job was counted. */
	expect_sql(&fixture, "CREATE TEMP TRIGGER refuse BEFORE INSERT ON events"
			     " BEGIN SELECT raise(ABORT, 'on purpose'); END");
	ck_assert_int_ne(tx_write(fixture.writer, take_step, &step, &fixture.err), 0);
	expect_counts(&fixture, 0, 0, 0, 0);
	expect_sql(&fixture, "DROP TRIGGER refuse");
	step.row = 0;
	ck_assert_int_eq(tx_write(fixture.writer, take_step, &step, &fixture.err), 0);
	expect_counts(&fixture, 1, 0, 7, 0);
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_bucket_includes_its_bound)
{
	static const int64_t seconds[] = {10, 60, 300, 900, 3600, 14400, 43200};
	struct fixture fixture;
	begin_loaded(&fixture);
	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
		const struct run at = run_of(JOB_SUCCEEDED, seconds[i] * SECOND, "{}");
		const struct run above = run_of(JOB_SUCCEEDED, seconds[i] * SECOND + 1, "{}");
		happen(&fixture, 0, &at);
		ck_assert_uint_eq(counts_now(&fixture).duration_buckets[i], i == 0 ? 1 : 2);
		happen(&fixture, 0, &above);
		ck_assert_uint_eq(counts_now(&fixture).duration_buckets[i + 1], 1);
	}
	/* Neither an end that is not told nor one before the start is a time taken. */
	const struct run untold = run_of(JOB_SUCCEEDED, -1, "{}");
	struct run before = run_of(JOB_SUCCEEDED, 0, "{}");
	before.end_time = T0 - 1;
	happen(&fixture, 0, &untold);
	happen(&fixture, 0, &before);
	struct job_counts counts = counts_now(&fixture);
	uint64_t sum = 0;
	for (size_t i = 0; i < JOB_DURATION_BUCKETS; i++)
		sum += counts.duration_buckets[i];
	ck_assert_uint_eq(sum, 14);
	ck_assert_uint_eq(counts.ended[JOB_SUCCEEDED], 16);
	ck_assert_uint_eq(counts.duration_microseconds, 2 * 62470 * (uint64_t)SECOND + 7);
	fixture_done(&fixture);
}
END_TEST

START_TEST(what_is_no_whole_number_counts_nothing)
{
	static const char *const odd[] = {"{\"num_events_imported\":-1}",
	    "{\"num_events_imported\":1.5}", "{\"num_events_imported\":\"7\"}",
	    "{\"num_events_imported\":1000000000000001}", "{\"num_events_imported\":null}", "[]"};
	struct fixture fixture;
	begin_loaded(&fixture);
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		const struct run run = run_of(JOB_SUCCEEDED, 1, odd[i]);
		happen(&fixture, 0, &run);
	}
	expect_counts(&fixture, ARRAY_SIZE(odd), 0, 0, 0);
	fixture_done(&fixture);
}
END_TEST

/* Gauges ---------------------------------------------------------------------------------------*/

static struct config_project settings = {.project_id = PROJECT, .list_interval = 60 * SECOND};

static struct gauges gauges_at(struct fixture *fixture, int64_t listed_at, int64_t now)
{
	struct gauges gauges;
	const struct project_view view = {
	    .settings = &settings, .record = {.listed_at = listed_at}};
	ck_assert_msg(gauges_read(fixture->writer, &view, now, &fixture->err, &gauges) == 0, "%s",
	    fixture->err.text);
	return gauges;
}

static void add_with_status(struct fixture *fixture, const char *id, const char *status)
{
	struct connector connector = fixture_connector(id);
	connector.status = status;
	fixture_put(fixture, &connector, T0, CONNECTOR_NEW);
}

START_TEST(connectors_that_are_present_count_by_status)
{
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_begin(&fixture);
	add_with_status(&fixture, "a", "active");
	add_with_status(&fixture, "b", "paused");
	add_with_status(&fixture, "c", "active");
	add_with_status(&fixture, "d", NULL);
	add_with_status(&fixture, "e", "asleep");
	add_with_status(&fixture, "f", "stopped");
	fixture_delete(&fixture, "f", T0);
	struct gauges gauges = gauges_at(&fixture, T0, T0);
	ck_assert_uint_eq(gauges.connectors[0], 2);
	ck_assert_uint_eq(gauges.connectors[1], 0);
	ck_assert_uint_eq(gauges.connectors[2], 1);
	ck_assert_uint_eq(gauges.connectors[CONNECTOR_STATUS_COUNT], 2);
	fixture_commit(&fixture);
	fixture_done(&fixture);
}
END_TEST

START_TEST(connectors_are_stale_as_their_records_say)
{
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_begin(&fixture);
	fixture_add(&fixture, "a", T0);
	int64_t failing = fixture_add(&fixture, "b", T0);
	const struct store_failure failure = {"upstream-error", "no", T0};
	ck_assert_int_eq(connector_store_failed(fixture.writer, failing, CONNECTOR_PART_HISTORY,
			     &failure, &fixture.err),
	    0);
	fixture_add(&fixture, "c", T0);
	fixture_delete(&fixture, "c", T0);
	ck_assert_uint_eq(gauges_at(&fixture, T0, T0 + 180 * SECOND).stale, 1);
	ck_assert_uint_eq(gauges_at(&fixture, T0, T0 + 180 * SECOND + 1).stale, 2);
	fixture_commit(&fixture);
	fixture_done(&fixture);
}
END_TEST

START_TEST(jobs_that_have_not_ended_count_by_status)
{
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_begin(&fixture);
	int64_t connector = fixture_add(&fixture, "a", T0);
	for (int status = 0; status < JOB_STATUS_COUNT; status++)
		for (int i = 0; i <= status; i++)
			fixture_job(&fixture, connector, (enum job_status)status, T0 + i);
	int64_t gone = fixture_job(&fixture, connector, JOB_RUNNING, T0);
	ck_assert_int_eq(job_store_unlisted(fixture.writer, gone, T0, true, T0, &fixture.err), 0);
	struct gauges gauges = gauges_at(&fixture, T0, T0);
	for (int status = 0; status < JOB_STATUS_COUNT; status++)
		ck_assert_uint_eq(gauges.active[status],
		    job_status_is_done((enum job_status)status) ? 0 : (uint64_t)status + 1);
	fixture_commit(&fixture);
	fixture_done(&fixture);
}
END_TEST

START_TEST(the_last_success_is_the_one_that_ended_last_and_has_ended)
{
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_begin(&fixture);
	ck_assert_int_eq(gauges_at(&fixture, T0, T0).last_success_at, TIMESTAMP_NONE);
	fixture_add(&fixture, "a", T0);
	static const struct {
		enum job_status status;
		int64_t start, end;
		int64_t expected;
	} jobs[] = {
	    {JOB_FAILED, 0, 900, TIMESTAMP_NONE},
	    {JOB_SUCCEEDED, 50, TIMESTAMP_NONE, T0 + 50},
	    {JOB_SUCCEEDED, 10, 100, T0 + 100},
	    {JOB_SUCCEEDED, 40, 60, T0 + 100},
	    {JOB_SUCCEEDED, 41, 1001, T0 + 100},
	    {JOB_SUCCEEDED, 5, 1000, T0 + 1000},
	};
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
		struct step step = {
		    .project_id = PROJECT, .run = fixture_run(jobs[i].status, T0 + jobs[i].start)};
		if (jobs[i].end != TIMESTAMP_NONE)
			step.run.end_time = T0 + jobs[i].end;
		ck_assert_int_eq(take_step(fixture.writer, &step, &fixture.err), 0);
		ck_assert_int_eq(
		    gauges_at(&fixture, T0, T0 + 1000).last_success_at, jobs[i].expected);
	}
	fixture_commit(&fixture);
	fixture_done(&fixture);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"a job counts when it ends, and once", a_job_counts_when_it_ends_and_once},
	    {"a job first seen over counts after the first history only",
		a_job_first_seen_over_counts_after_the_first_history_only},
	    {"one that runs in a first history counts when it ends",
		one_that_runs_in_a_first_history_counts_when_it_ends},
	    {"a corrected job adds what exceeds the most it ever said",
		a_corrected_job_adds_what_exceeds_the_most_it_ever_said},
	    {"what is rolled back does not count", what_is_rolled_back_does_not_count},
	    {"a bucket includes its bound", a_bucket_includes_its_bound},
	    {"what is no whole number counts nothing", what_is_no_whole_number_counts_nothing},
	    {"connectors that are present count by status",
		connectors_that_are_present_count_by_status},
	    {"connectors are stale as their records say",
		connectors_are_stale_as_their_records_say},
	    {"jobs that have not ended count by status", jobs_that_have_not_ended_count_by_status},
	    {"the last success is the one that ended last, and has ended",
		the_last_success_is_the_one_that_ended_last_and_has_ended},
	    {NULL, NULL},
	};
	return unit_main("job_counters", cases);
}
