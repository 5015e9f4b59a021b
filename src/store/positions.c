/* SPDX-License-Identifier: MIT */
/* Collects positions, sorts them, and fetches the rows of one page. */
#include "store/positions.h"

#include <stdlib.h>
#include <string.h>

#include "store/tx.h"
#include "util/array.h"

static int add_position(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	(void)conn;
	struct positions *positions = sink;
	struct position *list = array_grow(positions->list, positions->count, sizeof(*list));
	if (!list)
		return err_set(err, "no memory for a list");
	positions->list = list;
	list[positions->count].time = column_integer(columns);
	list[positions->count++].row = column_integer(columns);
	return 0;
}

int positions_add(struct positions *positions, struct conn *conn, const struct statement *statement,
    struct values values, struct err *err)
{
	return stmt_each(conn, statement, values, add_position, positions, err);
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
	if (positions->count > (size_t)reading->slice->limit + 1)
		positions->count = (size_t)reading->slice->limit + 1;
}

struct positions_work {
	const struct positions_reading *reading;
	struct positions positions;
	struct slice_end end;
};

STATEMENT(sql_project_ids, FOR_ALL, "list projects",
	"SELECT project_id FROM projects");

static int collect_project(
    struct conn *conn, int64_t project_id, struct positions_work *work, struct err *err)
{
	const struct positions_reading *reading = work->reading;
	int r = reading->collect(conn, project_id, reading->query, err, &work->positions);
	if (r == 0)
		cut(&work->positions, reading);
	return r;
}

static int deliver_project(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	return collect_project(conn, column_integer(columns), sink, err);
}

static int positions_collect(struct conn *conn, struct positions_work *work, struct err *err)
{
	const struct slice *slice = work->reading->slice;
	if (!slice->project_ids)
		return stmt_each(conn, &sql_project_ids, VALUES_NONE, deliver_project, work, err);
	int r = 0;
	for (size_t i = 0; i < slice->project_count && r == 0; i++)
		r = collect_project(conn, slice->project_ids[i], work, err);
	return r;
}

static int read_in_transaction(struct conn *conn, void *context, struct err *err)
{
	struct positions_work *work = context;
	const struct positions_reading *reading = work->reading;
	int r = positions_collect(conn, work, err);
	work->end.more = work->positions.count > reading->slice->limit;
	for (size_t i = 0; i < work->positions.count && i < reading->slice->limit && r == 0; i++) {
		const struct position *at = &work->positions.list[i];
		r = stmt_one(conn, reading->row, VALUES(v_integer(at->row)), reading->deliver,
		    reading->sink, err);
		/* Only in a damaged file: a job without its connector. */
		if (r == STORE_NONE)
			r = 0;
		if (r == 0)
			work->end.last = *at;
	}
	work->end.more |= r == STORE_PAGE_FULL;
	return r == STORE_PAGE_FULL ? 0 : r;
}

int positions_read(struct conn *conn, const struct positions_reading *reading, struct err *err,
    struct slice_end *ret_end)
{
	struct positions_work work = {
	    .reading = reading,
	    .end.last = reading->slice->position,
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
