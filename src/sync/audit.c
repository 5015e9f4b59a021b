/* SPDX-License-Identifier: MIT */
/* A list, swapped for an empty one to be written. */
#include "sync/audit.h"

#include <stdlib.h>
#include <string.h>

#include "store/audit_store.h"
#include "util/array.h"

void audit_init(struct audit *audit)
{
	*audit = (struct audit){.list = NULL};
	pthread_mutex_init(&audit->mutex, NULL);
}

void audit_done(struct audit *audit)
{
	free(audit->list);
	pthread_mutex_destroy(&audit->mutex);
}

/* With the mutex held. */
static bool line_up(struct audit *audit, const struct audit_entry *entry, size_t limit)
{
	for (size_t i = audit->count; i-- > 0;)
		if (strcmp(audit->list[i].audit_id, entry->audit_id) == 0) {
			audit->list[i] = *entry;
			return true;
		}
	struct audit_entry *list = NULL;
	if (audit->count < limit)
		list = array_grow(audit->list, audit->count, sizeof(*list));
	if (!list)
		return false;
	audit->list = list;
	list[audit->count++] = *entry;
	return true;
}

bool audit_put(struct audit *audit, const struct audit_entry *entry, size_t limit)
{
	pthread_mutex_lock(&audit->mutex);
	bool taken = line_up(audit, entry, limit);
	audit->put += taken;
	pthread_mutex_unlock(&audit->mutex);
	return taken;
}

uint64_t audit_mark(struct audit *audit)
{
	pthread_mutex_lock(&audit->mutex);
	uint64_t mark = audit->put;
	pthread_mutex_unlock(&audit->mutex);
	return mark;
}

bool audit_is_stored(struct audit *audit, uint64_t mark)
{
	pthread_mutex_lock(&audit->mutex);
	bool stored = audit->stored >= mark;
	pthread_mutex_unlock(&audit->mutex);
	return stored;
}

struct audit_batch {
	struct audit_entry *list;
	size_t count;
	uint64_t mark; /* as of audit_mark when it was taken out */
	uint64_t keep;
};

static int write_batch(struct conn *writer, void *context, struct err *err)
{
	const struct audit_batch *batch = context;
	unsigned removed;
	int r = 0;
	for (size_t i = 0; i < batch->count && r == 0; i++)
		r = audit_store_put(writer, &batch->list[i], err);
	/* Here, and not only now and then, so that there are never more than are kept. */
	return r ? r : audit_store_trim(writer, batch->keep, 2 * AUDIT_DONE_LIMIT, err, &removed);
}

/* Before those that came meanwhile, whose later versions outrank them. */
static void put_back(struct audit *audit, struct audit_batch *batch)
{
	pthread_mutex_lock(&audit->mutex);
	struct audit_batch newer = {.list = audit->list, .count = audit->count};
	audit->list = TAKE(batch->list);
	audit->count = batch->count;
	for (size_t i = 0; i < newer.count; i++)
		line_up(audit, &newer.list[i], 2 * AUDIT_DONE_LIMIT);
	pthread_mutex_unlock(&audit->mutex);
	free(newer.list);
}

static void tell_stored(struct audit *audit, const struct audit_batch *batch, struct commit *commit)
{
	const struct change change = {.kind = CHANGE_AUDIT};
	pthread_mutex_lock(&audit->mutex);
	audit->stored = batch->mark;
	pthread_mutex_unlock(&audit->mutex);
	if (commit->changed)
		commit->changed(&change, 1, commit->context);
}

void audit_store(struct audit *audit, struct commit *commit, uint64_t keep)
{
	struct err err = ERR_INIT;
	pthread_mutex_lock(&audit->mutex);
	struct audit_batch batch = {
	    .list = audit->list, .count = audit->count, .mark = audit->put, .keep = keep};
	audit->list = NULL;
	audit->count = 0;
	pthread_mutex_unlock(&audit->mutex);
	int r = batch.count > 0 ? commit_write(commit, write_batch, &batch, &err) : 0;
	if (r == 0 && batch.count > 0)
		tell_stored(audit, &batch, commit);
	if (r != 0) {
		log_write(commit_level(commit, LOG_LEVEL_WARNING),
		    "what was asked for could not be written down: %s", err.text);
		put_back(audit, &batch);
	}
	free(batch.list);
}
