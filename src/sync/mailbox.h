/* SPDX-License-Identifier: MIT */
/* Commands: what callers want of the sync thread, from any thread, in the order they came. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/audit.h"
#include "util/random.h"
#include "util/text.h"

enum command_kind {
	COMMAND_CREATE,
	COMMAND_DELETE,
	COMMAND_RESOLVE,
	COMMAND_REFRESH_PROJECT,
	COMMAND_REFRESH_CONNECTOR,
};

/* How a command came out. */
enum command_result {
	COMMAND_ACCEPTED,     /* operation_id, or the ticket of the refresh, is filled */
	COMMAND_REPLAYED,     /* the idempotency key is bound to operation_id, same body */
	COMMAND_KEY_REUSED,   /* the key is bound to another body */
	COMMAND_IN_PROGRESS,  /* operation_id still runs for this key, or for the same content */
	COMMAND_DUPLICATE,    /* connector_id is there with the same content */
	COMMAND_ALREADY_DONE, /* deleting what is deleted */
	COMMAND_NOT_FOUND,    /* no such project, connector or operation */
	COMMAND_NOT_UNKNOWN,  /* resolving what is not unknown */
	COMMAND_CONNECTOR_MISSING, /* resolving as created with a connector that is not present */
	COMMAND_STORE_UNAVAILABLE, /* nothing can be written now (disk full): nothing was done */
	COMMAND_TOO_MANY, /* the caller has too many operations that have not ended: nothing was
			     done */
	COMMAND_BUSY,     /* too many commands wait: nothing was done */
	COMMAND_STOPPING, /* the daemon stops: nothing was done */
	COMMAND_FAILED,   /* an internal error: nothing was done; message says what */
};

/* A wish, and its answer. The caller owns it and keeps it until `done` was called, which happens
 * exactly once, on the sync thread, after the result and its fields were filled. */
struct command {
	enum command_kind kind;
	int64_t project_id;
	const char *connector_id;        /* delete, refresh connector; resolve as created */
	const char *client;              /* who asks */
	const struct audit_entry *audit; /* that says so; NULL: there is none */
	const char *idempotency_key;     /* NULL for none */
	struct span body;                /* create: as received, sent on as it is */
	bool allow_duplicate;            /* create: no check for the same import */
	bool dropin;              /* create: by Mixpanel's own path, which knows no operations */
	const char *operation_id; /* resolve */
	const char *reason;       /* resolve */
	bool created;             /* resolve: the outcome */

	void (*done)(struct command *command);
	void *context;

	enum command_result result;
	bool changed; /* an operation was written down or resolved */
	char result_operation_id[RANDOM_ID_SIZE];
	char result_connector_id[129];
	uint64_t result_ticket; /* refresh: see engine_refresh_done */
	char message[256];

	struct command *next; /* the mailbox's */
};

/* The limit of those that wait. */
#define MAILBOX_LIMIT 4096

struct mailbox {
	pthread_mutex_t mutex; /* guards what follows */
	struct command *first;
	struct command **last;
	unsigned waiting;
	bool closed;
};

void mailbox_init(struct mailbox *mailbox);
void mailbox_done(struct mailbox *mailbox);

/* Puts a command in. Returns whether it did; if not, the mailbox was full or closed and `done` was
 * called from here. Any thread. */
bool mailbox_put(struct mailbox *mailbox, struct command *command);

/* Takes out the one that waits longest; NULL for none. */
struct command *mailbox_take(struct mailbox *mailbox);

/* Lets nothing in any more, and answers all that wait with COMMAND_STOPPING. */
void mailbox_close(struct mailbox *mailbox);
