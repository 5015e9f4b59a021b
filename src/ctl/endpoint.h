/* SPDX-License-Identifier: MIT */
/* Where the daemon is, and the token for it. */
#pragma once

#include "ctl/options.h"
#include "util/secret.h"

#define ENDPOINT_CONFIG "/etc/mixportd/mixportd.conf"
#define ENDPOINT_URL "http://127.0.0.1:6973"

/* Invariant: either socket or url is there. A token is there for a url only; token_from then says
 * where it came from. */
struct endpoint {
	char *socket;
	char *url; /* without a slash at the end */
	struct secret *token;
	char *token_from;
};

/* The first of: what the options say, what the environment says, TCP when there is a token, the
 * socket of the daemon's configuration, the usual socket. Nothing is asked; no other is tried when
 * nobody is there. */
enum exit_code endpoint_find(const struct options *options, struct endpoint *ret_endpoint);

/* The same for what goes with a configuration: what the options and the environment say, else its
 * socket; NULL for the usual one. */
enum exit_code endpoint_find_beside(
    const struct options *options, const char *socket_path, struct endpoint *ret_endpoint);

/* Frees it, and wipes the token. Takes a zeroed one. */
void endpoint_done(struct endpoint *endpoint);
#define _cleanup_endpoint_ _cleanup_(endpoint_done)
