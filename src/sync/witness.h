/* SPDX-License-Identifier: MIT */
/* Which connectors are there? What speaks for and against it besides the store. Pure, in memory.
 *
 * Mixpanel's lists lag, come from replicas that disagree, and shift while they are paged. So two
 * things are kept for each connector that needs them:
 *
 * - It settles: what was confirmed or concluded of late outranks what is read until a while has
 *   passed, and always what was asked for before.
 * - It is absent: the last complete listing lacked it. That alone concludes nothing; a single read
 *   asked for after it, which finds nothing either, does.
 *
 * Times are monotonic: a wall clock that is set changes nothing here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What outranks what is read of a connector. */
enum witness_hold {
	WITNESS_FREE,     /* nothing */
	WITNESS_CREATED,  /* our create of it was confirmed */
	WITNESS_SEEN,     /* a single read found it */
	WITNESS_REMOVED,  /* our delete of it was confirmed */
	WITNESS_OBSERVED, /* it was concluded that it is gone */
};

struct witness_settled {
	int64_t row;
	enum witness_hold hold;
	int64_t since;
	int64_t until;
};

struct witness_absent {
	int64_t row;
	int64_t since; /* when the first of the listings in a row that lack it had been read */
};

/* Invariant: both lists are sorted by row, each row once. Zeroed is empty. */
struct witness {
	struct witness_settled *settled;
	size_t settled_count;
	struct witness_absent *absent;
	size_t absent_count;
};

/* Frees; empty again. */
void witness_done(struct witness *witness);

/* Something was confirmed or concluded: it holds until `until`, instead of what held before. Except
 * that being seen does not end what our create says. Returns 0, or -1 without memory. */
int witness_settle(
    struct witness *witness, int64_t row, enum witness_hold hold, int64_t now, int64_t until);

/* What outranks, at `now`, an answer asked for at `asked_at`. */
enum witness_hold witness_held(
    const struct witness *witness, int64_t row, int64_t asked_at, int64_t now);

/* A complete listing was read at `now`, and lacks these rows (sorted, each once) and no others.
 * Returns 0, or -1 without memory: nothing is absent then. */
int witness_lacking(struct witness *witness, const int64_t *rows, size_t count, int64_t now);

/* Whether a single read asked for at `asked_at` is a second witness. */
bool witness_is_absent(const struct witness *witness, int64_t row, int64_t asked_at);

/* It was found, or it is settled that it is gone. */
void witness_not_absent(struct witness *witness, int64_t row);

/* Takes out rows that hold nothing any more: their time is over, and nothing asked for before they
 * settled is on its way (oldest is when the oldest such was asked for). Those that the store knows
 * as settling, all but the seen ones, go into ret_rows, at most `size`. Returns how many. */
size_t witness_expire(
    struct witness *witness, int64_t now, int64_t oldest, int64_t *ret_rows, size_t size);
