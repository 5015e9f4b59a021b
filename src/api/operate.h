/* SPDX-License-Identifier: MIT */
/* Changing something at Mixpanel, from the request to its answer: checked, written down by the
 * engine as an operation, waited for, and answered by how the operation ended. The paths of our own
 * and those of Mixpanel differ only in the options. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/command.h"

#define OPERATE_WAIT_DEFAULT 30
#define OPERATE_WAIT_MAXIMUM 60

struct operate_options {
	bool lenient;         /* create: unknown members at the top are passed on */
	bool validate_only;   /* create: stop after the checks */
	bool allow_duplicate; /* create: no look for the same import */
	bool dropin;          /* by Mixpanel's own path: what is unknown is waited for, too */
	uint64_t wait;        /* seconds, for the outcome */
	handler_fn *done;     /* answers what was carried out */
	handler_fn *open;     /* answers when the outcome is not known (yet) */
};

/* Creates what the body asks for. */
struct answered operate_create(struct request *request, const struct operate_options *options);

/* Deletes the connector that the path names. */
struct answered operate_delete(struct request *request, const struct operate_options *options);

/* For `done`: the connector it is about. */
const char *operate_connector_id(const struct request *request);

/* For `done` of a create: the warnings about the body, a JSON array; SPAN_NONE without any. */
struct span operate_warnings(const struct request *request);
