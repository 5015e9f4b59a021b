/* SPDX-License-Identifier: MIT */
/* What ends a list that is read page by page. */
#include "sync/pages.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

static void add(struct pages *pages, const char *body)
{
	struct err err = ERR_INIT;
	ck_assert_int_eq(pages_add(pages, span_of(body), &err), 0);
}

START_TEST(an_address_is_asked_once)
{
	size_t room = 0;
	struct pages pages;
	pages_init(&pages, &room);
	ck_assert_int_eq(pages_follow(&pages, "http://a/list"), 0);
	ck_assert_int_eq(pages_follow(&pages, "http://a/list?page=2"), 0);
	ck_assert_str_eq(pages.cut, "");
	ck_assert_int_eq(pages_follow(&pages, "http://a/list"), 1);
	ck_assert_msg(strstr(pages.cut, "in a circle, back to http://a/list"), "%s", pages.cut);
	pages_done(&pages);
}
END_TEST

START_TEST(there_is_an_end_to_pages)
{
	size_t room = 0;
	struct pages pages;
	char url[32];
	pages_init(&pages, &room);
	for (int i = 1; i <= PAGES_COUNT_LIMIT; i++) {
		snprintf(url, sizeof(url), "http://a/%d", i);
		ck_assert_int_eq(pages_follow(&pages, url), 0);
		add(&pages, "[]");
	}
	ck_assert_int_eq(pages_follow(&pages, "http://a/more"), 1);
	ck_assert_msg(strstr(pages.cut, "past 200 pages"), "%s", pages.cut);
	pages_done(&pages);
	ck_assert_uint_eq(room, 0);
}
END_TEST

START_TEST(all_that_are_read_at_one_time_share_their_room)
{
	size_t room = PAGES_ROOM - 10;
	struct pages pages;
	struct pages others;
	struct err err = ERR_INIT;
	pages_init(&pages, &room);
	pages_init(&others, &room);
	add(&pages, "[1,2,3]");
	ck_assert_int_eq(pages_add(&others, span_of("[1,2]"), &err), 1);
	ck_assert_msg(strstr(others.cut, "MiB"), "%s", others.cut);
	pages_done(&pages);
	add(&others, "[1,2]");
	pages_done(&others);
	ck_assert_uint_eq(room, PAGES_ROOM - 10);
}
END_TEST

START_TEST(what_was_seen_is_nothing_new)
{
	size_t room = 0;
	struct pages pages;
	char id[16];
	pages_init(&pages, &room);
	for (int turn = 0; turn < 2; turn++)
		for (int i = 0; i < 1000; i++) {
			snprintf(id, sizeof(id), "%d", i);
			ck_assert_int_eq(pages_note(&pages, span_of(id)), turn == 0);
		}
	pages_done(&pages);
}
END_TEST

START_TEST(only_the_first_reason_is_told)
{
	size_t room = 0;
	struct pages pages;
	pages_init(&pages, &room);
	pages_cut(&pages, "first %d", 1);
	pages_cut(&pages, "second");
	ck_assert_str_eq(pages.cut, "first 1");
	pages_done(&pages);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"an address is asked once", an_address_is_asked_once},
	    {"there is an end to pages", there_is_an_end_to_pages},
	    {"all that are read at one time share their room",
		all_that_are_read_at_one_time_share_their_room},
	    {"what was seen is nothing new", what_was_seen_is_nothing_new},
	    {"only the first reason is told", only_the_first_reason_is_told},
	    {NULL, NULL},
	};
	return unit_main("pages", cases);
}
