/* SPDX-License-Identifier: MIT */
/* An item is on the agenda as long as something is to be expected of it. */
#include "sync/agenda.h"

#include <search.h>
#include <stdlib.h>

#include "util/array.h"

/* A connector or an operation. */
struct item {
	struct heap_node node; /* the row; when, by the wall clock */
	int64_t project_id;    /* once it was looked at */
	uint64_t turn;         /* in which it was put there */
	bool is_operation;
	bool when_read;
};

static void **tree_of(struct agenda *agenda, bool is_operation)
{
	return is_operation ? &agenda->operations : &agenda->connectors;
}

static struct item *agenda_find(struct agenda *agenda, const struct agenda_item *wanted)
{
	const struct item item = {.node.id = wanted->row};
	bool is_operation = wanted->subject == ATTENTION_OF_OPERATION;
	struct item **found = tfind(&item, tree_of(agenda, is_operation), array_compare);
	return found ? *found : NULL;
}

static struct item *agenda_add(struct agenda *agenda, const struct agenda_item *wanted)
{
	struct item *item = calloc(1, sizeof(*item));
	size_t count = agenda->due.count + 1;
	if (!item)
		return NULL;
	item->node.id = wanted->row;
	item->is_operation = wanted->subject == ATTENTION_OF_OPERATION;
	if (heap_reserve(&agenda->due, count) < 0 ||
	    !tsearch(item, tree_of(agenda, item->is_operation), array_compare)) {
		free(item);
		return NULL;
	}
	heap_add(&agenda->due, &item->node);
	return item;
}

static void agenda_remove(struct agenda *agenda, struct item *item)
{
	heap_remove(&agenda->due, &item->node);
	tdelete(item, tree_of(agenda, item->is_operation), array_compare);
	free(item);
}

void agenda_set(struct agenda *agenda, const struct agenda_item *wanted, int64_t at, bool when_read,
    int64_t project_id)
{
	struct item *item = agenda_find(agenda, wanted);
	if (at == INT64_MAX && !when_read) {
		if (item)
			agenda_remove(agenda, item);
		return;
	}
	if (!item)
		item = agenda_add(agenda, wanted);
	if (!item) {
		/* It is found again among all. */
		agenda->all = true;
		return;
	}
	heap_remove(&agenda->due, &item->node);
	item->node.key = at;
	item->when_read = when_read;
	item->project_id = project_id;
	item->turn = agenda->turn;
	heap_add(&agenda->due, &item->node);
}

void agenda_touch(struct agenda *agenda, enum attention_subject subject, int64_t row)
{
	agenda_set(agenda, &(struct agenda_item){subject, row}, AGENDA_NOW, false, 0);
}

void agenda_read(struct agenda *agenda, int64_t connector_row)
{
	const struct item *item =
	    agenda_find(agenda, &(struct agenda_item){ATTENTION_OF_CONNECTOR, connector_row});
	if (item && item->when_read)
		agenda_touch(agenda, ATTENTION_OF_CONNECTOR, connector_row);
}

void agenda_project_read(struct agenda *agenda, int64_t project_id)
{
	struct heap *due = &agenda->due;
	for (size_t i = 0; i < due->count; i++) {
		struct item *item = (struct item *)due->nodes[i];
		if (item->when_read && item->project_id == project_id) {
			item->node.key = AGENDA_NOW;
			item->turn = agenda->turn;
		}
	}
	heap_restore(due);
}

void agenda_begin(struct agenda *agenda)
{
	agenda->turn++;
}

bool agenda_next(const struct agenda *agenda, int64_t now, struct agenda_item *ret_item)
{
	if (agenda->due.count == 0)
		return false;
	const struct item *item = (const struct item *)agenda->due.nodes[0];
	if (item->node.key > now || item->turn == agenda->turn)
		return false;
	*ret_item = (struct agenda_item){
	    .subject = item->is_operation ? ATTENTION_OF_OPERATION : ATTENTION_OF_CONNECTOR,
	    .row = item->node.id};
	return true;
}

int64_t agenda_due(const struct agenda *agenda)
{
	return agenda->due.count > 0 ? agenda->due.nodes[0]->key : INT64_MAX;
}

void agenda_done(struct agenda *agenda)
{
	tdestroy(agenda->connectors, free);
	tdestroy(agenda->operations, free);
	heap_done(&agenda->due);
}
