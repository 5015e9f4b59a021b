#include "sync/pages.h"

#include <stdlib.h>
#include <string.h>

int pages_add(struct pages *pages, struct span body, struct err *err)
{
	if (pages->count == PAGES_COUNT_LIMIT || pages->bytes + body.len > PAGES_BYTES_LIMIT)
		return err_set(err, "Mixpanel's answer goes on past %d pages or %d MiB",
		    PAGES_COUNT_LIMIT, PAGES_BYTES_LIMIT / (1024 * 1024));
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
	return 0;
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
	*pages = (struct pages){0};
}
