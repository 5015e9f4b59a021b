/* SPDX-License-Identifier: MIT */
#include "world.h"

#include <search.h>
#include <string.h>

#include "util/clock.h"
#include "util/timestamp.h"

void world_init(struct world *world, uint64_t seed)
{
	*world = (struct world){.settings_version = 1};
	settings_init(&world->settings);
	random_sequence_init(&world->random, seed);
}

void overlay_done(struct overlay *overlay)
{
	free(overlay->text);
	json_decref(overlay->members);
	json_decref(overlay->dropped);
	*overlay = (struct overlay){.text = NULL};
}

static void job_done(struct job *job)
{
	if (job->overlay)
		overlay_done(job->overlay);
	free(job->overlay);
}

static void connector_free(struct connector *connector)
{
	for (size_t i = 0; i < connector->job_count; i++)
		job_done(&connector->jobs[i]);
	free(connector->jobs);
	free(connector->label);
	free(connector->type);
	free(connector->connector_properties);
	free(connector->category_properties);
	free(connector->listed);
	overlay_done(&connector->overlay);
	free(connector);
}

static void keep(void *node)
{
	(void)node;
}

void world_done(struct world *world)
{
	tdestroy(world->by_id, keep);
	for (size_t i = 0; i < world->project_count; i++) {
		struct project *project = &world->projects[i];
		for (size_t j = 0; j < project->connector_count; j++)
			connector_free(project->connectors[j]);
		free(project->connectors);
	}
	free(world->projects);
}

int64_t world_now(const struct world *world)
{
	int64_t now = world->manual_clock ? world->clock_start : clock_wall(&clock_system);
	return now + world->clock_offset;
}

/* Room for one more element; the array at least doubles. Returns 0, or -1. */
static int grow(void *array_at, size_t count, size_t *size, size_t element)
{
	void **array = array_at;
	if (count < *size)
		return 0;
	size_t larger = *size ? 2 * *size : 4;
	void *moved = reallocarray(*array, larger, element);
	if (!moved)
		return -1;
	*array = moved;
	*size = larger;
	return 0;
}

int world_add_project(struct world *world, int64_t id, struct err *err)
{
	struct project *moved =
	    reallocarray(world->projects, world->project_count + 1, sizeof(*moved));
	if (!moved)
		return err_set(err, "no memory for project %lld", (long long)id);
	world->projects = moved;
	moved[world->project_count++] = (struct project){.id = id};
	return 0;
}

struct project *world_project(const struct world *world, int64_t id)
{
	for (size_t i = 0; i < world->project_count; i++) {
		if (world->projects[i].id == id)
			return &world->projects[i];
	}
	return NULL;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(((const struct connector *)a)->id, ((const struct connector *)b)->id);
}

/* 8-4-4-4-12 hexadecimal digits, as Mixpanel's look. */
static void make_id(struct world *world, char *ret_id)
{
	unsigned part[4];
	for (size_t i = 0; i < ARRAY_SIZE(part); i++)
		part[i] = (unsigned)random_sequence_between(&world->random, 0, UINT32_MAX);
	snprintf(ret_id, WORLD_ID_SIZE, "%08x-%04x-4%03x-%04x-%04x%08x", part[0], part[1] >> 16,
	    part[1] & 0xfff, 0x8000 | (part[2] >> 16 & 0x3fff), part[2] & 0xffff, part[3]);
}

static char *copy_json(struct span json)
{
	return json.ptr ? strndup(json.ptr, json.len) : strdup("{}");
}

static int fill_connector(struct connector *connector, const char *type, const char *label,
    struct span connector_properties, struct span category_properties)
{
	connector->type = strdup(type);
	connector->label = label ? strdup(label) : NULL;
	connector->connector_properties = copy_json(connector_properties);
	connector->category_properties = copy_json(category_properties);
	return connector->type && (connector->label || !label) && connector->connector_properties &&
		       connector->category_properties
		   ? 0
		   : -1;
}

/* Enters a complete connector into its project and the tree of ids. */
static int enter(struct world *world, struct project *project, struct connector *connector)
{
	if (grow(&project->connectors, project->connector_count, &project->connector_size,
		sizeof(struct connector *)) < 0)
		return -1;
	if (!tsearch(connector, &world->by_id, compare_ids))
		return -1;
	project->connectors[project->connector_count++] = connector;
	return 0;
}

int world_add_connector(struct world *world, struct project *project, const char *id,
    const char *type, const char *label, struct span connector_properties,
    struct span category_properties, struct err *err, struct connector **ret_connector)
{
	struct connector *connector = calloc(1, sizeof(*connector));
	if (!connector) {
		err_set(err, "no memory for a connector");
		return -1;
	}
	connector->project_id = project->id;
	connector->created_at = world_now(world);
	if (!id)
		make_id(world, connector->id);
	else
		snprintf(connector->id, sizeof(connector->id), "%s", id);
	if ((id && strcmp(id, connector->id) != 0) ||
	    tfind(connector, &world->by_id, compare_ids)) {
		err_set(err, "connector id %s is taken or too long", id ? id : connector->id);
		connector_free(connector);
		return -1;
	}
	if (fill_connector(connector, type, label, connector_properties, category_properties) < 0 ||
	    enter(world, project, connector) < 0) {
		connector_free(connector);
		err_set(err, "no memory for a connector");
		return -1;
	}
	*ret_connector = connector;
	return 0;
}

struct connector *world_connector(const struct world *world, int64_t project_id, const char *id)
{
	struct connector wanted = {.project_id = project_id};
	if (strlen(id) >= sizeof(wanted.id))
		return NULL;
	snprintf(wanted.id, sizeof(wanted.id), "%s", id);
	void *found = tfind(&wanted, &world->by_id, compare_ids);
	struct connector *connector = found ? *(struct connector **)found : NULL;
	return connector && connector->project_id == project_id ? connector : NULL;
}

void world_remove_connector(struct world *world, struct connector *connector)
{
	struct project *project = world_project(world, connector->project_id);
	size_t i = 0;
	while (project->connectors[i] != connector)
		i++;
	project->connector_count--;
	memmove(&project->connectors[i], &project->connectors[i + 1],
	    (project->connector_count - i) * sizeof(struct connector *));
	tdelete(connector, &world->by_id, compare_ids);
	connector_free(connector);
}

struct job *world_add_job(struct world *world, struct connector *connector, enum failure failure)
{
	if (grow(&connector->jobs, connector->job_count, &connector->job_size, sizeof(struct job)) <
	    0)
		return NULL;
	const struct settings *settings = &world->settings;
	struct job *job = &connector->jobs[connector->job_count++];
	*job = (struct job){
	    .created_at = world_now(world),
	    .queued = settings->queued_ms * 1000 / settings->speed,
	    .running = settings->running_ms * 1000 / settings->speed,
	    .failure = failure,
	    .events = random_sequence_between(&world->random, 1000, 1000000),
	    .files = random_sequence_between(&world->random, 1, 40),
	};
	job->bytes = job->events * random_sequence_between(&world->random, 200, 900);
	make_id(world, job->id);
	return job;
}

void world_remove_job(struct connector *connector, size_t index)
{
	job_done(&connector->jobs[index]);
	connector->job_count--;
	memmove(&connector->jobs[index], &connector->jobs[index + 1],
	    (connector->job_count - index) * sizeof(struct job));
}

static int preload_one(struct world *world, struct project *project, size_t number, size_t jobs,
    bool active, struct err *err)
{
	char properties[128];
	snprintf(properties, sizeof(properties),
	    "{\"gcs_bucket\":\"bucket-%zu\",\"gcs_prefix\":\"events/\"}", number);
	struct connector *connector = NULL;
	if (world_add_connector(world, project, NULL, "gcsImport", NULL, span_of(properties),
		span_of("{\"data_format\":\"mixpanel_event\",\"compression\":\"gzip\"}"), err,
		&connector) < 0)
		return -1;
	connector->created_at -= (int64_t)(jobs + 1) * MICROSECONDS_PER_HOUR;
	for (size_t i = 0; i < jobs; i++) {
		struct job *job = world_add_job(world, connector, FAILURE_NONE);
		if (!job)
			return err_set(err, "no memory for a job");
		job->created_at -= (int64_t)(jobs - i) * MICROSECONDS_PER_HOUR;
		if (active && i + 1 == jobs)
			job->running = MICROSECONDS_PER_DAY;
	}
	return 0;
}

int world_preload(struct world *world, struct project *project, size_t connectors, size_t jobs,
    size_t active, struct err *err)
{
	for (size_t i = 0; i < connectors; i++) {
		if (preload_one(world, project, i, jobs, i < active, err) < 0)
			return -1;
	}
	return 0;
}
