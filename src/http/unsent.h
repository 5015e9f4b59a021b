/* SPDX-License-Identifier: MIT */
/* Answers that were composed and not taken yet: how many bytes each caller leaves in our memory.
 * What is small is not counted: the kernel takes it. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* Bytes: an answer below is not to be counted; of one holder (see share.h); of all together. */
#define UNSENT_SMALL ((size_t)16 * 1024)
#define UNSENT_OF_HOLDER_LIMIT ((size_t)16 * 1024 * 1024)
#define UNSENT_LIMIT ((size_t)48 * 1024 * 1024)

#define UNSENT_BUCKETS 64

/* Shared by all serving threads. Invariant: total is the sum of the loads' lengths. */
struct unsent {
	pthread_mutex_t mutex; /* guards what follows, and every load */
	size_t total;
	LIST_HEAD(unsent_bucket, unsent_load) buckets[UNSENT_BUCKETS]; /* by holder */
};

/* A body that is on its way to a holder, over one connection or several. */
struct unsent_load;

void unsent_init(struct unsent *unsent);

/* When nothing is on its way. */
void unsent_done(struct unsent *unsent);

/* A body to be sent, and how a use of it ends. */
struct unsent_body {
	uint64_t holder;
	void *body; /* the same one is counted once */
	size_t len;
	void (*release)(void *body);
	bool always; /* whatever the limits are */
};

/* Counts a body, and takes a use of it. Returns 0; 1 when it would pass a limit, which nothing does
 * whose holder has nothing on its way; -1 without memory. Any thread. */
int unsent_take(
    struct unsent *unsent, const struct unsent_body *body, struct unsent_load **ret_load);

/* The length is another one now. Only of a load with one use. Any thread. */
void unsent_change(struct unsent_load *load, size_t len);

/* How many bytes are on their way. Any thread. */
size_t unsent_total(struct unsent *unsent);

/* Ends a use: releases the body, and counts it no more when it was the last. Any thread. */
void unsent_give_back(void *load);
