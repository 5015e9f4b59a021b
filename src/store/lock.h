/* SPDX-License-Identifier: MIT */
/* Keeps a second daemon out, by the file PATH.lock beside the database and by the database file
 * itself; PATH.lock also remembers how the database file looked when this program last wrote to it.
 */
#pragma once

#include <stdbool.h>

#include "util/err.h"

struct lock;

/* Takes the lock of the database at path, which need not be there yet, at once or not at all. The
 * lock ends with the process. Returns 0, or -1 with the reason (the caller names the database). */
int lock_take(const char *path, struct err *err, struct lock **ret_lock);

/* Locks the database file too, once there is one and before SQLite opens it: that lock cannot be
 * deleted from under us. Returns 0, or -1 with the reason. */
int lock_take_file(struct lock *lock, struct err *err);

/* Gives the lock back; the files stay. Not before SQLite has closed the database: to close any
 * descriptor of the file drops the locks that SQLite has on it. Takes NULL; returns NULL. */
struct lock *lock_free(struct lock *lock);

/* Whether the database file is, to the last write, the one that was sealed. */
bool lock_is_sealed(const struct lock *lock);

/* The same, and whoever sealed it was still at work: its log belongs to it. */
bool lock_is_left_open(const struct lock *lock);

/* Remembers the database file as it is, and whether it is still open. Returns 0; 1 when it was
 * written so recently that another write might carry the same time: try again in a few
 * milliseconds; -1 when it cannot be written down (the next start checks the file then). */
int lock_seal(struct lock *lock, bool open);
