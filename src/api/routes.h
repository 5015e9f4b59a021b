/* SPDX-License-Identifier: MIT */
/* The whole API on one screen: the table is in routes.c. */
#pragma once

#include "api/service.h"
#include "http/application.h"

/* The application that the server is to serve: every route there is; service, which outlives it, is
 * its context. */
struct application routes_application(struct service *service);
