/* SPDX-License-Identifier: MIT */
/* Calls SQLite with the settings that every database of ours is opened with. */
#include "store/database.h"

#include <stdatomic.h>
#include <string.h>

/* Beside the log SQLite keeps an index of it in a file, which takes 32 KiB. On a full disk there is
 * no room for it: SQLite's other way to reach files has the index in the memory of the process, and
 * keeps other processes from the database. All connections of a process have to use the same way.
 */
#define WAY_WITHOUT_INDEX "unix-excl"

static const char *_Atomic way; /* NULL for SQLite's usual one */

void database_keep_index_in_memory(bool kept)
{
	atomic_store(&way, kept ? WAY_WITHOUT_INDEX : NULL);
}

/* "disk I/O error" alone helps nobody. */
static int database_failed(sqlite3 *db, struct err *err)
{
	int reason = sqlite3_system_errno(db);
	if (reason)
		return err_set_errno(err, reason, "%s", sqlite3_errmsg(db));
	return err_set(err, "%s", sqlite3_errmsg(db));
}

int database_exec(sqlite3 *db, const char *sql, struct err *err)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return database_failed(db, err);
	return 0;
}

int database_open(const char *path, int flags, struct err *err, sqlite3 **ret_db)
{
	_cleanup_sqlite_ sqlite3 *db = NULL;
	int r = sqlite3_open_v2(
	    path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, atomic_load(&way));
	if (r != SQLITE_OK)
		return err_set(err, "%s", db ? sqlite3_errmsg(db) : sqlite3_errstr(r));
	sqlite3_busy_timeout(db, DATABASE_BUSY_MS);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (flags & SQLITE_OPEN_READONLY)
		sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	*ret_db = TAKE(db);
	return 0;
}

/* SQLite keeps to another mode without a failure, where it cannot have this one. */
int database_turn_on_log(sqlite3 *db, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int r = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_step(stmt);
	const char *mode = r == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
	bool on = mode && strcmp(mode, "wal") == 0;
	if (r != SQLITE_ROW)
		database_failed(db, err);
	else if (!on)
		err_set(err, "its log cannot be turned on, SQLite keeps to the mode \"%s\"",
		    mode ? mode : "");
	sqlite3_finalize(stmt);
	return on ? 0 : -1;
}

int database_close(sqlite3 **db, struct err *err)
{
	int r = sqlite3_wal_checkpoint_v2(*db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (r != SQLITE_OK) {
		database_failed(*db, err);
		/* Another try while it closes would tell nobody how it went. */
		sqlite3_db_config(*db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	}
	int closed = sqlite3_close(*db);
	*db = NULL;
	if (r == SQLITE_OK && closed != SQLITE_OK)
		return err_set(err, "%s", sqlite3_errstr(closed));
	return r == SQLITE_OK ? 0 : -1;
}
