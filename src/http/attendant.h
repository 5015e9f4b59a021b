/* SPDX-License-Identifier: MIT */
/* The thread that ends what takes too long, and sees whether the others turn. */
#pragma once

#include "http/connection.h"
#include "http/lingering.h"

#define ATTENDANT_WORKERS_LIMIT 32

struct attendant {
	const struct clock *clock;
	struct editions *editions;
	struct waits *waits;
	struct worker *workers[ATTENDANT_WORKERS_LIMIT]; /* as of attendant_add */
	size_t worker_count;
	pthread_t thread;
	atomic_bool running;
	atomic_bool stopping;
	_Atomic int64_t last_turn;
	struct counters counters;
	int pulse;             /* eventfd that wakes the serving threads */
	int64_t pulsed_at;     /* monotonic */
	int events;            /* epoll: the clients, the wakeup of waits, and those that linger */
	pthread_mutex_t mutex; /* held while an event is taken and acted upon */
	struct lingering lingering; /* refused clients that still send */
};

/* Prepares; what it is given outlives it. Returns 0, or -1. */
int attendant_init(struct attendant *attendant, const struct clock *clock,
    struct editions *editions, struct waits *waits, struct err *err);

/* When its thread does not run. */
void attendant_done(struct attendant *attendant);

/* Minds the connections of a worker, which outlives the thread. Before attendant_start. */
void attendant_add(struct attendant *attendant, struct worker *worker);

/* Starts the thread. Returns 0, or -1. */
int attendant_start(struct attendant *attendant, struct err *err);

/* Ends the thread and waits for it, when it runs. */
void attendant_stop(struct attendant *attendant);

/* What the thread does between two waits: acts upon the clients that have left, and looks round
 * when somebody asked for it or at `next`. Returns when to look round next, monotonic. The thread's
 * own, or anybody's where it was not started. */
int64_t attendant_look(struct attendant *attendant, int64_t next);

/* Sees from now on whether the worker's thread turns, whose epoll descriptor this is; it stays open
 * until attendant_stop is over. Returns 0, or -1. */
int attendant_mind(struct attendant *attendant, struct worker *worker, int events, struct err *err);

/* Whether every serving thread and the attendant's own have turned within `limit` microseconds. Any
 * thread. */
bool attendant_sees_turning(const struct attendant *attendant, int64_t limit);

/* Notices from now on when the client leaves, until attendant_forget. */
void attendant_watch(struct attendant *attendant, struct connection *connection);
void attendant_forget(struct attendant *attendant, struct connection *connection);
