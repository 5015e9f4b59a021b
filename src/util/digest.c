/* SPDX-License-Identifier: MIT */
/* Calls libnettle. */
#include "util/digest.h"

#include <nettle/memops.h>
#include <nettle/sha2.h>

#include "util/text.h"

void digest_sha256(const void *data, size_t len, uint8_t ret_digest[DIGEST_SIZE])
{
	struct sha256_ctx context;
	sha256_init(&context);
	if (len)
		sha256_update(&context, len, data);
	sha256_digest(&context, DIGEST_SIZE, ret_digest);
}

void digest_sha256_hex(const void *data, size_t len, char ret_hex[DIGEST_HEX_SIZE])
{
	uint8_t digest[DIGEST_SIZE];
	digest_sha256(data, len, digest);
	text_hex(digest, sizeof(digest), ret_hex);
}

bool digest_same(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE])
{
	return memeql_sec(a, b, DIGEST_SIZE) != 0;
}
