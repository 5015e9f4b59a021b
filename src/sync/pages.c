/* SPDX-License-Identifier: MIT */
/* Collects pages within a limit that all calls share, and notices when they lead nowhere. */
#include "sync/pages.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pages_init(struct pages *pages, size_t *room)
{
	*pages = (struct pages){.room = room};
}

void pages_done(struct pages *pages)
{
	for (size_t i = 0; i < pages->count; i++) {
		union {
			const char *borrowed;
			char *owned;
		} body = {.borrowed = pages->bodies[i].ptr};
		free(body.owned);
	}
	free(pages->bodies);
	*pages->room -= pages->bytes;
	hash_set_done(&pages->asked);
	hash_set_done(&pages->entries);
	pages_init(pages, pages->room);
}

int pages_cut(struct pages *pages, const char *format, ...)
{
	va_list arguments;
	if (pages->cut[0])
		return -1;
	va_start(arguments, format);
	vsnprintf(pages->cut, sizeof(pages->cut), format, arguments);
	va_end(arguments);
	return -1;
}

int pages_add(struct pages *pages, struct span body, struct err *err)
{
	if (pages->bytes + body.len > PAGES_BYTES_LIMIT || *pages->room + body.len > PAGES_ROOM) {
		pages_cut(pages, "its pages take more than %d MiB, or all that are being read %d",
		    PAGES_BYTES_LIMIT / (1024 * 1024), PAGES_ROOM / (1024 * 1024));
		return 1;
	}
	struct span *bodies = reallocarray(pages->bodies, pages->count + 1, sizeof(*pages->bodies));
	if (!bodies)
		return err_set(err, "no memory for a page of Mixpanel's answer");
	pages->bodies = bodies;
	char *copy = malloc(body.len + 1);
	if (!copy)
		return err_set(err, "no memory for a page of Mixpanel's answer");
	memcpy(copy, body.ptr, body.len);
	copy[body.len] = '\0';
	bodies[pages->count++] = (struct span){.ptr = copy, .len = body.len};
	pages->bytes += body.len;
	*pages->room += body.len;
	return 0;
}

int pages_follow(struct pages *pages, const char *url)
{
	if (pages->count >= PAGES_COUNT_LIMIT) {
		pages_cut(pages, "it goes on past %d pages", PAGES_COUNT_LIMIT);
		return 1;
	}
	int r = hash_set_add(&pages->asked, hash_of(span_of(url)));
	if (r == 0)
		pages_cut(pages, "its pages lead in a circle, back to %s", url);
	return r < 0 ? -1 : r == 0;
}

int pages_note(struct pages *pages, struct span identity)
{
	return hash_set_add(&pages->entries, hash_of(identity));
}
