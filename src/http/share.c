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

struct census {
	unsigned count;
	struct worker *worker; /* of the oldest */
	int64_t oldest;        /* when that was opened */
};

static struct census count_held(const struct worker *worker, uint64_t holder)
{
	struct census census = {.oldest = INT64_MAX};
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
			census.count++;
			if (connection->opened_at < census.oldest) {
				census.oldest = connection->opened_at;
				census.worker = at;
			}
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
	if (count_held(connection->worker, holder).count >= *ret_most)
		return 1;
	atomic_store(&connection->holder, holder);
	return 0;
}

/* It may have gone, or shown who it is, since it was counted. */
static void shut_oldest(const struct census *census)
{
	struct connection *at;
	pthread_mutex_lock(&census->worker->mutex);
	LIST_FOREACH (at, &census->worker->connections, entry)
		if (atomic_load(&at->holder) == HOLDER_NOBODY && at->opened_at == census->oldest) {
			atomic_store(&at->holder, HOLDER_GONE);
			shutdown(at->fd, SHUT_RDWR);
			break;
		}
	pthread_mutex_unlock(&census->worker->mutex);
}

void share_make_room(struct worker *worker)
{
	const struct endpoint *endpoint = worker->endpoint;
	unsigned most = endpoint->kind == LISTENER_HEALTH ? endpoint->connections - 1
							  : endpoint->connections / 4;
	struct census census;
	/* Another thread may have shut down the same one meanwhile: so it is counted again. */
	while ((census = count_held(worker, HOLDER_NOBODY)).worker &&
	       census.count > (most > 0 ? most : 1))
		shut_oldest(&census);
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
