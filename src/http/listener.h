/* SPDX-License-Identifier: MIT */
/* A listening socket and the threads that serve it. */
#pragma once

#include "http/share.h"
#include "http/worker.h"

#define LISTENER_THREADS_LIMIT 2

struct listener {
	struct endpoint endpoint; /* its port is found by listener_prepare */
	struct share share;
	int fd;
	bool passed; /* by systemd: shared with it, so never shut down */
	struct worker workers[LISTENER_THREADS_LIMIT];
	unsigned worker_count;
};

/* Makes the workers of a socket (kind, group, fd and passed are set). Returns 0, or -1: then
 * worker_count says how many there are. */
int listener_prepare(
    struct listener *listener, const struct worker_setting *setting, struct err *err);

/* After listener_stop, or where it was never prepared. */
void listener_done(struct listener *listener);

/* The TCP port that a socket is bound to; 0 for none. */
uint16_t listener_port(int fd);

/* Starts the threads, which share what connections it may have. Returns 0, or -1: then some may
 * run. */
int listener_start(struct listener *listener, unsigned connections, struct err *err);

/* Starts libmicrohttpd for one worker on a descriptor of a listening socket, for so many
 * connections. how: MHD_USE_EPOLL_INTERNAL_THREAD, or MHD_USE_EPOLL for who turns it by himself.
 * The caller sees to the descriptor. NULL when it cannot be started. */
struct MHD_Daemon *listener_run_library(
    struct worker *worker, unsigned how, int fd, unsigned connections);

/* Accepts nobody any more. Clients that come now are refused at once, unless somebody else will
 * take them. */
void listener_quiesce(struct listener *listener);

/* Ends the threads and closes the socket, after listener_quiesce; nothing may be suspended. The
 * workers stay until worker_done. */
void listener_stop(struct listener *listener);
