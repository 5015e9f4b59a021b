/* SPDX-License-Identifier: MIT */
/* Numbers go up by one with each event, in the order of the commits, and never come back: the table
 * counts them itself, also when it is empty. */
#include "store/event_store.h"

#include <stdio.h>
#include <string.h>

#include "store/conn_private.h"
#include "util/random.h"

STATEMENT(sql_event_put, FOR_WRITER, "write an event",
	"INSERT INTO events (at, type, project_id, connector_id, job_id, operation_id, previous,"
	" changed, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");

int event_store_put(struct conn *writer, const struct event_put *event, struct err *err)
{
	return stmt_write(writer, &sql_event_put,
	    VALUES(v_time(event->at), v_text(event_type_names[event->type]),
		v_integer(event->project_id), v_text(event->connector_id), v_text(event->job_id),
		v_text(event->operation_id), v_span(event->previous), v_span(event->changed),
		v_span(event->data)),
	    err);
}

/* The feed -------------------------------------------------------------------------------------*/

STATEMENT(sql_event_feed, FOR_ALL, "read the state of the feed",
	"SELECT coalesce(feed, ''), coalesce((SELECT min(seq) - 1 FROM events),"
	" (SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0),"
	" coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0) FROM store");

static int deliver_feed(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	struct event_feed *feed = sink;
	(void)conn, (void)err;
	const char *name = column_text(columns);
	bool ours = name && strlen(name) == FEED_LENGTH &&
		    strspn(name, "0123456789abcdefghijklmnopqrstuvwxyz") == FEED_LENGTH;
	snprintf(feed->name, sizeof(feed->name), "%s", ours ? name : "");
	feed->oldest = column_integer(columns);
	feed->newest = column_integer(columns);
	return 0;
}

int event_store_feed(struct conn *conn, struct err *err, struct event_feed *ret_feed)
{
	return stmt_one(conn, &sql_event_feed, VALUES_NONE, deliver_feed, ret_feed, err);
}

STATEMENT(sql_event_owner, FOR_WRITER, "read whose feed it is",
	"SELECT count(*) FROM store WHERE feed IS NOT NULL AND device = ?1 AND inode = ?2");

STATEMENT(sql_event_own, FOR_WRITER, "name the feed",
	"UPDATE store SET feed = ?1, device = ?2, inode = ?3");

int event_store_own(struct conn *writer, struct err *err)
{
	const int64_t device = (int64_t)writer->file.device;
	const int64_t inode = (int64_t)writer->file.inode;
	int64_t ours = 0;
	int r = stmt_number(
	    writer, &sql_event_owner, VALUES(v_integer(device), v_integer(inode)), err, &ours);
	if (r || ours)
		return r;
	char id[RANDOM_ID_SIZE];
	random_id("", id);
	id[FEED_LENGTH] = '\0';
	return stmt_write(
	    writer, &sql_event_own, VALUES(v_text(id), v_integer(device), v_integer(inode)), err);
}

STATEMENT(sql_event_since, FOR_ALL, "look for an event by its time",
	"SELECT coalesce((SELECT min(seq) - 1 FROM events INDEXED BY events_by_time"
	" WHERE at >= ?1), (SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)");

int event_store_since(struct conn *conn, int64_t at, struct err *err, int64_t *ret_seq)
{
	return stmt_number(conn, &sql_event_since, VALUES(v_integer(at)), err, ret_seq);
}

/* Reading --------------------------------------------------------------------------------------*/

STATEMENT(sql_event_list, FOR_ALL, "read events",
	"SELECT seq, type, project_id, connector_id, job_id, at, operation_id, previous, changed,"
	" data FROM events WHERE seq > ?1 ORDER BY seq");

/* Events that are looked at in one go: what is wanted may be rare, and many may want it at once,
 * each of whom waits for those before it. These take about a millisecond. */
#define EVENTS_LOOKED_AT 500

struct event_sink {
	const struct event_query *query;
	event_row_fn *row;
	void *context;
	int64_t seq;
	unsigned looked_at;
};

static bool is_wanted(const struct event_query *query, const struct event_record *record)
{
	return (!query->types || (query->types >> record->type & 1)) &&
	       (!query->connector_id || text_same(query->connector_id, record->connector_id)) &&
	       (!query->job_id || text_same(query->job_id, record->job_id));
}

static int event_deliver(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	struct event_sink *to = sink;
	struct event_record record = {.seq = column_integer(columns)};
	if (to->looked_at++ == EVENTS_LOOKED_AT)
		return STORE_PAGE_FULL;
	int type = text_find(event_type_names, column_text(columns));
	if (type < 0)
		return err_set(err, "database %s: event %lld has a type nobody knows", conn->path,
		    (long long)record.seq);
	record.type = (enum event_type)type;
	record.project_id = column_integer(columns);
	record.connector_id = column_text(columns);
	record.job_id = column_text(columns);
	int r = 0;
	if (is_wanted(to->query, &record) &&
	    to->query->wants_project(record.project_id, to->context)) {
		record.at = column_time(columns);
		record.operation_id = column_text(columns);
		record.previous = column_object(columns);
		record.changed = column_array(columns);
		record.data = column_object(columns);
		r = to->row(&record, to->context);
	}
	if (r == 0)
		to->seq = record.seq;
	return r;
}

int event_store_list(struct conn *conn, const struct event_query *query, event_row_fn *row,
    void *context, struct err *err, int64_t *ret_seq)
{
	struct event_sink sink = {
	    .query = query, .row = row, .context = context, .seq = query->after};
	int r = stmt_each(
	    conn, &sql_event_list, VALUES(v_integer(query->after)), event_deliver, &sink, err);
	*ret_seq = sink.seq;
	return r;
}

/* Retention ------------------------------------------------------------------------------------*/

/* From the old end only, up to the first that is young, whatever the clock said when. */
STATEMENT(sql_event_retain, FOR_WRITER, "remove old events",
	"DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE seq < max("
	" coalesce((SELECT seq FROM events NOT INDEXED WHERE at >= ?1 ORDER BY seq LIMIT 1),"
	" (SELECT max(seq) + 1 FROM events)),"
	" (SELECT max(seq) + 1 FROM events) - ?2) ORDER BY seq LIMIT ?3)");

int event_store_retain(struct conn *writer, int64_t before, uint64_t keep, unsigned limit,
    struct err *err, unsigned *ret_removed)
{
	int64_t most = keep > INT64_MAX ? INT64_MAX : (int64_t)keep;
	int r = stmt_write(writer, &sql_event_retain,
	    VALUES(v_integer(before), v_integer(most), v_integer(limit)), err);
	if (r == 0)
		*ret_removed = (unsigned)sqlite3_changes(writer->db);
	return r;
}
