/* SPDX-License-Identifier: MIT */
/* HTTP/1.1 as RFC 9112 has it and not a byte more, to judge by what the edge makes of the same
 * bytes. Of its own: nothing here comes from src/http. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/text.h"

/* A first line and the lines of the fields below it. */
struct http1_head {
	struct span line;
	struct span fields;
};

/* One request that is framed beyond doubt. */
struct http1_request {
	struct http1_head head;
	struct span method;
	struct span target;
	struct span body;
	bool last; /* the client asks for the end of the connection behind it */
};

struct http1_answer {
	struct http1_head head;
	unsigned status;
	struct span body;
};

static inline bool http1_is_token(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || (unsigned char)text.ptr[i] >= 0x7f ||
		    strchr("\"(),/:;<=>?@[\\]{}", text.ptr[i]))
			return false;
	return text.len > 0;
}

static inline bool http1_ends_line(char c)
{
	return c == '\r' || c == '\n' || c == '\0';
}

/* Takes a line and its end, CR LF. A NUL in the place of the CR passes for it: that leaves no trace
 * in the memory of libmicrohttpd, see guard.c. */
static inline bool http1_take_line(struct span *rest, struct span *ret_line)
{
	size_t len = 0;
	while (len < rest->len && !http1_ends_line(rest->ptr[len]))
		len++;
	if (rest->len - len < 2 || rest->ptr[len] == '\n' || rest->ptr[len + 1] != '\n')
		return false;
	*ret_line = (struct span){.ptr = rest->ptr, .len = len};
	rest->ptr += len + 2;
	rest->len -= len + 2;
	return true;
}

/* libmicrohttpd ends lines at an LF, cuts them at a NUL, and takes those for empty that begin with
 * a NUL or a colon. So there are more ends of a head that lie in its memory as CR LF CR LF does:
 * they become that. */
static inline void http1_whiten(char *at, size_t len)
{
	size_t last = 0;
	while (last < len && !http1_ends_line(at[last]))
		last++;
	char *end = at + last;
	if (last == 0 || len - last < 4 || end[3] != '\n')
		return;
	bool bare = end[0] == '\n' && (end[1] == '\0' || end[1] == ':') && end[2] != '\n';
	bool cut = end[0] == '\0' && end[1] != '\n' && end[2] == '\n';
	bool usual = (end[0] == '\r' || end[0] == '\0') && end[1] == '\n' &&
		     (end[2] == '\r' || end[2] == '\0' || end[2] == ':');
	if (bare || cut || usual)
		memcpy(end, "\r\n\r\n", 4);
}

/* Takes a part that ends in `end`, which goes too. */
static inline bool http1_take_part(struct span *rest, char end, struct span *ret_part)
{
	const char *at = rest->len > 0 ? memchr(rest->ptr, end, rest->len) : NULL;
	if (!at)
		return false;
	*ret_part = (struct span){.ptr = rest->ptr, .len = (size_t)(at - rest->ptr)};
	rest->len -= ret_part->len + 1;
	rest->ptr = at + 1;
	return true;
}

/* Takes the next field; false at the end, and for what is none. */
static inline bool http1_next_field(
    struct span *fields, struct span *ret_name, struct span *ret_value)
{
	struct span line;
	if (!http1_take_line(fields, &line) || !http1_take_part(&line, ':', ret_name) ||
	    !http1_is_token(*ret_name))
		return false;
	while (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t')) {
		line.ptr++;
		line.len--;
	}
	while (line.len > 0 && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\t'))
		line.len--;
	*ret_value = line;
	return true;
}

/* Its bytes may be changed. */
static inline bool http1_take_head(struct span *rest, struct http1_head *ret_head)
{
	struct span line, name, value;
	http1_whiten((char *)(uintptr_t)rest->ptr, rest->len);
	if (!http1_take_line(rest, &ret_head->line))
		return false;
	const char *first = rest->ptr;
	for (;;) {
		struct span before = *rest;
		http1_whiten((char *)(uintptr_t)rest->ptr, rest->len);
		if (!http1_take_line(rest, &line))
			return false;
		if (line.len == 0) {
			ret_head->fields =
			    (struct span){.ptr = first, .len = (size_t)(before.ptr - first)};
			return true;
		}
		if (!http1_next_field(&before, &name, &value))
			return false;
	}
}

static inline bool http1_same(struct span a, const char *b)
{
	return a.len == strlen(b) && strncasecmp(a.ptr, b, a.len) == 0;
}

/* How often a field comes; ret_value gets the last one. */
static inline unsigned http1_find(
    const struct http1_head *head, const char *name, struct span *ret_value)
{
	struct span rest = head->fields, field, value;
	unsigned count = 0;
	*ret_value = SPAN_NONE;
	while (http1_next_field(&rest, &field, &value)) {
		if (!http1_same(field, name))
			continue;
		count++;
		*ret_value = value;
	}
	return count;
}

/* Takes the body that a Content-Length tells, if any. */
static inline bool http1_take_length(
    struct span *rest, const struct http1_head *head, struct span *ret_body)
{
	struct span value;
	unsigned count = http1_find(head, "Content-Length", &value);
	uint64_t length = 0;
	if (count > 1 || (count == 1 && (value.len == 0 || value.len > 18)))
		return false;
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			return false;
		length = length * 10 + (uint64_t)(value.ptr[i] - '0');
	}
	if (length > rest->len)
		return false;
	*ret_body = (struct span){.ptr = rest->ptr, .len = (size_t)length};
	rest->ptr += length;
	rest->len -= (size_t)length;
	return true;
}

/* "HTTP/1." and a digit. */
static inline bool http1_is_version(struct span text)
{
	return text.len == 8 && memcmp(text.ptr, "HTTP/1.", 7) == 0 && text.ptr[7] >= '0' &&
	       text.ptr[7] <= '9';
}

/* Takes a whole request, whose bytes may be changed; false when what comes is none, or not all of
 * one. Empty lines before it
 * are passed over; libmicrohttpd takes a line that begins with a NUL for empty, too. */
static inline bool http1_take_request(struct span *rest, struct http1_request *ret_request)
{
	struct http1_request request;
	struct span value;
	while (rest->len > 0 && http1_ends_line(*rest->ptr)) {
		const char *end = memchr(rest->ptr, '\n', rest->len);
		if (!end || (*rest->ptr == '\r' && end > rest->ptr + 1))
			return false;
		rest->len -= (size_t)(end + 1 - rest->ptr);
		rest->ptr = end + 1;
	}
	if (!http1_take_head(rest, &request.head))
		return false;
	struct span line = request.head.line;
	if (!http1_take_part(&line, ' ', &request.method) || !http1_is_token(request.method) ||
	    !http1_take_part(&line, ' ', &request.target) || request.target.len == 0 ||
	    !http1_is_version(line) || http1_find(&request.head, "Transfer-Encoding", &value) > 0 ||
	    !http1_take_length(rest, &request.head, &request.body))
		return false;
	request.last = http1_find(&request.head, "Connection", &value) > 0
			   ? http1_same(value, "close")
			   : line.ptr[7] == '0';
	*ret_request = request;
	return true;
}

/* Takes the body that comes in chunks, and puts it together where it lies. */
static inline bool http1_take_chunks(struct span *rest, char *at, struct span *ret_body)
{
	struct span line;
	char *start = at;
	for (;;) {
		if (!http1_take_line(rest, &line) || line.len == 0 || line.len > 8)
			return false;
		size_t size = 0;
		for (size_t i = 0; i < line.len; i++) {
			int digit = text_hex_digit(line.ptr[i]);
			if (digit < 0)
				return false;
			size = size * 16 + (size_t)digit;
		}
		if (size > rest->len)
			return false;
		memmove(at, rest->ptr, size);
		at += size;
		rest->ptr += size;
		rest->len -= size;
		if (!http1_take_line(rest, &line) || line.len > 0)
			return false;
		if (size == 0) {
			*ret_body = (struct span){.ptr = start, .len = (size_t)(at - start)};
			return true;
		}
	}
}

/* Takes an answer; to_head: it has no body, whatever it says. Its bytes may be changed. */
static inline bool http1_take_answer(
    struct span *rest, bool to_head, struct http1_answer *ret_answer)
{
	struct http1_answer answer = {.body = SPAN_NONE};
	struct span line, version, code, value;
	if (!http1_take_head(rest, &answer.head))
		return false;
	line = answer.head.line;
	if (!http1_take_part(&line, ' ', &version) || !http1_is_version(version) ||
	    !http1_take_part(&line, ' ', &code) || code.len != 3)
		return false;
	for (size_t i = 0; i < code.len; i++) {
		if (code.ptr[i] < '0' || code.ptr[i] > '9')
			return false;
		answer.status = answer.status * 10 + (unsigned)(code.ptr[i] - '0');
	}
	unsigned chunked = http1_find(&answer.head, "Transfer-Encoding", &value);
	bool empty = to_head || answer.status < 200 || answer.status == 204 || answer.status == 304;
	if (chunked > 1 || (chunked == 1 && !http1_same(value, "chunked")) ||
	    (chunked == 1 && http1_find(&answer.head, "Content-Length", &value) > 0))
		return false;
	bool whole = true;
	if (!empty && chunked == 1) {
		whole = http1_take_chunks(rest, (char *)(uintptr_t)rest->ptr, &answer.body);
	} else if (!empty && http1_find(&answer.head, "Content-Length", &value) == 0) {
		/* To the end of the connection, then. */
		whole = http1_find(&answer.head, "Connection", &value) == 1 &&
			http1_same(value, "close");
		answer.body = *rest;
		*rest = (struct span){.ptr = rest->ptr + rest->len, .len = 0};
	} else if (!empty) {
		whole = http1_take_length(rest, &answer.head, &answer.body);
	}
	*ret_answer = answer;
	return whole;
}
