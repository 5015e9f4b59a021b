/* SPDX-License-Identifier: MIT */
/* What the engine counts, for metrics. */
#pragma once

#include <stdint.h>

/* Counters since the start. */
#define ENGINE_ENDPOINTS 5
struct engine_counters {
	uint64_t requests[ENGINE_ENDPOINTS]
			 [6]; /* by endpoint; 2xx, 3xx, 4xx, 5xx, not sent, unclear */
	uint64_t request_microseconds[ENGINE_ENDPOINTS];
	uint64_t undecodable;
	uint64_t commits;
	uint64_t jobs_changed;
	uint64_t connectors_changed;
	uint64_t in_flight;
};
