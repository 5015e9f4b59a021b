/* SPDX-License-Identifier: MIT */
/* Jobs and their snapshots in the store. */
#pragma once

#include "model/job.h"
#include "store/conn.h"
#include "store/slice.h"

/* Receives one job; as connector_row_fn. */
typedef int job_row_fn(const struct job_record *record, void *context);

/* The project of the job of this id, and nothing else of it: where it is not to be seen that there
 * is one, it is to take no longer than when there is none. Returns 0; STORE_NONE when there is
 * none; -1. */
int job_store_project(
    struct conn *conn, const char *job_id, struct err *err, int64_t *ret_project_id);

/* One job by our id. Returns 0; STORE_NONE when there is none; -1. */
int job_store_get(
    struct conn *conn, const char *job_id, job_row_fn *row, void *context, struct err *err);

/* One by its row. Returns as above. */
int job_store_get_row(
    struct conn *conn, int64_t job_row, job_row_fn *row, void *context, struct err *err);

/* A list of jobs, newest first: by start time as first seen (first sight, for one seen before it
 * started), then row; neither changes. */
struct job_query {
	int64_t connector_row;    /* 0: all; else the slice's projects are not looked at */
	const char *connector_id; /* of the connectors of this id in those projects; NULL: all */
	unsigned statuses;        /* a bit 1 << enum job_status for each; 0: all */
	const char *id_prefix;    /* what the id begins with, ASCII; NULL: all */
	int64_t since;            /* position time at or after; TIMESTAMP_NONE: all */
	struct slice slice;
};

/* As connector_store_list. */
int job_store_list(struct conn *conn, const struct job_query *query, job_row_fn *row, void *context,
    struct err *err, struct slice_end *ret_end);

/* Every job of a connector that a fresh history may have to be matched with: those still listed and
 * those not over, oldest first. */
int job_store_each_open(
    struct conn *conn, int64_t connector_row, job_row_fn *row, void *context, struct err *err);

/* Every job of a connector that is among the newest `limit`, listed or not, oldest first; what
 * drops out of Mixpanel's window and comes back is found here. */
int job_store_each_recent(struct conn *conn, int64_t connector_row, unsigned limit, job_row_fn *row,
    void *context, struct err *err);

/* The newest jobs of a connector that succeeded, failed or were cancelled, at most `limit`, newest
 * first in the order of lists. */
int job_store_each_ended(struct conn *conn, int64_t connector_row, unsigned limit, job_row_fn *row,
    void *context, struct err *err);

/* Every job of a connector that is not over. */
int job_store_each_unfinished(
    struct conn *conn, int64_t connector_row, job_row_fn *row, void *context, struct err *err);

/* The newest job of a connector that has gone_at. Returns 0; STORE_NONE when there is none; -1. */
int job_store_get_gone(
    struct conn *conn, int64_t connector_row, job_row_fn *row, void *context, struct err *err);

/* A run that was not known. */
struct new_job {
	int64_t project_id;
	int64_t connector_row;
	const struct run *run;
	int64_t now;
};

/* Writes a new job and its first snapshot; makes it the connector's latest when it is. ret_id gets
 * the new job_id (RANDOM_ID_SIZE bytes). In a transaction. */
int job_store_insert(struct conn *writer, const struct new_job *job, struct err *err,
    int64_t *ret_row, char *ret_id);

/* Writes what a run has become, with a snapshot; listed again, and no longer gone. */
int job_store_update(
    struct conn *writer, int64_t job_row, const struct run *run, int64_t now, struct err *err);

/* The connector is gone: its open jobs are listed no longer, and those not over get gone_at and a
 * snapshot. In a transaction. Returns 0, a store outcome, or -1. */
int job_store_connector_gone(
    struct conn *writer, int64_t connector_row, int64_t now, struct err *err);

/* The same run was listed again after it had dropped out. No snapshot unless gone_at was set. */
int job_store_relisted(struct conn *writer, int64_t job_row, int64_t now, struct err *err);

/* A run that Mixpanel no longer lists. confirmed_at is the last history that had it; `gone` marks
 * an unfinished one with gone_at = now, and a snapshot. */
int job_store_unlisted(struct conn *writer, int64_t job_row, int64_t confirmed_at, bool gone,
    int64_t now, struct err *err);

/* Receives one snapshot; as connector_row_fn. */
typedef int snapshot_row_fn(const struct snapshot_record *record, void *context);

/* The snapshots of a job. */
struct snapshot_query {
	int64_t job_row;
	struct slice slice;
};

/* As connector_store_list, oldest first; the position is the row. */
int job_store_snapshots(struct conn *conn, const struct snapshot_query *query, snapshot_row_fn *row,
    void *context, struct err *err, struct slice_end *ret_end);

/* Removes finished or gone jobs that are older than `before` or beyond the newest `keep` of their
 * connector, at most `limit` of them, with their snapshots; never one that Mixpanel still lists,
 * never the newest of a connector. ret_removed counts. In a transaction. */
int job_store_retain(struct conn *writer, int64_t before, uint64_t keep, unsigned limit,
    struct err *err, unsigned *ret_removed);
