/* SPDX-License-Identifier: MIT */
/* The simulated Mixpanel as a whole. */
#pragma once

#include "fault.h"
#include "stats.h"
#include "world.h"

struct sim {
	struct world world;
	struct stats stats;
	struct faults faults;
	char **credentials; /* values of the Authorization header that are let in */
	size_t credential_count;
	const char *address; /* "127.0.0.1:PORT" */
};
