/* SPDX-License-Identifier: MIT */
/* What happened, as the feed of events tells it: the types, and which of them a change is. */
#pragma once

#include <stdbool.h>

#include "model/job.h"
#include "model/operation.h"

/* In one transaction they are told in this order. */
enum event_type {
	EVENT_OPERATION_PLANNED,
	EVENT_OPERATION_SUCCEEDED,
	EVENT_OPERATION_REJECTED,
	EVENT_OPERATION_UNREACHABLE,
	EVENT_OPERATION_UNKNOWN,
	EVENT_CONNECTOR_CREATED,
	EVENT_CONNECTOR_UPDATED,
	EVENT_CONNECTOR_DELETED,
	EVENT_CONNECTOR_RETURNED,
	EVENT_HISTORY_LOADED,
	EVENT_HISTORY_GAP,
	EVENT_JOB_CREATED,
	EVENT_JOB_UPDATED,
	EVENT_JOB_SUCCEEDED,
	EVENT_JOB_FAILED,
	EVENT_JOB_CANCELLED,
	EVENT_JOB_REVISED,
	EVENT_JOB_GONE,
	EVENT_JOB_RETURNED,
	EVENT_ATTENTION_RAISED,
	EVENT_ATTENTION_CLEARED,
	EVENT_UPSTREAM_CHANGED,
	EVENT_DAEMON_STARTED,
	EVENT_DAEMON_RELOADED,
	EVENT_DAEMON_RELOAD_REFUSED,
};
#define EVENT_TYPE_COUNT (EVENT_DAEMON_RELOAD_REFUSED + 1)
/* Of a change that no event tells. */
#define EVENT_NONE EVENT_TYPE_COUNT

/* Their names, such as "job.failed", ended by NULL. */
extern const char *const event_type_names[EVENT_TYPE_COUNT + 1];

/* What a record was or has become, as far as it decides the type. */
struct event_facts {
	bool known;   /* there is one */
	bool deleted; /* a connector */
	enum job_status status;
	bool gone; /* a job */
	enum operation_state state;
};

/* Each is pure: before and after, of which the second is known; differs: whether a member does. */
enum event_type event_of_operation(
    const struct event_facts *before, const struct event_facts *after);
enum event_type event_of_connector(
    const struct event_facts *before, const struct event_facts *after, bool differs);

/* loaded: the connector's history was before, so that a job which is over already ended since. */
enum event_type event_of_job(
    const struct event_facts *before, const struct event_facts *after, bool differs, bool loaded);
