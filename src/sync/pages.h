/* SPDX-License-Identifier: MIT */
/* The pages of one answer, read as they come and kept until all are in: a listing or a history is
 * applied as a whole or not at all.
 *
 * Nothing says where a list that is paged ends but its own pages, and those may lead in a circle,
 * or bring the same again and again. An address that was asked before, a page that brings nothing
 * new, too many pages or no room for another end it: what came is kept, and the list is incomplete.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "mixpanel/decode.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/hash.h"
#include "util/text.h"

#define PAGES_COUNT_LIMIT 200
#define PAGES_BYTES_LIMIT (64 * 1024 * 1024) /* of one answer */
#define PAGES_ROOM (96 * 1024 * 1024)        /* of all that are gathered at one time */

enum pages_kind { PAGES_LISTING, PAGES_HISTORY };

/* One page. What was read of it points into the bytes received. */
struct page {
	char *body;
	struct decoded_listing listing; /* one of the two */
	struct decoded_history history;
	bool news; /* it has an entry that no page before it had, or one that cannot be read */
};

/* Invariant: complete is true once the last page said that nothing follows, and every entry could
 * be read. */
struct pages {
	enum pages_kind kind;
	struct page *list;
	size_t count;
	size_t bytes;      /* of the pages, and of what was read of them */
	size_t *room;      /* bytes of all answers that are being gathered */
	size_t unreadable; /* entries that were left out */
	char odd[160];     /* what is wrong with the first of those */
	char cut[200];     /* why paging stopped early; "" when it did not */
	bool complete;
	struct hash_set asked;   /* addresses */
	struct hash_set entries; /* filled once there is more than one page */
};

/* No pages yet; room is shared by all that are gathered, and outlives them. */
void pages_init(struct pages *pages, enum pages_kind kind, size_t *room);

/* Frees the pages. */
void pages_done(struct pages *pages);

/* Reads one more page, and keeps a copy of it. Returns 0; 1 when it would be too much, and cut says
 * so; -1 when it cannot be read. */
int pages_add(struct pages *pages, struct span body, struct err *err);

/* What the last page says beside its entries. There is one. */
const struct decoded_page *pages_last(const struct pages *pages);

/* Stops paging; cut says why, unless it does already. Returns -1. */
int pages_cut(struct pages *pages, const char *format, ...) PRINTF_LIKE(2, 3);

/* Takes the address of the next page, before it is asked for. Returns 0; 1 when it must not be, and
 * cut says why; -1 without memory. */
int pages_follow(struct pages *pages, const char *url);
