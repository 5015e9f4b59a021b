/* SPDX-License-Identifier: MIT */
/* URLs, taken apart by the very parser that libcurl uses to connect, so that what was checked is
 * what is connected to. Pure. */
#pragma once

#include "util/buffer.h"
#include "util/err.h"

/* A URL and its parts, each as far as there is one, else NULL; a port is there when it is written.
 */
struct url {
	char *whole;
	char *scheme;
	char *host;
	char *port;
	char *path;
};

/* Takes a URL apart. Returns 0, or -1 with why, which does not quote it: people put credentials
 * into URLs. */
int url_parse(const char *text, struct err *err, struct url *ret_url);

/* Frees the parts. */
void url_done(struct url *url);
#define _cleanup_url_ _cleanup_(url_done)

/* Appends the URL of a list's next page as the answer named it: an absolute URL of the same origin
 * (scheme, host, port) as base_url, or a path from the root. Returns 0, or -1 when it is neither:
 * the listing is then incomplete and the credential goes nowhere else. */
int url_next(struct buffer *buffer, const char *base_url, const char *next_url, struct err *err);

/* Whether a redirect of a read from url to location may be followed: the same URL with a slash
 * added to its path, nothing else. location may be absolute or a path from the root. Appends the
 * full URL when so. Returns 0, or -1. */
int url_slash_redirect(
    struct buffer *buffer, const char *url, const char *location, struct err *err);
