/* SPDX-License-Identifier: MIT */
/* Compares the time of the last confirmation with three refresh intervals. */
#include "store/freshness.h"

#include "util/timestamp.h"

/* A record is stale once it is older than this many of its refresh intervals. */
#define STALE_INTERVALS 3

/* The engine stretches intervals when the budget is too small; until it has published them, those
 * of the configuration hold. */
static int64_t in_force(int64_t published, int64_t configured)
{
	return published > 0 ? published : configured;
}

static void note_error(
    struct freshness *freshness, const char *code, const char *message, int64_t since)
{
	if (!code || freshness->error_code)
		return;
	freshness->error_code = code;
	freshness->error_message = message ? message : "";
	freshness->error_since = since;
}

static void freshness_judge(struct freshness *freshness, bool ages, int64_t interval, int64_t now)
{
	int64_t fresh_until = freshness->synced_at;
	if (fresh_until != TIMESTAMP_NONE)
		fresh_until += STALE_INTERVALS * interval;
	freshness->stale = freshness->error_code || (ages && now > fresh_until);
	freshness->turns_at = ages && !freshness->stale ? fresh_until + 1 : INT64_MAX;
}

/* What grew old while no request could be made has no failed refresh of its own to tell. */
static void explain(struct freshness *freshness, const struct upstream_status *upstream)
{
	if (freshness->stale && upstream->error_code[0])
		note_error(
		    freshness, upstream->error_code, upstream->error_message, upstream->since);
}

struct freshness freshness_of_project(const struct project_view *view, int64_t now)
{
	const struct project_record *record = &view->record;
	const struct upstream_status *upstream = &view->upstream;
	struct freshness freshness = {.synced_at = record->listed_at};
	note_error(&freshness, record->list_error_code, record->list_error_message,
	    record->list_error_since);
	if (upstream->error_code[0])
		note_error(
		    &freshness, upstream->error_code, upstream->error_message, upstream->since);
	freshness_judge(&freshness, true,
	    in_force(upstream->list_interval, view->settings->list_interval), now);
	return freshness;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b; /* TIMESTAMP_NONE is the least of all */
}

struct freshness freshness_of_connector(
    const struct connector_record *record, const struct project_view *view, int64_t now)
{
	const struct project_record *project = &view->record;
	struct freshness freshness = {.synced_at = record->confirmed_at};
	bool present = record->deleted_at == TIMESTAMP_NONE;
	if (present) {
		freshness.synced_at = later(freshness.synced_at, project->listed_at);
		note_error(&freshness, project->list_error_code, project->list_error_message,
		    project->list_error_since);
		note_error(&freshness, record->history_error_code, record->history_error_message,
		    record->history_error_since);
	} else {
		freshness.synced_at = later(freshness.synced_at, record->deleted_at);
	}
	freshness_judge(&freshness, present,
	    in_force(view->upstream.list_interval, view->settings->list_interval), now);
	explain(&freshness, &view->upstream);
	return freshness;
}

struct freshness freshness_of_job(
    const struct job_record *record, const struct project_view *view, int64_t now)
{
	const struct config_project *settings = view->settings;
	struct freshness freshness = {
	    .synced_at = record->listed ? record->history_synced_at : record->confirmed_at,
	};
	note_error(&freshness, record->history_error_code, record->history_error_message,
	    record->history_error_since);
	bool over = job_is_over(record);
	int64_t interval =
	    over ? in_force(view->upstream.idle_interval, settings->idle_interval)
		 : in_force(view->upstream.active_interval, settings->active_interval);
	freshness_judge(&freshness, record->listed || !over, interval, now);
	explain(&freshness, &view->upstream);
	return freshness;
}

bool freshness_is_older(const struct freshness *freshness, uint64_t max_age, int64_t now)
{
	if (freshness->synced_at == TIMESTAMP_NONE)
		return true;
	int64_t age = now - freshness->synced_at;
	return age > 0 && (uint64_t)age > max_age * (uint64_t)MICROSECONDS_PER_SECOND;
}
