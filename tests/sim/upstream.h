/* SPDX-License-Identifier: MIT */
/* Mixpanel's own calls, carried out. */
#pragma once

#include "sim.h"

/* Carries out one call and fills in the answer. Lists take the given shape. Returns whether the
 * call took effect: it was let in, and what it concerns exists and is valid. */
bool upstream_answer(struct sim *sim, const struct call *call, const struct request *request,
    const struct shape *shape, struct answer *answer);
