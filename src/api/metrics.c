/* SPDX-License-Identifier: MIT */
/* GET /metrics, and what it has of all callers and projects together. */
#include "api/metrics.h"

#include "api/handlers.h"
#include "api/reading.h"
#include "api/reloads.h"
#include "http/server.h"
#include "store/tx.h"
#include "util/process.h"

#define METRICS_KEPT_LIMIT MICROSECONDS_PER_SECOND

/* The server ------------------------------------------------------------------------------------*/

static void write_requests(struct exposition *exposition, const struct server_counters *counters)
{
	static const char *const classes[] = {NULL, "1xx", "2xx", "3xx", "4xx", "5xx"};
	static const char *const listeners[LISTENER_COUNT] = {
	    [LISTENER_SOCKET] = "socket", [LISTENER_TCP] = "tcp", [LISTENER_HEALTH] = "health"};
	exposition_family(
	    exposition, "mixport_http_responses_total", "counter", "Answers by class of status.");
	for (size_t i = 2; i < ARRAY_SIZE(classes); i++)
		exposition_sample(
		    exposition, LABELS({"class", classes[i]}), counters->sum.by_status[i]);
	exposition_family(
	    exposition, "mixport_http_requests_total", "counter", "Requests by listener.");
	for (size_t i = 0; i < LISTENER_COUNT; i++)
		exposition_sample(
		    exposition, LABELS({"listener", listeners[i]}), counters->by_listener[i]);
	exposition_family(exposition, "mixport_http_authentication_failures_total", "counter",
	    "Requests with a token that nobody has, or of a user without a scope.");
	for (size_t i = LISTENER_SOCKET; i <= LISTENER_TCP; i++)
		exposition_sample(
		    exposition, LABELS({"listener", listeners[i]}), counters->not_let_in[i]);
	uint64_t buckets[COUNTERS_DURATION_BUCKETS];
	for (size_t i = 0; i < COUNTERS_DURATION_BUCKETS; i++)
		buckets[i] = counters->sum.duration_buckets[i];
	exposition_family(exposition, "mixport_http_request_duration_seconds", "histogram",
	    "Time spent on requests, waits not included.");
	exposition_histogram(exposition, NULL,
	    &(struct histogram){counters_duration_bounds, buckets, COUNTERS_DURATION_BUCKETS,
		counters->sum.duration_microseconds});
	exposition_family(
	    exposition, "mixport_http_problems_total", "counter", "Problems answered, by code.");
	for (int i = 0; i < PROBLEM_COUNT; i++)
		exposition_sample(exposition,
		    LABELS({"code", problem_entry((enum problem)i)->code}),
		    counters->sum.problems[i]);
}

static void write_server(struct exposition *exposition, const struct request *request)
{
	struct server_counters counters;
	server_counters(request_server(request), &counters);
	write_requests(exposition, &counters);
	exposition_single(exposition, "mixport_audit_dropped_total", "counter",
	    "Entries of the audit that were not written down: refused too often, or no room.",
	    atomic_load(&request_service(request)->unaudited));
	exposition_single(exposition, "mixport_http_library_refusals_total", "counter",
	    "Requests that the HTTP library refused by itself.", counters.sum.library_refusals);
	exposition_single(exposition, "mixport_http_connections", "gauge", "Connections open now.",
	    counters.connections);
	exposition_single(exposition, "mixport_http_waiting", "gauge",
	    "Requests that wait for something now.", counters.waiting);
	exposition_single(exposition, "mixport_http_unsent_bytes", "gauge",
	    "Bytes of answers that their callers have not taken yet.", counters.unsent);
	exposition_single(exposition, "mixport_event_streams", "gauge",
	    "Streams of events open now.", counters.streams);
	exposition_family(exposition, "mixport_uptime_seconds", "gauge", "Time since the start.");
	exposition_seconds(exposition, NULL, (uint64_t)server_uptime(request_server(request)));
	exposition_family(
	    exposition, "mixport_build_info", "gauge", "The version that runs; always 1.");
	exposition_sample(exposition, LABELS({"version", request_service(request)->version}), 1);
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
	exposition_family(
	    exposition, "mixport_events_total", "counter", "Events written, by type.");
	for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
		exposition_sample(exposition, LABELS({"type", event_type_names[i]}), events[i]);
	exposition_family(exposition, "mixport_upstream_requests_total", "counter",
	    "Requests to Mixpanel by endpoint and outcome.");
	for (size_t i = 0; i < ENGINE_ENDPOINTS; i++)
		for (size_t j = 0; j < ARRAY_SIZE(outcomes); j++)
			exposition_sample(exposition,
			    LABELS({"endpoint", engine_endpoint_name(i)}, {"outcome", outcomes[j]}),
			    counters.requests[i][j]);
	exposition_family(exposition, "mixport_upstream_request_seconds_total", "counter",
	    "Time requests to Mixpanel took, by endpoint.");
	for (size_t i = 0; i < ENGINE_ENDPOINTS; i++)
		exposition_seconds(exposition, LABELS({"endpoint", engine_endpoint_name(i)}),
		    counters.request_microseconds[i]);
	exposition_single(exposition, "mixport_upstream_undecodable_total", "counter",
	    "Answers of Mixpanel that could not be read.", counters.undecodable);
	exposition_single(exposition, "mixport_upstream_in_flight", "gauge",
	    "Requests to Mixpanel on their way.", counters.in_flight);
	exposition_single(exposition, "mixport_store_commits_total", "counter",
	    "Transactions committed.", counters.commits);
	exposition_single(exposition, "mixport_jobs_changed_total", "counter",
	    "Changes seen in jobs.", counters.jobs_changed);
	exposition_single(exposition, "mixport_connectors_changed_total", "counter",
	    "Changes seen in connectors.", counters.connectors_changed);
	exposition_single(exposition, "mixport_store_writable", "gauge",
	    "Whether the database can be written, 0 or 1.", !engine_store_unavailable(engine));
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
	    {"mixport_store_database_bytes", "Size of the database.", stats->database_bytes},
	    {"mixport_store_wal_bytes", "Size of the write-ahead log.", stats->wal_bytes},
	    {"mixport_store_free_bytes", "Room left on the database's file system.",
		stats->free_bytes},
	    {"mixport_store_connectors", "Connectors present.", stats->connectors},
	    {"mixport_store_jobs", "Jobs held.", stats->jobs},
	    {"mixport_store_snapshots", "Snapshots of jobs held.", stats->snapshots},
	    {"mixport_store_operations", "Operations held.", stats->operations},
	    {"mixport_store_operations_unknown", "Operations whose outcome is unknown.",
		stats->operations_unknown},
	};
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
		exposition_single(exposition, figures[i].name, "gauge", figures[i].help,
		    (uint64_t)figures[i].value);
}

/* The process -----------------------------------------------------------------------------------*/

/* Under the names that every program has them by. */
static void write_process(struct exposition *exposition, const struct service *service)
{
	const struct process_figures process = process_figures();
	exposition_family(exposition, "process_start_time_seconds", "gauge",
	    "When the process started, since 1970.");
	exposition_seconds(exposition, NULL, (uint64_t)service->started_at);
	exposition_family(exposition, "process_cpu_seconds_total", "counter",
	    "Processor time taken, by user and system together.");
	if (process.cpu_microseconds >= 0)
		exposition_seconds(exposition, NULL, (uint64_t)process.cpu_microseconds);
	const struct {
		const char *name;
		const char *help;
		int64_t value;
	} figures[] = {
	    {"process_resident_memory_bytes", "Memory held.", process.resident_bytes},
	    {"process_open_fds", "Descriptors open.", process.open_descriptors},
	    {"process_max_fds", "Descriptors that may be open.", process.descriptors_limit},
	};
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		exposition_family(exposition, figures[i].name, "gauge", figures[i].help);
		if (figures[i].value >= 0)
			exposition_sample(exposition, NULL, (uint64_t)figures[i].value);
	}
}

static void write_reload(struct exposition *exposition, const struct service *service)
{
	struct reload_outcome outcome _cleanup_reload_outcome_;
	reloads_last(service->reloads, &outcome);
	exposition_single(exposition, "mixport_config_last_reload_successful", "gauge",
	    "Whether the last reload took, 0 or 1; 1 when there was none.",
	    outcome.number == 0 || outcome.done);
}

/* Anybody may ask on the health listener, again and again. Kept for twice as long as it took, it
 * takes a third of a thread at most, and where it is quick it is as good as new. */
static struct answered answer_metrics(struct request *request, int64_t began)
{
	int64_t took = clock_monotonic(request_service(request)->clock) - began;
	int64_t keep = took < METRICS_KEPT_LIMIT / 2 ? 2 * took : METRICS_KEPT_LIMIT;
	return reply_text_for(request, EXPOSITION_CONTENT_TYPE, keep);
}

/* What is counted of all callers and projects together is not for one who is limited to some. */
static struct answered compose_metrics(struct request *request)
{
	struct err err = ERR_INIT;
	struct store_stats stats;
	struct exposition exposition = {.out = reply_body(request)};
	const struct service *service = request_service(request);
	const int64_t began = clock_monotonic(service->clock);
	if (caller_is_limited(request_caller(request))) {
		if (metrics_projects(&exposition, request, &err) < 0)
			return reply_failed(request, &err);
		return answer_metrics(request, began);
	}
	write_server(&exposition, request);
	write_engine(&exposition, request_engine(request));
	if (metrics_projects(&exposition, request, &err) < 0)
		return reply_failed(request, &err);
	bool readable = tx_read(request_reader(request), metrics_read_stats, &stats, &err) == 0;
	exposition_single(&exposition, "mixport_store_readable", "gauge",
	    "Whether the database can be read, 0 or 1.", readable);
	if (readable)
		write_store(&exposition, &stats);
	write_reload(&exposition, service);
	write_process(&exposition, service);
	return answer_metrics(request, began);
}

struct answered metrics_get(struct request *request)
{
	struct answered again;
	return reply_text_again(request, EXPOSITION_CONTENT_TYPE, &again)
		   ? again
		   : compose_metrics(request);
}
