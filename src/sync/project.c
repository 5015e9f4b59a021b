/* SPDX-License-Identifier: MIT */
/* What is known of one project: its settings, its plan, its budget, how its Mixpanel does, and
 * which connectors settle. */
#include "sync/project.h"

#include <stdlib.h>
#include <string.h>

#include "store/project_store.h"
#include "util/timestamp.h"

#define RETRY_MINIMUM (2 * MICROSECONDS_PER_SECOND)
#define RETRY_MAXIMUM (60 * MICROSECONDS_PER_SECOND)
/* So far the wall clock may be from Mixpanel's. */
#define DATE_TOLERANCE MICROSECONDS_PER_HOUR

int64_t project_now(const struct project *project)
{
	return sync_now(project->sync);
}

int64_t project_wall(const struct project *project)
{
	return sync_wall(project->sync);
}

struct conn *project_writer(const struct project *project)
{
	return project->sync->commit.writer;
}

int project_write(struct project *project,
    int (*body)(struct conn *conn, void *context, struct err *err), void *context, struct err *err)
{
	return commit_write(&project->sync->commit, body, context, err);
}

void project_changed(struct project *project, enum change_kind kind, const char *id)
{
	changes_add(&project->sync->commit.changes, kind, project->settings->project_id, id);
}

static struct planner_settings planner_settings_of(const struct config_project *settings)
{
	return (struct planner_settings){
	    .list_interval = settings->list_interval,
	    .active_interval = settings->active_interval,
	    .idle_interval = settings->idle_interval,
	    .status_interval = settings->status_interval,
	    .per_minute = settings->rate_limit,
	};
}

static void take_record(const struct project_record *record, void *context)
{
	struct project *project = context;
	project->complete_listings = record->complete_listings;
	project->loaded = record->listed_at != TIMESTAMP_NONE;
	project->list_tried = project->loaded;
}

static int ensure_row(struct conn *writer, void *context, struct err *err)
{
	struct project *project = context;
	return project_store_ensure(writer, project->settings->project_id, err);
}

int project_new(struct sync *sync, struct config *config, const struct config_project *settings,
    struct err *err, struct project **ret_project)
{
	struct project *project = calloc(1, sizeof(*project));
	if (!project)
		return err_set(err, "no memory for project %s", settings->name);
	LIST_INIT(&project->calls);
	LIST_INIT(&project->refreshes);
	STAILQ_INIT(&project->paged);
	STAILQ_INIT(&project->outgoing);
	STAILQ_INIT(&project->unsaved);
	project->sync = sync;
	project->config = config_ref(config);
	project->settings = settings;
	int64_t now = sync_now(sync);
	project->date_ahead = TIMESTAMP_NONE;
	project->troubled_since = INT64_MIN;
	project->told_state = -1;
	project->list_begun_at = INT64_MIN;
	ratelimit_init(&project->limit, settings->rate_limit, now);
	upstream_init(&project->upstream, sync_wall(sync));
	struct planner_settings plan = planner_settings_of(settings);
	uint64_t seed = sync->seed ^ (uint64_t)settings->project_id;
	int r = planner_new(&plan, seed, now, err, &project->planner);
	if (r == 0)
		r = commit_write(&sync->commit, ensure_row, project, err);
	if (r == 0)
		r = project_store_get(
		    sync->commit.writer, settings->project_id, take_record, project, err);
	if (r != 0) {
		project_free(project);
		err_wrap(err, "project %s", settings->name);
		return r;
	}
	*ret_project = project;
	return 0;
}

struct project *project_free(struct project *project)
{
	if (!project)
		return NULL;
	witness_done(&project->witness);
	planner_free(project->planner);
	config_unref(project->config);
	free(project->searches.list);
	free(project);
	return NULL;
}

bool project_same_upstream(const struct config_project *a, const struct config_project *b)
{
	return strcmp(a->credential->fingerprint, b->credential->fingerprint) == 0 &&
	       strcmp(a->base_url, b->base_url) == 0;
}

void project_change(
    struct project *project, struct config *config, const struct config_project *settings)
{
	struct config *before = project->config;
	int64_t now = project_now(project);
	/* Another service account may do what the old one could not: ask at once. */
	bool renewed = !project_same_upstream(project->settings, settings);
	project->config = config_ref(config);
	project->settings = settings;
	project->removed = false;
	ratelimit_change(&project->limit, settings->rate_limit, now);
	struct planner_settings plan = planner_settings_of(settings);
	planner_change(project->planner, &plan, now);
	if (renewed) {
		upstream_init(&project->upstream, project_wall(project));
		project->date_ahead = TIMESTAMP_NONE;
		project->troubled_since = INT64_MIN;
		planner_list_not_later(project->planner, now);
	}
	config_unref(before);
}

/* Presence -------------------------------------------------------------------------------------*/

void project_settle(struct project *project, int64_t row, enum witness_hold hold)
{
	int64_t now = project_now(project);
	if (witness_settle(
		&project->witness, row, hold, now, now + project->settings->settle_time) < 0)
		log_error(
		    "project %s: no memory to let a connector settle", project->settings->name);
}

static int take_found(const struct connector_record *record, void *context)
{
	*(struct found_connector *)context = (struct found_connector){
	    .row = record->row,
	    .deleted = record->deleted_at != TIMESTAMP_NONE,
	    .deleted_by_us = record->deleted_by_us,
	};
	return 0;
}

int project_find_connector(const struct project *project, const char *connector_id, struct err *err,
    struct found_connector *ret_found)
{
	return connector_store_get(project_writer(project), project->settings->project_id,
	    connector_id, take_found, ret_found, err);
}

/* A moment of the wall clock on the monotonic one; not later than now. */
static int64_t monotonic_of(const struct project *project, int64_t wall)
{
	if (wall == TIMESTAMP_NONE)
		return INT64_MIN;
	int64_t now = project_now(project);
	int64_t at = wall - (project_wall(project) - now);
	return at > now ? now : at;
}

/* When each connector was last asked survives a restart, so that a restart asks nothing twice. */
int project_plan(const struct followed_connector *connector, void *context)
{
	struct project *project = context;
	/* A connector that says it was created in the future is created now. */
	const struct planner_connector facts = {
	    .row = connector->row,
	    .active = connector->unfinished,
	    .young_until = monotonic_of(project, connector->created_at) + PLANNER_YOUNG_FOR,
	    .history_read_at = monotonic_of(project, connector->history_synced_at),
	    .single_read_at = monotonic_of(project, connector->status_known_at),
	};
	return planner_put(project->planner, &facts, project_now(project));
}

void project_follow(struct project *project, const struct followed_connector *connector)
{
	if (project_plan(connector, project) < 0)
		log_error("project %s: no memory to follow a connector", project->settings->name);
}

/* How it does -----------------------------------------------------------------------------------*/

bool project_may_send(struct project *project, bool waited, enum ratelimit_class rate_class,
    int64_t now, int64_t *next)
{
	int64_t at;
	if (!upstream_may_ask(&project->upstream, waited, now))
		at = upstream_next(&project->upstream, now);
	else if (!ratelimit_take(&project->limit, rate_class, now))
		at = ratelimit_next(&project->limit, rate_class, now);
	else
		return true;
	if (at < *next)
		*next = at;
	return false;
}

int64_t project_retry_delay(struct project *project, int64_t since)
{
	int64_t delay = project_now(project) - since;
	if (delay < RETRY_MINIMUM)
		delay = RETRY_MINIMUM;
	if (delay > RETRY_MAXIMUM)
		delay = RETRY_MAXIMUM;
	return delay + random_sequence_between(&project->sync->random, 0, MICROSECONDS_PER_SECOND);
}

void project_troubled(struct project *project, const char *message)
{
	if (project->troubled_since != INT64_MIN)
		return;
	project->troubled_since = project_now(project);
	log_warning("project %s: upstream %s: %s", project->settings->name,
	    upstream_state_names[project->upstream.state], message);
}

/* An outage lasts hours: one line when it begins, one when it is over. */
void project_recovered(struct project *project, enum upstream_state before)
{
	if (project->upstream.state != UPSTREAM_OK || before == UPSTREAM_OK)
		return;
	int64_t since = project->troubled_since;
	project->troubled_since = INT64_MIN;
	if (since == INT64_MIN)
		log_info("project %s: upstream ok", project->settings->name);
	else
		log_info("project %s: upstream ok again, after %lld s", project->settings->name,
		    (long long)((project_now(project) - since) / MICROSECONDS_PER_SECOND));
}

struct upstream_status project_status(struct project *project)
{
	int64_t now = project_now(project);
	struct planner_intervals intervals = planner_intervals(project->planner);
	struct upstream_status status = {
	    .budget_per_minute = project->settings->rate_limit,
	    .budget_available = ratelimit_available(&project->limit, now),
	    .loaded = project->loaded,
	    .list_interval = intervals.list,
	    .active_interval = intervals.active,
	    .idle_interval = intervals.idle,
	    .stretched = intervals.stretched,
	};
	upstream_publish(&project->upstream, now, project_wall(project), &status);
	return status;
}

/* All of them -----------------------------------------------------------------------------------*/

struct project *project_find(struct sync *sync, int64_t project_id, bool removed)
{
	struct project *project;
	LIST_FOREACH (project, &sync->projects, entry)
		if (project->settings->project_id == project_id && (removed || !project->removed))
			return project;
	return NULL;
}

bool project_date_is_sure(const struct sync *sync)
{
	const struct project *project;
	int64_t ahead = sync_wall(sync) - sync_now(sync);
	LIST_FOREACH (project, &sync->projects, entry)
		if (project->date_ahead != TIMESTAMP_NONE &&
		    project->date_ahead >= ahead - DATE_TOLERANCE &&
		    project->date_ahead <= ahead + DATE_TOLERANCE)
			return true;
	return false;
}
