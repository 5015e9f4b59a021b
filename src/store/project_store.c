/* SPDX-License-Identifier: MIT */
/* The row of a project: when it was listed, the error that stands, and its counts. */
#include "store/project_store.h"

#include "store/conn_private.h"

int project_store_ensure(struct conn *writer, int64_t project_id, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(writer, STMT_PROJECT_ENSURE);
	struct binder bind = {.stmt = stmt};
	bind_integer(&bind, project_id);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		return conn_write_failed(writer, err, "add a project");
	return 0;
}

int project_store_get(struct conn *conn, int64_t project_id,
    void (*row)(const struct project_record *record, void *context), void *context, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(conn, STMT_PROJECT_GET);
	struct binder bind = {.stmt = stmt};
	bind_integer(&bind, project_id);
	int step = sqlite3_step(stmt);
	if (step == SQLITE_DONE)
		return 1;
	if (step != SQLITE_ROW)
		return conn_read_failed(conn, err, "read a project");
	struct columns columns = {.stmt = stmt};
	struct project_record record = {.project_id = project_id};
	record.listed_at = column_time(&columns);
	record.list_error_code = column_text(&columns);
	record.list_error_message = column_text(&columns);
	record.list_error_since = column_time(&columns);
	record.complete_listings = column_integer(&columns);
	record.connectors = column_integer(&columns);
	record.jobs_active = column_integer(&columns);
	row(&record, context);
	return 0;
}

int project_store_listed(
    struct conn *writer, int64_t project_id, int64_t started_at, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(writer, STMT_PROJECT_LISTED);
	struct binder bind = {.stmt = stmt};
	bind_integer(&bind, project_id);
	bind_time(&bind, started_at);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		return conn_write_failed(writer, err, "note a listing");
	return 0;
}

int project_store_list_read(struct conn *writer, int64_t project_id, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(writer, STMT_PROJECT_LIST_READ);
	struct binder bind = {.stmt = stmt};
	bind_integer(&bind, project_id);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		return conn_write_failed(writer, err, "note a listing");
	return 0;
}

int project_store_list_failed(struct conn *writer, int64_t project_id, const char *code,
    const char *message, int64_t now, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(writer, STMT_PROJECT_LIST_FAILED);
	struct binder bind = {.stmt = stmt};
	bind_integer(&bind, project_id);
	bind_text(&bind, code);
	bind_text(&bind, message);
	bind_time(&bind, now);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		return conn_write_failed(writer, err, "note a failed listing");
	return 0;
}
