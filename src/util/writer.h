/* SPDX-License-Identifier: MIT */
/* JSON out: a document written straight into a buffer. Commas and quoting are the writer's
 * business; numbers that came from elsewhere pass through as bytes. A failure sticks in the
 * buffer. Misuse (a value where a key belongs) is a bug and asserted. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/text.h"

#define WRITER_DEPTH_LIMIT 16

/* Invariant: depth levels are open; first[depth] tells whether the next value is the first of its
 * level, object[depth] whether the level is an object. */
struct writer {
	struct buffer *buffer;
	unsigned depth;
	bool first[WRITER_DEPTH_LIMIT];
	bool object[WRITER_DEPTH_LIMIT];
	bool after_key;
};

/* Writes to the end of buffer, which outlives the writer. */
void writer_init(struct writer *writer, struct buffer *buffer);

/* The same, for members that are to stand behind others in an object that another one opens. */
void writer_init_members(struct writer *writer, struct buffer *buffer);

void writer_begin_object(struct writer *writer); /* Opens an object as the next value. */
void writer_end_object(struct writer *writer);   /* Closes the innermost object. */
void writer_begin_array(struct writer *writer);  /* Opens an array as the next value. */
void writer_end_array(struct writer *writer);    /* Closes the innermost array. */

/* The name of the next member, escaped as writer_text does. */
void writer_key(struct writer *writer, const char *name);

/* A string, escaped; null for NULL. Bytes that are not UTF-8 become U+FFFD. */
void writer_text(struct writer *writer, const char *text);

/* A string of len bytes, as writer_text. */
void writer_text_span(struct writer *writer, struct span text);

void writer_integer(struct writer *writer, int64_t value); /* A whole number. */
void writer_boolean(struct writer *writer, bool value);    /* true or false. */
void writer_null(struct writer *writer);                   /* null. */

/* Bytes that are valid JSON already; null for SPAN_NONE. */
void writer_raw(struct writer *writer, struct span json);

/* A point in time as an RFC 3339 string (see timestamp.h); null for TIMESTAMP_NONE. */
void writer_time(struct writer *writer, int64_t timestamp);

/* A length of time in seconds, given in microseconds: at most six decimals, none when whole. */
void writer_seconds(struct writer *writer, int64_t microseconds);

/* A member in one call: the key, then the value. */
void writer_member_text(struct writer *writer, const char *name, const char *text);
void writer_member_integer(struct writer *writer, const char *name, int64_t value);
void writer_member_boolean(struct writer *writer, const char *name, bool value);
void writer_member_null(struct writer *writer, const char *name);
void writer_member_raw(struct writer *writer, const char *name, struct span json);
void writer_member_time(struct writer *writer, const char *name, int64_t timestamp);
