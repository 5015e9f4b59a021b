/* SPDX-License-Identifier: MIT */
/* The feed of events in the store. */
#pragma once

#include "model/event.h"
#include "store/conn.h"
#include "util/err.h"
#include "util/text.h"

/* The name of a feed: characters of [0-9a-z]. */
#define FEED_LENGTH 8

/* An event to be written. */
struct event_put {
	enum event_type type;
	int64_t at;
	int64_t project_id;       /* 0: of none */
	const char *connector_id; /* NULL: of none, as those that follow */
	const char *job_id;
	const char *operation_id;
	struct span previous; /* JSON; SPAN_NONE for null */
	struct span changed;
	struct span data;
};

/* Writes an event with the next number. In a transaction. Returns 0, a store outcome, or -1. */
int event_store_put(struct conn *writer, const struct event_put *event, struct err *err);

/* Where the feed stands. */
struct event_feed {
	char name[FEED_LENGTH + 1];
	int64_t oldest; /* the position before the oldest event there is */
	int64_t newest; /* the number of the newest there ever was */
};

/* Reads it. Returns 0, or -1. */
int event_store_feed(struct conn *conn, struct err *err, struct event_feed *ret_feed);

/* Gives the feed a new name when the database is another file than the one that has it. In a
 * transaction. Returns 0, a store outcome, or -1. */
int event_store_own(struct conn *writer, struct err *err);

/* The position before the first event at that time or later; the newest's where there is none.
 * Returns 0, or -1. */
int event_store_since(struct conn *conn, int64_t at, struct err *err, int64_t *ret_seq);

/* An event as it is read; texts hold until the callback returns, NULL and SPAN_NONE for null. */
struct event_record {
	int64_t seq;
	int64_t at;
	enum event_type type;
	int64_t project_id;
	const char *connector_id, *job_id, *operation_id;
	struct span previous, changed, data;
};

/* Which events. */
struct event_query {
	int64_t after;
	uint64_t types;           /* a bit for each; 0: all */
	const char *connector_id; /* NULL: all, as the next */
	const char *job_id;
	/* Whether those of a project are wanted; 0: those of none. */
	bool (*wants_project)(int64_t project_id, void *context);
};

/* Receives one event; STORE_PAGE_FULL when it does not take it. */
typedef int event_row_fn(const struct event_record *record, void *context);

/* Delivers those after a position, oldest first, until the callback takes no more or 500 were
 * looked at, so that a thread is free again soon. ret_seq gets the position behind the last that
 * was looked at, and taken or passed over. Returns 0; STORE_PAGE_FULL when there may be more; -1.
 */
int event_store_list(struct conn *conn, const struct event_query *query, event_row_fn *row,
    void *context, struct err *err, int64_t *ret_seq);

/* Removes at most limit events: those before a time, and of the rest all but the newest `keep`.
 * Returns 0, a store outcome, or -1. */
int event_store_retain(struct conn *writer, int64_t before, uint64_t keep, unsigned limit,
    struct err *err, unsigned *ret_removed);
