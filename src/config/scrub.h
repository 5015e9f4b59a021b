/* SPDX-License-Identifier: MIT */
/* Keeps what repeats a service account from going on: an answer may quote the request it is to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/secret.h"

/* A longer pair is none. */
#define SCRUB_PAIR_LIMIT 4096

/* Whether data holds the pair "username:secret" or, of 8 bytes or more, the secret alone: as it is,
 * or with any of its characters escaped as in JSON, as in JSON within JSON, or as in a URL; in
 * base64, in either alphabet, with or without padding, whatever stands before it there; or in
 * hexadecimal digits of either case. What base64 and hexadecimal digits make of it may be escaped
 * as well. A pair is not looked for in fewer than 8 of their characters, and in base64 only as a
 * whole text.
 *
 * With overwrite set, each is overwritten with asterisks, escapes as a whole, so that JSON stays
 * JSON; data is not changed otherwise. Takes time in proportion to len. Without memory the whole of
 * data is taken for such. */
bool scrub(const struct secret *pair, char *data, size_t len, bool overwrite);
