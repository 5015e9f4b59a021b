/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "unit.h"
#include "util/jsontext.h"
#include "util/random.h"
#include "util/timestamp.h"
#include "util/writer.h"

START_TEST(commas_and_colons_fall_into_place)
{
	_cleanup_buffer_ struct buffer buffer;
	struct writer writer;
	buffer_init(&buffer, 1000);
	writer_init(&writer, &buffer);
	writer_begin_object(&writer);
	writer_member_text(&writer, "text", "a");
	writer_member_text(&writer, "absent", NULL);
	writer_member_integer(&writer, "integer", -5);
	writer_member_boolean(&writer, "yes", true);
	writer_member_boolean(&writer, "no", false);
	writer_member_null(&writer, "null");
	writer_member_raw(&writer, "raw", span_of("0.1"));
	writer_member_raw(&writer, "no_raw", SPAN_NONE);
	writer_member_time(&writer, "time", 0);
	writer_member_time(&writer, "no_time", TIMESTAMP_NONE);
	writer_key(&writer, "list");
	writer_begin_array(&writer);
	writer_integer(&writer, 1);
	writer_begin_array(&writer);
	writer_end_array(&writer);
	writer_begin_object(&writer);
	writer_end_object(&writer);
	writer_end_array(&writer);
	writer_member_integer(&writer, "last", 2);
	writer_end_object(&writer);
	ck_assert_str_eq(buffer_text(&buffer),
	    "{\"text\":\"a\",\"absent\":null,\"integer\":-5,\"yes\":true,\"no\":false,"
	    "\"null\":null,\"raw\":0.1,\"no_raw\":null,\"time\":\"1970-01-01T00:00:00Z\","
	    "\"no_time\":null,\"list\":[1,[],{}],\"last\":2}");
}
END_TEST

START_TEST(integers_of_every_size)
{
	static const int64_t values[] = {
	    0, 9, 10, -1, -10, 99, 1000, INT32_MAX, INT64_MAX, INT64_MIN};
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		_cleanup_buffer_ struct buffer buffer;
		struct writer writer;
		char expected[32];
		buffer_init(&buffer, 100);
		writer_init(&writer, &buffer);
		writer_integer(&writer, values[i]);
		snprintf(expected, sizeof(expected), "%lld", (long long)values[i]);
		ck_assert_str_eq(buffer_text(&buffer), expected);
	}
}
END_TEST

START_TEST(seconds_have_only_the_decimals_they_need)
{
	static const struct {
		int64_t microseconds;
		const char *text;
	} values[] = {
	    {0, "0"},
	    {90000000, "90"},
	    {1500000, "1.5"},
	    {1, "0.000001"},
	    {-1, "-0.000001"},
	    {-2250000, "-2.25"},
	    {10000100, "10.0001"},
	    {INT64_MAX, "9223372036854.775807"},
	    {INT64_MIN, "-9223372036854.775808"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		_cleanup_buffer_ struct buffer buffer;
		struct writer writer;
		buffer_init(&buffer, 100);
		writer_init(&writer, &buffer);
		writer_seconds(&writer, values[i].microseconds);
		ck_assert_str_eq(buffer_text(&buffer), values[i].text);
	}
}
END_TEST

static void expect_text(const char *text, size_t len, const char *expected)
{
	_cleanup_buffer_ struct buffer buffer;
	struct writer writer;
	buffer_init(&buffer, 1000);
	writer_init(&writer, &buffer);
	writer_text_span(&writer, (struct span){.ptr = text, .len = len});
	ck_assert_str_eq(buffer_text(&buffer), expected);
}

START_TEST(text_is_escaped)
{
	expect_text("", 0, "\"\"");
	expect_text("\"\\/", 3, "\"\\\"\\\\/\"");
	expect_text("\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"");
	expect_text("\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\"");
	expect_text("\xe2\x82\xac", 3, "\"\xe2\x82\xac\"");
	expect_text("a\xff\xe2\x82z", 5, "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"");
}
END_TEST

START_TEST(a_key_cannot_break_out)
{
	_cleanup_buffer_ struct buffer buffer;
	struct writer writer;
	buffer_init(&buffer, 1000);
	writer_init(&writer, &buffer);
	writer_begin_object(&writer);
	writer_member_null(&writer, "a\":1,\"b");
	writer_end_object(&writer);
	ck_assert_str_eq(buffer_text(&buffer), "{\"a\\\":1,\\\"b\":null}");
}
END_TEST

/* Text is looked at in words of eight bytes: each byte value, in each place of a word, at each
 * alignment and with every length behind it, must come out as it would alone. */
START_TEST(every_byte_is_found_at_every_place)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		for (size_t place = 0; place < 20; place++) {
			char text[24];
			char expected[64] = "\"";
			_cleanup_buffer_ struct buffer alone;
			struct writer writer;
			memset(text, 'x', sizeof(text));
			text[place] = (char)byte;
			buffer_init(&alone, 100);
			writer_init(&writer, &alone);
			writer_text_span(&writer, (struct span){.ptr = text + place, .len = 1});
			size_t behind = place % 4;
			memset(expected + 1, 'x', place);
			memcpy(expected + 1 + place, alone.data + 1, alone.len - 2);
			memset(expected + place + alone.len - 1, 'x', behind);
			expected[place + alone.len - 1 + behind] = '"';
			expect_text(text, place + 1 + behind, expected);
		}
	}
}
END_TEST

/* Appends a random piece to text, and what must be read back to expected. */
static void random_piece(
    struct random_sequence *sequence, struct buffer *text, struct buffer *expected)
{
	static const char *const pieces[] = {"plain", "\"", "\\", "\n", "\x01", "\xc3\xa9",
	    "\xf0\x9f\x98\x80", "a long run without anything special in it"};
	static const char *const broken[] = {"\xff", "\x80", "\xc0", "\xf5"};
	if (random_sequence_between(sequence, 0, 9) == 0) {
		buffer_append_text(
		    text, broken[random_sequence_between(sequence, 0, ARRAY_SIZE(broken) - 1)]);
		buffer_append_text(expected, "\xef\xbf\xbd");
		return;
	}
	const char *piece = pieces[random_sequence_between(sequence, 0, ARRAY_SIZE(pieces) - 1)];
	buffer_append_text(text, piece);
	buffer_append_text(expected, piece);
}

START_TEST(what_is_written_reads_back)
{
	struct random_sequence sequence;
	random_sequence_init(&sequence, 6);
	for (int round = 0; round < 3000; round++) {
		_cleanup_buffer_ struct buffer text;
		_cleanup_buffer_ struct buffer expected;
		_cleanup_buffer_ struct buffer written;
		buffer_init(&text, 10000);
		buffer_init(&expected, 10000);
		buffer_init(&written, 10000);
		for (int64_t i = random_sequence_between(&sequence, 0, 12); i > 0; i--)
			random_piece(&sequence, &text, &expected);
		struct writer writer;
		writer_init(&writer, &written);
		writer_text(&writer, buffer_text(&text));
		struct err err = ERR_INIT;
		_cleanup_json_ json_t *value = NULL;
		struct span span = {.ptr = written.data, .len = written.len};
		ck_assert_msg(
		    jsontext_parse(span, JSONTEXT_ANY, &err, &value) == 0, "%s", err.text);
		ck_assert_str_eq(json_string_value(value), buffer_text(&expected));
	}
}
END_TEST

START_TEST(a_full_buffer_only_fails_the_buffer)
{
	for (size_t limit = 0; limit < 40; limit++) {
		_cleanup_buffer_ struct buffer buffer;
		struct writer writer;
		buffer_init(&buffer, limit);
		writer_init(&writer, &buffer);
		writer_begin_object(&writer);
		writer_member_text(&writer, "name", "\xe2\x82\xac \n and more of it");
		writer_member_integer(&writer, "number", 1234567);
		writer_end_object(&writer);
		ck_assert(buffer_failed(&buffer));
		ck_assert(buffer.len <= limit);
	}
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"commas and colons fall into place", commas_and_colons_fall_into_place},
	    {"integers of every size", integers_of_every_size},
	    {"seconds have only the decimals they need", seconds_have_only_the_decimals_they_need},
	    {"text is escaped", text_is_escaped},
	    {"a key cannot break out", a_key_cannot_break_out},
	    {"every byte is found at every place", every_byte_is_found_at_every_place},
	    {"what is written reads back", what_is_written_reads_back},
	    {"a full buffer only fails the buffer", a_full_buffer_only_fails_the_buffer},
	    {NULL, NULL},
	};
	return unit_main("writer", cases);
}
