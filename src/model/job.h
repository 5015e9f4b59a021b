/* SPDX-License-Identifier: MIT */
/* An import job: one run of a connector. Mixpanel calls it an entry of the history and gives it no
 * id; the identity is ours (see sync/match.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/text.h"

enum job_status {
	JOB_QUEUED,
	JOB_RUNNING,
	JOB_PAUSED,
	JOB_SUCCEEDED,
	JOB_FAILED,
	JOB_CANCELLED,
	JOB_UNKNOWN,
};
#define JOB_STATUS_COUNT (JOB_UNKNOWN + 1)

/* What our ids of jobs begin with. */
#define JOB_ID_PREFIX "job_"

/* Our names for them, ended by NULL. */
extern const char *const job_status_names[JOB_STATUS_COUNT + 1];

/* Our status for what Mixpanel sends, which has several words for some; case does not matter.
 * Anything not known is JOB_UNKNOWN. */
enum job_status job_status_of_upstream(const char *upstream_status);

/* Whether the job has come to its end: succeeded, failed or cancelled. */
bool job_status_is_done(enum job_status status);

/* What Mixpanel says of one run. Plain data, pointers borrowed (see struct connector). */
struct run {
	const char *run_id; /* NULL when empty or missing, as in every sample */
	int64_t start_time; /* TIMESTAMP_NONE: not started */
	int64_t end_time;   /* TIMESTAMP_NONE: not ended */
	enum job_status status;
	const char *upstream_status; /* as sent, "" when missing */
	struct span progress;        /* the bytes of the number; SPAN_NONE when missing */
	const char *error_code;      /* error.code or error.type; NULL when empty */
	const char *error_message;   /* NULL when there is no error */
	struct span stats;           /* the bytes of connector_properties, an object of counters */
	struct span raw;             /* the whole entry, the bytes received */
};

/* A larger counter is none: so many events can be multiplied and added up. */
#define RUN_COUNTER_LIMIT UINT64_C(1000000000000000)

/* What a counter of the run says, by its name, such as num_events_imported. Returns 0, or -1 when
 * it has none of this name that is a whole number. */
int run_counter(const struct run *run, const char *name, uint64_t *ret_count);

/* Whether two sightings of a run say the same; raw bytes do not count, every member does. */
bool run_same(const struct run *a, const struct run *b);

/* What we hold of a job. */
struct job_record {
	struct run run;
	int64_t row;
	const char *job_id; /* "job_…" */
	int64_t connector_row;
	int64_t project_id;
	const char *connector_id;
	int64_t first_seen_at;
	int64_t updated_at;
	int64_t gone_at;      /* TIMESTAMP_NONE unless it vanished unfinished */
	bool listed;          /* in Mixpanel's last good history; confirmed with it */
	int64_t confirmed_at; /* for one no longer listed: the last history that had it */
	int64_t revision;
	/* of its connector's last history, for the sync block */
	int64_t history_synced_at;
	const char *history_error_code;
	const char *history_error_message;
	int64_t history_error_since;
};

/* Whether nothing more is to come of the job: done, or gone. */
bool job_is_over(const struct job_record *job);

/* What one refresh saw of a job when that differed from the one before. */
struct snapshot_record {
	struct run run;
	int64_t row;
	int64_t observed_at;
	int64_t gone_at;
};
