/* SPDX-License-Identifier: MIT */
/* Transactions: a function, given to be run inside one. */
#pragma once

#include "store/conn.h"

/* Runs body(conn, context, err) between BEGIN IMMEDIATE and COMMIT on the writer. When body returns
 * anything but 0, or the commit fails, everything is rolled back and that value returned (a failed
 * statement inside body returns STORE_FULL, STORE_CONFLICT or -1; a commit that failed for another
 * reason than space returns STORE_BROKEN). A statement that found no space or a damaged file fails
 * the transaction with STORE_FULL or STORE_BROKEN, whatever body returns. On success the generation
 * is counted up. The place that asked goes into the error text. */
int tx_write_at(struct conn *writer, int (*body)(struct conn *conn, void *context, struct err *err),
    void *context, struct err *err, const char *file, int line);
#define tx_write(writer, body, context, err)                                                       \
	tx_write_at((writer), (body), (context), (err), __FILE__, __LINE__)

/* Runs body inside one read transaction, so that all it reads is of one moment. Returns what body
 * returns, or -1. */
int tx_read(struct conn *conn, int (*body)(struct conn *conn, void *context, struct err *err),
    void *context, struct err *err);
