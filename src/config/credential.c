/* SPDX-License-Identifier: MIT */
/* Reads a credential from a file that nobody else may read, and fingerprints it. */
#include "config/credential.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/scrub.h"
#include "util/digest.h"
#include "util/file.h"
#include "util/text.h"

/* Where a name is looked up unless systemd hands the credentials over. */
#define CREDENTIALS_FOLDER "/etc/mixportd/credentials"

static void wipe_buffer(struct buffer *buffer)
{
	if (buffer->data)
		secret_wipe(buffer->data, buffer->size);
	buffer_done(buffer);
}

static int find_path(const char *name_or_path, struct buffer *path, struct err *err)
{
	if (strchr(name_or_path, '/'))
		return buffer_append_text(path, name_or_path) < 0 ? err_set(err, "no memory") : 0;
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	if (!folder || *folder == '\0')
		folder = CREDENTIALS_FOLDER;
	return buffer_printf(path, "%s/%s", folder, name_or_path) < 0 ? err_set(err, "no memory")
								      : 0;
}

/* One line, without its end and what an editor put before it. */
static int trim_line(const char *path, struct buffer *line, struct err *err)
{
	size_t mark = line->len > 0 ? text_mark_length(line->data, line->len) : 0;
	if (mark > 0) {
		line->len -= mark;
		memmove(line->data, line->data + mark, line->len);
	}
	if (line->len > 0 && line->data[line->len - 1] == '\n')
		line->len--;
	if (line->len > 0 && line->data[line->len - 1] == '\r')
		line->len--;
	if (line->len == 0)
		return err_set(err, "%s is empty; it must hold one line, username:secret", path);
	line->data[line->len] = '\0';
	return 0;
}

static int read_pair(const char *path, struct buffer *line, struct err *err)
{
	/* All of it at once, so that growing leaves no copy behind. */
	if (buffer_reserve(line, SCRUB_PAIR_LIMIT) < 0)
		return err_set(err, "no memory to read %s", path);
	int r = file_read(path, line, err);
	if (r > 0)
		return err_set(
		    err, "%s does not exist; it must hold one line, username:secret", path);
	if (r < 0 || file_check_trust(path, FILE_TRUST_SECRET, err) < 0 ||
	    trim_line(path, line, err) < 0)
		return -1;
	/* The sentences name the file and never a byte of what is in it. */
	for (size_t i = 0; i < line->len; i++) {
		unsigned char c = (unsigned char)line->data[i];
		if (c == '\n')
			return err_set(err,
			    "%s holds more than one line; it must hold one, username:secret", path);
		if (c < ' ' || c == 0x7f)
			return err_set(err,
			    "%s holds a control character; it must hold one line of text, "
			    "username:secret",
			    path);
	}
	if (line->data[0] == ' ' || line->data[line->len - 1] == ' ')
		return err_set(err,
		    "%s begins or ends with a blank; it must hold one line, username:secret, and "
		    "nothing around it",
		    path);
	const char *colon = memchr(line->data, ':', line->len);
	if (!colon)
		return err_set(
		    err, "%s has no colon; it must hold one line, username:secret", path);
	if (colon == line->data || colon + 1 == line->data + line->len)
		return err_set(err, "%s lacks the %s; it must hold one line, username:secret", path,
		    colon == line->data ? "username" : "secret");
	return 0;
}

int credential_load(
    const char *name_or_path, int64_t now, struct err *err, struct credential **ret_credential)
{
	_cleanup_buffer_ struct buffer path;
	buffer_init(&path, SCRUB_PAIR_LIMIT);
	_cleanup_(wipe_buffer) struct buffer line;
	buffer_init(&line, SCRUB_PAIR_LIMIT);
	if (find_path(name_or_path, &path, err) < 0 ||
	    read_pair(buffer_text(&path), &line, err) < 0)
		return -1;
	struct credential *credential = calloc(1, sizeof(*credential));
	if (!credential)
		return err_set(err, "no memory for %s", buffer_text(&path));
	if (secret_new(line.data, line.len, err, &credential->pair) < 0) {
		credential_free(credential);
		return err_wrap(err, "%s", buffer_text(&path));
	}
	char digest[DIGEST_HEX_SIZE];
	digest_sha256_hex(line.data, line.len, digest);
	snprintf(credential->fingerprint, sizeof(credential->fingerprint), "%.16s", digest);
	credential->loaded_at = now;
	*ret_credential = credential;
	return 0;
}

bool credential_found_in(
    const struct credential *credential, char *data, size_t len, bool overwrite)
{
	return scrub(credential->pair, data, len, overwrite);
}

struct credential *credential_free(struct credential *credential)
{
	if (credential) {
		secret_free(credential->pair);
		free(credential);
	}
	return NULL;
}
