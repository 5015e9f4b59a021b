/* SPDX-License-Identifier: MIT */
/* A request leaves its thread and comes back: what waits.c does for any waiting, as handlers see
 * it. It comes back under the configuration that it came under, but only as long as the one in
 * force would let it in, too: what is told after a reload is told to those who may know it. A call
 * that was begun holds a reference of the connection, so that whoever ends it may do so however
 * long after the client has gone. */
#include "http/suspend.h"

#include <assert.h>

#include "http/connection.h"
#include "http/reply.h"

void request_wait_for(struct request *request, uint64_t seconds)
{
	struct wait *wait = &connection_of(request)->wait;
	if (wait->deadline == 0)
		wait->deadline = request->arrived_at + (int64_t)seconds * MICROSECONDS_PER_SECOND;
}

void request_watch(struct request *request, unsigned kind, const char *id)
{
	wait_watch(&connection_of(request)->wait, kind, id);
}

void request_go_on(struct request *request)
{
	wait_go_on(&connection_of(request)->wait);
}

bool request_wait_over(const struct request *request)
{
	const struct connection *connection = connection_of(request);
	const struct wait *wait = &connection->wait;
	return atomic_load(&connection->left) || atomic_load(&wait->waits->ending) ||
	       connection_now(connection) >= wait->deadline;
}

static bool is_over(void *request)
{
	return request_wait_over(request);
}

/* From here on the time that passes is not the handler's, and no deadline of the client's. */
static bool leave_thread(struct request *request, handler_fn *resume)
{
	struct connection *connection = connection_of(request);
	assert(connection->phase == PHASE_HANDLED);
	if (!connection_set_deadline(connection, STAGE_SERVING, DEADLINE_NONE)) {
		connection->phase = PHASE_FAILED;
		return false;
	}
	request->resume = resume;
	connection->phase = PHASE_SUSPENDED;
	request->busy += connection_now(connection) - request->running_since;
	return true;
}

struct answered reply_wait(struct request *request, handler_fn *resume)
{
	if (leave_thread(request, resume))
		wait_suspend(&connection_of(request)->wait, is_over, request);
	return (struct answered){.request = request};
}

struct answered reply_after_call(struct request *request, void *call,
    void (*begin)(struct request *request, void *call), handler_fn *resume)
{
	struct connection *connection = connection_of(request);
	struct answered answered = {.request = request};
	request->call = call;
	if (!leave_thread(request, resume))
		return answered;
	if (wait_suspend_for_call(&connection->wait) > 0) {
		connection->phase = PHASE_HANDLED;
		return reply_problem(
		    request, PROBLEM_STOPPING, "The daemon stops: nothing was done.");
	}
	connection_ref(connection);
	begin(request, call);
	return answered;
}

void *request_call(const struct request *request)
{
	return request->call;
}

void request_call_done(struct request *request)
{
	struct connection *connection = connection_of(request);
	wait_call_done(&connection->wait);
	connection_unref(connection);
}

/* What was asked for may be done by now, or be under way. */
static struct answered answer_withdrawn(struct request *request)
{
	const char *detail =
	    request->route->flags & ROUTE_CHANGES
		? "The right to ask for this was withdrawn while the request waited. It may have "
		  "been carried out: look at GET /v1/operations before sending it again."
		: "The right to ask for this was withdrawn while the request waited.";
	connection_of(request)->reply.close = true;
	return request->caller.token
		   ? reply_unauthorized(request, detail)
		   : reply_problem(request, PROBLEM_INSUFFICIENT_SCOPE, "%s", detail);
}

struct answered request_resume(struct request *request)
{
	struct connection *connection = connection_of(request);
	connection->phase = PHASE_HANDLED;
	if (atomic_load(&connection->wait.call) == CALL_ABANDONED) {
		/* Somebody is at work with it. */
		request->call = NULL;
		return reply_problem(request, PROBLEM_STOPPING,
		    "The daemon stops before it is known whether the request was taken: look at "
		    "GET /v1/operations before sending it again.");
	}
	atomic_store(&connection->wait.call, CALL_NONE);
	return connection_stays_admitted(connection) ? request->resume(request)
						     : answer_withdrawn(request);
}
