/* SPDX-License-Identifier: MIT */
/* Whatever a client hands back as a cursor is either refused or read as exactly what it says. The
 * input is tried as such a text, and as a position, whose text is then changed by its last bytes.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[CURSOR_KEY_SIZE] = "a key that nobody else may know";
#define LIST UINT64_C(0x1122334455667788)

static void check(const char *text, enum cursor_kind kind, uint64_t list)
{
	struct cursor cursor = {.kind = kind, .list = list};
	char again[CURSOR_TEXT_SIZE];
	if (cursor_parse(text, key, &cursor) < 0)
		return;
	assert(cursor.kind == kind && cursor.list == list && cursor.row >= 1);
	cursor_format(&cursor, key, again);
	assert(strcasecmp(again, text) == 0);
}

static void check_all(const char *text)
{
	for (enum cursor_kind kind = CURSOR_PROJECTS; kind <= CURSOR_AUDIT; kind++) {
		check(text, kind, 0);
		check(text, kind, LIST);
	}
}

/* A list's identity, and where a page of it ended. */
struct input {
	uint8_t kind;
	char filter[7];
	int64_t time;
	int64_t row;
	uint8_t place; /* of the character that is changed */
	uint8_t change;
};

static uint64_t fingerprint(const struct input *input)
{
	char filter[sizeof(input->filter) + 1] = "";
	memcpy(filter, input->filter, sizeof(input->filter));
	uint64_t list = fingerprint_add(LIST, input->kind);
	return fingerprint_add_text(fingerprint_add_text(list, filter), NULL);
}

static void check_position(const struct input *input)
{
	static const uint8_t other_key[CURSOR_KEY_SIZE] = "another";
	char text[CURSOR_TEXT_SIZE];
	struct cursor cursor = {.kind = (enum cursor_kind)(1 + input->kind % CURSOR_AUDIT),
	    .list = fingerprint(input),
	    .time = input->time,
	    .row = input->row};
	struct cursor found = {.kind = cursor.kind, .list = cursor.list};
	cursor_format(&cursor, key, text);
	assert((cursor_parse(text, key, &found) == 0) == (cursor.row >= 1));
	assert(cursor.row < 1 || (found.time == cursor.time && found.row == cursor.row));
	assert(cursor_parse(text, other_key, &found) < 0);
	/* Of another list, or changed in one place. */
	struct cursor other = {.kind = cursor.kind, .list = cursor.list + 1};
	assert(cursor_parse(text, key, &other) < 0);
	char *at = &text[input->place % (CURSOR_TEXT_SIZE - 1)];
	char before = *at;
	*at = (char)input->change;
	if (strncasecmp(at, &before, 1) != 0)
		assert(cursor_parse(text, key, &found) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input;
	char *text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_all(text);
	free(text);
	if (size < sizeof(input))
		return 0;
	memcpy(&input, data, sizeof(input));
	check_position(&input);
	return 0;
}
