/* SPDX-License-Identifier: MIT */
/* Rows that the daemon never wrote (see rows.h), shown by the whole API: each list page by page,
 * and each record. Whatever they hold, every request has a well-formed answer, and none is a
 * failure but for words of kinds and states: a row with another is refused. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/routes.h"
#include "judge.h"
#include "rows.h"
#include "serve.h"
#include "util/cleanup.h"
#include "util/jsontext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ANSWERS_LIMIT ((size_t)64 * 1024 * 1024)

/* After a tilde: not asked, but listened to. */
static const char *const targets[] = {
    "/v1",
    "/v1/projects",
    "/v1/projects/demo",
    "/v1/connectors?state=all&limit=2",
    "/v1/projects/demo/connectors?state=all&sort=-created_at",
    "/v1/projects/demo/connectors/c",
    "/v1/projects/demo/connectors/c/jobs?limit=2",
    "/v1/jobs?limit=2",
    "/v1/jobs?status=running,unknown&since=2001-01-01T00:00:00Z",
    "/v1/jobs/job_1",
    "/v1/jobs/job_1?wait=1&until=done",
    "/v1/jobs?id_prefix=job_1&project=other",
    "/v1/jobs?id_prefix=x&since=never&status=melted&limit=0",
    "/v1/jobs?project=nowhere",
    "/v1/jobs?cursor=00",
    "/v1/jobs/job_1/snapshots?limit=2",
    "/v1/operations?limit=2",
    "/v1/operations?kind=create&state=unknown&project=demo",
    "/v1/operations/op_1",
    "/v1/attention?limit=2",
    "/v1/attention?project=demo&severity=warning&code=failing",
    "/v1/attention?project=nowhere",
    "/v1/attention?severity=worst&code=x&limit=0",
    "/v1/connectors?attention=any&limit=2",
    "/v1/connectors?attention=failing",
    "/v1/connectors?attention=worst",
    "/v1/audit?limit=2",
    "/v1/events?since=oldest&limit=2",
    "/v1/events?since=2001-01-01T00:00:00Z&type=job.*",
    "~/v1/events?since=oldest",
    "~/v1/events?since=evt_zzzzzzzz_1",
    "/v1/events?since=never&limit=0&type=nothing.at.all&wait=x",
    "/v1/events?since=evt_abcdefgh_1&type=job.created,connector.*",
    "/v1/events?since=evt_zzzzzzzz_1",
    "/v1/events?since=evt_abcdefgh_99",
    "/v1/events?since=oldest&connector_id=c&job_id=job_1&project=demo",
    "/v1/events?since=now&wait=1",
    "/v1/events?project=nowhere",
    "/v1/audit?client=uid:0&project=demo",
    "/api/app/projects/1/connectors/",
    "/api/app/projects/1/connectors/c",
    "/api/app/projects/1/connectors/c/history",
};

static struct {
	struct conn *conn;
	struct config *config;
	struct engine *engine;
	struct service service;
	struct application application;
	uint64_t inputs;
	bool names_odd;
} api;

/* There is one thread, so the writer may be read through. */
static int take_writer(void *context, struct err *err, void **ret_thread)
{
	(void)context, (void)err;
	*ret_thread = api.conn;
	return 0;
}

static void keep_writer(void *thread)
{
	(void)thread;
}

static uint64_t count_inputs(void)
{
	return api.inputs;
}

static void changed(const struct change *changes, size_t count, void *context)
{
	(void)changes, (void)count, (void)context;
}

static void broken(void *context)
{
	(void)context;
	abort();
}

static void end(void)
{
	engine_stop(api.engine);
	engine_free(api.engine);
	config_unref(api.config);
}

static void begin(void)
{
	static const char text[] = "[project demo]\nproject_id = 1\nregion = us\ncredential = x\n"
				   "[project other]\nproject_id = 2\nregion = eu\ncredential = x\n";
	static const struct engine_options options = {
	    .user_agent = "fuzz", .clock = &clock_system, .changed = changed, .broken = broken};
	_cleanup_faults_ struct faults faults;
	struct err err = ERR_INIT;
	faults_init(&faults);
	api.conn = rows_open();
	atexit(end);
	if (config_parse_text("fuzz", span_of(text), &faults, &api.config) < 0 ||
	    engine_new(api.conn, api.config, &options, &err, &api.engine) < 0)
		abort();
	api.service = (struct service){
	    .engine = api.engine, .clock = &clock_system, .database = "", .version = "1"};
	api.application = routes_application(&api.service);
	api.application.open_thread = take_writer;
	api.application.close_thread = keep_writer;
	api.application.generation = count_inputs;
	serve_start(&api.application, api.config);
}

/* The cursor of the last list that goes on, or "". */
static void find_cursor(const struct buffer *answers, char *ret_cursor, size_t size)
{
	static const char name[] = "\"next_cursor\":\"";
	const char *at =
	    answers->len > 0 ? memmem(answers->data, answers->len, name, strlen(name)) : NULL;
	if (at)
		at += strlen(name);
	snprintf(ret_cursor, size, "%.*s", at ? (int)strcspn(at, "\"") : 0, at ? at : "");
}

/* Every line of a stream is a field that there is, and what is data is JSON. */
static void judge_stream(const struct buffer *answers, struct span body)
{
	while (body.len > 0) {
		const char *end = memchr(body.ptr, '\n', body.len);
		struct span line = {.ptr = body.ptr};
		line.len = end ? (size_t)(end - body.ptr) : body.len;
		json_error_t reason;
		if (line.len > 6 && memcmp(line.ptr, "data: ", 6) == 0) {
			json_t *data = json_loadb(line.ptr + 6, line.len - 6, 0, &reason);
			judge(answers,
			    data || json_error_code(&reason) == json_error_numeric_overflow);
			json_decref(data);
		} else {
			judge(answers, line.len == 0 || strchr("ier:", *line.ptr));
			judge(answers, line.len == 0 || !memchr(line.ptr, '\r', line.len));
		}
		size_t taken = line.len + (end ? 1 : 0);
		body = (struct span){.ptr = body.ptr + taken, .len = body.len - taken};
	}
}

static void ask(const char *target, const char *cursor, struct buffer *answers)
{
	char request[1024];
	const struct http1_request *requests;
	struct http1_answer last;
	buffer_clear(answers);
	bool stream = *target == '~';
	int len = snprintf(request, sizeof(request),
	    "GET %s%s%s HTTP/1.1\r\nHost: localhost\r\n%sConnection: close\r\n\r\n",
	    target + stream, *cursor ? "&cursor=" : "", cursor,
	    stream ? "Accept: text/event-stream\r\n" : "");
	struct span input = {.ptr = request, .len = (size_t)len};
	serve_input(LISTENER_SOCKET, 0, input, answers);
	/* A stream that cannot go on is cut. */
	if (stream && api.names_odd)
		return;
	size_t count = judge_read(input, &requests);
	size_t answered = judge_answers(answers, &last);
	judge(answers, count == 1 && answered == 1);
	judge(answers, api.names_odd || last.status != 500);
	if (stream && last.status == 200)
		judge_stream(answers, last.body);
}

static bool has(struct span text, const char *part)
{
	return text.len > 0 && memmem(text.ptr, text.len, part, strlen(part));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buffer_ struct buffer answers;
	if (size > 64 * 1024)
		return 0;
	if (!api.conn)
		begin();
	buffer_init(&answers, ANSWERS_LIMIT);
	struct span text = {.ptr = (const char *)data, .len = size};
	rows_begin(text);
	api.inputs++;
	api.names_odd = has(text, "kind=") || has(text, "state=") || has(text, "type=");
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		char cursor[128] = "";
		unsigned pages = 0;
		do {
			ask(targets[i], cursor, &answers);
			find_cursor(&answers, cursor, sizeof(cursor));
		} while (*cursor && pages++ < 8);
	}
	rows_end();
	return 0;
}
