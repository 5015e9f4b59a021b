/* SPDX-License-Identifier: MIT */
/* What /metrics has of each project. All is read first, because a family is written whole. */
#include <stdlib.h>

#include "api/metrics.h"
#include "api/reading.h"
#include "store/gauges.h"
#include "store/tx.h"
#include "util/timestamp.h"

struct figures {
	const struct config_project *project;
	struct upstream_status upstream;
	struct job_counts jobs;
	bool read; /* the store could tell what follows */
	struct gauges gauges;
	int64_t listed_at;
};

/* Of the projects that the caller may see and the engine follows. */
struct project_metrics {
	struct reading reading;
	struct exposition *exposition;
	struct figures *list;
	size_t count;
};

/* Reading ---------------------------------------------------------------------------------------*/

static int read_stored(struct conn *conn, void *context, struct err *err)
{
	struct project_metrics *metrics = context;
	struct reading *reading = &metrics->reading;
	for (size_t i = 0; i < metrics->count; i++) {
		struct figures *figures = &metrics->list[i];
		struct project_view view;
		if (reading_load_view(reading, figures->project, &view) < 0)
			return -1;
		/* Of one moment with the rest. */
		view.upstream = figures->upstream;
		if (gauges_read(conn, &view, reading->now, err, &figures->gauges) < 0)
			return -1;
		figures->listed_at = view.record.listed_at;
		figures->read = true;
	}
	return 0;
}

static int read_figures(struct project_metrics *metrics, struct err *err)
{
	struct request *request = metrics->reading.request;
	const struct config *config = request_config(request);
	metrics->list = calloc(config->project_count + 1, sizeof(*metrics->list));
	if (!metrics->list)
		return err_set(
		    err, "no memory for the figures of %zu projects", config->project_count);
	for (size_t i = 0; i < config->project_count; i++) {
		struct figures *figures = &metrics->list[metrics->count];
		figures->project = &config->projects[i];
		int64_t project_id = figures->project->project_id;
		if (!request_may_see(request, figures->project) ||
		    engine_upstream(request_engine(request), project_id, &figures->upstream) != 0)
			continue;
		engine_jobs(request_engine(request), project_id, &figures->jobs);
		metrics->count++;
	}
	/* What could not be read is missing, which mixport_store_readable tells. */
	(void)tx_read(metrics->reading.conn, read_stored, metrics, &metrics->reading.err);
	return 0;
}

/* Writing ---------------------------------------------------------------------------------------*/

/* Of a project that has none. */
#define NOTHING UINT64_MAX

/* The families of one number for each project, in the order of numbers_of. */
static const struct {
	const char *name;
	const char *type;
	const char *help;
} number_families[] = {
    {"mixport_upstream_budget_per_minute", "gauge", "Requests to Mixpanel allowed a minute."},
    {"mixport_upstream_budget_available", "gauge", "Requests to Mixpanel that may go out now."},
    {"mixport_upstream_consecutive_failures", "gauge", "Failures of the upstream in a row."},
    {"mixport_project_loaded", "gauge", "Whether the connectors were listed once, 0 or 1."},
    {"mixport_project_intervals_stretched", "gauge",
	"Whether the budget is too small for the intervals, 0 or 1."},
    {"mixport_connectors_stale", "gauge",
	"Connectors present whose record is older than it should be, or failed to be read."},
    {"mixport_imported_events_total", "counter", "Events that ended jobs imported."},
    {"mixport_dropped_events_total", "counter", "Events that ended jobs dropped."},
    {"mixport_imported_bytes_total", "counter", "Bytes that ended jobs imported."},
};

static void numbers_of(
    const struct figures *figures, uint64_t ret_numbers[ARRAY_SIZE(number_families)])
{
	const struct upstream_status *upstream = &figures->upstream;
	const struct job_yield *yield = &figures->jobs.yield;
	const uint64_t numbers[] = {upstream->budget_per_minute, upstream->budget_available,
	    upstream->consecutive_failures, upstream->loaded, upstream->stretched,
	    figures->read ? figures->gauges.stale : NOTHING, yield->events, yield->dropped,
	    yield->bytes};
	_Static_assert(sizeof(numbers) == ARRAY_SIZE(number_families) * sizeof(numbers[0]),
	    "a family has no number");
	memcpy(ret_numbers, numbers, sizeof(numbers));
}

static void write_numbers(const struct project_metrics *metrics)
{
	for (size_t i = 0; i < ARRAY_SIZE(number_families); i++) {
		exposition_family(metrics->exposition, number_families[i].name,
		    number_families[i].type, number_families[i].help);
		for (size_t k = 0; k < metrics->count; k++) {
			const struct figures *figures = &metrics->list[k];
			uint64_t numbers[ARRAY_SIZE(number_families)];
			numbers_of(figures, numbers);
			if (numbers[i] != NOTHING)
				exposition_sample(metrics->exposition,
				    LABELS({"project", figures->project->name}), numbers[i]);
		}
	}
}

/* The times that there are, in the order of the families. */
static void write_times(const struct project_metrics *metrics)
{
	static const struct {
		const char *name;
		const char *help;
	} families[] = {
	    {"mixport_list_synced_timestamp_seconds",
		"When the last complete list of connectors was asked for, since 1970."},
	    {"mixport_last_success_timestamp_seconds",
		"When the last job that succeeded ended, since 1970."},
	    {"mixport_credential_loaded_timestamp_seconds",
		"When the credential was read, since 1970."},
	};
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		exposition_family(metrics->exposition, families[i].name, "gauge", families[i].help);
		for (size_t k = 0; k < metrics->count; k++) {
			const struct figures *figures = &metrics->list[k];
			const int64_t times[ARRAY_SIZE(families)] = {
			    figures->read ? figures->listed_at : TIMESTAMP_NONE,
			    figures->read ? figures->gauges.last_success_at : TIMESTAMP_NONE,
			    figures->project->credential->loaded_at};
			if (times[i] >= 0)
				exposition_seconds(metrics->exposition,
				    LABELS({"project", figures->project->name}),
				    (uint64_t)times[i]);
		}
	}
}

/* A sample of a project and another label. */
static void write_one_of(const struct project_metrics *metrics, const struct figures *figures,
    const char *name, const char *value, uint64_t number)
{
	exposition_sample(metrics->exposition,
	    LABELS({"project", figures->project->name}, {name, value}), number);
}

static void write_states(const struct project_metrics *metrics)
{
	exposition_family(metrics->exposition, "mixport_upstream_state", "gauge",
	    "State of each project's upstream; 1 for the one it is in.");
	for (size_t i = 0; i < metrics->count; i++)
		for (int state = 0; state < UPSTREAM_STATE_COUNT; state++)
			write_one_of(metrics, &metrics->list[i], "state",
			    upstream_state_names[state],
			    (int)metrics->list[i].upstream.state == state);
	exposition_family(metrics->exposition, "mixport_connectors", "gauge",
	    "Connectors present, by status; unknown for none and for any other.");
	for (size_t i = 0; i < metrics->count; i++)
		for (size_t status = 0; metrics->list[i].read && status <= CONNECTOR_STATUS_COUNT;
		     status++)
			write_one_of(metrics, &metrics->list[i], "status",
			    status < CONNECTOR_STATUS_COUNT ? connector_status_names[status]
							    : "unknown",
			    metrics->list[i].gauges.connectors[status]);
}

/* Jobs that are not over as there are, and those that ended as they were counted. */
static void write_jobs(const struct project_metrics *metrics)
{
	exposition_family(metrics->exposition, "mixport_jobs_active", "gauge",
	    "Jobs that have not ended, by status.");
	for (size_t i = 0; i < metrics->count; i++)
		for (int status = 0; metrics->list[i].read && status < JOB_STATUS_COUNT; status++)
			if (!job_status_is_done((enum job_status)status))
				write_one_of(metrics, &metrics->list[i], "status",
				    job_status_names[status],
				    metrics->list[i].gauges.active[status]);
	exposition_family(metrics->exposition, "mixport_jobs_ended_total", "counter",
	    "Jobs that ended, by how; not those of a first history.");
	for (size_t i = 0; i < metrics->count; i++)
		for (int status = 0; status < JOB_STATUS_COUNT; status++)
			if (job_status_is_done((enum job_status)status))
				write_one_of(metrics, &metrics->list[i], "status",
				    job_status_names[status], metrics->list[i].jobs.ended[status]);
	exposition_family(metrics->exposition, "mixport_job_duration_seconds", "histogram",
	    "How long the ended jobs ran that tell their start and their end.");
	for (size_t i = 0; i < metrics->count; i++)
		exposition_histogram(metrics->exposition,
		    &(struct label){"project", metrics->list[i].project->name},
		    &(struct histogram){job_duration_bounds, metrics->list[i].jobs.duration_buckets,
			JOB_DURATION_BUCKETS, metrics->list[i].jobs.duration_microseconds});
}

int metrics_projects(struct exposition *exposition, struct request *request, struct err *err)
{
	struct project_metrics metrics = {.exposition = exposition};
	reading_init(&metrics.reading, request);
	if (read_figures(&metrics, err) < 0)
		return -1;
	write_numbers(&metrics);
	write_times(&metrics);
	write_states(&metrics);
	write_jobs(&metrics);
	metrics_attention(exposition, request);
	free(metrics.list);
	return 0;
}
