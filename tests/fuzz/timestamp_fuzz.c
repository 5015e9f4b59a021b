/* SPDX-License-Identifier: MIT */
/* Any text is a time, no time, or refused; a time formats, and reads back as itself. */
#include <assert.h>
#include <string.h>

#include "util/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The years 2 to 9999: an offset can move a time into the year 1, which means none, or out of what
 * RFC 3339 can express. */
static bool has_a_text(int64_t timestamp)
{
	return timestamp >= INT64_C(-62104060800) * MICROSECONDS_PER_SECOND &&
	       timestamp <= INT64_C(253402300799) * MICROSECONDS_PER_SECOND;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);
	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	int64_t timestamp = 1;
	int result = timestamp_parse(text, &timestamp);
	assert(result >= -1 && result <= 1);
	assert(result != 1 || timestamp == TIMESTAMP_NONE);
	assert(result != -1 || timestamp == 1);
	char formatted[TIMESTAMP_TEXT_SIZE];
	timestamp_format(timestamp, formatted);
	assert(strlen(formatted) < TIMESTAMP_TEXT_SIZE);
	int64_t again = 1;
	if (result == 0 && has_a_text(timestamp))
		assert(timestamp_parse(formatted, &again) == 0 && again == timestamp);
	return 0;
}
