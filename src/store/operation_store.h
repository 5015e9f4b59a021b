/* Operations in the store. */
#ifndef MIXPORT_STORE_OPERATION_STORE_H
#define MIXPORT_STORE_OPERATION_STORE_H

#include "model/operation.h"
#include "store/conn.h"

/* Receives one operation; as connector_row_fn. */
typedef int operation_row_fn(const struct operation_record *record, void *context);

/* One operation by id. Returns 0; 1 when there is none; -1. */
int operation_store_get(struct conn *conn, const char *operation_id, operation_row_fn *row,
    void *context, struct err *err);

/* The operation that this client bound to an idempotency key in this project. One that ended
 * unreachable (nothing was sent) does not bind its key. Returns as above. */
int operation_store_get_by_key(struct conn *conn, int64_t project_id, const char *client,
    const char *key, operation_row_fn *row, void *context, struct err *err);

/* A list of operations, newest first. */
struct operation_query {
	const int64_t *project_ids; /* NULL: all */
	size_t project_count;
	int kind;  /* enum operation_kind, -1: all */
	int state; /* enum operation_state, -1: all */
	unsigned limit;
	int64_t before_row; /* 0: from the newest */
};

/* As connector_store_list; the position is the row. */
int operation_store_list(struct conn *conn, const struct operation_query *query,
    operation_row_fn *row, void *context, struct err *err, bool *ret_more, int64_t *ret_row);

/* Calls row for every operation of the project that is planned, sending or unknown, oldest first.
 */
int operation_store_each_open(
    struct conn *conn, int64_t project_id, operation_row_fn *row, void *context, struct err *err);

/* Writes a new operation from record (row, revision ignored). Returns 0; STORE_CONFLICT when its
 * key is bound; another store outcome; -1. In a transaction. */
int operation_store_insert(
    struct conn *writer, const struct operation_record *record, struct err *err, int64_t *ret_row);

/* Writes state, connector_id, candidates, error, upstream_status, sent_at, finished_at and
 * empty_listing_at of record to its row. The move must be allowed (operation_may_move) or the state
 * be unchanged; anything else is a bug. In a transaction. */
int operation_store_update(
    struct conn *writer, const struct operation_record *record, struct err *err);

/* Turns every operation left `sending` into unknown (a create) or planned (a delete, which may be
 * repeated). Runs its own transaction; for the start, before anybody may call. */
int operation_store_recover(
    struct conn *writer, int64_t now, struct err *err, unsigned *ret_unknown);

/* Whether an operation other than `row` has this connector as its outcome. Returns 1, 0, or -1. */
int operation_store_claims(
    struct conn *conn, int64_t project_id, const char *connector_id, int64_t row, struct err *err);

/* Removes ended operations that finished before `before`, at most `limit`; never an unknown one. */
int operation_store_retain(
    struct conn *writer, int64_t before, unsigned limit, struct err *err, unsigned *ret_removed);

#endif
