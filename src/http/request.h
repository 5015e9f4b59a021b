/* SPDX-License-Identifier: MIT */
/* What a handler may ask of its request. A handler sees it admitted: routed, its caller known, its
 * parameters decoded, its body read. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "http/auth.h"
#include "http/router.h"
#include "util/arena.h"

struct request;
struct server;

#define REQUEST_BODY_LIMIT (64 * 1024)

/* The configuration in force when the request arrived. */
const struct config *request_config(const struct request *request);

/* On a ROUTE_PROJECT route: the project named; the caller may see it. */
const struct config_project *request_project(const struct request *request);

/* The project that the path of a ROUTE_PROJECT route names, whether the caller may see it or not;
 * NULL when it names none that is configured. For who keeps a record of it. */
const struct config_project *request_named_project(const struct request *request);

/* The decoded segment of the path that the index-th {} of the route stands for. */
const char *request_segment(const struct request *request, size_t index);

/* Who calls. */
const struct caller *request_caller(const struct request *request);

/* Where the request came from. */
struct origin {
	int64_t uid;      /* of the peer on a UNIX socket; -1 for another */
	const char *unit; /* of the process that connected, see struct application; NULL: none */
	char address[56]; /* of a peer on TCP, "127.0.0.1:41234"; "" for another */
};
void request_origin(const struct request *request, struct origin *ret_origin);

/* Its X-Request-Id, and its route. */
const char *request_id(const struct request *request);
const struct route *request_route(const struct request *request);

/* Whether the caller may see a project. */
bool request_may_see(const struct request *request, const struct config_project *project);

/* The project with this id, when it is configured and the caller may see it; NULL otherwise. */
const struct config_project *request_visible_project(
    const struct request *request, int64_t project_id);

/* The body as received. */
struct span request_body(const struct request *request);

/* The body as JSON with duplicate members refused. Returns 0 and a value that the caller owns, or
 * -1 with why. */
int request_json(struct request *request, struct err *err, json_t **ret_value);

/* Room that lives as long as the request; 256 KiB at most. */
struct arena *request_arena(struct request *request);

/* A string that lives as long as the request. NULL without memory. */
const char *request_printf(struct request *request, const char *format, ...) PRINTF_LIKE(2, 3);

/* What a handler keeps from one of its phases to the next, in the arena. NULL at first. */
void *request_state(const struct request *request);
void request_set_state(struct request *request, void *state);

/* What the application's `asked` leaves for its `answered`, in the arena. NULL at first. */
void *request_note(const struct request *request);
void request_set_note(struct request *request, void *note);

/* The application's context; what the serving thread has of the application; the server. */
void *request_application(const struct request *request);
void *request_thread(const struct request *request);
struct server *request_server(const struct request *request);

/* The decoded value of a query parameter that the route knows; NULL when absent. The last one wins
 * is not a rule here: a parameter given twice was refused. */
const char *request_parameter(const struct request *request, const char *name);

/* The Idempotency-Key; NULL when absent. One given twice was refused. */
const char *request_idempotency_key(struct request *request);

/* Whether Accept names text/event-stream; the Last-Event-ID, NULL when absent. */
bool request_wants_stream(const struct request *request);
const char *request_last_event_id(const struct request *request);

/* Typed parameters. Each leaves *ret_value (the default, set by the caller) when the parameter is
 * absent, and notes a fault (reply_fault) when its value is bad; returns 0, or -1 after a fault. A
 * handler reads them all, then asks request_parameters_failed. */
int request_parameter_unsigned(struct request *request, const char *name, uint64_t minimum,
    uint64_t maximum, uint64_t *ret_value);
int request_parameter_boolean(struct request *request, const char *name, bool *ret_value);
int request_parameter_choice(struct request *request, const char *name,
    const char *const *choices /* NULL-terminated */, int *ret_index);

/* Notes that a parameter has a value that cannot be used, and why. Returns -1. */
int request_parameter_refused(struct request *request, const char *name, const char *why);

/* Whether a typed parameter was bad: answer with reply_problem(…, PROBLEM_INVALID_PARAMETER, …). */
bool request_parameters_failed(const struct request *request);
