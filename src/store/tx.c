/* SPDX-License-Identifier: MIT */
/* Begins, commits and rolls back, and decides what a failure leaves behind. */
#include "store/tx.h"

#include <string.h>

#include "store/conn_private.h"
#include "util/clock.h"

static int run_plain(struct conn *conn, const struct statement *statement)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(conn, statement);
	return sqlite3_step(stmt);
}

STATEMENT(sql_rollback, FOR_ALL, "roll back",
	"ROLLBACK");

/* SQLite rolls back by itself after some failures. */
static void roll_back(struct conn *conn)
{
	if (!sqlite3_get_autocommit(conn->db))
		run_plain(conn, &sql_rollback);
}

STATEMENT(sql_commit, FOR_ALL, "commit",
	"COMMIT");

/* Without space the log has no complete commit, so nothing happened. After any other failure, a
 * failed fsync above all, the commit may be there when the file is read again. */
static int commit(struct conn *writer, struct err *err)
{
	if (sqlite3_get_autocommit(writer->db))
		return err_set(
		    err, "database %s: a failed statement ended the transaction", writer->path);
	int r;
	int64_t begun_at = clock_monotonic(&clock_system);
	int step = run_plain(writer, &sql_commit);
	writer->commit_took = clock_monotonic(&clock_system) - begun_at;
	if (step == SQLITE_DONE) {
		store_generation_count();
		if (conn_check_files(writer, err) == 0)
			return 0;
		r = STORE_BROKEN;
	} else {
		r = conn_write_failed(writer, err, sql_commit.doing);
	}
	if (r != STORE_FULL) {
		writer->broken = true;
		writer->failure = STORE_BROKEN;
		r = STORE_BROKEN;
	}
	roll_back(writer);
	return r;
}

STATEMENT(sql_begin_immediate, FOR_WRITER, "begin a transaction",
	"BEGIN IMMEDIATE");

static int run_body(struct conn *writer,
    int (*body)(struct conn *conn, void *context, struct err *err), void *context, struct err *err)
{
	if (writer->broken) {
		err_set(
		    err, "database %s: nothing is written any more after a failure", writer->path);
		return STORE_BROKEN;
	}
	if (run_plain(writer, &sql_begin_immediate) != SQLITE_DONE)
		return conn_write_failed(writer, err, sql_begin_immediate.doing);
	int r = body(writer, context, err);
	if (r == 0 && !writer->failure && writer->watch)
		r = writer->watch->ending(writer, err);
	if (writer->failure)
		r = writer->failure;
	if (r == 0)
		return commit(writer, err);
	roll_back(writer);
	return r;
}

int tx_write_at(struct conn *writer, int (*body)(struct conn *conn, void *context, struct err *err),
    void *context, struct err *err, const char *file, int line)
{
	writer->failure = 0;
	int r = run_body(writer, body, context, err);
	if (writer->watch)
		writer->watch->over(writer, r == 0);
	if (r < 0 || (r > 0 && r == writer->failure)) {
		const char *slash = strrchr(file, '/');
		err_wrap(err, "%s:%d", slash ? slash + 1 : file, line);
	}
	return r;
}

STATEMENT(sql_begin, FOR_ALL, "begin reading",
	"BEGIN");

int tx_read(struct conn *conn, int (*body)(struct conn *conn, void *context, struct err *err),
    void *context, struct err *err)
{
	if (!sqlite3_get_autocommit(conn->db))
		return body(conn, context, err);
	if (run_plain(conn, &sql_begin) != SQLITE_DONE)
		return conn_read_failed(conn, err, sql_begin.doing);
	int r = body(conn, context, err);
	/* Nothing was written; this only lets go of the moment that was read. */
	if (run_plain(conn, &sql_commit) != SQLITE_DONE)
		roll_back(conn);
	return r;
}
