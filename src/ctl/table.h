/* SPDX-License-Identifier: MIT */
/* Tables: columns as wide as they must be, two blanks between them, the last cut to the terminal.
 */
#pragma once

#include <stdbool.h>

#include "ctl/display.h"
#include "util/buffer.h"

/* How a word is meant, for its colour; the word says it too. */
enum tone { TONE_PLAIN, TONE_GOOD, TONE_BAD, TONE_BUSY, TONE_DOUBTFUL, TONE_HEAD };

struct table_column {
	const char *head; /* of the first one: NULL for a table without a line of them */
	bool right;       /* numbers */
};

/* Invariant: cells are those of whole rows but for the one being filled. */
struct table {
	const struct table_column *columns;
	size_t column_count;
	struct table_cell *cells;
	size_t count;
	struct buffer text; /* of all cells, without a gap */
	bool failed;
};

/* An empty table; columns outlive it. */
void table_init(struct table *table, const struct table_column *columns, size_t column_count);

void table_done(struct table *table);
#define _cleanup_table_ _cleanup_(table_done)

/* Fills the next cell with text from outside; a dash for nothing. */
void table_add(struct table *table, struct span text, enum tone tone);

/* Appends head and rows. columns: the terminal's width; 0: nothing is cut. */
void table_append(const struct table *table, size_t columns, bool color, struct buffer *out);

/* Appends text that has been made harmless, in the colour of the tone when there are any. */
void tone_append(struct buffer *out, struct span text, enum tone tone, bool color);
