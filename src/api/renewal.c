/* SPDX-License-Identifier: MIT */
/* Sends a refresh to the engine and waits until it is over or the time is up. */
#include "api/renewal.h"

#include "api/request.h"

/* A hundred years: older than anything. */
#define MAX_AGE_MAXIMUM UINT64_C(3153600000)

#define REFRESH_WAIT_MAXIMUM 60

/* So fresh a reader may ask for: what callers wait for takes of the budget that all share. */
#define READER_AGE_MINIMUM 5

/* What a renewal keeps between its phases, in request->state. */
struct renewal {
	handler_fn *answer;
};

static struct answered await_end(struct request *request)
{
	const struct renewal *renewal = request->state;
	request_watch(request, CHANGE_REFRESH, "", request->command.result_ticket);
	if (request->command.result == COMMAND_ACCEPTED && !renewal_ended(request) &&
	    !request_wait_over(request))
		return reply_wait(request, await_end);
	return renewal->answer(request);
}

struct answered renew(struct request *request, const struct config_project *project,
    const char *connector_id, uint64_t seconds, handler_fn *answer)
{
	struct renewal *renewal = arena_alloc(&request->arena, sizeof(*renewal));
	if (!renewal)
		return reply_failed(
		    request, &(struct err){.text = "no memory to wait for a refresh"});
	renewal->answer = answer;
	request->state = renewal;
	request->command = (struct command){
	    .kind = connector_id ? COMMAND_REFRESH_CONNECTOR : COMMAND_REFRESH_PROJECT,
	    .project_id = project->project_id,
	    .connector_id = connector_id,
	    .client = request->caller.name,
	};
	request_wait_for(request, seconds);
	return reply_after_command(request, await_end);
}

bool renewal_accepted(const struct request *request)
{
	enum command_result result = request->command.result;
	return result == COMMAND_ACCEPTED || result == COMMAND_ALREADY_DONE;
}

bool renewal_ended(struct request *request)
{
	return engine_refresh_done(
	    request_engine(request), request->command.project_id, request->command.result_ticket);
}

unsigned renewal_status(struct request *request)
{
	if (request->command.result == COMMAND_ALREADY_DONE)
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
	if (request->caller.scope <= SCOPE_READ && *ret_seconds < READER_AGE_MINIMUM)
		*ret_seconds = READER_AGE_MINIMUM;
	return r;
}

struct answered command_refused(struct request *request)
{
	const struct command *command = &request->command;
	struct err err = ERR_INIT;
	switch (command->result) {
	case COMMAND_STORE_UNAVAILABLE:
		reply_header(request, "Retry-After", "30");
		return reply_problem(request, PROBLEM_STORE_UNAVAILABLE,
		    "nothing can be written to the database at present (its disk is full); nothing "
		    "was sent to Mixpanel; make room and try again");
	case COMMAND_BUSY:
		reply_header(request, "Retry-After", "1");
		return reply_problem(request, PROBLEM_BUSY,
		    "too many requests wait to be carried out; nothing was done; try again");
	case COMMAND_STOPPING:
		reply_header(request, "Retry-After", "5");
		return reply_problem(request, PROBLEM_STOPPING,
		    "the daemon is stopping; nothing was done; try again");
	case COMMAND_FAILED:
	case COMMAND_ACCEPTED:
	case COMMAND_REPLAYED:
	case COMMAND_KEY_REUSED:
	case COMMAND_IN_PROGRESS:
	case COMMAND_DUPLICATE:
	case COMMAND_ALREADY_DONE:
	case COMMAND_NOT_FOUND:
	case COMMAND_NOT_UNKNOWN:
	case COMMAND_CONNECTOR_MISSING:
		break;
	}
	err_set(&err, "the engine could not carry out a command (result %d): %s", command->result,
	    command->message);
	return reply_failed(request, &err);
}
