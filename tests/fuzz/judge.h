/* SPDX-License-Identifier: MIT */
/* What may be answered to the bytes of a connection. */
#pragma once

#include "http1.h"
#include "util/buffer.h"

#define JUDGE_INPUT_LIMIT ((size_t)128 * 1024)

/* Reads the requests of an input, which is no longer than JUDGE_INPUT_LIMIT, as far as they are
 * whole and beyond doubt. Returns how many; they hold until the next call. */
size_t judge_read(struct span input, const struct http1_request **ret_requests);

/* Each of them has one answer at most, in its order, and what follows them one more, the last:
 * well formed, framed beyond doubt, UTF-8 and, where it says so, JSON; nothing follows one that
 * ends the connection. Aborts where that does not hold. The answers' bytes may be changed. Returns
 * how many there are, and the last one. */
size_t judge_answers(const struct buffer *answers, struct http1_answer *ret_last);

/* Aborts unless a condition holds, and shows what was answered. */
void judge_failed(const struct buffer *answers, const char *condition);
#define judge(answers, condition)                                                                  \
	do {                                                                                       \
		if (!(condition))                                                                  \
			judge_failed(answers, #condition);                                         \
	} while (0)
