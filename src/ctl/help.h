/* SPDX-License-Identifier: MIT */
/* Help on standard output. */
#pragma once

#include "ctl/commands.h"

/* What one command does and takes. */
enum exit_code help_of(const struct command *command);

/* All commands, and the options of every command. */
enum exit_code help_overview(void);
