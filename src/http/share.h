/* SPDX-License-Identifier: MIT */
/* How a listener's connections are shared: no caller may hold more than it leaves to all others,
 * which is half of them for one alone; and all who have not shown yet who they are together have a
 * quarter, and half of what the callers leave at most. So there is always room for another, however
 * many callers there are. A connection carries one request at a time, and so also one wait or one
 * stream. */
#pragma once

#include <pthread.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

struct connection;

/* Who has not shown yet who it is. */
#define HOLDER_NOBODY 0

/* One for each listener. Invariant: held is the sum of what the holders hold. */
#define SHARE_BUCKETS 64
struct share {
	pthread_mutex_t mutex; /* guards what follows */
	unsigned held;
	LIST_HEAD(share_bucket, share_holder) holders[SHARE_BUCKETS];
};

void share_init(struct share *share);

/* When no connection is left. */
void share_done(struct share *share);

/* Who holds a connection of a peer's or of a token's; never HOLDER_NOBODY. */
uint64_t share_of_uid(uid_t uid);
uint64_t share_of_token(const char *name);

/* After a connection was opened, that is nobody's yet: when its thread has too many of these, the
 * oldest one is shut down. On a UNIX socket that is one of the same user's, as far as it has
 * others, so that nobody takes another's place; on the listener of health, where nobody says who
 * they are, only once it is nearly full. The worker's thread. */
void share_opened(struct connection *connection);

/* The connection is this caller's from now on. Returns 0; or 1, and how many the caller holds, when
 * those are as many as are left without them. Without memory it stays nobody's. The worker's
 * thread. */
int share_claim(struct connection *connection, uint64_t holder, unsigned *ret_held);

/* Before the connection is closed. The worker's thread. */
void share_closed(struct connection *connection);

/* How many streams there are: in all, on the connection's listener, and of its holder. */
struct share_streams {
	unsigned all, of_listener, of_holder;
};
struct share_streams share_count_streams(const struct connection *connection);
