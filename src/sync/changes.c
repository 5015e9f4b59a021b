/* SPDX-License-Identifier: MIT */
/* A growing list, handed over after the commit. */
#include "sync/changes.h"

#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/cleanup.h"

#define CHANGES_LIMIT 100000

static struct change *next_change(struct changes *changes)
{
	if (changes->count == CHANGES_LIMIT) {
		changes->overflow = true;
		return NULL;
	}
	struct change *list = array_grow(changes->list, changes->count, sizeof(*list));
	if (!list) {
		changes->overflow = true;
		return NULL;
	}
	changes->list = list;
	struct change *change = &list[changes->count++];
	memset(change, 0, sizeof(*change));
	return change;
}

void changes_add(struct changes *changes, enum change_kind kind, int64_t project_id, const char *id)
{
	struct change *change = next_change(changes);
	if (!change)
		return;
	change->kind = kind;
	change->project_id = project_id;
	snprintf(change->id, sizeof(change->id), "%s", id ? id : "");
}

void changes_announce(struct changes *changes, changes_announced_fn *changed, void *context)
{
	if (changed && changes->count > 0)
		changed(changes->list, changes->count, context);
	if (changed && changes->overflow) {
		struct change all[] = {
		    {.kind = CHANGE_PROJECT},
		    {.kind = CHANGE_CONNECTOR},
		    {.kind = CHANGE_JOB},
		    {.kind = CHANGE_OPERATION},
		    {.kind = CHANGE_REFRESH},
		};
		changed(all, ARRAY_SIZE(all), context);
	}
	changes_forget(changes);
}

void changes_forget(struct changes *changes)
{
	changes->count = 0;
	changes->overflow = false;
}

void changes_done(struct changes *changes)
{
	free(changes->list);
	*changes = (struct changes){0};
}
