#include "store/newest.h"

#include <stdlib.h>

#include "store/conn_private.h"

void newest_init(struct newest *newest, size_t keep)
{
	*newest = (struct newest){.keep = keep};
}

void newest_done(struct newest *newest)
{
	free(newest->list);
	newest_init(newest, 0);
}

int newest_add(struct newest *newest, int64_t time, int64_t row, struct err *err)
{
	if (newest->count == newest->size) {
		size_t size = newest->size ? 2 * newest->size : 64;
		struct position *list = reallocarray(newest->list, size, sizeof(*list));
		if (!list)
			return err_set(err, "no memory for a list");
		newest->list = list;
		newest->size = size;
	}
	newest->list[newest->count++] = (struct position){.time = time, .row = row};
	return 0;
}

static int compare_newest_first(const void *a, const void *b)
{
	const struct position *left = a;
	const struct position *right = b;
	if (left->time != right->time)
		return left->time > right->time ? -1 : 1;
	return (left->row < right->row) - (left->row > right->row);
}

void newest_cut(struct newest *newest)
{
	if (newest->count > 1)
		qsort(newest->list, newest->count, sizeof(*newest->list), compare_newest_first);
	if (newest->count > newest->keep)
		newest->count = newest->keep;
}

static int each_stored_project(struct conn *conn, int (*each)(int64_t project_id, void *context),
    void *context, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_use(conn, STMT_PROJECT_IDS);
	int step;
	while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
		int r = each(sqlite3_column_int64(stmt, 0), context);
		if (r)
			return r;
	}
	return step == SQLITE_DONE ? 0 : conn_read_failed(conn, err, "list projects");
}

int newest_each_project(struct conn *conn, const int64_t *ids, size_t count,
    int (*each)(int64_t project_id, void *context), void *context, struct err *err)
{
	if (!ids)
		return each_stored_project(conn, each, context, err);
	for (size_t i = 0; i < count; i++) {
		int r = each(ids[i], context);
		if (r)
			return r;
	}
	return 0;
}
