/* SPDX-License-Identifier: MIT */
/* An item is on the agenda as long as something is to be expected of it. */
#include "sync/agenda.h"

#include <search.h>
#include <stdlib.h>

#include "util/array.h"

/* A connector or an operation. */
struct item {
	struct heap_node node; /* as id_of says; when, by the wall clock */
	int64_t project_id;    /* once it was looked at */
	uint64_t turn;         /* in which it was put there */
	bool when_read;
};

/* Both kinds have rows of their own. */
static int64_t id_of(enum attention_subject subject, int64_t row)
{
	return row * 2 + (subject == ATTENTION_OF_OPERATION);
}

static struct item *agenda_find(const struct agenda *agenda, int64_t id)
{
	const struct item wanted = {.node.id = id};
	struct item **found = tfind(&wanted, &agenda->items, array_compare);
	return found ? *found : NULL;
}

static struct item *agenda_add(struct agenda *agenda, int64_t id)
{
	struct item *item = calloc(1, sizeof(*item));
	size_t count = agenda->due.count + 1;
	if (!item)
		return NULL;
	item->node.id = id;
	if (heap_reserve(&agenda->due, count) < 0 ||
	    !tsearch(item, &agenda->items, array_compare)) {
		free(item);
		return NULL;
	}
	heap_add(&agenda->due, &item->node);
	return item;
}

static void agenda_remove(struct agenda *agenda, int64_t id)
{
	struct item *item = agenda_find(agenda, id);
	if (!item)
		return;
	heap_remove(&agenda->due, &item->node);
	tdelete(item, &agenda->items, array_compare);
	free(item);
}

static void agenda_put(
    struct agenda *agenda, int64_t id, int64_t at, bool when_read, int64_t project_id)
{
	struct item *item = agenda_find(agenda, id);
	if (!item)
		item = agenda_add(agenda, id);
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
	agenda_put(agenda, id_of(subject, row), AGENDA_NOW, false, 0);
}

void agenda_set(struct agenda *agenda, const struct agenda_item *item, int64_t at, bool when_read,
    int64_t project_id)
{
	int64_t id = id_of(item->subject, item->row);
	if (at == INT64_MAX && !when_read)
		agenda_remove(agenda, id);
	else
		agenda_put(agenda, id, at, when_read, project_id);
}

void agenda_read(struct agenda *agenda, int64_t connector_row)
{
	const struct item *item = agenda_find(agenda, id_of(ATTENTION_OF_CONNECTOR, connector_row));
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
	int64_t id = item->node.id;
	if (item->node.key > now || item->turn == agenda->turn)
		return false;
	*ret_item = (struct agenda_item){
	    .subject = id % 2 ? ATTENTION_OF_OPERATION : ATTENTION_OF_CONNECTOR, .row = id / 2};
	return true;
}

int64_t agenda_due(const struct agenda *agenda)
{
	return agenda->due.count > 0 ? agenda->due.nodes[0]->key : INT64_MAX;
}

void agenda_done(struct agenda *agenda)
{
	tdestroy(agenda->items, free);
	heap_done(&agenda->due);
}
