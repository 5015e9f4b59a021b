/* SPDX-License-Identifier: MIT */
/* What to ask Mixpanel next, for one project. Pure: it knows times and connectors by row, nothing
 * of HTTP or SQL, and is driven by the caller's monotonic clock.
 *
 * The list every list_interval; each connector's history every active_interval while it is active,
 * else every idle_interval; each connector by itself every status_interval, since a list does not
 * tell its status; all with a little jitter so that they spread. What a caller asked for comes
 * before the list, the list before active histories, those before idle ones, single reads last, and
 * within a class the one that is longest overdue first. The histories of a whole project that were
 * asked for at once take turns with what is due anyway, behind single wishes. When the budget does
 * not carry the intervals they are stretched, evenly within a class: single reads first, down to a
 * twentieth of the budget that is always theirs, then the idle ones, down to their fifth, then the
 * active ones. What fails is asked again with a backoff of its own. Each thing asked is in flight
 * once, and no connector is asked again sooner than a minimum gap (a tenth of the active interval,
 * at least 50 ms) unless somebody waits. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define PLANNER_YOUNG_FOR INT64_C(600000000) /* a connector counts as active this long */

struct planner;

/* Microseconds and requests a minute, as configured. */
struct planner_settings {
	int64_t list_interval;
	int64_t active_interval;
	int64_t idle_interval;
	int64_t status_interval;
	uint64_t per_minute;
};

enum plan_kind { PLAN_NOTHING, PLAN_LIST, PLAN_HISTORY, PLAN_SINGLE };

/* The next thing to ask. */
struct plan {
	enum plan_kind kind;
	int64_t connector_row; /* for PLAN_HISTORY and PLAN_SINGLE */
	bool waited;           /* somebody waits for it */
	bool bulk;             /* and for many others with it: one of a whole project's */
	bool retry;            /* it failed last time */
	int64_t due;           /* PLAN_NOTHING: when something will be due (INT64_MAX: never) */
};

/* The intervals in force. */
struct planner_intervals {
	int64_t list;
	int64_t active;
	int64_t idle;
	bool stretched;
};

/* An empty plan whose list is due now. seed makes the jitter. Returns 0, or -1. */
int planner_new(const struct planner_settings *settings, uint64_t seed, int64_t now,
    struct err *err, struct planner **ret_planner);

/* Takes NULL; returns NULL. */
struct planner *planner_free(struct planner *planner);

/* New settings; what is due later than a new interval allows is moved forward. */
void planner_change(struct planner *planner, const struct planner_settings *settings, int64_t now);

/* What the planner has to know of a connector. Times are monotonic, INT64_MIN for never. */
struct planner_connector {
	int64_t row;
	bool active;             /* it has a job that is not over */
	int64_t young_until;     /* until then it counts as active anyway */
	int64_t history_read_at; /* never: due now */
	int64_t single_read_at;  /* never: due somewhere within the interval */
};

/* A connector to follow, or changed facts about one. Returns 0, or -1 without memory. */
int planner_put(struct planner *planner, const struct planner_connector *connector, int64_t now);

/* Whether the connector has a job that is not over. For a row that is not followed: nothing. */
void planner_found(struct planner *planner, int64_t connector_row, bool unfinished, int64_t now);

/* The connector is not to be followed any more. Unknown rows are fine. */
void planner_remove(struct planner *planner, int64_t connector_row);

/* Somebody waits for the list, or for one connector's history: due now, ahead of the rest. When
 * that is in flight already, it is asked once more afterwards only if `again`. For a history,
 * returns whether it will be asked: false for a row that is not followed; bulk: it is one of a
 * whole project's, behind the single wishes. */
void planner_want_list(struct planner *planner, bool again);
bool planner_want_history(struct planner *planner, int64_t connector_row, bool bulk, bool again);

/* The connector is to be read by itself as soon as the others leave room; again, when that is in
 * flight. Not sooner than its backoff allows. A row that is not followed is fine. */
void planner_want_single(struct planner *planner, int64_t connector_row, int64_t now);

/* The list is to be read again not later than `at`, without being ahead of its turn. */
void planner_list_not_later(struct planner *planner, int64_t at);

/* The next thing that is due at `now`, or PLAN_NOTHING and when. places is how many requests may be
 * in flight at once: what failed last time gets one in four of them, at least one. Changes nothing.
 */
struct plan planner_next(struct planner *planner, int64_t now, unsigned places);

/* The plan was submitted: in flight until planner_done. */
void planner_started(struct planner *planner, const struct plan *plan, int64_t now);

/* The request of a plan ended. retry_after 0: it went well and is due again after its interval;
 * otherwise it failed and is due again after a backoff, at least that many microseconds. */
void planner_done(
    struct planner *planner, const struct plan *plan, int64_t retry_after, int64_t now);

/* The intervals in force. */
struct planner_intervals planner_intervals(const struct planner *planner);
