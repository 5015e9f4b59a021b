/* SPDX-License-Identifier: MIT */
/* The words for a job's status, ours and Mixpanel's. */
#include "model/job.h"

#include <string.h>
#include <strings.h>

#include "util/cleanup.h"
#include "util/jsontext.h"
#include "util/timestamp.h"

const char *const job_status_names[JOB_STATUS_COUNT + 1] = {
    [JOB_QUEUED] = "queued",
    [JOB_RUNNING] = "running",
    [JOB_PAUSED] = "paused",
    [JOB_SUCCEEDED] = "succeeded",
    [JOB_FAILED] = "failed",
    [JOB_CANCELLED] = "cancelled",
    [JOB_UNKNOWN] = "unknown",
};

/* The reference says success, the overview's sample succeeded; cancelled appears in prose only, so
 * both spellings are accepted. The last four are of jobs elsewhere in the same API. */
static const struct {
	const char *name;
	enum job_status status;
} upstream_names[] = {
    {"queued", JOB_QUEUED},
    {"running", JOB_RUNNING},
    {"paused", JOB_PAUSED},
    {"success", JOB_SUCCEEDED},
    {"succeeded", JOB_SUCCEEDED},
    {"failed", JOB_FAILED},
    {"cancelled", JOB_CANCELLED},
    {"canceled", JOB_CANCELLED},
    {"pending", JOB_QUEUED},
    {"scheduled", JOB_QUEUED},
    {"retried", JOB_FAILED},
    {"timed_out", JOB_FAILED},
};

enum job_status job_status_of_upstream(const char *upstream_status)
{
	for (size_t i = 0; upstream_status && i < ARRAY_SIZE(upstream_names); i++)
		if (strcasecmp(upstream_names[i].name, upstream_status) == 0)
			return upstream_names[i].status;
	return JOB_UNKNOWN;
}

bool job_status_is_done(enum job_status status)
{
	return status == JOB_SUCCEEDED || status == JOB_FAILED || status == JOB_CANCELLED;
}

int run_counter(const struct run *run, const char *name, uint64_t *ret_count)
{
	char digits[24];
	struct span span = jsontext_member(run->stats, name);
	if (!span.ptr || span.len >= sizeof(digits))
		return -1;
	memcpy(digits, span.ptr, span.len);
	digits[span.len] = '\0';
	return text_parse_unsigned(digits, 0, RUN_COUNTER_LIMIT, ret_count);
}

bool run_same(const struct run *a, const struct run *b)
{
	return a->start_time == b->start_time && a->end_time == b->end_time &&
	       a->status == b->status && text_same(a->run_id, b->run_id) &&
	       text_same(a->upstream_status, b->upstream_status) &&
	       span_same(a->progress, b->progress) && text_same(a->error_code, b->error_code) &&
	       text_same(a->error_message, b->error_message) && span_same(a->stats, b->stats);
}

bool job_is_over(const struct job_record *job)
{
	return job_status_is_done(job->run.status) || job->gone_at != TIMESTAMP_NONE;
}
