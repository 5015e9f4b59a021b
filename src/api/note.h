/* SPDX-License-Identifier: MIT */
/* What the audit keeps of a request, from asked to answered. */
#pragma once

#include "http/request.h"
#include "model/audit.h"

struct note {
	struct audit_entry entry;
	bool written; /* on its way to the store, at least */
};

/* The id of the request's entry; NULL when there is none. */
static inline const char *note_audit_id(const struct request *request)
{
	const struct note *note = request_note(request);
	return note ? note->entry.audit_id : NULL;
}
