/* SPDX-License-Identifier: MIT */
/* What monitoring systems are told when the command cannot even begin. */
#pragma once

#include "ctl/exits.h"

/* Prints "MIXPORT UNKNOWN - " and why; returns the exit status for that, 3. */
enum exit_code check_cannot(const char *why);
