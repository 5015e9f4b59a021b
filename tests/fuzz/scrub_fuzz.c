/* SPDX-License-Identifier: MIT */
/* A text that was scrubbed holds nothing more of the credential, in any notation, and is as long as
 * before. The first line is the credential, the rest is the text. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/scrub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct secret *pair, char *text, size_t len)
{
	char *before = malloc(len + 1);
	if (!before)
		return;
	memcpy(before, text, len);
	bool there = memmem(text, len, pair->data, pair->len) != NULL;
	bool found = scrub(pair, text, len, false);
	assert(memcmp(before, text, len) == 0);
	assert(found || !there);
	assert(scrub(pair, text, len, true) == found);
	assert((memcmp(before, text, len) != 0) == found);
	assert(!memmem(text, len, pair->data, pair->len));
	free(before);
}

/* What a credential file may hold (credential.c); asterisks would be found again. */
static bool is_pair(const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	if (!colon || colon == line || colon + 1 == line + len || len > SCRUB_PAIR_LIMIT)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];
		if (c < ' ' || c == 0x7f || c == '*')
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *line = (const char *)data;
	const char *end = size > 0 ? memchr(line, '\n', size) : NULL;
	struct secret *pair = NULL;
	struct err err = ERR_INIT;
	if (!end || !is_pair(line, (size_t)(end - line)) ||
	    secret_new(line, (size_t)(end - line), &err, &pair) < 0)
		return 0;
	size_t len = size - (size_t)(end + 1 - line);
	char *text = malloc(len + 1);
	if (text) {
		memcpy(text, end + 1, len);
		check(pair, text, len);
	}
	free(text);
	secret_free(pair);
	return 0;
}
