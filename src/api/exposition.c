/* SPDX-License-Identifier: MIT */
/* Writes families and samples. */
#include "api/exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/clock.h"

void exposition_family(
    struct exposition *exposition, const char *name, const char *type, const char *help)
{
	exposition->family = name;
	buffer_printf(exposition->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Backslash, quote and line feed are what the format wants escaped in a label's value. */
static void append_label(struct buffer *out, const struct label *label)
{
	buffer_printf(out, "%s=\"", label->name);
	for (const char *at = label->value; *at; at++) {
		if (*at == '\n')
			buffer_append_text(out, "\\n");
		else if (*at == '\\' || *at == '"')
			buffer_printf(out, "\\%c", *at);
		else
			buffer_append(out, at, 1);
	}
	buffer_append_text(out, "\"");
}

/* The name and the labels; the number is the caller's to write. */
static void begin_sample(
    struct exposition *exposition, const char *suffix, const struct label *labels)
{
	struct buffer *out = exposition->out;
	buffer_printf(out, "%s%s", exposition->family, suffix);
	for (size_t i = 0; labels && labels[i].name; i++) {
		buffer_append_text(out, i == 0 ? "{" : ",");
		append_label(out, &labels[i]);
	}
	buffer_append_text(out, labels && labels[0].name ? "} " : " ");
}

void exposition_sample(struct exposition *exposition, const struct label *labels, uint64_t number)
{
	begin_sample(exposition, "", labels);
	buffer_printf(exposition->out, "%" PRIu64 "\n", number);
}

#define SECONDS_TEXT_SIZE 32

/* Programs compare `le` as text, in the form in which others write it. */
static void format_seconds(uint64_t microseconds, char ret_text[SECONDS_TEXT_SIZE])
{
	snprintf(ret_text, SECONDS_TEXT_SIZE, "%" PRIu64 ".%06" PRIu64,
	    microseconds / MICROSECONDS_PER_SECOND, microseconds % MICROSECONDS_PER_SECOND);
	size_t len = strlen(ret_text);
	while (ret_text[len - 1] == '0')
		len--;
	if (ret_text[len - 1] == '.')
		len--;
	ret_text[len] = '\0';
}

static void append_seconds(struct exposition *exposition, uint64_t microseconds)
{
	char text[SECONDS_TEXT_SIZE];
	format_seconds(microseconds, text);
	buffer_printf(exposition->out, "%s\n", text);
}

void exposition_seconds(
    struct exposition *exposition, const struct label *labels, uint64_t microseconds)
{
	begin_sample(exposition, "", labels);
	append_seconds(exposition, microseconds);
}

void exposition_single(struct exposition *exposition, const char *name, const char *type,
    const char *help, uint64_t number)
{
	exposition_family(exposition, name, type, help);
	exposition_sample(exposition, NULL, number);
}

void exposition_histogram(
    struct exposition *exposition, const struct label *label, const struct histogram *histogram)
{
	char bound[SECONDS_TEXT_SIZE];
	struct label labels[3] = {{NULL, NULL}};
	size_t own = 0;
	uint64_t so_far = 0;
	if (label)
		labels[own++] = *label;
	labels[own] = (struct label){"le", bound};
	for (size_t i = 0; i < histogram->count; i++) {
		if (i + 1 < histogram->count)
			format_seconds((uint64_t)histogram->bounds[i], bound);
		else
			snprintf(bound, sizeof(bound), "+Inf");
		so_far += histogram->buckets[i];
		begin_sample(exposition, "_bucket", labels);
		buffer_printf(exposition->out, "%" PRIu64 "\n", so_far);
	}
	labels[own].name = NULL;
	begin_sample(exposition, "_sum", labels);
	append_seconds(exposition, histogram->sum);
	begin_sample(exposition, "_count", labels);
	buffer_printf(exposition->out, "%" PRIu64 "\n", so_far);
}
