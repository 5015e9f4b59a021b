/* SPDX-License-Identifier: MIT */
/* How fresh what we hold is: when Mixpanel last confirmed it, and whether that is too long ago.
 * Pure; the moment is the caller's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "model/connector.h"
#include "model/job.h"
#include "model/project.h"

/* A configured project as the API sees it: settings, what the store holds, and its upstream. */
struct project_view {
	const struct config_project *settings;
	struct project_record record;
	struct upstream_status upstream;
};

/* What a sync block says. Strings are borrowed from the record or the view. */
struct freshness {
	int64_t synced_at; /* TIMESTAMP_NONE for never */
	bool stale;
	int64_t turns_at; /* wall clock: when age alone will make it stale; INT64_MAX for never */
	const char *error_code; /* NULL for none */
	const char *error_message;
	int64_t error_since;
};

/* A project is as fresh as its last complete listing. now is wall-clock time, here and below. */
struct freshness freshness_of_project(const struct project_view *view, int64_t now);

/* A present connector is confirmed by every complete listing, and one by one; a deleted one does
 * not age, because nothing more can be learnt of it. */
struct freshness freshness_of_connector(
    const struct connector_record *record, const struct project_view *view, int64_t now);

/* A job is confirmed by its connector's history for as long as that lists it; one that is over and
 * no longer listed does not age. */
struct freshness freshness_of_job(
    const struct job_record *record, const struct project_view *view, int64_t now);

/* Whether it is older than max_age seconds, or was never confirmed. */
bool freshness_is_older(const struct freshness *freshness, uint64_t max_age, int64_t now);
