/* SPDX-License-Identifier: MIT */
/* A short list: few refreshes run at one time. */
#include "sync/tickets.h"
#include "util/array.h"

#include <stdlib.h>

void tickets_init(struct tickets *tickets)
{
	*tickets = (struct tickets){.next = 1};
	pthread_mutex_init(&tickets->mutex, NULL);
}

void tickets_done(struct tickets *tickets)
{
	free(tickets->open);
	pthread_mutex_destroy(&tickets->mutex);
}

int tickets_open(struct tickets *tickets, uint64_t *ret_ticket)
{
	pthread_mutex_lock(&tickets->mutex);
	uint64_t *open = array_grow(tickets->open, tickets->count, sizeof(*open));
	if (open) {
		tickets->open = open;
		open[tickets->count++] = tickets->next;
		*ret_ticket = tickets->next++;
	}
	pthread_mutex_unlock(&tickets->mutex);
	return open ? 0 : -1;
}

/* Returns the place of the ticket, or how many there are. With the mutex. */
static size_t tickets_find(const struct tickets *tickets, uint64_t ticket)
{
	size_t i = 0;
	while (i < tickets->count && tickets->open[i] != ticket)
		i++;
	return i;
}

void tickets_close(struct tickets *tickets, uint64_t ticket)
{
	pthread_mutex_lock(&tickets->mutex);
	size_t place = tickets_find(tickets, ticket);
	if (place < tickets->count)
		tickets->open[place] = tickets->open[--tickets->count];
	pthread_mutex_unlock(&tickets->mutex);
}

bool tickets_are_open(struct tickets *tickets, uint64_t ticket)
{
	pthread_mutex_lock(&tickets->mutex);
	bool open = tickets_find(tickets, ticket) < tickets->count;
	pthread_mutex_unlock(&tickets->mutex);
	return open;
}
