/* SPDX-License-Identifier: MIT */
/* The projects that are followed: they come and go, and get their turns. */
#pragma once

#include "sync/project.h"

/* Follows one more project, with what the store holds of it. Takes a reference to config. Returns
 * 0, a store outcome, or -1. */
int schedule_add(struct sync *sync, struct config *config, const struct config_project *settings,
    struct err *err);

/* Stops following it; nothing is in flight, or the client is gone. */
void schedule_remove(struct project *project);

/* Removes those that are no longer configured, as soon as nothing is in flight for them. */
void schedule_drop_removed(struct sync *sync);

/* Sends what may go out now. Returns when to call again at the latest, monotonic. */
int64_t schedule_turn(struct project *project, int64_t now);
