/* SPDX-License-Identifier: MIT */
/* Looking at subjects for what needs attention, and writing down what was found. */
#pragma once

#include "sync/agenda.h"
#include "sync/attention.h"
#include "sync/project.h"
#include "util/arena.h"

/* What came of looking at a few. */
struct looking {
	struct sync *sync;
	struct agenda *agenda;
	const struct config_attention *settings;
	int64_t now; /* wall clock */
	struct arena arena;
	STAILQ_HEAD(look_list, look) looks; /* those that differ from what is written */
	const struct look *only;            /* the one to write; NULL: all */
	struct err err;                     /* of what failed last */
};

/* Begins; the pointers outlive it. */
void looking_init(struct looking *looking, struct sync *sync, struct agenda *agenda,
    const struct config_attention *settings);

/* Frees. */
void looking_done(struct looking *looking);
#define _cleanup_looking_ _cleanup_(looking_done)

/* Looks at a connector or an operation, and puts it on the agenda again, or takes it off: also one
 * that is not there any more, or whose project is not followed. Returns 0, or -1: looking->err. */
int look_at_item(struct looking *looking, const struct agenda_item *item);

/* Looks at a project if it is time. Returns as above. */
int look_at_project(struct looking *looking, struct project *project);

/* The daemon itself. Its reasons are kept here too, because it is a full disk of which they tell.
 */
struct look_daemon {
	struct attention_daemon facts;
	struct attention_outcome outcome;
	bool looked; /* the outcome is of this life */
};

/* Looks at the daemon. Returns as above. */
int look_at_daemon(struct looking *looking, struct look_daemon *daemon);

/* Writes what was found, and says so in the log. Returns whether all went well. */
bool looking_write(struct looking *looking);
