/* SPDX-License-Identifier: MIT */
/* Any text as an id, a number, a duration or a digest. An id that is taken stays one segment of the
 * URLs it is put into, and means itself there; the others read back as what they were read as. */
#include <assert.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixpanel/endpoints.h"
#include "model/connector.h"
#include "model/job.h"
#include "model/operation.h"
#include "store/positions.h"
#include "util/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BASE "https://mixpanel.com/api/app"

static void check_url(enum endpoint endpoint, const char *id)
{
	_cleanup_buffer_ struct buffer url;
	buffer_init(&url, 8192);
	if (endpoint_url(&url, endpoint, BASE, 7, id) < 0) {
		assert(strcmp(id, ".") == 0 || strcmp(id, "..") == 0 || !*id);
		return;
	}
	static const char before[] = BASE "/projects/7/connectors/";
	assert(strncmp(buffer_text(&url), before, strlen(before)) == 0);
	char *segment = url.data + strlen(before);
	if (endpoint == ENDPOINT_LIST || endpoint == ENDPOINT_CREATE) {
		assert(*segment == '\0');
		return;
	}
	char *slash = strchr(segment, '/');
	assert(!slash || (endpoint == ENDPOINT_HISTORY && strcmp(slash, "/history") == 0));
	if (slash)
		*slash = '\0';
	assert(strspn(segment, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			       "0123456789-._~%") == strlen(segment));
	assert(text_percent_decode(segment, false) == (long)strlen(id));
	assert(strcmp(segment, id) == 0);
}

static void check_id(const char *id)
{
	if (!connector_id_is_valid(id))
		return;
	assert(!strchr(id, '/') && strlen(id) <= CONNECTOR_ID_LENGTH_LIMIT);
	for (enum endpoint endpoint = 0; endpoint < ENDPOINT_COUNT; endpoint++) {
		check_url(endpoint, id);
		assert(
		    endpoint_writes(endpoint) == (strcmp(endpoint_method(endpoint), "GET") != 0));
		assert(endpoint_name(endpoint)[0]);
	}
}

/* A prefix that few ids have goes beyond the one that all have. */
static void check_prefix(const char *text, const char *kind)
{
	bool few = positions_are_few(text, kind);
	assert(few || strncmp(text, kind, strlen(kind)) == 0);
}

static void check_number(const char *text)
{
	uint64_t number;
	char again[32];
	if (text_parse_unsigned(text, 1, INT64_MAX, &number) < 0)
		return;
	assert(number >= 1 && number <= INT64_MAX);
	snprintf(again, sizeof(again), "%" PRIu64, number);
	while (*text == '0')
		text++;
	assert(strcmp(text, again) == 0);
}

static void check_duration(const char *text)
{
	int64_t duration, again;
	if (text_parse_duration(text, &duration) < 0)
		return;
	_cleanup_buffer_ struct buffer written;
	buffer_init(&written, 64);
	text_append_duration(&written, duration);
	assert(duration >= 0 && text_parse_duration(buffer_text(&written), &again) == 0);
	assert(again == duration);
}

static void check_digest(const char *text)
{
	uint8_t digest[32];
	char again[65];
	if (text_unhex(text, digest, sizeof(digest)) < 0)
		return;
	text_hex(digest, sizeof(digest), again);
	assert(strcasecmp(again, text) == 0);
}

/* Escapes in place. */
static void check_escapes(char *text, bool plus)
{
	size_t len = strlen(text);
	long decoded = text_percent_decode(text, plus);
	assert(decoded <= (long)len);
	if (decoded >= 0)
		assert(strlen(text) == (size_t)decoded && text_is_utf8(text, (size_t)decoded));
}

/* What is shown, in room that is too small for it. */
static void check_shown(const char *text, size_t len)
{
	char shown[40];
	size_t taken;
	size_t written = text_escape(text, len, shown, sizeof(shown), &taken);
	assert(written <= sizeof(shown) && taken <= len && text_is_utf8(shown, written));
	for (size_t i = 0; i < written; i++)
		assert((unsigned char)shown[i] >= ' ' && shown[i] != 0x7f);
}

/* What is the same is so whichever way it is asked. */
static void check_sameness(const char *text, size_t len)
{
	const char *const list[] = {"queued", "running", text, NULL};
	struct span span = span_of(text);
	int place = text_find(list, text);
	assert(place >= 0 && text_same(list[place], text) && span_equals(span, list[place]));
	assert(text_find(list, NULL) == -1 && !text_same(NULL, text) && text_same(NULL, NULL));
	assert(span_same(span, span) && !span_same(span, SPAN_NONE));
	assert(span_same(SPAN_NONE, span_of(NULL)));
	assert(text_mark_length(text, len) == 0 || text_mark_length(text, len) == 3);
}

/* A step of a pointer has no slash but its own. */
static void check_pointer(const char *text)
{
	_cleanup_buffer_ struct buffer pointer;
	buffer_init(&pointer, 16384);
	text_append_pointer(&pointer, text);
	assert(buffer_text(&pointer)[0] == '/' && !strchr(buffer_text(&pointer) + 1, '/'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 4096)
		return 0;
	_cleanup_free_ char *text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_id(text);
	check_prefix(text, JOB_ID_PREFIX);
	check_prefix(text, OPERATION_ID_PREFIX);
	check_number(text);
	check_duration(text);
	check_digest(text);
	check_shown(text, size);
	check_sameness(text, size);
	check_pointer(text);
	_cleanup_free_ char *copy = strdup(text);
	if (copy)
		check_escapes(copy, true);
	check_escapes(text, false);
	return 0;
}
