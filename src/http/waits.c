/* SPDX-License-Identifier: MIT */
/* Requests that wait, and what ends their waiting.
 *
 * A wait ends by a change, by its deadline, by the client leaving, by the daemon stopping, or by
 * the end of a call, each on another thread. Exactly one of them may resume the connection, and
 * none may touch it later:
 *
 * - A request is on the list of the suspended exactly as long as it is suspended; who takes it off,
 *   under the mutex, resumes it. Suspending happens under the same mutex, before any of them can
 *   see it.
 * - A change between wait_watch and wait_suspend is not lost: it finds the watch, finds nobody
 *   suspended, and leaves `fired` behind, which wait_suspend looks at under the mutex.
 * - When the daemon cannot wait for a call any longer, one atomic exchange decides whether it was
 *   done or is abandoned; after the latter wait_call_done touches nothing else. */
#include "http/waits.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int waits_init(struct waits *waits)
{
	memset(waits, 0, sizeof(*waits));
	waits->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&waits->mutex, NULL);
	return waits->wakeup < 0 ? -1 : 0;
}

void waits_done(struct waits *waits)
{
	assert(LIST_EMPTY(&waits->suspended));
	if (waits->wakeup >= 0)
		close(waits->wakeup);
	pthread_mutex_destroy(&waits->mutex);
}

void waits_wake(struct waits *waits)
{
	uint64_t one = 1;
	ssize_t written = write(waits->wakeup, &one, sizeof(one));
	(void)written; /* it fails only when the counter is full: then the attendant wakes anyway */
}

static size_t bucket_of(const char *id)
{
	uint32_t hash = UINT32_C(2166136261);
	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * UINT32_C(16777619);
	return hash % WATCH_BUCKETS;
}

static void suspend(struct waits *waits, struct wait *wait)
{
	MHD_suspend_connection(wait->mhd);
	wait->suspended = true;
	LIST_INSERT_HEAD(&waits->suspended, wait, entry);
	waits->suspended_count++;
}

static void resume(struct waits *waits, struct wait *wait)
{
	assert(wait->suspended);
	wait->suspended = false;
	LIST_REMOVE(wait, entry);
	waits->suspended_count--;
	MHD_resume_connection(wait->mhd);
}

static bool waits_for_call(struct wait *wait)
{
	return atomic_load(&wait->call) != CALL_NONE;
}

static void fire_bucket(
    struct waits *waits, size_t bucket, const struct topic *topic, bool everybody)
{
	struct watch *at;
	LIST_FOREACH (at, &waits->watches[topic->kind][bucket], entry)
		if (everybody || strcmp(at->topic.id, topic->id) == 0) {
			at->wait->fired = true;
			if (at->wait->suspended && !waits_for_call(at->wait))
				resume(waits, at->wait);
		}
}

static void fire_topic(struct waits *waits, const struct topic *topic)
{
	const struct topic any = {.kind = topic->kind};
	assert(topic->kind < TOPIC_KINDS);
	if (!topic->id[0]) {
		for (size_t bucket = 0; bucket < WATCH_BUCKETS; bucket++)
			fire_bucket(waits, bucket, topic, true);
		return;
	}
	fire_bucket(waits, bucket_of(topic->id), topic, false);
	fire_bucket(waits, bucket_of(""), &any, false);
}

void waits_notify(struct waits *waits, const struct topic *topics, size_t count)
{
	pthread_mutex_lock(&waits->mutex);
	for (size_t i = 0; i < count; i++)
		fire_topic(waits, &topics[i]);
	pthread_mutex_unlock(&waits->mutex);
}

/* With the mutex held. */
static void resume_all(struct waits *waits)
{
	for (struct wait *wait = LIST_FIRST(&waits->suspended), *next; wait; wait = next) {
		next = LIST_NEXT(wait, entry);
		if (!waits_for_call(wait))
			resume(waits, wait);
	}
}

void waits_nudge(struct waits *waits)
{
	pthread_mutex_lock(&waits->mutex);
	resume_all(waits);
	pthread_mutex_unlock(&waits->mutex);
}

void waits_end(struct waits *waits)
{
	pthread_mutex_lock(&waits->mutex);
	atomic_store(&waits->ending, true);
	resume_all(waits);
	pthread_mutex_unlock(&waits->mutex);
}

void waits_close(struct waits *waits)
{
	pthread_mutex_lock(&waits->mutex);
	waits->closed = true;
	for (struct wait *wait = LIST_FIRST(&waits->suspended), *next; wait; wait = next) {
		next = LIST_NEXT(wait, entry);
		int pending = CALL_PENDING;
		/* One that is done just now is resumed by wait_call_done. */
		if (atomic_compare_exchange_strong(&wait->call, &pending, CALL_ABANDONED))
			resume(waits, wait);
	}
	pthread_mutex_unlock(&waits->mutex);
}

size_t waits_count(struct waits *waits)
{
	pthread_mutex_lock(&waits->mutex);
	size_t count = waits->suspended_count;
	pthread_mutex_unlock(&waits->mutex);
	return count;
}

int64_t waits_round(struct waits *waits, int64_t now, int64_t planned)
{
	pthread_mutex_lock(&waits->mutex);
	for (struct wait *wait = LIST_FIRST(&waits->suspended), *next; wait; wait = next) {
		next = LIST_NEXT(wait, entry);
		if (waits_for_call(wait))
			continue;
		if (now >= wait->deadline) {
			resume(waits, wait);
			continue;
		}
		if (wait->deadline < planned)
			planned = wait->deadline;
	}
	waits->attendant_wakes = planned;
	pthread_mutex_unlock(&waits->mutex);
	return planned;
}

/* One that is suspended after this sees by itself that it is over. */
void wait_end(struct wait *wait)
{
	struct waits *waits = wait->waits;
	pthread_mutex_lock(&waits->mutex);
	if (wait->suspended && !waits_for_call(wait))
		resume(waits, wait);
	pthread_mutex_unlock(&waits->mutex);
}

void wait_reset(struct wait *wait)
{
	if (wait->watch_count > 0) {
		pthread_mutex_lock(&wait->waits->mutex);
		for (size_t i = 0; i < wait->watch_count; i++)
			LIST_REMOVE(&wait->watches[i], entry);
		wait->watch_count = 0;
		pthread_mutex_unlock(&wait->waits->mutex);
	}
	assert(!wait->suspended);
	wait->fired = false;
	wait->deadline = 0;
	if (atomic_load_explicit(&wait->call, memory_order_relaxed) != CALL_ABANDONED)
		atomic_store_explicit(&wait->call, CALL_NONE, memory_order_relaxed);
}

static bool is_watched(const struct wait *wait, unsigned kind, const char *id)
{
	for (size_t i = 0; i < wait->watch_count; i++) {
		const struct topic *topic = &wait->watches[i].topic;
		if (topic->kind == kind && strcmp(topic->id, id) == 0)
			return true;
	}
	return false;
}

void wait_watch(struct wait *wait, unsigned kind, const char *id)
{
	struct waits *waits = wait->waits;
	assert(kind < TOPIC_KINDS);
	pthread_mutex_lock(&waits->mutex);
	wait->fired = false;
	if (!is_watched(wait, kind, id)) {
		assert(wait->watch_count < WATCHES_LIMIT);
		struct watch *watch = &wait->watches[wait->watch_count++];
		*watch = (struct watch){.topic = {.kind = kind}, .wait = wait};
		snprintf(watch->topic.id, sizeof(watch->topic.id), "%s", id);
		LIST_INSERT_HEAD(&waits->watches[kind][bucket_of(watch->topic.id)], watch, entry);
	}
	pthread_mutex_unlock(&waits->mutex);
}

void wait_go_on(struct wait *wait)
{
	struct waits *waits = wait->waits;
	pthread_mutex_lock(&waits->mutex);
	wait->fired = true;
	pthread_mutex_unlock(&waits->mutex);
}

void wait_suspend(struct wait *wait, bool (*over)(void *context), void *context)
{
	struct waits *waits = wait->waits;
	pthread_mutex_lock(&waits->mutex);
	suspend(waits, wait);
	if (wait->fired || over(context))
		resume(waits, wait);
	else if (wait->deadline < waits->attendant_wakes)
		waits_wake(waits);
	pthread_mutex_unlock(&waits->mutex);
}

int wait_suspend_for_call(struct wait *wait)
{
	struct waits *waits = wait->waits;
	pthread_mutex_lock(&waits->mutex);
	bool closed = waits->closed;
	if (!closed) {
		atomic_store(&wait->call, CALL_PENDING);
		suspend(waits, wait);
	}
	pthread_mutex_unlock(&waits->mutex);
	return closed;
}

void wait_call_done(struct wait *wait)
{
	struct waits *waits = wait->waits;
	int pending = CALL_PENDING;
	if (!atomic_compare_exchange_strong(&wait->call, &pending, CALL_DONE))
		return;
	pthread_mutex_lock(&waits->mutex);
	resume(waits, wait);
	pthread_mutex_unlock(&waits->mutex);
}
