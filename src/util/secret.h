/* SPDX-License-Identifier: MIT */
/* Bytes that must not be written anywhere: kept in one locked mapping, left out of core dumps,
 * zeroed on free. */
#pragma once

#include <stddef.h>

#include "util/err.h"

/* Invariant: data holds len bytes and a NUL. */
struct secret {
	char *data;
	size_t len;
	size_t mapped;
};

/* A copy of len bytes in locked memory of its own. When the lock limit is reached (RLIMIT_MEMLOCK)
 * the memory is kept unlocked and a warning logged once. Returns 0, or -1. */
int secret_new(const char *data, size_t len, struct err *err, struct secret **ret_secret);

/* Zeroes and frees; takes NULL; returns NULL. */
struct secret *secret_free(struct secret *secret);

/* Keeps this process from being dumped, and its memory from other processes of its user. Does
 * nothing where a leak checker is built in: it attaches as a debugger does. */
void secret_close_process(void);

/* Overwrites len bytes in a way the compiler keeps. */
void secret_wipe(void *data, size_t len);
