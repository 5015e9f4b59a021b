/* SPDX-License-Identifier: MIT */
/* Matches an answer with what is stored, and writes the difference. */
#include "sync/apply.h"

#include <string.h>

#include "mixpanel/decode.h"
#include "store/job_store.h"
#include "store/project_store.h"
#include "store/recorder.h"
#include "sync/match.h"
#include "util/arena.h"
#include "util/array.h"
#include "util/timestamp.h"

#define SCRATCH_LIMIT (64 * 1024 * 1024)

/* How many of a connector's newest jobs, beside those listed before, a history is compared with: a
 * run that dropped out of Mixpanel's window and comes back keeps its id. */
#define RECENT_MARGIN 50

/* Listing --------------------------------------------------------------------------------------*/

struct listing_work {
	struct conn *writer;
	const struct listing *listing;
	struct changes *changes;
	struct listing_outcome *outcome;
	struct row_list seen;
	struct err *err;
};

static int apply_no_memory(struct err *err)
{
	return err_set(err, "no memory to apply Mixpanel's answer");
}

static int row_list_add(struct row_list *list, int64_t row, struct err *err)
{
	int64_t *rows = array_grow(list->rows, list->count, sizeof(*rows));
	if (!rows)
		return apply_no_memory(err);
	list->rows = rows;
	rows[list->count++] = row;
	return 0;
}

static int followed_list_add(struct followed_list *list, const struct followed_connector *added)
{
	struct followed_connector *longer = array_grow(list->list, list->count, sizeof(*longer));
	if (!longer)
		return -1;
	list->list = longer;
	longer[list->count] = *added;
	longer[list->count++].connector_id = NULL;
	return 0;
}

static bool row_list_has(const struct row_list *list, int64_t row)
{
	return list->count > 0 &&
	       bsearch(&row, list->rows, list->count, sizeof(row), array_compare) != NULL;
}

/* What outranks this listing. */
static enum witness_hold held(const struct listing_work *work, int64_t row)
{
	const struct listing *listing = work->listing;
	return witness_held(listing->witness, row, listing->begun_at, listing->now_monotonic);
}

/* One that was marked deleted is listed. */
static int put_deleted(struct listing_work *work, struct connector_put *put,
    struct followed_connector *followed, enum connector_change *change)
{
	switch (held(work, followed->row)) {
	case WITNESS_REMOVED:
		return 0;
	case WITNESS_OBSERVED:
		/* A list that lags shows it still; a single read can tell. */
		return row_list_add(&work->outcome->doubted, followed->row, work->err);
	case WITNESS_CREATED:
	case WITNESS_SEEN:
	case WITNESS_FREE:
		break;
	}
	put->revive = true;
	return connector_store_put(work->writer, put, work->err, change, followed);
}

static int note_put(struct listing_work *work, const struct followed_connector *followed,
    enum connector_change change)
{
	if (row_list_add(&work->seen, followed->row, work->err) < 0)
		return -1;
	if (change == CONNECTOR_SAME || change == CONNECTOR_STAYS_DELETED)
		return 0;
	work->outcome->updated++;
	changes_add(work->changes, CHANGE_CONNECTOR, work->listing->project_id, NULL);
	if (change == CONNECTOR_CHANGED)
		return 0;
	return followed_list_add(&work->outcome->came, followed) < 0 ? apply_no_memory(work->err)
								     : 0;
}

static int put_connector(struct listing_work *work, const struct connector *connector)
{
	const struct listing *listing = work->listing;
	struct connector_put put = {
	    .project_id = listing->project_id,
	    .connector = connector,
	    .listed = true,
	    .observed_at = listing->started_at,
	    /* A complete listing confirms all its connectors at once, an incomplete one each by
	     * itself. */
	    .confirmed = listing->pages->complete ? TIMESTAMP_NONE : listing->started_at,
	    .now = listing->now,
	};
	enum connector_change change = CONNECTOR_SAME;
	struct followed_connector followed = {.row = 0};
	int r = connector_store_put(work->writer, &put, work->err, &change, &followed);
	if (r == 0 && change == CONNECTOR_STAYS_DELETED)
		r = put_deleted(work, &put, &followed, &change);
	return r ? r : note_put(work, &followed, change);
}

/* What was not there when the listing was asked for need not be in it. */
static int look_for_missing(const struct followed_connector *connector, void *context)
{
	struct listing_work *work = context;
	if (connector->row > work->listing->last_row || row_list_has(&work->seen, connector->row) ||
	    held(work, connector->row) != WITNESS_FREE)
		return 0;
	return row_list_add(&work->outcome->missing, connector->row, work->err);
}

static int apply_complete(struct listing_work *work)
{
	const struct listing *listing = work->listing;
	if (work->seen.count > 1)
		qsort(work->seen.rows, work->seen.count, sizeof(int64_t), array_compare);
	int r = connector_store_each_followed(
	    work->writer, listing->project_id, look_for_missing, work, work->err);
	if (r)
		return r;
	return project_store_listed(
	    work->writer, listing->project_id, listing->started_at, work->err);
}

int apply_listing(struct conn *writer, const struct listing *listing, struct changes *changes,
    struct err *err, struct listing_outcome *ret_outcome)
{
	struct listing_work work = {
	    .writer = writer,
	    .listing = listing,
	    .changes = changes,
	    .outcome = ret_outcome,
	    .err = err,
	};
	int r = 0;
	for (size_t i = 0; i < listing->pages->count; i++) {
		const struct decoded_listing *page = &listing->pages->list[i].listing;
		for (size_t k = 0; k < page->count && r == 0; k++)
			r = put_connector(&work, &page->connectors[k]);
	}
	if (r == 0)
		r = listing->pages->complete
			? apply_complete(&work)
			: project_store_list_read(writer, listing->project_id, err);
	if (r == 0)
		changes_add(changes, CHANGE_PROJECT, listing->project_id, NULL);
	free(work.seen.rows);
	return r;
}

void listing_outcome_done(struct listing_outcome *outcome)
{
	free(outcome->came.list);
	free(outcome->missing.rows);
	free(outcome->doubted.rows);
	*outcome = (struct listing_outcome){.updated = 0};
}

/* History --------------------------------------------------------------------------------------*/

/* A copy of a stored job, for as long as the history is being applied. */
struct stored_job {
	int64_t row; /* first: see array_compare */
	struct run run;
	char job_id[RANDOM_ID_SIZE];
	bool over;
	bool listed;
	int64_t history_synced_at;
	bool matched;
};

struct history_work {
	struct conn *writer;
	const struct history *history;
	struct changes *changes;
	struct arena arena;
	struct stored_job *stored;
	size_t stored_count;
	size_t sorted; /* how many of them, from the first, are sorted by row */
	struct run *entries;
	size_t entry_count;
	bool doubtful; /* whether a run came twice or two look alike */
	struct history_outcome outcome;
	struct err *err;
};

static struct span copy_span(struct history_work *work, struct span span)
{
	if (!span.ptr)
		return SPAN_NONE;
	const char *copy = arena_copy(&work->arena, span.ptr, span.len);
	return copy ? (struct span){.ptr = copy, .len = span.len} : SPAN_NONE;
}

/* The raw bytes stay behind: what a run says is compared without them. */
static struct run copy_run(struct history_work *work, const struct run *run)
{
	struct run copy = *run;
	copy.run_id = arena_text(&work->arena, run->run_id);
	copy.upstream_status = arena_text(&work->arena, run->upstream_status);
	copy.progress = copy_span(work, run->progress);
	copy.error_code = arena_text(&work->arena, run->error_code);
	copy.error_message = arena_text(&work->arena, run->error_message);
	copy.stats = copy_span(work, run->stats);
	copy.raw = SPAN_NONE;
	return copy;
}

static void sort_stored(struct history_work *work)
{
	if (work->stored_count > 1)
		qsort(work->stored, work->stored_count, sizeof(*work->stored), array_compare);
	work->sorted = work->stored_count;
}

static int add_stored(const struct job_record *record, void *context)
{
	struct history_work *work = context;
	const struct stored_job wanted = {.row = record->row};
	if (work->sorted > 0 &&
	    bsearch(&wanted, work->stored, work->sorted, sizeof(wanted), array_compare) != NULL)
		return 0;
	struct stored_job *stored = array_grow(work->stored, work->stored_count, sizeof(*stored));
	if (!stored)
		return apply_no_memory(work->err);
	work->stored = stored;
	struct stored_job *job = &stored[work->stored_count++];
	*job = (struct stored_job){
	    .run = copy_run(work, &record->run),
	    .row = record->row,
	    .over = job_is_over(record),
	    .listed = record->listed,
	    .history_synced_at = record->history_synced_at,
	};
	snprintf(job->job_id, sizeof(job->job_id), "%s", record->job_id);
	/* A member that could not be copied would look like one that Mixpanel did not send. */
	if (!job->run.run_id != !record->run.run_id ||
	    !job->run.upstream_status != !record->run.upstream_status ||
	    !job->run.progress.ptr != !record->run.progress.ptr ||
	    !job->run.error_code != !record->run.error_code ||
	    !job->run.error_message != !record->run.error_message ||
	    !job->run.stats.ptr != !record->run.stats.ptr)
		return apply_no_memory(work->err);
	return 0;
}

/* Rows run with time, so sorting by row is oldest first. */
static int load_stored(struct history_work *work)
{
	int64_t row = work->history->connector_row;
	int r = job_store_each_open(work->writer, row, add_stored, work, work->err);
	if (r)
		return r;
	sort_stored(work);
	unsigned recent = (unsigned)work->entry_count + RECENT_MARGIN;
	r = job_store_each_recent(work->writer, row, recent, add_stored, work, work->err);
	sort_stored(work);
	return r;
}

static int join_pages(struct history_work *work)
{
	const struct pages *pages = work->history->pages;
	size_t total = 0;
	for (size_t i = 0; i < pages->count; i++)
		total += pages->list[i].history.count;
	work->entries = calloc(total + 1, sizeof(*work->entries));
	if (!work->entries)
		return apply_no_memory(work->err);
	for (size_t i = 0; i < pages->count; i++) {
		const struct decoded_history *page = &pages->list[i].history;
		/* What comes again replaces what was read of it before. */
		work->entry_count -= match_overlap(
		    work->entries, work->entry_count, page->runs, page->count, &work->doubtful);
		for (size_t k = 0; k < page->count; k++)
			work->entries[work->entry_count++] = page->runs[k];
	}
	return 0;
}

static int match_entries(struct history_work *work, size_t *of_entry)
{
	_cleanup_free_ struct match_stored *stored =
	    calloc(work->stored_count + 1, sizeof(*stored));
	if (!stored)
		return apply_no_memory(work->err);
	for (size_t i = 0; i < work->stored_count; i++)
		stored[i] = (struct match_stored){
		    .run_id = work->stored[i].run.run_id,
		    .start_time = work->stored[i].run.start_time,
		    .over = work->stored[i].over,
		    .done = job_status_is_done(work->stored[i].run.status),
		    .listed = work->stored[i].listed,
		};
	if (match_history(stored, work->stored_count, work->entries, work->entry_count, of_entry) <
	    0)
		return apply_no_memory(work->err);
	return 0;
}

static void apply_job_changed(struct history_work *work, const char *job_id)
{
	work->outcome.changed++;
	changes_add(work->changes, CHANGE_JOB, work->history->project_id, job_id);
}

static bool is_bad_end(enum job_status status)
{
	return status == JOB_FAILED || status == JOB_CANCELLED;
}

/* Replicas differ, and one that lags shows as running what has ended. */
static bool is_outdated(
    struct history_work *work, const struct stored_job *job, const struct run *run)
{
	const struct history *history = work->history;
	if (!job_status_is_done(job->run.status))
		return false;
	if (!job_status_is_done(run->status))
		return !doubts_believe(
		    history->doubts, job->row, history->begun_at, history->settle_time);
	doubts_end(history->doubts, job->row);
	return false;
}

/* The same time with and without its fraction is no change. */
static int64_t exact(int64_t stored, int64_t told)
{
	return match_same_time(stored, told) && told % MICROSECONDS_PER_SECOND == 0 ? stored : told;
}

static int apply_entry(struct history_work *work, struct stored_job *job, const struct run *told)
{
	job->matched = true;
	int64_t now = work->history->now;
	struct run run = *told;
	run.start_time = exact(job->run.start_time, run.start_time);
	run.end_time = exact(job->run.end_time, run.end_time);
	bool outdated = is_outdated(work, job, &run);
	if (!outdated && !run_same(&job->run, &run)) {
		work->outcome.ended_badly |= is_bad_end(run.status) && !is_bad_end(job->run.status);
		job->over = job_status_is_done(run.status);
		apply_job_changed(work, job->job_id);
		return job_store_update(work->writer, job->row, &run, now, work->err);
	}
	if (job->listed)
		return 0;
	job->over = job_status_is_done(job->run.status);
	apply_job_changed(work, job->job_id);
	return job_store_relisted(work->writer, job->row, now, work->err);
}

static int insert_new(struct history_work *work, const size_t *of_entry)
{
	const struct history *history = work->history;
	_cleanup_free_ size_t *order = calloc(work->entry_count + 1, sizeof(*order));
	if (!order || match_order(work->entries, work->entry_count, order) < 0)
		return apply_no_memory(work->err);
	for (size_t i = 0; i < work->entry_count; i++) {
		if (of_entry[order[i]] != MATCH_NEW)
			continue;
		int64_t row = 0;
		char job_id[RANDOM_ID_SIZE];
		const struct new_job job = {
		    .project_id = history->project_id,
		    .connector_row = history->connector_row,
		    .run = &work->entries[order[i]],
		    .now = history->now,
		};
		int r = job_store_insert(work->writer, &job, work->err, &row, job_id);
		if (r)
			return r;
		work->outcome.ended_badly |= is_bad_end(job.run->status);
		work->outcome.unfinished |= !job_status_is_done(job.run->status);
		apply_job_changed(work, job_id);
	}
	return 0;
}

/* Nothing is concluded from what is missing in an incomplete history. */
static int mark_unlisted(struct history_work *work)
{
	for (size_t i = 0; i < work->stored_count; i++) {
		struct stored_job *job = &work->stored[i];
		if (job->matched || !job->listed)
			continue;
		int r = job_store_unlisted(work->writer, job->row, job->history_synced_at,
		    !job->over, work->history->now, work->err);
		if (r)
			return r;
		job->over = true;
		apply_job_changed(work, job->job_id);
	}
	return 0;
}

/* Runs were listed before, and none of them is now: others may have come and gone between. */
static bool shares_nothing(const struct history_work *work, const size_t *of_entry)
{
	bool listed = false;
	for (size_t i = 0; i < work->stored_count; i++)
		listed |= work->stored[i].listed;
	for (size_t i = 0; i < work->entry_count; i++)
		if (of_entry[i] != MATCH_NEW)
			return false;
	return listed && work->entry_count > 0;
}

static int apply_matched(struct history_work *work)
{
	_cleanup_free_ size_t *of_entry = calloc(work->entry_count + 1, sizeof(*of_entry));
	if (!of_entry)
		return apply_no_memory(work->err);
	int r = match_entries(work, of_entry);
	if (r == 0 && work->history->pages->complete && shares_nothing(work, of_entry))
		r = connector_store_gap(
		    work->writer, work->history->connector_row, work->history->now, work->err);
	for (size_t i = 0; i < work->entry_count && r == 0; i++)
		if (of_entry[i] < work->stored_count)
			r = apply_entry(work, &work->stored[of_entry[i]], &work->entries[i]);
	if (r == 0)
		r = insert_new(work, of_entry);
	if (r == 0 && work->history->pages->complete && !work->doubtful)
		r = mark_unlisted(work);
	for (size_t i = 0; i < work->stored_count; i++)
		work->outcome.unfinished |= !work->stored[i].over;
	return r;
}

static void history_work_done(struct history_work *work)
{
	free(work->entries);
	free(work->stored);
	arena_done(&work->arena);
}

int apply_history(struct conn *writer, const struct history *history, struct changes *changes,
    struct err *err, struct history_outcome *ret_outcome)
{
	_cleanup_(history_work_done) struct history_work work = {
	    .writer = writer,
	    .history = history,
	    .changes = changes,
	    .err = err,
	};
	arena_init(&work.arena, SCRATCH_LIMIT);
	int r = join_pages(&work);
	if (r == 0)
		r = load_stored(&work);
	if (r == 0)
		r = apply_matched(&work);
	if (r == 0 && history->pages->complete)
		r = recorder_history(writer, history->connector_row, err);
	if (r == 0)
		r = connector_store_history_synced(
		    writer, history->connector_row, history->started_at, err);
	if (r)
		return r;
	if (work.outcome.changed > 0) {
		changes_add(changes, CHANGE_CONNECTOR, history->project_id, NULL);
		changes_add(changes, CHANGE_PROJECT, history->project_id, NULL);
	}
	*ret_outcome = work.outcome;
	return 0;
}
