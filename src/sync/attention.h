/* SPDX-License-Identifier: MIT */
/* What needs somebody's attention? Pure: from what is stored, the settings, the time and the
 * reasons that are open come the reasons that hold, and when to look again.
 *
 * What ended jobs tell needs no timer: it holds until a later one tells otherwise. States have a
 * delay to raise and one to clear, and a ratio clears at half, so that nothing flaps. What depends
 * on how long something has not happened is judged as of the last reading of the history: what
 * nobody has looked for since may have happened.
 *
 * Times are wall clock. Given the same again, nothing changes before look_at: no text counts the
 * time that passes. Reasons come worst first. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/settings.h"
#include "model/attention.h"
#include "model/connector.h"
#include "model/job.h"
#include "model/operation.h"
#include "model/project.h"

/* What each subject is judged by besides its facts. */
struct attention_moment {
	const struct config_attention *settings;
	int64_t now;
	const struct attention_reason *open; /* those of the subject, in any order */
	size_t open_count;
};

struct attention_outcome {
	struct attention_reason reasons[ATTENTION_CODE_COUNT];
	size_t count;
	/* Nothing else changes before; later than now, INT64_MAX for never. */
	int64_t look_at;
	/* Look also after the next history of the connector, although it changes nothing: the time
	 * is over, and whether it really is so, that history tells. */
	bool look_when_read;
};

/* So many of the newest ended jobs are enough to give. */
#define ATTENTION_ENDED_LIMIT CONFIG_FAILING_CRITICAL_LIMIT

/* The facts of a connector. Look again whenever one of them changes, or the settings; not for
 * history_synced_at and the times of confirmation alone. Everything is borrowed. */
struct attention_connector {
	const struct connector_record *record;
	/* As freshness_of_connector says: what looks at the clock stays as it is. */
	bool stale;
	/* Its jobs that succeeded, failed or were cancelled, newest first in the order of lists:
	 * all of them, or at least ATTENTION_ENDED_LIMIT. */
	const struct job_record *ended;
	size_t ended_count;
	bool ended_more; /* there are, or were, older ones than those */
	/* When the last success before those ended; TIMESTAMP_NONE when there was none. Looked at
	 * only when none of those succeeded. */
	int64_t succeeded_at;
	/* Its jobs that are not over, in any order. */
	const struct job_record *unfinished;
	size_t unfinished_count;
	/* The newest of its jobs that has gone_at; NULL for none. */
	const struct job_record *gone;
	/* Of the other present connectors with the same import, the one created first; NULL for
	 * none. */
	const struct connector_record *twin;
	/* An operation of ours that deletes it has not ended. */
	bool deleting;
	/* When a history last had no run in common with those known; TIMESTAMP_NONE for never, or
	 * not known any more: an open reason remembers it. */
	int64_t gap_at;
};

/* Judges a connector. One that is deleted has no reason but deleted-elsewhere. */
void attention_of_connector(const struct attention_connector *facts,
    const struct attention_moment *moment, struct attention_outcome *ret_outcome);

/* Since when a project's upstream has been as it is: what its status does not tell. In memory;
 * zeroed after a start, when nothing is known and what is open stays. */
struct attention_watch {
	enum upstream_state state;
	int64_t state_at;   /* since when so */
	int64_t trouble_at; /* since when it has not been ok, while it is not */
	int64_t hard_at;    /* the same, but rate-limited counts as ok */
	bool stretched;
	int64_t stretched_at; /* since when so, or not so */
};

/* Takes in the status that was published: each time one is, and then looks at the project again if
 * it returns true: what counts here has changed. */
bool attention_watch(
    struct attention_watch *watch, const struct upstream_status *status, int64_t now);

/* Judges a project. */
void attention_of_project(const struct attention_watch *watch,
    const struct attention_moment *moment, struct attention_outcome *ret_outcome);

/* Judges an operation. unknown_at is when it became unknown. */
void attention_of_operation(const struct operation_record *record, int64_t unknown_at,
    const struct attention_moment *moment, struct attention_outcome *ret_outcome);

#define ATTENTION_FREE_UNKNOWN UINT64_MAX

/* The facts of the daemon. */
struct attention_daemon {
	bool reload_refused; /* the last reload changed nothing */
	int64_t reloaded_at; /* when that was */
	bool writable;       /* the database takes writes */
	uint64_t free_bytes; /* where it is; ATTENTION_FREE_UNKNOWN */
};

/* Judges the daemon. */
void attention_of_daemon(const struct attention_daemon *facts,
    const struct attention_moment *moment, struct attention_outcome *ret_outcome);
