/* SPDX-License-Identifier: MIT */
/* The row of a project: when it was listed, the error that stands, and its counts. */
#include "store/project_store.h"

#include "store/conn_private.h"

STATEMENT(sql_project_ensure, FOR_WRITER, "add a project",
	"INSERT INTO projects (project_id) VALUES (?1) ON CONFLICT DO NOTHING");

int project_store_ensure(struct conn *writer, int64_t project_id, struct err *err)
{
	return stmt_write(writer, &sql_project_ensure, VALUES(v_integer(project_id)), err);
}

STATEMENT(sql_project_get, FOR_ALL, "read a project",
	"SELECT listed_at, list_error_code, list_error_message, list_error_since,"
	" complete_listings, connectors, jobs_active, attention_critical,"
	" attention_warning FROM projects WHERE project_id = ?1");

int project_store_get(struct conn *conn, int64_t project_id,
    void (*row)(const struct project_record *record, void *context), void *context, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt =
	    stmt_bound(conn, &sql_project_get, VALUES(v_integer(project_id)));
	int step = sqlite3_step(stmt);
	if (step != SQLITE_ROW)
		return step == SQLITE_DONE ? STORE_NONE
					   : conn_read_failed(conn, err, sql_project_get.doing);
	struct columns columns = {.stmt = stmt};
	struct project_record record = {.project_id = project_id};
	record.listed_at = column_time(&columns);
	record.list_error_code = column_text(&columns);
	record.list_error_message = column_text(&columns);
	record.list_error_since = column_time(&columns);
	record.complete_listings = column_integer(&columns);
	record.connectors = column_integer(&columns);
	record.jobs_active = column_integer(&columns);
	record.attention_critical = column_integer(&columns);
	record.attention_warning = column_integer(&columns);
	row(&record, context);
	return 0;
}

STATEMENT(sql_project_listed, FOR_WRITER, "note a listing",
	"INSERT INTO projects (project_id, listed_at, complete_listings)"
	" VALUES (?1, ?2, 1) ON CONFLICT (project_id) DO UPDATE"
	" SET listed_at = ?2, list_error_code = NULL, list_error_message = NULL,"
	" list_error_since = NULL, complete_listings = complete_listings + 1");

int project_store_listed(
    struct conn *writer, int64_t project_id, int64_t started_at, struct err *err)
{
	return stmt_write(
	    writer, &sql_project_listed, VALUES(v_integer(project_id), v_time(started_at)), err);
}

STATEMENT(sql_project_list_read, FOR_WRITER, "note a listing",
	"UPDATE projects SET list_error_code = NULL, list_error_message = NULL,"
	" list_error_since = NULL WHERE project_id = ?1");

int project_store_list_read(struct conn *writer, int64_t project_id, struct err *err)
{
	return stmt_write(writer, &sql_project_list_read, VALUES(v_integer(project_id)), err);
}

STATEMENT(sql_project_list_failed, FOR_WRITER, "note a failed listing",
	"INSERT INTO projects (project_id, list_error_code, list_error_message,"
	" list_error_since) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (project_id) DO UPDATE"
	" SET list_error_code = ?2, list_error_message = ?3, list_error_since = "
	"coalesce(projects.list_error_since, ?4)");

int project_store_list_failed(
    struct conn *writer, int64_t project_id, const struct store_failure *failure, struct err *err)
{
	return stmt_write(writer, &sql_project_list_failed,
	    VALUES(v_integer(project_id), v_text(failure->code), v_text(failure->message),
		v_time(failure->at)),
	    err);
}
