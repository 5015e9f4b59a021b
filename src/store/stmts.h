/* SPDX-License-Identifier: MIT */
/* Every SQL statement of this program but the schema's, and the small tools to use one. */
#ifndef MIXPORT_STORE_STMTS_H
#define MIXPORT_STORE_STMTS_H

#include <sqlite3.h>

#include "model/job.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/text.h"

enum stmt {
	STMT_BEGIN,
	STMT_BEGIN_IMMEDIATE,
	STMT_COMMIT,
	STMT_ROLLBACK,
	STMT_INSTANCE,
	STMT_TOUCH,
	STMT_STATS,

	STMT_PROJECT_ENSURE,
	STMT_PROJECT_GET,
	STMT_PROJECT_IDS,
	STMT_PROJECT_LISTED,
	STMT_PROJECT_LIST_READ,
	STMT_PROJECT_LIST_FAILED,

	STMT_CONNECTOR_GET,
	STMT_CONNECTOR_GET_ROW,
	STMT_CONNECTOR_ROW,
	STMT_CONNECTOR_EACH_FOLLOWED,
	STMT_CONNECTOR_EACH_SETTLING,
	STMT_CONNECTOR_EACH_IMPORT,
	STMT_CONNECTOR_EACH_SENT,
	STMT_CONNECTOR_LAST_ROW,
	STMT_CONNECTOR_POSITIONS_PRESENT,
	STMT_CONNECTOR_POSITIONS_PRESENT_NEWEST,
	STMT_CONNECTOR_POSITIONS_DELETED,
	STMT_CONNECTOR_POSITIONS_DELETED_NEWEST,
	STMT_CONNECTOR_POSITIONS_ALL,
	STMT_CONNECTOR_POSITIONS_ALL_NEWEST,
	STMT_CONNECTOR_INSERT,
	STMT_CONNECTOR_UPDATE,
	STMT_CONNECTOR_UPDATE_RAW,
	STMT_CONNECTOR_CONFIRM,
	STMT_CONNECTOR_STATUS_KNOWN,
	STMT_CONNECTOR_DELETE,
	STMT_CONNECTOR_DELETED_BY,
	STMT_CONNECTOR_SENT,
	STMT_CONNECTOR_SETTLE,
	STMT_CONNECTOR_HISTORY_SYNCED,
	STMT_CONNECTOR_ERROR_OVER,
	STMT_CONNECTOR_FAILED,
	STMT_CONNECTOR_LATEST_JOB,
	STMT_CONNECTOR_LATEST_CHANGED,

	STMT_JOB_GET,
	STMT_JOB_GET_ROW,
	STMT_JOB_POSITIONS_PROJECT,
	STMT_JOB_POSITIONS_PROJECT_STATUS,
	STMT_JOB_POSITIONS_CONNECTOR,
	STMT_JOB_POSITIONS_CONNECTOR_STATUS,
	STMT_JOB_POSITIONS_ID,
	STMT_JOB_EACH_OPEN,
	STMT_JOB_EACH_RECENT,
	STMT_JOB_INSERT,
	STMT_JOB_UPDATE,
	STMT_JOB_RELISTED,
	STMT_JOB_RETURNED,
	STMT_JOB_UNLISTED,
	STMT_JOB_GONE,
	STMT_JOB_RETAIN_AGE,
	STMT_JOB_RETAIN_COUNT,
	STMT_SNAPSHOT_TAKE,
	STMT_SNAPSHOT_LIST,

	STMT_OPERATION_GET,
	STMT_OPERATION_GET_ROW,
	STMT_OPERATION_GET_BY_KEY,
	STMT_OPERATION_POSITIONS,
	STMT_OPERATION_POSITIONS_STATE,
	STMT_OPERATION_POSITIONS_ID,
	STMT_OPERATION_EACH_OPEN,
	STMT_OPERATION_EACH_IMPORT,
	STMT_OPERATION_UNTOLD,
	STMT_OPERATION_TOLD,
	STMT_OPERATION_DELETING,
	STMT_OPERATION_CREATOR,
	STMT_OPERATION_INSERT,
	STMT_OPERATION_UPDATE,
	STMT_OPERATION_RECOVER_CREATES,
	STMT_OPERATION_RECOVER_DELETES,
	STMT_OPERATION_CLAIMS,
	STMT_OPERATION_RETAIN,

	STMT_COUNT
};

/* The text of a statement. */
const char *stmt_sql(enum stmt id);

/* Prepares all statements on an open database, or only those that a reader may run. Returns 0, or
 * -1; some may be prepared then. */
int stmts_prepare(sqlite3 *db, bool writer, sqlite3_stmt *ret_stmts[STMT_COUNT], struct err *err);

/* Finalises them. */
void stmts_finalize(sqlite3_stmt *stmts[STMT_COUNT]);

static inline void cleanup_stmt(sqlite3_stmt **stmt)
{
	sqlite3_reset(*stmt);
	sqlite3_clear_bindings(*stmt);
}
#define _cleanup_stmt_ _cleanup_(cleanup_stmt)

/* Binds parameters from the first to the last. What is bound must outlive the use of the
 * statement. */
struct binder {
	sqlite3_stmt *stmt;
	int index;
};

void bind_integer(struct binder *binder, int64_t value);
void bind_time(struct binder *binder, int64_t timestamp); /* NULL for TIMESTAMP_NONE. */
void bind_text(struct binder *binder, const char *text);  /* NULL for NULL. */
void bind_span(struct binder *binder, struct span span);  /* A blob; NULL for SPAN_NONE. */

/* What Mixpanel says of a run, in the order of RUN_COLUMNS, without raw. */
void bind_run(struct binder *binder, const struct run *run);

/* Takes the columns of a row from the first to the last; pointers hold until the next step. */
struct columns {
	sqlite3_stmt *stmt;
	int index;
};

int64_t column_integer(struct columns *columns);
int64_t column_time(struct columns *columns);
const char *column_text(struct columns *columns);
struct span column_span(struct columns *columns);

/* The members of a run, in the order of RUN_COLUMNS, without raw. */
void column_run(struct columns *columns, struct run *ret_run);

/* A job, in the order of JOB_COLUMNS. */
void column_job(struct columns *columns, struct job_record *ret_record);

#endif
