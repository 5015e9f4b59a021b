/* SPDX-License-Identifier: MIT */
/* Finding a credential again in whatever notation an answer repeats it. */
#include "config/scrub.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include <nettle/base64.h>

#include "unit.h"
#include "util/buffer.h"
#include "util/random.h"

#define ROUNDS 3000
#define TEXT_LIMIT (1024 * 1024)

static struct random_sequence sequence;

static size_t chance(size_t count)
{
	return (size_t)random_sequence_between(&sequence, 0, (int64_t)count - 1);
}

static void cleanup_secret(struct secret **secret)
{
	secret_free(*secret);
}

static struct secret *new_pair(const char *text)
{
	struct err err = ERR_INIT;
	struct secret *pair = NULL;
	ck_assert_msg(secret_new(text, strlen(text), &err, &pair) == 0, "%s", err.text);
	return pair;
}

/* Whether it is found; the text is overwritten. */
static bool scrubbed(const struct secret *pair, struct buffer *text)
{
	_cleanup_free_ char *before = strdup(buffer_text(text));
	bool found = scrub(pair, text->data, text->len, false);
	ck_assert_str_eq(before, buffer_text(text));
	ck_assert_int_eq(scrub(pair, text->data, text->len, true), found);
	ck_assert_int_eq(strcmp(before, buffer_text(text)) != 0, found);
	return found;
}

/* Escaping --------------------------------------------------------------------------------------*/

static void append_code(struct buffer *buffer, unsigned code)
{
	buffer_printf(buffer, chance(2) ? "\\u%04x" : "\\u%04X", code);
}

/* The characters of the random secrets: what UTF-8 makes of them, and their codes in UTF-16. */
static const struct {
	const char *text;
	unsigned codes[2];
} alphabet[] = {
    {"a", {'a'}},
    {"Z", {'Z'}},
    {"7", {'7'}},
    {"u", {'u'}},
    {"0", {'0'}},
    {"n", {'n'}},
    {"\"", {'"'}},
    {"\\", {'\\'}},
    {"/", {'/'}},
    {"+", {'+'}},
    {" ", {' '}},
    {":", {':'}},
    {"<", {'<'}},
    {"\xc3\xa9", {0xe9}},
    {"\xe2\x82\xac", {0x20ac}},
    {"\xf0\x9f\x98\x80", {0xd83d, 0xde00}},
};

/* One character inside a JSON string, in any of the ways there are. */
static void append_escaped(struct buffer *buffer, size_t character)
{
	const char *text = alphabet[character].text;
	const unsigned *codes = alphabet[character].codes;
	bool must = codes[0] == '"' || codes[0] == '\\';
	size_t way = chance(3);
	if (way == 0) {
		append_code(buffer, codes[0]);
		if (codes[1])
			append_code(buffer, codes[1]);
	} else if (must || (codes[0] == '/' && way == 1)) {
		buffer_printf(buffer, "\\%s", text);
	} else {
		buffer_append_text(buffer, text);
	}
}

/* JSON within JSON: what is escaped already is escaped again. */
static void escape_again(struct buffer *buffer)
{
	size_t len;
	_cleanup_free_ char *text = buffer_steal(buffer, &len);
	buffer_init(buffer, TEXT_LIMIT);
	for (size_t i = 0; i < len; i++) {
		bool must = text[i] == '"' || text[i] == '\\';
		if (must && chance(4) == 0)
			append_code(buffer, (unsigned char)text[i]);
		else
			buffer_printf(buffer, must ? "\\%c" : "%c", text[i]);
	}
}

/* What a JSON string holds, with as many layers of escapes taken off. NULL when it is none. */
static char *unescape(const char *text, size_t layers)
{
	char *held = strdup(text);
	for (size_t i = 0; held && i < layers; i++) {
		_cleanup_buffer_ struct buffer quoted;
		buffer_init(&quoted, TEXT_LIMIT);
		buffer_printf(&quoted, "\"%s\"", held);
		free(held);
		json_t *json = json_loads(buffer_text(&quoted), JSON_DECODE_ANY, NULL);
		held = json ? strdup(json_string_value(json)) : NULL;
		json_decref(json);
	}
	return held;
}

/* A secret of characters that are not all backslashes; its length in bytes. */
static void make_secret(size_t characters[16], size_t *ret_count, char *ret_pair, size_t size)
{
	size_t count = 12 + chance(5);
	size_t len = (size_t)snprintf(ret_pair, size, "robot:");
	for (size_t i = 0; i < count; i++) {
		characters[i] = chance(i < 8 ? 6 : ARRAY_SIZE(alphabet));
		if (i < 8 && i % 2)
			characters[i] = 8 + chance(ARRAY_SIZE(alphabet) - 8);
		len += (size_t)snprintf(
		    ret_pair + len, size - len, "%s", alphabet[characters[i]].text);
	}
	*ret_count = count;
}

START_TEST(no_escape_hides_it)
{
	random_sequence_init(&sequence, 1);
	for (int round = 0; round < ROUNDS; round++) {
		size_t characters[16];
		size_t count;
		char text[256];
		size_t layers = 1 + chance(3);
		make_secret(characters, &count, text, sizeof(text));
		_cleanup_(cleanup_secret) struct secret *pair = new_pair(text);
		_cleanup_buffer_ struct buffer answer;
		buffer_init(&answer, TEXT_LIMIT);
		buffer_append_text(&answer, "\\\"before\\\" \\\\ \\n");
		if (chance(2))
			buffer_append_text(&answer, "robot:");
		for (size_t i = 0; i < count; i++)
			append_escaped(&answer, characters[i]);
		buffer_append_text(&answer, " \\u0061fter\\t\\\\");
		for (size_t i = 1; i < layers; i++)
			escape_again(&answer);

		_cleanup_free_ char *told = unescape(buffer_text(&answer), layers);
		ck_assert_ptr_nonnull(told);
		ck_assert_ptr_nonnull(strstr(told, text + strlen("robot:")));
		ck_assert_msg(scrubbed(pair, &answer), "%s in %s", text, buffer_text(&answer));
		_cleanup_free_ char *left = unescape(buffer_text(&answer), layers);
		ck_assert_msg(left != NULL, "%s is no JSON", buffer_text(&answer));
		ck_assert_ptr_null(strstr(left, text + strlen("robot:")));
		ck_assert_msg(strncmp(left, "\"before\" \\ \n", 12) == 0, "%s", left);
		ck_assert_msg(strstr(left, " after\t\\") != NULL, "%s", left);
	}
}
END_TEST

START_TEST(base64_is_found_in_every_form)
{
	random_sequence_init(&sequence, 2);
	for (int round = 0; round < ROUNDS; round++) {
		char text[64] = "r:";
		size_t len = 9 + chance(12);
		for (size_t i = 2; i < len; i++)
			text[i] = (char)('!' + chance(94));
		_cleanup_(cleanup_secret) struct secret *pair = new_pair(text);
		char encoded[128] = "";
		base64_encode_raw(encoded, len, (const uint8_t *)text);
		bool for_urls = chance(2);
		bool padded = chance(2);
		_cleanup_buffer_ struct buffer answer;
		buffer_init(&answer, TEXT_LIMIT);
		buffer_append_text(&answer, "Basic ");
		for (const char *c = encoded; *c && (padded || *c != '='); c++) {
			char shown = for_urls && *c == '+' ? '-' : for_urls && *c == '/' ? '_' : *c;
			if (chance(8) == 0)
				append_code(&answer, (unsigned char)shown);
			else
				buffer_printf(
				    &answer, shown == '/' && chance(2) ? "\\%c" : "%c", shown);
		}
		size_t end = answer.len;
		buffer_append_text(&answer, ".");
		ck_assert_msg(scrubbed(pair, &answer), "%s in %s", text, buffer_text(&answer));
		const char *left = buffer_text(&answer);
		ck_assert_uint_eq(strspn(left + 6, "*"), end - 6);
		ck_assert_str_eq(left + end, ".");
	}
}
END_TEST

/* As a URL has it: what must be escaped is, other characters by chance, and layers more often. */
static void append_for_url(struct buffer *buffer, char c, bool form, size_t layers)
{
	bool plain =
	    strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~", c);
	if (form && c == ' ') {
		buffer_append_text(buffer, "+");
	} else if (plain && chance(3)) {
		buffer_append(buffer, &c, 1);
	} else {
		buffer_append_text(buffer, "%");
		for (size_t i = 1; i < layers; i++)
			buffer_append_text(buffer, "25");
		buffer_printf(buffer, chance(2) ? "%02x" : "%02X", (unsigned char)c);
	}
}

/* A pair with a secret of any bytes that a credential file may hold, blanks and escapes more often
 * than others. Returns the length of the secret. */
static size_t make_any_secret(char ret_pair[64])
{
	size_t len = 16 + chance(20);
	char *at = stpcpy(ret_pair, "robot:");
	for (size_t i = 0; i < len; i++) {
		char c = chance(4) ? (char)(' ' + chance(95)) : " \\%u+/"[chance(6)];
		*at++ = (char)(c == '*' ? '\xe9' : c);
	}
	*at = '\0';
	return len;
}

START_TEST(it_is_found_in_a_url)
{
	random_sequence_init(&sequence, 4);
	for (int round = 0; round < ROUNDS; round++) {
		char text[64];
		size_t len = make_any_secret(text);
		_cleanup_(cleanup_secret) struct secret *pair = new_pair(text);
		_cleanup_buffer_ struct buffer answer;
		buffer_init(&answer, TEXT_LIMIT);
		buffer_append_text(&answer, chance(2) ? "https:\\/\\/host/?q=" : "100 %, ?q=");
		size_t begin = answer.len;
		bool form = chance(2);
		size_t layers = 1 + chance(3);
		for (size_t i = 0; i < len; i++)
			append_for_url(&answer, text[6 + i], form, layers);
		size_t end = answer.len;
		buffer_append_text(&answer, "&r=%2F");
		ck_assert_msg(scrubbed(pair, &answer), "%s in %s", text, buffer_text(&answer));
		size_t blots = strspn(buffer_text(&answer) + begin, "*");
		/* Backslashes at its end count for nothing. */
		size_t last = len;
		while (text[6 + last - 1] == '\\')
			last--;
		ck_assert_msg(blots >= (last == len ? end - begin : 1) && blots <= end - begin,
		    "%s became %s", text, buffer_text(&answer));
	}
}
END_TEST

START_TEST(it_is_found_in_hexadecimal_digits)
{
	random_sequence_init(&sequence, 5);
	for (int round = 0; round < ROUNDS; round++) {
		char text[64];
		size_t len = make_any_secret(text);
		_cleanup_(cleanup_secret) struct secret *pair = new_pair(text);
		_cleanup_buffer_ struct buffer answer;
		buffer_init(&answer, TEXT_LIMIT);
		buffer_append_text(&answer, "0x00");
		bool capitals = chance(2);
		for (size_t i = 0; i < len; i++)
			buffer_printf(
			    &answer, capitals ? "%02X" : "%02x", (unsigned char)text[6 + i]);
		buffer_append_text(&answer, "00");
		ck_assert_msg(scrubbed(pair, &answer), "%s in %s", text, buffer_text(&answer));
		ck_assert_uint_eq(strspn(buffer_text(&answer) + 4, "*"), 2 * len);
	}
}
END_TEST

START_TEST(it_is_found_in_base64_whatever_stands_around_it)
{
	random_sequence_init(&sequence, 6);
	for (int round = 0; round < ROUNDS; round++) {
		char text[64];
		char whole[80];
		char encoded[128] = "";
		size_t len = make_any_secret(text);
		size_t before = chance(8);
		size_t whole_len = before + len + chance(4);
		_cleanup_(cleanup_secret) struct secret *pair = new_pair(text);
		for (size_t i = 0; i < whole_len; i++)
			whole[i] = (char)chance(256);
		memcpy(whole + before, text + 6, len);
		base64_encode_raw(encoded, whole_len, (const uint8_t *)whole);
		bool padded = chance(2);
		bool for_urls = chance(2);
		size_t way = chance(3);
		_cleanup_buffer_ struct buffer answer;
		buffer_init(&answer, TEXT_LIMIT);
		size_t begin = 0;
		size_t end = 0;
		for (size_t i = 0; encoded[i] && (padded || encoded[i] != '='); i++) {
			char c = encoded[i];
			c = (char)(for_urls && c == '+' ? '-' : for_urls && c == '/' ? '_' : c);
			if (i == before * 8 / 6)
				begin = answer.len;
			if (way == 1 && chance(4) == 0)
				append_code(&answer, (unsigned char)c);
			else if (way == 2)
				append_for_url(&answer, c, false, 1);
			else
				buffer_append(&answer, &c, 1);
			if (i == ((before + len) * 8 - 1) / 6)
				end = answer.len;
		}
		ck_assert_msg(scrubbed(pair, &answer), "%s in %s", text, buffer_text(&answer));
		ck_assert_uint_ge(strspn(buffer_text(&answer) + begin, "*"), end - begin);
	}
}
END_TEST

START_TEST(it_is_found_wherever_it_is)
{
	static const char *const forms[] = {"robot:abcdefgh\\\"01", "abcdefgh\\u002201",
	    "cm9ib3Q6YWJjZGVmZ2giMDE=", "cm9ib3Q6YWJjZGVmZ2giMDE",
	    "YWJjZGVmZ2giMDE=", "abcdefgh%2201", "%61%62%63%64%65%66%67%68%22%30%31",
	    "6162636465666768223031"};
	_cleanup_(cleanup_secret) struct secret *pair = new_pair("robot:abcdefgh\"01");
	random_sequence_init(&sequence, 3);
	for (int round = 0; round < 100; round++) {
		_cleanup_buffer_ struct buffer answer;
		buffer_init(&answer, TEXT_LIMIT);
		size_t before = chance(40000);
		size_t escapes = chance(3) * 1000;
		for (size_t i = 0; i < before; i++)
			buffer_append_text(
			    &answer, chance(10000) < escapes ? "\\u00e9" : "abcdefg ");
		const char *form = forms[chance(ARRAY_SIZE(forms))];
		size_t at = answer.len;
		buffer_append_text(&answer, form);
		buffer_append_text(&answer, " ");
		for (size_t i = chance(2000); i > 0; i--)
			buffer_append_text(&answer, "\\/");
		ck_assert(!buffer_failed(&answer));
		ck_assert(scrub(pair, answer.data, answer.len, true));
		ck_assert_uint_eq(strspn(answer.data + at, "*"), strlen(form));
		ck_assert(!scrub(pair, answer.data, answer.len, true));
	}
}
END_TEST

START_TEST(what_only_looks_like_an_escape_is_found_as_it_is)
{
	static const struct {
		const char *pair;
		const char *before;
		const char *after;
	} cases[] = {
	    {"robot:u0041bcdef", "HOST\\u0041bcdef", "HOST***********"},
	    {"robot:\\u0041bcdefgh", "x\\u005cu0041bcdefghx", "x******************x"},
	    {"robot:\\\\\\\\\\\\\\\\", "robot:\\\\\\\\\\\\\\\\", "**************"},
	    {"robot:abcdefgh", "abcdefg", "abcdefg"},
	    {"robot:abcdefgh", "abcdefg\\", "abcdefg\\"},
	    {"robot:abcdefgh", "\\\\\\", "\\\\\\"},
	    {"robot:abcdefgh", "abcdefg\\u", "abcdefg\\u"},
	    {"robot:abcdefgh", "\\abcdefg\\u0068", "**************"},
	    {"robot:abcdefgh", "\\ud83dabcdefgh", "\\ud83d********"},
	    {"robot:short", "short \\ robot:short", "short \\ ***********"},
	    {"r:x", "r:\\u0078", "********"},
	    {"r:x", "r%3ax r:%2578 722578", "***** ******* 722578"},
	    {"robot:41bcdefgh", "100%41bcdefgh", "100%*********"},
	    {"robot:ab%41cdefgh", "ab%41cdefgh ab%2541cdefgh", "*********** *************"},
	    {"robot:ab\"cdefgh", "%5C%22 ab%5C%22cdefgh%5c", "%5C%22 **************%5c"},
	    {"robot:ab\xe9"
	     "cdefgh",
		"ab\\u0025e9cdefgh", "****************"},
	    {"robot:ab cdefgh", "ab+cdefgh ab\\u002bcdefgh", "********* **************"},
	    {"robot:abcdefg\\", "\"abcdefg\\\\\"", "\"*********\""},
	    {"robot:abcdefgh\\", "\"abcdefgh\\\\\"", "\"********\\\\\""},
	    {"robot:abcdefgh\\u", "\"abcdefgh\\\\u\"", "\"***********\""},
	    {"robot:\\u002a\\u002a", "********", "********"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(cleanup_secret) struct secret *pair = new_pair(cases[i].pair);
		_cleanup_buffer_ struct buffer text;
		buffer_init(&text, 256);
		buffer_append_text(&text, cases[i].before);
		scrubbed(pair, &text);
		ck_assert_str_eq(buffer_text(&text), cases[i].after);
	}
}
END_TEST

START_TEST(the_longest_pair_is_found)
{
	char text[SCRUB_PAIR_LIMIT + 1];
	memset(text, 'x', sizeof(text));
	memcpy(text, "robot:", 6);
	text[SCRUB_PAIR_LIMIT] = '\0';
	_cleanup_(cleanup_secret) struct secret *pair = new_pair(text);
	_cleanup_buffer_ struct buffer answer;
	buffer_init(&answer, TEXT_LIMIT);
	for (int i = 0; i < 3000; i++)
		buffer_append_text(&answer, "\\\"a");
	buffer_append(&answer, text, SCRUB_PAIR_LIMIT - 1);
	ck_assert(!scrub(pair, answer.data, answer.len, true));
	buffer_append_text(&answer, "\\u0078");
	ck_assert(scrubbed(pair, &answer));
	ck_assert_ptr_null(strstr(buffer_text(&answer), "xx"));
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"no escape hides it", no_escape_hides_it},
	    {"base64 is found in every form", base64_is_found_in_every_form},
	    {"it is found in a URL", it_is_found_in_a_url},
	    {"it is found in hexadecimal digits", it_is_found_in_hexadecimal_digits},
	    {"it is found in base64 whatever stands around it",
		it_is_found_in_base64_whatever_stands_around_it},
	    {"it is found wherever it is", it_is_found_wherever_it_is},
	    {"what only looks like an escape is found as it is",
		what_only_looks_like_an_escape_is_found_as_it_is},
	    {"the longest pair is found", the_longest_pair_is_found},
	    {NULL, NULL},
	};
	return unit_main("scrub", cases);
}
