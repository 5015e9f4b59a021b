/* SPDX-License-Identifier: MIT */
/* The table of error codes with their titles and statuses. */
#include "http/problem.h"

#include <assert.h>

static const struct problem_entry entries[PROBLEM_COUNT] = {
    [PROBLEM_BAD_REQUEST] = {"bad-request", 400, "The request is malformed"},
    [PROBLEM_UNKNOWN_PARAMETER] = {"unknown-parameter", 400, "Unknown query parameter"},
    [PROBLEM_INVALID_PARAMETER] = {"invalid-parameter", 400, "Invalid query parameter"},
    [PROBLEM_INVALID_CURSOR] = {"invalid-cursor", 400, "Invalid cursor"},
    [PROBLEM_INVALID_JSON] = {"invalid-json", 400, "The body is not valid JSON"},
    [PROBLEM_INVALID_IDEMPOTENCY_KEY] = {"invalid-idempotency-key", 400, "Invalid Idempotency-Key"},
    [PROBLEM_UNAUTHORIZED] = {"unauthorized", 401, "A valid token is needed"},
    [PROBLEM_INSUFFICIENT_SCOPE] = {"insufficient-scope", 403, "The caller may not do this"},
    [PROBLEM_BROWSER_REFUSED] = {"browser-refused", 403, "Browsers are not served"},
    [PROBLEM_NOT_FOUND] = {"not-found", 404, "No such path"},
    [PROBLEM_PROJECT_NOT_FOUND] = {"project-not-found", 404, "No such project"},
    [PROBLEM_CONNECTOR_NOT_FOUND] = {"connector-not-found", 404, "No such connector"},
    [PROBLEM_JOB_NOT_FOUND] = {"job-not-found", 404, "No such job"},
    [PROBLEM_OPERATION_NOT_FOUND] = {"operation-not-found", 404, "No such operation"},
    [PROBLEM_METHOD_NOT_ALLOWED] = {"method-not-allowed", 405, "Method not allowed on this path"},
    [PROBLEM_REQUEST_TIMEOUT] = {"request-timeout", 408, "The request took too long to arrive"},
    [PROBLEM_DUPLICATE_CONNECTOR] = {"duplicate-connector", 409, "The connector exists already"},
    [PROBLEM_OPERATION_IN_PROGRESS] = {"operation-in-progress", 409,
	"The operation is still running"},
    [PROBLEM_OPERATION_NOT_UNKNOWN] = {"operation-not-unknown", 409,
	"The outcome of the operation is known"},
    [PROBLEM_LENGTH_REQUIRED] = {"length-required", 411, "A Content-Length is needed"},
    [PROBLEM_BODY_TOO_LARGE] = {"body-too-large", 413, "The body is too large"},
    [PROBLEM_HEAD_TOO_LARGE] = {"head-too-large", 431, "The head is too large"},
    [PROBLEM_URI_TOO_LONG] = {"uri-too-long", 414, "The request target is too long"},
    [PROBLEM_UNSUPPORTED_MEDIA_TYPE] = {"unsupported-media-type", 415, "The body must be JSON"},
    [PROBLEM_MISDIRECTED_REQUEST] = {"misdirected-request", 421, "Not a host that is served here"},
    [PROBLEM_INVALID_CONNECTOR] = {"invalid-connector", 422, "The connector is not valid"},
    [PROBLEM_INVALID_RESOLUTION] = {"invalid-resolution", 422, "The resolution is not valid"},
    [PROBLEM_IDEMPOTENCY_KEY_REUSED] = {"idempotency-key-reused", 422,
	"The Idempotency-Key belongs to another request"},
    [PROBLEM_CONFIGURATION_INVALID] = {"configuration-invalid", 422,
	"The configuration is not valid"},
    [PROBLEM_CURSOR_GONE] = {"cursor-gone", 410, "The feed cannot be read from there on"},
    [PROBLEM_TOO_MANY_REQUESTS] = {"too-many-requests", 429, "The caller asks for too much"},
    [PROBLEM_TOO_MANY_STREAMS] = {"too-many-streams", 429, "There are too many streams"},
    [PROBLEM_UPSTREAM_REJECTED] = {"upstream-rejected", 422, "Mixpanel refused the request"},
    [PROBLEM_UPSTREAM_UNAUTHORIZED] = {"upstream-unauthorized", 502,
	"Mixpanel refused the service account"},
    [PROBLEM_UPSTREAM_UNREACHABLE] = {"upstream-unreachable", 503, "Mixpanel cannot be reached"},
    [PROBLEM_OUTCOME_UNKNOWN] = {"outcome-unknown", 504, "The outcome is not known"},
    [PROBLEM_INTERNAL_ERROR] = {"internal-error", 500, "Internal error"},
    [PROBLEM_STORE_UNAVAILABLE] = {"store-unavailable", 503, "The store cannot be used now"},
    [PROBLEM_BUSY] = {"busy", 503, "Too many requests wait already"},
    [PROBLEM_STOPPING] = {"stopping", 503, "The daemon is stopping"},
};

const struct problem_entry *problem_entry(enum problem problem)
{
	assert((unsigned)problem < PROBLEM_COUNT && entries[problem].code);
	return &entries[problem];
}
