/* SPDX-License-Identifier: MIT */
/* Whoever may make control groups below its own can call them what it likes: only systemd tells
 * which part of the path is the system's unit. */
#include "daemon/peer.h"

#include "config.h"

#ifdef HAVE_SYSTEMD

#include <stddef.h>
#include <systemd/sd-login.h>

char *peer_unit(int fd)
{
	char *unit = NULL;
	return sd_peer_get_unit(fd, &unit) >= 0 ? unit : NULL;
}

char *peer_unit_of(pid_t pid)
{
	char *unit = NULL;
	return pid > 0 && sd_pid_get_unit(pid, &unit) >= 0 ? unit : NULL;
}

#else

#include <stddef.h>

char *peer_unit(int fd)
{
	(void)fd;
	return NULL;
}

char *peer_unit_of(pid_t pid)
{
	(void)pid;
	return NULL;
}

#endif
