/* SPDX-License-Identifier: MIT */
/* Asking Mixpanel again before answering: a refresh that is started, or joined, and waited for. */
#pragma once

#include "api/command.h"

/* The longest that ?max_age waits. */
#define RENEWAL_MAX_AGE_WAIT 10

/* Starts a refresh of the connector, or of the whole project when connector_id is NULL, waits for
 * its end at most `seconds` from the request's arrival, then calls answer once. */
struct answered renew(struct request *request, const struct config_project *project,
    const char *connector_id, uint64_t seconds, handler_fn *answer);

/* Whether the refresh was started, or there is nothing to refresh. */
bool renewal_accepted(const struct request *request);

/* Whether the refresh that was started has ended. */
bool renewal_ended(struct request *request);

/* The status of an answer to "refresh": 200 when the caller waited for the end and saw it, else
 * 202. */
unsigned renewal_status(struct request *request);

/* The parameter wait of "refresh" in seconds; left alone when absent. Returns 0, or -1 after a
 * fault. */
int renewal_wait(struct request *request, uint64_t *ret_seconds);

/* The parameter max_age in seconds; left alone when absent. Returns 0, or -1 after a fault. */
int renewal_max_age(struct request *request, uint64_t *ret_seconds);
