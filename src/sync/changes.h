/* SPDX-License-Identifier: MIT */
/* What a transaction changed: gathered while it runs, told after it is committed, forgotten when it
 * is rolled back. Every change that is applied passes here. */
#ifndef MIXPORT_SYNC_CHANGES_H
#define MIXPORT_SYNC_CHANGES_H

#include <stddef.h>

#include "sync/engine.h"

/* Invariant: count changes are in list. overflow: there were more than could be kept, so whoever
 * waits is told to look again (a change of every kind with an empty id). */
struct changes {
	struct change *list;
	size_t count;
	size_t size;
	bool overflow;
};

/* Notes one; id may be NULL. */
void changes_add(
    struct changes *changes, enum change_kind kind, int64_t project_id, const char *id);

/* Tells them all and forgets them. */
void changes_tell(struct changes *changes, engine_changed_fn *changed, void *context);

/* Forgets them, keeping the memory. */
void changes_forget(struct changes *changes);

/* Frees. */
void changes_done(struct changes *changes);

#endif
