/* SPDX-License-Identifier: MIT */
/* Prometheus text format 0.0.4. Each family is written whole: HELP, TYPE, then its samples. */
#include "api/handlers.h"
#include "api/reading.h"
#include "http/server.h"
#include "store/tx.h"

#include <inttypes.h>

#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct exposition {
	struct buffer *out;
	const char *family;
};

static void family(
    struct exposition *exposition, const char *name, const char *type, const char *help)
{
	exposition->family = name;
	buffer_printf(exposition->out, "# HELP mixport_%s %s\n# TYPE mixport_%s %s\n", name, help,
	    name, type);
}

/* Backslash, quote and line feed are what the format wants escaped in a label's value. */
static void append_label(struct buffer *out, const char *name, const char *value)
{
	buffer_printf(out, "%s=\"", name);
	for (const char *at = value; *at; at++) {
		if (*at == '\n')
			buffer_append_text(out, "\\n");
		else if (*at == '\\' || *at == '"')
			buffer_printf(out, "\\%c", *at);
		else
			buffer_append(out, at, 1);
	}
	buffer_append_text(out, "\"");
}

/* One sample; label NULL for none, second NULL for only one. */
static void begin_sample(struct exposition *exposition, const char *suffix, const char *label,
    const char *value, const char *second, const char *second_value)
{
	struct buffer *out = exposition->out;
	buffer_printf(out, "mixport_%s%s", exposition->family, suffix);
	if (label) {
		buffer_append_text(out, "{");
		append_label(out, label, value);
		if (second) {
			buffer_append_text(out, ",");
			append_label(out, second, second_value);
		}
		buffer_append_text(out, "}");
	}
}

static void sample(
    struct exposition *exposition, const char *label, const char *value, uint64_t number)
{
	begin_sample(exposition, "", label, value, NULL, NULL);
	buffer_printf(exposition->out, " %" PRIu64 "\n", number);
}

static void append_seconds(struct exposition *exposition, uint64_t microseconds)
{
	buffer_printf(exposition->out, " %" PRIu64 ".%06" PRIu64 "\n",
	    microseconds / MICROSECONDS_PER_SECOND, microseconds % MICROSECONDS_PER_SECOND);
}

static void single(struct exposition *exposition, const char *name, const char *type,
    const char *help, uint64_t number)
{
	family(exposition, name, type, help);
	sample(exposition, NULL, NULL, number);
}

/* The server ------------------------------------------------------------------------------------*/

static void write_durations(struct exposition *exposition, const struct counters *counters)
{
	uint64_t so_far = 0;
	family(exposition, "http_request_duration_seconds", "histogram",
	    "Time spent on requests, waits not included.");
	for (size_t i = 0; i < COUNTERS_DURATION_BUCKETS; i++) {
		char bound[32] = "+Inf";
		int64_t limit = counters_duration_bounds[i];
		if (i + 1 < COUNTERS_DURATION_BUCKETS)
			snprintf(bound, sizeof(bound), "%" PRId64 ".%06" PRId64,
			    limit / MICROSECONDS_PER_SECOND, limit % MICROSECONDS_PER_SECOND);
		so_far += counters->duration_buckets[i];
		begin_sample(exposition, "_bucket", "le", bound, NULL, NULL);
		buffer_printf(exposition->out, " %" PRIu64 "\n", so_far);
	}
	begin_sample(exposition, "_sum", NULL, NULL, NULL, NULL);
	append_seconds(exposition, counters->duration_microseconds);
	begin_sample(exposition, "_count", NULL, NULL, NULL, NULL);
	buffer_printf(exposition->out, " %" PRIu64 "\n", so_far);
}

static void write_server(struct exposition *exposition, const struct request *request)
{
	static const char *const classes[] = {NULL, "1xx", "2xx", "3xx", "4xx", "5xx"};
	static const char *const listeners[LISTENER_COUNT] = {
	    [LISTENER_SOCKET] = "socket", [LISTENER_TCP] = "tcp", [LISTENER_HEALTH] = "health"};
	struct server_counters counters;
	server_counters(request_server(request), &counters);
	family(exposition, "http_responses_total", "counter", "Answers by class of status.");
	for (size_t i = 2; i < ARRAY_SIZE(classes); i++)
		sample(exposition, "class", classes[i], counters.sum.by_status[i]);
	family(exposition, "http_requests_total", "counter", "Requests by listener.");
	for (size_t i = 0; i < LISTENER_COUNT; i++)
		sample(exposition, "listener", listeners[i], counters.by_listener[i]);
	family(exposition, "http_authentication_failures_total", "counter",
	    "Requests with a token that nobody has, or of a user without a scope.");
	sample(exposition, "listener", "socket", counters.not_let_in[LISTENER_SOCKET]);
	sample(exposition, "listener", "tcp", counters.not_let_in[LISTENER_TCP]);
	single(exposition, "audit_dropped_total", "counter",
	    "Entries of the audit that were not written down: refused too often, or no room.",
	    atomic_load(&request_service(request)->unaudited));
	write_durations(exposition, &counters.sum);
	family(exposition, "http_problems_total", "counter", "Problems answered, by code.");
	for (int i = 0; i < PROBLEM_COUNT; i++)
		sample(exposition, "code", problem_entry((enum problem)i)->code,
		    counters.sum.problems[i]);
	single(exposition, "http_library_refusals_total", "counter",
	    "Requests that the HTTP library refused by itself.", counters.sum.library_refusals);
	single(
	    exposition, "http_connections", "gauge", "Connections open now.", counters.connections);
	single(exposition, "http_waiting", "gauge", "Requests that wait for something now.",
	    counters.waiting);
	single(
	    exposition, "event_streams", "gauge", "Streams of events open now.", counters.streams);
	family(exposition, "uptime_seconds", "gauge", "Time since the start.");
	begin_sample(exposition, "", NULL, NULL, NULL, NULL);
	append_seconds(exposition, (uint64_t)server_uptime(request_server(request)));
	family(exposition, "build_info", "gauge", "The version that runs; always 1.");
	sample(exposition, "version", request_service(request)->version, 1);
}

/* Upstream --------------------------------------------------------------------------------------*/

/* In the order of engine_counters. */
static const char *const outcomes[] = {"2xx", "3xx", "4xx", "5xx", "not-sent", "unclear"};
_Static_assert(ARRAY_SIZE(outcomes) == ARRAY_SIZE(((struct engine_counters *)NULL)->requests[0]),
    "an outcome has no name");

static void write_engine(struct exposition *exposition, struct engine *engine)
{
	struct engine_counters counters;
	uint64_t events[EVENT_TYPE_COUNT];
	engine_counters(engine, &counters);
	engine_events(engine, events);
	family(exposition, "events_total", "counter", "Events written, by type.");
	for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
		sample(exposition, "type", event_type_names[i], events[i]);
	family(exposition, "upstream_requests_total", "counter",
	    "Requests to Mixpanel by endpoint and outcome.");
	for (size_t i = 0; i < ENGINE_ENDPOINTS; i++)
		for (size_t j = 0; j < ARRAY_SIZE(outcomes); j++) {
			begin_sample(exposition, "", "endpoint", engine_endpoint_name(i), "outcome",
			    outcomes[j]);
			buffer_printf(exposition->out, " %" PRIu64 "\n", counters.requests[i][j]);
		}
	family(exposition, "upstream_request_seconds_total", "counter",
	    "Time requests to Mixpanel took, by endpoint.");
	for (size_t i = 0; i < ENGINE_ENDPOINTS; i++) {
		begin_sample(exposition, "", "endpoint", engine_endpoint_name(i), NULL, NULL);
		append_seconds(exposition, counters.request_microseconds[i]);
	}
	single(exposition, "upstream_undecodable_total", "counter",
	    "Answers of Mixpanel that could not be read.", counters.undecodable);
	single(exposition, "upstream_in_flight", "gauge", "Requests to Mixpanel on their way.",
	    counters.in_flight);
	single(exposition, "store_commits_total", "counter", "Transactions committed.",
	    counters.commits);
	single(exposition, "jobs_changed_total", "counter", "Changes seen in jobs.",
	    counters.jobs_changed);
	single(exposition, "connectors_changed_total", "counter", "Changes seen in connectors.",
	    counters.connectors_changed);
	single(exposition, "store_writable", "gauge",
	    "Whether the database can be written, 0 or 1.", !engine_store_unavailable(engine));
}

/* The figures of each project, in the order metrics_get gives them. */
static const struct {
	const char *name;
	const char *help;
} project_figures[] = {
    {"upstream_budget_per_minute", "Requests to Mixpanel allowed a minute."},
    {"upstream_budget_available", "Requests to Mixpanel that may go out now."},
    {"upstream_consecutive_failures", "Failures of the upstream in a row."},
    {"project_loaded", "Whether the connectors were listed once, 0 or 1."},
    {"project_intervals_stretched", "Whether the budget is too small for the intervals, 0 or 1."},
};

/* The next project from *index on that has a status; NULL at the end. */
static const struct config_project *next_project(
    struct request *request, size_t *index, struct upstream_status *ret_status)
{
	const struct config *config = request_config(request);
	while (*index < config->project_count) {
		const struct config_project *project = &config->projects[(*index)++];
		if (request_may_see(request, project) &&
		    engine_upstream(request_engine(request), project->project_id, ret_status) == 0)
			return project;
	}
	return NULL;
}

/* The store -------------------------------------------------------------------------------------*/

static int metrics_read_stats(struct conn *conn, void *context, struct err *err)
{
	return store_stats(conn, err, context);
}

static void write_store(struct exposition *exposition, const struct store_stats *stats)
{
	const struct {
		const char *name;
		const char *help;
		int64_t value;
	} figures[] = {
	    {"store_database_bytes", "Size of the database.", stats->database_bytes},
	    {"store_wal_bytes", "Size of the write-ahead log.", stats->wal_bytes},
	    {"store_free_bytes", "Room left on the database's file system.", stats->free_bytes},
	    {"store_connectors", "Connectors present.", stats->connectors},
	    {"store_jobs", "Jobs held.", stats->jobs},
	    {"store_snapshots", "Snapshots of jobs held.", stats->snapshots},
	    {"store_operations", "Operations held.", stats->operations},
	    {"store_operations_unknown", "Operations whose outcome is unknown.",
		stats->operations_unknown},
	};
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
		single(exposition, figures[i].name, "gauge", figures[i].help,
		    (uint64_t)figures[i].value);
}

struct answered metrics_get(struct request *request)
{
	struct err err = ERR_INIT;
	struct store_stats stats;
	struct exposition exposition = {.out = reply_body(request)};
	const struct config_project *project;
	struct upstream_status status;
	size_t index;
	/* What is counted of all callers and projects together is not for one who is limited to
	 * some. */
	bool limited = caller_is_limited(request_caller(request));
	if (!limited) {
		write_server(&exposition, request);
		write_engine(&exposition, request_engine(request));
	}
	for (size_t i = 0; i < ARRAY_SIZE(project_figures); i++) {
		index = 0;
		family(&exposition, project_figures[i].name, "gauge", project_figures[i].help);
		while ((project = next_project(request, &index, &status))) {
			const uint64_t figures[ARRAY_SIZE(project_figures)] = {
			    status.budget_per_minute, status.budget_available,
			    status.consecutive_failures, status.loaded, status.stretched};
			sample(&exposition, "project", project->name, figures[i]);
		}
	}
	index = 0;
	family(&exposition, "upstream_state", "gauge",
	    "State of each project's upstream; 1 for the one it is in.");
	while ((project = next_project(request, &index, &status)))
		for (int i = UPSTREAM_UNKNOWN; i <= UPSTREAM_UNREACHABLE; i++) {
			begin_sample(&exposition, "", "project", project->name, "state",
			    upstream_state_names[i]);
			buffer_printf(exposition.out, " %d\n", (int)status.state == i);
		}
	if (limited)
		return reply_text(request, 200, CONTENT_TYPE);
	bool readable = tx_read(request_reader(request), metrics_read_stats, &stats, &err) == 0;
	single(&exposition, "store_readable", "gauge", "Whether the database can be read, 0 or 1.",
	    readable);
	if (readable)
		write_store(&exposition, &stats);
	return reply_text(request, 200, CONTENT_TYPE);
}
