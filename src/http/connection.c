/* SPDX-License-Identifier: MIT */
/* One client: the request under way, the memory that lives as long as it, and its deadline. */
#include "http/connection.h"

#include <assert.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "http/field.h"

#define ARENA_LIMIT ((size_t)256 * 1024)
#define FAULTS_BYTES_LIMIT ((size_t)256 * 1024)

struct connection *connection_open(struct worker *worker, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct connection *connection = calloc(1, sizeof(*connection));
	if (!info || !connection) {
		free(connection);
		return NULL;
	}
	connection->worker = worker;
	connection->fd = info->connect_fd;
	connection->references = 1;
	connection->wait.waits = worker->waits;
	connection->opened_at = worker_now(worker);
	connection->stage = STAGE_ARRIVING;
	if (worker->endpoint->kind == LISTENER_SOCKET && worker->application->peer_unit)
		connection->peer_unit = worker->application->peer_unit(connection->fd);
	struct edition *edition = worker_edition(worker);
	connection->deadline = connection->opened_at + edition->config->request_timeout;
	edition_release(edition);
	pthread_mutex_lock(&worker->mutex);
	LIST_INSERT_HEAD(&worker->connections, connection, entry);
	pthread_mutex_unlock(&worker->mutex);
	return connection;
}

void connection_close(struct connection *connection)
{
	struct worker *worker = connection->worker;
	/* Off the list before libmicrohttpd closes the socket, so that the attendant never shuts
	 * down a descriptor that is somebody else's by then. */
	pthread_mutex_lock(&worker->mutex);
	LIST_REMOVE(connection, entry);
	pthread_mutex_unlock(&worker->mutex);
	/* A connection can end without the end of its request. */
	connection_end(connection);
	connection_unref(connection);
}

struct connection *connection_ref(struct connection *connection)
{
	atomic_fetch_add(&connection->references, 1);
	return connection;
}

void connection_unref(struct connection *connection)
{
	if (atomic_fetch_sub(&connection->references, 1) > 1)
		return;
	arena_done(&connection->request.arena);
	buffer_done(&connection->request.body);
	auth_peer_done(&connection->peer);
	free(connection->peer_unit);
	config_unref(connection->abandoned_config);
	free(connection);
}

char *connection_text(struct connection *connection, struct span text)
{
	if (text.len >= sizeof(connection->text) - connection->text_used)
		return arena_copy(&connection->request.arena, text.ptr, text.len);
	char *copy = connection->text + connection->text_used;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	connection->text_used += text.len + 1;
	return copy;
}

void connection_begin(struct connection *connection, struct MHD_Connection *mhd, const char *target)
{
	struct worker *worker = connection->worker;
	struct request *request = &connection->request;
	int64_t now = worker_now(worker);
	assert(connection->phase == PHASE_NONE);
	arena_init(&request->arena, ARENA_LIMIT);
	request->mhd = connection->wait.mhd = mhd;
	request->arrived_at = now;
	connection->reply = (struct reply){.header_count = 0};
	buffer_init(&connection->reply.body, BODY_LIMIT);
	buffer_init(&connection->reply.faults, FAULTS_BYTES_LIMIT);
	buffer_init(&connection->reply.members, BODY_LIMIT);
	connection->edition = worker_edition(worker);
	request->config = connection->edition->config;
	connection->phase = PHASE_ARRIVED;
	struct span text = span_of(target);
	request->target_at = target;
	request->target_too_long = text.len > TARGET_LIMIT;
	if (!request->target_too_long)
		request->target =
		    (struct span){.ptr = connection_text(connection, text), .len = text.len};
	/* The first request had its time from the moment the client connected. */
	if (atomic_fetch_add_explicit(&connection->requests, 1, memory_order_relaxed) > 0)
		connection_set_deadline(
		    connection, STAGE_ARRIVING, now + request->config->request_timeout);
	counter_add(&worker->started, 1);
}

/* libmicrohttpd closes the connection of a client that has gone where it would go on with the
 * request: that ends without an answer, whatever its call has done. */
static void tell_unanswered(struct connection *connection)
{
	const struct application *application = connection->worker->application;
	int call = atomic_load(&connection->wait.call);
	if (connection->request.note && connection->phase != PHASE_ANSWERED &&
	    (call == CALL_NONE || call == CALL_DONE))
		application->answered(&connection->request, 0, NULL);
}

void connection_end(struct connection *connection)
{
	struct worker *worker = connection->worker;
	if (connection->phase == PHASE_NONE)
		return;
	tell_unanswered(connection);
	wait_reset(&connection->wait);
	buffer_done(&connection->reply.body);
	buffer_done(&connection->reply.faults);
	buffer_done(&connection->reply.members);
	/* Forgets the request. What an abandoned call points to stays until it is done: the arena,
	 * the body and the configuration, that is; the last reference frees them. */
	struct request *request = &connection->request;
	if (atomic_load(&connection->wait.call) != CALL_ABANDONED) {
		arena_done(&request->arena);
		buffer_done(&request->body);
		memset(request, 0, offsetof(struct request, id));
	} else if (!connection->abandoned_config) {
		connection->abandoned_config = config_ref(request->config);
	}
	edition_release(connection->edition);
	connection->edition = NULL;
	connection->text_used = 0;
	connection->phase = PHASE_NONE;
	atomic_store(&connection->identified, false);
	connection_set_deadline(connection, STAGE_IDLE, worker_now(worker) + IDLE_LIMIT);
	if (atomic_load(&connection->left))
		connection_read_out(connection);
	counter_add(&worker->completed, 1);
}

bool connection_admitted_by(
    const struct connection *connection, const struct edition *edition, const struct token **token)
{
	const struct request *request = &connection->request;
	const struct caller *caller = &request->caller;
	struct config *config = edition->config;
	if (edition->number == connection->edition->number || caller->scope == SCOPE_NONE)
		return true;
	if (caller->token) {
		const struct token *now =
		    tokens_find(&config->tokens, caller->token->name, caller->token->digest);
		if (!now || !token_same_rights(now, caller->token))
			return false;
		*token = now;
		return true;
	}
	const struct auth_peer *peer = &connection->peer;
	return access_scope(&config->access, peer->uid, peer->gid, peer->groups, peer->group_count,
		   connection->worker->endpoint->group) >= request->route->scope;
}

bool connection_stays_admitted(const struct connection *connection)
{
	const struct token *token = connection->request.caller.token;
	struct edition *edition = worker_edition(connection->worker);
	bool stays = connection_admitted_by(connection, edition, &token);
	edition_release(edition);
	return stays;
}

bool connection_refuse(struct connection *connection, struct counters *counters,
    enum problem problem, const char *id, const char *detail)
{
	const struct problem_entry *entry = problem_entry(problem);
	char body[512], answer[1024], date[sizeof("Thu, 01 Jan 1970 00:00:00 GMT")];
	struct tm now;
	time_t seconds = time(NULL);
	gmtime_r(&seconds, &now);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &now);
	int len = snprintf(body, sizeof(body),
	    "{\"type\":\"https://mixport.invalid/problems/%s\",\"title\":\"%s\",\"status\":%u,"
	    "\"code\":\"%s\",\"detail\":\"%s\",\"request_id\":\"%s\"}",
	    entry->code, entry->title, entry->status, entry->code, detail, id);
	len = snprintf(answer, sizeof(answer),
	    "HTTP/1.1 %u %s\r\nDate: %s\r\nConnection: close\r\nContent-Length: %d\r\n"
	    "Content-Type: application/problem+json\r\nCache-Control: no-store\r\n"
	    "X-Content-Type-Options: nosniff\r\nX-Request-Id: %s\r\n\r\n%s",
	    entry->status, MHD_get_reason_phrase_for(entry->status), date, len, id,
	    connection->request.head ? "" : body);
	if (send(connection->fd, answer, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) != len)
		return false;
	counter_add(&counters->problems[problem], 1);
	counter_add(&counters->by_status[4], 1);
	return true;
}

struct options_named {
	bool close;
	bool keep_alive;
};

static enum MHD_Result take_option(
    void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct options_named *named = context;
	(void)kind;
	if (!value || !field_same(span_of(name), "Connection"))
		return MHD_YES;
	named->close |= strcasestr(value, "close") != NULL;
	named->keep_alive |= strcasestr(value, "keep-alive") != NULL;
	return MHD_YES;
}

/* An answer that is queued on the first call ends the connection, see server.c. */
bool connection_stays(struct connection *connection)
{
	struct options_named named = {.close = false};
	if (connection->phase == PHASE_ARRIVED || atomic_load(&connection->left))
		return false;
	MHD_get_connection_values(connection->request.mhd, MHD_HEADER_KIND, take_option, &named);
	return !named.close && (!connection->request.http_1_0 || named.keep_alive);
}

void connection_address(
    const struct connection *connection, char ret_address[CONNECTION_ADDRESS_SIZE])
{
	struct sockaddr_storage address = {.ss_family = AF_UNIX};
	socklen_t len = sizeof(address);
	char host[CONNECTION_ADDRESS_SIZE - sizeof("[]:65535")], port[sizeof("65535")];
	ret_address[0] = '\0';
	if (getpeername(connection->fd, (struct sockaddr *)&address, &len) < 0 ||
	    address.ss_family == AF_UNIX ||
	    getnameinfo((struct sockaddr *)&address, len, host, sizeof(host), port, sizeof(port),
		NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	snprintf(ret_address, CONNECTION_ADDRESS_SIZE,
	    address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

/* libmicrohttpd 0.9.75 asks epoll for edges and takes a short read for the end of what is there, so
 * an end of stream that came together with the last bytes is never seen: the connection would stay
 * until its deadline. To shut down the side that has ended already loses nothing, and makes a new
 * edge. */
void connection_read_out(struct connection *connection)
{
	shutdown(connection->fd, SHUT_RD);
}

bool connection_set_deadline(struct connection *connection, enum stage stage, int64_t deadline)
{
	atomic_store(&connection->stage, (int)stage);
	if (atomic_exchange(&connection->deadline, deadline) != DEADLINE_PASSED)
		return true;
	atomic_store(&connection->deadline, DEADLINE_PASSED);
	return false;
}
