/* SPDX-License-Identifier: MIT */
#include "stats.h"

#include <string.h>

#include "util/clock.h"

#define BODY_LIMIT 8192

void stats_init(struct stats *stats, size_t log_size)
{
	/* One entry at least, so that stats_receive has one to give. */
	*stats = (struct stats){.log_size = log_size ? log_size : 1};
	stats->log = calloc(stats->log_size, sizeof(*stats->log));
	if (!stats->log)
		abort();
	stats->started_at = clock_monotonic(&clock_system);
}

static void forget(struct stats *stats)
{
	for (size_t i = 0; i < stats->log_size; i++) {
		free(stats->log[i].text);
		stats->log[i] = (struct logged){.sequence = 0};
	}
	for (size_t i = 0; i < stats->created_count; i++)
		free(stats->created[i]);
	free(stats->created);
}

void stats_done(struct stats *stats)
{
	forget(stats);
	free(stats->log);
}

void stats_clear(struct stats *stats)
{
	forget(stats);
	*stats = (struct stats){.started_at = stats->started_at,
	    .concurrent = stats->concurrent,
	    .concurrent_maximum = stats->concurrent,
	    .log = stats->log,
	    .log_size = stats->log_size};
}

/* The start line and headers lie before the body without a gap, so one copy keeps all of it. */
static void keep_text(struct logged *entry, const struct request *request)
{
	const char *start = request->method.ptr;
	const char *head_end = request->body.ptr;
	size_t body_len = request->body.len < BODY_LIMIT ? request->body.len : BODY_LIMIT;
	entry->head_len = (size_t)(head_end - start);
	entry->text_len = entry->head_len + body_len;
	entry->text = malloc(entry->text_len);
	if (entry->text)
		memcpy(entry->text, start, entry->text_len);
}

struct logged *stats_receive(struct stats *stats, const struct world *world,
    const struct call *call, const struct request *request)
{
	stats->total++;
	stats->received[call->endpoint]++;
	stats->concurrent++;
	if (stats->concurrent > stats->concurrent_maximum)
		stats->concurrent_maximum = stats->concurrent;
	struct logged *entry = &stats->log[(stats->total - 1) % stats->log_size];
	free(entry->text);
	*entry = (struct logged){
	    .sequence = stats->total,
	    .at = clock_monotonic(&clock_system) - stats->started_at,
	    .simulated = world_now(world),
	    .endpoint = call->endpoint,
	    .project_id = call->project_id,
	};
	memcpy(entry->connector_id, call->connector_id, sizeof(entry->connector_id));
	keep_text(entry, request);
	return entry;
}

void stats_execute(struct stats *stats, enum endpoint endpoint)
{
	stats->executed[endpoint]++;
}

void stats_create(struct stats *stats, const char *connector_id)
{
	char **moved =
	    reallocarray(stats->created, stats->created_count + 1, sizeof(*stats->created));
	if (!moved)
		return;
	stats->created = moved;
	moved[stats->created_count] = strdup(connector_id);
	if (moved[stats->created_count])
		stats->created_count++;
}

void stats_end(struct stats *stats)
{
	stats->concurrent--;
}

static void write_logged(const struct logged *entry, struct writer *writer)
{
	struct span text = {.ptr = entry->text, .len = entry->text_len};
	struct request request = {.header_count = 0};
	size_t used;
	/* A body that was cut makes it HTTP_NEEDS_BODY, which fills in all but the body. */
	if (entry->text)
		(void)http_parse(text, &request, &used);
	writer_begin_object(writer);
	writer_member_integer(writer, "sequence", (int64_t)entry->sequence);
	writer_member_integer(writer, "at_us", entry->at);
	writer_member_time(writer, "simulated_time", entry->simulated);
	writer_member_text(writer, "endpoint", endpoint_name(entry->endpoint));
	writer_member_integer(writer, "project_id", entry->project_id);
	writer_member_text(
	    writer, "connector_id", entry->connector_id[0] ? entry->connector_id : NULL);
	writer_key(writer, "method");
	writer_text_span(writer, request.method);
	writer_key(writer, "target");
	writer_text_span(writer, request.target);
	writer_key(writer, "headers");
	writer_begin_array(writer);
	for (size_t i = 0; i < request.header_count; i++) {
		writer_begin_array(writer);
		writer_text_span(writer, request.headers[i].name);
		writer_text_span(writer, request.headers[i].value);
		writer_end_array(writer);
	}
	writer_end_array(writer);
	writer_key(writer, "body");
	writer_text_span(
	    writer, (struct span){.ptr = entry->text ? entry->text + entry->head_len : "",
			.len = entry->text ? entry->text_len - entry->head_len : 0});
	writer_member_integer(writer, "status", entry->status);
	writer_member_text(writer, "fault", entry->action);
	writer_member_boolean(writer, "executed", entry->executed);
	writer_end_object(writer);
}

static void write_counts(
    struct writer *writer, const char *name, const uint64_t counts[ENDPOINT_COUNT])
{
	writer_key(writer, name);
	writer_begin_object(writer);
	for (size_t i = 0; i < ENDPOINT_COUNT; i++)
		writer_member_integer(writer, endpoint_name((enum endpoint)i), (int64_t)counts[i]);
	writer_end_object(writer);
}

static void write_histories(const struct world *world, struct writer *writer)
{
	writer_key(writer, "histories");
	writer_begin_object(writer);
	for (size_t i = 0; i < world->project_count; i++) {
		const struct project *project = &world->projects[i];
		for (size_t j = 0; j < project->connector_count; j++) {
			const struct connector *connector = project->connectors[j];
			if (connector->histories)
				writer_member_integer(
				    writer, connector->id, (int64_t)connector->histories);
		}
	}
	writer_end_object(writer);
}

static void write_log(const struct stats *stats, uint64_t since, struct writer *writer)
{
	uint64_t first = stats->total > stats->log_size ? stats->total - stats->log_size + 1 : 1;
	if (since != UINT64_MAX && since >= first)
		first = since + 1;
	writer_key(writer, "requests");
	writer_begin_array(writer);
	for (uint64_t n = first; since != UINT64_MAX && n <= stats->total; n++)
		write_logged(&stats->log[(n - 1) % stats->log_size], writer);
	writer_end_array(writer);
}

void stats_write(
    const struct stats *stats, const struct world *world, uint64_t since, struct writer *writer)
{
	writer_begin_object(writer);
	writer_member_integer(
	    writer, "uptime_us", clock_monotonic(&clock_system) - stats->started_at);
	writer_member_time(writer, "simulated_time", world_now(world));
	writer_member_integer(writer, "connections", (int64_t)stats->connections);
	writer_member_integer(writer, "total", (int64_t)stats->total);
	writer_member_integer(writer, "concurrent", stats->concurrent);
	writer_member_integer(writer, "concurrent_maximum", stats->concurrent_maximum);
	write_counts(writer, "received", stats->received);
	write_counts(writer, "executed", stats->executed);
	write_histories(world, writer);
	writer_key(writer, "created");
	writer_begin_array(writer);
	for (size_t i = 0; i < stats->created_count; i++)
		writer_text(writer, stats->created[i]);
	writer_end_array(writer);
	write_log(stats, since, writer);
	writer_end_object(writer);
}
