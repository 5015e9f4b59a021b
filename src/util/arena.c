/* SPDX-License-Identifier: MIT */
/* Allocates from blocks that are freed as a whole. */
#include "util/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

/* With the allocator's own bookkeeping the first block takes half a page: enough for most requests,
 * and malloc serves that size from a thread's cache. */
#define FIRST_BLOCK (2048 - 16 - sizeof(struct arena_block))
#define LARGEST_BLOCK ((size_t)64 * 1024)

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t size;
	alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena, size_t limit)
{
	*arena = (struct arena){.blocks = NULL, .used = 0, .limit = limit};
}

void arena_done(struct arena *arena)
{
	while (arena->blocks) {
		struct arena_block *block = arena->blocks;
		arena->blocks = block->next;
		free(block);
	}
	arena->used = 0;
}

/* Blocks double, so that their number stays small; what is larger than a block gets its own. */
static size_t next_block_size(const struct arena *arena, size_t wanted)
{
	size_t size = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK;
	if (size > LARGEST_BLOCK)
		size = LARGEST_BLOCK;
	return size > wanted ? size : wanted;
}

static struct arena_block *add_block(struct arena *arena, size_t wanted)
{
	size_t size = next_block_size(arena, wanted);
	if (size > SIZE_MAX - sizeof(struct arena_block))
		return NULL;
	struct arena_block *block = malloc(sizeof(*block) + size);
	if (!block)
		return NULL;
	block->next = arena->blocks;
	block->used = 0;
	block->size = size;
	arena->blocks = block;
	return block;
}

/* A block has an aligned start, so an aligned offset is an aligned address. Only what was asked for
 * counts against the limit, not the padding. */
static void *arena_take(struct arena *arena, size_t size, size_t alignment)
{
	if (size > arena->limit - arena->used)
		return NULL;
	struct arena_block *block = arena->blocks;
	size_t start = block ? (block->used + alignment - 1) & ~(alignment - 1) : 0;
	if (!block || start > block->size || size > block->size - start) {
		block = add_block(arena, size);
		start = 0;
	}
	if (!block)
		return NULL;
	block->used = start + size;
	arena->used += size;
	return block->data + start;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	void *memory = arena_take(arena, size ? size : 1, alignof(max_align_t));
	return memory ? memset(memory, 0, size) : NULL;
}

char *arena_copy(struct arena *arena, const void *data, size_t len)
{
	char *copy = len < SIZE_MAX ? arena_take(arena, len + 1, 1) : NULL;
	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

char *arena_text(struct arena *arena, const char *text)
{
	return text ? arena_copy(arena, text, strlen(text)) : NULL;
}
