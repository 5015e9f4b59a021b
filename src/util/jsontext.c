/* SPDX-License-Identifier: MIT */
/* Everything here walks over bytes that a stranger sent. No loop steps further than `end`, every
 * turn of one consumes a byte, and nothing recurses: no input can make them read outside, hang, or
 * use up the stack. */
#include "util/jsontext.h"

#include <stdint.h>
#include <string.h>

#include "util/buffer.h"

static inline bool jsontext_is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static const char *jsontext_skip_blanks(const char *at, const char *end)
{
	while (at < end && jsontext_is_blank(*at))
		at++;
	return at;
}

/* From behind an opening quote to the closing one, or to the end when there is none. */
static const char *find_quote(const char *at, const char *end)
{
	while (at < end && *at != '"')
		at += *at == '\\' && end - at > 1 ? 2 : 1;
	return at;
}

static const char *skip_string(const char *at, const char *end)
{
	const char *quote = find_quote(at + 1, end);
	return quote < end ? quote + 1 : end;
}

/* What may be part of a number, true, false or null, as far as telling them apart goes. */
static inline bool is_scalar(char c)
{
	switch (c) {
	case ',':
	case ':':
	case '[':
	case ']':
	case '{':
	case '}':
	case '"':
		return false;
	default:
		return !jsontext_is_blank(c);
	}
}

static const char *skip_container(const char *at, const char *end)
{
	size_t depth = 0;
	while (at < end) {
		if (*at == '"') {
			at = skip_string(at, end);
			continue;
		}
		depth += *at == '{' || *at == '[';
		depth -= *at == '}' || *at == ']';
		at++;
		if (depth == 0)
			return at;
	}
	return end;
}

static const char *skip_value(const char *at, const char *end)
{
	if (at == end)
		return end;
	if (*at == '"')
		return skip_string(at, end);
	if (*at == '{' || *at == '[')
		return skip_container(at, end);
	while (at < end && is_scalar(*at))
		at++;
	return at;
}

/* Where something was found, as jansson counts: lines from 1, columns in characters. */
static int err_set_at(struct err *err, struct span text, const char *at, const char *what)
{
	unsigned line = 1;
	unsigned column = 1;
	for (const char *c = text.ptr; c < at; c++) {
		if (*c == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)*c & 0xc0) != 0x80) {
			column++;
		}
	}
	return err_set(err, "line %u column %u: %s", line, column, what);
}

/* Counts what jansson would have to hold, before it does. A member's name is counted as the string
 * it is and taken back at its colon; until then the value that must follow stands for it, so the
 * count is never too low while the text may still be valid. */
static int check_limits(struct span text, struct err *err)
{
	const char *end = text.ptr + text.len;
	const char *at = text.ptr;
	size_t depth = 0;
	size_t values = 0;
	/* jansson passes over one that follows a number. */
	const char *nul = text.len > 0 ? memchr(text.ptr, '\0', text.len) : NULL;
	if (nul)
		return err_set_at(err, text, nul, "a NUL byte");
	while ((at = jsontext_skip_blanks(at, end)) < end) {
		const char *start = at;
		char c = *at;
		if (c == ',' || c == '}' || c == ']' || c == ':') {
			depth -= (c == '}' || c == ']') && depth > 0;
			values -= c == ':' && values > 0;
			at++;
			continue;
		}
		if (c == '{' || c == '[') {
			at++;
			depth++;
		} else {
			at = skip_value(at, end);
		}
		values++;
		if (depth > JSONTEXT_DEPTH_LIMIT)
			return err_set_at(err, text, start, "nested too deeply");
		if (values > JSONTEXT_VALUES_LIMIT)
			return err_set_at(err, text, start, "too many values");
	}
	return 0;
}

int jsontext_parse(struct span text, unsigned flags, struct err *err, json_t **ret_value)
{
	if (!text.ptr)
		text = span_of("");
	if (check_limits(text, err) < 0)
		return -1;
	size_t options = 0;
	if (flags & JSONTEXT_REJECT_DUPLICATES)
		options |= JSON_REJECT_DUPLICATES;
	if (flags & JSONTEXT_ANY)
		options |= JSON_DECODE_ANY;
	json_error_t reason;
	json_t *value = json_loadb(text.ptr, text.len, options, &reason);
	if (!value) {
		/* It quotes what it stumbled over. */
		char escaped[4 * sizeof(reason.text)];
		size_t len = text_escape(
		    reason.text, strlen(reason.text), escaped, sizeof(escaped), &(size_t){0});
		return err_set(
		    err, "line %d column %d: %.*s", reason.line, reason.column, (int)len, escaped);
	}
	*ret_value = value;
	return 0;
}

/* Why this is strict. When what is around the list can be parsed, all before the list is the valid
 * beginning of a document, in which the walk that found the list cannot have lost its way: a value
 * begins there. Where it ends was only guessed, by counting brackets. But when the walk over the
 * list then meets valid entries, single commas between them and the closing bracket at that very
 * end, it is a valid array; and one array in the place of another changes nothing around it. */
int jsontext_parse_around(
    struct span text, struct span list, unsigned flags, struct err *err, json_t **ret_value)
{
	if (!list.ptr)
		return jsontext_parse(text, flags, err, ret_value);
	_cleanup_buffer_ struct buffer around;
	buffer_init(&around, text.len + 2);
	buffer_append(&around, text.ptr, (size_t)(list.ptr - text.ptr));
	buffer_append_text(&around, "[]");
	const char *behind = list.ptr + list.len;
	if (buffer_append(&around, behind, (size_t)(text.ptr + text.len - behind)) < 0)
		return err_set(err, "no memory to parse it");
	return jsontext_parse(
	    (struct span){.ptr = around.data, .len = around.len}, flags, err, ret_value);
}

struct span jsontext_value(struct span text)
{
	if (!text.ptr)
		return SPAN_NONE;
	const char *end = text.ptr + text.len;
	const char *at = jsontext_skip_blanks(text.ptr, end);
	const char *behind = skip_value(at, end);
	return behind == at ? SPAN_NONE : (struct span){.ptr = at, .len = (size_t)(behind - at)};
}

void jsontext_iterate(struct jsontext_iterator *iterator, struct span value)
{
	static const char nothing[] = "";
	if (!value.ptr)
		value = (struct span){.ptr = nothing, .len = 0};
	const char *end = value.ptr + value.len;
	const char *at = jsontext_skip_blanks(value.ptr, end);
	bool container = at < end && (*at == '{' || *at == '[');
	*iterator = (struct jsontext_iterator){
	    .at = container ? at + 1 : end,
	    .end = end,
	    .object = container && *at == '{',
	    .place = container ? JSONTEXT_FIRST : JSONTEXT_ENDED,
	};
}

/* Takes a member's name and colon. Returns the start of the value, or NULL. */
static const char *jsontext_take_key(const char *at, const char *end, struct span *ret_key)
{
	if (*at != '"')
		return NULL;
	const char *quote = find_quote(at + 1, end);
	if (quote == end)
		return NULL;
	const char *colon = jsontext_skip_blanks(quote + 1, end);
	if (colon == end || *colon != ':')
		return NULL;
	*ret_key = (struct span){.ptr = at + 1, .len = (size_t)(quote - at - 1)};
	return jsontext_skip_blanks(colon + 1, end);
}

/* Takes the comma before all but the first. Returns the start of the next one, or NULL at the end,
 * whichever it is. */
static const char *take_separator(struct jsontext_iterator *iterator)
{
	const char *end = iterator->end;
	const char *at = jsontext_skip_blanks(iterator->at, end);
	if (at < end && *at == (iterator->object ? '}' : ']')) {
		bool whole = jsontext_skip_blanks(at + 1, end) == end;
		iterator->place = whole ? JSONTEXT_ENDED : JSONTEXT_MALFORMED;
		return NULL;
	}
	bool first = iterator->place == JSONTEXT_FIRST;
	iterator->place = JSONTEXT_MALFORMED; /* stays so unless a value follows */
	if (!first && at < end)
		at = *at == ',' ? jsontext_skip_blanks(at + 1, end) : end;
	return at < end ? at : NULL;
}

bool jsontext_next(struct jsontext_iterator *iterator, struct span *ret_key, struct span *ret_value)
{
	if (iterator->place == JSONTEXT_ENDED || iterator->place == JSONTEXT_MALFORMED)
		return false;
	const char *end = iterator->end;
	const char *at = take_separator(iterator);
	struct span key = SPAN_NONE;
	if (at && iterator->object)
		at = jsontext_take_key(at, end, &key);
	if (!at)
		return false;
	const char *behind = skip_value(at, end);
	if (behind == at)
		return false;
	iterator->at = behind;
	iterator->place = JSONTEXT_FURTHER;
	*ret_key = key;
	*ret_value = (struct span){.ptr = at, .len = (size_t)(behind - at)};
	return true;
}

/* The character of a four-digit escape, or -1. */
static int escaped_unit(const char *digits)
{
	int unit = 0;
	for (int i = 0; i < 4; i++) {
		int digit = text_hex_digit(digits[i]);
		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

/* Behind an escape whose backslash is at `at`; NULL for none. As jansson has it, half a surrogate
 * pair and the character NUL are none. */
static const char *behind_escape(const char *at, const char *end)
{
	if (end - at < 2)
		return NULL;
	if (at[1] != 'u')
		return strchr("\"\\/bfnrt", at[1]) && at[1] ? at + 2 : NULL;
	int unit = end - at >= 6 ? escaped_unit(at + 2) : -1;
	if (unit <= 0 || (unit & 0xfc00) == 0xdc00)
		return NULL;
	if ((unit & 0xfc00) != 0xd800)
		return at + 6;
	bool pair = end - at >= 12 && at[6] == '\\' && at[7] == 'u' &&
		    (escaped_unit(at + 8) & 0xfc00) == 0xdc00;
	return pair ? at + 12 : NULL;
}

/* Behind a string whose opening quote is at `at`; NULL for none. */
static const char *behind_string(const char *at, const char *end)
{
	if (at == end || *at != '"')
		return NULL;
	for (at++; at && at < end && *at != '"';) {
		size_t len =
		    (unsigned char)*at < ' ' ? 0 : text_utf8_sequence(at, (size_t)(end - at));
		at = *at == '\\' ? behind_escape(at, end) : len ? at + len : NULL;
	}
	return at && at < end ? at + 1 : NULL;
}

static const char *behind_digits(const char *at, const char *end)
{
	const char *start = at;
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at > start ? at : NULL;
}

static const char *behind_number(const char *at, const char *end)
{
	at += at < end && *at == '-';
	at = at < end && *at == '0' ? at + 1 : behind_digits(at, end);
	if (at && at < end && *at == '.')
		at = behind_digits(at + 1, end);
	if (at && at < end && (*at == 'e' || *at == 'E')) {
		at++;
		at = behind_digits(at + (at < end && (*at == '+' || *at == '-')), end);
	}
	return at;
}

/* Behind what is neither object nor array; NULL for none. */
static const char *behind_scalar(const char *at, const char *end)
{
	static const char *const words[] = {"true", "false", "null"};
	if (at < end && *at == '"')
		return behind_string(at, end);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t len = strlen(words[i]);
		if ((size_t)(end - at) >= len && memcmp(at, words[i], len) == 0)
			return at + len;
	}
	return behind_number(at, end);
}

/* Behind a member's name and colon, where its value begins; NULL for none. */
static const char *behind_name(const char *at, const char *end)
{
	at = behind_string(jsontext_skip_blanks(at, end), end);
	if (!at)
		return NULL;
	at = jsontext_skip_blanks(at, end);
	return at < end && *at == ':' ? jsontext_skip_blanks(at + 1, end) : NULL;
}

/* Which of the levels that are open are objects. */
struct levels {
	bool objects[JSONTEXT_VALID_DEPTH_LIMIT];
	unsigned count;
};

/* Behind what ends at `at`, and the levels that end with it; NULL for no JSON. */
static const char *behind_ends(const char *at, const char *end, struct levels *levels)
{
	while (levels->count > 0) {
		at = jsontext_skip_blanks(at, end);
		if (at == end)
			return NULL;
		if (*at != (levels->objects[levels->count - 1] ? '}' : ']'))
			return at;
		levels->count--;
		at++;
	}
	return jsontext_skip_blanks(at, end);
}

bool jsontext_is_valid(struct span text)
{
	struct levels levels = {.count = 0};
	if (!text.ptr)
		return false;
	const char *end = text.ptr + text.len;
	const char *at = jsontext_skip_blanks(text.ptr, end);
	while (at) {
		/* A value begins here. */
		bool object = at < end && *at == '{';
		if (object || (at < end && *at == '[')) {
			if (levels.count == JSONTEXT_VALID_DEPTH_LIMIT)
				return false;
			levels.objects[levels.count++] = object;
			at = jsontext_skip_blanks(at + 1, end);
			if (at == end || *at != (object ? '}' : ']')) {
				at = object ? behind_name(at, end) : at;
				continue;
			}
		} else {
			at = behind_scalar(at, end);
		}
		at = at ? behind_ends(at, end, &levels) : NULL;
		if (!at || levels.count == 0)
			return at == end;
		if (*at != ',')
			return false;
		bool in_object = levels.objects[levels.count - 1];
		at = in_object ? behind_name(at + 1, end) : jsontext_skip_blanks(at + 1, end);
	}
	return false;
}

/* Whether a key that has escapes spells the name. jansson would decode them, and two readers that
 * disagree about a name are a hole. In a name that needs no escapes only "\/" and "\uXXXX" can
 * stand for a character. */
static bool escaped_key_equals(struct span key, const char *name)
{
	size_t i = 0;
	for (; i < key.len && *name; name++) {
		int c = (unsigned char)key.ptr[i];
		size_t taken = 1;
		if (c == '\\' && key.len - i >= 2 && key.ptr[i + 1] == '/') {
			c = '/';
			taken = 2;
		} else if (c == '\\' && key.len - i >= 6 && key.ptr[i + 1] == 'u') {
			c = escaped_unit(key.ptr + i + 2);
			taken = 6;
		}
		if (c != (unsigned char)*name)
			return false;
		i += taken;
	}
	return i == key.len && *name == '\0';
}

struct span jsontext_member(struct span object, const char *name)
{
	struct jsontext_iterator iterator;
	struct span found = SPAN_NONE;
	struct span key;
	struct span value;
	size_t len = strlen(name);
	jsontext_iterate(&iterator, object);
	if (!iterator.object)
		return SPAN_NONE;
	while (jsontext_next(&iterator, &key, &value)) {
		bool same = key.len == len && memcmp(key.ptr, name, len) == 0;
		if (same || (key.len > len && escaped_key_equals(key, name)))
			found = value;
	}
	return span_equals(found, "null") ? SPAN_NONE : found;
}
