/* SPDX-License-Identifier: MIT */
#include "sync/witness.h"
#include "unit.h"
#include "util/random.h"

static enum witness_hold held(const struct witness *witness, int64_t row, int64_t asked_at)
{
	return witness_held(witness, row, asked_at, asked_at);
}

START_TEST(what_is_settled_holds_for_its_time)
{
	struct witness witness = {.settled = NULL};
	ck_assert_int_eq(held(&witness, 1, 0), WITNESS_FREE);
	ck_assert_int_eq(witness_settle(&witness, 1, WITNESS_CREATED, 100, 200), 0);
	ck_assert_int_eq(held(&witness, 1, 199), WITNESS_CREATED);
	ck_assert_int_eq(held(&witness, 1, 200), WITNESS_FREE);
	ck_assert_int_eq(held(&witness, 2, 150), WITNESS_FREE);
	/* What was asked for before is outranked for good. */
	ck_assert_int_eq(witness_held(&witness, 1, 99, 1000), WITNESS_CREATED);
	ck_assert_int_eq(witness_held(&witness, 1, 100, 1000), WITNESS_FREE);
	/* What comes later holds instead, but being seen is less than having been created. */
	ck_assert_int_eq(witness_settle(&witness, 1, WITNESS_SEEN, 150, 250), 0);
	ck_assert_int_eq(held(&witness, 1, 160), WITNESS_CREATED);
	ck_assert_int_eq(witness_settle(&witness, 1, WITNESS_REMOVED, 160, 260), 0);
	ck_assert_int_eq(held(&witness, 1, 170), WITNESS_REMOVED);
	witness_done(&witness);
}
END_TEST

START_TEST(settled_rows_expire_when_nothing_older_is_on_its_way)
{
	struct witness witness = {.settled = NULL};
	struct random_sequence random;
	random_sequence_init(&random, 3);
	for (int i = 0; i < 200; i++) {
		int64_t row = random_sequence_between(&random, 1, 40);
		ck_assert_int_eq(
		    witness_settle(&witness, row, WITNESS_REMOVED, 100 + i, 200 + i), 0);
		for (size_t k = 1; k < witness.settled_count; k++)
			ck_assert_int_lt(witness.settled[k - 1].row, witness.settled[k].row);
	}
	int64_t rows[64];
	ck_assert_uint_eq(witness_expire(&witness, 1000, 99, rows, 64), 0);
	ck_assert_uint_eq(witness_expire(&witness, 199, 1000, rows, 64), 0);
	size_t count = witness.settled_count;
	ck_assert_uint_eq(witness_expire(&witness, 1000, 1000, rows, 5), 5);
	ck_assert_uint_eq(witness_expire(&witness, 1000, 1000, rows, 64), count - 5);
	ck_assert_uint_eq(witness.settled_count, 0);
	witness_done(&witness);
}
END_TEST

START_TEST(a_single_read_is_a_witness_only_when_asked_for_after_the_listing)
{
	struct witness witness = {.settled = NULL};
	const int64_t first[] = {2, 5, 9};
	const int64_t second[] = {5, 7};
	ck_assert(!witness_is_absent(&witness, 5, INT64_MAX));
	ck_assert_int_eq(witness_lacking(&witness, first, 3, 100), 0);
	ck_assert(!witness_is_absent(&witness, 5, 99));
	ck_assert(witness_is_absent(&witness, 5, 100));
	ck_assert(!witness_is_absent(&witness, 4, 100));
	/* The first of several listings in a row counts, so that frequent ones do not outrun it. */
	ck_assert_int_eq(witness_lacking(&witness, second, 2, 200), 0);
	ck_assert(witness_is_absent(&witness, 5, 100));
	ck_assert(!witness_is_absent(&witness, 7, 199));
	ck_assert(witness_is_absent(&witness, 7, 200));
	ck_assert(!witness_is_absent(&witness, 2, 300));
	witness_not_absent(&witness, 5);
	ck_assert(!witness_is_absent(&witness, 5, 1000));
	ck_assert(witness_is_absent(&witness, 7, 1000));
	ck_assert_int_eq(witness_lacking(&witness, NULL, 0, 300), 0);
	ck_assert(!witness_is_absent(&witness, 7, 1000));
	witness_done(&witness);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"what is settled holds for its time", what_is_settled_holds_for_its_time},
	    {"settled rows expire when nothing older is on its way",
		settled_rows_expire_when_nothing_older_is_on_its_way},
	    {"a single read is a witness only when asked for after the listing",
		a_single_read_is_a_witness_only_when_asked_for_after_the_listing},
	    {NULL, NULL},
	};
	return unit_main("witness", cases);
}
