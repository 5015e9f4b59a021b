/* The newest rows out of several projects: each project's come newest first out of an index, and
 * are merged here. Projects are few; one index over (project, position) then serves every choice
 * of projects. */
#ifndef MIXPORT_STORE_NEWEST_H
#define MIXPORT_STORE_NEWEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/conn.h"

/* Where a row stands in a list: by time, then by row. */
struct position {
	int64_t time;
	int64_t row;
};

/* Invariant: list holds the newest `keep` of what was added, or fewer, newest first up to the last
 * newest_cut. */
struct newest {
	struct position *list;
	size_t count;
	size_t size;
	size_t keep;
};

/* Keeps at most `keep` positions. */
void newest_init(struct newest *newest, size_t keep);

/* Frees them. */
void newest_done(struct newest *newest);
#define _cleanup_newest_ _cleanup_(newest_done)

/* Adds one. Returns 0, or -1 without memory. */
int newest_add(struct newest *newest, int64_t time, int64_t row, struct err *err);

/* Sorts what was added and drops what is beyond `keep`. */
void newest_cut(struct newest *newest);

/* Calls each for every project in ids, or for every project of the store when ids is NULL. Returns
 * 0, what each returned, or -1. */
int newest_each_project(struct conn *conn, const int64_t *ids, size_t count,
    int (*each)(int64_t project_id, void *context), void *context, struct err *err);

#endif
