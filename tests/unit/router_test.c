/* SPDX-License-Identifier: MIT */
#include "http/router.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"
#include "util/random.h"

static const struct route table[] = {
    {.method = "GET", .path = "/a"},
    {.method = "POST", .path = "/a"},
    {.method = "GET", .path = "/a/{}"},
    {.method = "DELETE", .path = "/a/{}"},
    {.method = "GET", .path = "/a/{}/b/{}"},
    {.method = "POST", .path = "/p/{}", .flags = ROUTE_FOREIGN},
};

static struct route_match find(const char *method, const char *path)
{
	struct route_match match;
	router_find(table, ARRAY_SIZE(table), method, span_of(path), &match);
	return match;
}

START_TEST(paths_are_found_segment_by_segment)
{
	ck_assert_ptr_eq(find("GET", "/a").route, &table[0]);
	ck_assert_ptr_eq(find("HEAD", "/a").route, &table[0]);
	ck_assert_ptr_eq(find("POST", "/a").route, &table[1]);
	struct route_match match = find("GET", "/a/x%2Fy/b/z");
	ck_assert_ptr_eq(match.route, &table[4]);
	ck_assert(span_equals(match.segments[0], "x%2Fy"));
	ck_assert(span_equals(match.segments[1], "z"));
	static const char *const unknown[] = {"", "/", "a", "/b", "/a/", "//a", "/a//", "/a/x/",
	    "/a/x/b", "/a/x/b/", "/a//b/y", "/a/x/b/y/z", "/a%2Fx", "/A", "/a/x/b//"};
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		match = find("GET", unknown[i]);
		ck_assert_msg(!match.route && !match.path_known, "%s", unknown[i]);
	}
}
END_TEST

START_TEST(a_known_path_allows_what_it_serves)
{
	struct route_match match = find("PUT", "/a");
	ck_assert_ptr_null(match.route);
	ck_assert(match.path_known);
	ck_assert_str_eq(match.allow, "GET, HEAD, POST");
	ck_assert_str_eq(find("POST", "/a/x").allow, "GET, HEAD, DELETE");
	ck_assert_str_eq(find("HEAD", "/p/1").allow, "POST");
	ck_assert_ptr_null(find("HEAD", "/p/1").route);
	ck_assert_ptr_null(find("get", "/a").route);
}
END_TEST

START_TEST(only_drop_in_paths_take_a_slash_at_the_end)
{
	ck_assert_ptr_eq(find("POST", "/p/1").route, &table[5]);
	ck_assert_ptr_eq(find("POST", "/p/1/").route, &table[5]);
	ck_assert(span_equals(find("POST", "/p/1/").segments[0], "1"));
	ck_assert_ptr_null(find("POST", "/p/1//").route);
	ck_assert_ptr_null(find("POST", "/p//").route);
	ck_assert_ptr_null(find("GET", "/a/x/").route);
}
END_TEST

/* Whatever is escaped: a path has as many segments as it has raw slashes. */
START_TEST(escaped_slashes_make_no_segments)
{
	static const char *const pieces[] = {"%2f", "%2F", "a", "%00", "..", "%", "?"};
	struct random_sequence sequence;
	random_sequence_init(&sequence, 1);
	for (int round = 0; round < 20000; round++) {
		char path[128] = "/a/";
		int64_t count = random_sequence_between(&sequence, 1, 8);
		for (int64_t i = 0; i < count; i++) {
			const char *piece =
			    pieces[random_sequence_between(&sequence, 0, ARRAY_SIZE(pieces) - 1)];
			snprintf(path + strlen(path), sizeof(path) - strlen(path), "%s", piece);
		}
		struct route_match match = find("GET", path);
		ck_assert_ptr_eq(match.route, &table[2]);
		ck_assert(span_equals(match.segments[0], path + 3));
	}
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"paths are found segment by segment", paths_are_found_segment_by_segment},
	    {"a known path allows what it serves", a_known_path_allows_what_it_serves},
	    {"only drop-in paths take a slash at the end",
		only_drop_in_paths_take_a_slash_at_the_end},
	    {"escaped slashes make no segments", escaped_slashes_make_no_segments},
	    {NULL, NULL},
	};
	return unit_main("router", cases);
}
