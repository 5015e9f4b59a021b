/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "unit.h"
#include "util/buffer.h"
#include "util/jsontext.h"
#include "util/random.h"

static int parse(const char *text, unsigned flags)
{
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *value = NULL;
	int result = jsontext_parse(span_of(text), flags, &err, &value);
	ck_assert((result == 0) == (value != NULL));
	ck_assert((result == 0) == (err.text[0] == '\0'));
	return result;
}

static void expect_refused(const char *text, size_t len, const char *sentence)
{
	struct err err = ERR_INIT;
	json_t *value = NULL;
	struct span span = {.ptr = text, .len = len};
	ck_assert_int_eq(jsontext_parse(span, JSONTEXT_REJECT_DUPLICATES, &err, &value), -1);
	ck_assert_ptr_null(value);
	ck_assert_msg(strstr(err.text, sentence) != NULL, "%s", err.text);
}

START_TEST(whole_documents_only)
{
	ck_assert_int_eq(parse("{\"a\":[1,2.5,\"x\",true,null]}", 0), 0);
	ck_assert_int_eq(parse(" [] \n", 0), 0);
	static const char *const refused[] = {"", " ", "{", "[1", "[1]]", "[1],", "[1] x",
	    "{\"a\"}", "{a:1}", "[01]", "[1,]", "['a']", "[\"\\u0000\"]", "[\"\xff\"]", "[NaN]",
	    "[\"a\nb\"]"};
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		ck_assert_msg(parse(refused[i], 0) == -1, "%s", refused[i]);
	expect_refused(NULL, 0, "line 1 column 0");
	expect_refused("{}\0", 3, "line 1 column 3: a NUL byte");
	expect_refused("[1\0]", 4, "line 1 column 3: a NUL byte");
}
END_TEST

START_TEST(scalars_and_duplicates_are_a_matter_of_flags)
{
	ck_assert_int_eq(parse("5", 0), -1);
	ck_assert_int_eq(parse("5", JSONTEXT_ANY), 0);
	ck_assert_int_eq(parse("{\"a\":1,\"a\":2}", 0), 0);
	ck_assert_int_eq(parse("{\"a\":1,\"a\":2}", JSONTEXT_REJECT_DUPLICATES), -1);
	ck_assert_int_eq(parse("{\"a\":1,\"\\u0061\":2}", JSONTEXT_REJECT_DUPLICATES), -1);
}
END_TEST

START_TEST(numbers_that_do_not_fit_refuse_the_document)
{
	ck_assert_int_eq(parse("[9223372036854775807]", 0), 0);
	ck_assert_int_eq(parse("[9223372036854775808]", 0), -1);
	ck_assert_int_eq(parse("[1e308]", 0), 0);
	ck_assert_int_eq(parse("[1e309]", 0), -1);
}
END_TEST

START_TEST(errors_say_where)
{
	expect_refused("{\n  \"a\": 1,\n  \"b\": x\n}", 22, "line 3 column 8: ");
	expect_refused("[\x01]", 3, "near '\\x01'");
	expect_refused("[\x1b[2J]", 6, "near '\\x1b'");
	expect_refused("[1 \x7f]", 5, "near '\\x7f'");
	char deep[201];
	memset(deep, '[', 200);
	deep[200] = '\0';
	memcpy(deep, "[\n\"\xc3\xa9\",", 7);
	expect_refused(deep, 200, "line 2 column 68: nested too deeply");
}
END_TEST

static int parse_nested(size_t depth)
{
	char text[1001];
	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	text[2 * depth] = '\0';
	return parse(text, 0);
}

START_TEST(depth_is_limited)
{
	ck_assert_int_eq(parse_nested(JSONTEXT_DEPTH_LIMIT), 0);
	ck_assert_int_eq(parse_nested(JSONTEXT_DEPTH_LIMIT + 1), -1);
	ck_assert_int_eq(
	    parse("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]", 0), 0);
	ck_assert_int_eq(
	    parse("[\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]", 0),
	    0);
}
END_TEST

/* A document of count values in all: `first`, then repetitions of `piece`, then `last`. */
static int parse_repeated(
    const char *first, const char *piece, size_t repetitions, const char *last)
{
	_cleanup_buffer_ struct buffer text;
	buffer_init(&text, 20000000);
	buffer_append_text(&text, first);
	for (size_t i = 0; i < repetitions; i++)
		buffer_append_text(&text, piece);
	buffer_append_text(&text, last);
	return parse(buffer_text(&text), 0);
}

START_TEST(the_number_of_values_is_limited)
{
	ck_assert_int_eq(parse_repeated("[", "1,", JSONTEXT_VALUES_LIMIT - 2, "1]"), 0);
	ck_assert_int_eq(parse_repeated("[", "1,", JSONTEXT_VALUES_LIMIT - 1, "1]"), -1);
	ck_assert_int_eq(parse_repeated("[", "{},", JSONTEXT_VALUES_LIMIT - 1, "1]"), -1);
	/* Names are no values. */
	ck_assert_int_eq(parse_repeated("{", "\"a\":1,", JSONTEXT_VALUES_LIMIT - 2, "\"a\":1}"), 0);
	ck_assert_int_eq(
	    parse_repeated("{", "\"a\":1,", JSONTEXT_VALUES_LIMIT - 1, "\"a\":1}"), -1);
}
END_TEST

static void expect_member(const char *object, const char *name, const char *expected)
{
	struct span found = jsontext_member(span_of(object), name);
	ck_assert_msg(span_equals(found, expected), "%s: %s is not %s", object, name, expected);
}

START_TEST(a_member_comes_back_as_the_bytes_received)
{
	expect_member("{\"a\":0.1}", "a", "0.1");
	expect_member(" { \"a\" : 1.50e+01 , \"b\":2}", "a", "1.50e+01");
	expect_member("{\"a\":{\"b\":[1, {\"c\":\"}]\\\"\"}]},\"d\":1}", "a",
	    "{\"b\":[1, {\"c\":\"}]\\\"\"}]}");
	expect_member("{\"a\":\"x\\\\\",\"b\":\"y\"}", "a", "\"x\\\\\"");
	expect_member("{\"a\":\"x\\\\\",\"b\":\"y\"}", "b", "\"y\"");
	expect_member("{\"a\":{\"b\":1}}", "b", NULL);
	expect_member("{\"a\":1}", "ab", NULL);
	expect_member("{\"a\":null}", "a", NULL);
	expect_member("{}", "a", NULL);
	expect_member("[\"a\",1]", "a", NULL);
	expect_member("5", "a", NULL);
	expect_member("", "a", NULL);
	ck_assert_ptr_null(jsontext_member(SPAN_NONE, "a").ptr);
}
END_TEST

START_TEST(the_last_member_of_a_name_counts_however_it_is_spelt)
{
	expect_member("{\"a\":1,\"a\":2}", "a", "2");
	expect_member("{\"a\":1,\"a\":null}", "a", NULL);
	expect_member("{\"id\":1,\"\\u0069d\":2}", "id", "2");
	expect_member("{\"id\":1,\"i\\u0064\":2}", "id", "2");
	expect_member("{\"a\\/b\":3}", "a/b", "3");
	expect_member("{\"\\u0161\":3}", "a", NULL);
	expect_member("{\"id\\u0000\":3}", "id", NULL);
	expect_member("{\"i\\u006\":3}", "id", NULL);
	expect_member("{\"i\\\":3}", "i", NULL);
}
END_TEST

/* A random value, no deeper than depth. */
static json_t *random_value(struct random_sequence *sequence, int depth)
{
	static const char *const texts[] = {"", "a", "\"", "\\", "],}{[", "\xe2\x82\xac", "x\ny"};
	const char *text = texts[random_sequence_between(sequence, 0, ARRAY_SIZE(texts) - 1)];
	int64_t kind = random_sequence_between(sequence, depth > 0 ? 0 : 2, 5);
	if (kind == 2)
		return json_string(text);
	if (kind == 3)
		return json_integer(random_sequence_between(sequence, INT64_MIN, INT64_MAX));
	if (kind == 4)
		return json_real((double)random_sequence_between(sequence, -1000, 1000) / 16);
	if (kind == 5)
		return json_boolean(random_sequence_between(sequence, 0, 1));
	json_t *container = kind == 0 ? json_object() : json_array();
	for (int64_t i = random_sequence_between(sequence, 0, 4); i > 0; i--) {
		json_t *inner = random_value(sequence, depth - 1);
		if (kind == 0)
			json_object_set_new(
			    container, texts[random_sequence_between(sequence, 0, 6)], inner);
		else
			json_array_append_new(container, inner);
	}
	return container;
}

static json_t *parse_any(struct span text)
{
	struct err err = ERR_INIT;
	json_t *value = NULL;
	ck_assert_msg(jsontext_parse(text, JSONTEXT_ANY, &err, &value) == 0, "%s", err.text);
	return value;
}

/* Puts the spans of text's members back together with jansson. */
static json_t *rebuild(struct span text)
{
	struct jsontext_iterator iterator;
	struct span key;
	struct span value;
	if (text.ptr[0] != '{' && text.ptr[0] != '[')
		return parse_any(text);
	json_t *container = text.ptr[0] == '{' ? json_object() : json_array();
	jsontext_iterate(&iterator, text);
	while (jsontext_next(&iterator, &key, &value)) {
		json_t *inner = rebuild(value);
		if (!key.ptr) {
			json_array_append_new(container, inner);
			continue;
		}
		_cleanup_json_ json_t *name =
		    parse_any((struct span){.ptr = key.ptr - 1, .len = key.len + 2});
		json_object_set_new(container, json_string_value(name), inner);
	}
	return container;
}

START_TEST(walking_finds_what_jansson_finds)
{
	static const size_t styles[] = {JSON_COMPACT, JSON_INDENT(2), JSON_ENSURE_ASCII};
	struct random_sequence sequence;
	random_sequence_init(&sequence, 7);
	for (int round = 0; round < 2000; round++) {
		_cleanup_json_ json_t *value = random_value(&sequence, 4);
		_cleanup_free_ char *text = json_dumps(value, styles[round % 3] | JSON_ENCODE_ANY);
		_cleanup_json_ json_t *rebuilt = rebuild(span_of(text));
		ck_assert_msg(json_equal(value, rebuilt), "%s", text);
	}
}
END_TEST

/* Whether every span found in text, and in what was found, is inside its container. */
static bool stays_inside(struct span text)
{
	struct jsontext_iterator iterator;
	struct span key;
	struct span value;
	(void)jsontext_member(text, "a");
	jsontext_iterate(&iterator, text);
	while (jsontext_next(&iterator, &key, &value)) {
		if (value.len == 0 || value.ptr <= text.ptr ||
		    value.ptr + value.len > text.ptr + text.len)
			return false;
		if (key.ptr && key.ptr + key.len >= value.ptr)
			return false;
		if (!stays_inside(value))
			return false;
	}
	return true;
}

START_TEST(walking_broken_text_stays_inside)
{
	struct random_sequence sequence;
	random_sequence_init(&sequence, 8);
	for (int round = 0; round < 5000; round++) {
		static const char bytes[] = "{}[]:,\"\\u0a1 \n";
		_cleanup_json_ json_t *value = random_value(&sequence, 4);
		_cleanup_free_ char *text = json_dumps(value, JSON_ENCODE_ANY);
		size_t len = (size_t)random_sequence_between(&sequence, 0, (int64_t)strlen(text));
		/* Memory of exactly this size, so that a byte too far is noticed. */
		_cleanup_free_ char *copy = malloc(len + (len == 0));
		memcpy(copy, text, len); /* NOLINT(bugprone-not-null-terminated-result) */
		for (int64_t i = random_sequence_between(&sequence, 0, 3); i > 0 && len > 0; i--) {
			int64_t place = random_sequence_between(&sequence, 0, (int64_t)len - 1);
			copy[place] = bytes[random_sequence_between(&sequence, 0, 13)];
		}
		if (!stays_inside((struct span){.ptr = copy, .len = len}))
			ck_abort_msg("outside: %.*s", (int)len, copy);
	}
}
END_TEST

static bool parse_pieces(struct span text, struct span list, unsigned flags)
{
	struct err err = ERR_INIT;
	struct jsontext_iterator iterator;
	struct span key;
	struct span value;
	_cleanup_json_ json_t *around = NULL;
	if (jsontext_parse_around(text, list, flags, &err, &around) < 0)
		return false;
	jsontext_iterate(&iterator, list);
	while (jsontext_next(&iterator, &key, &value)) {
		_cleanup_json_ json_t *entry = NULL;
		if (jsontext_parse(value, flags | JSONTEXT_ANY, &err, &entry) < 0)
			return false;
	}
	return iterator.place == JSONTEXT_ENDED;
}

/* The array that the innermost "a" of nested ones is, or that text is. */
static struct span find_list(struct span text)
{
	struct span value = jsontext_value(text);
	for (struct span inner = value; inner.ptr; inner = jsontext_member(value, "a"))
		value = inner;
	return value.ptr && value.ptr[0] == '[' ? value : SPAN_NONE;
}

/* Whether the document is valid, found both ways. */
static bool both_ways(const char *text, size_t len)
{
	/* Memory of exactly this size, so that a byte too far is noticed. */
	_cleanup_free_ char *copy = malloc(len + (len == 0));
	memcpy(copy, text, len);
	struct span span = {.ptr = copy, .len = len};
	bool valid = false;
	for (unsigned flags = 0; flags <= JSONTEXT_REJECT_DUPLICATES; flags++) {
		struct err err = ERR_INIT;
		_cleanup_json_ json_t *value = NULL;
		valid = jsontext_parse(span, flags, &err, &value) == 0;
		if (parse_pieces(span, find_list(span), flags) != valid)
			ck_abort_msg("%s: %.*s", valid ? "refused" : "taken", (int)len, copy);
	}
	return valid;
}

START_TEST(a_list_apart_is_refused_for_every_fault_around_and_in_it)
{
	static const char *const valid[] = {"[]", " [ ] ", "[1]", "{\"a\":[ 1 , [2] ,{\"b\":[]}]}",
	    "{\"b\":[1],\"a\":{\"a\":[\"]\",\"\\\"\"],\"c\":2}}", "{\"a\":[1],\"a\":[2]}"};
	static const char *const refused[] = {"[", "[1,]", "[,1]", "[1,,2]", "[1 2]", "[1]]", "[1}",
	    "{\"a\":[1}", "{\"a\":[1]", "{\"a\":[1]]}", "{\"a\":[1],}", "{\"a\":[1]} x",
	    "{\"a\":[{]}", "{\"a\":[}]}", "{\"a\":[{\"b\":[}]]}", "{\"a\":[1:2]}",
	    "{\"a\":[\"b\":2]}", "{\"a\":[tru]}", "{\"a\":[01]}", "{\"a\":[1\"b\"]}", "{\"a\" [1]}",
	    "{\"a\":x[1]}", "{\"a\":[1]x}", "{\"a\":[9223372036854775808]}", "{\"a\":[\"\xff\"]}",
	    "{\"a\":[\"\\u0000\"]}", "\"a\":[1]"};
	for (size_t i = 0; i < ARRAY_SIZE(valid) - 1; i++)
		ck_assert_msg(both_ways(valid[i], strlen(valid[i])), "%s", valid[i]);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		ck_assert_msg(!both_ways(refused[i], strlen(refused[i])), "%s", refused[i]);
	ck_assert(!both_ways("[1]\0", 4));
	ck_assert(!both_ways("[1\0]", 4));
	const char *twice = valid[ARRAY_SIZE(valid) - 1];
	ck_assert(!both_ways(twice, strlen(twice)));
}
END_TEST

static enum jsontext_place walk_to_the_end(const char *text)
{
	struct jsontext_iterator iterator;
	struct span key;
	struct span value;
	jsontext_iterate(&iterator, span_of(text));
	while (jsontext_next(&iterator, &key, &value))
		;
	return iterator.place;
}

START_TEST(a_walk_tells_how_it_ended)
{
	static const char *const ended[] = {"", " ", "5", "[]", "{ } ", " [1,2] ", "{\"a\":1}"};
	static const char *const malformed[] = {"[", "{", "[1", "[1,", "[] x", "[1] ]", "[1}",
	    "{\"a\":1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1}", "[1,]", "[,]"};
	for (size_t i = 0; i < ARRAY_SIZE(ended); i++)
		ck_assert_int_eq(walk_to_the_end(ended[i]), JSONTEXT_ENDED);
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++)
		ck_assert_int_eq(walk_to_the_end(malformed[i]), JSONTEXT_MALFORMED);
}
END_TEST

START_TEST(limits_hold_for_what_is_around_a_list)
{
	char text[600];
	char deep[2 * JSONTEXT_DEPTH_LIMIT + 1];
	struct err err = ERR_INIT;
	json_t *value = NULL;
	memset(deep, '[', JSONTEXT_DEPTH_LIMIT);
	memset(deep + JSONTEXT_DEPTH_LIMIT, ']', JSONTEXT_DEPTH_LIMIT);
	deep[sizeof(deep) - 1] = '\0';
	/* The list's own entries are parsed by themselves, and count by themselves. */
	snprintf(text, sizeof(text), "{\"a\":%s,\"b\":[]}", deep);
	struct span span = span_of(text);
	ck_assert_int_eq(jsontext_parse(span, 0, &err, &value), -1);
	ck_assert_int_eq(
	    jsontext_parse_around(span, jsontext_member(span, "a"), 0, &err, &value), 0);
	json_decref(value);
	ck_assert_int_eq(
	    jsontext_parse_around(span, jsontext_member(span, "b"), 0, &err, &value), -1);
	ck_assert_msg(strstr(err.text, "nested too deeply") != NULL, "%s", err.text);
}
END_TEST

/* Replaces, inserts, removes or doubles a few bytes; text has room for them. */
static size_t mutate(struct random_sequence *sequence, char *text, size_t len)
{
	static const char bytes[] = "{}[]{}[]:,,\"\\u0a1 \n\xc3";
	for (int64_t i = random_sequence_between(sequence, 0, 3); i > 0 && len > 0; i--) {
		char *at = text + random_sequence_between(sequence, 0, (int64_t)len - 1);
		char byte = bytes[random_sequence_between(sequence, 0, sizeof(bytes) - 1)];
		size_t behind = (size_t)(text + len - at);
		switch (random_sequence_between(sequence, 0, 3)) {
		case 0:
			*at = byte;
			break;
		case 1:
			memmove(at, at + 1, behind - 1);
			len--;
			break;
		case 2:
			memmove(at + 1, at, behind);
			*at = byte;
			len++;
			break;
		case 3:
			len = (size_t)(at - text);
			break;
		}
	}
	return len;
}

START_TEST(a_list_apart_is_valid_exactly_when_the_whole_is)
{
	static const struct {
		const char *before, *behind;
	} frames[] = {{" ", "\n"}, {"{\"a\" : ", "}"}, {"{\"b\":[1],\"a\":{\"a\":", "},\"c\":{}}"}};
	struct random_sequence sequence;
	random_sequence_init(&sequence, 9);
	int valid = 0;
	for (int round = 0; round < 3000; round++) {
		char text[2048];
		_cleanup_json_ json_t *list = json_array();
		for (int64_t i = random_sequence_between(&sequence, 0, 3); i > 0; i--)
			json_array_append_new(list, random_value(&sequence, 2));
		_cleanup_free_ char *inner =
		    json_dumps(list, round % 2 ? JSON_COMPACT : JSON_INDENT(1));
		int len = snprintf(text, sizeof(text), "%s%s%s", frames[round % 3].before, inner,
		    frames[round % 3].behind);
		ck_assert_uint_lt((size_t)len, sizeof(text) - 3);
		valid += both_ways(text, mutate(&sequence, text, (size_t)len));
	}
	/* Enough on either side for the comparison to mean something. */
	ck_assert_int_gt(valid, 500);
	ck_assert_int_lt(valid, 2500);
}
END_TEST

static bool parses(struct span text)
{
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *value = NULL;
	return jsontext_parse(text, JSONTEXT_ANY, &err, &value) == 0;
}

START_TEST(looking_tells_what_parsing_would)
{
	static const char *const texts[] = {"", " ", "0", " -0 ", "01", "1.", "-", "1.5e+3", "1e",
	    "1e+", ".5", "+1", "true", "tru", "nulls", "\"\"", "\"", "\"a\nb\"", "\"\\n\\/\\\"\"",
	    "\"\\x\"", "\"\\\"", "\"\\u00e9\"", "\"\\u0000\"", "\"\\u00\"", "\"\\ud83d\\ude00\"",
	    "\"\\ud83d\"", "\"\\ud83d\\u0041\"", "\"\\ude00\"", "\"\xc3\xa9\"", "\"\xc3\"",
	    "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "{}", "[]", "{", "[", "]",
	    "[1", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}",
	    "{\"a\" : [1, {}] }", "{a:1}", "[}", "{]", "[[]", "[]]", "[] []", "[1]x",
	    "{\"a\":1 \"b\":2}", "\x0c[]"};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		ck_assert_msg(jsontext_is_valid(span_of(texts[i])) == parses(span_of(texts[i])),
		    "%s", texts[i]);
	static const char whole[] = "{\"a\": [1, -2.5e3, true, {\"\\u00e9\\n\":null}], "
				    "\"b\\/\":\"\xc3\xa9\\ud83d\\ude00\"}";
	struct random_sequence sequence;
	unsigned valid = 0;
	random_sequence_init(&sequence, 4);
	for (int round = 0; round < 3000; round++) {
		char text[sizeof(whole) + 3];
		memcpy(text, whole, sizeof(whole));
		struct span changed = {
		    .ptr = text, .len = mutate(&sequence, text, sizeof(whole) - 1)};
		bool expected = parses(changed);
		ck_assert_msg(
		    jsontext_is_valid(changed) == expected, "%.*s", (int)changed.len, text);
		valid += expected;
	}
	ck_assert_uint_gt(valid, 500);
	ck_assert_uint_lt(valid, 2500);
	/* A number of any size is one, and not too deep is deep enough. */
	char deep[2 * JSONTEXT_VALID_DEPTH_LIMIT + 2];
	memset(deep, '[', JSONTEXT_VALID_DEPTH_LIMIT + 1);
	memset(deep + JSONTEXT_VALID_DEPTH_LIMIT + 1, ']', JSONTEXT_VALID_DEPTH_LIMIT + 1);
	ck_assert(jsontext_is_valid(span_of("[1e999,123456789012345678901234567890]")));
	ck_assert(!jsontext_is_valid((struct span){.ptr = deep, .len = sizeof(deep)}));
	ck_assert(jsontext_is_valid((struct span){.ptr = deep + 1, .len = sizeof(deep) - 2}));
	ck_assert(!jsontext_is_valid(SPAN_NONE));
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"whole documents only", whole_documents_only},
	    {"scalars and duplicates are a matter of flags",
		scalars_and_duplicates_are_a_matter_of_flags},
	    {"numbers that do not fit refuse the document",
		numbers_that_do_not_fit_refuse_the_document},
	    {"errors say where", errors_say_where},
	    {"depth is limited", depth_is_limited},
	    {"the number of values is limited", the_number_of_values_is_limited},
	    {"a member comes back as the bytes received",
		a_member_comes_back_as_the_bytes_received},
	    {"the last member of a name counts, however it is spelt",
		the_last_member_of_a_name_counts_however_it_is_spelt},
	    {"walking finds what jansson finds", walking_finds_what_jansson_finds},
	    {"walking broken text stays inside", walking_broken_text_stays_inside},
	    {"a list apart is refused for every fault around and in it",
		a_list_apart_is_refused_for_every_fault_around_and_in_it},
	    {"a walk tells how it ended", a_walk_tells_how_it_ended},
	    {"limits hold for what is around a list", limits_hold_for_what_is_around_a_list},
	    {"a list apart is valid exactly when the whole is",
		a_list_apart_is_valid_exactly_when_the_whole_is},
	    {"looking tells what parsing would", looking_tells_what_parsing_would},
	    {NULL, NULL},
	};
	return unit_main("jsontext", cases);
}
