/* SPDX-License-Identifier: MIT */
/* A change that was asked for: by whom, from where, when, and what came of it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/random.h"

#define AUDIT_ID_PREFIX "aud_"
#define AUDIT_TEXT_SIZE 130
#define AUDIT_UNIT_SIZE 256

enum audit_action { AUDIT_CREATE, AUDIT_DELETE, AUDIT_REFRESH, AUDIT_RESOLVE, AUDIT_RELOAD };

/* Their names; NULL at the end. */
extern const char *const audit_actions[];

/* A value that owns its texts: "" for what is not known or does not apply. */
struct audit_entry {
	char audit_id[RANDOM_ID_SIZE];
	int64_t asked_at;
	int64_t answered_at; /* TIMESTAMP_NONE: not yet, or never */
	char request_id[AUDIT_TEXT_SIZE];
	char client[AUDIT_TEXT_SIZE]; /* a token's name, or "uid:N" */
	int64_t uid;                  /* of a peer on the UNIX socket; -1 for another */
	char unit[AUDIT_UNIT_SIZE];   /* of that peer's process, as systemd calls it */
	char address[64];             /* of a peer on TCP */
	const char *action;           /* one of audit_actions */
	int64_t project_id;           /* 0: of none */
	char connector_id[AUDIT_TEXT_SIZE];
	char operation_id[RANDOM_ID_SIZE];
	unsigned status; /* of the answer; 0 without one */
	char code[48];   /* of the problem */
	bool done;       /* an operation came of it, or it was carried out at once */
};
