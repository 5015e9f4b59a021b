/* SPDX-License-Identifier: MIT */
/* libmicrohttpd limits how long a connection may be silent, not how long a request may take: one
 * byte a second keeps it alive for ever. It does not look at connections that are suspended, and
 * misses a client's leaving when it came with the client's last bytes. So one thread looks round at
 * least every second: it cuts connections whose deadline has passed and ends waits whose time is
 * over. Between, it notices clients that leave: it ends their waits, and has libmicrohttpd read to
 * the end of what they sent. A client that has only ended its own side still gets its answers. What
 * refused clients still send is thrown away, see lingering.c.
 *
 * An event points to a connection, so it is taken and acted upon under one mutex, and a connection
 * takes itself off under the same mutex before it goes.
 *
 * It also sees whether the serving threads turn, also those with nothing to do: such a thread
 * sleeps in epoll_wait, and calls nothing of ours. An eventfd, the pulse, is among what each waits
 * for, and is written to at each round: the thread wakes and takes the event. One whose epoll
 * descriptor has nothing ready at the next round has taken it. One that has may just be busy, but
 * then it has called our code meanwhile. One that has done neither does not turn: it is stopped, or
 * blocked. libmicrohttpd (0.9.75 to 1.0) passes over events without a pointer. A connection of our
 * own in each thread would do without that, but which thread accepts one cannot be chosen, the
 * queue may be full, and the daemon need not have the right to connect to a socket that it was
 * passed.
 *
 * It shares a connection's deadline with the worker through one atomic value: whichever of the two
 * exchanges it first decides, so an answer and a cut exclude each other. */
#include "http/attendant.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/cleanup.h"

#define TICK_MAXIMUM MICROSECONDS_PER_SECOND
#define TICK_MINIMUM (10 * MICROSECONDS_PER_MILLISECOND)
#define EVENTS_AT_ONCE 64
/* Less than the longest tick, so that each of those brings a pulse. */
#define PULSE_INTERVAL (TICK_MAXIMUM / 2)

static void check_deadline(struct attendant *attendant, struct connection *connection, int64_t now)
{
	int64_t deadline = atomic_load_explicit(&connection->deadline, memory_order_relaxed);
	if (deadline == DEADLINE_PASSED || now < deadline)
		return;
	if (!atomic_compare_exchange_strong(&connection->deadline, &deadline, DEADLINE_PASSED))
		return;
	if (atomic_load(&connection->stage) == STAGE_ARRIVING) {
		char id[REQUEST_ID_SIZE];
		/* From here on no other request begins, so that its id stays. */
		if (atomic_load(&connection->identified))
			memcpy(id, connection->request.id, sizeof(id));
		else
			random_id("r", id);
		connection_refuse(connection, &attendant->counters, PROBLEM_REQUEST_TIMEOUT, id,
		    "The request had not wholly arrived in time: send it again.");
	}
	shutdown(connection->fd, SHUT_RDWR);
}

static int64_t tick_of(struct attendant *attendant)
{
	_cleanup_config_ struct config *config = editions_config(attendant->editions);
	int64_t tick = config->request_timeout / 4;
	return tick < TICK_MINIMUM ? TICK_MINIMUM : tick > TICK_MAXIMUM ? TICK_MAXIMUM : tick;
}

static void check_turns(struct attendant *attendant, int64_t now)
{
	const uint64_t one = 1;
	int64_t passed = now - attendant->pulsed_at;
	if (passed < PULSE_INTERVAL)
		return;
	/* More has passed when the whole process was stopped, which is no fault of a thread's. */
	if (passed > 2 * TICK_MAXIMUM)
		passed = 2 * TICK_MAXIMUM;
	for (size_t i = 0; i < attendant->worker_count; i++) {
		struct worker *worker = attendant->workers[i];
		struct pollfd pulse = {.fd = atomic_load(&worker->events), .events = POLLIN};
		uint64_t calls = atomic_load_explicit(&worker->calls, memory_order_relaxed);
		/* poll(2) passes over one that does not run. */
		bool turned = calls != worker->calls_seen || poll(&pulse, 1, 0) == 0;
		atomic_store(
		    &worker->still_for, turned ? 0 : atomic_load(&worker->still_for) + passed);
		worker->calls_seen = calls;
	}
	attendant->pulsed_at = now;
	(void)!write(attendant->pulse, &one, sizeof(one));
}

/* Looks round once; when to do it again comes back. */
static int64_t attendant_turn(struct attendant *attendant, int64_t now)
{
	for (size_t i = 0; i < attendant->worker_count; i++) {
		struct worker *worker = attendant->workers[i];
		pthread_mutex_lock(&worker->mutex);
		struct connection *at;
		LIST_FOREACH (at, &worker->connections, entry) {
			check_deadline(attendant, at, now);
			/* The edge that was made for a client that left may have come too early,
			 * before the last short read; so it is made again. */
			if (atomic_load(&at->left) && atomic_load(&at->stage) != STAGE_SERVING)
				connection_read_out(at);
		}
		pthread_mutex_unlock(&worker->mutex);
	}
	check_turns(attendant, now);
	lingering_turn(&attendant->lingering, now);
	return waits_round(attendant->waits, now, now + tick_of(attendant));
}

static void clear_wakeup(int fd)
{
	uint64_t count;
	while (read(fd, &count, sizeof(count)) > 0)
		;
}

static void client_left(struct connection *connection)
{
	atomic_store(&connection->left, true);
	connection_read_out(connection);
	wait_end(&connection->wait);
}

/* Acts upon the clients that have left. Returns whether somebody asked to look round. */
static bool take_events(struct attendant *attendant)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	bool woken = false, sent = false;
	pthread_mutex_lock(&attendant->mutex);
	int count = epoll_wait(attendant->events, events, EVENTS_AT_ONCE, 0);
	for (int i = 0; i < count; i++) {
		if (events[i].data.ptr == &attendant->lingering)
			sent = true;
		else if (events[i].data.ptr)
			client_left(events[i].data.ptr);
		else
			woken = true;
	}
	pthread_mutex_unlock(&attendant->mutex);
	if (sent)
		lingering_turn(&attendant->lingering, clock_monotonic(attendant->clock));
	if (woken)
		clear_wakeup(attendant->waits->wakeup);
	return woken;
}

int64_t attendant_look(struct attendant *attendant, int64_t next)
{
	bool woken = take_events(attendant);
	int64_t now = clock_monotonic(attendant->clock);
	atomic_store(&attendant->last_turn, now);
	return woken || now >= next ? attendant_turn(attendant, now) : next;
}

static void *attendant_run(void *context)
{
	struct attendant *attendant = context;
	struct pollfd events = {.fd = attendant->events, .events = POLLIN};
	int64_t next = INT64_MIN;
	while (!atomic_load(&attendant->stopping)) {
		next = attendant_look(attendant, next);
		int64_t left = next - clock_monotonic(attendant->clock);
		poll(&events, 1, left > 0 ? (int)((left + 999) / 1000) : 0);
	}
	return NULL;
}

int attendant_mind(struct attendant *attendant, struct worker *worker, int events, struct err *err)
{
	/* An edge for each write, so that nobody needs to read; the pointer is not ours to use. */
	struct epoll_event pulse = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
	if (epoll_ctl(events, EPOLL_CTL_ADD, attendant->pulse, &pulse) < 0)
		return err_set_errno(err, errno, "cannot see whether a serving thread turns");
	atomic_store(&worker->events, events);
	return 0;
}

/* Without memory for it, a client that leaves goes unnoticed for longer; that is all. */
void attendant_watch(struct attendant *attendant, struct connection *connection)
{
	struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = connection};
	epoll_ctl(attendant->events, EPOLL_CTL_ADD, connection->fd, &event);
}

void attendant_forget(struct attendant *attendant, struct connection *connection)
{
	pthread_mutex_lock(&attendant->mutex);
	epoll_ctl(attendant->events, EPOLL_CTL_DEL, connection->fd, NULL);
	pthread_mutex_unlock(&attendant->mutex);
}

void attendant_add(struct attendant *attendant, struct worker *worker)
{
	assert(!attendant->running && attendant->worker_count < ATTENDANT_WORKERS_LIMIT);
	attendant->workers[attendant->worker_count++] = worker;
}

bool attendant_sees_turning(const struct attendant *attendant, int64_t limit)
{
	for (size_t i = 0; i < attendant->worker_count; i++)
		if (atomic_load(&attendant->workers[i]->still_for) > limit)
			return false;
	return !attendant->running ||
	       clock_monotonic(attendant->clock) - atomic_load(&attendant->last_turn) <= limit;
}

int attendant_init(struct attendant *attendant, const struct clock *clock,
    struct editions *editions, struct waits *waits, struct err *err)
{
	struct epoll_event wakeup = {.events = EPOLLIN, .data.ptr = NULL};
	struct epoll_event sending = {.events = EPOLLIN, .data.ptr = &attendant->lingering};
	if (lingering_init(&attendant->lingering, err) < 0)
		return -1;
	attendant->clock = clock;
	attendant->editions = editions;
	attendant->waits = waits;
	attendant->pulse = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	attendant->events = epoll_create1(EPOLL_CLOEXEC);
	if (attendant->pulse < 0 || attendant->events < 0 ||
	    epoll_ctl(attendant->events, EPOLL_CTL_ADD, waits->wakeup, &wakeup) < 0 ||
	    epoll_ctl(attendant->events, EPOLL_CTL_ADD, attendant->lingering.events, &sending) <
		0) {
		int error = errno;
		lingering_done(&attendant->lingering);
		cleanup_close(&attendant->events);
		cleanup_close(&attendant->pulse);
		return err_set_errno(err, error, "cannot watch for clients that leave");
	}
	pthread_mutex_init(&attendant->mutex, NULL);
	return 0;
}

void attendant_done(struct attendant *attendant)
{
	assert(!attendant->running);
	close(attendant->events);
	close(attendant->pulse);
	lingering_done(&attendant->lingering);
	pthread_mutex_destroy(&attendant->mutex);
}

int attendant_start(struct attendant *attendant, struct err *err)
{
	atomic_store(&attendant->last_turn, clock_monotonic(attendant->clock));
	int error = pthread_create(&attendant->thread, NULL, attendant_run, attendant);
	if (error)
		return err_set_errno(err, error, "cannot start the thread that minds deadlines");
	attendant->running = true;
	return 0;
}

void attendant_stop(struct attendant *attendant)
{
	if (!attendant->running)
		return;
	atomic_store(&attendant->stopping, true);
	waits_wake(attendant->waits);
	pthread_join(attendant->thread, NULL);
	attendant->running = false;
}
