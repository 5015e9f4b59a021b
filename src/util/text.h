/* SPDX-License-Identifier: MIT */
/* Small operations on text: numbers, durations, sizes, comparison, escaping. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buffer.h"

/* A run of bytes that somebody else owns; ptr is NULL when there is none. Not NUL-terminated. */
struct span {
	const char *ptr;
	size_t len;
};

#define SPAN_NONE ((struct span){.ptr = NULL, .len = 0})

/* The span over a NUL-terminated string; SPAN_NONE for NULL. */
struct span span_of(const char *text);

/* Whether a span holds exactly the text. */
bool span_equals(struct span span, const char *text);

/* Whether both hold the same bytes; an absent one equals only an absent one. */
bool span_same(struct span a, struct span b);

/* Whether two strings are the same, NULL being the same only as NULL. */
bool text_same(const char *a, const char *b);

/* The place of a text in a list that ends with NULL; -1 when it is not in it. NULL is in none. */
int text_find(const char *const *list, const char *text);

/* A decimal number of digits only, no sign and no blanks, from minimum to maximum inclusive.
 * Returns 0 and the value, or -1. */
int text_parse_unsigned(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *ret_value);

/* A duration: digits and one of ms, s, m, h, d ("500ms", "30s", "10m", "2h", "7d"; "0" alone too).
 * Microseconds come back. Returns 0, or -1 for anything else or a value over 100 years. */
int text_parse_duration(const char *text, int64_t *ret_microseconds);

/* Appends a duration in the largest unit that is exact ("90s", "10m", "500ms"). */
void text_append_duration(struct buffer *buffer, int64_t microseconds);

/* Writes 2 * len lower-case hexadecimal digits and a NUL. */
void text_hex(const void *data, size_t len, char *ret_hex);

/* The value of a hexadecimal digit of either case; -1 for another character. */
int text_hex_digit(char c);

/* Reads exactly 2 * len hexadecimal digits of either case, followed by a NUL. Returns 0, or -1. */
int text_unhex(const char *hex, void *ret_data, size_t len);

/* The length in bytes (1…4) of the UTF-8 character that the bytes start with; 0 when they start
 * with something else, or with nothing. */
size_t text_utf8_sequence(const char *data, size_t len);

/* Copies what fits of a UTF-8 text into a field of so many bytes, with a NUL after it: whole
 * characters. NULL counts as "". */
void text_fit(char *field, size_t size, const char *text);

/* Whether the bytes are valid UTF-8 (RFC 3629: no surrogates, nothing overlong). */
bool text_is_utf8(const char *data, size_t len);

/* The length of the UTF-8 byte order mark that some editors put first, which belongs to the file
 * and to no word in it; 0 without one. */
size_t text_mark_length(const char *data, size_t len);

/* Makes text fit to be shown on one line: control characters (U+0080 to U+009F too), backslashes
 * and bytes that are not UTF-8 are written as \n, \r, \t, \\ or \xHH. A character or its escape is
 * written whole or not at all, without a NUL, up to size bytes. Returns the number written, and how
 * many bytes of the text they stand for: less than len when the rest did not fit. */
size_t text_escape(const char *text, size_t len, char *ret_escaped, size_t size, size_t *ret_taken);

/* Decodes percent-escapes (RFC 3986 section 2.1) in place; `plus` also turns + into a blank, as in
 * a query. The result is NUL-terminated. Returns its length, or -1 for a broken escape, an escaped
 * NUL, or a result that is not UTF-8. */
long text_percent_decode(char *text, bool plus);

/* Appends one more step of a JSON pointer (RFC 6901): a slash and the name of a member. */
void text_append_pointer(struct buffer *buffer, const char *name);

/* Appends text with everything outside the unreserved set of RFC 3986 section 2.3 escaped. */
void text_append_percent_encoded(struct buffer *buffer, const char *text);
