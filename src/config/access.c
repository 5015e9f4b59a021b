/* SPDX-License-Identifier: MIT */
/* Parses rules and tokens, and finds the scope that they give to a caller. */
#include "config/access.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/account.h"
#include "util/array.h"
#include "util/file.h"
#include "util/text.h"

#define TOKENS_FILE_LIMIT (1024 * 1024)
#define TOKEN_NAME_LIMIT 64

static const char *const scope_names[] = {
    [SCOPE_NONE] = "none",
    [SCOPE_READ] = "read",
    [SCOPE_MANAGE] = "manage",
    [SCOPE_ADMIN] = "admin",
    NULL,
};

_Static_assert(ARRAY_SIZE(scope_names) == SCOPE_ADMIN + 2, "a scope has no name");

const char *scope_name(enum scope scope)
{
	return scope_names[scope];
}

int scope_parse(const char *name, enum scope *ret_scope)
{
	int found = text_find(scope_names, name);
	if (found < SCOPE_READ)
		return -1;
	*ret_scope = (enum scope)found;
	return 0;
}

/* Users and groups ------------------------------------------------------------------------------*/

static int find_number(const char *name, bool group, uint32_t *ret_number)
{
	uint64_t number;
	struct account user;
	/* The highest number means "no such user" to the kernel. */
	if (text_parse_unsigned(name, 0, UINT32_MAX - 1, &number) == 0) {
		*ret_number = (uint32_t)number;
		return 0;
	}
	if (group)
		return account_find_group(name, ret_number);
	if (account_find_user(name, &user) < 0)
		return -1;
	*ret_number = user.uid;
	return 0;
}

static int add_rule(struct access *access, const struct access_rule *rule)
{
	struct access_rule *rules = array_grow(access->rules, access->count, sizeof(*rules));
	if (!rules)
		return -1;
	access->rules = rules;
	rules[access->count++] = *rule;
	return 0;
}

int access_add(struct access *access, enum scope scope, const char *member, struct err *err)
{
	bool group = member[0] == '@';
	struct access_rule rule = {.scope = scope, .group = group};
	if (find_number(member + group, group, &rule.number) < 0)
		return err_set(
		    err, "this machine has no %s \"%s\"", group ? "group" : "user", member + group);
	return add_rule(access, &rule) < 0 ? err_set(err, "no memory") : 0;
}

int access_replace(
    struct access *access, enum scope scope, const struct access *members, struct err *err)
{
	struct access replaced = {.manage_is_socket_group = access->manage_is_socket_group};
	int r = 0;
	for (size_t i = 0; i < access->count && r == 0; i++)
		if (access->rules[i].scope != scope)
			r = add_rule(&replaced, &access->rules[i]);
	for (size_t i = 0; i < members->count && r == 0; i++)
		if (members->rules[i].scope == scope)
			r = add_rule(&replaced, &members->rules[i]);
	if (r < 0) {
		access_done(&replaced);
		return err_set(err, "no memory");
	}
	access_done(access);
	*access = replaced;
	return 0;
}

void access_append(const struct access *access, enum scope scope, struct buffer *buffer)
{
	bool first = true;
	for (size_t i = 0; i < access->count; i++) {
		if (access->rules[i].scope != scope)
			continue;
		buffer_append_text(buffer, first ? "" : " ");
		if (access->rules[i].group) {
			buffer_append_text(buffer, "@");
			account_append_group(access->rules[i].number, buffer);
		} else {
			account_append_user(access->rules[i].number, buffer);
		}
		first = false;
	}
}

void access_done(struct access *access)
{
	free(access->rules);
	access->rules = NULL;
	access->count = 0;
}

static bool has_group(gid_t wanted, gid_t gid, const gid_t *groups, size_t group_count)
{
	for (size_t i = 0; i < group_count; i++)
		if (groups[i] == wanted)
			return true;
	return gid == wanted;
}

enum scope access_scope(const struct access *access, uid_t uid, gid_t gid, const gid_t *groups,
    size_t group_count, gid_t socket_gid)
{
	enum scope scope = SCOPE_NONE;
	if (uid == geteuid())
		return SCOPE_ADMIN;
	if (access->manage_is_socket_group && has_group(socket_gid, gid, groups, group_count))
		scope = SCOPE_MANAGE;
	for (size_t i = 0; i < access->count; i++) {
		const struct access_rule *rule = &access->rules[i];
		bool applies = rule->group ? has_group(rule->number, gid, groups, group_count)
					   : rule->number == uid;
		if (applies && rule->scope > scope)
			scope = rule->scope;
	}
	return scope;
}

/* Tokens ----------------------------------------------------------------------------------------*/

#define TOKEN_FORM "name:scope:projects:sha256-hex"
#define TOKEN_FIELDS 4

static void token_done(struct token *token)
{
	for (char **project = token->projects; project && *project; project++)
		free(*project);
	free(token->projects);
	free(token->name);
	*token = (struct token){.name = NULL};
}

/* Without a colon, so that none is ever taken for a peer of the UNIX socket, "uid:N": operations
 * and idempotency keys belong to whoever has the name. */
static bool is_token_name(const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-@", name[i]))
			return false;
	return len > 0 && len <= TOKEN_NAME_LIMIT;
}

/* Cuts at the colons. Returns whether there were as many fields as there must be. */
static bool cut_fields(char *line, char *fields[TOKEN_FIELDS])
{
	for (size_t i = 0; i < TOKEN_FIELDS; i++)
		fields[i] = strsep(&line, ":");
	return fields[TOKEN_FIELDS - 1] && !line;
}

/* Returns 0; 1 when a name in the list is empty; -1 without memory. */
static int cut_projects(char *list, char ***ret_projects)
{
	if (*list == '\0' || strcmp(list, "*") == 0)
		return 0;
	size_t count = 1;
	for (const char *c = list; *c; c++)
		count += *c == ',';
	char **projects = calloc(count + 1, sizeof(*projects));
	if (!projects)
		return -1;
	*ret_projects = projects;
	for (size_t i = 0; i < count; i++) {
		const char *name = strsep(&list, ",");
		if (*name == '\0')
			return 1;
		projects[i] = strdup(name);
		if (!projects[i])
			return -1;
	}
	return 0;
}

/* What is wrong with a line, NULL when nothing is. */
static const char *parse_token(char *line, struct token *token)
{
	char *fields[TOKEN_FIELDS];
	if (!cut_fields(line, fields))
		return "must have four fields, " TOKEN_FORM;
	/* Names are told in the log, in answers, and in what is stored. */
	if (strncmp(fields[0], TOKEN_PREFIX, strlen(TOKEN_PREFIX)) == 0 ||
	    strstr(fields[2], TOKEN_PREFIX))
		return "a token must not stand here, only its SHA-256 in the last field";
	if (!is_token_name(fields[0]))
		return "the name (first field) must be 1 to 64 of A-Z a-z 0-9 . _ - @";
	if (scope_parse(fields[1], &token->scope) < 0)
		return "the scope (second field) must be read, manage or admin";
	if (text_unhex(fields[3], token->digest, sizeof(token->digest)) < 0)
		return "the last field must be the SHA-256 of the token, 64 hexadecimal digits; "
		       "printf %s TOKEN | sha256sum tells it";
	token->name = strdup(fields[0]);
	int r = cut_projects(fields[2], &token->projects);
	if (r > 0)
		return "the projects (third field) must be names or ids separated by commas, or *, "
		       "or empty for all";
	return r < 0 || !token->name ? "no memory" : NULL;
}

static const char *add_token(struct tokens *tokens, char *line)
{
	struct token token = {.name = NULL};
	const char *fault = parse_token(line, &token);
	if (!fault && tokens_find(tokens, NULL, token.digest))
		fault = "the same token stands in a line above; each needs one of its own";
	struct token *list = NULL;
	if (!fault) {
		list = array_grow(tokens->tokens, tokens->count, sizeof(*list));
		if (!list)
			fault = "no memory";
	}
	if (fault) {
		token_done(&token);
		return fault;
	}
	tokens->tokens = list;
	list[tokens->count++] = token;
	return NULL;
}

static char *access_trim(char *line)
{
	line += strspn(line, " \t");
	size_t len = strlen(line);
	while (len > 0 && strchr(" \t\r", line[len - 1]))
		len--;
	line[len] = '\0';
	return line;
}

void tokens_load(struct tokens *tokens, const char *path, struct faults *faults)
{
	*tokens = (struct tokens){.count = 0};
	_cleanup_buffer_ struct buffer text;
	buffer_init(&text, TOKENS_FILE_LIMIT);
	struct err err = ERR_INIT;
	int r = file_read(path, &text, &err);
	if (r > 0)
		return;
	if (r < 0 || file_check_trust(path, FILE_TRUST_UNCHANGED, &err) < 0)
		faults_add(faults, path, 0, "%s", err.text);
	else if (text.len > 0 && memchr(text.data, '\0', text.len))
		faults_add(faults, path, 0, "holds a NUL byte; it must be lines of " TOKEN_FORM);
	else if (text.len > 0) {
		unsigned number = 0;
		for (char *rest = text.data + text_mark_length(text.data, text.len); rest;) {
			char *line = access_trim(strsep(&rest, "\n"));
			number++;
			if (*line == '\0' || *line == '#' || *line == ';')
				continue;
			const char *fault = add_token(tokens, line);
			if (fault)
				faults_add(faults, path, number, "%s", fault);
		}
	}
}

void tokens_done(struct tokens *tokens)
{
	for (size_t i = 0; i < tokens->count; i++)
		token_done(&tokens->tokens[i]);
	free(tokens->tokens);
	*tokens = (struct tokens){.count = 0};
}

/* Always through the whole list: how long it takes tells nothing about which one it was. */
const struct token *tokens_find(
    const struct tokens *tokens, const char *name, const uint8_t digest[DIGEST_SIZE])
{
	const struct token *found = NULL;
	for (size_t i = 0; i < tokens->count; i++) {
		const struct token *token = &tokens->tokens[i];
		bool same = digest_same(token->digest, digest);
		if (same && (!name || strcmp(token->name, name) == 0))
			found = token;
	}
	return found;
}

bool tokens_tell_once(struct tokens *tokens, const char *name)
{
	for (size_t i = 0; i < tokens->count; i++)
		if (strcmp(tokens->tokens[i].name, name) == 0)
			return !atomic_exchange(&tokens->tokens[i].told, true);
	return false;
}

bool token_same_rights(const struct token *a, const struct token *b)
{
	if (a->scope != b->scope || !a->projects != !b->projects)
		return false;
	char *const *left = a->projects, *const *right = b->projects;
	while (left && *left && *right && strcmp(*left, *right) == 0) {
		left++;
		right++;
	}
	return !left || (!*left && !*right);
}

bool token_allows_project(const struct token *token, const char *name, int64_t project_id)
{
	if (!token->projects)
		return true;
	for (char **project = token->projects; *project; project++) {
		uint64_t id;
		if (strcmp(*project, name) == 0)
			return true;
		if (text_parse_unsigned(*project, 1, INT64_MAX, &id) == 0 &&
		    (int64_t)id == project_id)
			return true;
	}
	return false;
}
