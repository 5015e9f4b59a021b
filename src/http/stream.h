/* SPDX-License-Identifier: MIT */
/* Answers without an end: server-sent events (HTML Living Standard, "Server-sent events"). */
#pragma once

#include "http/reply.h"

/* How many there may be at a time, in all and of one caller; and never more than three quarters of
 * a listener's connections. */
#define STREAMS_LIMIT 256
#define STREAMS_OF_CALLER_LIMIT 16

/* Appends what there is to be sent to part, which is empty, and nothing when there is nothing. To
 * be called again when a topic that it watches changes (request_watch, before it reads). Returns 0;
 * 1 when that was the last; -1 with why. request_config, request_project and what the caller may
 * see are of the configuration in force. */
typedef int stream_next_fn(
    struct request *request, void *state, struct buffer *part, struct err *err);

/* Answers 200 with text/event-stream, until the client leaves, takes nothing for two minutes, or
 * has lost the right to ask. state lives as long as the request. What is in the body already is
 * sent first. Answers 429 when there are too many. */
struct answered reply_stream(struct request *request, stream_next_fn *next, void *state);
