/* SPDX-License-Identifier: MIT */
/* An entry is written when a change is asked for, so that what follows is never without one, and
 * once more when it is answered. What became of its operation is looked up when it is read. */
#include "store/audit_store.h"

#include "store/positions.h"
#include "util/timestamp.h"

static struct value text_or_null(const char *text)
{
	return v_text(*text ? text : NULL);
}

static struct value known(bool is_known, int64_t number)
{
	struct value value = v_integer(number);
	value.null = !is_known;
	return value;
}

STATEMENT(sql_audit_insert, FOR_WRITER, "write down what was asked for",
	"INSERT INTO audit (audit_id, asked_at, answered_at, request_id, client, uid, unit, address,"
	" action, project_id, connector_id, operation_id, status, code, done, reason)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)");

static int audit_insert(
    struct conn *writer, const struct audit_entry *entry, const char *reason, struct err *err)
{
	return stmt_write(writer, &sql_audit_insert,
	    VALUES(v_text(entry->audit_id), v_time(entry->asked_at), v_time(entry->answered_at),
		v_text(entry->request_id), v_text(entry->client),
		known(entry->uid >= 0, entry->uid), text_or_null(entry->unit),
		text_or_null(entry->address), v_text(entry->action), v_integer(entry->project_id),
		text_or_null(entry->connector_id), text_or_null(entry->operation_id),
		known(entry->status > 0, entry->status), text_or_null(entry->code),
		v_integer(entry->done), v_text(reason)),
	    err);
}

STATEMENT(sql_audit_complete, FOR_WRITER, "write down what came of a change",
	"UPDATE audit SET answered_at = ?2, project_id = coalesce(nullif(?3, 0), project_id),"
	" operation_id = coalesce(?4, operation_id), status = ?5, code = ?6, done = max(done, ?7)"
	" WHERE audit_id = ?1");

/* What the transaction of an operation wrote already stays: an entry may come late, when it was
 * lined up while nothing could be written. */
int audit_store_put(struct conn *writer, const struct audit_entry *entry, struct err *err)
{
	int r = stmt_write(writer, &sql_audit_complete,
	    VALUES(v_text(entry->audit_id), v_time(entry->answered_at),
		v_integer(entry->project_id), text_or_null(entry->operation_id),
		known(entry->status > 0, entry->status), text_or_null(entry->code),
		v_integer(entry->done)),
	    err);
	return r || sqlite3_changes(writer->db) > 0 ? r : audit_insert(writer, entry, NULL, err);
}

STATEMENT(sql_audit_done, FOR_WRITER, "write down which operation was asked for",
	"UPDATE audit SET project_id = ?2, operation_id = ?3, reason = ?4, done = 1"
	" WHERE audit_id = ?1");

int audit_store_done(struct conn *writer, const struct audit_entry *entry, const char *operation_id,
    const char *reason, struct err *err)
{
	int r = stmt_write(writer, &sql_audit_done,
	    VALUES(v_text(entry->audit_id), v_integer(entry->project_id), v_text(operation_id),
		v_text(reason)),
	    err);
	if (r || sqlite3_changes(writer->db) > 0)
		return r;
	struct audit_entry done = *entry;
	snprintf(done.operation_id, sizeof(done.operation_id), "%s", operation_id);
	done.done = true;
	return audit_insert(writer, &done, reason, err);
}

STATEMENT(sql_audit_get, FOR_ALL, "read what was asked for",
	"SELECT audit_row, audit_id, asked_at, answered_at, request_id, a.client, coalesce(uid, -1),"
	" unit, address, action, a.project_id, coalesce(a.connector_id, o.connector_id),"
	" a.operation_id, o.state, coalesce(status, 0), code, reason"
	" FROM audit a LEFT JOIN operations o ON o.operation_id = a.operation_id"
	" WHERE audit_row = ?1");

struct audit_sink {
	audit_row_fn *row;
	void *context;
};

static int audit_deliver(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	const struct audit_sink *to = sink;
	struct audit_record record = {.row = column_integer(columns)};
	(void)conn, (void)err;
	record.audit_id = column_text(columns);
	record.asked_at = column_time(columns);
	record.answered_at = column_time(columns);
	record.request_id = column_text(columns);
	record.client = column_text(columns);
	record.uid = column_integer(columns);
	record.unit = column_text(columns);
	record.address = column_text(columns);
	record.action = column_text(columns);
	record.project_id = column_integer(columns);
	record.connector_id = column_text(columns);
	record.operation_id = column_text(columns);
	record.operation_state = column_text(columns);
	record.status = column_integer(columns);
	record.code = column_text(columns);
	record.reason = column_text(columns);
	return to->row(&record, to->context);
}

#define WANTED                                                                                     \
	" AND (?3 IS NULL OR client = ?3) AND (?4 IS NULL OR action = ?4)"                         \
	" AND (?5 IS NULL OR asked_at >= ?5) ORDER BY audit_row DESC LIMIT ?6"

STATEMENT(sql_audit_positions, FOR_ALL, "list what was asked for",
	"SELECT 0, audit_row FROM audit WHERE ?1 = ?1 AND audit_row < ?2" WANTED);

STATEMENT(sql_audit_positions_project, FOR_ALL, "list what was asked for",
	"SELECT 0, audit_row FROM audit INDEXED BY audit_by_project"
	" WHERE project_id = ?1 AND audit_row < ?2" WANTED);

#define ALL_PROJECTS INT64_C(-1)

static int audit_collect(struct conn *conn, int64_t project_id, const void *wanted, struct err *err,
    struct positions *positions)
{
	const struct audit_query *query = wanted;
	return positions_add(positions, conn,
	    project_id == ALL_PROJECTS ? &sql_audit_positions : &sql_audit_positions_project,
	    VALUES(v_integer(project_id), v_integer(slice_start(&query->slice, INT64_MAX).row),
		v_text(query->client), v_text(query->action), v_time(query->since),
		v_integer((int64_t)query->slice.limit + 1)),
	    err);
}

int audit_store_list(struct conn *conn, const struct audit_query *query, audit_row_fn *row,
    void *context, struct err *err, struct slice_end *ret_end)
{
	static const int64_t all[] = {ALL_PROJECTS};
	struct slice slice = query->slice;
	if (!slice.project_ids) {
		slice.project_ids = all;
		slice.project_count = 1;
	}
	const struct positions_reading reading = {
	    .slice = &slice,
	    .query = query,
	    .collect = audit_collect,
	    .row = &sql_audit_get,
	    .deliver = audit_deliver,
	    .sink = &(struct audit_sink){row, context},
	};
	return positions_read(conn, &reading, err, ret_end);
}

STATEMENT(sql_audit_retain_age, FOR_WRITER, "remove old entries of the audit",
	"DELETE FROM audit WHERE audit_row IN (SELECT audit_row FROM audit"
	" INDEXED BY audit_by_time WHERE asked_at < ?1 LIMIT ?2)");

#define TOO_MANY "(SELECT max(0, min(?2, audited - ?1)) FROM store)"

STATEMENT(sql_audit_trim_in_vain, FOR_WRITER, "remove entries of the audit that are too many",
	"DELETE FROM audit WHERE audit_row IN (SELECT audit_row FROM audit INDEXED BY audit_in_vain"
	" WHERE done = 0 AND audit_row > 0 ORDER BY audit_row LIMIT " TOO_MANY ")");

STATEMENT(sql_audit_trim, FOR_WRITER, "remove entries of the audit that are too many",
	"DELETE FROM audit WHERE audit_row IN (SELECT audit_row FROM audit"
	" WHERE audit_row > 0 ORDER BY audit_row LIMIT " TOO_MANY ")");

int audit_store_trim(
    struct conn *writer, uint64_t keep, unsigned limit, struct err *err, unsigned *ret_removed)
{
	int64_t left = keep > INT64_MAX ? INT64_MAX : (int64_t)keep;
	int r = stmt_write(
	    writer, &sql_audit_trim_in_vain, VALUES(v_integer(left), v_integer(limit)), err);
	if (r)
		return r;
	unsigned removed = (unsigned)sqlite3_changes(writer->db);
	r = stmt_write(
	    writer, &sql_audit_trim, VALUES(v_integer(left), v_integer(limit - removed)), err);
	if (r)
		return r;
	*ret_removed = removed + (unsigned)sqlite3_changes(writer->db);
	return 0;
}

int audit_store_retain(struct conn *writer, int64_t before, uint64_t keep, unsigned limit,
    struct err *err, unsigned *ret_removed)
{
	int r = stmt_write(
	    writer, &sql_audit_retain_age, VALUES(v_integer(before), v_integer(limit)), err);
	if (r)
		return r;
	unsigned old = (unsigned)sqlite3_changes(writer->db);
	unsigned removed = 0;
	r = audit_store_trim(writer, keep, limit - old, err, &removed);
	if (r)
		return r;
	*ret_removed = old + removed;
	return 0;
}
