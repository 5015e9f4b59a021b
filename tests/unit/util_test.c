/* SPDX-License-Identifier: MIT */
/* The small parts of util/: arena, backoff, clock, digest, err, random, secret. */
#include <errno.h>
#include <stdalign.h>
#include <string.h>
#include <time.h>

#include "unit.h"
#include "util/arena.h"
#include "util/array.h"
#include "util/backoff.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/err.h"
#include "util/random.h"
#include "util/secret.h"
#include "util/timestamp.h"

static bool holds_only(const char *data, size_t len, unsigned char byte)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)data[i] != byte)
			return false;
	}
	return true;
}

START_TEST(an_arena_gives_zeroed_aligned_memory_that_stays)
{
	struct random_sequence sequence;
	random_sequence_init(&sequence, 9);
	_cleanup_arena_ struct arena arena;
	arena_init(&arena, 10000000);
	char *pieces[1000];
	size_t sizes[1000];
	for (size_t i = 0; i < 1000; i++) {
		int64_t largest = i % 50 == 0 ? 100000 : 300;
		sizes[i] = (size_t)random_sequence_between(&sequence, 0, largest);
		pieces[i] = arena_alloc(&arena, sizes[i]);
		ck_assert_ptr_nonnull(pieces[i]);
		ck_assert_uint_eq((uintptr_t)pieces[i] % alignof(max_align_t), 0);
		ck_assert(holds_only(pieces[i], sizes[i], 0));
		memset(pieces[i], (int)(i % 256), sizes[i]);
		ck_assert_str_eq(arena_copy(&arena, "odd", 3), "odd"); /* moves the end off */
	}
	for (size_t i = 0; i < 1000; i++)
		ck_assert(holds_only(pieces[i], sizes[i], (unsigned char)(i % 256)));
}
END_TEST

START_TEST(an_arena_stops_at_its_limit)
{
	_cleanup_arena_ struct arena arena;
	arena_init(&arena, 100);
	ck_assert_ptr_nonnull(arena_alloc(&arena, 60));
	ck_assert_ptr_null(arena_alloc(&arena, 41));
	ck_assert_ptr_null(arena_alloc(&arena, SIZE_MAX));
	ck_assert_ptr_null(arena_copy(&arena, "", SIZE_MAX));
	ck_assert_ptr_null(arena_copy(&arena, "0123456789012345678901234567890123456789", 40));
	ck_assert_str_eq(arena_copy(&arena, "012345678901234567890123456789", 30),
	    "012345678901234567890123456789");
	ck_assert_ptr_null(arena_text(&arena, NULL));
	ck_assert_str_eq(arena_text(&arena, "12345678"), "12345678");
	ck_assert_ptr_null(arena_alloc(&arena, 1));
}
END_TEST

START_TEST(backoff_doubles_up_to_a_minute_with_jitter)
{
	static const int64_t bases[] = {2, 4, 8, 16, 32, 60, 60, 60};
	struct random_sequence sequence;
	random_sequence_init(&sequence, 10);
	for (unsigned failures = 1; failures <= ARRAY_SIZE(bases); failures++) {
		int64_t base = bases[failures - 1] * MICROSECONDS_PER_SECOND;
		int64_t lowest = INT64_MAX;
		int64_t highest = 0;
		for (int i = 0; i < 2000; i++) {
			int64_t delay = backoff_delay(failures, &sequence);
			lowest = delay < lowest ? delay : lowest;
			highest = delay > highest ? delay : highest;
		}
		ck_assert(lowest >= base + MICROSECONDS_PER_SECOND);
		ck_assert(lowest < base + 2 * MICROSECONDS_PER_SECOND);
		ck_assert(highest <= base + 5 * MICROSECONDS_PER_SECOND);
		ck_assert(highest > base + 4 * MICROSECONDS_PER_SECOND);
	}
	ck_assert(backoff_delay(UINT32_MAX, &sequence) <= 65 * MICROSECONDS_PER_SECOND);
}
END_TEST

START_TEST(retry_after_is_clamped)
{
	ck_assert_int_eq(backoff_retry_after(-350006050), BACKOFF_RETRY_AFTER_MINIMUM);
	ck_assert_int_eq(backoff_retry_after(INT64_MIN), BACKOFF_RETRY_AFTER_MINIMUM);
	ck_assert_int_eq(backoff_retry_after(0), BACKOFF_RETRY_AFTER_MINIMUM);
	ck_assert_int_eq(backoff_retry_after(2), 2 * MICROSECONDS_PER_SECOND);
	ck_assert_int_eq(backoff_retry_after(3599), 3599 * MICROSECONDS_PER_SECOND);
	ck_assert_int_eq(backoff_retry_after(3601), BACKOFF_RETRY_AFTER_MAXIMUM);
	ck_assert_int_eq(backoff_retry_after(INT64_MAX), BACKOFF_RETRY_AFTER_MAXIMUM);
}
END_TEST

static int64_t fixed_time(void *context)
{
	return *(int64_t *)context;
}

START_TEST(clocks_can_be_replaced)
{
	int64_t now = 5;
	struct clock clock = {.monotonic = fixed_time, .wall = fixed_time, .context = &now};
	ck_assert_int_eq(clock_monotonic(&clock), 5);
	now = 6;
	ck_assert_int_eq(clock_wall(&clock), 6);
	int64_t before = clock_monotonic(&clock_system);
	ck_assert_int_ge(clock_monotonic(&clock_system), before);
	int64_t seconds = time(NULL);
	int64_t wall = clock_wall(&clock_system) / MICROSECONDS_PER_SECOND;
	ck_assert(wall >= seconds - 1 && wall <= seconds + 60);
}
END_TEST

START_TEST(sha256_gives_the_published_digests)
{
	char hex[DIGEST_HEX_SIZE];
	digest_sha256_hex(NULL, 0, hex);
	ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_sha256_hex("abc", 3, hex);
	ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

START_TEST(errors_are_set_wrapped_and_cut)
{
	struct err err = ERR_INIT;
	ck_assert_int_eq(err_set(&err, "cannot open %s", "x"), -1);
	ck_assert_int_eq(err_wrap(&err, "project %d", 7), -1);
	ck_assert_str_eq(err.text, "project 7: cannot open x");
	ck_assert_int_eq(err_set_errno(&err, ENOENT, "file %s", "y"), -1);
	ck_assert_str_eq(err.text, "file y: No such file or directory");
	/* A sentence may be made of the one it replaces. */
	err_set(&err, "again: %s", err.text);
	ck_assert_str_eq(err.text, "again: file y: No such file or directory");
	err_wrap(&err, "%s", err.text);
	ck_assert_ptr_nonnull(strstr(err.text, "directory: again"));
	for (int i = 0; i < 100; i++)
		err_wrap(&err, "layer %d of many", i);
	ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
	ck_assert_int_eq(err_set(NULL, "nobody listens"), -1);
	ck_assert_int_eq(err_set_errno(NULL, ENOENT, "nobody listens"), -1);
	ck_assert_int_eq(err_wrap(NULL, "nobody listens"), -1);
}
END_TEST

START_TEST(identifiers_are_prefixed_and_differ)
{
	char seen[200][RANDOM_ID_SIZE];
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
		random_id(i % 2 ? "conn_" : "", seen[i]);
		size_t prefix = i % 2 ? 5 : 0;
		ck_assert_uint_eq(strlen(seen[i]), prefix + 26);
		ck_assert_mem_eq(seen[i], "conn_", prefix);
		ck_assert_uint_eq(
		    strspn(seen[i] + prefix, "0123456789abcdefghijklmnopqrstuvwxyz"), 26);
		for (size_t k = 0; k < i; k++)
			if (strcmp(seen[i], seen[k]) == 0)
				ck_abort_msg("%s came twice", seen[i]);
	}
}
END_TEST

START_TEST(a_seed_gives_one_sequence_within_bounds)
{
	struct random_sequence a;
	struct random_sequence b;
	random_sequence_init(&a, 11);
	random_sequence_init(&b, 11);
	unsigned seen = 0;
	for (int i = 0; i < 1000; i++) {
		int64_t number = random_sequence_between(&a, -2, 3);
		ck_assert_int_eq(number, random_sequence_between(&b, -2, 3));
		ck_assert(number >= -2 && number <= 3);
		seen |= 1u << (number + 2);
	}
	ck_assert_uint_eq(seen, 0x3f);
	ck_assert_int_eq(random_sequence_between(&a, 7, 7), 7);
	ck_assert_int_ne(random_sequence_between(&a, INT64_MIN, INT64_MAX),
	    random_sequence_between(&a, INT64_MIN, INT64_MAX));
}
END_TEST

START_TEST(secrets_hold_their_bytes)
{
	struct err err = ERR_INIT;
	struct secret *secret = NULL;
	ck_assert_int_eq(secret_new("a\0secret", 8, &err, &secret), 0);
	ck_assert_uint_eq(secret->len, 8);
	ck_assert_mem_eq(secret->data, "a\0secret", 9);
	secret = secret_free(secret);
	ck_assert_ptr_null(secret);
	ck_assert_ptr_null(secret_free(NULL));
	char large[20000];
	memset(large, 'x', sizeof(large));
	ck_assert_int_eq(secret_new(large, sizeof(large), &err, &secret), 0);
	ck_assert_mem_eq(secret->data, large, sizeof(large));
	secret_free(secret);
	secret_wipe(large, sizeof(large));
	ck_assert(holds_only(large, sizeof(large), 0));
	ck_assert_int_eq(secret_new(NULL, 0, &err, &secret), 0);
	ck_assert_str_eq(secret->data, "");
	secret_free(secret);
}
END_TEST

START_TEST(an_array_keeps_what_it_holds_while_it_grows)
{
	int64_t *list = NULL;
	size_t count = 0;
	for (int turn = 0; turn < 3; turn++) {
		for (; count < 1000; count++) {
			int64_t *longer = array_grow(list, count, sizeof(*longer));
			if (!longer)
				ck_abort_msg("no memory");
			list = longer;
			list[count] = (int64_t)count;
		}
		for (size_t i = 0; list && i < count; i++)
			ck_assert_int_eq(list[i], (int64_t)i);
		/* Taking some back leaves room that is used again. */
		count = turn == 0 ? 16 : 500;
	}
	free(list);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"an arena gives zeroed, aligned memory that stays",
		an_arena_gives_zeroed_aligned_memory_that_stays},
	    {"an arena stops at its limit", an_arena_stops_at_its_limit},
	    {"backoff doubles up to a minute, with jitter",
		backoff_doubles_up_to_a_minute_with_jitter},
	    {"Retry-After is clamped", retry_after_is_clamped},
	    {"clocks can be replaced", clocks_can_be_replaced},
	    {"SHA-256 gives the published digests", sha256_gives_the_published_digests},
	    {"errors are set, wrapped and cut", errors_are_set_wrapped_and_cut},
	    {"identifiers are prefixed and differ", identifiers_are_prefixed_and_differ},
	    {"a seed gives one sequence within bounds", a_seed_gives_one_sequence_within_bounds},
	    {"secrets hold their bytes", secrets_hold_their_bytes},
	    {"an array keeps what it holds while it grows",
		an_array_keeps_what_it_holds_while_it_grows},
	    {NULL, NULL},
	};
	return unit_main("util", cases);
}
