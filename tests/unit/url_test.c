/* SPDX-License-Identifier: MIT */
#include "util/url.h"

#include "unit.h"

#define BASE "https://eu.mixpanel.com/api/app"

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
		ck_assert_msg(
		    url_next(&url, pages[i].base, pages[i].next, &err) == 0, "%s", err.text);
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
		ck_assert_msg(
		    url_next(&url, BASE, elsewhere[i], &err) < 0, "taken: %s", elsewhere[i]);
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
		ck_assert_msg(
		    url_slash_redirect(&url, redirects[i].url, redirects[i].location, &err) == 0,
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
		    url_slash_redirect(&url, BASE "/connectors/a", locations[i], &err) < 0,
		    "followed: %s", locations[i]);
	}
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"a next page of the same origin is taken", a_next_page_of_the_same_origin_is_taken},
	    {"a next page elsewhere is refused", a_next_page_elsewhere_is_refused},
	    {"an added slash is followed", an_added_slash_is_followed},
	    {"any other redirect is refused", any_other_redirect_is_refused},
	    {NULL, NULL},
	};
	return unit_main("url", cases);
}
