/* SPDX-License-Identifier: MIT */
/* The bar is drawn over itself; what is left of the time is told only when it can be. */
#include "ctl/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl/complain.h"
#include "util/clock.h"
#include "util/timestamp.h"

#define BAR_WIDTH 40
#define SHOWN_OF_ID 14
#define REDRAW_INTERVAL (250 * MICROSECONDS_PER_MILLISECOND)
#define COLUMNS_USUAL 80
#define LINE_LIMIT ((size_t)4096)

/* From here on what is left can be told from what is done. */
#define PART_ENOUGH 0.05
#define TIME_ENOUGH (10 * MICROSECONDS_PER_SECOND)

void progress_init(struct progress *progress, const struct ctl *ctl)
{
	struct winsize size = {.ws_col = 0};
	const char *kind = getenv("TERM");
	bool terminal = isatty(STDERR_FILENO) && kind && *kind && strcmp(kind, "dumb") != 0;
	if (!terminal || ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		size.ws_col = COLUMNS_USUAL;
	*progress = (struct progress){
	    .silent = ctl->output.form == FORM_QUIET,
	    .bar = terminal,
	    .columns = size.ws_col,
	    .part = -1,
	    .began_at = TIMESTAMP_NONE,
	};
}

static void append_bar(double part, struct buffer *line)
{
	char bar[BAR_WIDTH + 1];
	int done = (int)(part * BAR_WIDTH);
	done = done < 0 ? 0 : done > BAR_WIDTH ? BAR_WIDTH : done;
	memset(bar, '#', (size_t)done);
	memset(bar + done, '.', (size_t)(BAR_WIDTH - done));
	bar[BAR_WIDTH] = '\0';
	buffer_printf(line, "  [%s]  %2.0f %%", bar, part * 100);
}

void progress_append(const struct progress *progress, int64_t elapsed, struct buffer *line)
{
	double part = progress->part;
	bool longer = strlen(progress->job_id) > SHOWN_OF_ID;
	buffer_printf(line, "%.*s%s  %s", SHOWN_OF_ID, progress->job_id,
	    longer ? "\xe2\x80\xa6" : "", progress->status);
	if (part >= 0 && part <= 1)
		append_bar(part, line);
	if (elapsed < 0)
		return;
	buffer_append_text(line, "  ");
	display_append_lasting(line, elapsed, "");
	if (part < PART_ENOUGH || part > 1 || elapsed < TIME_ENOUGH)
		return;
	buffer_append_text(line, "  about ");
	display_append_lasting(line, (int64_t)((double)elapsed * (1 - part) / part), "");
	buffer_append_text(line, " left");
}

static void draw(struct progress *progress)
{
	struct buffer line _cleanup_buffer_;
	struct buffer cut _cleanup_buffer_;
	int64_t elapsed = progress->began_at == TIMESTAMP_NONE
			      ? -1
			      : clock_wall(&clock_system) - progress->began_at;
	buffer_init(&line, LINE_LIMIT);
	buffer_init(&cut, LINE_LIMIT);
	progress_append(progress, elapsed, &line);
	display_append_cut(
	    &cut, (struct span){.ptr = buffer_text(&line), .len = line.len}, progress->columns - 1);
	fprintf(stderr, "\r%s\x1b[K", buffer_text(&cut));
	(void)fflush(stderr);
	progress->drawn = true;
	progress->drawn_at = clock_monotonic(&clock_system);
}

void progress_tick(void *context)
{
	struct progress *progress = context;
	if (!progress->drawn ||
	    clock_monotonic(&clock_system) - progress->drawn_at < REDRAW_INTERVAL)
		return;
	draw(progress);
}

static void take_text(char *field, size_t size, const char *text)
{
	struct buffer shown _cleanup_buffer_;
	buffer_init(&shown, LINE_LIMIT);
	display_append(&shown, span_of(text));
	snprintf(field, size, "%s", buffer_text(&shown));
}

void progress_tell(struct progress *progress, const json_t *job)
{
	const json_t *part = member(job, "progress");
	const char *began = member_text(job, "start_time");
	int64_t at = TIMESTAMP_NONE;
	take_text(progress->job_id, sizeof(progress->job_id), member_text(job, "job_id"));
	take_text(progress->status, sizeof(progress->status), member_text(job, "status"));
	progress->part = json_is_number(part) ? json_number_value(part) : -1;
	progress->began_at = began && timestamp_parse(began, &at) == 0 ? at : TIMESTAMP_NONE;
	if (progress->silent)
		return;
	if (progress->bar &&
	    (!progress->drawn ||
		clock_monotonic(&clock_system) - progress->drawn_at >= REDRAW_INTERVAL)) {
		draw(progress);
	} else if (!progress->bar && strcmp(progress->status, progress->told) != 0) {
		remark("%s  %s", progress->job_id, progress->status);
		snprintf(progress->told, sizeof(progress->told), "%s", progress->status);
	}
}

void progress_end(struct progress *progress)
{
	if (progress->drawn)
		fputs("\r\x1b[K", stderr);
	progress->drawn = false;
	(void)fflush(stderr);
}
