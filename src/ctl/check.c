/* SPDX-License-Identifier: MIT */
/* A plugin for monitoring systems: one line on standard output, and an exit status that means what
 * it means to them, for whatever goes wrong. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/check.h"
#include "ctl/complain.h"
#include "ctl/describe.h"
#include "ctl/handlers.h"
#include "util/clock.h"
#include "util/timestamp.h"

#define PATIENCE (9 * MICROSECONDS_PER_SECOND) /* for all of it; it is to end within 10 s */
#define LIST_AGE_USUAL (15 * MICROSECONDS_PER_MINUTE)
#define LIST_INTERVALS 3
#define LINE_LIMIT ((size_t)64 * 1024)

enum state { STATE_OK, STATE_WARNING, STATE_CRITICAL, STATE_UNKNOWN };

static const char *const state_names[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

/* The worst of what was found so far, in words, and how much else there is. */
struct check {
	enum state state;
	struct buffer worst;
	size_t others;
	int64_t deadline;
	int64_t oldest; /* age of the oldest list; TIMESTAMP_NONE: none was ever read */
	int64_t limit;  /* for the age of that list */
	size_t projects;
	const char *only; /* the name of the project that is looked at; NULL: all */
	int64_t critical; /* what needs attention */
	int64_t warning;
};

/* Notes something that is not as it should be. */
static void check_note(struct check *check, enum state state, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void check_note(struct check *check, enum state state, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	check->others += check->worst.len > 0;
	if (check->worst.len > 0 && state <= check->state)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	check->state = state;
	buffer_clear(&check->worst);
	/* What stands behind a bar is figures, to those who read the line. */
	for (char *at = text; *at; at++)
		if (*at == '|')
			*at = '/';
	display_append(&check->worst, span_of(text));
}

/* Asks for a document within what is left of the time. Returns whether it is there; else it was
 * found to be unknown. */
static bool check_get(
    struct ctl *ctl, struct check *check, const struct target *target, struct exchange *exchange)
{
	struct buffer why _cleanup_buffer_;
	int64_t left = check->deadline - clock_monotonic(&clock_system);
	if (left > ctl->options->max_time)
		left = ctl->options->max_time;
	buffer_init(&why, LINE_LIMIT);
	exchange->method = "GET";
	exchange->target = target_text(target);
	exchange->patience =
	    left > MICROSECONDS_PER_MILLISECOND ? left : MICROSECONDS_PER_MILLISECOND;
	link_exchange(ctl->link, exchange);
	if (link_explain(ctl->link, exchange, &why)) {
		check_note(check, STATE_UNKNOWN, "%s", buffer_text(&why));
		return false;
	}
	if (exchange->status == 401 || exchange->status == 403)
		check_note(check, STATE_UNKNOWN, "%s: this caller is not allowed to ask",
		    link_name(ctl->link));
	else if (!ask_is_json(exchange))
		check_note(
		    check, STATE_UNKNOWN, "%s did not answer like mixportd", link_name(ctl->link));
	else
		return true;
	return false;
}

/* The document of an answer; NULL when there is none. The caller owns it. */
static json_t *check_document(struct check *check, const struct exchange *exchange)
{
	struct err err = ERR_INIT;
	json_t *document = NULL;
	if (jsontext_parse(ask_body(exchange), 0, &err, &document) < 0)
		check_note(check, STATE_UNKNOWN, "the answer cannot be read: %s", err.text);
	return document;
}

/* What is looked at -----------------------------------------------------------------------------*/

static void check_ready(struct ctl *ctl, struct check *check)
{
	struct target target _cleanup_target_;
	struct exchange exchange _cleanup_exchange_ = {.method = "GET"};
	target_init(&target, "/readyz");
	if (!check_get(ctl, check, &target, &exchange) || exchange.status == 200)
		return;
	json_t *document _cleanup_json_ = check_document(check, &exchange);
	const json_t *reason = json_array_get(member(document, "reasons"), 0);
	const char *detail = member_text(reason, "detail");
	check_note(check, STATE_CRITICAL, "not ready: %s", detail ? detail : "it does not say why");
}

/* Of one project: how old its list is, and for how old it may be. */
static void check_list(const struct output *output, struct check *check, const json_t *project)
{
	const char *name = member_text(project, "project");
	int64_t age = output_age(output, member_text(member(project, "sync"), "synced_at"));
	int64_t limit = member_seconds(project, "list_interval_seconds", 0) * LIST_INTERVALS;
	struct buffer shown _cleanup_buffer_;
	buffer_init(&shown, 64);
	if (limit < check->limit)
		limit = check->limit;
	check->projects++;
	if (age == TIMESTAMP_NONE) {
		check_note(check, STATE_CRITICAL, "%s was never listed", name ? name : "?");
		return;
	}
	if (check->oldest == TIMESTAMP_NONE || age > check->oldest)
		check->oldest = age;
	display_append_age(&shown, age);
	if (age > limit)
		check_note(check, age > limit * 3 ? STATE_CRITICAL : STATE_WARNING,
		    "%s was listed %s ago", name ? name : "?", buffer_text(&shown));
}

static void check_upstream(struct check *check, const json_t *project)
{
	const char *name = member_text(project, "project");
	const char *state = member_text(member(project, "upstream"), "state");
	if (state && strcmp(state, "ok") != 0)
		check_note(check, STATE_WARNING, "Mixpanel is %s for %s", state, name ? name : "?");
}

/* What is open of it, worst first; a connector tells its own without project and subject. */
static void check_reason(
    struct check *check, const json_t *reason, const char *project, const char *id)
{
	const char *code = member_text(reason, "code");
	const char *detail = member_text(reason, "detail");
	bool critical = text_same(member_text(reason, "severity"), "critical");
	check_note(check, critical ? STATE_CRITICAL : STATE_WARNING, "%s%s%.8s%s%s: %s",
	    project ? project : "", project ? " " : "", id ? id : "", id ? " " : "",
	    code ? code : "?", detail ? detail : "");
}

/* The worst of what needs attention; of the others the number is enough. */
static void check_worst(struct ctl *ctl, struct check *check, const char *only)
{
	struct target target _cleanup_target_;
	struct exchange exchange _cleanup_exchange_ = {.method = "GET"};
	int64_t all = check->critical + check->warning;
	target_init(&target, "/v1/attention?limit=1");
	target.query = true;
	target_parameter(&target, "project", only);
	if (all == 0 || !check_get(ctl, check, &target, &exchange))
		return;
	json_t *page _cleanup_json_ = check_document(check, &exchange);
	const json_t *reason = json_array_get(member(page, "data"), 0);
	if (!reason)
		return;
	check_reason(check, reason, member_text(reason, "project"),
	    member_text(member(reason, "subject"), "id"));
	check->others += (size_t)(all - 1);
}

/* How many open reasons there are, of all or of one project; none where the daemon tells of none.
 */
static void check_attention(struct ctl *ctl, struct check *check, const json_t *health)
{
	const json_t *counts = member(health, "attention");
	json_t *project _cleanup_json_ = NULL;
	if (!counts || options_have(ctl->options, OPTION_CONNECTOR))
		return;
	if (check->only) {
		struct target target _cleanup_target_;
		struct exchange exchange _cleanup_exchange_ = {.method = "GET"};
		target_init(&target, "/v1/projects");
		target_step(&target, check->only);
		if (!check_get(ctl, check, &target, &exchange))
			return;
		project = check_document(check, &exchange);
		counts = member(project, "attention");
	}
	check->critical = member_integer(counts, "critical", 0);
	check->warning = member_integer(counts, "warning", 0);
	check_worst(ctl, check, check->only);
}

static void check_health(struct ctl *ctl, struct check *check)
{
	struct target target _cleanup_target_;
	struct exchange exchange _cleanup_exchange_ = {.method = "GET"};
	target_init(&target, "/v1/health");
	if (!check_get(ctl, check, &target, &exchange))
		return;
	json_t *health _cleanup_json_ = check_document(check, &exchange);
	const char *status = member_text(health, "status");
	const json_t *projects = member(health, "projects");
	if (text_same(status, "down"))
		check_note(check, STATE_CRITICAL, "the daemon is down");
	for (size_t i = 0; i < json_array_size(projects); i++) {
		const json_t *project = json_array_get(projects, i);
		if (check->only && !text_same(member_text(project, "project"), check->only))
			continue;
		check_list(&ctl->output, check, project);
		check_upstream(check, project);
	}
	int64_t unknown = member_integer(health, "operations_unknown", 0);
	if (unknown > 0)
		check_note(check, STATE_WARNING,
		    "the outcome of %" PRId64 " operation%s is unknown", unknown,
		    unknown == 1 ? "" : "s");
	if (text_same(status, "degraded") && check->worst.len == 0)
		check_note(check, STATE_WARNING, "the daemon is degraded");
	check_attention(ctl, check, health);
}

static void check_connector(struct ctl *ctl, struct check *check, const char *word)
{
	struct found found _cleanup_found_ = {.text = NULL};
	if (reference_find_connector(ctl, word, &found)) {
		check_note(check, STATE_UNKNOWN, "there is no connector \"%s\" to be found", word);
		return;
	}
	const json_t *reasons = member(found.json, "attention");
	for (size_t i = 0; i < json_array_size(reasons); i++) {
		const json_t *reason = json_array_get(reasons, i);
		bool critical = text_same(member_text(reason, "severity"), "critical");
		check->critical += critical;
		check->warning += !critical;
		check_reason(check, reason, member_text(found.json, "project"),
		    member_text(found.json, "connector_id"));
	}
	if (json_is_true(member(member(found.json, "sync"), "stale")))
		check_note(check, STATE_WARNING, "what is known of connector %s is stale", word);
}

/* The name of the project that -p names, which may be a number. */
static bool check_find_project(
    struct ctl *ctl, struct check *check, const char *word, struct buffer *name)
{
	struct target target _cleanup_target_;
	struct exchange exchange _cleanup_exchange_ = {.method = "GET"};
	target_init(&target, "/v1/projects");
	target_step(&target, word);
	if (!check_get(ctl, check, &target, &exchange))
		return false;
	if (exchange.status != 200) {
		check_note(check, STATE_UNKNOWN, "there is no project %s", word);
		return false;
	}
	json_t *project _cleanup_json_ = check_document(check, &exchange);
	const char *text = member_text(project, "project");
	buffer_append_text(name, text ? text : "");
	return text != NULL;
}

/* The line -------------------------------------------------------------------------------------*/

static void append_figures(const struct check *check, struct buffer *line)
{
	int64_t limit = check->limit / MICROSECONDS_PER_SECOND;
	buffer_printf(line, " | critical=%" PRId64 ";;0;0 warning=%" PRId64 ";0;;0",
	    check->critical, check->warning);
	if (check->oldest != TIMESTAMP_NONE)
		buffer_printf(line, " oldest_list=%" PRId64 "s;%" PRId64 ";%" PRId64 ";0",
		    check->oldest > 0 ? check->oldest / MICROSECONDS_PER_SECOND : 0, limit,
		    limit * 3);
}

static enum exit_code print_check(const struct check *check)
{
	struct buffer line _cleanup_buffer_;
	buffer_init(&line, LINE_LIMIT);
	buffer_printf(&line, "MIXPORT %s - ", state_names[check->state]);
	buffer_append(&line, check->worst.data, check->worst.len);
	if (check->worst.len == 0) {
		buffer_printf(&line, "%zu project%s, the oldest list ", check->projects,
		    check->projects == 1 ? "" : "s");
		display_append_age(&line, check->oldest == TIMESTAMP_NONE ? 0 : check->oldest);
	}
	if (check->others > 0)
		buffer_printf(&line, " (+%zu more)", check->others);
	if (check->state != STATE_UNKNOWN)
		append_figures(check, &line);
	buffer_append_text(&line, "\n");
	enum exit_code code = output_text(&line);
	if (!code)
		code = output_flush();
	return code ? (enum exit_code)STATE_UNKNOWN : (enum exit_code)check->state;
}

enum exit_code check_cannot(const char *why)
{
	struct check check = {.oldest = TIMESTAMP_NONE};
	buffer_init(&check.worst, LINE_LIMIT);
	check_note(&check, STATE_UNKNOWN, "%s", why);
	enum exit_code code = print_check(&check);
	buffer_done(&check.worst);
	return code;
}

enum exit_code run_check(struct ctl *ctl)
{
	const struct options *options = ctl->options;
	const char *word = options->value[OPTION_PROJECT];
	struct buffer only _cleanup_buffer_;
	struct check check = {
	    .deadline = clock_monotonic(&clock_system) + PATIENCE,
	    .oldest = TIMESTAMP_NONE,
	    .limit = LIST_AGE_USUAL,
	};
	buffer_init(&only, LINE_LIMIT);
	buffer_init(&check.worst, LINE_LIMIT);
	if (options_duration(options, OPTION_MAX_LIST_AGE, &check.limit))
		check_note(&check, STATE_UNKNOWN, "--max-list-age is a duration, such as 15m");
	else if (!word || check_find_project(ctl, &check, word, &only)) {
		check.only = word ? buffer_text(&only) : NULL;
		check_ready(ctl, &check);
		if (check.state != STATE_UNKNOWN)
			check_health(ctl, &check);
		if (options_have(options, OPTION_CONNECTOR) && check.state != STATE_UNKNOWN)
			check_connector(ctl, &check, options->value[OPTION_CONNECTOR]);
	}
	enum exit_code code = print_check(&check);
	buffer_done(&check.worst);
	return code;
}
