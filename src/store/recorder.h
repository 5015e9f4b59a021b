/* SPDX-License-Identifier: MIT */
/* What a transaction changes is told as events, written in the same transaction: a record is
 * rendered before its first change and after its last, and what differs is the event. */
#pragma once

#include <stdint.h>

#include "model/attention.h"
#include "store/conn.h"
#include "store/event_store.h"
#include "store/job_counters.h"
#include "util/clock.h"

/* Has every transaction of the writer recorded from now on, until the connection is closed; of one
 * that is already, by this clock, which outlives it. Returns 0, or -1. */
int recorder_attach(struct conn *writer, const struct clock *clock, struct err *err);

/* The complete history of a connector was read for the first time, unless it was before: one event
 * tells of all its jobs that are over. In a transaction. Returns 0, a store outcome, or -1. */
int recorder_history(struct conn *writer, int64_t connector_row, struct err *err);

/* Writes an event that is no change of a record; its time is now. In a transaction. Returns as
 * above. */
int recorder_tell(struct conn *writer, struct event_put *event, struct err *err);

/* Hears which connectors (also for their jobs) and operations a transaction touched, after its
 * commit; one of them perhaps several times. On the writer's thread. */
typedef void recorder_heard_fn(enum attention_subject subject, int64_t row, void *context);
void recorder_hear(struct conn *writer, recorder_heard_fn *heard, void *context);

/* How many events the transactions have written. The writer's thread. */
uint64_t recorder_count(const struct conn *writer);

/* How many events of each type were committed since recorder_attach. Any thread. */
void recorder_totals(const struct conn *writer, uint64_t ret_totals[EVENT_TYPE_COUNT]);

/* What the jobs of a project brought in since recorder_attach, which was called. Any thread. */
void recorder_jobs(const struct conn *writer, int64_t project_id, struct job_counts *ret_counts);
