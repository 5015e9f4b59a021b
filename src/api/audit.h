/* SPDX-License-Identifier: MIT */
/* Who asked for which change, and what came of it: for struct application. */
#pragma once

#include "api/service.h"

/* Writes down that a change is asked for, before anything is done about it; answers the request
 * when there is no room to. */
void audit_asked(struct request *request);

/* Writes down, and tells the log, how that was answered; code is that of a problem, or NULL.
 * Status 0: it was not. */
void audit_answered(struct request *request, unsigned status, const char *code);

/* As both, of a reload that a signal asked for: sent by whom, of which unit (NULL: none), when, and
 * whether it was done. */
void audit_signalled(
    struct service *service, int64_t uid, const char *unit, int64_t asked_at, bool done);
