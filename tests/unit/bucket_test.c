/* SPDX-License-Identifier: MIT */
#include "util/bucket.h"

#include "unit.h"

#define SECOND INT64_C(1000000)

static const struct bucket_rule strict = {.per_second = 10, .burst = 5};
static const struct bucket_rule patient = {.per_second = 10, .burst = 5, .debt = 3};

START_TEST(a_full_bucket_gives_its_burst_and_then_one_at_a_time)
{
	struct buckets buckets;
	buckets_init(&buckets);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(buckets_take(&buckets, 7, &strict, 1000), 0);
	ck_assert_int_eq(buckets_take(&buckets, 7, &strict, 1000), SECOND / 10);
	ck_assert_int_eq(buckets_take(&buckets, 7, &strict, 1000 + SECOND / 10 - 1), 1);
	ck_assert_int_eq(buckets_take(&buckets, 7, &strict, 1000 + SECOND / 10), 0);
	ck_assert_int_gt(buckets_take(&buckets, 7, &strict, 1000 + SECOND / 10), 0);
	buckets_done(&buckets);
}
END_TEST

START_TEST(it_holds_no_more_than_its_burst_however_long_it_was_left)
{
	struct buckets buckets;
	buckets_init(&buckets);
	ck_assert_int_eq(buckets_take(&buckets, 7, &strict, 1000), 0);
	int64_t later = 3600 * SECOND;
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(buckets_take(&buckets, 7, &strict, later), 0);
	ck_assert_int_gt(buckets_take(&buckets, 7, &strict, later), 0);
	buckets_done(&buckets);
}
END_TEST

START_TEST(a_debt_makes_each_wait_longer_up_to_its_limit)
{
	struct buckets buckets;
	buckets_init(&buckets);
	for (int i = 0; i < 5; i++)
		buckets_take(&buckets, 7, &patient, 0);
	for (int i = 1; i <= 3; i++)
		ck_assert_int_eq(buckets_take(&buckets, 7, &patient, 0), i * SECOND / 10);
	/* Not taken any more, so it grows no further. */
	ck_assert_int_eq(buckets_take(&buckets, 7, &patient, 0), 4 * SECOND / 10);
	ck_assert_int_eq(buckets_take(&buckets, 7, &patient, 0), 4 * SECOND / 10);
	buckets_done(&buckets);
}
END_TEST

START_TEST(each_owner_has_a_bucket_of_its_own_and_zero_is_one)
{
	struct buckets buckets;
	buckets_init(&buckets);
	for (int i = 0; i < 6; i++)
		buckets_take(&buckets, 0, &strict, 1000);
	ck_assert_int_gt(buckets_take(&buckets, 0, &strict, 1000), 0);
	/* The same set of the table. */
	ck_assert_int_eq(buckets_take(&buckets, BUCKETS_SETS, &strict, 1000), 0);
	buckets_done(&buckets);
}
END_TEST

START_TEST(among_too_many_owners_the_emptiest_bucket_is_not_forgotten)
{
	struct buckets buckets;
	buckets_init(&buckets);
	for (int i = 0; i < 6; i++)
		buckets_take(&buckets, 1, &strict, 1000);
	for (uint64_t i = 1; i < 1000; i++)
		buckets_take(&buckets, 1 + i * BUCKETS_SETS, &strict, 1000);
	ck_assert_int_gt(buckets_take(&buckets, 1, &strict, 1000), 0);
	buckets_done(&buckets);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"a full bucket gives its burst and then one at a time",
		a_full_bucket_gives_its_burst_and_then_one_at_a_time},
	    {"it holds no more than its burst, however long it was left",
		it_holds_no_more_than_its_burst_however_long_it_was_left},
	    {"a debt makes each wait longer, up to its limit",
		a_debt_makes_each_wait_longer_up_to_its_limit},
	    {"each owner has a bucket of its own, and zero is one",
		each_owner_has_a_bucket_of_its_own_and_zero_is_one},
	    {"among too many owners the emptiest bucket is not forgotten",
		among_too_many_owners_the_emptiest_bucket_is_not_forgotten},
	    {NULL, NULL},
	};
	return unit_main("bucket", cases);
}
