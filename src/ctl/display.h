/* SPDX-License-Identifier: MIT */
/* Text as people read it: made harmless, measured, cut; ages, sizes and numbers. Pure. A failure
 * sticks in the buffer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/text.h"

/* Appends text from outside: C0, C1, DEL, line separators, bidirectional controls, the backslash
 * and bytes that are not UTF-8 are written as \xHH, byte by byte; so what is shown is on one line
 * and tells every text from every other. */
void display_append(struct buffer *buffer, struct span text);

/* How many columns a terminal shows it in. */
size_t display_width(struct span text);

/* Appends what has been made harmless already, cut to so many columns; what was cut ends with an
 * ellipsis. */
void display_append_cut(struct buffer *buffer, struct span text, size_t columns);

/* Appends blanks. */
void display_append_blanks(struct buffer *buffer, size_t count);

/* Appends a length of time by its largest unit: 12s, 3h, 8d. Below zero counts as zero. */
void display_append_age(struct buffer *buffer, int64_t microseconds);

/* Appends a length of time by its two largest units, with `between` between them: 1m12s, 3d 4h. */
void display_append_lasting(struct buffer *buffer, int64_t microseconds, const char *between);

/* Appends 662,938 for 662938. */
void display_append_number(struct buffer *buffer, int64_t number);

/* Appends a size by its largest binary unit: 41 MiB. */
void display_append_size(struct buffer *buffer, int64_t bytes);

/* Appends a JSON document on one line: the line breaks between its values, which cannot stand
 * anywhere else, become blanks. */
void display_append_json_line(struct buffer *buffer, struct span json);
