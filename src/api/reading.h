/* SPDX-License-Identifier: MIT */
/* One read: what a handler gathers from one moment of the store while it composes the answer.
 * Beside the body that is the ETag, which takes in every record that was rendered, and the moment
 * until which the answer stays true by itself. */
#pragma once

#include "api/cursor.h"
#include "api/service.h"
#include "http/reply.h"
#include "model/operation.h"
#include "store/attention_store.h"
#include "store/freshness.h"
#include "store/slice.h"
#include "util/writer.h"

struct reading {
	struct request *request;
	struct writer writer; /* over the answer's body */
	uint64_t tag;
	int64_t now;   /* wall clock */
	int64_t until; /* wall clock: when a `stale` that was rendered turns by age */
	const struct project_view **views; /* of the configuration's projects, as far as loaded */
	bool has_row;                      /* the list that was begun has a record */
	struct conn *conn;                 /* of the read */
	struct err err;                    /* why it failed */
};

/* Begins a read whose answer goes to the request's body. */
void reading_init(struct reading *reading, struct request *request);

/* The same, and reads as tx_read does. */
int reading_read(struct reading *reading, struct request *request,
    int (*body)(struct conn *conn, void *context, struct err *err), void *context);

/* Answers after a read that failed with r. not_found answers for STORE_NONE; NULL where that cannot
 * be. */
struct answered reading_failed(
    const struct reading *reading, int r, struct answered (*not_found)(struct request *request));

/* Wall-clock time by the server's clock. */
int64_t reading_now(struct request *request);

/* Fills a view of a project; what it points to lives as long as the request. Returns 0, or -1. */
int reading_load_view(
    struct reading *reading, const struct config_project *settings, struct project_view *ret_view);

/* The view of a configured project, loaded once in a read and living as long as the request.
 * Returns 0; STORE_NONE when the project is not configured; -1. */
int reading_view(struct reading *reading, int64_t project_id, const struct project_view **ret_view);

/* Each adds a record to the answer, its ETag and its time. */
void reading_project(struct reading *reading, const struct project_view *view);
void reading_connector(struct reading *reading, const struct project_view *view,
    const struct connector_record *record, struct span warnings);
void reading_job(
    struct reading *reading, const struct project_view *view, const struct job_record *record);
void reading_snapshot(struct reading *reading, const struct project_view *view,
    const struct snapshot_record *snapshot, const struct job_record *record);
void reading_operation(
    struct reading *reading, const char *project, const struct operation_record *record);

/* project is the name of the reason's; NULL for the daemon's. */
void reading_reason(struct reading *reading, const struct attention_about *about,
    const struct attention_reason *reason, const char *project);

/* The frame of a list. cursor: its kind and list; end: where the page ended. */
void reading_begin_list(struct reading *reading);

/* Where a record of a list begins. */
struct reading_row {
	struct writer writer;
	size_t len;
	uint64_t tag;
	int64_t until;
};

/* To be called around what adds one record to a list. The second takes the record back when the
 * answer would pass 4 MiB with it, unless it is the first. Returns 0, or STORE_PAGE_FULL when it
 * did. */
struct reading_row reading_begin_row(const struct reading *reading);
int reading_end_row(struct reading *reading, const struct reading_row *row);

void reading_end_list(
    struct reading *reading, const struct slice_end *end, enum cursor_kind kind, uint64_t list);

/* Answers with what was read: 200 with its ETag. kept: the answer may be served again to others for
 * a second, or until a `stale` turns; on a ROUTE_KEPT route. */
struct answered reading_answer(struct reading *reading, bool kept);

/* Pages -----------------------------------------------------------------------------------------*/

/* A fingerprint of a list's identity to begin from: it differs from one database to another. */
uint64_t page_list(struct request *request, enum cursor_kind kind);

/* Reads the parameters limit and cursor: which part of a list is asked for. Cursors of another kind
 * or list are refused. Returns 0, or -1 when one is bad: answer with parameters_refused then. */
int page_read(
    struct request *request, enum cursor_kind kind, uint64_t list, struct slice *ret_slice);

/* Answers 400 after a parameter was bad: the typed ones first, else it was the cursor. */
struct answered parameters_refused(struct request *request);

/* The project that the parameter `project` names. Returns 0 and the project, or NULL when the
 * parameter is absent; 1 when there is none that the caller may see, answer with project_refused.
 */
int page_project(struct request *request, const struct config_project **ret_project);

/* Answers 404 for the project that a parameter named. */
struct answered project_refused(struct request *request);

/* Reads the parameter id_prefix, what the ids of a list begin with: 4 to 64 printable characters of
 * ASCII; NULL when absent. Returns 0, or -1 when it is bad. */
int page_id_prefix(struct request *request, const char **ret_prefix);

/* Reads the parameter since: a time, the beginning of a day in UTC, or a time span before now.
 * *ret_since stays when it is absent. Returns 0, or -1 when it is bad. */
int page_since(struct request *request, int64_t *ret_since);

/* The ids of the one project, or of every project the caller may see when it is NULL, in ascending
 * order; in the arena. Returns 0, or -1 without memory. */
int page_project_ids(struct request *request, const struct config_project *only, struct err *err,
    struct slice *slice);
