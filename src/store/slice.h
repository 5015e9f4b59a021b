/* SPDX-License-Identifier: MIT */
/* Which part of a list is asked for, and where it ended. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a row stands in a list: by time, then by row. */
struct position {
	int64_t time;
	int64_t row;
};

/* Which rows of a list: at most limit of them, from the start or behind a position. */
struct slice {
	const int64_t *project_ids; /* those of these projects; NULL: of all */
	size_t project_count;
	unsigned limit;
	bool after;
	struct position position;
};

/* Where they end: whether others follow, and the position of the last one that was taken (that of
 * the slice when there is none). */
struct slice_end {
	bool more;
	struct position last;
};
