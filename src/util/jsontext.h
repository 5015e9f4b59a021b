/* JSON in: jansson parses and validates; what is here guards it and finds the bytes of a value.
 *
 * jansson recurses and, at its default depth, overflows a small stack, so depth and the number of
 * values are checked before it sees a document. It also cannot give a number back as it was
 * written (0.1 prints as 0.10000000000000001), so members that are passed through are taken as
 * spans of the bytes received. */
#ifndef MIXPORT_UTIL_JSONTEXT_H
#define MIXPORT_UTIL_JSONTEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"
#include "util/text.h"

#define JSONTEXT_DEPTH_LIMIT 64
#define JSONTEXT_VALUES_LIMIT 1000000

enum jsontext_flags {
	JSONTEXT_REJECT_DUPLICATES = 1 << 0, /* an object with a member twice is invalid */
	JSONTEXT_ANY = 1 << 1,               /* scalars at the top too, not only objects and arrays */
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

/* Walks the members of an object or the elements of an array in text that jsontext_parse accepted
 * (undefined results, but never a read out of bounds, on other text). */
struct jsontext_iterator {
	const char *at;
	const char *end;
	bool object;
};

/* Starts at the first member of an object or element of an array; over any other value the
 * iteration is empty. */
void jsontext_iterate(struct jsontext_iterator *iterator, struct span value);

/* The next one. key is SPAN_NONE in an array, else the bytes between the quotes, escapes and all.
 * value covers the value's bytes without blanks around. Returns false at the end. */
bool jsontext_next(struct jsontext_iterator *iterator, struct span *ret_key, struct span *ret_value);

/* The bytes of a member of an object: the last one of that name, as jansson takes it. SPAN_NONE
 * when there is none or the value is null. The name is ASCII that needs no
 * escapes; a document that escapes it all the same is understood. */
struct span jsontext_member(struct span object, const char *name);

#endif
