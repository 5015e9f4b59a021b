/* SPDX-License-Identifier: MIT */
/* What may become of an operation. */
#include "model/operation.h"

#include "model/connector.h"
#include "model/project.h"
#include "unit.h"
#include "util/text.h"

/* A list of names says by itself how many there are: here it is held against the enumeration. */
static void check_names(const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		ck_assert_int_eq(text_find(names, names[i]), i);
	ck_assert_ptr_null(names[count]);
}

START_TEST(names_find_what_they_name)
{
	check_names(operation_state_names, OPERATION_STATE_COUNT);
	check_names(operation_kind_names, OPERATION_KIND_COUNT);
	check_names(upstream_state_names, UPSTREAM_STATE_COUNT);
	check_names(connector_kind_names, CONNECTOR_KIND_COUNT);
	ck_assert_int_eq(text_find(operation_state_names, "lost"), -1);
	ck_assert_int_eq(text_find(operation_kind_names, ""), -1);
	ck_assert_int_eq(text_find(operation_kind_names, NULL), -1);
	ck_assert_str_eq(upstream_state_names[UPSTREAM_RATE_LIMITED], "rate-limited");
}
END_TEST

/* P planned, S sending, + succeeded, R rejected, U unreachable, ? unknown */
START_TEST(only_the_moves_of_the_state_diagram_are_allowed)
{
	static const char *const allowed[OPERATION_KIND_COUNT] = {
	    [OPERATION_CREATE] = "PS S+ SR SU SP S? ?+ ?R ",
	    [OPERATION_DELETE] = "PS S+ SR SU SP S? ?+ ?R ?P ",
	};
	for (int kind = 0; kind < OPERATION_KIND_COUNT; kind++) {
		for (int from = 0; from < OPERATION_STATE_COUNT; from++) {
			for (int to = 0; to < OPERATION_STATE_COUNT; to++) {
				const char move[] = {"PS+RU?"[from], "PS+RU?"[to], ' ', '\0'};
				ck_assert_int_eq(
				    operation_may_move((enum operation_kind)kind,
					(enum operation_state)from, (enum operation_state)to),
				    strstr(allowed[kind], move) != NULL);
			}
		}
	}
}
END_TEST

/* However it gets about, a create that was unknown is never sent again. */
START_TEST(no_way_leads_from_unknown_to_sending_for_a_create)
{
	bool reached[OPERATION_STATE_COUNT] = {[OPERATION_UNKNOWN] = true};
	for (int round = 0; round < OPERATION_STATE_COUNT; round++)
		for (int from = 0; from < OPERATION_STATE_COUNT; from++)
			for (int to = 0; to < OPERATION_STATE_COUNT; to++)
				if (reached[from] &&
				    operation_may_move(OPERATION_CREATE, (enum operation_state)from,
					(enum operation_state)to))
					reached[to] = true;
	ck_assert(!reached[OPERATION_SENDING]);
	ck_assert(!reached[OPERATION_PLANNED]);
	ck_assert(reached[OPERATION_SUCCEEDED]);
}
END_TEST

START_TEST(planned_and_sending_run)
{
	for (int i = 0; i < OPERATION_STATE_COUNT; i++)
		ck_assert_int_eq(operation_is_running((enum operation_state)i),
		    i == OPERATION_PLANNED || i == OPERATION_SENDING);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"names find what they name", names_find_what_they_name},
	    {"only the moves of the state diagram are allowed",
		only_the_moves_of_the_state_diagram_are_allowed},
	    {"no way leads from unknown to sending for a create",
		no_way_leads_from_unknown_to_sending_for_a_create},
	    {"planned and sending run", planned_and_sending_run},
	    {NULL, NULL},
	};
	return unit_main("operation", cases);
}
