/* SPDX-License-Identifier: MIT */
/* How a listener's connections are shared: no caller may hold more than half of them, and all who
 * have not shown yet who they are together not more than a quarter, so that there is always room
 * for another. A connection carries one request at a time, and so also one wait or one stream. */
#pragma once

#include <stdint.h>

#include "http/connection.h"

/* Who holds a connection of a peer's or of a token's. */
uint64_t share_of_uid(uid_t uid);
uint64_t share_of_token(const char *name);

/* The connection is this caller's from now on. Returns 0; or 1, and the most that a caller may
 * hold, when it holds so many already. The worker's thread. */
int share_claim(struct connection *connection, uint64_t holder, unsigned *ret_most);

/* How many streams there are: in all, on the connection's listener, and of its holder. */
struct share_streams {
	unsigned all, of_listener, of_holder;
};
struct share_streams share_count_streams(const struct connection *connection);

/* After a connection was opened, that is nobody's yet: when there are too many of these, the oldest
 * one is shut down. On a UNIX socket that is one of the same user's, as far as it has others, so
 * that nobody takes another's place; on the listener of health, where nobody says who they are,
 * only once it is full. */
void share_opened(struct connection *connection);
