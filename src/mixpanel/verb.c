/* SPDX-License-Identifier: MIT */
/* Decides what an answer makes of an operation, by its verb. */
#include "mixpanel/verb.h"

#include "mixpanel/envelope.h"

void verdict_done(struct verdict *verdict)
{
	if (verdict->has_connector)
		decoded_done(&verdict->connector.decoded);
	verdict->has_connector = false;
}

void verb_decide(const struct verb *verb, const struct client_answer *answer, bool settling,
    struct verdict *ret_verdict)
{
	*ret_verdict = (struct verdict){.code = NULL};
	answer_describe(answer, ret_verdict->message, sizeof(ret_verdict->message));
	verb->decide(ret_verdict, answer, settling);
}
