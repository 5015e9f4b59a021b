/* SPDX-License-Identifier: MIT */
/* Waiting. A handler that may wait is written as a function that can be entered again:
 *
 *	request_watch(request, TOPIC, id);     before the state is read
 *	…read the state…
 *	if (…what the caller waits for holds… || request_wait_over(request))
 *		return reply_json(…);
 *	return reply_wait(request, this_function);
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "http/router.h"

/* Sets how long the request may wait in all, from its arrival; once. Seconds, 0 for not at all. */
void request_wait_for(struct request *request, uint64_t seconds);

/* From now on a change of this topic (id "": of any of its kind) ends the next reply_wait at once,
 * even when it happens before it. At most four topics a request. */
void request_watch(struct request *request, unsigned kind, const char *id);

/* The next reply_wait ends at once, as if what is watched had changed: others have their turn, and
 * then the request goes on. Call it after request_watch. */
void request_go_on(struct request *request);

/* Whether the time to wait is used up, the client has left, or the daemon stops. */
bool request_wait_over(const struct request *request);

/* Suspends the request until a watched change, the end of the time to wait, the client leaving, or
 * the daemon stopping; then resume is called on the connection's thread. */
struct answered reply_wait(struct request *request, handler_fn *resume);

/* Suspends the request, calls begin, and when request_call_done is called, by whatever thread,
 * calls resume. call (in the arena) is what request_call returns from now on. When the daemon
 * stops, the call may be abandoned: the caller is told so, and what is in the arena stays until it
 * is done. */
struct answered reply_after_call(struct request *request, void *call,
    void (*begin)(struct request *request, void *call), handler_fn *resume);

/* The last call that was begun; NULL: there was none. */
void *request_call(const struct request *request);

/* Ends a call; exactly once for each that was begun. Nothing of the request may be touched by the
 * caller after it. Any thread; does not block. */
void request_call_done(struct request *request);

/* For the edge alone: goes on with a request that was resumed. One whose caller has lost the right
 * to ask meanwhile is answered 401 or 403, and its connection closed. */
struct answered request_resume(struct request *request);
