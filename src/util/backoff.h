/* SPDX-License-Identifier: MIT */
/* How long to wait after failures in a row. Pure.
 *
 * The vendor's advice for 429, 502 and 503 on its import API: start at 2 s, double, at most 60 s,
 * with 1 to 5 s of jitter (Mixpanel, "Import Events", developer.mixpanel.com). */
#pragma once

#include <stdint.h>

#include "util/random.h"

#define BACKOFF_RETRY_AFTER_MINIMUM INT64_C(1000000)
#define BACKOFF_RETRY_AFTER_MAXIMUM INT64_C(3600000000)

/* Microseconds to wait after `failures` (1 or more) failures in a row, jitter included. */
int64_t backoff_delay(unsigned failures, struct random_sequence *sequence);

/* A Retry-After value in seconds as the transport reported it, possibly negative (a date that has
 * passed) or absurd, brought into 1 s…1 h. Microseconds. */
int64_t backoff_retry_after(int64_t seconds);
