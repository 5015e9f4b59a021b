/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4), by libnettle. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE 32
#define DIGEST_HEX_SIZE 65

/* The digest of len bytes. */
void digest_sha256(const void *data, size_t len, uint8_t ret_digest[DIGEST_SIZE]);

/* The digest as hexadecimal digits with a NUL. */
void digest_sha256_hex(const void *data, size_t len, char ret_hex[DIGEST_HEX_SIZE]);

/* Whether two digests are the same, in time that does not depend on where they differ. */
bool digest_same(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE]);
