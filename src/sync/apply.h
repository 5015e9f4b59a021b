/* Writes what Mixpanel said into the store: here the two meet. Every function runs inside the
 * caller's transaction and notes what it changed; nothing is told before the commit. */
#ifndef MIXPORT_SYNC_APPLY_H
#define MIXPORT_SYNC_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/conn.h"
#include "sync/changes.h"
#include "sync/pages.h"

/* A listing as received. Times are wall clock. */
struct listing {
	int64_t project_id;
	const struct pages *pages;
	int64_t started_at; /* when its first page was asked for */
	int64_t now;
	bool accept_shrunken; /* it is the second read that confirms a shrunken one */
};

/* A connector that came or went. */
struct listing_change {
	int64_t row;
	bool present;
	int64_t created_at; /* by Mixpanel, else when first seen */
};

/* What a listing changed. Free with listing_outcome_done. */
struct listing_outcome {
	struct listing_change *list;
	size_t count;
	size_t updated; /* connectors that were new, different or gone */
	size_t missing; /* of the present ones, not in the listing */
};

/* The listing is empty or lost more than half of the connectors: read it again before believing it.
 * The caller's transaction is to be rolled back. */
#define APPLY_SHRUNKEN 10

/* Applies a listing whose pages decode (they were decoded once on arrival). Connectors missing from
 * a complete one are marked deleted, unless first seen or confirmed after it was asked for.
 * Returns 0, APPLY_SHRUNKEN, a store outcome, or -1. */
int apply_listing(struct conn *writer, const struct listing *listing, struct changes *changes,
    struct err *err, struct listing_outcome *ret_outcome);

/* Frees. */
void listing_outcome_done(struct listing_outcome *outcome);

/* A history as received. */
struct history {
	int64_t project_id;
	int64_t connector_row;
	const struct pages *pages;
	int64_t started_at;
	int64_t now;
};

/* Applies a history: matches runs to jobs, writes those that are new or different with a snapshot,
 * marks those no longer listed. ret_jobs_changed counts. Returns 0, a store outcome, or -1. */
int apply_history(struct conn *writer, const struct history *history, struct changes *changes,
    struct err *err, size_t *ret_jobs_changed);

#endif
