/* SPDX-License-Identifier: MIT */
/* Keeps all cells, for the width of a column is known at the end only. */
#include "ctl/table.h"

#include <assert.h>

#include "util/array.h"
#include "util/cleanup.h"

#define TEXT_LIMIT ((size_t)1024 * 1024 * 1024)
#define COLUMNS_LIMIT 16

struct table_cell {
	size_t end; /* of its text; it begins where the one before ends */
	size_t width;
	enum tone tone;
};

void table_init(struct table *table, const struct table_column *columns, size_t column_count)
{
	*table = (struct table){.columns = columns, .column_count = column_count};
	buffer_init(&table->text, TEXT_LIMIT);
}

void table_done(struct table *table)
{
	free(table->cells);
	buffer_done(&table->text);
}

void table_add(struct table *table, struct span text, enum tone tone)
{
	size_t begin = table->text.len;
	struct table_cell *cells = array_grow(table->cells, table->count, sizeof(*cells));
	if (!cells) {
		table->failed = true;
		return;
	}
	table->cells = cells;
	display_append(&table->text, text.len > 0 ? text : span_of("-"));
	cells[table->count++] = (struct table_cell){
	    .end = table->text.len,
	    .width = display_width((struct span){
		.ptr = buffer_text(&table->text) + begin, .len = table->text.len - begin}),
	    .tone = tone,
	};
}

void tone_append(struct buffer *out, struct span text, enum tone tone, bool color)
{
	static const char *const codes[] = {
	    [TONE_PLAIN] = NULL,
	    [TONE_GOOD] = "\x1b[32m",
	    [TONE_BAD] = "\x1b[31m",
	    [TONE_BUSY] = "\x1b[36m",
	    [TONE_DOUBTFUL] = "\x1b[33m",
	    [TONE_HEAD] = "\x1b[1m",
	};
	if (color && codes[tone])
		buffer_append_text(out, codes[tone]);
	buffer_append(out, text.ptr, text.len);
	if (color && codes[tone])
		buffer_append_text(out, "\x1b[0m");
}

/* One line: blanks on the left of numbers, on the right of all else but the last. */
struct table_place {
	struct buffer *out;
	size_t column;
	size_t width;
	size_t used; /* of the terminal */
	size_t columns;
	bool color;
};

static void append_cell(const struct table *table, struct table_place *place, struct span text,
    size_t width, enum tone tone)
{
	bool last = place->column + 1 == table->column_count;
	size_t blanks = place->width > width ? place->width - width : 0;
	struct buffer cut _cleanup_buffer_;
	buffer_init(&cut, TEXT_LIMIT);
	if (table->columns[place->column].right)
		display_append_blanks(place->out, blanks);
	if (last && place->columns > 0) {
		size_t room = place->columns > place->used + 1 ? place->columns - place->used : 1;
		display_append_cut(&cut, text, room);
		text = (struct span){.ptr = buffer_text(&cut), .len = cut.len};
	}
	tone_append(place->out, text, tone, place->color);
	if (!last && !table->columns[place->column].right)
		display_append_blanks(place->out, blanks);
	buffer_append_text(place->out, last ? "\n" : "  ");
	place->used += place->width + 2;
	place->column++;
}

static struct span cell_text(const struct table *table, size_t index)
{
	size_t begin = index > 0 ? table->cells[index - 1].end : 0;
	return (struct span){
	    .ptr = buffer_text(&table->text) + begin, .len = table->cells[index].end - begin};
}

void table_append(const struct table *table, size_t columns, bool color, struct buffer *out)
{
	size_t widths[COLUMNS_LIMIT] = {0};
	size_t count = table->column_count;
	assert(count > 0 && count <= COLUMNS_LIMIT);
	for (size_t i = 0; i < count; i++)
		widths[i] = display_width(span_of(table->columns[i].head));
	for (size_t i = 0; i < table->count; i++)
		if (table->cells[i].width > widths[i % count])
			widths[i % count] = table->cells[i].width;
	struct table_place place = {.out = out, .columns = columns, .color = color};
	for (size_t i = 0; i < count && table->columns[0].head; i++) {
		struct span head = span_of(table->columns[i].head);
		place.width = widths[i];
		append_cell(table, &place, head, display_width(head), TONE_HEAD);
	}
	for (size_t i = 0; i < table->count; i++) {
		if (i % count == 0)
			place.column = place.used = 0;
		place.width = widths[i % count];
		append_cell(table, &place, cell_text(table, i), table->cells[i].width,
		    table->cells[i].tone);
	}
	if (table->failed)
		out->failed = true;
}
