/* SPDX-License-Identifier: MIT */
/* The description of the API says what the tables say, no less and no more. */
#include "api/openapi.h"

#include <stdio.h>
#include <string.h>

#include "api/routes.h"
#include "config.h"
#include "config/region.h"
#include "http/request.h"
#include "model/attention.h"
#include "model/audit.h"
#include "model/connector.h"
#include "model/event.h"
#include "model/job.h"
#include "model/operation.h"
#include "model/project.h"
#include "unit.h"
#include "util/jsontext.h"

static json_t *document;

/* What a "$ref" stands for, or the value itself. */
static json_t *resolved(json_t *value)
{
	char path[256];
	json_t *at = document;
	const char *reference = json_string_value(json_object_get(value, "$ref"));
	if (!reference)
		return value;
	ck_assert_msg(strncmp(reference, "#/", 2) == 0, "%s", reference);
	snprintf(path, sizeof(path), "%s", reference + 2);
	char *rest = path;
	for (char *name; (name = strsep(&rest, "/"));)
		at = json_object_get(at, name);
	ck_assert_msg(at, "%s leads nowhere", reference);
	return at;
}

/* A member of a member and so on, each by its name; "" steps through a $ref. NULL when missing. */
static json_t *find(json_t *value, const char *path)
{
	char copy[256];
	snprintf(copy, sizeof(copy), "%s", path);
	char *rest = copy;
	for (char *name; (name = strsep(&rest, ".")) && value;)
		value = resolved(json_object_get(value, name));
	return value;
}

/* Sets of words are objects whose members do not matter. */
static void add(json_t *set, const char *word)
{
	json_object_set_new(set, word, json_true());
}

static json_t *words_of(json_t *list)
{
	json_t *set = json_object();
	json_t *word;
	size_t i;
	ck_assert(json_is_array(list));
	json_array_foreach (list, i, word)
		if (json_is_string(word))
			add(set, json_string_value(word));
	return set;
}

static json_t *names_of(const char *const *names)
{
	json_t *set = json_object();
	for (; *names; names++)
		add(set, *names);
	return set;
}

/* Both are taken. */
static void assert_same(const char *what, json_t *described, json_t *held)
{
	const char *word;
	json_t *value;
	json_object_foreach (described, word, value) {
		ck_assert_msg(json_object_get(held, word), "%s: only described: %s", what, word);
	}
	json_object_foreach (held, word, value) {
		ck_assert_msg(
		    json_object_get(described, word), "%s: not described: %s", what, word);
	}
	json_decref(described);
	json_decref(held);
}

/* Routes ----------------------------------------------------------------------------------------*/

static const struct route *routes(size_t *ret_count)
{
	static struct service service;
	static struct application application;
	application = routes_application(&service);
	*ret_count = application.route_count;
	return application.routes;
}

/* "/v1/jobs/{job_id}" is "/v1/jobs/{}" to the router. */
static void pattern_of(const char *path, char *ret_pattern, size_t size)
{
	size_t len = 0;
	bool inside = false;
	for (; *path; path++) {
		inside &= *path != '}';
		ck_assert(len + 1 < size);
		if (!inside)
			ret_pattern[len++] = *path;
		inside |= *path == '{';
	}
	ret_pattern[len] = '\0';
}

static bool is_method(const char *name)
{
	static const char *const methods[] = {
	    "get", "post", "delete", "put", "patch", "head", "options", "trace", NULL};
	return text_find(methods, name) >= 0;
}

/* The operations by "METHOD pattern"; each with its path's item as the member "item". */
static json_t *operations(void)
{
	json_t *found = json_object();
	const char *path, *method;
	json_t *item, *operation;
	json_object_foreach (json_object_get(document, "paths"), path, item) {
		json_object_foreach (item, method, operation) {
			char pattern[128], key[160];
			if (!is_method(method))
				continue;
			pattern_of(path, pattern, sizeof(pattern));
			snprintf(key, sizeof(key), "%s %s", method, pattern);
			for (char *at = key; *at != ' '; at++)
				*at -= 'a' - 'A';
			ck_assert_msg(!json_object_get(found, key), "%s: described twice", key);
			json_object_set_new(found, key,
			    json_pack("{s:O, s:O}", "item", item, "operation", operation));
		}
	}
	return found;
}

static const char *key_of(const struct route *route)
{
	static char key[160];
	snprintf(key, sizeof(key), "%s %s", route->method, route->path);
	return key;
}

START_TEST(every_route_is_described_and_no_other)
{
	size_t count;
	const struct route *table = routes(&count);
	json_t *held = json_object();
	for (size_t i = 0; i < count; i++)
		add(held, key_of(&table[i]));
	ck_assert_uint_eq(json_object_size(held), count);
	assert_same("routes", operations(), held);
}
END_TEST

/* Calls check for each route, with its operation and the path item around it. */
static void each_route(void (*check)(const struct route *route, json_t *operation, json_t *item))
{
	size_t count;
	const struct route *table = routes(&count);
	json_t *found = operations();
	for (size_t i = 0; i < count; i++) {
		json_t *both = json_object_get(found, key_of(&table[i]));
		check(&table[i], json_object_get(both, "operation"), json_object_get(both, "item"));
	}
	json_decref(found);
}

static void add_parameters(json_t *set, json_t *list, const char *in)
{
	json_t *parameter;
	size_t i;
	json_array_foreach (list, i, parameter) {
		const char *name = json_string_value(find(resolved(parameter), "name"));
		if (text_same(json_string_value(find(resolved(parameter), "in")), in)) {
			ck_assert_msg(!json_object_get(set, name), "%s: twice", name);
			add(set, name);
		}
	}
}

static void check_parameters(const struct route *route, json_t *operation, json_t *item)
{
	json_t *described = json_object();
	add_parameters(described, json_object_get(operation, "parameters"), "query");
	add_parameters(described, json_object_get(item, "parameters"), "query");
	assert_same(key_of(route), described, names_of(route->parameters));
}

START_TEST(every_query_parameter_is_described_and_no_other)
{
	each_route(check_parameters);
}
END_TEST

static void check_body(const struct route *route, json_t *operation, json_t *item)
{
	(void)item;
	json_t *body = json_object_get(operation, "requestBody");
	json_int_t limit = json_integer_value(find(operation, "requestBody.x-mixport-max-body"));
	ck_assert_msg(!body == (route->body_limit == 0), "%s: a body", key_of(route));
	ck_assert_msg(limit == (json_int_t)route->body_limit, "%s: at most %lld, not %zu",
	    key_of(route), (long long)limit, route->body_limit);
}

START_TEST(bodies_have_the_limit_that_is_described)
{
	each_route(check_body);
}
END_TEST

/* Each way in wants the scope of the route; nobody is asked where it is open, or for health. */
static void check_scope(const struct route *route, json_t *operation, json_t *item)
{
	(void)item;
	json_t *security = json_object_get(operation, "security");
	json_t *way, *scopes;
	const char *scheme;
	size_t i;
	json_t *ways = json_object();
	json_array_foreach (security, i, way) {
		if (json_object_size(way) == 0)
			add(ways, "none");
		json_object_foreach (way, scheme, scopes) {
			add(ways, scheme);
			ck_assert_msg(json_array_size(scopes) == 1 &&
					  text_same(json_string_value(json_array_get(scopes, 0)),
					      scope_name(route->scope)),
			    "%s: needs %s", key_of(route), scope_name(route->scope));
		}
	}
	json_t *held = json_object();
	if (!(route->flags & ROUTE_OPEN)) {
		add(held, "token");
		add(held, "basic");
		if (route->flags & ROUTE_HEALTH)
			add(held, "none");
	}
	ck_assert_msg(json_is_array(security), "%s: no security", key_of(route));
	assert_same(key_of(route), ways, held);
}

START_TEST(who_may_call_is_what_is_described)
{
	each_route(check_scope);
}
END_TEST

static void check_servers(const struct route *route, json_t *operation, json_t *item)
{
	(void)item;
	json_t *server;
	size_t i;
	bool described = false;
	json_array_foreach (json_object_get(operation, "servers"), i, server)
		described |= strstr(json_string_value(find(server, "url")), ":6974") != NULL;
	ck_assert_msg(described == ((route->flags & ROUTE_HEALTH) != 0),
	    "%s: the listener for health and metrics", key_of(route));
}

START_TEST(what_the_health_listener_serves_is_what_is_described)
{
	each_route(check_servers);
}
END_TEST

/* Problems --------------------------------------------------------------------------------------*/

static const struct problem_entry *entry_of(const char *code)
{
	for (int i = 0; i < PROBLEM_COUNT; i++)
		if (text_same(problem_entry((enum problem)i)->code, code))
			return problem_entry((enum problem)i);
	return NULL;
}

/* Mixpanel's own status is passed on with this one; what it leaves is 502. */
static bool may_have_status(const struct problem_entry *entry, const char *status)
{
	static const char *const passed_on[] = {"400", "403", "404", "422", "502", NULL};
	char own[8];
	if (text_same(entry->code, "upstream-rejected"))
		return text_find(passed_on, status) >= 0;
	snprintf(own, sizeof(own), "%u", entry->status);
	return text_same(own, status) || text_same(status, "default");
}

/* Checks the codes that the schemas of a response narrow a problem down to, and notes them. */
static void check_response(const char *where, const char *status, json_t *response, json_t *seen)
{
	const char *media_type;
	json_t *media, *word;
	size_t i;
	json_object_foreach (json_object_get(response, "content"), media_type, media) {
		/* Beside a $ref, so not through it. */
		json_t *narrowed = json_object_get(json_object_get(media, "schema"), "properties");
		bool ours = text_same(media_type, "application/problem+json");
		json_t *codes = find(narrowed, ours ? "code.enum" : "type.enum");
		json_array_foreach (codes, i, word) {
			const struct problem_entry *entry = entry_of(json_string_value(word));
			ck_assert_msg(entry, "%s: there is no %s", where, json_string_value(word));
			ck_assert_msg(may_have_status(entry, status), "%s: %s is not %s", where,
			    entry->code, status);
			add(seen, entry->code);
		}
	}
}

static void check_responses(const char *where, json_t *responses, json_t *seen)
{
	const char *status;
	json_t *response;
	json_object_foreach (responses, status, response) {
		check_response(where, status, resolved(response), seen);
	}
}

static json_t *problem_codes(void)
{
	json_t *held = json_object();
	for (int i = 0; i < PROBLEM_COUNT; i++)
		add(held, problem_entry((enum problem)i)->code);
	return held;
}

START_TEST(every_problem_has_its_status_in_some_response)
{
	json_t *seen = json_object();
	json_t *found = operations();
	const char *key;
	json_t *both;
	assert_same("ProblemCode", words_of(find(document, "components.schemas.ProblemCode.enum")),
	    problem_codes());
	json_object_foreach (found, key, both) {
		check_responses(key, find(both, "operation.responses"), seen);
	}
	check_responses("elsewhere", find(document, "x-mixport-elsewhere.responses"), seen);
	assert_same("the codes of the responses", seen, problem_codes());
	json_decref(found);
}
END_TEST

/* Words -----------------------------------------------------------------------------------------*/

static void assert_words(const char *path, const char *const *names)
{
	json_t *list = find(document, path);
	ck_assert_msg(list, "%s is missing", path);
	assert_same(path, words_of(list), names_of(names));
}

START_TEST(words_are_those_of_the_tables)
{
	const char *const regions[] = {
	    region_name(REGION_US), region_name(REGION_EU), region_name(REGION_IN), NULL};
	assert_words("components.schemas.Project.properties.region.enum", regions);
	assert_words("components.schemas.Upstream.properties.state.enum", upstream_state_names);
	assert_words("components.schemas.Connector.properties.kind.enum", connector_kind_names);
	assert_words("components.parameters.connector_kind.schema.enum", connector_kind_names);
	assert_words("components.schemas.JobRecord.properties.status.enum", job_status_names);
	assert_words("components.parameters.job_status.schema.enum", job_status_names);
	assert_words("components.parameters.job_statuses.schema.items.enum", job_status_names);
	assert_words("components.schemas.Operation.properties.kind.enum", operation_kind_names);
	assert_words("components.parameters.operation_kind.schema.enum", operation_kind_names);
	assert_words("components.schemas.AuditEntry.properties.action.enum", audit_actions);
	assert_words(
	    "components.schemas.AuditEntry.properties.operation_state.enum", operation_state_names);
	assert_words("components.schemas.Event.properties.type.enum", event_type_names);
	assert_words("components.schemas.Reason.properties.code.enum", attention_code_names);
	assert_words(
	    "components.schemas.Reason.properties.severity.enum", attention_severity_names);
	assert_words("components.schemas.OpenReason.properties.subject.properties.kind.enum",
	    attention_subject_names);
	assert_words(
	    "components.parameters.attention_severity.schema.enum", attention_severity_names);
	assert_words("components.parameters.attention_code.schema.enum", attention_code_names);
	assert_words("components.parameters.audit_action.schema.enum", audit_actions);
	assert_words("components.schemas.Operation.properties.state.enum", operation_state_names);
	assert_words("components.parameters.operation_state.schema.enum", operation_state_names);
}
END_TEST

/* The words that a member of a new connector may be, as the fault of another one lists them. */
static json_t *known_values(const char *body, const char *pointer)
{
	struct err err = ERR_INIT;
	json_t *value _cleanup_json_ = NULL;
	struct connector_faults faults _cleanup_connector_faults_ = {.count = 0};
	json_t *known = json_object();
	ck_assert_int_eq(jsontext_parse(span_of(body), 0, &err, &value), 0);
	ck_assert_int_eq(connector_validate(value, false, &faults), 0);
	for (size_t i = 0; i < faults.count; i++) {
		char *rest = strstr(faults.list[i].detail, "known values: ");
		if (!text_same(faults.list[i].pointer, pointer) || !rest)
			continue;
		rest += strlen("known values: ");
		for (char *word; (word = strsep(&rest, ", "));)
			if (*word)
				add(known, word);
	}
	return known;
}

START_TEST(words_of_a_new_connector_are_those_that_are_taken)
{
	static const char body[] = "{\"connector_type\":\"?\",\"connector_properties\":{},"
				   "\"category_properties\":"
				   "{\"data_format\":\"?\",\"compression\":\"?\"}}";
	static const char *const members[][2] = {
	    {"NewConnector.properties.connector_type", "/connector_type"},
	    {"NewCategory.properties.data_format", "/category_properties/data_format"},
	    {"NewCategory.properties.compression", "/category_properties/compression"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		char path[128];
		snprintf(path, sizeof(path), "components.schemas.%s.enum", members[i][0]);
		assert_same(
		    path, words_of(find(document, path)), known_values(body, members[i][1]));
	}
}
END_TEST

static void assert_number(const char *path, json_int_t number)
{
	json_t *value = find(document, path);
	ck_assert_msg(json_is_integer(value) && json_integer_value(value) == number,
	    "%s is not %lld", path, (long long)number);
}

START_TEST(limits_and_the_version_are_what_is_described)
{
	assert_number(
	    "components.parameters.Idempotency-Key.schema.maxLength", OPERATION_KEY_LENGTH_LIMIT);
	assert_number("components.schemas.Connector.properties.connector_id.maxLength",
	    CONNECTOR_ID_LENGTH_LIMIT);
	ck_assert_str_eq(json_string_value(find(document, "info.version")), PACKAGE_VERSION);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"every route is described and no other", every_route_is_described_and_no_other},
	    {"every query parameter is described and no other",
		every_query_parameter_is_described_and_no_other},
	    {"bodies have the limit that is described", bodies_have_the_limit_that_is_described},
	    {"who may call is what is described", who_may_call_is_what_is_described},
	    {"what the health listener serves is what is described",
		what_the_health_listener_serves_is_what_is_described},
	    {"every problem has its status in some response",
		every_problem_has_its_status_in_some_response},
	    {"words are those of the tables", words_are_those_of_the_tables},
	    {"words of a new connector are those that are taken",
		words_of_a_new_connector_are_those_that_are_taken},
	    {"limits and the version are what is described",
		limits_and_the_version_are_what_is_described},
	    {NULL, NULL},
	};
	struct err err = ERR_INIT;
	if (jsontext_parse(span_of(openapi_document), JSONTEXT_REJECT_DUPLICATES, &err, &document) <
	    0) {
		fprintf(stderr, "openapi.json: %s\n", err.text);
		return EXIT_FAILURE;
	}
	int status = unit_main("openapi", cases);
	json_decref(document);
	return status;
}
