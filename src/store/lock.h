/* The file PATH.lock beside the database: keeps a second daemon out, and remembers how the database
 * file looked when this program last wrote to it. */
#ifndef MIXPORT_STORE_LOCK_H
#define MIXPORT_STORE_LOCK_H

#include <stdbool.h>

#include "util/err.h"

struct lock;

/* Takes the lock of the database at path, at once or not at all. The lock ends with the process.
 * Returns 0, or -1 with the reason (the caller names the database). */
int lock_take(const char *path, struct err *err, struct lock **ret_lock);

/* Gives the lock back; the file stays. Takes NULL; returns NULL. */
struct lock *lock_free(struct lock *lock);

/* Whether the database file is, to the last write, the one that was sealed. */
bool lock_is_sealed(const struct lock *lock);

/* Remembers the database file as it is. Returns 0; 1 when it was written so recently that another
 * write might carry the same time: try again in a few milliseconds; -1 when it cannot be written
 * down (the next start checks the file then). */
int lock_seal(struct lock *lock);

#endif
