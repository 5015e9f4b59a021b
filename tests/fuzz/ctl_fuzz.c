/* SPDX-License-Identifier: MIT */
/* Answers to mixportctl, by whoever sits where it looks for the daemon: whatever they are, it ends
 * with a status of its own, and what it prints for people is UTF-8 on lines without a control
 * character. The first byte says which command, the second in which form; the rest are the answers,
 * with a record separator between them, each with a letter in front that stands for its status. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/describe.h"
#include "ctl/feed.h"
#include "util/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_LIMIT 65536
#define SEPARATOR '\x1e'
#define WORDS_LIMIT 8
#define NOW INT64_C(1790000000000000)

/* The way to the daemon ------------------------------------------------------------------------*/

struct link {
	struct span answers; /* those to come */
};

enum exit_code link_new(
    const struct options *options, const struct endpoint *endpoint, struct link **ret_link)
{
	(void)options;
	(void)endpoint;
	*ret_link = NULL;
	return EXIT_NO_DAEMON;
}

struct link *link_free(struct link *link)
{
	(void)link;
	return NULL;
}

const char *link_name(const struct link *link)
{
	(void)link;
	return "here";
}

const char *link_token_from(const struct link *link)
{
	(void)link;
	return NULL;
}

void exchange_done(struct exchange *exchange)
{
	buffer_done(&exchange->text);
}

static struct span next_answer(struct link *link)
{
	struct span answer = link->answers;
	const char *end = answer.len > 0 ? memchr(answer.ptr, SEPARATOR, answer.len) : NULL;
	if (!end)
		link->answers = SPAN_NONE;
	else
		link->answers = (struct span){
		    .ptr = end + 1, .len = (size_t)(answer.ptr + answer.len - end) - 1};
	if (end)
		answer.len = (size_t)(end - answer.ptr);
	return answer;
}

void link_exchange(struct link *link, struct exchange *exchange)
{
	static const unsigned statuses[] = {200, 201, 202, 204, 301, 400, 401, 403, 404, 409, 410,
	    422, 429, 500, 502, 503, 504, 999};
	struct span answer = next_answer(link);
	size_t which = answer.len > 0 ? (size_t)((unsigned char)answer.ptr[0] - 'a') : SIZE_MAX;
	buffer_init(&exchange->text, INPUT_LIMIT);
	exchange->sent = true;
	exchange->skew = TIMESTAMP_NONE;
	exchange->end = LINK_LOST;
	if (which >= ARRAY_SIZE(statuses))
		return;
	exchange->end = LINK_ANSWERED;
	exchange->status = statuses[which];
	if (exchange->status == 204)
		return;
	snprintf(exchange->content_type, sizeof(exchange->content_type), "%s",
	    exchange->status < 400 ? "application/json" : "application/problem+json");
	if (exchange->copy_to)
		(void)fwrite(answer.ptr + 1, 1, answer.len - 1, exchange->copy_to);
	else
		buffer_append(&exchange->text, answer.ptr + 1, answer.len - 1);
}

enum exit_code link_explain(
    const struct link *link, const struct exchange *exchange, struct buffer *text)
{
	(void)link;
	if (exchange->end == LINK_ANSWERED)
		return EXIT_DONE;
	buffer_append_text(text, "no answer");
	return EXIT_NO_DAEMON;
}

enum exit_code link_complain(const struct link *link, const struct exchange *exchange)
{
	(void)link;
	(void)exchange;
	return EXIT_NO_DAEMON;
}

enum exit_code link_ask(struct link *link, struct exchange *exchange)
{
	link_exchange(link, exchange);
	return exchange->end == LINK_ANSWERED ? EXIT_DONE : EXIT_NO_DAEMON;
}

/* Commands -------------------------------------------------------------------------------------*/

static enum exit_code take_event(struct ctl *ctl, struct span json, void *context)
{
	struct buffer line _cleanup_buffer_;
	buffer_init(&line, INPUT_LIMIT);
	json_t *event _cleanup_json_ = json_loadb(json.ptr, json.len, 0, NULL);
	(void)context;
	if (!event)
		return EXIT_REFUSED;
	describe_event(&ctl->output, event, &line);
	buffer_append_text(&line, "\n");
	return output_text(&line);
}

/* As long as there are answers, and without its pauses. */
static enum exit_code follow(struct ctl *ctl)
{
	struct feed feed = {.position = "now"};
	while (ctl->link->answers.len > 0) {
		enum feed_end end = feed_look(ctl, &feed, 0, take_event, NULL);
		if (end == FEED_GONE || end == FEED_STOPPED)
			break;
	}
	return feed.code;
}

#define JOB "job_v97xzyhv7rdkm8bpsakf1ztrtr"
#define OPERATION "op_6c9g570f9t52623bx257sha29j"
#define ID "0c6a5c6e-8b1c-4d6b-9a53-3b0d0f8f1a11"
static const char *const lines[][WORDS_LIMIT] = {
    {"status"}, {"projects"}, {"list"}, {"list", "--attention", "any", "-p", "demo"}, {"show", ID},
    {"show", OPERATION}, {"show", "0c6a"}, {"show", "demo/label:nightly"}, {"jobs"}, {"jobs", ID},
    {"attention"}, {"operations"}, {"health"}, {"check"}, {"check", "-p", "demo"},
    {"create", "gs://bucket/prefix", "--format", "ndjson", "-p", "demo"},
    {"create", "gs://bucket/prefix", "--format", "ndjson", "-p", "demo", "--dry-run"},
    {"delete", ID, "--yes"}, {"refresh", ID}, {"refresh", "-p", "demo"},
    {"resolve", OPERATION, "--not-created", "--reason", "seen"}, {"reload"},
    {"check", "--connector", ID}, {"resolve", OPERATION, "--created", ID}, {"show", JOB},
    {"show", JOB, "--history"}, {"refresh"}, {"watch"}, /* which is followed */
};

static void run_line(const char *const *words, unsigned form, struct link *link)
{
	static char name[] = "mixportctl";
	char *argv[WORDS_LIMIT + 2] = {name};
	int argc = 1;
	struct options options;
	while (argc <= WORDS_LIMIT && words[argc - 1]) {
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
		argc++;
	}
	optind = 1;
	enum exit_code code = options_parse(argc, argv, &options);
	assert(code == EXIT_DONE);
	struct ctl ctl = {
	    .options = &options,
	    .link = link,
	    .output = {.form = form & 3,
		.terminal = form & 4,
		.columns = form & 8 ? 60 : 0,
		.now = NOW},
	};
	if (strcmp(words[0], "watch") == 0)
		code = follow(&ctl);
	else
		code = options.command->run(&ctl);
	assert(code >= 0 && code < 128);
	options_done(&options);
}

/* Aborts, and shows it. */
static void check_printed(const char *text, size_t len, bool for_people)
{
	bool good = text_is_utf8(text, len);
	for (size_t i = 0; for_people && i < len; i++)
		good = good &&
		       (text[i] == '\n' || ((unsigned char)text[i] >= ' ' && text[i] != '\x7f'));
	if (good)
		return;
	(void)fwrite(text, 1, len, stderr);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > INPUT_LIMIT)
		return 0;
	const char *const *words = lines[(data[0] - (unsigned)'A') % ARRAY_SIZE(lines)];
	unsigned form = data[1];
	struct link link = {.answers = {.ptr = (const char *)data + 2, .len = size - 2}};
	FILE *real_output = stdout, *real_errors = stderr;
	char *printed = NULL, *complained = NULL;
	size_t printed_len = 0, complained_len = 0;
	stdout = open_memstream(&printed, &printed_len);
	stderr = open_memstream(&complained, &complained_len);
	if (!stdout || !stderr)
		abort();
	run_line(words, form, &link);
	(void)fclose(stdout);
	(void)fclose(stderr);
	stdout = real_output;
	stderr = real_errors;
	check_printed(printed, printed_len, (form & 3) == FORM_TEXT);
	check_printed(complained, complained_len, true);
	free(printed);
	free(complained);
	return 0;
}
