/* SPDX-License-Identifier: MIT */
/* What changes a connector or an operation that is there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/complain.h"
#include "ctl/describe.h"
#include "ctl/handlers.h"
#include "util/clock.h"
#include "util/writer.h"

#define REFRESH_WAIT_MAXIMUM INT64_C(60) /* seconds that the API waits at most */

/* The path of a connector that was found. */
static void connector_target(const struct found *found, struct target *target)
{
	const char *project = member_text(found->json, "project");
	const char *id = member_text(found->json, "connector_id");
	target_init(target, "/v1/projects");
	target_step(target, project ? project : "");
	buffer_append_text(&target->text, "/connectors");
	target_step(target, id ? id : "");
}

/* One line on standard output, made harmless as a whole. */
static enum exit_code print_line(
    struct ctl *ctl, const char *before, const char *id, const char *between, const char *behind)
{
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, DESCRIPTION_LIMIT);
	if (ctl->output.form != FORM_TEXT)
		return EXIT_DONE;
	buffer_append_text(&text, before);
	display_append(&text, span_of(id));
	buffer_append_text(&text, between);
	display_append(&text, span_of(behind));
	buffer_append_text(&text, "\n");
	return output_text(&text);
}

/* Deleting -------------------------------------------------------------------------------------*/

/* Anything but a plain yes is a no. */
static enum exit_code ask_first(const struct found *found)
{
	char typed[16] = "";
	struct buffer question _cleanup_buffer_;
	struct buffer source _cleanup_buffer_;
	const char *label = member_text(found->json, "label");
	buffer_init(&question, DESCRIPTION_LIMIT);
	buffer_init(&source, DESCRIPTION_LIMIT);
	describe_source(found->json, &source);
	buffer_append_text(&question, "delete connector ");
	display_append(&question, span_of(member_text(found->json, "connector_id")));
	buffer_append_text(&question, " (");
	display_append(&question, span_of(label && *label ? label : buffer_text(&source)));
	buffer_append_text(&question, ") of ");
	display_append(&question, span_of(member_text(found->json, "project")));
	buffer_append_text(&question, "? [y/N] ");
	(void)fwrite(buffer_text(&question), 1, question.len, stderr);
	(void)fflush(stderr);
	if (!fgets(typed, sizeof(typed), stdin))
		typed[0] = '\0';
	typed[strcspn(typed, "\r\n")] = '\0';
	if (strcasecmp(typed, "y") == 0 || strcasecmp(typed, "yes") == 0)
		return EXIT_DONE;
	return complain(EXIT_REFUSED, "nothing was deleted");
}

static enum exit_code delete_answered(
    struct ctl *ctl, const struct exchange *exchange, const char *id)
{
	json_t *operation _cleanup_json_ = NULL;
	if (exchange->status == 204)
		return print_line(ctl, "deleted ", id, "", NULL);
	enum exit_code code = ask_parse(ctl, exchange, &operation);
	if (code)
		return code;
	if (ctl->output.form == FORM_JSON || ctl->output.form == FORM_JSONL)
		return output_record(&ctl->output, ask_body(exchange), NULL);
	return print_line(ctl, "deleting ", id,
	    ": not confirmed yet, it goes on by itself: ", member_text(operation, "operation_id"));
}

enum exit_code run_delete(struct ctl *ctl)
{
	const struct options *options = ctl->options;
	bool sure = options_have(options, OPTION_YES);
	struct found found _cleanup_found_ = {.text = NULL};
	struct target target _cleanup_target_ = {.query = false};
	struct exchange exchange _cleanup_exchange_ = {.method = "DELETE"};
	if (!sure && (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)))
		return complain(EXIT_USAGE, "delete asks first, on a terminal; elsewhere: --yes");
	enum exit_code code = reference_find_connector(ctl, options->arguments[0], &found);
	if (!code && !sure)
		code = ask_first(&found);
	if (code)
		return code;
	connector_target(&found, &target);
	target_wait(&target, options);
	exchange.target = target_text(&target);
	if (!exchange.target)
		return complain(EXIT_USAGE, "the id is too long");
	code = ask(ctl, &exchange);
	return code ? code
		    : delete_answered(ctl, &exchange, member_text(found.json, "connector_id"));
}

/* Refreshing -----------------------------------------------------------------------------------*/

/* What is refreshed, and until when it is waited for. */
struct refreshing {
	int64_t deadline; /* monotonic; 0: it is not waited for */
	bool several;
	bool failed;
	size_t count;
	struct buffer records; /* of --json, when there are several */
};

static enum exit_code refresh_printed(struct ctl *ctl, const struct exchange *exchange,
    const char *name, struct refreshing *refreshing)
{
	if (ctl->output.form == FORM_JSON && refreshing->several) {
		buffer_append_text(&refreshing->records, refreshing->count++ > 0 ? ",\n" : "");
		buffer_append(&refreshing->records, exchange->text.data, exchange->text.len);
		return EXIT_DONE;
	}
	if (ctl->output.form != FORM_TEXT)
		return output_record(&ctl->output, ask_body(exchange), NULL);
	return print_line(
	    ctl, exchange->status == 200 ? "refreshed " : "refreshing ", name, "", NULL);
}

/* That it ended does not mean that it succeeded. */
static enum exit_code refresh_answered(struct ctl *ctl, const struct exchange *exchange,
    const char *name, struct refreshing *refreshing)
{
	json_t *record _cleanup_json_ = NULL;
	enum exit_code code = ask_parse(ctl, exchange, &record);
	const json_t *error = member(member(record, "sync"), "error");
	if (code)
		return code;
	if (exchange->status != 200 || !error)
		return refresh_printed(ctl, exchange, name, refreshing);
	const char *message = member_text(error, "message");
	const char *problem = member_text(error, "code");
	refreshing->failed = true;
	complain(EXIT_REFUSED, "%s could not be refreshed: %s [%s]", name, message ? message : "",
	    problem ? problem : "no code");
	return ctl->output.form == FORM_TEXT ? EXIT_DONE
					     : refresh_printed(ctl, exchange, name, refreshing);
}

/* Seconds that the daemon is to wait for now, within what it takes and what --max-time leaves. */
static int64_t refresh_wait(const struct ctl *ctl, int64_t left)
{
	int64_t wait = (left + MICROSECONDS_PER_SECOND - 1) / MICROSECONDS_PER_SECOND;
	int64_t most = ctl->options->max_time / MICROSECONDS_PER_SECOND - 1;
	if (most > REFRESH_WAIT_MAXIMUM)
		most = REFRESH_WAIT_MAXIMUM;
	if (wait > most)
		wait = most;
	return wait > 1 ? wait : 1;
}

/* Waits in pieces; whoever asks again shares the refresh that is under way. */
static enum exit_code refresh_one(
    struct ctl *ctl, const char *path, const char *name, struct refreshing *refreshing)
{
	for (;;) {
		struct target target _cleanup_target_;
		struct exchange exchange _cleanup_exchange_ = {.method = "POST"};
		int64_t left = refreshing->deadline - clock_monotonic(&clock_system);
		target_init(&target, path);
		buffer_append_text(&target.text, "/refresh");
		if (refreshing->deadline && left <= 0)
			return complain(
			    EXIT_TIME_UP, "the time is up; the refresh of %s goes on", name);
		if (refreshing->deadline)
			target_number(&target, "wait", refresh_wait(ctl, left));
		exchange.target = target_text(&target);
		if (!exchange.target)
			return complain(EXIT_USAGE, "the name is too long");
		enum exit_code code = ask(ctl, &exchange);
		if (code)
			return code;
		if (exchange.status == 200 || !refreshing->deadline)
			return refresh_answered(ctl, &exchange, name, refreshing);
	}
}

static enum exit_code refresh_project(
    struct ctl *ctl, const char *name, struct refreshing *refreshing)
{
	struct target path _cleanup_target_;
	target_init(&path, "/v1/projects");
	target_step(&path, name);
	return refresh_one(ctl, buffer_text(&path.text), name, refreshing);
}

static enum exit_code refresh_each(struct ctl *ctl, struct span json, void *context)
{
	struct err err = ERR_INIT;
	json_t *project _cleanup_json_ = NULL;
	if (jsontext_parse(json, 0, &err, &project) < 0 || !member_text(project, "project"))
		return complain(EXIT_REFUSED, "a project cannot be read: %s", err.text);
	return refresh_project(ctl, member_text(project, "project"), context);
}

static enum exit_code refresh_connector(
    struct ctl *ctl, const char *word, struct refreshing *refreshing)
{
	struct found found _cleanup_found_ = {.text = NULL};
	struct target path _cleanup_target_ = {.query = false};
	enum exit_code code = reference_find_connector(ctl, word, &found);
	if (code)
		return code;
	connector_target(&found, &path);
	return refresh_one(
	    ctl, buffer_text(&path.text), member_text(found.json, "connector_id"), refreshing);
}

static enum exit_code refresh_all(struct ctl *ctl, struct refreshing *refreshing)
{
	struct target projects _cleanup_target_;
	target_init(&projects, "/v1/projects");
	refreshing->several = true;
	buffer_append_text(&refreshing->records, "[");
	enum exit_code code = listing_each(ctl, &projects, LISTING_ALL, refresh_each, refreshing);
	buffer_append_text(&refreshing->records, "]\n");
	if (code || ctl->output.form != FORM_JSON)
		return code;
	return output_text(&refreshing->records);
}

enum exit_code run_refresh(struct ctl *ctl)
{
	const struct options *options = ctl->options;
	const char *project = options->value[OPTION_PROJECT];
	struct refreshing refreshing = {.deadline = 0};
	int64_t wait = 0;
	enum exit_code code = options_duration(options, OPTION_WAIT, &wait);
	if (wait > 0)
		refreshing.deadline = clock_monotonic(&clock_system) + wait;
	buffer_init(&refreshing.records, DESCRIPTION_LIMIT);
	if (!code && options->count > 0)
		code = refresh_connector(ctl, options->arguments[0], &refreshing);
	else if (!code && project)
		code = refresh_project(ctl, project, &refreshing);
	else if (!code)
		code = refresh_all(ctl, &refreshing);
	buffer_done(&refreshing.records);
	return code || !refreshing.failed ? code : EXIT_REFUSED;
}

/* Resolving ------------------------------------------------------------------------------------*/

static enum exit_code check_resolve(const struct options *options)
{
	if (options_have(options, OPTION_CREATED) == options_have(options, OPTION_NOT_CREATED))
		return complain(EXIT_USAGE,
		    "resolve needs --created REF or --not-created: one of them, as it was");
	if (!options_have(options, OPTION_REASON))
		return complain(EXIT_USAGE,
		    "resolve needs --reason: how it became known, for those who look later");
	return EXIT_DONE;
}

/* connector is NULL for one that was not created. */
static enum exit_code resolve_as(
    struct ctl *ctl, const char *operation, const char *connector, struct exchange *exchange)
{
	struct buffer body _cleanup_buffer_;
	struct target target _cleanup_target_;
	struct writer writer;
	buffer_init(&body, DESCRIPTION_LIMIT);
	writer_init(&writer, &body);
	writer_begin_object(&writer);
	writer_member_text(&writer, "outcome", connector ? "created" : "not_created");
	if (connector)
		writer_member_text(&writer, "connector_id", connector);
	writer_member_text(&writer, "reason", ctl->options->value[OPTION_REASON]);
	writer_end_object(&writer);
	target_init(&target, "/v1/operations");
	target_step(&target, operation);
	buffer_append_text(&target.text, "/resolve");
	exchange->target = target_text(&target);
	exchange->body = (struct span){.ptr = buffer_text(&body), .len = body.len};
	return ask(ctl, exchange);
}

enum exit_code run_resolve(struct ctl *ctl)
{
	const struct options *options = ctl->options;
	const char *as = options->value[OPTION_CREATED];
	struct reference reference _cleanup_reference_ = {.word = NULL};
	struct found operation _cleanup_found_ = {.text = NULL};
	struct found connector _cleanup_found_ = {.text = NULL};
	struct exchange exchange _cleanup_exchange_ = {.method = "POST"};
	enum exit_code code = check_resolve(options);
	if (!code)
		code = reference_find(ctl, options->arguments[0], &reference, &operation);
	if (!code && reference.kind != REFERENCE_OPERATION)
		code = complain(
		    EXIT_USAGE, "\"%s\" is no operation; their ids begin with op_", reference.word);
	if (!code && as)
		code = reference_find_connector(ctl, as, &connector);
	if (code)
		return code;
	const char *id = member_text(operation.json, "operation_id");
	const char *connector_id = as ? member_text(connector.json, "connector_id") : NULL;
	code = resolve_as(ctl, id, connector_id, &exchange);
	if (code || ctl->output.form == FORM_QUIET)
		return code;
	if (ctl->output.form != FORM_TEXT)
		return output_record(&ctl->output, ask_body(&exchange), id);
	return print_line(ctl, "resolved ", id, as ? ": created " : ": not created", connector_id);
}
