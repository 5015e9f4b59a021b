/* SPDX-License-Identifier: MIT */
/* Every fault of the configuration, gathered so that they are reported all at once. */
#pragma once

#include <stddef.h>

#include "util/buffer.h"

/* The faults and warnings found so far, one line each ("FILE:LINE: what is wrong, and what is
 * allowed"). At most 64 KiB are kept; the count goes on. */
struct faults {
	struct buffer lines;
	struct buffer warnings;
	size_t count; /* of the faults */
	size_t warning_count;
};

/* No faults yet. */
void faults_init(struct faults *faults);

/* Frees the lines. */
void faults_done(struct faults *faults);
#define _cleanup_faults_ _cleanup_(faults_done)

/* Adds a fault; line 0 stands for the file as a whole and is left out. */
void faults_add(struct faults *faults, const char *file, unsigned line, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Adds something the operator should know but that stops nothing. */
void faults_warn(struct faults *faults, const char *file, unsigned line, const char *format, ...)
    PRINTF_LIKE(4, 5);
