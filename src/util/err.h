/* SPDX-License-Identifier: MIT */
/* The sentence that travels up with a failure: what happened, to which object, what to do.
 *
 * A function returns 0 when done, negative when it failed (its struct err * is then filled),
 * positive for a documented outcome. The sentence is logged once, where the failure stops. */
#pragma once

#include "util/cleanup.h"

/* Invariant: text is NUL-terminated; a longer sentence is cut. Start with ERR_INIT. */
struct err {
	char text[768];
};

#define ERR_INIT ((struct err){.text = ""})

/* Replaces the sentence. Takes NULL for err. Always returns -1, for `return err_set(…)`. */
int err_set(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* As err_set, followed by ": " and the text of the given errno value. Returns -1. */
int err_set_errno(struct err *err, int errno_value, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "formatted: " before the sentence that is there. Returns -1. */
int err_wrap(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
