/* SPDX-License-Identifier: MIT */
/* The listening sockets: passed by systemd, or bound here. */
#pragma once

#include "config/config.h"
#include "http/server.h"
#include "util/err.h"

/* The sockets, and the path of a UNIX socket that was made here. */
struct listeners {
	struct listener_socket sockets[LISTENER_SOCKETS_LIMIT];
	size_t count;
	char *unlink_path; /* NULL: nothing to remove */
};

/* Takes the sockets that systemd passed by name (api, tcp, health), any number of each, then binds
 * those the configuration asks for of whose name none was passed. A socket file nobody listens on
 * is replaced; one that is in use, or a file that is no socket, is left alone. Returns 0, or -1
 * with the name or address; what was opened is closed then. */
int listeners_open(struct listeners *listeners, const struct config *config, struct err *err);

/* Hands the descriptors over to the server: they are not closed here any more. */
void listeners_handed_over(struct listeners *listeners);

/* Closes what was not handed over and removes the socket file that was made here. */
void listeners_done(struct listeners *listeners);
