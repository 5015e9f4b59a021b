/* SPDX-License-Identifier: MIT */
/* Whose a connection to the UNIX socket is, as systemd sees it. */
#pragma once

#include <sys/types.h>

/* The system's unit that the process which connected runs in, the caller's to free; NULL when it is
 * in none, is gone, or without systemd. A service of a user's own is a part of user@UID.service. */
char *peer_unit(int fd);

/* The same of a process. */
char *peer_unit_of(pid_t pid);
