/* SPDX-License-Identifier: MIT */
/* A cursor is a version, a kind, a fingerprint and a position, written in hexadecimal. */
#include "api/cursor.h"

#include <string.h>

#include "util/text.h"

#define CURSOR_VERSION 1

static uint8_t *cursor_put(uint8_t *at, uint64_t value)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		*at++ = (uint8_t)(value >> shift);
	return at;
}

static uint64_t get(const uint8_t *at)
{
	uint64_t value = 0;
	for (int i = 0; i < 8; i++)
		value = value << 8 | at[i];
	return value;
}

void cursor_format(const struct cursor *cursor, char *ret_text)
{
	uint8_t bytes[CURSOR_BYTES] = {CURSOR_VERSION, (uint8_t)cursor->kind};
	uint8_t *at = cursor_put(bytes + 2, cursor->list);
	at = cursor_put(at, (uint64_t)cursor->time);
	cursor_put(at, (uint64_t)cursor->row);
	text_hex(bytes, sizeof(bytes), ret_text);
}

int cursor_parse(const char *text, enum cursor_kind kind, uint64_t list, struct cursor *ret_cursor)
{
	uint8_t bytes[CURSOR_BYTES];
	if (text_unhex(text, bytes, sizeof(bytes)) < 0)
		return -1;
	struct cursor cursor = {
	    .kind = kind,
	    .list = get(bytes + 2),
	    .time = (int64_t)get(bytes + 10),
	    .row = (int64_t)get(bytes + 18),
	};
	if (bytes[0] != CURSOR_VERSION || bytes[1] != kind || cursor.list != list || cursor.row < 1)
		return -1;
	*ret_cursor = cursor;
	return 0;
}

/* The finaliser of splitmix64 over what came before and the new value. */
uint64_t fingerprint_add(uint64_t fingerprint, uint64_t value)
{
	uint64_t mixed = fingerprint * UINT64_C(0x9e3779b97f4a7c15) + value + 1;
	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ mixed >> 31;
}

uint64_t fingerprint_add_text(uint64_t fingerprint, const char *text)
{
	if (!text)
		return fingerprint_add(fingerprint, UINT64_MAX);
	for (const char *at = text; *at; at++)
		fingerprint = fingerprint_add(fingerprint, (unsigned char)*at);
	return fingerprint_add(fingerprint, 256 + strlen(text));
}
