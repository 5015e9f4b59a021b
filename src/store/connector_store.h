/* Connectors in the store. A connector is never removed: one that vanished is marked deleted and
 * stays readable with its jobs. */
#ifndef MIXPORT_STORE_CONNECTOR_STORE_H
#define MIXPORT_STORE_CONNECTOR_STORE_H

#include "model/connector.h"
#include "model/job.h"
#include "store/conn.h"

/* Receives one connector and its latest job (NULL for none); the pointers hold until it returns.
 * Returns 0 to go on, anything else to stop; that value is returned by the function that called. */
typedef int connector_row_fn(
    const struct connector_record *record, const struct job_record *latest, void *context);

/* One connector by Mixpanel's id. Returns 0; 1 when it was never known; -1. */
int connector_store_get(struct conn *conn, int64_t project_id, const char *connector_id,
    connector_row_fn *row, void *context, struct err *err);

/* One connector by its row. Returns 0; 1 when there is no such row; -1. */
int connector_store_get_row(struct conn *conn, int64_t connector_row, connector_row_fn *row,
    void *context, struct err *err);

/* Which connectors are there. */
enum presence { PRESENCE_PRESENT, PRESENCE_DELETED, PRESENCE_ALL };

/* A list of one project's connectors. NULL filters do not filter. The order is by creation: the
 * time Mixpanel gave when first seen, else when first seen, then the row; both never change, so
 * paging neither skips nor repeats. */
struct connector_query {
	int64_t project_id;
	const char *connector_type;
	const char *data_format;
	const char *status; /* "active", "stopped", "paused" */
	const char *label;
	const char *job_status; /* our name, of the latest job */
	enum presence presence;
	bool newest_first;
	unsigned limit;
	bool after; /* start behind this position */
	int64_t after_time;
	int64_t after_row;
};

/* Calls row for at most query->limit connectors. ret_more tells whether others follow; the
 * position of the last one is then in ret_time and ret_row. Returns 0, -1, or what row returned. */
int connector_store_list(struct conn *conn, const struct connector_query *query,
    connector_row_fn *row, void *context, struct err *err, bool *ret_more, int64_t *ret_time,
    int64_t *ret_row);

/* Calls row for every present connector of the project, in order of rows. Returns as above. */
int connector_store_each_present(
    struct conn *conn, int64_t project_id, connector_row_fn *row, void *context, struct err *err);

/* What following a connector takes. */
struct followed_connector {
	int64_t row;
	const char *connector_id; /* holds until the callback returns */
	int64_t first_seen_at;
	int64_t created_at; /* as Mixpanel says, else when first seen */
	int64_t confirmed_at;
	int64_t history_synced_at;
	bool unfinished; /* it has a job that is not over */
};

/* Returns as connector_row_fn. */
typedef int followed_connector_fn(const struct followed_connector *connector, void *context);

/* Calls each for every present connector of the project, in order of rows. Much cheaper than
 * connector_store_each_present: of jobs it reads the active ones only. Returns 0, -1, or what each
 * returned. */
int connector_store_each_followed(struct conn *conn, int64_t project_id,
    followed_connector_fn *each, void *context, struct err *err);

/* Calls row for every present connector with this type, bucket and prefix (NULL matches NULL). */
int connector_store_each_import(struct conn *conn, int64_t project_id, const char *connector_type,
    const char *bucket, const char *prefix, connector_row_fn *row, void *context, struct err *err);

/* What putting a connector changed. */
enum connector_change { CONNECTOR_SAME, CONNECTOR_NEW, CONNECTOR_CHANGED, CONNECTOR_REVIVED };

/* Inserts the connector or updates it where it differs (members or raw bytes; a change of raw bytes
 * alone counts no revision). `confirmed` sets confirmed_at, TIMESTAMP_NONE leaves it. A connector
 * marked deleted at or after `observed_at` (when the answer was asked for) stays deleted. In a
 * transaction. */
int connector_store_put(struct conn *writer, int64_t project_id, const struct connector *connector,
    int64_t observed_at, int64_t confirmed, int64_t now, struct err *err,
    enum connector_change *ret_change, int64_t *ret_row);

/* Marks the connector deleted, once. Returns 0; 1 when it is not there or deleted already; -1, also
 * without space: the transaction then ends with that outcome. */
int connector_store_delete(struct conn *writer, int64_t project_id, const char *connector_id,
    int64_t now, struct err *err);

/* A good history was applied: clears its error. In a transaction. */
int connector_store_history_synced(
    struct conn *writer, int64_t connector_row, int64_t synced_at, struct err *err);

/* The last history refresh failed; `since` is kept when an error stands already. */
int connector_store_history_failed(struct conn *writer, int64_t connector_row, const char *code,
    const char *message, int64_t now, struct err *err);

#endif
