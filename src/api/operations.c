/* SPDX-License-Identifier: MIT */
/* Operations: lists, one by its id, waiting for its end, and deciding an unknown one. */
#include <string.h>

#include "api/handlers.h"
#include "api/reading.h"
#include "api/renewal.h"
#include "model/connector.h"
#include "store/operation_store.h"
#include "store/render.h"
#include "util/jsontext.h"

#define OPERATION_WAIT_MAXIMUM 60
#define REASON_LENGTH_LIMIT 1000

static struct answered operation_not_found(struct request *request)
{
	return reply_problem(request, PROBLEM_OPERATION_NOT_FOUND,
	    "no operation %s; GET /v1/operations lists those there are",
	    request_segment(request, 0));
}

/* Lists -----------------------------------------------------------------------------------------*/

struct operation_page {
	struct reading reading;
	struct operation_query query;
	uint64_t list;
};

static int add_operation(const struct operation_record *record, void *context)
{
	struct operation_page *page = context;
	const struct config_project *project =
	    request_visible_project(page->reading.request, record->project_id);
	const struct reading_row row = reading_begin_row(&page->reading);
	reading_operation(&page->reading, project ? project->name : NULL, record);
	return reading_end_row(&page->reading, &row);
}

static int operations_read_page(struct conn *conn, void *context, struct err *err)
{
	struct operation_page *page = context;
	struct slice_end end;
	reading_begin_list(&page->reading);
	int r = operation_store_list(conn, &page->query, add_operation, page, err, &end);
	if (r)
		return r;
	reading_end_list(&page->reading, &end, CURSOR_OPERATIONS, page->list);
	return 0;
}

struct answered operations_list(struct request *request)
{
	struct err err = ERR_INIT;
	const struct config_project *project = NULL;
	struct operation_page page = {.list = 0};
	if (page_project(request, &project) > 0)
		return project_refused(request);
	struct operation_query *query = &page.query;
	query->kind = query->state = -1;
	int faults = request_parameter_choice(request, "kind", operation_kind_names, &query->kind);
	faults += request_parameter_choice(request, "state", operation_state_names, &query->state);
	faults += page_id_prefix(request, &query->id_prefix);
	page.list = page_list(request, CURSOR_OPERATIONS);
	page.list = fingerprint_add(page.list, project ? (uint64_t)project->project_id : 0);
	faults += page_read(request, CURSOR_OPERATIONS, page.list, &query->slice);
	if (faults < 0)
		return parameters_refused(request);
	if (page_project_ids(request, project, &err, &query->slice) < 0)
		return reply_failed(request, &err);
	int r = reading_read(&page.reading, request, operations_read_page, &page);
	return r ? reading_failed(&page.reading, r, NULL) : reading_answer(&page.reading, false);
}

/* One -------------------------------------------------------------------------------------------*/

struct operation_read {
	struct reading reading;
	const char *operation_id;
	struct writer *apart; /* made a member there instead of the answer, when not NULL */
	enum operation_state state;
	int64_t project_id;
	bool own; /* the caller asked for it */
};

static int operations_take_operation(const struct operation_record *record, void *context)
{
	struct operation_read *read = context;
	const struct config_project *project =
	    request_visible_project(read->reading.request, record->project_id);
	read->state = record->state;
	read->project_id = record->project_id;
	read->own = text_same(record->client, request_caller(read->reading.request)->name);
	if (read->apart) {
		writer_key(read->apart, "operation");
		render_operation(read->apart, record, project ? project->name : NULL);
	} else {
		reading_operation(&read->reading, project ? project->name : NULL, record);
	}
	return 0;
}

static int operations_read_one(struct conn *conn, void *context, struct err *err)
{
	struct operation_read *read = context;
	int64_t project_id = 0;
	/* First: how long it takes must not tell that there is such an operation. */
	int r = operation_store_project(conn, read->operation_id, err, &project_id);
	if (r)
		return r;
	if (!request_visible_project(read->reading.request, project_id))
		return STORE_NONE;
	return operation_store_get(conn, read->operation_id, operations_take_operation, read, err);
}

static int operations_read_operation(struct request *request, struct operation_read *read)
{
	return reading_read(&read->reading, request, operations_read_one, read);
}

int operation_append(
    struct request *request, const char *operation_id, struct err *err, struct writer *writer)
{
	struct operation_read read = {.operation_id = operation_id, .apart = writer};
	int r = operations_read_operation(request, &read);
	*err = read.reading.err;
	return r;
}

struct answered operation_answer(struct request *request, unsigned status)
{
	const char *id = request_command(request)->result_operation_id;
	struct operation_read read = {.operation_id = id};
	int r = operations_read_operation(request, &read);
	if (r > 0)
		err_set(&read.reading.err, "operation %s was written down but is not there", id);
	if (r)
		return reply_failed(request, &read.reading.err);
	char location[64];
	snprintf(location, sizeof(location), "/v1/operations/%s", id);
	reply_header(request, "Location", location);
	return reply_json(request, status);
}

static struct answered operations_look(struct request *request)
{
	struct operation_read read = {.operation_id = request_segment(request, 0)};
	request_watch(request, CHANGE_OPERATION, read.operation_id);
	int r = operations_read_operation(request, &read);
	if (r)
		return reading_failed(&read.reading, r, operation_not_found);
	if ((!operation_is_running(read.state) && read.state != OPERATION_UNKNOWN) ||
	    request_wait_over(request))
		return reading_answer(&read.reading, false);
	buffer_clear(reply_body(request));
	return reply_wait(request, operations_look);
}

struct answered operations_get(struct request *request)
{
	uint64_t wait = 0;
	if (request_parameter_unsigned(request, "wait", 0, OPERATION_WAIT_MAXIMUM, &wait) < 0)
		return parameters_refused(request);
	request_wait_for(request, wait);
	return operations_look(request);
}

/* Resolving -------------------------------------------------------------------------------------*/

struct resolution {
	bool created;
	const char *connector_id;
	const char *reason;
};

/* A member that must be a string; NULL when it is absent or, after a fault, something else. */
static const char *operations_member_text(
    struct request *request, const json_t *body, const char *name)
{
	const json_t *value = json_object_get(body, name);
	if (!value || json_is_null(value))
		return NULL;
	if (!json_is_string(value))
		reply_fault(request, "pointer", request_printf(request, "/%s", name), "wrong-type",
		    "must be a string");
	return json_string_value(value);
}

static bool member_failed(const json_t *body, const char *name)
{
	const json_t *value = json_object_get(body, name);
	return value && !json_is_null(value) && !json_is_string(value);
}

static void check_members(struct request *request, json_t *body)
{
	const char *name;
	json_t *value;
	json_object_foreach (body, name, value) {
		if (strcmp(name, "outcome") == 0 || strcmp(name, "connector_id") == 0 ||
		    strcmp(name, "reason") == 0)
			continue;
		struct buffer pointer _cleanup_buffer_;
		buffer_init(&pointer, REQUEST_BODY_LIMIT * 2);
		text_append_pointer(&pointer, name);
		reply_fault(request, "pointer", buffer_text(&pointer), "unknown-member",
		    "a resolution has outcome, connector_id and reason only");
	}
}

/* Notes what is wrong with it. Strings are borrowed from the body. */
static void check_resolution(
    struct request *request, json_t *body, struct resolution *ret_resolution)
{
	if (!json_is_object(body)) {
		reply_fault(request, "pointer", "", "wrong-type", "must be an object");
		return;
	}
	const char *outcome = operations_member_text(request, body, "outcome");
	struct resolution resolution = {
	    .created = text_same(outcome, "created"),
	    .connector_id = operations_member_text(request, body, "connector_id"),
	    .reason = operations_member_text(request, body, "reason"),
	};
	if (!outcome && !member_failed(body, "outcome"))
		reply_fault(request, "pointer", "/outcome", "required",
		    "say \"created\" or \"not_created\"");
	if (outcome && strcmp(outcome, "created") != 0 && strcmp(outcome, "not_created") != 0)
		reply_fault(request, "pointer", "/outcome", "unknown-value",
		    "must be \"created\" or \"not_created\"");
	const char *id = resolution.connector_id;
	if (resolution.created && !id && !member_failed(body, "connector_id"))
		reply_fault(request, "pointer", "/connector_id", "required",
		    "the id of the connector that was created");
	if (id && text_same(outcome, "not_created"))
		reply_fault(request, "pointer", "/connector_id", "unknown-member",
		    "there is no connector when the outcome is \"not_created\"");
	else if (id && !connector_id_is_valid(id))
		reply_fault(request, "pointer", "/connector_id", "unknown-value",
		    "cannot be the id of a connector");
	if ((!resolution.reason && !member_failed(body, "reason")) ||
	    (resolution.reason && !*resolution.reason))
		reply_fault(request, "pointer", "/reason", "required",
		    "say how the outcome became known, for those who look later");
	if (resolution.reason && strlen(resolution.reason) > REASON_LENGTH_LIMIT)
		reply_fault(request, "pointer", "/reason", "unknown-value", "at most 1000 bytes");
	check_members(request, body);
	*ret_resolution = resolution;
}

static struct answered operation_not_unknown(struct request *request)
{
	return reply_problem(request, PROBLEM_OPERATION_NOT_UNKNOWN,
	    "the outcome of operation %s is not unknown, so there is nothing to resolve",
	    request_segment(request, 0));
}

static struct answered resolved(struct request *request)
{
	const struct command *command = request_command(request);
	if (command->result == COMMAND_NOT_FOUND)
		return operation_not_found(request);
	if (command->result == COMMAND_NOT_UNKNOWN)
		return operation_not_unknown(request);
	if (command->result == COMMAND_CONNECTOR_MISSING) {
		reply_fault(request, "pointer", "/connector_id", "unknown-value", command->message);
		return reply_problem(request, PROBLEM_INVALID_RESOLUTION,
		    "operation %s cannot be resolved so: %s; refresh the project when the "
		    "connector was created just now",
		    command->operation_id, command->message);
	}
	if (command->result != COMMAND_ACCEPTED)
		return command_refused(request);
	struct operation_read read = {.operation_id = command->operation_id};
	int r = operations_read_operation(request, &read);
	return r ? reading_failed(&read.reading, r, operation_not_found) : reply_json(request, 200);
}

struct answered operations_resolve(struct request *request)
{
	struct err err = ERR_INIT;
	json_t *body _cleanup_json_ = NULL;
	struct resolution resolution = {.created = false};
	struct operation_read read = {.operation_id = request_segment(request, 0)};
	int r = operations_read_operation(request, &read);
	buffer_clear(reply_body(request));
	if (r < 0)
		return reply_failed(request, &read.reading.err);
	/* Who asked for it may say what became of it; others learn not even whether there is one.
	 */
	if (request_caller(request)->scope < SCOPE_ADMIN && !(r == 0 && read.own))
		return reply_problem(request, PROBLEM_INSUFFICIENT_SCOPE,
		    "%s has the scope \"%s\", and operation %s is none of its own; this needs "
		    "\"%s\".",
		    request_caller(request)->name, scope_name(request_caller(request)->scope),
		    request_segment(request, 0), scope_name(SCOPE_ADMIN));
	if (r > 0)
		return operation_not_found(request);
	if (request_json(request, &err, &body) < 0)
		return reply_problem(request, PROBLEM_INVALID_JSON, "%s", err.text);
	check_resolution(request, body, &resolution);
	if (reply_faults(request) > 0)
		return reply_problem(request, PROBLEM_INVALID_RESOLUTION,
		    "the body is not a resolution, see errors; nothing was changed");
	if (read.state != OPERATION_UNKNOWN)
		return operation_not_unknown(request);
	const struct command command = {
	    .kind = COMMAND_RESOLVE,
	    .project_id = read.project_id,
	    .client = request_caller(request)->name,
	    .operation_id = request_segment(request, 0),
	    .created = resolution.created,
	    .connector_id = arena_text(request_arena(request), resolution.connector_id),
	    .reason = arena_text(request_arena(request), resolution.reason),
	};
	if (!command.reason || (resolution.created && !command.connector_id)) {
		err_set(&err, "no memory for a resolution");
		return reply_failed(request, &err);
	}
	return reply_after_command(request, &command, resolved);
}
