/* SPDX-License-Identifier: MIT */
/* The calls, and where they go. */
#include "mixpanel/endpoints.h"

#include <assert.h>
#include <inttypes.h>

#include "util/cleanup.h"
#include "util/text.h"

static const struct {
	const char *name;
	const char *method;
	bool writes;
} endpoints[] = {
    [ENDPOINT_LIST] = {"list", "GET", false},
    [ENDPOINT_GET] = {"get", "GET", false},
    [ENDPOINT_CREATE] = {"create", "POST", true},
    [ENDPOINT_DELETE] = {"delete", "DELETE", true},
    [ENDPOINT_HISTORY] = {"history", "GET", false},
};
_Static_assert(ARRAY_SIZE(endpoints) == ENDPOINT_COUNT, "an endpoint has no row");

const char *endpoint_name(enum endpoint endpoint)
{
	return endpoints[endpoint].name;
}

const char *endpoint_method(enum endpoint endpoint)
{
	return endpoints[endpoint].method;
}

bool endpoint_writes(enum endpoint endpoint)
{
	return endpoints[endpoint].writes;
}

/* Servers and proxies resolve dot segments, escaped or not: deleting the connector ".." would
 * delete at the address of something else. */
static bool id_stays_in_place(const char *connector_id)
{
	return strcmp(connector_id, "") != 0 && strcmp(connector_id, ".") != 0 &&
	       strcmp(connector_id, "..") != 0;
}

int endpoint_url(struct buffer *buffer, enum endpoint endpoint, const char *base_url,
    int64_t project_id, const char *connector_id)
{
	buffer_printf(buffer, "%s/projects/%" PRId64 "/connectors/", base_url, project_id);
	/* The collection keeps its slash: a create must not meet the redirect that adds one. */
	if (endpoint == ENDPOINT_LIST || endpoint == ENDPOINT_CREATE)
		return buffer_failed(buffer) ? -1 : 0;
	assert(connector_id);
	if (!id_stays_in_place(connector_id))
		return -1;
	text_append_percent_encoded(buffer, connector_id);
	if (endpoint == ENDPOINT_HISTORY)
		buffer_append_text(buffer, "/history");
	return buffer_failed(buffer) ? -1 : 0;
}
