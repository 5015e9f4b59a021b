/* SPDX-License-Identifier: MIT */
/* A command lives in its request's arena, so it outlives a request that has given up. */
#include "api/command.h"

#include "api/note.h"

static void command_done(struct command *command)
{
	request_call_done(command->context);
}

static void command_begin(struct request *request, void *call)
{
	engine_submit(request_engine(request), call);
}

/* With a copy of the entry, which the answer completes while the engine may still read it. */
struct sent_command {
	struct command command;
	struct audit_entry entry;
};

struct answered reply_after_command(
    struct request *request, const struct command *command, handler_fn *resume)
{
	const struct note *note = request_note(request);
	struct sent_command *copy = arena_alloc(request_arena(request), sizeof(*copy));
	if (!copy)
		return reply_failed(request, &(struct err){.text = "no memory for a command"});
	copy->command = *command;
	copy->command.done = command_done;
	copy->command.context = request;
	if (note) {
		copy->entry = note->entry;
		copy->entry.project_id = command->project_id;
		copy->command.audit = &copy->entry;
	}
	return reply_after_call(request, &copy->command, command_begin, resume);
}

const struct command *request_command(const struct request *request)
{
	return request_call(request);
}

struct answered command_refused(struct request *request)
{
	const struct command *command = request_command(request);
	struct err err = ERR_INIT;
	switch (command->result) {
	case COMMAND_STORE_UNAVAILABLE:
		reply_header(request, "Retry-After", "30");
		return reply_problem(request, PROBLEM_STORE_UNAVAILABLE,
		    "nothing can be written to the database at present (its disk is full); nothing "
		    "was sent to Mixpanel; make room and try again");
	case COMMAND_TOO_MANY:
		reply_header(request, "Retry-After", "60");
		return reply_problem(request, PROBLEM_TOO_MANY_REQUESTS,
		    "too many operations of this caller have not ended; nothing was done; wait for "
		    "some of them, and have those resolved whose outcome is unknown");
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
