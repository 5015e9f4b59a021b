/* SPDX-License-Identifier: MIT */
/* The first rows of a list that may span several projects: each project's come in order out of an
 * index, and are merged here. Projects are few; one index over (project, position) then serves
 * every choice of projects. */
#pragma once

#include "store/conn_private.h"
#include "store/slice.h"

/* SQL: whether a column begins with a parameter. Ids are ASCII; no character stands behind the last
 * one there is. */
#define BEGINS(column, prefix) column " BETWEEN " prefix " AND " prefix " || char(1114111)"

/* What was found so far. */
struct positions {
	struct position *list;
	size_t count;
};

/* Adds those that a statement gives: times and rows. Returns 0, or -1. */
int positions_add(struct positions *positions, struct conn *conn, const struct statement *statement,
    struct values values, struct err *err);

/* Where the slice starts; first is the end of the range that the list begins at. */
struct position slice_start(const struct slice *slice, int64_t first);

/* How a list is read. */
struct positions_reading {
	const struct slice *slice;
	bool oldest_first;
	const void *query;
	/* Adds the first positions of the project that the query wants, one more than the slice
	 * takes, or all. Returns 0, or -1. */
	int (*collect)(struct conn *conn, int64_t project_id, const void *query, struct err *err,
	    struct positions *positions);
	/* Reads a row by its number. */
	const struct statement *row;
	/* Gets it; STORE_PAGE_FULL when it and what follows belongs to another page. */
	deliver_fn *deliver;
	void *sink;
};

/* Delivers the rows of the slice in order, all of one moment. Returns 0, what deliver returned, or
 * -1. */
int positions_read(struct conn *conn, const struct positions_reading *reading, struct err *err,
    struct slice_end *ret_end);

/* Whether few ids begin so, which are found soonest by themselves, not along the list. kind is what
 * all ids of the list begin with, such as "job_" (random_id). */
bool positions_are_few(const char *id_prefix, const char *kind);
