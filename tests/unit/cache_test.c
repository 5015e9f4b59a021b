/* SPDX-License-Identifier: MIT */
#include "http/cache.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"
#include "util/random.h"

static struct kept *body(const char *text, size_t len)
{
	char *data = calloc(1, len + 1);
	ck_assert_ptr_nonnull(data);
	snprintf(data, len + 1, "%s", text);
	struct kept *kept = kept_new(data, len, "W/\"x\"");
	ck_assert_ptr_nonnull(kept);
	return kept;
}

static void keep(struct cache *cache, uint64_t generation, const char *target, const void *viewer,
    int64_t until, size_t len)
{
	struct kept *kept = body(target, len);
	cache_keep(cache, generation, span_of(target), viewer, until, kept);
	kept_unref(kept);
}

START_TEST(an_entry_holds_for_its_state_viewer_and_time)
{
	struct cache cache;
	int viewer;
	cache_init(&cache);
	keep(&cache, 1, "/a", NULL, 100, 10);
	struct kept *found = cache_find(&cache, 1, span_of("/a"), NULL, 99);
	ck_assert_ptr_nonnull(found);
	ck_assert_str_eq(found->data, "/a");
	ck_assert_str_eq(found->etag, "W/\"x\"");
	ck_assert_ptr_null(cache_find(&cache, 1, span_of("/a"), &viewer, 99));
	ck_assert_ptr_null(cache_find(&cache, 1, span_of("/b"), NULL, 99));
	ck_assert_ptr_null(cache_find(&cache, 1, span_of("/a"), NULL, 100));
	/* The clock was set back. */
	ck_assert_ptr_null(cache_find(&cache, 1, span_of("/b"), NULL, 99));
	keep(&cache, 1, "/a", NULL, 100, 10);
	ck_assert_ptr_null(cache_find(&cache, 1, span_of("/a"), NULL, 98));
	keep(&cache, 1, "/a", NULL, 100, 10);
	ck_assert_ptr_null(cache_find(&cache, 2, span_of("/a"), NULL, 50));
	ck_assert_uint_eq(cache.total, 0);
}
END_TEST

START_TEST(a_body_outlives_its_entry)
{
	struct cache cache;
	cache_init(&cache);
	keep(&cache, 1, "/a", NULL, 100, 10);
	struct kept *found = kept_ref(cache_find(&cache, 1, span_of("/a"), NULL, 1));
	cache_clear(&cache);
	ck_assert_str_eq(found->data, "/a");
	kept_unref(found);
}
END_TEST

START_TEST(too_large_a_body_is_not_kept)
{
	char *data = calloc(1, CACHE_TOTAL_LIMIT + 2);
	ck_assert_ptr_null(kept_new(data, CACHE_TOTAL_LIMIT + 1, NULL));
	struct kept *kept = kept_new(data, CACHE_TOTAL_LIMIT, NULL);
	ck_assert_ptr_nonnull(kept);
	kept_unref(kept);
}
END_TEST

/* Whatever is kept: the limits hold, and what is found is what was kept last. */
START_TEST(the_limits_hold)
{
	struct cache cache;
	struct random_sequence sequence;
	size_t lengths[200] = {0};
	cache_init(&cache);
	random_sequence_init(&sequence, 7);
	for (int round = 0; round < 20000; round++) {
		char target[16];
		size_t which = (size_t)random_sequence_between(&sequence, 0, 199);
		snprintf(target, sizeof(target), "/%zu", which);
		if (round % 3 == 0) {
			lengths[which] = (size_t)random_sequence_between(&sequence, 8, 200000);
			keep(&cache, 1, target, NULL, 100, lengths[which]);
		}
		struct kept *found = cache_find(&cache, 1, span_of(target), NULL, 1);
		ck_assert(round % 3 != 0 || found);
		if (found) {
			ck_assert_str_eq(found->data, target);
			ck_assert_uint_eq(found->len, lengths[which]);
		}
		ck_assert_uint_le(cache.total, CACHE_TOTAL_LIMIT);
	}
	cache_clear(&cache);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"an entry holds for its state, viewer and time",
		an_entry_holds_for_its_state_viewer_and_time},
	    {"a body outlives its entry", a_body_outlives_its_entry},
	    {"too large a body is not kept", too_large_a_body_is_not_kept},
	    {"the limits hold", the_limits_hold},
	    {NULL, NULL},
	};
	return unit_main("cache", cases);
}
