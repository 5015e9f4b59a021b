/* SPDX-License-Identifier: MIT */
/* Hashes of bytes, and sets of them: for what is looked up, never for what must not be forged. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/text.h"

/* The 64-bit FNV-1a of the bytes. */
uint64_t hash_of(struct span bytes);

/* A set of hashes; all zero is an empty one. Invariant: size is 0 or a power of two, at most half
 * of the slots are used, 0 is an unused one. */
struct hash_set {
	uint64_t *slots;
	size_t size;
	size_t count;
};

/* Puts a hash into the set. Returns 1 when it is new, 0 when it was there, or -1 without memory. */
int hash_set_add(struct hash_set *set, uint64_t hash);

/* Whether it is in the set. */
bool hash_set_has(const struct hash_set *set, uint64_t hash);

/* Frees. */
void hash_set_done(struct hash_set *set);
