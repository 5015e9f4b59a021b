/* SPDX-License-Identifier: MIT */
/* Doubles its room up to the limit. */
#include "util/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define FIRST_SIZE 512

void buffer_init(struct buffer *buffer, size_t limit)
{
	/* One byte stays free for the NUL, so that len + 1 cannot wrap. */
	*buffer = (struct buffer){.limit = limit < SIZE_MAX ? limit : SIZE_MAX - 1};
}

void buffer_done(struct buffer *buffer)
{
	free(buffer->data);
	buffer_init(buffer, buffer->limit);
}

void buffer_clear(struct buffer *buffer)
{
	buffer->len = 0;
	buffer->failed = false;
	if (buffer->data)
		buffer->data[0] = '\0';
}

void buffer_cut(struct buffer *buffer, size_t len)
{
	assert(len <= buffer->len);
	buffer->len = len;
	buffer->failed = false;
	if (buffer->data)
		buffer->data[len] = '\0';
}

static size_t grown_size(const struct buffer *buffer, size_t needed)
{
	size_t size = buffer->size ? buffer->size : FIRST_SIZE / 2;
	size = size <= SIZE_MAX / 2 ? size * 2 : SIZE_MAX;
	if (size < needed)
		size = needed;
	return size <= buffer->limit ? size : buffer->limit + 1;
}

static int buffer_grow(struct buffer *buffer, size_t extra)
{
	if (buffer->failed || extra > buffer->limit - buffer->len) {
		buffer->failed = true;
		return -1;
	}
	size_t size = grown_size(buffer, buffer->len + extra + 1);
	char *data = realloc(buffer->data, size);
	if (!data) {
		buffer->failed = true;
		return -1;
	}
	data[buffer->len] = '\0';
	buffer->data = data;
	buffer->size = size;
	return 0;
}

/* size never exceeds limit + 1: room in the memory is room under the limit. */
static inline bool has_room(const struct buffer *buffer, size_t extra)
{
	return !buffer->failed && buffer->size - buffer->len > extra;
}

int buffer_reserve(struct buffer *buffer, size_t extra)
{
	return has_room(buffer, extra) ? 0 : buffer_grow(buffer, extra);
}

int buffer_append(struct buffer *buffer, const void *data, size_t len)
{
	if (!has_room(buffer, len) && buffer_grow(buffer, len) < 0)
		return -1;
	if (len)
		memcpy(buffer->data + buffer->len, data, len);
	buffer->len += len;
	buffer->data[buffer->len] = '\0';
	return 0;
}

int buffer_append_text(struct buffer *buffer, const char *text)
{
	return buffer_append(buffer, text, strlen(text));
}

PRINTF_LIKE(2, 0)
static int append_formatted(struct buffer *buffer, const char *format, va_list arguments)
{
	va_list again;
	va_copy(again, arguments);
	size_t room = buffer->size - buffer->len;
	int len = vsnprintf(room ? buffer->data + buffer->len : NULL, room, format, arguments);
	if (len >= 0 && (size_t)len >= room) {
		if (buffer_grow(buffer, (size_t)len) == 0)
			len = vsnprintf(buffer->data + buffer->len, (size_t)len + 1, format, again);
		else if (room)
			buffer->data[buffer->len] = '\0';
	}
	va_end(again);
	if (len < 0)
		buffer->failed = true;
	if (buffer->failed)
		return -1;
	buffer->len += (size_t)len;
	return 0;
}

int buffer_printf(struct buffer *buffer, const char *format, ...)
{
	if (buffer->failed)
		return -1;
	va_list arguments;
	va_start(arguments, format);
	int result = append_formatted(buffer, format, arguments);
	va_end(arguments);
	return result;
}

bool buffer_failed(const struct buffer *buffer)
{
	return buffer->failed;
}

const char *buffer_text(const struct buffer *buffer)
{
	return buffer->data ? buffer->data : "";
}

char *buffer_steal(struct buffer *buffer, size_t *ret_len)
{
	if (buffer->failed || !buffer->data) {
		buffer_done(buffer);
		return NULL;
	}
	char *data = TAKE(buffer->data);
	if (ret_len)
		*ret_len = buffer->len;
	buffer_init(buffer, buffer->limit);
	return data;
}
