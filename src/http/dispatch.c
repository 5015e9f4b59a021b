/* SPDX-License-Identifier: MIT */
/* What libmicrohttpd calls while a connection and its requests live.
 *
 * A request is driven by calls of `serve`: first with its head, then with pieces of its body, then
 * without; again after each suspension. struct connection's phase says which call it is, and every
 * phase has one way on. Between the first line and the end libmicrohttpd promises exactly one call
 * of `request_over`, however the request ends, so that is where everything is given back.
 *
 * An answer that is queued on the first call ends the connection (libmicrohttpd 0.9.75 always does
 * that), which is right for a body that is not wanted, and needless without one: a request without
 * a body is looked at on the second call. Nothing can be queued between pieces of a body: one that
 * turns out too long is read to its end, within limits.
 *
 * A body is copied as it comes, with the limit of its route; a head has to fit the memory of its
 * connection. Time is limited by the attendant. */
#include "http/dispatch.h"

#include <assert.h>
#include <string.h>

#include "http/attendant.h"
#include "http/connection.h"
#include "http/guard.h"
#include "http/reply.h"
#include "http/share.h"
#include "http/suspend.h"

static struct answered handle(struct connection *connection)
{
	struct request *request = &connection->request;
	struct worker *worker = connection->worker;
	connection->phase = PHASE_HANDLED;
	if ((request->route->flags & ROUTE_CHANGES) && worker->application->asked)
		worker->application->asked(request);
	if (connection->phase != PHASE_HANDLED)
		return (struct answered){.request = request};
	struct kept *kept =
	    request->route->flags & ROUTE_KEPT ? reply_find_kept(request, request->target) : NULL;
	return kept ? reply_kept(request, kept) : request->route->handler(request);
}

static enum MHD_Result dispatch_settle(struct connection *connection, struct answered answered)
{
	assert(answered.request == &connection->request);
	assert(connection->phase == PHASE_ANSWERED || connection->phase == PHASE_SUSPENDED ||
	       connection->phase == PHASE_FAILED);
	return connection->phase == PHASE_FAILED ? MHD_NO : MHD_YES;
}

static enum MHD_Result dispatch_begin(
    struct connection *connection, const char *method, const char *version)
{
	struct request *request = &connection->request;
	request->method = method;
	request->head = strcmp(method, "HEAD") == 0;
	request->http_1_0 = strcmp(version, "HTTP/1.0") == 0;
	if (guard_frame(request, version) || (request->has_body && guard_admit(request)))
		return dispatch_settle(connection, (struct answered){.request = request});
	connection->phase = request->has_body ? PHASE_BODY : PHASE_FRAMED;
	return MHD_YES;
}

static enum MHD_Result admit(struct connection *connection)
{
	struct request *request = &connection->request;
	if (guard_admit(request))
		return dispatch_settle(connection, (struct answered){.request = request});
	return dispatch_settle(connection, handle(connection));
}

/* Not longer than its Content-Length, which the guard found short enough. */
static enum MHD_Result dispatch_take_body(
    struct connection *connection, const char *data, size_t len)
{
	if (len > 0)
		return buffer_append(&connection->request.body, data, len) == 0 ? MHD_YES : MHD_NO;
	connection->body_unread = false;
	return dispatch_settle(connection, handle(connection));
}

enum MHD_Result dispatch_serve(void *context, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *data, size_t *len, void **state)
{
	struct connection *connection = *state;
	(void)context, (void)mhd, (void)url;
	if (!connection)
		return MHD_NO;
	struct worker *worker = connection->worker;
	enum MHD_Result result = MHD_NO;
	counter_add(&worker->calls, 1);
	if (*len == 0)
		connection->request.running_since = worker_now(worker);
	switch (connection->phase) {
	case PHASE_ARRIVED:
		result = dispatch_begin(connection, method, version);
		break;
	case PHASE_FRAMED:
		result = admit(connection);
		break;
	case PHASE_BODY:
		result = dispatch_take_body(connection, data, *len);
		*len = 0;
		break;
	case PHASE_SUSPENDED:
		result = dispatch_settle(connection, request_resume(&connection->request));
		break;
	case PHASE_NONE:
	case PHASE_HANDLED:
	case PHASE_ANSWERED:
	case PHASE_FAILED:
		break;
	}
	return result;
}

/* The parameters are the guard's to read. libmicrohttpd would keep each as a record in the memory
 * of the connection; 0.9.75 hangs up when that is full, and ends such a request without telling.
 * Called before it looks for them, this leaves it an empty query. */
static void hide_parameters(const char *target)
{
	char *query = strchr(target, '?');
	if (query && query[1])
		query[1] = '\0';
}

/* The first line is there, nothing of it changed yet. */
void *dispatch_request_line(void *context, const char *target, struct MHD_Connection *mhd)
{
	(void)context;
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct connection *connection = info ? info->socket_context : NULL;
	if (connection)
		connection_begin(connection, mhd, target);
	hide_parameters(target);
	return connection;
}

void dispatch_request_over(
    void *context, struct MHD_Connection *mhd, void **state, enum MHD_RequestTerminationCode code)
{
	struct connection *connection = *state;
	(void)context, (void)mhd, (void)code;
	if (connection)
		connection_end(connection);
	*state = NULL;
}

void dispatch_connection(void *context, struct MHD_Connection *mhd, void **state,
    enum MHD_ConnectionNotificationCode code)
{
	struct worker *worker = context;
	struct connection *connection = *state;
	counter_add(&worker->calls, 1);
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*state = connection_open(worker, mhd);
		if (*state) {
			attendant_watch(worker->attendant, *state);
			share_opened(*state);
		}
	} else if (connection) {
		attendant_forget(worker->attendant, connection);
		share_closed(connection);
		if (connection->body_unread)
			lingering_take(
			    &worker->attendant->lingering, connection->fd, worker_now(worker));
		connection_close(connection);
		*state = NULL;
	}
}
