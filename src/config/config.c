/* SPDX-License-Identifier: MIT */
/* Reading the configuration.
 *
 * inih splits keys from values and takes comments off. It does three things that would make a fault
 * name the wrong line or change a value in silence: it breaks a line of 200 bytes or more in two,
 * takes an indented line for more of the value before it, and tells of a section only with its
 * first key, the name cut at 50 bytes. So lines reach it one at a time through a reader of our own,
 * which counts them, turns away those that inih would misread (it gets an empty line instead) and
 * reads the section headers itself. Every fault is gathered; nothing stops at the first. */
#include "config/config.h"

#include <assert.h>
#include <ctype.h>
#include <ini.h>
#include <stdarg.h>
#include <string.h>

#include "config/value.h"
#include "util/array.h"
#include "util/buffer.h"
#include "util/file.h"

#define CONFIG_FILE_LIMIT (1024 * 1024)
#define CA_FILE_LIMIT (16 * 1024 * 1024)
#define ALLOWED_LIMIT 512
#define VALUE_LIMIT 512
#define PROJECT_NAME_LIMIT 64

/* inih's buffer of 200 bytes must hold the line's end and a NUL too. */
#define LINE_LENGTH_LIMIT 198

/* The state of reading --------------------------------------------------------------------------*/

/* The section that lines belong to now. */
struct open_section {
	bool open;
	bool ignored; /* its header is at fault: its contents are not checked */
	enum schema_section kind;
	unsigned line;
	unsigned given[SCHEMA_KEY_LIMIT]; /* the line of each key; 0: not given */
};

struct parse {
	const char *file;
	struct faults *faults;
	struct config *config;
	bool read_files; /* credentials and certificates too */

	const char *at;
	const char *end;
	unsigned line;
	bool unclaimed; /* inih was given a line and has not made a key of it */
	struct open_section section;
	unsigned section_lines[SCHEMA_SECTION_COUNT]; /* of the sections there can be one of */
};

static void fault(struct parse *parse, unsigned line, const char *format, ...) PRINTF_LIKE(3, 4);
static void fault(struct parse *parse, unsigned line, const char *format, ...)
{
	char message[768];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	faults_add(parse->faults, parse->file, line, "%s", message);
}

static struct config_project *last_project(struct parse *parse)
{
	return &parse->config->projects[parse->config->project_count - 1];
}

static void *open_record(struct parse *parse)
{
	return parse->section.kind == SCHEMA_PROJECT ? (void *)last_project(parse)
						     : (void *)parse->config;
}

static unsigned *given(struct parse *parse, const struct schema_key *key)
{
	return &parse->section.given[key - schema_keys];
}

/* Keys ------------------------------------------------------------------------------------------*/

static void take_value(struct parse *parse, const struct schema_key *key, const char *value)
{
	struct err err = ERR_INIT;
	/* The library takes it for a comment only behind a blank. */
	if (value[0] == ';') {
		fault(parse, parse->line,
		    "%s begins with a semicolon; a comment needs a blank before it", key->name);
		return;
	}
	if (value_read(key, value, open_record(parse), &err) == 0)
		return;
	_cleanup_buffer_ struct buffer allowed;
	buffer_init(&allowed, ALLOWED_LIMIT);
	schema_append_allowed(key, &allowed);
	fault(parse, parse->line, "%s: %s; allowed is %s", key->name, err.text,
	    buffer_text(&allowed));
}

static void unknown_key(struct parse *parse, const char *name)
{
	_cleanup_buffer_ struct buffer names;
	buffer_init(&names, ALLOWED_LIMIT);
	for (size_t i = 0; i < schema_key_count; i++)
		if (schema_keys[i].section == parse->section.kind)
			buffer_printf(
			    &names, "%s%s", names.len > 0 ? ", " : "", schema_keys[i].name);
	fault(parse, parse->line, "[%s] has no key \"%s\"; allowed are %s",
	    schema_section_name(parse->section.kind), name, buffer_text(&names));
}

static int config_take_key(void *context, const char *section, const char *name, const char *value)
{
	(void)section;
	struct parse *parse = context;
	if (!name || !value)
		return 1;
	parse->unclaimed = false;
	if (!parse->section.open) {
		fault(parse, parse->line,
		    "a key before the first section; put [daemon] or another section above it");
		return 1;
	}
	if (parse->section.ignored)
		return 1;
	const struct schema_key *key = schema_find(parse->section.kind, name);
	if (!key) {
		unknown_key(parse, name);
	} else if (*given(parse, key) > 0) {
		fault(parse, parse->line,
		    "%s is given twice, the first time in line %u; once is allowed", name,
		    *given(parse, key));
	} else {
		*given(parse, key) = parse->line;
		take_value(parse, key, value);
	}
	return 1;
}

/* The end of a section --------------------------------------------------------------------------*/

static void fill_defaults(struct parse *parse, enum schema_section section, void *record)
{
	for (size_t i = 0; i < schema_key_count; i++) {
		const struct schema_key *key = &schema_keys[i];
		struct err err = ERR_INIT;
		if (key->section != section || *given(parse, key) > 0 || !key->default_text)
			continue;
		if (value_read(key, key->default_text, record, &err) < 0)
			fault(parse, parse->section.line, "%s, by default %s: %s", key->name,
			    key->default_text, err.text);
	}
}

static void check_required(struct parse *parse)
{
	for (size_t i = 0; i < schema_key_count; i++) {
		const struct schema_key *key = &schema_keys[i];
		if (key->section != parse->section.kind || !key->required || *given(parse, key) > 0)
			continue;
		_cleanup_buffer_ struct buffer allowed;
		buffer_init(&allowed, ALLOWED_LIMIT);
		schema_append_allowed(key, &allowed);
		fault(parse, parse->section.line, "[project %s] lacks %s, which is required: %s",
		    last_project(parse)->name, key->name, buffer_text(&allowed));
	}
}

/* Found wrong with the first request, it would be a failure of every request. */
static void check_authorities(struct parse *parse, const struct config_project *project)
{
	static const char mark[] = "CERTIFICATE-----";
	unsigned line = *given(parse, schema_find(SCHEMA_PROJECT, "ca_file"));
	struct err err = ERR_INIT;
	_cleanup_buffer_ struct buffer text;
	buffer_init(&text, CA_FILE_LIMIT);
	if (!project->ca_file)
		return;
	int r = file_read(project->ca_file, &text, &err);
	if (r > 0)
		err_set(&err, "%s does not exist", project->ca_file);
	else if (r == 0)
		r = file_check_trust(project->ca_file, FILE_TRUST_UNCHANGED, &err);
	if (r == 0 && (text.len == 0 || !memmem(text.data, text.len, mark, strlen(mark))))
		r = err_set(&err, "%s holds no certificate in PEM", project->ca_file);
	if (r != 0)
		fault(parse, line, "ca_file: %s", err.text);
}

static void close_project(struct parse *parse)
{
	struct config_project *project = last_project(parse);
	check_required(parse);
	const struct config *config = parse->config;
	const struct schema_key *key = schema_find(SCHEMA_PROJECT, "project_id");
	for (size_t i = 0; i + 1 < config->project_count && project->project_id > 0; i++)
		if (config->projects[i].project_id == project->project_id)
			fault(parse, *given(parse, key),
			    "project_id: %jd is that of [project %s] already; each project may "
			    "have one section",
			    (intmax_t)project->project_id, config->projects[i].name);
	const char *base_url = region_base_url(project->region);
	if (!project->base_url && base_url) {
		project->base_url = strdup(base_url);
		if (!project->base_url)
			fault(parse, parse->section.line, "no memory");
	}
	if (parse->read_files) {
		struct err err = ERR_INIT;
		unsigned line = *given(parse, schema_find(SCHEMA_PROJECT, "credential"));
		if (project->credential_name &&
		    credential_load(project->credential_name, parse->config->loaded_at, &err,
			&project->credential) < 0)
			fault(parse, line, "credential: %s", err.text);
		check_authorities(parse, project);
	}
}

static void close_section(struct parse *parse)
{
	struct open_section *section = &parse->section;
	if (section->open && !section->ignored) {
		fill_defaults(parse, section->kind, open_record(parse));
		if (section->kind == SCHEMA_PROJECT)
			close_project(parse);
	}
	*section = (struct open_section){.open = false};
}

/* Section headers -------------------------------------------------------------------------------*/

static struct span config_trim(struct span text)
{
	while (text.len > 0 && isspace((unsigned char)text.ptr[text.len - 1]))
		text.len--;
	while (text.len > 0 && isspace((unsigned char)text.ptr[0])) {
		text.ptr++;
		text.len--;
	}
	return text;
}

static bool is_project_name(struct span name)
{
	bool digits_only = true;
	if (name.len < 1 || name.len > PROJECT_NAME_LIMIT || span_equals(name, ".") ||
	    span_equals(name, ".."))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];
		if (!isalnum(c) && c != '.' && c != '_' && c != '-')
			return false;
		digits_only = digits_only && isdigit(c);
	}
	return !digits_only;
}

static bool is_project_there(const struct config *config, struct span name)
{
	for (size_t i = 0; i < config->project_count; i++)
		if (span_equals(name, config->projects[i].name))
			return true;
	return false;
}

static int add_project(struct config *config, struct span name)
{
	struct config_project *projects =
	    array_grow(config->projects, config->project_count, sizeof(*projects));
	if (!projects)
		return -1;
	config->projects = projects;
	char *copy = strndup(name.ptr, name.len);
	if (!copy)
		return -1;
	projects[config->project_count++] = (struct config_project){.name = copy};
	return 0;
}

/* Returns 0, or -1 when what is in the section cannot be looked at. A name that is only wrong does
 * not hide the faults below it. */
static int open_project(struct parse *parse, struct span name)
{
	if (!is_project_name(name))
		fault(parse, parse->line,
		    "[project %.*s]: allowed as a name are 1 to %d of A-Z a-z 0-9 . _ - and not "
		    "digits only",
		    (int)name.len, name.ptr, PROJECT_NAME_LIMIT);
	if (is_project_there(parse->config, name)) {
		fault(parse, parse->line,
		    "[project %.*s] is there already; each project may have one section",
		    (int)name.len, name.ptr);
		return -1;
	}
	if (add_project(parse->config, name) < 0) {
		fault(parse, parse->line, "no memory");
		return -1;
	}
	return 0;
}

static int open_single(struct parse *parse, enum schema_section kind, struct span rest)
{
	unsigned *first = &parse->section_lines[kind];
	if (rest.len > 0) {
		fault(parse, parse->line, "[%s] takes no name; allowed is [%s] alone",
		    schema_section_name(kind), schema_section_name(kind));
		return -1;
	}
	if (*first > 0) {
		fault(parse, parse->line, "[%s] is there already, in line %u; one is allowed",
		    schema_section_name(kind), *first);
		return -1;
	}
	*first = parse->line;
	return 0;
}

static void open_section(struct parse *parse, struct span title)
{
	size_t word_len = 0;
	while (word_len < title.len && !isspace((unsigned char)title.ptr[word_len]))
		word_len++;
	struct span word = {.ptr = title.ptr, .len = word_len};
	struct span rest =
	    config_trim((struct span){.ptr = title.ptr + word_len, .len = title.len - word_len});

	close_section(parse);
	struct open_section *section = &parse->section;
	*section = (struct open_section){.open = true, .ignored = true, .line = parse->line};
	if (schema_section_parse(word, &section->kind) < 0) {
		fault(parse, parse->line,
		    "there is no section [%.*s]; allowed are [daemon], [access], [retention], "
		    "[attention] and [project NAME]",
		    (int)title.len, title.ptr);
		return;
	}
	int r = section->kind == SCHEMA_PROJECT ? open_project(parse, rest)
						: open_single(parse, section->kind, rest);
	section->ignored = r < 0;
}

static void take_header(struct parse *parse, struct span line)
{
	const char *end = memchr(line.ptr, ']', line.len);
	if (!end) {
		close_section(parse);
		parse->section = (struct open_section){.open = true, .ignored = true};
		fault(parse, parse->line, "the section's name has no end; allowed is [NAME]");
		return;
	}
	struct span title = {.ptr = line.ptr + 1, .len = (size_t)(end - line.ptr - 1)};
	struct span rest = {.ptr = end + 1, .len = line.len - title.len - 2};
	open_section(parse, config_trim(title));
	rest = config_trim(rest);
	if (rest.len > 0 && rest.ptr[0] != ';' && rest.ptr[0] != '#')
		fault(parse, parse->line,
		    "something stands after the section's ]; allowed is a comment, which starts "
		    "with ;");
}

/* Lines -----------------------------------------------------------------------------------------*/

static bool has_control(struct span line)
{
	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.ptr[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

/* Whether inih is to see the line: not when it is empty, a comment, a header or at fault. */
static bool passes(struct parse *parse, struct span line)
{
	struct span text = config_trim(line);
	if (has_control(line)) {
		fault(parse, parse->line,
		    "the line holds a control character or a NUL byte; only text is allowed");
		return false;
	}
	if (text.len == 0 || text.ptr[0] == ';' || text.ptr[0] == '#')
		return false;
	if (line.len > LINE_LENGTH_LIMIT) {
		fault(parse, parse->line, "the line has %zu bytes; at most %d are allowed",
		    line.len, LINE_LENGTH_LIMIT);
		return false;
	}
	if (text.ptr != line.ptr) {
		fault(parse, parse->line,
		    "the line is indented; sections and keys must start at the first column, and "
		    "no value goes on in the next line");
		return false;
	}
	if (line.ptr[0] == '[') {
		take_header(parse, line);
		return false;
	}
	return true;
}

/* An ini_reader: the next line, or NULL at the end. */
static char *read_line(char *line, int size, void *context)
{
	struct parse *parse = context;
	if (parse->unclaimed)
		fault(parse, parse->line,
		    "this is neither a section nor a key with a value; allowed are [NAME] and "
		    "KEY = VALUE");
	parse->unclaimed = false;
	if (parse->at == parse->end)
		return NULL;
	const char *start = parse->at;
	const char *newline = memchr(start, '\n', (size_t)(parse->end - start));
	const char *end = newline ? newline : parse->end;
	parse->at = newline ? newline + 1 : parse->end;
	parse->line++;
	if (end > start && end[-1] == '\r')
		end--;
	struct span text = {.ptr = start, .len = (size_t)(end - start)};
	if (!passes(parse, text))
		text.len = 0;
	else
		parse->unclaimed = true;
	assert(text.len + 2 <= (size_t)size);
	memcpy(line, text.ptr, text.len);
	line[text.len] = '\n';
	line[text.len + 1] = '\0';
	return line;
}

/* The whole -------------------------------------------------------------------------------------*/

static bool is_same_address(const struct config_listen *a, const struct config_listen *b)
{
	return a->present && b->present && a->port == b->port && a->port != 0 &&
	       a->ipv6 == b->ipv6 && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static void check_whole(struct parse *parse)
{
	const struct config *config = parse->config;
	if (is_same_address(&config->listen, &config->health_listen))
		fault(parse, parse->section_lines[SCHEMA_DAEMON],
		    "listen and health_listen are both %s; each needs an address of its own",
		    config->listen.text);
	if (config->project_count == 0)
		faults_warn(parse->faults, parse->file, 0,
		    "there is no [project NAME] section, so there is nothing to follow");
}

static void parse_text(struct parse *parse, struct span text)
{
	parse->at = text.ptr + text_mark_length(text.ptr, text.len);
	parse->end = text.ptr + text.len;
	/* What it returns is the first line it could not read; config_end_line has reported all of
	 * them. */
	if (ini_parse_stream(read_line, parse, config_take_key, parse) < 0)
		fault(parse, 0, "no memory");
	close_section(parse);
	for (size_t i = 0; i < SCHEMA_PROJECT; i++)
		if (parse->section_lines[i] == 0)
			fill_defaults(parse, (enum schema_section)i, parse->config);
	check_whole(parse);
}

static struct config *config_new(const char *path, int64_t now)
{
	struct config *config = calloc(1, sizeof(*config));
	if (!config)
		return NULL;
	config->references = 1;
	config->loaded_at = now;
	config->access.manage_is_socket_group = true;
	config->path = strdup(path);
	return config->path ? config : config_unref(config);
}

int config_parse_text(
    const char *file, struct span text, struct faults *faults, struct config **ret_config)
{
	_cleanup_config_ struct config *config = config_new(file, 0);
	size_t before = faults->count;
	if (!config) {
		faults_add(faults, file, 0, "no memory");
		return -1;
	}
	struct parse parse = {.file = file, .faults = faults, .config = config};
	parse_text(&parse, text);
	if (faults->count > before)
		return -1;
	*ret_config = TAKE(config);
	return 0;
}

static void load_text(struct config *config, struct span text, struct faults *faults)
{
	struct parse parse = {
	    .file = config->path,
	    .faults = faults,
	    .config = config,
	    .read_files = true,
	};
	parse_text(&parse, text);
	if (!config->tokens_path)
		return;
	tokens_load(&config->tokens, config->tokens_path, faults);
	for (size_t i = 0; i < config->tokens.count; i++) {
		const struct token *token = &config->tokens.tokens[i];
		for (char **name = token->projects; name && *name; name++)
			if (!config_find_project(config, *name))
				faults_warn(faults, config->tokens_path, 0,
				    "token %s names the project %s, of which %s has no section",
				    token->name, *name, config->path);
	}
}

int config_load(const char *path, int64_t now, struct faults *faults, struct config **ret_config)
{
	_cleanup_config_ struct config *config = config_new(path, now);
	_cleanup_buffer_ struct buffer text;
	buffer_init(&text, CONFIG_FILE_LIMIT);
	size_t before = faults->count;
	struct err err = ERR_INIT;
	if (!config) {
		faults_add(faults, path, 0, "no memory to read it");
		return -1;
	}
	int r = file_read(path, &text, &err);
	if (r > 0)
		faults_add(faults, path, 0, "there is no such file; -c FILE names another");
	else if (r < 0)
		faults_add(faults, path, 0, "%s", err.text);
	else
		load_text(
		    config, (struct span){.ptr = buffer_text(&text), .len = text.len}, faults);
	if (faults->count > before)
		return -1;
	*ret_config = TAKE(config);
	return 0;
}

int config_find_socket(const char *path, char **ret_socket)
{
	_cleanup_faults_ struct faults faults;
	_cleanup_buffer_ struct buffer text;
	_cleanup_config_ struct config *config = config_new(path, 0);
	struct err err = ERR_INIT;
	faults_init(&faults);
	buffer_init(&text, CONFIG_FILE_LIMIT);
	if (!config || file_read(path, &text, &err) != 0)
		return 1;
	struct parse parse = {.file = path, .faults = &faults, .config = config};
	parse_text(&parse, (struct span){.ptr = buffer_text(&text), .len = text.len});
	if (!config->socket)
		return 1;
	*ret_socket = TAKE(config->socket);
	return 0;
}

struct config *config_ref(struct config *config)
{
	__atomic_add_fetch(&config->references, 1, __ATOMIC_RELAXED);
	return config;
}

struct config *config_unref(struct config *config)
{
	if (!config || __atomic_sub_fetch(&config->references, 1, __ATOMIC_ACQ_REL) > 0)
		return NULL;
	for (size_t i = 0; i < config->project_count; i++) {
		credential_free(config->projects[i].credential);
		values_done(SCHEMA_PROJECT, &config->projects[i]);
		free(config->projects[i].name);
	}
	free(config->projects);
	for (size_t i = 0; i < SCHEMA_PROJECT; i++)
		values_done((enum schema_section)i, config);
	tokens_done(&config->tokens);
	free(config->path);
	free(config);
	return NULL;
}

/* Using it --------------------------------------------------------------------------------------*/

static void check_key(const struct schema_key *key, const struct config *running,
    const struct config *loaded, struct faults *faults)
{
	_cleanup_buffer_ struct buffer before;
	buffer_init(&before, VALUE_LIMIT);
	_cleanup_buffer_ struct buffer after;
	buffer_init(&after, VALUE_LIMIT);
	value_write(key, running, &before);
	value_write(key, loaded, &after);
	if (!text_same(buffer_text(&before), buffer_text(&after)))
		faults_add(faults, loaded->path, 0,
		    "%s: \"%s\" is in force and \"%s\" takes a restart; a reload is allowed to "
		    "change other keys",
		    key->name, buffer_text(&before), buffer_text(&after));
}

int config_check_reload(
    const struct config *running, const struct config *loaded, struct faults *faults)
{
	size_t before = faults->count;
	for (size_t i = 0; i < schema_key_count; i++) {
		const struct schema_key *key = &schema_keys[i];
		if (key->section != SCHEMA_PROJECT && !key->reloadable)
			check_key(key, running, loaded, faults);
	}
	return faults->count > before ? -1 : 0;
}

static void dump_section(enum schema_section section, const void *record, FILE *out)
{
	for (size_t i = 0; i < schema_key_count; i++) {
		const struct schema_key *key = &schema_keys[i];
		if (key->section != section)
			continue;
		_cleanup_buffer_ struct buffer value;
		buffer_init(&value, VALUE_LIMIT);
		if (value_write(key, record, &value) > 0)
			fprintf(out, "; %s is not given. %s\n", key->name, key->doc);
		else if (value.len + 24 < LINE_LENGTH_LIMIT)
			fprintf(out, "%-18s = %s\n", key->name, buffer_text(&value));
		else
			fprintf(out, "%s=%s\n", key->name, buffer_text(&value));
	}
}

void config_dump(const struct config *config, FILE *out)
{
	for (size_t i = 0; i < SCHEMA_PROJECT; i++) {
		fprintf(out, "%s[%s]\n", i > 0 ? "\n" : "",
		    schema_section_name((enum schema_section)i));
		dump_section((enum schema_section)i, config, out);
	}
	for (size_t i = 0; i < config->project_count; i++) {
		fprintf(out, "\n[project %s]\n", config->projects[i].name);
		dump_section(SCHEMA_PROJECT, &config->projects[i], out);
	}
}

const struct config_project *config_find_project(
    const struct config *config, const char *name_or_id)
{
	uint64_t project_id;
	for (size_t i = 0; i < config->project_count; i++)
		if (strcmp(config->projects[i].name, name_or_id) == 0)
			return &config->projects[i];
	if (text_parse_unsigned(name_or_id, 1, INT64_MAX, &project_id) == 0)
		return config_find_project_id(config, (int64_t)project_id);
	return NULL;
}

const struct config_project *config_find_project_id(const struct config *config, int64_t project_id)
{
	for (size_t i = 0; i < config->project_count; i++)
		if (config->projects[i].project_id == project_id)
			return &config->projects[i];
	return NULL;
}
