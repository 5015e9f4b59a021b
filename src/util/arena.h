/* SPDX-License-Identifier: MIT */
/* Many small allocations that live and die together. */
#pragma once

#include <stddef.h>

#include "util/cleanup.h"

/* Opaque blocks, newest first; used counts the bytes handed out against the limit. */
struct arena {
	struct arena_block *blocks;
	size_t used;
	size_t limit;
};

/* An empty arena that will hand out at most limit bytes. */
void arena_init(struct arena *arena, size_t limit);

/* Frees everything that was handed out. */
void arena_done(struct arena *arena);
#define _cleanup_arena_ _cleanup_(arena_done)

/* Zeroed memory, aligned for any type, valid until arena_done. NULL past the limit or without
 * memory. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of len bytes with a NUL behind it. NULL as arena_alloc. */
char *arena_copy(struct arena *arena, const void *data, size_t len);

/* A copy of a string; NULL for NULL, and as arena_alloc. */
char *arena_text(struct arena *arena, const char *text);
