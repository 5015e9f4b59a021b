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
	const char *path; /* below the project's; {} stands for the connector's id. The collection
			   * keeps its slash: a create must not meet the redirect that adds one */
	bool writes;
} endpoints[] = {
    [ENDPOINT_LIST] = {"list", "GET", "connectors/", false},
    [ENDPOINT_GET] = {"get", "GET", "connectors/{}", false},
    [ENDPOINT_CREATE] = {"create", "POST", "connectors/", true},
    [ENDPOINT_DELETE] = {"delete", "DELETE", "connectors/{}", true},
    [ENDPOINT_HISTORY] = {"history", "GET", "connectors/{}/history", false},
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
	const char *path = endpoints[endpoint].path;
	const char *id = strstr(path, "{}");
	buffer_printf(buffer, "%s/projects/%" PRId64 "/%.*s", base_url, project_id,
	    id ? (int)(id - path) : (int)strlen(path), path);
	if (id) {
		assert(connector_id);
		if (!id_stays_in_place(connector_id))
			return -1;
		text_append_percent_encoded(buffer, connector_id);
		buffer_append_text(buffer, id + strlen("{}"));
	}
	return buffer_failed(buffer) ? -1 : 0;
}
