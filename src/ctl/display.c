/* SPDX-License-Identifier: MIT */
/* How text, times and numbers look on a terminal. */
#include "ctl/display.h"

#include <inttypes.h>
#include <string.h>
#include <wchar.h>

#include "util/cleanup.h"
#include "util/clock.h"

#define ELLIPSIS "\xe2\x80\xa6"

/* The character that a valid sequence of so many bytes stands for. */
static uint32_t decode(const char *bytes, size_t len)
{
	static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t code = (unsigned char)bytes[0] & first_bits[len];
	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)bytes[i] & 0x3f);
	return code;
}

/* Whether a terminal, or whoever reads it, could take the character for something else. */
static bool is_unsafe(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == '\\' || code == 0x61c ||
	       (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

void display_append(struct buffer *buffer, struct span text)
{
	for (size_t at = 0; at < text.len;) {
		size_t len = text_utf8_sequence(text.ptr + at, text.len - at);
		bool plain = len > 0 && !is_unsafe(decode(text.ptr + at, len));
		if (len == 0)
			len = 1;
		if (plain)
			buffer_append(buffer, text.ptr + at, len);
		for (size_t i = 0; i < len && !plain; i++)
			buffer_printf(buffer, "\\x%02x", (unsigned char)text.ptr[at + i]);
		at += len;
	}
}

/* Of the character that the text begins with, len bytes of it. main has set the character set by
 * which the library knows. */
static size_t columns_of(const char *text, size_t len)
{
	int columns = wcwidth((wchar_t)decode(text, len));
	return columns < 0 ? 1 : (size_t)columns;
}

size_t display_width(struct span text)
{
	size_t columns = 0;
	for (size_t at = 0; at < text.len;) {
		size_t len = text_utf8_sequence(text.ptr + at, text.len - at);
		columns += len ? columns_of(text.ptr + at, len) : 1;
		at += len ? len : 1;
	}
	return columns;
}

void display_append_cut(struct buffer *buffer, struct span text, size_t columns)
{
	size_t taken = 0;
	size_t at = 0;
	if (display_width(text) <= columns) {
		buffer_append(buffer, text.ptr, text.len);
		return;
	}
	while (at < text.len) {
		size_t len = text_utf8_sequence(text.ptr + at, text.len - at);
		size_t more = len ? columns_of(text.ptr + at, len) : 1;
		if (taken + more + 1 > columns)
			break;
		taken += more;
		at += len ? len : 1;
	}
	buffer_append(buffer, text.ptr, at);
	buffer_append_text(buffer, ELLIPSIS);
}

void display_append_blanks(struct buffer *buffer, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buffer_append(buffer, " ", 1);
}

/* Times and numbers ----------------------------------------------------------------------------*/

struct display_unit {
	int64_t size;
	const char *name;
};

static const struct display_unit time_units[] = {
    {MICROSECONDS_PER_DAY, "d"},
    {MICROSECONDS_PER_HOUR, "h"},
    {MICROSECONDS_PER_MINUTE, "m"},
    {MICROSECONDS_PER_SECOND, "s"},
};

/* The place of the largest unit that is in the value once or more, else of the smallest. */
static size_t largest_unit(const struct display_unit *units, size_t count, int64_t value)
{
	size_t i = 0;
	while (i < count - 1 && value < units[i].size)
		i++;
	return i;
}

void display_append_age(struct buffer *buffer, int64_t microseconds)
{
	int64_t value = microseconds > 0 ? microseconds : 0;
	const struct display_unit *unit =
	    &time_units[largest_unit(time_units, ARRAY_SIZE(time_units), value)];
	buffer_printf(buffer, "%" PRId64 "%s", value / unit->size, unit->name);
}

void display_append_lasting(struct buffer *buffer, int64_t microseconds, const char *between)
{
	int64_t value = microseconds > 0 ? microseconds : 0;
	size_t i = largest_unit(time_units, ARRAY_SIZE(time_units), value);
	buffer_printf(buffer, "%" PRId64 "%s", value / time_units[i].size, time_units[i].name);
	int64_t rest = value % time_units[i].size;
	if (i + 1 < ARRAY_SIZE(time_units) && rest >= time_units[i + 1].size)
		buffer_printf(buffer, "%s%" PRId64 "%s", between, rest / time_units[i + 1].size,
		    time_units[i + 1].name);
}

void display_append_number(struct buffer *buffer, int64_t number)
{
	char digits[24];
	snprintf(digits, sizeof(digits), "%" PRId64, number);
	const char *at = digits;
	if (*at == '-')
		buffer_append(buffer, at++, 1);
	for (size_t left = strlen(at); left > 0; left--) {
		buffer_append(buffer, at++, 1);
		if (left % 3 == 1 && left > 1)
			buffer_append_text(buffer, ",");
	}
}

void display_append_size(struct buffer *buffer, int64_t bytes)
{
	static const struct display_unit units[] = {
	    {INT64_C(1) << 40, "TiB"},
	    {INT64_C(1) << 30, "GiB"},
	    {INT64_C(1) << 20, "MiB"},
	    {INT64_C(1) << 10, "KiB"},
	    {1, "B"},
	};
	const struct display_unit *unit = &units[largest_unit(units, ARRAY_SIZE(units), bytes)];
	buffer_printf(buffer, "%" PRId64 " %s", bytes / unit->size, unit->name);
}

void display_append_json_line(struct buffer *buffer, struct span json)
{
	size_t start = buffer->len;
	buffer_append(buffer, json.ptr, json.len);
	for (size_t i = start; i < buffer->len; i++)
		if (buffer->data[i] == '\n' || buffer->data[i] == '\r')
			buffer->data[i] = ' ';
}
