/* SPDX-License-Identifier: MIT */
/* Nearly all of what the API answers passes through here, byte by byte. So nothing is formatted
 * by printf, and text is copied in runs: eight bytes are looked at together, and only where one of
 * them might need attention are they looked at one by one. */
#include "util/writer.h"

#include <assert.h>
#include <string.h>

#include "util/timestamp.h"

#define INTEGER_SIZE 20 /* of the longest, -9223372036854775808 */

/* buffer_append for what is short, without the call when there is room. */
static inline void writer_put(struct buffer *buffer, const char *data, size_t len)
{
	if (buffer->failed || buffer->size - buffer->len <= len) {
		buffer_append(buffer, data, len);
		return;
	}
	memcpy(buffer->data + buffer->len, data, len);
	buffer->len += len;
	buffer->data[buffer->len] = '\0';
}

/* What stands before every value: a comma, unless it is the first or its key has brought one. */
static inline void begin_value(struct writer *writer)
{
	if (writer->after_key) {
		writer->after_key = false;
		return;
	}
	assert(!writer->object[writer->depth]); /* a value where a key belongs */
	assert(writer->depth > 0 || writer->first[0]);
	if (!writer->first[writer->depth])
		writer_put(writer->buffer, ",", 1);
	writer->first[writer->depth] = false;
}

static inline void put_value(struct writer *writer, const char *data, size_t len)
{
	begin_value(writer);
	writer_put(writer->buffer, data, len);
}

void writer_init(struct writer *writer, struct buffer *buffer)
{
	writer->buffer = buffer;
	writer->depth = 0;
	writer->first[0] = true;
	writer->object[0] = false;
	writer->after_key = false;
}

void writer_init_members(struct writer *writer, struct buffer *buffer)
{
	writer_init(writer, buffer);
	writer->depth = 1;
	writer->first[1] = false;
	writer->object[1] = true;
}

static void begin_level(struct writer *writer, bool object)
{
	put_value(writer, object ? "{" : "[", 1);
	assert(writer->depth + 1 < WRITER_DEPTH_LIMIT);
	writer->depth++;
	writer->first[writer->depth] = true;
	writer->object[writer->depth] = object;
}

static void end_level(struct writer *writer, bool object)
{
	assert(writer->depth > 0 && writer->object[writer->depth] == object);
	assert(!writer->after_key);
	writer->depth--;
	writer_put(writer->buffer, object ? "}" : "]", 1);
}

void writer_begin_object(struct writer *writer)
{
	begin_level(writer, true);
}

void writer_end_object(struct writer *writer)
{
	end_level(writer, true);
}

void writer_begin_array(struct writer *writer)
{
	begin_level(writer, false);
}

void writer_end_array(struct writer *writer)
{
	end_level(writer, false);
}

static inline bool writer_is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

#define EVERY_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* The high bit of each byte that is below value (at most 0x80); now and then also that of the byte
 * above such a one, which costs time and nothing else. */
static inline uint64_t bytes_below(uint64_t word, uint8_t value)
{
	return (word - EVERY_BYTE(value)) & ~word & EVERY_BYTE(0x80);
}

static inline bool word_is_plain(uint64_t word)
{
	uint64_t quotes = word ^ EVERY_BYTE('"');
	uint64_t backslashes = word ^ EVERY_BYTE('\\');
	return ((word & EVERY_BYTE(0x80)) | bytes_below(word, 0x20) | bytes_below(quotes, 1) |
		   bytes_below(backslashes, 1)) == 0;
}

/* The length of the run at the start that needs no escape. */
static size_t plain_run(const char *text, size_t len)
{
	size_t run = 0;
	uint64_t word;
	for (; len - run >= sizeof(word); run += sizeof(word)) {
		memcpy(&word, text + run, sizeof(word));
		if (!word_is_plain(word))
			break;
	}
	while (run < len && writer_is_plain((uint8_t)text[run]))
		run++;
	return run;
}

static void put_escape(struct buffer *buffer, char c)
{
	static const char named[0x80] = {
	    ['"'] = '"',
	    ['\\'] = '\\',
	    ['\b'] = 'b',
	    ['\f'] = 'f',
	    ['\n'] = 'n',
	    ['\r'] = 'r',
	    ['\t'] = 't',
	};
	char name = named[(uint8_t)c & 0x7f];
	if (name)
		writer_put(buffer, (char[]){'\\', name}, 2);
	else {
		char digits[3];
		text_hex(&c, 1, digits);
		writer_put(buffer, (char[]){'\\', 'u', '0', '0', digits[0], digits[1]}, 6);
	}
}

/* Writes the one character at the start, which is not plain. Returns how many bytes it took. */
static size_t put_character(struct buffer *buffer, const char *text, size_t len)
{
	size_t sequence = text_utf8_sequence(text, len);
	if (sequence > 1)
		writer_put(buffer, text, sequence);
	else if (sequence == 1)
		put_escape(buffer, text[0]);
	else
		writer_put(buffer, "\xef\xbf\xbd", 3);
	return sequence ? sequence : 1;
}

static void put_quoted(struct buffer *buffer, struct span text)
{
	writer_put(buffer, "\"", 1);
	for (size_t i = 0; i < text.len;) {
		size_t run = plain_run(text.ptr + i, text.len - i);
		if (run)
			writer_put(buffer, text.ptr + i, run);
		i += run;
		if (i < text.len)
			i += put_character(buffer, text.ptr + i, text.len - i);
	}
	writer_put(buffer, "\"", 1);
}

void writer_key(struct writer *writer, const char *name)
{
	assert(writer->object[writer->depth] && !writer->after_key);
	if (!writer->first[writer->depth])
		writer_put(writer->buffer, ",", 1);
	writer->first[writer->depth] = false;
	writer->after_key = true;
	put_quoted(writer->buffer, span_of(name));
	writer_put(writer->buffer, ":", 1);
}

void writer_text(struct writer *writer, const char *text)
{
	writer_text_span(writer, span_of(text));
}

void writer_text_span(struct writer *writer, struct span text)
{
	if (!text.ptr) {
		writer_null(writer);
		return;
	}
	begin_value(writer);
	put_quoted(writer->buffer, text);
}

/* Writes the digits so that they end before `end`. Returns where they start. */
static char *digits_before(char *end, uint64_t value)
{
	do {
		*--end = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	return end;
}

static inline uint64_t magnitude(int64_t value)
{
	return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

void writer_integer(struct writer *writer, int64_t value)
{
	char text[INTEGER_SIZE];
	char *end = text + sizeof(text);
	char *start = digits_before(end, magnitude(value));
	if (value < 0)
		*--start = '-';
	put_value(writer, start, (size_t)(end - start));
}

void writer_boolean(struct writer *writer, bool value)
{
	if (value)
		put_value(writer, "true", 4);
	else
		put_value(writer, "false", 5);
}

void writer_null(struct writer *writer)
{
	put_value(writer, "null", 4);
}

void writer_raw(struct writer *writer, struct span json)
{
	if (!json.ptr)
		writer_null(writer);
	else
		put_value(writer, json.ptr, json.len);
}

void writer_time(struct writer *writer, int64_t timestamp)
{
	if (timestamp == TIMESTAMP_NONE) {
		writer_null(writer);
		return;
	}
	char text[TIMESTAMP_TEXT_SIZE + 2] = "\"";
	timestamp_format(timestamp, text + 1);
	size_t len = strlen(text);
	text[len++] = '"';
	put_value(writer, text, len);
}

void writer_seconds(struct writer *writer, int64_t microseconds)
{
	/* The digits of all microseconds, led by enough zeros, with the point put among them. */
	char text[INTEGER_SIZE + 2];
	char *end = text + sizeof(text);
	uint64_t fraction = magnitude(microseconds) % MICROSECONDS_PER_SECOND;
	char *start = end;
	if (fraction) {
		start = digits_before(end, fraction + MICROSECONDS_PER_SECOND);
		*start = '.';
		while (end[-1] == '0')
			end--;
	}
	start = digits_before(start, magnitude(microseconds) / MICROSECONDS_PER_SECOND);
	if (microseconds < 0)
		*--start = '-';
	put_value(writer, start, (size_t)(end - start));
}

void writer_member_text(struct writer *writer, const char *name, const char *text)
{
	writer_key(writer, name);
	writer_text(writer, text);
}

void writer_member_integer(struct writer *writer, const char *name, int64_t value)
{
	writer_key(writer, name);
	writer_integer(writer, value);
}

void writer_member_boolean(struct writer *writer, const char *name, bool value)
{
	writer_key(writer, name);
	writer_boolean(writer, value);
}

void writer_member_null(struct writer *writer, const char *name)
{
	writer_key(writer, name);
	writer_null(writer);
}

void writer_member_raw(struct writer *writer, const char *name, struct span json)
{
	writer_key(writer, name);
	writer_raw(writer, json);
}

void writer_member_time(struct writer *writer, const char *name, int64_t timestamp)
{
	writer_key(writer, name);
	writer_time(writer, timestamp);
}
