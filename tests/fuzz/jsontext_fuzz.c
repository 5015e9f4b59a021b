/* SPDX-License-Identifier: MIT */
/* Walking any text stays inside it, and walking what jsontext_parse accepts finds what jansson
 * found: the same members, each with a span that parses to the same value. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "util/jsontext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Goes down only a little: spans within spans are as short as their depth allows anyway. */
static void walk(struct span text, int depth)
{
	struct jsontext_iterator iterator;
	struct span key;
	struct span value;
	jsontext_iterate(&iterator, text);
	while (jsontext_next(&iterator, &key, &value)) {
		assert(value.len > 0 && value.ptr > text.ptr);
		assert(value.ptr + value.len <= text.ptr + text.len);
		assert(!key.ptr || (key.ptr > text.ptr && key.ptr + key.len < value.ptr));
		if (depth > 0)
			walk(value, depth - 1);
	}
	(void)jsontext_member(text, "id");
}

static json_t *parse(struct span text)
{
	struct err err = ERR_INIT;
	json_t *value = NULL;
	int result = jsontext_parse(text, JSONTEXT_ANY | JSONTEXT_REJECT_DUPLICATES, &err, &value);
	assert((result == 0) == (value != NULL) && (result == 0) == (err.text[0] == '\0'));
	return value;
}

static json_t *found_by_jansson(json_t *container, size_t index, struct span key)
{
	if (!key.ptr)
		return json_array_get(container, index);
	_cleanup_json_ json_t *name = parse((struct span){.ptr = key.ptr - 1, .len = key.len + 2});
	assert(name);
	return json_object_get(container, json_string_value(name));
}

static void compare(struct span text, json_t *parsed)
{
	struct jsontext_iterator iterator;
	struct span key;
	struct span value;
	size_t count = 0;
	jsontext_iterate(&iterator, text);
	while (jsontext_next(&iterator, &key, &value)) {
		_cleanup_json_ json_t *again = parse(value);
		assert(again && json_equal(again, found_by_jansson(parsed, count, key)));
		count++;
	}
	assert(
	    count == (json_is_object(parsed) ? json_object_size(parsed) : json_array_size(parsed)));
	struct span member = jsontext_member(text, "id");
	json_t *id = json_object_get(parsed, "id");
	assert((member.ptr != NULL) == (id && !json_is_null(id)));
}

/* With its list apart a document is as valid as in one piece. */
static bool parses_in_pieces(struct span text)
{
	struct err err = ERR_INIT;
	struct jsontext_iterator iterator;
	struct span key;
	struct span value;
	unsigned flags = JSONTEXT_ANY | JSONTEXT_REJECT_DUPLICATES;
	_cleanup_json_ json_t *around = NULL;
	struct span whole = jsontext_value(text);
	struct span list = jsontext_member(whole, "data");
	if (!list.ptr)
		list = whole;
	if (!list.ptr || list.ptr[0] != '[')
		list = SPAN_NONE;
	if (jsontext_parse_around(text, list, flags, &err, &around) < 0)
		return false;
	jsontext_iterate(&iterator, list);
	while (jsontext_next(&iterator, &key, &value)) {
		_cleanup_json_ json_t *entry = parse(value);
		if (!entry)
			return false;
	}
	return iterator.place == JSONTEXT_ENDED;
}

static bool loads(struct span text)
{
	json_error_t reason;
	size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES;
	_cleanup_json_ json_t *value = json_loadb(text.ptr, text.len, flags, &reason);
	return value != NULL;
}

/* What is told by looking alone is what jansson says, the size of numbers and depth aside. */
static void check_validity(struct span text)
{
	struct err err = ERR_INIT;
	json_error_t reason;
	json_t *value = NULL;
	bool parses = jsontext_parse(text, JSONTEXT_ANY, &err, &value) == 0;
	json_decref(value);
	if (!parses && jsontext_is_valid(text)) {
		value = json_loadb(text.ptr, text.len, JSON_DECODE_ANY, &reason);
		assert(value || json_error_code(&reason) == json_error_numeric_overflow);
		json_decref(value);
	}
	assert(!parses || jsontext_is_valid(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Memory of exactly this size, so that a byte too far is noticed. */
	_cleanup_free_ char *copy = malloc(size + (size == 0));
	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	struct span text = {.ptr = copy, .len = size};
	walk(text, 3);
	check_validity(text);
	_cleanup_json_ json_t *parsed = parse(text);
	bool in_pieces = parses_in_pieces(text);
	assert(in_pieces || !parsed);
	/* The limits hold for each entry by itself. */
	assert(!in_pieces || parsed || loads(text));
	if (parsed)
		compare(text, parsed);
	return 0;
}
