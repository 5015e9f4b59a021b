/* SPDX-License-Identifier: MIT */
/* The configuration in force, and the uses that requests make of it. */
#include "http/edition.h"

#include <stdlib.h>

void editions_init(struct editions *editions, struct config *config)
{
	pthread_mutex_init(&editions->mutex, NULL);
	editions->config = config_ref(config);
	editions->number = 0;
}

void editions_done(struct editions *editions)
{
	pthread_mutex_destroy(&editions->mutex);
	config_unref(editions->config);
}

void editions_publish(struct editions *editions, struct config *config)
{
	pthread_mutex_lock(&editions->mutex);
	struct config *before = editions->config;
	editions->config = config_ref(config);
	atomic_fetch_add_explicit(&editions->number, 1, memory_order_release);
	pthread_mutex_unlock(&editions->mutex);
	config_unref(before);
}

struct config *editions_config(struct editions *editions)
{
	pthread_mutex_lock(&editions->mutex);
	struct config *config = config_ref(editions->config);
	pthread_mutex_unlock(&editions->mutex);
	return config;
}

static struct edition *edition_new(struct editions *editions)
{
	struct edition *edition = calloc(1, sizeof(*edition));
	if (!edition)
		return NULL;
	pthread_mutex_lock(&editions->mutex);
	edition->config = config_ref(editions->config);
	edition->number = atomic_load(&editions->number);
	pthread_mutex_unlock(&editions->mutex);
	edition->uses = 1;
	return edition;
}

int edition_holder_init(struct edition_holder *holder, struct editions *editions)
{
	holder->editions = editions;
	holder->newest = edition_new(editions);
	pthread_mutex_init(&holder->mutex, NULL);
	return holder->newest ? 0 : -1;
}

void edition_holder_done(struct edition_holder *holder)
{
	if (holder->newest)
		edition_release(holder->newest);
	holder->newest = NULL;
	pthread_mutex_destroy(&holder->mutex);
}

/* Under the mutex. */
static void take_newest(struct edition_holder *holder)
{
	struct editions *editions = holder->editions;
	if (atomic_load_explicit(&editions->number, memory_order_acquire) == holder->newest->number)
		return;
	struct edition *edition = edition_new(editions);
	if (!edition)
		return;
	edition_release(holder->newest);
	holder->newest = edition;
}

void edition_holder_renew(struct edition_holder *holder)
{
	pthread_mutex_lock(&holder->mutex);
	take_newest(holder);
	pthread_mutex_unlock(&holder->mutex);
}

struct edition *edition_holder_use(struct edition_holder *holder)
{
	pthread_mutex_lock(&holder->mutex);
	take_newest(holder);
	struct edition *edition = holder->newest;
	atomic_fetch_add_explicit(&edition->uses, 1, memory_order_relaxed);
	pthread_mutex_unlock(&holder->mutex);
	return edition;
}

void edition_release(struct edition *edition)
{
	if (atomic_fetch_sub_explicit(&edition->uses, 1, memory_order_acq_rel) > 1)
		return;
	config_unref(edition->config);
	free(edition);
}
