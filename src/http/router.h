/* SPDX-License-Identifier: MIT */
/* Finds the route of a path. Pure: works on the raw path, before any percent-decoding, so that an
 * escaped slash never makes a segment. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/access.h"
#include "util/text.h"

struct request;

/* Proof that a request was answered or suspended: only the functions of reply.h make one, so a
 * handler can neither forget to answer nor answer twice. */
struct answered {
	const struct request *request;
};

/* Answers a request that has passed every column of its route. Must not block. */
typedef struct answered handler_fn(struct request *request);

enum route_flags {
	ROUTE_PROJECT = 1 << 0, /* the first {} names a project: resolved, visible to the caller */
	ROUTE_FOREIGN = 1 << 1, /* of another API that is stood in for: its shape of problems; a
				 * body of any Content-Type; the project by number only; with or
				 * without a slash at the end */
	ROUTE_OPEN = 1 << 2,    /* nobody is asked who they are */
	ROUTE_HEALTH = 1 << 3,  /* served by the health listener too, where it is open */
	ROUTE_KEPT = 1 << 4,    /* a GET whose rendering may be kept, see reply_keep_until */
	ROUTE_CHANGES = 1 << 5, /* asks for a change: the application is told who does */
};

#define ROUTE_PARAMETERS_LIMIT 14

/* One line of the API. GET routes serve HEAD too. */
struct route {
	const char *method;
	const char *path; /* "{}" stands for one segment that is not empty */
	enum scope scope;
	unsigned flags;
	size_t body_limit; /* 0: no body is accepted */
	handler_fn *handler;
	const char *parameters[ROUTE_PARAMETERS_LIMIT]; /* of the query; NULL-terminated */
};

#define ROUTE_SEGMENTS_LIMIT 3

/* What the router found. */
struct route_match {
	const struct route *route;                  /* NULL: none for this method */
	struct span segments[ROUTE_SEGMENTS_LIMIT]; /* of the raw path, one for each {} */
	bool path_known;   /* some route has this path, so that 405 is the answer */
	const char *allow; /* then the value of Allow, static */
};

/* Finds the route for a method and raw path (no query) in a table of count routes. */
void router_find(const struct route *routes, size_t count, const char *method, struct span path,
    struct route_match *ret_match);
