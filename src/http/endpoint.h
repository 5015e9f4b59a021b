/* SPDX-License-Identifier: MIT */
/* The kinds of sockets that are listened on. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct share;

enum listener_kind { LISTENER_SOCKET, LISTENER_TCP, LISTENER_HEALTH };
#define LISTENER_COUNT 3

/* A listening socket, as those who serve it see it. */
struct endpoint {
	enum listener_kind kind;
	gid_t group;          /* of a UNIX socket */
	uint16_t port;        /* 0 for a UNIX socket */
	unsigned connections; /* at most */
	struct share *share;  /* of them */
	unsigned threads;     /* that take connections */
};
