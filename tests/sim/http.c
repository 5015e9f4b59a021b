/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define CHUNK_SIZE 61 /* odd on purpose: chunk borders fall inside words and escapes */

static struct span trim(struct span text)
{
	while (text.len && (*text.ptr == ' ' || *text.ptr == '\t')) {
		text.ptr++;
		text.len--;
	}
	while (text.len && isspace((unsigned char)text.ptr[text.len - 1]))
		text.len--;
	return text;
}

/* Cuts text at the first separator: returns what is before it, leaves what is after it. */
static struct span cut(struct span *text, char separator)
{
	const char *at = text->len ? memchr(text->ptr, separator, text->len) : NULL;
	struct span before = *text;
	if (!at) {
		*text = (struct span){.ptr = text->ptr + text->len, .len = 0};
		return before;
	}
	before.len = (size_t)(at - text->ptr);
	*text = (struct span){.ptr = at + 1, .len = text->len - before.len - 1};
	return before;
}

static bool same_name(struct span name, const char *other)
{
	return name.len == strlen(other) && strncasecmp(name.ptr, other, name.len) == 0;
}

struct span http_header(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++) {
		if (same_name(request->headers[i].name, name))
			return request->headers[i].value;
	}
	return SPAN_NONE;
}

struct span http_query(const struct request *request, const char *name)
{
	struct span rest = request->query;
	while (rest.len) {
		struct span value = cut(&rest, '&');
		struct span key = cut(&value, '=');
		if (span_equals(key, name))
			return value;
	}
	return SPAN_NONE;
}

static int parse_start(struct span line, struct request *request)
{
	request->method = cut(&line, ' ');
	request->target = cut(&line, ' ');
	struct span version = trim(line);
	request->query = request->target;
	request->path = cut(&request->query, '?');
	request->keep_alive = span_equals(version, "HTTP/1.1");
	bool known = request->keep_alive || span_equals(version, "HTTP/1.0");
	return known && request->path.len && request->path.ptr[0] == '/' ? 0 : -1;
}

static int parse_headers(struct span head, struct request *request)
{
	while (head.len) {
		struct span line = cut(&head, '\n');
		if (!trim(line).len)
			continue;
		if (request->header_count == HTTP_HEADER_LIMIT)
			return -1;
		struct http_header *header = &request->headers[request->header_count++];
		header->name = cut(&line, ':');
		header->value = trim(line);
	}
	return 0;
}

static int parse_length(struct span value, size_t *ret_length)
{
	size_t length = 0;
	for (size_t i = 0; i < value.len; i++) {
		if (!isdigit((unsigned char)value.ptr[i]))
			return -1;
		length = length * 10 + (size_t)(value.ptr[i] - '0');
		if (length > HTTP_BODY_LIMIT)
			return -1;
	}
	*ret_length = length;
	return 0;
}

enum http_progress http_parse(struct span input, struct request *ret_request, size_t *ret_used)
{
	const char *end = input.len ? memmem(input.ptr, input.len, "\r\n\r\n", 4) : NULL;
	if (!end)
		return input.len > HTTP_HEAD_LIMIT ? HTTP_MALFORMED : HTTP_NEEDS_HEAD;

	struct request request = {.header_count = 0};
	struct span head = {.ptr = input.ptr, .len = (size_t)(end - input.ptr)};
	size_t head_len = head.len + 4;
	if (parse_start(cut(&head, '\n'), &request) < 0 || parse_headers(head, &request) < 0)
		return HTTP_MALFORMED;
	size_t length = 0;
	if (parse_length(http_header(&request, "Content-Length"), &length) < 0 ||
	    http_header(&request, "Transfer-Encoding").ptr)
		return HTTP_MALFORMED;
	struct span connection = http_header(&request, "Connection");
	if (same_name(connection, "close"))
		request.keep_alive = false;
	else if (same_name(connection, "keep-alive"))
		request.keep_alive = true;
	request.expects_continue = same_name(http_header(&request, "Expect"), "100-continue");
	bool complete = input.len - head_len >= length;
	if (complete)
		request.body = (struct span){.ptr = input.ptr + head_len, .len = length};
	*ret_request = request;
	*ret_used = head_len + length;
	return complete ? HTTP_COMPLETE : HTTP_NEEDS_BODY;
}

void answer_init(struct answer *answer)
{
	*answer = (struct answer){.status = 200, .body_sent = SIZE_MAX};
	buffer_init(&answer->headers, HTTP_HEAD_LIMIT);
	buffer_init(&answer->body, (size_t)1 << 30);
}

void answer_done(struct answer *answer)
{
	buffer_done(&answer->headers);
	buffer_done(&answer->body);
}

void answer_set(struct answer *answer, unsigned status, const char *body)
{
	answer->status = status;
	buffer_clear(&answer->body);
	buffer_append_text(&answer->body, body);
}

void answer_header(struct answer *answer, const char *name, const char *value)
{
	buffer_printf(&answer->headers, "%s: %s\r\n", name, value);
}

static const char *reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} reasons[] = {{200, "OK"}, {201, "Created"}, {301, "Moved Permanently"}, {302, "Found"},
	    {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
	    {405, "Method Not Allowed"}, {429, "Too Many Requests"}, {500, "Internal Server Error"},
	    {502, "Bad Gateway"}, {503, "Service Unavailable"}, {504, "Gateway Timeout"}};
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].text;
	}
	return "Whatever";
}

static bool has_header(const struct answer *answer, const char *name)
{
	struct span rest = {.ptr = buffer_text(&answer->headers), .len = answer->headers.len};
	while (rest.len) {
		struct span line = cut(&rest, '\n');
		if (same_name(cut(&line, ':'), name))
			return true;
	}
	return false;
}

static void append_head(const struct answer *answer, struct buffer *out)
{
	buffer_printf(out, "HTTP/1.1 %u %s\r\n", answer->status, reason(answer->status));
	if (!has_header(answer, "Content-Type"))
		buffer_append_text(out, "Content-Type: application/json\r\n");
	if (answer->framing == HTTP_LENGTH && !has_header(answer, "Content-Length"))
		buffer_printf(out, "Content-Length: %zu\r\n", answer->body.len);
	if (answer->framing == HTTP_CHUNKED)
		buffer_append_text(out, "Transfer-Encoding: chunked\r\n");
	if (answer->framing == HTTP_CLOSE || answer->close)
		buffer_append_text(out, "Connection: close\r\n");
	buffer_append(out, buffer_text(&answer->headers), answer->headers.len);
	buffer_append_text(out, "\r\n");
}

static void append_chunks(struct span body, bool whole, struct buffer *out)
{
	for (size_t at = 0; at < body.len; at += CHUNK_SIZE) {
		size_t len = body.len - at < CHUNK_SIZE ? body.len - at : CHUNK_SIZE;
		buffer_printf(out, "%zx\r\n", len);
		buffer_append(out, body.ptr + at, len);
		buffer_append_text(out, "\r\n");
	}
	if (whole)
		buffer_append_text(out, "0\r\n\r\n");
}

void answer_serialise(const struct answer *answer, struct buffer *out)
{
	if (answer->silent)
		return;
	struct span body = {.ptr = buffer_text(&answer->body), .len = answer->body.len};
	bool whole = body.len <= answer->body_sent;
	if (!whole)
		body.len = answer->body_sent;
	if (answer->framing != HTTP_RAW)
		append_head(answer, out);
	if (answer->framing == HTTP_CHUNKED)
		append_chunks(body, whole, out);
	else
		buffer_append(out, body.ptr, body.len);
}
