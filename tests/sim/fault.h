/* SPDX-License-Identifier: MIT */
/* The queue of faults: what is to go wrong, with which call, how often. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "call.h"
#include "util/err.h"
#include "util/writer.h"

enum fault_action {
	FAULT_STATUS,
	FAULT_DELAY,
	FAULT_DROP_ACCEPT,
	FAULT_DROP_BEFORE,
	FAULT_DROP_DURING,
	FAULT_DROP_AFTER,
	FAULT_TRUNCATE,
	FAULT_GARBAGE,
	FAULT_EMPTY_LIST,
	FAULT_SHRINK,
	FAULT_REDIRECT_SLASH,
	FAULT_REDIRECT_ELSEWHERE,
	FAULT_RETRY_AFTER,
	FAULT_HANG,
	FAULT_DRIP,
	FAULT_HTML,
	FAULT_DEEP,
	FAULT_HUGE,
	FAULT_BIGINT,
	FAULT_DUPLICATE,
	FAULT_HAS_MORE_NO_URL,
	FAULT_CHUNKED,
};

/* When in the life of a request an action strikes. */
enum fault_phase { FAULT_ON_ACCEPT, FAULT_ON_HEAD, FAULT_ON_ANSWER };

struct fault;

struct faults {
	TAILQ_HEAD(fault_queue, fault) queue;
};

/* One use of a fault; options belongs to the holder. */
struct shot {
	enum fault_action action;
	const char *name; /* static */
	bool executed;    /* the call takes effect all the same */
	json_t *options;  /* the fault as it was given */
};

void faults_init(struct faults *faults);

/* Forgets all of them. */
void faults_clear(struct faults *faults);

/* Appends the fault described by a JSON object. Returns 0, or -1 with what is wrong. */
int faults_add(struct faults *faults, json_t *object, struct err *err);

/* Uses the first fault that fits the phase and the call (NULL in FAULT_ON_ACCEPT). Returns whether
 * there was one; the caller then releases ret_shot with shot_done. */
bool faults_take(
    struct faults *faults, enum fault_phase phase, const struct call *call, struct shot *ret_shot);

void shot_done(struct shot *shot);

/* How a list is to be misrepresented. */
struct shape {
	bool empty;
	bool twice;
	bool no_url;
	int64_t keep;         /* -1: all */
	int64_t keep_divisor; /* with keep -1: only a so-manieth part; 0: all */
};

/* What the shot asks of the list it strikes; the honest shape for NULL. */
struct shape shot_shape(const struct shot *shot);

/* Bends a finished answer. */
void shot_bend(const struct shot *shot, const struct request *request, struct answer *answer);

/* Writes those still in the queue, as an array. */
void faults_write(const struct faults *faults, struct writer *writer);
