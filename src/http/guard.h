/* SPDX-License-Identifier: MIT */
/* What a request must satisfy before a handler sees it. */
#pragma once

#include <stdbool.h>

#include "http/problem.h"

struct request;
struct worker;

/* Checks how the request is framed and finds path, query, id and whether it has a body. Returns 0,
 * or 1 when it was refused. version is libmicrohttpd's own string: its place in memory tells
 * something. */
int guard_frame(struct request *request, const char *version);

/* Checks the rest of the head, in the order that guard.c explains, and fills the admitted part of
 * the request. Returns 0 when it may go on, reading its body first if it has one, or 1 when it was
 * answered. */
int guard_admit(struct request *request);

/* libmicrohttpd is about to refuse a whole head by itself, see guard.c: refuses it instead, for its
 * length (PROBLEM_BAD_REQUEST, PROBLEM_BODY_TOO_LARGE) or its cookies (PROBLEM_HEAD_TOO_LARGE). The
 * worker's thread. Returns whether the request was found and the answer sent. */
bool guard_refuse_unread(struct worker *worker, enum problem problem);
