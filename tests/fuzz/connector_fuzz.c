/* SPDX-License-Identifier: MIT */
/* Any body: the check must end, count its errors right and point into the body. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model/connector.h"
#include "store/render.h"
#include "util/jsontext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The warnings of a body are shown to its sender. */
static void check_warnings(const struct connector_faults *faults)
{
	_cleanup_buffer_ struct buffer shown;
	struct writer writer;
	json_error_t reason;
	buffer_init(&shown, 1024 * 1024);
	writer_init(&writer, &shown);
	render_warnings(&writer, faults);
	_cleanup_json_ json_t *list = json_loadb(shown.data, shown.len, 0, &reason);
	assert(list && json_array_size(list) <= RENDER_WARNINGS_LIMIT + 1);
}

static size_t check(const json_t *body, bool lenient)
{
	_cleanup_connector_faults_ struct connector_faults faults;
	if (connector_validate(body, lenient, &faults) < 0)
		return 0;
	size_t errors = 0;
	for (size_t i = 0; i < faults.count; i++) {
		const struct connector_fault *fault = &faults.list[i];
		errors += !fault->warning;
		assert(fault->pointer[0] == '\0' || fault->pointer[0] == '/');
		assert(fault->code[0] != '\0' && fault->detail[0] != '\0');
	}
	assert(errors == faults.errors);
	check_warnings(&faults);
	return errors;
}

/* A body asks for the same import as itself, with or without members that say nothing, and what
 * asks for the same has the same key. */
static void check_keys(json_t *body)
{
	_cleanup_buffer_ struct buffer key, other_key;
	_cleanup_json_ json_t *other = json_copy(body);
	buffer_init(&key, 1024 * 1024);
	buffer_init(&other_key, 1024 * 1024);
	json_object_set_new(other, "label", json_string("another"));
	int r = connector_body_import_key(&key, body);
	assert(connector_body_import_key(&other_key, other) == r);
	assert(strcmp(buffer_text(&key), buffer_text(&other_key)) == 0);
	assert(
	    connector_bodies_same_import(body, other) == connector_bodies_same_import(other, body));
	assert(r != 0 || connector_bodies_same_import(body, other));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {.ptr = (const char *)data, .len = size};
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *body = NULL;
	if (size > 65536 || jsontext_parse(text, JSONTEXT_REJECT_DUPLICATES, &err, &body) < 0)
		return 0;
	size_t strict = check(body, false);
	assert(check(body, true) <= strict);
	struct connector connector = {
	    .connector_type = "gcsImport",
	    .data_format = "mixpanel_event",
	    .properties = text,
	};
	connector_is_same_import(body, &connector);
	const char *bucket = connector_body_bucket(body);
	assert(bucket || connector_body_import_key(&(struct buffer){.limit = 0}, body) == 1);
	connector_body_prefix(body);
	check_keys(body);
	return 0;
}
