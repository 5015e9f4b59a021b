/* SPDX-License-Identifier: MIT */
/* Writes what Mixpanel said into the store: here the two meet. Every function runs inside the
 * caller's transaction and notes what it changed; nothing is announced before the commit. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/connector_store.h"
#include "sync/commit.h"
#include "sync/doubts.h"
#include "sync/pages.h"
#include "sync/witness.h"

/* A listing as received. Times are wall clock unless said. */
struct listing {
	int64_t project_id;
	const struct pages *pages;
	const struct witness *witness; /* what outranks it */
	int64_t last_row;              /* the last connector known when it was asked for */
	int64_t started_at;            /* when its first page was asked for */
	int64_t begun_at;              /* monotonic: the same */
	int64_t now;
	int64_t now_monotonic;
};

/* Rows of connectors. */
struct row_list {
	int64_t *rows;
	size_t count;
};

/* Connectors to be followed; their ids are not kept. */
struct followed_list {
	struct followed_connector *list;
	size_t count;
};

/* What a listing brought. Free with listing_outcome_done. */
struct listing_outcome {
	struct followed_list came; /* new, or present again */
	struct row_list missing;   /* present, but not in this complete listing; sorted */
	struct row_list doubted;   /* concluded to be gone a moment ago, but listed */
	size_t updated;            /* how many are new or different */
};

/* Applies a listing. It deletes nothing: what it lacks is for a single read to tell. Returns 0, a
 * store outcome, or -1. */
int apply_listing(struct conn *writer, const struct listing *listing, struct changes *changes,
    struct err *err, struct listing_outcome *ret_outcome);

/* Frees. */
void listing_outcome_done(struct listing_outcome *outcome);

/* A history as received. */
struct history {
	int64_t project_id;
	int64_t connector_row;
	const struct pages *pages;
	struct doubts *doubts; /* of jobs that are over */
	int64_t settle_time;
	int64_t started_at;
	int64_t begun_at; /* monotonic: when its first page was asked for */
	int64_t now;
};

/* What a history changed. */
struct history_outcome {
	size_t changed;   /* jobs */
	bool ended_badly; /* one of them failed or was cancelled since it was last seen */
	bool unfinished;  /* the connector has a job that is not over */
};

/* Applies a history: matches runs to jobs, writes those that are new or different with a snapshot,
 * marks those no longer listed. A job that is over stays so while that is doubted only. Returns 0,
 * a store outcome, or -1. */
int apply_history(struct conn *writer, const struct history *history, struct changes *changes,
    struct err *err, struct history_outcome *ret_outcome);
