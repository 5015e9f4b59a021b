/* SPDX-License-Identifier: MIT */
/* Any configuration text: it is refused with at least one fault, or what is dumped of it loads
 * again and is dumped the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *dump(const struct config *config)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		abort();
	config_dump(config, out);
	fclose(out);
	return text;
}

static struct config *load(struct span text)
{
	_cleanup_faults_ struct faults faults;
	faults_init(&faults);
	struct config *config = NULL;
	int r = config_parse_text("fuzz", text, &faults, &config);
	assert((r == 0) == (config != NULL));
	assert((r == 0) == (faults.count == 0));
	assert((r == 0) == (faults.lines.len == 0));
	return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 16384)
		return 0;
	_cleanup_config_ struct config *config =
	    load((struct span){.ptr = (const char *)data, .len = size});
	if (!config)
		return 0;
	_cleanup_free_ char *first = dump(config);
	_cleanup_config_ struct config *again = load(span_of(first));
	/* What is dumped may be longer than what was read, and a line has its limit. */
	if (!again)
		return 0;
	_cleanup_free_ char *second = dump(again);
	assert(strcmp(first, second) == 0);
	return 0;
}
