/* SPDX-License-Identifier: MIT */
/* Which options there are depends on the command, and options may stand before it. So the command
 * is looked for first; getopt_long then reads everything by its own options and the common ones. */
#include "ctl/options.h"

#include <assert.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/complain.h"
#include "util/buffer.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/text.h"

#define MAX_TIME_DEFAULT (75 * MICROSECONDS_PER_SECOND)

/* More than any command has, with the common ones. */
#define KNOWN_LIMIT 40

bool options_have(const struct options *options, enum option_id id)
{
	return options->value[id] != NULL;
}

/* The command ----------------------------------------------------------------------------------*/

/* Whether a word before the command is an option whose value is the next word. What another command
 * takes counts as far as nothing else is known. */
static bool takes_next(const char *word)
{
	if (word[0] != '-' || word[1] == '\0' || strchr(word, '='))
		return false;
	if (word[1] == '-') {
		const struct option_entry *entry = command_option(NULL, word + 2);
		for (size_t i = 0; !entry && i < command_count; i++)
			entry = command_option(&commands[i], word + 2);
		return entry && entry->argument;
	}
	const struct option_entry *entry = common_options;
	while (entry->name && entry->letter != word[1])
		entry++;
	return entry->name && entry->argument && word[2] == '\0';
}

/* The words from the first on that is no option. */
static size_t find_words(int argc, char **argv, char *words[2])
{
	size_t count = 0;
	for (int i = 1; i < argc && count < 2; i++) {
		if (strcmp(argv[i], "--") == 0)
			break;
		if (argv[i][0] != '-' || argv[i][1] == '\0')
			words[count++] = argv[i];
		else if (takes_next(argv[i]))
			i++;
	}
	return count;
}

static enum exit_code no_such_command(const char *word)
{
	const char *guess = command_guess(word);
	struct buffer second _cleanup_buffer_;
	buffer_init(&second, 256);
	command_append_second(&second, word, strlen(word), ", ");
	if (second.len > 0)
		return complain(EXIT_USAGE, "%s needs a second word: %s; mixportctl help %s", word,
		    buffer_text(&second), word);
	if (guess)
		return complain(
		    EXIT_USAGE, "there is no command \"%s\"; did you mean %s?", word, guess);
	return complain(
	    EXIT_USAGE, "there is no command \"%s\"; mixportctl help lists those there are", word);
}

/* Its options ----------------------------------------------------------------------------------*/

struct known {
	struct option list[KNOWN_LIMIT + 1];
	const struct option_entry *entries[KNOWN_LIMIT];
	char letters[3 + 2 * KNOWN_LIMIT];
	size_t count;
};

static void know(struct known *known, const struct option_entry *entry)
{
	for (; entry->name; entry++) {
		assert(known->count < KNOWN_LIMIT);
		known->entries[known->count] = entry;
		known->list[known->count++] = (struct option){
		    .name = entry->name,
		    .has_arg = entry->argument ? required_argument : no_argument,
		    .val = 256 + (int)entry->id,
		};
		if (!entry->letter)
			continue;
		size_t len = strlen(known->letters);
		known->letters[len] = entry->letter;
		known->letters[len + 1] = entry->argument ? ':' : '\0';
	}
}

/* The entry that getopt_long means; NULL when it means none. */
static const struct option_entry *known_entry(const struct known *known, int option)
{
	for (size_t i = 0; i < known->count; i++) {
		const struct option_entry *entry = known->entries[i];
		if (entry &&
		    (known->list[i].val == option || (entry->letter && entry->letter == option)))
			return entry;
	}
	return NULL;
}

static enum exit_code option_refused(
    const struct command *command, const struct known *known, int found, const char *word)
{
	const struct option_entry *entry = known_entry(known, optopt);
	if (found == ':' && entry)
		return complain(EXIT_USAGE, "%s --%s needs a value: %s", command->name, entry->name,
		    entry->argument);
	if (entry)
		return complain(EXIT_USAGE, "%s --%s takes no value", command->name, entry->name);
	if (word[0] == '-' && word[1] == '-')
		return complain(EXIT_USAGE, "%s has no option %.*s; mixportctl help %s",
		    command->name, (int)strcspn(word, "="), word, command->name);
	return complain(EXIT_USAGE, "%s has no option -%c; mixportctl help %s", command->name,
	    optopt, command->name);
}

static enum exit_code keep_option(struct options *options, const struct option_entry *entry)
{
	const char *value = entry->argument ? optarg : "";
	if (entry->many) {
		if (options->many_count == OPTIONS_MANY_LIMIT)
			return complain(EXIT_USAGE, "--%s is given over %d times", entry->name,
			    OPTIONS_MANY_LIMIT);
		options->many[options->many_count++] = value;
	} else if (entry->argument && options->value[entry->id]) {
		return complain(EXIT_USAGE, "--%s is given twice", entry->name);
	}
	options->value[entry->id] = value;
	return EXIT_DONE;
}

/* getopt_long stops at every word that is no option, whatever the environment says of it. */
static enum exit_code read_words(int argc, char **argv, struct options *options)
{
	struct known known = {.letters = "+:"};
	know(&known, common_options);
	if (options->command->options)
		know(&known, options->command->options);
	opterr = 0;
	for (bool ended = false; optind < argc;) {
		int at = optind;
		int found = ended ? -1 : getopt_long(argc, argv, known.letters, known.list, NULL);
		if (found < 0) {
			ended = ended || (optind == at + 1 && strcmp(argv[at], "--") == 0);
			if (optind < argc && (ended || optind == at))
				options->arguments[options->count++] = argv[optind++];
			continue;
		}
		const struct option_entry *entry = known_entry(&known, found);
		enum exit_code code =
		    entry ? keep_option(options, entry)
			  : option_refused(options->command, &known, found, argv[at]);
		if (code)
			return code;
	}
	return EXIT_DONE;
}

/* What holds whatever the command ---------------------------------------------------------------*/

enum exit_code options_duration(
    const struct options *options, enum option_id id, int64_t *ret_microseconds)
{
	const char *text = options->value[id];
	int64_t value = 0;
	if (!text)
		return EXIT_DONE;
	if (text_parse_duration(text, &value) < 0 || value == 0)
		return complain(EXIT_USAGE,
		    "\"%s\" is no duration: a number and ms, s, m, h or d, such as 90s", text);
	*ret_microseconds = value;
	return EXIT_DONE;
}

static enum exit_code check_common(struct options *options)
{
	const char *color = options->value[OPTION_COLOR];
	int forms = options_have(options, OPTION_JSON) + options_have(options, OPTION_JSONL) +
		    options_have(options, OPTION_QUIET);
	if (forms > 1)
		return complain(EXIT_USAGE, "--json, --jsonl and -q exclude each other");
	if ((options->command->flags & COMMAND_TEXT) &&
	    (options_have(options, OPTION_JSON) || options_have(options, OPTION_JSONL)))
		return complain(
		    EXIT_USAGE, "%s prints no records, so no JSON", options->command->name);
	if (color && strcmp(color, "auto") != 0 && strcmp(color, "always") != 0 &&
	    strcmp(color, "never") != 0)
		return complain(EXIT_USAGE, "--color is auto, always or never");
	options->max_time = MAX_TIME_DEFAULT;
	return options_duration(options, OPTION_MAX_TIME, &options->max_time);
}

static enum exit_code check_count(const struct options *options)
{
	const struct command *command = options->command;
	if (options_have(options, OPTION_HELP) || options_have(options, OPTION_VERSION))
		return EXIT_DONE;
	if (options->count > command->most)
		return complain(EXIT_USAGE,
		    "%s: \"%s\" is one argument too many; mixportctl help %s", command->name,
		    options->arguments[command->most], command->name);
	if (options->count < command->least)
		return complain(EXIT_USAGE, "%s needs %s; mixportctl help %s", command->name,
		    command->arguments, command->name);
	return EXIT_DONE;
}

enum exit_code options_parse(int argc, char **argv, struct options *ret_options)
{
	static char default_command[] = DEFAULT_COMMAND;
	char *words[2] = {default_command, NULL};
	size_t count = find_words(argc, argv, words);
	size_t taken = 0;
	struct options options = {
	    .command = command_find(words, count ? count : 1, &taken),
	    .named = count > 0,
	    .arguments = calloc((size_t)argc + 1, sizeof(char *)),
	};
	*ret_options = options;
	if (!options.arguments)
		return complain(EXIT_REFUSED, "no memory for the command line");
	if (!options.command)
		return no_such_command(words[0]);
	enum exit_code code = read_words(argc, argv, &options);
	if (!code) {
		/* Its own name is not one of its arguments. */
		options.count -= count ? taken : 0;
		memmove(options.arguments, options.arguments + (count ? taken : 0),
		    options.count * sizeof(char *));
		code = check_common(&options);
	}
	if (!code)
		code = check_count(&options);
	*ret_options = options;
	return code;
}

void options_done(struct options *options)
{
	free(options->arguments);
	options->arguments = NULL;
}
