/* SPDX-License-Identifier: MIT */
/* What metrics say of a project as it is now, read when they are asked for. */
#pragma once

#include "model/connector.h"
#include "model/job.h"
#include "store/conn.h"
#include "store/freshness.h"

/* The successes that are looked through for the last one: the latest to start. */
#define GAUGES_SUCCESSES 500

struct gauges {
	/* Connectors present, by connector_status_names; the last counts those of another status
	 * and of none. */
	uint64_t connectors[CONNECTOR_STATUS_COUNT + 1];
	uint64_t stale;                    /* of these */
	uint64_t active[JOB_STATUS_COUNT]; /* jobs neither done nor gone */
	/* When the last job that succeeded ended, as Mixpanel tells it, if not later than now; its
	 * start when no end is told. TIMESTAMP_NONE for none. One that ran for so long that
	 * GAUGES_SUCCESSES others started after it and succeeded is not found. */
	int64_t last_success_at;
};

/* Reads them, each connector's staleness being that of its sync block. now is wall-clock time.
 * Takes about a microsecond for each connector. Returns 0, or -1. */
int gauges_read(struct conn *conn, const struct project_view *view, int64_t now, struct err *err,
    struct gauges *ret_gauges);
