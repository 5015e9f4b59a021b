/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <time.h>

#include "unit.h"
#include "util/random.h"
#include "util/timestamp.h"

#define SEPTEMBER_2020 (INT64_C(1600309069) * MICROSECONDS_PER_SECOND) /* 2020-09-17T02:17:49Z */

static void expect_format(int64_t timestamp, const char *expected)
{
	char text[TIMESTAMP_TEXT_SIZE];
	timestamp_format(timestamp, text);
	ck_assert_str_eq(text, expected);
}

START_TEST(formats_as_rfc_3339_in_utc)
{
	expect_format(0, "1970-01-01T00:00:00Z");
	expect_format(SEPTEMBER_2020, "2020-09-17T02:17:49Z");
	expect_format(SEPTEMBER_2020 + 831793, "2020-09-17T02:17:49.831793Z");
	expect_format(SEPTEMBER_2020 + 500000, "2020-09-17T02:17:49.5Z");
	expect_format(SEPTEMBER_2020 + 40, "2020-09-17T02:17:49.00004Z");
	expect_format(-1, "1969-12-31T23:59:59.999999Z");
	expect_format(INT64_C(951782400) * MICROSECONDS_PER_SECOND, "2000-02-29T00:00:00Z");
	expect_format(TIMESTAMP_NONE, "");
}
END_TEST

START_TEST(every_number_has_a_text_that_fits)
{
	expect_format(INT64_MAX, "294247-01-10T04:00:54.775807Z");
	expect_format(INT64_MIN + 1, "-290308-12-21T19:59:05.224193Z");
}
END_TEST

START_TEST(formats_as_the_c_library_does)
{
	struct random_sequence sequence;
	random_sequence_init(&sequence, 3);
	for (int i = 0; i < 20000; i++) {
		time_t seconds = random_sequence_between(
		    &sequence, INT64_C(-62135596800), INT64_C(253402300799));
		struct tm parts;
		char expected[TIMESTAMP_TEXT_SIZE];
		gmtime_r(&seconds, &parts);
		snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02dZ",
		    parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
		    parts.tm_min, parts.tm_sec);
		expect_format((int64_t)seconds * MICROSECONDS_PER_SECOND, expected);
	}
}
END_TEST

START_TEST(a_formatted_time_reads_back)
{
	struct random_sequence sequence;
	random_sequence_init(&sequence, 4);
	for (int i = 0; i < 20000; i++) {
		int64_t timestamp = random_sequence_between(&sequence,
		    INT64_C(-62104060800) * MICROSECONDS_PER_SECOND,
		    INT64_C(253402300799) * MICROSECONDS_PER_SECOND);
		char text[TIMESTAMP_TEXT_SIZE];
		int64_t again = 1;
		timestamp_format(timestamp, text);
		ck_assert_msg(timestamp_parse(text, &again) == 0, "%s", text);
		ck_assert_int_eq(again, timestamp);
	}
}
END_TEST

START_TEST(reads_every_form_that_mixpanel_uses)
{
	static const struct {
		const char *text;
		int64_t microseconds; /* after SEPTEMBER_2020 */
	} accepted[] = {
	    {"2020-09-17T02:17:49Z", 0},
	    {"2020-09-17t02:17:49z", 0},
	    {"2020-09-17T02:17:49", 0},
	    {"2020-09-17 02:17:49", 0},
	    {"2020-09-17T02:17:49.831793Z", 831793},
	    {"2020-09-17T02:17:49.831793999Z", 831793},
	    {"2020-09-17T02:17:49.8", 800000},
	    {"2020-09-17T04:17:49+02:00", 0},
	    {"2020-09-17T04:17:49+0200", 0},
	    {"2020-09-16T21:47:49-04:30", 0},
	    {"2020-09-17 02:17:49 +0000 UTC", 0},
	    {"2020-09-17 02:17:49.831793 +0000 UTC", 831793},
	    {"2020-09-16 19:17:49.5 -0700 PDT", 500000},
	    {"2020-09-17 02:17:49 +0000", 0},
	    {"1600309069", 0},
	    {"1600309069.25", 250000},
	    {"1600309069.0000019", 1},
	    {"2020-09-17T02:16:60Z", -49 * MICROSECONDS_PER_SECOND},
	};
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		int64_t timestamp = 1;
		ck_assert_msg(
		    timestamp_parse(accepted[i].text, &timestamp) == 0, "%s", accepted[i].text);
		ck_assert_int_eq(timestamp, SEPTEMBER_2020 + accepted[i].microseconds);
	}
}
END_TEST

START_TEST(the_year_one_and_nothing_are_no_time)
{
	static const char *const none[] = {"", "0001-01-01 00:00:00 +0000 UTC",
	    "0001-01-01T00:00:00Z", "0001-06-05 04:03:02.1 -0700 PDT"};
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		int64_t timestamp = 1;
		ck_assert_msg(timestamp_parse(none[i], &timestamp) == 1, "%s", none[i]);
		ck_assert_int_eq(timestamp, TIMESTAMP_NONE);
	}
}
END_TEST

START_TEST(anything_else_is_refused)
{
	static const char *const refused[] = {" ", "never", "null", "-1", "+5", "1600309069 ",
	    " 1600309069", "1600309069.", ".5", "1600309069.5x", "1e9", "1600309069000",
	    "99999999999999999999999999", "2020-09-17", "2020-09-17T02:17", "20200917T021749Z",
	    "2020-9-17T02:17:49Z", "2020-13-17T02:17:49Z", "2020-00-17T02:17:49Z",
	    "2020-02-30T02:17:49Z", "2021-02-29T02:17:49Z", "1900-02-29T02:17:49Z",
	    "2020-09-17T24:17:49Z", "2020-09-17T02:60:49Z", "2020-09-17T02:17:61Z",
	    "2020-09-17T02:17:49.Z", "2020-09-17T02:17:49ZZ", "2020-09-17T02:17:49+",
	    "2020-09-17T02:17:49+2", "2020-09-17T02:17:49+24:00", "2020-09-17T02:17:49+02:60",
	    "2020-09-17T02:17:49+02:00 UTC", "2020-09-17 02:17:49 +0000 ", "2020-09-17 02:17:49 ",
	    "2020-09-17 02:17:49 +0000 UTC m=+0.1", "0001-01-01T00:00:00 or so",
	    "2020/09/17 02:17:49"};
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		int64_t timestamp = 1;
		ck_assert_msg(timestamp_parse(refused[i], &timestamp) == -1, "%s", refused[i]);
		ck_assert_int_eq(timestamp, 1);
	}
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"formats as RFC 3339 in UTC", formats_as_rfc_3339_in_utc},
	    {"every number has a text that fits", every_number_has_a_text_that_fits},
	    {"formats as the C library does", formats_as_the_c_library_does},
	    {"a formatted time reads back", a_formatted_time_reads_back},
	    {"reads every form that Mixpanel uses", reads_every_form_that_mixpanel_uses},
	    {"the year one and nothing are no time", the_year_one_and_nothing_are_no_time},
	    {"anything else is refused", anything_else_is_refused},
	    {NULL, NULL},
	};
	return unit_main("timestamp", cases);
}
