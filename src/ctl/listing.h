/* SPDX-License-Identifier: MIT */
/* Lists of the API, over all their pages. */
#pragma once

#include "ctl/ask.h"

/* What to do with a record; json are its bytes, which hold during the call. */
typedef enum exit_code listing_fn(struct ctl *ctl, struct span json, void *context);

/* Walks the list that the target names, at most maximum records of it; ends at the first that is
 * not EXIT_DONE. */
enum exit_code listing_each(
    struct ctl *ctl, const struct target *target, int64_t maximum, listing_fn *each, void *context);

#define LISTING_ALL INT64_MAX

/* How a kind of record is listed for people. */
struct listing_kind {
	const char *none;      /* "no connectors" */
	const char *id_object; /* the member that has the id; NULL: the record itself */
	const char *id_member; /* for -q */
	const struct table_column *columns;
	size_t column_count;
	void (*row)(const struct output *output, struct table *table, const json_t *record);
	/* Appends the lines that a terminal gets instead of a row; NULL: a row there, too. */
	void (*lines)(const struct output *output, const json_t *record, struct buffer *text);
};

/* Prints a list in the form that was asked for. */
enum exit_code listing_print(
    struct ctl *ctl, const struct target *target, int64_t maximum, const struct listing_kind *kind);

/* Prints one record as if it were such a list. */
enum exit_code listing_print_one(
    struct ctl *ctl, struct span json, const struct listing_kind *kind);
