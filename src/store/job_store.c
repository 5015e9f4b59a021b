/* SPDX-License-Identifier: MIT */
/* Every change of a job leaves a snapshot; retention removes both together. */
#include "store/job_store.h"

#include <string.h>

#include "store/job_columns.h"
#include "store/positions.h"
#include "util/array.h"
#include "util/random.h"
#include "util/timestamp.h"

/* clang-format off */
#define SELECT_JOBS                                                                                \
	"SELECT " JOB_COLUMNS                                                                      \
	" FROM jobs j CROSS JOIN connectors c ON c.connector_row = j.connector_row "

/* See CONNECTOR_POSITIONS. */
#define JOB_POSITIONS(index, condition)                                                            \
	"SELECT position, job_row FROM jobs INDEXED BY " index " WHERE " condition                 \
	" AND position >= ?2 AND (position, job_row) < (?3, ?4)"                                   \
	" AND (?7 IS NULL OR " BEGINS("job_id", "?7") ")"                                          \
	" ORDER BY position DESC, job_row DESC LIMIT ?5"
/* clang-format on */

struct job_sink {
	job_row_fn *row;
	void *context;
};

/* Reading --------------------------------------------------------------------------------------*/
static int job_deliver(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	(void)conn, (void)err;
	const struct job_sink *to = sink;
	struct job_record record;
	column_job(columns, &record);
	return to->row(&record, to->context);
}

STATEMENT(sql_job_get, FOR_ALL, "read a job",
	SELECT_JOBS "WHERE j.job_id = ?1");

int job_store_get(
    struct conn *conn, const char *job_id, job_row_fn *row, void *context, struct err *err)
{
	return stmt_one(conn, &sql_job_get, VALUES(v_text(job_id)), job_deliver,
	    &(struct job_sink){row, context}, err);
}

STATEMENT(sql_job_project, FOR_ALL, "look for a job",
	"SELECT project_id FROM jobs WHERE job_id = ?1");

int job_store_project(
    struct conn *conn, const char *job_id, struct err *err, int64_t *ret_project_id)
{
	return stmt_number(conn, &sql_job_project, VALUES(v_text(job_id)), err, ret_project_id);
}

STATEMENT(sql_job_get_row, FOR_ALL, "read a job",
	SELECT_JOBS "WHERE j.job_row = ?1");

int job_store_get_row(
    struct conn *conn, int64_t job_row, job_row_fn *row, void *context, struct err *err)
{
	return stmt_one(conn, &sql_job_get_row, VALUES(v_integer(job_row)), job_deliver,
	    &(struct job_sink){row, context}, err);
}

/* Adds the newest positions of a project or of a connector, whichever the statements are for: of
 * all, or of each status that is wanted, by one look-up in the index. */
static int job_collect_of(struct conn *conn, const struct statement *const statements[2],
    int64_t of, const struct job_query *query, struct err *err, struct positions *positions)
{
	struct position from = slice_start(&query->slice, INT64_MAX);
	int r = 0;
	for (int status = 0; status < JOB_STATUS_COUNT && r == 0; status++) {
		if (query->statuses && !(query->statuses & 1U << status))
			continue;
		/* TIMESTAMP_NONE is the least there is, so that it is bound as a number. */
		r = positions_add(positions, conn, statements[query->statuses != 0],
		    VALUES(v_integer(of), v_integer(query->since), v_integer(from.time),
			v_integer(from.row), v_integer((int64_t)query->slice.limit + 1),
			v_text(query->statuses ? job_status_names[status] : NULL),
			v_text(query->id_prefix)),
		    err);
		if (!query->statuses)
			break;
	}
	return r;
}

STATEMENT(sql_job_positions_connector, FOR_ALL, "list jobs",
	JOB_POSITIONS("jobs_by_connector", "connector_row = ?1"));

STATEMENT(sql_job_positions_connector_status, FOR_ALL, "list jobs",
	JOB_POSITIONS("jobs_by_connector", "connector_row = ?1 AND status = ?6"));

static const struct statement *const connector_positions[2] = {
    &sql_job_positions_connector, &sql_job_positions_connector_status};

STATEMENT(sql_connector_row, FOR_ALL, "find a connector",
	"SELECT connector_row FROM connectors WHERE project_id = ?1 AND connector_id = ?2");

STATEMENT(sql_job_positions_project, FOR_ALL, "list jobs",
	JOB_POSITIONS("jobs_by_project", "project_id = ?1"));

STATEMENT(sql_job_positions_project_status, FOR_ALL, "list jobs",
	JOB_POSITIONS("jobs_by_project_status", "project_id = ?1 AND status = ?6"));

/* The pluses leave nothing but the index of ids. The order is made of what is found. */
STATEMENT(sql_job_positions_id, FOR_ALL, "list jobs",
	"SELECT position, job_row FROM jobs WHERE " BEGINS("job_id", "?7")
	" AND +project_id = ?1 AND +position >= ?2 AND (+position, +job_row) < (?3, ?4)"
	" AND (?6 IS NULL OR +status = ?6)");

static const struct statement *const project_positions[2] = {
    &sql_job_positions_project, &sql_job_positions_project_status};
static const struct statement *const id_positions[2] = {
    &sql_job_positions_id, &sql_job_positions_id};

static int job_collect(struct conn *conn, int64_t project_id, const void *wanted, struct err *err,
    struct positions *positions)
{
	const struct job_query *query = wanted;
	int64_t connector_row = query->connector_row;
	if (query->connector_id) {
		/* Those of the connector of this id, if the project has one. */
		int r = stmt_number(conn, &sql_connector_row,
		    VALUES(v_integer(project_id), v_text(query->connector_id)), err,
		    &connector_row);
		if (r)
			return r == STORE_NONE ? 0 : r;
	}
	if (connector_row)
		return job_collect_of(
		    conn, connector_positions, connector_row, query, err, positions);
	bool by_id = query->id_prefix && positions_are_few(query->id_prefix, JOB_ID_PREFIX);
	return job_collect_of(
	    conn, by_id ? id_positions : project_positions, project_id, query, err, positions);
}

int job_store_list(struct conn *conn, const struct job_query *query, job_row_fn *row, void *context,
    struct err *err, struct slice_end *ret_end)
{
	static const int64_t whichever[1];
	struct slice slice = query->slice;
	if (query->connector_row) {
		slice.project_ids = whichever;
		slice.project_count = 1;
	}
	const struct positions_reading reading = {
	    .slice = &slice,
	    .query = query,
	    .collect = job_collect,
	    .row = &sql_job_get_row,
	    .deliver = job_deliver,
	    .sink = &(struct job_sink){row, context},
	};
	return positions_read(conn, &reading, err, ret_end);
}

STATEMENT(sql_job_each_open, FOR_ALL, "read jobs",
	"SELECT " JOB_COLUMNS " FROM jobs j INDEXED BY jobs_open"
	" CROSS JOIN connectors c ON c.connector_row = j.connector_row"
	" WHERE j.connector_row = ?1 AND j.open = 1 ORDER BY j.job_row");

int job_store_each_open(
    struct conn *conn, int64_t connector_row, job_row_fn *row, void *context, struct err *err)
{
	return stmt_each(conn, &sql_job_each_open, VALUES(v_integer(connector_row)), job_deliver,
	    &(struct job_sink){row, context}, err);
}

STATEMENT(sql_job_each_recent, FOR_ALL, "read jobs",
	"SELECT " JOB_COLUMNS " FROM (SELECT job_row FROM jobs"
	" WHERE connector_row = ?1 ORDER BY position DESC, job_row DESC LIMIT ?2) n"
	" CROSS JOIN jobs j ON j.job_row = n.job_row"
	" CROSS JOIN connectors c ON c.connector_row = j.connector_row ORDER BY j.job_row");

int job_store_each_recent(struct conn *conn, int64_t connector_row, unsigned limit, job_row_fn *row,
    void *context, struct err *err)
{
	return stmt_each(conn, &sql_job_each_recent,
	    VALUES(v_integer(connector_row), v_integer(limit)), job_deliver,
	    &(struct job_sink){row, context}, err);
}

STATEMENT(sql_job_each_ended, FOR_ALL, "read jobs",
	"SELECT " JOB_COLUMNS " FROM jobs j INDEXED BY jobs_by_connector"
	" CROSS JOIN connectors c ON c.connector_row = j.connector_row"
	" WHERE j.connector_row = ?1 AND j.status IN ('succeeded', 'failed', 'cancelled')"
	" ORDER BY j.position DESC, j.job_row DESC LIMIT ?2");

int job_store_each_ended(struct conn *conn, int64_t connector_row, unsigned limit, job_row_fn *row,
    void *context, struct err *err)
{
	return stmt_each(conn, &sql_job_each_ended,
	    VALUES(v_integer(connector_row), v_integer(limit)), job_deliver,
	    &(struct job_sink){row, context}, err);
}

STATEMENT(sql_job_each_unfinished, FOR_ALL, "read jobs",
	"SELECT " JOB_COLUMNS " FROM jobs j INDEXED BY jobs_open"
	" CROSS JOIN connectors c ON c.connector_row = j.connector_row"
	" WHERE j.connector_row = ?1 AND j.open = 1 AND j.active = 1 ORDER BY j.job_row");

int job_store_each_unfinished(
    struct conn *conn, int64_t connector_row, job_row_fn *row, void *context, struct err *err)
{
	return stmt_each(conn, &sql_job_each_unfinished, VALUES(v_integer(connector_row)),
	    job_deliver, &(struct job_sink){row, context}, err);
}

STATEMENT(sql_job_get_gone, FOR_ALL, "read a job",
	SELECT_JOBS "WHERE j.job_row = (SELECT max(job_row) FROM jobs INDEXED BY jobs_gone"
	" WHERE connector_row = ?1 AND gone_at IS NOT NULL)");

int job_store_get_gone(
    struct conn *conn, int64_t connector_row, job_row_fn *row, void *context, struct err *err)
{
	return stmt_one(conn, &sql_job_get_gone, VALUES(v_integer(connector_row)), job_deliver,
	    &(struct job_sink){row, context}, err);
}

static int deliver_snapshot(
    sqlite3_stmt *stmt, struct position *last, snapshot_row_fn *row, void *context)
{
	struct columns columns = {.stmt = stmt};
	struct snapshot_record record = {.row = column_integer(&columns)};
	record.observed_at = column_time(&columns);
	record.gone_at = column_time(&columns);
	column_run(&columns, &record.run);
	int r = row(&record, context);
	if (r == 0)
		last->row = record.row;
	return r;
}

STATEMENT(sql_snapshot_list, FOR_ALL, "list snapshots",
	"SELECT s.number, s.observed_at, s.gone_at, " RUN_COLUMNS("s")
	" FROM snapshots s WHERE s.job_row = ?1 AND s.number > ?2 ORDER BY s.number LIMIT ?3");

int job_store_snapshots(struct conn *conn, const struct snapshot_query *query, snapshot_row_fn *row,
    void *context, struct err *err, struct slice_end *ret_end)
{
	const struct slice *slice = &query->slice;
	struct slice_end end = {.last = slice->position};
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_bound(conn, &sql_snapshot_list,
	    VALUES(v_integer(query->job_row), v_integer(slice_start(slice, 0).row),
		v_integer((int64_t)slice->limit + 1)));
	int step = sqlite3_step(stmt);
	for (unsigned i = 0; i < slice->limit && step == SQLITE_ROW; i++) {
		int r = deliver_snapshot(stmt, &end.last, row, context);
		if (r == STORE_PAGE_FULL)
			break;
		if (r)
			return r;
		step = sqlite3_step(stmt);
	}
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		return conn_read_failed(conn, err, sql_snapshot_list.doing);
	end.more = step == SQLITE_ROW;
	*ret_end = end;
	return 0;
}

/* Writing --------------------------------------------------------------------------------------*/

STATEMENT(sql_snapshot_take, FOR_WRITER, "keep a snapshot of a job",
	"INSERT INTO snapshots (job_row, number, observed_at, gone_at, run_id, start_time,"
	" end_time, status, upstream_status, progress, error_code, error_message,"
	" stats) SELECT j.job_row, 1 + coalesce((SELECT max(number) FROM snapshots"
	" WHERE job_row = ?1), 0), ?2, j.gone_at, " RUN_COLUMNS("j")
	" FROM jobs j WHERE j.job_row = ?1");

/* Keeps what the row of the job says now. */
static int take_snapshot(struct conn *writer, int64_t job_row, int64_t now, struct err *err)
{
	return stmt_write(writer, &sql_snapshot_take, VALUES(v_integer(job_row), v_time(now)), err);
}

/* A connector shows its latest job, so it says something else now. */
STATEMENT(sql_connector_latest_changed, FOR_WRITER, "update the connector of a job",
	"UPDATE connectors SET revision = revision + 1 WHERE latest_job_row = ?1"
	" AND connector_row = (SELECT connector_row FROM jobs WHERE job_row = ?1)");

static int job_note_change(struct conn *writer, int64_t job_row, int64_t now, struct err *err)
{
	int r = take_snapshot(writer, job_row, now, err);
	return r ? r
		 : stmt_write(
		       writer, &sql_connector_latest_changed, VALUES(v_integer(job_row)), err);
}

/* The later row wins among equal positions, as in lists. */
STATEMENT(sql_connector_latest_job, FOR_WRITER, "note the latest job of a connector",
	"UPDATE connectors SET latest_job_row = ?1, revision = revision + 1"
	" WHERE connector_row = ?2 AND NOT EXISTS (SELECT 1 FROM jobs"
	" WHERE job_row = connectors.latest_job_row AND position > ?3)");

STATEMENT(sql_job_insert, FOR_WRITER, "add a job",
	"INSERT INTO jobs (run_id, start_time, end_time, status, upstream_status, progress,"
	" error_code, error_message, stats, raw, job_id, project_id, connector_row, position,"
	" first_seen_at, updated_at, listed)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?15, 1)");

int job_store_insert(
    struct conn *writer, const struct new_job *job, struct err *err, int64_t *ret_row, char *ret_id)
{
	char job_id[RANDOM_ID_SIZE];
	random_id(JOB_ID_PREFIX, job_id);
	int64_t start_time = job->run->start_time;
	int64_t position = start_time == TIMESTAMP_NONE ? job->now : start_time;
	int r = stmt_write(writer, &sql_job_insert,
	    VALUES(RUN_VALUES(job->run), v_span(job->run->raw), v_text(job_id),
		v_integer(job->project_id), v_integer(job->connector_row), v_integer(position),
		v_time(job->now)),
	    err);
	int64_t row = sqlite3_last_insert_rowid(writer->db);
	if (r == 0)
		r = conn_touch(writer, ENTITY_JOB, row, true, err);
	if (r == 0)
		r = take_snapshot(writer, row, job->now, err);
	if (r == 0)
		r = stmt_write(writer, &sql_connector_latest_job,
		    VALUES(v_integer(row), v_integer(job->connector_row), v_integer(position)),
		    err);
	if (r)
		return r;
	*ret_row = row;
	memcpy(ret_id, job_id, sizeof(job_id));
	return 0;
}

STATEMENT(sql_job_update, FOR_WRITER, "update a job",
	"UPDATE jobs SET (run_id, start_time, end_time, status, upstream_status, progress,"
	" error_code, error_message, stats, raw) = (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10),"
	" updated_at = ?11, gone_at = NULL, listed = 1, confirmed_at = NULL,"
	" revision = revision + 1 WHERE job_row = ?12");

int job_store_update(
    struct conn *writer, int64_t job_row, const struct run *run, int64_t now, struct err *err)
{
	int r = conn_touch(writer, ENTITY_JOB, job_row, false, err);
	if (r == 0)
		r = stmt_write(writer, &sql_job_update,
		    VALUES(RUN_VALUES(run), v_span(run->raw), v_time(now), v_integer(job_row)),
		    err);
	return r ? r : job_note_change(writer, job_row, now, err);
}

/* Runs an update of one job that binds a time and the row. ret_changed tells whether it did. */
static int job_update_at(struct conn *writer, const struct statement *statement, int64_t time,
    int64_t job_row, struct err *err, bool *ret_changed)
{
	int r = stmt_write(writer, statement, VALUES(v_time(time), v_integer(job_row)), err);
	if (r)
		return r;
	*ret_changed = sqlite3_changes(writer->db) > 0;
	return 0;
}

STATEMENT(sql_job_relisted, FOR_WRITER, "update a job",
	"UPDATE jobs SET listed = 1, confirmed_at = NULL WHERE job_row = ?1");

STATEMENT(sql_job_returned, FOR_WRITER, "update a job",
	"UPDATE jobs SET gone_at = NULL, updated_at = ?1, revision = revision + 1"
	" WHERE job_row = ?2 AND gone_at IS NOT NULL");

int job_store_relisted(struct conn *writer, int64_t job_row, int64_t now, struct err *err)
{
	bool returned = false;
	int r = conn_touch(writer, ENTITY_JOB, job_row, false, err);
	if (r == 0)
		r = stmt_write(writer, &sql_job_relisted, VALUES(v_integer(job_row)), err);
	if (r == 0)
		r = job_update_at(writer, &sql_job_returned, now, job_row, err, &returned);
	return r || !returned ? r : job_note_change(writer, job_row, now, err);
}

STATEMENT(sql_job_unlisted, FOR_WRITER, "update a job",
	"UPDATE jobs SET listed = 0, confirmed_at = ?1 WHERE job_row = ?2");

STATEMENT(sql_job_gone, FOR_WRITER, "update a job",
	"UPDATE jobs SET gone_at = ?1, updated_at = ?1, revision = revision + 1"
	" WHERE job_row = ?2 AND gone_at IS NULL");

int job_store_unlisted(struct conn *writer, int64_t job_row, int64_t confirmed_at, bool gone,
    int64_t now, struct err *err)
{
	bool changed = false;
	int r = job_update_at(writer, &sql_job_unlisted, confirmed_at, job_row, err, &changed);
	if (r || !gone)
		return r;
	r = conn_touch(writer, ENTITY_JOB, job_row, false, err);
	if (r)
		return r;
	r = job_update_at(writer, &sql_job_gone, now, job_row, err, &changed);
	return r || !changed ? r : job_note_change(writer, job_row, now, err);
}

/* The open jobs of a connector that is gone. */
struct ending {
	struct ending_job {
		int64_t row;
		int64_t confirmed_at;
		bool over;
	} * jobs;
	size_t count;
};

static int gather_ending(const struct job_record *record, void *context)
{
	struct ending *ending = context;
	struct ending_job *jobs = array_grow(ending->jobs, ending->count, sizeof(*jobs));
	if (!jobs)
		return -1;
	ending->jobs = jobs;
	jobs[ending->count++] = (struct ending_job){
	    .row = record->row,
	    .confirmed_at = record->listed ? record->history_synced_at : record->confirmed_at,
	    .over = job_is_over(record),
	};
	return 0;
}

int job_store_connector_gone(
    struct conn *writer, int64_t connector_row, int64_t now, struct err *err)
{
	struct ending ending = {.jobs = NULL};
	int r = job_store_each_open(writer, connector_row, gather_ending, &ending, err);
	if (r == -1 && !err->text[0])
		err_set(err, "no memory to end the jobs of a connector");
	for (size_t i = 0; i < ending.count && r == 0; i++) {
		const struct ending_job *job = &ending.jobs[i];
		r = job_store_unlisted(writer, job->row, job->confirmed_at, !job->over, now, err);
	}
	free(ending.jobs);
	return r;
}

static int remove_some(struct conn *writer, const struct statement *statement, int64_t threshold,
    unsigned limit, struct err *err, unsigned *removed)
{
	int r = stmt_write(writer, statement, VALUES(v_integer(threshold), v_integer(limit)), err);
	if (r)
		return r;
	*removed += (unsigned)sqlite3_changes(writer->db);
	return 0;
}

STATEMENT(sql_job_retain_age, FOR_WRITER, "remove old jobs",
	"DELETE FROM jobs WHERE job_row IN (SELECT j.job_row"
	" FROM jobs j INDEXED BY jobs_closed"
	" CROSS JOIN connectors c ON c.connector_row = j.connector_row WHERE j.open = 0"
	" AND j.position < ?1 AND c.latest_job_row IS NOT j.job_row LIMIT ?2)");

STATEMENT(sql_job_retain_count, FOR_WRITER, "remove old jobs",
	"DELETE FROM jobs WHERE job_row IN (SELECT j.job_row"
	" FROM connectors c INDEXED BY connectors_by_job_count"
	" CROSS JOIN jobs j ON j.job_row IN (SELECT n.job_row FROM jobs n"
	" WHERE n.connector_row = c.connector_row"
	" ORDER BY n.position DESC, n.job_row DESC LIMIT -1 OFFSET ?1)"
	" WHERE c.job_count > ?1 AND j.open = 0 AND c.latest_job_row IS NOT j.job_row LIMIT ?2)");

int job_store_retain(struct conn *writer, int64_t before, uint64_t keep, unsigned limit,
    struct err *err, unsigned *ret_removed)
{
	unsigned removed = 0;
	int64_t most = keep > INT64_MAX ? INT64_MAX : (int64_t)keep;
	int r = remove_some(writer, &sql_job_retain_age, before, limit, err, &removed);
	if (r == 0 && removed < limit)
		r = remove_some(
		    writer, &sql_job_retain_count, most, limit - removed, err, &removed);
	if (r)
		return r;
	*ret_removed = removed;
	return 0;
}
