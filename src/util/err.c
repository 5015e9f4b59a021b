/* SPDX-License-Identifier: MIT */
/* Formats into the room that the caller has, so that a failure needs no memory. */
#include "util/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The arguments may point into err->text, so every sentence is composed beside it first. */
static void replace(struct err *err, const char *sentence, const char *separator, const char *cause)
{
	struct err composed;
	int len = snprintf(composed.text, sizeof(composed.text), "%s%s", sentence, separator);
	/* What does not fit is cut, see err.h. */
	if (len >= 0 && (size_t)len < sizeof(composed.text))
		snprintf(composed.text + len, sizeof(composed.text) - (size_t)len, "%s", cause);
	*err = composed;
}

int err_set(struct err *err, const char *format, ...)
{
	if (!err)
		return -1;
	struct err composed;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(composed.text, sizeof(composed.text), format, arguments);
	va_end(arguments);
	*err = composed;
	return -1;
}

int err_set_errno(struct err *err, int errno_value, const char *format, ...)
{
	if (!err)
		return -1;
	char sentence[sizeof(err->text)];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	char reason[128];
	replace(err, sentence, ": ", strerror_r(errno_value, reason, sizeof(reason)));
	return -1;
}

int err_wrap(struct err *err, const char *format, ...)
{
	if (!err)
		return -1;
	char sentence[sizeof(err->text)];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	replace(err, sentence, ": ", err->text);
	return -1;
}
