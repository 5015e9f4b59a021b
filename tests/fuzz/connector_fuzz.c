/* SPDX-License-Identifier: MIT */
/* Any body: the check must end, count its errors right and point into the body. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model/connector.h"
#include "util/jsontext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	return errors;
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
	connector_body_bucket(body);
	connector_body_prefix(body);
	return 0;
}
