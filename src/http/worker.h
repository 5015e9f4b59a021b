/* SPDX-License-Identifier: MIT */
/* What a serving thread has for itself, so that threads share next to nothing. */
#pragma once

#include <microhttpd.h>
#include <sys/queue.h>

#include "http/application.h"
#include "http/cache.h"
#include "http/counters.h"
#include "http/edition.h"
#include "http/endpoint.h"
#include "http/waits.h"
#include "util/random.h"

struct attendant;
struct connection;
struct quota;
struct route;
struct server;

#define REQUEST_ID_SIZE 129

/* What libmicrohttpd has said lately, so that it is not logged again and again. */
#define SAID_LIMIT 4
struct said {
	const char *format;
	int64_t at; /* monotonic */
};

/* A text that took long, served again for a while whatever has changed. */
struct again {
	struct kept *kept; /* NULL: none */
	const struct route *route;
	const void *viewer;
	int64_t until; /* monotonic */
};

struct worker {
	struct server *server;
	const struct application *application;
	const struct endpoint *endpoint;
	struct waits *waits;
	struct attendant *attendant;
	struct quota *quota;

	struct MHD_Daemon *daemon; /* NULL: the thread does not run */
	int fd;                    /* of the listening socket, for the daemon alone; -1: none */
	struct said said[SAID_LIMIT];
	bool refused; /* what the library is about to refuse was answered already */
	void *thread; /* the application's */
	char id_prefix[RANDOM_ID_SIZE];
	uint64_t id_count;
	struct edition_holder editions;
	/* Connections that are nobody's yet, and were not shut down to make room; the oldest first.
	 * See share.h. */
	TAILQ_HEAD(stranger_list, connection) strangers;
	unsigned stranger_count;
	struct cache cache;
	struct again again;
	unsigned cache_edition; /* whose answers are kept */
	struct counters counters;
	_Atomic uint64_t calls;     /* of our code by the thread */
	atomic_int events;          /* the epoll descriptor of the thread; -1: it does not run */
	uint64_t calls_seen;        /* the attendant's */
	_Atomic int64_t still_for;  /* microseconds since the attendant saw that it turns */
	_Atomic uint64_t started;   /* requests whose first line arrived */
	_Atomic uint64_t completed; /* of them, those that are over */

	pthread_mutex_t mutex; /* guards the list, between this thread and the attendant */
	LIST_HEAD(connection_list, connection) connections;
};

/* What all workers share; outlives them. */
struct worker_setting {
	struct server *server;
	const struct application *application;
	struct editions *editions;
	struct waits *waits;
	struct attendant *attendant;
	struct quota *quota;
};

/* Prepares a worker for a listening socket. Returns 0, or -1: then there is nothing to be undone.
 */
int worker_init(struct worker *worker, const struct worker_setting *setting,
    const struct endpoint *endpoint, struct err *err);

/* After its thread has ended. */
void worker_done(struct worker *worker);

/* Monotonic time by the application's clock. */
int64_t worker_now(const struct worker *worker);

/* A use of the edition in force; answers that were kept in an older one are forgotten. The worker's
 * thread. */
struct edition *worker_edition(struct worker *worker);

/* Takes a kept text over the one before, which is forgotten; all zero for none. The worker's
 * thread, or after it has ended. */
void worker_keep_text(struct worker *worker, const struct again *again);

/* Writes an identifier that no other request has. The worker's thread. */
void worker_request_id(struct worker *worker, char ret_id[REQUEST_ID_SIZE]);
