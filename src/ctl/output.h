/* SPDX-License-Identifier: MIT */
/* Standard output: its form, and records in that form. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/options.h"
#include "ctl/table.h"
#include "util/buffer.h"
#include "util/text.h"

enum output_form { FORM_TEXT, FORM_JSON, FORM_JSONL, FORM_QUIET };

/* Plain data. */
struct output {
	enum output_form form;
	bool terminal; /* ids, times and lines are short */
	bool color;
	size_t columns; /* 0: nothing is cut */
	int64_t now;    /* wall clock */
};

/* What the options, the environment and standard output say. */
void output_init(struct output *output, const struct options *options);

/* Writes text to standard output as it is, and says so when that fails. */
enum exit_code output_text(const struct buffer *text);

/* Writes one record as --json or --jsonl have it, or the id for -q. FORM_TEXT is the caller's. */
enum exit_code output_record(const struct output *output, struct span json, const char *id);

/* At the end: whether all of standard output arrived. */
enum exit_code output_flush(void);

/* Cells of a table; json may be NULL or something else, which is a dash. */
void cell_text_of(struct table *table, const json_t *json, enum tone tone);
void cell_word(struct table *table, const char *word);
void cell_id(const struct output *output, struct table *table, const char *id);
void cell_time(const struct output *output, struct table *table, const char *time);
void cell_number(struct table *table, const json_t *json);

/* How a status, state or severity is meant. */
enum tone tone_of(const char *word);

/* How long ago a time in RFC 3339 is; TIMESTAMP_NONE for NULL or anything else. */
int64_t output_age(const struct output *output, const char *time);

/* Appends a status, state or severity, in its colour. */
void append_word(const struct output *output, struct buffer *out, const char *word);

/* A line of a single record: a name and what is behind it. Nothing for nothing. */
void fact(struct buffer *out, const char *name, const char *value);
void fact_word(const struct output *output, struct buffer *out, const char *name, const char *word);
void fact_time(const struct output *output, struct buffer *out, const char *name, const char *time);
