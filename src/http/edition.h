/* SPDX-License-Identifier: MIT */
/* Editions: the configurations that came into force, one after the other, numbered. A request keeps
 * the edition that was in force when it arrived. Its uses are counted by each serving thread for
 * itself, so that the requests of all of them do not count on one place in memory. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "config/config.h"

/* The configuration in force, for all threads. */
struct editions {
	pthread_mutex_t mutex;
	struct config *config;
	atomic_uint number; /* grows with each configuration; readers look at it first */
};

/* Takes a reference to config. */
void editions_init(struct editions *editions, struct config *config);

/* Gives the reference back. */
void editions_done(struct editions *editions);

/* Puts another configuration in force; takes a reference. Any thread. */
void editions_publish(struct editions *editions, struct config *config);

/* A reference to the configuration in force. Any thread. */
struct config *editions_config(struct editions *editions);

/* One edition, as the requests of one thread use it. */
struct edition {
	struct config *config;
	unsigned number;
	atomic_uint uses;
};

/* The newest edition that a thread has taken. */
struct edition_holder {
	struct editions *editions;
	pthread_mutex_t mutex; /* between the thread and who publishes */
	struct edition *newest;
};

/* Takes the edition in force. Returns 0, or -1 without memory. */
int edition_holder_init(struct edition_holder *holder, struct editions *editions);

/* When no use is left but the holder's own. */
void edition_holder_done(struct edition_holder *holder);

/* A use of the edition in force, to be given to edition_release. Without memory for it, of the one
 * before. The holder's thread. */
struct edition *edition_holder_use(struct edition_holder *holder);

/* Gives up the edition before the one in force: a thread that has nothing to do must not keep
 * secrets that were withdrawn. Any thread. */
void edition_holder_renew(struct edition_holder *holder);

/* Ends a use; with the last one the reference to the configuration is given back. Any thread. */
void edition_release(struct edition *edition);
