/* SPDX-License-Identifier: MIT */
/* The vocabulary of jobs. */
#include "model/job.h"

#include "unit.h"
#include "util/cleanup.h"
#include "util/timestamp.h"

START_TEST(every_status_has_a_name_that_finds_it)
{
	for (int i = JOB_QUEUED; i <= JOB_UNKNOWN; i++)
		ck_assert_int_eq(text_find(job_status_names, job_status_names[i]), i);
	ck_assert_ptr_null(job_status_names[JOB_STATUS_COUNT]);
	ck_assert_int_eq(text_find(job_status_names, "success"), -1);
}
END_TEST

START_TEST(mixpanels_words_are_understood)
{
	static const struct {
		const char *word;
		enum job_status status;
	} cases[] = {
	    {"queued", JOB_QUEUED},
	    {"running", JOB_RUNNING},
	    {"paused", JOB_PAUSED},
	    {"failed", JOB_FAILED},
	    {"success", JOB_SUCCEEDED},
	    {"succeeded", JOB_SUCCEEDED},
	    {"cancelled", JOB_CANCELLED},
	    {"canceled", JOB_CANCELLED},
	    {"pending", JOB_QUEUED},
	    {"scheduled", JOB_QUEUED},
	    {"retried", JOB_FAILED},
	    {"timed_out", JOB_FAILED},
	    {"SUCCESS", JOB_SUCCEEDED},
	    {"RUNNING", JOB_RUNNING},
	    {"hibernating", JOB_UNKNOWN},
	    {"", JOB_UNKNOWN},
	    {NULL, JOB_UNKNOWN},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_int_eq(job_status_of_upstream(cases[i].word), cases[i].status);
}
END_TEST

START_TEST(done_is_succeeded_failed_or_cancelled)
{
	for (int i = JOB_QUEUED; i <= JOB_UNKNOWN; i++)
		ck_assert_int_eq(job_status_is_done((enum job_status)i),
		    i == JOB_SUCCEEDED || i == JOB_FAILED || i == JOB_CANCELLED);
}
END_TEST

START_TEST(a_job_is_over_when_done_or_gone)
{
	struct job_record job = {.run.status = JOB_RUNNING, .gone_at = TIMESTAMP_NONE};
	ck_assert(!job_is_over(&job));
	job.gone_at = 0;
	ck_assert(job_is_over(&job));
	job.gone_at = TIMESTAMP_NONE;
	job.run.status = JOB_FAILED;
	ck_assert(job_is_over(&job));
}
END_TEST

static struct run sample(void)
{
	return (struct run){
	    .run_id = "r",
	    .start_time = 1,
	    .end_time = 2,
	    .status = JOB_FAILED,
	    .upstream_status = "failed",
	    .progress = span_of("0.5"),
	    .error_code = "c",
	    .error_message = "m",
	    .stats = span_of("{}"),
	    .raw = span_of("raw"),
	};
}

START_TEST(runs_are_the_same_when_every_member_but_the_raw_bytes_is)
{
	struct run a = sample();
	struct run b = sample();
	b.raw = SPAN_NONE;
	ck_assert(run_same(&a, &b));
#define DIFFERS(member, value)                                                                     \
	do {                                                                                       \
		struct run c = sample();                                                           \
		c.member = (value);                                                                \
		ck_assert(!run_same(&a, &c));                                                      \
		ck_assert(!run_same(&c, &a));                                                      \
	} while (0)
	DIFFERS(run_id, NULL);
	DIFFERS(start_time, TIMESTAMP_NONE);
	DIFFERS(end_time, 3);
	DIFFERS(status, JOB_UNKNOWN);
	DIFFERS(upstream_status, "FAILED");
	DIFFERS(progress, SPAN_NONE);
	DIFFERS(error_code, NULL);
	DIFFERS(error_message, "");
	DIFFERS(stats, span_of("{\"n\":1}"));
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"every status has a name that finds it", every_status_has_a_name_that_finds_it},
	    {"Mixpanel's words are understood", mixpanels_words_are_understood},
	    {"done is succeeded, failed or cancelled", done_is_succeeded_failed_or_cancelled},
	    {"a job is over when done or gone", a_job_is_over_when_done_or_gone},
	    {"runs are the same when every member but the raw bytes is",
		runs_are_the_same_when_every_member_but_the_raw_bytes_is},
	    {NULL, NULL},
	};
	return unit_main("job", cases);
}
