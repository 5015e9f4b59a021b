/* SPDX-License-Identifier: MIT */
#include "store/freshness.h"
#include "unit.h"
#include "util/timestamp.h"

#define SECONDS(n) (INT64_C(n) * MICROSECONDS_PER_SECOND)
#define NOW SECONDS(1000000)

static struct config_project settings = {
    .list_interval = SECONDS(60), .active_interval = SECONDS(15), .idle_interval = SECONDS(600)};

static struct project_view view_listed_at(int64_t listed_at)
{
	return (struct project_view){.settings = &settings, .record = {.listed_at = listed_at}};
}

static struct connector_record connector_confirmed_at(int64_t confirmed_at)
{
	return (struct connector_record){
	    .confirmed_at = confirmed_at, .deleted_at = TIMESTAMP_NONE};
}

static struct job_record job_synced_at(int64_t synced_at, enum job_status status)
{
	return (struct job_record){
	    .run = {.status = status},
	    .gone_at = TIMESTAMP_NONE,
	    .listed = true,
	    .confirmed_at = NOW - SECONDS(5000),
	    .history_synced_at = synced_at,
	};
}

START_TEST(what_was_never_confirmed_is_stale)
{
	struct project_view view = view_listed_at(TIMESTAMP_NONE);
	struct connector_record connector = connector_confirmed_at(TIMESTAMP_NONE);
	ck_assert(freshness_of_project(&view, NOW).stale);
	ck_assert(freshness_of_connector(&connector, &view, NOW).stale);
	struct freshness freshness = freshness_of_project(&view, NOW);
	ck_assert_int_eq(freshness.synced_at, TIMESTAMP_NONE);
	ck_assert(freshness_is_older(&freshness, UINT32_MAX, NOW));
}
END_TEST

START_TEST(stale_turns_at_the_moment_it_says)
{
	struct project_view view = view_listed_at(NOW);
	struct freshness freshness = freshness_of_project(&view, NOW);
	ck_assert(!freshness.stale);
	ck_assert_int_eq(freshness.turns_at, NOW + SECONDS(180) + 1);
	ck_assert(!freshness_of_project(&view, freshness.turns_at - 1).stale);
	ck_assert(freshness_of_project(&view, freshness.turns_at).stale);
	ck_assert_int_eq(freshness_of_project(&view, freshness.turns_at).turns_at, INT64_MAX);
}
END_TEST

START_TEST(intervals_in_force_come_before_configured_ones)
{
	struct project_view view = view_listed_at(NOW - SECONDS(200));
	ck_assert(freshness_of_project(&view, NOW).stale);
	view.upstream.list_interval = SECONDS(100);
	ck_assert(!freshness_of_project(&view, NOW).stale);
}
END_TEST

START_TEST(a_failed_refresh_is_stale_at_once)
{
	struct project_view view = view_listed_at(NOW);
	view.record.list_error_code = "upstream-error";
	view.record.list_error_since = NOW - 1;
	struct connector_record connector = connector_confirmed_at(TIMESTAMP_NONE);
	struct freshness freshness = freshness_of_connector(&connector, &view, NOW);
	ck_assert(freshness.stale);
	ck_assert_str_eq(freshness.error_code, "upstream-error");
	ck_assert_str_eq(freshness.error_message, "");
	ck_assert_int_eq(freshness.error_since, NOW - 1);
}
END_TEST

START_TEST(the_error_of_the_list_comes_before_that_of_a_history)
{
	struct project_view view = view_listed_at(NOW);
	struct connector_record connector = connector_confirmed_at(NOW);
	connector.history_error_code = "history";
	ck_assert_str_eq(freshness_of_connector(&connector, &view, NOW).error_code, "history");
	view.record.list_error_code = "list";
	ck_assert_str_eq(freshness_of_connector(&connector, &view, NOW).error_code, "list");
}
END_TEST

START_TEST(a_project_shows_what_its_upstream_fails_with)
{
	struct project_view view = view_listed_at(NOW);
	view.upstream.since = NOW - 7;
	view.upstream.error_code[0] = 'u';
	struct freshness freshness = freshness_of_project(&view, NOW);
	ck_assert(freshness.stale);
	ck_assert_str_eq(freshness.error_code, "u");
	ck_assert_int_eq(freshness.error_since, NOW - 7);
}
END_TEST

START_TEST(what_is_stale_by_age_says_what_the_upstream_fails_with)
{
	struct project_view view = view_listed_at(NOW);
	struct connector_record connector = connector_confirmed_at(TIMESTAMP_NONE);
	struct job_record job = job_synced_at(NOW - SECONDS(46), JOB_RUNNING);
	view.upstream.error_code[0] = 'u';
	ck_assert_ptr_null(freshness_of_connector(&connector, &view, NOW).error_code);
	ck_assert(!freshness_of_connector(&connector, &view, NOW).stale);
	int64_t later = NOW + SECONDS(181);
	ck_assert_str_eq(freshness_of_connector(&connector, &view, later).error_code, "u");
	ck_assert_str_eq(freshness_of_job(&job, &view, NOW).error_code, "u");
}
END_TEST

START_TEST(a_connector_is_as_fresh_as_its_latest_confirmation)
{
	struct project_view view = view_listed_at(NOW - SECONDS(100));
	struct connector_record connector = connector_confirmed_at(NOW - SECONDS(10));
	ck_assert_int_eq(
	    freshness_of_connector(&connector, &view, NOW).synced_at, NOW - SECONDS(10));
	connector.confirmed_at = NOW - SECONDS(500);
	ck_assert_int_eq(
	    freshness_of_connector(&connector, &view, NOW).synced_at, NOW - SECONDS(100));
}
END_TEST

START_TEST(a_deleted_connector_does_not_age)
{
	struct project_view view = view_listed_at(NOW);
	struct connector_record connector = connector_confirmed_at(NOW - SECONDS(9000));
	connector.deleted_at = NOW - SECONDS(8000);
	struct freshness freshness = freshness_of_connector(&connector, &view, NOW);
	ck_assert(!freshness.stale);
	ck_assert_int_eq(freshness.synced_at, NOW - SECONDS(8000));
	ck_assert_int_eq(freshness.turns_at, INT64_MAX);
}
END_TEST

START_TEST(a_running_job_ages_faster_than_one_that_is_over)
{
	struct project_view view = view_listed_at(NOW);
	struct job_record running = job_synced_at(NOW - SECONDS(46), JOB_RUNNING);
	struct job_record over = job_synced_at(NOW - SECONDS(46), JOB_FAILED);
	ck_assert(freshness_of_job(&running, &view, NOW).stale);
	ck_assert(!freshness_of_job(&over, &view, NOW).stale);
	over.history_synced_at = NOW - SECONDS(1801);
	ck_assert(freshness_of_job(&over, &view, NOW).stale);
}
END_TEST

START_TEST(a_job_no_longer_listed_ages_only_while_not_over)
{
	struct project_view view = view_listed_at(NOW);
	struct job_record job = job_synced_at(NOW, JOB_RUNNING);
	job.listed = false;
	ck_assert_int_eq(freshness_of_job(&job, &view, NOW).synced_at, job.confirmed_at);
	ck_assert(freshness_of_job(&job, &view, NOW).stale);
	job.run.status = JOB_SUCCEEDED;
	ck_assert(!freshness_of_job(&job, &view, NOW).stale);
}
END_TEST

START_TEST(older_means_older_than_the_whole_max_age)
{
	struct freshness freshness = {.synced_at = NOW};
	ck_assert(!freshness_is_older(&freshness, 0, NOW));
	ck_assert(freshness_is_older(&freshness, 0, NOW + 1));
	ck_assert(!freshness_is_older(&freshness, 2, NOW + SECONDS(2)));
	ck_assert(freshness_is_older(&freshness, 2, NOW + SECONDS(2) + 1));
	ck_assert(!freshness_is_older(&freshness, 0, NOW - SECONDS(5)));
}
END_TEST

int main(void)
{
	return unit_main("freshness",
	    (const struct unit_case[]){
		{"what was never confirmed is stale", what_was_never_confirmed_is_stale},
		{"stale turns at the moment it says", stale_turns_at_the_moment_it_says},
		{"intervals in force come before configured ones",
		    intervals_in_force_come_before_configured_ones},
		{"a failed refresh is stale at once", a_failed_refresh_is_stale_at_once},
		{"the error of the list comes before that of a history",
		    the_error_of_the_list_comes_before_that_of_a_history},
		{"a project shows what its upstream fails with",
		    a_project_shows_what_its_upstream_fails_with},
		{"what is stale by age says what the upstream fails with",
		    what_is_stale_by_age_says_what_the_upstream_fails_with},
		{"a connector is as fresh as its latest confirmation",
		    a_connector_is_as_fresh_as_its_latest_confirmation},
		{"a deleted connector does not age", a_deleted_connector_does_not_age},
		{"a running job ages faster than one that is over",
		    a_running_job_ages_faster_than_one_that_is_over},
		{"a job no longer listed ages only while not over",
		    a_job_no_longer_listed_ages_only_while_not_over},
		{"older means older than the whole max_age",
		    older_means_older_than_the_whole_max_age},
		{NULL, NULL},
	    });
}
