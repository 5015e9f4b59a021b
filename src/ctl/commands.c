/* SPDX-License-Identifier: MIT */
/* The table of commands. */
#include "ctl/commands.h"

#include <string.h>

#include "ctl/handlers.h"
#include "util/cleanup.h"

#define FORMATS "mixpanel_event mixpanel_people mixpanel_group remap_event remap_people remap_group"
#define EVENT_TYPES "job.* connector.* operation.* attention.* upstream.changed history.* daemon.*"
#define JOB_STATUSES "queued running paused succeeded failed cancelled unknown"

const struct option_entry common_options[] = {
    {OPTION_JSON, 'j', "json", NULL, "one JSON document: a record, or an array of records", NULL,
	false},
    {OPTION_JSONL, 0, "jsonl", NULL, "a record of JSON on each line", NULL, false},
    {OPTION_QUIET, 'q', "quiet", NULL, "ids only, or nothing", NULL, false},
    {OPTION_PROJECT, 'p', "project", "PROJECT", "of this project only, by name or number",
	"@projects", false},
    {OPTION_SOCKET, 0, "socket", "PATH", "ask on this UNIX socket", "@files", false},
    {OPTION_URL, 0, "url", "URL", "ask over TCP: http://127.0.0.1:6973", NULL, false},
    {OPTION_TOKEN_FILE, 0, "token-file", "FILE", "the token for TCP", "@files", false},
    {OPTION_COLOR, 0, "color", "WHEN", "auto, always or never", "auto always never", false},
    {OPTION_MAX_TIME, 0, "max-time", "DURATION", "for one answer; 75s unless said", NULL, false},
    {OPTION_WIDE, 0, "wide", NULL, "whole ids and times, and nothing cut, on a terminal too", NULL,
	false},
    {OPTION_VERBOSE, 'v', "verbose", NULL, "the requests, on standard error", NULL, false},
    {OPTION_VERSION, 0, "version", NULL, "the version, and nothing else", NULL, false},
    {OPTION_HELP, 'h', "help", NULL, "what the command does and takes", NULL, false},
    {.name = NULL},
};

static const struct option_entry list_options[] = {
    {OPTION_TYPE, 0, "type", "TYPE", "of this connector_type", "gcsImport s3Import", false},
    {OPTION_FORMAT, 0, "format", "FORMAT", "of this data_format", FORMATS, false},
    {OPTION_STATUS, 0, "status", "STATUS", "what Mixpanel says of it: active, stopped, paused",
	"active stopped paused", false},
    {OPTION_JOB_STATUS, 0, "job-status", "STATUS", "the status of its newest job", JOB_STATUSES,
	false},
    {OPTION_LABEL, 0, "label", "LABEL", "with exactly this label", NULL, false},
    {OPTION_ATTENTION, 0, "attention", "WHICH", "any, none, warning, critical, or a code",
	"any none warning critical", false},
    {OPTION_KIND, 0, "kind", "KIND", "of this kind of import", "cloud_import", false},
    {OPTION_STATE, 0, "state", "STATE", "present (unless said), deleted or all",
	"present deleted all", false},
    {OPTION_SORT, 0, "sort", "ORDER", "created_at (unless said) or -created_at, newest first",
	"created_at -created_at", false},
    {.name = NULL},
};

static const struct option_entry show_options[] = {
    {OPTION_HISTORY, 0, "history", NULL, "of a job: what it was each time that it differed", NULL,
	false},
    {.name = NULL},
};

static const struct option_entry jobs_options[] = {
    {OPTION_STATUS, 0, "status", "STATUS[,STATUS...]", "with one of these", JOB_STATUSES, false},
    {OPTION_SINCE, 0, "since", "TIME", "a time, a day, or how long ago: 2d", NULL, false},
    {OPTION_COUNT, 'n', "count", "N", "so many at most; 20 unless said", NULL, false},
    {.name = NULL},
};

static const struct option_entry operations_options[] = {
    {OPTION_STATE, 0, "state", "STATE", "in this state",
	"planned sending succeeded rejected unreachable unknown", false},
    {OPTION_KIND, 0, "kind", "KIND", "of this kind", "create delete", false},
    {.name = NULL},
};

static const struct option_entry create_options[] = {
    {OPTION_FORMAT, 0, "format", "FORMAT", "the data_format", FORMATS, false},
    {OPTION_COMPRESSION, 0, "compression", "COMPRESSION", "none or gzip", "none gzip", false},
    {OPTION_LABEL, 0, "label", "LABEL", "a name for people", NULL, false},
    {OPTION_REGION, 0, "region", "REGION", "of the bucket; s3:// needs it", NULL, false},
    {OPTION_ROLE, 0, "role", "ARN", "that Mixpanel takes on for s3://, which needs it", NULL,
	false},
    {OPTION_REMAP, 0, "remap", "KEY=PROPERTY", "for the remap formats, such as time=ts", NULL,
	true},
    {OPTION_FILE, 0, "file", "FILE|-", "the API's body instead, from a file or standard input",
	"@files", false},
    {OPTION_DRY_RUN, 0, "dry-run", NULL, "only say whether it would be accepted", NULL, false},
    {OPTION_ALLOW_DUPLICATE, 0, "allow-duplicate", NULL, "also when another one imports the same",
	NULL, false},
    {OPTION_KEY, 0, "key", "KEY", "the idempotency key; a new one unless said", NULL, false},
    {OPTION_WAIT, 0, "wait", NULL, "for its first job to end", NULL, false},
    {.name = NULL},
};

static const struct option_entry delete_options[] = {
    {OPTION_YES, 'y', "yes", NULL, "do not ask first", NULL, false},
    {.name = NULL},
};

static const struct option_entry refresh_options[] = {
    {OPTION_WAIT, 0, "wait", "DURATION", "until it is done, for so long at most", NULL, false},
    {.name = NULL},
};

static const struct option_entry resolve_options[] = {
    {OPTION_CREATED, 0, "created", "REF", "it has created this connector", "@connectors", false},
    {OPTION_NOT_CREATED, 0, "not-created", NULL, "it has created nothing", NULL, false},
    {OPTION_REASON, 0, "reason", "TEXT", "how that became known", NULL, false},
    {.name = NULL},
};

static const struct option_entry wait_options[] = {
    {OPTION_FOR, 0, "for", "GOAL", "done (unless said), success or changed", "done success changed",
	false},
    {OPTION_TIMEOUT, 0, "timeout", "DURATION", "how long at most; for ever unless said", NULL,
	false},
    {.name = NULL},
};

static const struct option_entry watch_options[] = {
    {OPTION_TYPE, 0, "type", "TYPE[,TYPE...]", "of these types; job.* is all of a kind",
	EVENT_TYPES, false},
    {OPTION_SINCE, 0, "since", "WHEN", "oldest, now (unless said), how long ago, or an id",
	"oldest now", false},
    {OPTION_STATE, 0, "state", "FILE", "keeps the position, for the next time", "@files", false},
    {OPTION_EXEC, 0, "exec", "PROGRAM", "is run for each event, with it on standard input",
	"@files", false},
    {OPTION_SKIP_FAILURES, 0, "skip-failures", NULL, "go on when the program fails", NULL, false},
    {.name = NULL},
};

static const struct option_entry check_options[] = {
    {OPTION_CONNECTOR, 0, "connector", "REF", "this connector, too", "@connectors", false},
    {OPTION_MAX_LIST_AGE, 0, "max-list-age", "DURATION", "how old a list may be; 15m unless said",
	NULL, false},
    {.name = NULL},
};

static const struct option_entry token_new_options[] = {
    {OPTION_SCOPE, 0, "scope", "SCOPE", "read, manage or admin", "read manage admin", false},
    {OPTION_FILE, 0, "file", "FILE", "the tokens file, instead of the configured one", "@files",
	false},
    {OPTION_CONFIG, 'c', "config", "CONFIG", "the daemon's configuration", "@files", false},
    {OPTION_NO_RELOAD, 0, "no-reload", NULL, "do not tell the daemon", NULL, false},
    {.name = NULL},
};

static const struct option_entry token_list_options[] = {
    {OPTION_FILE, 0, "file", "FILE", "the tokens file, instead of the configured one", "@files",
	false},
    {OPTION_CONFIG, 'c', "config", "CONFIG", "the daemon's configuration", "@files", false},
    {.name = NULL},
};

static const struct option_entry token_revoke_options[] = {
    {OPTION_FILE, 0, "file", "FILE", "the tokens file, instead of the configured one", "@files",
	false},
    {OPTION_CONFIG, 'c', "config", "CONFIG", "the daemon's configuration", "@files", false},
    {OPTION_NO_RELOAD, 0, "no-reload", NULL, "do not tell the daemon", NULL, false},
    {.name = NULL},
};

static const struct option_entry api_options[] = {
    {OPTION_DATA, 'd', "data", "BODY|@FILE|-", "the body; POST unless a method is named", NULL,
	false},
    {.name = NULL},
};

const struct command commands[] = {
    {"status", "", "one screen: the daemon, its projects, what runs", NULL, run_status, 0, 0, 0,
	NULL},
    {"projects", "", "the projects, and how their Mixpanel does", NULL, run_projects, 0, 0, 0,
	NULL},
    {"list", "", "the connectors", list_options, run_list, 0, 0, 0, NULL},
    {"show", "REF|JOB|OP", "one connector, job or operation", show_options, run_show, 1, 1, 0,
	"@records"},
    {"create", "[gs://BUCKET/PREFIX|s3://BUCKET/PREFIX]", "a new connector", create_options,
	run_create, 0, 1, 0, NULL},
    {"delete", "REF", "a connector, after asking", delete_options, run_delete, 1, 1, 0,
	"@connectors"},
    {"refresh", "[REF]", "read a connector, or whole projects, from Mixpanel now", refresh_options,
	run_refresh, 0, 1, 0, "@connectors"},
    {"jobs", "[REF]", "jobs, newest first", jobs_options, run_jobs, 0, 1, 0, "@connectors"},
    {"wait", "REF|JOB|OP", "until it is over, with a progress bar", wait_options, run_wait, 1, 1, 0,
	"@records"},
    {"watch", "[REF]", "follow what happens", watch_options, run_watch, 0, 1, 0, "@connectors"},
    {"attention", "", "what needs attention, worst first, and what to do", NULL, run_attention, 0,
	0, 0, NULL},
    {"operations", "", "creates and deletes that were asked for, newest first", operations_options,
	run_operations, 0, 0, 0, NULL},
    {"resolve", "OP", "say what became of an operation that nobody else can tell", resolve_options,
	run_resolve, 1, 1, 0, "@operations"},
    {"health", "", "what the daemon says of itself", NULL, run_health, 0, 0, 0, NULL},
    {"check", "", "a plugin for monitoring systems: 0 ok, 1 warning, 2 critical, 3 unknown",
	check_options, run_check, 0, 0, COMMAND_TEXT | COMMAND_PLUGIN, NULL},
    {"doctor", "", "what is wrong here, and what to type", NULL, run_doctor, 0, 0,
	COMMAND_OFFLINE | COMMAND_TEXT, NULL},
    {"token new", "NAME", "a new token for callers over TCP, shown once", token_new_options,
	run_token_new, 1, 1, COMMAND_OFFLINE | COMMAND_TEXT, NULL},
    {"token list", "", "the tokens there are", token_list_options, run_token_list, 0, 0,
	COMMAND_OFFLINE, NULL},
    {"token revoke", "NAME", "take a token's rights away", token_revoke_options, run_token_revoke,
	1, 1, COMMAND_OFFLINE | COMMAND_TEXT, NULL},
    {"reload", "", "have the daemon read its configuration, credentials and tokens again", NULL,
	run_reload, 0, 0, 0, NULL},
    {"api", "[METHOD] PATH", "any call of the API; its answer as it comes", api_options, run_api, 1,
	2, 0, NULL},
    {"completion", "bash|zsh|fish", "a script for completions in this shell", NULL, run_completion,
	1, 1, COMMAND_OFFLINE | COMMAND_TEXT, "bash zsh fish"},
    {"__complete", "connectors|jobs|operations|projects [PREFIX]", "ids, for completions", NULL,
	run_complete, 1, 2, COMMAND_OFFLINE | COMMAND_HIDDEN | COMMAND_TEXT, NULL},
    {"help", "[COMMAND]", "what a command does and takes", NULL, run_help, 0, 2,
	COMMAND_OFFLINE | COMMAND_TEXT, "@commands"},
};

const size_t command_count = ARRAY_SIZE(commands);

/* The number of words of the name that these begin with; 0 when they begin with something else. */
static size_t words_of(const struct command *command, char *const *words, size_t count)
{
	size_t len = strcspn(command->name, " ");
	if (strlen(words[0]) != len || strncmp(words[0], command->name, len) != 0)
		return 0;
	if (command->name[len] == '\0')
		return 1;
	return count > 1 && strcmp(command->name + len + 1, words[1]) == 0 ? 2 : 0;
}

const struct command *command_find(char *const *words, size_t count, size_t *ret_taken)
{
	for (size_t i = 0; i < command_count && count > 0; i++) {
		size_t taken = words_of(&commands[i], words, count);
		if (taken == 0)
			continue;
		*ret_taken = taken;
		return &commands[i];
	}
	return NULL;
}

static const struct option_entry *find_option(const struct option_entry *entry, const char *name)
{
	for (; entry && entry->name; entry++)
		if (strncmp(entry->name, name, strcspn(name, "=")) == 0 &&
		    strlen(entry->name) == strcspn(name, "="))
			return entry;
	return NULL;
}

const struct option_entry *command_option(const struct command *command, const char *name)
{
	const struct option_entry *own = command ? find_option(command->options, name) : NULL;
	return own ? own : find_option(common_options, name);
}

#define GUESS_LENGTH 16

/* How many letters must be changed, left out, put in or exchanged with the next one to make one
 * word of the other; GUESS_LENGTH for words that are too long to be a command. */
static size_t distance(const char *a, const char *b)
{
	size_t table[GUESS_LENGTH + 1][GUESS_LENGTH + 1];
	size_t a_len = strlen(a);
	size_t b_len = strlen(b);
	if (a_len > GUESS_LENGTH || b_len > GUESS_LENGTH)
		return GUESS_LENGTH;
	for (size_t i = 0; i <= a_len; i++)
		for (size_t j = 0; j <= b_len; j++) {
			if (i == 0 || j == 0) {
				table[i][j] = i + j;
				continue;
			}
			size_t best = table[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (table[i - 1][j] + 1 < best)
				best = table[i - 1][j] + 1;
			if (table[i][j - 1] + 1 < best)
				best = table[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    table[i - 2][j - 2] + 1 < best)
				best = table[i - 2][j - 2] + 1;
			table[i][j] = best;
		}
	return table[a_len][b_len];
}

const char *command_guess(const char *word)
{
	const char *guess = NULL;
	size_t best = strlen(word) > 4 ? 3 : 2; /* what is not nearer is something else */
	for (size_t i = 0; i < command_count; i++) {
		if (commands[i].flags & COMMAND_HIDDEN)
			continue;
		size_t found = distance(word, commands[i].name);
		if (found < best) {
			best = found;
			guess = commands[i].name;
		}
	}
	return guess;
}

void command_append_second(struct buffer *text, const char *first, size_t len, const char *between)
{
	bool any = false;
	for (size_t i = 0; i < command_count; i++) {
		const char *name = commands[i].name;
		if (strncmp(name, first, len) != 0 || name[len] != ' ')
			continue;
		buffer_printf(text, "%s%s", any ? between : "", name + len + 1);
		any = true;
	}
}
