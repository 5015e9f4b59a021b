/* SPDX-License-Identifier: MIT */
/* What the simulated Mixpanel knows: projects, their connectors, their jobs, and what time it is.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings.h"
#include "util/err.h"
#include "util/random.h"

#define WORLD_ID_SIZE 64

/* What a test put over the computed form of an entry. text replaces the entry byte by byte;
 * otherwise members are merged into it and those named in dropped are taken out. All may be NULL.
 */
struct overlay {
	char *text;
	json_t *members;
	json_t *dropped;
};

/* A job walks queued, running, ended by the clock alone. `bare` ones are only their overlay. */
struct job {
	char id[WORLD_ID_SIZE];
	int64_t created_at; /* microseconds since the epoch, like all times here */
	int64_t queued;     /* how long it is queued, then running */
	int64_t running;
	enum failure failure;
	bool bare;
	int64_t events; /* what it imports when it succeeds */
	int64_t files;
	int64_t bytes;
	struct overlay *overlay; /* NULL: none */
};

struct connector {
	char id[WORLD_ID_SIZE];
	int64_t project_id;
	int64_t created_at;
	char *label; /* NULL: none */
	char *type;
	char *connector_properties; /* JSON text */
	char *category_properties;  /* JSON text */
	struct overlay overlay;
	struct job *jobs; /* oldest first */
	size_t job_count;
	size_t job_size;
	char *listed;             /* the entry of the listing as rendered last, or NULL */
	uint64_t listed_settings; /* world.settings_version it was rendered under */
	uint64_t histories;       /* history calls carried out */
};

struct project {
	int64_t id;
	struct connector **connectors; /* in the order they were made */
	size_t connector_count;
	size_t connector_size;
};

struct world {
	struct settings settings;
	uint64_t settings_version; /* grows with every change of settings */
	struct random_sequence random;
	bool manual_clock;
	int64_t clock_start;  /* what a manual clock showed first */
	int64_t clock_offset; /* by how much tests moved the clock */
	struct project *projects;
	size_t project_count;
	void *by_id; /* tsearch(3) tree of connectors */
};

void world_init(struct world *world, uint64_t seed);
void world_done(struct world *world);

/* The simulated time of day. */
int64_t world_now(const struct world *world);

/* Adds an empty project. Returns 0, or -1. */
int world_add_project(struct world *world, int64_t id, struct err *err);

/* NULL when there is none. */
struct project *world_project(const struct world *world, int64_t id);

/* Adds a connector without jobs. id NULL makes one up; properties are JSON text, {} when
 * absent. Returns 0, or -1
 * when the id is taken or too long. */
int world_add_connector(struct world *world, struct project *project, const char *id,
    const char *type, const char *label, struct span connector_properties,
    struct span category_properties, struct err *err, struct connector **ret_connector);

/* NULL when there is none of that id in that project. */
struct connector *world_connector(const struct world *world, int64_t project_id, const char *id);

/* Takes a connector and its jobs away and frees them. */
void world_remove_connector(struct world *world, struct connector *connector);

/* Adds the newest job, queued from now on by the pace in the settings. Returns NULL without
 * memory. */
struct job *world_add_job(struct world *world, struct connector *connector, enum failure failure);

/* Takes a job out; index counts from the oldest. */
void world_remove_job(struct connector *connector, size_t index);

/* Fills a project with connectors, each with so many ended jobs, one an hour until now; the first
 * `active` connectors have their newest job running for a day. Returns 0, or -1. */
int world_preload(struct world *world, struct project *project, size_t connectors, size_t jobs,
    size_t active, struct err *err);

void overlay_done(struct overlay *overlay);
