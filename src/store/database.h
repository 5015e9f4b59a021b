/* SPDX-License-Identifier: MIT */
/* A database file, opened and closed; what is in it is nobody's business here. */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>

#include "util/cleanup.h"
#include "util/err.h"

/* How long a busy database is waited for. */
#define DATABASE_BUSY_MS 5000

/* From now on the index of a log is in the memory of this process, where it was a file: for a full
 * disk, see database.c. While no database is open. */
void database_keep_index_in_memory(bool kept);

/* Opens a database file that exists, with the settings every connection shares; flags as for
 * sqlite3_open_v2, uri when path is one. Returns 0, or -1 (nothing is left open). */
int database_open(const char *path, int flags, struct err *err, sqlite3 **ret_db);

/* Runs statements that give no rows. Returns 0, or -1 with SQLite's reason, and the system's. */
int database_exec(sqlite3 *db, const char *sql, struct err *err);

/* Has it keep a write-ahead log. Returns 0, or -1. */
int database_turn_on_log(sqlite3 *db, struct err *err);

/* Closes it, after its log was emptied into it. Returns 0, or -1: what was written may be there in
 * part. */
int database_close(sqlite3 **db, struct err *err);

static inline void cleanup_sqlite(sqlite3 **db)
{
	sqlite3_close(*db);
}
#define _cleanup_sqlite_ _cleanup_(cleanup_sqlite)
