/* SPDX-License-Identifier: MIT */
/* What is due at a project, and in which order those that work on it get a turn. */
#include "sync/schedule.h"

#include "store/connector_store.h"
#include "store/operation_store.h"
#include "sync/call.h"
#include "sync/follow.h"
#include "sync/outbox.h"
#include "sync/refresh.h"
#include "sync/search.h"
#include "util/log.h"

/* Loading --------------------------------------------------------------------------------------*/

static int take_open(const struct open_operation *operation, void *context)
{
	struct project *project = context;
	if (operation->state == OPERATION_PLANNED)
		return outbox_put(project, operation->operation_id, operation->kind);
	if (operation->kind == OPERATION_CREATE)
		search_unknown(project, operation->row, operation->search_base,
		    project_now(project), operation->search_over);
	return 0;
}

/* Until when it would have settled is not known, for the wall clock may have been set meanwhile:
 * the whole time is given again. */
static int take_settling(int64_t row, enum connector_settling settling, void *context)
{
	static const enum witness_hold holds[] = {
	    [SETTLING_CREATED] = WITNESS_CREATED,
	    [SETTLING_DELETED] = WITNESS_REMOVED,
	    [SETTLING_OBSERVED] = WITNESS_OBSERVED,
	};
	project_settle(context, row, holds[settling]);
	return 0;
}

int schedule_add(struct sync *sync, struct config *config, const struct config_project *settings,
    struct err *err)
{
	struct project *project = NULL;
	int r = project_new(sync, config, settings, err, &project);
	if (r != 0)
		return r;
	LIST_INSERT_HEAD(&sync->projects, project, entry);
	struct conn *writer = project_writer(project);
	int64_t id = settings->project_id;
	if (connector_store_each_followed(writer, id, project_plan, project, err) == 0 &&
	    connector_store_each_settling(writer, id, take_settling, project, err) == 0 &&
	    operation_store_each_open(writer, id, take_open, project, err) == 0)
		return 0;
	schedule_remove(project);
	return err_wrap(err, "project %s", settings->name);
}

void schedule_remove(struct project *project)
{
	LIST_REMOVE(project, entry);
	refresh_end_all(project);
	while (!LIST_EMPTY(&project->calls)) {
		struct call *call = LIST_FIRST(&project->calls);
		call->owner->drop(call);
	}
	outbox_clear(project);
	project_free(project);
}

void schedule_drop_removed(struct sync *sync)
{
	struct project *project = LIST_FIRST(&sync->projects);
	while (project) {
		struct project *following = LIST_NEXT(project, entry);
		if (project->removed)
			refresh_end_all(project);
		if (project->removed && project->in_flight == 0 && outbox_is_saved(project))
			schedule_remove(project);
		project = following;
	}
}

/* What has settled ------------------------------------------------------------------------------*/

#define SETTLED_BATCH 64

struct settled {
	int64_t rows[SETTLED_BATCH];
	size_t count;
};

static int write_settled(struct conn *writer, void *context, struct err *err)
{
	const struct settled *settled = context;
	int r = 0;
	for (size_t i = 0; i < settled->count && r == 0; i++)
		r = connector_store_settled(writer, settled->rows[i], err);
	return r;
}

/* What has settled is forgotten. One that the store does not take, the next start takes for
 * settling a little longer: no harm. */
static void forget_settled(struct project *project, int64_t now)
{
	struct settled settled;
	struct err err = ERR_INIT;
	int64_t oldest = now;
	const struct call *call;
	LIST_FOREACH (call, &project->calls, entry)
		if (call->begun_at < oldest)
			oldest = call->begun_at;
	settled.count = witness_expire(&project->witness, now, oldest, settled.rows, SETTLED_BATCH);
	if (settled.count > 0 && project_write(project, write_settled, &settled, &err) != 0)
		log_debug("project %s: %s", project->settings->name, err.text);
}

/* Turns -----------------------------------------------------------------------------------------*/

static enum ratelimit_class class_of(const struct plan *plan)
{
	return plan->waited ? RATELIMIT_WAITED : RATELIMIT_SCHEDULED;
}

static bool send_planned(struct project *project, int64_t now, int64_t *next)
{
	uint64_t places = project->settings->max_concurrent;
	struct plan plan = planner_next(project->planner, now, (unsigned)places);
	if (plan.kind == PLAN_NOTHING) {
		if (plan.due < *next)
			*next = plan.due;
		return false;
	}
	/* A caller's own wish is tried while requests are held back; the thousands of histories
	 * that come with the refresh of a whole project are not. */
	bool own_wish = plan.waited && !plan.bulk;
	/* One place is left free for what somebody waits for, so that a few answers that hang do
	 * not hold a create back. It is asked for again when a request ends. */
	if (!own_wish && places > 1 && project->in_flight + 1 >= places)
		return false;
	if (!project_may_send(project, own_wish, class_of(&plan), now, next))
		return false;
	follow_send_plan(project, &plan, now);
	return true;
}

static bool send_page(struct project *project, int64_t now, int64_t *next)
{
	const struct plan *plan = follow_waiting_page(project);
	if (!plan || !project_may_send(project, true, class_of(plan), now, next))
		return false;
	follow_send_page(project);
	return true;
}

static bool send_single(struct project *project, int64_t now, int64_t *next)
{
	struct refresh_single single;
	if (!refresh_wants_single(project, &single) ||
	    !project_may_send(project, true, RATELIMIT_WAITED, now, next))
		return false;
	follow_send_single(project, &single);
	return true;
}

int64_t schedule_turn(struct project *project, int64_t now)
{
	struct sync *sync = project->sync;
	int64_t next = INT64_MAX;
	outbox_save(project);
	forget_settled(project, now);
	if (commit_may_write(&sync->commit, now) && search_turn(project))
		next = now;
	/* What was planned for a project that is no longer configured stays written down. */
	while (!project->removed && !sync_is_stopping(sync) &&
	       project->in_flight < project->settings->max_concurrent &&
	       commit_may_write(&sync->commit, now)) {
		if (!outbox_send(project, now, &next) && !send_single(project, now, &next) &&
		    !send_page(project, now, &next) && !send_planned(project, now, &next))
			break;
	}
	return next;
}
