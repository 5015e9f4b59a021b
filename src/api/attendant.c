/* libmicrohttpd limits how long a connection may be silent, not how long a request may take: one
 * byte a second keeps it alive for ever. And it does not look at connections that are suspended. So
 * one thread looks round at least every second: it cuts connections whose deadline has passed, ends
 * waits whose time is over, and notices clients that left while they waited.
 *
 * It shares a connection's deadline with the worker through one atomic value: whichever of the two
 * exchanges it first decides, so an answer and a cut exclude each other. */
#include "api/server_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define TICK_MAXIMUM MICROSECONDS_PER_SECOND
#define TICK_MINIMUM (10 * MICROSECONDS_PER_MILLISECOND)

/* Written straight to the socket: nothing was, and nothing else will be. */
static void send_timeout(struct attendant *attendant, struct connection *connection)
{
	const struct problem_entry *entry = problem_entry(PROBLEM_REQUEST_TIMEOUT);
	char id[RANDOM_ID_SIZE], body[512], answer[1024];
	random_id("r", id);
	int len = snprintf(body, sizeof(body),
	    "{\"type\":\"https://mixport.invalid/problems/%s\",\"title\":\"%s\",\"status\":%u,"
	    "\"code\":\"%s\",\"detail\":\"The request had not wholly arrived in time: send it "
	    "again.\",\"request_id\":\"%s\"}",
	    entry->code, entry->title, entry->status, entry->code, id);
	len = snprintf(answer, sizeof(answer),
	    "HTTP/1.1 %u Request Timeout\r\nConnection: close\r\nContent-Length: %d\r\n"
	    "Content-Type: application/problem+json\r\nCache-Control: no-store\r\n"
	    "X-Content-Type-Options: nosniff\r\nX-Request-Id: %s\r\n\r\n%s",
	    entry->status, len, id, body);
	if (send(connection->fd, answer, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) != len)
		return;
	counters_problem(&attendant->counters, PROBLEM_REQUEST_TIMEOUT);
	count_more(&attendant->counters.by_status[4], 1);
}

static void check_deadline(struct attendant *attendant, struct connection *connection, int64_t now)
{
	int64_t deadline = atomic_load_explicit(&connection->deadline, memory_order_relaxed);
	if (deadline == DEADLINE_PASSED || now < deadline)
		return;
	if (!atomic_compare_exchange_strong(&connection->deadline, &deadline, DEADLINE_PASSED))
		return;
	if (atomic_load(&connection->stage) == STAGE_ARRIVING)
		send_timeout(attendant, connection);
	shutdown(connection->fd, SHUT_RDWR);
}

static void check_connections(struct attendant *attendant, struct worker *worker, int64_t now)
{
	pthread_mutex_lock(&worker->mutex);
	for (struct connection *at = worker->connections; at; at = at->next)
		check_deadline(attendant, at, now);
	pthread_mutex_unlock(&worker->mutex);
}

static int64_t tick_of(struct server *server)
{
	_cleanup_config_ struct config *config = server_config(server, NULL);
	int64_t tick = config->request_timeout / 4;
	return tick < TICK_MINIMUM ? TICK_MINIMUM : tick > TICK_MAXIMUM ? TICK_MAXIMUM : tick;
}

/* Looks round once; when to do it again comes back. */
static int64_t turn(struct attendant *attendant, int64_t now, struct pollfd **polls,
    size_t *polls_size, size_t *ret_count)
{
	struct server *server = attendant->server;
	for (size_t i = 0; i < LISTENER_COUNT; i++)
		for (unsigned k = 0; k < server->listeners[i].worker_count; k++)
			check_connections(attendant, &server->listeners[i].workers[k], now);
	return waits_round(
	    &server->waits, now, now + tick_of(server), polls, polls_size, ret_count);
}

static void clear_wakeup(int fd)
{
	uint64_t count;
	while (read(fd, &count, sizeof(count)) > 0)
		continue;
}

static void *run(void *context)
{
	struct attendant *attendant = context;
	struct server *server = attendant->server;
	struct pollfd own = {.fd = server->waits.wakeup, .events = POLLIN};
	struct pollfd *polls = NULL;
	size_t size = 0, count;
	while (!atomic_load(&attendant->stopping)) {
		int64_t now = server_now(server);
		atomic_store(&attendant->last_turn, now);
		int64_t next = turn(attendant, now, &polls, &size, &count);
		/* With nothing to poll for (or no memory for it) there is its own descriptor. */
		struct pollfd *list = polls ? polls : &own;
		list[0] = own;
		int64_t left = next - server_now(server);
		int timeout = left > 0 ? (int)((left + 999) / 1000) : 0;
		if (poll(list, count, timeout) <= 0)
			continue;
		clear_wakeup(own.fd);
		waits_left(&server->waits, list, count);
	}
	free(polls);
	return NULL;
}

int attendant_start(struct attendant *attendant, struct server *server, struct err *err)
{
	attendant->server = server;
	atomic_store(&attendant->last_turn, server_now(server));
	int error = pthread_create(&attendant->thread, NULL, run, attendant);
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
	waits_wake(&attendant->server->waits);
	pthread_join(attendant->thread, NULL);
	attendant->running = false;
}
