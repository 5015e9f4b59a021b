/* SPDX-License-Identifier: MIT */
/* A holder has a few loads on their way, at most as many as it may hold connections: so they are
 * counted by walking them. */
#include "http/unsent.h"

#include <assert.h>
#include <stdlib.h>

struct unsent_load {
	struct unsent *unsent;
	struct unsent_body body;
	unsigned uses;
	LIST_ENTRY(unsent_load) entry;
};

void unsent_init(struct unsent *unsent)
{
	*unsent = (struct unsent){.total = 0};
	pthread_mutex_init(&unsent->mutex, NULL);
}

void unsent_done(struct unsent *unsent)
{
	assert(unsent->total == 0);
	pthread_mutex_destroy(&unsent->mutex);
}

/* With the mutex held. Returns the load of this body, if there is one, and what its holder has. */
static struct unsent_load *find_load(
    struct unsent_bucket *bucket, const struct unsent_body *body, size_t *ret_held)
{
	struct unsent_load *at, *same = NULL;
	size_t held = 0;
	LIST_FOREACH (at, bucket, entry) {
		if (at->body.holder != body->holder)
			continue;
		held += at->body.len;
		if (at->body.body == body->body)
			same = at;
	}
	*ret_held = held;
	return same;
}

static bool is_too_much(const struct unsent *unsent, const struct unsent_body *body, size_t held)
{
	return held > 0 && !body->always &&
	       (held + body->len > UNSENT_OF_HOLDER_LIMIT ||
		   unsent->total + body->len > UNSENT_LIMIT);
}

int unsent_take(
    struct unsent *unsent, const struct unsent_body *body, struct unsent_load **ret_load)
{
	struct unsent_bucket *bucket = &unsent->buckets[body->holder % UNSENT_BUCKETS];
	size_t held;
	int r = 0;
	pthread_mutex_lock(&unsent->mutex);
	struct unsent_load *load = find_load(bucket, body, &held);
	if (!load && is_too_much(unsent, body, held)) {
		r = 1;
	} else if (!load) {
		load = calloc(1, sizeof(*load));
		r = load ? 0 : -1;
		if (load) {
			load->unsent = unsent;
			load->body = *body;
			unsent->total += body->len;
			LIST_INSERT_HEAD(bucket, load, entry);
		}
	}
	if (r == 0) {
		load->uses++;
		*ret_load = load;
	}
	pthread_mutex_unlock(&unsent->mutex);
	return r;
}

void unsent_change(struct unsent_load *load, size_t len)
{
	struct unsent *unsent = load->unsent;
	pthread_mutex_lock(&unsent->mutex);
	assert(load->uses == 1);
	unsent->total += len - load->body.len;
	load->body.len = len;
	pthread_mutex_unlock(&unsent->mutex);
}

size_t unsent_total(struct unsent *unsent)
{
	pthread_mutex_lock(&unsent->mutex);
	size_t total = unsent->total;
	pthread_mutex_unlock(&unsent->mutex);
	return total;
}

void unsent_give_back(void *pointer)
{
	struct unsent_load *load = pointer;
	struct unsent *unsent = load->unsent;
	const struct unsent_body body = load->body;
	pthread_mutex_lock(&unsent->mutex);
	bool last = --load->uses == 0;
	if (last) {
		unsent->total -= load->body.len;
		LIST_REMOVE(load, entry);
	}
	pthread_mutex_unlock(&unsent->mutex);
	if (last)
		free(load);
	body.release(body.body);
}
