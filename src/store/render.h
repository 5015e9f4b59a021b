/* SPDX-License-Identifier: MIT */
/* Records as the API shows them. Each function writes one JSON value; members and their order are
 * the contract's. Pure but for the writer. */
#pragma once

#include "model/operation.h"
#include "store/attention_store.h"
#include "store/freshness.h"
#include "util/writer.h"

/* The sync block of a record. */
void render_sync(struct writer *writer, const struct freshness *freshness);

/* How a project's upstream does. */
void render_upstream(struct writer *writer, const struct upstream_status *status);

void render_project(
    struct writer *writer, const struct project_view *view, const struct freshness *freshness);

/* A connector with its latest job. warnings is a JSON array about the body it was
 * created from, SPAN_NONE for no such member. */
void render_connector(struct writer *writer, const struct connector_record *record,
    const struct project_view *view, const struct freshness *freshness, struct span warnings);

/* A job; without its sync block when freshness is NULL. */
void render_job(struct writer *writer, const struct job_record *record, const char *project,
    const struct freshness *freshness);

/* A snapshot of the job: the job's members at that time, and observed_at. */
void render_snapshot(struct writer *writer, const struct snapshot_record *snapshot,
    const struct job_record *record, const char *project);

void render_operation(
    struct writer *writer, const struct operation_record *record, const char *project);

/* The members that are a record's own, for events: without those that another record, the name of a
 * project, or the time of reading decide. */
void render_own_connector(struct writer *writer, const struct connector_record *record);
void render_own_job(struct writer *writer, const struct job_record *record);
void render_own_upstream(struct writer *writer, const struct upstream_status *status);
void render_own_operation(struct writer *writer, const struct operation_record *record);

/* A reason why something needs attention: among those of its connector; as an event tells it, with
 * the id of its connector (NULL: of none); and by itself, with what it is about and the name of its
 * project (NULL for the daemon's). */
void render_reason(struct writer *writer, const struct attention_reason *reason);
void render_told_reason(
    struct writer *writer, const struct attention_reason *reason, const char *connector_id);
void render_open_reason(struct writer *writer, const struct attention_reason *reason,
    const struct attention_about *about, const char *project);

/* The faults of a body that are warnings, as an array with a limit, and one more that counts the
 * rest. */
#define RENDER_WARNINGS_LIMIT 50
void render_warnings(struct writer *writer, const struct connector_faults *faults);
