/* How the upstream of one project is doing, and whether it may be asked now. Pure; driven by the
 * caller's clocks.
 *
 * A failure that concerns the whole project (no connection, no answer in time, 401, 403 on a read,
 * 429, 502, 503, 504) holds requests back, longer with each one in a row. When that time is over
 * one request goes out as a probe, and the rest follow when it went well. A request somebody waits
 * for goes out at once, except while Mixpanel itself has asked for a pause. A listing that cannot
 * be read holds nothing else back, but the upstream counts as degraded until one can. */
#ifndef MIXPORT_SYNC_UPSTREAM_H
#define MIXPORT_SYNC_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "mixpanel/client.h"
#include "model/project.h"
#include "util/random.h"

/* Invariant: hold_until is INT64_MIN while nothing is held back. Times are monotonic, but since. */
struct upstream {
	enum upstream_state
	    gate; /* of the last project-wide failure; UPSTREAM_OK after a success */
	bool listing_failed;
	bool asked;                /* something was answered or failed since the start */
	unsigned failures;         /* project-wide, in a row */
	unsigned listing_failures; /* in a row */
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

/* Why an answer is none, for people: what the transport says, or the status and what Mixpanel says
 * of it. At most size - 1 bytes. */
void upstream_describe(const struct client_answer *answer, char *ret_text, size_t size);

/* What an answer means for the project. */
enum upstream_verdict {
	VERDICT_GOOD,   /* Mixpanel answered; what it says concerns one object */
	VERDICT_FAILED, /* concerns the whole project */
};

/* Nothing asked yet. now is wall-clock time. */
void upstream_init(struct upstream *upstream, int64_t wall);

/* Judges an answer: VERDICT_FAILED fills ret_code (static) and the state it puts the project in. */
enum upstream_verdict upstream_judge(const struct client_answer *answer, bool write,
    const char **ret_code, enum upstream_state *ret_state);

/* Takes the end of a request in. started is the monotonic time it was submitted: several that fail
 * together count once. Returns the verdict. */
enum upstream_verdict upstream_ended(struct upstream *upstream, const struct client_answer *answer,
    bool write, int64_t started, int64_t now, int64_t wall, struct random_sequence *sequence);

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

#endif
