/* SPDX-License-Identifier: MIT */
/* A set of jobs, each with the time of the answer that first contradicted the store. */
#include "sync/doubts.h"

#include <string.h>

/* The place of a job's doubt; count when there is none. */
static size_t doubts_find(const struct doubts *doubts, int64_t row)
{
	size_t i = 0;
	while (i < doubts->count && doubts->list[i].row != row)
		i++;
	return i;
}

static void forget(struct doubts *doubts, size_t place)
{
	doubts->count--;
	memmove(&doubts->list[place], &doubts->list[place + 1],
	    (doubts->count - place) * sizeof(doubts->list[0]));
}

bool doubts_believe(struct doubts *doubts, int64_t row, int64_t asked_at, int64_t settle_time)
{
	size_t place = doubts_find(doubts, row);
	if (place < doubts->count) {
		if (asked_at - doubts->list[place].since < settle_time)
			return false;
		forget(doubts, place);
		return true;
	}
	if (doubts->count == DOUBTS_LIMIT)
		forget(doubts, 0);
	doubts->list[doubts->count++] = (struct doubt){.row = row, .since = asked_at};
	return false;
}

void doubts_end(struct doubts *doubts, int64_t row)
{
	size_t place = doubts_find(doubts, row);
	if (place < doubts->count)
		forget(doubts, place);
}
