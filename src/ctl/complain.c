/* SPDX-License-Identifier: MIT */
/* Complaints quote what was typed and what the daemon and Mixpanel said, so they are made harmless
 * as a whole. What was typed may be a token in the wrong place: it is not shown to a log as well.
 */
#include "ctl/complain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/access.h"
#include "ctl/display.h"

/* Shorter words that begin like a token are names of files, say. */
#define TOKEN_LENGTH_AT_LEAST 16

#define COMPLAINT_LIMIT ((size_t)64 * 1024)

static void hide_tokens(char *text)
{
	while ((text = strstr(text, TOKEN_PREFIX))) {
		text += strlen(TOKEN_PREFIX);
		size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789_-");
		if (len >= TOKEN_LENGTH_AT_LEAST)
			memset(text, '*', len);
		text += len;
	}
}

static void write_line(const char *before, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

static void write_line(const char *before, const char *format, va_list arguments)
{
	char text[COMPLAINT_LIMIT / 4];
	struct buffer line _cleanup_buffer_;
	buffer_init(&line, COMPLAINT_LIMIT + sizeof(text));
	vsnprintf(text, sizeof(text), format, arguments);
	hide_tokens(text);
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
