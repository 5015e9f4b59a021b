/* SPDX-License-Identifier: MIT */
/* The open reasons why something needs attention. */
#pragma once

#include "model/attention.h"
#include "store/conn.h"
#include "store/slice.h"

/* What a reason is about. */
struct attention_about {
	enum attention_subject subject;
	int64_t row;        /* of the connector or operation; the project's id; 0 for the daemon */
	int64_t project_id; /* 0 for the daemon */
	const char *id;     /* of the connector or operation; NULL */
};

/* Reads the open reasons of a subject, in any order. Returns 0, or -1. */
int attention_store_open(struct conn *conn, const struct attention_about *about, struct err *err,
    struct attention_reason ret_reasons[ATTENTION_CODE_COUNT], size_t *ret_count);

/* Opens a reason, or writes what has become of the one with its code. In a transaction. Returns 0,
 * a store outcome, or -1. */
int attention_store_put(struct conn *writer, const struct attention_about *about,
    const struct attention_reason *reason, struct err *err);

/* Closes the reason with this code, if it is open. Returns as above. */
int attention_store_clear(struct conn *writer, const struct attention_about *about,
    enum attention_code code, struct err *err);

/* Receives an open reason; pointers hold until it returns. As connector_row_fn. */
typedef int attention_row_fn(const struct attention_about *about,
    const struct attention_reason *reason, const struct position *position, void *context);

/* Calls each for the subjects of the project that have an open reason with this code. Returns 0,
 * -1, or what each returned. */
int attention_store_each_subject(struct conn *conn, int64_t project_id, enum attention_code code,
    int (*each)(int64_t subject_row, void *context), void *context, struct err *err);

/* The ranks of a list, the first part of its positions: worst first, and of what is equally bad
 * that of the daemon first. */
enum attention_rank {
	ATTENTION_RANK_DAEMON_CRITICAL,
	ATTENTION_RANK_CRITICAL,
	ATTENTION_RANK_DAEMON_WARNING,
	ATTENTION_RANK_WARNING,
};

/* A list of open reasons of projects, worst first, then in the order in which they were raised. */
struct attention_query {
	int severity; /* enum attention_severity, -1: all */
	int code;     /* enum attention_code, -1: all */
	struct slice slice;
};

/* As connector_store_list. Of the daemon's none are listed. */
int attention_store_list(struct conn *conn, const struct attention_query *query,
    attention_row_fn *row, void *context, struct err *err, struct slice_end *ret_end);

/* Receives how many open reasons of a project have a code and a severity. */
typedef void attention_total_fn(int64_t project_id, enum attention_code code,
    enum attention_severity severity, int64_t count, void *context);

/* Calls each for all that are not 0. Returns 0, or -1. */
int attention_store_totals(
    struct conn *conn, attention_total_fn *each, void *context, struct err *err);
