/* SPDX-License-Identifier: MIT */
/* A cursor is a position, encrypted: rows are numbered across all projects, so that their numbers
 * would tell how much others have. The tag is a MAC of the version, the kind, the list and the
 * position, and the counter that the position is encrypted with: a synthetic IV, as in RFC 5297. */
#include "api/cursor.h"

#include <nettle/aes.h>
#include <nettle/ctr.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <string.h>

#include "util/text.h"

#define CURSOR_VERSION 2
#define TAG_SIZE 16
#define POSITION_SIZE 16

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

static void make_tag(
    const struct cursor *cursor, const uint8_t key[CURSOR_KEY_SIZE], uint8_t ret_tag[TAG_SIZE])
{
	uint8_t bytes[2 + 8 + POSITION_SIZE] = {CURSOR_VERSION, (uint8_t)cursor->kind};
	uint8_t *at = cursor_put(bytes + 2, cursor->list);
	at = cursor_put(at, (uint64_t)cursor->time);
	cursor_put(at, (uint64_t)cursor->row);
	struct hmac_sha256_ctx mac;
	hmac_sha256_set_key(&mac, CURSOR_KEY_SIZE - AES128_KEY_SIZE, key + AES128_KEY_SIZE);
	hmac_sha256_update(&mac, sizeof(bytes), bytes);
	hmac_sha256_digest(&mac, TAG_SIZE, ret_tag);
}

/* One way and back. */
static void encrypt(const uint8_t key[CURSOR_KEY_SIZE], const uint8_t tag[TAG_SIZE],
    uint8_t position[POSITION_SIZE])
{
	struct aes128_ctx aes;
	uint8_t counter[TAG_SIZE];
	memcpy(counter, tag, TAG_SIZE);
	aes128_set_encrypt_key(&aes, key);
	ctr_crypt(&aes, (nettle_cipher_func *)aes128_encrypt, TAG_SIZE, counter, POSITION_SIZE,
	    position, position);
}

void cursor_format(const struct cursor *cursor, const uint8_t key[CURSOR_KEY_SIZE], char *ret_text)
{
	uint8_t bytes[CURSOR_BYTES];
	make_tag(cursor, key, bytes);
	cursor_put(cursor_put(bytes + TAG_SIZE, (uint64_t)cursor->time), (uint64_t)cursor->row);
	encrypt(key, bytes, bytes + TAG_SIZE);
	text_hex(bytes, sizeof(bytes), ret_text);
}

int cursor_parse(const char *text, const uint8_t key[CURSOR_KEY_SIZE], struct cursor *cursor)
{
	uint8_t bytes[CURSOR_BYTES];
	uint8_t tag[TAG_SIZE];
	if (text_unhex(text, bytes, sizeof(bytes)) < 0)
		return -1;
	encrypt(key, bytes, bytes + TAG_SIZE);
	struct cursor found = {
	    .kind = cursor->kind,
	    .list = cursor->list,
	    .time = (int64_t)get(bytes + TAG_SIZE),
	    .row = (int64_t)get(bytes + TAG_SIZE + 8),
	};
	make_tag(&found, key, tag);
	if (!memeql_sec(tag, bytes, TAG_SIZE) || found.row < 1)
		return -1;
	*cursor = found;
	return 0;
}

uint64_t fingerprint_seal(uint64_t fingerprint, const uint8_t key[CURSOR_KEY_SIZE])
{
	/* No cursor begins so, nor is as short. */
	uint8_t bytes[1 + 8] = {0};
	uint8_t digest[8];
	struct hmac_sha256_ctx mac;
	cursor_put(bytes + 1, fingerprint);
	hmac_sha256_set_key(&mac, CURSOR_KEY_SIZE - AES128_KEY_SIZE, key + AES128_KEY_SIZE);
	hmac_sha256_update(&mac, sizeof(bytes), bytes);
	hmac_sha256_digest(&mac, sizeof(digest), digest);
	return get(digest);
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
