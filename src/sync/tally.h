/* SPDX-License-Identifier: MIT */
/* What the sync thread counts, for metrics. */
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "mixpanel/endpoints.h"
#include "sync/counters.h"
#include "transfer/client.h"

struct tally {
	pthread_mutex_t mutex; /* guards what follows */
	struct engine_counters counters;
};

void tally_init(struct tally *tally);
void tally_done(struct tally *tally);

/* Counts a request that ended; an answer that could not be read; what was changed in the store. */
void tally_request(struct tally *tally, enum endpoint endpoint, const struct client_answer *answer);
void tally_undecodable(struct tally *tally);
void tally_changed(struct tally *tally, size_t jobs, size_t connectors);

/* How many transactions were committed, and how many requests are on their way. */
void tally_set(struct tally *tally, uint64_t commits, unsigned in_flight);

/* A copy of the counters. Any thread. */
void tally_read(struct tally *tally, struct engine_counters *ret_counters);
