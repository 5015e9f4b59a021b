/* SPDX-License-Identifier: MIT */
/* What the edge serves: the routes and what their handlers share. The edge knows nothing else of
 * the program that it is the edge of. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "http/problem.h"
#include "http/router.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/writer.h"

/* Everything outlives the server. */
struct application {
	const struct route *routes;
	size_t route_count;
	const struct clock *clock;
	void *context; /* the application's own, see request_application */

	/* What each serving thread has of the application for itself, see request_thread. Opened
	 * and closed when the threads do not run. Returns 0, or -1. */
	int (*open_thread)(void *context, struct err *err, void **ret_thread);
	void (*close_thread)(void *thread);

	/* Told of requests on ROUTE_CHANGES routes, by callers who have shown who they are:
	 * before the handler runs, and once the answer is queued, also of those that were refused
	 * before; code is that of a problem, or NULL. The status is 0 when the request ends without
	 * an answer, which is told when `asked` has left a note. Neither may block. `asked` may
	 * answer the request, and its handler does not run then. NULL: nobody is told. */
	void (*asked)(struct request *request);
	void (*answered)(struct request *request, unsigned status, const char *code);

	/* What the process at the other end of a UNIX socket belongs to, to be freed, or NULL;
	 * asked as soon as it connects, since it may end before its first request comes. NULL: not
	 * asked. */
	char *(*peer_unit)(int fd);

	/* A number that differs after each change of what the ROUTE_KEPT routes show. */
	uint64_t (*generation)(void);

	/* Problems on ROUTE_FOREIGN routes, and where there is no route but the path begins so,
	 * have these members instead of those of RFC 9457. */
	const char *foreign_prefix;
	void (*write_foreign_problem)(
	    struct writer *writer, const struct problem_entry *entry, const char *detail);
};
