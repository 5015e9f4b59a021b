/* SPDX-License-Identifier: MIT */
/* Escapes each fault into a line of its own, in the order in which they were found. */
#include "config/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

#define LINES_LIMIT (64 * 1024)

/* A file's name may be PATH_MAX bytes, a message at most 1 KiB; each byte may take four escaped. */
#define MESSAGE_SIZE 1024
#define LINE_LIMIT (32 * 1024)

void faults_init(struct faults *faults)
{
	*faults = (struct faults){.count = 0};
	buffer_init(&faults->lines, LINES_LIMIT);
	buffer_init(&faults->warnings, LINES_LIMIT);
}

void faults_done(struct faults *faults)
{
	buffer_done(&faults->lines);
	buffer_done(&faults->warnings);
}

/* A fault is one line, and quotes what is in the file. */
static void append_escaped(struct buffer *line, const char *text)
{
	size_t taken;
	for (size_t len = strlen(text); len > 0; text += taken, len -= taken) {
		char escaped[256];
		size_t written = text_escape(text, len, escaped, sizeof(escaped), &taken);
		buffer_append(line, escaped, written);
	}
}

/* A line that does not fit any more is left out as a whole. */
static void add_line(struct buffer *lines, const char *file, unsigned number, const char *message)
{
	_cleanup_buffer_ struct buffer line;
	buffer_init(&line, LINE_LIMIT);
	append_escaped(&line, file);
	if (number > 0)
		buffer_printf(&line, ":%u", number);
	buffer_append_text(&line, ": ");
	append_escaped(&line, message);
	buffer_append_text(&line, "\n");
	if (!buffer_failed(&line) && lines->len + line.len <= lines->limit)
		buffer_append(lines, line.data, line.len);
}

void faults_add(struct faults *faults, const char *file, unsigned line, const char *format, ...)
{
	char message[MESSAGE_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	add_line(&faults->lines, file, line, message);
	faults->count++;
}

void faults_warn(struct faults *faults, const char *file, unsigned line, const char *format, ...)
{
	char message[MESSAGE_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	add_line(&faults->warnings, file, line, message);
	faults->warning_count++;
}
