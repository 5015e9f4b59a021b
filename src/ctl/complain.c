/* SPDX-License-Identifier: MIT */
/* Complaints quote what was typed and what the daemon and Mixpanel said, so they are made harmless
 * as a whole. */
#include "ctl/complain.h"

#include <stdarg.h>
#include <stdio.h>

#include "ctl/display.h"

#define COMPLAINT_LIMIT ((size_t)64 * 1024)

static void write_line(const char *before, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

static void write_line(const char *before, const char *format, va_list arguments)
{
	char text[COMPLAINT_LIMIT / 4];
	struct buffer line _cleanup_buffer_;
	buffer_init(&line, COMPLAINT_LIMIT + sizeof(text));
	vsnprintf(text, sizeof(text), format, arguments);
	buffer_append_text(&line, before);
	display_append(&line, span_of(text));
	buffer_append_text(&line, "\n");
	/* In the order in which it happened, where both go to one place. */
	(void)fflush(stdout);
	(void)fwrite(buffer_text(&line), 1, line.len, stderr);
}

enum exit_code complain(enum exit_code code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	write_line("mixportctl: ", format, arguments);
	va_end(arguments);
	return code;
}

void remark(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	write_line("", format, arguments);
	va_end(arguments);
}
