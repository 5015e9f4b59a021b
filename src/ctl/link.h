/* SPDX-License-Identifier: MIT */
/* The way to the daemon: HTTP exchanges, one after the other, over one connection. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ctl/endpoint.h"
#include "ctl/exits.h"
#include "util/buffer.h"
#include "util/text.h"

/* Opaque. */
struct link;

/* How an exchange went on the wire. */
enum link_end {
	LINK_ANSWERED,
	LINK_NO_SOCKET,   /* there is no such file */
	LINK_NOBODY,      /* refused */
	LINK_NOT_ALLOWED, /* the socket is not for this user */
	LINK_TIME_UP,     /* no connection in 5 seconds, or no whole answer in the time given */
	LINK_LOST,        /* the connection ended before the answer */
	LINK_TOO_LONG,    /* the answer */
	LINK_UNWRITABLE,  /* copy_to takes no more */
	LINK_FAILED,      /* otherwise */
};

/* One request and its answer. What is asked is the caller's and outlives the exchange. Start with
 * the first group of members set and the others zero; end with exchange_done. */
struct exchange {
	const char *method;
	const char *target;          /* path and query */
	struct span body;            /* SPAN_NONE for none */
	const char *content;         /* its type; NULL for JSON */
	const char *key;             /* Idempotency-Key; NULL for none */
	int64_t patience;            /* microseconds; 0: --max-time */
	void (*tick)(void *context); /* called about once a second; NULL for none */
	void *tick_context;
	FILE *copy_to; /* the body goes there instead of text; NULL for none */

	enum link_end end;
	bool sent; /* the request may have reached the daemon */
	unsigned status;
	char content_type[64]; /* without parameters; "" for none */
	struct buffer text;
	char failure[256]; /* the library's words, when it did not go well */
	int64_t skew; /* of the daemon's clock against ours by Date; TIMESTAMP_NONE: not told */
};

/* Makes it; no connection yet. Borrows both. */
enum exit_code link_new(
    const struct options *options, const struct endpoint *endpoint, struct link **ret_link);

/* Closes the connection. Takes NULL; returns NULL. */
struct link *link_free(struct link *link);

/* Asks; says nothing. Look at exchange->end. */
void link_exchange(struct link *link, struct exchange *exchange);

/* Asks; says why there is no answer. EXIT_DONE when there is one, with whatever status. */
enum exit_code link_ask(struct link *link, struct exchange *exchange);

/* Appends why there was no answer, and returns the exit status for that. */
enum exit_code link_explain(
    const struct link *link, const struct exchange *exchange, struct buffer *text);

/* Says why there was no answer, and returns the exit status for that. */
enum exit_code link_complain(const struct link *link, const struct exchange *exchange);

/* Where the daemon is asked, for people. */
const char *link_name(const struct link *link);

/* Where its token came from; NULL when it has none. */
const char *link_token_from(const struct link *link);

/* Frees the answer. Takes a zeroed one. */
void exchange_done(struct exchange *exchange);
#define _cleanup_exchange_ _cleanup_(exchange_done)
