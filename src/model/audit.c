/* SPDX-License-Identifier: MIT */
/* The words for what can be asked for. */
#include "model/audit.h"

#include "util/cleanup.h"

const char *const audit_actions[] = {
    [AUDIT_CREATE] = "create",
    [AUDIT_DELETE] = "delete",
    [AUDIT_REFRESH] = "refresh",
    [AUDIT_RESOLVE] = "resolve",
    [AUDIT_RELOAD] = "reload",
    NULL,
};

_Static_assert(ARRAY_SIZE(audit_actions) == AUDIT_RELOAD + 2, "an action has no name");
