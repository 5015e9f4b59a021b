/* SPDX-License-Identifier: MIT */
/* What systemd passes and wants to hear (sd-daemon(3)); nothing happens without it. */
#pragma once

#include <stdint.h>

#include "util/cleanup.h"

/* The next socket that was passed under this FileDescriptorName, the caller's from now on; -1 when
 * there is none left. A socket of an unknown name is closed on the first call. */
int supervisor_passed_socket(const char *name);

/* For a start that failed for good: hangs up on whoever waits at the sockets that were passed and
 * have not been given away, and, when there was anybody, on those who come within a second. systemd
 * would start the program again at once, and again, for as long as one waits; so it does once a
 * second. */
void supervisor_turn_away(void);

/* How often the watchdog wants to hear from us, in microseconds; 0: there is none. */
int64_t supervisor_watchdog_interval(void);

/* Has log entries with fields go straight to the journal, when standard error is the journal's. */
void supervisor_take_journal(void);

/* Sends a state, as sd_notify(3) takes it ("READY=1\nSTATUS=…"). */
void supervisor_notify(const char *format, ...) PRINTF_LIKE(1, 2);
