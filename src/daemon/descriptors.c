/* SPDX-License-Identifier: MIT */
/* A thread of libmicrohttpd that may accept a connection and has no descriptor for it tries again
 * without a pause, and while it does, health is silent. So descriptors are shared out beforehand:
 * the limits of all listeners together, and what the daemon needs beside them, are never more than
 * may be open. */
#include "daemon/descriptors.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#include "util/log.h"

/* What the daemon needs beside the connections to its API: files, the database for each thread,
 * what wakes the threads, some requests to Mixpanel, a reload, a few clients of health. */
#define SPARE 64
#define SPARE_SOCKETS 3
#define SPARE_UPSTREAM 8
/* What one more listening socket takes, with its threads. */
#define MORE_FOR_SOCKET 16
#define HEALTH_MINIMUM 8
/* A connection for each of the two threads of a socket. */
#define CONNECTIONS_MINIMUM 2

void descriptors_raise(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
		return;
	rlim_t before = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("the limit of open descriptors stays at %" PRIu64 ": %s",
		    (uint64_t)before, strerrordesc_np(errno));
}

static uint64_t count_api_sockets(const struct listeners *listeners)
{
	uint64_t count = 0;
	for (size_t i = 0; i < listeners->count; i++)
		count += listeners->sockets[i].kind != LISTENER_HEALTH;
	return count;
}

static uint64_t spare_of(const struct config *config, const struct listeners *listeners)
{
	uint64_t spare = SPARE, upstream = 0;
	for (size_t i = 0; i < config->project_count; i++)
		upstream += config->projects[i].max_concurrent;
	if (upstream > SPARE_UPSTREAM)
		spare += upstream - SPARE_UPSTREAM;
	if (listeners->count > SPARE_SOCKETS)
		spare += (listeners->count - SPARE_SOCKETS) * MORE_FOR_SOCKET;
	return spare;
}

/* What is left over goes to health, up to what a socket of the API may have. */
static unsigned share_of_health(
    const struct listeners *listeners, uint64_t api_sockets, uint64_t connections, uint64_t left)
{
	uint64_t sockets = listeners->count - api_sockets;
	uint64_t share = HEALTH_MINIMUM + (sockets > 0 ? left / sockets : 0);
	return (unsigned)(share < connections ? share : connections);
}

int descriptors_share_out(const struct config *config, const struct listeners *listeners,
    struct err *err, struct descriptors_share *ret_share)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return err_set_errno(err, errno, "cannot tell how many descriptors may be open");
	uint64_t api_sockets = count_api_sockets(listeners);
	/* Two, also when one of them is not there: who adds it need not look here again. */
	uint64_t divisor = api_sockets > 2 ? api_sockets : 2;
	uint64_t spare = spare_of(config, listeners);
	uint64_t connections = config->max_connections;
	if (limit.rlim_cur < spare + divisor * CONNECTIONS_MINIMUM)
		return err_set(err,
		    "only %" PRIu64 " descriptors may be open (LimitNOFILE= of the service, or "
		    "ulimit -n); at least %" PRIu64 " are needed",
		    (uint64_t)limit.rlim_cur, spare + divisor * CONNECTIONS_MINIMUM);
	uint64_t most = (limit.rlim_cur - spare) / divisor;
	if (connections > most) {
		log_warning("max_connections is lowered from %" PRIu64 " to %" PRIu64
			    ": only %" PRIu64 " descriptors may be open (LimitNOFILE= of the "
			    "service, or ulimit -n), and %" PRIu64 " would be needed",
		    connections, most, (uint64_t)limit.rlim_cur, spare + divisor * connections);
		connections = most;
	}
	uint64_t left = limit.rlim_cur - spare - divisor * connections;
	ret_share->connections = (unsigned)connections;
	ret_share->health_connections =
	    share_of_health(listeners, api_sockets, config->max_connections, left);
	return 0;
}
