/* SPDX-License-Identifier: MIT */
/* The loop: one thread, one epoll, many connections. */
#pragma once

#include <stdbool.h>

#include "http.h"
#include "util/err.h"

/* What the server calls. accepted returns false to drop a connection at once. head, called once
 * when the head of a request is there but its body may not be, returns false to reset the
 * connection. answer fills in an answer and returns whether ended is to be called when that answer
 * has left or its connection is gone. */
struct server_handler {
	bool (*accepted)(void *context);
	bool (*head)(void *context, const struct request *request);
	bool (*answer)(void *context, const struct request *request, struct answer *answer);
	void (*ended)(void *context);
	void *context;
};

struct server;

/* Listens on "127.0.0.1:PORT" or "[::1]:PORT"; port 0 lets the kernel choose; anything but loopback
 * is refused. Returns 0, or -1 with the reason. */
int server_new(const char *address, struct server_handler handler, struct err *err,
    struct server **ret_server);

/* Closes everything. Takes NULL; returns NULL. */
struct server *server_free(struct server *server);

/* "127.0.0.1:40123": where it really listens. Lives as long as the server. */
const char *server_address(const struct server *server);

/* Serves until stop_fd becomes readable. Returns 0, or -1. */
int server_run(struct server *server, int stop_fd, struct err *err);
