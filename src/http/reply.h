/* SPDX-License-Identifier: MIT */
/* The only place that queues a response. A handler composes (header, ETag, faults, extra members),
 * then ends with exactly one function that returns struct answered. On a
 * ROUTE_FOREIGN route problems come out in the other API's shape. Every answer carries
 * X-Request-Id, X-Content-Type-Options and Cache-Control. */
#pragma once

#include "http/problem.h"
#include "http/router.h"
#include "util/writer.h"

/* The buffer of the answer's body, empty at first; compose into it, then reply_json. At most
 * 16 MiB. */
struct buffer *reply_body(struct request *request);

/* Adds a header to the answer. Both are copied. */
void reply_header(struct request *request, const char *name, const char *value);

/* Sets the ETag, quoted and weak as it is to be sent (W/"…"); with it, reply_json answers 304 when
 * If-None-Match names it (weak comparison, RFC 9110 section 13.1.2), on GET and HEAD. */
void reply_etag(struct request *request, const char *etag);

/* Notes something to point at, for the problem that will follow. kind is "pointer" or "parameter".
 * All are copied. At most 100 are kept. */
void reply_fault(struct request *request, const char *kind, const char *where, const char *code,
    const char *detail);

/* How many faults were noted. */
unsigned reply_faults(const struct request *request);

/* A writer for further members of the problem that will follow, such as "operation". */
void reply_problem_members(struct request *request, struct writer *ret_writer);

/* Answers with the body composed, as application/json. When the buffer has failed: 500. */
struct answered reply_json(struct request *request, unsigned status);

/* Writes the next part of a body into part, which is empty. thread is that of request_thread.
 * Returns 1 when others follow, 0 after the last, -1 with why. */
typedef int reply_part_fn(void *state, void *thread, struct buffer *part, struct err *err);

/* Answers 200 with the body composed so far and then part after part, as application/json, each
 * asked for once the client has taken the one before: a body of any length takes the memory of one
 * part. When a part fails, that is logged and the connection cut, so that the client misses the
 * end. state is the reply's from now on, and is freed with free(3). */
struct answered reply_parts(struct request *request, reply_part_fn *next, void *state);

/* Answers with the body composed, under another content type (metrics). */
struct answered reply_text(struct request *request, unsigned status, const char *content_type);

/* Answers 200 with the text that the handler of this route kept for who may see the same, if that
 * is still good. Returns whether it did; the answer is the handler's to return then. */
bool reply_text_again(
    struct request *request, const char *content_type, struct answered *ret_answered);

/* As reply_text with 200, and keeps the text for so many microseconds, whatever changes meanwhile;
 * the thread keeps one. */
struct answered reply_text_for(
    struct request *request, const char *content_type, int64_t microseconds);

/* Answers 204. */
struct answered reply_no_content(struct request *request);

/* Answers with a problem. The detail is for people: what happened, to which object, what to do. */
struct answered reply_problem(
    struct request *request, enum problem problem, const char *format, ...) PRINTF_LIKE(3, 4);

/* As reply_problem with another status than the registry's (another server's, passed on). */
struct answered reply_problem_status(struct request *request, enum problem problem, unsigned status,
    const char *format, ...) PRINTF_LIKE(4, 5);

/* Answers 401, with how to show who one is. */
struct answered reply_unauthorized(struct request *request, const char *detail);

/* Answers 500 and logs why. */
struct answered reply_failed(struct request *request, const struct err *err);

/* The answer that follows (200, JSON, with or without an ETag) says the same to everybody who sees
 * the same projects until the store changes or the wall clock reaches `until`: it may be kept and
 * served again to the same raw path and query. Only on a ROUTE_KEPT route. */
void reply_keep_until(struct request *request, int64_t until);

/* For the edge alone: answers 200 with a response, which is taken; NULL: without memory. */
struct MHD_Response;
struct answered reply_response(
    struct request *request, struct MHD_Response *response, const char *content_type);

/* For the edge alone: what the thread kept under a name, of the present state of the store, for who
 * may see the same; borrowed until the next call. NULL when there is none. What is read after this
 * may be kept by reply_keep_as. */
struct kept;
struct kept *reply_find_kept(struct request *request, struct span name);

/* For the edge alone: keeps it until that wall-clock time, unless the store has changed meanwhile.
 */
void reply_keep_as(struct request *request, struct span name, int64_t until, struct kept *kept);

/* For the edge alone: answers with a body that was kept. */
struct answered reply_kept(struct request *request, struct kept *kept);

/* For the edge alone: identifies callers that may see the same. */
const void *reply_viewer(const struct request *request);
