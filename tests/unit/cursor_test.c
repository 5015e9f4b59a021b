/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "api/cursor.h"
#include "unit.h"
#include "util/random.h"

static const uint8_t key[CURSOR_KEY_SIZE] = "a key that is thirty-two bytes.";

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
		struct cursor back = {.kind = cursor.kind, .list = cursor.list};
		cursor_format(&cursor, key, text);
		ck_assert_uint_eq(strlen(text), CURSOR_TEXT_SIZE - 1);
		ck_assert_int_eq(cursor_parse(text, key, &back), 0);
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
	struct cursor other = {.kind = CURSOR_JOBS, .list = sample.list, .row = 99};
	cursor_format(&sample, key, text);
	ck_assert_int_eq(cursor_parse(text, key, &other), -1);
	other.kind = sample.kind;
	other.list++;
	ck_assert_int_eq(cursor_parse(text, key, &other), -1);
	ck_assert_int_eq(other.row, 99);
}
END_TEST

START_TEST(is_refused_without_a_row)
{
	char text[CURSOR_TEXT_SIZE];
	struct cursor cursor = sample;
	cursor.row = 0;
	cursor_format(&cursor, key, text);
	ck_assert_int_eq(cursor_parse(text, key, &cursor), -1);
}
END_TEST

START_TEST(is_refused_when_cut_longer_or_altered)
{
	char text[CURSOR_TEXT_SIZE + 1];
	struct cursor cursor = sample;
	cursor_format(&sample, key, text);
	for (size_t i = 0; i < CURSOR_TEXT_SIZE - 1; i++) {
		char kept = text[i];
		text[i] = '\0';
		ck_assert_int_eq(cursor_parse(text, key, &cursor), -1);
		text[i] = kept == '1' ? '2' : '1';
		ck_assert_int_eq(cursor_parse(text, key, &cursor), -1);
		text[i] = kept;
	}
	ck_assert_int_eq(cursor_parse(text, key, &cursor), 0);
	text[CURSOR_TEXT_SIZE - 1] = '0';
	text[CURSOR_TEXT_SIZE] = '\0';
	ck_assert_int_eq(cursor_parse(text, key, &cursor), -1);
	ck_assert_int_eq(cursor_parse("not a cursor", key, &cursor), -1);
}
END_TEST

START_TEST(tells_nothing_without_the_key)
{
	static const uint8_t other_key[CURSOR_KEY_SIZE] = "another, of as many bytes as it.";
	char text[CURSOR_TEXT_SIZE], next[CURSOR_TEXT_SIZE];
	struct cursor cursor = sample;
	cursor_format(&cursor, key, text);
	ck_assert_int_eq(cursor_parse(text, other_key, &cursor), -1);
	/* Its neighbour has nothing in common with it but by chance. */
	cursor.row++;
	cursor_format(&cursor, key, next);
	size_t same = 0;
	for (size_t i = 0; i < CURSOR_TEXT_SIZE - 1; i++)
		same += text[i] == next[i];
	ck_assert_uint_lt(same, 20);
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
		{"tells nothing without the key", tells_nothing_without_the_key},
		{"a fingerprint tells sequences apart", a_fingerprint_tells_sequences_apart},
		{NULL, NULL},
	    });
}
