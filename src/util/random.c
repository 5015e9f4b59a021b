/* SPDX-License-Identifier: MIT */
/* getrandom(2) for identifiers, splitmix64 for jitter. */
#include "util/random.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "util/log.h"

#define ID_CHARACTERS 26
#define ID_PREFIX_LIMIT (RANDOM_ID_SIZE - ID_CHARACTERS - 1)

void random_bytes(void *data, size_t len)
{
	assert(len <= 256);
	/* Up to 256 bytes getrandom gives all or nothing (getrandom(2)). */
	ssize_t got;
	do
		got = getrandom(data, len, 0);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)len) {
		log_error("the kernel gives no random numbers (getrandom): stopping");
		abort();
	}
}

void random_id(const char *prefix, char *ret_id)
{
	/* 32 of the 36, without those that are mistaken for others: five bits each. */
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint8_t bytes[ID_CHARACTERS];
	size_t prefix_len = strlen(prefix);
	assert(prefix_len <= ID_PREFIX_LIMIT);
	random_bytes(bytes, sizeof(bytes));
	memcpy(ret_id, prefix, prefix_len);
	for (size_t i = 0; i < ID_CHARACTERS; i++)
		ret_id[prefix_len + i] = alphabet[bytes[i] % 32];
	ret_id[prefix_len + ID_CHARACTERS] = '\0';
}

void random_sequence_init(struct random_sequence *sequence, uint64_t seed)
{
	sequence->state = seed;
}

/* SplitMix64 (Steele, Lea and Flood, 2014): any seed is a good one. */
static uint64_t next_number(struct random_sequence *sequence)
{
	uint64_t z = sequence->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

int64_t random_sequence_between(struct random_sequence *sequence, int64_t minimum, int64_t maximum)
{
	assert(minimum <= maximum);
	uint64_t range = (uint64_t)maximum - (uint64_t)minimum + 1;
	uint64_t number = next_number(sequence);
	if (range != 0) {
		/* Numbers below this would favour the low end of the range. */
		uint64_t unfair = -range % range;
		while (number < unfair)
			number = next_number(sequence);
		number %= range;
	}
	return (int64_t)((uint64_t)minimum + number);
}
