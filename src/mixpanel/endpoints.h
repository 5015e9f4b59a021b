/* SPDX-License-Identifier: MIT */
/* The calls of Mixpanel's Connectors API: which method, URL and headers. Pure. */
#ifndef MIXPORT_MIXPANEL_ENDPOINTS_H
#define MIXPORT_MIXPANEL_ENDPOINTS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/err.h"

enum endpoint {
	ENDPOINT_LIST,
	ENDPOINT_GET,
	ENDPOINT_CREATE,
	ENDPOINT_DELETE,
	ENDPOINT_HISTORY,
};
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

/* Appends the URL of a list's next page as the answer named it: an absolute URL of the same origin
 * (scheme, host, port) as base_url, or a path from the root. Returns 0, or -1 when it is neither:
 * the listing is then incomplete and the credential goes nowhere else. */
int endpoint_next_url(
    struct buffer *buffer, const char *base_url, const char *next_url, struct err *err);

/* Whether a redirect of a read from url to location may be followed: the same URL with a slash
 * added to its path, nothing else. location may be absolute or a path from the root. Appends the
 * full URL when so. Returns 0, or -1. */
int endpoint_slash_redirect(
    struct buffer *buffer, const char *url, const char *location, struct err *err);

#endif
