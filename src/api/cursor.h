/* SPDX-License-Identifier: MIT */
/* Where a page of a list ended, as the opaque text a client hands back for the next one. Pure.
 *
 * A cursor carries the kind of list it came from and a fingerprint of that list's identity (which
 * records, in which order), so that one taken from another list is refused, not misread. */
#pragma once

#include <stdint.h>

enum cursor_kind {
	CURSOR_PROJECTS = 1,
	CURSOR_CONNECTORS,
	CURSOR_JOBS,
	CURSOR_SNAPSHOTS,
	CURSOR_OPERATIONS,
};

/* Invariant: row >= 1. time is 0 for lists that are ordered by row alone. */
struct cursor {
	enum cursor_kind kind;
	uint64_t list; /* fingerprint of the list's identity */
	int64_t time;
	int64_t row;
};

#define CURSOR_BYTES 26
#define CURSOR_TEXT_SIZE (2 * CURSOR_BYTES + 1)

/* Writes the text of a cursor; ret_text holds CURSOR_TEXT_SIZE bytes. */
void cursor_format(const struct cursor *cursor, char *ret_text);

/* Reads the text of a cursor of this kind and list. Returns 0, or -1 when it is anything else. */
int cursor_parse(const char *text, enum cursor_kind kind, uint64_t list, struct cursor *ret_cursor);

/* Takes one more value into a fingerprint. Order matters; equal sequences give equal fingerprints,
 * others almost surely do not. */
uint64_t fingerprint_add(uint64_t fingerprint, uint64_t value);

/* Takes a string in; NULL is not the same as "". */
uint64_t fingerprint_add_text(uint64_t fingerprint, const char *text);
