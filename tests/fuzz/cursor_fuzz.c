/* SPDX-License-Identifier: MIT */
/* Whatever a client hands back as a cursor is either refused or read as exactly what it says. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, enum cursor_kind kind, uint64_t list)
{
	static const uint8_t key[CURSOR_KEY_SIZE];
	struct cursor cursor = {.kind = kind, .list = list};
	char again[CURSOR_TEXT_SIZE];
	if (cursor_parse(text, key, &cursor) < 0)
		return;
	assert(cursor.kind == kind && cursor.list == list && cursor.row >= 1);
	cursor_format(&cursor, key, again);
	assert(strcasecmp(again, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (enum cursor_kind kind = CURSOR_PROJECTS; kind <= CURSOR_AUDIT; kind++) {
		check(text, kind, 0);
		check(text, kind, UINT64_C(0x1122334455667788));
	}
	free(text);
	return 0;
}
