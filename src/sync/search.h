/* SPDX-License-Identifier: MIT */
/* What became of the creates whose outcome is unknown. */
#pragma once

#include "sync/project.h"

/* The outcome of a create is unknown: it is looked for from now on. search_base is that of its
 * record; sent_at is when it was sent at the latest (monotonic); over: its record already says that
 * no listing will decide it, though it may still turn up. */
void search_unknown(
    struct project *project, int64_t row, int64_t search_base, int64_t sent_at, bool over);

/* It is known. */
void search_end(struct project *project, int64_t row);

/* Something with this import key came, went or was decided: those that ask for the same are looked
 * for again. NULL is fine. The same for what a connector imports. */
void search_same_import(struct project *project, const char *import_key);
void search_connector(struct project *project, int64_t connector_row);

/* A list was applied that was asked for at begun_at (monotonic). */
void search_listed(struct project *project, bool complete, int64_t begun_at);

/* Looks for some of those that are to be looked for. Returns whether others are left. */
bool search_turn(struct project *project);
