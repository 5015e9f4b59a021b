/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <string.h>

#include "unit.h"
#include "util/buffer.h"
#include "util/random.h"

START_TEST(nothing_appended_is_an_empty_string)
{
	_cleanup_buffer_ struct buffer buffer;
	buffer_init(&buffer, 10);
	ck_assert_str_eq(buffer_text(&buffer), "");
	ck_assert_ptr_null(buffer_steal(&buffer, NULL));
}
END_TEST

START_TEST(the_limit_can_be_reached_but_not_passed)
{
	_cleanup_buffer_ struct buffer buffer;
	buffer_init(&buffer, 5);
	ck_assert_int_eq(buffer_append(&buffer, "12345", 5), 0);
	ck_assert_int_eq(buffer_append(&buffer, "", 0), 0);
	ck_assert(!buffer_failed(&buffer));
	ck_assert_int_eq(buffer_append(&buffer, "6", 1), -1);
	ck_assert(buffer_failed(&buffer));
	ck_assert_str_eq(buffer_text(&buffer), "12345");
}
END_TEST

START_TEST(a_failure_sticks_until_cleared)
{
	_cleanup_buffer_ struct buffer buffer;
	buffer_init(&buffer, 5);
	ck_assert_int_eq(buffer_append_text(&buffer, "too long"), -1);
	ck_assert_int_eq(buffer_append_text(&buffer, "a"), -1);
	ck_assert_int_eq(buffer_printf(&buffer, "%d", 1), -1);
	ck_assert_int_eq(buffer_reserve(&buffer, 0), -1);
	ck_assert_ptr_null(buffer_steal(&buffer, NULL));
	buffer_clear(&buffer);
	ck_assert(!buffer_failed(&buffer));
	ck_assert_int_eq(buffer_append_text(&buffer, "a"), 0);
	ck_assert_str_eq(buffer_text(&buffer), "a");
}
END_TEST

START_TEST(printf_grows_and_respects_the_limit)
{
	_cleanup_buffer_ struct buffer buffer;
	buffer_init(&buffer, 2000);
	ck_assert_int_eq(buffer_printf(&buffer, "%d-%s", 7, "x"), 0);
	ck_assert_int_eq(buffer_printf(&buffer, "%01000d", 1), 0);
	ck_assert_uint_eq(buffer.len, 1003);
	ck_assert_uint_eq(strlen(buffer_text(&buffer)), 1003);
	ck_assert_int_eq(buffer_printf(&buffer, "%01000d", 1), -1);
	ck_assert_uint_eq(strlen(buffer_text(&buffer)), 1003);
}
END_TEST

START_TEST(cutting_takes_back_what_came_last)
{
	_cleanup_buffer_ struct buffer buffer;
	buffer_init(&buffer, 8);
	buffer_cut(&buffer, 0);
	buffer_append_text(&buffer, "abcde");
	ck_assert_int_eq(buffer_append_text(&buffer, "fghij"), -1);
	buffer_cut(&buffer, 3);
	ck_assert_str_eq(buffer_text(&buffer), "abc");
	ck_assert_int_eq(buffer_append_text(&buffer, "xyz"), 0);
	ck_assert_str_eq(buffer_text(&buffer), "abcxyz");
}
END_TEST

START_TEST(stealing_leaves_it_empty_and_usable)
{
	_cleanup_buffer_ struct buffer buffer;
	buffer_init(&buffer, 100);
	buffer_append(&buffer, "a\0b", 3);
	size_t len = 0;
	_cleanup_free_ char *stolen = buffer_steal(&buffer, &len);
	ck_assert_uint_eq(len, 3);
	ck_assert_mem_eq(stolen, "a\0b", 4);
	ck_assert_str_eq(buffer_text(&buffer), "");
	ck_assert_int_eq(buffer_append_text(&buffer, "again"), 0);
	ck_assert_str_eq(buffer_text(&buffer), "again");
}
END_TEST

START_TEST(absurd_lengths_are_refused)
{
	_cleanup_buffer_ struct buffer buffer;
	buffer_init(&buffer, SIZE_MAX);
	ck_assert_int_eq(buffer_append_text(&buffer, "abc"), 0);
	ck_assert_int_eq(buffer_reserve(&buffer, SIZE_MAX), -1);
	buffer_clear(&buffer);
	buffer_append_text(&buffer, "abc");
	ck_assert_int_eq(buffer_reserve(&buffer, SIZE_MAX - 3), -1);
	ck_assert_str_eq(buffer_text(&buffer), "abc");
}
END_TEST

/* What holds after any appends: the content is their concatenation, up to the first that failed. */
START_TEST(random_appends_match_a_model)
{
	struct random_sequence sequence;
	random_sequence_init(&sequence, 5);
	for (int round = 0; round < 300; round++) {
		char model[5000] = "";
		size_t len = 0;
		bool failed = false;
		size_t limit = (size_t)random_sequence_between(&sequence, 0, 4000);
		_cleanup_buffer_ struct buffer buffer;
		buffer_init(&buffer, limit);
		for (int i = 0; i < 30; i++) {
			char piece[400];
			size_t extra = (size_t)random_sequence_between(&sequence, 0, 399);
			memset(piece, 'a' + i % 26, sizeof(piece));
			failed = failed || len + extra > limit;
			ck_assert_int_eq(buffer_append(&buffer, piece, extra), failed ? -1 : 0);
			if (!failed) {
				memcpy(model + len, piece, extra);
				len += extra;
			}
			ck_assert_uint_eq(buffer.len, len);
			ck_assert(buffer.size <= limit + 1);
		}
		ck_assert_str_eq(buffer_text(&buffer), model);
	}
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"nothing appended is an empty string", nothing_appended_is_an_empty_string},
	    {"the limit can be reached but not passed", the_limit_can_be_reached_but_not_passed},
	    {"a failure sticks until cleared", a_failure_sticks_until_cleared},
	    {"printf grows and respects the limit", printf_grows_and_respects_the_limit},
	    {"cutting takes back what came last", cutting_takes_back_what_came_last},
	    {"stealing leaves it empty and usable", stealing_leaves_it_empty_and_usable},
	    {"absurd lengths are refused", absurd_lengths_are_refused},
	    {"random appends match a model", random_appends_match_a_model},
	    {NULL, NULL},
	};
	return unit_main("buffer", cases);
}
