/* SPDX-License-Identifier: MIT */
/* Transactions of the sync thread, while the disk may be full. */
#include "sync/commit.h"

#include "store/tx.h"

#define RETRY_FIRST MICROSECONDS_PER_SECOND
#define RETRY_MAXIMUM (5 * MICROSECONDS_PER_SECOND)

void commit_init(struct commit *commit)
{
	commit->retry_at = INT64_MIN;
}

void commit_done(struct commit *commit)
{
	changes_done(&commit->changes);
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
	int r = tx_write(commit->writer, body, context, err);
	if (r == 0) {
		/* It may have had nothing to write: the next turn finds out. */
		if (atomic_load(&commit->unavailable))
			commit->retry_at = clock_monotonic(commit->clock);
		commit->count++;
		changes_announce(&commit->changes, commit->changed, commit->context);
		return 0;
	}
	changes_forget(&commit->changes);
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
