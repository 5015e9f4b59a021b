/* SPDX-License-Identifier: MIT */
/* Follows the events: prints each, or runs a program for it. What was printed, or carried out, is
 * passed; what was not comes again: at least once, and in order. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/complain.h"
#include "ctl/describe.h"
#include "ctl/feed.h"
#include "ctl/handlers.h"
#include "ctl/position.h"
#include "ctl/program.h"
#include "util/clock.h"
#include "util/timestamp.h"

#define WATCH_WAIT 30 /* seconds that the daemon waits for an event */

/* The position is kept so often when no event that is wanted moves it. */
#define KEEP_INTERVAL MICROSECONDS_PER_MINUTE

struct watch {
	struct feed feed;
	struct position_file file;
	const char *program;
	bool skip_failures;
	char kept[FEED_POSITION_SIZE];
	int64_t kept_at;
};

/* Printing -------------------------------------------------------------------------------------*/

static enum exit_code print_event(struct ctl *ctl, struct span json, const json_t *event)
{
	const struct output *output = &ctl->output;
	struct buffer line _cleanup_buffer_;
	buffer_init(&line, DESCRIPTION_LIMIT);
	if (output->form == FORM_JSON || output->form == FORM_JSONL) {
		display_append_json_line(&line, json);
		buffer_append_text(&line, "\n");
	} else if (output->form == FORM_QUIET) {
		display_append(&line, span_of(member_text(event, "id")));
		buffer_append_text(&line, "\n");
	} else {
		describe_event(output, event, &line);
	}
	enum exit_code code = output_text(&line);
	return code ? code : output_flush();
}

/* Running --------------------------------------------------------------------------------------*/

/* The n-th pause after a program that failed. */
static int64_t pause_after(unsigned failures)
{
	static const int64_t pauses[] = {
	    MICROSECONDS_PER_SECOND, 5 * MICROSECONDS_PER_SECOND, 30 * MICROSECONDS_PER_SECOND};
	return failures < ARRAY_SIZE(pauses) ? pauses[failures] : MICROSECONDS_PER_MINUTE;
}

static void run_program(const struct watch *watch, struct span json, const json_t *event)
{
	struct buffer pause _cleanup_buffer_;
	const char *id = member_text(event, "id");
	buffer_init(&pause, 64);
	for (unsigned failures = 0;; failures++) {
		int status = program_run(watch->program, json, event);
		if (status == 0)
			return;
		buffer_clear(&pause);
		display_append_age(&pause, pause_after(failures));
		complain(EXIT_REFUSED, "%s ended with %d for %s; %s%s", watch->program, status,
		    id ? id : "?", watch->skip_failures ? "skipped" : "again in ",
		    watch->skip_failures ? "" : buffer_text(&pause));
		if (watch->skip_failures)
			return;
		feed_sleep(pause_after(failures));
	}
}

/* Following ------------------------------------------------------------------------------------*/

static enum exit_code keep_position(struct watch *watch, const char *position)
{
	if (watch->file.lock < 0 || strcmp(position, watch->kept) == 0)
		return EXIT_DONE;
	snprintf(watch->kept, sizeof(watch->kept), "%s", position);
	watch->kept_at = clock_monotonic(&clock_system);
	return position_write(&watch->file, position);
}

static enum exit_code watch_event(struct ctl *ctl, struct span json, void *context)
{
	struct watch *watch = context;
	struct err err = ERR_INIT;
	json_t *event _cleanup_json_ = NULL;
	enum exit_code code = EXIT_DONE;
	if (jsontext_parse(json, 0, &err, &event) < 0 || !member_text(event, "id"))
		return complain(EXIT_REFUSED, "an event cannot be read: %s", err.text);
	ctl->output.now = clock_wall(&clock_system);
	if (watch->program)
		run_program(watch, json, event);
	else
		code = print_event(ctl, json, event);
	return code ? code : keep_position(watch, member_text(event, "id"));
}

/* Nothing but the position moved; it may fall behind what the daemon keeps. */
static enum exit_code keep_sometimes(struct watch *watch)
{
	if (watch->kept[0] && clock_monotonic(&clock_system) - watch->kept_at < KEEP_INTERVAL)
		return EXIT_DONE;
	return keep_position(watch, watch->feed.position);
}

static enum exit_code follow_feed(struct ctl *ctl, struct watch *watch)
{
	bool began = false;
	unsigned tries = 0;
	for (;;) {
		bool named = !feed_is_position(watch->feed.position);
		enum feed_end end =
		    feed_look(ctl, &watch->feed, named ? 0 : WATCH_WAIT, watch_event, watch);
		enum exit_code code = EXIT_DONE;
		switch (end) {
		case FEED_READ:
			began = true;
			tries = 0;
			code = keep_sometimes(watch);
			break;
		case FEED_LOST:
			if (!began)
				return complain(watch->feed.code, "%s", watch->feed.reason);
			feed_pause(&tries);
			break;
		case FEED_GONE:
			return complain(EXIT_REFUSED, "%s", watch->feed.reason);
		case FEED_STOPPED:
			return watch->feed.code;
		}
		if (code)
			return code;
	}
}

static enum exit_code watch_begin(struct ctl *ctl, struct watch *watch, struct found *found)
{
	const struct options *options = ctl->options;
	const char *since = options->value[OPTION_SINCE];
	const char *state = options->value[OPTION_STATE];
	enum exit_code code = EXIT_DONE;
	watch->program = options->value[OPTION_EXEC];
	watch->skip_failures = options_have(options, OPTION_SKIP_FAILURES);
	watch->feed.types = options->value[OPTION_TYPE];
	watch->feed.project = options->value[OPTION_PROJECT];
	snprintf(watch->feed.position, sizeof(watch->feed.position), "%s", since ? since : "now");
	if (watch->program)
		code = program_check(watch->program);
	if (!code && state)
		code = position_open(state, &watch->file, watch->feed.position);
	if (!code && feed_is_position(watch->feed.position))
		snprintf(watch->kept, sizeof(watch->kept), "%s", watch->feed.position);
	if (!code && options->count > 0)
		code = reference_find_connector(ctl, options->arguments[0], found);
	if (!code && found->json) {
		watch->feed.project = member_text(found->json, "project");
		watch->feed.connector_id = member_text(found->json, "connector_id");
	}
	return code;
}

enum exit_code run_watch(struct ctl *ctl)
{
	struct found found _cleanup_found_ = {.text = NULL};
	struct watch watch = {.file = {.lock = -1}};
	enum exit_code code = watch_begin(ctl, &watch, &found);
	if (!code)
		code = follow_feed(ctl, &watch);
	position_close(&watch.file);
	return code;
}
