/* SPDX-License-Identifier: MIT */
/* The clocks of the system. */
#include "util/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec now;
	/* Both clocks always exist on Linux, and the address is valid: this cannot fail. */
	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * MICROSECONDS_PER_SECOND + now.tv_nsec / 1000;
}

static int64_t system_monotonic(void *context)
{
	(void)context;
	return read_clock(CLOCK_MONOTONIC);
}

static int64_t system_wall(void *context)
{
	(void)context;
	return read_clock(CLOCK_REALTIME);
}

const struct clock clock_system = {.monotonic = system_monotonic, .wall = system_wall};

int64_t clock_monotonic(const struct clock *clock)
{
	return clock->monotonic(clock->context);
}

int64_t clock_wall(const struct clock *clock)
{
	return clock->wall(clock->context);
}
