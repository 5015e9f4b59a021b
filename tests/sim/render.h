/* SPDX-License-Identifier: MIT */
/* Connectors and jobs in the forms that Mixpanel's pages show. */
#pragma once

#include "util/buffer.h"
#include "world.h"

/* Appends the connector as an entry of the listing, or as the answer to get and create. The entry
 * is kept and used again until it or the settings change. */
void render_connector(
    const struct world *world, struct connector *connector, bool listed, struct buffer *out);

/* Forgets a kept entry, after a change of the connector's overlay. */
void render_forget(struct connector *connector);

/* Appends the job as an entry of the history, as it stands now. */
void render_job(const struct world *world, const struct job *job, struct buffer *out);
