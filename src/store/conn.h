/* SPDX-License-Identifier: MIT */
/* One connection to the database: the one that writes, or one of those that only read.
 *
 * Exactly one connection of the process ever writes or checkpoints: two doing so at once can
 * corrupt a WAL database in SQLite 3.7.0 to 3.51.2. Readers are opened read-only and cannot. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct conn;

/* Besides 0 and -1, functions of the store, and the callbacks they are given, return one of these;
 * nothing was changed then. */
enum store_outcome {
	STORE_NONE = 1, /* there is no such row */
	STORE_FULL,     /* no space, or a quota or file-size limit: try again later */
	STORE_BROKEN,   /* a commit failed in a way that leaves its outcome unknown, or the file is
			 * damaged: stop writing and end the process */
	STORE_CONFLICT, /* a unique value is taken */
	STORE_ENOUGH,   /* of a callback: it has seen what it looked for */
	/* Of a list's callback: it did not take the row, because the page is full. The list ends
	 * before that row, and says that more follows. */
	STORE_PAGE_FULL,
};

/* Why something could not be read, and when that was found. */
struct store_failure {
	const char *code;
	const char *message;
	int64_t at;
};

/* Opens the database for writing: creates it when absent (mode 0600), checks it (application_id,
 * schema version, quick_check), keeps a copy before the first migration step, migrates, turns on
 * WAL with synchronous=FULL, foreign keys, defensive mode, untrusted schema. A database that is
 * damaged, of another application or newer than this program is refused and left untouched. Takes
 * an exclusive lock on PATH.lock, so that a second daemon is refused; links in the path are
 * followed first, and a file with several names (hard links) is refused. Returns 0, or -1 with the
 * path and the reason. */
int conn_open_writer(const char *path, struct err *err, struct conn **ret_conn);

/* Opens a read-only connection to a database that a writer of this process has open. To be used by
 * one thread at a time. Returns 0, or -1. */
int conn_open_reader(const char *path, struct err *err, struct conn **ret_conn);

/* Closes; the writer last of all, with a final checkpoint. Takes NULL; returns NULL. */
struct conn *conn_close(struct conn *conn);

/* A random number made with the database. With a row's revision it makes an ETag that does not
 * come back after the file was replaced by another one. */
uint64_t conn_instance(const struct conn *conn);

/* DIGEST_SIZE bytes that nobody else knows, the same for as long as the database lives. */
const uint8_t *conn_secret(const struct conn *conn);

/* Counts every commit of the writer in this process, from any thread, without a lock. What was read
 * while it stood at n is current as long as it stands at n: take it before reading. */
uint64_t store_generation(void);

/* Moves the whole log into the database when it has grown past its limit (4 MiB). Called by the
 * writer's thread between transactions. Returns 0, or STORE_FULL or STORE_BROKEN. */
int conn_checkpoint_if_large(struct conn *writer, struct err *err);

/* What health and metrics say of the store. */
struct store_stats {
	int64_t database_bytes;
	int64_t wal_bytes;
	int64_t free_bytes; /* left on its file system for this user */
	int64_t connectors; /* present */
	int64_t jobs;
	int64_t snapshots;
	int64_t operations;
	int64_t operations_unknown;
};

/* How many bytes are left for this user where the database is; -1 when that is not known. */
int64_t conn_free_bytes(const struct conn *conn);

/* Reads the figures, with counts kept by triggers or cheap by index where a full count would take
 * over a millisecond at 100,000 jobs. Returns 0, or -1. */
int store_stats(struct conn *conn, struct err *err, struct store_stats *ret_stats);

/* Changes nothing, though the commit has something to write. In a transaction. Returns 0, a store
 * outcome, or -1. */
int store_touch(struct conn *writer, struct err *err);
