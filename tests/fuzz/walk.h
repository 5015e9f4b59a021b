/* SPDX-License-Identifier: MIT */
/* Reads all that a database holds by every function there is for it, and shows it as the API does.
 * Shared by the targets whose database is not what the daemon wrote. */
#pragma once

#include <stdbool.h>

#include "store/conn.h"

/* Reads through the connection, the writer's functions too when it is one. Whatever the rows hold,
 * functions may fail with a sentence; what they deliver is shown in valid JSON and UTF-8, and lists
 * end. */
void walk_store(struct conn *conn, bool writer);

/* Writes to the rows as the sync thread does, by every function there is for it. In a transaction.
 * Nothing is said of what then stands there. */
void change_store(struct conn *writer);
