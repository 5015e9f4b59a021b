/* SPDX-License-Identifier: MIT */
/* The table of statements, prepared once for each connection. */
#include "store/stmts.h"

#include <assert.h>
#include <string.h>

#include "util/timestamp.h"

/* Lists of columns; the functions that read them, here and in the file of the entity, follow the
 * same order. */
#define RUN_COLUMNS(table)                                                                         \
	table ".run_id, " table ".start_time, " table ".end_time, " table ".status, " table        \
	      ".upstream_status, " table ".progress, " table ".error_code, " table                 \
	      ".error_message, " table ".stats"

#define JOB_COLUMNS                                                                                \
	"j.job_row, j.job_id, j.connector_row, j.project_id, j.first_seen_at, j.updated_at, "      \
	"j.gone_at, j.listed, j.confirmed_at, j.revision, " RUN_COLUMNS(                           \
	    "j") ", j.raw, "                                                                       \
		 "c.connector_id, c.history_synced_at, c.history_error_code, "                     \
		 "c.history_error_message, "                                                       \
		 "c.history_error_since"

#define CONNECTOR_COLUMNS                                                                          \
	"c.connector_row, c.project_id, c.connector_id, c.first_seen_at, c.updated_at, "           \
	"c.deleted_at, c.confirmed_at, c.history_synced_at, c.history_error_code, "                \
	"c.history_error_message, c.history_error_since, c.revision, c.latest_job_row, c.label, "  \
	"c.connector_type, c.properties, c.category, c.data_format, c.bucket, c.prefix, "          \
	"c.status, c.failure_message, c.created_by, c.created_at, c.raw, c.status_known_at, "      \
	"c.deleted_by"

#define SELECT_CONNECTORS(hint)                                                                    \
	"SELECT " CONNECTOR_COLUMNS ", " JOB_COLUMNS " FROM connectors c " hint                    \
	" LEFT JOIN jobs j ON j.job_row = c.latest_job_row "

/* Lists are read in two steps: positions only, out of an index; then the rows of the page. The
 * position comes as two parameters that are always bound: the ends of the range stand for "from the
 * start", so that one statement serves the first page and all others. */

/* Ids are ASCII; no character stands behind the last one there is. */
#define BEGINS(column, prefix) column " BETWEEN " prefix " AND " prefix " || char(1114111)"

/* What is behind an OR is not looked at, nor its row or job fetched, without that filter. */
#define CONNECTOR_POSITIONS(index, presence, beyond, order)                                        \
	"SELECT c.position, c.connector_row FROM connectors c INDEXED BY " index                   \
	" WHERE c.project_id = ?1 AND " presence " AND (c.position, c.connector_row) " beyond      \
	" (?2, ?3)"                                                                                \
	" AND (?5 IS NULL OR c.connector_type = ?5) AND (?6 IS NULL OR c.data_format = ?6)"        \
	" AND (?7 IS NULL OR c.status = ?7) AND (?8 IS NULL OR c.label = ?8)"                      \
	" AND (?9 IS NULL OR (SELECT status FROM jobs WHERE job_row = c.latest_job_row) = ?9)"     \
	" AND (?10 IS NULL OR " BEGINS("c.connector_id", "?10") ")"                                \
								" ORDER BY c.position " order      \
								", c.connector_row " order         \
								" LIMIT ?4"

#define PRESENT "c.deleted_at IS NULL"
/* What a create of the same import must not pass: it is there, or was a moment ago. */
#define GUARDED "(c.deleted_at IS NULL OR c.settling = 'observed')"
#define DELETED "c.deleted_at IS NOT NULL"
#define ANY "TRUE"

#define SELECT_JOBS                                                                                \
	"SELECT " JOB_COLUMNS                                                                      \
	" FROM jobs j CROSS JOIN connectors c ON c.connector_row = j.connector_row "

#define JOB_POSITIONS(index, condition)                                                            \
	"SELECT position, job_row FROM jobs INDEXED BY " index " WHERE " condition                 \
	" AND position >= ?2 AND (position, job_row) < (?3, ?4)"                                   \
	" AND (?7 IS NULL OR " BEGINS(                                                             \
	    "job_id", "?7") ")"                                                                    \
			    " ORDER BY position DESC, job_row DESC LIMIT ?5"

#define OPERATION_COLUMNS                                                                          \
	"operation_row, operation_id, kind, project_id, connector_id, state, candidates, "         \
	"idempotency_key, client, request, error_code, error_message, upstream_status, "           \
	"created_at, sent_at, finished_at, allow_duplicate, import_key, known_row, "               \
	"sent_upstream_at, account, search_base, search_over, untold, revision, "                  \
	"(SELECT complete_listings FROM projects p WHERE p.project_id = operations.project_id), "  \
	"(SELECT listed_at FROM projects p WHERE p.project_id = operations.project_id)"

#define SELECT_OPERATIONS "SELECT " OPERATION_COLUMNS " FROM operations "
#define OPEN "state IN ('planned', 'sending', 'unknown')"

/* Keeps `since` while an error stands. */
#define ERROR_SINCE(table, name) "coalesce(" table "." name ", ?4)"

enum stmt_user { FOR_ALL, FOR_WRITER };

static const struct {
	enum stmt_user user;
	const char *sql;
} table[STMT_COUNT] = {
    [STMT_BEGIN] = {FOR_ALL, "BEGIN"},
    [STMT_BEGIN_IMMEDIATE] = {FOR_WRITER, "BEGIN IMMEDIATE"},
    [STMT_COMMIT] = {FOR_ALL, "COMMIT"},
    [STMT_ROLLBACK] = {FOR_ALL, "ROLLBACK"},
    [STMT_INSTANCE] = {FOR_ALL, "SELECT instance FROM store WHERE only_row = 1"},
    [STMT_TOUCH] = {FOR_WRITER, "UPDATE store SET jobs = jobs + ?1 WHERE only_row = 1"},
    [STMT_STATS] = {FOR_ALL, "SELECT jobs, snapshots, operations,"
			     " (SELECT total(connectors) FROM projects),"
			     " (SELECT count(*) FROM operations WHERE state = 'unknown')"
			     " FROM store WHERE only_row = 1"},

    [STMT_PROJECT_ENSURE] = {FOR_WRITER,
	"INSERT INTO projects (project_id) VALUES (?1) ON CONFLICT DO NOTHING"},
    [STMT_PROJECT_GET] = {FOR_ALL,
	"SELECT listed_at, list_error_code, list_error_message, list_error_since,"
	" complete_listings, connectors, jobs_active FROM projects WHERE project_id = ?1"},
    [STMT_PROJECT_IDS] = {FOR_ALL, "SELECT project_id FROM projects"},
    [STMT_PROJECT_LISTED] = {FOR_WRITER,
	"INSERT INTO projects (project_id, listed_at, complete_listings) VALUES (?1, ?2, 1)"
	" ON CONFLICT (project_id) DO UPDATE SET listed_at = ?2, list_error_code = NULL,"
	" list_error_message = NULL, list_error_since = NULL,"
	" complete_listings = complete_listings + 1"},
    [STMT_PROJECT_LIST_READ] = {FOR_WRITER,
	"UPDATE projects SET list_error_code = NULL, list_error_message = NULL,"
	" list_error_since = NULL WHERE project_id = ?1"},
    [STMT_PROJECT_LIST_FAILED] = {FOR_WRITER,
	"INSERT INTO projects (project_id, list_error_code, list_error_message, list_error_since)"
	" VALUES (?1, ?2, ?3, ?4) ON CONFLICT (project_id) DO UPDATE SET list_error_code = ?2,"
	" list_error_message = ?3, list_error_since = " ERROR_SINCE(
	    "projects", "list_error_since")},

    [STMT_CONNECTOR_GET] = {FOR_ALL,
	SELECT_CONNECTORS("") "WHERE c.project_id = ?1 AND c.connector_id = ?2"},
    [STMT_CONNECTOR_GET_ROW] = {FOR_ALL, SELECT_CONNECTORS("") "WHERE c.connector_row = ?1"},
    [STMT_CONNECTOR_ROW] = {FOR_ALL,
	"SELECT connector_row FROM connectors WHERE project_id = ?1 AND connector_id = ?2"},
    /* Whether a job is unfinished is asked the other way round: active jobs are few and an index
     * finds them all at once, while the latest jobs lie all over the largest table. */
    [STMT_CONNECTOR_EACH_FOLLOWED] = {FOR_ALL,
	"SELECT connector_row, connector_id, coalesce(created_at, first_seen_at),"
	" history_synced_at, status_known_at, connector_row IN (SELECT connector_row"
	"  FROM jobs INDEXED BY jobs_by_project_status WHERE project_id = ?1"
	"  AND status IN ('queued', 'running', 'paused', 'unknown') AND active = 1)"
	" FROM connectors INDEXED BY connectors_present WHERE project_id = ?1"
	" AND deleted_at IS NULL ORDER BY connector_row"},
    [STMT_CONNECTOR_EACH_SETTLING] = {FOR_WRITER,
	"SELECT connector_row, settling FROM connectors INDEXED BY connectors_settling"
	" WHERE project_id = ?1 AND settling IS NOT NULL ORDER BY connector_row"},
    [STMT_CONNECTOR_LAST_ROW] = {FOR_WRITER,
	"SELECT coalesce(max(connector_row), 0) FROM connectors"},
    [STMT_CONNECTOR_EACH_IMPORT] = {FOR_ALL,
	SELECT_CONNECTORS("INDEXED BY connectors_by_import") "WHERE c.project_id = ?1 AND "
							     "c.import_key = ?2 AND "
							     "c.connector_row > ?3 AND " GUARDED
							     " ORDER BY c.connector_row"},
    [STMT_CONNECTOR_EACH_SENT] = {FOR_WRITER,
	"SELECT c.connector_id, o.request FROM connectors c INDEXED BY connectors_by_sent"
	" LEFT JOIN operations o INDEXED BY operations_by_connector"
	"  ON o.project_id = c.project_id AND o.connector_id = c.connector_id"
	"  AND o.kind = 'create' AND o.connector_id IS NOT NULL"
	" WHERE c.project_id = ?1 AND c.sent_key = ?2 AND " GUARDED},
    [STMT_CONNECTOR_POSITIONS_PRESENT] = {FOR_ALL,
	CONNECTOR_POSITIONS("connectors_present_by_position", PRESENT, ">", "ASC")},
    [STMT_CONNECTOR_POSITIONS_PRESENT_NEWEST] = {FOR_ALL,
	CONNECTOR_POSITIONS("connectors_present_by_position", PRESENT, "<", "DESC")},
    [STMT_CONNECTOR_POSITIONS_DELETED] = {FOR_ALL,
	CONNECTOR_POSITIONS("connectors_deleted_by_position", DELETED, ">", "ASC")},
    [STMT_CONNECTOR_POSITIONS_DELETED_NEWEST] = {FOR_ALL,
	CONNECTOR_POSITIONS("connectors_deleted_by_position", DELETED, "<", "DESC")},
    [STMT_CONNECTOR_POSITIONS_ALL] = {FOR_ALL,
	CONNECTOR_POSITIONS("connectors_by_position", ANY, ">", "ASC")},
    [STMT_CONNECTOR_POSITIONS_ALL_NEWEST] = {FOR_ALL,
	CONNECTOR_POSITIONS("connectors_by_position", ANY, "<", "DESC")},
    [STMT_CONNECTOR_INSERT] = {FOR_WRITER,
	"INSERT INTO connectors (label, connector_type, properties, category, data_format, bucket,"
	" prefix, status, failure_message, created_by, created_at, raw, import_key, project_id,"
	" connector_id, position, first_seen_at, updated_at, status_known_at)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
	" coalesce(?11, ?16), ?16, ?16, ?17)"},
    [STMT_CONNECTOR_UPDATE] = {FOR_WRITER,
	"UPDATE connectors SET (label, connector_type, properties, category, data_format, bucket,"
	" prefix, created_by, created_at, raw, import_key)"
	" = (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?10, ?11, ?12, ?13),"
	" status = CASE WHEN ?14 THEN status ELSE ?8 END,"
	" failure_message = CASE WHEN ?14 THEN failure_message ELSE ?9 END,"
	" status_known_at = CASE WHEN ?14 THEN status_known_at ELSE ?15 END,"
	" deleted_at = NULL, deleted_by = NULL, updated_at = ?16, revision = revision + 1,"
	" settling = CASE WHEN deleted_at IS NULL THEN settling END WHERE connector_row = ?17"},
    [STMT_CONNECTOR_UPDATE_RAW] = {FOR_WRITER,
	"UPDATE connectors SET raw = ?1 WHERE connector_row = ?2"},
    [STMT_CONNECTOR_CONFIRM] = {FOR_WRITER,
	"UPDATE connectors SET confirmed_at = ?1 WHERE connector_row = ?2"},
    [STMT_CONNECTOR_STATUS_KNOWN] = {FOR_WRITER,
	"UPDATE connectors SET status_known_at = ?1 WHERE connector_row = ?2"},
    [STMT_CONNECTOR_DELETE] = {FOR_WRITER,
	"UPDATE connectors SET deleted_at = ?1, updated_at = ?1, revision = revision + 1"
	" WHERE connector_row = ?2 AND deleted_at IS NULL"},
    [STMT_CONNECTOR_DELETED_BY] = {FOR_WRITER,
	"UPDATE connectors SET deleted_by = ?1, settling = ?2 WHERE connector_row = ?3"},
    [STMT_CONNECTOR_SENT] = {FOR_WRITER,
	"UPDATE connectors SET sent_key = ?1 WHERE connector_row = ?2"},
    [STMT_CONNECTOR_SETTLE] = {FOR_WRITER,
	"UPDATE connectors SET settling = ?1 WHERE connector_row = ?2"},
    [STMT_CONNECTOR_HISTORY_SYNCED] = {FOR_WRITER,
	"UPDATE connectors SET history_synced_at = ?1 WHERE connector_row = ?2"},
    [STMT_CONNECTOR_ERROR_OVER] = {FOR_WRITER,
	"UPDATE connectors SET history_error_code = NULL, history_error_message = NULL,"
	" history_error_since = NULL, error_by = NULL WHERE connector_row = ?1 AND error_by = ?2"},
    [STMT_CONNECTOR_FAILED] = {FOR_WRITER,
	"UPDATE connectors SET history_error_code = ?2, history_error_message = ?3, error_by = ?5,"
	" history_error_since = " ERROR_SINCE(
	    "connectors", "history_error_since") " WHERE connector_row = ?1"},
    /* The later row wins among equal positions, as in lists. */
    [STMT_CONNECTOR_LATEST_JOB] = {FOR_WRITER,
	"UPDATE connectors SET latest_job_row = ?1, revision = revision + 1"
	" WHERE connector_row = ?2 AND NOT EXISTS (SELECT 1 FROM jobs"
	" WHERE job_row = connectors.latest_job_row AND position > ?3)"},
    /* A connector shows its latest job, so it says something else now. */
    [STMT_CONNECTOR_LATEST_CHANGED] = {FOR_WRITER,
	"UPDATE connectors SET revision = revision + 1 WHERE latest_job_row = ?1"
	" AND connector_row = (SELECT connector_row FROM jobs WHERE job_row = ?1)"},

    [STMT_JOB_GET] = {FOR_ALL, SELECT_JOBS "WHERE j.job_id = ?1"},
    [STMT_JOB_GET_ROW] = {FOR_ALL, SELECT_JOBS "WHERE j.job_row = ?1"},
    [STMT_JOB_POSITIONS_PROJECT] = {FOR_ALL, JOB_POSITIONS("jobs_by_project", "project_id = ?1")},
    [STMT_JOB_POSITIONS_PROJECT_STATUS] = {FOR_ALL,
	JOB_POSITIONS("jobs_by_project_status", "project_id = ?1 AND status = ?6")},
    [STMT_JOB_POSITIONS_CONNECTOR] = {FOR_ALL,
	JOB_POSITIONS("jobs_by_connector", "connector_row = ?1")},
    [STMT_JOB_POSITIONS_CONNECTOR_STATUS] = {FOR_ALL,
	JOB_POSITIONS("jobs_by_connector", "connector_row = ?1 AND status = ?6")},
    /* The pluses leave nothing but the index of ids. The order is made of what is found. */
    [STMT_JOB_POSITIONS_ID] = {FOR_ALL,
	"SELECT position, job_row FROM jobs WHERE " BEGINS("job_id",
	    "?7") " AND +project_id = ?1 AND +position >= ?2 AND (+position, +job_row) < (?3, ?4)"
		  " AND (?6 IS NULL OR +status = ?6)"},
    [STMT_JOB_EACH_OPEN] = {FOR_ALL,
	"SELECT " JOB_COLUMNS " FROM jobs j INDEXED BY jobs_open"
	" CROSS JOIN connectors c ON c.connector_row = j.connector_row"
	" WHERE j.connector_row = ?1 AND j.open = 1 ORDER BY j.job_row"},
    [STMT_JOB_EACH_RECENT] = {FOR_ALL,
	"SELECT " JOB_COLUMNS " FROM (SELECT job_row FROM jobs WHERE connector_row = ?1"
	" ORDER BY position DESC, job_row DESC LIMIT ?2) n"
	" CROSS JOIN jobs j ON j.job_row = n.job_row"
	" CROSS JOIN connectors c ON c.connector_row = j.connector_row ORDER BY j.job_row"},
    [STMT_JOB_INSERT] = {FOR_WRITER,
	"INSERT INTO jobs (run_id, start_time, end_time, status, upstream_status, progress,"
	" error_code, error_message, stats, raw, job_id, project_id, connector_row, position,"
	" first_seen_at, updated_at, listed)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?15, 1)"},
    [STMT_JOB_UPDATE] = {FOR_WRITER,
	"UPDATE jobs SET (run_id, start_time, end_time, status, upstream_status, progress,"
	" error_code, error_message, stats, raw) = (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10),"
	" updated_at = ?11, gone_at = NULL, listed = 1, confirmed_at = NULL,"
	" revision = revision + 1 WHERE job_row = ?12"},
    [STMT_JOB_RELISTED] = {FOR_WRITER,
	"UPDATE jobs SET listed = 1, confirmed_at = NULL WHERE job_row = ?1"},
    [STMT_JOB_RETURNED] = {FOR_WRITER,
	"UPDATE jobs SET gone_at = NULL, updated_at = ?1, revision = revision + 1"
	" WHERE job_row = ?2 AND gone_at IS NOT NULL"},
    [STMT_JOB_UNLISTED] = {FOR_WRITER,
	"UPDATE jobs SET listed = 0, confirmed_at = ?1 WHERE job_row = ?2"},
    [STMT_JOB_GONE] = {FOR_WRITER,
	"UPDATE jobs SET gone_at = ?1, updated_at = ?1, revision = revision + 1"
	" WHERE job_row = ?2 AND gone_at IS NULL"},
    [STMT_JOB_RETAIN_AGE] = {FOR_WRITER,
	"DELETE FROM jobs WHERE job_row IN (SELECT j.job_row FROM jobs j INDEXED BY jobs_closed"
	" CROSS JOIN connectors c ON c.connector_row = j.connector_row"
	" WHERE j.open = 0 AND j.position < ?1 AND c.latest_job_row IS NOT j.job_row LIMIT ?2)"},
    [STMT_JOB_RETAIN_COUNT] = {FOR_WRITER,
	"DELETE FROM jobs WHERE job_row IN (SELECT j.job_row"
	" FROM connectors c INDEXED BY connectors_by_job_count"
	" CROSS JOIN jobs j ON j.job_row IN (SELECT n.job_row FROM jobs n"
	"  WHERE n.connector_row = c.connector_row"
	"  ORDER BY n.position DESC, n.job_row DESC LIMIT -1 OFFSET ?1)"
	" WHERE c.job_count > ?1 AND j.open = 0 AND c.latest_job_row IS NOT j.job_row LIMIT ?2)"},
    [STMT_SNAPSHOT_TAKE] = {FOR_WRITER,
	"INSERT INTO snapshots (job_row, number, observed_at, gone_at, run_id, start_time,"
	" end_time, status, upstream_status, progress, error_code, error_message, stats)"
	" SELECT j.job_row,"
	" 1 + coalesce((SELECT max(number) FROM snapshots WHERE job_row = ?1), 0),"
	" ?2, j.gone_at, " RUN_COLUMNS("j") " FROM jobs j WHERE j.job_row = ?1"},
    [STMT_SNAPSHOT_LIST] = {FOR_ALL, "SELECT s.number, s.observed_at, s.gone_at, " RUN_COLUMNS(
					 "s") " FROM snapshots s WHERE s.job_row = ?1 AND s.number "
					      "> ?2 ORDER BY s.number LIMIT ?3"},

    [STMT_OPERATION_GET] = {FOR_ALL, SELECT_OPERATIONS "WHERE operation_id = ?1"},
    [STMT_OPERATION_GET_ROW] = {FOR_ALL, SELECT_OPERATIONS "WHERE operation_row = ?1"},
    [STMT_OPERATION_GET_BY_KEY] = {FOR_ALL,
	SELECT_OPERATIONS "INDEXED BY operations_by_key WHERE project_id = ?1 AND client = ?2"
			  " AND idempotency_key = ?3 AND state <> 'unreachable'"},
    [STMT_OPERATION_POSITIONS] = {FOR_ALL,
	"SELECT operation_row FROM operations INDEXED BY operations_by_project"
	" WHERE project_id = ?1 AND operation_row < ?2 AND (?3 IS NULL OR kind = ?3)"
	" AND (?6 IS NULL OR " BEGINS(
	    "operation_id", "?6") ")"
				  " ORDER BY operation_row DESC LIMIT ?4"},
    [STMT_OPERATION_POSITIONS_STATE] = {FOR_ALL,
	"SELECT operation_row FROM operations INDEXED BY operations_by_state"
	" WHERE project_id = ?1 AND operation_row < ?2 AND (?3 IS NULL OR kind = ?3)"
	" AND state = ?5 AND (?6 IS NULL OR " BEGINS(
	    "operation_id", "?6") ")"
				  " ORDER BY operation_row DESC LIMIT ?4"},
    [STMT_OPERATION_POSITIONS_ID] = {FOR_ALL,
	"SELECT operation_row FROM operations WHERE " BEGINS("operation_id",
	    "?6") " AND +project_id = ?1 AND +operation_row < ?2 AND (?3 IS NULL OR +kind = ?3)"
		  " AND (?5 IS NULL OR +state = ?5)"},
    /* Without what was asked for, which is long. */
    [STMT_OPERATION_EACH_OPEN] = {FOR_WRITER,
	"SELECT operation_row, operation_id, kind, state, search_base, search_over"
	" FROM operations INDEXED BY operations_by_state WHERE project_id = ?1 AND " OPEN
	" ORDER BY operation_row"},
    [STMT_OPERATION_EACH_IMPORT] = {FOR_WRITER, SELECT_OPERATIONS
	"INDEXED BY operations_by_import WHERE project_id = ?1 AND kind = 'create'"
	" AND " OPEN " AND import_key = ?2 ORDER BY operation_row"},
    [STMT_OPERATION_UNTOLD] = {FOR_WRITER,
	SELECT_OPERATIONS "INDEXED BY operations_untold WHERE untold = 1 AND project_id = ?1"
			  " AND client = ?2 AND import_key = ?3 AND state = 'succeeded'"
			  " AND finished_at >= ?4 ORDER BY operation_row"},
    [STMT_OPERATION_TOLD] = {FOR_WRITER,
	"UPDATE operations SET untold = 0 WHERE operation_id = ?1"},
    [STMT_OPERATION_DELETING] = {FOR_WRITER,
	"SELECT operation_id FROM operations INDEXED BY operations_deleting"
	" WHERE project_id = ?1 AND connector_id = ?2 AND kind = 'delete' AND " OPEN},
    [STMT_OPERATION_CREATOR] = {FOR_WRITER,
	"SELECT c.created_by FROM operations o INDEXED BY operations_by_account"
	" CROSS JOIN connectors c ON c.project_id = o.project_id"
	"  AND c.connector_id = o.connector_id WHERE o.project_id = ?1 AND o.account = ?2"
	" AND o.kind = 'create' AND o.state = 'succeeded' AND o.upstream_status IN (200, 201)"
	" AND c.created_by IS NOT NULL ORDER BY o.operation_row DESC LIMIT 1"},
    [STMT_OPERATION_INSERT] = {FOR_WRITER,
	"INSERT INTO operations (state, connector_id, candidates, error_code, error_message,"
	" upstream_status, sent_at, finished_at, known_row, sent_upstream_at, account,"
	" search_base, search_over, untold, operation_id, kind, project_id, idempotency_key,"
	" client, request, created_at, allow_duplicate, import_key)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,"
	" ?18, ?19, ?20, ?21, ?22, ?23)"},
    [STMT_OPERATION_UPDATE] = {FOR_WRITER,
	"UPDATE operations SET (state, connector_id, candidates, error_code, error_message,"
	" upstream_status, sent_at, finished_at, known_row, sent_upstream_at, account,"
	" search_base, search_over, untold)"
	" = (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14),"
	" revision = revision + 1 WHERE operation_row = ?15"},
    [STMT_OPERATION_RECOVER_CREATES] = {FOR_WRITER,
	"UPDATE operations SET state = 'unknown', sent_at = coalesce(sent_at, ?1),"
	" search_over = 0, search_base = coalesce((SELECT complete_listings FROM projects p"
	"  WHERE p.project_id = operations.project_id), 0),"
	" revision = revision + 1 WHERE state = 'sending' AND kind = 'create'"},
    [STMT_OPERATION_RECOVER_DELETES] = {FOR_WRITER,
	"UPDATE operations SET state = 'planned', revision = revision + 1"
	" WHERE state = 'sending' AND kind = 'delete'"},
    [STMT_OPERATION_CLAIMS] = {FOR_ALL,
	"SELECT EXISTS (SELECT 1 FROM operations INDEXED BY operations_by_connector"
	" WHERE project_id = ?1 AND connector_id = ?2 AND kind = 'create'"
	" AND operation_row <> ?3)"},
    [STMT_OPERATION_RETAIN] = {FOR_WRITER,
	"DELETE FROM operations WHERE operation_row IN (SELECT operation_row FROM operations"
	" INDEXED BY operations_by_end WHERE finished_at < ?1"
	" AND state IN ('succeeded', 'rejected', 'unreachable') LIMIT ?2)"},
};

const char *stmt_sql(enum stmt id)
{
	return table[id].sql;
}

int stmts_prepare(sqlite3 *db, bool writer, sqlite3_stmt *ret_stmts[STMT_COUNT], struct err *err)
{
	for (int i = 0; i < STMT_COUNT; i++) {
		if (table[i].user == FOR_WRITER && !writer)
			continue;
		if (sqlite3_prepare_v3(db, table[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
			&ret_stmts[i], NULL) != SQLITE_OK)
			return err_set(err, "database %s: %s (in: %.60s)",
			    sqlite3_db_filename(db, "main"), sqlite3_errmsg(db), table[i].sql);
	}
	return 0;
}

void stmts_finalize(sqlite3_stmt *stmts[STMT_COUNT])
{
	for (int i = 0; i < STMT_COUNT; i++) {
		sqlite3_finalize(stmts[i]);
		stmts[i] = NULL;
	}
}

/* Binding what outlives the statement copies nothing; it fails for a wrong index or a gigabyte. */
static void check_bound(int r)
{
	assert(r == SQLITE_OK);
	(void)r;
}

void bind_integer(struct binder *binder, int64_t value)
{
	check_bound(sqlite3_bind_int64(binder->stmt, ++binder->index, value));
}

void bind_time(struct binder *binder, int64_t timestamp)
{
	binder->index++;
	if (timestamp == TIMESTAMP_NONE)
		check_bound(sqlite3_bind_null(binder->stmt, binder->index));
	else
		check_bound(sqlite3_bind_int64(binder->stmt, binder->index, timestamp));
}

void bind_text(struct binder *binder, const char *text)
{
	check_bound(sqlite3_bind_text(binder->stmt, ++binder->index, text, -1, SQLITE_STATIC));
}

void bind_span(struct binder *binder, struct span span)
{
	check_bound(
	    sqlite3_bind_blob64(binder->stmt, ++binder->index, span.ptr, span.len, SQLITE_STATIC));
}

void bind_run(struct binder *binder, const struct run *run)
{
	bind_text(binder, run->run_id);
	bind_time(binder, run->start_time);
	bind_time(binder, run->end_time);
	bind_text(binder, job_status_name(run->status));
	bind_text(binder, run->upstream_status);
	bind_span(binder, run->progress);
	bind_text(binder, run->error_code);
	bind_text(binder, run->error_message);
	bind_span(binder, run->stats);
}

int64_t column_integer(struct columns *columns)
{
	return sqlite3_column_int64(columns->stmt, columns->index++);
}

int64_t column_time(struct columns *columns)
{
	int index = columns->index++;
	if (sqlite3_column_type(columns->stmt, index) == SQLITE_NULL)
		return TIMESTAMP_NONE;
	return sqlite3_column_int64(columns->stmt, index);
}

const char *column_text(struct columns *columns)
{
	return (const char *)sqlite3_column_text(columns->stmt, columns->index++);
}

struct span column_span(struct columns *columns)
{
	int index = columns->index++;
	if (sqlite3_column_type(columns->stmt, index) == SQLITE_NULL)
		return SPAN_NONE;
	const char *data = sqlite3_column_blob(columns->stmt, index);
	size_t len = (size_t)sqlite3_column_bytes(columns->stmt, index);
	/* An empty blob comes as NULL. */
	return (struct span){.ptr = data ? data : "", .len = len};
}

void column_run(struct columns *columns, struct run *ret_run)
{
	*ret_run = (struct run){.run_id = column_text(columns)};
	ret_run->start_time = column_time(columns);
	ret_run->end_time = column_time(columns);
	const char *status = column_text(columns);
	/* Only names of ours are ever written. */
	if (!status || job_status_parse(status, &ret_run->status) < 0)
		ret_run->status = JOB_UNKNOWN;
	ret_run->upstream_status = column_text(columns);
	ret_run->progress = column_span(columns);
	ret_run->error_code = column_text(columns);
	ret_run->error_message = column_text(columns);
	ret_run->stats = column_span(columns);
}

void column_job(struct columns *columns, struct job_record *ret_record)
{
	*ret_record = (struct job_record){.row = column_integer(columns)};
	ret_record->job_id = column_text(columns);
	ret_record->connector_row = column_integer(columns);
	ret_record->project_id = column_integer(columns);
	ret_record->first_seen_at = column_time(columns);
	ret_record->updated_at = column_time(columns);
	ret_record->gone_at = column_time(columns);
	ret_record->listed = column_integer(columns) != 0;
	ret_record->confirmed_at = column_time(columns);
	ret_record->revision = column_integer(columns);
	column_run(columns, &ret_record->run);
	ret_record->run.raw = column_span(columns);
	ret_record->connector_id = column_text(columns);
	ret_record->history_synced_at = column_time(columns);
	ret_record->history_error_code = column_text(columns);
	ret_record->history_error_message = column_text(columns);
	ret_record->history_error_since = column_time(columns);
}
