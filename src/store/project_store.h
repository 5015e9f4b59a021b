/* SPDX-License-Identifier: MIT */
/* Projects in the store: which listing was applied last, and how the last one went. */
#pragma once

#include "model/project.h"
#include "store/conn.h"

/* Makes sure the project has a row. Inside a transaction. Returns 0 or a store outcome. */
int project_store_ensure(struct conn *writer, int64_t project_id, struct err *err);

/* Calls row with the record, whose pointers hold until it returns. Returns 0; STORE_NONE when there
 * is no such row; -1. */
int project_store_get(struct conn *conn, int64_t project_id,
    void (*row)(const struct project_record *record, void *context), void *context,
    struct err *err);

/* A complete listing that began at started_at was applied; clears the error. In a transaction. */
int project_store_listed(
    struct conn *writer, int64_t project_id, int64_t started_at, struct err *err);

/* An incomplete listing was applied: why an earlier one could not be read is over. In a
 * transaction. */
int project_store_list_read(struct conn *writer, int64_t project_id, struct err *err);

/* The last listing failed; `since` is kept when an error stands already. In a transaction. */
int project_store_list_failed(
    struct conn *writer, int64_t project_id, const struct store_failure *failure, struct err *err);
