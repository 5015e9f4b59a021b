/* SPDX-License-Identifier: MIT */
/* The words for the states of an upstream. */
#include "model/project.h"

const char *const upstream_state_names[UPSTREAM_STATE_COUNT + 1] = {
    [UPSTREAM_UNKNOWN] = "unknown",
    [UPSTREAM_OK] = "ok",
    [UPSTREAM_DEGRADED] = "degraded",
    [UPSTREAM_RATE_LIMITED] = "rate-limited",
    [UPSTREAM_UNAUTHORIZED] = "unauthorized",
    [UPSTREAM_UNREACHABLE] = "unreachable",
};
