/* SPDX-License-Identifier: MIT */
/* The whole API on one screen: the table is in routes.c. */
#ifndef MIXPORT_API_ROUTES_H
#define MIXPORT_API_ROUTES_H

#include "api/router.h"

/* Every route there is; routes_count of them. */
extern const struct route routes_table[];
extern const size_t routes_count;

#endif
