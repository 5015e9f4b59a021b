/* SPDX-License-Identifier: MIT */
#include "http/field.h"

#include <string.h>

#include "unit.h"

static bool is_id(const char *text)
{
	return field_is_request_id(span_of(text));
}

START_TEST(request_ids_are_kept_when_harmless)
{
	char longest[130];
	memset(longest, 'a', sizeof(longest));
	longest[129] = '\0';
	ck_assert(is_id("a") && is_id("A-1_.z"));
	ck_assert(
	    !is_id("") && !is_id("a b") && !is_id("a\n") && !is_id("\xc3\xa9") && !is_id("a:b"));
	ck_assert(!is_id(longest));
	longest[128] = '\0';
	ck_assert(is_id(longest));
}
END_TEST

START_TEST(lengths_are_digits)
{
	uint64_t length = 5;
	static const char *const bad[] = {"", "+1", "-1", " 1", "1 ", "0x1", "1,1", "1.0"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(field_content_length(span_of(bad[i]), &length), -1);
	ck_assert_uint_eq(length, 5);
	ck_assert_int_eq(field_content_length(span_of("00"), &length), 0);
	ck_assert_uint_eq(length, 0);
	ck_assert_int_eq(field_content_length(span_of("123456789012345678"), &length), 0);
	ck_assert_uint_eq(length, UINT64_C(123456789012345678));
	static const char *const most[] = {
	    "18446744073709551615", "18446744073709551616", "184467440737095516150"};
	for (size_t i = 0; i < ARRAY_SIZE(most); i++) {
		ck_assert_int_eq(field_content_length(span_of(most[i]), &length), 0);
		ck_assert_uint_eq(length, UINT64_MAX);
	}
	ck_assert_int_eq(field_content_length(span_of("18446744073709551609"), &length), 0);
	ck_assert_uint_eq(length, UINT64_MAX - 6);
}
END_TEST

START_TEST(json_is_json_with_any_parameters)
{
	ck_assert(field_is_json(span_of("application/json")));
	ck_assert(field_is_json(span_of("Application/JSON ; charset=utf-8")));
	ck_assert(field_is_json(span_of(" application/json;x")));
	ck_assert(!field_is_json(span_of("application/jsonp")));
	ck_assert(!field_is_json(span_of("application/json, text/plain")));
	ck_assert(!field_is_json(span_of("application/json text")));
	ck_assert(!field_is_json(span_of("text/plain; application/json")));
	ck_assert(!field_is_json(span_of("")));
	ck_assert(!field_is_json(SPAN_NONE));
}
END_TEST

START_TEST(types_are_listed_unless_they_weigh_nothing)
{
	static const char *const listed[] = {"a/b", "A/B", "c/d,a/b", " c/d , a/b ;x=y", "a/b;q=1",
	    "a/b;q=0.001", "a/b;q=0,a/b", "a/b;x=q=0", "a/b;qq=0", "a/b;q=0x"};
	static const char *const others[] = {"", "a/bc", "a", "c/d;a/b", "a/b;q=0", "a/b; Q=0.000",
	    "c/d,a/b;x=y;q=0.0 ", "a/b;q=0 ;x=y"};
	for (size_t i = 0; i < ARRAY_SIZE(listed); i++)
		ck_assert_msg(field_lists_type(span_of(listed[i]), "a/b"), "%s", listed[i]);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		ck_assert_msg(!field_lists_type(span_of(others[i]), "a/b"), "%s", others[i]);
}
END_TEST

START_TEST(etags_are_compared_weakly)
{
	static const char *const matching[] = {"*", "\"a\"", "W/\"a\"", "\"b\", W/\"a\"",
	    "\"b\",\"a\"", ",, \"a\"", "\"b,c\" , \"a\""};
	static const char *const other[] = {"", "a", "\"b\"", "w/\"a\"", "\"a", "\"b\" \"a\"",
	    "\"a b\"", "\"b\", *", "W/a", "\"b\"x, \"a\""};
	for (size_t i = 0; i < ARRAY_SIZE(matching); i++)
		ck_assert_msg(field_lists_etag(span_of(matching[i]), "W/\"a\""), "%s", matching[i]);
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		ck_assert_msg(!field_lists_etag(span_of(other[i]), "W/\"a\""), "%s", other[i]);
	ck_assert(field_lists_etag(span_of("W/\"a\""), "\"a\""));
}
END_TEST

static int host(const char *text, const char *name, uint16_t port)
{
	struct span found = SPAN_NONE;
	uint16_t number = 1;
	if (field_host(span_of(text), &found, &number) < 0)
		return -1;
	ck_assert_msg(span_equals(found, name), "%s", text);
	ck_assert_uint_eq(number, port);
	return 0;
}

START_TEST(hosts_have_a_name_and_maybe_a_port)
{
	ck_assert_int_eq(host("localhost", "localhost", 0), 0);
	ck_assert_int_eq(host("127.0.0.1:6973", "127.0.0.1", 6973), 0);
	ck_assert_int_eq(host("[::1]", "[::1]", 0), 0);
	ck_assert_int_eq(host("[::1]:65535", "[::1]", 65535), 0);
	static const char *const bad[] = {"", ":1", "a:", "a:0", "a:65536", "a:x", "a:1:2", "u@a",
	    "a/b", "[::1", "[]", "[::1]x", "::1", "a b", "a,b", "a:-1", "a:000001"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(host(bad[i], "", 0) == -1, "%s", bad[i]);
}
END_TEST

START_TEST(targets_are_taken_apart_raw)
{
	struct field_target target;
	ck_assert_int_eq(field_target(span_of("/a%2Fb?c=%00&d"), &target), 0);
	ck_assert(span_equals(target.path, "/a%2Fb"));
	ck_assert(span_equals(target.query, "c=%00&d"));
	ck_assert_ptr_null(target.authority.ptr);
	ck_assert_int_eq(field_target(span_of("http://h:1?x"), &target), 0);
	ck_assert(span_equals(target.authority, "h:1"));
	ck_assert(span_equals(target.path, "/"));
	ck_assert(span_equals(target.query, "x"));
	static const char *const bad[] = {"", "*", "a", "h:443", "https://h/", "http://", "/a b",
	    "/a#b", "/\x7f", "/\xc3\xa9", "/%", "/%2", "/%0", "/%00", "/%g0", "/a\n", "?a"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(field_target(span_of(bad[i]), &target) == -1, "%s", bad[i]);
}
END_TEST

START_TEST(queries_are_walked)
{
	struct span query = span_of("&&a=1&b&=c&d=e=f&"), name, value;
	ck_assert(field_query_next(&query, &name, &value));
	ck_assert(span_equals(name, "a") && span_equals(value, "1"));
	ck_assert(field_query_next(&query, &name, &value));
	ck_assert(span_equals(name, "b") && !value.ptr);
	ck_assert(field_query_next(&query, &name, &value));
	ck_assert(span_equals(name, "") && span_equals(value, "c"));
	ck_assert(field_query_next(&query, &name, &value));
	ck_assert(span_equals(name, "d") && span_equals(value, "e=f"));
	ck_assert(!field_query_next(&query, &name, &value));
}
END_TEST

START_TEST(names_and_values_have_no_controls)
{
	ck_assert(field_is_token(span_of("X-a_1~")));
	ck_assert(!field_is_token(span_of("")) && !field_is_token(span_of("a b")) &&
		  !field_is_token(span_of("a:")));
	ck_assert(field_is_clean(span_of("a\tb \xc3\xa9")));
	ck_assert(!field_is_clean(span_of("a\r")) && !field_is_clean(span_of("\x7f")) &&
		  !field_is_clean((struct span){.ptr = "a\0", .len = 2}));
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"request ids are kept when harmless", request_ids_are_kept_when_harmless},
	    {"lengths are digits", lengths_are_digits},
	    {"json is json with any parameters", json_is_json_with_any_parameters},
	    {"types are listed unless they weigh nothing",
		types_are_listed_unless_they_weigh_nothing},
	    {"etags are compared weakly", etags_are_compared_weakly},
	    {"hosts have a name and maybe a port", hosts_have_a_name_and_maybe_a_port},
	    {"targets are taken apart raw", targets_are_taken_apart_raw},
	    {"queries are walked", queries_are_walked},
	    {"names and values have no controls", names_and_values_have_no_controls},
	    {NULL, NULL},
	};
	return unit_main("field", cases);
}
