/* SPDX-License-Identifier: MIT */
/* What reached the simulated Mixpanel, so that tests can tell what the daemon really did. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "call.h"
#include "util/writer.h"

/* One request, as kept in the log. */
struct logged {
	uint64_t sequence; /* 1 for the first since the start or the last clearing */
	int64_t at;        /* microseconds since the program started, monotonic */
	int64_t simulated; /* the simulated time of day */
	enum endpoint endpoint;
	int64_t project_id;
	char connector_id[WORLD_ID_SIZE];
	unsigned status;    /* of the answer; 0 when there was none */
	const char *action; /* of the fault that struck, or NULL; static text */
	bool executed;
	char *text; /* the whole request, head and the first 8 KiB of its body */
	size_t head_len;
	size_t text_len;
};

struct stats {
	int64_t started_at;
	uint64_t received[ENDPOINT_COUNT];
	uint64_t executed[ENDPOINT_COUNT];
	uint64_t total;
	uint64_t connections;
	unsigned concurrent;
	unsigned concurrent_maximum;
	char **created; /* ids, in the order of creation */
	size_t created_count;
	struct logged *log; /* a ring of log_size entries; entry n is at (n - 1) % log_size */
	size_t log_size;
};

void stats_init(struct stats *stats, size_t log_size);
void stats_done(struct stats *stats);

/* Back to nothing, except for what is in progress. */
void stats_clear(struct stats *stats);

/* Counts a request as in progress and logs it. The entry, for the caller to complete, lives until
 * the next request; never NULL. */
struct logged *stats_receive(struct stats *stats, const struct world *world,
    const struct call *call, const struct request *request);

/* A call has taken effect. */
void stats_execute(struct stats *stats, enum endpoint endpoint);

/* A create has, and made this connector. */
void stats_create(struct stats *stats, const char *connector_id);

/* A request is no longer in progress. */
void stats_end(struct stats *stats);

/* Writes everything as one object; of the log, the entries after `since`; none for UINT64_MAX. */
void stats_write(
    const struct stats *stats, const struct world *world, uint64_t since, struct writer *writer);
