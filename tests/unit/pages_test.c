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
	pages_init(&pages, PAGES_HISTORY, &room);
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
	pages_init(&pages, PAGES_HISTORY, &room);
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
	pages_init(&pages, PAGES_HISTORY, &room);
	pages_init(&others, PAGES_HISTORY, &room);
	add(&pages, "[1,2,3]");
	ck_assert_int_eq(pages_add(&others, span_of("[1,2]"), &err), 1);
	ck_assert_msg(strstr(others.cut, "MiB"), "%s", others.cut);
	pages_done(&pages);
	add(&others, "[1,2]");
	pages_done(&others);
	ck_assert_uint_eq(room, PAGES_ROOM - 10);
}
END_TEST

static bool brings_news(struct pages *pages, const char *body)
{
	add(pages, body);
	return pages->list[pages->count - 1].news;
}

#define MORE(data) "{\"status\":\"ok\",\"results\":{\"has_more\":true,\"data\":" data "}}"
#define RUN(id) "{\"id\":\"" id "\",\"start_time\":\"10\"}"

START_TEST(what_was_seen_is_nothing_new)
{
	size_t room = 0;
	struct pages pages;
	pages_init(&pages, PAGES_HISTORY, &room);
	ck_assert(brings_news(&pages, MORE("[" RUN("a") "," RUN("b") "]")));
	ck_assert(!brings_news(&pages, MORE("[" RUN("b") "," RUN("a") "]")));
	ck_assert(brings_news(&pages, MORE("[" RUN("b") "," RUN("c") "]")));
	ck_assert(brings_news(&pages, MORE("[null]")));
	ck_assert(!brings_news(&pages, MORE("[]")));
	ck_assert(pages_last(&pages)->has_more);
	pages_done(&pages);
	ck_assert_uint_eq(room, 0);
}
END_TEST

START_TEST(connectors_are_told_apart_by_their_ids)
{
	size_t room = 0;
	struct pages pages;
	pages_init(&pages, PAGES_LISTING, &room);
	ck_assert(brings_news(&pages, MORE("[{\"connector_id\":\"a\"}]")));
	ck_assert(!brings_news(&pages, MORE("[{\"connector_id\":\"a\",\"label\":\"x\"}]")));
	ck_assert(brings_news(&pages, MORE("[{\"connector_id\":\"b\"}]")));
	pages_done(&pages);
}
END_TEST

START_TEST(a_page_that_cannot_be_read_is_not_kept)
{
	size_t room = 0;
	struct pages pages;
	struct err err = ERR_INIT;
	pages_init(&pages, PAGES_HISTORY, &room);
	add(&pages, "[" RUN("a") "]");
	size_t before = room;
	ck_assert_int_eq(pages_add(&pages, span_of("[{\"start_time\":"), &err), -1);
	ck_assert_str_ne(err.text, "");
	ck_assert_uint_eq(pages.count, 1);
	ck_assert_uint_eq(room, before);
	pages_done(&pages);
}
END_TEST

START_TEST(only_the_first_reason_is_told)
{
	size_t room = 0;
	struct pages pages;
	pages_init(&pages, PAGES_HISTORY, &room);
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
	    {"connectors are told apart by their ids", connectors_are_told_apart_by_their_ids},
	    {"a page that cannot be read is not kept", a_page_that_cannot_be_read_is_not_kept},
	    {"only the first reason is told", only_the_first_reason_is_told},
	    {NULL, NULL},
	};
	return unit_main("pages", cases);
}
