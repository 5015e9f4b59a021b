/* SPDX-License-Identifier: MIT */
/* The text format of Prometheus. */
#include "api/exposition.h"

#include "unit.h"
#include "util/cleanup.h"
#include "util/clock.h"

static struct exposition begin(struct buffer *buffer)
{
	buffer_init(buffer, 65536);
	return (struct exposition){.out = buffer};
}

START_TEST(a_family_begins_with_what_it_is)
{
	struct buffer text _cleanup_buffer_;
	struct exposition exposition = begin(&text);
	exposition_single(&exposition, "mixport_x", "gauge", "What it is.", 18446744073709551615U);
	ck_assert_str_eq(buffer_text(&text), "# HELP mixport_x What it is.\n"
					     "# TYPE mixport_x gauge\n"
					     "mixport_x 18446744073709551615\n");
}
END_TEST

START_TEST(a_label_is_escaped)
{
	struct buffer text _cleanup_buffer_;
	struct exposition exposition = begin(&text);
	exposition.family = "x";
	exposition_sample(&exposition, LABELS({"a", "a\"b\\c\nd\xc3\xa4"}, {"b", ""}), 1);
	ck_assert_str_eq(buffer_text(&text), "x{a=\"a\\\"b\\\\c\\nd\xc3\xa4\",b=\"\"} 1\n");
}
END_TEST

START_TEST(seconds_are_told_in_their_short_form)
{
	const struct {
		uint64_t microseconds;
		const char *text;
	} cases[] = {{0, "x 0\n"}, {1, "x 0.000001\n"}, {100, "x 0.0001\n"}, {250000, "x 0.25\n"},
	    {1000000, "x 1\n"}, {10000000, "x 10\n"}, {14400000000, "x 14400\n"},
	    {1600000000250000, "x 1600000000.25\n"}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buffer text _cleanup_buffer_;
		struct exposition exposition = begin(&text);
		exposition.family = "x";
		exposition_seconds(&exposition, NULL, cases[i].microseconds);
		ck_assert_str_eq(buffer_text(&text), cases[i].text);
	}
}
END_TEST

START_TEST(the_buckets_of_a_histogram_hold_those_below_too)
{
	static const int64_t bounds[] = {100, 10 * MICROSECONDS_PER_SECOND, INT64_MAX};
	static const uint64_t buckets[] = {1, 2, 4};
	struct buffer text _cleanup_buffer_;
	struct exposition exposition = begin(&text);
	exposition.family = "x";
	exposition_histogram(&exposition, &(struct label){"project", "demo"},
	    &(struct histogram){bounds, buckets, 3, 1500000});
	exposition_histogram(&exposition, NULL, &(struct histogram){bounds, buckets, 3, 0});
	ck_assert_str_eq(buffer_text(&text), "x_bucket{project=\"demo\",le=\"0.0001\"} 1\n"
					     "x_bucket{project=\"demo\",le=\"10\"} 3\n"
					     "x_bucket{project=\"demo\",le=\"+Inf\"} 7\n"
					     "x_sum{project=\"demo\"} 1.5\n"
					     "x_count{project=\"demo\"} 7\n"
					     "x_bucket{le=\"0.0001\"} 1\n"
					     "x_bucket{le=\"10\"} 3\n"
					     "x_bucket{le=\"+Inf\"} 7\n"
					     "x_sum 0\n"
					     "x_count 7\n");
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"a family begins with what it is", a_family_begins_with_what_it_is},
	    {"a label is escaped", a_label_is_escaped},
	    {"seconds are told in their short form", seconds_are_told_in_their_short_form},
	    {"the buckets of a histogram hold those below, too",
		the_buckets_of_a_histogram_hold_those_below_too},
	    {NULL, NULL},
	};
	return unit_main("exposition", cases);
}
