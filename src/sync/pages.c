/* SPDX-License-Identifier: MIT */
/* Reads and collects pages within a limit that all calls share, and notices when they lead nowhere.
 */
#include "sync/pages.h"
#include "util/array.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pages_init(struct pages *pages, enum pages_kind kind, size_t *room)
{
	*pages = (struct pages){.kind = kind, .room = room};
}

static void page_done(struct page *page)
{
	decoded_done(&page->listing.decoded);
	decoded_done(&page->history.decoded);
	free(page->body);
}

void pages_done(struct pages *pages)
{
	for (size_t i = 0; i < pages->count; i++)
		page_done(&pages->list[i]);
	free(pages->list);
	*pages->room -= pages->bytes;
	hash_set_done(&pages->asked);
	hash_set_done(&pages->entries);
	pages_init(pages, pages->kind, pages->room);
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

static const struct decoded_page *page_said(const struct pages *pages, const struct page *page)
{
	return pages->kind == PAGES_LISTING ? &page->listing.page : &page->history.page;
}

/* Which entries there are matters only where there is more than one page. */
static int page_note_entries(struct pages *pages, struct page *page)
{
	bool listing = pages->kind == PAGES_LISTING;
	size_t count = listing ? page->listing.count : page->history.count;
	page->news = page_said(pages, page)->unreadable > 0;
	if (!page_said(pages, page)->has_more && pages->count == 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		struct span identity = listing ? span_of(page->listing.connectors[i].connector_id)
					       : page->history.runs[i].raw;
		int r = hash_set_add(&pages->entries, hash_of(identity));
		if (r < 0)
			return -1;
		page->news |= r > 0;
	}
	return 0;
}

static int page_take(struct pages *pages, struct page *page, struct span body, struct err *err)
{
	page->body = malloc(body.len + 1);
	if (!page->body)
		return err_set(err, "no memory for a page of Mixpanel's answer");
	memcpy(page->body, body.ptr, body.len);
	page->body[body.len] = '\0';
	struct span copy = {.ptr = page->body, .len = body.len};
	int r = pages->kind == PAGES_LISTING ? decode_listing(copy, err, &page->listing)
					     : decode_history(copy, err, &page->history);
	if (r == 0 && page_note_entries(pages, page) < 0)
		r = err_set(err, "no memory for a page of Mixpanel's answer");
	return r;
}

int pages_add(struct pages *pages, struct span body, struct err *err)
{
	if (pages->bytes + body.len > PAGES_BYTES_LIMIT || *pages->room + body.len > PAGES_ROOM) {
		pages_cut(pages, "its pages take more than %d MiB, or all that are being read %d",
		    PAGES_BYTES_LIMIT / (1024 * 1024), PAGES_ROOM / (1024 * 1024));
		return 1;
	}
	struct page *list = array_grow(pages->list, pages->count, sizeof(*pages->list));
	if (!list)
		return err_set(err, "no memory for a page of Mixpanel's answer");
	pages->list = list;
	struct page page = {.body = NULL};
	if (page_take(pages, &page, body, err) < 0) {
		page_done(&page);
		return -1;
	}
	const struct decoded_page *said = page_said(pages, &page);
	if (pages->unreadable == 0 && said->odd)
		snprintf(pages->odd, sizeof(pages->odd), "%s", said->odd);
	pages->unreadable += said->unreadable;
	size_t bytes = body.len + page.listing.decoded.arena.used + page.history.decoded.arena.used;
	pages->bytes += bytes;
	*pages->room += bytes;
	list[pages->count++] = page;
	return 0;
}

const struct decoded_page *pages_last(const struct pages *pages)
{
	return page_said(pages, &pages->list[pages->count - 1]);
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
