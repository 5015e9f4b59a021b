/* SPDX-License-Identifier: MIT */
/* The rules for a new connector, and when two are the same import. */
#include "model/connector.h"

#include <string.h>

#include "unit.h"
#include "util/cleanup.h"
#include "util/jsontext.h"

#define GCS                                                                                        \
	"\"connector_type\":\"gcsImport\",\"connector_properties\":{\"gcs_bucket\":\"b\","         \
	"\"gcs_prefix\":\"\"}"
#define S3_TYPE "\"connector_type\":\"s3Import\""
#define CATEGORY "\"category_properties\":{\"data_format\":\"mixpanel_event\"}"
#define REMAP(format, remap)                                                                       \
	"{" GCS ",\"category_properties\":{\"data_format\":\"" format                              \
	"\",\"property_remap\":" remap "}}"

/* A body and what is said of it: "pointer code" for each fault, "pointer code!" for a warning. */
struct validation {
	const char *body;
	const char *said;
};

static const struct validation validations[] = {
    {"{" GCS "," CATEGORY "}", ""},
    {"{" GCS "," CATEGORY ",\"label\":\"\"}", ""},
    {"{" GCS "," CATEGORY ",\"label\":null,\"other\":null}", ""},
    {"[]", " wrong-type;"},
    {"{}",
	"/connector_type required;/connector_properties required;/category_properties required;"},
    {"{\"connector_type\":null,\"connector_properties\":null,\"category_properties\":null}",
	"/connector_type required;/connector_properties required;/category_properties required;"},
    {"{\"connector_type\":1,\"label\":2,\"connector_properties\":[],\"category_properties\":\"\","
     "\"a/b~c\":true}",
	"/connector_type wrong-type;/label wrong-type;/connector_properties wrong-type;"
	"/category_properties wrong-type;/a~1b~0c unknown-member;"},
    {"{\"connector_type\":\"GCSImport\",\"connector_properties\":{}," CATEGORY "}",
	"/connector_type unknown-value;"},
    {"{\"connector_type\":\"\",\"connector_properties\":{}," CATEGORY "}",
	"/connector_type unknown-value;"},
    {"{\"connector_type\":\"gcsImport\",\"connector_properties\":{\"s3_bucket\":\"x\"}," CATEGORY
     "}",
	"/connector_properties/gcs_bucket required;/connector_properties/gcs_prefix required;"
	"/connector_properties/s3_bucket unknown-member!;"},
    {"{\"connector_type\":\"gcsImport\",\"connector_properties\":{\"gcs_bucket\":\"\","
     "\"gcs_prefix\":7,\"gcs_region\":8}," CATEGORY "}",
	"/connector_properties/gcs_bucket required;/connector_properties/gcs_prefix wrong-type;"
	"/connector_properties/gcs_region wrong-type;"},
    {"{" S3_TYPE ",\"connector_properties\":{}," CATEGORY "}",
	"/connector_properties/s3_bucket required;/connector_properties/s3_prefix required;"
	"/connector_properties/s3_region required;/connector_properties/s3_role required;"},
    {"{" S3_TYPE ",\"connector_properties\":{\"s3_bucket\":\"b\",\"s3_prefix\":\"\","
     "\"s3_region\":\"sa-east-1\",\"s3_role\":\"r\"}," CATEGORY "}",
	""},
    {"{" S3_TYPE ",\"connector_properties\":{\"s3_bucket\":\"b\",\"s3_prefix\":\"\","
     "\"s3_region\":\"us\",\"s3_role\":\"\"}," CATEGORY "}",
	"/connector_properties/s3_region unknown-value!;/connector_properties/s3_role required;"},
    {"{" GCS ",\"category_properties\":{}}", "/category_properties/data_format required;"},
    {"{" GCS ",\"category_properties\":{\"data_format\":\"csv\",\"compression\":\"zip\"}}",
	"/category_properties/data_format unknown-value;"
	"/category_properties/compression unknown-value;"},
    {"{" GCS ",\"category_properties\":{\"data_format\":\"mixpanel_people\","
     "\"compression\":null,\"property_remap\":{},\"extra\":[1]}}",
	"/category_properties/property_remap unknown-member!;"
	"/category_properties/extra unknown-member!;"},
    {"{" GCS ",\"category_properties\":{\"data_format\":\"mixpanel_group\","
     "\"compression\":\"gzip\"}}",
	""},
    {"{" GCS ",\"category_properties\":{\"data_format\":\"remap_event\"}}",
	"/category_properties/property_remap required;"},
    {REMAP("remap_event", "[]"), "/category_properties/property_remap wrong-type;"},
    {REMAP("remap_event", "{}"), "/category_properties/property_remap/event_name required;"
				 "/category_properties/property_remap/time required;"
				 "/category_properties/property_remap/distinct_id required;"},
    {REMAP("remap_event", "{\"event_name\":\"e\",\"time\":1,\"distinct_id\":\"\",\"ip\":{},"
			  "\"city\":\"c\",\"age\":3}"),
	"/category_properties/property_remap/time wrong-type;"
	"/category_properties/property_remap/distinct_id required;"
	"/category_properties/property_remap/ip wrong-type;"
	"/category_properties/property_remap/age wrong-type;"
	"/category_properties/property_remap/city unknown-member!;"
	"/category_properties/property_remap/age unknown-member!;"},
    {REMAP("remap_event", "{\"event_name\":\"e\",\"time\":\"t\",\"distinct_id\":\"d\","
			  "\"$insert_id\":\"i\",\"ip\":null}"),
	""},
    {REMAP("remap_people", "{\"distinct_id\":\"d\"}"),
	"/category_properties/property_remap/$distinct_id required;"
	"/category_properties/property_remap/distinct_id unknown-member!;"},
    {REMAP("remap_group", "{\"$group_key\":\"k\"}"),
	"/category_properties/property_remap/$group_id required;"},
    {REMAP("remap_group", "{\"$group_key\":\"k\",\"$group_id\":\"i\"}"), ""},
};

static json_t *parse(const char *text)
{
	struct err err = ERR_INIT;
	json_t *value = NULL;
	ck_assert_msg(jsontext_parse(span_of(text), 0, &err, &value) == 0, "%s", err.text);
	return value;
}

static void describe(const struct connector_faults *faults, struct buffer *said)
{
	size_t errors = 0;
	for (size_t i = 0; i < faults->count; i++) {
		const struct connector_fault *fault = &faults->list[i];
		ck_assert(*fault->detail != '\0');
		errors += !fault->warning;
		buffer_printf(
		    said, "%s %s%s;", fault->pointer, fault->code, fault->warning ? "!" : "");
	}
	ck_assert_uint_eq(faults->errors, errors);
}

static void expect(const char *text, bool lenient, const char *said)
{
	_cleanup_json_ json_t *body = parse(text);
	_cleanup_connector_faults_ struct connector_faults faults;
	ck_assert_int_eq(connector_validate(body, lenient, &faults), 0);
	_cleanup_buffer_ struct buffer description;
	buffer_init(&description, 65536);
	describe(&faults, &description);
	ck_assert_msg(strcmp(buffer_text(&description), said) == 0, "%s\nsaid  %s\nshould %s", text,
	    buffer_text(&description), said);
}

START_TEST(every_fault_is_told_at_once)
{
	for (size_t i = 0; i < ARRAY_SIZE(validations); i++)
		expect(validations[i].body, false, validations[i].said);
}
END_TEST

START_TEST(a_lenient_check_lets_unknown_top_members_pass)
{
	expect("{" GCS "," CATEGORY ",\"x\":1}", false, "/x unknown-member;");
	expect("{" GCS "," CATEGORY ",\"x\":1}", true, "/x unknown-member!;");
	expect("{" GCS ",\"x\":1}", true, "/category_properties required;/x unknown-member!;");
}
END_TEST

START_TEST(ids_are_opaque_but_fit_in_a_path)
{
	char longest[CONNECTOR_ID_LENGTH_LIMIT + 2];
	memset(longest, 'a', sizeof(longest) - 1);
	longest[CONNECTOR_ID_LENGTH_LIMIT + 1] = '\0';
	ck_assert(!connector_id_is_valid(longest));
	longest[CONNECTOR_ID_LENGTH_LIMIT] = '\0';
	ck_assert(connector_id_is_valid(longest));
	static const char *const good[] = {"232f40cc-0000-4z", "a", "...", "?#%", "~"};
	static const char *const bad[] = {"", ".", "..", "a/b", "a b", "a\n", "\x7f", "\xc3\xa9"};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		ck_assert(connector_id_is_valid(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert(!connector_id_is_valid(bad[i]));
}
END_TEST

static bool is_same(const char *body_text, const char *properties)
{
	_cleanup_json_ json_t *body = parse(body_text);
	struct connector connector = {
	    .connector_type = "gcsImport",
	    .data_format = "mixpanel_event",
	    .properties = span_of(properties),
	};
	return connector_is_same_import(body, &connector);
}

START_TEST(the_same_import_names_the_same_source)
{
	const char *body = "{" GCS "," CATEGORY "}";
	ck_assert(is_same(body, "{\"gcs_bucket\":\"b\",\"gcs_prefix\":\"\"}"));
	ck_assert(
	    is_same(body, "{\"gcs_prefix\":\"\",\"gcs_region\":\"us\",\"gcs_bucket\":\"b\"}"));
	ck_assert(!is_same(body, "{\"gcs_bucket\":\"b\",\"gcs_prefix\":\"p\"}"));
	ck_assert(is_same(body, "{\"gcs_bucket\":\"b\"}"));
	ck_assert(!is_same(body, "{\"gcs_bucket\":"));
	ck_assert(!is_same(body, NULL));
	ck_assert(!is_same("{" GCS ",\"category_properties\":{\"data_format\":\"mixpanel_group\"}}",
	    "{\"gcs_bucket\":\"b\",\"gcs_prefix\":\"\"}"));
	ck_assert(!is_same("{" S3_TYPE ",\"connector_properties\":{}," CATEGORY "}", "{}"));
	ck_assert(is_same("{\"connector_type\":\"gcsImport\",\"connector_properties\":"
			  "{\"gcs_bucket\":\"b\",\"gcs_region\":null}," CATEGORY "}",
	    "{\"gcs_bucket\":\"b\"}"));
	ck_assert(!is_same("[]", "{}"));
}
END_TEST

static json_t *body_with(const char *properties)
{
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, 4096);
	buffer_printf(&text, "{\"connector_type\":\"s3Import\",\"connector_properties\":%s,%s}",
	    properties, CATEGORY);
	return parse(buffer_text(&text));
}

/* Both ways round, and with the same key whenever they are the same. */
START_TEST(null_absent_and_other_forms_ask_for_the_same_import)
{
	static const struct {
		const char *a;
		const char *b;
		bool same;
	} cases[] = {
	    {"{\"s3_bucket\":\"b\"}", "{\"s3_bucket\":\"b\",\"s3_region\":null}", true},
	    {"{\"s3_bucket\":\"b\"}", "{\"s3_bucket\":\"b\",\"s3_region\":\"us-east-1\"}", true},
	    {"{\"s3_bucket\":\"b\",\"s3_region\":\"US-EAST-1\"}",
		"{\"s3_bucket\":\"b\",\"s3_region\":\"us-east-1\"}", true},
	    {"{\"s3_bucket\":\"b\",\"s3_region\":\"us-east-2\"}",
		"{\"s3_bucket\":\"b\",\"s3_region\":\"us-east-1\"}", false},
	    {"{\"s3_bucket\":\"b\",\"s3_prefix\":\"p\"}",
		"{\"s3_bucket\":\"b\",\"s3_prefix\":\"/p//\"}", true},
	    {"{\"s3_bucket\":\"b\",\"s3_prefix\":\"\"}",
		"{\"s3_bucket\":\"b\",\"s3_prefix\":\"/\"}", true},
	    {"{\"s3_bucket\":\"b\",\"s3_prefix\":\"p/q\"}",
		"{\"s3_bucket\":\"b\",\"s3_prefix\":\"pq\"}", false},
	    {"{\"s3_bucket\":\"b\",\"s3_role\":\"r\"}", "{\"s3_bucket\":\"b\",\"s3_role\":\"s\"}",
		true},
	    {"{\"s3_bucket\":\"b\",\"new\":1}", "{\"s3_bucket\":\"b\",\"new\":2}", false},
	    {"{\"s3_bucket\":\"b\",\"new\":1}", "{\"s3_bucket\":\"b\"}", true},
	    {"{\"s3_bucket\":\"b\"}", "{\"s3_bucket\":\"B\"}", false},
	    {"[]", "[]", false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ json_t *a = body_with(cases[i].a);
		_cleanup_json_ json_t *b = body_with(cases[i].b);
		ck_assert_msg(
		    connector_bodies_same_import(a, b) == cases[i].same, "%s", cases[i].b);
		ck_assert(connector_bodies_same_import(b, a) == cases[i].same);
		struct buffer keys[2];
		buffer_init(&keys[0], 4096);
		buffer_init(&keys[1], 4096);
		int r = connector_body_import_key(&keys[0], a);
		ck_assert_int_eq(connector_body_import_key(&keys[1], b), r);
		if (cases[i].same)
			ck_assert_str_eq(buffer_text(&keys[0]), buffer_text(&keys[1]));
		buffer_done(&keys[0]);
		buffer_done(&keys[1]);
	}
}
END_TEST

START_TEST(bucket_and_prefix_go_by_the_type)
{
	_cleanup_json_ json_t *body =
	    parse("{\"connector_type\":\"s3Import\",\"connector_properties\":"
		  "{\"gcs_bucket\":\"g\",\"s3_bucket\":\"s\",\"s3_prefix\":4}}");
	ck_assert_str_eq(connector_body_bucket(body), "s");
	ck_assert_ptr_null(connector_body_prefix(body));
	_cleanup_json_ json_t *none = parse("[]");
	ck_assert_ptr_null(connector_body_bucket(none));
	ck_assert_ptr_null(connector_body_prefix(none));
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"every fault is told at once", every_fault_is_told_at_once},
	    {"a lenient check lets unknown top members pass",
		a_lenient_check_lets_unknown_top_members_pass},
	    {"ids are opaque but fit in a path", ids_are_opaque_but_fit_in_a_path},
	    {"the same import names the same source", the_same_import_names_the_same_source},
	    {"null, absent and other forms ask for the same import",
		null_absent_and_other_forms_ask_for_the_same_import},
	    {"bucket and prefix go by the type", bucket_and_prefix_go_by_the_type},
	    {NULL, NULL},
	};
	return unit_main("connector", cases);
}
