/* SPDX-License-Identifier: MIT */
/* Randomness of two kinds: the kernel's, for identifiers, and a seeded one, for jitter. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define RANDOM_ID_SIZE 32

/* Fills len bytes (at most 256) from getrandom(2). Cannot fail on a kernel that has booted; a
 * failure ends the process. */
void random_bytes(void *data, size_t len);

/* Writes prefix (at most 5 characters, such as "job_") and 26 characters of [0-9a-z] that carry
 * 130 random bits. ret_id holds RANDOM_ID_SIZE bytes. */
void random_id(const char *prefix, char *ret_id);

/* A generator for jitter; not for secrets. The same seed gives the same sequence. */
struct random_sequence {
	uint64_t state;
};

/* Any seed will do. */
void random_sequence_init(struct random_sequence *sequence, uint64_t seed);

/* A number from minimum to maximum inclusive; maximum >= minimum. */
int64_t random_sequence_between(struct random_sequence *sequence, int64_t minimum, int64_t maximum);
