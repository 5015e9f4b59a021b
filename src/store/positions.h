/* SPDX-License-Identifier: MIT */
/* The first rows of a list that may span several projects: each project's come in order out of an
 * index, and are merged here. Projects are few; one index over (project, position) then serves
 * every choice of projects. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/conn.h"

/* SQL: whether a column begins with a parameter. Ids are ASCII; no character stands behind the last
 * one there is. */
#define BEGINS(column, prefix) column " BETWEEN " prefix " AND " prefix " || char(1114111)"

/* Where a row stands in a list: by time, then by row. */
struct position {
	int64_t time;
	int64_t row;
};

/* Which rows of a list: at most limit of them, from the start or behind a position. */
struct slice {
	unsigned limit;
	bool after;
	struct position position;
};

/* Where they end: whether others follow, and the position of the last one that was taken (that of
 * the slice when there is none). */
struct slice_end {
	bool more;
	struct position last;
};

/* What was found so far, in order up to the last positions_cut. */
struct positions {
	struct position *list;
	size_t count;
};

/* Adds those that a statement of the connection gives: times and rows. Returns 0, or -1. */
struct sqlite3_stmt;
int positions_add_all(
    struct positions *positions, struct conn *conn, struct sqlite3_stmt *stmt, struct err *err);

/* Where the slice starts; first is the end of the range that the list begins at. */
struct position slice_start(const struct slice *slice, int64_t first);

/* How a list is read. Each function returns 0 to go on; what else it returns ends the reading. */
struct positions_reading {
	const int64_t *project_ids; /* NULL: every project of the store */
	size_t project_count;
	struct slice slice;
	bool oldest_first;
	/* Adds the first positions of the project, one more than the slice takes, or all. */
	int (*collect)(struct positions *positions, int64_t project_id, void *context);
	/* Delivers a row; STORE_PAGE_FULL when it and what follows belongs to another page. */
	int (*deliver)(int64_t row, void *context);
	void *context;
};

/* Delivers the rows of the slice in order, all of one moment. Returns 0, what collect or deliver
 * returned, or -1. */
int positions_read(struct conn *conn, const struct positions_reading *reading, struct err *err,
    struct slice_end *ret_end);

/* Whether few ids begin so, which are found soonest by themselves, not along the list. kind is what
 * all ids of the list begin with, such as "job_" (random_id). */
bool positions_are_few(const char *id_prefix, const char *kind);
