/* SPDX-License-Identifier: MIT */
/* Which observed run is which stored job? Mixpanel gives no id. Pure.
 *
 * For each entry of a fresh history, in this order: the stored job with the same non-empty run id
 * (an id that several runs carry is none, and two different ids are never the same run);
 * the same real start time (with its fraction, then without), and the same place among the entries
 * that share it; a queued entry without a start time is the stored queued job without one, in
 * order, where the oldest of those are kept for runs that have started as far as fewer wait than
 * before; an entry that has just got its start time, while a stored queued job without one is no
 * longer listed as queued, is that job; anything else is new. A stored job that no entry matched is
 * no longer listed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/job.h"

/* Whether two times are the same moment as far as they tell: equal, or within one second where one
 * of them lacks its fraction (Mixpanel tells the same run with and without it). */
bool match_same_time(int64_t a, int64_t b);

/* What is known of a stored job, oldest first. */
struct match_stored {
	const char *run_id; /* NULL for none */
	int64_t start_time;
	bool over;   /* done or gone: it cannot be an entry that just started */
	bool done;   /* it was seen at its end: it cannot be an entry that waits */
	bool listed; /* it was in the last history */
};

#define MATCH_NEW SIZE_MAX
#define MATCH_REPEATED (SIZE_MAX - 1)

/* Fills ret_of_entry[i] with the index of the stored job that entry i is, MATCH_NEW, or
 * MATCH_REPEATED for one with the run id and the start time of an entry before it, which is to be
 * passed over; no stored job twice. Returns 0, or -1 without memory. Matching what was applied
 * again gives the same. */
int match_history(const struct match_stored *stored, size_t stored_count, const struct run *entries,
    size_t entry_count, size_t *ret_of_entry);

/* The order in which new entries are to be inserted so that rows run with time: by start time, the
 * ones without one last, equals in the order sent. ret_order holds entry_count indices. Returns 0,
 * or -1 without memory. */
int match_order(const struct run *entries, size_t entry_count, size_t *ret_order);

/* A run that is added while a history is read page by page shifts it: the end of one page comes
 * again as the beginning of the next. Returns how many of the last of before and the first of after
 * are the same runs, at most MATCH_OVERLAP_LIMIT. *ret_doubtful becomes true when only their looks
 * say so, and is left alone otherwise: two runs may look alike. */
#define MATCH_OVERLAP_LIMIT 1000
size_t match_overlap(const struct run *before, size_t before_count, const struct run *after,
    size_t after_count, bool *ret_doubtful);
