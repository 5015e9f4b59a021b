/* SPDX-License-Identifier: MIT */
/* Any bytes as a credential file: it is refused in words that quote nothing of it, or it is one
 * line of a name, a colon and a secret, and is found again in what repeats it. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/credential.h"
#include "config/scrub.h"
#include "scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No sentence has this, so it comes from the file. */
#define MARK "Qxyz"

static char folder[SCRATCH_SIZE];
static char path[64];
static int place; /* which of its names the credential is asked for by */

static void end(void)
{
	unlink(path);
	rmdir(folder);
}

static void begin(void)
{
	scratch_make(folder);
	snprintf(path, sizeof(path), "%s/name", folder);
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	atexit(end);
}

static void write_credential(const uint8_t *data, size_t size)
{
	FILE *out = fopen(path, "wb");
	if (!out || fwrite(data, 1, size, out) != size || fclose(out) != 0 ||
	    chmod(path, 0600) < 0) {
		perror(path);
		abort();
	}
}

static void check(const struct credential *credential)
{
	const struct secret *pair = credential->pair;
	const char *colon = memchr(pair->data, ':', pair->len);
	assert(colon && colon > pair->data && colon + 1 < pair->data + pair->len);
	assert(pair->len <= SCRUB_PAIR_LIMIT);
	for (size_t i = 0; i < pair->len; i++)
		assert((unsigned char)pair->data[i] >= ' ' && pair->data[i] != 0x7f);
	assert(strlen(credential->fingerprint) == CREDENTIAL_FINGERPRINT_SIZE - 1);
	char *text = malloc(pair->len + 2);
	assert(text);
	text[0] = '<';
	memcpy(text + 1, pair->data, pair->len);
	text[pair->len + 1] = '>';
	assert(credential_found_in(credential, text, pair->len + 2, true));
	/* A secret with asterisks may be found once more in what was blotted out, one with a
	 * bracket across that; and a backslash takes what it escapes along. */
	bool apart = !memchr(pair->data, '*', pair->len) && !memchr(pair->data, '<', pair->len) &&
		     !memchr(pair->data, '>', pair->len) && pair->data[pair->len - 1] != '\\';
	assert(!apart || (text[0] == '<' && text[pair->len + 1] == '>'));
	assert(!memchr(text, ':', pair->len + 2));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct credential *credential = NULL;
	struct err err = ERR_INIT;
	if (!path[0])
		begin();
	write_credential(data, size);
	const char *name = place++ % 2 ? path : "name";
	if (credential_load(name, 5, &err, &credential) < 0) {
		assert(strstr(err.text, path) && !strstr(err.text, MARK));
		return 0;
	}
	check(credential);
	credential_free(credential);
	return 0;
}
