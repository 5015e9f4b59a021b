/* SPDX-License-Identifier: MIT */
#include "control.h"

#include <string.h>

#include "render.h"
#include "util/jsontext.h"
#include "util/timestamp.h"

/* A control request under way. body is the parsed JSON, NULL when none was sent. */
struct control {
	struct sim *sim;
	const struct request *request;
	json_t *body;
	struct writer writer; /* over the answer's body */
	struct err err;
};

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static int64_t integer_of(const json_t *object, const char *name, int64_t standard)
{
	const json_t *value = json_object_get(object, name);
	return json_is_integer(value) ? json_integer_value(value) : standard;
}

/* The project named, or the only one. */
static struct project *find_project(struct control *control)
{
	struct world *world = &control->sim->world;
	int64_t id = integer_of(control->body, "project", world->projects[0].id);
	struct project *project = world_project(world, id);
	if (!project)
		err_set(&control->err, "there is no project %lld", (long long)id);
	return project;
}

static struct connector *find_connector(struct control *control)
{
	struct project *project = find_project(control);
	const char *id = text_of(control->body, "connector_id");
	if (!project)
		return NULL;
	if (!id) {
		err_set(&control->err, "connector_id is missing");
		return NULL;
	}
	struct connector *connector = world_connector(&control->sim->world, project->id, id);
	if (!connector)
		err_set(
		    &control->err, "project %lld has no connector %s", (long long)project->id, id);
	return connector;
}

static int answer_done_empty(struct control *control)
{
	writer_begin_object(&control->writer);
	writer_end_object(&control->writer);
	return 0;
}

/* Stats, faults, settings, clock ---------------------------------------------------------------*/

static int show_stats(struct control *control)
{
	uint64_t since = 0;
	struct span requests = http_query(control->request, "requests");
	struct span given = http_query(control->request, "since");
	char text[24] = "";
	if (given.ptr && given.len < sizeof(text)) {
		memcpy(text, given.ptr, given.len);
		if (text_parse_unsigned(text, 0, INT64_MAX, &since) < 0)
			return err_set(&control->err, "since is not a number");
	}
	if (span_equals(requests, "0"))
		since = UINT64_MAX;
	stats_write(&control->sim->stats, &control->sim->world, since, &control->writer);
	return 0;
}

static int clear_stats(struct control *control)
{
	stats_clear(&control->sim->stats);
	return answer_done_empty(control);
}

static int show_faults(struct control *control)
{
	faults_write(&control->sim->faults, &control->writer);
	return 0;
}

static int clear_faults(struct control *control)
{
	faults_clear(&control->sim->faults);
	return answer_done_empty(control);
}

static int add_faults(struct control *control)
{
	if (!json_is_array(control->body)) {
		if (faults_add(&control->sim->faults, control->body, &control->err) < 0)
			return -1;
		return answer_done_empty(control);
	}
	for (size_t i = 0; i < json_array_size(control->body); i++) {
		json_t *object = json_array_get(control->body, i);
		if (faults_add(&control->sim->faults, object, &control->err) < 0)
			return err_wrap(&control->err, "fault %zu", i);
	}
	return answer_done_empty(control);
}

static int show_settings(struct control *control)
{
	settings_write(&control->sim->world.settings, &control->writer);
	return 0;
}

static int change_settings(struct control *control)
{
	struct world *world = &control->sim->world;
	if (settings_set_json(&world->settings, control->body, &control->err) < 0)
		return -1;
	world->settings_version++;
	return show_settings(control);
}

static int show_clock(struct control *control)
{
	struct world *world = &control->sim->world;
	writer_begin_object(&control->writer);
	writer_member_time(&control->writer, "now", world_now(world));
	writer_member_boolean(&control->writer, "manual", world->manual_clock);
	writer_end_object(&control->writer);
	return 0;
}

static int advance_clock(struct control *control)
{
	if (!json_is_integer(json_object_get(control->body, "advance_ms")))
		return err_set(&control->err, "advance_ms is missing");
	control->sim->world.clock_offset +=
	    integer_of(control->body, "advance_ms", 0) * MICROSECONDS_PER_MILLISECOND;
	return show_clock(control);
}

/* Connectors -----------------------------------------------------------------------------------*/

/* Adds to an overlay what the request gives: a text, members to merge, names to drop. The same
 * three serve connectors and jobs; `name` is where the members are. */
static int extend_overlay(struct control *control, const char *name, struct overlay *overlay)
{
	const char *text = text_of(control->body, "text");
	json_t *members = json_object_get(control->body, name);
	json_t *dropped = json_object_get(control->body, "drop_members");
	if (members && !json_is_object(members))
		return err_set(&control->err, "%s is not an object", name);
	if (text) {
		free(overlay->text);
		overlay->text = strdup(text);
	}
	if (members && !overlay->members)
		overlay->members = json_object();
	if (members)
		json_object_update(overlay->members, members);
	if (json_is_array(dropped)) {
		json_decref(overlay->dropped);
		overlay->dropped = json_incref(dropped);
	}
	return 0;
}

static int put_one(struct control *control, struct project *project)
{
	struct world *world = &control->sim->world;
	json_t *members = json_object_get(control->body, "connector");
	const char *id = text_of(control->body, "connector_id");
	const char *type = text_of(members, "connector_type");
	struct connector *connector = NULL;
	if (world_add_connector(world, project, id, type ? type : "gcsImport", NULL,
		span_of("{\"gcs_bucket\":\"behind-the-back\",\"gcs_prefix\":\"\"}"),
		span_of("{\"data_format\":\"mixpanel_event\",\"compression\":\"gzip\"}"),
		&control->err, &connector) < 0)
		return -1;
	writer_text(&control->writer, connector->id);
	if (extend_overlay(control, "connector", &connector->overlay) < 0)
		return -1;
	if (json_is_false(json_object_get(control->body, "job")))
		return 0;
	enum failure failure = (enum failure)world->settings.fail;
	return world_add_job(world, connector, failure) ? 0 : err_set(&control->err, "no memory");
}

static int put_connectors(struct control *control)
{
	struct project *project = find_project(control);
	if (!project)
		return -1;
	writer_begin_object(&control->writer);
	writer_key(&control->writer, "connector_ids");
	writer_begin_array(&control->writer);
	for (int64_t i = integer_of(control->body, "count", 1); i > 0; i--) {
		if (put_one(control, project) < 0)
			return -1;
	}
	writer_end_array(&control->writer);
	writer_end_object(&control->writer);
	return 0;
}

static int alter_connector(struct control *control)
{
	struct connector *connector = find_connector(control);
	if (!connector || extend_overlay(control, "connector", &connector->overlay) < 0)
		return -1;
	render_forget(connector);
	return answer_done_empty(control);
}

static int remove_connectors(struct control *control)
{
	struct world *world = &control->sim->world;
	if (json_is_true(json_object_get(control->body, "all"))) {
		struct project *project = find_project(control);
		if (!project)
			return -1;
		while (project->connector_count > 0)
			world_remove_connector(
			    world, project->connectors[project->connector_count - 1]);
		return answer_done_empty(control);
	}
	struct connector *connector = find_connector(control);
	if (!connector)
		return -1;
	world_remove_connector(world, connector);
	return answer_done_empty(control);
}

static int show_connectors(struct control *control)
{
	const struct world *world = &control->sim->world;
	struct writer *writer = &control->writer;
	writer_begin_array(writer);
	for (size_t i = 0; i < world->project_count; i++) {
		const struct project *project = &world->projects[i];
		for (size_t j = 0; j < project->connector_count; j++) {
			const struct connector *connector = project->connectors[j];
			writer_begin_object(writer);
			writer_member_integer(writer, "project", project->id);
			writer_member_text(writer, "connector_id", connector->id);
			writer_member_integer(writer, "jobs", (int64_t)connector->job_count);
			writer_end_object(writer);
		}
	}
	writer_end_array(writer);
	return 0;
}

/* Jobs -----------------------------------------------------------------------------------------*/

static struct overlay *job_overlay(struct job *job)
{
	if (!job->overlay)
		job->overlay = calloc(1, sizeof(*job->overlay));
	return job->overlay;
}

/* Positions in requests count as the history lists them. */
static int find_job(struct control *control, const struct connector *connector, size_t *ret_place)
{
	int64_t index = integer_of(control->body, "index", 0);
	if (index < 0 || (uint64_t)index >= connector->job_count)
		return err_set(&control->err, "connector %s has %zu jobs, none at %lld",
		    connector->id, connector->job_count, (long long)index);
	bool oldest_first = control->sim->world.settings.history_order;
	*ret_place = oldest_first ? (size_t)index : connector->job_count - 1 - (size_t)index;
	return 0;
}

static int pace_job(struct control *control, struct job *job)
{
	const char *fail = text_of(control->body, "fail");
	job->queued = integer_of(control->body, "queued_ms", job->queued / 1000) * 1000;
	job->running = integer_of(control->body, "running_ms", job->running / 1000) * 1000;
	if (fail && failure_parse(span_of(fail), &job->failure) < 0)
		return err_set(&control->err, "no failure is called %s", fail);
	return 0;
}

static int shape_job(struct control *control, struct job *job)
{
	bool bare = json_is_true(json_object_get(control->body, "verbatim"));
	bool overlaid = bare || json_object_get(control->body, "job") ||
			json_object_get(control->body, "text") ||
			json_object_get(control->body, "drop_members");
	job->bare |= bare;
	if (pace_job(control, job) < 0)
		return -1;
	if (!overlaid)
		return 0;
	struct overlay *overlay = job_overlay(job);
	return overlay ? extend_overlay(control, "job", overlay) : -1;
}

static int add_job(struct control *control, struct connector *connector)
{
	struct world *world = &control->sim->world;
	struct job *job = world_add_job(world, connector, (enum failure)world->settings.fail);
	if (!job)
		return err_set(&control->err, "no memory for a job");
	return shape_job(control, job);
}

static int alter_job(struct control *control, struct connector *connector)
{
	size_t place = 0;
	if (find_job(control, connector, &place) < 0)
		return -1;
	return shape_job(control, &connector->jobs[place]);
}

static int drop_jobs(struct control *control, struct connector *connector)
{
	bool all = json_is_true(json_object_get(control->body, "all"));
	while (all && connector->job_count > 0)
		world_remove_job(connector, connector->job_count - 1);
	if (all)
		return 0;
	size_t place = 0;
	if (find_job(control, connector, &place) < 0)
		return -1;
	world_remove_job(connector, place);
	return 0;
}

/* The whole history as given, in the order in which it is to be listed. An entry that is a string
 * is taken as the text of the entry. */
static int replace_jobs(struct control *control, struct connector *connector)
{
	json_t *history = json_object_get(control->body, "history");
	if (!json_is_array(history))
		return err_set(&control->err, "history is missing, or no array");
	while (connector->job_count > 0)
		world_remove_job(connector, connector->job_count - 1);
	bool oldest_first = control->sim->world.settings.history_order;
	size_t count = json_array_size(history);
	for (size_t i = 0; i < count; i++) {
		json_t *entry = json_array_get(history, oldest_first ? i : count - 1 - i);
		struct job *job = world_add_job(&control->sim->world, connector, FAILURE_NONE);
		struct overlay *overlay = job ? job_overlay(job) : NULL;
		if (!overlay)
			return err_set(&control->err, "no memory for a job");
		job->bare = true;
		if (json_is_string(entry))
			overlay->text = strdup(json_string_value(entry));
		else
			overlay->members = json_incref(entry);
	}
	return 0;
}

/* Dispatch -------------------------------------------------------------------------------------*/

static int change_connectors(struct control *control)
{
	const char *action = text_of(control->body, "action");
	if (action && strcmp(action, "put") == 0)
		return put_connectors(control);
	if (action && strcmp(action, "alter") == 0)
		return alter_connector(control);
	if (action && strcmp(action, "remove") == 0)
		return remove_connectors(control);
	return err_set(&control->err, "action is put, alter or remove");
}

static int change_jobs(struct control *control)
{
	static const struct {
		const char *action;
		int (*change)(struct control *control, struct connector *connector);
	} changes[] = {
	    {"add", add_job}, {"alter", alter_job}, {"drop", drop_jobs}, {"replace", replace_jobs}};
	const char *action = text_of(control->body, "action");
	struct connector *connector = find_connector(control);
	if (!connector)
		return -1;
	for (size_t i = 0; action && i < ARRAY_SIZE(changes); i++) {
		if (strcmp(changes[i].action, action) != 0)
			continue;
		return changes[i].change(control, connector) < 0 ? -1 : answer_done_empty(control);
	}
	return err_set(&control->err, "action is add, alter, drop or replace");
}

static const struct route {
	const char *method;
	const char *path;
	int (*handle)(struct control *control);
} routes[] = {
    {"GET", "/sim/stats", show_stats},
    {"DELETE", "/sim/stats", clear_stats},
    {"GET", "/sim/faults", show_faults},
    {"POST", "/sim/faults", add_faults},
    {"DELETE", "/sim/faults", clear_faults},
    {"GET", "/sim/settings", show_settings},
    {"POST", "/sim/settings", change_settings},
    {"GET", "/sim/clock", show_clock},
    {"POST", "/sim/clock", advance_clock},
    {"GET", "/sim/connectors", show_connectors},
    {"POST", "/sim/connectors", change_connectors},
    {"POST", "/sim/jobs", change_jobs},
};

bool control_owns(const struct request *request)
{
	return request->path.len > 5 && memcmp(request->path.ptr, "/sim/", 5) == 0;
}

static const struct route *find_route(const struct request *request)
{
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		if (span_equals(request->method, routes[i].method) &&
		    span_equals(request->path, routes[i].path))
			return &routes[i];
	}
	return NULL;
}

static void answer_error(struct control *control, struct answer *answer, unsigned status)
{
	struct writer writer;
	buffer_clear(&answer->body);
	answer->status = status;
	writer_init(&writer, &answer->body);
	writer_begin_object(&writer);
	writer_member_text(&writer, "error", control->err.text);
	writer_end_object(&writer);
}

void control_answer(struct sim *sim, const struct request *request, struct answer *answer)
{
	_cleanup_json_ json_t *body = NULL;
	struct control control = {.sim = sim, .request = request, .err = ERR_INIT};
	const struct route *route = find_route(request);
	writer_init(&control.writer, &answer->body);
	if (!route) {
		err_set(&control.err, "no such control; see tests/sim/README.md");
		answer_error(&control, answer, 404);
		return;
	}
	bool wants_body = strcmp(route->method, "POST") == 0;
	if (wants_body && jsontext_parse(request->body, 0, &control.err, &body) < 0) {
		answer_error(&control, answer, 400);
		return;
	}
	control.body = body;
	if (route->handle(&control) < 0)
		answer_error(&control, answer, 400);
}
