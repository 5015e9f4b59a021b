/* SPDX-License-Identifier: MIT */
/* The agenda against a plain table of what was put on it. */
#include "sync/agenda.h"

#include "unit.h"
#include "util/random.h"

static const struct agenda_item one = {ATTENTION_OF_CONNECTOR, 1};
static const struct agenda_item two = {ATTENTION_OF_CONNECTOR, 2};
static const struct agenda_item operation = {ATTENTION_OF_OPERATION, 1};

static bool is_next(const struct agenda *agenda, int64_t now, const struct agenda_item *wanted)
{
	struct agenda_item item;
	return agenda_next(agenda, now, &item) && item.subject == wanted->subject &&
	       item.row == wanted->row;
}

START_TEST(what_was_touched_is_due_at_once_and_once)
{
	struct agenda agenda = {.turn = 0};
	struct agenda_item item;
	ck_assert(!agenda_next(&agenda, 0, &item));
	agenda_touch(&agenda, one.subject, one.row);
	agenda_touch(&agenda, one.subject, one.row);
	agenda_begin(&agenda);
	ck_assert(is_next(&agenda, 0, &one));
	agenda_set(&agenda, &one, INT64_MAX, false, 0);
	ck_assert(!agenda_next(&agenda, INT64_MAX, &item));
	ck_assert_int_eq(agenda_due(&agenda), INT64_MAX);
	agenda_done(&agenda);
}
END_TEST

START_TEST(what_is_put_there_in_a_turn_is_for_the_next)
{
	struct agenda agenda = {.turn = 0};
	struct agenda_item item;
	agenda_begin(&agenda);
	agenda_touch(&agenda, one.subject, one.row);
	ck_assert(!agenda_next(&agenda, 0, &item));
	ck_assert_int_eq(agenda_due(&agenda), AGENDA_NOW);
	agenda_begin(&agenda);
	ck_assert(is_next(&agenda, 0, &one));
	agenda_done(&agenda);
}
END_TEST

START_TEST(a_connector_and_an_operation_of_one_row_are_two)
{
	struct agenda agenda = {.turn = 0};
	agenda_set(&agenda, &one, 10, false, 7);
	agenda_set(&agenda, &operation, 5, false, 7);
	agenda_begin(&agenda);
	ck_assert(is_next(&agenda, 10, &operation));
	agenda_set(&agenda, &operation, INT64_MAX, false, 7);
	ck_assert(is_next(&agenda, 10, &one));
	agenda_done(&agenda);
}
END_TEST

START_TEST(those_that_wait_for_a_reading_are_due_with_it_and_no_others)
{
	struct agenda agenda = {.turn = 0};
	struct agenda_item item;
	agenda_set(&agenda, &one, INT64_MAX, true, 7);
	agenda_set(&agenda, &two, 100, false, 7);
	agenda_begin(&agenda);
	agenda_read(&agenda, two.row);
	agenda_read(&agenda, 3);
	agenda_project_read(&agenda, 8);
	agenda_begin(&agenda);
	ck_assert(!agenda_next(&agenda, 99, &item));
	agenda_project_read(&agenda, 7);
	agenda_begin(&agenda);
	ck_assert(is_next(&agenda, 99, &one));
	agenda_set(&agenda, &one, INT64_MAX, true, 7);
	agenda_read(&agenda, one.row);
	agenda_begin(&agenda);
	ck_assert(is_next(&agenda, 99, &one));
	agenda_done(&agenda);
}
END_TEST

#define ROWS 40
#define STEPS 20000
#define LATEST 1000

/* When each is due; 0: not there. */
static int64_t earliest(const int64_t *at)
{
	int64_t found = INT64_MAX;
	for (size_t i = 0; i < ROWS; i++)
		if (at[i] && at[i] < found)
			found = at[i];
	return found;
}

START_TEST(the_earliest_is_always_the_next)
{
	struct random_sequence random;
	struct agenda agenda = {.turn = 0};
	int64_t at[ROWS] = {0};
	random_sequence_init(&random, 1);
	for (int i = 0; i < STEPS; i++) {
		int64_t row = random_sequence_between(&random, 0, ROWS - 1);
		bool gone = random_sequence_between(&random, 0, 3) == 0;
		at[row] = gone ? 0 : random_sequence_between(&random, 1, LATEST);
		agenda_set(&agenda,
		    &(struct agenda_item){
			row % 2 ? ATTENTION_OF_OPERATION : ATTENTION_OF_CONNECTOR, row},
		    gone ? INT64_MAX : at[row], false, 0);
		ck_assert_int_eq(agenda_due(&agenda), earliest(at));
		agenda_begin(&agenda);
		struct agenda_item item;
		int64_t now = random_sequence_between(&random, 0, LATEST);
		ck_assert_int_eq(agenda_next(&agenda, now, &item), earliest(at) <= now);
		if (earliest(at) <= now)
			ck_assert_int_eq(at[item.row], earliest(at));
	}
	agenda_done(&agenda);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"what was touched is due at once and once", what_was_touched_is_due_at_once_and_once},
	    {"what is put there in a turn is for the next",
		what_is_put_there_in_a_turn_is_for_the_next},
	    {"a connector and an operation of one row are two",
		a_connector_and_an_operation_of_one_row_are_two},
	    {"those that wait for a reading are due with it and no others",
		those_that_wait_for_a_reading_are_due_with_it_and_no_others},
	    {"the earliest is always the next", the_earliest_is_always_the_next},
	    {NULL, NULL},
	};
	return unit_main("agenda", cases);
}
