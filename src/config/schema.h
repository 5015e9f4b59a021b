/* Every section and key of the configuration, in one table. The parser, the messages of
 * --check-config, --dump-config, what a reload may change and the manual page's list come from it.
 */
#ifndef MIXPORT_CONFIG_SCHEMA_H
#define MIXPORT_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "config/faults.h"
#include "util/buffer.h"
#include "util/err.h"
#include "util/text.h"

enum schema_section {
	SCHEMA_DAEMON,
	SCHEMA_ACCESS,
	SCHEMA_RETENTION,
	SCHEMA_PROJECT, /* any number of them, each with a name */
};
#define SCHEMA_SECTION_COUNT (SCHEMA_PROJECT + 1)

/* "daemon", "access", "retention", "project". */
const char *schema_section_name(enum schema_section section);

/* One sentence about the section. */
const char *schema_section_doc(enum schema_section section);

/* Finds a section by name. Returns 0, or -1. */
int schema_section_parse(struct span name, enum schema_section *ret_section);

/* How the values of one type are read, written and freed (schema.c). */
struct schema_type;

/* One key. Invariant: default_text, when there is one, is a value that the type accepts. */
struct schema_key {
	const char *name;
	const char *doc;          /* one or two sentences, for the manual */
	const char *default_text; /* NULL: required, or the doc says what holds without it */
	const struct schema_type *type;
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
#define SCHEMA_KEY_LIMIT 40

/* The key of this name; NULL when the section has none. */
const struct schema_key *schema_find(enum schema_section section, const char *name);

/* Appends what may stand as a value: "a whole number from 1 to 1000000". */
void schema_append_allowed(const struct schema_key *key, struct buffer *buffer);

/* The record of a key is a struct config_project for SCHEMA_PROJECT, else the struct config. */

/* Reads a value into its record; an empty text is a value too. Returns 0, or -1 and what is wrong
 * with the value, but not what is allowed; a value that could be a secret is not quoted. */
int schema_read(const struct schema_key *key, const char *text, void *record, struct err *err);

/* Appends the value in the form that schema_read takes. Returns 0; 1 when it was never given and no
 * text stands for that. */
int schema_write(const struct schema_key *key, const void *record, struct buffer *buffer);

/* Frees what the values of a section hold. Takes a record that is zeroed or half read. */
void schema_done(enum schema_section section, void *record);

/* As config_load on a text that is in memory already; file is its name in the faults. Opens no
 * file: tokens stay empty, credentials NULL. (Names in [access] are looked up.) Defined in
 * config.c. */
int config_parse_text(
    const char *file, struct span text, struct faults *faults, struct config **ret_config);

#endif
