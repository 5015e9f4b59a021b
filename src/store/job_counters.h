/* SPDX-License-Identifier: MIT */
/* What ended jobs brought in, by project, since the start: for metrics.
 *
 * A job's end counts once: when it became over (succeeded, failed or cancelled), or was first seen
 * so after its connector's history had been loaded. What a first history shows as over counts in
 * nothing. The status and the time taken stay counted as they were at the end, whatever Mixpanel
 * says later; what was imported grows by what exceeds the most that the job ever said while it was
 * over. So no counter goes down, and a job that seemed to be over too early counts nothing twice.
 * All of it counts once its transaction is committed. */
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "model/job.h"
#include "store/conn.h"

#define JOB_DURATION_BUCKETS 8

/* The upper bounds of the buckets, in microseconds; the last is "any". */
extern const int64_t job_duration_bounds[JOB_DURATION_BUCKETS];

/* What a job says that it imported; 0 where it says nothing. */
struct job_yield {
	uint64_t events;
	uint64_t dropped; /* events that were left out */
	uint64_t bytes;
};

/* Counters of a project. */
struct job_counts {
	uint64_t ended[JOB_STATUS_COUNT];                /* of those that are an end */
	uint64_t duration_buckets[JOB_DURATION_BUCKETS]; /* of jobs that tell start and end */
	uint64_t duration_microseconds;
	struct job_yield yield;
};

struct project_counts;

/* The writer's thread adds, any thread reads. */
struct job_counters {
	pthread_mutex_t mutex;       /* guards what follows */
	struct project_counts *list; /* one for each project that ever had something */
	size_t count;
};

void job_counters_init(struct job_counters *counters);
void job_counters_done(struct job_counters *counters);

/* A job as a transaction leaves it. */
struct job_end {
	bool over; /* else there is nothing to count */
	int64_t project_id;
	int64_t job_row;
	int64_t last_snapshot; /* from before the transaction; 0: the job is new */
	enum job_status status;
	int64_t took; /* microseconds; TIMESTAMP_NONE when it does not tell */
	struct job_yield yield;
};

/* Of a job as it is read; last_snapshot is the caller's to set. */
struct job_end job_end_of(const struct job_record *record);

/* The number of a job's last snapshot. Returns 0, or -1. */
int job_counters_last_snapshot(
    struct conn *writer, int64_t job_row, struct err *err, int64_t *ret_number);

/* Adds what is new of the end of a job. In a transaction. Returns 0, or -1. */
int job_counters_add(
    struct job_counters *counters, struct conn *writer, const struct job_end *end, struct err *err);

/* The transaction is over: what it added counts, or not. */
void job_counters_over(struct job_counters *counters, bool committed);

/* A copy of the counters of a project, all 0 for one that has none. Any thread. */
void job_counters_read(
    struct job_counters *counters, int64_t project_id, struct job_counts *ret_counts);
