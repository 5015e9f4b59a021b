/* SPDX-License-Identifier: MIT */
/* Values of header fields and pieces of the request target, read by pure functions: no request, no
 * state, safe on any bytes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/text.h"

/* Whether the span is a token of RFC 9110 section 5.6.2, as the name of a field must be. */
bool field_is_token(struct span name);

/* Whether a field value is free of control characters other than the tab. */
bool field_is_clean(struct span value);

/* Whether two names of fields, schemes or hosts are the same, letter case aside (ASCII). */
bool field_same(struct span a, const char *b);

/* Whether an X-Request-Id may be kept: 1 to 128 of [A-Za-z0-9._-]. */
bool field_is_request_id(struct span value);

/* A Content-Length: digits only. What is over UINT64_MAX counts as that. Returns 0, or -1. */
int field_content_length(struct span value, uint64_t *ret_length);

/* Whether a Content-Type is application/json, parameters aside. */
bool field_is_json(struct span value);

/* Whether a list as in If-None-Match is "*" or names the entity tag (`etag`, quoted, weak or not)
 * by weak comparison. What follows a syntax error in the list is not looked at. */
bool field_lists_etag(struct span list, const char *etag);

/* Whether a list as in Accept names the media type, parameters aside. */
bool field_lists_type(struct span list, const char *type);

/* Takes an authority as in Host apart: a name, an IPv4 address or an IPv6 address with its
 * brackets, then maybe a port (0: none). Nothing of a user is accepted. Returns 0, or -1. */
int field_host(struct span value, struct span *ret_name, uint16_t *ret_port);

/* What a request target is made of; the spans point into it. */
struct field_target {
	struct span authority; /* SPAN_NONE unless in absolute form */
	struct span path;      /* raw */
	struct span query;     /* raw, without the question mark */
};

/* Takes a target in origin form ("/path?query") or absolute form ("http://host/path?query") apart.
 * Returns 0, or -1 for other forms, bytes that are not printable ASCII, a fragment, and in the path
 * a broken percent-escape or an escaped NUL. */
int field_target(struct span target, struct field_target *ret_target);

/* Takes the next parameter off a raw query; empty ones ("a=1&&b=2") are skipped. The value is
 * SPAN_NONE when there is no equals sign. Returns false at the end. */
bool field_query_next(struct span *query, struct span *ret_name, struct span *ret_value);
