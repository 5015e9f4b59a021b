/* SPDX-License-Identifier: MIT */
/* Compares a path with each pattern, segment by segment. */
#include "http/router.h"

#include <assert.h>
#include <string.h>

/* Takes the segment after a slash off a path or pattern; false at its end. */
static bool next_segment(struct span *path, struct span *ret_segment)
{
	if (path->len == 0 || path->ptr[0] != '/')
		return false;
	const char *start = path->ptr + 1;
	const char *end = memchr(start, '/', path->len - 1);
	size_t len = end ? (size_t)(end - start) : path->len - 1;
	*ret_segment = (struct span){.ptr = start, .len = len};
	path->ptr = start + len;
	path->len -= len + 1;
	return true;
}

static bool path_matches(
    const struct route *route, struct span path, struct span segments[ROUTE_SEGMENTS_LIMIT])
{
	struct span pattern = span_of(route->path), wanted, found;
	size_t count = 0;
	if ((route->flags & ROUTE_FOREIGN) && path.len > 1 && path.ptr[path.len - 1] == '/' &&
	    pattern.ptr[pattern.len - 1] != '/')
		path.len--;
	while (next_segment(&pattern, &wanted)) {
		if (!next_segment(&path, &found))
			return false;
		if (span_equals(wanted, "{}")) {
			assert(count < ROUTE_SEGMENTS_LIMIT);
			if (found.len == 0)
				return false;
			segments[count++] = found;
		} else if (!span_same(wanted, found)) {
			return false;
		}
	}
	return path.len == 0;
}

enum method { METHOD_GET = 1, METHOD_POST = 2, METHOD_DELETE = 4 };

static unsigned method_bit(const char *method)
{
	if (strcmp(method, "GET") == 0)
		return METHOD_GET;
	if (strcmp(method, "POST") == 0)
		return METHOD_POST;
	assert(strcmp(method, "DELETE") == 0);
	return METHOD_DELETE;
}

static const char *const allow_values[] = {
    [0] = "",
    [METHOD_GET] = "GET, HEAD",
    [METHOD_POST] = "POST",
    [METHOD_GET | METHOD_POST] = "GET, HEAD, POST",
    [METHOD_DELETE] = "DELETE",
    [METHOD_GET | METHOD_DELETE] = "GET, HEAD, DELETE",
    [METHOD_POST | METHOD_DELETE] = "POST, DELETE",
    [METHOD_GET | METHOD_POST | METHOD_DELETE] = "GET, HEAD, POST, DELETE",
};

void router_find(const struct route *routes, size_t count, const char *method, struct span path,
    struct route_match *ret_match)
{
	const char *served = strcmp(method, "HEAD") == 0 ? "GET" : method;
	unsigned allowed = 0;
	*ret_match = (struct route_match){.route = NULL};
	for (size_t i = 0; i < count; i++) {
		struct span segments[ROUTE_SEGMENTS_LIMIT] = {SPAN_NONE};
		if (!path_matches(&routes[i], path, segments))
			continue;
		allowed |= method_bit(routes[i].method);
		if (ret_match->route || strcmp(routes[i].method, served) != 0)
			continue;
		ret_match->route = &routes[i];
		memcpy(ret_match->segments, segments, sizeof(segments));
	}
	ret_match->path_known = allowed != 0;
	ret_match->allow = allow_values[allowed];
}
