/* SPDX-License-Identifier: MIT */
/* One row for each open reason. Projects count theirs by triggers. */
#include "store/attention_store.h"

#include <stdio.h>

#include "store/positions.h"
#include "util/array.h"

/* clang-format off */
/* attention_column_reason follows the same order. */
#define REASON_COLUMNS "code, severity, cause, since, detail, job_id"
/* clang-format on */

/* Returns 0, or -1 for words nobody knows: only in a damaged file. */
static int attention_column_reason(struct columns *columns, struct attention_reason *ret_reason)
{
	struct attention_reason reason = {.since = 0};
	int code = text_find(attention_code_names, column_text(columns));
	int severity = text_find(attention_severity_names, column_text(columns));
	int cause = text_find(attention_cause_names, column_text(columns));
	if (code < 0 || severity < 0 || cause < 0)
		return -1;
	reason.code = (enum attention_code)code;
	reason.severity = (enum attention_severity)severity;
	reason.cause = (enum attention_cause)cause;
	reason.since = column_time(columns);
	const char *detail = column_text(columns);
	snprintf(reason.detail, sizeof(reason.detail), "%s", detail ? detail : "");
	const char *job_id = column_text(columns);
	snprintf(reason.job_id, sizeof(reason.job_id), "%s", job_id ? job_id : "");
	*ret_reason = reason;
	return 0;
}

/* Of one subject -------------------------------------------------------------------------------*/

STATEMENT(sql_attention_open, FOR_ALL, "read what needs attention",
	"SELECT " REASON_COLUMNS " FROM attention WHERE subject = ?1 AND subject_row = ?2");

struct attention_open_sink {
	struct attention_reason *reasons;
	size_t count;
};

static int attention_take_open(
    struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	struct attention_open_sink *to = sink;
	(void)conn, (void)err;
	if (to->count < ATTENTION_CODE_COUNT &&
	    attention_column_reason(columns, &to->reasons[to->count]) == 0)
		to->count++;
	return 0;
}

int attention_store_open(struct conn *conn, const struct attention_about *about, struct err *err,
    struct attention_reason ret_reasons[ATTENTION_CODE_COUNT], size_t *ret_count)
{
	struct attention_open_sink sink = {.reasons = ret_reasons};
	int r = stmt_each(conn, &sql_attention_open,
	    VALUES(v_text(attention_subject_names[about->subject]), v_integer(about->row)),
	    attention_take_open, &sink, err);
	*ret_count = sink.count;
	return r;
}

/* The row is kept where there is one: its number is the reason's place in lists. */
STATEMENT(sql_attention_put, FOR_WRITER, "note what needs attention",
	"INSERT INTO attention (subject, subject_row, project_id, subject_id, code, severity,"
	" cause, since, detail, job_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
	" ON CONFLICT (subject, subject_row, code) DO UPDATE SET severity = ?6, cause = ?7,"
	" since = ?8, detail = ?9, job_id = ?10");

int attention_store_put(struct conn *writer, const struct attention_about *about,
    const struct attention_reason *reason, struct err *err)
{
	return stmt_write(writer, &sql_attention_put,
	    VALUES(v_text(attention_subject_names[about->subject]), v_integer(about->row),
		v_integer(about->project_id), v_text(about->id),
		v_text(attention_code_names[reason->code]),
		v_text(attention_severity_names[reason->severity]),
		v_text(attention_cause_names[reason->cause]), v_integer(reason->since),
		v_text(reason->detail), v_text(*reason->job_id ? reason->job_id : NULL)),
	    err);
}

STATEMENT(sql_attention_clear, FOR_WRITER, "note what needs attention no longer",
	"DELETE FROM attention WHERE subject = ?1 AND subject_row = ?2 AND code = ?3");

int attention_store_clear(struct conn *writer, const struct attention_about *about,
    enum attention_code code, struct err *err)
{
	return stmt_write(writer, &sql_attention_clear,
	    VALUES(v_text(attention_subject_names[about->subject]), v_integer(about->row),
		v_text(attention_code_names[code])),
	    err);
}

STATEMENT(sql_attention_each_subject, FOR_WRITER, "read what needs attention",
	"SELECT subject_row FROM attention INDEXED BY attention_by_code"
	" WHERE project_id = ?1 AND code = ?2");

struct attention_subject_sink {
	int (*each)(int64_t subject_row, void *context);
	void *context;
};

static int attention_take_subject(
    struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	const struct attention_subject_sink *to = sink;
	(void)conn, (void)err;
	return to->each(column_integer(columns), to->context);
}

int attention_store_each_subject(struct conn *conn, int64_t project_id, enum attention_code code,
    int (*each)(int64_t subject_row, void *context), void *context, struct err *err)
{
	return stmt_each(conn, &sql_attention_each_subject,
	    VALUES(v_integer(project_id), v_text(attention_code_names[code])),
	    attention_take_subject, &(struct attention_subject_sink){each, context}, err);
}

/* Lists ----------------------------------------------------------------------------------------*/

STATEMENT(sql_attention_positions, FOR_ALL, "list what needs attention",
	"SELECT rank, attention_row FROM attention INDEXED BY attention_by_rank"
	" WHERE project_id = ?1 AND (rank, attention_row) > (?2, ?3)"
	" AND (?5 IS NULL OR severity = ?5) AND (?6 IS NULL OR code = ?6)"
	" ORDER BY rank, attention_row LIMIT ?4");

STATEMENT(sql_attention_get_row, FOR_ALL, "read what needs attention",
	"SELECT " REASON_COLUMNS ", subject, subject_row, project_id, subject_id, rank,"
	" attention_row FROM attention WHERE attention_row = ?1");

struct attention_sink {
	attention_row_fn *row;
	void *context;
};

static int attention_deliver(
    struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	const struct attention_sink *to = sink;
	struct attention_reason reason;
	struct attention_about about;
	struct position position;
	(void)conn, (void)err;
	if (attention_column_reason(columns, &reason) < 0)
		return 0;
	int subject = text_find(attention_subject_names, column_text(columns));
	if (subject < 0)
		return 0;
	about.subject = (enum attention_subject)subject;
	about.row = column_integer(columns);
	about.project_id = column_integer(columns);
	about.id = column_text(columns);
	position.time = column_integer(columns);
	position.row = column_integer(columns);
	return to->row(&about, &reason, &position, to->context);
}

static int attention_collect(struct conn *conn, int64_t project_id, const void *wanted,
    struct err *err, struct positions *positions)
{
	const struct attention_query *query = wanted;
	struct position from = slice_start(&query->slice, INT64_MIN);
	return positions_add(positions, conn, &sql_attention_positions,
	    VALUES(v_integer(project_id), v_integer(from.time), v_integer(from.row),
		v_integer((int64_t)query->slice.limit + 1),
		v_text(query->severity < 0 ? NULL : attention_severity_names[query->severity]),
		v_text(query->code < 0 ? NULL : attention_code_names[query->code])),
	    err);
}

int attention_store_list(struct conn *conn, const struct attention_query *query,
    attention_row_fn *row, void *context, struct err *err, struct slice_end *ret_end)
{
	const struct positions_reading reading = {
	    .slice = &query->slice,
	    .oldest_first = true,
	    .query = query,
	    .collect = attention_collect,
	    .row = &sql_attention_get_row,
	    .deliver = attention_deliver,
	    .sink = &(struct attention_sink){row, context},
	};
	return positions_read(conn, &reading, err, ret_end);
}

/* Totals ---------------------------------------------------------------------------------------*/

STATEMENT(sql_attention_totals, FOR_ALL, "count what needs attention",
	"SELECT project_id, code, severity, count(*) FROM attention INDEXED BY attention_by_code"
	" WHERE project_id > 0 GROUP BY project_id, code, severity");

struct attention_total_sink {
	attention_total_fn *each;
	void *context;
};

static int attention_deliver_total(
    struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	const struct attention_total_sink *to = sink;
	(void)conn, (void)err;
	int64_t project_id = column_integer(columns);
	int code = text_find(attention_code_names, column_text(columns));
	int severity = text_find(attention_severity_names, column_text(columns));
	if (code >= 0 && severity >= 0)
		to->each(project_id, (enum attention_code)code, (enum attention_severity)severity,
		    column_integer(columns), to->context);
	return 0;
}

int attention_store_totals(
    struct conn *conn, attention_total_fn *each, void *context, struct err *err)
{
	return stmt_each(conn, &sql_attention_totals, VALUES_NONE, attention_deliver_total,
	    &(struct attention_total_sink){each, context}, err);
}
