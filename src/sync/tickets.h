/* SPDX-License-Identifier: MIT */
/* The refreshes that run, by number: the sync thread opens and closes, any thread asks. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tickets {
	pthread_mutex_t mutex; /* guards what follows */
	uint64_t next;
	uint64_t *open;
	size_t count;
};

void tickets_init(struct tickets *tickets);

/* Frees. */
void tickets_done(struct tickets *tickets);

/* A ticket that no refresh had before. Returns 0, or -1 without memory. */
int tickets_open(struct tickets *tickets, uint64_t *ret_ticket);

/* The refresh has ended. */
void tickets_close(struct tickets *tickets, uint64_t ticket);

/* Whether it has not ended yet. */
bool tickets_are_open(struct tickets *tickets, uint64_t ticket);
