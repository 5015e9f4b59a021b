/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "unit.h"
#include "util/digest.h"
#include "util/random.h"
#include "util/text.h"

static void expect_unsigned(const char *text, int result, uint64_t expected)
{
	uint64_t value = 99;
	ck_assert_msg(text_parse_unsigned(text, 1, 65535, &value) == result, "%s", text);
	ck_assert_uint_eq(value, expected);
}

START_TEST(numbers_are_digits_within_bounds)
{
	expect_unsigned("1", 0, 1);
	expect_unsigned("65535", 0, 65535);
	expect_unsigned("00080", 0, 80);
	static const char *const refused[] = {"", " 1", "1 ", "+1", "-1", "0", "65536", "1e3",
	    "0x1", "18446744073709551617", "99999999999999999999999"};
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		expect_unsigned(refused[i], -1, 99);
	uint64_t value;
	ck_assert_int_eq(text_parse_unsigned("18446744073709551615", 0, UINT64_MAX, &value), 0);
	ck_assert(value == UINT64_MAX);
}
END_TEST

START_TEST(durations_have_a_unit)
{
	static const struct {
		const char *text;
		int64_t microseconds;
	} accepted[] = {
	    {"0", 0},
	    {"0s", 0},
	    {"500ms", 500000},
	    {"30s", 30000000},
	    {"10m", 600000000},
	    {"2h", INT64_C(7200000000)},
	    {"7d", INT64_C(604800000000)},
	    {"36525d", INT64_C(36525) * 86400000000},
	};
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		int64_t value = -1;
		ck_assert_int_eq(text_parse_duration(accepted[i].text, &value), 0);
		ck_assert_int_eq(value, accepted[i].microseconds);
	}
	static const char *const refused[] = {"", "5", "00", "s", "-1s", "+1s", "1 s", "1s ", "1S",
	    "1.5s", "1w", "1us", "36526d", "9223372036854775807s", "99999999999999999999ms"};
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		int64_t value = -1;
		ck_assert_msg(text_parse_duration(refused[i], &value) == -1, "%s", refused[i]);
		ck_assert_int_eq(value, -1);
	}
}
END_TEST

static void expect_duration(int64_t microseconds, const char *expected)
{
	_cleanup_buffer_ struct buffer buffer;
	buffer_init(&buffer, 100);
	text_append_duration(&buffer, microseconds);
	ck_assert_str_eq(buffer_text(&buffer), expected);
}

START_TEST(durations_print_in_the_largest_exact_unit)
{
	expect_duration(0, "0");
	expect_duration(500000, "500ms");
	expect_duration(90000000, "90s");
	expect_duration(600000000, "10m");
	expect_duration(INT64_C(172800000000), "2d");
	expect_duration(1, "1us");
}
END_TEST

START_TEST(a_printed_duration_reads_back)
{
	struct random_sequence sequence;
	random_sequence_init(&sequence, 1);
	for (int i = 0; i < 10000; i++) {
		int64_t scale = random_sequence_between(&sequence, 0, 3);
		static const int64_t scales[] = {1000, 1000000, 60000000, INT64_C(86400000000)};
		int64_t value = random_sequence_between(&sequence, 0, 30000) * scales[scale];
		_cleanup_buffer_ struct buffer buffer;
		buffer_init(&buffer, 100);
		text_append_duration(&buffer, value);
		int64_t again = -1;
		ck_assert_int_eq(text_parse_duration(buffer_text(&buffer), &again), 0);
		ck_assert_int_eq(again, value);
	}
}
END_TEST

START_TEST(absent_is_not_empty)
{
	struct span empty = {.ptr = "", .len = 0};
	ck_assert(span_same(SPAN_NONE, SPAN_NONE));
	ck_assert(!span_same(SPAN_NONE, empty));
	ck_assert(span_equals(empty, ""));
	ck_assert(!span_equals(SPAN_NONE, ""));
	ck_assert(span_equals(SPAN_NONE, NULL));
	ck_assert(!span_equals(span_of("ab"), "abc"));
	ck_assert(!span_equals((struct span){.ptr = "a\0b", .len = 3}, "a"));
	ck_assert(text_same(NULL, NULL) && text_same("a", "a"));
	ck_assert(!text_same(NULL, "") && !text_same("", NULL) && !text_same("a", "b"));
	ck_assert_ptr_null(span_of(NULL).ptr);
}
END_TEST

START_TEST(comparison_in_constant_time_sees_every_bit)
{
	uint8_t a[DIGEST_SIZE];
	uint8_t b[DIGEST_SIZE];
	digest_sha256("", 0, a);
	memcpy(b, a, sizeof(a));
	ck_assert(digest_same(a, b));
	for (size_t bit = 0; bit < sizeof(b) * 8; bit++) {
		b[bit / 8] = (uint8_t)(b[bit / 8] ^ (1 << bit % 8));
		ck_assert(!digest_same(a, b));
		b[bit / 8] = a[bit / 8];
	}
}
END_TEST

START_TEST(hexadecimal_goes_both_ways)
{
	uint8_t all[256];
	uint8_t back[256];
	char hex[513];
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	text_hex(all, sizeof(all), hex);
	ck_assert_mem_eq(hex, "000102030405060708090a0b", 24);
	ck_assert_uint_eq(strlen(hex), 512);
	ck_assert_int_eq(text_unhex(hex, back, sizeof(back)), 0);
	ck_assert_mem_eq(back, all, sizeof(all));
	ck_assert_int_eq(text_unhex("aBcD", back, 2), 0);
	ck_assert_mem_eq(back, "\xab\xcd", 2);
	static const char *const refused[] = {
	    "", "a", "abc", "abcde", "abcdef", "ab g", "0x12", "-1-1"};
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		ck_assert_int_eq(text_unhex(refused[i], back, 2), -1);
	ck_assert_mem_eq(back, "\xab\xcd", 2);
}
END_TEST

static size_t encode(uint32_t point, char *to)
{
	if (point < 0x80) {
		to[0] = (char)point;
		return 1;
	}
	size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = len; i-- > 1; point >>= 6)
		to[i] = (char)(0x80 | (point & 0x3f));
	to[0] = (char)(leads[len] | point);
	return len;
}

START_TEST(utf8_is_every_code_point_but_surrogates)
{
	for (uint32_t point = 0; point < 0x1fffff; point++) {
		char text[4];
		size_t len = encode(point, text);
		bool valid = point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
		bool cut = len > 1 && text_is_utf8(text, len - 1);
		if (text_is_utf8(text, len) != valid || cut)
			ck_abort_msg("U+%04X", point);
	}
}
END_TEST

START_TEST(utf8_is_never_overlong_or_broken)
{
	static const char *const refused[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2\x41",
	    "\xe0\x80\x80", "\xe0\x9f\xbf", "\xe2\x82\x41", "\xe2\x41\x82", "\xf0\x80\x80\x80",
	    "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98\x41", "\xf8\x88\x80\x80\x80", "\xfe", "\xff",
	    "fine until \xe2\x82"};
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		ck_assert_msg(!text_is_utf8(refused[i], strlen(refused[i])), "case %zu", i);
	ck_assert(text_is_utf8("", 0));
	ck_assert(text_is_utf8("a\0b", 3));
}
END_TEST

START_TEST(a_byte_order_mark_is_at_the_start_or_none)
{
	ck_assert_uint_eq(text_mark_length("\xef\xbb\xbfx", 4), 3);
	ck_assert_uint_eq(text_mark_length("\xef\xbb\xbf", 3), 3);
	ck_assert_uint_eq(text_mark_length("\xef\xbb\xbf", 2), 0);
	ck_assert_uint_eq(text_mark_length("x\xef\xbb\xbf", 4), 0);
	ck_assert_uint_eq(text_mark_length("", 0), 0);
}
END_TEST

START_TEST(what_is_put_into_a_field_is_cut_between_characters)
{
	static const struct {
		const char *text;
		size_t size;
		const char *fits;
	} cases[] = {
	    {NULL, 4, ""},
	    {"abc", 4, "abc"},
	    {"abcd", 4, "abc"},
	    {"\xc3\xa9\xc3\xa9", 5, "\xc3\xa9\xc3\xa9"},
	    {"\xc3\xa9\xc3\xa9", 4, "\xc3\xa9"},
	    {"\xc3\xa9\xc3\xa9", 3, "\xc3\xa9"},
	    {"a\xf0\x9f\x98\x80", 5, "a"},
	    {"\xc3\xa9", 1, ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char field[8];
		text_fit(field, cases[i].size, cases[i].text);
		ck_assert_str_eq(field, cases[i].fits);
	}
}
END_TEST

static void expect_decoded(const char *text, bool plus, const char *expected)
{
	char copy[64];
	snprintf(copy, sizeof(copy), "%s", text);
	long len = text_percent_decode(copy, plus);
	if (!expected) {
		ck_assert_msg(len == -1, "%s", text);
		return;
	}
	ck_assert_msg(len == (long)strlen(expected), "%s", text);
	ck_assert_str_eq(copy, expected);
}

START_TEST(percent_escapes_decode_or_are_refused)
{
	expect_decoded("", false, "");
	expect_decoded("a%20b", false, "a b");
	expect_decoded("a+b", false, "a+b");
	expect_decoded("a+b%2B", true, "a b+");
	expect_decoded("%e2%82%AC", false, "\xe2\x82\xac");
	expect_decoded("%2541", false, "%41");
	static const char *const refused[] = {
	    "%", "%4", "%g0", "%0g", "a%", "%%20", "%00", "a%00b", "%ff", "%c3", "%-1", "% 1"};
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		expect_decoded(refused[i], false, NULL);
}
END_TEST

START_TEST(percent_encoding_decodes_to_the_same)
{
	_cleanup_buffer_ struct buffer buffer;
	buffer_init(&buffer, 1000);
	text_append_percent_encoded(&buffer, "aZ09-._~ /?&%+\"\xc3\xa9");
	ck_assert_str_eq(buffer_text(&buffer), "aZ09-._~%20%2F%3F%26%25%2B%22%C3%A9");
	struct random_sequence sequence;
	random_sequence_init(&sequence, 2);
	for (int i = 0; i < 2000; i++) {
		char text[121];
		size_t len = 0;
		while (len < 100) {
			int64_t point = random_sequence_between(&sequence, 1, 0x2fff);
			len += encode((uint32_t)point, text + len);
		}
		text[len] = '\0';
		buffer_clear(&buffer);
		text_append_percent_encoded(&buffer, text);
		ck_assert_int_eq(text_percent_decode(buffer.data, true), (long)len);
		ck_assert_str_eq(buffer.data, text);
	}
}
END_TEST

static void expect_escaped(const char *text, size_t size, const char *expected, size_t taken)
{
	char escaped[64];
	size_t found = 0;
	memset(escaped, '#', sizeof(escaped));
	size_t len = text_escape(text, strlen(text), escaped, size, &found);
	ck_assert_uint_eq(found, taken);
	ck_assert_uint_eq(len, strlen(expected));
	ck_assert_mem_eq(escaped, expected, len);
	ck_assert_int_eq(escaped[len], '#');
}

START_TEST(what_is_shown_holds_no_control_characters)
{
	expect_escaped("", 60, "", 0);
	expect_escaped("plain \"text\" \xe2\x82\xac", 60, "plain \"text\" \xe2\x82\xac", 16);
	expect_escaped("\n\r\t\\\x1b\x7f", 60, "\\n\\r\\t\\\\\\x1b\\x7f", 6);
	expect_escaped("\xffus\xe2\x82 \xc2\x9b", 60, "\\xffus\\xe2\\x82 \\xc2\\x9b", 8);
	/* Whole or not at all. */
	expect_escaped("ab\n", 3, "ab", 2);
	expect_escaped("ab\n", 4, "ab\\n", 3);
	expect_escaped("\x01\x01", 7, "\\x01", 1);
	expect_escaped("a\xe2\x82\xac", 3, "a", 1);
	expect_escaped("a\xe2\x82\xac", 4, "a\xe2\x82\xac", 4);
	expect_escaped("a", 0, "", 0);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"numbers are digits within bounds", numbers_are_digits_within_bounds},
	    {"durations have a unit", durations_have_a_unit},
	    {"durations print in the largest exact unit",
		durations_print_in_the_largest_exact_unit},
	    {"a printed duration reads back", a_printed_duration_reads_back},
	    {"absent is not empty", absent_is_not_empty},
	    {"comparison in constant time sees every bit",
		comparison_in_constant_time_sees_every_bit},
	    {"hexadecimal goes both ways", hexadecimal_goes_both_ways},
	    {"UTF-8 is every code point but surrogates", utf8_is_every_code_point_but_surrogates},
	    {"UTF-8 is never overlong or broken", utf8_is_never_overlong_or_broken},
	    {"a byte order mark is at the start or none",
		a_byte_order_mark_is_at_the_start_or_none},
	    {"what is put into a field is cut between characters",
		what_is_put_into_a_field_is_cut_between_characters},
	    {"percent escapes decode or are refused", percent_escapes_decode_or_are_refused},
	    {"percent encoding decodes to the same", percent_encoding_decodes_to_the_same},
	    {"what is shown holds no control characters",
		what_is_shown_holds_no_control_characters},
	    {NULL, NULL},
	};
	return unit_main("text", cases);
}
