/* SPDX-License-Identifier: MIT */
/* What an answer means for whoever typed a command: the exit status by its status and code, and
 * each fault by the option that caused it. */
#include "ctl/ask.h"

#include <string.h>

#include "ctl/complain.h"
#include "util/clock.h"

#define TARGET_LIMIT ((size_t)16 * 1024)

#define WAIT_USUAL INT64_C(30) /* seconds, of the daemon for Mixpanel's answer */
#define WAIT_MARGIN INT64_C(3) /* seconds that are left of --max-time then */
#define LONGEST (10000 * 366 * MICROSECONDS_PER_DAY)

/* Targets --------------------------------------------------------------------------------------*/

void target_init(struct target *target, const char *path)
{
	buffer_init(&target->text, TARGET_LIMIT);
	target->query = false;
	buffer_append_text(&target->text, path);
}

void target_done(struct target *target)
{
	buffer_done(&target->text);
}

void target_step(struct target *target, const char *step)
{
	buffer_append_text(&target->text, "/");
	text_append_percent_encoded(&target->text, step);
}

void target_parameter(struct target *target, const char *name, const char *value)
{
	if (!value)
		return;
	buffer_printf(&target->text, "%s%s=", target->query ? "&" : "?", name);
	text_append_percent_encoded(&target->text, value);
	target->query = true;
}

void target_number(struct target *target, const char *name, int64_t value)
{
	char text[24];
	snprintf(text, sizeof(text), "%lld", (long long)value);
	target_parameter(target, name, text);
}

const char *target_text(const struct target *target)
{
	return buffer_failed(&target->text) ? NULL : buffer_text(&target->text);
}

void target_wait(struct target *target, const struct options *options)
{
	int64_t wait = options->max_time / MICROSECONDS_PER_SECOND - WAIT_MARGIN;
	if (wait > WAIT_USUAL)
		wait = WAIT_USUAL;
	target_number(target, "wait", wait > 0 ? wait : 0);
}

/* Members --------------------------------------------------------------------------------------*/

const json_t *member(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	return json_is_null(value) ? NULL : value;
}

const char *member_text(const json_t *object, const char *name)
{
	return json_string_value(member(object, name));
}

/* A number outside of what an integer holds has no conversion in C. */
static int64_t integer_near(double value, int64_t most)
{
	if (value >= (double)most)
		return most;
	return value <= -(double)most ? -most : (int64_t)value;
}

int64_t member_integer(const json_t *object, const char *name, int64_t otherwise)
{
	const json_t *value = member(object, name);
	if (json_is_real(value))
		return integer_near(json_real_value(value), INT64_MAX);
	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

int64_t member_seconds(const json_t *object, const char *name, int64_t otherwise)
{
	const json_t *value = member(object, name);
	if (!json_is_number(value))
		return otherwise;
	return integer_near(json_number_value(value) * (double)MICROSECONDS_PER_SECOND, LONGEST);
}

/* Problems -------------------------------------------------------------------------------------*/

/* What sets the members of a body and the parameters of a query. */
static const struct {
	const char *place;
	const char *option;
} setters[] = {
    {"/connector_type", "gs://... or s3://..."},
    {"/connector_properties/gcs_bucket", "gs://BUCKET"},
    {"/connector_properties/gcs_prefix", "the prefix"},
    {"/connector_properties/s3_bucket", "s3://BUCKET"},
    {"/connector_properties/s3_prefix", "the prefix"},
    {"/connector_properties/gcs_region", "--region"},
    {"/connector_properties/s3_region", "--region"},
    {"/connector_properties/s3_role", "--role"},
    {"/category_properties/data_format", "--format"},
    {"/category_properties/compression", "--compression"},
    {"/category_properties/property_remap", "--remap"},
    {"/label", "--label"},
    {"/outcome", "--created"},
    {"/connector_id", "--created"},
    {"/reason", "--reason"},
    {"connector_type", "--type"},
    {"data_format", "--format"},
    {"job_status", "--job-status"},
    {"limit", "--count"},
};

/* The option that has the name of a parameter. */
static bool is_own_option(const struct ctl *ctl, const char *parameter)
{
	const struct option_entry *at = ctl->options->command->options;
	for (; at && at->name; at++)
		if (strcmp(at->name, parameter) == 0)
			return true;
	return false;
}

void ask_append_setter(const struct ctl *ctl, const json_t *fault, struct buffer *text)
{
	const char *pointer = member_text(fault, "pointer");
	const char *place = pointer ? pointer : member_text(fault, "parameter");
	bool from_file = pointer && options_have(ctl->options, OPTION_FILE);
	for (size_t i = 0; place && !from_file && i < ARRAY_SIZE(setters); i++) {
		size_t len = strlen(setters[i].place);
		if (strncmp(place, setters[i].place, len) == 0 &&
		    (place[len] == '\0' || place[len] == '/')) {
			buffer_printf(text, "%s: ", setters[i].option);
			return;
		}
	}
	if (place && *place)
		buffer_printf(text, "%s%s: ", is_own_option(ctl, place) ? "--" : "", place);
}

static void complain_of_faults(const struct ctl *ctl, const json_t *errors)
{
	for (size_t i = 0; i < json_array_size(errors); i++) {
		const json_t *fault = json_array_get(errors, i);
		const char *detail = member_text(fault, "detail");
		struct buffer setter _cleanup_buffer_;
		buffer_init(&setter, TARGET_LIMIT);
		ask_append_setter(ctl, fault, &setter);
		complain(
		    EXIT_INPUT, "%s%s", buffer_text(&setter), detail ? detail : "it is not taken");
	}
}

/* By the code, where one status has several meanings. */
static enum exit_code exit_of_problem(const json_t *problem, unsigned status, const char *code)
{
	if (text_same(code, "upstream-rejected")) {
		int64_t upstream = member_integer(member(problem, "upstream"), "status", status);
		return upstream >= 400 && upstream < 500 ? EXIT_INPUT : EXIT_REFUSED;
	}
	if (text_same(code, "operation-in-progress"))
		return EXIT_UNCLEAR;
	if (text_same(code, "configuration-invalid"))
		return EXIT_CONFIG;
	if (text_same(code, "duplicate-connector"))
		return EXIT_INPUT;
	if (status == 401 || status == 403)
		return EXIT_NOT_ALLOWED;
	if (status == 404)
		return text_same(code, "not-found") ? EXIT_REFUSED : EXIT_NO_SUCH;
	return status == 400 || status == 413 || status == 414 || status == 422 ? EXIT_INPUT
										: EXIT_REFUSED;
}

static enum exit_code complain_of_token(const struct ctl *ctl)
{
	const char *from = link_token_from(ctl->link);
	if (!from)
		return complain(EXIT_NOT_ALLOWED,
		    "%s needs a token: --token-file FILE; mixportctl token new makes one "
		    "[unauthorized]",
		    link_name(ctl->link));
	return complain(
	    EXIT_NOT_ALLOWED, "the token in %s is not known to the daemon [unauthorized]", from);
}

enum exit_code ask_complain(struct ctl *ctl, const struct exchange *exchange)
{
	json_t *problem _cleanup_json_ = NULL;
	if (exchange->status == 401)
		return complain_of_token(ctl);
	enum exit_code code = ask_parse(ctl, exchange, &problem);
	if (code)
		return code;
	const char *name = member_text(problem, "code");
	const char *detail = member_text(problem, "detail");
	code = exit_of_problem(problem, exchange->status, name);
	complain(code, "%s [%s]", detail ? detail : "it was refused", name ? name : "no code");
	complain_of_faults(ctl, member(problem, "errors"));
	return code;
}

/* Asking ---------------------------------------------------------------------------------------*/

static bool says_json(const struct exchange *exchange)
{
	const char *type = exchange->content_type;
	return strcmp(type, "application/json") == 0 ||
	       strcmp(type, "application/problem+json") == 0;
}

bool ask_is_json(const struct exchange *exchange)
{
	if (exchange->status == 204 || exchange->status == 304)
		return true;
	return says_json(exchange) && (exchange->copy_to || jsontext_is_valid(ask_body(exchange)));
}

enum exit_code ask_not_ours(struct ctl *ctl, const struct exchange *exchange)
{
	const char *type = exchange->content_type;
	return complain(EXIT_REFUSED,
	    "%s did not answer like mixportd (%s); is this the right address?",
	    link_name(ctl->link),
	    says_json(exchange) ? "JSON that is broken"
	    : *type             ? type
				: "of no type");
}

enum exit_code ask(struct ctl *ctl, struct exchange *exchange)
{
	enum exit_code code = link_ask(ctl->link, exchange);
	if (code)
		return code;
	if (!ask_is_json(exchange))
		return ask_not_ours(ctl, exchange);
	return exchange->status < 300 ? EXIT_DONE : ask_complain(ctl, exchange);
}

enum exit_code ask_get(struct ctl *ctl, const struct target *target, struct exchange *exchange)
{
	exchange->method = "GET";
	exchange->target = target_text(target);
	if (!exchange->target)
		return complain(EXIT_USAGE, "what is asked for is too long");
	return ask(ctl, exchange);
}

struct span ask_body(const struct exchange *exchange)
{
	return (struct span){.ptr = buffer_text(&exchange->text), .len = exchange->text.len};
}

enum exit_code ask_parse(struct ctl *ctl, const struct exchange *exchange, json_t **ret_json)
{
	struct err err = ERR_INIT;
	if (!ask_is_json(exchange))
		return ask_not_ours(ctl, exchange);
	if (jsontext_parse(ask_body(exchange), 0, &err, ret_json) < 0)
		return complain(EXIT_REFUSED,
		    "%s did not answer like mixportd (%s); is this the right address?",
		    link_name(ctl->link), err.text);
	return EXIT_DONE;
}
