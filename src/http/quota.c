/* SPDX-License-Identifier: MIT */
/* Everybody on the loopback interface is one source: its addresses are free for the taking. A token
 * that is right is never held back, so nobody is locked out by others who guess. */
#include "http/quota.h"

#include <inttypes.h>

#include "http/share.h"
#include "util/clock.h"
#include "util/log.h"

/* Beyond the holders of share.c: who comes over TCP is no trouble of who uses the socket. */
#define NOBODY_OF (UINT64_C(1) << 63)
#define SAID_INTERVAL MICROSECONDS_PER_MINUTE

static const struct bucket_rule failures = {.per_second = 10, .burst = 100, .debt = 9};

void quota_init(struct quota *quota)
{
	buckets_init(&quota->requests);
	buckets_init(&quota->failures);
	unsent_init(&quota->unsent);
	pthread_mutex_init(&quota->mutex, NULL);
}

void quota_done(struct quota *quota)
{
	buckets_done(&quota->requests);
	buckets_done(&quota->failures);
	unsent_done(&quota->unsent);
	pthread_mutex_destroy(&quota->mutex);
}

int quota_request(struct quota *quota, enum listener_kind kind, uint64_t caller,
    const struct config *config, int64_t now)
{
	uint64_t most = config->requests_per_second;
	if (most == 0)
		return 0;
	if (caller == HOLDER_NOBODY) {
		most = most < 4 ? 1 : most / 4;
		caller = NOBODY_OF + kind;
	}
	const struct bucket_rule rule = {.per_second = most, .burst = most};
	return buckets_take(&quota->requests, caller, &rule, now) > 0;
}

static void say(struct quota *quota, enum listener_kind kind, const char *name, int64_t now)
{
	struct quota_unsaid *unsaid = &quota->unsaid[kind];
	uint64_t count = 0;
	pthread_mutex_lock(&quota->mutex);
	unsaid->count++;
	if (unsaid->said_at == 0 || now - unsaid->said_at >= SAID_INTERVAL) {
		count = unsaid->count;
		*unsaid = (struct quota_unsaid){.said_at = now};
	}
	pthread_mutex_unlock(&quota->mutex);
	if (count > 0)
		log_warning("not let in on the %s listener: %s (%" PRIu64
			    " such requests since this was last said)",
		    kind == LISTENER_SOCKET ? "socket" : "TCP",
		    name[0] ? name : "a client that has gone", count);
}

int64_t quota_failure(
    struct quota *quota, enum listener_kind kind, uint64_t source, const char *name, int64_t now)
{
	atomic_fetch_add(&quota->failed[kind], 1);
	say(quota, kind, name, now);
	int64_t wait = buckets_take(&quota->failures, source, &failures, now);
	return wait < MICROSECONDS_PER_SECOND ? wait : MICROSECONDS_PER_SECOND;
}
