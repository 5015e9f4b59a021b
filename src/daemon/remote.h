/* SPDX-License-Identifier: MIT */
/* A call from this program to the daemon that runs, over its UNIX socket. */
#pragma once

#include "util/buffer.h"
#include "util/err.h"

/* What the daemon answered; body is in text, which the caller frees. */
struct remote_answer {
	unsigned status;
	struct buffer text;
	const char *body;
};

/* Posts a JSON body and reads the whole answer, of 1 MiB at most, for 60 seconds at most. Returns
 * 0; 1 when nobody listens on the socket; -1. */
int remote_post(const char *socket_path, const char *target, const char *json, struct err *err,
    struct remote_answer *ret_answer);

/* Frees the answer; takes a zeroed one. */
void remote_answer_done(struct remote_answer *answer);
#define _cleanup_remote_answer_ _cleanup_(remote_answer_done)
