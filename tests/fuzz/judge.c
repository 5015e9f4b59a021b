/* SPDX-License-Identifier: MIT */
/* Compares answers with requests, one by one. */
#include "judge.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>

#define REQUESTS_LIMIT (JUDGE_INPUT_LIMIT / 16)

static struct http1_request requests[REQUESTS_LIMIT];
static size_t count;
static const struct buffer *heard;

void judge_failed(const struct buffer *answers, const char *condition)
{
	fwrite(buffer_text(answers), 1, answers->len, stderr);
	fprintf(stderr, "\n%s does not hold\n", condition);
	abort();
}

size_t judge_read(struct span input, const struct http1_request **ret_requests)
{
	static char copy[JUDGE_INPUT_LIMIT];
	count = 0;
	assert(input.len <= sizeof(copy));
	memcpy(copy, input.ptr, input.len);
	input.ptr = copy;
	while (http1_take_request(&input, &requests[count]))
		if (requests[count++].last)
			break;
	*ret_requests = requests;
	return count;
}

static void judge_body(const struct http1_answer *answer)
{
	struct span type, value;
	json_error_t reason;
	json_t *body = NULL;
	judge(heard, text_is_utf8(answer->body.ptr ? answer->body.ptr : "", answer->body.len));
	http1_find(&answer->head, "Content-Type", &type);
	bool problem = span_equals(type, "application/problem+json");
	if (problem || span_equals(type, "application/json")) {
		body = json_loadb(answer->body.ptr, answer->body.len, 0, &reason);
		/* A number that no double holds is JSON all the same. */
		judge(heard, body || json_error_code(&reason) == json_error_numeric_overflow);
	}
	if (problem) {
		const char *id = json_string_value(json_object_get(body, "request_id"));
		json_int_t status = json_integer_value(json_object_get(body, "status"));
		judge(heard, status == (json_int_t)answer->status);
		judge(heard, http1_find(&answer->head, "X-Request-Id", &value) == 1 &&
				 span_equals(value, id));
	}
	json_decref(body);
}

/* The library answers by itself what never becomes a request, and ends with it. */
static bool is_of_library(const struct http1_answer *answer)
{
	struct span value;
	return http1_find(&answer->head, "X-Request-Id", &value) == 0 &&
	       (answer->status == 400 || answer->status == 414 || answer->status == 431 ||
		   answer->status == 505);
}

size_t judge_answers(const struct buffer *all, struct http1_answer *ret_last)
{
	struct span answers = {.ptr = all->data, .len = all->len}, value;
	heard = all;
	struct http1_answer answer = {.status = 0};
	size_t index = 0;
	while (answers.len > 0) {
		struct span rest = answers;
		bool known = index < count;
		bool to_head = known && span_equals(requests[index].method, "HEAD");
		bool whole = http1_take_answer(&rest, to_head, &answer);
		/* What is no request can be one to HEAD all the same. */
		if (!known && (!whole || rest.len > 0))
			whole = http1_take_answer((rest = answers, &rest), true, &answer);
		judge(heard, whole);
		answers = rest;
		if (answer.status == 100)
			continue;
		judge(heard, index <= count && answer.status >= 200);
		bool own = is_of_library(&answer);
		judge(heard, own || http1_find(&answer.head, "X-Request-Id", &value) == 1);
		judge(heard, http1_find(&answer.head, "Content-Length", &value) <= 1);
		if (answer.body.len > 0 && !own)
			judge_body(&answer);
		bool last = http1_find(&answer.head, "Connection", &value) > 0 &&
			    http1_same(value, "close");
		judge(heard, (!own && !last && known) || answers.len == 0);
		index++;
	}
	*ret_last = answer;
	return index;
}
