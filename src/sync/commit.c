/* SPDX-License-Identifier: MIT */
/* Transactions of the sync thread, while the disk may be full. */
#include "sync/commit.h"

#include <stdlib.h>
#include <string.h>

#include "store/recorder.h"
#include "store/tx.h"
#include "util/array.h"
#include "util/cleanup.h"

#define RETRY_FIRST MICROSECONDS_PER_SECOND
#define RETRY_MAXIMUM (5 * MICROSECONDS_PER_SECOND)
#define CHANGES_LIMIT 100000

/* Changes --------------------------------------------------------------------------------------*/

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

static void forget_changes(struct changes *changes)
{
	changes->count = 0;
	changes->overflow = false;
}

static void announce_changes(struct changes *changes, changes_announced_fn *changed, void *context)
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
		    {.kind = CHANGE_EVENT},
		    {.kind = CHANGE_AUDIT},
		};
		changed(all, ARRAY_SIZE(all), context);
	}
	forget_changes(changes);
}

/* Writing --------------------------------------------------------------------------------------*/

void commit_init(struct commit *commit)
{
	commit->retry_at = INT64_MIN;
}

void commit_done(struct commit *commit)
{
	free(commit->changes.list);
}

void commit_full(struct commit *commit, const struct err *err)
{
	if (!atomic_exchange(&commit->unavailable, true)) {
		log_error("nothing can be written, serving what is there: %s", err->text);
		commit->retry_after = RETRY_FIRST;
	}
	int64_t now = clock_monotonic(commit->clock);
	if (now < commit->retry_at)
		return;
	commit->retry_at = now + commit->retry_after;
	commit->retry_after *= 2;
	if (commit->retry_after > RETRY_MAXIMUM)
		commit->retry_after = RETRY_MAXIMUM;
}

static void store_is_broken(struct commit *commit, const struct err *err)
{
	if (commit->broken)
		return;
	commit->broken = true;
	atomic_store(&commit->unavailable, true);
	log_error(
	    "the store may not have kept what was written last, ending so that the next start "
	    "can read it again: %s",
	    err->text);
	if (commit->failed)
		commit->failed(commit->context);
}

int commit_write(struct commit *commit,
    int (*body)(struct conn *conn, void *context, struct err *err), void *context, struct err *err)
{
	if (commit->broken) {
		err_set(err, "the store failed before");
		return STORE_BROKEN;
	}
	uint64_t events = recorder_count(commit->writer);
	int r = tx_write(commit->writer, body, context, err);
	if (r == 0) {
		/* It may have had nothing to write: the next turn finds out. */
		if (atomic_load(&commit->unavailable))
			commit->retry_at = clock_monotonic(commit->clock);
		commit->count++;
		if (recorder_count(commit->writer) != events)
			changes_add(&commit->changes, CHANGE_EVENT, 0, NULL);
		announce_changes(&commit->changes, commit->changed, commit->context);
		return 0;
	}
	forget_changes(&commit->changes);
	if (r == STORE_FULL)
		commit_full(commit, err);
	else if (r == STORE_BROKEN)
		store_is_broken(commit, err);
	return r;
}

int commit_empty_log(struct commit *commit)
{
	struct err err = ERR_INIT;
	int r = conn_checkpoint_if_large(commit->writer, &err);
	if (r == STORE_FULL)
		commit_full(commit, &err);
	else if (r == STORE_BROKEN)
		store_is_broken(commit, &err);
	return r;
}

static int write_probe(struct conn *writer, void *context, struct err *err)
{
	(void)context;
	return store_touch(writer, err);
}

/* Whether the disk is still full is asked by a write of its own: what there is to do meanwhile may
 * write nothing, and so succeed on any disk. Room in the log is not room in the database, either.
 */
bool commit_probe(struct commit *commit, int64_t now)
{
	struct err err = ERR_INIT;
	if (!atomic_load(&commit->unavailable) || !commit_may_write(commit, now))
		return false;
	if (commit_write(commit, write_probe, NULL, &err) != 0 || commit_empty_log(commit) != 0)
		return false;
	atomic_store(&commit->unavailable, false);
	log_info("the store can be written again");
	return true;
}

bool commit_may_write(const struct commit *commit, int64_t now)
{
	return !commit->broken && (!atomic_load(&commit->unavailable) || now >= commit->retry_at);
}

enum log_level commit_level(const struct commit *commit, enum log_level level)
{
	return atomic_load(&commit->unavailable) ? LOG_LEVEL_DEBUG : level;
}
