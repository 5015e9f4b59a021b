/* SPDX-License-Identifier: MIT */
/* What a kind of import consists of: how it is asked for, and what can be changed about it. */
#pragma once

#include <stdbool.h>

#include "mixpanel/decode.h"
#include "mixpanel/endpoints.h"
#include "model/operation.h"
#include "transfer/client.h"

/* What an answer makes of an operation. To be freed with verdict_done. */
struct verdict {
	enum operation_state state;
	const char *code;  /* static; NULL when it succeeded */
	char message[512]; /* why it did not */
	bool has_connector;
	struct decoded_connector connector; /* that was created, as Mixpanel answered */
};

/* Frees. */
void verdict_done(struct verdict *verdict);
#define _cleanup_verdict_ _cleanup_(verdict_done)

/* How a kind of operation is carried out. */
struct verb {
	enum endpoint endpoint; /* method and path */
	bool repeatable;        /* asked again until it is confirmed; else sent at most once */
	bool removes;           /* once it has succeeded the connector is gone */
	/* settling: it was confirmed of late that the connector it is about is there. */
	void (*decide)(struct verdict *verdict, const struct client_answer *answer, bool settling);
};

/* What the answer, or that there is none, makes of an operation. */
void verb_decide(const struct verb *verb, const struct client_answer *answer, bool settling,
    struct verdict *ret_verdict);

/* How a kind is followed, and its verbs, one for each kind of operation. */
struct import_kind {
	enum endpoint list;
	enum endpoint history;
	enum endpoint single;
	struct verb verbs[OPERATION_KIND_COUNT];
};
