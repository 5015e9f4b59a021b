/* SPDX-License-Identifier: MIT */
/* What is told as an event although no record changed: the start, reloads, how each upstream does.
 */
#pragma once

#include <pthread.h>

#include "sync/project.h"

struct news {
	const char *version;
	bool started;          /* that was told */
	pthread_mutex_t mutex; /* guards what follows */
	unsigned reloaded;     /* so often, not told yet */
	unsigned refused;
	size_t faults; /* of the last that was refused */
};

/* version outlives it. */
void news_init(struct news *news, const char *version);
void news_done(struct news *news);

/* A reload took, or changed nothing because of so many faults. Any thread. */
void news_reloaded(struct news *news);
void news_refused(struct news *news, size_t faults);

/* Tells what is not told yet; what cannot be written is told later. The sync thread. */
void news_tell(struct news *news, struct sync *sync);
