/* SPDX-License-Identifier: MIT */
/* Records for people: a row of a table, or a page of facts. */
#pragma once

#include "ctl/listing.h"
#include "ctl/reference.h"

#define DESCRIPTION_LIMIT ((size_t)16 * 1024 * 1024)

extern const struct listing_kind describe_projects;
extern const struct listing_kind describe_connectors;
extern const struct listing_kind describe_jobs;
extern const struct listing_kind describe_snapshots;
extern const struct listing_kind describe_operations;
extern const struct listing_kind describe_attention;

/* Appends all that is worth telling of a record. */
void describe_connector(const struct output *output, const json_t *connector, struct buffer *text);
void describe_job(const struct output *output, const json_t *job, struct buffer *text);
void describe_operation(const struct output *output, const json_t *operation, struct buffer *text);

/* Prints a record in the form that was asked for; text is the one for people. */
enum exit_code describe_print(const struct output *output, const struct found *found,
    const char *id_member, const struct buffer *text);

/* Appends where a connector's files are: gs://bucket/prefix. Nothing when it does not say. */
void describe_source(const json_t *connector, struct buffer *text);

/* A row for a connector whose newest job is under way: how it is, project, id, source, progress,
 * how long, events. */
void describe_running(const struct output *output, struct table *table, const json_t *connector);

/* Appends a line for an event. */
void describe_event(const struct output *output, const json_t *event, struct buffer *line);

/* Appends how a job that is over ended: "3m41s  662,938 imported, 663 dropped, 9 files", or its
 * error. */
void describe_end(const struct output *output, const json_t *job, struct buffer *text);

/* Appends "code: message" of a record's error, as far as there is either. */
void describe_error(const json_t *record, struct buffer *text);

/* The columns of a reason for attention, without a head. */
#define DESCRIBE_REASON_COLUMNS 5
extern const struct table_column describe_reason_columns[DESCRIBE_REASON_COLUMNS];

/* A row for an open reason for attention: severity, project, subject, code, detail. */
void describe_reason(const struct output *output, struct table *table, const json_t *reason);
