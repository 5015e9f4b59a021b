/* SPDX-License-Identifier: MIT */
/* Whatever Mixpanel, or something in between, answers: each decoder takes it or refuses it, and
 * what it takes keeps its promises. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "mixpanel/cloud_import.h"
#include "mixpanel/decode.h"
#include "mixpanel/kind.h"
#include "mixpanel/verb.h"
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

/* What the answer makes of an operation, by each verb, whatever its status. */
static void try_verdicts(struct span body)
{
	static const long statuses[] = {200, 201, 203, 302, 400, 401, 403, 404, 409, 429, 500};
	for (size_t i = 0; i < 2 * ARRAY_SIZE(statuses); i++) {
		const struct client_answer answer = {.outcome = CLIENT_ANSWERED,
		    .status = statuses[i / 2],
		    .body = body,
		    .message = "",
		    .request_id = "id"};
		for (enum operation_kind kind = 0; kind < OPERATION_KIND_COUNT; kind++) {
			const struct verb *verb = &import_kind(CONNECTOR_CLOUD_IMPORT)->verbs[kind];
			_cleanup_verdict_ struct verdict verdict;
			verb_decide(verb, &answer, i % 2, &verdict);
			bool good = verdict.state == OPERATION_SUCCEEDED;
			assert(good == !verdict.code);
			assert(!verdict.has_connector || (good && kind == OPERATION_CREATE));
			assert(good || verdict.message[0]);
			/* What may have been carried out is never taken for what was not. */
			assert(kind != OPERATION_CREATE || statuses[i / 2] < 500 ||
			       verdict.state == OPERATION_UNKNOWN);
			if (verdict.has_connector)
				check_connector(body, &verdict.connector.connector);
		}
	}
}

/* An answer that never came. */
static void try_none(void)
{
	for (enum client_outcome outcome = CLIENT_NOT_SENT; outcome <= CLIENT_UNCLEAR; outcome++) {
		const struct client_answer answer = {.outcome = outcome, .message = "why"};
		for (enum operation_kind kind = 0; kind < OPERATION_KIND_COUNT; kind++) {
			struct verdict verdict;
			verb_decide(&import_kind(CONNECTOR_CLOUD_IMPORT)->verbs[kind], &answer,
			    false, &verdict);
			assert(verdict.code && verdict.state != OPERATION_SUCCEEDED);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span body = {.ptr = (const char *)data, .len = size};
	try_lists(body);
	try_single(body);
	if (size == 0)
		try_none();
	if (size <= 4096)
		try_verdicts(body);
	if (decode_is_refusal(body))
		assert(memmem(data, size, "error", 5) || memchr(data, '\\', size));
	for (size_t room = 1; room <= 100; room = room * 3 + 1)
		try_message(body, room);
	return 0;
}
