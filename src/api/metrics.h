/* SPDX-License-Identifier: MIT */
/* The parts of /metrics. */
#pragma once

#include "api/exposition.h"
#include "http/request.h"

/* Writes the families with a label `project`, of the projects that the caller may see. What the
 * store cannot tell is left out. Returns 0, or -1 without memory. */
int metrics_projects(struct exposition *exposition, struct request *request, struct err *err);

/* Writes how many subjects have an open reason for attention, by project, code and severity: of the
 * projects that the caller may see, and of the daemon for one who is not limited to some. What
 * cannot be read is left out. */
void metrics_attention(struct exposition *exposition, struct request *request);
