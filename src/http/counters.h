/* SPDX-License-Identifier: MIT */
/* What is counted of requests and answers, by each serving thread for itself. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "http/problem.h"

#define COUNTERS_DURATION_BUCKETS 10

/* The upper bounds of the buckets, in microseconds; the last is "any". */
extern const int64_t counters_duration_bounds[COUNTERS_DURATION_BUCKETS];

/* Written by one thread, read by any: no increment needs a locked instruction. */
struct counters {
	_Atomic uint64_t by_status[6]; /* 1xx to 5xx, by their first digit; [0] is unused */
	_Atomic uint64_t problems[PROBLEM_COUNT];
	_Atomic uint64_t library_refusals; /* heads that only libmicrohttpd saw */
	_Atomic uint64_t duration_buckets[COUNTERS_DURATION_BUCKETS];
	_Atomic uint64_t duration_microseconds; /* waits not included */
};

/* Adds to a counter that only the calling thread writes. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
	    memory_order_relaxed);
}

/* Counts an answer of this status, `duration` microseconds of work after its request. */
void counters_answer(struct counters *counters, unsigned status, int64_t duration);

/* Adds a thread's counters to a sum. */
void counters_sum(struct counters *sum, const struct counters *counters);
