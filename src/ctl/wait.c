/* SPDX-License-Identifier: MIT */
/* Waits until something is so. The events of the subject say when to look; what is then looked at
 * is its record, so that a lost connection, a restart or a position that is gone costs nothing but
 * one more look. */
#include "ctl/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/complain.h"
#include "ctl/describe.h"
#include "ctl/feed.h"
#include "ctl/handlers.h"
#include "ctl/progress.h"
#include "ctl/reference.h"
#include "util/clock.h"

#define WAIT_FOR_EVENT INT64_C(30) /* seconds */

/* Nothing tells that the search for an outcome is over, so it is looked at now and then. */
#define WAIT_FOR_SEARCH INT64_C(2)

enum wait_goal { GOAL_DONE, GOAL_SUCCESS, GOAL_CHANGED };
static const char *const goal_names[] = {"done", "success", "changed", NULL};

struct waiting {
	enum reference_kind kind;
	enum wait_goal goal;
	const char *id;
	const char *project;
	char job_id[64];  /* of a connector: the job that is waited for; "" for the first to come */
	int64_t deadline; /* monotonic; 0: none */
	struct feed feed;
	struct progress progress;
	bool look; /* something happened: the record is to be read */
	bool over; /* and this is how it ended: */
	enum exit_code code;
	int64_t pause;  /* seconds to wait for an event at most */
	bool quiet_end; /* nothing but the line of the end for people */
};

/* The end ---------------------------------------------------------------------------------------*/

static void append_job_end(const struct output *output, const json_t *job, struct buffer *line)
{
	const char *status = member_text(job, "status");
	const char *id = member_text(job, "job_id");
	if (member_text(job, "gone_at"))
		status = "gone";
	display_append(line, span_of(id ? id : "?"));
	buffer_append_text(line, "  ");
	append_word(output, line, status);
	buffer_append_text(line, "  ");
	describe_end(output, job, line);
}

static void append_operation_end(
    const struct output *output, const json_t *operation, struct buffer *line)
{
	const char *state = member_text(operation, "state");
	const char *id = member_text(operation, "operation_id");
	const char *connector = member_text(operation, "connector_id");
	struct buffer error _cleanup_buffer_;
	buffer_init(&error, DESCRIPTION_LIMIT);
	describe_error(operation, &error);
	display_append(line, span_of(id ? id : "?"));
	buffer_append_text(line, "  ");
	append_word(output, line, state);
	buffer_append_text(line, "  ");
	display_append(line, span_of(error.len > 0 ? buffer_text(&error) : connector));
}

/* Prints the end once, in the form that was asked for. */
static enum exit_code print_end_of(
    struct ctl *ctl, struct waiting *waiting, struct span json, const json_t *record)
{
	struct buffer line _cleanup_buffer_;
	const char *id = waiting->kind == REFERENCE_OPERATION ? member_text(record, "operation_id")
							      : member_text(record, "job_id");
	buffer_init(&line, DESCRIPTION_LIMIT);
	progress_end(&waiting->progress);
	if (ctl->output.form != FORM_TEXT)
		return waiting->quiet_end ? EXIT_DONE : output_record(&ctl->output, json, id);
	if (waiting->kind == REFERENCE_OPERATION)
		append_operation_end(&ctl->output, record, &line);
	else
		append_job_end(&ctl->output, record, &line);
	while (line.len > 0 && line.data[line.len - 1] == ' ')
		buffer_cut(&line, line.len - 1);
	buffer_append_text(&line, "\n");
	return output_text(&line);
}

static enum exit_code wait_ends(struct ctl *ctl, struct waiting *waiting, enum exit_code code,
    struct span json, const json_t *record)
{
	enum exit_code printed = print_end_of(ctl, waiting, json, record);
	waiting->over = true;
	waiting->code = printed ? printed : code;
	return EXIT_DONE;
}

/* Looking --------------------------------------------------------------------------------------*/

static bool wait_is_over(const json_t *job)
{
	static const char *const over[] = {"succeeded", "failed", "cancelled", NULL};
	return member_text(job, "gone_at") || text_find(over, member_text(job, "status")) >= 0;
}

/* What a job that is now as it is means for whoever waits. */
static enum exit_code look_at_job(
    struct ctl *ctl, struct waiting *waiting, struct span json, const json_t *job)
{
	bool succeeded = text_same(member_text(job, "status"), "succeeded");
	progress_tell(&waiting->progress, job);
	if (waiting->goal == GOAL_CHANGED || !wait_is_over(job))
		return EXIT_DONE;
	if (succeeded)
		return wait_ends(ctl, waiting, EXIT_DONE, json, job);
	if (waiting->goal == GOAL_SUCCESS && waiting->kind == REFERENCE_CONNECTOR)
		return EXIT_DONE;
	return wait_ends(ctl, waiting, EXIT_BAD_END, json, job);
}

static enum exit_code look_at_operation(
    struct ctl *ctl, struct waiting *waiting, struct span json, const json_t *operation)
{
	const char *state = member_text(operation, "state");
	bool over = json_is_true(member(member(operation, "search"), "over"));
	bool unknown = text_same(state, "unknown");
	waiting->pause = unknown ? WAIT_FOR_SEARCH : WAIT_FOR_EVENT;
	if (waiting->goal == GOAL_CHANGED)
		return EXIT_DONE;
	if (text_same(state, "succeeded"))
		return wait_ends(ctl, waiting, EXIT_DONE, json, operation);
	if (text_same(state, "rejected") || text_same(state, "unreachable"))
		return wait_ends(ctl, waiting, EXIT_BAD_END, json, operation);
	if (!unknown || !over)
		return EXIT_DONE;
	(void)wait_ends(ctl, waiting, EXIT_UNCLEAR, json, operation);
	complain(EXIT_UNCLEAR,
	    "nothing will tell any more what became of it. Look for yourself, then: mixportctl "
	    "resolve %s --created REF|--not-created --reason TEXT",
	    waiting->id);
	return EXIT_DONE;
}

static enum exit_code look_at_connector(struct waiting *waiting, const json_t *connector)
{
	if (waiting->goal == GOAL_CHANGED || !text_same(member_text(connector, "state"), "deleted"))
		return EXIT_DONE;
	progress_end(&waiting->progress);
	waiting->over = true;
	waiting->code = complain(EXIT_BAD_END, "connector %s is deleted", waiting->id);
	return EXIT_DONE;
}

/* Reads a record of the path. Positive statuses of the exchange are for the caller to tell apart.
 */
static enum exit_code read_record(struct ctl *ctl, struct waiting *waiting, const char *path,
    struct exchange *exchange, json_t **ret_json)
{
	unsigned tries = 0;
	for (;;) {
		exchange->method = "GET";
		exchange->target = path;
		link_exchange(ctl->link, exchange);
		bool away = exchange->end == LINK_NO_SOCKET || exchange->end == LINK_NOBODY ||
			    exchange->end == LINK_LOST ||
			    (exchange->end == LINK_ANSWERED && exchange->status == 503);
		if (!away)
			break;
		if (waiting->deadline && clock_monotonic(&clock_system) > waiting->deadline)
			break;
		feed_pause(&tries);
	}
	enum exit_code code = link_complain(ctl->link, exchange);
	if (!code && !ask_is_json(exchange))
		code = ask_not_ours(ctl, exchange);
	if (!code && exchange->status >= 300)
		code = ask_complain(ctl, exchange);
	return code ? code : ask_parse(ctl, exchange, ret_json);
}

static enum exit_code read_subject(struct ctl *ctl, struct waiting *waiting)
{
	static const char *const paths[] = {
	    [REFERENCE_CONNECTOR] = "/v1/projects",
	    [REFERENCE_JOB] = "/v1/jobs",
	    [REFERENCE_OPERATION] = "/v1/operations",
	};
	struct target target _cleanup_target_;
	struct exchange exchange _cleanup_exchange_ = {.method = "GET"};
	json_t *record _cleanup_json_ = NULL;
	bool one_job = waiting->kind == REFERENCE_CONNECTOR && waiting->job_id[0];
	target_init(&target, one_job ? "/v1/jobs" : paths[waiting->kind]);
	if (waiting->kind == REFERENCE_CONNECTOR && !one_job) {
		target_step(&target, waiting->project);
		buffer_append_text(&target.text, "/connectors");
	}
	target_step(&target, one_job ? waiting->job_id : waiting->id);
	enum exit_code code =
	    read_record(ctl, waiting, buffer_text(&target.text), &exchange, &record);
	if (code)
		return code;
	if (waiting->kind == REFERENCE_OPERATION)
		return look_at_operation(ctl, waiting, ask_body(&exchange), record);
	if (waiting->kind == REFERENCE_JOB || one_job)
		return look_at_job(ctl, waiting, ask_body(&exchange), record);
	struct span job = jsontext_member(ask_body(&exchange), "latest_job");
	const json_t *latest = member(record, "latest_job");
	const char *job_id = member_text(latest, "job_id");
	if (job_id && waiting->goal == GOAL_DONE)
		snprintf(waiting->job_id, sizeof(waiting->job_id), "%s", job_id);
	if (latest)
		code = look_at_job(ctl, waiting, job, latest);
	return code || waiting->over ? code : look_at_connector(waiting, record);
}

/* Following ------------------------------------------------------------------------------------*/

static enum exit_code wait_event(struct ctl *ctl, struct span json, void *context)
{
	struct waiting *waiting = context;
	struct err err = ERR_INIT;
	json_t *event _cleanup_json_ = NULL;
	if (waiting->over)
		return EXIT_DONE;
	if (jsontext_parse(json, 0, &err, &event) < 0)
		return complain(EXIT_REFUSED, "an event cannot be read: %s", err.text);
	if (waiting->kind == REFERENCE_OPERATION &&
	    !text_same(member_text(event, "operation_id"), waiting->id))
		return EXIT_DONE;
	waiting->look = true;
	if (waiting->goal == GOAL_SUCCESS && text_same(member_text(event, "type"), "job.succeeded"))
		return look_at_job(
		    ctl, waiting, jsontext_member(json, "data"), member(event, "data"));
	if (waiting->goal != GOAL_CHANGED)
		return EXIT_DONE;
	struct buffer line _cleanup_buffer_;
	buffer_init(&line, DESCRIPTION_LIMIT);
	progress_end(&waiting->progress);
	waiting->over = true;
	if (ctl->output.form != FORM_TEXT)
		return output_record(&ctl->output, json, member_text(event, "id"));
	describe_event(&ctl->output, event, &line);
	return output_text(&line);
}

/* Seconds to wait for an event; 0 when the time is up. */
static int64_t wait_for_event(const struct waiting *waiting)
{
	if (!waiting->deadline)
		return waiting->pause;
	int64_t left = waiting->deadline - clock_monotonic(&clock_system);
	int64_t seconds = (left + MICROSECONDS_PER_SECOND - 1) / MICROSECONDS_PER_SECOND;
	return left <= 0 ? 0 : seconds < waiting->pause ? seconds : waiting->pause;
}

static enum exit_code wait_until_over(struct ctl *ctl, struct waiting *waiting)
{
	unsigned tries = 0;
	enum feed_end end = feed_now(ctl, &waiting->feed);
	if (end == FEED_LOST)
		return complain(waiting->feed.code, "%s", waiting->feed.reason);
	waiting->look = true;
	while (end != FEED_STOPPED) {
		enum exit_code code = waiting->look ? read_subject(ctl, waiting) : EXIT_DONE;
		if (code || waiting->over)
			return code ? code : waiting->code;
		int64_t seconds = wait_for_event(waiting);
		if (seconds == 0) {
			progress_end(&waiting->progress);
			return complain(EXIT_TIME_UP, "the time is up; it goes on by itself");
		}
		waiting->look = waiting->pause == WAIT_FOR_SEARCH;
		end = feed_look(ctl, &waiting->feed, seconds, wait_event, waiting);
		if (end == FEED_LOST)
			feed_pause(&tries);
		else
			tries = 0;
		/* What happened meanwhile is in the record. */
		if (end == FEED_GONE)
			end = feed_now(ctl, &waiting->feed);
		waiting->look = waiting->look || end != FEED_READ;
		if (waiting->over)
			return waiting->code;
	}
	progress_end(&waiting->progress);
	return waiting->feed.code;
}

static void waiting_init(
    struct ctl *ctl, enum reference_kind kind, const char *id, struct waiting *waiting)
{
	*waiting = (struct waiting){.kind = kind, .id = id, .pause = WAIT_FOR_EVENT};
	progress_init(&waiting->progress, ctl);
	waiting->feed.tick = progress_tick;
	waiting->feed.tick_context = &waiting->progress;
	switch (kind) {
	case REFERENCE_CONNECTOR:
		waiting->feed.connector_id = id;
		break;
	case REFERENCE_JOB:
		waiting->feed.job_id = id;
		break;
	case REFERENCE_OPERATION:
		waiting->feed.types = "operation.*";
		break;
	}
}

enum exit_code wait_for_first_job(struct ctl *ctl, const char *project, const char *connector_id)
{
	struct waiting waiting;
	waiting_init(ctl, REFERENCE_CONNECTOR, connector_id, &waiting);
	waiting.project = project;
	waiting.feed.project = project;
	waiting.quiet_end = true;
	return wait_until_over(ctl, &waiting);
}

enum exit_code run_wait(struct ctl *ctl)
{
	static const char *const members[] = {
	    [REFERENCE_CONNECTOR] = "connector_id",
	    [REFERENCE_JOB] = "job_id",
	    [REFERENCE_OPERATION] = "operation_id",
	};
	const struct options *options = ctl->options;
	const char *goal = options->value[OPTION_FOR] ? options->value[OPTION_FOR] : "done";
	struct reference reference _cleanup_reference_ = {.word = NULL};
	struct found found _cleanup_found_ = {.text = NULL};
	struct waiting waiting;
	int64_t timeout = 0;
	if (text_find(goal_names, goal) < 0)
		return complain(EXIT_USAGE, "--for is done, success or changed, not \"%s\"", goal);
	enum exit_code code = options_duration(options, OPTION_TIMEOUT, &timeout);
	if (!code)
		code = reference_find(ctl, options->arguments[0], &reference, &found);
	if (code)
		return code;
	waiting_init(
	    ctl, reference.kind, member_text(found.json, members[reference.kind]), &waiting);
	waiting.goal = (enum wait_goal)text_find(goal_names, goal);
	waiting.project = member_text(found.json, "project");
	waiting.feed.project = waiting.project;
	waiting.deadline = timeout ? clock_monotonic(&clock_system) + timeout : 0;
	return wait_until_over(ctl, &waiting);
}
