/* SPDX-License-Identifier: MIT */
/* Counts by walking the connections of a listener, of all its threads: once for each connection,
 * and they are a few hundred. */
#include "http/share.h"

#include <sys/socket.h>

#include "http/attendant.h"
#include "util/hash.h"

/* Shut down, but not off the list yet. */
#define HOLDER_GONE UINT64_MAX
#define TOKEN_BIT (UINT64_C(1) << 62)

uint64_t share_of_uid(uid_t uid)
{
	return (uint64_t)uid + 1;
}

uint64_t share_of_token(const char *name)
{
	return (hash_of(span_of(name)) & (TOKEN_BIT - 1)) | TOKEN_BIT;
}

/* Some connections, and the oldest of them. */
struct crowd {
	unsigned count;
	struct worker *worker;
	uint64_t opener;
	int64_t opened_at;
};

struct census {
	struct crowd all;
	struct crowd of_opener;
};

static void crowd_add(
    struct crowd *crowd, struct worker *worker, const struct connection *connection)
{
	crowd->count++;
	if (crowd->worker && connection->opened_at >= crowd->opened_at)
		return;
	crowd->worker = worker;
	crowd->opener = atomic_load(&connection->opener);
	crowd->opened_at = connection->opened_at;
}

static struct census count_held(const struct worker *worker, uint64_t holder, uint64_t opener)
{
	struct census census = {.all.count = 0};
	const struct attendant *attendant = worker->attendant;
	for (size_t i = 0; i < attendant->worker_count; i++) {
		struct worker *at = attendant->workers[i];
		if (at->endpoint != worker->endpoint)
			continue;
		const struct connection *connection;
		pthread_mutex_lock(&at->mutex);
		LIST_FOREACH (connection, &at->connections, entry) {
			if (atomic_load(&connection->holder) != holder)
				continue;
			crowd_add(&census.all, at, connection);
			if (atomic_load(&connection->opener) == opener)
				crowd_add(&census.of_opener, at, connection);
		}
		pthread_mutex_unlock(&at->mutex);
	}
	return census;
}

int share_claim(struct connection *connection, uint64_t holder, unsigned *ret_most)
{
	unsigned most = connection->worker->endpoint->connections / 2;
	if (atomic_load(&connection->holder) == holder)
		return 0;
	*ret_most = most > 0 ? most : 1;
	if (count_held(connection->worker, holder, HOLDER_NOBODY).all.count >= *ret_most)
		return 1;
	atomic_store(&connection->holder, holder);
	return 0;
}

/* It may have gone, or shown who it is, since it was counted. */
static void shut_oldest(const struct crowd *crowd)
{
	struct connection *at;
	pthread_mutex_lock(&crowd->worker->mutex);
	LIST_FOREACH (at, &crowd->worker->connections, entry)
		if (atomic_load(&at->holder) == HOLDER_NOBODY &&
		    atomic_load(&at->opener) == crowd->opener &&
		    at->opened_at == crowd->opened_at) {
			atomic_store(&at->holder, HOLDER_GONE);
			shutdown(at->fd, SHUT_RDWR);
			break;
		}
	pthread_mutex_unlock(&crowd->worker->mutex);
}

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
	const struct endpoint *endpoint = connection->worker->endpoint;
	unsigned most = endpoint->kind == LISTENER_HEALTH ? endpoint->connections - 1
							  : endpoint->connections / 4;
	struct census census;
	uint64_t opener = opener_of(connection);
	atomic_store(&connection->opener, opener);
	/* Another thread may have shut down the same one meanwhile: so it is counted again. */
	while ((census = count_held(connection->worker, HOLDER_NOBODY, opener)).all.count >
	       (most > 0 ? most : 1))
		shut_oldest(census.of_opener.count > 1 ? &census.of_opener : &census.all);
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
