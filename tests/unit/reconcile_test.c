#include "sync/reconcile.h"
#include "unit.h"
#include "util/timestamp.h"

START_TEST(exactly_one_connector_is_the_outcome)
{
	const struct reconcile_pair pairs[] = {{1, 7}, {0, 3}, {1, 7}};
	struct reconcile_result results[3];
	reconcile_decide(pairs, ARRAY_SIZE(pairs), 3, results);
	ck_assert_int_eq(results[0].verdict, RECONCILE_FOUND);
	ck_assert_uint_eq(results[0].connector, 3);
	ck_assert_int_eq(results[1].verdict, RECONCILE_FOUND);
	ck_assert_uint_eq(results[1].connector, 7);
	ck_assert_int_eq(results[2].verdict, RECONCILE_NONE);
}
END_TEST

START_TEST(several_connectors_decide_nothing)
{
	const struct reconcile_pair pairs[] = {{0, 1}, {0, 2}, {0, 1}};
	struct reconcile_result result;
	reconcile_decide(pairs, ARRAY_SIZE(pairs), 1, &result);
	ck_assert_int_eq(result.verdict, RECONCILE_SEVERAL);
}
END_TEST

START_TEST(a_connector_that_fits_two_operations_decides_neither)
{
	const struct reconcile_pair pairs[] = {{0, 1}, {1, 1}, {2, 1}, {2, 2}, {3, 4}};
	struct reconcile_result results[4];
	reconcile_decide(pairs, ARRAY_SIZE(pairs), 4, results);
	ck_assert_int_eq(results[0].verdict, RECONCILE_SEVERAL);
	ck_assert_int_eq(results[1].verdict, RECONCILE_SEVERAL);
	ck_assert_int_eq(results[2].verdict, RECONCILE_SEVERAL);
	ck_assert_int_eq(results[3].verdict, RECONCILE_FOUND);
}
END_TEST

/* Every set of pairs of three operations and three connectors. */
START_TEST(found_is_only_what_fits_nothing_else_in_any_order)
{
	for (unsigned set = 0; set < 1 << 9; set++) {
		struct reconcile_pair pairs[9];
		struct reconcile_pair reversed[9];
		size_t count = 0;
		unsigned fits[3] = {0};
		unsigned wanted[3] = {0};
		for (unsigned bit = 0; bit < 9; bit++) {
			if (!(set & 1u << bit))
				continue;
			pairs[count++] =
			    (struct reconcile_pair){.operation = bit / 3, .connector = bit % 3};
			fits[bit / 3]++;
			wanted[bit % 3]++;
		}
		for (size_t i = 0; i < count; i++)
			reversed[i] = pairs[count - 1 - i];
		struct reconcile_result results[3];
		struct reconcile_result others[3];
		reconcile_decide(pairs, count, 3, results);
		reconcile_decide(reversed, count, 3, others);
		for (size_t i = 0; i < 3; i++) {
			ck_assert_int_eq(results[i].verdict, others[i].verdict);
			ck_assert_int_eq(results[i].verdict == RECONCILE_NONE, fits[i] == 0);
			if (results[i].verdict != RECONCILE_FOUND)
				continue;
			ck_assert_uint_eq(results[i].connector, others[i].connector);
			ck_assert_uint_eq(fits[i], 1);
			ck_assert_uint_eq(wanted[results[i].connector], 1);
		}
	}
}
END_TEST

START_TEST(two_empty_listings_are_half_a_minute_apart)
{
	int64_t unknown_at = 1000;
	ck_assert_int_eq(reconcile_next_listing(unknown_at, TIMESTAMP_NONE, false), unknown_at);
	ck_assert_int_eq(
	    reconcile_next_listing(unknown_at, 5000, false), 5000 + RECONCILE_LISTINGS_APART);
	ck_assert_int_eq(reconcile_next_listing(unknown_at, 5000, true), INT64_MAX);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"exactly one connector is the outcome", exactly_one_connector_is_the_outcome},
	    {"several connectors decide nothing", several_connectors_decide_nothing},
	    {"a connector that fits two operations decides neither",
		a_connector_that_fits_two_operations_decides_neither},
	    {"found is only what fits nothing else, in any order",
		found_is_only_what_fits_nothing_else_in_any_order},
	    {"two empty listings are half a minute apart",
		two_empty_listings_are_half_a_minute_apart},
	    {NULL, NULL},
	};
	return unit_main("reconcile", cases);
}
