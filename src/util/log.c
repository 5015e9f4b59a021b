/* SPDX-License-Identifier: MIT */
/* Composes a line in a buffer on the stack and writes it at once. */
#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

#define LINE_SIZE 2048
#define CUT_MARK "..."

const char *const log_level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
    NULL,
};

_Static_assert(ARRAY_SIZE(log_level_names) == LOG_LEVEL_DEBUG + 2, "a level has no name");

static _Atomic enum log_level threshold = LOG_LEVEL_INFO;
static log_journal_fn *to_journal;

struct line {
	char text[LINE_SIZE];
	size_t len;
};

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&threshold, level, memory_order_relaxed);
}

static bool is_enabled(enum log_level level)
{
	return level <= atomic_load_explicit(&threshold, memory_order_relaxed);
}

static void append_message(struct line *line, const char *message, size_t len)
{
	const size_t limit = LINE_SIZE - strlen(CUT_MARK "\n");
	size_t taken;
	line->len += text_escape(message, len, line->text + line->len, limit - line->len, &taken);
	if (taken < len) {
		memcpy(line->text + line->len, CUT_MARK, strlen(CUT_MARK));
		line->len += strlen(CUT_MARK);
	}
}

/* As syslog(3) counts them. */
static const int priorities[] = {
    [LOG_LEVEL_ERROR] = 3, [LOG_LEVEL_WARNING] = 4, [LOG_LEVEL_INFO] = 6, [LOG_LEVEL_DEBUG] = 7};

static struct line begin_line(enum log_level level)
{
	return (struct line){.text = {'<', (char)('0' + priorities[level]), '>'}, .len = 3};
}

/* There is nobody to report a failure to. */
static void log_end_line(struct line *line)
{
	line->text[line->len++] = '\n';
	while (write(STDERR_FILENO, line->text, line->len) < 0 && errno == EINTR)
		;
}

void log_write(enum log_level level, const char *format, ...)
{
	if (!is_enabled(level))
		return;
	int saved_errno = errno;
	char message[LINE_SIZE];
	va_list arguments;
	va_start(arguments, format);
	int len = vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	struct line line = begin_line(level);
	/* Escaping never shortens, so what vsnprintf cut off would not have fitted anyway. */
	if (len > 0)
		append_message(&line, message, strnlen(message, sizeof(message)));
	log_end_line(&line);
	errno = saved_errno;
}

void log_set_journal(log_journal_fn *journal)
{
	to_journal = journal;
}

/* The journal takes any bytes, and shows whoever reads it a line or a terminal's command in them as
 * they are. */
static bool tell_journal(
    enum log_level level, const char *message, const struct log_field *fields, size_t count)
{
	char values[LOG_FIELDS_LIMIT][LOG_VALUE_SIZE];
	struct log_field told[LOG_FIELDS_LIMIT];
	if (!to_journal)
		return false;
	if (count > LOG_FIELDS_LIMIT)
		count = LOG_FIELDS_LIMIT;
	for (size_t i = 0; i < count; i++) {
		const char *value = fields[i].value;
		size_t taken;
		told[i] = fields[i];
		if (!value)
			continue;
		values[i][text_escape(
		    value, strlen(value), values[i], LOG_VALUE_SIZE - 1, &taken)] = '\0';
		told[i].value = values[i];
	}
	return to_journal(priorities[level], message, told, count);
}

void log_with_fields(
    enum log_level level, const struct log_field *fields, size_t count, const char *format, ...)
{
	if (!is_enabled(level))
		return;
	int saved_errno = errno;
	char message[LINE_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	struct line line = begin_line(level);
	append_message(&line, message, strlen(message));
	line.text[line.len] = '\0';
	if (!tell_journal(level, line.text + strlen("<N>"), fields, count))
		log_end_line(&line);
	errno = saved_errno;
}

void log_escaped(enum log_level level, const char *text, size_t len)
{
	if (!is_enabled(level))
		return;
	int saved_errno = errno;
	const size_t limit = LINE_SIZE - 3 - strlen(CUT_MARK "\n");
	struct line line = begin_line(level);
	size_t kept = len < limit ? len : limit;
	/* Not in the middle of a character. */
	while (kept < len && kept > 0 && ((unsigned char)text[kept] & 0xc0) == 0x80)
		kept--;
	memcpy(line.text + line.len, text, kept);
	line.len += kept;
	if (kept < len) {
		memcpy(line.text + line.len, CUT_MARK, strlen(CUT_MARK));
		line.len += strlen(CUT_MARK);
	}
	log_end_line(&line);
	errno = saved_errno;
}
