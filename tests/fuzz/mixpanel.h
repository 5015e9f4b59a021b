/* SPDX-License-Identifier: MIT */
/* Mixpanel as an input has it, in the place of transfer/client.h: nothing goes out, and each
 * request gets the answer that was said for it. The thread that asks runs only while mixpanel_turn
 * lets it, on a clock that stands still unless it is moved, so that what an input does is the same
 * each time. */
#pragma once

#include <stdbool.h>

#include "transfer/client.h"
#include "util/clock.h"

/* What of an answer an input says. Texts hold until mixpanel_forget. */
struct mixpanel_answer {
	bool never; /* it does not come */
	enum client_outcome outcome;
	long status;
	int64_t retry_after; /* as in struct client_answer */
	struct span request_id;
	struct span body; /* or, when there is none, the message */
};

extern const struct clock mixpanel_clock;

/* Moves the clock on, by microseconds. */
void mixpanel_pass(int64_t time);

/* Lines up the answer to a request that comes later, the first that has none yet. Without one a
 * list is empty, and what is to be changed is. */
void mixpanel_say(const struct mixpanel_answer *answer);

/* Who sees what goes out, before it does, on the thread that asks, and what it will get. */
typedef void mixpanel_sent_fn(
    const struct client_request *request, const struct mixpanel_answer *answer);
void mixpanel_watch(mixpanel_sent_fn *sent);

/* Waits until the thread has nothing to do but wait; it was started, or is in the middle of
 * client_run. Then it stands still. */
void mixpanel_begin(void);

/* Lets it go on for one turn, if it was woken or is to get an answer. Returns whether it was. */
bool mixpanel_turn(void);

/* Lets it go for good. Time passes as it waits. */
void mixpanel_let_go(void);

/* Forgets what was said; when the thread has ended. */
void mixpanel_forget(void);
