/* SPDX-License-Identifier: MIT */
/* Collects positions, sorts them, and fetches the rows of one page. */
#include "store/positions.h"

#include <stdlib.h>
#include <string.h>

#include "store/conn_private.h"
#include "store/tx.h"
#include "util/array.h"

static int positions_add(struct positions *positions, int64_t time, int64_t row, struct err *err)
{
	struct position *list = array_grow(positions->list, positions->count, sizeof(*list));
	if (!list)
		return err_set(err, "no memory for a list");
	positions->list = list;
	list[positions->count++] = (struct position){.time = time, .row = row};
	return 0;
}

int positions_add_all(
    struct positions *positions, struct conn *conn, sqlite3_stmt *stmt, struct err *err)
{
	int step;
	while ((step = sqlite3_step(stmt)) == SQLITE_ROW)
		if (positions_add(positions, sqlite3_column_int64(stmt, 0),
			sqlite3_column_int64(stmt, 1), err) < 0)
			return -1;
	return step == SQLITE_DONE ? 0 : conn_read_failed(conn, err, "read a list");
}

struct position slice_start(const struct slice *slice, int64_t first)
{
	return slice->after ? slice->position : (struct position){.time = first, .row = first};
}

static int compare_oldest_first(const void *a, const void *b)
{
	const struct position *left = a;
	const struct position *right = b;
	if (left->time != right->time)
		return left->time < right->time ? -1 : 1;
	return (left->row > right->row) - (left->row < right->row);
}

static int compare_newest_first(const void *a, const void *b)
{
	return compare_oldest_first(b, a);
}

/* Sorts what was found and drops what no page of this limit shows. */
static void cut(struct positions *positions, const struct positions_reading *reading)
{
	if (positions->count > 1)
		qsort(positions->list, positions->count, sizeof(*positions->list),
		    reading->oldest_first ? compare_oldest_first : compare_newest_first);
	if (positions->count > (size_t)reading->slice.limit + 1)
		positions->count = (size_t)reading->slice.limit + 1;
}

struct positions_work {
	const struct positions_reading *reading;
	struct positions positions;
	struct slice_end end;
};

STATEMENT(sql_project_ids, FOR_ALL,
	"SELECT project_id FROM projects");

static int positions_collect(struct conn *conn, struct positions_work *work, struct err *err)
{
	const struct positions_reading *reading = work->reading;
	if (!reading->project_ids) {
		_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(conn, &sql_project_ids);
		int step;
		while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
			int r = reading->collect(
			    &work->positions, sqlite3_column_int64(stmt, 0), reading->context);
			if (r)
				return r;
			cut(&work->positions, reading);
		}
		return step == SQLITE_DONE ? 0 : conn_read_failed(conn, err, "list projects");
	}
	for (size_t i = 0; i < reading->project_count; i++) {
		int r =
		    reading->collect(&work->positions, reading->project_ids[i], reading->context);
		if (r)
			return r;
		cut(&work->positions, reading);
	}
	return 0;
}

static int read_in_transaction(struct conn *conn, void *context, struct err *err)
{
	struct positions_work *work = context;
	const struct positions_reading *reading = work->reading;
	int r = positions_collect(conn, work, err);
	if (r)
		return r;
	work->end.more = work->positions.count > reading->slice.limit;
	for (size_t i = 0; i < work->positions.count && i < reading->slice.limit; i++) {
		r = reading->deliver(work->positions.list[i].row, reading->context);
		if (r == STORE_PAGE_FULL) {
			work->end.more = true;
			return 0;
		}
		if (r)
			return r;
		work->end.last = work->positions.list[i];
	}
	return 0;
}

int positions_read(struct conn *conn, const struct positions_reading *reading, struct err *err,
    struct slice_end *ret_end)
{
	struct positions_work work = {
	    .reading = reading,
	    .end.last = reading->slice.position,
	};
	int r = tx_read(conn, read_in_transaction, &work, err);
	free(work.positions.list);
	if (r == 0)
		*ret_end = work.end;
	return r;
}

bool positions_are_few(const char *id_prefix, const char *kind)
{
	size_t len = strlen(kind);
	return strncmp(id_prefix, kind, len) != 0 || strlen(id_prefix) > len + 1;
}
