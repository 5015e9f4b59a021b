/* SPDX-License-Identifier: MIT */
/* The command line, taken apart by the table of commands. */
#pragma once

#include <stdint.h>

#include "ctl/commands.h"

/* How many values all options together may have that can be given several times. */
#define OPTIONS_MANY_LIMIT 64

/* What was typed. Texts are borrowed from argv. */
struct options {
	const struct command *command;
	bool named;                         /* the command was, by whoever typed it */
	const char *value[OPTION_ID_COUNT]; /* "" for one without a value; NULL: not given */
	const char *many[OPTIONS_MANY_LIMIT];
	size_t many_count;
	const char **arguments; /* of the command; as many as argv at most */
	size_t count;
	int64_t max_time; /* microseconds */
};

/* Reads the command line. Options may stand before and after the command. Without a command it is
 * DEFAULT_COMMAND. Whether the number of arguments is right is checked too, except when help or the
 * version was asked for. After a failure nothing but ret_options->command is of use, which may be
 * NULL. options_done in any case. */
enum exit_code options_parse(int argc, char **argv, struct options *ret_options);

/* Frees what was allocated. */
void options_done(struct options *options);

/* Whether it was given. */
bool options_have(const struct options *options, enum option_id id);

/* Reads an option's value as a duration; ret_value stays as it was when it was not given. */
enum exit_code options_duration(
    const struct options *options, enum option_id id, int64_t *ret_microseconds);
