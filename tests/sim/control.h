/* SPDX-License-Identifier: MIT */
/* What tests tell the simulated Mixpanel, under /sim/ on the same port. README.md describes it. */
#pragma once

#include "sim.h"

/* Whether the request is for /sim/. */
bool control_owns(const struct request *request);

/* Carries it out and fills in the answer. */
void control_answer(struct sim *sim, const struct request *request, struct answer *answer);
