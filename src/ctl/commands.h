/* SPDX-License-Identifier: MIT */
/* Every command and option, in one table: parsing, usage, help, completions and the synopsis of
 * mixportctl(1) come from it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "ctl/exits.h"
#include "util/buffer.h"

struct ctl;

enum option_id {
	OPTION_JSON,
	OPTION_JSONL,
	OPTION_QUIET,
	OPTION_PROJECT,
	OPTION_SOCKET,
	OPTION_URL,
	OPTION_TOKEN_FILE,
	OPTION_COLOR,
	OPTION_MAX_TIME,
	OPTION_WIDE,
	OPTION_VERBOSE,
	OPTION_VERSION,
	OPTION_HELP,
	/* of single commands */
	OPTION_TYPE,
	OPTION_FORMAT,
	OPTION_STATUS,
	OPTION_JOB_STATUS,
	OPTION_LABEL,
	OPTION_KIND,
	OPTION_STATE,
	OPTION_SORT,
	OPTION_HISTORY,
	OPTION_SINCE,
	OPTION_COUNT,
	OPTION_DATA,
	OPTION_FILE,
	OPTION_COMPRESSION,
	OPTION_REGION,
	OPTION_ROLE,
	OPTION_REMAP,
	OPTION_DRY_RUN,
	OPTION_ALLOW_DUPLICATE,
	OPTION_KEY,
	OPTION_YES,
	OPTION_WAIT,
	OPTION_CREATED,
	OPTION_NOT_CREATED,
	OPTION_REASON,
	OPTION_CONNECTOR,
	OPTION_MAX_LIST_AGE,
	OPTION_SCOPE,
	OPTION_CONFIG,
	OPTION_NO_RELOAD,
	OPTION_FOR,
	OPTION_TIMEOUT,
	OPTION_EXEC,
	OPTION_SKIP_FAILURES,
	OPTION_ATTENTION,
};
#define OPTION_ID_COUNT (OPTION_ATTENTION + 1)

/* One option. Invariant: name is there, letter is 0 for none. */
struct option_entry {
	enum option_id id;
	char letter;
	const char *name;
	const char *argument; /* what stands for its value; NULL when it takes none */
	const char *summary;
	const char
	    *words; /* what the value can be, for completions: words, or @files, @projects … */
	bool many;  /* may be given several times */
};

enum command_flags {
	COMMAND_OFFLINE = 1 << 0, /* asks no daemon, or finds one by itself */
	COMMAND_HIDDEN = 1 << 1,  /* for programs only */
	COMMAND_TEXT = 1 << 2,    /* has no records to print as JSON */
	COMMAND_PLUGIN = 1 << 3,  /* for monitoring systems, which take exit statuses their way */
};

/* One command. Lists of options end with an entry without a name. */
struct command {
	const char *name; /* one word, or two with a blank between them */
	const char *arguments;
	const char *summary;
	const struct option_entry *options; /* its own; NULL for none */
	enum exit_code (*run)(struct ctl *ctl);
	size_t least; /* how many arguments it takes */
	size_t most;
	unsigned flags;
	const char *words; /* what its first argument can be, as for options */
};

extern const struct command commands[];
extern const size_t command_count;

/* Those that every command takes. */
extern const struct option_entry common_options[];

/* What runs when no command is named. */
#define DEFAULT_COMMAND "status"

/* The command that these words begin with, and how many of them are its name (1 or 2); NULL when
 * there is none. */
const struct command *command_find(char *const *words, size_t count, size_t *ret_taken);

/* The entry of this name among the command's own options and the common ones; NULL for none. */
const struct option_entry *command_option(const struct command *command, const char *name);

/* The name of the command that was probably meant; NULL when none is like it. */
const char *command_guess(const char *word);

/* Appends the second words of the names that have two, where these len bytes are the first. */
void command_append_second(struct buffer *text, const char *first, size_t len, const char *between);
