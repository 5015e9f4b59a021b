/* SPDX-License-Identifier: MIT */
/* Which of Mixpanel's calls a request is. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "http.h"
#include "world.h"

enum endpoint {
	ENDPOINT_ME,
	ENDPOINT_LIST,
	ENDPOINT_CREATE,
	ENDPOINT_GET,
	ENDPOINT_DELETE,
	ENDPOINT_HISTORY,
	ENDPOINT_OTHER, /* no such path, or a method it does not have */
};
#define ENDPOINT_COUNT 7

struct call {
	enum endpoint endpoint;
	int64_t project_id; /* 0: none in the path */
	char connector_id[WORLD_ID_SIZE];
	bool slash; /* the path ended in one */
};

/* Takes the path apart, with or without the slash at its end. */
struct call call_of(const struct request *request);

/* "me", "list", "create", "get", "delete", "history", "other". */
const char *endpoint_name(enum endpoint endpoint);

/* Finds one by name. Returns 0, or -1. */
int endpoint_parse(const char *name, enum endpoint *ret_endpoint);
