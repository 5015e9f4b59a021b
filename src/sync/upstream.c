/* SPDX-License-Identifier: MIT */
/* Counts failures in a row, holds requests back, and names the state. */
#include "sync/upstream.h"

#include "mixpanel/envelope.h"
#include "util/backoff.h"
#include "util/timestamp.h"

void upstream_init(struct upstream *upstream, int64_t wall)
{
	*upstream = (struct upstream){
	    .gate = UPSTREAM_OK,
	    .state = UPSTREAM_UNKNOWN,
	    .hold_until = INT64_MIN,
	    .probe_at = INT64_MIN,
	    .failed_at = INT64_MIN,
	    .since = wall,
	};
}

struct upstream_judgement upstream_judge(const struct client_answer *answer, bool write)
{
	long status = answer->status;
	if (answer->outcome == CLIENT_NOT_SENT)
		return (struct upstream_judgement){
		    CONCERN_PROJECT, UPSTREAM_UNREACHABLE, "upstream-unreachable"};
	if (answer->outcome == CLIENT_UNCLEAR && status == 0)
		return (struct upstream_judgement){
		    CONCERN_SUBJECT, UPSTREAM_UNREACHABLE, "upstream-unreachable"};
	/* An answer that began was cut short, too long or too slow: somebody is there. */
	if (answer->outcome == CLIENT_UNCLEAR)
		return (struct upstream_judgement){
		    CONCERN_SUBJECT, UPSTREAM_DEGRADED, "upstream-undecodable"};
	if (answer_refuses_account(answer))
		return (struct upstream_judgement){
		    CONCERN_PROJECT, UPSTREAM_UNAUTHORIZED, "upstream-unauthorized"};
	/* A refused create says something about the create, a refused read about us. */
	if (status == 403 && !write)
		return (struct upstream_judgement){
		    CONCERN_SUBJECT, UPSTREAM_UNAUTHORIZED, "upstream-unauthorized"};
	if (status == 429)
		return (struct upstream_judgement){
		    CONCERN_PROJECT, UPSTREAM_RATE_LIMITED, "upstream-rate-limited"};
	if (status >= 500 || (status < 300 && !answer_succeeded(answer)))
		return (struct upstream_judgement){
		    CONCERN_SUBJECT, UPSTREAM_DEGRADED, "upstream-error"};
	return (struct upstream_judgement){CONCERN_NOBODY, UPSTREAM_OK, ""};
}

/* Whether what the answer says concerns the whole project. */
static bool concerns_project(struct upstream *upstream, const struct upstream_judgement *judgement,
    const struct client_answer *answer, const struct upstream_request *request)
{
	if (judgement->concern != CONCERN_SUBJECT)
		return judgement->concern == CONCERN_PROJECT;
	/* Of a list that Mixpanel says is broken the list alone tells (upstream_listed). */
	if (request->subject == UPSTREAM_LIST)
		return !(answer->outcome == CLIENT_ANSWERED && answer->status == 500);
	if (request->known)
		return false;
	if (upstream->failures > 0)
		return true;
	/* So many different ones, with nothing succeeding between, can hardly fail by themselves.
	 */
	for (unsigned i = 0; i < upstream->failed_subjects; i++)
		if (upstream->subjects[i] == request->subject)
			return false;
	if (upstream->failed_subjects < UPSTREAM_SUBJECTS)
		upstream->subjects[upstream->failed_subjects++] = request->subject;
	return upstream->failed_subjects == UPSTREAM_SUBJECTS;
}

static void upstream_note(struct upstream *upstream, const char *code, const char *message)
{
	snprintf(upstream->code, sizeof(upstream->code), "%s", code);
	snprintf(upstream->message, sizeof(upstream->message), "%s", message);
}

static void upstream_settle(struct upstream *upstream, int64_t wall)
{
	enum upstream_state state = upstream->asked ? UPSTREAM_OK : UPSTREAM_UNKNOWN;
	if (upstream->gate != UPSTREAM_OK)
		state = upstream->gate;
	else if (upstream->listing_failed)
		state = UPSTREAM_DEGRADED;
	if (state != upstream->state)
		upstream->since = wall;
	upstream->state = state;
	if (upstream->gate != UPSTREAM_OK)
		return;
	/* What the gate said is over; what the listing said may still hold. */
	if (upstream->listing_failed)
		upstream_note(upstream, upstream->listing_code, upstream->listing_message);
	else
		upstream_note(upstream, "", "");
}

static void upstream_failed(struct upstream *upstream, const struct client_answer *answer,
    int64_t started, int64_t now, struct random_sequence *sequence)
{
	/* Requests that were on their way together fail together: one failure, not many. A late one
	 * is no news either for the probe that went out meanwhile. */
	int64_t hold = answer->retry_after;
	if (started > upstream->failed_at || upstream->failures == 0) {
		upstream->failures++;
		upstream->failed_at = now;
		int64_t delay = backoff_delay(upstream->failures, sequence);
		if (delay > hold)
			hold = delay;
	}
	if (hold > 0 && now + hold > upstream->hold_until)
		upstream->hold_until = now + hold;
	upstream->hold_strict |= upstream->gate == UPSTREAM_RATE_LIMITED || answer->retry_after > 0;
}

static void recovered(
    struct upstream *upstream, const struct client_answer *answer, int64_t started)
{
	/* A refused create tells nothing of whether we may read again. */
	if (upstream->gate == UPSTREAM_UNAUTHORIZED && answer->status == 403)
		return;
	/* A late answer to a request from before the trouble does not end it. */
	if (upstream->failures > 0 && started <= upstream->failed_at)
		return;
	upstream->gate = UPSTREAM_OK;
	upstream->failures = 0;
	upstream->hold_until = INT64_MIN;
	upstream->hold_strict = false;
}

enum upstream_verdict upstream_ended(struct upstream *upstream, const struct client_answer *answer,
    const struct upstream_request *request, int64_t now, int64_t wall,
    struct random_sequence *sequence)
{
	const struct upstream_judgement judgement = upstream_judge(answer, request->write);
	bool failure = concerns_project(upstream, &judgement, answer, request);
	upstream->asked = true;
	/* What ends from before the probe says nothing about it. */
	if (request->started >= upstream->probe_at)
		upstream->probing = false;
	if (failure) {
		upstream->gate = judgement.state;
		upstream_failed(upstream, answer, request->started, now, sequence);
		char message[sizeof(upstream->message)];
		answer_describe(answer, message, sizeof(message));
		upstream_note(upstream, judgement.code, message);
	} else if (judgement.concern == CONCERN_NOBODY) {
		upstream->failed_subjects = 0;
		recovered(upstream, answer, request->started);
	}
	upstream_settle(upstream, wall);
	return failure ? VERDICT_FAILED : VERDICT_GOOD;
}

void upstream_listed(struct upstream *upstream, const char *code, const char *message, int64_t wall)
{
	upstream->listing_failed = code != NULL;
	upstream->listing_failures = code ? upstream->listing_failures + 1 : 0;
	if (code) {
		snprintf(upstream->listing_code, sizeof(upstream->listing_code), "%s", code);
		snprintf(
		    upstream->listing_message, sizeof(upstream->listing_message), "%s", message);
	}
	upstream_settle(upstream, wall);
}

bool upstream_may_ask(const struct upstream *upstream, bool waited, int64_t now)
{
	if (upstream->failures == 0)
		return true;
	if (now < upstream->hold_until)
		return waited && !upstream->hold_strict;
	return waited || !upstream->probing;
}

void upstream_asked(struct upstream *upstream, int64_t now)
{
	if (upstream->failures == 0)
		return;
	upstream->probing = true;
	upstream->probe_at = now;
	if (now >= upstream->hold_until)
		upstream->hold_strict = false;
}

int64_t upstream_next(const struct upstream *upstream, int64_t now)
{
	if (upstream->failures == 0)
		return now;
	if (now < upstream->hold_until)
		return upstream->hold_until;
	return upstream->probing ? INT64_MAX : now;
}

void upstream_publish(
    const struct upstream *upstream, int64_t now, int64_t wall, struct upstream_status *status)
{
	status->state = upstream->state;
	status->since = upstream->since;
	status->consecutive_failures =
	    upstream->failures > 0 ? upstream->failures : upstream->listing_failures;
	status->next_attempt_at = TIMESTAMP_NONE;
	if (upstream->failures > 0)
		status->next_attempt_at =
		    wall + (upstream->hold_until > now ? upstream->hold_until - now : 0);
	snprintf(status->error_code, sizeof(status->error_code), "%s", upstream->code);
	snprintf(status->error_message, sizeof(status->error_message), "%s", upstream->message);
}
