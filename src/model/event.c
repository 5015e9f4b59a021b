/* SPDX-License-Identifier: MIT */
/* One change, one event: the first that fits. */
#include "model/event.h"

#include "util/cleanup.h"

const char *const event_type_names[] = {
    [EVENT_OPERATION_PLANNED] = "operation.planned",
    [EVENT_OPERATION_SUCCEEDED] = "operation.succeeded",
    [EVENT_OPERATION_REJECTED] = "operation.rejected",
    [EVENT_OPERATION_UNREACHABLE] = "operation.unreachable",
    [EVENT_OPERATION_UNKNOWN] = "operation.unknown",
    [EVENT_CONNECTOR_CREATED] = "connector.created",
    [EVENT_CONNECTOR_UPDATED] = "connector.updated",
    [EVENT_CONNECTOR_DELETED] = "connector.deleted",
    [EVENT_CONNECTOR_RETURNED] = "connector.returned",
    [EVENT_HISTORY_LOADED] = "history.loaded",
    [EVENT_HISTORY_GAP] = "history.gap",
    [EVENT_JOB_CREATED] = "job.created",
    [EVENT_JOB_UPDATED] = "job.updated",
    [EVENT_JOB_SUCCEEDED] = "job.succeeded",
    [EVENT_JOB_FAILED] = "job.failed",
    [EVENT_JOB_CANCELLED] = "job.cancelled",
    [EVENT_JOB_REVISED] = "job.revised",
    [EVENT_JOB_GONE] = "job.gone",
    [EVENT_JOB_RETURNED] = "job.returned",
    [EVENT_ATTENTION_RAISED] = "attention.raised",
    [EVENT_ATTENTION_CLEARED] = "attention.cleared",
    [EVENT_UPSTREAM_CHANGED] = "upstream.changed",
    [EVENT_DAEMON_STARTED] = "daemon.started",
    [EVENT_DAEMON_RELOADED] = "daemon.reloaded",
    [EVENT_DAEMON_RELOAD_REFUSED] = "daemon.reload_refused",
    NULL,
};

_Static_assert(ARRAY_SIZE(event_type_names) == EVENT_TYPE_COUNT + 1, "a type has no name");

enum event_type event_of_operation(
    const struct event_facts *before, const struct event_facts *after)
{
	if (before->known && before->state == after->state)
		return EVENT_NONE;
	switch (after->state) {
	case OPERATION_PLANNED:
		/* Going back to it tells nothing, nor does being on the way. */
		return before->known ? EVENT_NONE : EVENT_OPERATION_PLANNED;
	case OPERATION_SENDING:
		return EVENT_NONE;
	case OPERATION_SUCCEEDED:
		return EVENT_OPERATION_SUCCEEDED;
	case OPERATION_REJECTED:
		return EVENT_OPERATION_REJECTED;
	case OPERATION_UNREACHABLE:
		return EVENT_OPERATION_UNREACHABLE;
	case OPERATION_UNKNOWN:
		return EVENT_OPERATION_UNKNOWN;
	}
	return EVENT_NONE;
}

enum event_type event_of_connector(
    const struct event_facts *before, const struct event_facts *after, bool differs)
{
	if (!before->known)
		return EVENT_CONNECTOR_CREATED;
	if (before->deleted != after->deleted)
		return after->deleted ? EVENT_CONNECTOR_DELETED : EVENT_CONNECTOR_RETURNED;
	return differs ? EVENT_CONNECTOR_UPDATED : EVENT_NONE;
}

static enum event_type event_of_end(enum job_status status)
{
	if (status == JOB_SUCCEEDED)
		return EVENT_JOB_SUCCEEDED;
	return status == JOB_FAILED ? EVENT_JOB_FAILED : EVENT_JOB_CANCELLED;
}

enum event_type event_of_job(
    const struct event_facts *before, const struct event_facts *after, bool differs, bool loaded)
{
	bool done = job_status_is_done(after->status);
	bool was_done = before->known && job_status_is_done(before->status);
	if (!before->known && done)
		return loaded ? event_of_end(after->status) : EVENT_NONE;
	if (!before->known)
		return EVENT_JOB_CREATED;
	if (done && !was_done)
		return event_of_end(after->status);
	if (before->gone != after->gone)
		return after->gone ? EVENT_JOB_GONE : EVENT_JOB_RETURNED;
	if (!differs)
		return EVENT_NONE;
	return was_done ? EVENT_JOB_REVISED : EVENT_JOB_UPDATED;
}
