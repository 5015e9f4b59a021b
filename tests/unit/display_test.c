/* SPDX-License-Identifier: MIT */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "ctl/display.h"
#include "unit.h"
#include "util/clock.h"
#include "util/text.h"

static void expect_shown(const char *text, size_t len, const char *shown)
{
	struct buffer buffer _cleanup_buffer_;
	buffer_init(&buffer, 4096);
	display_append(&buffer, (struct span){.ptr = text, .len = len});
	ck_assert_str_eq(buffer_text(&buffer), shown);
}

START_TEST(what_a_terminal_obeys_is_escaped)
{
	static const struct {
		const char *text;
		const char *shown;
	} cases[] = {
	    {"", ""},
	    {"plain text, \xc3\xa9\xe2\x98\x83\xf0\x9f\x98\x80",
		"plain text, \xc3\xa9\xe2\x98\x83\xf0\x9f\x98\x80"},
	    {"a\x1b[31mb", "a\\x1b[31mb"},
	    {"\a\b\t\n\r\x7f", "\\x07\\x08\\x09\\x0a\\x0d\\x7f"},
	    {"\\x1b", "\\x5cx1b"},
	    {"\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "\\xc2\\x80\\xc2\\x9b\\xc2\\x9f\xc2\xa0"},
	    {"\xe2\x80\xae\xe2\x80\xaa\xe2\x81\xa6\xe2\x81\xa9",
		"\\xe2\\x80\\xae\\xe2\\x80\\xaa\\xe2\\x81\\xa6\\xe2\\x81\\xa9"},
	    {"\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c", "\\xe2\\x80\\x8e\\xe2\\x80\\x8f\\xd8\\x9c"},
	    {"\xe2\x80\xa8\xe2\x80\xa9", "\\xe2\\x80\\xa8\\xe2\\x80\\xa9"},
	    {"\xff\xc3", "\\xff\\xc3"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_shown(cases[i].text, strlen(cases[i].text), cases[i].shown);
	expect_shown("a\0b", 3, "a\\x00b");
}
END_TEST

START_TEST(every_control_is_escaped_and_nothing_else_of_ascii)
{
	for (int c = 0; c < 128; c++) {
		char text = (char)c;
		char shown[8];
		bool control = c < ' ' || c == 127 || c == '\\';
		if (control)
			snprintf(shown, sizeof(shown), "\\x%02x", (unsigned)c);
		else
			snprintf(shown, sizeof(shown), "%c", c);
		expect_shown(&text, 1, shown);
	}
}
END_TEST

static void expect_cut(const char *text, size_t columns, const char *cut)
{
	struct buffer buffer _cleanup_buffer_;
	buffer_init(&buffer, 4096);
	display_append_cut(&buffer, span_of(text), columns);
	ck_assert_str_eq(buffer_text(&buffer), cut);
	size_t width = display_width(span_of(buffer_text(&buffer)));
	ck_assert_uint_le(width, columns > 0 ? columns : 1);
}

START_TEST(text_is_measured_and_cut_by_columns)
{
	ck_assert(setlocale(LC_CTYPE, "C.UTF-8"));
	ck_assert_uint_eq(display_width(span_of("abc")), 3);
	ck_assert_uint_eq(display_width(span_of("\xc3\xa9")), 1);
	ck_assert_uint_eq(display_width(span_of("e\xcc\x81")), 1); /* a letter and an accent */
	ck_assert_uint_eq(display_width(span_of("\xe6\x97\xa5\xe6\x9c\xac")), 4);
	expect_cut("abcdef", 6, "abcdef");
	expect_cut("abcdef", 5, "abcd\xe2\x80\xa6");
	expect_cut("abcdef", 1, "\xe2\x80\xa6");
	expect_cut("abcdef", 0, "\xe2\x80\xa6");
	expect_cut("\xe6\x97\xa5\xe6\x9c\xac", 4, "\xe6\x97\xa5\xe6\x9c\xac");
	expect_cut("\xe6\x97\xa5\xe6\x9c\xac", 3, "\xe6\x97\xa5\xe2\x80\xa6");
	expect_cut("\xe6\x97\xa5\xe6\x9c\xac", 2, "\xe2\x80\xa6");
}
END_TEST

#define SECONDS(n) ((n)*MICROSECONDS_PER_SECOND)

START_TEST(ages_have_one_unit_and_lengths_two)
{
	static const struct {
		int64_t time;
		const char *age;
		const char *lasting;
	} cases[] = {
	    {-SECONDS(5), "0s", "0s"},
	    {0, "0s", "0s"},
	    {SECONDS(1) - 1, "0s", "0s"},
	    {SECONDS(12), "12s", "12s"},
	    {SECONDS(60), "1m", "1m"},
	    {SECONDS(72), "1m", "1m12s"},
	    {SECONDS(3600), "1h", "1h"},
	    {SECONDS(3659), "1h", "1h"},
	    {SECONDS(3 * 3600 + 300), "3h", "3h5m"},
	    {SECONDS(3 * 86400 + 4 * 3600), "3d", "3d4h"},
	    {SECONDS(400 * 86400), "400d", "400d"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buffer buffer _cleanup_buffer_;
		buffer_init(&buffer, 64);
		display_append_age(&buffer, cases[i].time);
		ck_assert_str_eq(buffer_text(&buffer), cases[i].age);
		buffer_clear(&buffer);
		display_append_lasting(&buffer, cases[i].time, "");
		ck_assert_str_eq(buffer_text(&buffer), cases[i].lasting);
	}
	struct buffer up _cleanup_buffer_;
	buffer_init(&up, 64);
	display_append_lasting(&up, SECONDS(3 * 86400 + 4 * 3600), " ");
	ck_assert_str_eq(buffer_text(&up), "3d 4h");
}
END_TEST

START_TEST(numbers_and_sizes_are_easy_to_read)
{
	static const struct {
		int64_t number;
		const char *shown;
		const char *size;
	} cases[] = {
	    {0, "0", "0 B"},
	    {999, "999", "999 B"},
	    {1000, "1,000", "1000 B"},
	    {1024, "1,024", "1 KiB"},
	    {662938, "662,938", "647 KiB"},
	    {-1234567, "-1,234,567", "-1234567 B"},
	    {INT64_C(41) << 20, "42,991,616", "41 MiB"},
	    {INT64_MAX, "9,223,372,036,854,775,807", "8388607 TiB"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buffer buffer _cleanup_buffer_;
		buffer_init(&buffer, 64);
		display_append_number(&buffer, cases[i].number);
		ck_assert_str_eq(buffer_text(&buffer), cases[i].shown);
		buffer_clear(&buffer);
		display_append_size(&buffer, cases[i].number);
		ck_assert_str_eq(buffer_text(&buffer), cases[i].size);
	}
}
END_TEST

START_TEST(a_document_is_put_on_one_line)
{
	struct buffer buffer _cleanup_buffer_;
	buffer_init(&buffer, 64);
	buffer_append_text(&buffer, "x\n");
	display_append_json_line(&buffer, span_of("{\"a\":\r\n\t0.50}"));
	ck_assert_str_eq(buffer_text(&buffer), "x\n{\"a\":  \t0.50}");
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"what a terminal obeys is escaped", what_a_terminal_obeys_is_escaped},
	    {"every control is escaped, and nothing else of ASCII",
		every_control_is_escaped_and_nothing_else_of_ascii},
	    {"text is measured and cut by columns", text_is_measured_and_cut_by_columns},
	    {"ages have one unit, and lengths two", ages_have_one_unit_and_lengths_two},
	    {"numbers and sizes are easy to read", numbers_and_sizes_are_easy_to_read},
	    {"a document is put on one line", a_document_is_put_on_one_line},
	    {NULL, NULL},
	};
	return unit_main("display", cases);
}
