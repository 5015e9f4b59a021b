/* SPDX-License-Identifier: MIT */
/* What the audit keeps of a request, from asked to answered. */
#pragma once

#include "http/request.h"
#include "model/audit.h"

struct note {
	struct audit_entry entry;
	bool written; /* on its way to the store, at least */
};
