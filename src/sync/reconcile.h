/* Which new connector is whose create? Pure.
 *
 * A create whose outcome is unknown is decided by listing: exactly one new connector with the same
 * content that no other operation claims is its outcome. None in two complete listings at least
 * 30 s apart leaves it unknown without candidates; several leave it unknown with those. */
#ifndef MIXPORT_SYNC_RECONCILE_H
#define MIXPORT_SYNC_RECONCILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECONCILE_LISTINGS_APART INT64_C(30000000)

/* One create whose outcome is unknown, and a connector that could be its outcome: new since it was
 * sent, with the same content, claimed by no other operation. */
struct reconcile_pair {
	size_t operation; /* index */
	size_t connector; /* index */
};

enum reconcile_verdict {
	RECONCILE_FOUND,   /* exactly this connector */
	RECONCILE_SEVERAL, /* candidates remain; a person must say */
	RECONCILE_NONE,    /* nothing fits in this listing */
};

/* What is to be said of one operation. */
struct reconcile_result {
	enum reconcile_verdict verdict;
	size_t connector; /* for RECONCILE_FOUND */
};

/* Decides each of operation_count operations from the pairs that fit, in any order. A connector
 * that fits two operations decides neither. ret_results holds operation_count. */
void reconcile_decide(const struct reconcile_pair *pairs, size_t pair_count, size_t operation_count,
    struct reconcile_result *ret_results);

/* When the list is to be read again for an operation that became unknown at unknown_at and for
 * which the first listing without a candidate began at empty_at (TIMESTAMP_NONE for none yet);
 * INT64_MAX when two such listings are in (settled). Wall clock, microseconds. */
int64_t reconcile_next_listing(int64_t unknown_at, int64_t empty_at, bool settled);

#endif
