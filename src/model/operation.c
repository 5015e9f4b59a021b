/* SPDX-License-Identifier: MIT */
/* The words for kinds and states of operations. */
#include "model/operation.h"

#include <string.h>

#include "util/cleanup.h"

static const char *const kind_names[] = {
    [OPERATION_CREATE] = "create",
    [OPERATION_DELETE] = "delete",
};
_Static_assert(ARRAY_SIZE(kind_names) == OPERATION_KIND_COUNT, "a kind has no name");

static const char *const state_names[] = {
    [OPERATION_PLANNED] = "planned",
    [OPERATION_SENDING] = "sending",
    [OPERATION_SUCCEEDED] = "succeeded",
    [OPERATION_REJECTED] = "rejected",
    [OPERATION_UNREACHABLE] = "unreachable",
    [OPERATION_UNKNOWN] = "unknown",
};
_Static_assert(ARRAY_SIZE(state_names) == OPERATION_STATE_COUNT, "a state has no name");

#define TO(state) (1U << (state))

/* From unknown there is no way back to planned: what may have been carried out is not sent again.
 * From sending there is one, for 429, which Mixpanel sends before it does anything. */
static const unsigned moves[] = {
    [OPERATION_PLANNED] = TO(OPERATION_SENDING),
    [OPERATION_SENDING] = TO(OPERATION_SUCCEEDED) | TO(OPERATION_REJECTED) |
			  TO(OPERATION_UNREACHABLE) | TO(OPERATION_PLANNED) | TO(OPERATION_UNKNOWN),
    [OPERATION_SUCCEEDED] = 0,
    [OPERATION_REJECTED] = 0,
    [OPERATION_UNREACHABLE] = 0,
    [OPERATION_UNKNOWN] = TO(OPERATION_SUCCEEDED) | TO(OPERATION_REJECTED),
};
_Static_assert(ARRAY_SIZE(moves) == OPERATION_STATE_COUNT, "a state has no moves");

static int find_name(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

const char *operation_kind_name(enum operation_kind kind)
{
	return kind_names[kind];
}

int operation_kind_parse(const char *name, enum operation_kind *ret_kind)
{
	int found = find_name(kind_names, ARRAY_SIZE(kind_names), name);
	if (found < 0)
		return -1;
	*ret_kind = (enum operation_kind)found;
	return 0;
}

const char *operation_state_name(enum operation_state state)
{
	return state_names[state];
}

int operation_state_parse(const char *name, enum operation_state *ret_state)
{
	int found = find_name(state_names, ARRAY_SIZE(state_names), name);
	if (found < 0)
		return -1;
	*ret_state = (enum operation_state)found;
	return 0;
}

bool operation_may_move(
    enum operation_kind kind, enum operation_state from, enum operation_state to)
{
	if (kind == OPERATION_DELETE && from == OPERATION_UNKNOWN && to == OPERATION_PLANNED)
		return true;
	return (moves[from] & TO(to)) != 0;
}

bool operation_is_running(enum operation_state state)
{
	return state == OPERATION_PLANNED || state == OPERATION_SENDING;
}
