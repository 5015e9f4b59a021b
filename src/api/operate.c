/* SPDX-License-Identifier: MIT */
/* The engine writes an operation down and answers at once with its id; what follows here is to
 * look at the operation until it has ended or the caller's time is up. The answer depends on the
 * operation alone, so that the same key again gets the same answer. Only an operation that provably
 * did nothing is answered as a failure; everything unclear goes to `open`.
 */
#include "api/operate.h"

#include <string.h>

#include "api/handlers.h"
#include "api/reading.h"
#include "http/request.h"
#include "model/connector.h"
#include "store/operation_store.h"
#include "store/render.h"
#include "store/tx.h"
#include "util/jsontext.h"
#include "util/timestamp.h"

#define WARNINGS_JSON_LIMIT ((size_t)512 * 1024)
#define RETRY_AFTER_MINIMUM 1
#define RETRY_AFTER_MAXIMUM 60

/* What is kept between the phases, in request_state(request). */
struct awaited {
	struct operate_options options;
	struct span warnings;
	/* of the operation, as last read */
	enum operation_kind kind;
	enum operation_state state;
	int64_t upstream_status;
	const char *error_code;
	const char *error_message;
	const char *connector_id;
};

const char *operate_connector_id(const struct request *request)
{
	return ((const struct awaited *)request_state(request))->connector_id;
}

struct span operate_warnings(const struct request *request)
{
	return ((const struct awaited *)request_state(request))->warnings;
}

static struct answered operate_no_memory(struct request *request)
{
	return reply_failed(request, &(struct err){.text = "no memory for an operation"});
}

/* Answers ---------------------------------------------------------------------------------------*/

static struct answered answer_rejected(struct request *request, struct awaited *awaited)
{
	const char *message = awaited->error_message ? awaited->error_message : "";
	const char *act = operation_kind_names[awaited->kind];
	int64_t status = awaited->upstream_status;
	if (text_same(awaited->error_code, "upstream-unauthorized"))
		return reply_problem(request, PROBLEM_UPSTREAM_UNAUTHORIZED,
		    "Mixpanel does not accept the credential of project %s, so it did not carry "
		    "out the %s: %s; correct the credential file and reload",
		    request_project(request)->name, act, message);
	struct writer writer;
	reply_problem_members(request, &writer);
	writer_key(&writer, "upstream");
	writer_begin_object(&writer);
	writer_key(&writer, "status");
	if (status)
		writer_integer(&writer, status);
	else
		writer_null(&writer);
	writer_member_text(&writer, "message", awaited->error_message);
	writer_end_object(&writer);
	bool passed_on = status == 400 || status == 403 || status == 404 || status == 422;
	return reply_problem_status(request, PROBLEM_UPSTREAM_REJECTED,
	    passed_on ? (unsigned)status : 502, "the %s was not carried out: %s", act, message);
}

static struct answered answer_unreachable(struct request *request, struct awaited *awaited)
{
	struct upstream_status status;
	int64_t seconds = RETRY_AFTER_MINIMUM;
	if (engine_upstream(
		request_engine(request), request_project(request)->project_id, &status) == 0 &&
	    status.next_attempt_at != TIMESTAMP_NONE)
		seconds = (status.next_attempt_at - reading_now(request)) / MICROSECONDS_PER_SECOND;
	if (seconds < RETRY_AFTER_MINIMUM)
		seconds = RETRY_AFTER_MINIMUM;
	if (seconds > RETRY_AFTER_MAXIMUM)
		seconds = RETRY_AFTER_MAXIMUM;
	char text[16];
	snprintf(text, sizeof(text), "%d", (int)seconds);
	reply_header(request, "Retry-After", text);
	return reply_problem(request, PROBLEM_UPSTREAM_UNREACHABLE,
	    "Mixpanel could not be reached, and nothing was sent (%s); try again",
	    awaited->error_message ? awaited->error_message : "no connection");
}

/* For a key, or a content, whose operation still runs or has not been reconciled. */
static struct answered answer_in_progress(struct request *request)
{
	struct err err = ERR_INIT;
	struct writer writer;
	const char *id = request_command(request)->result_operation_id;
	reply_problem_members(request, &writer);
	if (operation_append(request, id, &err, &writer) < 0)
		return reply_failed(request, &err);
	return reply_problem(request, PROBLEM_OPERATION_IN_PROGRESS,
	    "operation %s, for the same idempotency key or the same content, has not come to a "
	    "known end; GET /v1/operations/%s?wait=30 tells its outcome",
	    id, id);
}

static struct answered answer_duplicate(struct request *request)
{
	const char *id = request_command(request)->result_connector_id;
	struct writer writer;
	reply_problem_members(request, &writer);
	writer_member_text(&writer, "connector_id", id);
	return reply_problem(request, PROBLEM_DUPLICATE_CONNECTOR,
	    "connector %s imports the same already, and a second one would count its events twice; "
	    "?allow_duplicate=true creates it nevertheless",
	    id);
}

/* Waiting ---------------------------------------------------------------------------------------*/

static int operate_take_operation(const struct operation_record *record, void *context)
{
	struct request *request = context;
	struct awaited *awaited = request_state(request);
	struct arena *arena = request_arena(request);
	awaited->kind = record->kind;
	awaited->state = record->state;
	if (operation_is_running(record->state))
		return 0;
	awaited->upstream_status = record->upstream_status;
	awaited->error_code = arena_text(arena, record->error_code);
	awaited->error_message = arena_text(arena, record->error_message);
	awaited->connector_id = arena_text(arena, record->connector_id);
	return 0;
}

static int operate_read_operation(struct conn *conn, void *context, struct err *err)
{
	struct request *request = context;
	return operation_store_get(conn, request_command(request)->result_operation_id,
	    operate_take_operation, request, err);
}

static struct answered operate_look(struct request *request)
{
	struct err err = ERR_INIT;
	struct awaited *awaited = request_state(request);
	const char *id = request_command(request)->result_operation_id;
	request_watch(request, CHANGE_OPERATION, id);
	int r = tx_read(request_reader(request), operate_read_operation, request, &err);
	if (r > 0)
		err_set(&err, "operation %s was written down but is not there", id);
	if (r)
		return reply_failed(request, &err);
	switch (awaited->state) {
	case OPERATION_SUCCEEDED:
		return awaited->options.done(request);
	case OPERATION_REJECTED:
		return answer_rejected(request, awaited);
	case OPERATION_UNREACHABLE:
		return answer_unreachable(request, awaited);
	case OPERATION_UNKNOWN:
		/* A create stays so until it is reconciled; a delete is tried again by itself. */
		if (awaited->kind == OPERATION_CREATE && !awaited->options.dropin)
			return awaited->options.open(request);
		break;
	case OPERATION_PLANNED:
	case OPERATION_SENDING:
		break;
	}
	if (request_wait_over(request))
		return awaited->options.open(request);
	return reply_wait(request, operate_look);
}

static struct answered commanded(struct request *request)
{
	struct awaited *awaited = request_state(request);
	switch (request_command(request)->result) {
	case COMMAND_ACCEPTED:
	case COMMAND_REPLAYED:
		return operate_look(request);
	case COMMAND_IN_PROGRESS:
		/* Two who delete the same thing want the same outcome. */
		if (request_command(request)->kind == COMMAND_DELETE)
			return operate_look(request);
		return answer_in_progress(request);
	case COMMAND_KEY_REUSED:
		return reply_problem(request, PROBLEM_IDEMPOTENCY_KEY_REUSED,
		    "this Idempotency-Key was used with another body; use a new key for a new "
		    "connector");
	case COMMAND_DUPLICATE:
		return answer_duplicate(request);
	case COMMAND_ALREADY_DONE:
		return awaited->options.done(request);
	case COMMAND_NOT_FOUND:
		if (request_command(request)->kind == COMMAND_CREATE)
			return reply_problem(request, PROBLEM_PROJECT_NOT_FOUND,
			    "project %s is no longer configured", request_project(request)->name);
		return reply_problem(request, PROBLEM_CONNECTOR_NOT_FOUND,
		    "project %s has no connector %s", request_project(request)->name,
		    request_command(request)->connector_id);
	case COMMAND_NOT_UNKNOWN:
	case COMMAND_CONNECTOR_MISSING:
	case COMMAND_STORE_UNAVAILABLE:
	case COMMAND_TOO_MANY:
	case COMMAND_BUSY:
	case COMMAND_STOPPING:
	case COMMAND_FAILED:
		break;
	}
	return command_refused(request);
}

/* Beginning -------------------------------------------------------------------------------------*/

static struct awaited *await_operation(
    struct request *request, const struct operate_options *options)
{
	struct awaited *awaited = arena_alloc(request_arena(request), sizeof(*awaited));
	if (awaited)
		awaited->options = *options;
	request_set_state(request, awaited);
	return awaited;
}

static bool key_is_valid(const char *key)
{
	size_t len = strlen(key);
	if (len < 1 || len > OPERATION_KEY_LENGTH_LIMIT)
		return false;
	for (size_t i = 0; i < len; i++)
		if (key[i] < ' ' || key[i] > '~')
			return false;
	return true;
}

static int keep_warnings(struct request *request, const struct connector_faults *faults)
{
	struct awaited *awaited = request_state(request);
	struct buffer json _cleanup_buffer_;
	buffer_init(&json, WARNINGS_JSON_LIMIT);
	if (faults->count == faults->errors)
		return 0;
	struct writer writer;
	writer_init(&writer, &json);
	render_warnings(&writer, faults);
	char *copy =
	    buffer_failed(&json) ? NULL : arena_copy(request_arena(request), json.data, json.len);
	if (!copy)
		return -1;
	awaited->warnings = (struct span){.ptr = copy, .len = json.len};
	return 0;
}

static struct answered answer_invalid(
    struct request *request, const struct connector_faults *faults)
{
	for (size_t i = 0; i < faults->count; i++) {
		const struct connector_fault *fault = &faults->list[i];
		if (!fault->warning)
			reply_fault(request, "pointer", fault->pointer, fault->code, fault->detail);
	}
	return reply_problem(request, PROBLEM_INVALID_CONNECTOR,
	    "the body does not describe a connector that Mixpanel takes: %zu fault%s, see errors; "
	    "nothing was sent",
	    faults->errors, faults->errors == 1 ? "" : "s");
}

static struct answered answer_valid(struct request *request)
{
	struct span warnings = operate_warnings(request);
	struct writer writer;
	writer_init(&writer, reply_body(request));
	writer_begin_object(&writer);
	writer_member_boolean(&writer, "valid", true);
	writer_member_raw(&writer, "warnings", warnings.ptr ? warnings : span_of("[]"));
	writer_end_object(&writer);
	return reply_json(request, 200);
}

struct answered operate_create(struct request *request, const struct operate_options *options)
{
	const char *key = request_idempotency_key(request);
	if (key && !key_is_valid(key))
		return reply_problem(request, PROBLEM_INVALID_IDEMPOTENCY_KEY,
		    "Idempotency-Key must be 1 to %d characters of printable ASCII",
		    OPERATION_KEY_LENGTH_LIMIT);
	struct err err = ERR_INIT;
	json_t *body _cleanup_json_ = NULL;
	if (request_json(request, &err, &body) < 0)
		return reply_problem(request, PROBLEM_INVALID_JSON, "%s", err.text);
	if (!await_operation(request, options))
		return operate_no_memory(request);
	struct connector_faults faults _cleanup_connector_faults_ = {.count = 0};
	if (connector_validate(body, options->lenient, &faults) < 0 ||
	    keep_warnings(request, &faults) < 0)
		return operate_no_memory(request);
	if (faults.errors > 0)
		return answer_invalid(request, &faults);
	if (options->validate_only)
		return answer_valid(request);
	const struct command command = {
	    .kind = COMMAND_CREATE,
	    .project_id = request_project(request)->project_id,
	    .client = request_caller(request)->name,
	    .idempotency_key = key ? arena_text(request_arena(request), key) : NULL,
	    .body = request_body(request),
	    .allow_duplicate = options->allow_duplicate,
	    .dropin = options->dropin,
	};
	if (key && !command.idempotency_key)
		return operate_no_memory(request);
	request_wait_for(request, options->wait);
	return reply_after_command(request, &command, commanded);
}

struct answered operate_delete(struct request *request, const struct operate_options *options)
{
	struct awaited *awaited = await_operation(request, options);
	if (!awaited)
		return operate_no_memory(request);
	awaited->kind = OPERATION_DELETE;
	awaited->connector_id = request_segment(request, 1);
	const struct command command = {
	    .kind = COMMAND_DELETE,
	    .project_id = request_project(request)->project_id,
	    .connector_id = request_segment(request, 1),
	    .client = request_caller(request)->name,
	};
	request_wait_for(request, options->wait);
	return reply_after_command(request, &command, commanded);
}
