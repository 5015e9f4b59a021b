/* SPDX-License-Identifier: MIT */
/* The listeners and the threads behind them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "http/application.h"
#include "http/counters.h"
#include "http/endpoint.h"
#include "http/waits.h"
#include "util/err.h"

struct server;

#define LISTENER_SOCKETS_LIMIT 16

/* What the server is built from; everything outlives it. */
struct server_options {
	const struct application *application;
	unsigned connections;         /* at most, of each listening socket of the API */
	unsigned health_connections;  /* at most, of each that serves only health */
	bool (*alive)(void *context); /* for /healthz, beside the server's own threads */
	void *context;
};

/* A listening socket, bound and listening already. */
struct listener_socket {
	int fd;
	enum listener_kind kind;
	bool passed; /* by systemd: shared with it, so never shut down nor unlinked */
	gid_t group; /* of the UNIX socket */
};

/* Prepares; starts no thread. Takes a reference to config. Returns 0, or -1. */
int server_new(const struct server_options *options, struct config *config, struct err *err,
    struct server **ret_server);

/* Serves on the sockets, any number of each kind, at most LISTENER_SOCKETS_LIMIT (server owns the
 * fds from now on, whatever comes back). Returns 0, or -1. */
int server_start(
    struct server *server, const struct listener_socket *sockets, size_t count, struct err *err);

/* Stops accepting, ends every wait, lets requests finish for at most `patience` microseconds, then
 * ends the threads. Sockets that were passed stay usable for their owner. Nothing is done a second
 * time, nor after a start that failed. */
void server_stop(struct server *server, int64_t patience);

/* After server_stop, or when never started. Takes NULL; returns NULL. */
struct server *server_free(struct server *server);

/* Puts a new configuration in force for requests that arrive from now on. Takes a reference. */
void server_reload(struct server *server, struct config *config);

/* Ends the waits for these topics. Any thread; does not block. */
void server_notify(struct server *server, const struct topic *topics, size_t count);

/* Whether every thread turns: each serving one, with something to do or not, has come back to wait
 * for events within `limit` microseconds, and the attendant has looked round within it. A limit
 * below two seconds is too short. Any thread. */
bool server_alive(const struct server *server, int64_t limit);

/* Counters since the start. */
struct server_counters {
	struct counters sum; /* over the threads */
	uint64_t by_listener[LISTENER_COUNT];
	uint64_t not_let_in[LISTENER_COUNT]; /* who sent a wrong token, or has no scope */
	uint64_t connections;                /* open now */
	uint64_t waiting;                    /* suspended now */
	uint64_t streams;                    /* answers without an end, now */
	uint64_t unsent;                     /* bytes of answers that were not taken yet */
};

/* A copy of the counters. Any thread. */
void server_counters(struct server *server, struct server_counters *ret_counters);

/* Microseconds since server_new, by the monotonic clock. */
int64_t server_uptime(const struct server *server);

/* Whether /healthz may say ok: server_alive and the options' alive. */
bool server_healthy(const struct server *server);
