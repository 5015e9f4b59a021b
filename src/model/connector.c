/* SPDX-License-Identifier: MIT */
/* The rules for a body that is to be created, and when two bodies ask for the same import. */
#include "model/connector.h"

#include <stdarg.h>
#include <string.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/jsontext.h"

/* Bodies are at most 64 KiB; a pointer doubles each "~" and "/" of a name at the worst. */
#define POINTER_LIMIT (256 * 1024)
#define DETAIL_LIMIT 1024

/* The rules -------------------------------------------------------------------------------------*/

/* One member that an object may have. */
struct member_rule {
	const char *name;
	json_type type; /* JSON_STRING or JSON_OBJECT */
	bool required;
	bool may_be_empty;         /* a string */
	bool advisory;             /* a value not in the list is a warning */
	const char *const *values; /* NULL-terminated; NULL for any */
};

/* The members of one object, in the order in which their faults are reported. */
struct object_rule {
	const struct member_rule *members;
	size_t count;
	const char *purpose; /* "a gcsImport connector": for the sentence about an unknown member */
};

#define REQUIRED(n)                                                                                \
	{                                                                                          \
		.name = (n), .type = JSON_STRING, .required = true                                 \
	}
#define OPTIONAL(n)                                                                                \
	{                                                                                          \
		.name = (n), .type = JSON_STRING, .may_be_empty = true                             \
	}
#define PREFIX(n)                                                                                  \
	{                                                                                          \
		.name = (n), .type = JSON_STRING, .required = true, .may_be_empty = true           \
	}
#define OBJECT_RULE(m, p)                                                                          \
	{                                                                                          \
		.members = (m), .count = ARRAY_SIZE(m), .purpose = (p)                             \
	}

static const char *const connector_types[] = {"gcsImport", "s3Import", NULL};

static const char *const data_formats[] = {
    "mixpanel_event",
    "mixpanel_people",
    "mixpanel_group",
    "remap_event",
    "remap_people",
    "remap_group",
    NULL,
};

static const char *const compressions[] = {"none", "gzip", NULL};

/* As the reference lists them; AWS has added some since, so another one is a warning. */
static const char *const s3_regions[] = {
    "us-east-2",
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "ap-south-1",
    "ap-northeast-3",
    "ap-northeast-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "ca-central-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-north-1",
    "sa-east-1",
    NULL,
};

static const struct member_rule body_members[] = {
    {.name = "connector_type", .type = JSON_STRING, .required = true, .values = connector_types},
    OPTIONAL("label"),
    {.name = "connector_properties", .type = JSON_OBJECT, .required = true},
    {.name = "category_properties", .type = JSON_OBJECT, .required = true},
};

static const struct member_rule gcs_members[] = {
    REQUIRED("gcs_bucket"),
    PREFIX("gcs_prefix"),
    OPTIONAL("gcs_region"),
};

static const struct member_rule s3_members[] = {
    REQUIRED("s3_bucket"),
    PREFIX("s3_prefix"),
    {
	.name = "s3_region",
	.type = JSON_STRING,
	.required = true,
	.advisory = true,
	.values = s3_regions,
    },
    REQUIRED("s3_role"),
};

static const struct member_rule category_members[] = {
    {.name = "data_format", .type = JSON_STRING, .required = true, .values = data_formats},
    {.name = "compression", .type = JSON_STRING, .values = compressions},
};

static const struct member_rule remap_category_members[] = {
    {.name = "data_format", .type = JSON_STRING, .required = true, .values = data_formats},
    {.name = "compression", .type = JSON_STRING, .values = compressions},
    {.name = "property_remap", .type = JSON_OBJECT, .required = true},
};

static const struct member_rule remap_event_members[] = {
    REQUIRED("event_name"),
    REQUIRED("time"),
    REQUIRED("distinct_id"),
    {.name = "$insert_id", .type = JSON_STRING},
    {.name = "ip", .type = JSON_STRING},
};

static const struct member_rule remap_people_members[] = {REQUIRED("$distinct_id")};

static const struct member_rule remap_group_members[] = {
    REQUIRED("$group_key"),
    REQUIRED("$group_id"),
};

static const struct object_rule body_rule = OBJECT_RULE(body_members, "a connector");
static const struct object_rule category_rule =
    OBJECT_RULE(category_members, "data that is not remapped");
static const struct object_rule remap_category_rule =
    OBJECT_RULE(remap_category_members, "remapped data");

/* The rules that depend on what the body says it is. */
static const struct {
	const char *name;
	struct object_rule rule;
	const char *bucket;
	const char *prefix;
} type_rules[] = {
    {"gcsImport", OBJECT_RULE(gcs_members, "a gcsImport connector"), "gcs_bucket", "gcs_prefix"},
    {"s3Import", OBJECT_RULE(s3_members, "an s3Import connector"), "s3_bucket", "s3_prefix"},
};

static const struct {
	const char *name;
	struct object_rule rule;
} remap_rules[] = {
    {"remap_event", OBJECT_RULE(remap_event_members, "remap_event")},
    {"remap_people", OBJECT_RULE(remap_people_members, "remap_people")},
    {"remap_group", OBJECT_RULE(remap_group_members, "remap_group")},
};

/* Where we are in the body, and what was found --------------------------------------------------*/

struct place {
	const struct place *parent;
	const char *name; /* NULL at the top */
};

struct check {
	struct connector_faults *faults;
	bool no_memory;
};

static void append_pointer(struct buffer *buffer, const struct place *place)
{
	if (!place->name)
		return;
	append_pointer(buffer, place->parent);
	text_append_pointer(buffer, place->name);
}

static char *pointer_text(const struct place *place)
{
	_cleanup_buffer_ struct buffer buffer;
	buffer_init(&buffer, POINTER_LIMIT);
	append_pointer(&buffer, place);
	if (buffer_failed(&buffer))
		return NULL;
	return strdup(buffer_text(&buffer));
}

static int add_fault(struct check *check, struct connector_fault fault)
{
	struct connector_faults *faults = check->faults;
	struct connector_fault *list = array_grow(faults->list, faults->count, sizeof(*list));
	if (!list)
		return -1;
	faults->list = list;
	list[faults->count++] = fault;
	if (!fault.warning)
		faults->errors++;
	return 0;
}

/* Takes over detail. */
static void connector_note(
    struct check *check, const struct place *place, bool warning, const char *code, char *detail)
{
	struct connector_fault fault = {
	    .pointer = pointer_text(place),
	    .code = code,
	    .detail = detail,
	    .warning = warning,
	};
	if (!fault.pointer || !fault.detail || add_fault(check, fault) < 0) {
		free(fault.pointer);
		free(fault.detail);
		check->no_memory = true;
	}
}

static char *sentence(const char *format, ...) PRINTF_LIKE(1, 2);
static char *sentence(const char *format, ...)
{
	char text[DETAIL_LIMIT];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return strdup(text);
}

/* Checking --------------------------------------------------------------------------------------*/

static const char *type_name(json_type type)
{
	return type == JSON_OBJECT ? "an object" : "a string";
}

/* jansson's iterators take no const, although they change nothing. */
static json_t *iterable(const json_t *object)
{
	return (json_t *)(uintptr_t)object;
}

/* A member, null counting as absent. */
static json_t *connector_member(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);
	return json_is_null(value) ? NULL : value;
}

static const char *connector_member_text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static bool is_listed(const char *const *values, const char *text)
{
	for (; *values; values++)
		if (strcmp(*values, text) == 0)
			return true;
	return false;
}

static char *list_sentence(const struct member_rule *rule)
{
	_cleanup_buffer_ struct buffer buffer;
	buffer_init(&buffer, DETAIL_LIMIT);
	buffer_printf(&buffer, "%s is none of the known values: ", rule->name);
	for (const char *const *value = rule->values; *value; value++)
		buffer_printf(&buffer, "%s%s", value == rule->values ? "" : ", ", *value);
	return buffer_failed(&buffer) ? NULL : strdup(buffer_text(&buffer));
}

static void check_member(struct check *check, const struct member_rule *rule,
    const struct place *parent, const json_t *object)
{
	const struct place place = {.parent = parent, .name = rule->name};
	const json_t *value = connector_member(object, rule->name);
	if (!value) {
		if (rule->required)
			connector_note(check, &place, false, "required",
			    sentence(
				"%s is missing; it must be %s", rule->name, type_name(rule->type)));
	} else if (json_typeof(value) != rule->type) {
		connector_note(check, &place, false, "wrong-type",
		    sentence("%s must be %s", rule->name, type_name(rule->type)));
	} else if (rule->type == JSON_STRING) {
		const char *text = json_string_value(value);
		bool closed = rule->values && !rule->advisory;
		if (*text == '\0' && !rule->may_be_empty && !closed)
			connector_note(check, &place, false, "required",
			    sentence("%s is empty; it needs a value", rule->name));
		else if (rule->values && !is_listed(rule->values, text))
			connector_note(
			    check, &place, rule->advisory, "unknown-value", list_sentence(rule));
	}
}

static bool connector_is_known(const struct object_rule *rule, const char *name)
{
	for (size_t i = 0; i < rule->count; i++)
		if (strcmp(rule->members[i].name, name) == 0)
			return true;
	return false;
}

static void check_known(struct check *check, const struct object_rule *rule,
    const struct place *place, const json_t *object)
{
	for (size_t i = 0; i < rule->count; i++)
		check_member(check, &rule->members[i], place, object);
}

static void check_unknown(struct check *check, const struct object_rule *rule,
    const struct place *parent, const json_t *object, bool passed_on)
{
	const char *name;
	json_t *value;
	json_object_foreach (iterable(object), name, value) {
		if (json_is_null(value) || connector_is_known(rule, name))
			continue;
		const struct place place = {.parent = parent, .name = name};
		connector_note(check, &place, passed_on, "unknown-member",
		    passed_on ? sentence("not a member we know of %s; it is passed on as it is",
				    rule->purpose)
			      : sentence("not a member of %s", rule->purpose));
	}
}

/* Names of source properties, whatever the target is called. */
static void check_remap(
    struct check *check, const char *data_format, const struct place *parent, const json_t *remap)
{
	const struct place place = {.parent = parent, .name = "property_remap"};
	for (size_t i = 0; i < ARRAY_SIZE(remap_rules); i++) {
		const struct object_rule *rule = &remap_rules[i].rule;
		if (strcmp(remap_rules[i].name, data_format) != 0)
			continue;
		check_known(check, rule, &place, remap);
		const char *name;
		json_t *value;
		json_object_foreach (iterable(remap), name, value) {
			const struct place target = {.parent = &place, .name = name};
			if (!connector_is_known(rule, name) && !json_is_null(value) &&
			    !json_is_string(value))
				connector_note(check, &target, false, "wrong-type",
				    sentence("must be a string: the name of a source property"));
		}
		check_unknown(check, rule, &place, remap, true);
	}
}

static bool is_remapped(const char *data_format)
{
	for (size_t i = 0; data_format && i < ARRAY_SIZE(remap_rules); i++)
		if (strcmp(remap_rules[i].name, data_format) == 0)
			return true;
	return false;
}

int connector_validate(const json_t *body, bool lenient, struct connector_faults *faults)
{
	*faults = (struct connector_faults){0};
	struct check check = {.faults = faults};
	const struct place top = {.name = NULL};
	if (!json_is_object(body)) {
		connector_note(
		    &check, &top, false, "wrong-type", sentence("the body must be an object"));
		return check.no_memory ? -1 : 0;
	}
	check_known(&check, &body_rule, &top, body);
	const json_t *properties = connector_member(body, "connector_properties");
	const char *connector_type = connector_member_text(body, "connector_type");
	if (json_is_object(properties) && connector_type) {
		const struct place place = {.parent = &top, .name = "connector_properties"};
		for (size_t i = 0; i < ARRAY_SIZE(type_rules); i++) {
			if (strcmp(type_rules[i].name, connector_type) != 0)
				continue;
			check_known(&check, &type_rules[i].rule, &place, properties);
			check_unknown(&check, &type_rules[i].rule, &place, properties, true);
		}
	}
	const json_t *category = connector_member(body, "category_properties");
	if (json_is_object(category)) {
		const struct place place = {.parent = &top, .name = "category_properties"};
		const char *data_format = connector_member_text(category, "data_format");
		bool remapped = is_remapped(data_format);
		const struct object_rule *rule = remapped ? &remap_category_rule : &category_rule;
		check_known(&check, rule, &place, category);
		const json_t *remap = connector_member(category, "property_remap");
		if (remapped && json_is_object(remap))
			check_remap(&check, data_format, &place, remap);
		check_unknown(&check, rule, &place, category, true);
	}
	check_unknown(&check, &body_rule, &top, body, lenient);
	return check.no_memory ? -1 : 0;
}

void connector_faults_done(struct connector_faults *faults)
{
	for (size_t i = 0; i < faults->count; i++) {
		free(faults->list[i].pointer);
		free(faults->list[i].detail);
	}
	free(faults->list);
	*faults = (struct connector_faults){0};
}

const char *const connector_status_names[] = {"active", "stopped", "paused", NULL};
_Static_assert(ARRAY_SIZE(connector_status_names) == CONNECTOR_STATUS_COUNT + 1,
    "there is another number of statuses");

/* Comparing -------------------------------------------------------------------------------------*/

const char *const connector_kind_names[CONNECTOR_KIND_COUNT + 1] = {
    [CONNECTOR_CLOUD_IMPORT] = "cloud_import",
};

bool connector_id_is_valid(const char *text)
{
	size_t len = strlen(text);
	if (len < 1 || len > CONNECTOR_ID_LENGTH_LIMIT)
		return false;
	/* As a segment of a URL's path these two would name something else. */
	if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '/')
			return false;
	return true;
}

/* What two imports are compared by. Borrowed. */
struct source {
	const char *connector_type;
	const char *data_format;
	const json_t *properties;
};

static struct source source_of_body(const json_t *body)
{
	return (struct source){
	    .connector_type = connector_member_text(body, "connector_type"),
	    .data_format =
		connector_member_text(json_object_get(body, "category_properties"), "data_format"),
	    .properties = json_object_get(body, "connector_properties"),
	};
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name);
	size_t end_len = strlen(end);
	return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

/* A prefix without the slashes around it: Mixpanel may echo it in its own form. */
static struct span bare_prefix(const char *prefix)
{
	while (*prefix == '/')
		prefix++;
	size_t len = strlen(prefix);
	while (len > 0 && prefix[len - 1] == '/')
		len--;
	return (struct span){.ptr = prefix, .len = len};
}

/* Whether what both say of one member is the same source. */
static bool same_member(const char *name, const json_t *a, const json_t *b)
{
	/* Who is let in to read makes it no other source. */
	if (json_is_null(a) || json_is_null(b) || ends_with(name, "_role"))
		return true;
	if (!json_is_string(a) || !json_is_string(b))
		return json_equal(a, b);
	const char *left = json_string_value(a);
	const char *right = json_string_value(b);
	if (ends_with(name, "_prefix"))
		return span_same(bare_prefix(left), bare_prefix(right));
	if (ends_with(name, "_region"))
		return strcasecmp(left, right) == 0;
	return strcmp(left, right) == 0;
}

static bool same_source(const struct source *a, const struct source *b)
{
	const char *name;
	json_t *value;
	if (!json_is_object(a->properties) || !json_is_object(b->properties) ||
	    !text_same(a->connector_type, b->connector_type) ||
	    !text_same(a->data_format, b->data_format))
		return false;
	json_object_foreach (iterable(a->properties), name, value) {
		const json_t *other = json_object_get(b->properties, name);
		if (other && !same_member(name, value, other))
			return false;
	}
	return true;
}

bool connector_bodies_same_import(const json_t *a, const json_t *b)
{
	const struct source left = source_of_body(a);
	const struct source right = source_of_body(b);
	return same_source(&left, &right);
}

/* The caller owns the properties, which are NULL when there are none that can be read. */
static struct source source_of_connector(const struct connector *connector, json_t **properties)
{
	struct err err = ERR_INIT;
	if (!connector->properties.ptr ||
	    jsontext_parse(connector->properties, 0, &err, properties) < 0)
		*properties = NULL;
	return (struct source){
	    .connector_type = connector->connector_type,
	    .data_format = connector->data_format,
	    .properties = *properties,
	};
}

bool connector_is_same_import(const json_t *body, const struct connector *connector)
{
	_cleanup_json_ json_t *properties = NULL;
	const struct source left = source_of_body(body);
	const struct source right = source_of_connector(connector, &properties);
	return same_source(&left, &right);
}

bool connectors_are_same_import(const struct connector *a, const struct connector *b)
{
	_cleanup_json_ json_t *left_properties = NULL;
	_cleanup_json_ json_t *right_properties = NULL;
	const struct source left = source_of_connector(a, &left_properties);
	const struct source right = source_of_connector(b, &right_properties);
	return same_source(&left, &right);
}

int connector_import_key(struct buffer *key, const char *connector_type, const char *data_format,
    const char *bucket, const char *prefix)
{
	if (!connector_type || !bucket)
		return 1;
	struct span bare = bare_prefix(prefix ? prefix : "");
	buffer_printf(key, "%s\n%s\n%s\n%.*s", connector_type, data_format ? data_format : "",
	    bucket, (int)bare.len, bare.ptr);
	return buffer_failed(key) ? -1 : 0;
}

int connector_body_import_key(struct buffer *key, const json_t *body)
{
	const struct source source = source_of_body(body);
	return connector_import_key(key, source.connector_type, source.data_format,
	    connector_body_bucket(body), connector_body_prefix(body));
}

const char *connector_body_bucket(const json_t *body)
{
	const char *connector_type = connector_member_text(body, "connector_type");
	for (size_t i = 0; connector_type && i < ARRAY_SIZE(type_rules); i++)
		if (strcmp(type_rules[i].name, connector_type) == 0)
			return connector_member_text(
			    json_object_get(body, "connector_properties"), type_rules[i].bucket);
	return NULL;
}

const char *connector_body_prefix(const json_t *body)
{
	const char *connector_type = connector_member_text(body, "connector_type");
	for (size_t i = 0; connector_type && i < ARRAY_SIZE(type_rules); i++)
		if (strcmp(type_rules[i].name, connector_type) == 0)
			return connector_member_text(
			    json_object_get(body, "connector_properties"), type_rules[i].prefix);
	return NULL;
}
