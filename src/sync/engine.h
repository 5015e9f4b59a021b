/* SPDX-License-Identifier: MIT */
/* The one thread that talks to Mixpanel and writes the store. What a caller wants changed reaches
 * it as a command; what changed leaves it as a notice. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "model/attention.h"
#include "model/audit.h"
#include "model/event.h"
#include "model/project.h"
#include "store/conn.h"
#include "store/job_counters.h"
#include "sync/commit.h"
#include "sync/counters.h"
#include "sync/mailbox.h"
#include "util/clock.h"
#include "util/err.h"

struct engine;

struct engine_options {
	const char *user_agent;
	const char *version; /* of the program; outlives the engine */
	const struct clock *clock;
	uint64_t seed; /* of the jitter */
	changes_announced_fn *changed;
	void *context;
	void (*broken)(void *context); /* the store's outcome is unknown: the process must end */
};

/* Prepares the engine over the store's writer, which it owns from now on in the sense that nobody
 * else uses it until engine_free. Recovers operations left in the middle; on a full disk that, and
 * following the projects, is done once it is possible. Takes a reference to config. Returns 0, or
 * -1. */
int engine_new(struct conn *writer, struct config *config, const struct engine_options *options,
    struct err *err, struct engine **ret_engine);

/* Starts the thread. Returns 0, or -1. */
int engine_start(struct engine *engine, struct err *err);

/* Nothing new is begun: every command that waits or comes is answered with COMMAND_STOPPING,
 * operations on their way get up to 2 s to end, and the thread ends. Other requests in flight are
 * dropped; a create that had not ended becomes unknown at the next start. Returns at once. */
void engine_end(struct engine *engine);

/* The same, and waits for it. Also when never started. */
void engine_stop(struct engine *engine);

/* After engine_stop. Takes NULL; returns NULL. */
struct engine *engine_free(struct engine *engine);

/* Puts a command into the mailbox (at most 4096 wait). Any thread. `done` is called in every case,
 * from here when the mailbox is full or closed. */
void engine_submit(struct engine *engine, struct command *command);

/* The outcome of a drop-in create was delivered to its caller. Any thread. If that cannot be
 * stored, a caller who repeats the create gets the outcome once more. */
void engine_delivered(struct engine *engine, const char *operation_id);

/* What was asked for, and what came of it: written down before commands that are submitted later
 * are carried out. Returns whether there was room for it; there is more for what is done already.
 * Any thread. */
bool engine_audit(struct engine *engine, const struct audit_entry *entry, bool done);

/* A mark of what engine_audit took so far, and whether all of that is in the store; CHANGE_AUDIT
 * tells when more of it is. Any thread. */
uint64_t engine_audit_mark(struct engine *engine);
bool engine_audit_is_stored(struct engine *engine, uint64_t mark);

/* Puts a new configuration in force: projects come and go, credentials and limits change. Any
 * thread; takes its own reference. */
void engine_reload(struct engine *engine, struct config *config);

/* A reload was refused because of so many faults: an event tells it. Any thread. */
void engine_reload_refused(struct engine *engine, size_t faults);

/* Copies how the upstream of a project does. Returns 0; 1 for an unknown project. Any thread. */
int engine_upstream(struct engine *engine, int64_t project_id, struct upstream_status *ret_status);

/* Copies the open reasons of the daemon itself, worst first: they are known although nothing can be
 * written. Returns how many. Any thread. */
size_t engine_attention(
    struct engine *engine, struct attention_reason ret_reasons[ATTENTION_CODE_COUNT]);

/* Whether the refresh with this ticket has ended. Any thread. */
bool engine_refresh_done(struct engine *engine, uint64_t ticket);

/* Monotonic time of the last turn of the thread's loop; it turns at least every second. */
int64_t engine_last_turn(const struct engine *engine);

/* Whether nothing can be written at present (disk full). Any thread. */
bool engine_store_unavailable(const struct engine *engine);

/* The name of an endpoint, one of ENGINE_ENDPOINTS. */
const char *engine_endpoint_name(size_t endpoint);

/* How many events of each type were written since the start. Any thread. */
void engine_events(const struct engine *engine, uint64_t ret_totals[EVENT_TYPE_COUNT]);

/* What the jobs of a project brought in since the start. Any thread. */
void engine_jobs(const struct engine *engine, int64_t project_id, struct job_counts *ret_counts);

/* A copy of the counters. Any thread. */
void engine_counters(struct engine *engine, struct engine_counters *ret_counters);
