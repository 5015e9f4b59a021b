/* SPDX-License-Identifier: MIT */
/* Connections that were closed while their client may still be sending. */
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define LINGER_PLACES 32

struct lingering {
	pthread_mutex_t mutex;
	int events; /* epoll: those that are held */
	struct {
		int fd;             /* -1: none */
		int64_t until;      /* monotonic */
		uint64_t discarded; /* bytes */
	} places[LINGER_PLACES];
	size_t next;
};

/* Returns 0, or -1. */
int lingering_init(struct lingering *lingering, struct err *err);

/* Lets all of them go. */
void lingering_done(struct lingering *lingering);

/* For a socket that is about to be closed, and whose answer is written: throws away what has come,
 * and when more may come holds the client's side open for a while. There are LINGER_PLACES; one who
 * comes then takes that of the oldest. Any thread. */
void lingering_take(struct lingering *lingering, int fd, int64_t now);

/* Throws away what has come, and lets those go whose client is through, whose time is over, or who
 * send too much. When `events` is ready, and now and then. */
void lingering_turn(struct lingering *lingering, int64_t now);
