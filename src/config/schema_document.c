/* SPDX-License-Identifier: MIT */
/* Prints the manual page's list of sections and keys (mdoc), from the table that the daemon reads
 * the configuration with. Run when the manual is built. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/schema.h"

#define LINE_WIDTH 78

/* A backslash is mdoc's own, and a quotation mark would end an argument. */
static void print_escaped(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\')
			fputs("\\e", stdout);
		else if (text[i] == '"')
			fputs("\\(dq", stdout);
		else
			putchar(text[i]);
	}
}

/* Text begun in `column`: each sentence starts a line, and none is too long for the lint. */
static void print_text(const char *text, size_t column)
{
	bool after_stop = false;
	while (*text) {
		size_t len = strcspn(text, " ");
		bool starts = after_stop && isupper((unsigned char)*text);
		if (column > 0 && (starts || column + 1 + len > LINE_WIDTH)) {
			putchar('\n');
			column = 0;
		}
		/* A dot or an apostrophe that begins a line would make it a macro. */
		fputs(column > 0 ? " " : strchr(".'", *text) ? "\\&" : "", stdout);
		print_escaped(text, len);
		column += 1 + len;
		after_stop = len > 0 && text[len - 1] == '.';
		text += len + strspn(text + len, " ");
	}
}

static void print_key(const struct schema_key *key)
{
	_cleanup_buffer_ struct buffer allowed;
	buffer_init(&allowed, 4096);
	schema_append_allowed(key, &allowed);
	fputs(".It Ic \"", stdout);
	print_escaped(key->name, strlen(key->name));
	if (key->default_text) {
		fputs(" = ", stdout);
		print_escaped(key->default_text, strlen(key->default_text));
	}
	puts(key->required ? "\" Pq required" : "\"");
	print_text(key->doc, 0);
	fputs("\n.br\nAllowed:", stdout);
	print_text(buffer_text(&allowed), strlen("Allowed:"));
	puts(key->reloadable ? "." : ".\nChanging it takes a restart.");
}

static void print_section(enum schema_section section)
{
	printf(
	    section == SCHEMA_PROJECT ? ".Ss The sections Bq %s NAME\n" : ".Ss The section Bq %s\n",
	    schema_section_name(section));
	print_text(schema_section_doc(section), 0);
	puts("\n.Bl -tag -width Ds");
	for (size_t i = 0; i < schema_key_count; i++)
		if (schema_keys[i].section == section)
			print_key(&schema_keys[i]);
	puts(".El");
}

int main(void)
{
	for (size_t i = 0; i < SCHEMA_SECTION_COUNT; i++)
		print_section((enum schema_section)i);
	return ferror(stdout) || fflush(stdout) == EOF ? 1 : 0;
}
