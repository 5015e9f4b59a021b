/* SPDX-License-Identifier: MIT */
/* An operation: a create or delete somebody asked for, written down before anything is sent. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/text.h"

enum operation_kind { OPERATION_CREATE, OPERATION_DELETE };
#define OPERATION_KIND_COUNT (OPERATION_DELETE + 1)

enum operation_state {
	OPERATION_PLANNED, /* to be sent; nothing was carried out */
	OPERATION_SENDING, /* committed before the connection is opened */
	OPERATION_SUCCEEDED,
	OPERATION_REJECTED,    /* Mixpanel refused, or resolved as not created */
	OPERATION_UNREACHABLE, /* provably nothing was sent */
	OPERATION_UNKNOWN,     /* it may have been carried out; never sent again by itself */
};
#define OPERATION_STATE_COUNT (OPERATION_UNKNOWN + 1)

/* What our ids of operations begin with. */
#define OPERATION_ID_PREFIX "op_"

#define OPERATION_KEY_LENGTH_LIMIT 255

/* Their names, ended by NULL. */
extern const char *const operation_kind_names[OPERATION_KIND_COUNT + 1];
extern const char *const operation_state_names[OPERATION_STATE_COUNT + 1];

/* Whether an operation of this kind may go from one state to the other. A delete may be repeated,
 * so it also goes from unknown back to planned; a create never does. */
bool operation_may_move(
    enum operation_kind kind, enum operation_state from, enum operation_state to);

/* Whether the operation still runs: planned or sending. */
bool operation_is_running(enum operation_state state);

/* What we hold of an operation. Plain data, pointers borrowed from the store's row. */
struct operation_record {
	int64_t row;
	const char *operation_id; /* "op_…" */
	enum operation_kind kind;
	int64_t project_id;
	const char *connector_id; /* NULL while not known */
	enum operation_state state;
	struct span candidates;      /* a JSON array of connector ids; SPAN_NONE for none */
	const char *idempotency_key; /* NULL for none */
	const char *client;          /* who asked: a token's name, or "uid:N" */
	struct span request;         /* the body as received; SPAN_NONE for a delete */
	const char *error_code;      /* NULL for none */
	const char *error_message;
	int64_t upstream_status; /* HTTP status of Mixpanel's answer, 0 for none */
	int64_t created_at;
	int64_t sent_at;     /* TIMESTAMP_NONE until sent */
	int64_t finished_at; /* TIMESTAMP_NONE until it came to an end */
	bool allow_duplicate;
	const char *import_key; /* a create: connector_import_key of its body; NULL for none */
	/* a create, of its last sending: */
	int64_t known_row; /* the last connector known then; -1 while no list had been read */
	int64_t sent_upstream_at; /* the moment by Mixpanel's clock; TIMESTAMP_NONE for not known */
	const char *account;      /* the fingerprint of the credential it went out with */
	/* a create whose outcome is unknown: */
	int64_t search_base;    /* the project's complete listings that do not count */
	bool search_over;       /* no listing will decide it any more */
	int64_t unknown_at;     /* when it last became so; TIMESTAMP_NONE for never */
	int64_t listings;       /* complete listings looked through since; read only */
	int64_t last_listed_at; /* when the last of them was asked for; TIMESTAMP_NONE; read only */
	bool undelivered;       /* the outcome of this drop-in create has not been delivered yet */
	int64_t revision;
};
