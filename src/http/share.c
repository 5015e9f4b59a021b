/* SPDX-License-Identifier: MIT */
/* What there is of each caller is counted as it comes and goes, so that one more connection costs
 * the same however many there are: a crowd that calls again and again makes no work that grows with
 * it.
 *
 * A thread makes room among its own connections. So one that has asked goes only after its thread
 * has turned often enough to read what it asked; another thread that runs while this one does not
 * would close it unheard. */
#include "http/share.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "http/attendant.h"
#include "util/hash.h"

#define TOKEN_BIT (UINT64_C(1) << 62)

/* Whoever has at least one connection. */
struct share_holder {
	uint64_t id;
	unsigned count;
	LIST_ENTRY(share_holder) entry;
};

void share_init(struct share *share)
{
	*share = (struct share){.held = 0};
	pthread_mutex_init(&share->mutex, NULL);
}

void share_done(struct share *share)
{
	assert(share->held == 0);
	pthread_mutex_destroy(&share->mutex);
}

uint64_t share_of_uid(uid_t uid)
{
	return (uint64_t)uid + 1;
}

uint64_t share_of_token(const char *name)
{
	return (hash_of(span_of(name)) & (TOKEN_BIT - 1)) | TOKEN_BIT;
}

static struct share *of_listener(const struct connection *connection)
{
	return connection->worker->endpoint->share;
}

static void add_stranger(struct connection *connection)
{
	struct worker *worker = connection->worker;
	connection->stranger = true;
	TAILQ_INSERT_TAIL(&worker->strangers, connection, stranger_entry);
	worker->stranger_count++;
}

static void remove_stranger(struct connection *connection)
{
	struct worker *worker = connection->worker;
	if (!connection->stranger)
		return;
	connection->stranger = false;
	TAILQ_REMOVE(&worker->strangers, connection, stranger_entry);
	worker->stranger_count--;
}

/* The oldest of this opener's but the one that has just come, or else the oldest of all. */
static void shut_stranger(const struct connection *newest)
{
	struct connection *oldest = TAILQ_FIRST(&newest->worker->strangers), *at = oldest;
	while (at != newest && at->opener != newest->opener)
		at = TAILQ_NEXT(at, stranger_entry);
	if (at == newest)
		at = oldest;
	shutdown(at->fd, SHUT_RDWR);
	remove_stranger(at);
}

/* Of one thread. libmicrohttpd takes a few connections at once, and none when it is full: so even
 * health is never quite. */
static unsigned most_strangers(const struct endpoint *endpoint, unsigned held)
{
	unsigned all = endpoint->connections, most = all / 4;
	unsigned left = all > held ? (all - held) / 2 : 0;
	if (endpoint->kind == LISTENER_HEALTH)
		most = all - 1 - all / 16;
	else if (left < most)
		most = left;
	return most > endpoint->threads ? most / endpoint->threads : 1;
}

/* What follows is called with the mutex held. */

static struct share_holder *find_holder(struct share *share, uint64_t id)
{
	struct share_holder *at;
	LIST_FOREACH (at, &share->holders[id % SHARE_BUCKETS], entry)
		if (at->id == id)
			return at;
	at = calloc(1, sizeof(*at));
	if (!at)
		return NULL;
	at->id = id;
	LIST_INSERT_HEAD(&share->holders[id % SHARE_BUCKETS], at, entry);
	return at;
}

static void leave_holder(struct share *share, struct share_holder *holder)
{
	share->held--;
	if (--holder->count > 0)
		return;
	LIST_REMOVE(holder, entry);
	free(holder);
}

static bool holds_enough(
    const struct share_holder *holder, const struct share *share, unsigned connections)
{
	unsigned others = share->held - holder->count;
	return holder->count > 0 && 2 * (holder->count + 1) + others > connections;
}

static void take(struct share *share, struct connection *connection, struct share_holder *holder)
{
	if (connection->claim)
		leave_holder(share, connection->claim);
	share->held++;
	holder->count++;
	connection->claim = holder;
	atomic_store(&connection->holder, holder->id);
}

/* Until here. */

static uint64_t opener_of(const struct connection *connection)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	if (connection->worker->endpoint->kind != LISTENER_SOCKET ||
	    getsockopt(connection->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return HOLDER_NOBODY;
	return share_of_uid(peer.uid);
}

void share_opened(struct connection *connection)
{
	struct share *share = of_listener(connection);
	connection->opener = opener_of(connection);
	pthread_mutex_lock(&share->mutex);
	unsigned most = most_strangers(connection->worker->endpoint, share->held);
	pthread_mutex_unlock(&share->mutex);
	add_stranger(connection);
	while (connection->worker->stranger_count > most)
		shut_stranger(connection);
}

int share_claim(struct connection *connection, uint64_t holder, unsigned *ret_held)
{
	struct share *share = of_listener(connection);
	if (atomic_load(&connection->holder) == holder)
		return 0;
	pthread_mutex_lock(&share->mutex);
	struct share_holder *claim = find_holder(share, holder);
	bool enough =
	    claim && holds_enough(claim, share, connection->worker->endpoint->connections);
	if (enough)
		*ret_held = claim->count;
	else if (claim)
		take(share, connection, claim);
	pthread_mutex_unlock(&share->mutex);
	if (atomic_load(&connection->holder) == holder)
		remove_stranger(connection);
	return enough;
}

void share_closed(struct connection *connection)
{
	struct share *share = of_listener(connection);
	remove_stranger(connection);
	pthread_mutex_lock(&share->mutex);
	if (connection->claim)
		leave_holder(share, connection->claim);
	connection->claim = NULL;
	pthread_mutex_unlock(&share->mutex);
}

struct share_streams share_count_streams(const struct connection *connection)
{
	struct share_streams streams = {.all = 0};
	const struct worker *worker = connection->worker;
	const struct attendant *attendant = worker->attendant;
	for (size_t i = 0; i < attendant->worker_count; i++) {
		struct worker *at = attendant->workers[i];
		const struct connection *other;
		pthread_mutex_lock(&at->mutex);
		LIST_FOREACH (other, &at->connections, entry) {
			if (!atomic_load(&other->streaming))
				continue;
			streams.all++;
			streams.of_listener += at->endpoint == worker->endpoint;
			streams.of_holder +=
			    atomic_load(&other->holder) == atomic_load(&connection->holder);
		}
		pthread_mutex_unlock(&at->mutex);
	}
	return streams;
}
