/* SPDX-License-Identifier: MIT */
/* Who calls: what an Authorization header claims, and who is at the other end of a UNIX socket. */
#pragma once

#include <sys/types.h>

#include "config/access.h"
#include "util/text.h"

#define AUTH_NAME_LIMIT 128

/* Who calls; a value carried by the request. */
struct caller {
	enum scope scope;
	const char *name;          /* a token's name, or "uid:N"; lives as long as the request */
	const struct token *token; /* NULL for a socket peer; belongs to the request's config */
};

/* Whether the caller may see some of the projects only. */
static inline bool caller_is_limited(const struct caller *caller)
{
	return caller->token && caller->token->projects;
}

/* What a client claims; a secret, to be wiped with auth_claim_done. */
struct auth_claim {
	bool named; /* Basic: the name counts */
	char name[AUTH_NAME_LIMIT + 1];
	char token[TOKEN_LENGTH_LIMIT + 1];
};

/* Reads "Bearer TOKEN" or "Basic base64(name:TOKEN)". Pure. Returns 0, or -1 for anything else, a
 * token without TOKEN_PREFIX included. */
int auth_parse(struct span value, struct auth_claim *ret_claim);

/* Overwrites the claim. */
void auth_claim_done(struct auth_claim *claim);
#define _cleanup_claim_ _cleanup_(auth_claim_done)

/* The token that the claim is good for, compared in constant time; NULL when there is none. */
const struct token *auth_find(const struct tokens *tokens, const struct auth_claim *claim);

/* Logs why a claim that looks good is good for nothing, once for each client's name and set of
 * tokens: its token was hashed together with the end of its line (echo instead of printf). path is
 * that of the tokens. Takes the same time whether it was or not, but for the line in the log. */
void auth_explain(struct tokens *tokens, const char *path, const struct auth_claim *claim);

/* The process at the other end of a UNIX socket, as it was when it connected. */
struct auth_peer {
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t group_count;
	char name[24]; /* "uid:N" */
};

/* Asks the kernel. Returns 0, or -1 (nothing is to be freed then). */
int auth_peer_read(int fd, struct auth_peer *ret_peer);

/* Frees the groups; takes a zeroed one. */
void auth_peer_done(struct auth_peer *peer);
