/* SPDX-License-Identifier: MIT */
/* What needs attention is found out in turns: of connectors and operations after each change, of
 * all of them after a start or a reload, and again when a rule waits for a time or for a reading.
 * What comes of it is written in transactions of its own. Everything belongs to the sync thread. */
#pragma once

#include "config/config.h"
#include "sync/look.h"

struct inspection {
	struct sync *sync;
	struct agenda agenda;
	struct look_daemon daemon;
	int64_t swept; /* all connectors up to this row are on the agenda, or were; INT64_MAX: all
			* there are */
	int64_t ahead; /* the wall clock less the monotonic one, as seen last */
	int64_t retry_at;  /* monotonic; after a failure */
	int64_t daemon_at; /* monotonic: when the daemon is looked at again */
};

/* Begins to hear what the writer of sync changes. */
void inspection_init(struct inspection *inspection, struct sync *sync);

/* Frees. */
void inspection_done(struct inspection *inspection);

/* All are to be looked at, as after a start or with other settings. */
void inspection_all(struct inspection *inspection);

/* How the last reload went. */
void inspection_reloaded(struct inspection *inspection, bool refused, int64_t at);

/* Looks at what is due, for a short time. Returns when to go on, monotonic: not after limit. */
int64_t inspection_turn(struct inspection *inspection, const struct config *config, int64_t limit);
