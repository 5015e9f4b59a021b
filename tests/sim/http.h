/* SPDX-License-Identifier: MIT */
/* HTTP/1.1 on the simulated Mixpanel's side: requests taken apart, answers put together, including
 * answers that no library would let out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/text.h"

#define HTTP_HEAD_LIMIT ((size_t)64 * 1024)
#define HTTP_BODY_LIMIT ((size_t)64 * 1024 * 1024)
#define HTTP_HEADER_LIMIT 64

struct http_header {
	struct span name;
	struct span value;
};

/* All spans point into the bytes that were parsed. path is raw, without the query. */
struct request {
	struct span method;
	struct span target;
	struct span path;
	struct span query;
	struct http_header headers[HTTP_HEADER_LIMIT];
	size_t header_count;
	struct span body;
	bool keep_alive;
	bool expects_continue;
};

enum http_progress { HTTP_COMPLETE, HTTP_NEEDS_HEAD, HTTP_NEEDS_BODY, HTTP_MALFORMED };

/* Takes the first request out of input. HTTP_COMPLETE: all of it is there and ret_used tells how
 * many bytes it took. HTTP_NEEDS_BODY: everything but the body is filled in. Bodies are framed by
 * Content-Length only; a chunked request is malformed here. */
enum http_progress http_parse(struct span input, struct request *ret_request, size_t *ret_used);

/* The value of a header, whatever the case of its name; SPAN_NONE when it was not sent. */
struct span http_header(const struct request *request, const char *name);

/* The raw value of a query parameter; SPAN_NONE when it is not there. */
struct span http_query(const struct request *request, const char *name);

enum http_framing {
	HTTP_LENGTH,  /* Content-Length */
	HTTP_CHUNKED, /* Transfer-Encoding: chunked, in small chunks */
	HTTP_CLOSE,   /* neither: the end of the connection ends the body */
	HTTP_RAW,     /* the body is all that is sent: no status line, no headers */
};

/* What is sent and how badly. */
struct answer {
	unsigned status;
	struct buffer headers; /* whole lines, each with CR LF; they replace the usual ones */
	struct buffer body;
	enum http_framing framing;
	size_t body_sent; /* only so many bytes of the body are sent, whatever the head promises */
	int64_t delay;    /* microseconds before the first byte */
	int64_t drip;     /* microseconds between single bytes; 0: no dripping */
	bool silent;      /* nothing is sent */
	bool hang;        /* the connection is neither answered nor closed */
	bool close;       /* closed after what was sent */
	bool reset;       /* closed by a reset instead of an orderly end */
};

/* 200, empty, well-behaved. */
void answer_init(struct answer *answer);
void answer_done(struct answer *answer);

/* Forgets the body and replaces it. */
void answer_set(struct answer *answer, unsigned status, const char *body);

/* Adds a header; the usual one of that name is then left out. */
void answer_header(struct answer *answer, const char *name, const char *value);

/* Appends the bytes that go out. */
void answer_serialise(const struct answer *answer, struct buffer *out);
