/* SPDX-License-Identifier: MIT */
/* The registry of error codes: every problem the API can answer with (RFC 9457). Adding one is
 * adding a row to the table in problem.c and a name here. */
#pragma once

enum problem {
	/* the request itself */
	PROBLEM_BAD_REQUEST,             /* 400 bad-request: framing we do not accept */
	PROBLEM_UNKNOWN_PARAMETER,       /* 400 */
	PROBLEM_INVALID_PARAMETER,       /* 400 */
	PROBLEM_INVALID_CURSOR,          /* 400 */
	PROBLEM_INVALID_JSON,            /* 400 */
	PROBLEM_INVALID_IDEMPOTENCY_KEY, /* 400 */
	PROBLEM_UNAUTHORIZED,            /* 401 */
	PROBLEM_INSUFFICIENT_SCOPE,      /* 403 */
	PROBLEM_BROWSER_REFUSED,         /* 403 */
	PROBLEM_NOT_FOUND,               /* 404: no such path */
	PROBLEM_PROJECT_NOT_FOUND,       /* 404 */
	PROBLEM_CONNECTOR_NOT_FOUND,     /* 404 */
	PROBLEM_JOB_NOT_FOUND,           /* 404 */
	PROBLEM_OPERATION_NOT_FOUND,     /* 404 */
	PROBLEM_METHOD_NOT_ALLOWED,      /* 405 */
	PROBLEM_REQUEST_TIMEOUT,         /* 408 */
	PROBLEM_DUPLICATE_CONNECTOR,     /* 409 */
	PROBLEM_OPERATION_IN_PROGRESS,   /* 409 */
	PROBLEM_OPERATION_NOT_UNKNOWN,   /* 409 */
	PROBLEM_LENGTH_REQUIRED,         /* 411 */
	PROBLEM_BODY_TOO_LARGE,          /* 413 */
	PROBLEM_URI_TOO_LONG,            /* 414 */
	PROBLEM_UNSUPPORTED_MEDIA_TYPE,  /* 415 */
	PROBLEM_MISDIRECTED_REQUEST,     /* 421 */
	PROBLEM_INVALID_CONNECTOR,       /* 422 */
	PROBLEM_INVALID_RESOLUTION,      /* 422 */
	PROBLEM_IDEMPOTENCY_KEY_REUSED,  /* 422 */
	PROBLEM_CONFIGURATION_INVALID,   /* 422: of a reload */
	PROBLEM_CURSOR_GONE,             /* 410: of events */
	PROBLEM_TOO_MANY_REQUESTS,       /* 429 */
	PROBLEM_TOO_MANY_STREAMS,        /* 429 */
	PROBLEM_HEAD_TOO_LARGE,          /* 431 */
	/* Mixpanel */
	PROBLEM_UPSTREAM_REJECTED,     /* Mixpanel's status: 400, 403, 404 or 422 */
	PROBLEM_UPSTREAM_UNAUTHORIZED, /* 502 */
	PROBLEM_UPSTREAM_UNREACHABLE,  /* 503 */
	PROBLEM_OUTCOME_UNKNOWN,       /* 504, on the drop-in paths only */
	/* ourselves */
	PROBLEM_INTERNAL_ERROR,    /* 500 */
	PROBLEM_STORE_UNAVAILABLE, /* 503 */
	PROBLEM_BUSY,              /* 503 */
	PROBLEM_STOPPING,          /* 503 */
};

/* What the registry says of a problem: never changes. */
struct problem_entry {
	const char *code; /* stable kebab-case */
	unsigned status;  /* HTTP */
	const char *title;
};

/* The entry of a problem. */
const struct problem_entry *problem_entry(enum problem problem);

#define PROBLEM_COUNT (PROBLEM_STOPPING + 1)
