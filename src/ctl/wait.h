/* SPDX-License-Identifier: MIT */
/* Waiting for what becomes of a connector's job. */
#pragma once

#include "ctl/ctl.h"

/* Waits until the newest job of a connector, or the first to come, is over, and prints the line of
 * its end. Returns as `mixportctl wait` ends. */
enum exit_code wait_for_first_job(struct ctl *ctl, const char *project, const char *connector_id);
