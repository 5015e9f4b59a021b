/* SPDX-License-Identifier: MIT */
/* The table of routes, and what else the edge is to know of us. */
#include "api/routes.h"

#include "api/audit.h"
#include "api/handlers.h"
#include "http/request.h"

#define PROJECT "/v1/projects/{}"
#define CONNECTORS PROJECT "/connectors"
#define CONNECTOR CONNECTORS "/{}"
#define DROPIN "/api/app/projects/{}/connectors"
#define DROPIN_ONE DROPIN "/{}"

#define KEPT (ROUTE_PROJECT | ROUTE_KEPT)
#define LIKE_MIXPANEL (ROUTE_PROJECT | ROUTE_FOREIGN)
#define LIKE_MIXPANEL_KEPT (LIKE_MIXPANEL | ROUTE_KEPT)
#define BODY REQUEST_BODY_LIMIT
#define CHANGES (ROUTE_PROJECT | ROUTE_CHANGES)
#define CHANGES_LIKE_MIXPANEL (LIKE_MIXPANEL | ROUTE_CHANGES)

#define CONNECTOR_FILTERS                                                                          \
	"id_prefix", "kind", "connector_type", "data_format", "status", "label", "job_status",     \
	    "attention", "state", "sort", "limit", "cursor"

static const struct route table[] = {
    {"GET", "/v1", SCOPE_READ, 0, 0, health_index, {NULL}},
    {"GET", "/v1/openapi.json", SCOPE_READ, 0, 0, openapi_get, {NULL}},
    {"GET", "/v1/projects", SCOPE_READ, 0, 0, projects_list, {"limit", "cursor"}},
    {"GET", PROJECT, SCOPE_READ, ROUTE_PROJECT, 0, projects_get, {NULL}},
    {"POST", PROJECT "/refresh", SCOPE_MANAGE, CHANGES, BODY, projects_refresh, {"wait"}},

    {"GET", "/v1/connectors", SCOPE_READ, ROUTE_KEPT, 0, connectors_list_all,
	{"project", CONNECTOR_FILTERS}},
    {"GET", CONNECTORS, SCOPE_READ, KEPT, 0, connectors_list, {CONNECTOR_FILTERS}},
    {"POST", CONNECTORS, SCOPE_MANAGE, CHANGES, BODY, connectors_create,
	{"validate_only", "allow_duplicate", "wait"}},
    {"GET", CONNECTOR, SCOPE_READ, KEPT, 0, connectors_get, {"max_age"}},
    {"DELETE", CONNECTOR, SCOPE_MANAGE, CHANGES, 0, connectors_delete, {"wait"}},
    {"POST", CONNECTOR "/refresh", SCOPE_MANAGE, CHANGES, BODY, connectors_refresh, {"wait"}},
    {"GET", CONNECTOR "/jobs", SCOPE_READ, KEPT, 0, jobs_of_connector,
	{"id_prefix", "status", "limit", "cursor"}},

    {"GET", "/v1/operations", SCOPE_READ, 0, 0, operations_list,
	{"project", "id_prefix", "kind", "state", "limit", "cursor"}},
    {"GET", "/v1/operations/{}", SCOPE_READ, 0, 0, operations_get, {"wait"}},
    {"POST", "/v1/operations/{}/resolve", SCOPE_MANAGE, ROUTE_CHANGES, BODY, operations_resolve,
	{NULL}},
    {"GET", "/v1/audit", SCOPE_ADMIN, 0, 0, audit_list,
	{"project", "client", "action", "since", "limit", "cursor"}},

    {"GET", "/v1/attention", SCOPE_READ, 0, 0, attention_list,
	{"project", "severity", "code", "limit", "cursor"}},

    {"GET", "/v1/events", SCOPE_READ, 0, 0, events_get,
	{"since", "wait", "limit", "type", "project", "connector_id", "job_id"}},

    {"GET", "/v1/jobs", SCOPE_READ, ROUTE_KEPT, 0, jobs_list,
	{"project", "connector_id", "id_prefix", "status", "since", "limit", "cursor"}},
    {"GET", "/v1/jobs/{}", SCOPE_READ, ROUTE_KEPT, 0, jobs_get, {"wait", "until", "max_age"}},
    {"GET", "/v1/jobs/{}/snapshots", SCOPE_READ, ROUTE_KEPT, 0, jobs_snapshots,
	{"limit", "cursor"}},

    /* the router takes these with and without a slash at the end, never a redirect */
    {"GET", DROPIN, SCOPE_READ, LIKE_MIXPANEL_KEPT, 0, dropin_list, {NULL}},
    {"POST", DROPIN, SCOPE_MANAGE, CHANGES_LIKE_MIXPANEL, BODY, dropin_create, {NULL}},
    {"GET", DROPIN_ONE, SCOPE_READ, LIKE_MIXPANEL_KEPT, 0, dropin_get, {NULL}},
    {"DELETE", DROPIN_ONE, SCOPE_MANAGE, CHANGES_LIKE_MIXPANEL, 0, dropin_delete, {NULL}},
    {"GET", DROPIN_ONE "/history", SCOPE_READ, LIKE_MIXPANEL_KEPT, 0, dropin_history, {NULL}},

    {"GET", "/healthz", SCOPE_NONE, ROUTE_OPEN | ROUTE_HEALTH, 0, health_live, {NULL}},
    {"GET", "/readyz", SCOPE_NONE, ROUTE_OPEN | ROUTE_HEALTH, 0, health_ready, {NULL}},
    {"GET", "/v1/health", SCOPE_READ, 0, 0, health_report, {NULL}},
    {"POST", "/v1/reload", SCOPE_ADMIN, ROUTE_CHANGES, BODY, reload_post, {NULL}},
    {"GET", "/metrics", SCOPE_READ, ROUTE_HEALTH, 0, metrics_get, {NULL}},
};

static int routes_open_reader(void *context, struct err *err, void **ret_thread)
{
	const struct service *service = context;
	struct conn *reader = NULL;
	if (conn_open_reader(service->database, err, &reader) < 0)
		return -1;
	*ret_thread = reader;
	return 0;
}

static void close_reader(void *thread)
{
	conn_close(thread);
}

struct application routes_application(struct service *service)
{
	return (struct application){
	    .routes = table,
	    .route_count = ARRAY_SIZE(table),
	    .clock = service->clock,
	    .context = service,
	    .open_thread = routes_open_reader,
	    .close_thread = close_reader,
	    .asked = audit_asked,
	    .answered = audit_answered,
	    .generation = store_generation,
	    .foreign_prefix = "/api/app/",
	    .write_foreign_problem = dropin_write_problem,
	};
}
