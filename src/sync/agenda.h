/* SPDX-License-Identifier: MIT */
/* Which connectors and operations are to be looked at for what needs attention, and when.
 * Everything belongs to the sync thread. */
#pragma once

#include "model/attention.h"
#include "util/heap.h"

/* The time of what is to be looked at at once. */
#define AGENDA_NOW INT64_MIN

/* All zero is an empty one. Invariant: the trees and due hold the same, each once. */
struct agenda {
	void *connectors; /* tsearch tree of struct item by row */
	void *operations; /* the same */
	struct heap due;  /* by the wall-clock time when each is due */
	uint64_t turn;    /* what is put on it in a turn is for the next */
	bool all;         /* all there are must be put on it: after a start, or without memory */
};

struct agenda_item {
	enum attention_subject subject;
	int64_t row;
};

/* Something of it was changed: it is due. */
void agenda_touch(struct agenda *agenda, enum attention_subject subject, int64_t row);

/* It was looked at: it is due again at that wall-clock time (INT64_MAX: not of itself), and when
 * something is read of it; never, without either. */
void agenda_set(struct agenda *agenda, const struct agenda_item *item, int64_t at, bool when_read,
    int64_t project_id);

/* Something was read that changed nothing: those that wait for it are due. The history of a
 * connector, or the connector itself; a list, or an upstream that does otherwise than before. */
void agenda_read(struct agenda *agenda, int64_t connector_row);
void agenda_project_read(struct agenda *agenda, int64_t project_id);

/* Begins a turn. */
void agenda_begin(struct agenda *agenda);

/* The next that is due by then and was not put on it in this turn; it stays on it until agenda_set.
 * Returns whether there is one. */
bool agenda_next(const struct agenda *agenda, int64_t now, struct agenda_item *ret_item);

/* When the earliest is due; INT64_MAX for none. */
int64_t agenda_due(const struct agenda *agenda);

/* Frees. */
void agenda_done(struct agenda *agenda);
