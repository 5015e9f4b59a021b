/* SPDX-License-Identifier: MIT */
#include "mixpanel/endpoints.h"

#include "unit.h"

#define BASE "https://eu.mixpanel.com/api/app"

static void check_url(enum endpoint endpoint, const char *connector_id, const char *expected)
{
	struct buffer url _cleanup_buffer_;
	buffer_init(&url, 1024);
	ck_assert_int_eq(endpoint_url(&url, endpoint, BASE, 123, connector_id), 0);
	ck_assert_str_eq(buffer_text(&url), expected);
}

START_TEST(each_call_has_its_url)
{
	check_url(ENDPOINT_LIST, NULL, BASE "/projects/123/connectors/");
	check_url(ENDPOINT_CREATE, NULL, BASE "/projects/123/connectors/");
	check_url(ENDPOINT_GET, "ab-1", BASE "/projects/123/connectors/ab-1");
	check_url(ENDPOINT_DELETE, "ab-1", BASE "/projects/123/connectors/ab-1");
	check_url(ENDPOINT_HISTORY, "ab-1", BASE "/projects/123/connectors/ab-1/history");
}
END_TEST

START_TEST(an_id_cannot_lead_elsewhere)
{
	check_url(ENDPOINT_DELETE, "a?b#c%2f", BASE "/projects/123/connectors/a%3Fb%23c%252f");
	check_url(ENDPOINT_DELETE, "...", BASE "/projects/123/connectors/...");
	static const char *const refused[] = {"", ".", ".."};
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct buffer url _cleanup_buffer_;
		buffer_init(&url, 1024);
		ck_assert_int_lt(endpoint_url(&url, ENDPOINT_DELETE, BASE, 123, refused[i]), 0);
	}
}
END_TEST

START_TEST(a_url_that_does_not_fit_is_refused)
{
	struct buffer url _cleanup_buffer_;
	buffer_init(&url, 20);
	ck_assert_int_lt(endpoint_url(&url, ENDPOINT_LIST, BASE, 123, NULL), 0);
}
END_TEST

START_TEST(only_creates_and_deletes_write)
{
	for (enum endpoint e = ENDPOINT_LIST; e <= ENDPOINT_HISTORY; e++) {
		bool writes = e == ENDPOINT_CREATE || e == ENDPOINT_DELETE;
		ck_assert_int_eq(endpoint_writes(e), writes);
		ck_assert_int_eq(strcmp(endpoint_method(e), "GET") != 0, writes);
		ck_assert(endpoint_name(e)[0]);
	}
	ck_assert_str_eq(endpoint_method(ENDPOINT_CREATE), "POST");
	ck_assert_str_eq(endpoint_method(ENDPOINT_DELETE), "DELETE");
}
END_TEST

START_TEST(a_next_page_of_the_same_origin_is_taken)
{
	static const struct {
		const char *base, *next, *expected;
	} pages[] = {
	    {BASE, BASE "/projects/1/connectors/?page=2", BASE "/projects/1/connectors/?page=2"},
	    {BASE, "/api/app/projects/1/connectors/?page=2&n=%20",
		BASE "/projects/1/connectors/?page=2&n=%20"},
	    {BASE, "/x?page=2#part", "https://eu.mixpanel.com/x?page=2"},
	    {BASE, "https://EU.Mixpanel.com:443/x", "https://EU.Mixpanel.com:443/x"},
	    {"http://127.0.0.1:8080/a", "/b?c", "http://127.0.0.1:8080/b?c"},
	    {"http://[::1]:8080/a", "http://[::1]:8080/b", "http://[::1]:8080/b"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		struct err err = ERR_INIT;
		struct buffer url _cleanup_buffer_;
		buffer_init(&url, 1024);
		ck_assert_msg(endpoint_next_url(&url, pages[i].base, pages[i].next, &err) == 0,
		    "%s", err.text);
		ck_assert_str_eq(buffer_text(&url), pages[i].expected);
	}
}
END_TEST

START_TEST(a_next_page_elsewhere_is_refused)
{
	static const char *const elsewhere[] = {
	    "",
	    "?page=2",
	    "connectors/?page=2",
	    "//evil.example/api/app",
	    "///evil.example/api/app",
	    "https://evil.example/api/app",
	    "https://mixpanel.com/api/app",
	    "https://eu.mixpanel.com.evil.example/",
	    "https://eu.mixpanel.com@evil.example/",
	    "https://user:word@eu.mixpanel.com/",
	    "https://eu.mixpanel.com:8443/",
	    "http://eu.mixpanel.com/api/app",
	    "http://eu.mixpanel.com:443/api/app",
	    "https://eu.mixpanel.com\\@evil.example/",
	    "ftp://eu.mixpanel.com/",
	    "file:///etc/passwd",
	    "/x y",
	    "/x\r\nHost: evil.example",
	    "/caf\xc3\xa9",
	};
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++) {
		struct err err = ERR_INIT;
		struct buffer url _cleanup_buffer_;
		buffer_init(&url, 1024);
		ck_assert_msg(endpoint_next_url(&url, BASE, elsewhere[i], &err) < 0, "taken: %s",
		    elsewhere[i]);
		ck_assert_str_ne(err.text, "");
		ck_assert_str_eq(buffer_text(&url), "");
	}
}
END_TEST

START_TEST(an_added_slash_is_followed)
{
	static const struct {
		const char *url, *location, *expected;
	} redirects[] = {
	    {BASE "/connectors/a", BASE "/connectors/a/", BASE "/connectors/a/"},
	    {BASE "/connectors/a", "/api/app/connectors/a/", BASE "/connectors/a/"},
	    {BASE "/connectors/a?b=c", "/api/app/connectors/a/?b=c", BASE "/connectors/a/?b=c"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(redirects); i++) {
		struct err err = ERR_INIT;
		struct buffer url _cleanup_buffer_;
		buffer_init(&url, 1024);
		ck_assert_msg(endpoint_slash_redirect(
				  &url, redirects[i].url, redirects[i].location, &err) == 0,
		    "%s", err.text);
		ck_assert_str_eq(buffer_text(&url), redirects[i].expected);
	}
}
END_TEST

START_TEST(any_other_redirect_is_refused)
{
	static const char *const locations[] = {
	    "",
	    "a/",
	    "/api/app/connectors/a",
	    "/api/app/connectors/a//",
	    "/api/app/connectors/b/",
	    "/api/app/connectors/",
	    "/api/app/connectors/a/?b=c",
	    "/login/",
	    "//eu.mixpanel.com/api/app/connectors/a/",
	    "https://evil.example/api/app/connectors/a/",
	    "http://eu.mixpanel.com/api/app/connectors/a/",
	    "https://eu.mixpanel.com:444/api/app/connectors/a/",
	};
	for (size_t i = 0; i < ARRAY_SIZE(locations); i++) {
		struct err err = ERR_INIT;
		struct buffer url _cleanup_buffer_;
		buffer_init(&url, 1024);
		ck_assert_msg(
		    endpoint_slash_redirect(&url, BASE "/connectors/a", locations[i], &err) < 0,
		    "followed: %s", locations[i]);
	}
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"each call has its URL", each_call_has_its_url},
	    {"an id cannot lead elsewhere", an_id_cannot_lead_elsewhere},
	    {"a URL that does not fit is refused", a_url_that_does_not_fit_is_refused},
	    {"only creates and deletes write", only_creates_and_deletes_write},
	    {"a next page of the same origin is taken", a_next_page_of_the_same_origin_is_taken},
	    {"a next page elsewhere is refused", a_next_page_elsewhere_is_refused},
	    {"an added slash is followed", an_added_slash_is_followed},
	    {"any other redirect is refused", any_other_redirect_is_refused},
	    {NULL, NULL},
	};
	return unit_main("endpoints", cases);
}
