/* SPDX-License-Identifier: MIT */
/* Mixpanel's answers: bytes in, records out. Pure. Everything the vendor's sources show is
 * accepted: both id names, both success words, three forms of time, creators as object or text,
 * answers with and without the envelope, three shapes of errors. An answer that does not hold what
 * was asked for is refused as a whole; in a list, an entry that cannot be read is left out and
 * counted, and the others stand. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model/connector.h"
#include "model/job.h"
#include "util/arena.h"
#include "util/err.h"

/* A decoded answer owns what its records point to: the bytes stay the caller's and must outlive it,
 * the rest lives in the arena. */
struct decoded {
	struct arena arena;
};

/* Frees what was decoded; takes a half-built one. */
void decoded_done(struct decoded *decoded);
#define _cleanup_decoded_ _cleanup_(decoded_done)

/* What a page of a list says beside its entries. */
struct decoded_page {
	bool has_more;
	const char *next_url; /* NULL when null, empty, missing or no text */
	size_t unreadable;    /* how many entries were left out */
	const char *odd;      /* what is wrong with the first of those; NULL for none */
};

/* One page of the connector list; no id is twice in it. */
struct decoded_listing {
	struct decoded decoded;
	struct decoded_page page;
	struct connector *connectors;
	size_t count;
};

/* One page of a history. */
struct decoded_history {
	struct decoded decoded;
	struct decoded_page page;
	struct run *runs; /* in the order sent */
	size_t count;
};

/* One connector. */
struct decoded_connector {
	struct decoded decoded;
	struct connector connector;
};

/* Each returns 0, or -1 with what is wrong with the answer; ret is filled only on success and is
 * to be freed with decoded_done(&ret->decoded). Left out of a list are: what is no object or cannot
 * be parsed; a connector without a usable id, or with that of one before it; a run with neither a
 * status nor a start time. An answer that says it failed, whatever its HTTP status, is none. */
int decode_listing(struct span body, struct err *err, struct decoded_listing *ret);
int decode_history(struct span body, struct err *err, struct decoded_history *ret);
int decode_connector(struct span body, struct err *err, struct decoded_connector *ret);

/* Whether the answer to a delete confirms it. Returns 0, or -1. */
int decode_deleted(struct span body, struct err *err);

/* Whether an answer that is no success is Mixpanel's own: an object whose status is "error". A page
 * of text or HTML comes from something in between, and proves nothing about what was asked for. */
bool decode_is_refusal(struct span body);

/* What Mixpanel says went wrong, from any of its three shapes of errors or from plain text or HTML
 * (tags and control characters removed), at most size - 1 bytes, cut at a character. "" when the
 * body says nothing. */
void decode_error_message(struct span body, char *ret_text, size_t size);
