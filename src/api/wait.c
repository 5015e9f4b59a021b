/* SPDX-License-Identifier: MIT */
/* Requests that wait, and what ends their waiting.
 *
 * A wait ends by a change, by its deadline, by the client leaving, by the daemon stopping, or by
 * the engine's answer, each on another thread. Exactly one of them may resume the connection, and
 * none may touch it later:
 *
 * - A request is on the list of the suspended exactly as long as it is suspended; who takes it off,
 *   under the mutex, resumes it. Suspending happens under the same mutex, before any of them can
 * see it.
 * - A change between request_watch and reply_wait is not lost: it finds the watch, finds nobody
 *   suspended, and leaves `fired` behind, which reply_wait looks at under the mutex.
 * - The engine owns a command until it calls `done`. The command lives in the connection, so one
 *   reference of the connection goes with it. When the daemon cannot wait for the engine any
 * longer, one atomic exchange decides whether the command was answered or is abandoned; after the
 * latter `done` gives its reference back and touches nothing else. */
#include "api/server_private.h"

#include <assert.h>
#include <string.h>
#include <sys/eventfd.h>

int waits_init(struct waits *waits)
{
	memset(waits, 0, sizeof(*waits));
	waits->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&waits->mutex, NULL);
	return waits->wakeup < 0 ? -1 : 0;
}

void waits_done(struct waits *waits)
{
	assert(!waits->suspended);
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

static struct waits *waits_of(const struct wait *wait)
{
	return &wait->connection->worker->server->waits;
}

static size_t bucket_of(const char *id, uint64_t ticket)
{
	uint32_t hash = UINT32_C(2166136261) ^ (uint32_t)ticket;
	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * UINT32_C(16777619);
	return hash % WATCH_BUCKETS;
}

static void link_watch(struct waits *waits, struct watch *watch)
{
	struct watch **head = &waits->watches[watch->kind][bucket_of(watch->id, watch->ticket)];
	watch->next = *head;
	if (watch->next)
		watch->next->link = &watch->next;
	watch->link = head;
	*head = watch;
}

static void unlink_watch(struct watch *watch)
{
	*watch->link = watch->next;
	if (watch->next)
		watch->next->link = watch->link;
}

static void suspend(struct waits *waits, struct wait *wait)
{
	MHD_suspend_connection(wait->connection->request.connection);
	wait->suspended = true;
	wait->previous = NULL;
	wait->next = waits->suspended;
	if (wait->next)
		wait->next->previous = wait;
	waits->suspended = wait;
	waits->suspended_count++;
}

static void resume(struct waits *waits, struct wait *wait)
{
	assert(wait->suspended);
	wait->suspended = false;
	if (wait->previous)
		wait->previous->next = wait->next;
	else
		waits->suspended = wait->next;
	if (wait->next)
		wait->next->previous = wait->previous;
	waits->suspended_count--;
	MHD_resume_connection(wait->connection->request.connection);
}

static bool waits_for_command(struct wait *wait)
{
	return atomic_load(&wait->command) != COMMAND_STATE_NONE;
}

static void fire(struct waits *waits, struct wait *wait)
{
	wait->fired = true;
	if (wait->suspended && !waits_for_command(wait))
		resume(waits, wait);
}

static void fire_bucket(
    struct waits *waits, size_t bucket, const struct change *change, bool everybody)
{
	for (struct watch *watch = waits->watches[change->kind][bucket]; watch; watch = watch->next)
		if (everybody ||
		    (watch->ticket == change->ticket && strcmp(watch->id, change->id) == 0))
			fire(waits, watch->wait);
}

static void fire_change(struct waits *waits, const struct change *change)
{
	bool everybody = change->id[0] == '\0' && change->ticket == 0;
	if (everybody) {
		for (size_t bucket = 0; bucket < WATCH_BUCKETS; bucket++)
			fire_bucket(waits, bucket, change, true);
		return;
	}
	struct change any = {.kind = change->kind};
	fire_bucket(waits, bucket_of(change->id, change->ticket), change, false);
	fire_bucket(waits, bucket_of("", 0), &any, false);
}

void waits_changed(struct waits *waits, const struct change *changes, size_t count)
{
	pthread_mutex_lock(&waits->mutex);
	for (size_t i = 0; i < count; i++)
		fire_change(waits, &changes[i]);
	pthread_mutex_unlock(&waits->mutex);
}

void waits_end(struct waits *waits)
{
	pthread_mutex_lock(&waits->mutex);
	atomic_store(&waits->ending, true);
	for (struct wait *wait = waits->suspended, *next; wait; wait = next) {
		next = wait->next;
		if (!waits_for_command(wait))
			resume(waits, wait);
	}
	pthread_mutex_unlock(&waits->mutex);
}

void waits_close(struct waits *waits)
{
	pthread_mutex_lock(&waits->mutex);
	waits->closed = true;
	for (struct wait *wait = waits->suspended, *next; wait; wait = next) {
		next = wait->next;
		int pending = COMMAND_STATE_PENDING;
		/* A command that was answered just now is resumed by command_done. */
		if (atomic_compare_exchange_strong(
			&wait->command, &pending, COMMAND_STATE_ABANDONED))
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
	for (struct wait *wait = waits->suspended, *next; wait; wait = next) {
		next = wait->next;
		if (waits_for_command(wait))
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

/* One that is suspended after this sees that the client has left by itself. */
void waits_left(struct waits *waits, struct wait *wait)
{
	pthread_mutex_lock(&waits->mutex);
	if (wait->suspended && !waits_for_command(wait))
		resume(waits, wait);
	pthread_mutex_unlock(&waits->mutex);
}

void wait_reset(struct wait *wait)
{
	if (wait->watch_count > 0) {
		struct waits *waits = waits_of(wait);
		pthread_mutex_lock(&waits->mutex);
		for (size_t i = 0; i < wait->watch_count; i++)
			unlink_watch(&wait->watches[i]);
		wait->watch_count = 0;
		pthread_mutex_unlock(&waits->mutex);
	}
	assert(!wait->suspended);
	wait->fired = false;
	wait->deadline = 0;
	if (atomic_load_explicit(&wait->command, memory_order_relaxed) != COMMAND_STATE_ABANDONED)
		atomic_store_explicit(&wait->command, COMMAND_STATE_NONE, memory_order_relaxed);
}

void request_wait_for(struct request *request, uint64_t seconds)
{
	if (request->wait->deadline == 0)
		request->wait->deadline =
		    request->arrived_at + (int64_t)seconds * MICROSECONDS_PER_SECOND;
}

static struct watch *find_watch(
    struct wait *wait, enum change_kind kind, const char *id, uint64_t ticket)
{
	for (size_t i = 0; i < wait->watch_count; i++) {
		struct watch *watch = &wait->watches[i];
		if (watch->kind == kind && watch->ticket == ticket && strcmp(watch->id, id) == 0)
			return watch;
	}
	return NULL;
}

void request_watch(struct request *request, enum change_kind kind, const char *id, uint64_t ticket)
{
	struct wait *wait = request->wait;
	struct waits *waits = waits_of(wait);
	pthread_mutex_lock(&waits->mutex);
	wait->fired = false;
	if (!find_watch(wait, kind, id, ticket)) {
		assert(wait->watch_count < WATCHES_LIMIT);
		struct watch *watch = &wait->watches[wait->watch_count++];
		*watch = (struct watch){.kind = kind, .ticket = ticket, .wait = wait};
		snprintf(watch->id, sizeof(watch->id), "%s", id);
		link_watch(waits, watch);
	}
	pthread_mutex_unlock(&waits->mutex);
}

bool request_wait_over(const struct request *request)
{
	const struct wait *wait = request->wait;
	return atomic_load(&wait->connection->left) || atomic_load(&waits_of(wait)->ending) ||
	       server_now(request->server) >= wait->deadline;
}

/* From here on the time that passes is not the handler's, and no deadline of the client's. */
static bool leave_thread(struct request *request, handler_fn *continuation)
{
	struct connection *connection = connection_of(request);
	assert(connection->phase == PHASE_HANDLED);
	if (!connection_set_deadline(connection, STAGE_SERVING, DEADLINE_NONE)) {
		connection->phase = PHASE_FAILED;
		return false;
	}
	request->resume = continuation;
	connection->phase = PHASE_SUSPENDED;
	connection->busy += server_now(request->server) - connection->running_since;
	return true;
}

struct answered reply_wait(struct request *request, handler_fn *continuation)
{
	struct wait *wait = request->wait;
	struct waits *waits = waits_of(wait);
	struct answered answered = {.request = request};
	if (!leave_thread(request, continuation))
		return answered;
	pthread_mutex_lock(&waits->mutex);
	suspend(waits, wait);
	if (wait->fired || request_wait_over(request))
		resume(waits, wait);
	else if (wait->deadline < waits->attendant_wakes)
		waits_wake(waits);
	pthread_mutex_unlock(&waits->mutex);
	return answered;
}

static void command_done(struct command *command)
{
	struct connection *connection = command->context;
	struct wait *wait = &connection->wait;
	int pending = COMMAND_STATE_PENDING;
	if (atomic_compare_exchange_strong(&wait->command, &pending, COMMAND_STATE_DONE)) {
		struct waits *waits = waits_of(wait);
		pthread_mutex_lock(&waits->mutex);
		resume(waits, wait);
		pthread_mutex_unlock(&waits->mutex);
	}
	connection_unref(connection);
}

struct answered wait_over(struct request *request)
{
	struct wait *wait = request->wait;
	if (atomic_load(&wait->command) == COMMAND_STATE_ABANDONED)
		return reply_problem(request, PROBLEM_STOPPING,
		    "The daemon stops before it is known whether the request was taken: look at "
		    "GET /v1/operations before sending it again.");
	atomic_store(&wait->command, COMMAND_STATE_NONE);
	return request->resume(request);
}

/* Suspends for the engine. Returns false when the daemon takes no commands any more. */
static bool suspend_for_command(struct request *request, handler_fn *continuation)
{
	struct wait *wait = request->wait;
	struct waits *waits = waits_of(wait);
	pthread_mutex_lock(&waits->mutex);
	bool open = !waits->closed;
	if (open && leave_thread(request, continuation)) {
		atomic_store(&wait->command, COMMAND_STATE_PENDING);
		suspend(waits, wait);
	}
	pthread_mutex_unlock(&waits->mutex);
	return open;
}

struct answered reply_after_command(struct request *request, handler_fn *continuation)
{
	struct connection *connection = connection_of(request);
	request->command.done = command_done;
	request->command.context = connection;
	if (!suspend_for_command(request, continuation))
		return reply_problem(
		    request, PROBLEM_STOPPING, "The daemon stops: nothing was done.");
	if (connection->phase == PHASE_SUSPENDED) {
		connection_ref(connection);
		engine_submit(request->server->options.engine, &request->command);
	}
	return (struct answered){.request = request};
}
