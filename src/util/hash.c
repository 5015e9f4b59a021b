/* SPDX-License-Identifier: MIT */
/* FNV-1a, and open addressing. */
#include "util/hash.h"

#include <stdlib.h>

uint64_t hash_of(struct span bytes)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < bytes.len; i++)
		hash = (hash ^ (unsigned char)bytes.ptr[i]) * UINT64_C(1099511628211);
	return hash;
}

/* 0 marks an unused slot. */
static uint64_t stored(uint64_t hash)
{
	return hash ? hash : 1;
}

/* Where it is, or would be put. There is always an unused slot to end at. */
static size_t hash_place_of(const struct hash_set *set, uint64_t hash)
{
	size_t place = (size_t)hash & (set->size - 1);
	while (set->slots[place] && set->slots[place] != hash)
		place = (place + 1) & (set->size - 1);
	return place;
}

static int hash_grow(struct hash_set *set)
{
	struct hash_set larger = {.size = set->size ? 2 * set->size : 64, .count = set->count};
	larger.slots = calloc(larger.size, sizeof(*larger.slots));
	if (!larger.slots)
		return -1;
	for (size_t i = 0; i < set->size; i++)
		if (set->slots[i])
			larger.slots[hash_place_of(&larger, set->slots[i])] = set->slots[i];
	free(set->slots);
	*set = larger;
	return 0;
}

int hash_set_add(struct hash_set *set, uint64_t hash)
{
	hash = stored(hash);
	if (2 * (set->count + 1) > set->size && hash_grow(set) < 0)
		return -1;
	size_t place = hash_place_of(set, hash);
	if (set->slots[place])
		return 0;
	set->slots[place] = hash;
	set->count++;
	return 1;
}

bool hash_set_has(const struct hash_set *set, uint64_t hash)
{
	return set->size > 0 && set->slots[hash_place_of(set, stored(hash))] != 0;
}

void hash_set_done(struct hash_set *set)
{
	free(set->slots);
	*set = (struct hash_set){.size = 0};
}
