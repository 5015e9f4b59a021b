/* SPDX-License-Identifier: MIT */
/* The text format of Prometheus, version 0.0.4. Each family is written whole: HELP, TYPE, then its
 * samples. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/buffer.h"

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* An answer that is being written. What does not fit or finds no memory is the buffer's to tell. */
struct exposition {
	struct buffer *out;
	const char *family; /* that was begun last */
};

/* A label; its value may hold anything. A list of them ends with one whose name is NULL. */
struct label {
	const char *name;
	const char *value;
};
#define LABELS(...) ((const struct label[]){__VA_ARGS__, {NULL, NULL}})

/* Begins a family: its whole name, its type (counter, gauge or histogram), and what it is, on one
 * line without a backslash. All are borrowed until the next one. */
void exposition_family(
    struct exposition *exposition, const char *name, const char *type, const char *help);

/* A sample of the family. labels NULL: it has none. */
void exposition_sample(struct exposition *exposition, const struct label *labels, uint64_t number);

/* The same of a span or a point in time, told in seconds: "0.0001", "1", "1600000000.25". */
void exposition_seconds(
    struct exposition *exposition, const struct label *labels, uint64_t microseconds);

/* A family of one sample without labels. */
void exposition_single(struct exposition *exposition, const char *name, const char *type,
    const char *help, uint64_t number);

/* Spans of time, counted by how long they were. */
struct histogram {
	const int64_t
	    *bounds; /* upper ones, in microseconds, ascending; the last is not looked at */
	const uint64_t
	    *buckets; /* how many in each, not those below it; the last is for the rest */
	size_t count; /* of both */
	uint64_t sum; /* microseconds */
};

/* All samples of a histogram. label NULL: they have none but their own. */
void exposition_histogram(
    struct exposition *exposition, const struct label *label, const struct histogram *histogram);
