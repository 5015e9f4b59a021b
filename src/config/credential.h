/* SPDX-License-Identifier: MIT */
/* The service accounts: one line, username:secret, in a file of its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"
#include "util/secret.h"

#define CREDENTIAL_FINGERPRINT_SIZE 17

/* Invariant: pair holds "username:secret", both parts non-empty. fingerprint tells two credentials
 * apart without telling them: the first 16 hexadecimal digits of the SHA-256 of the pair. */
struct credential {
	struct secret *pair;
	char fingerprint[CREDENTIAL_FINGERPRINT_SIZE];
	int64_t loaded_at; /* wall clock */
};

/* Reads a credential. A name without a slash is looked up in $CREDENTIALS_DIRECTORY or, when that
 * is not set, in /etc/mixportd/credentials; anything else is a path. The file must pass
 * file_check_trust(…, FILE_TRUST_SECRET). Returns 0, or -1 with the file and what is wrong, never
 * with a part of the secret. */
int credential_load(
    const char *name_or_path, int64_t now, struct err *err, struct credential **ret_credential);

/* Whether data, an answer or an error text, repeats any of the credential; as scrub. */
bool credential_found_in(
    const struct credential *credential, char *data, size_t len, bool overwrite);

/* Wipes and frees; takes NULL; returns NULL. */
struct credential *credential_free(struct credential *credential);
