/* SPDX-License-Identifier: MIT */
/* Any configuration text: it is refused with at least one fault, or what is dumped of it loads
 * again and is dumped the same. Then as a file, with what it names beside it: "@/" stands for a
 * folder in which there are the credential "good" and "loose", a tokens file and a certificate. */
#include <assert.h>
#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/schema.h"
#include "scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *dump(const struct config *config)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		abort();
	config_dump(config, out);
	fclose(out);
	return text;
}

static struct config *load(struct span text)
{
	_cleanup_faults_ struct faults faults;
	faults_init(&faults);
	struct config *config = NULL;
	int r = config_parse_text("fuzz", text, &faults, &config);
	assert((r == 0) == (config != NULL));
	assert((r == 0) == (faults.count == 0));
	assert((r == 0) == (faults.lines.len == 0));
	return config;
}

static char folder[SCRATCH_SIZE];
static const struct {
	const char *name;
	const char *text;
	mode_t mode;
} files[] = {
    {"good", "user:secret\n", 0600},
    {"loose", "user:secret\n", 0666},
    {"tokens",
	"a:read:demo,nowhere:"
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
	0600},
    {"authorities", "-----BEGIN CERTIFICATE-----\n", 0600},
    {"conf", "", 0600},
};

static void path_of(const char *name, char *ret_path, size_t size)
{
	snprintf(ret_path, size, "%s/%s", folder, name);
}

static void write_file(const char *name, const char *text, size_t len)
{
	char path[64];
	path_of(name, path, sizeof(path));
	FILE *out = fopen(path, "wb");
	if (!out || fwrite(text, 1, len, out) != len || fclose(out) != 0)
		abort();
}

static void end(void)
{
	char path[64];
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		path_of(files[i].name, path, sizeof(path));
		unlink(path);
	}
	rmdir(folder);
}

static void begin(void)
{
	char path[64];
	scratch_make(folder);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		write_file(files[i].name, files[i].text, strlen(files[i].text));
		path_of(files[i].name, path, sizeof(path));
		if (chmod(path, files[i].mode) < 0)
			abort();
	}
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	atexit(end);
}

/* Whether the text may name a file of this machine's, none of which is to be opened here. */
static bool leaves_folder(struct span text)
{
	if (text.len > 1 && memmem(text.ptr, text.len, "..", 2))
		return true;
	for (size_t i = 0; i < text.len; i++) {
		char before = i > 0 ? text.ptr[i - 1] : ' ';
		bool inside = isalnum((unsigned char)before) || before == '@' || before == ':' ||
			      before == '/';
		if (text.ptr[i] == '/' && !inside)
			return true;
	}
	return false;
}

static void write_config(struct span text)
{
	_cleanup_buffer_ struct buffer bytes;
	buffer_init(&bytes, (size_t)1024 * 1024);
	for (size_t i = 0; i < text.len; i++) {
		bool stands_for = text.ptr[i] == '@' && i + 1 < text.len && text.ptr[i + 1] == '/';
		if (stands_for)
			buffer_append_text(&bytes, folder);
		else
			buffer_append(&bytes, text.ptr + i, 1);
	}
	write_file("conf", buffer_text(&bytes), bytes.len);
}

/* What is shown never has the service account, unless the text itself does. */
static void check_secret(struct span text, const char *shown)
{
	static const char secret[] = "user:secret";
	bool own = text.len > 0 && memmem(text.ptr, text.len, secret, strlen(secret));
	assert(own || !strstr(shown, secret));
}

static void check_loaded(struct span text, const struct config *config)
{
	_cleanup_free_ char *dumped = dump(config);
	check_secret(text, dumped);
	for (size_t i = 0; i < config->project_count; i++) {
		const struct config_project *project = &config->projects[i];
		assert(project->credential && project->base_url);
		assert(config_find_project(config, project->name) == project);
		assert(config_find_project_id(config, project->project_id) == project);
	}
	assert(!config_find_project(config, "0"));
}

static void try_load(struct span text, const struct config *parsed)
{
	char path[64];
	_cleanup_faults_ struct faults faults;
	_cleanup_config_ struct config *config = NULL;
	_cleanup_free_ char *address = NULL;
	path_of("conf", path, sizeof(path));
	faults_init(&faults);
	write_config(text);
	int r = config_load(path, 7, &faults, &config);
	assert((r == 0) == (config != NULL) && (r == 0) == (faults.count == 0));
	check_secret(text, buffer_text(&faults.lines));
	/* What is not in order without its files is not with them either. */
	assert(parsed || r < 0);
	r = config_find_socket(path, &address);
	assert((r == 0) == (address != NULL));
	if (!config)
		return;
	assert(text_same(address, config->socket));
	check_loaded(text, config);
	assert(config_check_reload(config, config, &faults) == 0);
	config_check_reload(parsed, config, &faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {.ptr = (const char *)data, .len = size};
	if (size > 16384)
		return 0;
	if (!folder[0])
		begin();
	_cleanup_config_ struct config *config = load(text);
	if (!leaves_folder(text))
		try_load(text, config);
	if (!config)
		return 0;
	_cleanup_free_ char *first = dump(config);
	_cleanup_config_ struct config *again = load(span_of(first));
	/* What is dumped may be longer than what was read, and a line has its limit. */
	if (!again)
		return 0;
	_cleanup_free_ char *second = dump(again);
	assert(strcmp(first, second) == 0);
	return 0;
}
