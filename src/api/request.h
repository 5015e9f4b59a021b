/* SPDX-License-Identifier: MIT */
/* One request, from its first line to its answer, in three phases: arrived (raw line, headers),
 * admitted (route, caller, project, parameters, body), answering (the reply being composed, a
 * wait). server.c drives the phases; handlers see an admitted request and use the functions here.
 */
#ifndef MIXPORT_API_REQUEST_H
#define MIXPORT_API_REQUEST_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/problem.h"
#include "api/router.h"
#include "config/config.h"
#include "store/conn.h"
#include "sync/engine.h"
#include "util/arena.h"

struct server;
struct worker;
struct wait;

#define REQUEST_ID_SIZE 129
#define REQUEST_BODY_LIMIT (64 * 1024)

/* Who calls; a value carried by the request. */
struct caller {
	enum scope scope;
	const char *name;          /* a token's name, or "uid:N"; lives as long as the request */
	const struct token *token; /* NULL for a socket peer; belongs to the request's config */
};

struct request {
	/* arrived */
	struct server *server;
	struct worker *worker; /* of the thread that serves the connection */
	struct MHD_Connection *connection;
	struct arena arena; /* everything that lives as long as the request; 256 KiB at most */
	const char *method;
	bool head;         /* HEAD: served as GET, without its body */
	struct span path;  /* raw */
	struct span query; /* raw, without the question mark */
	char id[REQUEST_ID_SIZE];
	int64_t arrived_at; /* monotonic */

	/* admitted */
	struct config *config; /* a reference; the one in force when the request arrived */
	const struct route *route;
	const char *segments[ROUTE_SEGMENTS_LIMIT]; /* of the path, decoded */
	const struct config_project *project;       /* ROUTE_PROJECT: the one named */
	struct caller caller;
	struct buffer body; /* as received */

	/* answering */
	struct reply *reply;
	struct wait *wait;
	handler_fn *resume;     /* continues after a wait */
	struct command command; /* the one sent to the engine, if any */
	void *state;            /* the handler's own, in the arena */
};

/* This thread's read-only connection to the store. */
struct conn *request_reader(struct request *request);

/* The engine, for commands and upstream status. */
struct engine *request_engine(struct request *request);

/* The server, for health and metrics. */
struct server *request_server(struct request *request);

/* Whether the caller may see a project. */
bool request_may_see(const struct request *request, const struct config_project *project);

/* The decoded value of a query parameter that the route knows; NULL when absent. The last one wins
 * is not a rule here: a parameter given twice was refused. */
const char *request_parameter(struct request *request, const char *name);

/* The first value of a header; NULL when absent. */
const char *request_header(struct request *request, const char *name);

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

/* The body as JSON with duplicate members refused. Returns 0 and a value that the caller owns, or
 * -1 with why. */
int request_json(struct request *request, struct err *err, json_t **ret_value);

/* A string that lives as long as the request. NULL without memory. */
const char *request_printf(struct request *request, const char *format, ...) PRINTF_LIKE(2, 3);

/* Waiting. A handler that may wait is written as a function that can be entered again:
 *
 *	request_watch(request, CHANGE_JOB, id, 0);     before the state is read
 *	…read the state…
 *	if (…what the caller waits for holds… || request_wait_over(request))
 *		return reply_json(…);
 *	return reply_wait(request, this_function);
 */

/* Sets how long the request may wait in all, from its arrival; once. Seconds, 0 for not at all. */
void request_wait_for(struct request *request, uint64_t seconds);

/* From now on a change of this kind and id (or of this ticket, for CHANGE_REFRESH; id "" matches
 * any) ends the next reply_wait at once, even when it happens before it. */
void request_watch(struct request *request, enum change_kind kind, const char *id, uint64_t ticket);

/* Whether the time to wait is used up, the client has left, or the daemon stops. */
bool request_wait_over(const struct request *request);

#endif
