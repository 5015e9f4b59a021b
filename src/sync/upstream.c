#include "sync/upstream.h"

#include "mixpanel/decode.h"
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

static enum upstream_verdict judge_status(
    long status, bool write, const char **ret_code, enum upstream_state *ret_state)
{
	switch (status) {
	case 401:
		*ret_code = "upstream-unauthorized";
		*ret_state = UPSTREAM_UNAUTHORIZED;
		return VERDICT_FAILED;
	case 403:
		/* A refused create says something about the create, a refused read about us. */
		if (write)
			return VERDICT_GOOD;
		*ret_code = "upstream-unauthorized";
		*ret_state = UPSTREAM_UNAUTHORIZED;
		return VERDICT_FAILED;
	case 429:
		*ret_code = "upstream-rate-limited";
		*ret_state = UPSTREAM_RATE_LIMITED;
		return VERDICT_FAILED;
	case 502:
	case 503:
	case 504:
		*ret_code = "upstream-error";
		*ret_state = UPSTREAM_DEGRADED;
		return VERDICT_FAILED;
	default:
		return VERDICT_GOOD;
	}
}

enum upstream_verdict upstream_judge(const struct client_answer *answer, bool write,
    const char **ret_code, enum upstream_state *ret_state)
{
	if (answer->outcome == CLIENT_ANSWERED)
		return judge_status(answer->status, write, ret_code, ret_state);
	/* An answer that began was cut short, too long or too slow: somebody is there. */
	bool began = answer->outcome == CLIENT_UNCLEAR && answer->status != 0;
	*ret_code = began ? "upstream-undecodable" : "upstream-unreachable";
	*ret_state = began ? UPSTREAM_DEGRADED : UPSTREAM_UNREACHABLE;
	return VERDICT_FAILED;
}

static enum upstream_state state_of(const struct upstream *upstream)
{
	if (upstream->gate != UPSTREAM_OK)
		return upstream->gate;
	if (upstream->listing_failed)
		return UPSTREAM_DEGRADED;
	return upstream->asked ? UPSTREAM_OK : UPSTREAM_UNKNOWN;
}

static void note(struct upstream *upstream, const char *code, const char *message)
{
	snprintf(upstream->code, sizeof(upstream->code), "%s", code);
	snprintf(upstream->message, sizeof(upstream->message), "%s", message);
}

static void settle(struct upstream *upstream, int64_t wall)
{
	enum upstream_state state = state_of(upstream);
	if (state != upstream->state)
		upstream->since = wall;
	upstream->state = state;
	if (upstream->gate != UPSTREAM_OK)
		return;
	/* What the gate said is over; what the listing said may still hold. */
	if (upstream->listing_failed)
		note(upstream, upstream->listing_code, upstream->listing_message);
	else
		note(upstream, "", "");
}

void upstream_describe(const struct client_answer *answer, char *ret_text, size_t size)
{
	if (answer->outcome != CLIENT_ANSWERED) {
		snprintf(ret_text, size, "%s", answer->message);
		return;
	}
	char said[200];
	decode_error_message(answer->body, said, sizeof(said));
	snprintf(
	    ret_text, size, "Mixpanel answered %ld%s%s", answer->status, said[0] ? ": " : "", said);
}

static void note_answer(
    struct upstream *upstream, const char *code, const struct client_answer *answer)
{
	char message[sizeof(upstream->message)];
	upstream_describe(answer, message, sizeof(message));
	note(upstream, code, message);
}

static void failed(struct upstream *upstream, const struct client_answer *answer, int64_t started,
    int64_t now, struct random_sequence *sequence)
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
    bool write, int64_t started, int64_t now, int64_t wall, struct random_sequence *sequence)
{
	const char *code = NULL;
	enum upstream_state state = UPSTREAM_OK;
	enum upstream_verdict verdict = upstream_judge(answer, write, &code, &state);
	upstream->asked = true;
	/* What ends from before the probe says nothing about it. */
	if (started >= upstream->probe_at)
		upstream->probing = false;
	if (verdict == VERDICT_FAILED) {
		upstream->gate = state;
		failed(upstream, answer, started, now, sequence);
		note_answer(upstream, code, answer);
	} else {
		recovered(upstream, answer, started);
	}
	settle(upstream, wall);
	return verdict;
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
	settle(upstream, wall);
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
