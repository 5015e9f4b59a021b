/* SPDX-License-Identifier: MIT */
/* Operations in the store. */
#pragma once

#include "model/operation.h"
#include "store/conn.h"
#include "store/slice.h"
#include "util/buffer.h"
#include "util/random.h"

/* Receives one operation; as connector_row_fn. */
typedef int operation_row_fn(const struct operation_record *record, void *context);

/* The project of the operation of this id, and nothing else of it: where it is not to be seen that
 * there is one, it is to take no longer than when there is none. Returns 0; STORE_NONE when there
 * is none; -1. */
int operation_store_project(
    struct conn *conn, const char *operation_id, struct err *err, int64_t *ret_project_id);

/* One operation by id. Returns 0; STORE_NONE when there is none; -1. */
int operation_store_get(struct conn *conn, const char *operation_id, operation_row_fn *row,
    void *context, struct err *err);

/* One by its row. Returns as above. */
int operation_store_get_row(struct conn *conn, int64_t operation_row, operation_row_fn *row,
    void *context, struct err *err);

/* Whose create it is: a client's in a project. */
struct operation_owner {
	int64_t project_id;
	const char *client;
};

/* The operation that the client bound to an idempotency key. One that ended unreachable (nothing
 * was sent) does not bind its key. Returns as above. */
int operation_store_get_by_key(struct conn *conn, const struct operation_owner *owner,
    const char *key, operation_row_fn *row, void *context, struct err *err);

/* A list of operations, newest first. */
struct operation_query {
	int kind;              /* enum operation_kind, -1: all */
	int state;             /* enum operation_state, -1: all */
	const char *id_prefix; /* what the id begins with, ASCII; NULL: all */
	struct slice slice;    /* its position is the row */
};

/* As connector_store_list. */
int operation_store_list(struct conn *conn, const struct operation_query *query,
    operation_row_fn *row, void *context, struct err *err, struct slice_end *ret_end);

/* An operation that is planned, sending or unknown, without what was asked for. */
struct open_operation {
	int64_t row;
	const char *operation_id; /* holds until the callback returns */
	enum operation_kind kind;
	enum operation_state state;
	int64_t search_base;
	bool search_over;
};

/* Returns as operation_row_fn. */
typedef int open_operation_fn(const struct open_operation *operation, void *context);

/* Calls each for every open operation of the project, oldest first. The writer's connection only,
 * as all that follow. */
int operation_store_each_open(
    struct conn *conn, int64_t project_id, open_operation_fn *each, void *context, struct err *err);

/* Calls row for every open create with this import key, oldest first. */
int operation_store_each_import(struct conn *conn, int64_t project_id, const char *import_key,
    operation_row_fn *row, void *context, struct err *err);

/* Creates whose outcome was not delivered. */
struct undelivered_query {
	struct operation_owner owner;
	const char *import_key;
	int64_t since; /* those that succeeded since then */
};

/* Calls row for each of them, oldest first. */
int operation_store_each_undelivered(struct conn *conn, const struct undelivered_query *query,
    operation_row_fn *row, void *context, struct err *err);

/* Its outcome was delivered. In a transaction. */
int operation_store_delivered(struct conn *writer, const char *operation_id, struct err *err);

/* The open delete of a connector. Returns 0 with its id; STORE_NONE when there is none; -1. */
int operation_store_deleting(struct conn *conn, int64_t project_id, const char *connector_id,
    struct err *err, char ret_id[RANDOM_ID_SIZE]);

/* Appends whom Mixpanel named as the creator of the newest connector that a create of this account
 * was answered with. Returns 0; STORE_NONE when that is not known; -1. */
int operation_store_creator(struct conn *conn, int64_t project_id, const char *account,
    struct err *err, struct buffer *creator);

/* Writes a new operation from record (row, revision ignored). Returns 0; STORE_CONFLICT when its
 * key is bound; another store outcome; -1. In a transaction. */
int operation_store_insert(
    struct conn *writer, const struct operation_record *record, struct err *err, int64_t *ret_row);

/* Writes state, connector_id, candidates, error, upstream_status, sent_at, finished_at and what
 * concerns the sending, the search and the telling of record to its row. The move must be allowed
 * (operation_may_move) or the state be unchanged; anything else is a bug. In a transaction. */
int operation_store_update(
    struct conn *writer, const struct operation_record *record, struct err *err);

/* Turns every operation left `sending` into unknown (a create) or planned (a delete, which may be
 * repeated). Runs its own transaction; for the start, before anybody may call. */
int operation_store_recover(
    struct conn *writer, int64_t now, struct err *err, unsigned *ret_unknown);

/* Whether an operation other than `row` has this connector as its outcome. Returns 1, 0, or -1. */
int operation_store_claims(
    struct conn *conn, int64_t project_id, const char *connector_id, int64_t row, struct err *err);

/* What may go of the operations that have ended. */
struct operation_retention {
	int64_t before; /* those that ended earlier go */
	uint64_t
	    keep; /* of the rest the newest so many stay, and more only where `owed` holds them */
	int64_t owed; /* of those that ended since, one stays whatever their number that binds an
		       * idempotency key, or that succeeded without its caller being told */
};

/* Removes at most limit operations that have ended. Returns 0, a store outcome, or -1. */
int operation_store_retain(struct conn *writer, const struct operation_retention *retention,
    unsigned limit, struct err *err, unsigned *ret_removed);

/* Counts a client's operations that have not ended, in all projects, up to most. Returns 0 or -1.
 */
int operation_store_count_open(
    struct conn *conn, const char *client, unsigned most, struct err *err, unsigned *ret_count);

/* Counts the unknown ones of a project. Returns 0 or -1. */
int operation_store_count_unknown(
    struct conn *conn, int64_t project_id, struct err *err, int64_t *ret_count);
