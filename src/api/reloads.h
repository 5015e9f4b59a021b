/* SPDX-License-Identifier: MIT */
/* The reloads that were asked for and what came of the last one: between the threads that serve,
 * which may not block, and the main thread, which does them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/faults.h"
#include "util/err.h"

struct reloads;

/* What came of a reload. number counts them; 0: there was none yet, and the rest says nothing. */
struct reload_outcome {
	uint64_t number;
	bool done;
	int64_t at;   /* wall clock: when the configuration was loaded, or could not be */
	size_t count; /* of the faults, when it was not done */
	char *lines;  /* those of --check-config; NULL: none, or no memory */
};

/* Returns 0, or -1. */
int reloads_new(struct err *err, struct reloads **ret_reloads);

/* Takes NULL; returns NULL. */
struct reloads *reloads_free(struct reloads *reloads);

/* Readable while a reload has been asked for that has not begun. */
int reloads_fd(const struct reloads *reloads);

/* Asks for a reload. Returns its number: whoever asks before it begins shares it, for it reads what
 * they have changed; one that has begun may have read it before. Any thread; does not block. */
uint64_t reloads_ask(struct reloads *reloads);

/* A reload begins, asked for here or by a signal. The main thread. */
void reloads_begin(struct reloads *reloads);

/* The one that began has ended: not done when there are faults. Call service_reloaded afterwards.
 * The main thread. */
void reloads_end(struct reloads *reloads, int64_t at, const struct faults *faults);

/* The outcome of the last one that has ended, to be given to reload_outcome_done. Any thread. */
void reloads_last(struct reloads *reloads, struct reload_outcome *ret_outcome);

/* Frees the lines. */
void reload_outcome_done(struct reload_outcome *outcome);
#define _cleanup_reload_outcome_ _cleanup_(reload_outcome_done)
