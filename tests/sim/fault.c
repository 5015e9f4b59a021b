/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include <string.h>

#include "util/timestamp.h"

/* Invariant: count is -1 (for ever) or positive. */
struct fault {
	TAILQ_ENTRY(fault) link;
	enum fault_action action;
	bool any_endpoint;
	enum endpoint endpoint;
	int64_t project_id;       /* 0: any */
	const char *connector_id; /* NULL: any; points into options */
	int64_t skip;
	int64_t count;
	bool executed;
	json_t *options;
};

struct action {
	const char *name;
	enum fault_phase phase;
	bool executed; /* unless the fault says otherwise */
};

static const struct action actions[] = {
    [FAULT_STATUS] = {"status", FAULT_ON_ANSWER, false},
    [FAULT_DELAY] = {"delay", FAULT_ON_ANSWER, true},
    [FAULT_DROP_ACCEPT] = {"drop-accept", FAULT_ON_ACCEPT, false},
    [FAULT_DROP_BEFORE] = {"drop-before", FAULT_ON_ANSWER, false},
    [FAULT_DROP_DURING] = {"drop-during", FAULT_ON_HEAD, false},
    [FAULT_DROP_AFTER] = {"drop-after", FAULT_ON_ANSWER, true},
    [FAULT_TRUNCATE] = {"truncate", FAULT_ON_ANSWER, true},
    [FAULT_GARBAGE] = {"garbage", FAULT_ON_ANSWER, true},
    [FAULT_EMPTY_LIST] = {"empty-list", FAULT_ON_ANSWER, true},
    [FAULT_SHRINK] = {"shrink", FAULT_ON_ANSWER, true},
    [FAULT_REDIRECT_SLASH] = {"redirect-slash", FAULT_ON_ANSWER, false},
    [FAULT_REDIRECT_ELSEWHERE] = {"redirect-elsewhere", FAULT_ON_ANSWER, false},
    [FAULT_RETRY_AFTER] = {"retry-after", FAULT_ON_ANSWER, false},
    [FAULT_HANG] = {"hang", FAULT_ON_ANSWER, false},
    [FAULT_DRIP] = {"drip", FAULT_ON_ANSWER, true},
    [FAULT_HTML] = {"html", FAULT_ON_ANSWER, false},
    [FAULT_DEEP] = {"deep", FAULT_ON_ANSWER, true},
    [FAULT_HUGE] = {"huge", FAULT_ON_ANSWER, true},
    [FAULT_BIGINT] = {"bigint", FAULT_ON_ANSWER, true},
    [FAULT_DUPLICATE] = {"duplicate", FAULT_ON_ANSWER, true},
    [FAULT_HAS_MORE_NO_URL] = {"has-more-no-url", FAULT_ON_ANSWER, true},
    [FAULT_CHUNKED] = {"chunked", FAULT_ON_ANSWER, true},
};

void faults_init(struct faults *faults)
{
	TAILQ_INIT(&faults->queue);
}

static void fault_free(struct fault *fault)
{
	json_decref(fault->options);
	free(fault);
}

void faults_clear(struct faults *faults)
{
	struct fault *fault = TAILQ_FIRST(&faults->queue);
	while (fault) {
		struct fault *next = TAILQ_NEXT(fault, link);
		fault_free(fault);
		fault = next;
	}
	TAILQ_INIT(&faults->queue);
}

/* Adding ---------------------------------------------------------------------------------------*/

static int64_t option_integer(const json_t *options, const char *name, int64_t standard)
{
	const json_t *value = json_object_get(options, name);
	return json_is_integer(value) ? json_integer_value(value) : standard;
}

static bool option_boolean(const json_t *options, const char *name, bool standard)
{
	const json_t *value = json_object_get(options, name);
	return json_is_boolean(value) ? json_is_true(value) : standard;
}

static const char *option_text(const json_t *options, const char *name, const char *standard)
{
	const char *text = json_string_value(json_object_get(options, name));
	return text ? text : standard;
}

static int read_action(const json_t *object, struct fault *fault, struct err *err)
{
	const char *name = option_text(object, "action", "");
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (strcmp(actions[i].name, name) == 0) {
			fault->action = (enum fault_action)i;
			return 0;
		}
	}
	return err_set(err, "no action is called \"%s\"", name);
}

/* A misspelt option would leave a test without its fault, and passing. */
static int check_members(json_t *object, struct err *err)
{
	static const char *const known[] = {"action", "endpoint", "project", "connector_id", "skip",
	    "count", "executed", "status", "body", "headers", "delay_ms", "framing", "reset",
	    "keep", "location", "retry_after", "depth", "bytes"};
	for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
		size_t j = 0;
		while (j < ARRAY_SIZE(known) && strcmp(known[j], json_object_iter_key(i)) != 0)
			j++;
		if (j == ARRAY_SIZE(known))
			return err_set(
			    err, "a fault has no member \"%s\"", json_object_iter_key(i));
	}
	return 0;
}

static int read_fault(json_t *object, struct fault *fault, struct err *err)
{
	if (check_members(object, err) < 0 || read_action(object, fault, err) < 0)
		return -1;
	const char *endpoint = option_text(object, "endpoint", "any");
	fault->any_endpoint = strcmp(endpoint, "any") == 0;
	if (!fault->any_endpoint && endpoint_parse(endpoint, &fault->endpoint) < 0)
		return err_set(err, "no endpoint is called \"%s\"", endpoint);
	fault->project_id = option_integer(object, "project", 0);
	fault->connector_id = option_text(object, "connector_id", NULL);
	fault->skip = option_integer(object, "skip", 0);
	fault->count = option_integer(object, "count", 1);
	if (fault->count < -1 || fault->count == 0)
		return err_set(err, "count is -1 (for ever), or 1 or more");
	fault->executed = option_boolean(object, "executed", actions[fault->action].executed);
	return 0;
}

int faults_add(struct faults *faults, json_t *object, struct err *err)
{
	struct fault *fault = calloc(1, sizeof(*fault));
	if (!fault)
		return err_set(err, "no memory for a fault");
	if (!json_is_object(object) || read_fault(object, fault, err) < 0) {
		free(fault);
		return json_is_object(object) ? -1 : err_set(err, "a fault is an object");
	}
	fault->options = json_incref(object);
	TAILQ_INSERT_TAIL(&faults->queue, fault, link);
	return 0;
}

void faults_write(const struct faults *faults, struct writer *writer)
{
	writer_begin_array(writer);
	for (const struct fault *fault = TAILQ_FIRST(&faults->queue); fault;
	     fault = TAILQ_NEXT(fault, link)) {
		writer_begin_object(writer);
		writer_member_text(writer, "action", actions[fault->action].name);
		writer_member_text(writer, "endpoint",
		    fault->any_endpoint ? "any" : endpoint_name(fault->endpoint));
		writer_member_integer(writer, "skip", fault->skip);
		writer_member_integer(writer, "count", fault->count);
		writer_end_object(writer);
	}
	writer_end_array(writer);
}

/* Using ----------------------------------------------------------------------------------------*/

static bool fits(const struct fault *fault, enum fault_phase phase, const struct call *call)
{
	if (actions[fault->action].phase != phase)
		return false;
	if (!call)
		return true;
	return (fault->any_endpoint || fault->endpoint == call->endpoint) &&
	       (!fault->project_id || fault->project_id == call->project_id) &&
	       (!fault->connector_id || strcmp(fault->connector_id, call->connector_id) == 0);
}

static void discard(struct faults *faults, struct fault *fault)
{
	TAILQ_REMOVE(&faults->queue, fault, link);
	fault_free(fault);
}

bool faults_take(
    struct faults *faults, enum fault_phase phase, const struct call *call, struct shot *ret_shot)
{
	for (struct fault *fault = TAILQ_FIRST(&faults->queue); fault;
	     fault = TAILQ_NEXT(fault, link)) {
		if (!fits(fault, phase, call))
			continue;
		if (fault->skip > 0) {
			fault->skip--;
			continue;
		}
		*ret_shot = (struct shot){.action = fault->action,
		    .name = actions[fault->action].name,
		    .executed = fault->executed,
		    .options = json_incref(fault->options)};
		if (fault->count > 0 && --fault->count == 0)
			discard(faults, fault);
		return true;
	}
	return false;
}

void shot_done(struct shot *shot)
{
	json_decref(shot->options);
}

struct shape shot_shape(const struct shot *shot)
{
	struct shape shape = {.keep = -1};
	if (!shot)
		return shape;
	shape.empty = shot->action == FAULT_EMPTY_LIST;
	shape.twice = shot->action == FAULT_DUPLICATE;
	shape.no_url = shot->action == FAULT_HAS_MORE_NO_URL;
	if (shot->action == FAULT_SHRINK) {
		shape.keep = option_integer(shot->options, "keep", -1);
		shape.keep_divisor = 4;
	}
	return shape;
}

/* Bending --------------------------------------------------------------------------------------*/

static void redirect(const struct shot *shot, const struct request *request, struct answer *answer)
{
	_cleanup_buffer_ struct buffer target;
	buffer_init(&target, HTTP_HEAD_LIMIT);
	buffer_append(&target, request->path.ptr, request->path.len);
	buffer_append_text(&target, "/");
	if (request->query.len) {
		buffer_append_text(&target, "?");
		buffer_append(&target, request->query.ptr, request->query.len);
	}
	bool slash = shot->action == FAULT_REDIRECT_SLASH;
	const char *elsewhere = option_text(shot->options, "location", "http://127.0.0.1:1/");
	answer_set(answer, slash ? 301 : 302, "");
	answer_header(answer, "Location", slash ? buffer_text(&target) : elsewhere);
}

static void fill(struct answer *answer, char byte, int64_t count)
{
	char block[4096];
	memset(block, byte, sizeof(block));
	while (count > 0) {
		size_t len = count < (int64_t)sizeof(block) ? (size_t)count : sizeof(block);
		buffer_append(&answer->body, block, len);
		count -= (int64_t)len;
	}
}

static void make_deep(const struct shot *shot, struct answer *answer)
{
	int64_t depth = option_integer(shot->options, "depth", 100000);
	answer_set(answer, 200, "{\"status\":\"ok\",\"results\":");
	fill(answer, '[', depth);
	fill(answer, ']', depth);
	buffer_append_text(&answer->body, "}");
}

static void make_huge(const struct shot *shot, struct answer *answer)
{
	answer_set(answer, 200,
	    "{\"status\":\"ok\",\"results\":{\"url\":null,\"has_more\":false,\"data\":[\"");
	fill(answer, 'x', option_integer(shot->options, "bytes", INT64_C(8) << 20));
	buffer_append_text(&answer->body, "\"]}}");
}

/* Puts a member before all others of the object that is the body. */
static void insert_member(struct answer *answer, const char *member)
{
	size_t len;
	_cleanup_free_ char *body = buffer_steal(&answer->body, &len);
	buffer_init(&answer->body, (size_t)1 << 30);
	bool object = body && len > 1 && body[0] == '{';
	if (object)
		buffer_printf(&answer->body, "{%s%s", member, body[1] == '}' ? "" : ",");
	if (body)
		buffer_append(&answer->body, body + object, len - object);
}

static void retry_after(const struct shot *shot, struct answer *answer)
{
	char seconds[32];
	snprintf(seconds, sizeof(seconds), "%lld",
	    (long long)option_integer(shot->options, "retry_after", 2));
	answer_set(answer, 429, "{\"status\":\"error\",\"error\":\"rate limit reached\"}");
	answer_header(answer, "Retry-After", option_text(shot->options, "retry_after", seconds));
}

static void bend_by_action(
    const struct shot *shot, const struct request *request, struct answer *answer)
{
	switch (shot->action) {
	case FAULT_STATUS:
		answer_set(answer, 500, "{\"status\":\"error\",\"error\":\"simulated fault\"}");
		break;
	case FAULT_DROP_ACCEPT:
	case FAULT_DROP_BEFORE:
	case FAULT_DROP_DURING:
	case FAULT_DROP_AFTER:
		answer->silent = true;
		answer->close = true;
		break;
	case FAULT_TRUNCATE:
		answer->body_sent =
		    (size_t)option_integer(shot->options, "keep", (int64_t)answer->body.len / 2);
		break;
	case FAULT_GARBAGE:
		answer_set(answer, 200, "\x01\xff\xfe{\"status\":\"ok\",\"results\":");
		break;
	case FAULT_REDIRECT_SLASH:
	case FAULT_REDIRECT_ELSEWHERE:
		redirect(shot, request, answer);
		break;
	case FAULT_RETRY_AFTER:
		retry_after(shot, answer);
		break;
	case FAULT_HANG:
		answer->hang = true;
		break;
	case FAULT_DRIP:
		answer->drip = 100 * MICROSECONDS_PER_MILLISECOND;
		break;
	case FAULT_HTML:
		answer_set(answer, 502,
		    "<html><head><title>502 Bad Gateway</title></head>"
		    "<body><center><h1>502 Bad Gateway</h1></center></body></html>\r\n");
		answer_header(answer, "Content-Type", "text/html");
		break;
	case FAULT_DEEP:
		make_deep(shot, answer);
		break;
	case FAULT_HUGE:
		make_huge(shot, answer);
		break;
	case FAULT_BIGINT:
		insert_member(answer, "\"big\":92233720368547758080");
		break;
	case FAULT_CHUNKED:
		answer->framing = HTTP_CHUNKED;
		break;
	case FAULT_DELAY:
	case FAULT_EMPTY_LIST:
	case FAULT_SHRINK:
	case FAULT_DUPLICATE:
	case FAULT_HAS_MORE_NO_URL:
		break;
	}
}

static void bend_framing(const json_t *options, struct answer *answer)
{
	static const char *const names[] = {[HTTP_LENGTH] = "length",
	    [HTTP_CHUNKED] = "chunked",
	    [HTTP_CLOSE] = "close",
	    [HTTP_RAW] = "raw"};
	const char *framing = option_text(options, "framing", "");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], framing) == 0)
			answer->framing = (enum http_framing)i;
	}
}

void shot_bend(const struct shot *shot, const struct request *request, struct answer *answer)
{
	json_t *options = shot->options;
	bend_by_action(shot, request, answer);
	answer->status = (unsigned)option_integer(options, "status", answer->status);
	const json_t *body = json_object_get(options, "body");
	if (json_is_string(body)) {
		buffer_clear(&answer->body);
		buffer_append(&answer->body, json_string_value(body), json_string_length(body));
	}
	json_t *headers = json_object_get(options, "headers");
	for (void *i = json_object_iter(headers); i; i = json_object_iter_next(headers, i)) {
		const char *value = json_string_value(json_object_iter_value(i));
		answer_header(answer, json_object_iter_key(i), value ? value : "");
	}
	int64_t delay = option_integer(options, "delay_ms", -1) * MICROSECONDS_PER_MILLISECOND;
	if (shot->action == FAULT_DRIP && delay > 0)
		answer->drip = delay;
	else if (delay > 0)
		answer->delay = delay;
	bend_framing(options, answer);
	answer->reset = option_boolean(options, "reset", false);
}
