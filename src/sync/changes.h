/* SPDX-License-Identifier: MIT */
/* What a transaction changed: collected while it runs, announced after the commit, dropped on
 * rollback. Every change that is applied passes here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/random.h"

enum change_kind {
	CHANGE_PROJECT,
	CHANGE_CONNECTOR,
	CHANGE_JOB,
	CHANGE_OPERATION,
	CHANGE_REFRESH,
};

/* Something that was committed. id is the job_id or operation_id, "" otherwise; ticket is that of a
 * refresh that ended. */
struct change {
	enum change_kind kind;
	int64_t project_id;
	char id[RANDOM_ID_SIZE];
	uint64_t ticket;
};

/* Told after each commit, on the sync thread; must not block. */
typedef void changes_announced_fn(const struct change *changes, size_t count, void *context);

/* Invariant: count changes are in list. overflow: more changes than could be kept, so everybody who
 * waits looks again (a change of every kind with an empty id). */
struct changes {
	struct change *list;
	size_t count;
	bool overflow;
};

/* Notes one; id may be NULL. */
void changes_add(
    struct changes *changes, enum change_kind kind, int64_t project_id, const char *id);

/* Tells them all and forgets them. */
void changes_announce(struct changes *changes, changes_announced_fn *changed, void *context);

/* Forgets them, keeping the memory. */
void changes_forget(struct changes *changes);

/* Frees. */
void changes_done(struct changes *changes);
