/* SPDX-License-Identifier: MIT */
/* Creating a connector. An import that is created twice counts its events twice, so each create
 * goes out with an Idempotency-Key, and whoever repeats one whose outcome is not known is told by
 * which key it can be done without a second import. */
#include <stdlib.h>
#include <string.h>

#include "ctl/complain.h"
#include "ctl/describe.h"
#include "ctl/handlers.h"
#include "ctl/input.h"
#include "ctl/wait.h"
#include "util/random.h"
#include "util/writer.h"

/* Bodies ---------------------------------------------------------------------------------------*/

/* What differs between the two clouds. */
static const struct cloud {
	const char *scheme;
	const char *type;
	const char *bucket;
	const char *prefix;
	const char *region;
	const char *role; /* NULL: there is none */
} clouds[] = {
    {"gs://", "gcsImport", "gcs_bucket", "gcs_prefix", "gcs_region", NULL},
    {"s3://", "s3Import", "s3_bucket", "s3_prefix", "s3_region", "s3_role"},
};

static const struct cloud *find_cloud(const char *source)
{
	for (size_t i = 0; i < ARRAY_SIZE(clouds); i++)
		if (strncmp(source, clouds[i].scheme, strlen(clouds[i].scheme)) == 0)
			return &clouds[i];
	return NULL;
}

static void member_given(struct writer *writer, const char *name, const char *value)
{
	if (value)
		writer_member_text(writer, name, value);
}

/* KEY=PROPERTY, each key once: an object with a member twice is no JSON that the API takes. */
static enum exit_code write_remap(const struct options *options, struct writer *writer)
{
	if (options->many_count == 0)
		return EXIT_DONE;
	writer_key(writer, "property_remap");
	writer_begin_object(writer);
	for (size_t i = 0; i < options->many_count; i++) {
		char key[256];
		const char *text = options->many[i];
		size_t len = strcspn(text, "=");
		if (len == 0 || text[len] == '\0' || len >= sizeof(key))
			return complain(EXIT_USAGE, "--remap is KEY=PROPERTY, not \"%s\"", text);
		for (size_t j = 0; j < i; j++)
			if (strncmp(options->many[j], text, len + 1) == 0)
				return complain(
				    EXIT_USAGE, "--remap %.*s is given twice", (int)len, text);
		snprintf(key, sizeof(key), "%.*s", (int)len, text);
		writer_member_text(writer, key, text + len + 1);
	}
	writer_end_object(writer);
	return EXIT_DONE;
}

static enum exit_code write_body(const struct options *options, struct buffer *body)
{
	const char *const *value = options->value;
	const char *source = options->arguments[0];
	const struct cloud *cloud = find_cloud(source);
	struct writer writer;
	if (!cloud)
		return complain(
		    EXIT_USAGE, "\"%s\" is not gs://BUCKET/PREFIX or s3://BUCKET/PREFIX", source);
	if (!value[OPTION_FORMAT])
		return complain(EXIT_USAGE, "create needs --format, such as mixpanel_event");
	if (value[OPTION_ROLE] && !cloud->role)
		return complain(EXIT_USAGE, "--role is for s3:// only");
	const char *bucket = source + strlen(cloud->scheme);
	const char *slash = bucket + strcspn(bucket, "/");
	writer_init(&writer, body);
	writer_begin_object(&writer);
	writer_member_text(&writer, "connector_type", cloud->type);
	member_given(&writer, "label", value[OPTION_LABEL]);
	writer_key(&writer, "connector_properties");
	writer_begin_object(&writer);
	writer_key(&writer, cloud->bucket);
	writer_text_span(&writer, (struct span){.ptr = bucket, .len = (size_t)(slash - bucket)});
	writer_member_text(&writer, cloud->prefix, *slash ? slash + 1 : "");
	member_given(&writer, cloud->region, value[OPTION_REGION]);
	if (cloud->role)
		member_given(&writer, cloud->role, value[OPTION_ROLE]);
	writer_end_object(&writer);
	writer_key(&writer, "category_properties");
	writer_begin_object(&writer);
	writer_member_text(&writer, "data_format", value[OPTION_FORMAT]);
	member_given(&writer, "compression", value[OPTION_COMPRESSION]);
	enum exit_code code = write_remap(options, &writer);
	if (code)
		return code;
	writer_end_object(&writer);
	writer_end_object(&writer);
	return buffer_failed(body) ? complain(EXIT_USAGE, "the body is too long") : EXIT_DONE;
}

static enum exit_code make_body(const struct options *options, struct buffer *body)
{
	static const enum option_id of_body[] = {OPTION_FORMAT, OPTION_COMPRESSION, OPTION_LABEL,
	    OPTION_REGION, OPTION_ROLE, OPTION_REMAP};
	bool from_file = options_have(options, OPTION_FILE);
	if (from_file == (options->count > 0))
		return complain(EXIT_USAGE, "create needs gs://BUCKET/PREFIX, s3://BUCKET/PREFIX "
					    "or --file FILE: one of them");
	for (size_t i = 0; i < ARRAY_SIZE(of_body) && from_file; i++)
		if (options_have(options, of_body[i]))
			return complain(EXIT_USAGE,
			    "with --file the body says everything; leave the options for it out");
	if (from_file)
		return input_read_file(options->value[OPTION_FILE], body);
	return write_body(options, body);
}

/* Projects -------------------------------------------------------------------------------------*/

struct choice {
	struct buffer names;
	size_t count;
};

static enum exit_code create_take_name(struct ctl *ctl, struct span json, void *context)
{
	struct choice *choice = context;
	struct err err = ERR_INIT;
	json_t *project _cleanup_json_ = NULL;
	(void)ctl;
	if (jsontext_parse(json, 0, &err, &project) < 0)
		return complain(EXIT_REFUSED, "a project cannot be read: %s", err.text);
	const char *name = member_text(project, "project");
	buffer_append_text(&choice->names, choice->count++ > 0 ? ", " : "");
	buffer_append_text(&choice->names, name ? name : "?");
	return EXIT_DONE;
}

/* Finds the only project there is; choice->names is its name then. */
static enum exit_code choose_project(struct ctl *ctl, struct choice *choice)
{
	struct target target _cleanup_target_;
	target_init(&target, "/v1/projects");
	enum exit_code code = listing_each(ctl, &target, LISTING_ALL, create_take_name, choice);
	if (code)
		return code;
	if (choice->count == 0)
		return complain(EXIT_NO_SUCH, "there is no project");
	if (choice->count > 1)
		return complain(
		    EXIT_USAGE, "which project? %s (-p PROJECT)", buffer_text(&choice->names));
	return EXIT_DONE;
}

/* Answers --------------------------------------------------------------------------------------*/

static void append_warnings(const struct ctl *ctl, const json_t *answer, struct buffer *text)
{
	const json_t *warnings = member(answer, "warnings");
	for (size_t i = 0; i < json_array_size(warnings); i++) {
		const json_t *warning = json_array_get(warnings, i);
		const char *detail = member_text(warning, "detail");
		struct buffer setter _cleanup_buffer_;
		buffer_init(&setter, DESCRIPTION_LIMIT);
		ask_append_setter(ctl, warning, &setter);
		buffer_append_text(text, "warning: ");
		display_append(text, span_of(buffer_text(&setter)));
		display_append(text, span_of(detail ? detail : ""));
		buffer_append_text(text, "\n");
	}
}

/* The connector is there, whatever becomes of its first job. */
static enum exit_code wait_if_wanted(struct ctl *ctl, const json_t *connector)
{
	if (!options_have(ctl->options, OPTION_WAIT))
		return EXIT_DONE;
	enum exit_code code = output_flush();
	return code ? code
		    : wait_for_first_job(ctl, member_text(connector, "project"),
			  member_text(connector, "connector_id"));
}

static enum exit_code created(
    struct ctl *ctl, const struct exchange *exchange, const json_t *answer)
{
	const char *id = member_text(answer, "connector_id");
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, DESCRIPTION_LIMIT);
	if (!id)
		return ask_not_ours(ctl, exchange);
	if (ctl->output.form != FORM_TEXT) {
		enum exit_code code = output_record(&ctl->output, ask_body(exchange), id);
		return code ? code : wait_if_wanted(ctl, answer);
	}
	buffer_append_text(&text, "created ");
	display_append(&text, span_of(id));
	buffer_append_text(&text, "\n");
	append_warnings(ctl, answer, &text);
	enum exit_code code = output_text(&text);
	return code ? code : wait_if_wanted(ctl, answer);
}

static enum exit_code would_be_accepted(
    struct ctl *ctl, const struct exchange *exchange, const json_t *answer)
{
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, DESCRIPTION_LIMIT);
	if (ctl->output.form != FORM_TEXT)
		return output_record(&ctl->output, ask_body(exchange), NULL);
	buffer_append_text(&text, "would be accepted\n");
	append_warnings(ctl, answer, &text);
	return output_text(&text);
}

/* Mixpanel may have created it: that must not end in a second one. */
static enum exit_code not_known_yet(
    struct ctl *ctl, const struct exchange *exchange, const json_t *operation)
{
	const char *id = member_text(operation, "operation_id");
	enum exit_code code = EXIT_DONE;
	if (!id)
		return ask_not_ours(ctl, exchange);
	if (ctl->output.form == FORM_JSON || ctl->output.form == FORM_JSONL)
		code = output_record(&ctl->output, ask_body(exchange), NULL);
	complain(EXIT_UNCLEAR,
	    "it is not known yet whether Mixpanel created it. Do not repeat this; follow it: "
	    "mixportctl wait %s",
	    id);
	return code ? code : EXIT_UNCLEAR;
}

/* The daemon may have taken it, and did not say so. */
static enum exit_code answer_lost(const struct exchange *exchange)
{
	return complain(EXIT_UNCLEAR,
	    "it is not known whether it was created. Do not repeat this as it is: the same with "
	    "--key %s asks again and creates nothing twice",
	    exchange->key);
}

static enum exit_code create_refused(struct ctl *ctl, const struct exchange *exchange)
{
	json_t *problem _cleanup_json_ = NULL;
	enum exit_code code = ask_complain(ctl, exchange);
	if (exchange->status == 500 || exchange->status == 504)
		return answer_lost(exchange);
	if (exchange->status != 409 || ask_parse(ctl, exchange, &problem))
		return code;
	const char *id = member_text(member(problem, "operation"), "operation_id");
	if (id)
		complain(code, "do not repeat this; follow it: mixportctl wait %s", id);
	else if (code == EXIT_INPUT)
		complain(code, "--allow-duplicate creates it all the same");
	return code;
}

static enum exit_code take_outcome(struct ctl *ctl, const struct exchange *exchange)
{
	json_t *answer _cleanup_json_ = NULL;
	if (exchange->end != LINK_ANSWERED) {
		enum exit_code code = link_complain(ctl->link, exchange);
		return exchange->sent ? answer_lost(exchange) : code;
	}
	if (!ask_is_json(exchange))
		return ask_not_ours(ctl, exchange);
	if (exchange->status >= 300)
		return create_refused(ctl, exchange);
	enum exit_code code = ask_parse(ctl, exchange, &answer);
	if (code)
		return code;
	if (exchange->status == 202)
		return not_known_yet(ctl, exchange, answer);
	return exchange->status == 201 ? created(ctl, exchange, answer)
				       : would_be_accepted(ctl, exchange, answer);
}

/* The key goes into a header, which nothing may end. */
static enum exit_code create_check_key(const char *key)
{
	if (key && !*key)
		return complain(EXIT_USAGE, "--key is not empty");
	for (const char *at = key; at && *at; at++)
		if (*at < ' ' || *at > '~')
			return complain(EXIT_USAGE, "--key is of printable ASCII characters");
	return EXIT_DONE;
}

/* The command ----------------------------------------------------------------------------------*/

static void create_target(const struct ctl *ctl, const char *project, struct target *target)
{
	const struct options *options = ctl->options;
	target_step(target, project);
	buffer_append_text(&target->text, "/connectors");
	target_wait(target, options);
	if (options_have(options, OPTION_DRY_RUN))
		target_parameter(target, "validate_only", "true");
	if (options_have(options, OPTION_ALLOW_DUPLICATE))
		target_parameter(target, "allow_duplicate", "true");
}

enum exit_code run_create(struct ctl *ctl)
{
	const struct options *options = ctl->options;
	const char *project = options->value[OPTION_PROJECT];
	char key[RANDOM_ID_SIZE];
	struct choice choice = {.count = 0};
	struct buffer body _cleanup_buffer_;
	struct target target _cleanup_target_;
	struct exchange exchange _cleanup_exchange_ = {.method = "POST"};
	buffer_init(&body, INPUT_LIMIT);
	buffer_init(&choice.names, 4096);
	target_init(&target, "/v1/projects");
	enum exit_code code = create_check_key(options->value[OPTION_KEY]);
	if (!code)
		code = make_body(options, &body);
	if (!code && !project)
		code = choose_project(ctl, &choice);
	random_id("ctl_", key);
	create_target(ctl, project ? project : buffer_text(&choice.names), &target);
	exchange.target = target_text(&target);
	exchange.body = (struct span){.ptr = buffer_text(&body), .len = body.len};
	exchange.key = options_have(options, OPTION_KEY) ? options->value[OPTION_KEY] : key;
	if (!code && !exchange.target)
		code = complain(EXIT_USAGE, "the name of the project is too long");
	if (!code) {
		link_exchange(ctl->link, &exchange);
		code = take_outcome(ctl, &exchange);
	}
	buffer_done(&choice.names);
	return code;
}
