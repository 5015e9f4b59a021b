/* SPDX-License-Identifier: MIT */
/* The changes that were asked for, in the store. */
#pragma once

#include "model/audit.h"
#include "store/conn.h"
#include "store/slice.h"

/* Puts an entry in; one that is there already learns its operation and its answer. In a
 * transaction. Returns 0, a store outcome, or -1. */
int audit_store_put(struct conn *writer, const struct audit_entry *entry, struct err *err);

/* What was asked for is done: by this operation, or to it, and for this reason (NULL: none was
 * given). Puts the entry in when it is not there. In the transaction that does it. Returns as
 * above. */
int audit_store_done(struct conn *writer, const struct audit_entry *entry, const char *operation_id,
    const char *reason, struct err *err);

/* An entry as it is read; its texts hold until the callback returns, NULL where there is none. */
struct audit_record {
	int64_t row;
	const char *audit_id;
	int64_t asked_at, answered_at;
	const char *request_id, *client, *unit, *address, *action;
	const char *connector_id; /* the one named, or that became of the operation */
	const char *operation_id;
	const char *operation_state; /* by now */
	const char *code;
	const char *reason;
	int64_t uid;
	int64_t project_id;
	int64_t status;
};

/* Receives one entry; as connector_row_fn. */
typedef int audit_row_fn(const struct audit_record *record, void *context);

/* A list of entries, newest first. Without projects in the slice: all, those of none included. */
struct audit_query {
	const char *client; /* NULL: all */
	const char *action; /* NULL: all */
	int64_t since;      /* asked for at that time or later; TIMESTAMP_NONE: all */
	struct slice slice; /* its position is the row */
};

/* As connector_store_list. */
int audit_store_list(struct conn *conn, const struct audit_query *query, audit_row_fn *row,
    void *context, struct err *err, struct slice_end *ret_end);

/* Leaves `keep` entries, but removes at most limit: first of what was asked for in vain, the oldest
 * first. In a transaction. Returns 0, a store outcome, or -1. */
int audit_store_trim(
    struct conn *writer, uint64_t keep, unsigned limit, struct err *err, unsigned *ret_removed);

/* Removes at most limit entries: those asked for before, and of the rest as above. Returns 0, a
 * store outcome, or -1. */
int audit_store_retain(struct conn *writer, int64_t before, uint64_t keep, unsigned limit,
    struct err *err, unsigned *ret_removed);
