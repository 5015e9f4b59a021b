/* SPDX-License-Identifier: MIT */
/* Each rule one below, at and one above its limit, and with counters that are absent; then random
 * lives of connectors and projects. */
#include "sync/attention.h"

#include <stdio.h>

#include "config/config.h"
#include "unit.h"
#include "util/cleanup.h"
#include "util/timestamp.h"

#define SECOND MICROSECONDS_PER_SECOND
#define MINUTE MICROSECONDS_PER_MINUTE
#define HOUR MICROSECONDS_PER_HOUR
#define DAY MICROSECONDS_PER_DAY
#define NOW (1700000000 * SECOND)
#define MIB (UINT64_C(1024) * 1024)
#define NONE TIMESTAMP_NONE

/* What a code may come to. */
enum { SILENT = -1, WARN = ATTENTION_WARNING, CRIT = ATTENTION_CRITICAL };

/* As ck_assert, without its report to the parent process, which would take most of the time. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			ck_abort_msg("%s", #condition);                                            \
	} while (0)

static const struct config_attention usual = {
    .failing_critical = 3,
    .never_succeeded_after = DAY,
    .success_within = 0,
    .queued_after = 30 * MINUTE,
    .running_after = 6 * HOUR,
    .stalled_after = HOUR,
    .keep_for = 7 * DAY,
    .dropped_percent = 5,
    .upstream_after = 5 * MINUTE,
    .clear_after = 2 * MINUTE,
    .operation_after = MINUTE,
};

/* A connector and all that is known of it. Jobs are listed newest first. */
struct world {
	struct config_attention settings;
	struct connector_record record;
	struct connector_record twin;
	struct job_record ended[60];
	struct job_record unfinished[4];
	struct job_record gone;
	struct attention_connector facts;
	struct attention_reason open[ATTENTION_CODE_COUNT];
	size_t open_count;
	struct attention_outcome outcome;
};

static struct world *new_world(void)
{
	struct world *world = calloc(1, sizeof(*world));
	ck_assert_ptr_nonnull(world);
	world->settings = usual;
	world->record = (struct connector_record){
	    .connector.connector_id = "a",
	    .connector.created_at = NOW - HOUR,
	    .first_seen_at = NOW - HOUR,
	    .updated_at = NOW - HOUR,
	    .deleted_at = NONE,
	    .status_known_at = NONE,
	    .history_synced_at = NOW,
	};
	world->twin = world->record;
	world->twin.connector.connector_id = "b";
	world->facts = (struct attention_connector){
	    .record = &world->record,
	    .ended = world->ended,
	    .succeeded_at = NONE,
	    .unfinished = world->unfinished,
	    .gap_at = NONE,
	};
	return world;
}

static void look_at_time(struct world *world, int64_t now)
{
	const struct attention_moment moment = {
	    .settings = &world->settings,
	    .now = now,
	    .open = world->open,
	    .open_count = world->open_count,
	};
	attention_of_connector(&world->facts, &moment, &world->outcome);
}

/* Looks now, having just read the history. */
static void look(struct world *world)
{
	world->record.history_synced_at = NOW;
	look_at_time(world, NOW);
}

/* What was found is open from now on. */
static void take_open(struct world *world)
{
	memcpy(world->open, world->outcome.reasons, sizeof(world->open));
	world->open_count = world->outcome.count;
}

static const struct attention_reason *found(
    const struct attention_outcome *outcome, enum attention_code code)
{
	for (size_t i = 0; i < outcome->count; i++)
		if (outcome->reasons[i].code == code)
			return &outcome->reasons[i];
	return NULL;
}

static int level(const struct attention_outcome *outcome, enum attention_code code)
{
	const struct attention_reason *reason = found(outcome, code);
	return reason ? (int)reason->severity : SILENT;
}

static int level_now(struct world *world, enum attention_code code)
{
	look(world);
	return level(&world->outcome, code);
}

static const struct attention_reason *reason_now(struct world *world, enum attention_code code)
{
	look(world);
	const struct attention_reason *reason = found(&world->outcome, code);
	ck_assert_ptr_nonnull(reason);
	return reason;
}

/* Jobs ------------------------------------------------------------------------------------------*/

static const char *const job_ids[] = {"job_0", "job_1", "job_2", "job_3", "job_4", "job_5", "job_6",
    "job_7", "job_8", "job_9", "job_10", "job_11"};

/* The job that is `back` places from the newest; each took a minute, an hour after the one before.
 */
static struct job_record job(size_t back, enum job_status status, const char *stats)
{
	int64_t start = NOW - (int64_t)(back + 1) * HOUR;
	bool done = job_status_is_done(status);
	return (struct job_record){
	    .row = 1000 - (int64_t)back,
	    .job_id = job_ids[back % ARRAY_SIZE(job_ids)],
	    .run.status = status,
	    .run.start_time = status == JOB_QUEUED ? NONE : start,
	    .run.end_time = done ? start + MINUTE : NONE,
	    .run.stats = span_of(stats),
	    .first_seen_at = start + SECOND,
	    .updated_at = start + 2 * SECOND,
	    .gone_at = NONE,
	};
}

static int64_t end_of(size_t back)
{
	return NOW - (int64_t)(back + 1) * HOUR + MINUTE;
}

/* One letter for each ended job, newest first: Success, Failed, Cancelled; e: a success that
 * imported, 0: one that imported nothing; -: a failure that imported, n: one that did not. */
static void end_jobs(struct world *world, const char *letters)
{
	size_t count = strlen(letters);
	for (size_t i = 0; i < count; i++) {
		char letter = letters[i];
		enum job_status status = JOB_SUCCEEDED;
		const char *stats = NULL;
		if (letter == 'C')
			status = JOB_CANCELLED;
		else if (strchr("F-n", letter))
			status = JOB_FAILED;
		if (strchr("0n", letter))
			stats = "{\"num_events_imported\":0}";
		else if (strchr("e-", letter))
			stats = "{\"x\":{},\"num_events_imported\": 1}";
		world->ended[i] = job(i, status, stats);
	}
	world->facts.ended_count = count;
}

/* The job that is `back` places from the newest is a success with these counters. */
static void end_success(struct world *world, size_t back, const char *stats)
{
	world->ended[back] = job(back, JOB_SUCCEEDED, stats);
	if (world->facts.ended_count <= back)
		world->facts.ended_count = back + 1;
}

/* Words -----------------------------------------------------------------------------------------*/

START_TEST(every_word_has_a_name_and_every_code_its_advice)
{
	for (int i = 0; i < ATTENTION_CODE_COUNT; i++) {
		enum attention_code code = (enum attention_code)i;
		ck_assert_int_eq(text_find(attention_code_names, attention_code_names[i]), i);
		ck_assert_uint_gt(strlen(attention_advice(code, ATTENTION_CAUSE_NONE)), 20);
		ck_assert(attention_code_has(code, ATTENTION_WARNING) ||
			  attention_code_has(code, ATTENTION_CRITICAL));
		ck_assert_int_lt(attention_code_subject(code), ATTENTION_SUBJECT_COUNT);
	}
	ck_assert_ptr_null(attention_code_names[ATTENTION_CODE_COUNT]);
	for (int i = 0; i < ATTENTION_CAUSE_COUNT; i++)
		ck_assert_int_eq(text_find(attention_cause_names, attention_cause_names[i]), i);
	for (int i = 0; i < ATTENTION_SUBJECT_COUNT; i++)
		ck_assert_int_eq(text_find(attention_subject_names, attention_subject_names[i]), i);
	for (int i = 0; i < ATTENTION_SEVERITY_COUNT; i++)
		ck_assert_int_eq(
		    text_find(attention_severity_names, attention_severity_names[i]), i);
}
END_TEST

START_TEST(severities_are_those_that_the_rules_give)
{
	static const enum attention_code only_critical[] = {
	    ATTENTION_OVERDUE, ATTENTION_DUPLICATE_IMPORT};
	static const enum attention_code both[] = {ATTENTION_FAILING, ATTENTION_MANY_DROPPED,
	    ATTENTION_PAUSED, ATTENTION_UPSTREAM, ATTENTION_OPERATION_UNKNOWN, ATTENTION_DISK_LOW};
	int critical[ATTENTION_CODE_COUNT] = {0};
	int warning[ATTENTION_CODE_COUNT];
	for (int i = 0; i < ATTENTION_CODE_COUNT; i++)
		warning[i] = 1;
	for (size_t i = 0; i < ARRAY_SIZE(only_critical); i++) {
		critical[only_critical[i]] = 1;
		warning[only_critical[i]] = 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(both); i++)
		critical[both[i]] = 1;
	for (int i = 0; i < ATTENTION_CODE_COUNT; i++) {
		enum attention_code code = (enum attention_code)i;
		ck_assert_int_eq(attention_code_has(code, ATTENTION_WARNING), warning[i]);
		ck_assert_int_eq(attention_code_has(code, ATTENTION_CRITICAL), critical[i]);
	}
}
END_TEST

START_TEST(the_first_cause_that_fits_is_the_cause)
{
	static const struct {
		enum job_status status;
		const char *code;
		const char *message;
		enum attention_cause cause;
	} cases[] = {
	    {JOB_FAILED, NULL, NULL, ATTENTION_CAUSE_OTHER},
	    {JOB_FAILED, "", "no such bucket", ATTENTION_CAUSE_OTHER},
	    {JOB_FAILED, "invalid_permissions_gcs", "", ATTENTION_CAUSE_BUCKET_PERMISSION},
	    {JOB_FAILED, "invalid_permissions", NULL, ATTENTION_CAUSE_BUCKET_PERMISSION},
	    {JOB_FAILED, "invalid_permission", NULL, ATTENTION_CAUSE_OTHER},
	    {JOB_FAILED, "not_invalid_permissions", NULL, ATTENTION_CAUSE_OTHER},
	    {JOB_FAILED, NULL, "No compression specified but Gzip detected. Please",
		ATTENTION_CAUSE_WRONG_COMPRESSION},
	    {JOB_FAILED, NULL, "a file of 2 GB", ATTENTION_CAUSE_FILE_TOO_LARGE},
	    {JOB_CANCELLED, NULL, NULL, ATTENTION_CAUSE_FILE_TOO_LARGE},
	    {JOB_CANCELLED, "invalid_permissions_s3", NULL, ATTENTION_CAUSE_BUCKET_PERMISSION},
	    {JOB_CANCELLED, "x", "Gzip detected", ATTENTION_CAUSE_WRONG_COMPRESSION},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct run run = {
		    .status = cases[i].status,
		    .error_code = cases[i].code,
		    .error_message = cases[i].message,
		};
		ck_assert_msg(attention_cause_of(&run) == cases[i].cause, "case %zu", i);
	}
	ck_assert_str_ne(attention_advice(ATTENTION_FAILING, ATTENTION_CAUSE_FILE_TOO_LARGE),
	    attention_advice(ATTENTION_FAILING, ATTENTION_CAUSE_OTHER));
}
END_TEST

START_TEST(the_settings_are_these_by_default)
{
	_cleanup_faults_ struct faults faults;
	faults_init(&faults);
	_cleanup_config_ struct config *config = NULL;
	ck_assert_int_eq(config_parse_text("c", span_of(""), &faults, &config), 0);
	ck_assert_mem_eq(&config->attention, &usual, sizeof(usual));
}
END_TEST

/* Ended jobs ------------------------------------------------------------------------------------*/

START_TEST(failing_follows_the_newest_ended_jobs)
{
	static const struct {
		const char *jobs;
		int level;
		size_t first; /* of the failures in a row */
		const char *detail;
	} cases[] = {
	    {"", SILENT, 0, ""},
	    {"S", SILENT, 0, ""},
	    {"SFFF", SILENT, 0, ""},
	    {"F", WARN, 0, "the last job failed"},
	    {"C", WARN, 0, "the last job was cancelled"},
	    {"FS", WARN, 0, "the last job failed"},
	    {"FF", WARN, 1, "the last 2 jobs failed"},
	    {"FFSF", WARN, 1, "the last 2 jobs failed"},
	    {"FCFS", CRIT, 2, "the last 3 jobs failed or were cancelled"},
	    {"CCC", CRIT, 2, "the last 3 jobs were cancelled"},
	    {"FFFFS", CRIT, 3, "the last 4 jobs failed"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ struct world *world = new_world();
		end_jobs(world, cases[i].jobs);
		ck_assert_msg(level_now(world, ATTENTION_FAILING) == cases[i].level, "case %zu", i);
		const struct attention_reason *reason = found(&world->outcome, ATTENTION_FAILING);
		if (!reason)
			continue;
		ck_assert_str_eq(reason->detail, cases[i].detail);
		ck_assert_int_eq(reason->since, end_of(cases[i].first));
		ck_assert_str_eq(reason->job_id, "job_0");
	}
}
END_TEST

START_TEST(failing_tells_the_cause_and_mixpanels_words)
{
	_cleanup_free_ struct world *world = new_world();
	end_jobs(world, "F");
	world->ended[0].run.error_code = "invalid_permissions_gcs";
	const struct attention_reason *reason = reason_now(world, ATTENTION_FAILING);
	ck_assert_int_eq(reason->cause, ATTENTION_CAUSE_BUCKET_PERMISSION);
	ck_assert_str_eq(reason->detail, "the last job failed: invalid_permissions_gcs");
	world->ended[0].run.error_message = "denied";
	reason = reason_now(world, ATTENTION_FAILING);
	ck_assert_str_eq(reason->detail, "the last job failed: invalid_permissions_gcs: denied");
	world->ended[0].run.error_code = NULL;
	reason = reason_now(world, ATTENTION_FAILING);
	ck_assert_str_eq(reason->detail, "the last job failed: denied");
	ck_assert_int_eq(reason->cause, ATTENTION_CAUSE_OTHER);
}
END_TEST

START_TEST(a_job_without_an_end_time_ended_when_it_was_seen_to)
{
	_cleanup_free_ struct world *world = new_world();
	end_jobs(world, "F");
	world->ended[0].run.end_time = NONE;
	ck_assert_int_eq(reason_now(world, ATTENTION_FAILING)->since, world->ended[0].updated_at);
}
END_TEST

START_TEST(words_are_cut_between_characters)
{
	char message[1024];
	for (size_t lead = 0; lead < 4; lead++) {
		_cleanup_free_ struct world *world = new_world();
		end_jobs(world, "F");
		memset(message, 'x', lead);
		size_t at = lead;
		while (at + 4 < sizeof(message)) {
			memcpy(message + at, "\xf0\x9f\x98\x80", 4);
			at += 4;
		}
		message[at] = '\0';
		world->ended[0].run.error_message = message;
		const struct attention_reason *reason = reason_now(world, ATTENTION_FAILING);
		size_t len = strlen(reason->detail);
		ck_assert_uint_ge(len, ATTENTION_DETAIL_SIZE - 5);
		ck_assert(text_is_utf8(reason->detail, len));
	}
}
END_TEST

/* Fills the window with failures; there are older jobs. */
static void fail_beyond(struct world *world, size_t count)
{
	for (size_t i = 0; i < count; i++)
		world->ended[i] = job(i, JOB_FAILED, NULL);
	world->facts.ended_count = count;
	world->facts.ended_more = true;
}

START_TEST(failing_remembers_since_when_beyond_the_jobs_looked_at)
{
	_cleanup_free_ struct world *world = new_world();
	fail_beyond(world, ATTENTION_ENDED_LIMIT);
	const struct attention_reason *reason = reason_now(world, ATTENTION_FAILING);
	ck_assert_str_eq(reason->detail, "at least the last 50 jobs failed");
	ck_assert_int_eq(reason->since, end_of(ATTENTION_ENDED_LIMIT - 1));
	take_open(world);
	world->open[0].since = NOW - 100 * DAY;
	ck_assert_int_eq(reason_now(world, ATTENTION_FAILING)->since, NOW - 100 * DAY);
	/* What the jobs themselves tell outranks that. */
	world->facts.ended_more = false;
	ck_assert_int_eq(
	    reason_now(world, ATTENTION_FAILING)->since, end_of(ATTENTION_ENDED_LIMIT - 1));
}
END_TEST

START_TEST(nothing_imported_takes_two_in_a_row_or_the_very_first)
{
	static const struct {
		const char *jobs;
		bool more;
		int level;
		size_t newest;
		size_t oldest;
	} cases[] = {
	    {"", false, SILENT, 0, 0},
	    {"0", false, WARN, 0, 0},
	    {"0", true, SILENT, 0, 0},
	    {"S", false, SILENT, 0, 0}, /* an absent counter is not zero */
	    {"SS", false, SILENT, 0, 0},
	    {"e", false, SILENT, 0, 0},
	    {"0e", false, SILENT, 0, 0},
	    {"0S", false, SILENT, 0, 0},
	    {"00", false, WARN, 0, 1},
	    {"00", true, WARN, 0, 1},
	    {"00e", false, WARN, 0, 1},
	    {"000e0", false, WARN, 0, 2},
	    {"e00", false, SILENT, 0, 0},
	    {"F0", false, WARN, 1, 1},
	    {"F0e", false, SILENT, 0, 0},
	    {"F00e", false, WARN, 1, 2}, /* a failure is not a job with more */
	    {"S00e", false, WARN, 1, 2},
	    {"-00e", false, SILENT, 0, 0}, /* one that imported before it failed is */
	    {"0F0e", false, SILENT, 0, 0},
	    {"0S0e", false, SILENT, 0, 0},
	    {"nn", false, SILENT, 0, 0}, /* only what succeeded can have imported nothing */
	    {"n0e", false, SILENT, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ struct world *world = new_world();
		end_jobs(world, cases[i].jobs);
		world->facts.ended_more = cases[i].more;
		ck_assert_msg(
		    level_now(world, ATTENTION_NOTHING_IMPORTED) == cases[i].level, "case %zu", i);
		const struct attention_reason *reason =
		    found(&world->outcome, ATTENTION_NOTHING_IMPORTED);
		if (!reason)
			continue;
		ck_assert_str_eq(reason->job_id, job_ids[cases[i].newest]);
		ck_assert_int_eq(reason->since, end_of(cases[i].oldest));
	}
}
END_TEST

START_TEST(nothing_imported_stays_when_no_job_looked_at_tells_otherwise)
{
	_cleanup_free_ struct world *world = new_world();
	end_jobs(world, "00");
	look(world);
	take_open(world);
	fail_beyond(world, 5);
	ck_assert_int_eq(
	    reason_now(world, ATTENTION_NOTHING_IMPORTED)->since, world->open[0].since);
	/* Without an open one there is nothing to stay. */
	world->open_count = 0;
	ck_assert_int_eq(level_now(world, ATTENTION_NOTHING_IMPORTED), SILENT);
}
END_TEST

START_TEST(a_counter_is_a_whole_number)
{
	static const struct {
		const char *stats;
		int level;
	} cases[] = {
	    {"{\"num_events_imported\":0}", WARN},
	    {"{\"num_events_imported\" : 0 , \"x\":1}", WARN},
	    {"{\"num_events_imported\":null}", SILENT},
	    {"{\"num_events_imported\":\"0\"}", SILENT},
	    {"{\"num_events_imported\":-0}", SILENT},
	    {"{\"num_events_imported\":0.5}", SILENT},
	    {"{\"num_events_imported\":[0]}", SILENT},
	    {"{\"num_events_imported\":10000000000000000000000000000000000}", SILENT},
	    {"{\"num_files_imported\":0}", SILENT},
	    {"{}", SILENT},
	    {NULL, SILENT},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ struct world *world = new_world();
		end_success(world, 0, cases[i].stats);
		ck_assert_msg(
		    level_now(world, ATTENTION_NOTHING_IMPORTED) == cases[i].level, "case %zu", i);
	}
}
END_TEST

#define COUNTERS(processed, dropped)                                                               \
	"{\"num_events_processed\":" #processed ",\"num_events_dropped\":" #dropped "}"

START_TEST(many_dropped_goes_by_the_share_of_the_newest_success)
{
	static const struct {
		const char *newest;
		const char *before; /* NULL: none */
		int level;
	} cases[] = {
	    {COUNTERS(1000, 49), NULL, SILENT},
	    {COUNTERS(1000, 50), NULL, WARN},
	    {COUNTERS(1000, 51), NULL, WARN},
	    {COUNTERS(999, 999), NULL, SILENT},
	    {COUNTERS(1001, 1001), NULL, CRIT},
	    {COUNTERS(1000, 499), NULL, WARN},
	    {COUNTERS(1000, 500), NULL, CRIT},
	    {COUNTERS(1000, 501), NULL, CRIT},
	    {COUNTERS(1000000000000000, 50000000000000), NULL, WARN},
	    {COUNTERS(1000000000000000, 49999999999999), NULL, SILENT},
	    {"{\"num_events_processed\":1000}", NULL, SILENT},
	    {"{\"num_events_dropped\":1000}", NULL, SILENT},
	    {NULL, NULL, SILENT},
	    /* Cleared at half, not before. */
	    {COUNTERS(1000, 24), COUNTERS(1000, 50), SILENT},
	    {COUNTERS(1000, 25), COUNTERS(1000, 50), SILENT},
	    {COUNTERS(1000, 26), COUNTERS(1000, 50), WARN},
	    {COUNTERS(1000, 49), COUNTERS(1000, 900), WARN},
	    {COUNTERS(1000, 26), COUNTERS(1000, 49), SILENT},
	    {COUNTERS(999, 999), COUNTERS(1000, 900), SILENT},
	    {"{\"num_events_processed\":999}", COUNTERS(1000, 900), SILENT},
	    /* What tells nothing clears nothing. */
	    {NULL, COUNTERS(1000, 50), WARN},
	    {"{\"num_events_processed\":1000}", COUNTERS(1000, 50), WARN},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ struct world *world = new_world();
		end_success(world, 0, cases[i].newest);
		if (cases[i].before)
			end_success(world, 1, cases[i].before);
		ck_assert_msg(
		    level_now(world, ATTENTION_MANY_DROPPED) == cases[i].level, "case %zu", i);
		if (cases[i].level != SILENT)
			ck_assert_int_eq(found(&world->outcome, ATTENTION_MANY_DROPPED)->since,
			    end_of(cases[i].before ? 1 : 0));
	}
}
END_TEST

START_TEST(many_dropped_tells_of_the_newest_success_that_tells)
{
	_cleanup_free_ struct world *world = new_world();
	end_jobs(world, "FS");
	end_success(world, 2, COUNTERS(2000, 60));
	end_success(world, 3, COUNTERS(1000, 900));
	end_success(world, 4, COUNTERS(1000, 0));
	end_success(world, 5, COUNTERS(1000, 900));
	const struct attention_reason *reason = reason_now(world, ATTENTION_MANY_DROPPED);
	ck_assert_str_eq(reason->detail, "the last success dropped 60 of 2000 events");
	ck_assert_str_eq(reason->job_id, "job_2");
	ck_assert_int_eq(reason->severity, ATTENTION_WARNING);
	ck_assert_int_eq(reason->since, end_of(3));
}
END_TEST

START_TEST(many_dropped_stays_when_no_job_looked_at_tells_otherwise)
{
	_cleanup_free_ struct world *world = new_world();
	end_success(world, 0, COUNTERS(1000, 50));
	look(world);
	take_open(world);
	int64_t since = world->open[0].since;
	fail_beyond(world, 5);
	ck_assert_int_eq(reason_now(world, ATTENTION_MANY_DROPPED)->since, since);
	end_success(world, 0, COUNTERS(1000, 26));
	ck_assert_int_eq(reason_now(world, ATTENTION_MANY_DROPPED)->since, since);
	end_success(world, 0, COUNTERS(1000, 25));
	ck_assert_int_eq(level_now(world, ATTENTION_MANY_DROPPED), SILENT);
	end_success(world, 0, COUNTERS(1000, 26));
	world->facts.ended_more = false;
	ck_assert_int_eq(level_now(world, ATTENTION_MANY_DROPPED), SILENT);
}
END_TEST

/* The clock -------------------------------------------------------------------------------------*/

/* One below, at and one above a limit; what a rule says there. */
static void walk(struct world *world, enum attention_code code, int64_t limit, const int levels[3])
{
	for (int i = 0; i < 3; i++) {
		int64_t now = limit - 1 + i;
		world->record.history_synced_at = now;
		look_at_time(world, now);
		ck_assert_msg(level(&world->outcome, code) == levels[i], "%s, %+d",
		    attention_code_names[code], i - 1);
	}
}

static const int from_on[3] = {SILENT, WARN, WARN};
static const int beyond[3] = {SILENT, SILENT, WARN};
static const int beyond_critical[3] = {SILENT, SILENT, CRIT};
static const int until[3] = {WARN, SILENT, SILENT};

START_TEST(never_succeeded_waits_from_the_first_sight)
{
	_cleanup_free_ struct world *world = new_world();
	int64_t seen = world->record.first_seen_at;
	world->record.connector.created_at = seen - 100 * DAY;
	walk(world, ATTENTION_NEVER_SUCCEEDED, seen + DAY, from_on);
	ck_assert_int_eq(found(&world->outcome, ATTENTION_NEVER_SUCCEEDED)->since, seen);
	world->record.connector.created_at = seen + MINUTE;
	walk(world, ATTENTION_NEVER_SUCCEEDED, seen + MINUTE + DAY, from_on);
	/* A date in the future is not believed, and none is none. */
	world->record.connector.created_at = seen + DAY + 1;
	walk(world, ATTENTION_NEVER_SUCCEEDED, seen + DAY, from_on);
	world->record.connector.created_at = NONE;
	walk(world, ATTENTION_NEVER_SUCCEEDED, seen + DAY, from_on);
}
END_TEST

START_TEST(a_success_is_a_success_for_ever)
{
	_cleanup_free_ struct world *world = new_world();
	world->record.first_seen_at = NOW - 2 * DAY;
	ck_assert_int_eq(level_now(world, ATTENTION_NEVER_SUCCEEDED), WARN);
	end_jobs(world, "FFS");
	ck_assert_int_eq(level_now(world, ATTENTION_NEVER_SUCCEEDED), SILENT);
	end_jobs(world, "FF");
	ck_assert_int_eq(level_now(world, ATTENTION_NEVER_SUCCEEDED), WARN);
	world->facts.succeeded_at = NOW - 300 * DAY;
	ck_assert_int_eq(level_now(world, ATTENTION_NEVER_SUCCEEDED), SILENT);
}
END_TEST

START_TEST(overdue_counts_from_the_last_success)
{
	_cleanup_free_ struct world *world = new_world();
	world->record.first_seen_at = NOW - 2 * DAY;
	end_jobs(world, "FSS");
	look(world);
	ck_assert_int_eq(level(&world->outcome, ATTENTION_OVERDUE), SILENT);
	ck_assert_int_eq(world->outcome.look_at, INT64_MAX);
	world->settings.success_within = 5 * HOUR;
	walk(world, ATTENTION_OVERDUE, end_of(1) + 5 * HOUR, beyond_critical);
	ck_assert_int_eq(found(&world->outcome, ATTENTION_OVERDUE)->since, end_of(1));
	end_jobs(world, "F");
	ck_assert_int_eq(level_now(world, ATTENTION_OVERDUE), SILENT);
	world->facts.succeeded_at = NOW - HOUR;
	walk(world, ATTENTION_OVERDUE, NOW + 4 * HOUR, beyond_critical);
}
END_TEST

START_TEST(stuck_is_too_long_queued_or_running)
{
	_cleanup_free_ struct world *world = new_world();
	struct job_record *one = &world->unfinished[0];
	world->facts.unfinished_count = 1;
	*one = job(0, JOB_QUEUED, NULL);
	walk(world, ATTENTION_STUCK, one->first_seen_at + 30 * MINUTE, beyond);
	ck_assert_int_eq(found(&world->outcome, ATTENTION_STUCK)->since, one->first_seen_at);
	*one = job(0, JOB_RUNNING, NULL);
	walk(world, ATTENTION_STUCK, one->run.start_time + 6 * HOUR, beyond);
	ck_assert_int_eq(found(&world->outcome, ATTENTION_STUCK)->since, one->run.start_time);
	ck_assert_str_eq(found(&world->outcome, ATTENTION_STUCK)->job_id, "job_0");
	one->run.start_time = NONE;
	walk(world, ATTENTION_STUCK, one->first_seen_at + 6 * HOUR, beyond);
	one->run.status = JOB_PAUSED;
	ck_assert_int_eq(level_now(world, ATTENTION_STUCK), SILENT);
	one->run.status = JOB_UNKNOWN;
	ck_assert_int_eq(level_now(world, ATTENTION_STUCK), SILENT);
}
END_TEST

START_TEST(stalled_is_running_without_moving_while_looked_at)
{
	_cleanup_free_ struct world *world = new_world();
	struct job_record *one = &world->unfinished[0];
	world->facts.unfinished_count = 1;
	*one = job(0, JOB_RUNNING, NULL);
	walk(world, ATTENTION_STALLED, one->updated_at + HOUR, from_on);
	ck_assert_int_eq(found(&world->outcome, ATTENTION_STALLED)->since, one->updated_at);
	one->updated_at += MINUTE;
	walk(world, ATTENTION_STALLED, one->updated_at + HOUR, from_on);
	*one = job(5, JOB_QUEUED, NULL);
	ck_assert_int_eq(level_now(world, ATTENTION_STALLED), SILENT);
	one->run.status = JOB_RUNNING;
	ck_assert_int_eq(level_now(world, ATTENTION_STALLED), WARN);
}
END_TEST

START_TEST(the_job_that_waits_longest_is_named)
{
	for (int swap = 0; swap < 2; swap++) {
		_cleanup_free_ struct world *world = new_world();
		world->unfinished[swap] = job(1, JOB_RUNNING, NULL);
		world->unfinished[1 - swap] = job(2, JOB_RUNNING, NULL);
		world->unfinished[2] = job(0, JOB_QUEUED, NULL);
		world->facts.unfinished_count = 3;
		world->settings.running_after = HOUR;
		ck_assert_str_eq(reason_now(world, ATTENTION_STUCK)->job_id, "job_2");
		/* Of two since the same moment it is the earlier row. */
		for (int i = 0; i < 2; i++)
			world->unfinished[i].run.start_time = NOW - 2 * HOUR;
		ck_assert_str_eq(reason_now(world, ATTENTION_STUCK)->job_id, "job_2");
	}
}
END_TEST

START_TEST(what_nobody_has_looked_for_since_raises_nothing)
{
	_cleanup_free_ struct world *world = new_world();
	world->settings.success_within = 5 * HOUR;
	world->unfinished[0] = job(0, JOB_RUNNING, NULL);
	world->facts.unfinished_count = 1;
	end_jobs(world, "FFS");
	world->record.history_synced_at = NOW;
	look_at_time(world, NOW);
	/* First the job stalls, then a success is overdue, then the job is stuck. */
	int64_t limits[3] = {world->unfinished[0].updated_at + HOUR, end_of(2) + 5 * HOUR + 1,
	    world->unfinished[0].run.start_time + 6 * HOUR + 1};
	static const enum attention_code codes[3] = {
	    ATTENTION_STALLED, ATTENTION_OVERDUE, ATTENTION_STUCK};
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(world->outcome.look_at, limits[i]);
		world->record.history_synced_at = limits[i] - 1;
		look_at_time(world, limits[i]);
		ck_assert_int_eq(level(&world->outcome, codes[i]), SILENT);
		ck_assert(world->outcome.look_when_read);
		world->record.history_synced_at = limits[i];
		look_at_time(world, limits[i]);
		ck_assert_int_ne(level(&world->outcome, codes[i]), SILENT);
		ck_assert(!world->outcome.look_when_read);
	}
	ck_assert_int_eq(world->outcome.look_at, INT64_MAX);
}
END_TEST

START_TEST(a_history_that_was_never_read_tells_nothing)
{
	_cleanup_free_ struct world *world = new_world();
	world->record.history_synced_at = NONE;
	look_at_time(world, NOW + 100 * DAY);
	ck_assert_uint_eq(world->outcome.count, 0);
	ck_assert(world->outcome.look_when_read);
	ck_assert_int_eq(world->outcome.look_at, INT64_MAX);
}
END_TEST

/* All that looks at the clock, so late that it all holds. */
static struct world *late_world(void)
{
	struct world *world = new_world();
	world->settings.success_within = HOUR;
	world->record.first_seen_at = NOW - 10 * DAY;
	world->unfinished[0] = job(8, JOB_RUNNING, NULL);
	world->facts.unfinished_count = 1;
	end_jobs(world, "F");
	return world;
}

START_TEST(what_looks_at_the_clock_is_not_raised_while_stale)
{
	_cleanup_free_ struct world *world = late_world();
	world->facts.stale = true;
	look(world);
	ck_assert_uint_eq(world->outcome.count, 1);
	ck_assert_int_eq(level(&world->outcome, ATTENTION_FAILING), WARN);
	ck_assert_int_eq(world->outcome.look_at, INT64_MAX);
	ck_assert(!world->outcome.look_when_read);
	world->facts.stale = false;
	look(world);
	ck_assert_uint_eq(world->outcome.count, 4);
	world->facts.succeeded_at = NOW - 2 * HOUR;
	ck_assert_int_eq(level_now(world, ATTENTION_OVERDUE), CRIT);
	world->facts.stale = true;
	ck_assert_int_eq(level_now(world, ATTENTION_OVERDUE), SILENT);
}
END_TEST

START_TEST(what_looks_at_the_clock_is_not_cleared_while_stale)
{
	_cleanup_free_ struct world *world = late_world();
	look(world);
	take_open(world);
	struct attention_outcome before = world->outcome;
	world->facts.stale = true;
	world->facts.unfinished_count = 0;
	end_jobs(world, "eF");
	look_at_time(world, NOW + DAY);
	/* All but failing, which is a fact. */
	ck_assert_uint_eq(world->outcome.count, before.count - 1);
	for (size_t i = 0; i < world->outcome.count; i++) {
		const struct attention_reason *reason = &world->outcome.reasons[i];
		ck_assert(attention_reason_same(reason, found(&before, reason->code)));
	}
	world->facts.stale = false;
	look(world);
	ck_assert_uint_eq(world->outcome.count, 0);
	end_jobs(world, "S");
	world->settings.success_within = MINUTE;
	ck_assert_int_eq(level_now(world, ATTENTION_OVERDUE), CRIT);
	take_open(world);
	world->facts.stale = true;
	world->settings.success_within = DAY;
	ck_assert_int_eq(level_now(world, ATTENTION_OVERDUE), CRIT);
}
END_TEST

/* What is kept for a while ----------------------------------------------------------------------*/

START_TEST(vanished_is_kept_until_a_later_job_ended)
{
	_cleanup_free_ struct world *world = new_world();
	world->settings.never_succeeded_after = 100 * DAY;
	world->gone = job(3, JOB_RUNNING, NULL);
	world->gone.gone_at = NOW - HOUR;
	world->facts.gone = &world->gone;
	const struct attention_reason *reason = reason_now(world, ATTENTION_VANISHED);
	ck_assert_int_eq(reason->since, NOW - HOUR);
	ck_assert_str_eq(reason->job_id, "job_3");
	ck_assert_int_eq(world->outcome.look_at, NOW - HOUR + 7 * DAY);
	for (int stale = 0; stale < 2; stale++) {
		world->facts.stale = stale;
		walk(world, ATTENTION_VANISHED, NOW - HOUR + 7 * DAY, until);
	}
	end_jobs(world, "S");
	world->ended[0].row = world->gone.row - 1;
	ck_assert_int_eq(level_now(world, ATTENTION_VANISHED), WARN);
	world->ended[0].row = world->gone.row + 1;
	ck_assert_int_eq(level_now(world, ATTENTION_VANISHED), SILENT);
}
END_TEST

START_TEST(a_gap_is_kept_from_the_last_one_on)
{
	_cleanup_free_ struct world *world = new_world();
	ck_assert_int_eq(level_now(world, ATTENTION_HISTORY_GAP), SILENT);
	world->facts.gap_at = NOW - DAY;
	ck_assert_int_eq(reason_now(world, ATTENTION_HISTORY_GAP)->since, NOW - DAY);
	take_open(world);
	/* The open one remembers it. */
	world->facts.gap_at = NONE;
	for (int stale = 0; stale < 2; stale++) {
		world->facts.stale = stale;
		walk(world, ATTENTION_HISTORY_GAP, NOW + 6 * DAY, until);
	}
	world->facts.gap_at = NOW;
	walk(world, ATTENTION_HISTORY_GAP, NOW + 7 * DAY, until);
	world->facts.gap_at = NOW - 2 * DAY;
	walk(world, ATTENTION_HISTORY_GAP, NOW + 6 * DAY, until);
}
END_TEST

START_TEST(deleted_elsewhere_stands_alone_and_is_kept_for_a_while)
{
	_cleanup_free_ struct world *world = late_world();
	world->facts.twin = &world->twin;
	world->facts.gap_at = NOW;
	look(world);
	take_open(world);
	ck_assert_uint_gt(world->open_count, 4);
	world->record.deleted_at = NOW - DAY;
	look(world);
	ck_assert_uint_eq(world->outcome.count, 1);
	ck_assert_int_eq(world->outcome.reasons[0].code, ATTENTION_DELETED_ELSEWHERE);
	ck_assert_int_eq(world->outcome.reasons[0].since, NOW - DAY);
	ck_assert_int_eq(world->outcome.look_at, NOW + 6 * DAY);
	for (int stale = 0; stale < 2; stale++) {
		world->facts.stale = stale;
		walk(world, ATTENTION_DELETED_ELSEWHERE, NOW + 6 * DAY, until);
	}
	world->facts.deleting = true;
	ck_assert_int_eq(level_now(world, ATTENTION_DELETED_ELSEWHERE), SILENT);
	world->facts.deleting = false;
	world->record.deleted_by_us = true;
	look(world);
	ck_assert_uint_eq(world->outcome.count, 0);
}
END_TEST

START_TEST(one_that_returns_is_looked_at_afresh)
{
	_cleanup_free_ struct world *world = new_world();
	world->record.deleted_at = NOW - DAY;
	look(world);
	take_open(world);
	world->record.deleted_at = NONE;
	end_jobs(world, "FF");
	look(world);
	ck_assert_uint_eq(world->outcome.count, 1);
	ck_assert_int_eq(reason_now(world, ATTENTION_FAILING)->since, end_of(1));
}
END_TEST

/* The connector itself --------------------------------------------------------------------------*/

START_TEST(paused_is_what_mixpanel_last_said)
{
	static const struct {
		const char *status;
		const char *message;
		int level;
		int level_open; /* after a warning */
	} cases[] = {
	    {NULL, NULL, SILENT, SILENT}, {"active", NULL, SILENT, SILENT},
	    {"active", "x", SILENT, SILENT}, {"paused", NULL, WARN, WARN},
	    {"paused", "", WARN, WARN}, {"Stopped", NULL, WARN, WARN},
	    {"stopped", "no such bucket", CRIT, CRIT},
	    {"resting", "x", SILENT, WARN}, /* it does not say that it goes on */
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ struct world *world = new_world();
		world->record.connector.status = cases[i].status;
		world->record.connector.failure_message = cases[i].message;
		world->record.status_known_at = NOW - MINUTE;
		ck_assert_msg(level_now(world, ATTENTION_PAUSED) == cases[i].level, "case %zu", i);
		const struct attention_reason *reason = found(&world->outcome, ATTENTION_PAUSED);
		if (reason)
			ck_assert_int_eq(reason->since, NOW - MINUTE);
		if (reason && reason->severity == ATTENTION_CRITICAL)
			ck_assert_str_eq(reason->detail, cases[i].message);
		world->open[0] = (struct attention_reason){
		    .code = ATTENTION_PAUSED, .since = NOW - DAY, .detail = "so it was"};
		world->open_count = 1;
		ck_assert_msg(
		    level_now(world, ATTENTION_PAUSED) == cases[i].level_open, "case %zu", i);
		/* Said again, it began when it was said first. */
		if (cases[i].level_open != SILENT)
			ck_assert_int_eq(
			    found(&world->outcome, ATTENTION_PAUSED)->since, NOW - DAY);
	}
}
END_TEST

START_TEST(a_duplicate_is_critical_since_the_second_was_made)
{
	_cleanup_free_ struct world *world = new_world();
	ck_assert_int_eq(level_now(world, ATTENTION_DUPLICATE_IMPORT), SILENT);
	world->facts.twin = &world->twin;
	world->twin.connector.created_at = NOW - MINUTE;
	const struct attention_reason *reason = reason_now(world, ATTENTION_DUPLICATE_IMPORT);
	ck_assert_int_eq(reason->severity, ATTENTION_CRITICAL);
	ck_assert_int_eq(reason->since, NOW - MINUTE);
	ck_assert_str_eq(reason->detail, "connector b imports the same");
	world->twin.connector.created_at = NOW - 2 * HOUR;
	ck_assert_int_eq(reason_now(world, ATTENTION_DUPLICATE_IMPORT)->since, NOW - HOUR);
	world->twin.connector.created_at = NONE;
	world->twin.first_seen_at = NOW - SECOND;
	ck_assert_int_eq(reason_now(world, ATTENTION_DUPLICATE_IMPORT)->since, NOW - SECOND);
}
END_TEST

START_TEST(the_worst_comes_first)
{
	_cleanup_free_ struct world *world = late_world();
	world->facts.twin = &world->twin;
	world->facts.gap_at = NOW;
	look(world);
	ck_assert_uint_eq(world->outcome.count, 6);
	ck_assert_int_eq(world->outcome.reasons[0].code, ATTENTION_DUPLICATE_IMPORT);
	for (size_t i = 2; i < world->outcome.count; i++)
		ck_assert_int_gt(
		    world->outcome.reasons[i].code, world->outcome.reasons[i - 1].code);
}
END_TEST

/* Projects --------------------------------------------------------------------------------------*/

struct project_world {
	struct config_attention settings;
	struct attention_watch watch;
	struct upstream_status status;
	struct attention_reason open[ATTENTION_CODE_COUNT];
	size_t open_count;
	struct attention_outcome outcome;
};

static struct attention_moment moment_of(
    const struct config_attention *settings, const struct attention_outcome *open, int64_t now)
{
	return (struct attention_moment){
	    .settings = settings,
	    .now = now,
	    .open = open->reasons,
	    .open_count = open->count,
	};
}

/* Looks, and what is found is open from then on. */
static void look_at_project(struct project_world *world, int64_t now)
{
	const struct attention_outcome open = world->outcome;
	const struct attention_moment moment = moment_of(&world->settings, &open, now);
	attention_of_project(&world->watch, &moment, &world->outcome);
}

static void turn(struct project_world *world, enum upstream_state state, int64_t now)
{
	if (world->status.state != state)
		world->status.since = now;
	world->status.state = state;
	attention_watch(&world->watch, &world->status, now);
	look_at_project(world, now);
}

/* A project that was ok, and has been in a state since NOW. */
static struct project_world troubled(enum upstream_state state)
{
	struct project_world world = {.settings = usual};
	turn(&world, UPSTREAM_OK, NOW - DAY);
	turn(&world, state, NOW);
	return world;
}

/* What is said of a code at `at`, if nothing happens until then. */
static int level_at(const struct project_world *world, enum attention_code code, int64_t at)
{
	struct project_world later = *world;
	look_at_project(&later, at);
	return level(&later.outcome, code);
}

static void walk_project(const struct project_world *world, enum attention_code code, int64_t limit,
    int before, int after)
{
	for (int i = -1; i <= 1; i++)
		ck_assert_msg(level_at(world, code, limit + i) == (i < 0 ? before : after),
		    "%s, %+d", attention_code_names[code], i);
}

START_TEST(upstream_is_raised_by_what_it_is_and_how_long)
{
	static const struct {
		enum upstream_state state;
		int64_t after;
		int level;
	} cases[] = {
	    {UPSTREAM_DEGRADED, 5 * MINUTE, CRIT},
	    {UPSTREAM_UNREACHABLE, 5 * MINUTE, CRIT},
	    {UPSTREAM_UNAUTHORIZED, MINUTE, CRIT},
	    {UPSTREAM_RATE_LIMITED, 15 * MINUTE, WARN},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct project_world world = troubled(cases[i].state);
		ck_assert_int_eq(world.outcome.look_at, NOW + cases[i].after);
		walk_project(
		    &world, ATTENTION_UPSTREAM, NOW + cases[i].after, SILENT, cases[i].level);
		look_at_project(&world, NOW + DAY);
		ck_assert_int_eq(found(&world.outcome, ATTENTION_UPSTREAM)->since, NOW);
		ck_assert_int_eq(world.outcome.look_at, INT64_MAX);
	}
	struct project_world well = troubled(UPSTREAM_OK);
	ck_assert_int_eq(level_at(&well, ATTENTION_UPSTREAM, NOW + DAY), SILENT);
	struct project_world fresh = {.settings = usual};
	turn(&fresh, UPSTREAM_UNKNOWN, NOW);
	ck_assert_int_eq(level_at(&fresh, ATTENTION_UPSTREAM, NOW + DAY), SILENT);
}
END_TEST

START_TEST(upstream_is_cleared_when_ok_for_a_while)
{
	struct project_world world = troubled(UPSTREAM_DEGRADED);
	look_at_project(&world, NOW + 10 * MINUTE);
	turn(&world, UPSTREAM_OK, NOW + 11 * MINUTE);
	ck_assert_int_eq(world.outcome.look_at, NOW + 13 * MINUTE);
	walk_project(&world, ATTENTION_UPSTREAM, NOW + 13 * MINUTE, CRIT, SILENT);
	/* It was ok for too short a time. */
	turn(&world, UPSTREAM_UNREACHABLE, NOW + 13 * MINUTE - 1);
	ck_assert_int_eq(level(&world.outcome, ATTENTION_UPSTREAM), CRIT);
	ck_assert_int_eq(found(&world.outcome, ATTENTION_UPSTREAM)->since, NOW);
	/* And now for long enough: what comes afterwards is a new one. */
	turn(&world, UPSTREAM_OK, NOW + 20 * MINUTE);
	look_at_project(&world, NOW + 22 * MINUTE);
	turn(&world, UPSTREAM_UNREACHABLE, NOW + 30 * MINUTE);
	walk_project(&world, ATTENTION_UPSTREAM, NOW + 35 * MINUTE, SILENT, CRIT);
	look_at_project(&world, NOW + 35 * MINUTE);
	ck_assert_int_eq(found(&world.outcome, ATTENTION_UPSTREAM)->since, NOW + 30 * MINUTE);
}
END_TEST

START_TEST(trouble_that_changes_its_name_goes_on)
{
	struct project_world world = troubled(UPSTREAM_DEGRADED);
	turn(&world, UPSTREAM_UNREACHABLE, NOW + 3 * MINUTE);
	walk_project(&world, ATTENTION_UPSTREAM, NOW + 5 * MINUTE, SILENT, CRIT);
	turn(&world, UPSTREAM_UNAUTHORIZED, NOW + 3 * MINUTE + SECOND);
	walk_project(&world, ATTENTION_UPSTREAM, NOW + 4 * MINUTE + SECOND, SILENT, CRIT);
	/* Being asked to wait is not the same, but part of it. */
	world = troubled(UPSTREAM_RATE_LIMITED);
	turn(&world, UPSTREAM_UNREACHABLE, NOW + 12 * MINUTE);
	ck_assert_int_eq(level(&world.outcome, ATTENTION_UPSTREAM), SILENT);
	walk_project(&world, ATTENTION_UPSTREAM, NOW + 15 * MINUTE, SILENT, WARN);
	look_at_project(&world, NOW + 16 * MINUTE);
	walk_project(&world, ATTENTION_UPSTREAM, NOW + 17 * MINUTE, WARN, CRIT);
	look_at_project(&world, NOW + 17 * MINUTE);
	ck_assert_int_eq(found(&world.outcome, ATTENTION_UPSTREAM)->since, NOW);
	/* The worse is over when it has been for a while. */
	turn(&world, UPSTREAM_RATE_LIMITED, NOW + 20 * MINUTE);
	walk_project(&world, ATTENTION_UPSTREAM, NOW + 22 * MINUTE, CRIT, WARN);
	look_at_project(&world, NOW + 22 * MINUTE);
	turn(&world, UPSTREAM_DEGRADED, NOW + 23 * MINUTE);
	walk_project(&world, ATTENTION_UPSTREAM, NOW + 28 * MINUTE, WARN, CRIT);
}
END_TEST

START_TEST(a_start_leaves_open_what_is_open)
{
	struct project_world world = troubled(UPSTREAM_DEGRADED);
	world.status.stretched = true;
	turn(&world, UPSTREAM_DEGRADED, NOW);
	look_at_project(&world, NOW + HOUR);
	ck_assert_uint_eq(world.outcome.count, 2);
	const struct attention_outcome before = world.outcome;
	world.watch = (struct attention_watch){0};
	look_at_project(&world, NOW + 2 * HOUR);
	ck_assert_uint_eq(world.outcome.count, 2);
	turn(&world, UPSTREAM_UNKNOWN, NOW + 2 * HOUR);
	look_at_project(&world, NOW + 3 * HOUR);
	turn(&world, UPSTREAM_DEGRADED, NOW + 3 * HOUR);
	ck_assert_uint_eq(world.outcome.count, 2);
	for (size_t i = 0; i < before.count; i++)
		ck_assert(attention_reason_same(&before.reasons[i], &world.outcome.reasons[i]));
	/* What has ended meanwhile is seen to end. */
	world.status.stretched = false;
	turn(&world, UPSTREAM_OK, NOW + 4 * HOUR);
	walk_project(&world, ATTENTION_UPSTREAM, NOW + 4 * HOUR + 2 * MINUTE, CRIT, SILENT);
	walk_project(
	    &world, ATTENTION_INTERVALS_STRETCHED, NOW + 4 * HOUR + 2 * MINUTE, WARN, SILENT);
}
END_TEST

START_TEST(stretched_intervals_take_long_to_raise_and_a_while_to_clear)
{
	struct project_world world = troubled(UPSTREAM_OK);
	world.status.stretched = true;
	turn(&world, UPSTREAM_OK, NOW);
	walk_project(&world, ATTENTION_INTERVALS_STRETCHED, NOW + 15 * MINUTE, SILENT, WARN);
	ck_assert_int_eq(world.outcome.look_at, NOW + 15 * MINUTE);
	look_at_project(&world, NOW + HOUR);
	ck_assert_int_eq(found(&world.outcome, ATTENTION_INTERVALS_STRETCHED)->since, NOW);
	world.status.stretched = false;
	turn(&world, UPSTREAM_OK, NOW + HOUR);
	walk_project(&world, ATTENTION_INTERVALS_STRETCHED, NOW + HOUR + 2 * MINUTE, WARN, SILENT);
	world.status.stretched = true;
	turn(&world, UPSTREAM_OK, NOW + HOUR + MINUTE);
	ck_assert_int_eq(found(&world.outcome, ATTENTION_INTERVALS_STRETCHED)->since, NOW);
	ck_assert_int_eq(level_at(&world, ATTENTION_INTERVALS_STRETCHED, NOW + DAY), WARN);
}
END_TEST

START_TEST(the_watch_tells_what_is_to_be_looked_at)
{
	struct attention_watch watch = {0};
	struct upstream_status status = {.state = UPSTREAM_UNKNOWN, .since = NOW};
	ck_assert(attention_watch(&watch, &status, NOW));
	ck_assert(!attention_watch(&watch, &status, NOW + 1));
	status.consecutive_failures = 3;
	ck_assert(!attention_watch(&watch, &status, NOW + 2));
	status.state = UPSTREAM_DEGRADED;
	ck_assert(attention_watch(&watch, &status, NOW + 3));
	status.stretched = true;
	ck_assert(attention_watch(&watch, &status, NOW + 4));
	ck_assert(!attention_watch(&watch, &status, NOW + 5));
}
END_TEST

/* Operations and the daemon ---------------------------------------------------------------------*/

static struct attention_outcome of_operation(
    const struct operation_record *record, int64_t at, const struct attention_outcome *open)
{
	struct attention_outcome outcome;
	const struct attention_moment moment = moment_of(&usual, open, at);
	attention_of_operation(record, NOW, &moment, &outcome);
	return outcome;
}

START_TEST(an_unknown_create_is_raised_after_a_minute)
{
	static const struct attention_outcome nothing = {.count = 0};
	struct operation_record record = {.kind = OPERATION_CREATE, .state = OPERATION_UNKNOWN};
	for (int over = 0; over < 2; over++) {
		record.search_over = over;
		for (int i = -1; i <= 1; i++) {
			struct attention_outcome outcome =
			    of_operation(&record, NOW + MINUTE + i, &nothing);
			ck_assert_int_eq(
			    level(&outcome, ATTENTION_OPERATION_UNKNOWN), i < 0  ? SILENT
									  : over ? CRIT
										 : WARN);
			ck_assert_int_eq(outcome.look_at, i < 0 ? NOW + MINUTE : INT64_MAX);
		}
	}
	/* A restart counts from its own time, but what is open knows better. */
	const struct attention_outcome open = {
	    .count = 1, .reasons[0] = {.code = ATTENTION_OPERATION_UNKNOWN, .since = NOW - HOUR}};
	struct attention_outcome outcome = of_operation(&record, NOW, &open);
	ck_assert_int_eq(outcome.count, 1);
	ck_assert_int_eq(outcome.reasons[0].since, NOW - HOUR);
	for (int i = 0; i < OPERATION_STATE_COUNT; i++) {
		record.state = (enum operation_state)i;
		outcome = of_operation(&record, NOW + DAY, &open);
		ck_assert_uint_eq(outcome.count, i == OPERATION_UNKNOWN);
	}
	/* A delete is simply sent again. */
	record = (struct operation_record){.kind = OPERATION_DELETE, .state = OPERATION_UNKNOWN};
	ck_assert_uint_eq(of_operation(&record, NOW + DAY, &open).count, 0);
}
END_TEST

static struct attention_outcome of_daemon(
    const struct attention_daemon *facts, const struct attention_outcome *open)
{
	struct attention_outcome outcome;
	const struct attention_moment moment = moment_of(&usual, open, NOW);
	attention_of_daemon(facts, &moment, &outcome);
	ck_assert_int_eq(outcome.look_at, INT64_MAX);
	return outcome;
}

START_TEST(a_refused_reload_stands_until_one_takes)
{
	struct attention_daemon facts = {
	    .writable = true, .free_bytes = ATTENTION_FREE_UNKNOWN, .reloaded_at = NOW - MINUTE};
	struct attention_outcome outcome = {.count = 0};
	outcome = of_daemon(&facts, &outcome);
	ck_assert_uint_eq(outcome.count, 0);
	facts.reload_refused = true;
	outcome = of_daemon(&facts, &outcome);
	ck_assert_int_eq(level(&outcome, ATTENTION_RELOAD_REFUSED), WARN);
	/* Refused again, it is still so since the first. */
	facts.reloaded_at = NOW;
	outcome = of_daemon(&facts, &outcome);
	ck_assert_int_eq(found(&outcome, ATTENTION_RELOAD_REFUSED)->since, NOW - MINUTE);
	facts.reload_refused = false;
	ck_assert_uint_eq(of_daemon(&facts, &outcome).count, 0);
}
END_TEST

START_TEST(a_disk_is_low_below_64_and_enough_above_128_mebibytes)
{
	static const struct {
		uint64_t free;
		bool writable;
		int level;
		int level_open;
	} cases[] = {
	    {64 * MIB - 1, true, WARN, WARN},
	    {64 * MIB, true, SILENT, WARN},
	    {64 * MIB + 1, true, SILENT, WARN},
	    {128 * MIB - 1, true, SILENT, WARN},
	    {128 * MIB, true, SILENT, WARN},
	    {128 * MIB + 1, true, SILENT, SILENT},
	    {128 * MIB + 1, false, CRIT, CRIT},
	    {0, false, CRIT, CRIT},
	    {ATTENTION_FREE_UNKNOWN, true, SILENT, WARN},
	    {ATTENTION_FREE_UNKNOWN, false, CRIT, CRIT},
	};
	static const struct attention_outcome nothing = {.count = 0};
	static const struct attention_outcome open = {
	    .count = 1, .reasons[0] = {.code = ATTENTION_DISK_LOW, .since = NOW - DAY}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct attention_daemon facts = {
		    .free_bytes = cases[i].free, .writable = cases[i].writable};
		struct attention_outcome outcome = of_daemon(&facts, &nothing);
		ck_assert_msg(level(&outcome, ATTENTION_DISK_LOW) == cases[i].level, "case %zu", i);
		if (outcome.count > 0)
			ck_assert_int_eq(outcome.reasons[0].since, NOW);
		outcome = of_daemon(&facts, &open);
		ck_assert_msg(
		    level(&outcome, ATTENTION_DISK_LOW) == cases[i].level_open, "case %zu", i);
		if (outcome.count > 0)
			ck_assert_int_eq(outcome.reasons[0].since, NOW - DAY);
	}
}
END_TEST

/* Random lives ----------------------------------------------------------------------------------*/

#define LIVES 10000
#define EVENTS 14
#define LIFE_JOBS 12
#define LONGEST 12 /* of a duration, in ticks of a microsecond, so that limits are met often */

/* What is open, and when it was said to look again. */
struct state {
	struct attention_outcome outcome;
	bool raised[ATTENTION_CODE_COUNT];
};

static bool same_reasons(const struct attention_outcome *a, const struct attention_outcome *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!attention_reason_same(&a->reasons[i], &b->reasons[i]))
			return false;
	return true;
}

/* Whether a later look, before anything happened, may say something else. */
static bool may_differ(const struct attention_outcome *outcome, int64_t now)
{
	return now >= outcome->look_at;
}

/* What any outcome is. */
static void check_outcome(const struct attention_outcome *outcome, int64_t now)
{
	MUST(outcome->look_at > now);
	for (size_t i = 0; i < outcome->count; i++) {
		const struct attention_reason *reason = &outcome->reasons[i];
		MUST(attention_code_has(reason->code, reason->severity));
		MUST(reason->detail[0] != '\0');
		MUST(reason->since <= now);
		MUST(i == 0 || attention_compare(reason - 1, reason) < 0);
	}
}

/* Takes an outcome over. What is raised was not, what is cleared was: that is, each is there once.
 */
static void take_state(struct state *state, const struct attention_outcome *outcome, int64_t now)
{
	bool holds[ATTENTION_CODE_COUNT] = {false};
	check_outcome(outcome, now);
	for (size_t i = 0; i < outcome->count; i++) {
		MUST(!holds[outcome->reasons[i].code]);
		holds[outcome->reasons[i].code] = true;
	}
	for (size_t i = 0; i < ATTENTION_CODE_COUNT; i++) {
		bool before = found(&state->outcome, (enum attention_code)i) != NULL;
		MUST(before == state->raised[i]);
		state->raised[i] = holds[i];
	}
	state->outcome = *outcome;
}

static void shuffle(struct random_sequence *random, void *list, size_t count, size_t size)
{
	char spare[sizeof(struct attention_reason)];
	MUST(size <= sizeof(spare));
	for (size_t i = count; i > 1; i--) {
		char *a = (char *)list + (i - 1) * size;
		char *b = (char *)list +
			  (size_t)random_sequence_between(random, 0, (int64_t)i - 1) * size;
		memcpy(spare, a, size);
		memcpy(a, b, size);
		memcpy(b, spare, size);
	}
}

static int64_t duration(struct random_sequence *random)
{
	return random_sequence_between(random, 1, LONGEST);
}

static struct config_attention random_settings(struct random_sequence *random)
{
	return (struct config_attention){
	    .failing_critical = (uint64_t)random_sequence_between(random, 1, 3),
	    .never_succeeded_after = duration(random),
	    .success_within = random_sequence_between(random, 0, LONGEST),
	    .queued_after = duration(random),
	    .running_after = duration(random),
	    .stalled_after = duration(random),
	    .keep_for = duration(random),
	    .dropped_percent = 5,
	    .upstream_after = duration(random),
	    .clear_after = duration(random),
	    .operation_after = duration(random),
	};
}

/* A connector's life: what is known of it, oldest job first. */
struct life {
	struct random_sequence random;
	struct config_attention settings;
	struct connector_record record;
	struct connector_record twin;
	struct job_record jobs[LIFE_JOBS];
	size_t job_count;
	size_t window; /* so many ended jobs are looked at */
	bool has_twin;
	bool stale;
	bool deleting;
	int64_t gap_at;
	int64_t now;
	struct state state;
};

static int64_t between(struct life *life, int64_t minimum, int64_t maximum)
{
	return random_sequence_between(&life->random, minimum, maximum);
}

/* What the life knows, as the store would tell it. */
struct telling {
	struct job_record ended[LIFE_JOBS];
	struct job_record unfinished[LIFE_JOBS];
	struct attention_connector facts;
};

static void tell(const struct life *life, struct telling *telling)
{
	struct attention_connector facts = {
	    .record = &life->record,
	    .stale = life->stale,
	    .ended = telling->ended,
	    .succeeded_at = NONE,
	    .unfinished = telling->unfinished,
	    .twin = life->has_twin ? &life->twin : NULL,
	    .deleting = life->deleting,
	    .gap_at = life->gap_at,
	};
	for (size_t i = life->job_count; i-- > 0;) {
		const struct job_record *job = &life->jobs[i];
		if (job_status_is_done(job->run.status) && facts.ended_count < life->window) {
			telling->ended[facts.ended_count++] = *job;
		} else if (job_status_is_done(job->run.status)) {
			facts.ended_more = true;
			if (job->run.status == JOB_SUCCEEDED && facts.succeeded_at == NONE)
				facts.succeeded_at = job->run.end_time;
		} else if (job->gone_at != NONE) {
			facts.gone = facts.gone ? facts.gone : job;
		} else {
			telling->unfinished[facts.unfinished_count++] = *job;
		}
	}
	telling->facts = facts;
}

/* What would be said at `now` with these open, of which neither the order nor that of the jobs that
 * wait matters. */
static struct attention_outcome said(struct life *life, const struct attention_outcome *open)
{
	struct attention_outcome outcome;
	struct attention_outcome shuffled = *open;
	static struct telling telling;
	tell(life, &telling);
	shuffle(&life->random, shuffled.reasons, shuffled.count, sizeof(shuffled.reasons[0]));
	shuffle(&life->random, telling.unfinished, telling.facts.unfinished_count,
	    sizeof(telling.unfinished[0]));
	const struct attention_moment moment = moment_of(&life->settings, &shuffled, life->now);
	attention_of_connector(&telling.facts, &moment, &outcome);
	return outcome;
}

static const char *const life_stats[] = {
    NULL,
    "{}",
    "{\"num_events_imported\":0}",
    "{\"num_events_imported\":7}",
    COUNTERS(1000, 10),
    COUNTERS(1000, 40),
    COUNTERS(1000, 50),
    COUNTERS(1000, 700),
};

static struct job_record *add_job(struct life *life, enum job_status status)
{
	struct job_record *job = &life->jobs[life->job_count];
	*job = (struct job_record){
	    .row = (int64_t)life->job_count + 1,
	    .job_id = job_ids[life->job_count],
	    .run.status = status,
	    .run.start_time = status == JOB_QUEUED ? NONE : life->now - between(life, 0, 3),
	    .run.end_time = NONE,
	    .first_seen_at = life->now,
	    .updated_at = life->now,
	    .gone_at = NONE,
	};
	life->job_count++;
	return job;
}

/* A job that is not over, or a new one, moves. */
static void move_job(struct life *life)
{
	struct job_record *job = NULL;
	size_t skip = (size_t)between(life, 0, 2);
	for (size_t i = 0; i < life->job_count && !job; i++)
		if (!job_is_over(&life->jobs[i]) && skip-- == 0)
			job = &life->jobs[i];
	if (!job && life->job_count == LIFE_JOBS)
		return;
	if (!job)
		job = add_job(life, between(life, 0, 1) ? JOB_QUEUED : JOB_RUNNING);
	job->updated_at = life->now;
	switch (between(life, 0, 5)) {
	case 0:
		if (job->run.start_time == NONE)
			job->run.start_time = life->now;
		job->run.status = JOB_RUNNING;
		break;
	case 1:
		job->gone_at = life->now;
		break;
	case 2:
	case 3:
	case 4:
		job->run.status = (enum job_status)between(life, JOB_SUCCEEDED, JOB_CANCELLED);
		job->run.end_time = life->now;
		job->run.stats =
		    span_of(life_stats[between(life, 0, (int64_t)ARRAY_SIZE(life_stats) - 1)]);
		break;
	default:
		break;
	}
}

static void change_connector(struct life *life)
{
	static const char *const statuses[] = {NULL, "active", "paused", "stopped", "odd"};
	struct connector_record *record = &life->record;
	switch (between(life, 0, 4)) {
	case 0:
		record->connector.status =
		    statuses[between(life, 0, (int64_t)ARRAY_SIZE(statuses) - 1)];
		record->connector.failure_message = between(life, 0, 1) ? "why" : NULL;
		record->status_known_at = life->now;
		break;
	case 1:
		life->has_twin = !life->has_twin;
		life->twin.connector.created_at = life->now;
		break;
	case 2:
		life->gap_at = between(life, 0, 1) ? life->now : NONE;
		break;
	case 3:
		record->deleted_at = record->deleted_at == NONE ? life->now : NONE;
		record->deleted_by_us = between(life, 0, 2) == 0;
		break;
	default:
		life->deleting = !life->deleting;
		break;
	}
}

/* Something happens, or nothing, and is seen at once, unless nothing can be seen. */
static void happen(struct life *life)
{
	if (between(life, 0, 5) == 0)
		life->stale = !life->stale;
	if (life->stale)
		return;
	if (between(life, 0, 2) == 0)
		change_connector(life);
	for (int64_t i = between(life, 0, 3); i > 0; i--)
		move_job(life);
	life->record.history_synced_at = life->now;
}

/* While the record is stale, what looks at the clock stays. */
static void check_blind(struct life *life, const struct attention_outcome *outcome)
{
	static const enum attention_code frozen[] = {
	    ATTENTION_NEVER_SUCCEEDED, ATTENTION_OVERDUE, ATTENTION_STUCK, ATTENTION_STALLED};
	if (!life->stale || life->record.deleted_at != NONE)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(frozen); i++) {
		const struct attention_reason *before = found(&life->state.outcome, frozen[i]);
		const struct attention_reason *after = found(outcome, frozen[i]);
		MUST(!before == !after);
		MUST(!before || attention_reason_same(before, after));
	}
}

/* What the present facts tell does not depend on how often it was looked at. */
static void check_fresh(struct life *life, const struct attention_outcome *outcome)
{
	static const struct attention_outcome nothing = {.count = 0};
	static struct telling telling;
	tell(life, &telling);
	if (life->stale || telling.facts.ended_more)
		return;
	struct attention_outcome fresh = said(life, &nothing);
	for (size_t i = 0; i < ATTENTION_CODE_COUNT; i++) {
		enum attention_code code = (enum attention_code)i;
		const struct attention_reason *one = found(outcome, code);
		const struct attention_reason *other = found(&fresh, code);
		if (code == ATTENTION_PAUSED || code == ATTENTION_HISTORY_GAP)
			continue;
		MUST(!one == !other);
		MUST(!one || attention_reason_same(one, other));
	}
}

/* Looks after something happened. */
static void look_at_life(struct life *life)
{
	struct attention_outcome outcome = said(life, &life->state.outcome);
	check_blind(life, &outcome);
	take_state(&life->state, &outcome, life->now);
	check_fresh(life, &outcome);
	struct attention_outcome again = said(life, &life->state.outcome);
	MUST(same_reasons(&again, &outcome));
	MUST(again.look_at == outcome.look_at && again.look_when_read == outcome.look_when_read);
}

/* A tick in which nothing happens, though a history may be read that is the same as before. Looking
 * although nobody said so finds nothing new. */
static void pass_tick(struct life *life)
{
	bool reads = !life->stale && between(life, 0, 2) == 0;
	if (reads)
		life->record.history_synced_at = life->now;
	bool due = may_differ(&life->state.outcome, life->now) ||
		   (reads && life->state.outcome.look_when_read);
	struct attention_outcome outcome = said(life, &life->state.outcome);
	if (due) {
		look_at_life(life);
		return;
	}
	MUST(same_reasons(&outcome, &life->state.outcome));
	MUST(outcome.look_at == life->state.outcome.look_at);
}

static void live(uint64_t seed, uint64_t *raised)
{
	struct life life = {
	    .now = NOW,
	    .gap_at = NONE,
	    .record.connector.connector_id = "a",
	    .record.first_seen_at = NOW,
	    .record.updated_at = NOW,
	    .record.deleted_at = NONE,
	    .record.status_known_at = NONE,
	    .record.history_synced_at = NONE,
	    .twin.connector.connector_id = "b",
	};
	random_sequence_init(&life.random, seed);
	life.settings = random_settings(&life.random);
	life.record.connector.created_at = NOW - between(&life, -20, 20);
	if (life.record.connector.created_at > NOW)
		life.record.connector.created_at = NONE;
	life.window = (size_t)(between(&life, 0, 1) ? LIFE_JOBS : between(&life, 1, 4));
	for (int i = 0; i < EVENTS; i++) {
		happen(&life);
		look_at_life(&life);
		for (int64_t ticks = between(&life, 1, LONGEST); ticks > 1; ticks--) {
			life.now++;
			pass_tick(&life);
		}
		life.now++;
		for (size_t code = 0; code < ATTENTION_CODE_COUNT; code++)
			raised[code] += life.state.raised[code];
	}
}

START_TEST(random_lives_of_connectors_hold_what_is_promised)
{
	uint64_t raised[ATTENTION_CODE_COUNT] = {0};
	for (uint64_t seed = 1; seed <= LIVES; seed++)
		live(seed, raised);
	/* Every rule had its say, often. */
	for (size_t i = 0; i < ATTENTION_CODE_COUNT; i++)
		if (attention_code_subject((enum attention_code)i) == ATTENTION_OF_CONNECTOR)
			ck_assert_msg(raised[i] > 1000, "%s: %ju", attention_code_names[i],
			    (uintmax_t)raised[i]);
}
END_TEST

/* A project's life, by what its upstream is in each tick. */
static void live_project(uint64_t seed, uint64_t *raised)
{
	struct random_sequence random;
	random_sequence_init(&random, seed);
	struct project_world world = {.settings = random_settings(&random)};
	struct state state = {.outcome.look_at = INT64_MAX};
	for (int64_t now = NOW; now < NOW + 100; now++) {
		if (random_sequence_between(&random, 0, 7) == 0) {
			world.status.state = (enum upstream_state)random_sequence_between(
			    &random, UPSTREAM_UNKNOWN, UPSTREAM_UNREACHABLE);
			world.status.since = now;
		}
		if (random_sequence_between(&random, 0, 15) == 0)
			world.status.stretched = !world.status.stretched;
		enum upstream_state before = world.watch.state;
		if (before == world.status.state)
			world.status.since = world.watch.state_at;
		bool due = attention_watch(&world.watch, &world.status, now) ||
			   may_differ(&state.outcome, now);
		world.outcome = state.outcome;
		look_at_project(&world, now);
		MUST(due || same_reasons(&world.outcome, &state.outcome));
		MUST(due || world.outcome.look_at == state.outcome.look_at);
		take_state(&state, &world.outcome, now);
		look_at_project(&world, now);
		MUST(same_reasons(&world.outcome, &state.outcome));
		for (size_t i = 0; i < ATTENTION_CODE_COUNT; i++)
			raised[i] += state.raised[i];
	}
}

START_TEST(random_lives_of_projects_hold_what_is_promised)
{
	uint64_t raised[ATTENTION_CODE_COUNT] = {0};
	for (uint64_t seed = 1; seed <= LIVES / 10; seed++)
		live_project(seed, raised);
	ck_assert_uint_gt(raised[ATTENTION_UPSTREAM], 1000);
	ck_assert_uint_gt(raised[ATTENTION_INTERVALS_STRETCHED], 1000);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"every word has a name and every code its advice",
		every_word_has_a_name_and_every_code_its_advice},
	    {"severities are those that the rules give", severities_are_those_that_the_rules_give},
	    {"the first cause that fits is the cause", the_first_cause_that_fits_is_the_cause},
	    {"the settings are these by default", the_settings_are_these_by_default},
	    {"failing follows the newest ended jobs", failing_follows_the_newest_ended_jobs},
	    {"failing tells the cause and mixpanel's words",
		failing_tells_the_cause_and_mixpanels_words},
	    {"a job without an end time ended when it was seen to",
		a_job_without_an_end_time_ended_when_it_was_seen_to},
	    {"words are cut between characters", words_are_cut_between_characters},
	    {"failing remembers since when beyond the jobs looked at",
		failing_remembers_since_when_beyond_the_jobs_looked_at},
	    {"nothing imported takes two in a row or the very first",
		nothing_imported_takes_two_in_a_row_or_the_very_first},
	    {"nothing imported stays when no job looked at tells otherwise",
		nothing_imported_stays_when_no_job_looked_at_tells_otherwise},
	    {"a counter is a whole number", a_counter_is_a_whole_number},
	    {"many dropped goes by the share of the newest success",
		many_dropped_goes_by_the_share_of_the_newest_success},
	    {"many dropped tells of the newest success that tells",
		many_dropped_tells_of_the_newest_success_that_tells},
	    {"many dropped stays when no job looked at tells otherwise",
		many_dropped_stays_when_no_job_looked_at_tells_otherwise},
	    {"never succeeded waits from the first sight",
		never_succeeded_waits_from_the_first_sight},
	    {"a success is a success for ever", a_success_is_a_success_for_ever},
	    {"overdue counts from the last success", overdue_counts_from_the_last_success},
	    {"stuck is too long queued or running", stuck_is_too_long_queued_or_running},
	    {"stalled is running without moving while looked at",
		stalled_is_running_without_moving_while_looked_at},
	    {"the job that waits longest is named", the_job_that_waits_longest_is_named},
	    {"what nobody has looked for since raises nothing",
		what_nobody_has_looked_for_since_raises_nothing},
	    {"a history that was never read tells nothing",
		a_history_that_was_never_read_tells_nothing},
	    {"what looks at the clock is not raised while stale",
		what_looks_at_the_clock_is_not_raised_while_stale},
	    {"what looks at the clock is not cleared while stale",
		what_looks_at_the_clock_is_not_cleared_while_stale},
	    {"vanished is kept until a later job ended", vanished_is_kept_until_a_later_job_ended},
	    {"a gap is kept from the last one on", a_gap_is_kept_from_the_last_one_on},
	    {"deleted elsewhere stands alone and is kept for a while",
		deleted_elsewhere_stands_alone_and_is_kept_for_a_while},
	    {"one that returns is looked at afresh", one_that_returns_is_looked_at_afresh},
	    {"paused is what mixpanel last said", paused_is_what_mixpanel_last_said},
	    {"a duplicate is critical since the second was made",
		a_duplicate_is_critical_since_the_second_was_made},
	    {"the worst comes first", the_worst_comes_first},
	    {"upstream is raised by what it is and how long",
		upstream_is_raised_by_what_it_is_and_how_long},
	    {"upstream is cleared when ok for a while", upstream_is_cleared_when_ok_for_a_while},
	    {"trouble that changes its name goes on", trouble_that_changes_its_name_goes_on},
	    {"a start leaves open what is open", a_start_leaves_open_what_is_open},
	    {"stretched intervals take long to raise and a while to clear",
		stretched_intervals_take_long_to_raise_and_a_while_to_clear},
	    {"the watch tells what is to be looked at", the_watch_tells_what_is_to_be_looked_at},
	    {"an unknown create is raised after a minute",
		an_unknown_create_is_raised_after_a_minute},
	    {"a refused reload stands until one takes", a_refused_reload_stands_until_one_takes},
	    {"a disk is low below 64 and enough above 128 mebibytes",
		a_disk_is_low_below_64_and_enough_above_128_mebibytes},
	    {"random lives of connectors hold what is promised",
		random_lives_of_connectors_hold_what_is_promised},
	    {"random lives of projects hold what is promised",
		random_lives_of_projects_hold_what_is_promised},
	    {NULL, NULL},
	};
	return unit_main("attention", cases);
}
