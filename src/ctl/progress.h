/* SPDX-License-Identifier: MIT */
/* How a job that is waited for gets on, on standard error: a bar on a terminal, else a line for
 * each change of status. */
#pragma once

#include "ctl/ask.h"

#define PROGRESS_STATUS_SIZE 32

/* Plain data. */
struct progress {
	bool silent;
	bool bar;
	bool drawn; /* a bar stands on the last line */
	size_t columns;
	int64_t drawn_at; /* monotonic */
	/* of the job, as last told */
	char job_id[64];
	char status[PROGRESS_STATUS_SIZE];
	char told[PROGRESS_STATUS_SIZE];
	double part;      /* below 0: not known */
	int64_t began_at; /* wall clock; TIMESTAMP_NONE: it has not begun */
};

/* What standard error and the options say. */
void progress_init(struct progress *progress, const struct ctl *ctl);

/* Takes in what is known of the job now, and shows it. */
void progress_tell(struct progress *progress, const json_t *job);

/* Shows how time goes by; at most four times a second. */
void progress_tick(void *progress);

/* Takes the bar away. */
void progress_end(struct progress *progress);

/* Appends the line that stands for a job under way: pure, for tests. elapsed is below 0 when it has
 * not begun. */
void progress_append(const struct progress *progress, int64_t elapsed, struct buffer *line);
