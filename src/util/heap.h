/* SPDX-License-Identifier: MIT */
/* A binary heap of nodes that are part of what they order: the least key is first. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The first member of what is ordered. */
struct heap_node {
	int64_t id; /* decides between equal keys */
	int64_t key;
	size_t slot;
};

/* All zero is an empty one. Invariant: size is the room for nodes, of which count are in it. */
struct heap {
	struct heap_node **nodes;
	size_t count;
	size_t size;
};

/* Makes room for one more than there was room for, unless there is room for count. Adding cannot
 * fail then. Returns 0, or -1 without memory. */
int heap_reserve(struct heap *heap, size_t count);

/* Adds a node, for which there is room; removes one that is in it. */
void heap_add(struct heap *heap, struct heap_node *node);
void heap_remove(struct heap *heap, struct heap_node *node);

/* Puts all nodes in order again after their keys were changed. */
void heap_restore(struct heap *heap);

/* Frees, but for the nodes. */
void heap_done(struct heap *heap);
