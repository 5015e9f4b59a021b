/* SPDX-License-Identifier: MIT */
/* Sends a refresh to the engine and waits until it is over or the time is up. */
#include "api/renewal.h"

#include "http/request.h"

/* A hundred years: older than anything. */
#define MAX_AGE_MAXIMUM UINT64_C(3153600000)

#define REFRESH_WAIT_MAXIMUM 60

/* So fresh a reader may ask for: what callers wait for takes of the budget that all share. */
#define READER_AGE_MINIMUM 5

/* What a renewal keeps between its phases, in request_state(request). */
struct renewal {
	handler_fn *answer;
};

static struct answered await_end(struct request *request)
{
	char topic[TOPIC_ID_SIZE];
	const struct renewal *renewal = request_state(request);
	topic_refresh(request_command(request)->result_ticket, topic);
	request_watch(request, CHANGE_REFRESH, topic);
	if (request_command(request)->result == COMMAND_ACCEPTED && !renewal_ended(request) &&
	    !request_wait_over(request))
		return reply_wait(request, await_end);
	return renewal->answer(request);
}

struct answered renew(struct request *request, const struct config_project *project,
    const char *connector_id, uint64_t seconds, handler_fn *answer)
{
	struct renewal *renewal = arena_alloc(request_arena(request), sizeof(*renewal));
	if (!renewal)
		return reply_failed(
		    request, &(struct err){.text = "no memory to wait for a refresh"});
	renewal->answer = answer;
	request_set_state(request, renewal);
	const struct command command = {
	    .kind = connector_id ? COMMAND_REFRESH_CONNECTOR : COMMAND_REFRESH_PROJECT,
	    .project_id = project->project_id,
	    .connector_id = connector_id,
	    .client = request_caller(request)->name,
	};
	request_wait_for(request, seconds);
	return reply_after_command(request, &command, await_end);
}

bool renewal_accepted(const struct request *request)
{
	enum command_result result = request_command(request)->result;
	return result == COMMAND_ACCEPTED || result == COMMAND_ALREADY_DONE;
}

bool renewal_ended(struct request *request)
{
	return engine_refresh_done(
	    request_engine(request), request_command(request)->result_ticket);
}

unsigned renewal_status(struct request *request)
{
	if (request_command(request)->result == COMMAND_ALREADY_DONE)
		return 200;
	return request_parameter(request, "wait") && renewal_ended(request) ? 200 : 202;
}

int renewal_wait(struct request *request, uint64_t *ret_seconds)
{
	return request_parameter_unsigned(request, "wait", 1, REFRESH_WAIT_MAXIMUM, ret_seconds);
}

int renewal_max_age(struct request *request, uint64_t *ret_seconds)
{
	int r = request_parameter_unsigned(request, "max_age", 0, MAX_AGE_MAXIMUM, ret_seconds);
	if (request_caller(request)->scope <= SCOPE_READ && *ret_seconds < READER_AGE_MINIMUM)
		*ret_seconds = READER_AGE_MINIMUM;
	return r;
}
