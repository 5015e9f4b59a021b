/* SPDX-License-Identifier: MIT */
/* The rules: a function for each code, and tables that say which subject has which.
 *
 * A reason that comes and goes with every answer, or differs from the one before although nothing
 * happened, would make people look away. Why neither happens:
 *
 * - A rule reads the present facts. It reads what is open only where the facts do not go back far
 *   enough (the ended jobs given were all looked through), where a state has a delay to clear, and
 *   while the record is stale.
 * - Every moment that a rule waits for passes through reached(), which notes it. So looking again
 *   is never forgotten, and the same facts say the same until then.
 * - No time but those of facts and of open reasons gets into a reason, the first sight of a full
 *   disk aside. */
#include "sync/attention.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "util/cleanup.h"
#include "util/timestamp.h"

/* From so many events on, what share of them was dropped tells something. */
#define DROPPED_LEAST 1000
#define DROPPED_CRITICAL_PERCENT 50

/* Of upstream_after. */
#define RATE_LIMITED_TIMES 3
#define STRETCHED_TIMES 3
#define UNAUTHORIZED_PART 5

#define DISK_LOW (UINT64_C(64) * 1024 * 1024)
#define DISK_ENOUGH (UINT64_C(128) * 1024 * 1024)

/* Judging ---------------------------------------------------------------------------------------*/

/* One subject's judgement, as far as it has come. */
struct judgement {
	const struct attention_moment *moment;
	const struct config_attention *settings;
	struct attention_outcome *outcome;
};

static struct judgement judgement_begin(
    const struct attention_moment *moment, struct attention_outcome *outcome)
{
	outcome->count = 0;
	outcome->look_at = INT64_MAX;
	outcome->look_when_read = false;
	return (struct judgement){moment, moment->settings, outcome};
}

static void judgement_end(struct judgement *judgement)
{
	struct attention_outcome *outcome = judgement->outcome;
	qsort(outcome->reasons, outcome->count, sizeof(outcome->reasons[0]), attention_compare);
}

/* Whether it is that late; else it is a time to look again. */
static bool reached(struct judgement *judgement, int64_t at)
{
	struct attention_outcome *outcome = judgement->outcome;
	if (judgement->moment->now >= at)
		return true;
	if (at < outcome->look_at)
		outcome->look_at = at;
	return false;
}

/* Whether it is that late and the history was asked for that late: what it does not show had not
 * happened by then. */
static bool reached_in_history(
    struct judgement *judgement, const struct attention_connector *facts, int64_t at)
{
	if (!reached(judgement, at))
		return false;
	if (facts->record->history_synced_at >= at)
		return true;
	judgement->outcome->look_when_read = true;
	return false;
}

static const struct attention_reason *open_reason(
    const struct judgement *judgement, enum attention_code code)
{
	const struct attention_moment *moment = judgement->moment;
	for (size_t i = 0; i < moment->open_count; i++)
		if (moment->open[i].code == code)
			return &moment->open[i];
	return NULL;
}

/* A reason that holds; what else is to be said of it is up to the caller. It lives in the outcome.
 */
static struct attention_reason *hold(struct judgement *judgement, enum attention_code code,
    enum attention_severity severity, int64_t since)
{
	struct attention_outcome *outcome = judgement->outcome;
	struct attention_reason *reason = &outcome->reasons[outcome->count++];
	*reason = (struct attention_reason){.code = code, .severity = severity, .since = since};
	return reason;
}

/* What is open goes on as it is. */
static void hold_open(struct judgement *judgement, enum attention_code code)
{
	const struct attention_reason *open = open_reason(judgement, code);
	if (open)
		judgement->outcome->reasons[judgement->outcome->count++] = *open;
}

static int64_t since_open(
    const struct judgement *judgement, enum attention_code code, int64_t otherwise)
{
	const struct attention_reason *open = open_reason(judgement, code);
	return open ? open->since : otherwise;
}

static void detail(struct attention_reason *reason, const char *format, ...) PRINTF_LIKE(2, 3);
static void detail(struct attention_reason *reason, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int len = vsnprintf(reason->detail, sizeof(reason->detail), format, arguments);
	va_end(arguments);
	if (len < (int)sizeof(reason->detail))
		return;
	/* Mixpanel's words were cut, and perhaps within a character. */
	size_t end = sizeof(reason->detail) - 1;
	while (end > 0 && ((unsigned char)reason->detail[end - 1] & 0xc0) == 0x80)
		end--;
	if (end > 0 && (unsigned char)reason->detail[end - 1] >= 0xc0)
		end--;
	reason->detail[end] = '\0';
}

/* Jobs ------------------------------------------------------------------------------------------*/

static void set_job(struct attention_reason *reason, const struct job_record *job)
{
	snprintf(reason->job_id, sizeof(reason->job_id), "%s", job->job_id);
}

/* By Mixpanel's time, else by when it was last seen to change. */
static int64_t ended_at(const struct job_record *job)
{
	return job->run.end_time != TIMESTAMP_NONE ? job->run.end_time : job->updated_at;
}

static bool succeeded(const struct job_record *job)
{
	return job->run.status == JOB_SUCCEEDED;
}

/* Ended jobs ------------------------------------------------------------------------------------*/

static const char *how_ended(const struct job_record *jobs, size_t count)
{
	size_t cancelled = 0;
	for (size_t i = 0; i < count; i++)
		cancelled += jobs[i].run.status == JOB_CANCELLED;
	if (cancelled == 0)
		return "failed";
	return cancelled < count ? "failed or were cancelled"
				 : (count > 1 ? "were cancelled" : "was cancelled");
}

static void detail_failing(
    struct attention_reason *reason, const struct job_record *jobs, size_t count, bool all)
{
	const struct run *newest = &jobs[0].run;
	const char *code = newest->error_code ? newest->error_code : "";
	const char *message = newest->error_message ? newest->error_message : "";
	char which[64] = "the last job";
	if (count > 1)
		snprintf(which, sizeof(which), "%s%zu jobs",
		    all ? "the last " : "at least the last ", count);
	detail(reason, "%s %s%s%s%s%s", which, how_ended(jobs, count),
	    *code || *message ? ": " : "", code, *code && *message ? ": " : "", message);
}

static void judge_failing(struct judgement *judgement, const struct attention_connector *facts)
{
	size_t failed = 0;
	while (failed < facts->ended_count && !succeeded(&facts->ended[failed]))
		failed++;
	if (failed == 0)
		return;
	bool all = failed < facts->ended_count || !facts->ended_more;
	int64_t since = ended_at(&facts->ended[failed - 1]);
	struct attention_reason *reason = hold(judgement, ATTENTION_FAILING,
	    failed >= judgement->settings->failing_critical ? ATTENTION_CRITICAL
							    : ATTENTION_WARNING,
	    all ? since : since_open(judgement, ATTENTION_FAILING, since));
	reason->cause = attention_cause_of(&facts->ended[0].run);
	set_job(reason, &facts->ended[0]);
	detail_failing(reason, facts->ended, failed, all);
}

/* Two in a row that imported nothing, or the very first, since the last one that imported more. */
static void judge_nothing_imported(
    struct judgement *judgement, const struct attention_connector *facts)
{
	const struct job_record *newest = NULL; /* of those that imported nothing */
	const struct job_record *oldest = NULL; /* of those that count */
	bool more = false;
	bool before = false; /* the one looked at before, a later one, imported nothing */
	for (size_t i = 0; i < facts->ended_count && !more; i++) {
		const struct job_record *job = &facts->ended[i];
		uint64_t events = 0;
		bool counted = run_counter(&job->run, "num_events_imported", &events) == 0;
		bool nothing = counted && events == 0 && succeeded(job);
		bool first = i + 1 == facts->ended_count && !facts->ended_more;
		more = counted && events > 0;
		if (nothing && !newest)
			newest = job;
		if (nothing && (before || first))
			oldest = job;
		before = nothing;
	}
	bool unsure = !more && facts->ended_more;
	if (unsure && !oldest) {
		hold_open(judgement, ATTENTION_NOTHING_IMPORTED);
		return;
	}
	if (!oldest)
		return;
	int64_t since = ended_at(oldest);
	struct attention_reason *reason =
	    hold(judgement, ATTENTION_NOTHING_IMPORTED, ATTENTION_WARNING,
		unsure ? since_open(judgement, ATTENTION_NOTHING_IMPORTED, since) : since);
	set_job(reason, newest);
	detail(reason, newest == oldest ? "the first job succeeded and imported no events"
					: "the last jobs that succeeded imported no events");
}

/* What a success tells of what was dropped. */
enum share { SHARE_UNTOLD, SHARE_LOW, SHARE_BETWEEN, SHARE_HIGH };

static enum share share_of(const struct judgement *judgement, const struct job_record *job,
    uint64_t *ret_processed, uint64_t *ret_dropped)
{
	const uint64_t percent = judgement->settings->dropped_percent;
	uint64_t processed = 0;
	uint64_t dropped = 0;
	if (!succeeded(job) || run_counter(&job->run, "num_events_processed", &processed) < 0)
		return SHARE_UNTOLD;
	if (processed < DROPPED_LEAST)
		return SHARE_LOW;
	if (run_counter(&job->run, "num_events_dropped", &dropped) < 0)
		return SHARE_UNTOLD;
	*ret_processed = processed;
	*ret_dropped = dropped;
	if (dropped * 100 >= processed * percent)
		return SHARE_HIGH;
	return dropped * 200 > processed * percent ? SHARE_BETWEEN : SHARE_LOW;
}

/* A share that was high, and has not been low since. */
static void judge_many_dropped(struct judgement *judgement, const struct attention_connector *facts)
{
	const struct job_record *newest = NULL; /* of those that tell */
	const struct job_record *oldest = NULL; /* of those with a high share */
	uint64_t processed = 0;                 /* by the newest */
	uint64_t dropped = 0;
	enum share share = SHARE_UNTOLD;
	for (size_t i = 0; i < facts->ended_count && share != SHARE_LOW; i++) {
		const struct job_record *job = &facts->ended[i];
		uint64_t numbers[2] = {0, 0};
		share = share_of(judgement, job, &numbers[0], &numbers[1]);
		if (share == SHARE_HIGH)
			oldest = job;
		if (!newest && (share == SHARE_HIGH || share == SHARE_BETWEEN)) {
			newest = job;
			processed = numbers[0];
			dropped = numbers[1];
		}
	}
	const struct attention_reason *open = NULL;
	if (share != SHARE_LOW && facts->ended_more)
		open = open_reason(judgement, ATTENTION_MANY_DROPPED);
	if (!newest) {
		if (open)
			hold_open(judgement, ATTENTION_MANY_DROPPED);
		return;
	}
	if (!oldest && !open)
		return;
	bool half = dropped * 100 >= processed * DROPPED_CRITICAL_PERCENT;
	struct attention_reason *reason = hold(judgement, ATTENTION_MANY_DROPPED,
	    half ? ATTENTION_CRITICAL : ATTENTION_WARNING, open ? open->since : ended_at(oldest));
	set_job(reason, newest);
	detail(reason, "the last success dropped %ju of %ju events", (uintmax_t)dropped,
	    (uintmax_t)processed);
}

static void judge_vanished(struct judgement *judgement, const struct attention_connector *facts)
{
	const struct job_record *gone = facts->gone;
	/* Which one is later, rows tell: it may never have started. */
	if (!gone || (facts->ended_count > 0 && facts->ended[0].row > gone->row) ||
	    reached(judgement, gone->gone_at + judgement->settings->keep_for))
		return;
	struct attention_reason *reason =
	    hold(judgement, ATTENTION_VANISHED, ATTENTION_WARNING, gone->gone_at);
	set_job(reason, gone);
	detail(reason, "a job that was %s is no longer in Mixpanel's history",
	    job_status_names[gone->run.status]);
}

/* The clock -------------------------------------------------------------------------------------*/

/* When it was created, or first seen, the later. A date of Mixpanel's that is still to come when it
 * is time by the first sight is not believed. */
static int64_t began_at(const struct connector_record *record, int64_t after)
{
	int64_t created = record->connector.created_at;
	int64_t seen = record->first_seen_at;
	return created > seen && created <= seen + after ? created : seen;
}

/* When the last success ended; TIMESTAMP_NONE for none ever. */
static int64_t last_success(const struct attention_connector *facts)
{
	for (size_t i = 0; i < facts->ended_count; i++)
		if (succeeded(&facts->ended[i]))
			return ended_at(&facts->ended[i]);
	return facts->succeeded_at;
}

static void judge_never_succeeded(
    struct judgement *judgement, const struct attention_connector *facts)
{
	int64_t after = judgement->settings->never_succeeded_after;
	int64_t since = began_at(facts->record, after);
	if (last_success(facts) != TIMESTAMP_NONE ||
	    !reached_in_history(judgement, facts, since + after))
		return;
	detail(hold(judgement, ATTENTION_NEVER_SUCCEEDED, ATTENTION_WARNING, since),
	    "no job has ever succeeded");
}

static void judge_overdue(struct judgement *judgement, const struct attention_connector *facts)
{
	int64_t within = judgement->settings->success_within;
	int64_t since = last_success(facts);
	if (within == 0 || since == TIMESTAMP_NONE ||
	    !reached_in_history(judgement, facts, since + within + 1))
		return;
	detail(hold(judgement, ATTENTION_OVERDUE, ATTENTION_CRITICAL, since),
	    "the last success is longer ago than success_within");
}

/* Since when a job is in its state, and the moment from which on that is too long. */
struct wait {
	int64_t since;
	int64_t until;
};

/* Returns 0, or -1 for a job that may be in its state for ever. */
static int wait_in_state(
    const struct config_attention *settings, const struct job_record *job, struct wait *ret_wait)
{
	int64_t since = job->first_seen_at;
	if (job->run.status != JOB_QUEUED && job->run.status != JOB_RUNNING)
		return -1;
	bool running = job->run.status == JOB_RUNNING;
	if (running && job->run.start_time != TIMESTAMP_NONE)
		since = job->run.start_time;
	int64_t after = running ? settings->running_after : settings->queued_after;
	*ret_wait = (struct wait){since, since + after + 1};
	return 0;
}

/* The same for a job that is running, and for the last time when anything of it moved. */
static int wait_for_move(
    const struct config_attention *settings, const struct job_record *job, struct wait *ret_wait)
{
	if (job->run.status != JOB_RUNNING)
		return -1;
	*ret_wait = (struct wait){job->updated_at, job->updated_at + settings->stalled_after};
	return 0;
}

/* The unfinished job that has waited longest of those that have waited too long; NULL for none. */
static const struct job_record *longest_wait(struct judgement *judgement,
    const struct attention_connector *facts,
    int (*wait_of)(const struct config_attention *settings, const struct job_record *job,
	struct wait *ret_wait),
    int64_t *ret_since)
{
	const struct job_record *longest = NULL;
	for (size_t i = 0; i < facts->unfinished_count; i++) {
		const struct job_record *job = &facts->unfinished[i];
		struct wait wait;
		if (wait_of(judgement->settings, job, &wait) < 0 ||
		    !reached_in_history(judgement, facts, wait.until))
			continue;
		if (longest && (wait.since > *ret_since ||
				   (wait.since == *ret_since && job->row > longest->row)))
			continue;
		longest = job;
		*ret_since = wait.since;
	}
	return longest;
}

static void judge_stuck(struct judgement *judgement, const struct attention_connector *facts)
{
	int64_t since;
	const struct job_record *job = longest_wait(judgement, facts, wait_in_state, &since);
	if (!job)
		return;
	struct attention_reason *reason =
	    hold(judgement, ATTENTION_STUCK, ATTENTION_WARNING, since);
	set_job(reason, job);
	detail(reason, "a job has been %s for longer than %s", job_status_names[job->run.status],
	    job->run.status == JOB_RUNNING ? "running_after" : "queued_after");
}

static void judge_stalled(struct judgement *judgement, const struct attention_connector *facts)
{
	int64_t since;
	const struct job_record *job = longest_wait(judgement, facts, wait_for_move, &since);
	if (!job)
		return;
	struct attention_reason *reason =
	    hold(judgement, ATTENTION_STALLED, ATTENTION_WARNING, since);
	set_job(reason, job);
	detail(reason, "nothing of a job that is running has moved for stalled_after");
}

/* The connector itself --------------------------------------------------------------------------*/

static void judge_paused(struct judgement *judgement, const struct attention_connector *facts)
{
	const struct connector_record *record = facts->record;
	const char *status = record->connector.status ? record->connector.status : "";
	const char *message = record->connector.failure_message;
	bool told = message && *message;
	if (strcasecmp(status, "paused") != 0 && strcasecmp(status, "stopped") != 0) {
		/* A word that is not known does not say that it goes on. */
		if (*status && strcasecmp(status, "active") != 0)
			hold_open(judgement, ATTENTION_PAUSED);
		return;
	}
	int64_t known = record->status_known_at != TIMESTAMP_NONE ? record->status_known_at
								  : record->updated_at;
	struct attention_reason *reason =
	    hold(judgement, ATTENTION_PAUSED, told ? ATTENTION_CRITICAL : ATTENTION_WARNING,
		since_open(judgement, ATTENTION_PAUSED, known));
	if (told)
		detail(reason, "%s", message);
	else
		detail(reason, "Mixpanel says that it is %s, and not why", status);
}

static int64_t created_at(const struct connector_record *record)
{
	int64_t created = record->connector.created_at;
	return created != TIMESTAMP_NONE ? created : record->first_seen_at;
}

static void judge_duplicate_import(
    struct judgement *judgement, const struct attention_connector *facts)
{
	if (!facts->twin)
		return;
	int64_t since = created_at(facts->record);
	int64_t other = created_at(facts->twin);
	detail(hold(judgement, ATTENTION_DUPLICATE_IMPORT, ATTENTION_CRITICAL,
		   other > since ? other : since),
	    "connector %s imports the same", facts->twin->connector.connector_id);
}

static void judge_deleted_elsewhere(
    struct judgement *judgement, const struct attention_connector *facts)
{
	const struct connector_record *record = facts->record;
	if (record->deleted_at == TIMESTAMP_NONE || record->deleted_by_us || facts->deleting ||
	    reached(judgement, record->deleted_at + judgement->settings->keep_for))
		return;
	detail(hold(judgement, ATTENTION_DELETED_ELSEWHERE, ATTENTION_WARNING, record->deleted_at),
	    "Mixpanel no longer has it, and it was not deleted through mixport");
}

static void judge_history_gap(struct judgement *judgement, const struct attention_connector *facts)
{
	/* A later gap is a new one, and kept for as long again. */
	int64_t at = since_open(judgement, ATTENTION_HISTORY_GAP, TIMESTAMP_NONE);
	if (facts->gap_at > at)
		at = facts->gap_at;
	if (at == TIMESTAMP_NONE || reached(judgement, at + judgement->settings->keep_for))
		return;
	detail(hold(judgement, ATTENTION_HISTORY_GAP, ATTENTION_WARNING, at),
	    "a history had no run in common with those known before; some may have been missed");
}

static const struct {
	enum attention_code code;
	bool by_clock; /* and so left alone while the record is stale */
	void (*judge)(struct judgement *judgement, const struct attention_connector *facts);
} connector_rules[] = {
    {ATTENTION_FAILING, false, judge_failing},
    {ATTENTION_NEVER_SUCCEEDED, true, judge_never_succeeded},
    {ATTENTION_OVERDUE, true, judge_overdue},
    {ATTENTION_STUCK, true, judge_stuck},
    {ATTENTION_STALLED, true, judge_stalled},
    {ATTENTION_VANISHED, false, judge_vanished},
    {ATTENTION_NOTHING_IMPORTED, false, judge_nothing_imported},
    {ATTENTION_MANY_DROPPED, false, judge_many_dropped},
    {ATTENTION_PAUSED, false, judge_paused},
    {ATTENTION_DUPLICATE_IMPORT, false, judge_duplicate_import},
    {ATTENTION_HISTORY_GAP, false, judge_history_gap},
};

void attention_of_connector(const struct attention_connector *facts,
    const struct attention_moment *moment, struct attention_outcome *ret_outcome)
{
	struct judgement judgement = judgement_begin(moment, ret_outcome);
	judge_deleted_elsewhere(&judgement, facts);
	if (facts->record->deleted_at != TIMESTAMP_NONE)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(connector_rules); i++) {
		if (facts->stale && connector_rules[i].by_clock)
			hold_open(&judgement, connector_rules[i].code);
		else
			connector_rules[i].judge(&judgement, facts);
	}
	judgement_end(&judgement);
}

/* Projects --------------------------------------------------------------------------------------*/

static bool is_trouble(enum upstream_state state)
{
	return state != UPSTREAM_OK && state != UPSTREAM_UNKNOWN;
}

static bool is_hard(enum upstream_state state)
{
	return is_trouble(state) && state != UPSTREAM_RATE_LIMITED;
}

bool attention_watch(
    struct attention_watch *watch, const struct upstream_status *status, int64_t now)
{
	const struct attention_watch before = *watch;
	if (watch->state != status->state) {
		watch->state = status->state;
		watch->state_at = status->since;
		if (!is_trouble(before.state))
			watch->trouble_at = status->since;
		if (!is_hard(before.state))
			watch->hard_at = status->since;
	}
	if (watch->stretched != status->stretched || before.stretched_at == 0) {
		watch->stretched = status->stretched;
		watch->stretched_at = now;
	}
	return watch->state != before.state || watch->stretched_at != before.stretched_at;
}

static const char *const trouble_details[UPSTREAM_STATE_COUNT] = {
    [UPSTREAM_UNKNOWN] = "",
    [UPSTREAM_OK] = "",
    [UPSTREAM_DEGRADED] = "Mixpanel answers with errors, or in a way that cannot be read",
    [UPSTREAM_RATE_LIMITED] = "Mixpanel refuses requests as too many",
    [UPSTREAM_UNAUTHORIZED] = "Mixpanel refuses the service account",
    [UPSTREAM_UNREACHABLE] = "Mixpanel does not answer",
};

/* How bad the trouble is by how long it has lasted. Returns 0, or -1 when not long enough. */
static int judge_trouble(struct judgement *judgement, const struct attention_watch *watch,
    const struct attention_reason *open, enum attention_severity *ret_severity)
{
	const struct config_attention *settings = judgement->settings;
	int64_t after = settings->upstream_after;
	bool bad;
	if (!is_hard(watch->state)) {
		/* What was worse may come again at once. */
		bad = open && open->severity == ATTENTION_CRITICAL &&
		      !reached(judgement, watch->state_at + settings->clear_after);
	} else {
		int64_t at = watch->hard_at + after;
		int64_t sooner = watch->state_at + after / UNAUTHORIZED_PART;
		if (watch->state == UPSTREAM_UNAUTHORIZED && sooner < at)
			at = sooner;
		/* While it is open it was ok for too short a time for that to count. */
		bad = (open && open->severity == ATTENTION_CRITICAL) || reached(judgement, at);
	}
	if (!bad && !open && !reached(judgement, watch->trouble_at + RATE_LIMITED_TIMES * after))
		return -1;
	*ret_severity = bad ? ATTENTION_CRITICAL : ATTENTION_WARNING;
	return 0;
}

static void judge_upstream(struct judgement *judgement, const struct attention_watch *watch)
{
	const struct attention_reason *open = open_reason(judgement, ATTENTION_UPSTREAM);
	enum attention_severity severity;
	if (!is_trouble(watch->state)) {
		if (watch->state == UPSTREAM_UNKNOWN ||
		    (open &&
			!reached(judgement, watch->state_at + judgement->settings->clear_after)))
			hold_open(judgement, ATTENTION_UPSTREAM);
		return;
	}
	if (judge_trouble(judgement, watch, open, &severity) < 0)
		return;
	int64_t since = severity == ATTENTION_CRITICAL ? watch->hard_at : watch->trouble_at;
	detail(hold(judgement, ATTENTION_UPSTREAM, severity, open ? open->since : since), "%s",
	    trouble_details[watch->state]);
}

static void judge_intervals(struct judgement *judgement, const struct attention_watch *watch)
{
	const struct config_attention *settings = judgement->settings;
	const struct attention_reason *open = open_reason(judgement, ATTENTION_INTERVALS_STRETCHED);
	bool long_enough =
	    watch->stretched &&
	    (open || reached(judgement,
			 watch->stretched_at + STRETCHED_TIMES * settings->upstream_after));
	bool lingers = !watch->stretched && open &&
		       (watch->stretched_at == 0 ||
			   !reached(judgement, watch->stretched_at + settings->clear_after));
	if (!long_enough && !lingers)
		return;
	detail(hold(judgement, ATTENTION_INTERVALS_STRETCHED, ATTENTION_WARNING,
		   open ? open->since : watch->stretched_at),
	    "rate_limit does not carry the configured intervals, so they are stretched");
}

void attention_of_project(const struct attention_watch *watch,
    const struct attention_moment *moment, struct attention_outcome *ret_outcome)
{
	struct judgement judgement = judgement_begin(moment, ret_outcome);
	judge_upstream(&judgement, watch);
	judge_intervals(&judgement, watch);
	judgement_end(&judgement);
}

/* Operations and the daemon ---------------------------------------------------------------------*/

void attention_of_operation(const struct operation_record *record, int64_t unknown_at,
    const struct attention_moment *moment, struct attention_outcome *ret_outcome)
{
	struct judgement judgement = judgement_begin(moment, ret_outcome);
	/* What may be sent again needs nobody. */
	if (record->state != OPERATION_UNKNOWN ||
	    operation_may_move(record->kind, OPERATION_UNKNOWN, OPERATION_PLANNED))
		return;
	int64_t since = since_open(&judgement, ATTENTION_OPERATION_UNKNOWN, unknown_at);
	if (!reached(&judgement, since + judgement.settings->operation_after))
		return;
	detail(hold(&judgement, ATTENTION_OPERATION_UNKNOWN,
		   record->search_over ? ATTENTION_CRITICAL : ATTENTION_WARNING, since),
	    "whether Mixpanel carried out a %s is not known%s", operation_kind_names[record->kind],
	    record->search_over ? ", and no list will tell" : "");
}

static void judge_reload(struct judgement *judgement, const struct attention_daemon *facts)
{
	if (!facts->reload_refused)
		return;
	detail(hold(judgement, ATTENTION_RELOAD_REFUSED, ATTENTION_WARNING,
		   since_open(judgement, ATTENTION_RELOAD_REFUSED, facts->reloaded_at)),
	    "the last reload found faults and changed nothing");
}

static void judge_disk(struct judgement *judgement, const struct attention_daemon *facts)
{
	const struct attention_reason *open = open_reason(judgement, ATTENTION_DISK_LOW);
	bool known = facts->free_bytes != ATTENTION_FREE_UNKNOWN;
	bool low = known && facts->free_bytes < DISK_LOW;
	bool enough = known && facts->free_bytes > DISK_ENOUGH;
	if (facts->writable && !low && (!open || enough))
		return;
	detail(hold(judgement, ATTENTION_DISK_LOW,
		   facts->writable ? ATTENTION_WARNING : ATTENTION_CRITICAL,
		   open ? open->since : judgement->moment->now),
	    facts->writable ? "there is little space left where the database is"
			    : "the database cannot be written");
}

void attention_of_daemon(const struct attention_daemon *facts,
    const struct attention_moment *moment, struct attention_outcome *ret_outcome)
{
	struct judgement judgement = judgement_begin(moment, ret_outcome);
	judge_reload(&judgement, facts);
	judge_disk(&judgement, facts);
	judgement_end(&judgement);
}
