/* SPDX-License-Identifier: MIT */
/* Keeps what speaks for and against each connector in arrays sorted by row. */
#include "sync/witness.h"
#include "util/array.h"

#include <stdlib.h>
#include <string.h>

void witness_done(struct witness *witness)
{
	free(witness->settled);
	free(witness->absent);
	*witness = (struct witness){.settled = NULL};
}

/* Settled --------------------------------------------------------------------------------------*/

/* Where the row is, or belongs. */
static size_t witness_place_of(const struct witness *witness, int64_t row)
{
	size_t low = 0;
	size_t high = witness->settled_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (witness->settled[middle].row < row)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct witness_settled *find_settled(const struct witness *witness, int64_t row)
{
	size_t place = witness_place_of(witness, row);
	if (place == witness->settled_count || witness->settled[place].row != row)
		return NULL;
	return &witness->settled[place];
}

static struct witness_settled *add_settled(struct witness *witness, int64_t row)
{
	struct witness_settled *settled =
	    array_grow(witness->settled, witness->settled_count, sizeof(*settled));
	if (!settled)
		return NULL;
	witness->settled = settled;
	size_t place = witness_place_of(witness, row);
	struct witness_settled *added = &witness->settled[place];
	memmove(added + 1, added, (witness->settled_count - place) * sizeof(*added));
	witness->settled_count++;
	*added = (struct witness_settled){.row = row, .until = INT64_MIN};
	return added;
}

int witness_settle(
    struct witness *witness, int64_t row, enum witness_hold hold, int64_t now, int64_t until)
{
	struct witness_settled *settled = find_settled(witness, row);
	if (!settled)
		settled = add_settled(witness, row);
	if (!settled)
		return -1;
	if (hold == WITNESS_SEEN && settled->hold == WITNESS_CREATED && now < settled->until)
		return 0;
	settled->hold = hold;
	settled->since = now;
	settled->until = until;
	return 0;
}

enum witness_hold witness_held(
    const struct witness *witness, int64_t row, int64_t asked_at, int64_t now)
{
	const struct witness_settled *settled = find_settled(witness, row);
	if (!settled || (now >= settled->until && asked_at >= settled->since))
		return WITNESS_FREE;
	return settled->hold;
}

size_t witness_expire(
    struct witness *witness, int64_t now, int64_t oldest, int64_t *ret_rows, size_t size)
{
	size_t expired = 0;
	size_t kept = 0;
	for (size_t i = 0; i < witness->settled_count; i++) {
		const struct witness_settled *settled = &witness->settled[i];
		if (expired == size || now < settled->until || oldest < settled->since)
			witness->settled[kept++] = *settled;
		else if (settled->hold != WITNESS_SEEN)
			ret_rows[expired++] = settled->row;
	}
	witness->settled_count = kept;
	return expired;
}

/* Absent ---------------------------------------------------------------------------------------*/

static struct witness_absent *find_absent(const struct witness *witness, int64_t row)
{
	const struct witness_absent wanted = {.row = row};
	if (witness->absent_count == 0)
		return NULL;
	return bsearch(
	    &wanted, witness->absent, witness->absent_count, sizeof(wanted), array_compare);
}

int witness_lacking(struct witness *witness, const int64_t *rows, size_t count, int64_t now)
{
	struct witness_absent *absent = count > 0 ? calloc(count, sizeof(*absent)) : NULL;
	bool failed = count > 0 && !absent;
	for (size_t i = 0; absent && i < count; i++) {
		const struct witness_absent *before = find_absent(witness, rows[i]);
		absent[i] =
		    (struct witness_absent){.row = rows[i], .since = before ? before->since : now};
	}
	free(witness->absent);
	witness->absent = absent;
	witness->absent_count = absent ? count : 0;
	return failed ? -1 : 0;
}

bool witness_is_absent(const struct witness *witness, int64_t row, int64_t asked_at)
{
	const struct witness_absent *absent = find_absent(witness, row);
	return absent && asked_at >= absent->since;
}

void witness_not_absent(struct witness *witness, int64_t row)
{
	struct witness_absent *absent = find_absent(witness, row);
	/* It keeps its place, so that the list stays sorted. */
	if (absent)
		absent->since = INT64_MAX;
}
