/* SPDX-License-Identifier: MIT */
/* Whether the daemon is alive and ready, and everything an operator may want to know. */
#include "api/handlers.h"
#include "api/reading.h"
#include "api/reloads.h"
#include "http/server.h"
#include "store/operation_store.h"
#include "store/render.h"
#include "store/tx.h"
#include "util/timestamp.h"

/* Room below which a store limit counts as near. */
#define FREE_BYTES_LOW (INT64_C(64) * 1024 * 1024)

/* Where to go on from here. */
struct answered health_index(struct request *request)
{
	struct writer writer;
	writer_init(&writer, reply_body(request));
	writer_begin_object(&writer);
	writer_member_text(&writer, "name", "mixport");
	writer_member_text(&writer, "version", request_service(request)->version);
	writer_member_text(&writer, "openapi", "/v1/openapi.json");
	writer_member_text(&writer, "manual", "mixport-api(7)");
	const struct caller *caller = request_caller(request);
	writer_key(&writer, "caller");
	writer_begin_object(&writer);
	writer_member_text(&writer, "name", caller->name);
	writer_member_text(&writer, "scope", scope_name(caller->scope));
	writer_member_boolean(&writer, "limited", caller_is_limited(caller));
	writer_end_object(&writer);
	writer_end_object(&writer);
	return reply_json(request, 200);
}

struct answered health_live(struct request *request)
{
	bool healthy = server_healthy(request_server(request));
	struct writer writer;
	writer_init(&writer, reply_body(request));
	writer_begin_object(&writer);
	writer_member_text(&writer, "status", healthy ? "ok" : "stuck");
	writer_end_object(&writer);
	return reply_json(request, healthy ? 200 : 503);
}

/* Readiness -------------------------------------------------------------------------------------*/

static int health_read_stats(struct conn *conn, void *context, struct err *err)
{
	return store_stats(conn, err, context);
}

/* Anybody may ask, so that no project is named: /v1/health tells which. */
static void reason(struct writer *writer, const char *code, const char *detail)
{
	writer_begin_object(writer);
	writer_member_text(writer, "code", code);
	writer_member_null(writer, "project");
	writer_member_text(writer, "detail", detail);
	writer_end_object(writer);
}

struct answered health_ready(struct request *request)
{
	struct writer writer;
	writer_init(&writer, reply_body(request));
	writer_begin_object(&writer);
	writer_key(&writer, "reasons");
	writer_begin_array(&writer);
	struct err err = ERR_INIT;
	struct store_stats stats;
	unsigned reasons = 0;
	if (tx_read(request_reader(request), health_read_stats, &stats, &err) != 0) {
		reason(&writer, "store-not-open", "the database cannot be read");
		reasons++;
	}
	const struct config *config = request_config(request);
	size_t loaded = 0;
	for (size_t i = 0; i < config->project_count; i++) {
		struct upstream_status status;
		loaded += engine_upstream(request_engine(request), config->projects[i].project_id,
			      &status) == 0 &&
			  status.loaded;
	}
	if (loaded < config->project_count) {
		char detail[128];
		snprintf(detail, sizeof(detail),
		    "the connectors of %zu of %zu projects have not been listed once yet",
		    config->project_count - loaded, config->project_count);
		reason(&writer, "project-not-loaded", detail);
		reasons++;
	}
	writer_end_array(&writer);
	writer_member_text(&writer, "status", reasons ? "not-ready" : "ready");
	writer_end_object(&writer);
	return reply_json(request, reasons ? 503 : 200);
}

/* The report ------------------------------------------------------------------------------------*/

struct report {
	struct reading reading;
	struct store_stats stats;
	bool readable;
	bool upstream_troubled;
	int64_t critical, warning; /* open reasons for attention that the caller may see */
};

/* To one who is limited to some projects the totals are those of these; what there is of a total of
 * all alone is not for them. */
static int report_stats(struct conn *conn, void *context, struct err *err)
{
	struct report *report = context;
	struct request *request = report->reading.request;
	const struct config *config = request_config(request);
	int r = store_stats(conn, err, &report->stats);
	if (r || !caller_is_limited(request_caller(request)))
		return r;
	report->stats.connectors = report->stats.operations_unknown = 0;
	for (size_t i = 0; i < config->project_count && r == 0; i++) {
		const struct config_project *project = &config->projects[i];
		struct project_view view;
		int64_t unknown = 0;
		if (!request_may_see(request, project))
			continue;
		r = reading_load_view(&report->reading, project, &view);
		if (r == 0)
			r = operation_store_count_unknown(conn, project->project_id, err, &unknown);
		report->stats.connectors += view.record.connectors;
		report->stats.operations_unknown += unknown;
	}
	return r;
}

static void write_total(struct report *report, const char *name, int64_t total)
{
	if (caller_is_limited(request_caller(report->reading.request)))
		writer_member_null(&report->reading.writer, name);
	else
		writer_member_integer(&report->reading.writer, name, total);
}

static int report_projects(struct conn *conn, void *context, struct err *err)
{
	struct report *report = context;
	struct request *request = report->reading.request;
	(void)conn, (void)err;
	const struct config *config = request_config(request);
	for (size_t i = 0; i < config->project_count; i++) {
		struct project_view view;
		if (!request_may_see(request, &config->projects[i]))
			continue;
		if (reading_load_view(&report->reading, &config->projects[i], &view) < 0)
			return -1;
		struct writer *writer = &report->reading.writer;
		const struct credential *credential = view.settings->credential;
		struct freshness freshness = freshness_of_project(&view, report->reading.now);
		writer_begin_object(writer);
		writer_member_text(writer, "project", view.settings->name);
		writer_key(writer, "upstream");
		render_upstream(writer, &view.upstream);
		writer_key(writer, "sync");
		render_sync(writer, &freshness);
		writer_key(writer, "list_interval_seconds");
		writer_seconds(writer, view.upstream.list_interval ? view.upstream.list_interval
								   : view.settings->list_interval);
		writer_member_boolean(writer, "intervals_stretched", view.upstream.stretched);
		writer_key(writer, "credential");
		writer_begin_object(writer);
		writer_member_text(writer, "fingerprint", credential->fingerprint);
		writer_member_time(writer, "loaded_at", credential->loaded_at);
		writer_end_object(writer);
		writer_end_object(writer);
		if (view.upstream.state != UPSTREAM_OK)
			report->upstream_troubled = true;
		report->critical += view.record.attention_critical;
		report->warning += view.record.attention_warning;
	}
	return 0;
}

static const char *health_judge(const struct report *report, bool writable)
{
	if (!report->readable || !server_healthy(request_server(report->reading.request)))
		return "down";
	if (!writable || report->upstream_troubled || report->stats.operations_unknown > 0 ||
	    report->stats.free_bytes < FREE_BYTES_LOW)
		return "degraded";
	return "ok";
}

/* How the imports are, beside how the daemon is. */
static void report_attention(struct report *report)
{
	struct request *request = report->reading.request;
	struct writer *writer = &report->reading.writer;
	struct attention_reason reasons[ATTENTION_CODE_COUNT];
	size_t count = 0;
	if (!caller_is_limited(request_caller(request)))
		count = engine_attention(request_engine(request), reasons);
	for (size_t i = 0; i < count; i++)
		*(reasons[i].severity == ATTENTION_CRITICAL ? &report->critical
							    : &report->warning) += 1;
	writer_key(writer, "attention");
	writer_begin_object(writer);
	writer_member_text(writer, "status",
	    report->critical  ? attention_severity_names[ATTENTION_CRITICAL]
	    : report->warning ? attention_severity_names[ATTENTION_WARNING]
			      : "ok");
	writer_member_integer(writer, "critical", report->critical);
	writer_member_integer(writer, "warning", report->warning);
	writer_end_object(writer);
}

/* A fault may name what a token limited to some projects is not to see. */
static void report_reload(struct request *request, struct writer *writer)
{
	struct reload_outcome outcome _cleanup_reload_outcome_;
	reloads_last(request_service(request)->reloads, &outcome);
	if (outcome.number == 0) {
		writer_null(writer);
		return;
	}
	writer_begin_object(writer);
	writer_member_boolean(writer, "ok", outcome.done);
	writer_member_time(writer, "at", outcome.at);
	writer_key(writer, "error");
	if (outcome.done)
		writer_null(writer);
	else if (!outcome.lines || caller_is_limited(request_caller(request)))
		writer_text(writer, "the configuration is not valid");
	else
		writer_text_span(writer,
		    (struct span){.ptr = outcome.lines, .len = strcspn(outcome.lines, "\n")});
	writer_end_object(writer);
}

struct answered health_report(struct request *request)
{
	struct err err = ERR_INIT;
	struct report report = {.readable = false};
	struct conn *reader = request_reader(request);
	const struct server *server = request_server(request);
	struct writer *writer = &report.reading.writer;
	bool writable = !engine_store_unavailable(request_engine(request));
	reading_init(&report.reading, request);
	report.readable = tx_read(reader, report_stats, &report, &err) == 0;
	writer_begin_object(writer);
	writer_member_text(writer, "version", request_service(request)->version);
	writer_member_integer(
	    writer, "uptime_seconds", server_uptime(server) / MICROSECONDS_PER_SECOND);
	writer_key(writer, "store");
	const struct store_stats *stats = &report.stats;
	writer_begin_object(writer);
	writer_member_boolean(writer, "readable", report.readable);
	writer_member_boolean(writer, "writable", writable);
	if (report.readable) {
		write_total(&report, "database_bytes", stats->database_bytes);
		write_total(&report, "wal_bytes", stats->wal_bytes);
		write_total(&report, "free_bytes", stats->free_bytes);
		writer_member_integer(writer, "connectors", stats->connectors);
		write_total(&report, "jobs", stats->jobs);
		write_total(&report, "snapshots", stats->snapshots);
		write_total(&report, "operations", stats->operations);
	}
	writer_end_object(writer);
	writer_key(writer, "projects");
	writer_begin_array(writer);
	if (report.readable && tx_read(reader, report_projects, &report, &report.reading.err) != 0)
		return reply_failed(request, &report.reading.err);
	writer_end_array(writer);
	report_attention(&report);
	writer_key(writer, "reload");
	report_reload(request, writer);
	writer_member_integer(writer, "operations_unknown", report.stats.operations_unknown);
	writer_member_text(writer, "status", health_judge(&report, writable));
	writer_end_object(writer);
	return reply_json(request, 200);
}
