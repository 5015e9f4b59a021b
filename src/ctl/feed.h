/* SPDX-License-Identifier: MIT */
/* Following the events of the daemon, from a position on, over its restarts. */
#pragma once

#include "ctl/listing.h"

#define FEED_POSITION_SIZE 64

/* How one look at the feed ended. */
enum feed_end {
	FEED_READ, /* all that there was, maybe nothing */
	FEED_LOST, /* the daemon did not answer, it stops or is off: try again, or say feed->reason
		    * and end with feed->code */
	FEED_GONE, /* the position is no good any more; why is in feed->reason */
	FEED_STOPPED, /* by each(), or by something that was complained of; feed->code says which */
};

/* Plain data. Texts are the caller's; NULL: no such filter. */
struct feed {
	char position[FEED_POSITION_SIZE]; /* the id of an event, or where to begin: now, 30m … */
	const char *project;
	const char *connector_id;
	const char *job_id;
	const char *types;
	void (*tick)(void *context); /* called now and then while nothing comes; NULL for none */
	void *tick_context;
	/* of the last look */
	enum exit_code code;
	char reason[1024];
};

/* Looks for what comes after the position, and waits so many seconds (0…60) for something. each
 * gets every event, in order, as its own bytes; then the position moves on. */
enum feed_end feed_look(
    struct ctl *ctl, struct feed *feed, int64_t wait, listing_fn *each, void *context);

/* Sets the position to the end of the feed, as it is now. */
enum feed_end feed_now(struct ctl *ctl, struct feed *feed);

/* Whether text is the id of an event, which is a position. */
bool feed_is_position(const char *text);

/* Sleeps before the daemon is asked again, longer from time to time: tries counts them. */
void feed_pause(unsigned *tries);

/* Sleeps. */
void feed_sleep(int64_t microseconds);
