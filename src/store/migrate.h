/* SPDX-License-Identifier: MIT */
/* The schema, and the way from an older one to it. */
#pragma once

#include <sqlite3.h>

#include "util/err.h"

/* Set in the header of every database of ours: "mxpt". */
#define MIGRATE_APPLICATION_ID 0x6d787074

/* One step: what takes a database from version i to i + 1, i being its place in the table. */
struct migration {
	const char *sql;
};

/* The steps of this program; as many as the newest version it knows. */
extern const struct migration migrations[];
extern const int migration_count;

/* Keeps a copy of the open database at PATH.vVERSION-backup, mode 0600: complete, checked and
 * synced when it appears under that name. Outside a transaction. Returns 0, or -1. */
int migrate_backup(sqlite3 *db, const char *path, int version, struct err *err);

/* Brings the open database at path to version count, each step in its own transaction together with
 * its version number. A database that holds something (version 1 or more) is copied before the
 * first step. A step that fails leaves the version before it. Returns 0, or -1 naming the step. */
int migrate_run(
    sqlite3 *db, const char *path, const struct migration *steps, int count, struct err *err);

/* The version in the header. Returns 0, or -1 with SQLite's reason. */
int migrate_version(sqlite3 *db, struct err *err, int *ret_version);

/* A number that a pragma such as "PRAGMA application_id" answers. Returns 0, or -1 with SQLite's
 * reason. */
int migrate_pragma(sqlite3 *db, const char *sql, struct err *err, int *ret_value);

/* Reads the whole file and checks its structure. Returns 0, or -1 with the first fault. */
int migrate_check(sqlite3 *db, struct err *err);

/* Makes what was renamed in the folder of path survive a power cut. Returns 0, or -1. */
int migrate_sync_folder(const char *path, struct err *err);
