#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

#define LINE_SIZE 2048
#define CUT_MARK "..."

static const struct {
	const char *name;
	char priority;
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", '3'},
    [LOG_LEVEL_WARNING] = {"warning", '4'},
    [LOG_LEVEL_INFO] = {"info", '6'},
    [LOG_LEVEL_DEBUG] = {"debug", '7'},
};

static _Atomic enum log_level threshold = LOG_LEVEL_INFO;

struct line {
	char text[LINE_SIZE];
	size_t len;
};

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&threshold, level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
	return level <= atomic_load_explicit(&threshold, memory_order_relaxed);
}

int log_level_parse(const char *name, enum log_level *ret_level)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (text_same(levels[i].name, name)) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	}
	return -1;
}

/* U+0080 to U+009F are control characters too: to some terminals U+009B is as good as ESC [. */
static bool is_plain(const char *at, size_t sequence)
{
	unsigned char c = (unsigned char)at[0];
	if (sequence == 1)
		return c >= 0x20 && c != 0x7f && c != '\\';
	return sequence > 1 && !(c == 0xc2 && (unsigned char)at[1] < 0xa0);
}

/* Writes how one byte is shown. Returns the length. */
static size_t escape(char c, char ret_escaped[5])
{
	static const char shown[] = "\nn\rr\tt\\\\";
	for (size_t i = 0; shown[i]; i += 2) {
		if (c == shown[i]) {
			ret_escaped[0] = '\\';
			ret_escaped[1] = shown[i + 1];
			return 2;
		}
	}
	return (size_t)snprintf(ret_escaped, 5, "\\x%02x", (unsigned char)c);
}

/* A character or its escape is written whole or not at all. */
static void append_message(struct line *line, const char *message, size_t len)
{
	const size_t limit = LINE_SIZE - strlen(CUT_MARK "\n");
	for (size_t i = 0; i < len;) {
		size_t taken = text_utf8_sequence(message + i, len - i);
		bool plain = is_plain(message + i, taken);
		char escaped[5];
		size_t shown = plain ? taken : escape(message[i], escaped);
		if (shown > limit - line->len) {
			memcpy(line->text + line->len, CUT_MARK, strlen(CUT_MARK));
			line->len += strlen(CUT_MARK);
			return;
		}
		memcpy(line->text + line->len, plain ? message + i : escaped, shown);
		line->len += shown;
		i += plain ? taken : 1;
	}
}

void log_write(enum log_level level, const char *format, ...)
{
	if (!log_enabled(level))
		return;
	int saved_errno = errno;
	char message[LINE_SIZE];
	va_list arguments;
	va_start(arguments, format);
	int len = vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	struct line line = {.text = {'<', levels[level].priority, '>'}, .len = 3};
	/* Escaping never shortens, so what vsnprintf cut off would not have fitted anyway. */
	if (len > 0)
		append_message(&line, message, strnlen(message, sizeof(message)));
	line.text[line.len++] = '\n';
	while (write(STDERR_FILENO, line.text, line.len) < 0 && errno == EINTR)
		;
	errno = saved_errno;
}
