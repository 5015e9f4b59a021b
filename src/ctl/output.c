/* SPDX-License-Identifier: MIT */
/* How records are written, for people on a terminal, for people elsewhere, and for programs. */
#include "ctl/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl/complain.h"
#include "ctl/display.h"
#include "util/clock.h"
#include "util/timestamp.h"

#define SHORT_ID 8
#define COLUMNS_USUAL 80
#define RECORD_LIMIT ((size_t)256 * 1024 * 1024)

static size_t terminal_columns(void)
{
	struct winsize size = {.ws_col = 0};
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return COLUMNS_USUAL;
}

static bool wants_color(const struct options *options, bool terminal)
{
	const char *when = options->value[OPTION_COLOR];
	const char *no_color = getenv("NO_COLOR");
	const char *kind = getenv("TERM");
	if (when && strcmp(when, "auto") != 0)
		return strcmp(when, "always") == 0;
	return terminal && !(no_color && *no_color) && kind && *kind && strcmp(kind, "dumb") != 0;
}

void output_init(struct output *output, const struct options *options)
{
	bool terminal = isatty(STDOUT_FILENO) != 0;
	bool wide = options_have(options, OPTION_WIDE);
	*output = (struct output){
	    .form = FORM_TEXT,
	    .terminal = terminal && !wide,
	    .color = wants_color(options, terminal),
	    .columns = terminal && !wide ? terminal_columns() : 0,
	    .now = clock_wall(&clock_system),
	};
	if (options_have(options, OPTION_JSON))
		output->form = FORM_JSON;
	if (options_have(options, OPTION_JSONL))
		output->form = FORM_JSONL;
	if (options_have(options, OPTION_QUIET))
		output->form = FORM_QUIET;
}

static enum exit_code unwritable(void)
{
	return complain(EXIT_FILE, "standard output cannot be written: %s", strerror(errno));
}

enum exit_code output_text(const struct buffer *text)
{
	if (buffer_failed(text))
		return complain(EXIT_REFUSED, "no memory for what is to be printed");
	if (fwrite(buffer_text(text), 1, text->len, stdout) != text->len)
		return unwritable();
	return EXIT_DONE;
}

enum exit_code output_flush(void)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_DONE : unwritable();
}

enum exit_code output_record(const struct output *output, struct span json, const char *id)
{
	struct buffer line _cleanup_buffer_;
	buffer_init(&line, RECORD_LIMIT);
	switch (output->form) {
	case FORM_TEXT:
		return EXIT_DONE;
	case FORM_JSON:
		buffer_append(&line, json.ptr, json.len);
		break;
	case FORM_JSONL:
		display_append_json_line(&line, json);
		break;
	case FORM_QUIET:
		if (!id)
			return EXIT_DONE;
		display_append(&line, span_of(id));
		break;
	}
	buffer_append_text(&line, "\n");
	return output_text(&line);
}

/* Cells ----------------------------------------------------------------------------------------*/

enum tone tone_of(const char *word)
{
	static const char *const good[] = {"ok", "active", "succeeded", "present", "ready", NULL};
	static const char *const busy[] = {"running", "queued", "planned", "sending", NULL};
	static const char *const bad[] = {"failed", "unauthorized", "unreachable", "down",
	    "critical", "rejected", "stopped", "FAIL", NULL};
	static const char *const doubtful[] = {"paused", "cancelled", "degraded", "rate-limited",
	    "unknown", "warning", "warn", "deleted", "gone", NULL};
	if (text_find(good, word) >= 0)
		return TONE_GOOD;
	if (text_find(busy, word) >= 0)
		return TONE_BUSY;
	if (text_find(bad, word) >= 0)
		return TONE_BAD;
	return text_find(doubtful, word) >= 0 ? TONE_DOUBTFUL : TONE_PLAIN;
}

void cell_text_of(struct table *table, const json_t *json, enum tone tone)
{
	table_add(table,
	    (struct span){.ptr = json_string_value(json), .len = json_string_length(json)}, tone);
}

void cell_word(struct table *table, const char *word)
{
	table_add(table, span_of(word), tone_of(word));
}

void cell_id(const struct output *output, struct table *table, const char *id)
{
	struct span text = span_of(id);
	if (output->terminal && text.len > SHORT_ID)
		text.len = SHORT_ID;
	table_add(table, text, TONE_PLAIN);
}

int64_t output_age(const struct output *output, const char *time)
{
	int64_t at = TIMESTAMP_NONE;
	if (!time || timestamp_parse(time, &at) != 0)
		return TIMESTAMP_NONE;
	return output->now - at;
}

void cell_time(const struct output *output, struct table *table, const char *time)
{
	struct buffer text _cleanup_buffer_;
	int64_t age = output_age(output, time);
	buffer_init(&text, 64);
	if (output->terminal && age != TIMESTAMP_NONE)
		display_append_age(&text, age);
	else if (time)
		buffer_append_text(&text, time);
	table_add(table, span_of(buffer_text(&text)), TONE_PLAIN);
}

void cell_number(struct table *table, const json_t *json)
{
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, 64);
	if (json_is_integer(json))
		display_append_number(&text, json_integer_value(json));
	table_add(table, span_of(buffer_text(&text)), TONE_PLAIN);
}

/* Facts ----------------------------------------------------------------------------------------*/

void fact(struct buffer *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buffer_printf(out, "%-14s", name);
	display_append(out, span_of(value));
	buffer_append_text(out, "\n");
}

void append_word(const struct output *output, struct buffer *out, const char *word)
{
	struct buffer shown _cleanup_buffer_;
	buffer_init(&shown, RECORD_LIMIT);
	display_append(&shown, span_of(word ? word : "?"));
	tone_append(out, (struct span){.ptr = buffer_text(&shown), .len = shown.len}, tone_of(word),
	    output->color);
}

void fact_word(const struct output *output, struct buffer *out, const char *name, const char *word)
{
	if (!word)
		return;
	buffer_printf(out, "%-14s", name);
	append_word(output, out, word);
	buffer_append_text(out, "\n");
}

void fact_time(const struct output *output, struct buffer *out, const char *name, const char *time)
{
	struct buffer text _cleanup_buffer_;
	int64_t age = output_age(output, time);
	buffer_init(&text, 256);
	if (!time)
		return;
	buffer_append_text(&text, time);
	if (output->terminal && age != TIMESTAMP_NONE) {
		buffer_append_text(&text, " (");
		display_append_age(&text, age);
		buffer_append_text(&text, " ago)");
	}
	fact(out, name, buffer_text(&text));
}
