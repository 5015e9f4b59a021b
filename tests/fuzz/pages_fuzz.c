/* SPDX-License-Identifier: MIT */
/* The pages of a listing or a history, separated by NULs, each followed to the next as the sync
 * thread does. However they lead, paging ends, says why when it ends early, and gives back the room
 * it took. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "sync/pages.h"
#include "util/text.h"
#include "util/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BASE "https://mixpanel.com/api/app"

static struct span take_body(struct span *rest)
{
	const char *end = rest->len > 0 ? memchr(rest->ptr, '\0', rest->len) : NULL;
	struct span body = {.ptr = rest->ptr, .len = end ? (size_t)(end - rest->ptr) : rest->len};
	size_t taken = body.len + (end ? 1 : 0);
	*rest = (struct span){.ptr = rest->ptr + taken, .len = rest->len - taken};
	return body;
}

/* Returns whether there is a next page. */
static bool follow(struct pages *pages)
{
	struct err err = ERR_INIT;
	_cleanup_buffer_ struct buffer url;
	const struct decoded_page *said = pages_last(pages);
	buffer_init(&url, 65536);
	if (!said->has_more) {
		pages->complete = pages->unreadable == 0;
		return false;
	}
	if (!said->next_url || url_next(&url, BASE, said->next_url, &err) < 0) {
		assert(pages_cut(pages, "%s", err.text[0] ? err.text : "no address") == -1);
		return false;
	}
	int r = pages_follow(pages, buffer_text(&url));
	assert(r == 0 || (r == 1 && pages->cut[0]));
	return r == 0;
}

static void read_pages(enum pages_kind kind, struct span rest, size_t taken_before)
{
	size_t room = taken_before;
	struct pages pages;
	struct err err = ERR_INIT;
	size_t bytes = 0;
	pages_init(&pages, kind, &room);
	bool more = true;
	while (more && rest.len > 0) {
		struct span body = take_body(&rest);
		int r = pages_add(&pages, body, &err);
		assert(r == 0 || (r == 1 && pages.cut[0]) || (r == -1 && err.text[0]));
		if (r != 0)
			break;
		bytes += body.len;
		assert(pages.bytes >= bytes && room == taken_before + pages.bytes);
		assert((pages.unreadable == 0) == (pages.odd[0] == '\0'));
		more = follow(&pages);
	}
	assert(pages.count <= PAGES_COUNT_LIMIT && !(pages.complete && pages.cut[0]));
	pages_done(&pages);
	assert(room == taken_before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {.ptr = (const char *)data, .len = size};
	read_pages(PAGES_LISTING, text, 0);
	read_pages(PAGES_HISTORY, text, 0);
	/* Others have taken nearly all there is. */
	read_pages(PAGES_LISTING, text, PAGES_ROOM - 1000);
	return 0;
}
