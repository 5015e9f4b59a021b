/* SPDX-License-Identifier: MIT */
/* Keeps what repeats a service account from going on: an answer may quote the request it is to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/secret.h"

/* A longer pair is none. */
#define SCRUB_PAIR_LIMIT 4096

/* Whether data holds the pair "username:secret", the secret alone (one of 8 bytes or more), or the
 * pair in base64, in either alphabet and with or without padding; each of them as it is or with any
 * of its characters escaped as in JSON, and as in JSON within JSON. With overwrite set, each is
 * overwritten with asterisks, escapes as a whole, so that JSON stays JSON; data is not changed
 * otherwise. Takes time in proportion to len. */
bool scrub(const struct secret *pair, char *data, size_t len, bool overwrite);
