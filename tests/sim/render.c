/* SPDX-License-Identifier: MIT */
#include "render.h"

#include <string.h>

#include "util/jsontext.h"
#include "util/timestamp.h"
#include "util/writer.h"

#define ENTRY_LIMIT ((size_t)64 * 1024 * 1024)
#define NOT_STARTED "0001-01-01 00:00:00 +0000 UTC"

/* The calendar comes from timestamp_format; the two other ISO-like forms are made from its text. */
static void format_time(int64_t time, const char *date_separator, const char *suffix, bool fraction,
    size_t size, char *ret_text)
{
	char text[TIMESTAMP_TEXT_SIZE];
	int64_t whole = time - time % MICROSECONDS_PER_SECOND;
	timestamp_format(whole, text);
	char digits[16] = "";
	if (fraction)
		snprintf(digits, sizeof(digits), ".%06d", (int)(time % MICROSECONDS_PER_SECOND));
	snprintf(
	    ret_text, size, "%.10s%s%.8s%s%s", text, date_separator, text + 11, digits, suffix);
}

static void format_go(int64_t time, bool fraction, size_t size, char *ret_text)
{
	format_time(time, " ", " +0000 UTC", fraction, size, ret_text);
}

static void format_epoch(int64_t time, size_t size, char *ret_text)
{
	snprintf(ret_text, size, "%lld", (long long)(time / MICROSECONDS_PER_SECOND));
}

static void write_job_time(
    const struct world *world, struct writer *writer, const char *name, int64_t time)
{
	char text[64] = "";
	switch ((enum job_time)world->settings.job_time) {
	case JOB_TIME_GO:
		format_go(time, true, sizeof(text), text);
		break;
	case JOB_TIME_GO_WHOLE:
		format_go(time, false, sizeof(text), text);
		break;
	case JOB_TIME_EPOCH:
		format_epoch(time, sizeof(text), text);
		break;
	case JOB_TIME_ISO:
		format_time(time, "T", "Z", true, sizeof(text), text);
		break;
	}
	writer_member_text(writer, name, text);
}

static void write_created(
    const struct world *world, struct writer *writer, const struct connector *connector)
{
	char text[64] = "";
	switch ((enum created_time)world->settings.created_time) {
	case CREATED_TIME_ISO:
		format_time(connector->created_at, "T", "Z", true, sizeof(text), text);
		break;
	case CREATED_TIME_EPOCH:
		format_epoch(connector->created_at, sizeof(text), text);
		break;
	case CREATED_TIME_GO:
		format_go(connector->created_at, true, sizeof(text), text);
		break;
	}
	writer_member_text(writer, "created_at", text);
	if (!world->settings.creator) {
		writer_member_text(writer, "created_by", "service-account@example.com");
		return;
	}
	writer_key(writer, "created_by");
	writer_begin_object(writer);
	writer_member_integer(writer, "id", 4242);
	writer_member_text(writer, "name", "service-account");
	writer_member_text(writer, "email", "service-account@example.com");
	writer_end_object(writer);
}

/* Merges an overlay into a rendered entry. */
static void apply_overlay(const struct overlay *overlay, struct buffer *entry)
{
	_cleanup_json_ json_t *object = json_loadb(buffer_text(entry), entry->len, 0, NULL);
	if (!object)
		object = json_object();
	if (overlay->members)
		json_object_update(object, overlay->members);
	for (size_t i = 0; i < json_array_size(overlay->dropped); i++) {
		const char *name = json_string_value(json_array_get(overlay->dropped, i));
		if (name)
			json_object_del(object, name);
	}
	char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15));
	buffer_clear(entry);
	buffer_append_text(entry, text ? text : "null");
	free(text);
}

static void write_connector(
    const struct world *world, const struct connector *connector, bool listed, struct buffer *out)
{
	const struct settings *settings = &world->settings;
	struct writer writer;
	writer_init(&writer, out);
	writer_begin_object(&writer);
	writer_member_text(
	    &writer, settings->connector_id_member ? "connectorId" : "connector_id", connector->id);
	if (!settings->label)
		writer_member_text(&writer, "label", connector->label ? connector->label : "");
	writer_member_text(&writer, "connector_type", connector->type);
	writer_member_raw(
	    &writer, "connector_properties", span_of(connector->connector_properties));
	writer_member_raw(&writer, "category_properties", span_of(connector->category_properties));
	bool hidden = listed && !settings->list_status;
	writer_member_text(&writer, "status", hidden ? NULL : "active");
	write_created(world, &writer, connector);
	writer_end_object(&writer);
}

static void render_plain(
    const struct world *world, const struct connector *connector, bool listed, struct buffer *out)
{
	const struct overlay *overlay = &connector->overlay;
	if (overlay->text) {
		buffer_append_text(out, overlay->text);
		return;
	}
	_cleanup_buffer_ struct buffer entry;
	buffer_init(&entry, ENTRY_LIMIT);
	write_connector(world, connector, listed, &entry);
	if (overlay->members || overlay->dropped)
		apply_overlay(overlay, &entry);
	buffer_append(out, buffer_text(&entry), entry.len);
}

void render_connector(
    const struct world *world, struct connector *connector, bool listed, struct buffer *out)
{
	if (!listed) {
		render_plain(world, connector, false, out);
		return;
	}
	if (!connector->listed || connector->listed_settings != world->settings_version) {
		struct buffer entry;
		buffer_init(&entry, ENTRY_LIMIT);
		render_plain(world, connector, true, &entry);
		free(connector->listed);
		size_t len;
		connector->listed = buffer_steal(&entry, &len);
		connector->listed_settings = world->settings_version;
		buffer_done(&entry);
	}
	if (connector->listed)
		buffer_append_text(out, connector->listed);
}

void render_forget(struct connector *connector)
{
	free(connector->listed);
	connector->listed = NULL;
}

/* Jobs -----------------------------------------------------------------------------------------*/

enum phase { PHASE_QUEUED, PHASE_RUNNING, PHASE_ENDED };

/* How a job stands at one moment. percent is how much of it is done. */
struct standing {
	enum phase phase;
	int64_t started_at;
	int64_t ended_at;
	int64_t percent;
};

/* A job that fails does so half way. */
static struct standing job_standing(const struct job *job, int64_t now)
{
	struct standing standing = {.started_at = job->created_at + job->queued};
	int64_t length = job->failure == FAILURE_NONE ? job->running : job->running / 2;
	standing.ended_at = standing.started_at + length;
	int64_t complete = job->failure == FAILURE_NONE ? 100 : 50;
	if (now < standing.started_at) {
		standing.phase = PHASE_QUEUED;
	} else if (now < standing.ended_at) {
		standing.phase = PHASE_RUNNING;
		double part = (double)(now - standing.started_at) / (double)length;
		standing.percent = (int64_t)((double)complete * part);
	} else {
		standing.phase = PHASE_ENDED;
		standing.percent = complete;
	}
	return standing;
}

struct ending {
	const char *status;
	const char *code;
	const char *message;
};

static const struct ending endings[] = {
    [FAILURE_NONE] = {"success", "", ""},
    [FAILURE_COMPRESSION] = {"failed", "",
	"No compression specified but Gzip detected. Please submit a new request with correct "
	"compression as param"},
    [FAILURE_PERMISSIONS] = {"failed", "invalid_permissions_gcs",
	"the service account may not read the bucket"},
    [FAILURE_SIZE] = {"cancelled", "", "a file has 2 GB or more"},
};

static const char *status_word(
    const struct world *world, const struct job *job, const struct standing *standing)
{
	switch (standing->phase) {
	case PHASE_QUEUED:
		return "queued";
	case PHASE_RUNNING:
		return "running";
	case PHASE_ENDED:
		break;
	}
	if (job->failure == FAILURE_NONE && world->settings.success_word)
		return "succeeded";
	return endings[job->failure].status;
}

static void write_error(const struct world *world, const struct job *job,
    const struct standing *standing, struct writer *writer)
{
	enum failure failure = standing->phase == PHASE_ENDED ? job->failure : FAILURE_NONE;
	writer_key(writer, "error");
	writer_begin_object(writer);
	writer_member_text(writer, "message", endings[failure].message);
	writer_member_text(
	    writer, world->settings.error_member ? "type" : "code", endings[failure].code);
	writer_end_object(writer);
}

/* Mixpanel writes 0 and 1 whole, everything between as a fraction. */
static void write_progress(struct writer *writer, int64_t percent)
{
	char text[16];
	if (percent % 100 == 0)
		snprintf(text, sizeof(text), "%d", (int)(percent / 100));
	else
		snprintf(text, sizeof(text), "0.%02d", (int)percent);
	writer_member_raw(writer, "progress", span_of(text));
}

static void write_counters(struct writer *writer, const struct job *job, int64_t percent)
{
	int64_t processed = job->events * percent / 100;
	int64_t dropped = processed / 1000;
	writer_key(writer, "connector_properties");
	writer_begin_object(writer);
	writer_member_integer(writer, "num_events_imported", processed - dropped);
	writer_member_integer(writer, "num_events_processed", processed);
	writer_member_integer(writer, "num_events_dropped", dropped);
	writer_member_integer(writer, "num_files_imported", job->files * percent / 100);
	writer_member_integer(writer, "size_imported", job->bytes * percent / 100);
	writer_end_object(writer);
}

static void write_job(const struct world *world, const struct job *job, struct buffer *out)
{
	const struct settings *settings = &world->settings;
	struct standing standing = job_standing(job, world_now(world));
	struct writer writer;
	writer_init(&writer, out);
	writer_begin_object(&writer);
	writer_member_text(
	    &writer, settings->run_id_member ? "run_id" : "id", settings->run_ids ? job->id : "");
	if (standing.phase == PHASE_QUEUED)
		writer_member_text(&writer, "start_time", NOT_STARTED);
	else
		write_job_time(world, &writer, "start_time", standing.started_at);
	if (standing.phase == PHASE_ENDED)
		write_job_time(world, &writer, "end_time", standing.ended_at);
	else
		writer_member_text(&writer, "end_time", "");
	writer_member_text(&writer, "status", status_word(world, job, &standing));
	write_progress(&writer, standing.percent);
	write_error(world, job, &standing, &writer);
	write_counters(&writer, job, standing.percent);
	writer_end_object(&writer);
}

void render_job(const struct world *world, const struct job *job, struct buffer *out)
{
	const struct overlay *overlay = job->overlay;
	if (overlay && overlay->text) {
		buffer_append_text(out, overlay->text);
		return;
	}
	if (!overlay) {
		write_job(world, job, out);
		return;
	}
	_cleanup_buffer_ struct buffer entry;
	buffer_init(&entry, ENTRY_LIMIT);
	if (job->bare)
		buffer_append_text(&entry, "{}");
	else
		write_job(world, job, &entry);
	apply_overlay(overlay, &entry);
	buffer_append(out, buffer_text(&entry), entry.len);
}
