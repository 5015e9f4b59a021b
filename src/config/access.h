/* SPDX-License-Identifier: MIT */
/* Who may call: scopes, the [access] rules for UNIX socket peers, and the tokens for TCP. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/faults.h"
#include "util/digest.h"
#include "util/err.h"

/* Each scope includes the ones before it. */
enum scope { SCOPE_NONE, SCOPE_READ, SCOPE_MANAGE, SCOPE_ADMIN };

/* "none", "read", "manage", "admin". */
const char *scope_name(enum scope scope);

/* Finds "read", "manage" or "admin". Returns 0, or -1. */
int scope_parse(const char *name, enum scope *ret_scope);

/* One user or group that [access] gives a scope to. */
struct access_rule {
	enum scope scope;
	bool group;
	uint32_t number; /* uid or gid */
};

/* The [access] section. The default (no section, or a key absent): root is admin; the daemon's own
 * uid always is; the socket's own group manages unless `manage` is given. */
struct access {
	struct access_rule *rules;
	size_t count;
	bool manage_is_socket_group;
};

/* Gives a scope to one user or "@group", by name or number. Returns 0, or -1 when this machine has
 * none of that name. */
int access_add(struct access *access, enum scope scope, const char *member, struct err *err);

/* Gives a scope to those who have it in `members`, and takes it from everybody else. Returns 0, or
 * -1 with nothing changed. */
int access_replace(
    struct access *access, enum scope scope, const struct access *members, struct err *err);

/* Appends who has been given a scope, in a form that access_add takes, separated by blanks. */
void access_append(const struct access *access, enum scope scope, struct buffer *buffer);

/* Frees the rules. */
void access_done(struct access *access);

/* The scope of a peer. groups are its supplementary groups, gid its primary one; socket_gid is the
 * group of the socket it came through. */
enum scope access_scope(const struct access *access, uid_t uid, gid_t gid, const gid_t *groups,
    size_t group_count, gid_t socket_gid);

#define TOKEN_PREFIX "mxp_"
#define TOKEN_LENGTH_LIMIT 256

/* One line of the tokens file: name:scope:projects:sha256-hex. projects is a comma-separated list
 * of section names or project ids, empty or * for all. */
struct token {
	char *name;
	enum scope scope;
	char **projects; /* NULL-terminated; NULL for all */
	uint8_t digest[DIGEST_SIZE];
	atomic_bool told; /* what is wrong with the tokens of this name; of the first one only */
};

/* The tokens file, read once. */
struct tokens {
	struct token *tokens;
	size_t count;
};

/* Reads the file; an absent one is an empty set. It must pass FILE_TRUST_UNCHANGED. Blank lines and
 * those that start with "#" or ";" are comments. Faults go to faults, with their line, and quote no
 * part of it: a token in clear may stand where its hash belongs. */
void tokens_load(struct tokens *tokens, const char *path, struct faults *faults);

/* Frees the tokens. */
void tokens_done(struct tokens *tokens);

/* The token of this name, or of any when it is NULL, with this digest (SHA-256 of the token as the
 * client sends it), compared in constant time against all of them; NULL when there is none. */
const struct token *tokens_find(
    const struct tokens *tokens, const char *name, const uint8_t digest[DIGEST_SIZE]);

/* Whether to log something about the tokens of this name: true once for each set of tokens. Any
 * thread. */
bool tokens_tell_once(struct tokens *tokens, const char *name);

/* Whether two tokens give the same scope to the same projects. */
bool token_same_rights(const struct token *a, const struct token *b);

/* Whether the token may see the project. */
bool token_allows_project(const struct token *token, const char *name, int64_t project_id);
