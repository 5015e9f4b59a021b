/* SPDX-License-Identifier: MIT */
/* Reads an Authorization header and asks the kernel for the peer of a UNIX socket. */
#include "http/auth.h"

#include <errno.h>
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "http/field.h"
#include "util/digest.h"
#include "util/log.h"
#include "util/secret.h"

/* Longest decoded "name:token". */
#define PAIR_LIMIT (AUTH_NAME_LIMIT + 1 + TOKEN_LENGTH_LIMIT)
#define GROUPS_LIMIT 65536

/* Visible ASCII only: anything else never hashes to a token that was made for one. */
static bool is_visible(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7f)
			return false;
	return true;
}

static int set_token(struct span token, struct auth_claim *claim)
{
	if (token.len <= strlen(TOKEN_PREFIX) || token.len > TOKEN_LENGTH_LIMIT ||
	    memcmp(token.ptr, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) != 0 || !is_visible(token))
		return -1;
	memcpy(claim->token, token.ptr, token.len);
	claim->token[token.len] = '\0';
	return 0;
}

static int set_pair(const char *pair, size_t len, struct auth_claim *claim)
{
	const char *colon = memchr(pair, ':', len);
	if (!colon || colon == pair || colon - pair > AUTH_NAME_LIMIT)
		return -1;
	struct span name = {.ptr = pair, .len = (size_t)(colon - pair)};
	if (!is_visible(name))
		return -1;
	memcpy(claim->name, name.ptr, name.len);
	claim->name[name.len] = '\0';
	claim->named = true;
	return set_token((struct span){.ptr = colon + 1, .len = len - name.len - 1}, claim);
}

static int parse_basic(struct span encoded, struct auth_claim *claim)
{
	uint8_t pair[BASE64_DECODE_LENGTH(BASE64_ENCODE_RAW_LENGTH(PAIR_LIMIT))];
	size_t len = sizeof(pair);
	struct base64_decode_ctx decoder;
	if (encoded.len > BASE64_ENCODE_RAW_LENGTH(PAIR_LIMIT) || !is_visible(encoded))
		return -1;
	base64_decode_init(&decoder);
	int result = -1;
	if (base64_decode_update(&decoder, &len, pair, encoded.len, encoded.ptr) &&
	    base64_decode_final(&decoder))
		result = set_pair((const char *)pair, len, claim);
	secret_wipe(pair, sizeof(pair));
	return result;
}

int auth_parse(struct span value, struct auth_claim *ret_claim)
{
	_cleanup_claim_ struct auth_claim claim = {.named = false};
	const char *blank = value.ptr ? memchr(value.ptr, ' ', value.len) : NULL;
	if (!blank)
		return -1;
	struct span scheme = {.ptr = value.ptr, .len = (size_t)(blank - value.ptr)};
	struct span rest = {.ptr = blank, .len = value.len - scheme.len};
	while (rest.len > 0 && rest.ptr[0] == ' ') {
		rest.ptr++;
		rest.len--;
	}
	while (rest.len > 0 && rest.ptr[rest.len - 1] == ' ')
		rest.len--;
	int result = -1;
	if (field_same(scheme, "Bearer"))
		result = set_token(rest, &claim);
	else if (field_same(scheme, "Basic"))
		result = parse_basic(rest, &claim);
	if (result == 0)
		*ret_claim = claim;
	return result;
}

void auth_claim_done(struct auth_claim *claim)
{
	secret_wipe(claim, sizeof(*claim));
}

/* The token that was hashed with this after it. */
static const struct token *find_with(
    const struct tokens *tokens, const struct auth_claim *claim, const char *after)
{
	char text[TOKEN_LENGTH_LIMIT + 3];
	uint8_t digest[DIGEST_SIZE];
	int len = snprintf(text, sizeof(text), "%s%s", claim->token, after);
	digest_sha256(text, (size_t)len, digest);
	secret_wipe(text, sizeof(text));
	return tokens_find(tokens, claim->named ? claim->name : NULL, digest);
}

const struct token *auth_find(const struct tokens *tokens, const struct auth_claim *claim)
{
	return find_with(tokens, claim, "");
}

void auth_explain(struct tokens *tokens, const char *path, const struct auth_claim *claim)
{
	const struct token *token = find_with(tokens, claim, "\n");
	const struct token *other = find_with(tokens, claim, "\r\n");
	token = token ? token : other;
	if (token && tokens_tell_once(tokens, token->name))
		log_warning("the token of client %s in %s was hashed with its line end, so it lets "
			    "nobody in; hash it without: printf %%s TOKEN | sha256sum",
		    token->name, path);
}

int auth_peer_read(int fd, struct auth_peer *ret_peer)
{
	struct ucred ucred;
	socklen_t len = sizeof(ucred);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ucred, &len) < 0)
		return -1;
	_cleanup_free_ gid_t *groups = NULL;
	len = 0;
	/* With too little room the kernel says how much it takes. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) < 0) {
		if (errno != ERANGE || len > GROUPS_LIMIT * sizeof(gid_t))
			return -1;
		groups = malloc(len);
		if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
			return -1;
	}
	*ret_peer = (struct auth_peer){.uid = ucred.uid,
	    .gid = ucred.gid,
	    .groups = TAKE(groups),
	    .group_count = len / sizeof(gid_t)};
	snprintf(ret_peer->name, sizeof(ret_peer->name), "uid:%u", (unsigned)ucred.uid);
	return 0;
}

void auth_peer_done(struct auth_peer *peer)
{
	free(peer->groups);
	*peer = (struct auth_peer){.groups = NULL};
}
