/* SPDX-License-Identifier: MIT */
/* Writes each step of an operation, and finds those that a crash left in the middle. */
#include "store/operation_store.h"

#include <assert.h>

#include "store/positions.h"
#include "store/tx.h"
#include "util/timestamp.h"

/* clang-format off */
/* operation_deliver follows the same order. */
#define OPERATION_COLUMNS                                                                          \
	"operation_row, operation_id, kind, project_id, connector_id, state, candidates,"          \
	" idempotency_key, client, request, error_code, error_message, upstream_status,"           \
	" created_at, sent_at, finished_at, allow_duplicate, import_key, known_row,"               \
	" sent_upstream_at, account, search_base, search_over, untold, unknown_at, revision,"                  \
	" (SELECT complete_listings FROM projects p"                                               \
	"  WHERE p.project_id = operations.project_id),"                                           \
	" (SELECT listed_at FROM projects p WHERE p.project_id = operations.project_id)"

#define SELECT_OPERATIONS "SELECT " OPERATION_COLUMNS " FROM operations "
#define OPEN "state IN ('planned', 'sending', 'unknown')"
/* clang-format on */

/* Reading --------------------------------------------------------------------------------------*/

/* Only names of ours are ever written; anything else is a damaged file. */
static int column_kind_and_state(const struct conn *conn, const char *kind_name,
    const char *state_name, struct err *err, struct operation_record *record)
{
	int kind = text_find(operation_kind_names, kind_name);
	int state = text_find(operation_state_names, state_name);
	if (kind < 0 || state < 0)
		return err_set(err, "database %s: operation %s has a kind or state nobody knows",
		    conn->path, record->operation_id);
	record->kind = (enum operation_kind)kind;
	record->state = (enum operation_state)state;
	return 0;
}

struct operation_sink {
	operation_row_fn *row;
	void *context;
};

static int operation_deliver(
    struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	const struct operation_sink *to = sink;
	struct operation_record record = {.row = column_integer(columns)};
	record.operation_id = column_text(columns);
	const char *kind = column_text(columns);
	record.project_id = column_integer(columns);
	record.connector_id = column_text(columns);
	const char *state = column_text(columns);
	record.candidates = column_array(columns);
	record.idempotency_key = column_text(columns);
	record.client = column_text(columns);
	record.request = column_object(columns);
	record.error_code = column_text(columns);
	record.error_message = column_text(columns);
	record.upstream_status = column_integer(columns);
	record.created_at = column_time(columns);
	record.sent_at = column_time(columns);
	record.finished_at = column_time(columns);
	record.allow_duplicate = column_integer(columns) != 0;
	record.import_key = column_text(columns);
	record.known_row = column_integer(columns);
	record.sent_upstream_at = column_time(columns);
	record.account = column_text(columns);
	record.search_base = column_integer(columns);
	record.search_over = column_integer(columns) != 0;
	record.undelivered = column_integer(columns) != 0;
	record.unknown_at = column_time(columns);
	record.revision = column_integer(columns);
	int64_t listings = column_integer(columns);
	int64_t listed_at = column_time(columns);
	bool searched = record.search_base >= 0 && listings > record.search_base;
	record.listings = searched ? listings - record.search_base : 0;
	record.last_listed_at = searched ? listed_at : TIMESTAMP_NONE;
	if (column_kind_and_state(conn, kind, state, err, &record) < 0)
		return -1;
	return to->row(&record, to->context);
}

STATEMENT(sql_operation_get, FOR_ALL, "read an operation",
	SELECT_OPERATIONS "WHERE operation_id = ?1");

int operation_store_get(struct conn *conn, const char *operation_id, operation_row_fn *row,
    void *context, struct err *err)
{
	return stmt_one(conn, &sql_operation_get, VALUES(v_text(operation_id)), operation_deliver,
	    &(struct operation_sink){row, context}, err);
}

STATEMENT(sql_operation_project, FOR_ALL, "look for an operation",
	"SELECT project_id FROM operations WHERE operation_id = ?1");

int operation_store_project(
    struct conn *conn, const char *operation_id, struct err *err, int64_t *ret_project_id)
{
	return stmt_number(
	    conn, &sql_operation_project, VALUES(v_text(operation_id)), err, ret_project_id);
}

STATEMENT(sql_operation_get_row, FOR_ALL, "read an operation",
	SELECT_OPERATIONS "WHERE operation_row = ?1");

int operation_store_get_row(
    struct conn *conn, int64_t operation_row, operation_row_fn *row, void *context, struct err *err)
{
	return stmt_one(conn, &sql_operation_get_row, VALUES(v_integer(operation_row)),
	    operation_deliver, &(struct operation_sink){row, context}, err);
}

STATEMENT(sql_operation_get_by_key, FOR_ALL, "read an operation",
	SELECT_OPERATIONS "INDEXED BY operations_by_key WHERE project_id = ?1"
	" AND client = ?2 AND idempotency_key = ?3 AND state <> 'unreachable'");

int operation_store_get_by_key(struct conn *conn, const struct operation_owner *owner,
    const char *key, operation_row_fn *row, void *context, struct err *err)
{
	return stmt_one(conn, &sql_operation_get_by_key,
	    VALUES(v_integer(owner->project_id), v_text(owner->client), v_text(key)),
	    operation_deliver, &(struct operation_sink){row, context}, err);
}

STATEMENT(sql_operation_positions, FOR_ALL, "list operations",
	"SELECT 0, operation_row FROM operations INDEXED BY operations_by_project"
	" WHERE project_id = ?1 AND operation_row < ?2 AND (?3 IS NULL OR kind = ?3)"
	" AND (?6 IS NULL OR " BEGINS("operation_id", "?6")
	") ORDER BY operation_row DESC LIMIT ?4");

STATEMENT(sql_operation_positions_state, FOR_ALL, "list operations",
	"SELECT 0, operation_row FROM operations INDEXED BY operations_by_state"
	" WHERE project_id = ?1 AND operation_row < ?2 AND (?3 IS NULL OR kind = ?3)"
	" AND state = ?5 AND (?6 IS NULL OR " BEGINS("operation_id", "?6")
	") ORDER BY operation_row DESC LIMIT ?4");

STATEMENT(sql_operation_positions_id, FOR_ALL, "list operations",
	"SELECT 0, operation_row FROM operations WHERE " BEGINS("operation_id", "?6")
	" AND +project_id = ?1 AND +operation_row < ?2 AND (?3 IS NULL OR +kind = ?3)"
	" AND (?5 IS NULL OR +state = ?5)");

static const struct statement *operation_positions_statement(const struct operation_query *query)
{
	if (query->id_prefix && positions_are_few(query->id_prefix, OPERATION_ID_PREFIX))
		return &sql_operation_positions_id;
	return query->state < 0 ? &sql_operation_positions : &sql_operation_positions_state;
}

static int operation_collect(struct conn *conn, int64_t project_id, const void *wanted,
    struct err *err, struct positions *positions)
{
	const struct operation_query *query = wanted;
	const char *kind = query->kind < 0 ? NULL : operation_kind_names[query->kind];
	const char *state = query->state < 0 ? NULL : operation_state_names[query->state];
	return positions_add(positions, conn, operation_positions_statement(query),
	    VALUES(v_integer(project_id), v_integer(slice_start(&query->slice, INT64_MAX).row),
		v_text(kind), v_integer((int64_t)query->slice.limit + 1), v_text(state),
		v_text(query->id_prefix)),
	    err);
}

int operation_store_list(struct conn *conn, const struct operation_query *query,
    operation_row_fn *row, void *context, struct err *err, struct slice_end *ret_end)
{
	const struct positions_reading reading = {
	    .slice = &query->slice,
	    .query = query,
	    .collect = operation_collect,
	    .row = &sql_operation_get_row,
	    .deliver = operation_deliver,
	    .sink = &(struct operation_sink){row, context},
	};
	return positions_read(conn, &reading, err, ret_end);
}

/* Without what was asked for, which is long. */
STATEMENT(sql_operation_each_open, FOR_WRITER, "read operations",
	"SELECT operation_row, operation_id, kind, state, search_base, search_over"
	" FROM operations INDEXED BY operations_by_state WHERE project_id = ?1 AND " OPEN
	" ORDER BY operation_row");

struct open_sink {
	open_operation_fn *each;
	void *context;
};

static int deliver_open(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	const struct open_sink *to = sink;
	struct operation_record record = {.row = column_integer(columns)};
	record.operation_id = column_text(columns);
	const char *kind = column_text(columns);
	const char *state = column_text(columns);
	record.search_base = column_integer(columns);
	record.search_over = column_integer(columns) != 0;
	if (column_kind_and_state(conn, kind, state, err, &record) < 0)
		return -1;
	const struct open_operation open = {
	    .row = record.row,
	    .operation_id = record.operation_id,
	    .kind = record.kind,
	    .state = record.state,
	    .search_base = record.search_base,
	    .search_over = record.search_over,
	};
	return to->each(&open, to->context);
}

int operation_store_each_open(
    struct conn *conn, int64_t project_id, open_operation_fn *each, void *context, struct err *err)
{
	return stmt_each(conn, &sql_operation_each_open, VALUES(v_integer(project_id)),
	    deliver_open, &(struct open_sink){each, context}, err);
}

STATEMENT(sql_operation_each_import, FOR_WRITER, "read operations",
	SELECT_OPERATIONS "INDEXED BY operations_by_import WHERE project_id = ?1"
	" AND kind = 'create' AND " OPEN " AND import_key = ?2 ORDER BY operation_row");

int operation_store_each_import(struct conn *conn, int64_t project_id, const char *import_key,
    operation_row_fn *row, void *context, struct err *err)
{
	return stmt_each(conn, &sql_operation_each_import,
	    VALUES(v_integer(project_id), v_text(import_key)), operation_deliver,
	    &(struct operation_sink){row, context}, err);
}

STATEMENT(sql_operation_undelivered, FOR_WRITER, "read operations",
	SELECT_OPERATIONS "INDEXED BY operations_untold WHERE untold = 1"
	" AND project_id = ?1 AND client = ?2 AND import_key = ?3 AND state = 'succeeded'"
	" AND finished_at >= ?4 ORDER BY operation_row");

int operation_store_each_undelivered(struct conn *conn, const struct undelivered_query *query,
    operation_row_fn *row, void *context, struct err *err)
{
	return stmt_each(conn, &sql_operation_undelivered,
	    VALUES(v_integer(query->owner.project_id), v_text(query->owner.client),
		v_text(query->import_key), v_time(query->since)),
	    operation_deliver, &(struct operation_sink){row, context}, err);
}

STATEMENT(sql_operation_deleting, FOR_WRITER, "look for the delete of a connector",
	"SELECT operation_id FROM operations INDEXED BY operations_deleting"
	" WHERE project_id = ?1 AND connector_id = ?2 AND kind = 'delete' AND " OPEN);

static int deliver_id(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	(void)conn, (void)err;
	snprintf(sink, RANDOM_ID_SIZE, "%s", column_text(columns));
	return 0;
}

int operation_store_deleting(struct conn *conn, int64_t project_id, const char *connector_id,
    struct err *err, char ret_id[RANDOM_ID_SIZE])
{
	return stmt_one(conn, &sql_operation_deleting,
	    VALUES(v_integer(project_id), v_text(connector_id)), deliver_id, ret_id, err);
}

STATEMENT(sql_operation_creator, FOR_WRITER, "look for who creates connectors",
	"SELECT c.created_by FROM operations o INDEXED BY operations_by_account"
	" CROSS JOIN connectors c ON c.project_id = o.project_id"
	" AND c.connector_id = o.connector_id WHERE o.project_id = ?1 AND o.account = ?2"
	" AND o.kind = 'create' AND o.state = 'succeeded'"
	" AND o.upstream_status IN (200, 201) AND c.created_by IS NOT NULL"
	" ORDER BY o.operation_row DESC LIMIT 1");

static int deliver_creator(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	(void)conn;
	buffer_append_text(sink, column_text(columns));
	return buffer_failed(sink) ? err_set(err, "no memory for a name") : 0;
}

int operation_store_creator(struct conn *conn, int64_t project_id, const char *account,
    struct err *err, struct buffer *creator)
{
	return stmt_one(conn, &sql_operation_creator,
	    VALUES(v_integer(project_id), v_text(account)), deliver_creator, creator, err);
}

STATEMENT(sql_operation_claims, FOR_ALL, "look for the operation of a connector",
	"SELECT EXISTS (SELECT 1 FROM operations INDEXED BY operations_by_connector"
	" WHERE project_id = ?1 AND connector_id = ?2 AND kind = 'create'"
	" AND operation_row <> ?3)");

int operation_store_claims(
    struct conn *conn, int64_t project_id, const char *connector_id, int64_t row, struct err *err)
{
	int64_t claimed = 0;
	int r = stmt_number(conn, &sql_operation_claims,
	    VALUES(v_integer(project_id), v_text(connector_id), v_integer(row)), err, &claimed);
	return r ? r : claimed != 0;
}

/* Writing --------------------------------------------------------------------------------------*/

/* What may change in the life of an operation. */
#define PROGRESS_VALUES(r)                                                                         \
	v_text(operation_state_names[(r)->state]), v_text((r)->connector_id),                      \
	    v_span((r)->candidates), v_text((r)->error_code), v_text((r)->error_message),          \
	    v_integer((r)->upstream_status), v_time((r)->sent_at), v_time((r)->finished_at),       \
	    v_integer((r)->known_row), v_time((r)->sent_upstream_at), v_text((r)->account),        \
	    v_integer((r)->search_base), v_integer((r)->search_over), v_integer((r)->undelivered), \
	    v_time((r)->unknown_at)

STATEMENT(sql_operation_insert, FOR_WRITER, "write down an operation",
	"INSERT INTO operations (state, connector_id, candidates, error_code, error_message,"
	" upstream_status, sent_at, finished_at, known_row, sent_upstream_at, account,"
	" search_base, search_over, untold, unknown_at, operation_id, kind, project_id, idempotency_key,"
	" client, request, created_at, allow_duplicate, import_key)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,"
	" ?18, ?19, ?20, ?21, ?22, ?23, ?24)");

int operation_store_insert(
    struct conn *writer, const struct operation_record *record, struct err *err, int64_t *ret_row)
{
	int r = stmt_write(writer, &sql_operation_insert,
	    VALUES(PROGRESS_VALUES(record), v_text(record->operation_id),
		v_text(operation_kind_names[record->kind]), v_integer(record->project_id),
		v_text(record->idempotency_key), v_text(record->client), v_span(record->request),
		v_time(record->created_at), v_integer(record->allow_duplicate),
		v_text(record->import_key)),
	    err);
	*ret_row = sqlite3_last_insert_rowid(writer->db);
	return r ? r : conn_touch(writer, ENTITY_OPERATION, *ret_row, true, err);
}

static int check_move(const struct operation_record *stored, void *context)
{
	const struct operation_record *wanted = context;
	assert(stored->state == wanted->state ||
	       operation_may_move(stored->kind, stored->state, wanted->state));
	(void)stored;
	(void)wanted;
	return 0;
}

STATEMENT(sql_operation_update, FOR_WRITER, "write down what became of an operation",
	"UPDATE operations SET (state, connector_id, candidates, error_code, error_message,"
	" upstream_status, sent_at, finished_at, known_row, sent_upstream_at, account,"
	" search_base, search_over, untold, unknown_at) = (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
	" ?10, ?11, ?12, ?13, ?14, ?15), revision = revision + 1 WHERE operation_row = ?16");

int operation_store_update(
    struct conn *writer, const struct operation_record *record, struct err *err)
{
	struct operation_record wanted = *record;
	int r = operation_store_get_row(writer, record->row, check_move, &wanted, err);
	if (r)
		return r < 0 ? r : err_set(err, "operation %s is not there", record->operation_id);
	r = conn_touch(writer, ENTITY_OPERATION, record->row, false, err);
	if (r)
		return r;
	return stmt_write(writer, &sql_operation_update,
	    VALUES(PROGRESS_VALUES(record), v_integer(record->row)), err);
}

STATEMENT(sql_operation_delivered, FOR_WRITER, "note that an outcome was told",
	"UPDATE operations SET untold = 0 WHERE operation_id = ?1");

int operation_store_delivered(struct conn *writer, const char *operation_id, struct err *err)
{
	return stmt_write(writer, &sql_operation_delivered, VALUES(v_text(operation_id)), err);
}

struct recover_work {
	int64_t now;
	unsigned unknown;
};

STATEMENT(sql_operation_recover_creates, FOR_WRITER, "recover operations",
	"UPDATE operations SET state = 'unknown', sent_at = coalesce(sent_at, ?1),"
	" unknown_at = ?1, search_over = 0, search_base = coalesce((SELECT complete_listings"
	" FROM projects p WHERE p.project_id = operations.project_id), 0),"
	" revision = revision + 1 WHERE state = 'sending' AND kind = 'create'");

STATEMENT(sql_operation_recover_deletes, FOR_WRITER, "recover operations",
	"UPDATE operations SET state = 'planned', revision = revision + 1"
	" WHERE state = 'sending' AND kind = 'delete'");

STATEMENT(sql_operation_sending, FOR_WRITER, "recover operations",
	"SELECT operation_row FROM operations WHERE state = 'sending'");

static int touch_sending(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	(void)sink;
	return conn_touch(conn, ENTITY_OPERATION, column_integer(columns), false, err);
}

static int operation_recover(struct conn *writer, void *context, struct err *err)
{
	struct recover_work *work = context;
	int r = stmt_each(writer, &sql_operation_sending, VALUES_NONE, touch_sending, NULL, err);
	if (r == 0)
		r = stmt_write(
		    writer, &sql_operation_recover_creates, VALUES(v_time(work->now)), err);
	work->unknown = (unsigned)sqlite3_changes(writer->db);
	return r ? r : stmt_write(writer, &sql_operation_recover_deletes, VALUES_NONE, err);
}

int operation_store_recover(
    struct conn *writer, int64_t now, struct err *err, unsigned *ret_unknown)
{
	struct recover_work work = {.now = now};
	int r = tx_write(writer, operation_recover, &work, err);
	if (r)
		return r;
	*ret_unknown = work.unknown;
	return 0;
}

STATEMENT(sql_operation_retain_age, FOR_WRITER, "remove old operations",
	"DELETE FROM operations WHERE operation_row IN (SELECT operation_row"
	" FROM operations INDEXED BY operations_by_end WHERE finished_at < ?1"
	" AND state IN ('succeeded', 'rejected', 'unreachable') LIMIT ?2)");

/* Row numbers only grow, so those of the newest ?1 are the highest; gaps leave fewer, never more.
 */
STATEMENT(sql_operation_retain_count, FOR_WRITER, "remove operations that are too many",
	"DELETE FROM operations WHERE operation_row IN (SELECT operation_row FROM operations"
	" WHERE operation_row <= (SELECT max(operation_row) FROM operations) - ?1"
	" AND state IN ('succeeded', 'rejected', 'unreachable') AND (finished_at < ?3"
	" OR state = 'unreachable' OR (idempotency_key IS NULL"
	" AND (untold = 0 OR state <> 'succeeded'))) LIMIT ?2)");

int operation_store_retain(struct conn *writer, const struct operation_retention *retention,
    unsigned limit, struct err *err, unsigned *ret_removed)
{
	int64_t keep = retention->keep > INT64_MAX ? INT64_MAX : (int64_t)retention->keep;
	int r = stmt_write(writer, &sql_operation_retain_age,
	    VALUES(v_integer(retention->before), v_integer(limit)), err);
	if (r)
		return r;
	unsigned removed = (unsigned)sqlite3_changes(writer->db);
	r = stmt_write(writer, &sql_operation_retain_count,
	    VALUES(v_integer(keep), v_integer(limit - removed), v_integer(retention->owed)), err);
	if (r)
		return r;
	*ret_removed = removed + (unsigned)sqlite3_changes(writer->db);
	return 0;
}

STATEMENT(sql_operation_count_open, FOR_WRITER, "count operations",
	"SELECT 1 FROM operations INDEXED BY operations_open_by_client"
	" WHERE client = ?1 AND " OPEN " LIMIT ?2");

static int count_row(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	(void)conn, (void)columns, (void)err;
	++*(unsigned *)sink;
	return 0;
}

int operation_store_count_open(
    struct conn *conn, const char *client, unsigned most, struct err *err, unsigned *ret_count)
{
	*ret_count = 0;
	return stmt_each(conn, &sql_operation_count_open, VALUES(v_text(client), v_integer(most)),
	    count_row, ret_count, err);
}

STATEMENT(sql_operation_count_unknown, FOR_ALL, "count operations",
	"SELECT count(*) FROM operations INDEXED BY operations_by_state"
	" WHERE state = 'unknown' AND project_id = ?1");

int operation_store_count_unknown(
    struct conn *conn, int64_t project_id, struct err *err, int64_t *ret_count)
{
	return stmt_number(
	    conn, &sql_operation_count_unknown, VALUES(v_integer(project_id)), err, ret_count);
}
