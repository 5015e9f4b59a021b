/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "api/cursor.h"
#include "unit.h"
#include "util/random.h"

static const struct cursor sample = {
    .kind = CURSOR_CONNECTORS, .list = 0x1122334455667788, .time = -5, .row = 42};

START_TEST(comes_back_as_it_was)
{
	struct random_sequence sequence;
	random_sequence_init(&sequence, 7);
	for (int i = 0; i < 10000; i++) {
		struct cursor cursor = {
		    .kind = (enum cursor_kind)random_sequence_between(&sequence, 1, 5),
		    .list = (uint64_t)random_sequence_between(&sequence, INT64_MIN, INT64_MAX),
		    .time = random_sequence_between(&sequence, INT64_MIN, INT64_MAX),
		    .row = random_sequence_between(&sequence, 1, INT64_MAX),
		};
		char text[CURSOR_TEXT_SIZE];
		struct cursor back;
		cursor_format(&cursor, text);
		ck_assert_uint_eq(strlen(text), CURSOR_TEXT_SIZE - 1);
		ck_assert_int_eq(cursor_parse(text, cursor.kind, cursor.list, &back), 0);
		ck_assert_int_eq(back.kind, cursor.kind);
		ck_assert_uint_eq(back.list, cursor.list);
		ck_assert_int_eq(back.time, cursor.time);
		ck_assert_int_eq(back.row, cursor.row);
	}
}
END_TEST

START_TEST(is_refused_by_another_list)
{
	char text[CURSOR_TEXT_SIZE];
	struct cursor untouched = {.row = 99};
	cursor_format(&sample, text);
	ck_assert_int_eq(cursor_parse(text, CURSOR_JOBS, sample.list, &untouched), -1);
	ck_assert_int_eq(cursor_parse(text, sample.kind, sample.list + 1, &untouched), -1);
	ck_assert_int_eq(untouched.row, 99);
}
END_TEST

START_TEST(is_refused_without_a_row)
{
	char text[CURSOR_TEXT_SIZE];
	struct cursor cursor = sample;
	cursor.row = 0;
	cursor_format(&cursor, text);
	ck_assert_int_eq(cursor_parse(text, cursor.kind, cursor.list, &cursor), -1);
}
END_TEST

START_TEST(is_refused_when_cut_longer_or_altered)
{
	char text[CURSOR_TEXT_SIZE + 1];
	struct cursor cursor;
	cursor_format(&sample, text);
	for (size_t len = 0; len < CURSOR_TEXT_SIZE - 1; len++) {
		char kept = text[len];
		text[len] = '\0';
		ck_assert_int_eq(cursor_parse(text, sample.kind, sample.list, &cursor), -1);
		text[len] = kept;
	}
	for (size_t i = 0; i < 2 * 10; i++) { /* version, kind and list */
		char kept = text[i];
		text[i] = kept == '1' ? '2' : '1';
		ck_assert_int_eq(cursor_parse(text, sample.kind, sample.list, &cursor), -1);
		text[i] = kept;
	}
	text[CURSOR_TEXT_SIZE - 1] = '0';
	text[CURSOR_TEXT_SIZE] = '\0';
	ck_assert_int_eq(cursor_parse(text, sample.kind, sample.list, &cursor), -1);
	ck_assert_int_eq(cursor_parse("not a cursor", sample.kind, sample.list, &cursor), -1);
}
END_TEST

START_TEST(a_fingerprint_tells_sequences_apart)
{
	ck_assert_uint_ne(
	    fingerprint_add(fingerprint_add(0, 1), 2), fingerprint_add(fingerprint_add(0, 2), 1));
	ck_assert_uint_ne(fingerprint_add(0, 0), 0);
	ck_assert_uint_ne(fingerprint_add(0, 0), fingerprint_add(fingerprint_add(0, 0), 0));
	ck_assert_uint_ne(fingerprint_add_text(0, NULL), fingerprint_add_text(0, ""));
	ck_assert_uint_ne(fingerprint_add_text(fingerprint_add_text(0, "ab"), "c"),
	    fingerprint_add_text(fingerprint_add_text(0, "a"), "bc"));
	ck_assert_uint_eq(fingerprint_add_text(3, "abc"), fingerprint_add_text(3, "abc"));
}
END_TEST

int main(void)
{
	return unit_main("cursor",
	    (const struct unit_case[]){
		{"comes back as it was", comes_back_as_it_was},
		{"is refused by another list", is_refused_by_another_list},
		{"is refused without a row", is_refused_without_a_row},
		{"is refused when cut, longer or altered", is_refused_when_cut_longer_or_altered},
		{"a fingerprint tells sequences apart", a_fingerprint_tells_sequences_apart},
		{NULL, NULL},
	    });
}
