/* SPDX-License-Identifier: MIT */
/* Reads files and standard input whole. */
#include "ctl/input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/complain.h"

/* Any kind of file will do, a pipe too. */
static enum exit_code read_stream(FILE *stream, const char *name, struct buffer *text)
{
	char piece[16384];
	for (size_t len; (len = fread(piece, 1, sizeof(piece), stream)) > 0;)
		if (buffer_append(text, piece, len) < 0)
			return complain(EXIT_FILE, "%s is too long", name);
	if (ferror(stream))
		return complain(EXIT_FILE, "%s cannot be read: %s", name, strerror(errno));
	return EXIT_DONE;
}

enum exit_code input_read_file(const char *path, struct buffer *text)
{
	if (strcmp(path, "-") == 0)
		return read_stream(stdin, "standard input", text);
	FILE *stream = fopen(path, "re");
	if (!stream)
		return complain(EXIT_FILE, "%s cannot be read: %s", path, strerror(errno));
	enum exit_code code = read_stream(stream, path, text);
	(void)fclose(stream);
	return code;
}

enum exit_code input_read_data(const char *data, struct buffer *text)
{
	if (strcmp(data, "-") == 0)
		return input_read_file(data, text);
	if (data[0] == '@')
		return input_read_file(data + 1, text);
	return buffer_append_text(text, data) == 0 ? EXIT_DONE
						   : complain(EXIT_USAGE, "the body is too long");
}
