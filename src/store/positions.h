/* The first rows of a list that may span several projects: each project's come in order out of an
 * index, and are merged here. Projects are few; one index over (project, position) then serves
 * every choice of projects. */
#ifndef MIXPORT_STORE_POSITIONS_H
#define MIXPORT_STORE_POSITIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/conn.h"

/* Where a row stands in a list: by time, then by row. */
struct position {
	int64_t time;
	int64_t row;
};

/* Invariant: after positions_cut, list holds the first `limit` + 1 of what was added, or fewer, in
 * order. */
struct positions {
	struct position *list;
	size_t count;
	size_t size;
	unsigned limit;
	bool oldest_first;
};

/* For a page of at most `limit` rows, newest first. */
void positions_init(struct positions *positions, unsigned limit);

/* Frees them. */
void positions_done(struct positions *positions);

/* Adds one. Returns 0, or -1 without memory. */
int positions_add(struct positions *positions, int64_t time, int64_t row, struct err *err);

/* Sorts what was added and drops what no page of this limit shows. */
void positions_cut(struct positions *positions);

/* Delivers a row of the list. Returns 0, STORE_PAGE_FULL when it and what follows belongs to
 * another page, or what the function that called is to return. */
typedef int position_fn(int64_t row, void *context);

/* Calls deliver for at most `limit` rows in order. ret_more tells whether others follow; *ret_last,
 * set by the caller, becomes the position of the last one that was taken. Returns 0, or what
 * deliver returned. */
int positions_deliver(const struct positions *positions, position_fn *deliver, void *context,
    bool *ret_more, struct position *ret_last);

/* Whether few ids begin so, which are found soonest by themselves, not along the list. kind is what
 * all ids of the list begin with, such as "job_" (random_id). */
bool positions_are_few(const char *id_prefix, const char *kind);

/* Calls each for every project in ids, or for every project of the store when ids is NULL. Returns
 * 0, what each returned, or -1. */
int positions_each_project(struct conn *conn, const int64_t *ids, size_t count,
    int (*each)(int64_t project_id, void *context), void *context, struct err *err);

#endif
