/* SPDX-License-Identifier: MIT */
/* The calls of Mixpanel's Connectors API: which method, URL and headers. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/buffer.h"

enum endpoint {
	ENDPOINT_LIST,
	ENDPOINT_GET,
	ENDPOINT_CREATE,
	ENDPOINT_DELETE,
	ENDPOINT_HISTORY,
};
/* The header field in which Mixpanel names its answer, for its support. */
#define ENDPOINT_ID_HEADER "x-mp-request-id"

#define ENDPOINT_COUNT (ENDPOINT_HISTORY + 1)

/* "list", "get", "create", "delete", "history": for logs and metrics. */
const char *endpoint_name(enum endpoint endpoint);

/* "GET", "POST" or "DELETE". */
const char *endpoint_method(enum endpoint endpoint);

/* Whether the call changes something at Mixpanel: never redirected, never repeated. */
bool endpoint_writes(enum endpoint endpoint);

/* Appends the URL of a call. connector_id is used by get, delete and history and is
 * percent-encoded. base_url has no slash at its end. The collection (list, create) is addressed
 * with a slash at the end, everything else without. Returns 0, or -1 when the buffer is full or the
 * id is empty, "." or "..", which would lead elsewhere. */
int endpoint_url(struct buffer *buffer, enum endpoint endpoint, const char *base_url,
    int64_t project_id, const char *connector_id);
