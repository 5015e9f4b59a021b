/* SPDX-License-Identifier: MIT */
/* Success, refusal, and what to tell people of an answer. */
#include "mixpanel/envelope.h"

#include <stdio.h>
#include <string.h>

#include "mixpanel/decode.h"

bool answer_succeeded(const struct client_answer *answer)
{
	return answer->outcome == CLIENT_ANSWERED && answer->status >= 200 &&
	       answer->status < 300 && answer->status != 203 && answer->status != 206;
}

/* A service account that is no longer a member of the project gets 403, in these words. */
static bool is_no_member(struct span body)
{
	char said[400];
	decode_error_message(body, said, sizeof(said));
	return strcasestr(said, "not a member of project") != NULL;
}

bool answer_refuses_account(const struct client_answer *answer)
{
	return answer->outcome == CLIENT_ANSWERED &&
	       (answer->status == 401 || (answer->status == 403 && is_no_member(answer->body)));
}

void answer_describe(const struct client_answer *answer, char *ret_text, size_t size)
{
	char said[200];
	const char *id = answer->request_id;
	if (answer->outcome != CLIENT_ANSWERED) {
		snprintf(ret_text, size, "%s%s%s", answer->message,
		    id[0] ? ", x-mp-request-id " : "", id);
		return;
	}
	decode_error_message(answer->body, said, sizeof(said));
	snprintf(ret_text, size, "Mixpanel answered %ld%s%s%s%s", answer->status,
	    id[0] ? ", x-mp-request-id " : "", id, said[0] ? ": " : "", said);
}
