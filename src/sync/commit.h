/* SPDX-License-Identifier: MIT */
/* Writing: a transaction, and its changes, which are announced after the commit. Everything that is
 * applied passes here. A disk that is full is kept track of, and so is a store that failed: nothing
 * is written into it any more. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/conn.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/log.h"
#include "util/random.h"

enum change_kind {
	CHANGE_PROJECT,
	CHANGE_CONNECTOR,
	CHANGE_JOB,
	CHANGE_OPERATION,
	CHANGE_REFRESH,
	CHANGE_EVENT, /* events were written */
	CHANGE_AUDIT, /* what waited for the audit was written; told by audit_store */
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

/* Of the sync thread, but for unavailable. */
struct commit {
	struct conn *writer;
	const struct clock *clock;
	changes_announced_fn *changed; /* NULL: nobody listens */
	void (*failed)(void *context);
	void *context; /* of both */

	struct changes changes; /* of the transaction that runs */
	uint64_t count;
	bool broken; /* nothing may be written any more */
	atomic_bool unavailable;
	int64_t retry_at; /* monotonic; after a full disk */
	int64_t retry_after;
};

/* Zeroed but for writer, clock, changed, failed and context. */
void commit_init(struct commit *commit);

/* Frees. */
void commit_done(struct commit *commit);

/* Runs body in a transaction; announces its changes after the commit. When the outcome of the
 * commit is unknown, failed is called, once. Returns as tx_write. */
int commit_write(struct commit *commit,
    int (*body)(struct conn *conn, void *context, struct err *err), void *context, struct err *err);

/* Whether the store takes writes as far as is known, or it is time to try again whether it does. */
bool commit_may_write(const struct commit *commit, int64_t now);

/* The disk was full for something that was not written here. */
void commit_full(struct commit *commit, const struct err *err);

/* Empties the log when it is large. Returns 0, or what it failed with, which is dealt with here. */
int commit_empty_log(struct commit *commit);

/* While nothing could be written: tries, when it is time, whether that is possible again. Returns
 * whether it has become so just now. */
bool commit_probe(struct commit *commit, int64_t now);

/* The log level for a failed write: lower while it is known that nothing can be written at all. */
enum log_level commit_level(const struct commit *commit, enum log_level level);

/* Notes a change of the transaction that runs; id may be NULL. */
void changes_add(
    struct changes *changes, enum change_kind kind, int64_t project_id, const char *id);
