/* SPDX-License-Identifier: MIT */
/* Connectors in the store. A connector is never removed: one that vanished is marked deleted and
 * stays readable with its jobs. */
#pragma once

#include "model/connector.h"
#include "model/job.h"
#include "store/conn.h"
#include "store/slice.h"

/* Receives one connector with its latest job; the pointers hold until it returns. Returns 0 to go
 * on, anything else to stop; that value is returned by the function that called. */
typedef int connector_row_fn(const struct connector_record *record, void *context);

/* One connector by Mixpanel's id. Returns 0; STORE_NONE when it was never known; -1. */
int connector_store_get(struct conn *conn, int64_t project_id, const char *connector_id,
    connector_row_fn *row, void *context, struct err *err);

/* One connector by its row. Returns 0; STORE_NONE when there is no such row; -1. */
int connector_store_get_row(struct conn *conn, int64_t connector_row, connector_row_fn *row,
    void *context, struct err *err);

/* Which connectors are there. */
enum presence { PRESENCE_PRESENT, PRESENCE_DELETED, PRESENCE_ALL };

/* A list of connectors. NULL filters do not filter. The order is by creation: the time Mixpanel
 * gave when first seen, else when first seen, then the row; both never change, so paging neither
 * skips nor repeats. */
struct connector_query {
	const char *id_prefix; /* what the id begins with, ASCII */
	const char *kind;
	const char *connector_type;
	const char *data_format;
	const char *status; /* "active", "stopped", "paused" */
	const char *label;
	const char *job_status; /* our name, of the latest job */
	enum { ATTENTION_ANYHOW, ATTENTION_ANY, ATTENTION_NONE } attention;
	const char *attention_is; /* the severity or code of an open reason */
	enum presence presence;
	bool newest_first;
	struct slice slice;
};

/* Calls row for the connectors of the slice, until it returns STORE_PAGE_FULL. Returns 0,
 * -1, or what row returned. */
int connector_store_list(struct conn *conn, const struct connector_query *query,
    connector_row_fn *row, void *context, struct err *err, struct slice_end *ret_end);

/* What following a connector takes. */
struct followed_connector {
	int64_t row;
	const char *connector_id; /* holds until the callback returns */
	int64_t created_at;       /* as Mixpanel says, else when first seen */
	int64_t history_synced_at;
	int64_t status_known_at;
	bool unfinished; /* it has a job that is not over */
};

/* Returns as connector_row_fn. */
typedef int followed_connector_fn(const struct followed_connector *connector, void *context);

/* Calls each for every present connector of the project, in order of rows. Of
 * jobs it reads the active ones only. Returns 0, -1, or what each
 * returned. */
int connector_store_each_followed(struct conn *conn, int64_t project_id,
    followed_connector_fn *each, void *context, struct err *err);

/* Connectors that may be of one import. */
struct import_query {
	int64_t project_id;
	const char *import_key;
	int64_t after_row; /* those with a row beyond it */
};

/* Calls row for every such connector that is present, or was concluded to be gone so lately that it
 * settles yet. */
int connector_store_each_import(struct conn *conn, const struct import_query *query,
    connector_row_fn *row, void *context, struct err *err);

/* Receives a connector and the body our create of it was sent with (SPAN_NONE when that operation
 * is no longer kept). Returns as connector_row_fn. */
typedef int sent_import_fn(const char *connector_id, struct span request, void *context);

/* The same for every such connector whose create of ours was sent with this import key, whatever
 * Mixpanel made of it in its echo. The writer's connection only. */
int connector_store_each_sent(struct conn *conn, int64_t project_id, const char *sent_key,
    sent_import_fn *each, void *context, struct err *err);

/* What was confirmed or concluded of a connector so lately that it outranks what is read. */
enum connector_settling {
	SETTLING_CREATED,  /* our create of it was confirmed */
	SETTLING_DELETED,  /* our delete of it was confirmed */
	SETTLING_OBSERVED, /* it was concluded that it is gone */
};

/* Returns as connector_row_fn. */
typedef int settling_fn(int64_t row, enum connector_settling settling, void *context);

/* Calls each for every connector of the project that was left settling, in order of rows. Returns
 * 0, -1, or what each returned. */
int connector_store_each_settling(
    struct conn *conn, int64_t project_id, settling_fn *each, void *context, struct err *err);

/* Calls each for the `limit` first rows of connectors beyond after_row, of any project, in order.
 * Returns 0, -1, or what each returned. */
int connector_store_each_row(struct conn *conn, int64_t after_row, unsigned limit,
    int (*each)(int64_t row, void *context), void *context, struct err *err);

/* The highest row there is, of any project; 0 for none. What is added later has a higher one.
 * Returns 0, or -1. */
int connector_store_last_row(struct conn *conn, struct err *err, int64_t *ret_row);

/* What putting a connector changed. */
enum connector_change {
	CONNECTOR_SAME,
	CONNECTOR_NEW,
	CONNECTOR_CHANGED,
	CONNECTOR_REVIVED,
	CONNECTOR_STAYS_DELETED, /* it is marked deleted, and nothing was written */
};

/* A connector as Mixpanel reported it. Times are wall clock. */
struct connector_put {
	int64_t project_id;
	const struct connector *connector;
	bool listed; /* by a list: a null status then means "not reported", and the known one stays
		      */
	bool revive; /* if it is marked deleted, it is present again */
	int64_t observed_at; /* when it was asked for */
	int64_t confirmed;   /* sets confirmed_at; TIMESTAMP_NONE leaves it */
	int64_t now;
};

/* Inserts the connector or updates it where it differs (members or raw bytes; a change of raw bytes
 * or of status_known_at alone counts no revision). ret_followed: what following it takes when it is
 * new or revived, else its row alone. In a transaction. Returns 0, a store outcome, or -1. */
int connector_store_put(struct conn *writer, const struct connector_put *put, struct err *err,
    enum connector_change *ret_change, struct followed_connector *ret_followed);

/* Marks the connector deleted, and those of its jobs that are not over gone; it is left settling.
 * by_us: our own delete was confirmed, also of one that was marked before. In a transaction.
 * Returns 0, a store outcome, or -1. */
int connector_store_delete(
    struct conn *writer, int64_t row, bool by_us, int64_t now, struct err *err);

/* Our create of the connector was confirmed: it is left settling. sent_key is the import key of the
 * body it was sent with. In a transaction. */
int connector_store_created_by_us(
    struct conn *writer, int64_t row, const char *sent_key, struct err *err);

/* It is the outcome of a create whose body has this import key (NULL for none). In a transaction.
 */
int connector_store_sent_key(
    struct conn *writer, int64_t row, const char *sent_key, struct err *err);

/* It is settling no longer. In a transaction. */
int connector_store_settled(struct conn *writer, int64_t row, struct err *err);

/* What is read of a connector, each failing by itself. */
enum connector_part { CONNECTOR_PART_HISTORY, CONNECTOR_PART_SINGLE };

/* The part was read: its error is over, not that of the other. In a transaction. */
int connector_store_read(
    struct conn *writer, int64_t connector_row, enum connector_part part, struct err *err);

/* A history was applied that was asked for at synced_at. In a transaction. */
int connector_store_history_synced(
    struct conn *writer, int64_t connector_row, int64_t synced_at, struct err *err);

/* Why it needs attention: a JSON array, SPAN_NONE for an empty one. In a transaction. */
int connector_store_attention(
    struct conn *writer, int64_t connector_row, struct span reasons, struct err *err);

/* Runs of it may have been missed. In a transaction. */
int connector_store_gap(struct conn *writer, int64_t connector_row, int64_t now, struct err *err);

/* The part could not be read; `since` is kept when an error stands already. */
int connector_store_failed(struct conn *writer, int64_t connector_row, enum connector_part part,
    const struct store_failure *failure, struct err *err);
