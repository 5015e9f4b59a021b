#include "store/positions.h"

#include <stdlib.h>
#include <string.h>

#include "store/conn_private.h"

void positions_init(struct positions *positions, unsigned limit)
{
	*positions = (struct positions){.limit = limit};
}

void positions_done(struct positions *positions)
{
	free(positions->list);
	positions->list = NULL;
}

int positions_add(struct positions *positions, int64_t time, int64_t row, struct err *err)
{
	if (positions->count == positions->size) {
		size_t size = positions->size ? 2 * positions->size : 64;
		struct position *list = reallocarray(positions->list, size, sizeof(*list));
		if (!list)
			return err_set(err, "no memory for a list");
		positions->list = list;
		positions->size = size;
	}
	positions->list[positions->count++] = (struct position){.time = time, .row = row};
	return 0;
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

void positions_cut(struct positions *positions)
{
	if (positions->count > 1)
		qsort(positions->list, positions->count, sizeof(*positions->list),
		    positions->oldest_first ? compare_oldest_first : compare_newest_first);
	if (positions->count > (size_t)positions->limit + 1)
		positions->count = (size_t)positions->limit + 1;
}

int positions_deliver(const struct positions *positions, position_fn *deliver, void *context,
    bool *ret_more, struct position *ret_last)
{
	*ret_more = positions->count > positions->limit;
	for (size_t i = 0; i < positions->count && i < positions->limit; i++) {
		int r = deliver(positions->list[i].row, context);
		if (r == STORE_PAGE_FULL) {
			*ret_more = true;
			return 0;
		}
		if (r)
			return r;
		*ret_last = positions->list[i];
	}
	return 0;
}

bool positions_are_few(const char *id_prefix, const char *kind)
{
	size_t len = strlen(kind);
	return strncmp(id_prefix, kind, len) != 0 || strlen(id_prefix) > len + 1;
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

int positions_each_project(struct conn *conn, const int64_t *ids, size_t count,
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
