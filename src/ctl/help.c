/* SPDX-License-Identifier: MIT */
/* Usage and help, from the table of commands. */
#include "ctl/help.h"

#include <stdio.h>
#include <string.h>

#include "ctl/complain.h"
#include "ctl/ctl.h"
#include "ctl/handlers.h"
#include "ctl/output.h"
#include "util/buffer.h"

#define HELP_LIMIT ((size_t)64 * 1024)

static void append_usage(struct buffer *text, const struct command *command)
{
	buffer_printf(text, "mixportctl %s", command->name);
	if (command->arguments[0])
		buffer_printf(text, " %s", command->arguments);
	for (const struct option_entry *at = command->options; at && at->name; at++)
		buffer_printf(text, " [--%s%s%s]%s", at->name, at->argument ? " " : "",
		    at->argument ? at->argument : "", at->many ? "..." : "");
	buffer_append_text(text, "\n");
}

static void append_options(struct buffer *text, const struct option_entry *at)
{
	char name[64];
	for (; at && at->name; at++) {
		char letter[8] = "";
		if (at->letter)
			snprintf(letter, sizeof(letter), "-%c, ", at->letter);
		snprintf(name, sizeof(name), "%4s--%s%s%s", letter, at->name,
		    at->argument ? " " : "", at->argument ? at->argument : "");
		buffer_printf(text, "  %-30s  %s\n", name, at->summary);
	}
}

static void append_overview(struct buffer *text)
{
	buffer_append_text(text,
	    "usage: mixportctl [OPTION...] [COMMAND [ARGUMENT...]]\n"
	    "\n"
	    "Asks mixportd about Mixpanel's import connectors, and changes them through it.\n"
	    "Without a command: " DEFAULT_COMMAND ".\n"
	    "\n"
	    "commands:\n");
	for (size_t i = 0; i < command_count; i++) {
		char name[64];
		if (commands[i].flags & COMMAND_HIDDEN)
			continue;
		snprintf(name, sizeof(name), "%s %s", commands[i].name, commands[i].arguments);
		buffer_printf(text, "  %-30s  %s\n", name, commands[i].summary);
	}
	buffer_append_text(text, "\noptions of every command:\n");
	append_options(text, common_options);
	buffer_append_text(text,
	    "\n"
	    "REF is a connector: its id, the first 4 or more characters of it, or label:NAME;\n"
	    "PROJECT/REF where one project is meant. JOB and OP are ids, or their first 8 or more\n"
	    "characters. mixportctl help COMMAND says more, mixportctl(1) everything.\n");
}

/* Several when only the first word of a name was given. */
static void append_commands(struct buffer *text, const char *first, const char *second)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = &commands[i];
		size_t len = strlen(first);
		bool begins = strncmp(command->name, first, len) == 0;
		bool whole = begins && command->name[len] == '\0';
		bool part = begins && command->name[len] == ' ' &&
			    (!second || strcmp(command->name + len + 1, second) == 0);
		if (!whole && !part)
			continue;
		if (text->len > 0)
			buffer_append_text(text, "\n");
		buffer_append_text(text, "usage: ");
		append_usage(text, command);
		buffer_printf(text, "\n%s\n", command->summary);
		if (command->options)
			buffer_append_text(text, "\n");
		append_options(text, command->options);
	}
}

static enum exit_code help_print(const char *first, const char *second)
{
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, HELP_LIMIT);
	if (!first)
		append_overview(&text);
	else
		append_commands(&text, first, second);
	if (text.len == 0)
		return complain(EXIT_USAGE,
		    "there is no command \"%s\"; mixportctl help lists those there are", first);
	return output_text(&text);
}

enum exit_code help_of(const struct command *command)
{
	return help_print(command->name, NULL);
}

enum exit_code help_overview(void)
{
	return help_print(NULL, NULL);
}

enum exit_code run_help(struct ctl *ctl)
{
	const struct options *options = ctl->options;
	return help_print(options->count > 0 ? options->arguments[0] : NULL,
	    options->count > 1 ? options->arguments[1] : NULL);
}
