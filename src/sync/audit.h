/* SPDX-License-Identifier: MIT */
/* Entries of the audit on their way to the store, from any thread. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "model/audit.h"
#include "sync/commit.h"

/* The limits of those that wait: of all, and of those of what is done already. */
#define AUDIT_LIMIT 1024
#define AUDIT_DONE_LIMIT (2 * AUDIT_LIMIT)

struct audit {
	pthread_mutex_t mutex; /* guards what follows */
	struct audit_entry *list;
	size_t count;
	uint64_t put;    /* how often an entry was lined up or completed */
	uint64_t stored; /* of these, how many are written down */
};

void audit_init(struct audit *audit);
void audit_done(struct audit *audit);

/* Lines up a copy of the entry when fewer than the limit wait, or completes it where it still does.
 * Returns whether there was room for it. Any thread. */
bool audit_put(struct audit *audit, const struct audit_entry *entry, size_t limit);

/* How often audit_put took something so far, and whether all of that is written down. Any thread.
 */
uint64_t audit_mark(struct audit *audit);
bool audit_is_stored(struct audit *audit, uint64_t mark);

/* Writes what waits into the store, which keeps so many, and announces that; what cannot be written
 * goes on waiting. The sync thread. */
void audit_store(struct audit *audit, struct commit *commit, uint64_t keep);
