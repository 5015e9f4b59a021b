/* SPDX-License-Identifier: MIT */
/* The edge without threads: listeners, workers and attendant as the daemon has them, each on an
 * abstract UNIX socket, turned by the calling thread. So what an input does is done when the next
 * one comes, and is the same each time. */
#pragma once

#include <stdbool.h>

#include "http/application.h"
#include "http/endpoint.h"
#include "util/buffer.h"
#include "util/text.h"

struct config;

/* Makes the listeners, once; they end with the process. A failure ends it. The application outlives
 * it. Takes a reference to config. */
void serve_start(const struct application *application, struct config *config);

/* Forgets who asked how often. tired: so many were not let in on TCP that who is not has to wait.
 */
void serve_forget(bool tired);

/* What else is to be done until the edge waits for nothing but its client; returns whether it did
 * something. NULL: nothing. */
void serve_meanwhile(bool (*work)(void));

/* Puts another configuration in force. */
void serve_reload(struct config *config);

/* Has whoever waits for something look again. Any thread. */
void serve_nudge(void);

/* Says the input on a connection in pieces of a size (0: in one), then no more, and gathers what is
 * answered until the edge has closed it. */
void serve_input(
    enum listener_kind kind, size_t piece_size, struct span input, struct buffer *answers);
