/* SPDX-License-Identifier: MIT */
/* Parses and formats without locale and without undefined behaviour. */
#include "util/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "util/clock.h"

#define DURATION_LIMIT (36525 * MICROSECONDS_PER_DAY)

static const struct {
	const char *name;
	int64_t microseconds;
} duration_units[] = {
    /* largest first */
    {"d", MICROSECONDS_PER_DAY},
    {"h", MICROSECONDS_PER_HOUR},
    {"m", MICROSECONDS_PER_MINUTE},
    {"s", MICROSECONDS_PER_SECOND},
    {"ms", MICROSECONDS_PER_MILLISECOND},
};

struct span span_of(const char *text)
{
	return (struct span){.ptr = text, .len = text ? strlen(text) : 0};
}

bool span_equals(struct span span, const char *text)
{
	return span_same(span, span_of(text));
}

bool span_same(struct span a, struct span b)
{
	if (!a.ptr || !b.ptr)
		return !a.ptr && !b.ptr;
	return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

bool text_same(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return strcmp(a, b) == 0;
}

/* Reads digits up to the first other character. Returns where that is, or NULL without any digit
 * or when the number does not fit. */
static const char *take_digits(const char *text, uint64_t *ret_value)
{
	const char *at = text;
	uint64_t value = 0;
	for (; *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return NULL;
	}
	if (at == text)
		return NULL;
	*ret_value = value;
	return at;
}

int text_find(const char *const *list, const char *text)
{
	for (int i = 0; text && list[i]; i++)
		if (strcmp(list[i], text) == 0)
			return i;
	return -1;
}

int text_parse_unsigned(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *ret_value)
{
	uint64_t value;
	const char *end = take_digits(text, &value);
	if (!end || *end || value < minimum || value > maximum)
		return -1;
	*ret_value = value;
	return 0;
}

int text_parse_duration(const char *text, int64_t *ret_microseconds)
{
	uint64_t value;
	const char *unit = take_digits(text, &value);
	if (!unit)
		return -1;
	if (text_same(text, "0")) {
		*ret_microseconds = 0;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(duration_units); i++) {
		if (!text_same(unit, duration_units[i].name))
			continue;
		if (value > (uint64_t)(DURATION_LIMIT / duration_units[i].microseconds))
			return -1;
		*ret_microseconds = (int64_t)value * duration_units[i].microseconds;
		return 0;
	}
	return -1;
}

void text_append_duration(struct buffer *buffer, int64_t microseconds)
{
	if (microseconds == 0) {
		buffer_append_text(buffer, "0");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(duration_units); i++) {
		if (microseconds % duration_units[i].microseconds == 0) {
			buffer_printf(buffer, "%lld%s",
			    (long long)(microseconds / duration_units[i].microseconds),
			    duration_units[i].name);
			return;
		}
	}
	buffer_printf(buffer, "%lldus", (long long)microseconds);
}

void text_hex(const void *data, size_t len, char *ret_hex)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;
	for (size_t i = 0; i < len; i++) {
		ret_hex[2 * i] = digits[bytes[i] >> 4];
		ret_hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_hex[2 * len] = '\0';
}

int text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that two hexadecimal digits stand for, or -1. Looks at the second only after the first,
 * so that a NUL in either place is safe. */
static int hex_byte(const char *digits)
{
	int high = text_hex_digit(digits[0]);
	int low = high < 0 ? -1 : text_hex_digit(digits[1]);
	return low < 0 ? -1 : high * 16 + low;
}

int text_unhex(const char *hex, void *ret_data, size_t len)
{
	for (size_t i = 0; i < 2 * len; i++) {
		if (text_hex_digit(hex[i]) < 0)
			return -1;
	}
	if (hex[2 * len])
		return -1;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)ret_data)[i] = (uint8_t)hex_byte(hex + 2 * i);
	return 0;
}

/* The table of well-formed sequences in RFC 3629: only the second byte has bounds of its own. */
size_t text_utf8_sequence(const char *data, size_t len)
{
	const uint8_t *bytes = (const uint8_t *)data;
	if (len == 0)
		return 0;
	uint8_t lead = bytes[0];
	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	size_t sequence = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	if (len < sequence)
		return 0;
	uint8_t lowest = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	uint8_t highest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
	if (bytes[1] < lowest || bytes[1] > highest)
		return 0;
	for (size_t i = 2; i < sequence; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	}
	return sequence;
}

void text_fit(char *field, size_t size, const char *text)
{
	const char *from = text ? text : "";
	size_t len = strnlen(from, size - 1);
	/* Back to where a character begins. */
	while (len > 0 && ((unsigned char)from[len] & 0xc0) == 0x80)
		len--;
	memcpy(field, from, len);
	field[len] = '\0';
}

bool text_is_utf8(const char *data, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t sequence = text_utf8_sequence(data + i, len - i);
		if (sequence == 0)
			return false;
		i += sequence;
	}
	return true;
}

size_t text_mark_length(const char *data, size_t len)
{
	static const char mark[] = {'\xef', '\xbb', '\xbf'};
	return len >= sizeof(mark) && memcmp(data, mark, sizeof(mark)) == 0 ? sizeof(mark) : 0;
}

/* U+0080 to U+009F are control characters too: to some terminals U+009B is as good as ESC [. */
static bool text_is_plain(const char *at, size_t sequence)
{
	unsigned char c = (unsigned char)at[0];
	if (sequence == 1)
		return c >= 0x20 && c != 0x7f && c != '\\';
	return sequence > 1 && !(c == 0xc2 && (unsigned char)at[1] < 0xa0);
}

/* Writes how one byte is shown. Returns the length. */
static size_t escape_byte(char c, char ret_escaped[5])
{
	static const char shown[] = "\nn\rr\tt\\\\";
	for (size_t i = 0; shown[i]; i += 2) {
		if (c == shown[i]) {
			ret_escaped[0] = '\\';
			ret_escaped[1] = shown[i + 1];
			return 2;
		}
	}
	return (size_t)snprintf(ret_escaped, 5, "\\x%02x", (unsigned char)c);
}

size_t text_escape(const char *text, size_t len, char *ret_escaped, size_t size, size_t *ret_taken)
{
	size_t written = 0;
	size_t taken = 0;
	while (taken < len) {
		size_t sequence = text_utf8_sequence(text + taken, len - taken);
		bool plain = text_is_plain(text + taken, sequence);
		char escaped[5];
		size_t shown = plain ? sequence : escape_byte(text[taken], escaped);
		if (shown > size - written)
			break;
		memcpy(ret_escaped + written, plain ? text + taken : escaped, shown);
		written += shown;
		taken += plain ? sequence : 1;
	}
	*ret_taken = taken;
	return written;
}

long text_percent_decode(char *text, bool plus)
{
	size_t len = 0;
	for (const char *from = text; *from; from++) {
		char c = *from;
		if (c == '%') {
			int byte = hex_byte(from + 1);
			if (byte <= 0)
				return -1;
			c = (char)byte;
			from += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		text[len++] = c;
	}
	text[len] = '\0';
	return text_is_utf8(text, len) ? (long)len : -1;
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void text_append_pointer(struct buffer *buffer, const char *name)
{
	buffer_append_text(buffer, "/");
	for (; *name; name++) {
		if (*name == '~' || *name == '/')
			buffer_append_text(buffer, *name == '~' ? "~0" : "~1");
		else
			buffer_append(buffer, name, 1);
	}
}

void text_append_percent_encoded(struct buffer *buffer, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	for (; *text; text++) {
		uint8_t c = (uint8_t)*text;
		const char escaped[] = {'%', digits[c >> 4], digits[c & 15]};
		if (is_unreserved(*text))
			buffer_append(buffer, text, 1);
		else
			buffer_append(buffer, escaped, sizeof(escaped));
	}
}
