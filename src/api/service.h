/* SPDX-License-Identifier: MIT */
/* What the resources are served from, and how the edge learns of it. */
#pragma once

#include "http/request.h"
#include "http/waits.h"
#include "store/conn.h"
#include "sync/engine.h"
#include "util/bucket.h"

struct reloads;
struct server;

/* Everything outlives the server. */
struct service {
	struct engine *engine;
	struct reloads *reloads;
	const struct clock *clock;
	const char *database; /* readers are opened on it while the server starts */
	const char *version;
	int64_t started_at; /* of the process, by the wall clock of then */

	struct buckets audited;     /* of what callers asked for in vain, see audit.c */
	_Atomic uint64_t unaudited; /* entries of the audit that there was no room for */
};

/* What a request is served from. */
const struct service *request_service(const struct request *request);

/* The serving thread's read-only connection to the store. */
struct conn *request_reader(const struct request *request);

/* The engine, for commands and upstream status. */
struct engine *request_engine(const struct request *request);

/* Topics: enum change_kind with the change's id, or what topic_refresh writes; and this one. */
#define TOPIC_RELOAD (CHANGE_AUDIT + 1)

/* The id under CHANGE_REFRESH of the refresh with this ticket. */
void topic_refresh(uint64_t ticket, char ret_id[TOPIC_ID_SIZE]);

/* For engine_options.changed: wakes the requests that wait for one of these changes. Any thread;
 * does not block. */
void service_changed(struct server *server, const struct change *changes, size_t count);

/* Wakes those who wait for the end of a reload. */
void service_reloaded(struct server *server);
