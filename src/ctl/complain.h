/* SPDX-License-Identifier: MIT */
/* What went wrong, said on standard error. */
#pragma once

#include "ctl/exits.h"
#include "util/cleanup.h"

/* Writes one line, "mixportctl: " before it, with what a terminal would take for a command escaped,
 * and asterisks for what looks like a token.
 * Returns code, for `return complain(…)`. */
enum exit_code complain(enum exit_code code, const char *format, ...) PRINTF_LIKE(2, 3);

/* A line that is no complaint, without the name before it. */
void remark(const char *format, ...) PRINTF_LIKE(1, 2);
