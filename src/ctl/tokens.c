/* SPDX-License-Identifier: MIT */
/* The tokens file: tokens made, listed, revoked. A token is shown once and kept nowhere; the file
 * has its digest.
 *
 * The file is never half written, and never such that the daemon would not take it: the new one is
 * written beside it, read by the daemon's own parser, and renamed. A daemon that refuses it all the
 * same gets the old one back. Two who edit at once take turns, by a lock on the folder, for a lock
 * on the file would be on one that is renamed away. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/access.h"
#include "config/config.h"
#include "ctl/complain.h"
#include "ctl/describe.h"
#include "ctl/handlers.h"
#include "util/account.h"
#include "util/digest.h"
#include "util/file.h"
#include "util/random.h"
#include "util/secret.h"
#include "util/writer.h"

#define FILE_LIMIT ((size_t)1024 * 1024)
#define TOKEN_BYTES 24
#define TOKEN_SIZE (sizeof(TOKEN_PREFIX) + 2 * TOKEN_BYTES)
#define TOKEN_NAME_MAXIMUM 64
#define TOKEN_NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@"
#define DAEMON_GROUP "mixportd"
#define PATH_LIMIT 4096

/* The file as it is, and what else is known before it is changed. */
struct edit {
	struct config *config;
	char path[PATH_LIMIT]; /* without a symbolic link at its end */
	int folder;            /* open, and locked when it is to be changed */
	bool exists;
	struct stat status;
	struct buffer before;
	struct tokens tokens;
};

static void edit_done(struct edit *edit)
{
	config_unref(edit->config);
	if (edit->folder >= 0)
		close(edit->folder);
	buffer_done(&edit->before);
	tokens_done(&edit->tokens);
}
#define _cleanup_edit_ _cleanup_(edit_done)

static enum exit_code complain_of_faults_in(const struct faults *faults)
{
	for (const char *line = buffer_text(&faults->lines); *line;) {
		size_t len = strcspn(line, "\n");
		complain(EXIT_CONFIG, "%.*s", (int)len, line);
		line += len + (line[len] != '\0');
	}
	return EXIT_CONFIG;
}

/* Reading --------------------------------------------------------------------------------------*/

/* Without the credentials that it names, which are none of the client's business. */
static enum exit_code read_config(const struct options *options, struct edit *edit)
{
	struct err err = ERR_INIT;
	struct faults faults _cleanup_faults_;
	struct buffer text _cleanup_buffer_;
	const char *path = options->value[OPTION_CONFIG];
	faults_init(&faults);
	buffer_init(&text, FILE_LIMIT);
	if (!path)
		path = ENDPOINT_CONFIG;
	int r = file_read(path, &text, &err);
	if (r > 0)
		return complain(EXIT_CONFIG, "%s is not there; -c CONFIG names another", path);
	if (r < 0)
		return complain(EXIT_CONFIG, "%s", err.text);
	const struct span bytes = {.ptr = buffer_text(&text), .len = text.len};
	return config_parse_text(path, bytes, &faults, &edit->config) < 0
		   ? complain_of_faults_in(&faults)
		   : EXIT_DONE;
}

static enum exit_code find_file(const struct options *options, struct edit *edit)
{
	const char *path = options->value[OPTION_FILE];
	char *real _cleanup_free_ = NULL;
	if (!path)
		path = edit->config->tokens_path;
	real = realpath(path, NULL);
	int len = snprintf(edit->path, sizeof(edit->path), "%s", real ? real : path);
	if (len < 0 || (size_t)len >= sizeof(edit->path))
		return complain(EXIT_USAGE, "the path of the tokens file is too long");
	return EXIT_DONE;
}

static enum exit_code open_folder(struct edit *edit, bool lock)
{
	char folder[PATH_LIMIT];
	snprintf(folder, sizeof(folder), "%s", edit->path);
	char *slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	const char *name = slash ? folder : ".";
	edit->folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (edit->folder < 0 || (lock && flock(edit->folder, LOCK_EX) < 0))
		return complain(EXIT_FILE, "%s: %s", name, strerror(errno));
	return EXIT_DONE;
}

static enum exit_code read_tokens(struct edit *edit)
{
	struct err err = ERR_INIT;
	struct faults faults _cleanup_faults_;
	faults_init(&faults);
	int r = file_read(edit->path, &edit->before, &err);
	if (r < 0)
		return complain(EXIT_FILE, "%s", err.text);
	edit->exists = r == 0 && stat(edit->path, &edit->status) == 0;
	tokens_load(&edit->tokens, edit->path, &faults);
	return faults.count > 0 ? complain_of_faults_in(&faults) : EXIT_DONE;
}

static void edit_init(struct edit *edit)
{
	*edit = (struct edit){.folder = -1};
	buffer_init(&edit->before, FILE_LIMIT);
}

static enum exit_code edit_begin(const struct options *options, bool lock, struct edit *edit)
{
	if (lock && geteuid() != 0)
		return complain(EXIT_USAGE, "only root edits the tokens file; sudo mixportctl ...");
	enum exit_code code = read_config(options, edit);
	if (!code)
		code = find_file(options, edit);
	if (!code)
		code = open_folder(edit, lock);
	return code ? code : read_tokens(edit);
}

static bool has_name(const struct edit *edit, const char *name)
{
	for (size_t i = 0; i < edit->tokens.count; i++)
		if (strcmp(edit->tokens.tokens[i].name, name) == 0)
			return true;
	return false;
}

/* Writing --------------------------------------------------------------------------------------*/

/* Those of the file that is replaced; for a new one the daemon may read it. */
static int set_owner(const struct edit *edit, int fd)
{
	gid_t group = 0;
	if (edit->exists)
		return fchown(fd, edit->status.st_uid, edit->status.st_gid) < 0
			   ? -1
			   : fchmod(fd, edit->status.st_mode & 07777);
	if (account_find_group(DAEMON_GROUP, &group) < 0)
		return fchmod(fd, 0600);
	return fchown(fd, 0, group) < 0 ? -1 : fchmod(fd, 0640);
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t written = write(fd, data, len);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		data += written;
		len -= (size_t)written;
	}
	return fsync(fd);
}

/* Whether the daemon would take it. */
static enum exit_code check_written(const char *path)
{
	struct faults faults _cleanup_faults_;
	struct tokens tokens;
	faults_init(&faults);
	tokens_load(&tokens, path, &faults);
	tokens_done(&tokens);
	return faults.count > 0 ? complain_of_faults_in(&faults) : EXIT_DONE;
}

static enum exit_code replace_file(const struct edit *edit, const char *data, size_t len)
{
	char beside[PATH_LIMIT + 16];
	snprintf(beside, sizeof(beside), "%s.XXXXXX", edit->path);
	_cleanup_close_ int fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return complain(EXIT_FILE, "%s: %s", beside, strerror(errno));
	enum exit_code code = EXIT_DONE;
	if (write_all(fd, data, len) < 0 || set_owner(edit, fd) < 0)
		code = complain(EXIT_FILE, "%s: %s", beside, strerror(errno));
	if (!code)
		code = check_written(beside);
	if (!code && (rename(beside, edit->path) < 0 || fsync(edit->folder) < 0))
		code = complain(EXIT_FILE, "%s: %s", edit->path, strerror(errno));
	if (code)
		(void)unlink(beside);
	return code;
}

static enum exit_code tokens_put_back(const struct edit *edit)
{
	if (edit->exists)
		return replace_file(edit, buffer_text(&edit->before), edit->before.len);
	return unlink(edit->path) < 0 ? complain(EXIT_FILE, "%s: %s", edit->path, strerror(errno))
				      : EXIT_DONE;
}

/* Has the daemon read it. One that is off reads it when it starts. */
static enum exit_code tell_daemon(struct ctl *ctl, const struct edit *edit)
{
	struct endpoint endpoint _cleanup_endpoint_ = {.socket = NULL};
	struct exchange exchange _cleanup_exchange_ = {
	    .method = "POST", .target = "/v1/reload", .body = span_of("{}")};
	if (options_have(ctl->options, OPTION_NO_RELOAD))
		return EXIT_DONE;
	enum exit_code code = endpoint_find_beside(ctl->options, edit->config->socket, &endpoint);
	if (!code)
		code = link_new(ctl->options, &endpoint, &ctl->link);
	if (code)
		return code;
	link_exchange(ctl->link, &exchange);
	if (exchange.end == LINK_NO_SOCKET || exchange.end == LINK_NOBODY)
		remark("mixportctl: the daemon is off; it reads %s when it starts", edit->path);
	else
		code = link_complain(ctl->link, &exchange);
	if (exchange.end == LINK_ANSWERED && exchange.status != 200) {
		code = ask_is_json(&exchange) ? ask_complain(ctl, &exchange)
					      : ask_not_ours(ctl, &exchange);
		if (!tokens_put_back(edit))
			remark("mixportctl: %s is as it was", edit->path);
	}
	ctl->link = link_free(ctl->link);
	return code;
}

static enum exit_code change_file(
    struct ctl *ctl, const struct edit *edit, const struct buffer *after)
{
	if (buffer_failed(after))
		return complain(EXIT_FILE, "%s is too long", edit->path);
	enum exit_code code = replace_file(edit, buffer_text(after), after->len);
	return code ? code : tell_daemon(ctl, edit);
}

/* The commands ---------------------------------------------------------------------------------*/

static enum exit_code check_projects(const struct edit *edit, const char *projects)
{
	char copy[PATH_LIMIT];
	char *rest = copy;
	if (strcmp(projects, "*") == 0)
		return EXIT_DONE;
	snprintf(copy, sizeof(copy), "%s", projects);
	for (char *name; (name = strsep(&rest, ","));)
		if (!config_find_project(edit->config, name))
			return complain(
			    EXIT_USAGE, "%s has no project \"%s\"", edit->config->path, name);
	return EXIT_DONE;
}

static enum exit_code check_new(const struct options *options, const struct edit *edit)
{
	enum scope scope;
	const char *name = options->arguments[0];
	const char *words = options->value[OPTION_SCOPE];
	const char *projects = options->value[OPTION_PROJECT];
	if (!words || scope_parse(words, &scope) < 0)
		return complain(EXIT_USAGE, "token new needs --scope: read, manage or admin");
	if (!projects)
		return complain(EXIT_USAGE, "token new needs --project PROJECT, or '*' for all");
	if (has_name(edit, name))
		return complain(EXIT_USAGE, "there is a token \"%s\" already", name);
	if (!*name || strlen(name) > TOKEN_NAME_MAXIMUM ||
	    name[strspn(name, TOKEN_NAME_CHARACTERS)] != '\0')
		return complain(
		    EXIT_USAGE, "the name of a token is 1 to 64 of A-Z a-z 0-9 . _ - @");
	return check_projects(edit, projects);
}

static void append_token(const struct options *options, const char *token, struct buffer *text)
{
	char digest[DIGEST_HEX_SIZE];
	digest_sha256_hex(token, strlen(token), digest);
	if (text->len > 0 && text->data[text->len - 1] != '\n')
		buffer_append_text(text, "\n");
	buffer_printf(text, "%s:%s:%s:%s\n", options->arguments[0], options->value[OPTION_SCOPE],
	    options->value[OPTION_PROJECT], digest);
}

static void make_token(char token[TOKEN_SIZE])
{
	uint8_t bytes[TOKEN_BYTES];
	char digits[2 * TOKEN_BYTES + 1];
	random_bytes(bytes, sizeof(bytes));
	text_hex(bytes, sizeof(bytes), digits);
	snprintf(token, TOKEN_SIZE, TOKEN_PREFIX "%s", digits);
	secret_wipe(bytes, sizeof(bytes));
	secret_wipe(digits, sizeof(digits));
}

enum exit_code run_token_new(struct ctl *ctl)
{
	struct edit edit _cleanup_edit_;
	struct buffer after _cleanup_buffer_;
	char token[TOKEN_SIZE];
	edit_init(&edit);
	buffer_init(&after, FILE_LIMIT);
	enum exit_code code = edit_begin(ctl->options, true, &edit);
	if (!code)
		code = check_new(ctl->options, &edit);
	if (code)
		return code;
	make_token(token);
	buffer_append(&after, edit.before.data, edit.before.len);
	append_token(ctl->options, token, &after);
	code = change_file(ctl, &edit, &after);
	if (!code && (puts(token) < 0 || output_flush()))
		code = complain(EXIT_FILE, "the token was not shown; mixportctl token revoke %s",
		    ctl->options->arguments[0]);
	secret_wipe(token, sizeof(token));
	return code;
}

/* Whether a line of the file is a token of this name. */
static bool is_line_of(const char *line, const char *name)
{
	line += strspn(line, " \t");
	size_t len = strlen(name);
	return strncmp(line, name, len) == 0 && line[len] == ':';
}

enum exit_code run_token_revoke(struct ctl *ctl)
{
	const char *name = ctl->options->arguments[0];
	struct edit edit _cleanup_edit_;
	struct buffer after _cleanup_buffer_;
	edit_init(&edit);
	buffer_init(&after, FILE_LIMIT);
	enum exit_code code = edit_begin(ctl->options, true, &edit);
	if (!code && !has_name(&edit, name))
		code = complain(EXIT_USAGE, "there is no token \"%s\"", name);
	if (code)
		return code;
	size_t mark = text_mark_length(edit.before.data, edit.before.len);
	buffer_append(&after, edit.before.data, mark);
	for (const char *line = edit.before.data + mark; *line;) {
		size_t len = strcspn(line, "\n");
		len += line[len] != '\0';
		if (!is_line_of(line, name))
			buffer_append(&after, line, len);
		line += len;
	}
	code = change_file(ctl, &edit, &after);
	if (code || ctl->output.form == FORM_QUIET)
		return code;
	buffer_clear(&after);
	buffer_printf(&after, "revoked %s\n", name);
	return output_text(&after);
}

/* Listing --------------------------------------------------------------------------------------*/

static void write_token(struct writer *writer, const struct token *token)
{
	writer_begin_object(writer);
	writer_member_text(writer, "name", token->name);
	writer_member_text(writer, "scope", scope_name(token->scope));
	writer_key(writer, "projects");
	if (token->projects) {
		writer_begin_array(writer);
		for (char **at = token->projects; *at; at++)
			writer_text(writer, *at);
		writer_end_array(writer);
	} else {
		writer_null(writer);
	}
	writer_end_object(writer);
}

static enum exit_code print_tokens_json(const struct output *output, const struct tokens *tokens)
{
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, DESCRIPTION_LIMIT);
	buffer_append_text(&text, output->form == FORM_JSON ? "[" : "");
	for (size_t i = 0; i < tokens->count; i++) {
		struct writer writer;
		writer_init(&writer, &text);
		if (output->form == FORM_JSON && i > 0)
			buffer_append_text(&text, ",\n");
		write_token(&writer, &tokens->tokens[i]);
		buffer_append_text(&text, output->form == FORM_JSON ? "" : "\n");
	}
	buffer_append_text(&text, output->form == FORM_JSON ? "]\n" : "");
	return output_text(&text);
}

static enum exit_code print_tokens(const struct output *output, const struct tokens *tokens)
{
	static const struct table_column columns[] = {
	    {"NAME", false}, {"SCOPE", false}, {"PROJECTS", false}};
	struct table table _cleanup_table_;
	struct buffer text _cleanup_buffer_;
	table_init(&table, columns, ARRAY_SIZE(columns));
	buffer_init(&text, DESCRIPTION_LIMIT);
	for (size_t i = 0; i < tokens->count; i++) {
		const struct token *token = &tokens->tokens[i];
		struct buffer projects _cleanup_buffer_;
		buffer_init(&projects, DESCRIPTION_LIMIT);
		for (char **at = token->projects; at && *at; at++)
			buffer_printf(&projects, "%s%s", at > token->projects ? "," : "", *at);
		table_add(&table, span_of(token->name), TONE_PLAIN);
		table_add(&table, span_of(scope_name(token->scope)), TONE_PLAIN);
		table_add(
		    &table, span_of(token->projects ? buffer_text(&projects) : "*"), TONE_PLAIN);
	}
	table_append(&table, output->columns, output->color, &text);
	return output_text(&text);
}

enum exit_code run_token_list(struct ctl *ctl)
{
	const struct output *output = &ctl->output;
	struct edit edit _cleanup_edit_;
	edit_init(&edit);
	enum exit_code code = edit_begin(ctl->options, false, &edit);
	if (code)
		return code;
	if (output->form == FORM_JSON || output->form == FORM_JSONL)
		return print_tokens_json(output, &edit.tokens);
	for (size_t i = 0; i < edit.tokens.count && output->form == FORM_QUIET; i++)
		puts(edit.tokens.tokens[i].name);
	if (output->form == FORM_QUIET)
		return EXIT_DONE;
	if (edit.tokens.count == 0) {
		remark("no tokens");
		return EXIT_DONE;
	}
	return print_tokens(output, &edit.tokens);
}
