/* SPDX-License-Identifier: MIT */
/* A growable run of bytes with a limit set when it is made. The content is always followed by a
 * NUL that does not count. Failure (limit reached, no memory) sticks: later appends do nothing and
 * the caller checks once, at the end, with buffer_failed(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"

/* Invariant: data is NULL or holds len bytes and a NUL within size; len <= limit. */
struct buffer {
	char *data;
	size_t len;
	size_t size;
	size_t limit;
	bool failed;
};

/* An empty buffer that will hold at most limit bytes. Allocates nothing yet. */
void buffer_init(struct buffer *buffer, size_t limit);

/* Frees the content; the buffer may be initialised again. Takes a half-built one. */
void buffer_done(struct buffer *buffer);
#define _cleanup_buffer_ _cleanup_(buffer_done)

/* Empties the buffer and clears the failure, keeping the memory. */
void buffer_clear(struct buffer *buffer);

/* Takes back what was appended beyond the first len bytes, and a failure with it. */
void buffer_cut(struct buffer *buffer, size_t len);

/* Appends len bytes. Returns 0, or -1 when the buffer has failed now or before. */
int buffer_append(struct buffer *buffer, const void *data, size_t len);

/* Appends a NUL-terminated string. Returns as buffer_append. */
int buffer_append_text(struct buffer *buffer, const char *text);

/* Appends formatted text. Returns as buffer_append. */
int buffer_printf(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);

/* Makes room for at least extra more bytes. Returns as buffer_append. */
int buffer_reserve(struct buffer *buffer, size_t extra);

/* Whether any append failed since the buffer was made or cleared. */
bool buffer_failed(const struct buffer *buffer);

/* The content as a NUL-terminated string; "" when nothing was ever appended. */
const char *buffer_text(const struct buffer *buffer);

/* Hands the content to the caller, who frees it; the buffer is empty afterwards. NULL when the
 * buffer has failed or never held anything. */
char *buffer_steal(struct buffer *buffer, size_t *ret_len);
