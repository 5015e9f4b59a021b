/* SPDX-License-Identifier: MIT */
/* A secret in JSON need not look like itself: any character may be written \uXXXX, some as a
 * backslash and themselves, and a text that is JSON within JSON has each of these backslashes
 * escaped once more. Undoing the escapes in every possible way is not needed to find it. Instead
 * both what is looked for and what is looked through are read as plain text: backslashes count for
 * nothing, however many, and \uXXXX for the character it names, however many backslashes stand
 * before it. What is equal under any number of escapings is equal as plain text. Two texts that
 * differ in nothing but backslashes are taken for one, which blots out too much rather than too
 * little.
 *
 * Plain text is made a window at a time, with where each byte of it came from. Windows overlap by
 * more than the longest thing that is looked for. */
#include "config/scrub.h"

#include <stdint.h>
#include <string.h>

#include <nettle/base64.h>

/* Shorter ones would be found in half of what there is to read. */
#define NEEDLE_LENGTH_AT_LEAST 8

#define NEEDLE_LIMIT BASE64_ENCODE_RAW_LENGTH(SCRUB_PAIR_LIMIT)
#define WINDOW_SIZE (8 * 1024)
#define UNIT_LIMIT 4
#define CODE_LENGTH 5 /* uXXXX */

#define BASE64_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_="

struct needle {
	char text[NEEDLE_LIMIT];
	size_t len;
	bool base64;
};

struct needles {
	struct needle list[4];
	size_t count;
	size_t longest;
};

_Static_assert(NEEDLE_LIMIT + 2 * UNIT_LIMIT < WINDOW_SIZE, "no window holds what is looked for");

/* A stretch of the data as plain text; starts[i] is where in the data what stands for byte i
 * begins, and starts[len] where the next would. */
struct window {
	char text[WINDOW_SIZE];
	size_t starts[WINDOW_SIZE + 1];
	size_t len;
};

/* Plain text ------------------------------------------------------------------------------------*/

/* Reads uXXXX. Returns whether it is there. */
static bool read_code(const char *data, size_t len, uint32_t *ret_code)
{
	uint32_t code = 0;
	if (len < CODE_LENGTH || data[0] != 'u')
		return false;
	for (size_t i = 1; i < CODE_LENGTH; i++) {
		unsigned char c = (unsigned char)data[i];
		if (c >= '0' && c <= '9')
			code = code << 4 | (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			code = code << 4 | ((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	*ret_code = code;
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

/* Moves *at behind the backslashes there, each written as such or, behind another, as its own code.
 * Returns whether uXXXX follows them, which is read and left where it is. */
static bool skip_backslashes(const char *data, size_t len, size_t *at, uint32_t *ret_code)
{
	size_t next = *at;
	bool read;
	for (;;) {
		while (next < len && data[next] == '\\')
			next++;
		read = next > *at && read_code(data + next, len - next, ret_code);
		if (!read || *ret_code != '\\')
			break;
		next += CODE_LENGTH;
	}
	*at = next;
	return read;
}

/* Reads the other half of a character that takes two codes, when it is there. */
static uint32_t join_surrogates(uint32_t high, const char *data, size_t len, size_t *at)
{
	uint32_t low;
	size_t next = *at;
	if (!skip_backslashes(data, len, &next, &low) || low < 0xdc00 || low > 0xdfff)
		return high;
	*at = next + CODE_LENGTH;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* Reads from *at on what stands for one character, and moves *at behind it. Returns how many bytes
 * of plain text it is; 0 for backslashes with nothing after them. */
static size_t read_unit(const char *data, size_t len, size_t *at, char out[UNIT_LIMIT])
{
	uint32_t code;
	if (skip_backslashes(data, len, at, &code)) {
		*at += CODE_LENGTH;
		if (code >= 0xd800 && code < 0xdc00)
			code = join_surrogates(code, data, len, at);
		return encode_utf8(code, out);
	}
	if (*at == len)
		return 0;
	out[0] = data[(*at)++];
	return 1;
}

/* Takes text as it is, of which every byte stands for itself, up to the next backslash. */
static void take_run(struct window *window, const char *data, size_t len, size_t *at)
{
	size_t room = WINDOW_SIZE - window->len;
	size_t run = len - *at < room ? len - *at : room;
	const char *escape = memchr(data + *at, '\\', run);
	if (escape)
		run = (size_t)(escape - data) - *at;
	memcpy(window->text + window->len, data + *at, run);
	for (size_t i = 0; i < run; i++)
		window->starts[window->len + i] = *at + i;
	window->len += run;
	*at += run;
}

/* Fills the window with what begins at *at, and moves *at to where the next window is to begin, so
 * that what is at most `longest` bytes of plain text is whole in one of them. */
static void fill_window(
    struct window *window, const char *data, size_t len, size_t longest, size_t *at)
{
	size_t next = *at;
	window->len = 0;
	while (next < len && window->len + UNIT_LIMIT <= WINDOW_SIZE) {
		size_t start = next;
		char unit[UNIT_LIMIT];
		if (data[next] != '\\') {
			take_run(window, data, len, &next);
			continue;
		}
		size_t unit_len = read_unit(data, len, &next, unit);
		for (size_t i = 0; i < unit_len; i++) {
			window->text[window->len] = unit[i];
			window->starts[window->len++] = start;
		}
	}
	window->starts[window->len] = next;
	*at = next == len ? len : window->starts[window->len - longest];
}

/* What is looked for ----------------------------------------------------------------------------*/

static void add_needle(
    struct needles *needles, const char *text, size_t len, size_t at_least, bool base64)
{
	struct needle *needle = &needles->list[needles->count];
	if (len < at_least)
		return;
	memcpy(needle->text, text, len);
	needle->len = len;
	needle->base64 = base64;
	needles->count++;
	if (len > needles->longest)
		needles->longest = len;
}

/* The pair and the secret alone. As plain text they may have become too short to be looked for. */
static void add_clear(struct needles *needles, const struct secret *pair, bool plain)
{
	const char *secret = (const char *)memchr(pair->data, ':', pair->len) + 1;
	size_t secret_len = pair->len - (size_t)(secret - pair->data);
	if (!plain) {
		add_needle(needles, pair->data, pair->len, 1, false);
		add_needle(needles, secret, secret_len, NEEDLE_LENGTH_AT_LEAST, false);
		return;
	}
	struct window window;
	size_t at = 0;
	fill_window(&window, pair->data, pair->len, 0, &at);
	add_needle(needles, window.text, window.len,
	    window.len == pair->len ? 1 : NEEDLE_LENGTH_AT_LEAST, false);
	at = 0;
	fill_window(&window, secret, secret_len, 0, &at);
	add_needle(needles, window.text, window.len, NEEDLE_LENGTH_AT_LEAST, false);
	secret_wipe(&window, sizeof(window));
}

/* In as many characters as are certain whatever comes after the pair. */
static void add_base64(struct needles *needles, const struct secret *pair)
{
	char encoded[NEEDLE_LIMIT];
	size_t len = pair->len * 8 / 6;
	base64_encode_raw(encoded, pair->len, (const uint8_t *)pair->data);
	add_needle(needles, encoded, len, NEEDLE_LENGTH_AT_LEAST, true);
	for (size_t i = 0; i < len; i++)
		encoded[i] = encoded[i] == '+' ? '-' : encoded[i] == '/' ? '_' : encoded[i];
	add_needle(needles, encoded, len, NEEDLE_LENGTH_AT_LEAST, true);
	secret_wipe(encoded, sizeof(encoded));
}

/* Looking ---------------------------------------------------------------------------------------*/

/* What belongs to the same base64 text goes with it. */
static void blot_out(char *data, size_t len, size_t from, size_t to, bool base64)
{
	char unit[UNIT_LIMIT];
	for (size_t next = to; base64 && next < len; to = next) {
		if (read_unit(data, len, &next, unit) != 1 || unit[0] == '\0' ||
		    !strchr(BASE64_CHARACTERS, unit[0]))
			break;
	}
	memset(data + from, '*', to - from);
}

/* Where what stands for byte i ends in the data. */
static size_t end_of(const struct window *window, size_t i)
{
	size_t start = window->starts[i];
	while (i < window->len && window->starts[i] == start)
		i++;
	return window->starts[i];
}

static bool look_in_window(const struct needles *needles, const struct window *window, char *data,
    size_t len, bool overwrite)
{
	const char *end = window->text + window->len;
	bool found = false;
	for (size_t n = 0; n < needles->count && (overwrite || !found); n++) {
		const struct needle *needle = &needles->list[n];
		const char *at = window->text;
		while ((at = memmem(at, (size_t)(end - at), needle->text, needle->len))) {
			found = true;
			if (!overwrite)
				break;
			size_t first = (size_t)(at - window->text);
			at += needle->len;
			blot_out(data, len, window->starts[first],
			    end_of(window, first + needle->len - 1), needle->base64);
		}
	}
	return found;
}

static bool look_behind_escapes(
    const struct needles *needles, char *data, size_t len, bool overwrite)
{
	struct window window;
	bool found = false;
	for (size_t at = 0; at < len && (overwrite || !found);) {
		fill_window(&window, data, len, needles->longest, &at);
		found |= look_in_window(needles, &window, data, len, overwrite);
	}
	secret_wipe(&window, sizeof(window));
	return found;
}

/* A backslash before what is blotted out would escape an asterisk. */
static bool look_as_it_is(const struct needles *needles, char *data, size_t len, bool overwrite)
{
	bool found = false;
	for (size_t n = 0; n < needles->count; n++) {
		const struct needle *needle = &needles->list[n];
		char *at = data;
		while ((at = memmem(at, len - (size_t)(at - data), needle->text, needle->len))) {
			found = true;
			if (!overwrite)
				return true;
			size_t from = (size_t)(at - data);
			at += needle->len;
			while (from > 0 && data[from - 1] == '\\')
				from--;
			blot_out(data, len, from, (size_t)(at - data), needle->base64);
		}
	}
	return found;
}

bool scrub(const struct secret *pair, char *data, size_t len, bool overwrite)
{
	struct needles needles = {.count = 0};
	bool found = false;
	if (memchr(data, '\\', len)) {
		add_clear(&needles, pair, true);
		add_base64(&needles, pair);
		found = look_behind_escapes(&needles, data, len, overwrite);
	}
	/* What is one only as it is: a name of five characters that looks like an escape, say. */
	needles.count = 0;
	add_clear(&needles, pair, false);
	add_base64(&needles, pair);
	if (overwrite || !found)
		found |= look_as_it_is(&needles, data, len, overwrite);
	secret_wipe(&needles, sizeof(needles));
	return found;
}
