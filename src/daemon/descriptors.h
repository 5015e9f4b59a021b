/* SPDX-License-Identifier: MIT */
/* How many descriptors the process may have open, and what they are shared out to. */
#pragma once

#include "config/config.h"
#include "daemon/listeners.h"
#include "util/err.h"

/* Raises the soft limit to the hard one: the soft one is for programs that use select(2). */
void descriptors_raise(void);

/* How many connections a listening socket may hold. */
struct descriptors_share {
	unsigned connections;        /* one of the API */
	unsigned health_connections; /* one that serves only health */
};

/* Shares the descriptors out so that no listener ever lacks one, whatever is done to the others:
 * max_connections to each socket of the API, or less, with a warning, when that does not fit.
 * Returns 0, or -1 when there are too few to serve anybody. */
int descriptors_share_out(const struct config *config, const struct listeners *listeners,
    struct err *err, struct descriptors_share *ret_share);
