/* SPDX-License-Identifier: MIT */
/* A program that is run for each event. */
#pragma once

#include <jansson.h>

#include "ctl/exits.h"
#include "util/text.h"

/* Whether there is such a program: a path, or a name in PATH. EXIT_USAGE when there is none. */
enum exit_code program_check(const char *name);

/* Runs it with the event on standard input and what it is about in the environment, and waits for
 * its end. Returns the exit status; 128 and the number for a signal; -1 when it could not be run,
 * after saying why. */
int program_run(const char *name, struct span json, const json_t *event);
