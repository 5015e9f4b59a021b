/* SPDX-License-Identifier: MIT */
/* What can go wrong here: something is forgotten, or looked at without end, or the many keep the
 * thread from its work.
 *
 * Forgotten: the recorder of changes hears of everything that a transaction touches, so whoever
 * changes a record need not know of this. What depends on time has its time on the agenda; what
 * depends on a reading that changes nothing waits for that. After a start everything is looked at
 * once, so nothing that was due when the process ended is lost; the same is done after a reload,
 * and when the wall clock was set.
 *
 * Without end: what nothing more is to be expected of leaves the agenda, and what a look writes
 * touches no record.
 *
 * The many: a turn looks at a few, writes what came of all of them in one transaction, and leaves
 * the rest to the next. What differs in nothing is not written at all. */
#include "sync/inspection.h"

#include "store/attention_store.h"
#include "store/operation_store.h"
#include "store/recorder.h"

#define TURN_TIME (5 * MICROSECONDS_PER_MILLISECOND)
#define TURN_LOOKS 64
#define RETRY_AFTER MICROSECONDS_PER_SECOND
#define FAILED_AFTER MICROSECONDS_PER_MINUTE
#define DAEMON_INTERVAL MICROSECONDS_PER_SECOND
/* What the wall clock may be set by before everything is looked at again. */
#define CLOCK_STEP MICROSECONDS_PER_SECOND

static void inspection_heard(enum attention_subject subject, int64_t row, void *context)
{
	agenda_touch(context, subject, row);
}

void inspection_init(struct inspection *inspection, struct sync *sync)
{
	*inspection = (struct inspection){
	    .sync = sync, .ahead = sync_wall(sync) - sync_now(sync), .daemon_at = INT64_MIN};
	recorder_hear(sync->commit.writer, inspection_heard, &inspection->agenda);
}

void inspection_done(struct inspection *inspection)
{
	agenda_done(&inspection->agenda);
}

void inspection_all(struct inspection *inspection)
{
	struct project *project;
	inspection->swept = 0;
	LIST_FOREACH (project, &inspection->sync->projects, entry)
		project->attention_at = AGENDA_NOW;
}

void inspection_reloaded(struct inspection *inspection, bool refused, int64_t at)
{
	struct attention_daemon *facts = &inspection->daemon.facts;
	if (facts->reloaded_at == at)
		return;
	facts->reloaded_at = at;
	facts->reload_refused = refused;
	inspection->daemon_at = INT64_MIN;
}

/* All there are --------------------------------------------------------------------------------*/

static int sweep_connector(int64_t row, void *context)
{
	struct inspection *inspection = context;
	inspection->swept = row;
	agenda_touch(&inspection->agenda, ATTENTION_OF_CONNECTOR, row);
	return 0;
}

static int sweep_operation(int64_t row, void *context)
{
	struct inspection *inspection = context;
	agenda_touch(&inspection->agenda, ATTENTION_OF_OPERATION, row);
	return 0;
}

static int take_unknown(const struct open_operation *operation, void *context)
{
	return operation->state == OPERATION_UNKNOWN ? sweep_operation(operation->row, context) : 0;
}

/* Those that are unknown, and those that are said to be. */
static int sweep_operations(struct inspection *inspection, struct err *err)
{
	struct conn *writer = inspection->sync->commit.writer;
	const struct project *project;
	int r = 0;
	LIST_FOREACH (project, &inspection->sync->projects, entry) {
		int64_t id = project->settings->project_id;
		r = r ? r : operation_store_each_open(writer, id, take_unknown, inspection, err);
		r = r ? r
		      : attention_store_each_subject(writer, id, ATTENTION_OPERATION_UNKNOWN,
			    sweep_operation, inspection, err);
	}
	return r;
}

/* Puts the next few on the agenda, once those before are done with. */
static int sweep(struct inspection *inspection, struct err *err)
{
	int64_t from = inspection->swept;
	int r = 0;
	if (from == INT64_MAX || agenda_due(&inspection->agenda) == AGENDA_NOW)
		return 0;
	if (from == 0)
		r = sweep_operations(inspection, err);
	if (r == 0)
		r = connector_store_each_row(inspection->sync->commit.writer, from, TURN_LOOKS,
		    sweep_connector, inspection, err);
	if (r == 0 && inspection->swept == from)
		inspection->swept = INT64_MAX;
	return r;
}

/* Turns ----------------------------------------------------------------------------------------*/

/* One that cannot be read is left alone for a while, and keeps nobody from the others. */
static void look_at_due(struct inspection *inspection, struct looking *looking)
{
	int64_t until = sync_now(inspection->sync) + TURN_TIME;
	struct agenda_item item;
	for (unsigned i = 0; i < TURN_LOOKS && sync_now(inspection->sync) <= until &&
			     agenda_next(&inspection->agenda, looking->now, &item);
	     i++) {
		if (look_at_item(looking, &item) == 0)
			continue;
		log_warning("what needs attention could not be found out: %s", looking->err.text);
		agenda_set(&inspection->agenda, &item, looking->now + FAILED_AFTER, false, 0);
	}
}

static int look_at_others(struct inspection *inspection, struct looking *looking)
{
	int64_t now = sync_now(inspection->sync);
	struct project *project;
	int r = 0;
	if (now >= inspection->daemon_at) {
		inspection->daemon_at = now + DAEMON_INTERVAL;
		r = look_at_daemon(looking, &inspection->daemon);
	}
	LIST_FOREACH (project, &inspection->sync->projects, entry)
		r = r ? r : look_at_project(looking, project);
	return r ? r : sweep(inspection, &looking->err);
}

/* A clock that was set makes no time of those that were noted right. */
static void notice_clock(struct inspection *inspection)
{
	int64_t ahead = sync_wall(inspection->sync) - sync_now(inspection->sync);
	int64_t step = ahead - inspection->ahead;
	inspection->ahead = ahead;
	if (step > CLOCK_STEP || step < -CLOCK_STEP)
		inspection_all(inspection);
}

/* When the earliest is due, monotonic. */
static int64_t inspection_next(const struct inspection *inspection, int64_t limit)
{
	int64_t at = agenda_due(&inspection->agenda);
	const struct project *project;
	LIST_FOREACH (project, &inspection->sync->projects, entry)
		if (!project->removed && project->attention_at < at)
			at = project->attention_at;
	if (at == AGENDA_NOW || inspection->swept != INT64_MAX)
		return sync_now(inspection->sync);
	return at < limit + inspection->ahead ? at - inspection->ahead : limit;
}

int64_t inspection_turn(struct inspection *inspection, const struct config *config, int64_t limit)
{
	struct sync *sync = inspection->sync;
	int64_t now = sync_now(sync);
	struct looking looking _cleanup_looking_;
	notice_clock(inspection);
	if (now < inspection->retry_at)
		return limit;
	agenda_begin(&inspection->agenda);
	if (TAKE(inspection->agenda.all))
		inspection_all(inspection);
	looking_init(&looking, sync, &inspection->agenda, &config->attention);
	/* While nothing can be written, that at least is known. */
	if (!commit_may_write(&sync->commit, now)) {
		inspection->daemon_at = INT64_MIN;
		(void)look_at_daemon(&looking, &inspection->daemon);
		return limit;
	}
	int r = look_at_others(inspection, &looking);
	if (r < 0)
		log_write(commit_level(&sync->commit, LOG_LEVEL_WARNING),
		    "what needs attention could not be found out: %s", looking.err.text);
	look_at_due(inspection, &looking);
	if (!looking_write(&looking) || r < 0) {
		/* What was taken off is found again among all. */
		inspection_all(inspection);
		inspection->retry_at = now + RETRY_AFTER;
		return limit;
	}
	return inspection_next(inspection, limit);
}
