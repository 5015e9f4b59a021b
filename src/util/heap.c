/* SPDX-License-Identifier: MIT */
/* A node knows its slot, so that it can be taken out wherever it stands. */
#include "util/heap.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "util/array.h"

static bool heap_is_before(const struct heap_node *a, const struct heap_node *b)
{
	return a->key != b->key ? a->key < b->key : a->id < b->id;
}

static void heap_set(struct heap *heap, size_t slot, struct heap_node *node)
{
	heap->nodes[slot] = node;
	node->slot = slot;
}

static void heap_rise(struct heap *heap, struct heap_node *node)
{
	size_t slot = node->slot;
	while (slot > 0 && heap_is_before(node, heap->nodes[(slot - 1) / 2])) {
		heap_set(heap, slot, heap->nodes[(slot - 1) / 2]);
		slot = (slot - 1) / 2;
	}
	heap_set(heap, slot, node);
}

static void heap_sink(struct heap *heap, struct heap_node *node)
{
	size_t slot = node->slot;
	for (;;) {
		size_t child = 2 * slot + 1;
		if (child >= heap->count)
			break;
		if (child + 1 < heap->count &&
		    heap_is_before(heap->nodes[child + 1], heap->nodes[child]))
			child++;
		if (!heap_is_before(heap->nodes[child], node))
			break;
		heap_set(heap, slot, heap->nodes[child]);
		slot = child;
	}
	heap_set(heap, slot, node);
}

int heap_reserve(struct heap *heap, size_t count)
{
	if (count <= heap->size)
		return 0;
	assert(count == heap->size + 1);
	struct heap_node **nodes = array_grow(heap->nodes, heap->size, sizeof(struct heap_node *));
	if (!nodes)
		return -1;
	heap->nodes = nodes;
	heap->size = count;
	return 0;
}

void heap_add(struct heap *heap, struct heap_node *node)
{
	assert(heap->count < heap->size);
	heap_set(heap, heap->count++, node);
	heap_rise(heap, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	struct heap_node *last = heap->nodes[--heap->count];
	if (last == node)
		return;
	heap_set(heap, node->slot, last);
	heap_rise(heap, last);
	heap_sink(heap, last);
}

void heap_restore(struct heap *heap)
{
	for (size_t slot = heap->count / 2; slot-- > 0;)
		heap_sink(heap, heap->nodes[slot]);
}

void heap_done(struct heap *heap)
{
	free(heap->nodes);
}
