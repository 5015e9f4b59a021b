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

/* What stream_keep_piece kept under this name: for callers who may see the same, while the store
 * and the configuration stay as they are. Borrowed until the next call; SPAN_NONE when there is
 * none. From within a stream_next_fn, before it reads. */
struct span stream_find_piece(struct request *request, struct span name);

/* Keeps a copy for the other streams of this thread, which are about to read the same. What is
 * long, or finds no memory, is not kept. */
void stream_keep_piece(struct request *request, struct span name, struct span piece);
