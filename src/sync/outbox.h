/* SPDX-License-Identifier: MIT */
/* Operations: written down, sent, and what became of them. */
#pragma once

#include "model/operation.h"
#include "sync/project.h"

/* Forgets what was to be sent: the project goes. */
void outbox_clear(struct project *project);

/* Puts an operation that is planned on the list of those to be sent. Returns 0, or -1 without
 * memory. */
int outbox_put(struct project *project, const char *operation_id, enum operation_kind kind);

/* Sends the next operation that may go out, and takes it out of the budget. Returns whether one
 * was sent or came to an end; if none did, *next is brought forward to when to look again. */
bool outbox_send(struct project *project, int64_t now, int64_t *next);

/* Writes down those ends that could not be written before. What stays unwritten becomes unknown at
 * the next start. */
void outbox_save(struct project *project);

/* Whether every end that is known is written down. */
bool outbox_is_saved(const struct project *project);

/* Whether an operation is on its way. */
bool outbox_in_flight(const struct project *project);
