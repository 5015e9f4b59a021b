/* SPDX-License-Identifier: MIT */
/* Answers counted by reference, and the table of those that may be served again. */
#include "http/cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct kept *kept_new(char *data, size_t len, const char *etag)
{
	size_t etag_len = etag ? strlen(etag) : 0;
	if (len > CACHE_TOTAL_LIMIT || etag_len >= CACHE_ETAG_SIZE)
		return NULL;
	struct kept *kept = calloc(1, sizeof(*kept));
	if (!kept)
		return NULL;
	kept->references = 1;
	kept->data = data;
	kept->len = len;
	if (etag)
		memcpy(kept->etag, etag, etag_len + 1);
	return kept;
}

struct kept *kept_ref(struct kept *kept)
{
	unsigned before = __atomic_fetch_add(&kept->references, 1, __ATOMIC_RELAXED);
	assert(before > 0);
	return kept;
}

void kept_unref(void *pointer)
{
	struct kept *kept = pointer;
	if (__atomic_sub_fetch(&kept->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	free(kept->data);
	free(kept);
}

void cache_init(struct cache *cache)
{
	memset(cache, 0, sizeof(*cache));
}

static void drop(struct cache *cache, struct cache_entry *entry)
{
	if (!entry->kept)
		return;
	cache->total -= entry->kept->len;
	kept_unref(entry->kept);
	free(entry->target);
	*entry = (struct cache_entry){.kept = NULL};
}

void cache_clear(struct cache *cache)
{
	for (size_t i = 0; i < CACHE_ENTRIES; i++)
		drop(cache, &cache->entries[i]);
	assert(cache->total == 0);
}

/* FNV-1a, 64 bits: the entries are compared in full anyway. */
static uint64_t cache_hash(struct span target, const void *viewer)
{
	uint64_t hash = UINT64_C(14695981039346656037) ^ (uint64_t)(uintptr_t)viewer;
	for (size_t i = 0; i < target.len; i++)
		hash = (hash ^ (unsigned char)target.ptr[i]) * UINT64_C(1099511628211);
	return hash;
}

static struct cache_entry *find_entry(
    struct cache *cache, uint64_t hash, struct span target, const void *viewer)
{
	for (size_t i = 0; i < CACHE_ENTRIES; i++) {
		struct cache_entry *entry = &cache->entries[i];
		if (entry->hash == hash && entry->kept && entry->viewer == viewer &&
		    entry->target_len == target.len &&
		    memcmp(entry->target, target.ptr, target.len) == 0)
			return entry;
	}
	return NULL;
}

static void set_generation(struct cache *cache, uint64_t generation)
{
	if (cache->generation == generation)
		return;
	cache_clear(cache);
	cache->generation = generation;
}

struct kept *cache_find(
    struct cache *cache, uint64_t generation, struct span target, const void *viewer, int64_t now)
{
	set_generation(cache, generation);
	cache->looked_at = now;
	struct cache_entry *entry = find_entry(cache, cache_hash(target, viewer), target, viewer);
	if (!entry)
		return NULL;
	if (now >= entry->until || now < entry->from) {
		drop(cache, entry);
		return NULL;
	}
	entry->used = ++cache->lookups;
	return entry->kept;
}

/* A free entry, or the one that was used longest ago. */
static struct cache_entry *oldest_entry(struct cache *cache, bool in_use)
{
	struct cache_entry *oldest = NULL;
	for (size_t i = 0; i < CACHE_ENTRIES; i++) {
		struct cache_entry *entry = &cache->entries[i];
		if (in_use && !entry->kept)
			continue;
		if (!oldest || entry->used < oldest->used)
			oldest = entry;
	}
	return oldest;
}

void cache_keep(struct cache *cache, uint64_t generation, struct span target, const void *viewer,
    int64_t until, struct kept *kept)
{
	char *copy = malloc(target.len + 1);
	if (!copy)
		return;
	memcpy(copy, target.ptr, target.len);
	copy[target.len] = '\0';
	set_generation(cache, generation);
	uint64_t hash = cache_hash(target, viewer);
	struct cache_entry *same = find_entry(cache, hash, target, viewer);
	if (same)
		drop(cache, same);
	while (cache->total + kept->len > CACHE_TOTAL_LIMIT)
		drop(cache, oldest_entry(cache, true));
	struct cache_entry *entry = oldest_entry(cache, false);
	drop(cache, entry);
	*entry = (struct cache_entry){.kept = kept_ref(kept),
	    .target = copy,
	    .target_len = target.len,
	    .hash = hash,
	    .viewer = viewer,
	    .from = cache->looked_at,
	    .until = until,
	    .used = ++cache->lookups};
	cache->total += kept->len;
}
