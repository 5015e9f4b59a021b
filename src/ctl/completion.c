/* SPDX-License-Identifier: MIT */
/* Completions for the three shells, from the table of commands. The scripts know every word that is
 * in the table; ids they ask for by a hidden command. A test holds the files that are installed to
 * what is printed here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/complain.h"
#include "ctl/ctl.h"
#include "ctl/handlers.h"
#include "ctl/listing.h"
#include "util/clock.h"

#define SCRIPT_LIMIT ((size_t)256 * 1024)
#define COMPLETE_PATIENCE MICROSECONDS_PER_SECOND
#define COMPLETE_COUNT 500 /* ids that are offered at most */
#define PREFIX_MINIMUM 4   /* characters by which the API looks ids up */
#define PREFIX_MAXIMUM 64

#define ASK "mixportctl __complete "

/* What a table's words mean that begin with @; all else stands for itself. */
static bool is_dynamic(const char *words)
{
	return words && words[0] == '@' && strcmp(words, "@files") != 0 &&
	       strcmp(words, "@commands") != 0;
}

/* The names of all commands that people type, each once: of two words the first. */
static void append_names(struct buffer *text, const char *between)
{
	const char *before = "";
	bool first = true;
	for (size_t i = 0; i < command_count; i++) {
		const char *name = commands[i].name;
		size_t len = strcspn(name, " ");
		if ((commands[i].flags & COMMAND_HIDDEN) ||
		    (strlen(before) >= len && strncmp(before, name, len) == 0 &&
			before[len] == ' '))
			continue;
		buffer_printf(text, "%s%.*s", first ? "" : between, (int)len, name);
		before = name;
		first = false;
	}
}

/* The first words of names that have two, each once. */
static void append_firsts(struct buffer *text, const char *between)
{
	const char *before = "";
	for (size_t i = 0; i < command_count; i++) {
		const char *name = commands[i].name;
		size_t len = strcspn(name, " ");
		if (name[len] == '\0' || strncmp(before, name, len + 1) == 0)
			continue;
		buffer_printf(text, "%s%.*s", *before ? between : "", (int)len, name);
		before = name;
	}
}

/* Options that take a value, each as it is typed. */
static void append_valued(struct buffer *text, const struct option_entry *at, const char *between)
{
	bool first = true;
	for (; at && at->name; at++) {
		if (!at->argument)
			continue;
		buffer_printf(text, "%s--%s", first ? "" : between, at->name);
		if (at->letter)
			buffer_printf(text, "%s-%c", between, at->letter);
		first = false;
	}
}

/* Text within single quotes, where the shells take everything but a quote as it is. */
static void append_quoted(struct buffer *text, const char *words)
{
	for (const char *at = words; *at; at++) {
		if (*at == '\'')
			buffer_append_text(text, "'\\''");
		else
			buffer_append(text, at, 1);
	}
}

/* bash -----------------------------------------------------------------------------------------*/

static void bash_options(struct buffer *text, const char *name, const struct option_entry *options)
{
	buffer_printf(text, "\t%s)\n\t\tcase $2 in\n", name);
	for (const struct option_entry *at = options; at && at->name; at++) {
		if (!at->argument)
			continue;
		if (at->letter)
			buffer_printf(text, "\t\t-%c | ", at->letter);
		else
			buffer_append_text(text, "\t\t");
		buffer_printf(text, "--%s) echo '%s' ;;\n", at->name, at->words ? at->words : "-");
	}
	buffer_append_text(text, "\t\t'') echo '");
	for (const struct option_entry *at = options; at && at->name; at++)
		buffer_printf(text, "%s--%s", at == options ? "" : " ", at->name);
	buffer_append_text(text, "' ;;\n\t\tesac\n\t\t;;\n");
}

/* Of a name that has two words, when this is the first command of that first one. */
static void bash_second_words(struct buffer *text, size_t index)
{
	const char *name = commands[index].name;
	size_t len = strcspn(name, " ");
	if (name[len] == '\0' ||
	    (index > 0 && strncmp(commands[index - 1].name, name, len + 1) == 0))
		return;
	buffer_printf(text, "\t'%.*s') echo '", (int)len, name);
	command_append_second(text, name, len, " ");
	buffer_append_text(text, "' ;;\n");
}

static void append_bash(struct buffer *text)
{
	buffer_append_text(text,
	    "# mixportctl completion bash\n"
	    "\n"
	    "# Of a command (common: of all), the options; with an option, what its value can be:\n"
	    "# words, @ and a kind, or - for anything. Nothing for an option without a value.\n"
	    "_mixportctl_options() {\n"
	    "\tcase $1 in\n");
	bash_options(text, "common", common_options);
	for (size_t i = 0; i < command_count; i++) {
		char name[64];
		if (!commands[i].options)
			continue;
		snprintf(name, sizeof(name), "'%s'", commands[i].name);
		bash_options(text, name, commands[i].options);
	}
	buffer_append_text(text,
	    "\tesac\n"
	    "}\n"
	    "\n"
	    "# What the first argument of a command can be, and the second words of names.\n"
	    "_mixportctl_argument() {\n"
	    "\tcase $1 in\n"
	    "\t'') echo '");
	append_names(text, " ");
	buffer_append_text(text, "' ;;\n");
	for (size_t i = 0; i < command_count; i++) {
		bash_second_words(text, i);
		if (commands[i].words)
			buffer_printf(
			    text, "\t'%s') echo '%s' ;;\n", commands[i].name, commands[i].words);
	}
	buffer_append_text(text,
	    "\tesac\n"
	    "}\n"
	    "\n"
	    "_mixportctl_offer() {\n"
	    "\tlocal kind=$1 word=$2\n"
	    "\tcase $kind in\n"
	    "\t@files) mapfile -t COMPREPLY < <(compgen -f -- \"$word\") ;;\n"
	    "\t@commands) mapfile -t COMPREPLY < <(compgen -W \"$(_mixportctl_argument '')\" -- "
	    "\"$word\") ;;\n"
	    "\t@*)\n"
	    "\t\tif [[ $kind == @records ]]; then\n"
	    "\t\t\tcase $word in\n"
	    "\t\t\tjob_*) kind=@jobs ;;\n"
	    "\t\t\top_*) kind=@operations ;;\n"
	    "\t\t\t*) kind=@connectors ;;\n"
	    "\t\t\tesac\n"
	    "\t\tfi\n"
	    "\t\tmapfile -t COMPREPLY < <(" ASK "\"${kind#@}\" \"$word\" 2>/dev/null)\n"
	    "\t\t;;\n"
	    "\t*) mapfile -t COMPREPLY < <(compgen -W \"$kind\" -- \"$word\") ;;\n"
	    "\tesac\n"
	    "}\n"
	    "\n"
	    "_mixportctl() {\n"
	    "\tlocal word=$2 command='' option='' values='' count=0 i\n"
	    "\tCOMPREPLY=()\n"
	    "\t[[ $word != = ]] || word=''\n"
	    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	    "\t\tif [[ ${COMP_WORDS[i]} == = ]]; then\n"
	    "\t\t\tcontinue\n"
	    "\t\telif [[ -n $option ]]; then\n"
	    "\t\t\toption=''\n"
	    "\t\telif [[ ${COMP_WORDS[i]} == -* ]]; then\n"
	    "\t\t\tvalues=$(_mixportctl_options \"$command\" \"${COMP_WORDS[i]}\")\n"
	    "\t\t\t[[ -n $values ]] || values=$(_mixportctl_options common "
	    "\"${COMP_WORDS[i]}\")\n"
	    "\t\t\t[[ -z $values ]] || option=${COMP_WORDS[i]}\n"
	    "\t\telif [[ -z $command ]]; then\n"
	    "\t\t\tcommand=${COMP_WORDS[i]}\n"
	    "\t\telif [[ $command =~ ^(");
	append_firsts(text, "|");
	buffer_append_text(text,
	    ")$ ]]; then\n"
	    "\t\t\tcommand+=\" ${COMP_WORDS[i]}\"\n"
	    "\t\telse\n"
	    "\t\t\t((count++))\n"
	    "\t\tfi\n"
	    "\tdone\n"
	    "\tif [[ -n $option ]]; then\n"
	    "\t\t_mixportctl_offer \"$values\" \"$word\"\n"
	    "\telif [[ $word == -* ]]; then\n"
	    "\t\t_mixportctl_offer \"$(_mixportctl_options \"$command\" '') "
	    "$(_mixportctl_options common '')\" \"$word\"\n"
	    "\telif ((count == 0)); then\n"
	    "\t\t_mixportctl_offer \"$(_mixportctl_argument \"$command\")\" \"$word\"\n"
	    "\tfi\n"
	    "}\n"
	    "\n"
	    "complete -F _mixportctl mixportctl\n");
}

/* zsh ------------------------------------------------------------------------------------------*/

static void zsh_words(struct buffer *text, const char *words)
{
	if (!words)
		buffer_append_text(text, " ");
	else if (strcmp(words, "@files") == 0)
		buffer_append_text(text, "_files");
	else if (strcmp(words, "@commands") == 0)
		buffer_append_text(text, "_mixportctl_commands");
	else if (words[0] == '@')
		buffer_printf(text, "_mixportctl_ask %s", words + 1);
	else
		buffer_printf(text, "(%s)", words);
}

/* Within single quotes; brackets and colons have a meaning of their own there. */
static void zsh_summary(struct buffer *text, const char *summary)
{
	for (const char *at = summary; *at; at++) {
		if (strchr("[]:", *at))
			buffer_append_text(text, "\\");
		if (*at == '\'')
			buffer_append_text(text, "'\\'");
		buffer_append(text, at, 1);
	}
}

static void zsh_option(struct buffer *text, const struct option_entry *at, bool longer)
{
	char letter[4] = {'-', at->letter, '\0'};
	buffer_printf(text, " \\\n\t\t'%s", at->many ? "*" : "");
	if (at->letter && !at->many)
		buffer_printf(text, "(-%c --%s)", at->letter, at->name);
	buffer_printf(text, "%s%s%s[", longer ? "--" : letter, longer ? at->name : "",
	    at->argument ? (longer ? "=" : "+") : "");
	zsh_summary(text, at->summary);
	buffer_append_text(text, "]");
	if (at->argument) {
		buffer_append_text(text, ":");
		zsh_summary(text, at->argument);
		buffer_append_text(text, ":");
		zsh_words(text, at->words);
	}
	buffer_append_text(text, "'");
}

static void zsh_options(struct buffer *text, const struct option_entry *at)
{
	for (; at && at->name; at++) {
		if (at->letter)
			zsh_option(text, at, false);
		zsh_option(text, at, true);
	}
}

static void zsh_command(struct buffer *text, const struct command *command)
{
	buffer_printf(text, "\t'%s')\n\t\t_arguments -s", command->name);
	zsh_options(text, common_options);
	zsh_options(text, command->options);
	if (command->words) {
		buffer_append_text(text, " \\\n\t\t'1:argument:");
		zsh_words(text, command->words);
		buffer_append_text(text, "'");
	}
	buffer_append_text(text, "\n\t\t;;\n");
}

static void zsh_second_words(struct buffer *text, size_t index)
{
	const char *name = commands[index].name;
	size_t len = strcspn(name, " ");
	if (name[len] == '\0' ||
	    (index > 0 && strncmp(commands[index - 1].name, name, len + 1) == 0))
		return;
	buffer_printf(text, "\t\t\t%.*s) compadd ", (int)len, name);
	command_append_second(text, name, len, " ");
	buffer_append_text(text, " ;;\n");
}

static void append_zsh(struct buffer *text)
{
	buffer_append_text(text, "#compdef mixportctl\n"
				 "# mixportctl completion zsh\n"
				 "\n"
				 "_mixportctl_ask() {\n"
				 "\tlocal kind=$argv[-1] word=$PREFIX\n"
				 "\tif [[ $kind == records ]]; then\n"
				 "\t\tcase $word in\n"
				 "\t\tjob_*) kind=jobs ;;\n"
				 "\t\top_*) kind=operations ;;\n"
				 "\t\t*) kind=connectors ;;\n"
				 "\t\tesac\n"
				 "\tfi\n"
				 "\tlocal -a found\n"
				 "\tfound=(${(f)\"$(" ASK "$kind \"$word\" 2>/dev/null)\"})\n"
				 "\tcompadd \"${(@)argv[1,-2]}\" -a found\n"
				 "}\n"
				 "\n"
				 "_mixportctl_commands() {\n"
				 "\tcompadd \"$@\" ");
	append_names(text, " ");
	buffer_append_text(text, "\n"
				 "}\n"
				 "\n"
				 "_mixportctl() {\n"
				 "\tlocal curcontext=$curcontext state line command\n"
				 "\tlocal -A opt_args\n"
				 "\t_arguments -C -s");
	zsh_options(text, common_options);
	buffer_append_text(text,
	    " \\\n\t\t'1:command:_mixportctl_commands' \\\n\t\t'*::argument:->rest' && return\n"
	    "\t[[ $state == rest ]] || return\n"
	    "\tcommand=$words[1]\n"
	    "\tif [[ $command == (");
	append_firsts(text, "|");
	buffer_append_text(text, ") ]]; then\n"
				 "\t\tif ((CURRENT == 2)); then\n"
				 "\t\t\tcase $command in\n");
	for (size_t i = 0; i < command_count; i++)
		zsh_second_words(text, i);
	buffer_append_text(text, "\t\t\tesac\n"
				 "\t\t\treturn\n"
				 "\t\tfi\n"
				 "\t\tshift words\n"
				 "\t\t((CURRENT--))\n"
				 "\t\tcommand+=\" $words[1]\"\n"
				 "\tfi\n"
				 "\tcase $command in\n");
	for (size_t i = 0; i < command_count; i++)
		if (!(commands[i].flags & COMMAND_HIDDEN))
			zsh_command(text, &commands[i]);
	buffer_append_text(text, "\tesac\n"
				 "}\n"
				 "\n"
				 "if [[ ${funcstack[1]} == _mixportctl ]]; then\n"
				 "\t_mixportctl \"$@\"\n"
				 "else\n"
				 "\tcompdef _mixportctl mixportctl\n"
				 "fi\n");
}

/* fish -----------------------------------------------------------------------------------------*/

static void fish_words(struct buffer *text, const char *words)
{
	if (is_dynamic(words))
		buffer_printf(text, " -a '(__mixportctl_ask %s)'", words + 1);
	else if (words && strcmp(words, "@commands") == 0) {
		buffer_append_text(text, " -a '");
		append_names(text, " ");
		buffer_append_text(text, "'");
	} else if (words && words[0] != '@')
		buffer_printf(text, " -a '%s'", words);
}

static void fish_option(struct buffer *text, const char *name, const struct option_entry *at)
{
	buffer_append_text(text, "complete -c mixportctl");
	if (name)
		buffer_printf(text, " -n \"__mixportctl_is '%s'\"", name);
	if (at->letter)
		buffer_printf(text, " -s %c", at->letter);
	buffer_printf(text, " -l %s", at->name);
	if (at->argument)
		buffer_append_text(
		    text, at->words && strcmp(at->words, "@files") == 0 ? " -r -F" : " -x");
	fish_words(text, at->words);
	buffer_append_text(text, " -d '");
	append_quoted(text, at->summary);
	buffer_append_text(text, "'\n");
}

static void fish_command(struct buffer *text, const struct command *command)
{
	const char *second = strchr(command->name, ' ');
	char first[32];
	snprintf(first, sizeof(first), "%.*s", second ? (int)(second - command->name) : 0,
	    command->name);
	if (second && (command == commands || strncmp(command[-1].name, first, strlen(first)) != 0))
		buffer_printf(
		    text, "complete -c mixportctl -n \"__mixportctl_is_at ''\" -a %s\n", first);
	buffer_printf(text, "complete -c mixportctl -n \"__mixportctl_is_at '%s'\" -a %s -d '",
	    first, second ? second + 1 : command->name);
	append_quoted(text, command->summary);
	buffer_append_text(text, "'\n");
	for (const struct option_entry *at = command->options; at && at->name; at++)
		fish_option(text, command->name, at);
	if (!command->words)
		return;
	buffer_printf(text, "complete -c mixportctl -n \"__mixportctl_is_at '%s'\"", command->name);
	fish_words(text, command->words);
	buffer_append_text(text, "\n");
}

static void append_fish(struct buffer *text)
{
	buffer_append_text(text,
	    "# mixportctl completion fish\n"
	    "\n"
	    "# The words before this one that are neither options nor their values.\n"
	    "function __mixportctl_words\n"
	    "\tset -l skip 0\n"
	    "\tfor word in (commandline -opc)[2..-1]\n"
	    "\t\tif test $skip = 1\n"
	    "\t\t\tset skip 0\n"
	    "\t\telse if contains -- $word ");
	append_valued(text, common_options, " ");
	for (size_t i = 0; i < command_count; i++) {
		if (!commands[i].options)
			continue;
		buffer_append_text(text, " ");
		append_valued(text, commands[i].options, " ");
	}
	buffer_append_text(text,
	    "\n"
	    "\t\t\tset skip 1\n"
	    "\t\telse if not string match -q -- '-*' $word\n"
	    "\t\t\techo $word\n"
	    "\t\tend\n"
	    "\tend\n"
	    "end\n"
	    "\n"
	    "# Whether they begin with this command.\n"
	    "function __mixportctl_is\n"
	    "\tstring match -q -- \"$argv[1] *\" (string join ' ' (__mixportctl_words))' '\n"
	    "end\n"
	    "\n"
	    "# Whether they are this command and nothing else.\n"
	    "function __mixportctl_is_at\n"
	    "\ttest \"$argv[1]\" = (string join ' ' '' (__mixportctl_words) | string trim)\n"
	    "end\n"
	    "\n"
	    "function __mixportctl_ask\n"
	    "\tset -l kind $argv[1]\n"
	    "\tset -l word (commandline -ct)\n"
	    "\tif test $kind = records\n"
	    "\t\tswitch $word\n"
	    "\t\t\tcase 'job_*'\n"
	    "\t\t\t\tset kind jobs\n"
	    "\t\t\tcase 'op_*'\n"
	    "\t\t\t\tset kind operations\n"
	    "\t\t\tcase '*'\n"
	    "\t\t\t\tset kind connectors\n"
	    "\t\tend\n"
	    "\tend\n"
	    "\t" ASK "$kind \"$word\" 2>/dev/null\n"
	    "end\n"
	    "\n"
	    "complete -c mixportctl -f\n");
	for (const struct option_entry *at = common_options; at->name; at++)
		fish_option(text, NULL, at);
	for (size_t i = 0; i < command_count; i++)
		if (!(commands[i].flags & COMMAND_HIDDEN))
			fish_command(text, &commands[i]);
}

enum exit_code run_completion(struct ctl *ctl)
{
	const char *shell = ctl->options->arguments[0];
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, SCRIPT_LIMIT);
	if (strcmp(shell, "bash") == 0)
		append_bash(&text);
	else if (strcmp(shell, "zsh") == 0)
		append_zsh(&text);
	else if (strcmp(shell, "fish") == 0)
		append_fish(&text);
	else
		return complain(
		    EXIT_USAGE, "completion is for bash, zsh or fish, not \"%s\"", shell);
	return output_text(&text);
}

/* Ids ------------------------------------------------------------------------------------------*/

static const struct complete_kind {
	const char *name;
	const char *path;
	const char *member;
	bool looked_up; /* by ?id_prefix= */
} complete_kinds[] = {
    {"connectors", "/v1/connectors", "connector_id", true},
    {"jobs", "/v1/jobs", "job_id", true},
    {"operations", "/v1/operations", "operation_id", true},
    {"projects", "/v1/projects", "project", false},
};

struct complete {
	const struct complete_kind *kind;
	const char *prefix;
};

static enum exit_code offer(struct ctl *ctl, struct span json, void *context)
{
	const struct complete *complete = context;
	struct err err = ERR_INIT;
	json_t *record _cleanup_json_ = NULL;
	(void)ctl;
	if (jsontext_parse(json, 0, &err, &record) < 0)
		return EXIT_REFUSED;
	const char *id = member_text(record, complete->kind->member);
	if (id && strncmp(id, complete->prefix, strlen(complete->prefix)) == 0)
		puts(id);
	return EXIT_DONE;
}

static void complete_ids(const struct options *options, struct complete *complete)
{
	struct options quick = *options;
	struct endpoint endpoint _cleanup_endpoint_ = {.socket = NULL};
	struct ctl ctl = {.options = &quick};
	struct target target _cleanup_target_;
	char prefix[PREFIX_MAXIMUM + 1];
	target_init(&target, complete->kind->path);
	snprintf(prefix, sizeof(prefix), "%s", complete->prefix);
	if (complete->kind->looked_up && strlen(prefix) >= PREFIX_MINIMUM)
		target_parameter(&target, "id_prefix", prefix);
	quick.max_time = COMPLETE_PATIENCE;
	if (endpoint_find(&quick, &endpoint) || link_new(&quick, &endpoint, &ctl.link))
		return;
	(void)listing_each(&ctl, &target, COMPLETE_COUNT, offer, complete);
	link_free(ctl.link);
}

/* Whoever is typing wants neither complaints nor to wait. */
enum exit_code run_complete(struct ctl *ctl)
{
	const struct options *options = ctl->options;
	struct complete complete = {.prefix = options->count > 1 ? options->arguments[1] : ""};
	if (!freopen("/dev/null", "we", stderr))
		return EXIT_DONE;
	for (size_t i = 0; i < ARRAY_SIZE(complete_kinds); i++) {
		if (strcmp(options->arguments[0], complete_kinds[i].name) != 0)
			continue;
		complete.kind = &complete_kinds[i];
		complete_ids(options, &complete);
	}
	return EXIT_DONE;
}
