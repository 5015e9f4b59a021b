/* SPDX-License-Identifier: MIT */
/* The parsers of header fields, targets and claims on any bytes: they may refuse, but what they
 * accept keeps their promises and lies within the input. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "http/auth.h"
#include "http/field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct span part, struct span whole)
{
	if (part.len > 0)
		assert(part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_target(struct span input)
{
	struct field_target target;
	struct span name, value;
	if (field_target(input, &target) < 0)
		return;
	assert(target.path.len > 0 && target.path.ptr[0] == '/');
	check_within(target.query, input);
	size_t len = target.query.len;
	while (field_query_next(&target.query, &name, &value)) {
		check_within(name, input);
		check_within(value, input);
		assert(target.query.len < len);
		len = target.query.len;
	}
}

static void check_claim(struct span input)
{
	struct auth_claim claim;
	if (auth_parse(input, &claim) < 0)
		return;
	assert(strncmp(claim.token, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) == 0);
	assert(!claim.named || claim.name[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = {.ptr = (const char *)data, .len = size}, name;
	uint16_t port;
	uint64_t length;
	if (size == 0)
		return 0;
	if (field_host(input, &name, &port) == 0)
		check_within(name, input);
	if (field_is_request_id(input))
		assert(size <= 128 && field_is_token(input) && field_is_clean(input));
	field_content_length(input, &length);
	field_is_json(input);
	field_lists_etag(input, "W/\"a\"");
	field_lists_type(input, "text/event-stream");
	check_target(input);
	check_claim(input);
	return 0;
}
