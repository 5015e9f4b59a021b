/* SPDX-License-Identifier: MIT */
/* What all answers of Mixpanel's have in common, whatever was asked. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "transfer/client.h"

/* Whether the answer is a success as far as its status tells: 2xx, but neither 203, which something
 * in between has changed, nor 206, which is a part. */
bool answer_succeeded(const struct client_answer *answer);

/* Whether Mixpanel refuses our account: a fault of the configuration, not of what was asked for. */
bool answer_refuses_account(const struct client_answer *answer);

/* Why an answer is none, for people: what the transport says, or the status and what Mixpanel says
 * of it. At most size - 1 bytes. */
void answer_describe(const struct client_answer *answer, char *ret_text, size_t size);
