/* SPDX-License-Identifier: MIT */
/* What this process takes of the machine. */
#pragma once

#include <stdint.h>

/* What could not be read is -1. */
struct process_figures {
	int64_t cpu_microseconds; /* user and system, of all threads */
	int64_t resident_bytes;
	int64_t open_descriptors;
	int64_t descriptors_limit; /* the soft one; INT64_MAX for none */
};

/* Reads them, from /proc/self where the kernel tells no other way. */
struct process_figures process_figures(void);
