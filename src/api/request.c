/* SPDX-License-Identifier: MIT */
/* What a handler may ask of its request: parameters, body, reader, engine. */
#include "api/request.h"

#include <stdarg.h>
#include <string.h>

#include "api/server_private.h"
#include "util/jsontext.h"
#include "util/timestamp.h"

struct conn *request_reader(struct request *request)
{
	return request->worker->reader;
}

struct engine *request_engine(struct request *request)
{
	return request->server->options.engine;
}

struct server *request_server(struct request *request)
{
	return request->server;
}

bool request_may_see(const struct request *request, const struct config_project *project)
{
	const struct token *token = request->caller.token;
	return !token || token_allows_project(token, project->name, project->project_id);
}

const void *request_viewer(const struct request *request)
{
	const struct token *token = request->caller.token;
	return token && token->projects ? token : NULL;
}

const char *request_parameter(struct request *request, const char *name)
{
	const char *const *names = request->route->parameters;
	for (size_t i = 0; i < ROUTE_PARAMETERS_LIMIT && names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return connection_of(request)->parameters[i];
	return NULL;
}

const char *request_header(struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
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
	for (int i = 0; choices[i]; i++) {
		if (strcmp(choices[i], text) != 0)
			continue;
		*ret_index = i;
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
	return reply_has_parameter_fault(request);
}

int request_json(struct request *request, struct err *err, json_t **ret_value)
{
	if (request->body.len == 0)
		return err_set(err, "the body is empty: it must be a JSON object");
	struct span text = {.ptr = request->body.data, .len = request->body.len};
	return jsontext_parse(text, JSONTEXT_REJECT_DUPLICATES, err, ret_value);
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
