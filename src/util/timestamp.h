/* SPDX-License-Identifier: MIT */
/* Points in time: microseconds since 1970-01-01T00:00:00Z, as integers, always UTC. */
#pragma once

#include <stdint.h>

#include "util/clock.h"
#include "util/text.h"

#define TIMESTAMP_NONE INT64_MIN
/* No time that can be written down is so far from the epoch (over 12,000 years); sums and
 * differences of nearer ones do not overflow. */
#define TIMESTAMP_LIMIT INT64_C(400000000000000000)
#define TIMESTAMP_TEXT_SIZE 40

/* RFC 3339 in UTC with Z; a fraction (six digits, trailing zeros cut) only where there is one.
 * "" for TIMESTAMP_NONE. ret_text holds TIMESTAMP_TEXT_SIZE bytes. */
void timestamp_format(int64_t timestamp, char *ret_text);

/* Reads every form Mixpanel uses: ISO 8601 / RFC 3339 (T or blank, optional fraction, Z, an offset,
 * or nothing, taken as UTC), Go's "2020-09-17 02:17:49.831793 +0000 UTC", and epoch seconds in
 * digits (optional fraction). Digits past the microsecond are dropped. Returns 0 and the time; 1
 * and TIMESTAMP_NONE for "no time": an empty text or any time in year 1; -1 for anything else. */
int timestamp_parse(const char *text, int64_t *ret_timestamp);
