/* SPDX-License-Identifier: MIT */
/* What callers want, carried out. */
#pragma once

#include "sync/mailbox.h"
#include "sync/project.h"

/* Does what the command to a project wants and fills its result; does not call done. */
void command_run(struct project *project, struct command *command);
