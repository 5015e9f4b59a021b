/* SPDX-License-Identifier: MIT */
/* Reads connectors joined with their latest job, and writes only what differs. */
#include "store/connector_store.h"

#include <string.h>

#include "store/job_columns.h"
#include "store/job_store.h"
#include "store/positions.h"
#include "util/timestamp.h"

/* Bucket and prefix come from an answer of Mixpanel's, which is shorter. */
#define IMPORT_KEY_LIMIT ((size_t)8 * 1024 * 1024)

/* clang-format off */
/* The functions that read and bind these columns follow the same order. */
#define CONNECTOR_COLUMNS                                                                          \
	"c.connector_row, c.project_id, c.connector_id, c.first_seen_at, c.updated_at,"            \
	" c.deleted_at, c.confirmed_at, c.history_synced_at, c.history_error_code,"                \
	" c.history_error_message, c.history_error_since, c.revision, c.latest_job_row,"           \
	" c.label, c.connector_type, c.properties, c.category, c.data_format, c.bucket,"           \
	" c.prefix, c.status, c.failure_message, c.created_by, c.created_at, c.raw,"               \
	" c.status_known_at, c.deleted_by, c.kind, c.attention, c.succeeded_at, c.gap_at,"\
	" c.jobs_trimmed"

#define SELECT_CONNECTORS(hint)                                                                    \
	"SELECT " CONNECTOR_COLUMNS ", " JOB_COLUMNS " FROM connectors c " hint                    \
	" LEFT JOIN jobs j ON j.job_row = c.latest_job_row "

#define PRESENT "c.deleted_at IS NULL"
/* What a create of the same import must not pass: it is there, or was a moment ago. */
#define GUARDED "(c.deleted_at IS NULL OR c.settling = 'observed')"
#define DELETED "c.deleted_at IS NOT NULL"
#define ANY "TRUE"

/* Lists are read in two steps: positions only, out of an index; then the rows of the page. The
 * position comes as two parameters that are always bound: the ends of the range stand for "from the
 * start", so that one statement serves the first page and all others. What is behind an OR is not
 * looked at, nor its row or job fetched, without that filter. */
#define CONNECTOR_POSITIONS(index, presence, beyond, order)                                        \
	"SELECT c.position, c.connector_row FROM connectors c INDEXED BY " index                   \
	" WHERE c.project_id = ?1 AND " presence                                                   \
	" AND (c.position, c.connector_row) " beyond " (?2, ?3)"                                   \
	" AND (?5 IS NULL OR c.connector_type = ?5) AND (?6 IS NULL OR c.data_format = ?6)"        \
	" AND (?7 IS NULL OR c.status = ?7) AND (?8 IS NULL OR c.label = ?8)"                      \
	" AND (?9 IS NULL OR (SELECT status FROM jobs WHERE job_row = c.latest_job_row) = ?9)"     \
	" AND (?10 IS NULL OR " BEGINS("c.connector_id", "?10") ")"                                \
	" AND (?11 IS NULL OR c.kind = ?11)"                                                       \
	" AND (?12 IS NULL OR (c.attention IS NOT NULL) = ?12)"                                    \
	" AND (?13 IS NULL OR EXISTS (SELECT 1 FROM attention a WHERE a.subject = 'connector'"     \
	" AND a.subject_row = c.connector_row AND ?13 IN (a.severity, a.code)))"                   \
	" ORDER BY c.position " order ", c.connector_row " order " LIMIT ?4"
/* clang-format on */

/* Reading --------------------------------------------------------------------------------------*/

static const char *const settling_names[] = {
    [SETTLING_CREATED] = "created",
    [SETTLING_DELETED] = "deleted",
    [SETTLING_OBSERVED] = "observed",
    NULL,
};
_Static_assert(ARRAY_SIZE(settling_names) == SETTLING_OBSERVED + 2, "a settling has no name");

struct connector_sink {
	connector_row_fn *row;
	void *context;
};

/* One row: a connector, and its latest job. */
static int connector_deliver(
    struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	const struct connector_sink *to = sink;
	struct connector_record record = {0};
	record.row = column_integer(columns);
	record.project_id = column_integer(columns);
	record.connector.connector_id = column_text(columns);
	record.first_seen_at = column_time(columns);
	record.updated_at = column_time(columns);
	record.deleted_at = column_time(columns);
	record.confirmed_at = column_time(columns);
	record.history_synced_at = column_time(columns);
	record.history_error_code = column_text(columns);
	record.history_error_message = column_text(columns);
	record.history_error_since = column_time(columns);
	record.revision = column_integer(columns);
	columns->index++; /* the number of the latest job, whose row follows */
	record.connector.label = column_text(columns);
	record.connector.connector_type = column_text(columns);
	record.connector.properties = column_object(columns);
	record.connector.category = column_object(columns);
	record.connector.data_format = column_text(columns);
	record.connector.bucket = column_text(columns);
	record.connector.prefix = column_text(columns);
	record.connector.status = column_text(columns);
	record.connector.failure_message = column_text(columns);
	record.connector.created_by = column_text(columns);
	record.connector.created_at = column_time(columns);
	record.connector.raw = column_object(columns);
	record.status_known_at = column_time(columns);
	const char *deleted_by = column_text(columns);
	record.deleted_by_us = deleted_by && strcmp(deleted_by, "us") == 0;
	/* Only names of ours are ever written; anything else is a damaged file. */
	int kind = text_find(connector_kind_names, column_text(columns));
	record.connector.kind = (enum connector_kind)kind;
	if (kind < 0)
		return err_set(err, "database %s: connector %s is of a kind nobody knows",
		    conn->path, record.connector.connector_id);
	record.attention = column_array(columns);
	record.succeeded_at = column_time(columns);
	record.gap_at = column_time(columns);
	record.jobs_trimmed = column_integer(columns) != 0;
	struct job_record latest;
	column_job(columns, &latest);
	record.latest = latest.job_id ? &latest : NULL;
	return to->row(&record, to->context);
}

STATEMENT(sql_connector_get, FOR_ALL, "read a connector",
	SELECT_CONNECTORS("") "WHERE c.project_id = ?1 AND c.connector_id = ?2");

int connector_store_get(struct conn *conn, int64_t project_id, const char *connector_id,
    connector_row_fn *row, void *context, struct err *err)
{
	return stmt_one(conn, &sql_connector_get,
	    VALUES(v_integer(project_id), v_text(connector_id)), connector_deliver,
	    &(struct connector_sink){row, context}, err);
}

STATEMENT(sql_connector_get_row, FOR_ALL, "read a connector",
	SELECT_CONNECTORS("") "WHERE c.connector_row = ?1");

int connector_store_get_row(
    struct conn *conn, int64_t connector_row, connector_row_fn *row, void *context, struct err *err)
{
	return stmt_one(conn, &sql_connector_get_row, VALUES(v_integer(connector_row)),
	    connector_deliver, &(struct connector_sink){row, context}, err);
}

STATEMENT(sql_connector_positions_present, FOR_ALL, "list connectors",
	CONNECTOR_POSITIONS("connectors_present_by_position", PRESENT, ">", "ASC"));

STATEMENT(sql_connector_positions_present_newest, FOR_ALL, "list connectors",
	CONNECTOR_POSITIONS("connectors_present_by_position", PRESENT, "<", "DESC"));

STATEMENT(sql_connector_positions_deleted, FOR_ALL, "list connectors",
	CONNECTOR_POSITIONS("connectors_deleted_by_position", DELETED, ">", "ASC"));

STATEMENT(sql_connector_positions_deleted_newest, FOR_ALL, "list connectors",
	CONNECTOR_POSITIONS("connectors_deleted_by_position", DELETED, "<", "DESC"));

STATEMENT(sql_connector_positions_all, FOR_ALL, "list connectors",
	CONNECTOR_POSITIONS("connectors_by_position", ANY, ">", "ASC"));

STATEMENT(sql_connector_positions_all_newest, FOR_ALL, "list connectors",
	CONNECTOR_POSITIONS("connectors_by_position", ANY, "<", "DESC"));

static const struct statement *connector_positions_statement(const struct connector_query *query)
{
	static const struct statement *const statements[][2] = {
	    [PRESENCE_PRESENT] = {&sql_connector_positions_present,
		&sql_connector_positions_present_newest},
	    [PRESENCE_DELETED] = {&sql_connector_positions_deleted,
		&sql_connector_positions_deleted_newest},
	    [PRESENCE_ALL] = {&sql_connector_positions_all, &sql_connector_positions_all_newest},
	};
	return statements[query->presence][query->newest_first];
}

static int connector_collect(struct conn *conn, int64_t project_id, const void *wanted,
    struct err *err, struct positions *positions)
{
	const struct connector_query *query = wanted;
	struct position from =
	    slice_start(&query->slice, query->newest_first ? INT64_MAX : INT64_MIN);
	return positions_add(positions, conn, connector_positions_statement(query),
	    VALUES(v_integer(project_id), v_integer(from.time), v_integer(from.row),
		v_integer((int64_t)query->slice.limit + 1), v_text(query->connector_type),
		v_text(query->data_format), v_text(query->status), v_text(query->label),
		v_text(query->job_status), v_text(query->id_prefix), v_text(query->kind),
		(struct value){.kind = VALUE_INTEGER,
		    .null = query->attention == ATTENTION_ANYHOW,
		    .integer = query->attention == ATTENTION_ANY},
		v_text(query->attention_is)),
	    err);
}

int connector_store_list(struct conn *conn, const struct connector_query *query,
    connector_row_fn *row, void *context, struct err *err, struct slice_end *ret_end)
{
	const struct positions_reading reading = {
	    .slice = &query->slice,
	    .oldest_first = !query->newest_first,
	    .query = query,
	    .collect = connector_collect,
	    .row = &sql_connector_get_row,
	    .deliver = connector_deliver,
	    .sink = &(struct connector_sink){row, context},
	};
	return positions_read(conn, &reading, err, ret_end);
}

/* Whether a job is unfinished is asked the other way round: active jobs are few and an index
 * finds them all at once, while the latest jobs lie all over the largest table. */
STATEMENT(sql_connector_each_followed, FOR_ALL, "read connectors",
	"SELECT connector_row, connector_id, coalesce(created_at, first_seen_at),"
	" history_synced_at, status_known_at, connector_row IN (SELECT connector_row"
	" FROM jobs INDEXED BY jobs_by_project_status WHERE project_id = ?1"
	" AND status IN ('queued', 'running', 'paused', 'unknown') AND active = 1)"
	" FROM connectors INDEXED BY connectors_present WHERE project_id = ?1"
	" AND deleted_at IS NULL ORDER BY connector_row");

struct followed_sink {
	followed_connector_fn *each;
	void *context;
};

static int deliver_followed(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	(void)conn, (void)err;
	const struct followed_sink *to = sink;
	struct followed_connector connector = {.row = column_integer(columns)};
	connector.connector_id = column_text(columns);
	connector.created_at = column_time(columns);
	connector.history_synced_at = column_time(columns);
	connector.status_known_at = column_time(columns);
	connector.unfinished = column_integer(columns) != 0;
	return to->each(&connector, to->context);
}

int connector_store_each_followed(struct conn *conn, int64_t project_id,
    followed_connector_fn *each, void *context, struct err *err)
{
	return stmt_each(conn, &sql_connector_each_followed, VALUES(v_integer(project_id)),
	    deliver_followed, &(struct followed_sink){each, context}, err);
}

STATEMENT(sql_connector_each_import, FOR_ALL, "read connectors",
	SELECT_CONNECTORS("INDEXED BY connectors_by_import") "WHERE c.project_id = ?1"
	" AND c.import_key = ?2 AND c.connector_row > ?3 AND " GUARDED
	" ORDER BY c.connector_row");

int connector_store_each_import(struct conn *conn, const struct import_query *query,
    connector_row_fn *row, void *context, struct err *err)
{
	return stmt_each(conn, &sql_connector_each_import,
	    VALUES(v_integer(query->project_id), v_text(query->import_key),
		v_integer(query->after_row)),
	    connector_deliver, &(struct connector_sink){row, context}, err);
}

STATEMENT(sql_connector_each_sent, FOR_WRITER, "read connectors",
	"SELECT c.connector_id, o.request"
	" FROM connectors c INDEXED BY connectors_by_sent"
	" LEFT JOIN operations o INDEXED BY operations_by_connector ON o.project_id ="
	" c.project_id AND o.connector_id = c.connector_id AND o.kind = 'create'"
	" AND o.connector_id IS NOT NULL WHERE c.project_id = ?1 AND c.sent_key = ?2 AND "
	GUARDED);

struct sent_sink {
	sent_import_fn *each;
	void *context;
};

static int deliver_sent(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	(void)conn, (void)err;
	const struct sent_sink *to = sink;
	const char *connector_id = column_text(columns);
	return to->each(connector_id, column_object(columns), to->context);
}

int connector_store_each_sent(struct conn *conn, int64_t project_id, const char *sent_key,
    sent_import_fn *each, void *context, struct err *err)
{
	return stmt_each(conn, &sql_connector_each_sent,
	    VALUES(v_integer(project_id), v_text(sent_key)), deliver_sent,
	    &(struct sent_sink){each, context}, err);
}

STATEMENT(sql_connector_each_settling, FOR_WRITER, "read connectors",
	"SELECT connector_row, settling FROM connectors INDEXED BY connectors_settling"
	" WHERE project_id = ?1 AND settling IS NOT NULL ORDER BY connector_row");

struct settling_sink {
	settling_fn *each;
	void *context;
};

static int deliver_settling(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	(void)conn, (void)err;
	const struct settling_sink *to = sink;
	int64_t row = column_integer(columns);
	int settling = text_find(settling_names, column_text(columns));
	/* A damaged file may hold a name nobody knows. */
	return settling < 0 ? 0 : to->each(row, (enum connector_settling)settling, to->context);
}

int connector_store_each_settling(
    struct conn *conn, int64_t project_id, settling_fn *each, void *context, struct err *err)
{
	return stmt_each(conn, &sql_connector_each_settling, VALUES(v_integer(project_id)),
	    deliver_settling, &(struct settling_sink){each, context}, err);
}

STATEMENT(sql_connector_each_row, FOR_WRITER, "read connectors",
	"SELECT connector_row FROM connectors WHERE connector_row > ?1"
	" ORDER BY connector_row LIMIT ?2");

struct connector_row_sink {
	int (*each)(int64_t row, void *context);
	void *context;
};

static int deliver_connector_row(
    struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	const struct connector_row_sink *to = sink;
	(void)conn, (void)err;
	return to->each(column_integer(columns), to->context);
}

int connector_store_each_row(struct conn *conn, int64_t after_row, unsigned limit,
    int (*each)(int64_t row, void *context), void *context, struct err *err)
{
	return stmt_each(conn, &sql_connector_each_row,
	    VALUES(v_integer(after_row), v_integer(limit)), deliver_connector_row,
	    &(struct connector_row_sink){each, context}, err);
}

STATEMENT(sql_connector_last_row, FOR_WRITER, "count connectors",
	"SELECT coalesce(max(connector_row), 0) FROM connectors");

int connector_store_last_row(struct conn *conn, struct err *err, int64_t *ret_row)
{
	return stmt_number(conn, &sql_connector_last_row, VALUES_NONE, err, ret_row);
}

/* Writing --------------------------------------------------------------------------------------*/

/* How the stored connector compares with what is to be put. */
struct stored {
	bool known;
	struct followed_connector followed;
	bool deleted;
	bool status_known;
	bool members_same;
	bool raw_same;
	const struct connector_put *put;
};

/* null in a list means "not reported": the known status stays. */
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

static int compare_with_put(const struct connector_record *record, void *context)
{
	struct stored *stored = context;
	stored->known = true;
	stored->followed = (struct followed_connector){
	    .row = record->row,
	    .created_at = record->first_seen_at,
	    .history_synced_at = record->history_synced_at,
	};
	stored->deleted = record->deleted_at != TIMESTAMP_NONE;
	stored->status_known = record->status_known_at != TIMESTAMP_NONE;
	stored->members_same = members_same(&record->connector, stored->put);
	stored->raw_same = span_same(record->connector.raw, stored->put->connector->raw);
	return 0;
}

#define CONNECTOR_VALUES(c)                                                                        \
	v_text((c)->label), v_text((c)->connector_type), v_span((c)->properties),                  \
	    v_span((c)->category), v_text((c)->data_format), v_text((c)->bucket),                  \
	    v_text((c)->prefix), v_text((c)->status), v_text((c)->failure_message),                \
	    v_text((c)->created_by), v_time((c)->created_at), v_span((c)->raw)

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

STATEMENT(sql_connector_insert, FOR_WRITER, "add a connector",
	"INSERT INTO connectors (label, connector_type, properties, category, data_format,"
	" bucket, prefix, status, failure_message, created_by, created_at, raw, import_key,"
	" project_id, connector_id, position, first_seen_at, updated_at,"
	" status_known_at, kind) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
	" ?13, ?14, ?15, coalesce(?11, ?16), ?16, ?16, ?17, ?18)");

static int connector_insert(
    struct conn *writer, const struct connector_put *put, struct err *err, int64_t *ret_row)
{
	struct buffer key _cleanup_buffer_;
	buffer_init(&key, IMPORT_KEY_LIMIT);
	if (make_key(put->connector, &key, err) < 0)
		return -1;
	int r = stmt_write(writer, &sql_connector_insert,
	    VALUES(CONNECTOR_VALUES(put->connector), v_text(key_text(&key)),
		v_integer(put->project_id), v_text(put->connector->connector_id), v_time(put->now),
		v_time(keeps_status(put) ? TIMESTAMP_NONE : put->observed_at),
		v_text(connector_kind_names[put->connector->kind])),
	    err);
	*ret_row = sqlite3_last_insert_rowid(writer->db);
	return r ? r : conn_touch(writer, ENTITY_CONNECTOR, *ret_row, true, err);
}

STATEMENT(sql_connector_update, FOR_WRITER, "update a connector",
	"UPDATE connectors SET (label, connector_type, properties, category, data_format,"
	" bucket, prefix, created_by, created_at, raw, import_key) = (?1, ?2, ?3, ?4, ?5, ?6,"
	" ?7, ?10, ?11, ?12, ?13), status = CASE WHEN ?14 THEN status ELSE ?8 END,"
	" failure_message = CASE WHEN ?14 THEN failure_message ELSE ?9 END,"
	" status_known_at = CASE WHEN ?14 THEN status_known_at ELSE ?15 END,"
	" deleted_at = NULL, deleted_by = NULL, updated_at = ?16, revision = revision + 1,"
	" settling = CASE WHEN deleted_at IS NULL THEN settling END WHERE connector_row = ?17");

static int update(
    struct conn *writer, int64_t row, const struct connector_put *put, struct err *err)
{
	struct buffer key _cleanup_buffer_;
	buffer_init(&key, IMPORT_KEY_LIMIT);
	if (make_key(put->connector, &key, err) < 0)
		return -1;
	int r = conn_touch(writer, ENTITY_CONNECTOR, row, false, err);
	if (r)
		return r;
	return stmt_write(writer, &sql_connector_update,
	    VALUES(CONNECTOR_VALUES(put->connector), v_text(key_text(&key)),
		v_integer(keeps_status(put)), v_time(put->observed_at), v_time(put->now),
		v_integer(row)),
	    err);
}

STATEMENT(sql_connector_update_raw, FOR_WRITER, "update a connector",
	"UPDATE connectors SET raw = ?1 WHERE connector_row = ?2");

STATEMENT(sql_connector_status_known, FOR_WRITER, "update a connector",
	"UPDATE connectors SET status_known_at = ?1 WHERE connector_row = ?2");

/* One that is known and present, or comes back. */
static int put_known(struct conn *writer, const struct stored *stored, struct err *err,
    enum connector_change *change)
{
	const struct connector_put *put = stored->put;
	int r = 0;
	if (stored->deleted || !stored->members_same) {
		*change = stored->deleted ? CONNECTOR_REVIVED : CONNECTOR_CHANGED;
		r = update(writer, stored->followed.row, put, err);
	} else {
		if (!stored->raw_same)
			r = stmt_write(writer, &sql_connector_update_raw,
			    VALUES(v_span(put->connector->raw), v_integer(stored->followed.row)),
			    err);
		if (r == 0 && !keeps_status(put) && (!put->listed || !stored->status_known))
			r = stmt_write(writer, &sql_connector_status_known,
			    VALUES(v_time(put->observed_at), v_integer(stored->followed.row)), err);
	}
	return r;
}

STATEMENT(sql_connector_confirm, FOR_WRITER, "update a connector",
	"UPDATE connectors SET confirmed_at = ?1 WHERE connector_row = ?2");

int connector_store_put(struct conn *writer, const struct connector_put *put, struct err *err,
    enum connector_change *ret_change, struct followed_connector *ret_followed)
{
	struct stored stored = {
	    .put = put,
	    .followed = {.created_at = put->now, .history_synced_at = TIMESTAMP_NONE},
	};
	enum connector_change change = CONNECTOR_SAME;
	int r = connector_store_get(
	    writer, put->project_id, put->connector->connector_id, compare_with_put, &stored, err);
	if (r < 0)
		return r;
	bool stays_deleted = stored.deleted && !put->revive;
	r = 0;
	if (!stored.known) {
		change = CONNECTOR_NEW;
		r = connector_insert(writer, put, err, &stored.followed.row);
	} else if (stays_deleted) {
		change = CONNECTOR_STAYS_DELETED;
	} else {
		r = put_known(writer, &stored, err, &change);
	}
	if (r == 0 && !stays_deleted && put->confirmed != TIMESTAMP_NONE)
		r = stmt_write(writer, &sql_connector_confirm,
		    VALUES(v_time(put->confirmed), v_integer(stored.followed.row)), err);
	if (r)
		return r;
	/* Its jobs, if it has any, ended when it was deleted. */
	stored.followed.connector_id = put->connector->connector_id;
	if (put->connector->created_at != TIMESTAMP_NONE)
		stored.followed.created_at = put->connector->created_at;
	stored.followed.status_known_at = keeps_status(put) ? TIMESTAMP_NONE : put->observed_at;
	*ret_change = change;
	*ret_followed = stored.followed;
	return 0;
}

STATEMENT(sql_connector_delete, FOR_WRITER, "mark a connector deleted",
	"UPDATE connectors SET deleted_at = ?1, updated_at = ?1, revision = revision + 1"
	" WHERE connector_row = ?2 AND deleted_at IS NULL");

STATEMENT(sql_connector_deleted_by, FOR_WRITER, "mark a connector deleted",
	"UPDATE connectors SET deleted_by = ?1, settling = ?2 WHERE connector_row = ?3");

int connector_store_delete(
    struct conn *writer, int64_t row, bool by_us, int64_t now, struct err *err)
{
	const char *settling = settling_names[by_us ? SETTLING_DELETED : SETTLING_OBSERVED];
	int r = conn_touch(writer, ENTITY_CONNECTOR, row, false, err);
	if (r == 0)
		r = stmt_write(
		    writer, &sql_connector_delete, VALUES(v_time(now), v_integer(row)), err);
	if (r == 0)
		r = stmt_write(writer, &sql_connector_deleted_by,
		    VALUES(v_text(by_us ? "us" : "observed"), v_text(settling), v_integer(row)),
		    err);
	if (r)
		return r;
	return job_store_connector_gone(writer, row, now, err);
}

STATEMENT(sql_connector_settle, FOR_WRITER, "update a connector",
	"UPDATE connectors SET settling = ?1 WHERE connector_row = ?2");

int connector_store_created_by_us(
    struct conn *writer, int64_t row, const char *sent_key, struct err *err)
{
	int r = connector_store_sent_key(writer, row, sent_key, err);
	if (r)
		return r;
	return stmt_write(writer, &sql_connector_settle,
	    VALUES(v_text(settling_names[SETTLING_CREATED]), v_integer(row)), err);
}

STATEMENT(sql_connector_sent, FOR_WRITER, "update a connector",
	"UPDATE connectors SET sent_key = ?1 WHERE connector_row = ?2");

int connector_store_sent_key(
    struct conn *writer, int64_t row, const char *sent_key, struct err *err)
{
	return stmt_write(
	    writer, &sql_connector_sent, VALUES(v_text(sent_key), v_integer(row)), err);
}

int connector_store_settled(struct conn *writer, int64_t row, struct err *err)
{
	return stmt_write(writer, &sql_connector_settle, VALUES(v_text(NULL), v_integer(row)), err);
}

static const char *const part_names[] = {
    [CONNECTOR_PART_HISTORY] = "history",
    [CONNECTOR_PART_SINGLE] = "single",
};
_Static_assert(ARRAY_SIZE(part_names) == CONNECTOR_PART_SINGLE + 1, "a part has no name");

STATEMENT(sql_connector_error_over, FOR_WRITER, "note that a connector was read",
	"UPDATE connectors SET history_error_code = NULL, history_error_message = NULL,"
	" history_error_since = NULL, error_by = NULL WHERE connector_row = ?1"
	" AND error_by = ?2");

int connector_store_read(
    struct conn *writer, int64_t connector_row, enum connector_part part, struct err *err)
{
	return stmt_write(writer, &sql_connector_error_over,
	    VALUES(v_integer(connector_row), v_text(part_names[part])), err);
}

STATEMENT(sql_connector_history_synced, FOR_WRITER, "note a history",
	"UPDATE connectors SET history_synced_at = ?1 WHERE connector_row = ?2");

int connector_store_history_synced(
    struct conn *writer, int64_t connector_row, int64_t synced_at, struct err *err)
{
	return stmt_write(writer, &sql_connector_history_synced,
	    VALUES(v_time(synced_at), v_integer(connector_row)), err);
}

STATEMENT(sql_connector_attention, FOR_WRITER, "note what needs attention",
	"UPDATE connectors SET attention = ?2, revision = revision + 1 WHERE connector_row = ?1");

int connector_store_attention(
    struct conn *writer, int64_t connector_row, struct span reasons, struct err *err)
{
	return stmt_write(writer, &sql_connector_attention,
	    VALUES(v_integer(connector_row), v_span(reasons)), err);
}

STATEMENT(sql_connector_gap, FOR_WRITER, "note a gap in a history",
	"UPDATE connectors SET gap_at = ?2 WHERE connector_row = ?1");

int connector_store_gap(struct conn *writer, int64_t connector_row, int64_t now, struct err *err)
{
	int r = stmt_write(
	    writer, &sql_connector_gap, VALUES(v_integer(connector_row), v_time(now)), err);
	return r ? r : conn_touch(writer, ENTITY_GAP, connector_row, true, err);
}

STATEMENT(sql_connector_failed, FOR_WRITER, "note what could not be read",
	"UPDATE connectors SET history_error_code = ?2, history_error_message = ?3,"
	" error_by = ?5, history_error_since = "
	"coalesce(connectors.history_error_since, ?4) WHERE connector_row = ?1");

int connector_store_failed(struct conn *writer, int64_t connector_row, enum connector_part part,
    const struct store_failure *failure, struct err *err)
{
	return stmt_write(writer, &sql_connector_failed,
	    VALUES(v_integer(connector_row), v_text(failure->code), v_text(failure->message),
		v_time(failure->at), v_text(part_names[part])),
	    err);
}
