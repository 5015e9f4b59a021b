/* SPDX-License-Identifier: MIT */
/* What a job said at its earlier ends is in its snapshots. They are looked through when it is over,
 * which happens to a job once and again when Mixpanel corrects it, not at every sight of it. */
#include "store/job_counters.h"

#include <stdlib.h>

#include "store/conn_private.h"
#include "store/job_columns.h"
#include "util/array.h"
#include "util/timestamp.h"

#define S MICROSECONDS_PER_SECOND
const int64_t job_duration_bounds[JOB_DURATION_BUCKETS] = {
    10 * S, 60 * S, 300 * S, 900 * S, 3600 * S, 14400 * S, 43200 * S, INT64_MAX};

/* The transaction that runs, and all before it. */
struct project_counts {
	int64_t project_id; /* first: see array_compare */
	bool added;         /* whether there is anything in the next */
	struct job_counts pending;
	struct job_counts committed;
};

void job_counters_init(struct job_counters *counters)
{
	*counters = (struct job_counters){.list = NULL};
	pthread_mutex_init(&counters->mutex, NULL);
}

void job_counters_done(struct job_counters *counters)
{
	pthread_mutex_destroy(&counters->mutex);
	free(counters->list);
}

/* Reading --------------------------------------------------------------------------------------*/

static struct job_yield yield_of(const struct run *run)
{
	struct job_yield yield = {.events = 0};
	/* A counter that a job does not tell stays 0. */
	(void)run_counter(run, "num_events_imported", &yield.events);
	(void)run_counter(run, "num_events_dropped", &yield.dropped);
	(void)run_counter(run, "size_imported", &yield.bytes);
	return yield;
}

struct job_end job_end_of(const struct job_record *record)
{
	const struct run *run = &record->run;
	bool told = run->start_time != TIMESTAMP_NONE && run->end_time >= run->start_time;
	return (struct job_end){
	    .over = job_status_is_done(run->status),
	    .project_id = record->project_id,
	    .job_row = record->row,
	    .status = run->status,
	    .took = told ? run->end_time - run->start_time : TIMESTAMP_NONE,
	    .yield = yield_of(run),
	};
}

STATEMENT(sql_last_snapshot, FOR_WRITER, "find the last snapshot of a job",
	"SELECT coalesce(max(number), 0) FROM snapshots WHERE job_row = ?1");

int job_counters_last_snapshot(
    struct conn *writer, int64_t job_row, struct err *err, int64_t *ret_number)
{
	return stmt_number(writer, &sql_last_snapshot, VALUES(v_integer(job_row)), err, ret_number);
}

/* What a job said of itself whenever it was over. */
struct earlier_ends {
	size_t count;
	struct job_yield most; /* of each the largest */
};

static uint64_t larger_count(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static int take_end(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	(void)conn, (void)err;
	struct earlier_ends *earlier = sink;
	struct run run;
	column_run(columns, &run);
	struct job_yield yield = yield_of(&run);
	earlier->count++;
	earlier->most.events = larger_count(earlier->most.events, yield.events);
	earlier->most.dropped = larger_count(earlier->most.dropped, yield.dropped);
	earlier->most.bytes = larger_count(earlier->most.bytes, yield.bytes);
	return 0;
}

STATEMENT(sql_earlier_ends, FOR_WRITER, "read the earlier ends of a job",
	"SELECT " RUN_COLUMNS("s") " FROM snapshots s WHERE s.job_row = ?1 AND s.number <= ?2"
	" AND s.status IN ('succeeded', 'failed', 'cancelled')");

/* Adding ---------------------------------------------------------------------------------------*/

/* A counter stays at the largest number rather than begin anew. */
static void add_capped(uint64_t *counter, uint64_t more)
{
	*counter = more > UINT64_MAX - *counter ? UINT64_MAX : *counter + more;
}

static void add_yield(struct job_yield *sum, const struct job_yield *more)
{
	add_capped(&sum->events, more->events);
	add_capped(&sum->dropped, more->dropped);
	add_capped(&sum->bytes, more->bytes);
}

static struct project_counts *job_counters_find(
    const struct job_counters *counters, int64_t project_id)
{
	for (size_t i = 0; i < counters->count; i++)
		if (counters->list[i].project_id == project_id)
			return &counters->list[i];
	return NULL;
}

/* Found, or made: the commit can then not fail for want of memory. */
static struct project_counts *counts_of(
    struct job_counters *counters, int64_t project_id, struct err *err)
{
	struct project_counts *found = job_counters_find(counters, project_id);
	if (found)
		return found;
	pthread_mutex_lock(&counters->mutex);
	struct project_counts *list = array_grow(counters->list, counters->count, sizeof(*list));
	if (list) {
		counters->list = list;
		found = &list[counters->count++];
		*found = (struct project_counts){.project_id = project_id};
	}
	pthread_mutex_unlock(&counters->mutex);
	if (!found)
		err_set(err, "no memory to count jobs");
	return found;
}

static void count_end(struct job_counts *counts, const struct job_end *end)
{
	size_t bucket = 0;
	add_capped(&counts->ended[end->status], 1);
	if (end->took == TIMESTAMP_NONE)
		return;
	while (bucket < JOB_DURATION_BUCKETS - 1 && end->took > job_duration_bounds[bucket])
		bucket++;
	add_capped(&counts->duration_buckets[bucket], 1);
	add_capped(&counts->duration_microseconds, (uint64_t)end->took);
}

int job_counters_add(
    struct job_counters *counters, struct conn *writer, const struct job_end *end, struct err *err)
{
	struct earlier_ends earlier = {.count = 0};
	struct project_counts *counts = counts_of(counters, end->project_id, err);
	if (!counts)
		return -1;
	if (stmt_each(writer, &sql_earlier_ends,
		VALUES(v_integer(end->job_row), v_integer(end->last_snapshot)), take_end, &earlier,
		err) < 0)
		return -1;
	const struct job_yield grown = {
	    .events = larger_count(end->yield.events, earlier.most.events) - earlier.most.events,
	    .dropped =
		larger_count(end->yield.dropped, earlier.most.dropped) - earlier.most.dropped,
	    .bytes = larger_count(end->yield.bytes, earlier.most.bytes) - earlier.most.bytes,
	};
	counts->added = true;
	if (earlier.count == 0)
		count_end(&counts->pending, end);
	add_yield(&counts->pending.yield, &grown);
	return 0;
}

static void add_counts(struct job_counts *sum, const struct job_counts *more)
{
	for (size_t i = 0; i < JOB_STATUS_COUNT; i++)
		add_capped(&sum->ended[i], more->ended[i]);
	for (size_t i = 0; i < JOB_DURATION_BUCKETS; i++)
		add_capped(&sum->duration_buckets[i], more->duration_buckets[i]);
	add_capped(&sum->duration_microseconds, more->duration_microseconds);
	add_yield(&sum->yield, &more->yield);
}

void job_counters_over(struct job_counters *counters, bool committed)
{
	for (size_t i = 0; i < counters->count; i++) {
		struct project_counts *counts = &counters->list[i];
		if (!counts->added)
			continue;
		pthread_mutex_lock(&counters->mutex);
		if (committed)
			add_counts(&counts->committed, &counts->pending);
		pthread_mutex_unlock(&counters->mutex);
		counts->pending = (struct job_counts){.duration_microseconds = 0};
		counts->added = false;
	}
}

void job_counters_read(
    struct job_counters *counters, int64_t project_id, struct job_counts *ret_counts)
{
	pthread_mutex_lock(&counters->mutex);
	const struct project_counts *counts = job_counters_find(counters, project_id);
	*ret_counts = counts ? counts->committed : (struct job_counts){.duration_microseconds = 0};
	pthread_mutex_unlock(&counters->mutex);
}
