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

int main(void)
{
	const struct unit_case cases[] = {
	    {"each call has its URL", each_call_has_its_url},
	    {"an id cannot lead elsewhere", an_id_cannot_lead_elsewhere},
	    {"a URL that does not fit is refused", a_url_that_does_not_fit_is_refused},
	    {"only creates and deletes write", only_creates_and_deletes_write},
	    {NULL, NULL},
	};
	return unit_main("endpoints", cases);
}
