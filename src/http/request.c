/* SPDX-License-Identifier: MIT */
/* What a handler may ask of its request: parameters, body, caller, and what is its own. */
#include "http/request.h"

#include <stdarg.h>
#include <string.h>

#include "http/connection.h"
#include "http/reply.h"
#include "util/jsontext.h"

const struct config *request_config(const struct request *request)
{
	return request->config;
}

const struct config_project *request_project(const struct request *request)
{
	return request->project;
}

const struct config_project *request_named_project(const struct request *request)
{
	uint64_t number;
	const char *name = request->segments[0];
	if (!name || !(request->route->flags & ROUTE_PROJECT))
		return NULL;
	if (!(request->route->flags & ROUTE_FOREIGN))
		return config_find_project(request->config, name);
	if (text_parse_unsigned(name, 1, INT64_MAX, &number) < 0)
		return NULL;
	return config_find_project_id(request->config, (int64_t)number);
}

const char *request_segment(const struct request *request, size_t index)
{
	return request->segments[index];
}

const struct caller *request_caller(const struct request *request)
{
	return &request->caller;
}

_Static_assert(
    sizeof(((struct origin *)NULL)->address) == CONNECTION_ADDRESS_SIZE, "an address does not fit");

void request_origin(const struct request *request, struct origin *ret_origin)
{
	const struct connection *connection = connection_of(request);
	*ret_origin = (struct origin){.uid = -1, .unit = connection->peer_unit};
	connection_address(connection, ret_origin->address);
	if (connection->peer_known)
		ret_origin->uid = connection->peer.uid;
}

const char *request_id(const struct request *request)
{
	return request->id;
}

const struct route *request_route(const struct request *request)
{
	return request->route;
}

void *request_note(const struct request *request)
{
	return request->note;
}

void request_set_note(struct request *request, void *note)
{
	request->note = note;
}

struct span request_body(const struct request *request)
{
	return (struct span){.ptr = request->body.data, .len = request->body.len};
}

struct arena *request_arena(struct request *request)
{
	return &request->arena;
}

void *request_state(const struct request *request)
{
	return request->state;
}

void request_set_state(struct request *request, void *state)
{
	request->state = state;
}

void *request_application(const struct request *request)
{
	return connection_of(request)->worker->application->context;
}

void *request_thread(const struct request *request)
{
	return connection_of(request)->worker->thread;
}

struct server *request_server(const struct request *request)
{
	return connection_of(request)->worker->server;
}

bool request_may_see(const struct request *request, const struct config_project *project)
{
	const struct token *token = request->caller.token;
	return !token || token_allows_project(token, project->name, project->project_id);
}

const struct config_project *request_visible_project(
    const struct request *request, int64_t project_id)
{
	const struct config_project *project = config_find_project_id(request->config, project_id);
	return project && request_may_see(request, project) ? project : NULL;
}

const char *request_parameter(const struct request *request, const char *name)
{
	const char *const *names = request->route->parameters;
	for (size_t i = 0; i < ROUTE_PARAMETERS_LIMIT && names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return request->parameters[i];
	return NULL;
}

const char *request_idempotency_key(struct request *request)
{
	return request->headers.idempotency_key.ptr;
}

bool request_wants_stream(const struct request *request)
{
	return request->headers.event_stream;
}

const char *request_last_event_id(const struct request *request)
{
	return request->headers.last_event_id.ptr;
}

int request_parameter_refused(struct request *request, const char *name, const char *why)
{
	reply_fault(
	    request, "parameter", name, problem_entry(PROBLEM_INVALID_PARAMETER)->code, why);
	return -1;
}

int request_parameter_unsigned(struct request *request, const char *name, uint64_t minimum,
    uint64_t maximum, uint64_t *ret_value)
{
	const char *text = request_parameter(request, name);
	if (!text || text_parse_unsigned(text, minimum, maximum, ret_value) == 0)
		return 0;
	char why[96];
	snprintf(why, sizeof(why), "A whole number from %llu to %llu is needed.",
	    (unsigned long long)minimum, (unsigned long long)maximum);
	return request_parameter_refused(request, name, why);
}

int request_parameter_boolean(struct request *request, const char *name, bool *ret_value)
{
	const char *text = request_parameter(request, name);
	if (!text)
		return 0;
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return request_parameter_refused(request, name, "Either true or false is needed.");
	*ret_value = strcmp(text, "true") == 0;
	return 0;
}

int request_parameter_choice(
    struct request *request, const char *name, const char *const *choices, int *ret_index)
{
	const char *text = request_parameter(request, name);
	if (!text)
		return 0;
	int index = text_find(choices, text);
	if (index >= 0) {
		*ret_index = index;
		return 0;
	}
	_cleanup_buffer_ struct buffer why;
	buffer_init(&why, 1024);
	buffer_append_text(&why, "One of these is needed:");
	for (int i = 0; choices[i]; i++)
		buffer_printf(&why, "%s %s", i ? "," : "", choices[i]);
	buffer_append_text(&why, ".");
	return request_parameter_refused(request, name, buffer_text(&why));
}

bool request_parameters_failed(const struct request *request)
{
	return connection_of(request)->reply.parameter_fault;
}

int request_json(struct request *request, struct err *err, json_t **ret_value)
{
	if (request->body.len == 0)
		return err_set(err, "the body is empty: it must be a JSON object");
	return jsontext_parse(request_body(request), JSONTEXT_REJECT_DUPLICATES, err, ret_value);
}

const char *request_printf(struct request *request, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	int len = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (len < 0)
		return NULL;
	if ((size_t)len < sizeof(text))
		return connection_text(
		    connection_of(request), (struct span){.ptr = text, .len = (size_t)len});
	char *longer = arena_alloc(&request->arena, (size_t)len + 1);
	if (!longer)
		return NULL;
	va_start(arguments, format);
	vsnprintf(longer, (size_t)len + 1, format, arguments);
	va_end(arguments);
	return longer;
}
