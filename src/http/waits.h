/* SPDX-License-Identifier: MIT */
/* Who waits for what: the requests that are suspended, and the topics that they watch. A topic is
 * something of the application's that changes. */
#pragma once

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define TOPIC_KINDS 8
#define TOPIC_ID_SIZE 32

/* What the kinds and ids mean is the application's matter. */
struct topic {
	unsigned kind;          /* below TOPIC_KINDS */
	char id[TOPIC_ID_SIZE]; /* "": every one of the kind */
};

/* How it stands with something that a thread of the application's carries out for a request. */
enum call_state { CALL_NONE, CALL_PENDING, CALL_DONE, CALL_ABANDONED };

#define WATCHES_LIMIT 4
#define WATCH_BUCKETS 64

struct watch {
	struct topic topic;
	struct wait *wait;
	LIST_ENTRY(watch) entry;
};

/* One for each connection. */
struct wait {
	struct waits *waits;
	struct MHD_Connection *mhd; /* of the request under way */
	int64_t deadline;           /* monotonic; 0: not set */
	_Atomic int call;           /* enum call_state */

	/* guarded by the mutex of struct waits */
	struct watch watches[WATCHES_LIMIT];
	size_t watch_count;
	bool fired;
	bool suspended;
	LIST_ENTRY(wait) entry; /* of the suspended */
};

struct waits {
	pthread_mutex_t mutex;
	LIST_HEAD(watch_list, watch) watches[TOPIC_KINDS][WATCH_BUCKETS];
	LIST_HEAD(wait_list, wait) suspended;
	size_t suspended_count;
	int64_t attendant_wakes; /* monotonic; when it will look round by itself */
	int wakeup;              /* eventfd of the attendant */
	atomic_bool ending;      /* no wait goes on */
	bool closed;             /* no call is begun any more */
};

/* Returns 0, or -1 with errno. */
int waits_init(struct waits *waits);

/* When nothing is suspended. */
void waits_done(struct waits *waits);

/* Ends the waits for these topics. Any thread. */
void waits_notify(struct waits *waits, const struct topic *topics, size_t count);

/* Ends every wait for a topic, and those to come; calls go on. */
void waits_end(struct waits *waits);

/* Ends the waits for a topic that are under way: whoever waits looks again, and may go on. */
void waits_nudge(struct waits *waits);

/* Refuses calls from now on and abandons those that are pending. */
void waits_close(struct waits *waits);

/* How many are suspended. */
size_t waits_count(struct waits *waits);

/* Ends the waits whose time is over. planned is when the attendant looks round anyway; the nearer
 * of it and the nearest deadline comes back. */
int64_t waits_round(struct waits *waits, int64_t now, int64_t planned);

/* Wakes the attendant. */
void waits_wake(struct waits *waits);

/* Watches a topic: from now on a change of it ends the next wait at once, even when it happens
 * before that begins. */
void wait_watch(struct wait *wait, unsigned kind, const char *id);

/* Ends the next wait at once, as a change would, unless wait_watch is called before it. */
void wait_go_on(struct wait *wait);

/* Suspends the request until a watched topic changes, the deadline or wait_end; not at all when
 * it has happened already, or when `over`, asked under the mutex, says so. */
void wait_suspend(struct wait *wait, bool (*over)(void *context), void *context);

/* Ends a wait for a topic, if there is one. Any thread that keeps the connection from closing. */
void wait_end(struct wait *wait);

/* Suspends the request until wait_call_done. Returns 0; 1 when no call may be begun any more. */
int wait_suspend_for_call(struct wait *wait);

/* The call is done. Any thread; once. */
void wait_call_done(struct wait *wait);

/* Forgets what a request watched: at its end. */
void wait_reset(struct wait *wait);
