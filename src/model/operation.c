/* SPDX-License-Identifier: MIT */
/* The words for kinds and states of operations. */
#include "model/operation.h"

#include "util/cleanup.h"

const char *const operation_kind_names[OPERATION_KIND_COUNT + 1] = {
    [OPERATION_CREATE] = "create",
    [OPERATION_DELETE] = "delete",
};

const char *const operation_state_names[OPERATION_STATE_COUNT + 1] = {
    [OPERATION_PLANNED] = "planned",
    [OPERATION_SENDING] = "sending",
    [OPERATION_SUCCEEDED] = "succeeded",
    [OPERATION_REJECTED] = "rejected",
    [OPERATION_UNREACHABLE] = "unreachable",
    [OPERATION_UNKNOWN] = "unknown",
};

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
