/* SPDX-License-Identifier: MIT */
/* An Authorization header, on the first line, against a tokens file, the rest: whoever is let in
 * has sent the token of a line of the file, and no fault quotes a token. A $ in the file stands for
 * the SHA-256 of the token that the header claims, a ^ for that of the token and the end of its
 * line. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/access.h"
#include "http/auth.h"
#include "scratch.h"
#include "util/buffer.h"
#include "util/log.h"
#include "util/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_LIMIT 16384
/* A token in clear where a hash belongs is quoted by no fault. */
#define MARK "mxp_Quoted"

static char folder[SCRATCH_SIZE];
static char path[64];
static int file = -1;

static void end(void)
{
	unlink(path);
	rmdir(folder);
	close(file);
}

static void begin(void)
{
	scratch_make(folder);
	snprintf(path, sizeof(path), "%s/tokens", folder);
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0)
		abort();
	log_set_level(LOG_LEVEL_ERROR);
	atexit(end);
}

static void hash_of_claim(const struct auth_claim *claim, const char *after, char *ret_hex)
{
	char text[TOKEN_LENGTH_LIMIT + 3];
	int len = snprintf(text, sizeof(text), "%s%s", claim->token, after);
	digest_sha256_hex(text, (size_t)len, ret_hex);
}

static void write_tokens(struct span text, const struct auth_claim *claim)
{
	char hex[DIGEST_HEX_SIZE], hex_with_end[DIGEST_HEX_SIZE];
	_cleanup_buffer_ struct buffer bytes;
	buffer_init(&bytes, (size_t)INPUT_LIMIT * DIGEST_HEX_SIZE);
	hash_of_claim(claim, "", hex);
	hash_of_claim(claim, "\n", hex_with_end);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '$')
			buffer_append_text(&bytes, hex);
		else if (text.ptr[i] == '^')
			buffer_append_text(&bytes, hex_with_end);
		else
			buffer_append(&bytes, text.ptr + i, 1);
	}
	if (ftruncate(file, 0) < 0 ||
	    pwrite(file, buffer_text(&bytes), bytes.len, 0) != (ssize_t)bytes.len)
		abort();
}

static void check_token(const struct token *token)
{
	assert(token->name[0] && !strchr(token->name, ':'));
	assert(token->scope >= SCOPE_READ && token->scope <= SCOPE_ADMIN);
	bool sees = token_allows_project(token, "demo", 123);
	assert(sees || token->projects);
	for (char **project = token->projects; project && *project; project++)
		assert(**project && token_allows_project(token, *project, 0));
}

static void check_found(const struct tokens *tokens, const struct auth_claim *claim)
{
	char hex[DIGEST_HEX_SIZE], wanted[DIGEST_HEX_SIZE];
	const struct token *token = auth_find(tokens, claim);
	hash_of_claim(claim, "", wanted);
	bool there = false;
	for (size_t i = 0; i < tokens->count; i++) {
		text_hex(tokens->tokens[i].digest, DIGEST_SIZE, hex);
		there |= strcmp(hex, wanted) == 0 &&
			 (!claim->named || strcmp(claim->name, tokens->tokens[i].name) == 0);
	}
	assert((token != NULL) == there);
	if (!token)
		return;
	text_hex(token->digest, DIGEST_SIZE, hex);
	assert(strcmp(hex, wanted) == 0);
	assert(!claim->named || strcmp(claim->name, token->name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *line_end = size > 0 ? memchr(text, '\n', size) : NULL;
	if (!line_end || size > INPUT_LIMIT)
		return 0;
	if (file < 0)
		begin();
	struct span header = {.ptr = text, .len = (size_t)(line_end - text)};
	struct span rest = {.ptr = line_end + 1, .len = size - header.len - 1};
	_cleanup_claim_ struct auth_claim claim = {.named = false};
	bool claimed = auth_parse(header, &claim) == 0;
	assert(!claimed || strncmp(claim.token, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) == 0);
	write_tokens(rest, &claim);
	_cleanup_faults_ struct faults faults;
	faults_init(&faults);
	struct tokens tokens;
	tokens_load(&tokens, path, &faults);
	assert((faults.count == 0) == (faults.lines.len == 0));
	assert(!strstr(buffer_text(&faults.lines), MARK));
	assert(text_is_utf8(buffer_text(&faults.lines), faults.lines.len));
	for (size_t i = 0; i < tokens.count; i++)
		check_token(&tokens.tokens[i]);
	if (claimed) {
		check_found(&tokens, &claim);
		auth_explain(&tokens, path, &claim);
	}
	tokens_done(&tokens);
	return 0;
}
