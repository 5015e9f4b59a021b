/* SPDX-License-Identifier: MIT */
/* The words for the states of an upstream. */
#include "model/project.h"

#include "util/cleanup.h"

static const char *const state_names[] = {
    [UPSTREAM_UNKNOWN] = "unknown",
    [UPSTREAM_OK] = "ok",
    [UPSTREAM_DEGRADED] = "degraded",
    [UPSTREAM_RATE_LIMITED] = "rate-limited",
    [UPSTREAM_UNAUTHORIZED] = "unauthorized",
    [UPSTREAM_UNREACHABLE] = "unreachable",
};
_Static_assert(ARRAY_SIZE(state_names) == UPSTREAM_STATE_COUNT, "a state has no name");

const char *upstream_state_name(enum upstream_state state)
{
	return state_names[state];
}
