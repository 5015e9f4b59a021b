/* SPDX-License-Identifier: MIT */
/* Answers that were rendered once and may be served again, for one worker thread.
 *
 * An entry holds for one state of the store (store_generation), one configuration (whoever owns the
 * cache clears it when that changes), one viewer (which projects are visible), one target, and
 * until a point in time. Bodies are counted, so that an answer under way outlives the eviction of
 * its entry, on whatever thread it ends. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/text.h"

#define CACHE_ENTRIES 64
#define CACHE_BODY_LIMIT ((size_t)256 * 1024)
#define CACHE_TOTAL_LIMIT ((size_t)2 * 1024 * 1024)
#define CACHE_ETAG_SIZE 96

/* A rendered body. Invariant: immutable once made. */
struct kept {
	unsigned references; /* atomic */
	size_t len;
	char *data;
	char etag[CACHE_ETAG_SIZE]; /* "" for none */
};

/* Takes ownership of data (from malloc). One reference. Returns NULL without memory, when the ETag
 * is too long, or when the body is over the limit; data is the caller's still. */
struct kept *kept_new(char *data, size_t len, const char *etag);

/* Takes one more reference. */
struct kept *kept_ref(struct kept *kept);

/* Gives a reference back; any thread. */
void kept_unref(void *kept);

struct cache_entry {
	struct kept *kept; /* NULL: free */
	char *target;
	size_t target_len;
	uint64_t hash;
	const void *viewer;
	int64_t from; /* before it the clock was set back, and nobody knows how old it is */
	int64_t until;
	uint64_t used; /* by the cache's own count of look-ups */
};

/* Invariant: every entry is of one generation; total is the sum of the bodies' lengths. */
struct cache {
	struct cache_entry entries[CACHE_ENTRIES];
	uint64_t generation;
	uint64_t lookups;
	int64_t looked_at; /* wall clock; of the last look-up */
	size_t total;
};

/* Empty. */
void cache_init(struct cache *cache);

/* Drops every entry; the cache stays usable. */
void cache_clear(struct cache *cache);

/* The body kept for this target and viewer in this generation of the store, at this wall-clock
 * time; borrowed until the next call. NULL when there is none. Drops everything of older
 * generations. */
struct kept *cache_find(
    struct cache *cache, uint64_t generation, struct span target, const void *viewer, int64_t now);

/* Keeps a body (taking a reference) that was rendered in this generation; entries that were used
 * longest ago make room. Without memory nothing is
 * kept. */
void cache_keep(struct cache *cache, uint64_t generation, struct span target, const void *viewer,
    int64_t until, struct kept *kept);
