/* SPDX-License-Identifier: MIT */
/* One screen: the daemon, its projects, what runs. */
#include <stdlib.h>
#include <string.h>

#include "ctl/complain.h"
#include "ctl/describe.h"
#include "ctl/handlers.h"
#include "util/clock.h"

/* The lists of an answer are kept as they came, one behind the other, for --json. */
struct status {
	struct exchange health;
	struct buffer projects;
	struct buffer running;
	struct buffer attention;
	bool has_attention; /* the daemon tells of any */
	struct table project_table;
	struct table attention_table;
	struct table running_table;
};

static void status_init(struct status *status)
{
	static const struct table_column running_columns[] = {{NULL, false}, {NULL, false},
	    {NULL, false}, {NULL, false}, {NULL, true}, {NULL, true}, {NULL, false}};
	*status = (struct status){.health = {.method = "GET"}};
	buffer_init(&status->projects, DESCRIPTION_LIMIT);
	buffer_init(&status->running, DESCRIPTION_LIMIT);
	buffer_init(&status->attention, DESCRIPTION_LIMIT);
	table_init(&status->attention_table, describe_reason_columns, DESCRIBE_REASON_COLUMNS);
	table_init(
	    &status->project_table, describe_projects.columns, describe_projects.column_count);
	table_init(&status->running_table, running_columns, ARRAY_SIZE(running_columns));
}

static void status_done(struct status *status)
{
	exchange_done(&status->health);
	buffer_done(&status->projects);
	buffer_done(&status->running);
	buffer_done(&status->attention);
	table_done(&status->attention_table);
	table_done(&status->project_table);
	table_done(&status->running_table);
}

static void append_record(struct buffer *list, struct span json)
{
	buffer_append_text(list, list->len > 0 ? ",\n" : "");
	buffer_append(list, json.ptr, json.len);
}

static enum exit_code take_project(struct ctl *ctl, struct span json, void *context)
{
	struct status *status = context;
	struct err err = ERR_INIT;
	json_t *project _cleanup_json_ = NULL;
	if (jsontext_parse(json, 0, &err, &project) < 0)
		return complain(EXIT_REFUSED, "a project cannot be read: %s", err.text);
	append_record(&status->projects, json);
	describe_projects.row(&ctl->output, &status->project_table, project);
	return EXIT_DONE;
}

static enum exit_code take_reason(struct ctl *ctl, struct span json, void *context)
{
	struct status *status = context;
	struct err err = ERR_INIT;
	json_t *reason _cleanup_json_ = NULL;
	if (jsontext_parse(json, 0, &err, &reason) < 0)
		return complain(
		    EXIT_REFUSED, "a reason for attention cannot be read: %s", err.text);
	append_record(&status->attention, json);
	describe_reason(&ctl->output, &status->attention_table, reason);
	return EXIT_DONE;
}

/* A connector whose newest job is under way. */
static enum exit_code take_running(struct ctl *ctl, struct span json, void *context)
{
	struct status *status = context;
	struct err err = ERR_INIT;
	json_t *connector _cleanup_json_ = NULL;
	if (jsontext_parse(json, 0, &err, &connector) < 0)
		return complain(EXIT_REFUSED, "a connector cannot be read: %s", err.text);
	append_record(&status->running, json);
	describe_running(&ctl->output, &status->running_table, connector);
	return EXIT_DONE;
}

static enum exit_code read_health(struct ctl *ctl, struct status *status)
{
	struct target target _cleanup_target_;
	target_init(&target, "/v1/health");
	return ask_get(ctl, &target, &status->health);
}

static enum exit_code read_projects(struct ctl *ctl, struct status *status)
{
	const char *project = ctl->options->value[OPTION_PROJECT];
	struct target target _cleanup_target_;
	target_init(&target, "/v1/projects");
	if (!project)
		return listing_each(ctl, &target, LISTING_ALL, take_project, status);
	struct exchange exchange _cleanup_exchange_ = {.method = "GET"};
	target_step(&target, project);
	enum exit_code code = ask_get(ctl, &target, &exchange);
	return code ? code : take_project(ctl, ask_body(&exchange), status);
}

/* What needs attention, of a daemon that tells of it. */
static enum exit_code read_attention(struct ctl *ctl, struct status *status)
{
	json_t *health _cleanup_json_ = NULL;
	struct target target _cleanup_target_;
	target_init(&target, "/v1/attention");
	target_parameter(&target, "project", ctl->options->value[OPTION_PROJECT]);
	enum exit_code code = ask_parse(ctl, &status->health, &health);
	status->has_attention = member(health, "attention") != NULL;
	if (code || !status->has_attention)
		return code;
	return listing_each(ctl, &target, LISTING_ALL, take_reason, status);
}

static enum exit_code read_running(struct ctl *ctl, struct status *status)
{
	static const char *const words[] = {"running", "queued"};
	enum exit_code code = EXIT_DONE;
	for (size_t i = 0; i < ARRAY_SIZE(words) && !code; i++) {
		struct target target _cleanup_target_;
		target_init(&target, "/v1/connectors");
		target_parameter(&target, "project", ctl->options->value[OPTION_PROJECT]);
		target_parameter(&target, "job_status", words[i]);
		code = listing_each(ctl, &target, LISTING_ALL, take_running, status);
	}
	return code;
}

/* Printing -------------------------------------------------------------------------------------*/

static enum exit_code print_json(struct ctl *ctl, const struct status *status)
{
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, 4 * DESCRIPTION_LIMIT);
	buffer_append_text(&text, "{\"health\":");
	buffer_append(&text, buffer_text(&status->health.text), status->health.text.len);
	buffer_printf(&text, ",\n\"projects\":[");
	buffer_append(&text, buffer_text(&status->projects), status->projects.len);
	buffer_append_text(&text, "]");
	if (status->has_attention) {
		buffer_append_text(&text, ",\n\"attention\":[");
		buffer_append(&text, buffer_text(&status->attention), status->attention.len);
		buffer_append_text(&text, "]");
	}
	buffer_append_text(&text, ",\n\"running\":[");
	buffer_append(&text, buffer_text(&status->running), status->running.len);
	buffer_append_text(&text, "]}");
	if (buffer_failed(&text) || buffer_failed(&status->projects) ||
	    buffer_failed(&status->attention) || buffer_failed(&status->running))
		return complain(EXIT_REFUSED, "no memory for what is to be printed");
	return output_record(
	    &ctl->output, (struct span){.ptr = buffer_text(&text), .len = text.len}, NULL);
}

static void append_daemon(struct ctl *ctl, const json_t *health, struct buffer *text)
{
	const json_t *store = member(health, "store");
	const char *state = member_text(health, "status");
	const char *version = member_text(health, "version");
	buffer_append_text(text, "mixportd ");
	display_append(text, span_of(version ? version : "?"));
	buffer_append_text(text, "   up ");
	display_append_lasting(text, member_seconds(health, "uptime_seconds", 0), " ");
	buffer_append_text(text, "   ");
	display_append(text, span_of(link_name(ctl->link)));
	if (member(store, "database_bytes")) {
		buffer_append_text(text, "   database ");
		display_append_size(text, member_integer(store, "database_bytes", 0));
		buffer_append_text(text, ", ");
		display_append_size(text, member_integer(store, "free_bytes", 0));
		buffer_append_text(text, " free");
	}
	if (state && strcmp(state, "ok") != 0) {
		buffer_append_text(text, "   ");
		append_word(&ctl->output, text, state);
	}
	buffer_append_text(text, "\n");
}

static enum exit_code print_screen(struct ctl *ctl, const struct status *status)
{
	const struct output *output = &ctl->output;
	json_t *health _cleanup_json_ = NULL;
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, DESCRIPTION_LIMIT);
	enum exit_code code = ask_parse(ctl, &status->health, &health);
	if (code)
		return code;
	append_daemon(ctl, health, &text);
	if (status->project_table.count > 0) {
		buffer_append_text(&text, "\n");
		table_append(&status->project_table, output->columns, output->color, &text);
	}
	if (status->attention_table.count > 0) {
		buffer_append_text(&text, "\n");
		table_append(&status->attention_table, output->columns, output->color, &text);
	}
	if (status->running_table.count > 0) {
		buffer_append_text(&text, "\n");
		table_append(&status->running_table, output->columns, output->color, &text);
	}
	return output_text(&text);
}

enum exit_code run_status(struct ctl *ctl)
{
	struct status status _cleanup_(status_done);
	status_init(&status);
	enum exit_code code = read_health(ctl, &status);
	if (!code)
		code = read_projects(ctl, &status);
	if (!code)
		code = read_attention(ctl, &status);
	if (!code)
		code = read_running(ctl, &status);
	if (code)
		return code;
	return ctl->output.form == FORM_TEXT ? print_screen(ctl, &status)
					     : print_json(ctl, &status);
}
