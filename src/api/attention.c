/* SPDX-License-Identifier: MIT */
/* What needs attention. The reasons of the daemon itself come from the engine, which knows them
 * also while nothing can be written; all others are listed by the store. */
#include "api/metrics.h"

#include "api/handlers.h"
#include "api/reading.h"
#include "store/attention_store.h"
#include "store/render.h"
#include "store/tx.h"

/* The list
 * ---------------------------------------------------------------------------------------*/

struct attention_page {
	struct reading reading;
	struct attention_query query;
	uint64_t list;
	struct attention_reason daemon[ATTENTION_CODE_COUNT]; /* worst first */
	size_t daemon_count;
	size_t daemon_taken;
	unsigned count; /* of those on the page */
	struct slice_end end;
};

static int add_reason(struct attention_page *page, const struct attention_about *about,
    const struct attention_reason *reason, const struct position *position)
{
	struct reading *reading = &page->reading;
	const struct config_project *project =
	    request_visible_project(reading->request, about->project_id);
	if (page->count == page->query.slice.limit)
		return STORE_PAGE_FULL;
	const struct reading_row row = reading_begin_row(reading);
	reading_reason(reading, about, reason, project ? project->name : NULL);
	int r = reading_end_row(reading, &row);
	if (r)
		return r;
	page->count++;
	page->end.last = *position;
	return 0;
}

static bool attention_is_wanted(
    const struct attention_query *query, const struct attention_reason *reason)
{
	return (query->severity < 0 || (int)reason->severity == query->severity) &&
	       (query->code < 0 || (int)reason->code == query->code);
}

static bool attention_is_behind(const struct position *position, const struct slice *slice)
{
	const struct position *from = &slice->position;
	return !slice->after || position->time > from->time ||
	       (position->time == from->time && position->row > from->row);
}

/* Adds those of the daemon that stand before a rank. */
static int add_daemon(struct attention_page *page, int64_t rank)
{
	static const struct attention_about about = {.subject = ATTENTION_OF_DAEMON};
	while (page->daemon_taken < page->daemon_count) {
		const struct attention_reason *reason = &page->daemon[page->daemon_taken];
		const struct position position = {
		    .time = reason->severity == ATTENTION_CRITICAL ? ATTENTION_RANK_DAEMON_CRITICAL
								   : ATTENTION_RANK_DAEMON_WARNING,
		    .row = (int64_t)reason->code + 1,
		};
		if (position.time > rank)
			return 0;
		if (attention_is_wanted(&page->query, reason) &&
		    attention_is_behind(&position, &page->query.slice)) {
			int r = add_reason(page, &about, reason, &position);
			if (r)
				return r;
		}
		page->daemon_taken++;
	}
	return 0;
}

static int attention_add_row(const struct attention_about *about,
    const struct attention_reason *reason, const struct position *position, void *context)
{
	struct attention_page *page = context;
	int r = add_daemon(page, position->time);
	return r ? r : add_reason(page, about, reason, position);
}

static int attention_read_page(struct conn *conn, void *context, struct err *err)
{
	struct attention_page *page = context;
	struct slice_end end;
	reading_begin_list(&page->reading);
	int r = attention_store_list(conn, &page->query, attention_add_row, page, err, &end);
	if (r)
		return r;
	page->end.more = end.more || add_daemon(page, INT64_MAX) == STORE_PAGE_FULL;
	reading_end_list(&page->reading, &page->end, CURSOR_ATTENTION, page->list);
	return 0;
}

struct answered attention_list(struct request *request)
{
	struct err err = ERR_INIT;
	const struct config_project *project = NULL;
	struct attention_page page = {
	    .list = page_list(request, CURSOR_ATTENTION), .query = {.severity = -1, .code = -1}};
	struct attention_query *query = &page.query;
	if (page_project(request, &project) > 0)
		return project_refused(request);
	int faults = request_parameter_choice(
	    request, "severity", attention_severity_names, &query->severity);
	faults += request_parameter_choice(request, "code", attention_code_names, &query->code);
	page.list = fingerprint_add(page.list, project ? (uint64_t)project->project_id : 0);
	faults += page_read(request, CURSOR_ATTENTION, page.list, &query->slice);
	if (faults < 0)
		return parameters_refused(request);
	if (page_project_ids(request, project, &err, &query->slice) < 0)
		return reply_failed(request, &err);
	page.end.last = query->slice.position;
	if (!project && !caller_is_limited(request_caller(request)))
		page.daemon_count = engine_attention(request_engine(request), page.daemon);
	int r = reading_read(&page.reading, request, attention_read_page, &page);
	return r ? reading_failed(&page.reading, r, NULL) : reading_answer(&page.reading, false);
}

/* The metric
 * -------------------------------------------------------------------------------------*/

/* Of each project in the order of the configuration. */
typedef uint64_t attention_totals[ATTENTION_CODE_COUNT][ATTENTION_SEVERITY_COUNT];

struct attention_counts {
	const struct config *config;
	attention_totals *of_project;
};

static void take_total(int64_t project_id, enum attention_code code,
    enum attention_severity severity, int64_t count, void *context)
{
	struct attention_counts *counts = context;
	const struct config_project *project = config_find_project_id(counts->config, project_id);
	if (project)
		counts->of_project[project - counts->config->projects][code][severity] =
		    (uint64_t)count;
}

static int read_totals(struct conn *conn, void *context, struct err *err)
{
	return attention_store_totals(conn, take_total, context, err);
}

/* Each severity that a code can have, of the codes of the daemon or of those of a project. */
static void expose_totals(
    struct exposition *exposition, const char *project, bool daemon, const attention_totals *totals)
{
	for (enum attention_code code = 0; code < ATTENTION_CODE_COUNT; code++) {
		if ((attention_code_subject(code) == ATTENTION_OF_DAEMON) != daemon)
			continue;
		for (enum attention_severity i = 0; i < ATTENTION_SEVERITY_COUNT; i++)
			if (attention_code_has(code, i))
				exposition_sample(exposition,
				    LABELS({"project", project},
					{"code", attention_code_names[code]},
					{"severity", attention_severity_names[i]}),
				    (*totals)[code][i]);
	}
}

void metrics_attention(struct exposition *exposition, struct request *request)
{
	struct err err = ERR_INIT;
	const struct config *config = request_config(request);
	struct attention_reason reasons[ATTENTION_CODE_COUNT];
	attention_totals of_daemon = {{0}};
	struct attention_counts counts = {
	    .config = config,
	    .of_project = arena_alloc(
		request_arena(request), (config->project_count + 1) * sizeof(attention_totals)),
	};
	if (!counts.of_project || tx_read(request_reader(request), read_totals, &counts, &err) != 0)
		return;
	exposition_family(exposition, "mixport_attention", "gauge",
	    "Connectors, projects, operations, or the daemon, with an open reason for attention.");
	for (size_t i = 0; i < config->project_count; i++)
		if (request_may_see(request, &config->projects[i]))
			expose_totals(exposition, config->projects[i].name, false,
			    (const attention_totals *)&counts.of_project[i]);
	if (caller_is_limited(request_caller(request)))
		return;
	size_t count = engine_attention(request_engine(request), reasons);
	for (size_t i = 0; i < count; i++)
		of_daemon[reasons[i].code][reasons[i].severity] = 1;
	expose_totals(exposition, "", true, (const attention_totals *)&of_daemon);
}
