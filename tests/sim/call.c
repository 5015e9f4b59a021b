/* SPDX-License-Identifier: MIT */
#include "call.h"

#include <string.h>

static const char *const names[ENDPOINT_COUNT] = {
    [ENDPOINT_ME] = "me",
    [ENDPOINT_LIST] = "list",
    [ENDPOINT_CREATE] = "create",
    [ENDPOINT_GET] = "get",
    [ENDPOINT_DELETE] = "delete",
    [ENDPOINT_HISTORY] = "history",
    [ENDPOINT_OTHER] = "other",
};

const char *endpoint_name(enum endpoint endpoint)
{
	return names[endpoint];
}

int endpoint_parse(const char *name, enum endpoint *ret_endpoint)
{
	for (size_t i = 0; i < ENDPOINT_COUNT; i++) {
		if (strcmp(names[i], name) == 0) {
			*ret_endpoint = (enum endpoint)i;
			return 0;
		}
	}
	return -1;
}

/* Takes `text` off the front of rest. */
static bool skip(struct span *rest, const char *text)
{
	size_t len = strlen(text);
	if (rest->len < len || memcmp(rest->ptr, text, len) != 0)
		return false;
	rest->ptr += len;
	rest->len -= len;
	return true;
}

/* Takes off everything up to the next slash; false when that is nothing, or too much. */
static bool segment(struct span *rest, char ret_text[WORLD_ID_SIZE])
{
	const char *slash = rest->len ? memchr(rest->ptr, '/', rest->len) : NULL;
	size_t len = slash ? (size_t)(slash - rest->ptr) : rest->len;
	if (len == 0 || len >= WORLD_ID_SIZE)
		return false;
	memcpy(ret_text, rest->ptr, len);
	ret_text[len] = '\0';
	rest->ptr += len;
	rest->len -= len;
	return true;
}

static enum endpoint by_method(
    const struct request *request, const char *method, enum endpoint endpoint)
{
	return span_equals(request->method, method) ? endpoint : ENDPOINT_OTHER;
}

static void read_connector(const struct request *request, struct span rest, struct call *call)
{
	if (!skip(&rest, "/") || !segment(&rest, call->connector_id))
		return;
	if (rest.len == 0) {
		call->endpoint = by_method(request, "GET", ENDPOINT_GET);
		if (call->endpoint == ENDPOINT_OTHER)
			call->endpoint = by_method(request, "DELETE", ENDPOINT_DELETE);
	} else if (span_equals(rest, "/history")) {
		call->endpoint = by_method(request, "GET", ENDPOINT_HISTORY);
	}
}

struct call call_of(const struct request *request)
{
	struct call call = {.endpoint = ENDPOINT_OTHER};
	struct span rest = request->path;
	call.slash = rest.len > 1 && rest.ptr[rest.len - 1] == '/';
	if (call.slash)
		rest.len--;
	char project[WORLD_ID_SIZE];
	uint64_t id;
	if (!skip(&rest, "/api/app/"))
		return call;
	if (span_equals(rest, "me"))
		call.endpoint = by_method(request, "GET", ENDPOINT_ME);
	if (!skip(&rest, "projects/") || !segment(&rest, project) ||
	    text_parse_unsigned(project, 1, INT64_MAX, &id) < 0)
		return call;
	call.project_id = (int64_t)id;
	if (!skip(&rest, "/connectors"))
		return call;
	if (rest.len == 0) {
		call.endpoint = by_method(request, "GET", ENDPOINT_LIST);
		if (call.endpoint == ENDPOINT_OTHER)
			call.endpoint = by_method(request, "POST", ENDPOINT_CREATE);
	} else {
		read_connector(request, rest, &call);
	}
	return call;
}
