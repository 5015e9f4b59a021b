/* SPDX-License-Identifier: MIT */
/* One project that is followed: what is known of it, for all that works on it, and what waits
 * there. What the waiting things are is behind those who work on them: refresh.h, follow.h,
 * outbox.h, search.h. Everything belongs to the sync thread. */
#pragma once

#include "config/config.h"
#include "mixpanel/ratelimit.h"
#include "model/project.h"
#include "store/connector_store.h"
#include "sync/attention.h"
#include "sync/doubts.h"
#include "sync/planner.h"
#include "sync/sync.h"
#include "sync/upstream.h"
#include "sync/witness.h"

struct call;

struct project {
	struct sync *sync;
	struct config *config; /* the reference that settings points into */
	const struct config_project *settings;
	bool removed; /* no longer configured: goes when nothing is in flight */
	struct planner *planner;
	struct ratelimit limit;
	struct upstream upstream;
	struct witness witness;
	LIST_HEAD(refresh_list, refresh) refreshes;
	STAILQ_HEAD(paged_list, read_call) paged; /* those whose next page waits for budget */
	struct doubts doubts;
	STAILQ_HEAD(outgoing_list, outgoing) outgoing; /* in the order they were asked for */
	STAILQ_HEAD(unsaved_list, send_call) unsaved;  /* whose end is not written yet */
	unsigned once_in_flight; /* of the verbs that are sent at most once, until their end is
				  * written */
	struct {
		struct search *list; /* sorted by row */
		size_t count;
	} searches;
	LIST_HEAD(call_list, call) calls; /* every one there is */
	unsigned in_flight;
	int64_t troubled_since; /* monotonic: since when the log says that Mixpanel is in trouble,
				   or INT64_MIN */
	int64_t date_ahead; /* Mixpanel's clock less the monotonic one; TIMESTAMP_NONE: not known */
	int told_state;     /* enum upstream_state that was told last; -1: none since the start */
	struct attention_watch watch; /* how its upstream has done; inspection.h */
	int64_t attention_at;         /* wall clock: when it is looked at again; INT64_MIN: now */
	bool loaded;                  /* a listing was applied once */
	bool list_tried;              /* it was, or at least one was asked for and came to an end */
	int64_t complete_listings;    /* how many were applied, ever */
	int64_t list_begun_at; /* monotonic: when the last one that was applied was asked for */
	LIST_ENTRY(project) entry;
};

/* A project to follow, with nothing that works on it yet; not on sync's list. Takes a reference to
 * config. Returns 0, a store outcome, or -1. */
int project_new(struct sync *sync, struct config *config, const struct config_project *settings,
    struct err *err, struct project **ret_project);

/* Frees what is known; the works are gone, and the calls. Takes NULL; returns NULL. */
struct project *project_free(struct project *project);

/* New settings. Takes a reference to config. */
void project_change(
    struct project *project, struct config *config, const struct config_project *settings);

/* Whether both ask the same Mixpanel as the same account. */
bool project_same_upstream(const struct config_project *a, const struct config_project *b);

/* The clocks; the connection to the store that all of the thread share. */
int64_t project_now(const struct project *project);
int64_t project_wall(const struct project *project);
struct conn *project_writer(const struct project *project);

/* As commit_write. */
int project_write(struct project *project,
    int (*body)(struct conn *conn, void *context, struct err *err), void *context, struct err *err);

/* Inside project_write: something of the project was changed; id may be NULL. */
void project_changed(struct project *project, enum change_kind kind, const char *id);

/* A connector as the store holds it. */
struct found_connector {
	int64_t row;
	bool deleted;
	bool deleted_by_us;
};

/* Finds one by Mixpanel's id. Returns 0, STORE_NONE when it was never known, or -1. */
int project_find_connector(const struct project *project, const char *connector_id, struct err *err,
    struct found_connector *ret_found);

/* Something was confirmed or concluded of a connector: it outranks what is read for settle_time. */
void project_settle(struct project *project, int64_t row, enum witness_hold hold);

/* Tells the planner of a connector; the first is a followed_connector_fn whose context is the
 * project, the other says so itself when there is no memory. */
int project_plan(const struct followed_connector *connector, void *context);
void project_follow(struct project *project, const struct followed_connector *connector);

/* Mixpanel is in trouble: says so in the log, once until it is well again. */
void project_troubled(struct project *project, const char *message);

/* It may be well again: if it is, and was not before, says so. */
void project_recovered(struct project *project, enum upstream_state before);

/* Whether a request may go out now, which is taken out of the budget then; else brings *next
 * forward to when to look again. As upstream_may_ask and ratelimit_take. */
bool project_may_send(struct project *project, bool waited, enum ratelimit_class rate_class,
    int64_t now, int64_t *next);

/* How long a thing that fails again and again is left alone: as long as it has failed already, from
 * 2 s to a minute, with jitter. since is monotonic. */
int64_t project_retry_delay(struct project *project, int64_t since);

/* What the API shows of it. */
struct upstream_status project_status(struct project *project);

/* The project with this id that is followed; NULL for none. removed ones count or do not. */
struct project *project_find(struct sync *sync, int64_t project_id, bool removed);

/* Whether Mixpanel's own date, in the last answer to one of the projects since the start, is within
 * an hour of the wall clock. Until then nothing is removed, and nothing expires, by age. */
bool project_date_is_sure(const struct sync *sync);
