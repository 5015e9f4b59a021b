/* SPDX-License-Identifier: MIT */
/* One thing asked of Mixpanel, over as many pages as it takes. Whoever makes a call embeds it first
 * in a struct of its own, and gets its answers through the functions it gave. */
#pragma once

#include "mixpanel/endpoints.h"
#include "model/connector.h"
#include "sync/project.h"

/* What an answer is to its project. */
enum call_verdict {
	CALL_GOOD,
	CALL_FAILED, /* the failure concerns the whole project */
	/* Of another origin, or by another account, than is in force now: it says nothing of that.
	 */
	CALL_OUTDATED,
};

struct call;

struct call_owner {
	/* An answer; the call is the owner's again. Pointers in the answer hold during it only. */
	void (*ended)(
	    struct call *call, const struct client_answer *answer, enum call_verdict verdict);
	/* Frees the call: it is of no use any more. */
	void (*drop)(struct call *call);
};

struct call {
	const struct call_owner *owner;
	struct project *project;
	/* What it was made under, whatever is in force meanwhile: origin, credential, and so what
	 * is scrubbed from its answer, are one. */
	struct config *config;
	const struct config_project *settings;
	enum endpoint endpoint;
	char connector_id[CONNECTOR_ID_LENGTH_LIMIT + 1];
	uint64_t subject;   /* what it is about, see struct upstream_request */
	bool known;         /* that one failed last time */
	int64_t started_at; /* wall clock, when it was made */
	int64_t begun_at;   /* monotonic, the same */
	int64_t asked_at;   /* monotonic, of this page */
	LIST_ENTRY(call) entry;
};

/* Makes a call of the project's, under the settings in force. connector_id may be NULL. */
void call_init(struct call *call, const struct call_owner *owner, struct project *project,
    enum endpoint endpoint, const char *connector_id);

/* Takes it off the project's list, and gives the settings back. */
void call_done(struct call *call);

/* The call's URL. Returns 0, or -1. */
int call_url(const struct call *call, struct buffer *buffer, struct err *err);

/* Sends a call; body for what has one. The budget was taken. Returns 0, or -1 when nothing was
 * sent. */
int call_send(struct call *call, const char *url, struct span body, struct err *err);
