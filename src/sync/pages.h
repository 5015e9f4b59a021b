/* The pages of one answer, kept as the bytes received until all are in: a listing or a history is
 * applied as a whole or not at all. */
#ifndef MIXPORT_SYNC_PAGES_H
#define MIXPORT_SYNC_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"
#include "util/text.h"

#define PAGES_COUNT_LIMIT 1000
#define PAGES_BYTES_LIMIT (64 * 1024 * 1024)

/* Invariant: complete is true once the last page said that nothing follows, and every entry could
 * be read. */
struct pages {
	struct span *bodies; /* each malloc'd */
	size_t count;
	size_t bytes;
	size_t unreadable; /* entries that were left out */
	char odd[160];     /* what is wrong with the first of those */
	bool complete;
};

/* Keeps a copy of one more page. Returns 0, or -1 past a limit or without memory. */
int pages_add(struct pages *pages, struct span body, struct err *err);

/* Frees the pages. */
void pages_done(struct pages *pages);

#endif
