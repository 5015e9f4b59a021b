/* SPDX-License-Identifier: MIT */
/* The functions behind the routes (see routes.c), by resource. Each answers an admitted request;
 * none blocks. */
#pragma once

#include "http/router.h"

handler_fn projects_list;
handler_fn projects_get;
handler_fn projects_refresh;

handler_fn connectors_list;
handler_fn connectors_list_all;
handler_fn connectors_create;
handler_fn connectors_get;
handler_fn connectors_delete;
handler_fn connectors_refresh;

handler_fn operations_list;
handler_fn operations_get;
handler_fn operations_resolve;

handler_fn audit_list;

handler_fn attention_list;

handler_fn events_get;

handler_fn jobs_list;
handler_fn jobs_of_connector;
handler_fn jobs_get;
handler_fn jobs_snapshots;

handler_fn dropin_list;
handler_fn dropin_create;
handler_fn dropin_get;
handler_fn dropin_delete;
handler_fn dropin_history;

handler_fn reload_post;

handler_fn openapi_get;
handler_fn health_index;
handler_fn health_live;
handler_fn health_ready;
handler_fn health_report;
handler_fn metrics_get;

/* The members of a problem in Mixpanel's shape, see struct application. */
struct problem_entry;
struct writer;
void dropin_write_problem(
    struct writer *writer, const struct problem_entry *entry, const char *detail);

/* Answers 404 for the connector that the path names in its project. */
struct answered connector_not_found(struct request *request);

/* Answers with the operation of request_command under this status, and where to look for it. */
struct answered operation_answer(struct request *request, unsigned status);

/* Writes an operation as the member `operation`. Returns 0; STORE_NONE when there is none that the
 * caller may see; -1. */
struct err;
int operation_append(
    struct request *request, const char *operation_id, struct err *err, struct writer *writer);
