/* SPDX-License-Identifier: MIT */
/* Files: reading small ones whole, and telling whether others could read or change them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/buffer.h"
#include "util/err.h"

/* A group that is this process's own, has no other member and is not root's counts as this user. */
enum file_trust {
	FILE_TRUST_UNCHANGED, /* nobody but root and this user may change it */
	FILE_TRUST_SECRET,    /* nobody but root and this user may change or read it */
};

/* Appends the whole regular file to buffer, whose limit bounds it. Returns 0; 1 when the file does
 * not exist; -1 with the path and the reason. */
int file_read(const char *path, struct buffer *buffer, struct err *err);

/* Checks owner, mode and access list (POSIX ACL, which systemd uses on credentials) of the file
 * and of every folder that takes part in finding it: those of the path as given, and those that its
 * symbolic links lead through. A folder that others may write passes only when it is sticky and the
 * entry belongs to root or this user, as in /tmp. Returns 0, or -1 naming the file or folder, what
 * is loose, and the chmod or chown that mends it. */
int file_check_trust(const char *path, enum file_trust trust, struct err *err);
