/* SPDX-License-Identifier: MIT */
/* Whatever Mixpanel, or something in between, answers: each decoder takes it or refuses it, and
 * what it takes keeps its promises. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "mixpanel/decode.h"
#include "util/jsontext.h"
#include "util/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct span body, struct span part)
{
	if (part.ptr)
		assert(part.ptr >= body.ptr && part.ptr + part.len <= body.ptr + body.len);
}

static void check_connector(struct span body, const struct connector *connector)
{
	assert(connector_id_is_valid(connector->connector_id));
	assert(connector->label && connector->connector_type && connector->raw.ptr);
	check_within(body, connector->raw);
	check_within(connector->raw, connector->properties);
	check_within(connector->raw, connector->category);
	assert(!connector->properties.ptr || connector->properties.ptr[0] == '{');
	assert(!connector->category.ptr || connector->category.ptr[0] == '{');
}

static void check_run(struct span body, const struct run *run)
{
	assert(run->upstream_status && run->raw.ptr);
	assert(!run->run_id || *run->run_id);
	assert(!run->error_code || *run->error_code);
	assert(!run->error_message || *run->error_message);
	check_within(body, run->raw);
	check_within(run->raw, run->progress);
	check_within(run->raw, run->stats);
	assert(!run->stats.ptr || run->stats.ptr[0] == '{');
}

/* Lists are parsed entry by entry; one with nothing left out must be a document all the same, but
 * for the limits, which count for each entry by itself. */
static void check_whole(struct span body, const struct decoded_page *page)
{
	json_error_t reason;
	assert(!page->odd == (page->unreadable == 0));
	if (page->unreadable > 0)
		return;
	_cleanup_json_ json_t *document = json_loadb(body.ptr, body.len, 0, &reason);
	assert(document);
}

static void try_lists(struct span body)
{
	struct err err = ERR_INIT;
	struct decoded_listing listing;
	if (decode_listing(body, &err, &listing) == 0) {
		check_whole(body, &listing.page);
		for (size_t i = 0; i < listing.count; i++)
			check_connector(body, &listing.connectors[i]);
		decoded_done(&listing.decoded);
	} else {
		assert(err.text[0]);
	}
	struct decoded_history history;
	if (decode_history(body, &err, &history) == 0) {
		check_whole(body, &history.page);
		for (size_t i = 0; i < history.count; i++)
			check_run(body, &history.runs[i]);
		decoded_done(&history.decoded);
	}
}

static void try_single(struct span body)
{
	struct err err = ERR_INIT;
	struct decoded_connector connector;
	if (decode_connector(body, &err, &connector) == 0) {
		check_connector(body, &connector.connector);
		decoded_done(&connector.decoded);
	}
	decode_deleted(body, &err);
}

static void try_message(struct span body, size_t size)
{
	char message[100];
	decode_error_message(body, message, size);
	size_t len = strlen(message);
	assert(len < size && text_is_utf8(message, len));
	for (size_t i = 0; i < len; i++)
		assert((unsigned char)message[i] >= ' ' && message[i] != 0x7f);
	assert(len == 0 || (message[0] != ' ' && message[len - 1] != ' '));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span body = {.ptr = (const char *)data, .len = size};
	try_lists(body);
	try_single(body);
	for (size_t room = 1; room <= 100; room = room * 3 + 1)
		try_message(body, room);
	return 0;
}
