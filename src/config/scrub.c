/* SPDX-License-Identifier: MIT */
/* A secret in an answer need not look like itself. In JSON any character may be written \uXXXX,
 * some as a backslash and themselves, and a text that is JSON within JSON has each of these
 * backslashes escaped once more. In a URL any byte may be written %XX, and the percent sign once
 * more. Undoing the escapes in every possible way is not needed to find it. Instead both what is
 * looked for and what is looked through are read as plain text: backslashes count for nothing,
 * however many, and \uXXXX and %XX for what they name, however often that is escaped itself. What
 * is equal under any number of escapings is equal as plain text. Two texts that differ in nothing
 * but backslashes are taken for one, which blots out too much rather than too little.
 *
 * What looks like an escape need not be one: a percent sign may stand before a secret that begins
 * with two digits. So a text is read in three ways: as it is, as JSON, and as both JSON and a URL.
 *
 * Encodings keep to few characters, none of which has to be escaped, and are looked for as texts of
 * their own: hexadecimal digits, and base64 in each of the three places where a group of its four
 * characters may begin, since what stands before the secret in it is not known.
 *
 * Plain text is made a window at a time, with where each byte of it came from. What is left of a
 * window at its end stays for the next: more than the longest thing that is looked for. */
#include "config/scrub.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/base64.h>

#include "util/text.h"

/* Shorter ones would be found in half of what there is to read. */
#define NEEDLE_LENGTH_AT_LEAST 8

#define HEX_LIMIT (2 * SCRUB_PAIR_LIMIT)
#define BASE64_LIMIT BASE64_ENCODE_RAW_LENGTH(SCRUB_PAIR_LIMIT + 2)
#define NEEDLES_LIMIT 16
/* The pair and the secret, each with and without blanks, and in both cases of hexadecimal digits;
 * the pair and thrice the secret in two alphabets of base64. */
#define POOL_SIZE (4 * SCRUB_PAIR_LIMIT + 4 * HEX_LIMIT + 8 * BASE64_LIMIT)

/* Characters that may belong to an escape that is not complete yet. */
#define OPEN_LIMIT 16
#define WINDOW_SIZE ((size_t)20 * 1024)
#define UNIT_LIMIT 4
#define CODE_LENGTH 5 /* uXXXX */

/* Behind what is certain of a secret in base64: a character that it shares, and padding. */
#define BASE64_TAIL_LIMIT 3

#define PAIRS_OF_BYTES (1 << 16)

_Static_assert(HEX_LIMIT + OPEN_LIMIT + BASE64_TAIL_LIMIT < WINDOW_SIZE / 2,
    "no window holds what is looked for");

/* How a text is read. */
enum notation { AS_IT_IS, AS_JSON, AS_URL };

struct needle {
	const char *text;
	size_t len;
	bool base64;
	bool shares_first; /* the character before it holds some of the secret, too */
};

/* Invariant: shifts holds, for two bytes that follow each other, how much farther the end of the
 * first `shortest` bytes of any needle is at least; 0 when these are such an end. */
struct needles {
	struct needle list[NEEDLES_LIMIT];
	size_t count;
	size_t longest;
	size_t shortest;
	uint8_t shifts[PAIRS_OF_BYTES];
	char pool[POOL_SIZE];
	size_t used;
};

/* A stretch of the data as plain text; starts[i] is where in the data what stands for byte i
 * begins, and starts[len] where the next would. */
struct window {
	enum notation notation;
	char text[WINDOW_SIZE];
	size_t starts[WINDOW_SIZE + 1];
	size_t len;
};

/* Plain text ------------------------------------------------------------------------------------*/

/* Backslashes before a character are dropped, and where they began it begins. Those that may turn
 * out to belong to an escape wait for it. */
static void put_byte(struct window *window, char byte, size_t start)
{
	bool waits = byte == 'u' || (byte == '%' && window->notation == AS_URL);
	if (window->len > 0 && window->text[window->len - 1] == '\\' && !waits) {
		window->text[window->len - 1] = byte;
		return;
	}
	window->text[window->len] = byte;
	window->starts[window->len++] = start;
}

/* The number that `count` hexadecimal digits stand for at the end of the text; -1 for others. */
static int32_t read_digits(const struct window *window, size_t count)
{
	int32_t number = 0;
	for (size_t i = window->len - count; i < window->len; i++) {
		int digit = text_hex_digit(window->text[i]);
		if (digit < 0)
			return -1;
		number = number * 16 + digit;
	}
	return number;
}

/* Puts a byte in place of %XX at the end. Returns whether that was there. */
static bool undo_percent(struct window *window)
{
	if (window->notation != AS_URL || window->len < 3 || window->text[window->len - 3] != '%')
		return false;
	int32_t byte = read_digits(window, 2);
	if (byte < 0)
		return false;
	window->len -= 3;
	put_byte(window, (char)byte, window->starts[window->len]);
	return true;
}

static size_t encode_utf8(uint32_t code, char out[UNIT_LIMIT])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (size_t i = len - 1; i > 0; i--, code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)((0xf00 >> len & 0xff) | code);
	return len;
}

/* The first half of a character that takes two codes, where it stands at the end as if it were a
 * character of its own; 0 elsewhere. */
static uint32_t high_surrogate(const struct window *window)
{
	const uint8_t *end = (const uint8_t *)window->text + window->len;
	if (window->len < 3 || end[-3] != 0xed || (end[-2] & 0xf0) != 0xa0)
		return 0;
	return 0xd000 | (uint32_t)(end[-2] & 0x3f) << 6 | (end[-1] & 0x3f);
}

/* Puts a character in place of \uXXXX at the end. Returns whether that was there. */
static bool undo_code(struct window *window)
{
	const size_t len = 1 + CODE_LENGTH;
	if (window->len < len || memcmp(window->text + window->len - len, "\\u", 2) != 0)
		return false;
	int32_t digits = read_digits(window, CODE_LENGTH - 1);
	if (digits < 0)
		return false;
	uint32_t code = (uint32_t)digits;
	window->len -= len;
	size_t start = window->starts[window->len];
	uint32_t high = code >= 0xdc00 && code <= 0xdfff ? high_surrogate(window) : 0;
	if (high) {
		window->len -= 3;
		start = window->starts[window->len];
		code = 0x10000 + ((high - 0xd800) << 10) + (code - 0xdc00);
	}
	char unit[UNIT_LIMIT];
	size_t unit_len = encode_utf8(code, unit);
	for (size_t i = 0; i < unit_len; i++)
		put_byte(window, unit[i], start);
	return true;
}

static bool may_begin_escape(const struct window *window, char c)
{
	return (c == '\\' && window->notation != AS_IT_IS) ||
	       (c == '%' && window->notation == AS_URL);
}

/* Whether what comes next may be part of an escape that has begun. */
static bool is_amid_escape(const struct window *window)
{
	for (size_t i = 1; i <= CODE_LENGTH && i <= window->len; i++)
		if (may_begin_escape(window, window->text[window->len - i]))
			return true;
	return false;
}

/* How many of the bytes stand for themselves. */
static size_t plain_length(const struct window *window, const char *data, size_t len)
{
	size_t i = 0;
	if (window->notation == AS_IT_IS)
		return len;
	if (window->notation == AS_JSON) {
		const char *escape = memchr(data, '\\', len);
		return escape ? (size_t)(escape - data) : len;
	}
	while (i < len && data[i] != '\\' && data[i] != '%')
		i++;
	return i;
}

/* Takes what stands for itself, up to where an escape may begin. */
static void take_run(struct window *window, const char *data, size_t len, size_t *at)
{
	size_t room = WINDOW_SIZE - window->len;
	size_t run = plain_length(window, data + *at, len - *at < room ? len - *at : room);
	memcpy(window->text + window->len, data + *at, run);
	for (size_t i = 0; i < run; i++)
		window->starts[window->len + i] = *at + i;
	window->len += run;
	*at += run;
}

/* Appends what stands at *at, and moves *at behind what was taken. */
static void fill_window(struct window *window, const char *data, size_t len, size_t *at)
{
	while (*at < len && window->len + UNIT_LIMIT <= WINDOW_SIZE) {
		if (!may_begin_escape(window, data[*at]) && !is_amid_escape(window)) {
			take_run(window, data, len, at);
			continue;
		}
		put_byte(window, data[*at], *at);
		++*at;
		while (undo_percent(window) || undo_code(window))
			;
	}
	window->starts[window->len] = *at;
}

/* Drops those that waited in vain for an escape among the first bytes. Returns how many bytes are
 * left of these. */
static size_t drop_backslashes(struct window *window, size_t count)
{
	size_t left = 0;
	if (window->notation == AS_IT_IS || !memchr(window->text, '\\', count))
		return count;
	for (size_t i = 0; i < window->len; i++) {
		if (i < count && window->text[i] == '\\') {
			window->starts[i + 1] = window->starts[i];
			continue;
		}
		window->text[left] = window->text[i];
		window->starts[left++] = window->starts[i];
	}
	window->starts[left] = window->starts[window->len];
	count -= window->len - left;
	window->len = left;
	return count;
}

/* Leaves only the last bytes, so that what ends behind them is whole. */
static void slide_window(struct window *window, size_t kept)
{
	if (window->len <= kept)
		return;
	size_t gone = window->len - kept;
	memmove(window->text, window->text + gone, kept);
	memmove(window->starts, window->starts + gone, kept * sizeof(window->starts[0]));
	window->len = kept;
}

/* What is looked for ----------------------------------------------------------------------------*/

/* Room for the text of a needle. */
static char *pool_take(struct needles *needles, size_t size)
{
	char *text = needles->pool + needles->used;
	needles->used += size;
	return text;
}

/* A text of nothing but asterisks is blotted out already. */
static void add_needle(
    struct needles *needles, const char *text, size_t len, size_t at_least, bool base64)
{
	size_t blots = 0;
	while (blots < len && text[blots] == '*')
		blots++;
	if (len < at_least || blots == len)
		return;
	needles->list[needles->count++] =
	    (struct needle){.text = text, .len = len, .base64 = base64};
	if (len > needles->longest)
		needles->longest = len;
	if (len < needles->shortest)
		needles->shortest = len;
}

/* A text as it is read, and where it has blanks also as a form writes them. As plain text it may
 * have become too short to be looked for. */
static void add_clear(
    struct needles *needles, struct window *window, const char *data, size_t len, size_t at_least)
{
	size_t at = 0;
	window->len = 0;
	fill_window(window, data, len, &at);
	drop_backslashes(window, window->len);
	if (window->len != len)
		at_least = NEEDLE_LENGTH_AT_LEAST;
	char *text = pool_take(needles, window->len);
	memcpy(text, window->text, window->len);
	add_needle(needles, text, window->len, at_least, false);
	if (!memchr(text, ' ', window->len))
		return;
	char *form = pool_take(needles, window->len);
	for (size_t i = 0; i < window->len; i++)
		form[i] = (char)(text[i] == ' ' ? '+' : text[i]);
	add_needle(needles, form, window->len, at_least, false);
}

static void add_hex(struct needles *needles, const char *data, size_t len)
{
	for (const char *digits = "0123456789abcdef0123456789ABCDEF"; *digits; digits += 16) {
		char *text = pool_take(needles, 2 * len);
		for (size_t i = 0; i < len; i++) {
			text[2 * i] = digits[(uint8_t)data[i] >> 4];
			text[2 * i + 1] = digits[(uint8_t)data[i] & 15];
		}
		add_needle(needles, text, 2 * len, NEEDLE_LENGTH_AT_LEAST, false);
	}
}

/* In the characters that are certain whatever comes before, of which only the number of bytes over
 * whole groups is known, and behind. */
static void add_base64(struct needles *needles, const char *data, size_t len, size_t before)
{
	char shifted[2 + SCRUB_PAIR_LIMIT] = {0};
	char encoded[BASE64_LIMIT];
	memcpy(shifted + before, data, len);
	base64_encode_raw(encoded, before + len, (const uint8_t *)shifted);
	size_t from = (before * 8 + 5) / 6;
	size_t certain = (before + len) * 8 / 6 - from;
	for (int for_urls = 0; for_urls < 2; for_urls++) {
		char *text = pool_take(needles, certain);
		memcpy(text, encoded + from, certain);
		for (size_t i = 0; for_urls && i < certain; i++)
			if (text[i] == '+' || text[i] == '/')
				text[i] = text[i] == '+' ? '-' : '_';
		size_t count = needles->count;
		add_needle(needles, text, certain, NEEDLE_LENGTH_AT_LEAST, true);
		if (needles->count > count)
			needles->list[count].shares_first = before > 0;
	}
	secret_wipe(shifted, sizeof(shifted));
	secret_wipe(encoded, sizeof(encoded));
}

static void note_shifts(struct needles *needles)
{
	size_t most = needles->shortest - 1;
	memset(needles->shifts, (int)(most < UINT8_MAX ? most : UINT8_MAX), PAIRS_OF_BYTES);
	for (size_t n = 0; n < needles->count; n++) {
		const uint8_t *text = (const uint8_t *)needles->list[n].text;
		for (size_t i = 1; i < needles->shortest; i++) {
			uint8_t *shift = &needles->shifts[text[i - 1] << 8 | text[i]];
			size_t left = needles->shortest - 1 - i;
			if (left < *shift)
				*shift = (uint8_t)left;
		}
	}
}

/* As they look in a text that is read so. */
static void collect_needles(
    struct needles *needles, struct window *window, const struct secret *pair)
{
	const char *secret = (const char *)memchr(pair->data, ':', pair->len) + 1;
	size_t secret_len = pair->len - (size_t)(secret - pair->data);
	needles->count = needles->used = needles->longest = 0;
	needles->shortest = SIZE_MAX;
	add_clear(needles, window, pair->data, pair->len, 1);
	add_clear(needles, window, secret, secret_len, NEEDLE_LENGTH_AT_LEAST);
	add_hex(needles, pair->data, pair->len);
	add_base64(needles, pair->data, pair->len, 0);
	if (secret_len >= NEEDLE_LENGTH_AT_LEAST) {
		add_hex(needles, secret, secret_len);
		for (size_t before = 0; before < 3; before++)
			add_base64(needles, secret, secret_len, before);
	}
	note_shifts(needles);
}

/* Looking ---------------------------------------------------------------------------------------*/

static bool is_base64(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("+/-_=", c));
}

/* Where what stands for byte i ends in the data. */
static size_t end_of(const struct window *window, size_t i)
{
	size_t start = window->starts[i];
	while (i < window->len && window->starts[i] == start)
		i++;
	return window->starts[i];
}

/* A backslash before what is blotted out would escape an asterisk, and one that ends it is half an
 * escape, whose other half would be left. */
static void blot_out(
    const struct window *window, const struct needle *needle, size_t first, char *data)
{
	size_t end = first + needle->len;
	if (needle->base64)
		for (size_t limit = end + BASE64_TAIL_LIMIT;
		     end < limit && end < window->len && is_base64(window->text[end]);)
			end++;
	if (window->text[end - 1] == '\\' && end < window->len)
		end++;
	if (needle->shares_first && first > 0 && is_base64(window->text[first - 1]))
		first--;
	size_t from = window->starts[first];
	while (from > 0 && data[from - 1] == '\\')
		from--;
	memset(data + from, '*', end_of(window, end - 1) - from);
}

/* Blots out every needle that begins there. Returns whether one does. */
static bool look_from(const struct needles *needles, const struct window *window, size_t at,
    char *data, bool overwrite)
{
	bool found = false;
	for (size_t n = 0; n < needles->count; n++) {
		const struct needle *needle = &needles->list[n];
		if (window->len - at < needle->len ||
		    memcmp(window->text + at, needle->text, needle->len) != 0)
			continue;
		found = true;
		if (overwrite)
			blot_out(window, needle, at, data);
	}
	return found;
}

/* Looks through the first bytes. */
static bool look_in_window(const struct needles *needles, const struct window *window, size_t count,
    char *data, bool overwrite)
{
	const uint8_t *text = (const uint8_t *)window->text;
	size_t end = needles->shortest;
	bool found = false;
	while (end <= count && (overwrite || !found)) {
		size_t shift = needles->shifts[text[end - 2] << 8 | text[end - 1]];
		if (shift == 0) {
			found |=
			    look_from(needles, window, end - needles->shortest, data, overwrite);
			shift = 1;
		}
		end += shift;
	}
	return found;
}

/* More than the stack of a thread is for. */
struct scrubber {
	struct needles needles;
	struct window window;
};

static bool scrub_as(
    struct scrubber *scrubber, const struct secret *pair, char *data, size_t len, bool overwrite)
{
	struct needles *needles = &scrubber->needles;
	struct window *window = &scrubber->window;
	bool found = false;
	collect_needles(needles, window, pair);
	window->len = 0;
	for (size_t at = 0; at < len && (overwrite || !found);) {
		slide_window(window, needles->longest + OPEN_LIMIT);
		fill_window(window, data, len, &at);
		size_t ready = at == len ? window->len : window->len - OPEN_LIMIT;
		ready = drop_backslashes(window, ready);
		found |= look_in_window(needles, window, ready, data, overwrite);
	}
	return found;
}

bool scrub(const struct secret *pair, char *data, size_t len, bool overwrite)
{
	if (len == 0)
		return false;
	struct scrubber *scrubber = malloc(sizeof(*scrubber));
	if (!scrubber) {
		/* What cannot be looked through does not go on. */
		if (overwrite)
			memset(data, '*', len);
		return true;
	}
	bool found = false;
	bool json = memchr(data, '\\', len);
	bool url = json || memchr(data, '%', len);
	const bool read[] = {[AS_IT_IS] = true, [AS_JSON] = json, [AS_URL] = url};
	for (size_t i = ARRAY_SIZE(read); i-- > 0 && (overwrite || !found);) {
		scrubber->window.notation = (enum notation)i;
		if (read[i])
			found |= scrub_as(scrubber, pair, data, len, overwrite);
	}
	secret_wipe(scrubber, sizeof(*scrubber));
	free(scrubber);
	return found;
}
