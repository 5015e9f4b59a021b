/* SPDX-License-Identifier: MIT */
/* Refreshes that somebody asked for: the list or a single connector, then the histories; and which
 * connectors are followed. */
#pragma once

#include "sync/project.h"

/* Begins a refresh of the project (row 0) or of one connector, or joins the one that runs. Returns
 * 0, or -1 without memory. */
int refresh_begin(
    struct project *project, int64_t row, const char *connector_id, uint64_t *ret_ticket);

/* Ends every refresh of the project: nothing more will come. */
void refresh_end_all(struct project *project);

/* The list was read, or could not be. begun_at (monotonic) tells which refreshes it counts for. */
void refresh_listed(struct project *project, bool good, int64_t begun_at);

/* The history of a connector was read, or will not be; the same. */
void refresh_history_read(struct project *project, int64_t row, int64_t begun_at);

/* A single connector that a refresh waits for. */
struct refresh_single {
	uint64_t ticket;
	int64_t row;
	const char *connector_id; /* while the refresh runs */
};

/* Whether one is to be asked for. */
bool refresh_wants_single(const struct project *project, struct refresh_single *ret_single);

/* It was asked for; it was read, or could not be. ticket 0, or of one that has ended: nothing. */
void refresh_single_sent(struct project *project, uint64_t ticket);
void refresh_single_read(struct project *project, uint64_t ticket, bool good);

/* The connector is deleted: it is not followed any more. */
void refresh_drop(struct project *project, int64_t row);
