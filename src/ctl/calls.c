/* SPDX-License-Identifier: MIT */
/* Single calls: the daemon's health, a reload, and any other. */
#include <stdlib.h>
#include <string.h>

#include "ctl/complain.h"
#include "ctl/describe.h"
#include "ctl/handlers.h"
#include "ctl/input.h"
#include "util/clock.h"

/* Health ---------------------------------------------------------------------------------------*/

static void describe_health(const struct output *output, const json_t *health, struct buffer *text)
{
	const json_t *store = member(health, "store");
	struct buffer line _cleanup_buffer_;
	buffer_init(&line, 1024);
	fact_word(output, text, "status", member_text(health, "status"));
	fact(text, "version", member_text(health, "version"));
	display_append_lasting(&line, member_seconds(health, "uptime_seconds", 0), " ");
	fact(text, "up", buffer_text(&line));
	buffer_clear(&line);
	if (member(store, "database_bytes")) {
		display_append_size(&line, member_integer(store, "database_bytes", 0));
		buffer_append_text(&line, ", ");
		display_append_size(&line, member_integer(store, "free_bytes", 0));
		buffer_append_text(&line, " free");
	}
	fact(text, "database", buffer_text(&line));
	buffer_clear(&line);
	display_append_number(&line, member_integer(health, "operations_unknown", 0));
	fact(text, "unknown", buffer_text(&line));
	const json_t *reload = member(health, "reload");
	fact_time(output, text, "reloaded", member_text(reload, "at"));
	fact(text, "reload failed", member_text(reload, "error"));
	const json_t *projects = member(health, "projects");
	for (size_t i = 0; i < json_array_size(projects); i++) {
		const json_t *project = json_array_get(projects, i);
		const char *name = member_text(project, "project");
		const char *state = member_text(member(project, "upstream"), "state");
		const char *listed = member_text(member(project, "sync"), "synced_at");
		buffer_clear(&line);
		buffer_printf(&line, "%s  %s  listed %s", name ? name : "", state ? state : "",
		    listed ? listed : "never");
		fact(text, "project", buffer_text(&line));
	}
}

enum exit_code run_health(struct ctl *ctl)
{
	struct target target _cleanup_target_;
	struct exchange exchange _cleanup_exchange_ = {.method = "GET"};
	json_t *health _cleanup_json_ = NULL;
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, DESCRIPTION_LIMIT);
	target_init(&target, "/v1/health");
	enum exit_code code = ask_get(ctl, &target, &exchange);
	if (!code)
		code = ask_parse(ctl, &exchange, &health);
	if (code)
		return code;
	if (ctl->output.form != FORM_TEXT)
		return output_record(&ctl->output, ask_body(&exchange), NULL);
	describe_health(&ctl->output, health, &text);
	return output_text(&text);
}

/* Reload ---------------------------------------------------------------------------------------*/

enum exit_code run_reload(struct ctl *ctl)
{
	struct exchange exchange _cleanup_exchange_ = {
	    .method = "POST", .target = "/v1/reload", .body = span_of("{}")};
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, 64);
	enum exit_code code = ask(ctl, &exchange);
	if (code)
		return code;
	if (ctl->output.form != FORM_TEXT)
		return output_record(&ctl->output, ask_body(&exchange), NULL);
	buffer_append_text(&text, "reloaded\n");
	return output_text(&text);
}

/* Any call -------------------------------------------------------------------------------------*/

/* A method is letters only, so that nothing else can be put into the request's first line. */
static enum exit_code check_call(const char *method, const char *path)
{
	if (strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(method) || !*method)
		return complain(EXIT_USAGE, "\"%s\" is no method, such as GET or POST", method);
	if (path[0] != '/')
		return complain(EXIT_USAGE, "\"%s\" is no path: it begins with a slash", path);
	for (const char *at = path; *at; at++)
		if (*at <= ' ' || *at > '~')
			return complain(EXIT_USAGE,
			    "\"%s\" has a character that must be escaped in a path, such as %%20",
			    path);
	return EXIT_DONE;
}

/* The answer comes as it is, problem or not; only the exit status and a line tell it. */
enum exit_code run_api(struct ctl *ctl)
{
	const struct options *options = ctl->options;
	const char *data = options->value[OPTION_DATA];
	const char *path = options->arguments[options->count - 1];
	struct buffer body _cleanup_buffer_;
	struct exchange exchange _cleanup_exchange_ = {
	    .method = data ? "POST" : "GET", .target = path, .copy_to = stdout};
	buffer_init(&body, INPUT_LIMIT);
	if (options->count > 1)
		exchange.method = options->arguments[0];
	enum exit_code code = check_call(exchange.method, path);
	if (!code && data)
		code = input_read_data(data, &body);
	if (code)
		return code;
	if (data)
		exchange.body = (struct span){.ptr = buffer_text(&body), .len = body.len};
	code = link_ask(ctl->link, &exchange);
	if (ctl->output.terminal)
		putchar('\n');
	if (!code && exchange.status >= 400)
		return complain(
		    EXIT_REFUSED, "%s %s was answered %u", exchange.method, path, exchange.status);
	return code;
}
