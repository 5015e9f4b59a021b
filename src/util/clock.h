/* SPDX-License-Identifier: MIT */
/* Two clocks, both replaceable. Intervals use the monotonic one, only dates the wall clock. */
#pragma once

#include <stdint.h>

#define MICROSECONDS_PER_MILLISECOND INT64_C(1000)
#define MICROSECONDS_PER_SECOND INT64_C(1000000)
#define MICROSECONDS_PER_MINUTE (60 * MICROSECONDS_PER_SECOND)
#define MICROSECONDS_PER_HOUR (60 * MICROSECONDS_PER_MINUTE)
#define MICROSECONDS_PER_DAY (24 * MICROSECONDS_PER_HOUR)

/* A source of time, in microseconds; the functions may be called from any thread. */
struct clock {
	int64_t (*monotonic)(void *context);
	int64_t (*wall)(void *context);
	void *context;
};

/* CLOCK_MONOTONIC and CLOCK_REALTIME. */
extern const struct clock clock_system;

/* Microseconds since an arbitrary start; never goes back. */
int64_t clock_monotonic(const struct clock *clock);

/* Microseconds since the epoch, UTC (see timestamp.h). */
int64_t clock_wall(const struct clock *clock);
