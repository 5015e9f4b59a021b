/* SPDX-License-Identifier: MIT */
/* What an answer makes of an operation; it is decided here and nowhere else.
 *
 * A create that may have been carried out is never sent again, so every end that does not prove
 * what happened leaves it `unknown`; only what proves that nothing was carried out is a failure. A
 * delete may be repeated: it stays planned until an answer confirms or refuses it. */
#include "mixpanel/cloud_import.h"

#include <stdio.h>

#include "mixpanel/envelope.h"

/* The message of a refusal is Mixpanel's own; its status is stored beside it. */
static void decide_refusal(struct verdict *verdict, const struct client_answer *answer)
{
	verdict->state = OPERATION_REJECTED;
	verdict->code =
	    answer_refuses_account(answer) ? "upstream-unauthorized" : "upstream-rejected";
	char said[400];
	decode_error_message(answer->body, said, sizeof(said));
	if (said[0])
		snprintf(verdict->message, sizeof(verdict->message), "%s", said);
}

/* A refusal that proves that nothing was carried out. 408 and 409 do not. */
static bool is_refusal(long status)
{
	return status >= 400 && status < 500 && status != 408 && status != 409 && status != 429;
}

static void decide_created(struct verdict *verdict, const struct client_answer *answer)
{
	struct err err = ERR_INIT;
	if (decode_connector(answer->body, &err, &verdict->connector) == 0) {
		verdict->state = OPERATION_SUCCEEDED;
		verdict->code = NULL;
		verdict->has_connector = true;
		return;
	}
	verdict->state = OPERATION_UNKNOWN;
	verdict->code = "upstream-undecodable";
	snprintf(verdict->message, sizeof(verdict->message),
	    "Mixpanel answered %ld, but not with a connector: %.400s", answer->status, err.text);
}

static void decide_create(
    struct verdict *verdict, const struct client_answer *answer, bool settling)
{
	(void)settling;
	if (answer->outcome == CLIENT_NOT_SENT) {
		verdict->state = OPERATION_UNREACHABLE;
		verdict->code = "upstream-unreachable";
	} else if (answer->outcome == CLIENT_UNCLEAR) {
		verdict->state = OPERATION_UNKNOWN;
		verdict->code = "outcome-unknown";
	} else if (answer->status == 200 || answer->status == 201) {
		decide_created(verdict, answer);
	} else if (answer->status == 429) {
		verdict->state = OPERATION_PLANNED;
		verdict->code = "upstream-rate-limited";
	} else if (is_refusal(answer->status)) {
		decide_refusal(verdict, answer);
	} else {
		verdict->state = OPERATION_UNKNOWN;
		verdict->code = "outcome-unknown";
	}
}

/* Whether the answer confirms that the connector is gone. 404 does in Mixpanel's own shape, not as
 * a balancer's page; and not while it settles that the connector is there. */
static bool is_deleted(const struct client_answer *answer, bool settling)
{
	struct err err = ERR_INIT;
	if (answer->status == 404)
		return !settling && decode_is_refusal(answer->body);
	return answer_succeeded(answer) && decode_deleted(answer->body, &err) == 0;
}

static void decide_delete(
    struct verdict *verdict, const struct client_answer *answer, bool settling)
{
	verdict->state = OPERATION_PLANNED;
	if (answer->outcome != CLIENT_ANSWERED) {
		verdict->code = "upstream-unreachable";
	} else if (is_deleted(answer, settling)) {
		verdict->state = OPERATION_SUCCEEDED;
		verdict->code = NULL;
	} else if (answer->status == 404) {
		verdict->code = "upstream-not-found";
	} else if (is_refusal(answer->status)) {
		decide_refusal(verdict, answer);
	} else {
		verdict->code = answer->status == 429 ? "upstream-rate-limited" : "upstream-error";
	}
}

const struct import_kind cloud_import = {
    .list = ENDPOINT_LIST,
    .history = ENDPOINT_HISTORY,
    .single = ENDPOINT_GET,
    .verbs =
	{
	    [OPERATION_CREATE] = {.endpoint = ENDPOINT_CREATE, .decide = decide_create},
	    [OPERATION_DELETE] =
		{
		    .endpoint = ENDPOINT_DELETE,
		    .repeatable = true,
		    .removes = true,
		    .decide = decide_delete,
		},
	},
};
