/* SPDX-License-Identifier: MIT */
/* Reads connectors joined with their latest job, and writes only what differs. */
#include "store/connector_store.h"

#include <string.h>

#include "store/conn_private.h"
#include "store/job_store.h"
#include "store/positions.h"
#include "store/tx.h"
#include "util/timestamp.h"

/* Bucket and prefix come from an answer of Mixpanel's, which is shorter. */
#define IMPORT_KEY_LIMIT ((size_t)8 * 1024 * 1024)

/* Reading --------------------------------------------------------------------------------------*/

static void column_book_keeping(struct columns *columns, struct connector_record *record)
{
	record->row = column_integer(columns);
	record->project_id = column_integer(columns);
	record->connector.connector_id = column_text(columns);
	record->first_seen_at = column_time(columns);
	record->updated_at = column_time(columns);
	record->deleted_at = column_time(columns);
	record->confirmed_at = column_time(columns);
	record->history_synced_at = column_time(columns);
	record->history_error_code = column_text(columns);
	record->history_error_message = column_text(columns);
	record->history_error_since = column_time(columns);
	record->revision = column_integer(columns);
	record->latest_job_row = column_integer(columns);
}

static void column_members(struct columns *columns, struct connector *connector)
{
	connector->label = column_text(columns);
	connector->connector_type = column_text(columns);
	connector->properties = column_span(columns);
	connector->category = column_span(columns);
	connector->data_format = column_text(columns);
	connector->bucket = column_text(columns);
	connector->prefix = column_text(columns);
	connector->status = column_text(columns);
	connector->failure_message = column_text(columns);
	connector->created_by = column_text(columns);
	connector->created_at = column_time(columns);
	connector->raw = column_span(columns);
}

static const char *const settling_names[] = {
    [SETTLING_CREATED] = "created",
    [SETTLING_DELETED] = "deleted",
    [SETTLING_OBSERVED] = "observed",
};
_Static_assert(ARRAY_SIZE(settling_names) == SETTLING_OBSERVED + 1, "a settling has no name");

/* One row: a connector, and its latest job. */
static int deliver(sqlite3_stmt *stmt, connector_row_fn *row, void *context)
{
	struct columns columns = {.stmt = stmt};
	struct connector_record record = {0};
	column_book_keeping(&columns, &record);
	column_members(&columns, &record.connector);
	record.status_known_at = column_time(&columns);
	const char *deleted_by = column_text(&columns);
	record.deleted_by_us = deleted_by && strcmp(deleted_by, "us") == 0;
	struct job_record latest = {0};
	if (record.latest_job_row)
		column_job(&columns, &latest);
	return row(&record, record.latest_job_row ? &latest : NULL, context);
}

static int deliver_all(
    struct conn *conn, sqlite3_stmt *stmt, connector_row_fn *row, void *context, struct err *err)
{
	int step;
	while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
		int r = deliver(stmt, row, context);
		if (r)
			return r;
	}
	return step == SQLITE_DONE ? 0 : conn_read_failed(conn, err, "read connectors");
}

static int deliver_one(
    struct conn *conn, sqlite3_stmt *stmt, connector_row_fn *row, void *context, struct err *err)
{
	int step = sqlite3_step(stmt);
	if (step == SQLITE_DONE)
		return 1;
	if (step != SQLITE_ROW)
		return conn_read_failed(conn, err, "read a connector");
	return deliver(stmt, row, context);
}

int connector_store_get(struct conn *conn, int64_t project_id, const char *connector_id,
    connector_row_fn *row, void *context, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(conn, STMT_CONNECTOR_GET);
	struct binder bind = {.stmt = stmt};
	bind_integer(&bind, project_id);
	bind_text(&bind, connector_id);
	return deliver_one(conn, stmt, row, context, err);
}

int connector_store_get_row(
    struct conn *conn, int64_t connector_row, connector_row_fn *row, void *context, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(conn, STMT_CONNECTOR_GET_ROW);
	struct binder bind = {.stmt = stmt};
	bind_integer(&bind, connector_row);
	return deliver_one(conn, stmt, row, context, err);
}

static enum stmt positions_statement(const struct connector_query *query)
{
	static const enum stmt statements[][2] = {
	    [PRESENCE_PRESENT] = {STMT_CONNECTOR_POSITIONS_PRESENT,
		STMT_CONNECTOR_POSITIONS_PRESENT_NEWEST},
	    [PRESENCE_DELETED] = {STMT_CONNECTOR_POSITIONS_DELETED,
		STMT_CONNECTOR_POSITIONS_DELETED_NEWEST},
	    [PRESENCE_ALL] = {STMT_CONNECTOR_POSITIONS_ALL, STMT_CONNECTOR_POSITIONS_ALL_NEWEST},
	};
	return statements[query->presence][query->newest_first];
}

struct list_work {
	struct conn *conn;
	const struct connector_query *query;
	connector_row_fn *row;
	void *context;
	struct err *err;
};

static int collect_project(struct positions *positions, int64_t project_id, void *context)
{
	struct list_work *work = context;
	const struct connector_query *query = work->query;
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(work->conn, positions_statement(query));
	struct binder bind = {.stmt = stmt};
	int64_t start = query->newest_first ? INT64_MAX : INT64_MIN;
	bind_integer(&bind, project_id);
	bind_integer(&bind, query->after ? query->after_time : start);
	bind_integer(&bind, query->after ? query->after_row : start);
	bind_integer(&bind, (int64_t)query->limit + 1);
	bind_text(&bind, query->connector_type);
	bind_text(&bind, query->data_format);
	bind_text(&bind, query->status);
	bind_text(&bind, query->label);
	bind_text(&bind, query->job_status);
	bind_text(&bind, query->id_prefix);
	int step;
	while ((step = sqlite3_step(stmt)) == SQLITE_ROW)
		if (positions_add(positions, sqlite3_column_int64(stmt, 0),
			sqlite3_column_int64(stmt, 1), work->err) < 0)
			return -1;
	if (step != SQLITE_DONE)
		return conn_read_failed(work->conn, work->err, "list connectors");
	return 0;
}

static int deliver_position(int64_t row, void *context)
{
	struct list_work *work = context;
	return connector_store_get_row(work->conn, row, work->row, work->context, work->err);
}

int connector_store_list(struct conn *conn, const struct connector_query *query,
    connector_row_fn *row, void *context, struct err *err, bool *ret_more, int64_t *ret_time,
    int64_t *ret_row)
{
	struct list_work work = {
	    .conn = conn, .query = query, .row = row, .context = context, .err = err};
	const struct positions_reading reading = {
	    .project_ids = query->project_ids,
	    .project_count = query->project_count,
	    .limit = query->limit,
	    .oldest_first = !query->newest_first,
	    .collect = collect_project,
	    .deliver = deliver_position,
	    .context = &work,
	};
	struct position last = {.time = query->after_time, .row = query->after_row};
	int r = positions_read(conn, &reading, err, ret_more, &last);
	if (r)
		return r;
	*ret_time = last.time;
	*ret_row = last.row;
	return 0;
}

int connector_store_each_followed(struct conn *conn, int64_t project_id,
    followed_connector_fn *each, void *context, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(conn, STMT_CONNECTOR_EACH_FOLLOWED);
	struct binder bind = {.stmt = stmt};
	bind_integer(&bind, project_id);
	int step;
	while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct columns columns = {.stmt = stmt};
		struct followed_connector connector = {.row = column_integer(&columns)};
		connector.connector_id = column_text(&columns);
		connector.created_at = column_time(&columns);
		connector.history_synced_at = column_time(&columns);
		connector.status_known_at = column_time(&columns);
		connector.unfinished = column_integer(&columns) != 0;
		int r = each(&connector, context);
		if (r)
			return r;
	}
	return step == SQLITE_DONE ? 0 : conn_read_failed(conn, err, "read connectors");
}

int connector_store_each_import(struct conn *conn, int64_t project_id, const char *import_key,
    int64_t after_row, connector_row_fn *row, void *context, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(conn, STMT_CONNECTOR_EACH_IMPORT);
	struct binder bind = {.stmt = stmt};
	bind_integer(&bind, project_id);
	bind_text(&bind, import_key);
	bind_integer(&bind, after_row);
	return deliver_all(conn, stmt, row, context, err);
}

int connector_store_each_sent(struct conn *conn, int64_t project_id, const char *sent_key,
    sent_import_fn *each, void *context, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(conn, STMT_CONNECTOR_EACH_SENT);
	struct binder bind = {.stmt = stmt};
	bind_integer(&bind, project_id);
	bind_text(&bind, sent_key);
	int step;
	while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct columns columns = {.stmt = stmt};
		const char *connector_id = column_text(&columns);
		int r = each(connector_id, column_span(&columns), context);
		if (r)
			return r;
	}
	return step == SQLITE_DONE ? 0 : conn_read_failed(conn, err, "read connectors");
}

/* Returns 0, 1 for a name nobody knows, as a damaged file may hold. */
static int parse_settling(const char *name, enum connector_settling *ret_settling)
{
	for (size_t i = 0; i < ARRAY_SIZE(settling_names); i++)
		if (name && strcmp(settling_names[i], name) == 0) {
			*ret_settling = (enum connector_settling)i;
			return 0;
		}
	return 1;
}

int connector_store_each_settling(
    struct conn *conn, int64_t project_id, settling_fn *each, void *context, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(conn, STMT_CONNECTOR_EACH_SETTLING);
	struct binder bind = {.stmt = stmt};
	bind_integer(&bind, project_id);
	int step;
	while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct columns columns = {.stmt = stmt};
		int64_t row = column_integer(&columns);
		enum connector_settling settling;
		if (parse_settling(column_text(&columns), &settling) > 0)
			continue;
		int r = each(row, settling, context);
		if (r)
			return r;
	}
	return step == SQLITE_DONE ? 0 : conn_read_failed(conn, err, "read connectors");
}

int connector_store_last_row(struct conn *conn, struct err *err, int64_t *ret_row)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(conn, STMT_CONNECTOR_LAST_ROW);
	if (sqlite3_step(stmt) != SQLITE_ROW)
		return conn_read_failed(conn, err, "count connectors");
	*ret_row = sqlite3_column_int64(stmt, 0);
	return 0;
}

/* Writing --------------------------------------------------------------------------------------*/

/* How the stored connector compares with what is to be put. */
struct stored {
	bool known;
	int64_t row;
	bool deleted;
	bool status_known;
	bool members_same;
	bool raw_same;
	const struct connector_put *put;
};

/* A list that says null says nothing: what was told before stands. */
static bool keeps_status(const struct connector_put *put)
{
	return put->listed && !put->connector->status;
}

static bool members_same(const struct connector *a, const struct connector_put *put)
{
	const struct connector *b = put->connector;
	return text_same(a->label, b->label) && text_same(a->connector_type, b->connector_type) &&
	       span_same(a->properties, b->properties) && span_same(a->category, b->category) &&
	       text_same(a->data_format, b->data_format) && text_same(a->bucket, b->bucket) &&
	       text_same(a->prefix, b->prefix) &&
	       (keeps_status(put) || (text_same(a->status, b->status) &&
					 text_same(a->failure_message, b->failure_message))) &&
	       text_same(a->created_by, b->created_by) && a->created_at == b->created_at;
}

static int compare_with_put(
    const struct connector_record *record, const struct job_record *latest, void *context)
{
	(void)latest;
	struct stored *stored = context;
	stored->known = true;
	stored->row = record->row;
	stored->deleted = record->deleted_at != TIMESTAMP_NONE;
	stored->status_known = record->status_known_at != TIMESTAMP_NONE;
	stored->members_same = members_same(&record->connector, stored->put);
	stored->raw_same = span_same(record->connector.raw, stored->put->connector->raw);
	return 0;
}

static void bind_members(struct binder *binder, const struct connector *connector)
{
	bind_text(binder, connector->label);
	bind_text(binder, connector->connector_type);
	bind_span(binder, connector->properties);
	bind_span(binder, connector->category);
	bind_text(binder, connector->data_format);
	bind_text(binder, connector->bucket);
	bind_text(binder, connector->prefix);
	bind_text(binder, connector->status);
	bind_text(binder, connector->failure_message);
	bind_text(binder, connector->created_by);
	bind_time(binder, connector->created_at);
	bind_span(binder, connector->raw);
}

/* Appends the key by which an import is found again; nothing when it has none. */
static int make_key(const struct connector *connector, struct buffer *key, struct err *err)
{
	int r = connector_import_key(key, connector->connector_type, connector->data_format,
	    connector->bucket, connector->prefix);
	return r < 0 ? err_set(err, "no memory for a connector") : 0;
}

static const char *key_text(const struct buffer *key)
{
	return key->len > 0 ? buffer_text(key) : NULL;
}

static int insert(
    struct conn *writer, const struct connector_put *put, struct err *err, int64_t *ret_row)
{
	struct buffer key _cleanup_buffer_;
	buffer_init(&key, IMPORT_KEY_LIMIT);
	if (make_key(put->connector, &key, err) < 0)
		return -1;
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(writer, STMT_CONNECTOR_INSERT);
	struct binder bind = {.stmt = stmt};
	bind_members(&bind, put->connector);
	bind_text(&bind, key_text(&key));
	bind_integer(&bind, put->project_id);
	bind_text(&bind, put->connector->connector_id);
	bind_time(&bind, put->now);
	bind_time(&bind, keeps_status(put) ? TIMESTAMP_NONE : put->observed_at);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		return conn_write_failed(writer, err, "add a connector");
	*ret_row = sqlite3_last_insert_rowid(writer->db);
	return 0;
}

static int update(
    struct conn *writer, int64_t row, const struct connector_put *put, struct err *err)
{
	struct buffer key _cleanup_buffer_;
	buffer_init(&key, IMPORT_KEY_LIMIT);
	if (make_key(put->connector, &key, err) < 0)
		return -1;
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(writer, STMT_CONNECTOR_UPDATE);
	struct binder bind = {.stmt = stmt};
	bind_members(&bind, put->connector);
	bind_text(&bind, key_text(&key));
	bind_integer(&bind, keeps_status(put));
	bind_time(&bind, put->observed_at);
	bind_time(&bind, put->now);
	bind_integer(&bind, row);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		return conn_write_failed(writer, err, "update a connector");
	return 0;
}

static int update_raw(struct conn *writer, int64_t row, struct span raw, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(writer, STMT_CONNECTOR_UPDATE_RAW);
	struct binder bind = {.stmt = stmt};
	bind_span(&bind, raw);
	bind_integer(&bind, row);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		return conn_write_failed(writer, err, "update a connector");
	return 0;
}

/* Runs an update of one connector that binds a time and the row. */
static int update_at(struct conn *writer, enum stmt id, int64_t time, int64_t row, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(writer, id);
	struct binder bind = {.stmt = stmt};
	bind_time(&bind, time);
	bind_integer(&bind, row);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		return conn_write_failed(writer, err, "update a connector");
	return 0;
}

/* One that is known and present, or comes back. */
static int put_known(struct conn *writer, const struct stored *stored, struct err *err,
    enum connector_change *change)
{
	const struct connector_put *put = stored->put;
	int r = 0;
	if (stored->deleted || !stored->members_same) {
		*change = stored->deleted ? CONNECTOR_REVIVED : CONNECTOR_CHANGED;
		r = update(writer, stored->row, put, err);
	} else {
		if (!stored->raw_same)
			r = update_raw(writer, stored->row, put->connector->raw, err);
		if (r == 0 && !keeps_status(put) && (!put->listed || !stored->status_known))
			r = update_at(writer, STMT_CONNECTOR_STATUS_KNOWN, put->observed_at,
			    stored->row, err);
	}
	return r;
}

int connector_store_put(struct conn *writer, const struct connector_put *put, struct err *err,
    enum connector_change *ret_change, int64_t *ret_row)
{
	struct stored stored = {.put = put};
	enum connector_change change = CONNECTOR_SAME;
	int r = connector_store_get(
	    writer, put->project_id, put->connector->connector_id, compare_with_put, &stored, err);
	if (r < 0)
		return r;
	bool stays_deleted = stored.deleted && !put->revive;
	r = 0;
	if (!stored.known) {
		change = CONNECTOR_NEW;
		r = insert(writer, put, err, &stored.row);
	} else if (stays_deleted) {
		change = CONNECTOR_STAYS_DELETED;
	} else {
		r = put_known(writer, &stored, err, &change);
	}
	if (r == 0 && !stays_deleted && put->confirmed != TIMESTAMP_NONE)
		r = update_at(writer, STMT_CONNECTOR_CONFIRM, put->confirmed, stored.row, err);
	if (r)
		return r;
	*ret_change = change;
	*ret_row = stored.row;
	return 0;
}

static int mark_deleted(struct conn *writer, int64_t row, int64_t now, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(writer, STMT_CONNECTOR_DELETE);
	struct binder bind = {.stmt = stmt};
	bind_time(&bind, now);
	bind_integer(&bind, row);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		return conn_write_failed(writer, err, "mark a connector deleted");
	return 0;
}

int connector_store_delete(
    struct conn *writer, int64_t row, bool by_us, int64_t now, struct err *err)
{
	int r = mark_deleted(writer, row, now, err);
	if (r)
		return r;
	{
		_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(writer, STMT_CONNECTOR_DELETED_BY);
		struct binder bind = {.stmt = stmt};
		bind_text(&bind, by_us ? "us" : "observed");
		bind_text(&bind, settling_names[by_us ? SETTLING_DELETED : SETTLING_OBSERVED]);
		bind_integer(&bind, row);
		if (sqlite3_step(stmt) != SQLITE_DONE)
			return conn_write_failed(writer, err, "mark a connector deleted");
	}
	return job_store_connector_gone(writer, row, now, err);
}

/* Runs an update of one connector that binds a text and the row. */
static int set_text(
    struct conn *writer, enum stmt id, int64_t row, const char *text, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(writer, id);
	struct binder bind = {.stmt = stmt};
	bind_text(&bind, text);
	bind_integer(&bind, row);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		return conn_write_failed(writer, err, "update a connector");
	return 0;
}

int connector_store_created_by_us(
    struct conn *writer, int64_t row, const char *sent_key, struct err *err)
{
	int r = connector_store_sent_key(writer, row, sent_key, err);
	if (r)
		return r;
	return set_text(writer, STMT_CONNECTOR_SETTLE, row, settling_names[SETTLING_CREATED], err);
}

int connector_store_sent_key(
    struct conn *writer, int64_t row, const char *sent_key, struct err *err)
{
	return set_text(writer, STMT_CONNECTOR_SENT, row, sent_key, err);
}

int connector_store_settled(struct conn *writer, int64_t row, struct err *err)
{
	return set_text(writer, STMT_CONNECTOR_SETTLE, row, NULL, err);
}

static const char *const part_names[] = {
    [CONNECTOR_PART_HISTORY] = "history",
    [CONNECTOR_PART_SINGLE] = "single",
};
_Static_assert(ARRAY_SIZE(part_names) == CONNECTOR_PART_SINGLE + 1, "a part has no name");

int connector_store_read(
    struct conn *writer, int64_t connector_row, enum connector_part part, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(writer, STMT_CONNECTOR_ERROR_OVER);
	struct binder bind = {.stmt = stmt};
	bind_integer(&bind, connector_row);
	bind_text(&bind, part_names[part]);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		return conn_write_failed(writer, err, "note that a connector was read");
	return 0;
}

int connector_store_history_synced(
    struct conn *writer, int64_t connector_row, int64_t synced_at, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(writer, STMT_CONNECTOR_HISTORY_SYNCED);
	struct binder bind = {.stmt = stmt};
	bind_time(&bind, synced_at);
	bind_integer(&bind, connector_row);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		return conn_write_failed(writer, err, "note a history");
	return 0;
}

int connector_store_failed(struct conn *writer, int64_t connector_row, enum connector_part part,
    const char *code, const char *message, int64_t now, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(writer, STMT_CONNECTOR_FAILED);
	struct binder bind = {.stmt = stmt};
	bind_integer(&bind, connector_row);
	bind_text(&bind, code);
	bind_text(&bind, message);
	bind_time(&bind, now);
	bind_text(&bind, part_names[part]);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		return conn_write_failed(writer, err, "note what could not be read");
	return 0;
}
