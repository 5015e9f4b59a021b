/* SPDX-License-Identifier: MIT */
/* Every section and key of the configuration, in one table. The parser, the messages of
 * --check-config, --dump-config, what a reload may change and the manual page's list come from it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/settings.h"
#include "util/buffer.h"
#include "util/text.h"

enum schema_section {
	SCHEMA_DAEMON,
	SCHEMA_ACCESS,
	SCHEMA_RETENTION,
	SCHEMA_ATTENTION,
	SCHEMA_PROJECT, /* any number of them, each with a name */
};
#define SCHEMA_SECTION_COUNT (SCHEMA_PROJECT + 1)

/* "daemon", "access", "retention", "attention", "project". */
const char *schema_section_name(enum schema_section section);

/* One sentence about the section. */
const char *schema_section_doc(enum schema_section section);

/* Finds a section by name. Returns 0, or -1. */
int schema_section_parse(struct span name, enum schema_section *ret_section);

/* What kind of value a key takes. */
enum value_type {
	VALUE_PATH,
	VALUE_OPTIONAL_PATH,
	VALUE_SOCKET,
	VALUE_CREDENTIAL,
	VALUE_NUMBER,
	VALUE_OPTIONAL_NUMBER,
	VALUE_MODE,
	VALUE_DURATION,
	VALUE_OPTIONAL_DURATION,
	VALUE_LEVEL,
	VALUE_REGION,
	VALUE_LISTEN,
	VALUE_HOSTS,
	VALUE_BASE_URL,
	VALUE_PROXY,
	VALUE_MEMBERS,
};
#define VALUE_TYPE_COUNT (VALUE_MEMBERS + 1)

/* One key. Invariant: default_text, when there is one, is a value that the type accepts. */
struct schema_key {
	const char *name;
	const char *doc;          /* one or two sentences, for the manual */
	const char *default_text; /* NULL: required, or the doc says what holds without it */
	enum value_type type;
	uint64_t minimum; /* microseconds for a duration */
	uint64_t maximum; /* 0: only the type's own limit */
	size_t offset;    /* of the value in its record */
	enum schema_section section;
	bool required;
	bool reloadable;  /* takes effect on SIGHUP */
	enum scope scope; /* of the keys of [access] */
};

/* All of them, those of a section together, in the order of enum schema_section. */
extern const struct schema_key schema_keys[];
extern const size_t schema_key_count;

/* At least schema_key_count: for tables of what is known of each key. */
#define SCHEMA_KEY_LIMIT 64

/* The key of this name; NULL when the section has none. */
const struct schema_key *schema_find(enum schema_section section, const char *name);

/* Appends what may stand as a value: "a whole number from 1 to 1000000". */
void schema_append_allowed(const struct schema_key *key, struct buffer *buffer);
