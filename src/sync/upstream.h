/* SPDX-License-Identifier: MIT */
/* How the upstream of one project is doing, and whether it may be asked now. Pure; driven by the
 * caller's clocks.
 *
 * A failure that concerns the whole project holds requests back, longer with each one in a row: no
 * connection, 401, 403 because the account is no member, 429; and a list that gets no answer, 403
 * or an answer of a gateway. 5xx, 403 and time-outs of one connector are that connector's, until
 * three in a row begin to fail with nothing succeeding between. When that time is over one request
 * goes out as a probe, and the rest follow when it went well. A request somebody waits for goes out
 * at once, except while Mixpanel itself has asked for a pause. A listing that cannot be read holds
 * nothing else back, but the upstream counts as degraded until one can. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/project.h"
#include "transfer/client.h"
#include "util/random.h"

/* So many that fail in a row fail for a common reason. */
#define UPSTREAM_SUBJECTS 3

/* Invariant: hold_until is INT64_MIN while nothing is held back. Times are monotonic, but since. */
struct upstream {
	enum upstream_state
	    gate; /* of the last project-wide failure; UPSTREAM_OK after a success */
	bool listing_failed;
	bool asked;                           /* something was answered or failed since the start */
	unsigned failures;                    /* project-wide, in a row */
	unsigned listing_failures;            /* in a row */
	uint64_t subjects[UPSTREAM_SUBJECTS]; /* those that failed since the last success, */
	unsigned failed_subjects;             /* how many of them */
	int64_t hold_until;
	bool hold_strict;  /* Mixpanel asked for the pause */
	bool probing;      /* the probe is in flight */
	int64_t probe_at;  /* when it went out */
	int64_t failed_at; /* the last project-wide failure that counted */
	int64_t since;     /* wall clock: when the state last changed */
	enum upstream_state state;
	char code[32]; /* why it is not ok; "" when it is */
	char message[256];
	char listing_code[32]; /* the same of the listing, while listing_failed */
	char listing_message[256];
};

/* Whom a failure concerns. */
enum upstream_concern {
	CONCERN_NOBODY,  /* Mixpanel answered; what it says is news of one object */
	CONCERN_SUBJECT, /* the connector or operation that was asked about */
	CONCERN_PROJECT,
};

/* What an answer says of the upstream: the state it would put the project in, and a code, static.
 */
struct upstream_judgement {
	enum upstream_concern concern;
	enum upstream_state state;
	const char *code;
};

/* A request that ended. */
struct upstream_request {
	bool write;
	uint64_t subject; /* what it was about: any number of its own, UPSTREAM_LIST for the list */
	bool known;       /* that one failed last time, so that its failing again is no news */
	int64_t started;  /* monotonic, when it was submitted */
};

#define UPSTREAM_LIST 0

enum upstream_verdict {
	VERDICT_GOOD,
	VERDICT_FAILED, /* for the whole project */
};

/* Nothing asked yet. now is wall-clock time. */
void upstream_init(struct upstream *upstream, int64_t wall);

/* Judges an answer by itself. */
struct upstream_judgement upstream_judge(const struct client_answer *answer, bool write);

/* Takes the end of a request in; several that fail together count once. Returns the verdict. */
enum upstream_verdict upstream_ended(struct upstream *upstream, const struct client_answer *answer,
    const struct upstream_request *request, int64_t now, int64_t wall,
    struct random_sequence *sequence);

/* Takes the outcome of a listing in: code NULL when it could be applied. */
void upstream_listed(
    struct upstream *upstream, const char *code, const char *message, int64_t wall);

/* Whether a request may go out now; waited: somebody waits for it. */
bool upstream_may_ask(const struct upstream *upstream, bool waited, int64_t now);

/* A request went out: while held back it is the probe. */
void upstream_asked(struct upstream *upstream, int64_t now);

/* When upstream_may_ask may change for a request nobody waits for; now or later; INT64_MAX while
 * the probe is in flight. */
int64_t upstream_next(const struct upstream *upstream, int64_t now);

/* Fills state, since, consecutive_failures, next_attempt_at and the error of a status. */
void upstream_publish(
    const struct upstream *upstream, int64_t now, int64_t wall, struct upstream_status *status);
