/* SPDX-License-Identifier: MIT */
/* Where a page of a list ended, as the opaque text a client hands back for the next one. Pure.
 *
 * A cursor belongs to the kind of list it came from and to a fingerprint of that list's identity
 * (which records, in which order): taken from another list, made up or changed, it is refused, not
 * misread. Nobody without the key can read it. */
#pragma once

#include <stdint.h>

enum cursor_kind {
	CURSOR_PROJECTS = 1,
	CURSOR_CONNECTORS,
	CURSOR_JOBS,
	CURSOR_SNAPSHOTS,
	CURSOR_OPERATIONS,
	CURSOR_AUDIT,
	CURSOR_ATTENTION,
};

/* Invariant: row >= 1. time is 0 for lists that are ordered by row alone. */
struct cursor {
	enum cursor_kind kind;
	uint64_t list; /* fingerprint of the list's identity */
	int64_t time;
	int64_t row;
};

#define CURSOR_BYTES 32
#define CURSOR_TEXT_SIZE (2 * CURSOR_BYTES + 1)

#define CURSOR_KEY_SIZE 32

/* Writes the text of a cursor; ret_text holds CURSOR_TEXT_SIZE bytes. */
void cursor_format(const struct cursor *cursor, const uint8_t key[CURSOR_KEY_SIZE], char *ret_text);

/* Reads time and row out of the text of a cursor that has this kind and list. Returns 0, or -1 when
 * it is anything else. */
int cursor_parse(const char *text, const uint8_t key[CURSOR_KEY_SIZE], struct cursor *cursor);

/* Takes one more value into a fingerprint. Order matters; equal sequences give equal fingerprints,
 * others almost surely do not. Whoever sees one can find what was taken in: see fingerprint_seal.
 */
uint64_t fingerprint_add(uint64_t fingerprint, uint64_t value);

/* Takes a string in; NULL is not the same as "". */
uint64_t fingerprint_add_text(uint64_t fingerprint, const char *text);

/* What may be shown of a fingerprint: equal for equal ones, others almost surely not, and without
 * the key it tells nothing of what was taken in. */
uint64_t fingerprint_seal(uint64_t fingerprint, const uint8_t key[CURSOR_KEY_SIZE]);
