/* SPDX-License-Identifier: MIT */
/* JSON in: jansson parses and validates; what is here guards it and finds the bytes of a value.
 *
 * jansson recurses and, at its default depth, overflows a small stack, so depth and the number of
 * values are checked before it sees a document. It takes a dozen times the memory of the bytes, so
 * a long list is parsed entry by entry. It also cannot give a number back as it was
 * written (0.1 prints as 0.10000000000000001), so members that are passed through are taken as
 * spans of the bytes received. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"
#include "util/text.h"

#define JSONTEXT_DEPTH_LIMIT 64
#define JSONTEXT_VALUES_LIMIT 1000000

enum jsontext_flags {
	JSONTEXT_REJECT_DUPLICATES = 1 << 0, /* an object with a member twice is invalid */
	JSONTEXT_ANY = 1 << 1, /* scalars at the top too, not only objects and arrays */
};

static inline void cleanup_json(json_t **value)
{
	json_decref(*value);
}
#define _cleanup_json_ _cleanup_(cleanup_json)

/* Parses a whole document; trailing bytes are an error. The caller owns the value. Returns 0, or
 * -1 with where and why ("line 3 column 7: …"); a document nested deeper than
 * JSONTEXT_DEPTH_LIMIT, with more values than JSONTEXT_VALUES_LIMIT, or with a number that jansson
 * cannot hold is refused as a whole. */
int jsontext_parse(struct span text, unsigned flags, struct err *err, json_t **ret_value);

/* The same for a document with a long list in it, which would take a dozen times its bytes as
 * jansson holds it: the list counts as empty in the value, and is left to be walked with
 * jsontext_next and parsed entry by entry, each within the limits by itself. Those aside, the
 * document is what jsontext_parse would accept if, and only if, this accepts it, every entry can be
 * parsed, and the walk ends with JSONTEXT_ENDED. list is an array found in text with jsontext_value
 * or jsontext_member; SPAN_NONE for none. Lines and columns in err count without the list. */
int jsontext_parse_around(
    struct span text, struct span list, unsigned flags, struct err *err, json_t **ret_value);

enum jsontext_place {
	JSONTEXT_FIRST,
	JSONTEXT_FURTHER,
	JSONTEXT_ENDED,
	JSONTEXT_MALFORMED, /* a separator, a name or the end is not where JSON has it */
};

/* Walks the members of an object or the elements of an array. What stands between the values is
 * checked, the values are not: their spans have the right bounds only in text that can be parsed,
 * and are inside the text in any. */
struct jsontext_iterator {
	const char *at;
	const char *end;
	bool object;
	enum jsontext_place place;
};

/* Starts at the first member of an object or element of an array; over any other value the
 * iteration is empty. */
void jsontext_iterate(struct jsontext_iterator *iterator, struct span value);

/* The next one. key is SPAN_NONE in an array, else the bytes between the quotes, escapes and all.
 * value covers the value's bytes without blanks around, and is not empty. Returns false at the end;
 * iterator->place tells at which. */
bool jsontext_next(
    struct jsontext_iterator *iterator, struct span *ret_key, struct span *ret_value);

/* Records of ours are put around what was parsed. */
#define JSONTEXT_VALID_DEPTH_LIMIT (2 * JSONTEXT_DEPTH_LIMIT)

/* Whether text is one value in JSON, blanks around it aside, and nothing that jsontext_parse with
 * JSONTEXT_ANY would refuse but for the size of a number, the number of values, or its depth, which
 * is at most JSONTEXT_VALID_DEPTH_LIMIT. Allocates nothing. */
bool jsontext_is_valid(struct span text);

/* The bytes of the value that text begins with, without blanks around; SPAN_NONE for none. */
struct span jsontext_value(struct span text);

/* The bytes of a member of an object: the last one of that name, as jansson takes it. SPAN_NONE
 * when there is none or the value is null. The name is ASCII that needs no
 * escapes; a document that escapes it all the same is understood. */
struct span jsontext_member(struct span object, const char *name);
