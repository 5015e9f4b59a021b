/* SPDX-License-Identifier: MIT */
#include "mixpanel/decode.h"

#include <string.h>

#include "unit.h"
#include "util/buffer.h"
#include "util/jsontext.h"
#include "util/timestamp.h"

/* 2020-09-17T02:17:49Z */
#define START (INT64_C(1600309069) * MICROSECONDS_PER_SECOND)

#define CONNECTOR                                                                                  \
	"{\"connector_id\":\"5f0e7c3a-9b1d\",\"label\":\"nightly\",\"connector_type\":"            \
	"\"gcsImport\",\"connector_properties\":{\"gcs_bucket\":\"shop-events\",\"gcs_prefix\":"   \
	"\"\",\"rate\":0.1},\"category_properties\": {\"data_format\":\"mixpanel_event\","         \
	"\"compression\":null},\"status\":null,\"failure_message\":\"\",\"created_at\":"           \
	"\"2020-09-17T02:17:49.831793\",\"created_by\":{\"id\":7,\"name\":\"Build\",\"email\":"    \
	"\"build@example.com\"},\"later\":[1]}"

#define RUN                                                                                        \
	"{\"id\":\"\",\"start_time\":\"2020-09-17 02:17:49.831793 +0000 UTC\",\"end_time\":\"\","  \
	"\"status\":\"running\",\"progress\":0.10,\"error\":{\"message\":\"\",\"code\":\"\"},"     \
	"\"connector_properties\":{\"num_events_imported\":13,\"new_counter\":0.1}}"

static bool is_listing(const char *body)
{
	struct err err = ERR_INIT;
	struct decoded_listing listing;
	if (decode_listing(span_of(body), &err, &listing) < 0) {
		ck_assert_str_ne(err.text, "");
		return false;
	}
	decoded_done(&listing.decoded);
	return true;
}

static bool is_history(const char *body)
{
	struct err err = ERR_INIT;
	struct decoded_history history;
	if (decode_history(span_of(body), &err, &history) < 0)
		return false;
	decoded_done(&history.decoded);
	return true;
}

static bool is_connector(const char *body)
{
	struct err err = ERR_INIT;
	struct decoded_connector connector;
	if (decode_connector(span_of(body), &err, &connector) < 0)
		return false;
	decoded_done(&connector.decoded);
	return true;
}

static void get_connector(const char *body, struct decoded_connector *ret_connector)
{
	struct err err = ERR_INIT;
	ck_assert_msg(
	    decode_connector(span_of(body), &err, ret_connector) == 0, "%s: %s", err.text, body);
}

/* The only run of a history that is an array with this one entry. */
static void get_run(const char *entry, struct buffer *body, struct decoded_history *ret_history)
{
	struct err err = ERR_INIT;
	buffer_init(body, 4096);
	buffer_printf(body, "[%s]", entry);
	struct span span = {.ptr = body->data, .len = body->len};
	ck_assert_msg(decode_history(span, &err, ret_history) == 0, "%s: %s", err.text, entry);
	ck_assert_uint_eq(ret_history->count, 1);
}

START_TEST(every_member_of_a_connector_is_taken)
{
	static const char body[] = "{\"status\":\"ok\",\"results\": " CONNECTOR " }";
	struct decoded_connector answer;
	get_connector(body, &answer);
	const struct connector *c = &answer.connector;
	ck_assert_str_eq(c->connector_id, "5f0e7c3a-9b1d");
	ck_assert_str_eq(c->label, "nightly");
	ck_assert_str_eq(c->connector_type, "gcsImport");
	ck_assert_str_eq(c->data_format, "mixpanel_event");
	ck_assert_str_eq(c->bucket, "shop-events");
	ck_assert_str_eq(c->prefix, "");
	ck_assert_ptr_null(c->status);
	ck_assert_ptr_null(c->failure_message);
	ck_assert_str_eq(c->created_by, "build@example.com");
	ck_assert_int_eq(c->created_at, START + 831793);
	ck_assert(span_equals(
	    c->properties, "{\"gcs_bucket\":\"shop-events\",\"gcs_prefix\":\"\",\"rate\":0.1}"));
	ck_assert(
	    span_equals(c->category, "{\"data_format\":\"mixpanel_event\",\"compression\":null}"));
	ck_assert(span_equals(c->raw, CONNECTOR));
	decoded_done(&answer.decoded);
}
END_TEST

START_TEST(a_connector_comes_in_many_forms)
{
	static const char *const forms[] = {
	    CONNECTOR,
	    "{\"status\":\"success\",\"results\":" CONNECTOR "}",
	    "{\"results\":" CONNECTOR "}",
	    "{\"connectorId\":\"a\"}",
	    "{\"connector_id\":\"\",\"connectorId\":\"a\",\"status\":\"active\"}",
	    "{\"connector_id\":\"a\",\"status\":\"error\"}",
	    "{\"connector_id\":\"a\",\"label\":7,\"connector_properties\":[],\"created_at\":{}}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		ck_assert_msg(is_connector(forms[i]), "refused: %s", forms[i]);
}
END_TEST

START_TEST(what_is_no_connector_is_refused)
{
	static const char *const others[] = {
	    "",
	    "null",
	    "\"text\"",
	    "<html>502 Bad Gateway</html>",
	    "{}",
	    "[]",
	    "[" CONNECTOR "]",
	    "{\"status\":\"ok\"}",
	    "{\"status\":\"ok\",\"results\":null}",
	    "{\"status\":\"error\",\"results\":" CONNECTOR "}",
	    "{\"status\":\"error\",\"error\":\"no\"}",
	    "{\"connector_id\":\"\"}",
	    "{\"connector_id\":\"a/b\"}",
	    "{\"connector_id\":\"..\"}",
	    "{\"connector_id\":7}",
	    "{\"connector_id\":\"a\",\"n\":9223372036854775808}",
	    "{\"connector_id\":\"a\"",
	    "{\"connector_id\":\"a\"} x",
	};
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		ck_assert_msg(!is_connector(others[i]), "taken: %s", others[i]);
}
END_TEST

START_TEST(creators_are_text_or_objects)
{
	static const struct {
		const char *body, *creator;
	} forms[] = {
	    {"{\"connector_id\":\"a\",\"created_by\":\"x@example.com\"}", "x@example.com"},
	    {"{\"connector_id\":\"a\",\"created_by\":{\"name\":\"X\",\"email\":\"\"}}", "X"},
	    {"{\"connector_id\":\"a\",\"created_by\":{\"id\":1}}", NULL},
	    {"{\"connector_id\":\"a\",\"created_by\":\"\"}", NULL},
	    {"{\"connector_id\":\"a\",\"created_by\":null}", NULL},
	    {"{\"connector_id\":\"a\"}", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct decoded_connector answer;
		get_connector(forms[i].body, &answer);
		ck_assert(text_same(answer.connector.created_by, forms[i].creator));
		decoded_done(&answer.decoded);
	}
}
END_TEST

START_TEST(times_come_in_many_forms)
{
	static const struct {
		const char *time;
		int64_t expected;
	} forms[] = {
	    {"\"2020-09-17T02:17:49Z\"", START},
	    {"\"2020-09-17T02:17:49.5\"", START + 500000},
	    {"\"2020-09-17 02:17:49 +0000 UTC\"", START},
	    {"\"1600309069\"", START},
	    {"1600309069", START},
	    {"1600309069.25", START + 250000},
	    {"\"0001-01-01 00:00:00 +0000 UTC\"", TIMESTAMP_NONE},
	    {"\"\"", TIMESTAMP_NONE},
	    {"null", TIMESTAMP_NONE},
	    {"\"yesterday\"", TIMESTAMP_NONE},
	    {"-1e9", TIMESTAMP_NONE},
	    {"{}", TIMESTAMP_NONE},
	    {"0.0000000000000000000000000000000000000000000000000000000000000000000001",
		TIMESTAMP_NONE},
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct buffer entry _cleanup_buffer_;
		struct buffer body _cleanup_buffer_;
		struct decoded_history history;
		buffer_init(&entry, 4096);
		buffer_printf(
		    &entry, "{\"start_time\":%s,\"end_time\":%s}", forms[i].time, forms[i].time);
		get_run(buffer_text(&entry), &body, &history);
		ck_assert_msg(history.runs[0].start_time == forms[i].expected, "%s", forms[i].time);
		ck_assert_int_eq(history.runs[0].end_time, forms[i].expected);
		decoded_done(&history.decoded);
	}
}
END_TEST

START_TEST(a_listing_comes_in_many_forms)
{
	static const char *const forms[] = {
	    "{\"status\":\"ok\",\"results\":{\"url\":null,\"has_more\":false,\"data\":[" CONNECTOR
	    "]}}",
	    "{\"url\":null,\"has_more\":false,\"data\":[]}",
	    "{\"status\":\"success\",\"data\":[]}",
	    "{\"status\":\"ok\",\"results\":[]}",
	    "[]",
	    " [ " CONNECTOR " , {\"connectorId\" : \"b\"} ] ",
	    "{\"success\":true,\"error\":null,\"errors\":[],\"data\":[]}",
	    "{\"status\":null,\"error\":{\"message\":\"\"},\"errors\":{},\"data\":[]}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		ck_assert_msg(is_listing(forms[i]), "refused: %s", forms[i]);
}
END_TEST

START_TEST(what_is_no_listing_is_refused_as_a_whole)
{
	static const char *const others[] = {
	    "",
	    "{}",
	    "{\"status\":\"ok\"}",
	    "{\"status\":\"ok\",\"results\":null}",
	    "{\"status\":\"ok\",\"results\":{}}",
	    "{\"status\":\"ok\",\"results\":\"text\"}",
	    "{\"status\":\"ok\",\"results\":{\"data\":null}}",
	    "{\"status\":\"ok\",\"results\":{\"data\":{}}}",
	    "{\"status\":\"error\",\"error\":\"no\"}",
	    "{\"status\":\"error\",\"results\":{\"data\":[]}}",
	    "{\"status\":\"partial\",\"results\":{\"data\":[]}}",
	    "{\"status\":200,\"data\":[]}",
	    "{\"status\":\"ok\",\"success\":false,\"results\":{\"data\":[]}}",
	    "{\"status\":\"ok\",\"error\":\"no\",\"results\":{\"data\":[]}}",
	    "{\"status\":\"ok\",\"errors\":[{}],\"results\":{\"data\":[]}}",
	    "{\"errors\":[\"no\"],\"has_more\":false,\"data\":[]}",
	    "{\"status\":\"ok\",\"results\":{\"error\":{\"message\":\"no\"},\"data\":[]}}",
	    "[" CONNECTOR " " CONNECTOR "]",
	    "[" CONNECTOR,
	    CONNECTOR,
	};
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		ck_assert_msg(!is_listing(others[i]), "taken: %s", others[i]);
}
END_TEST

/* Each stands between two good ones. */
START_TEST(an_odd_entry_spoils_itself_alone)
{
	static const char *const odd[] = {
	    "{\"connector_id\":\"b\",\"label\":\"\\ud83d\"}",
	    "{\"connector_id\":\"b\",\"label\":\"\\u0000\"}",
	    "{\"connector_id\":\"b\",\"connector_properties\":{\"n\":NaN}}",
	    "{\"connector_id\":\"b\",\"connector_properties\":{\"n\":1e400}}",
	    "{\"connector_id\":\"b\",\"connector_properties\":{\"n\":9223372036854775808}}",
	    "{\"connector_id\":\"b\",\"label\":\"\xff\"}",
	    "{\"connector_id\":7}",
	    "{\"connector_id\":null}",
	    "{\"connector_id\":\"\"}",
	    "{\"connector_id\":\" \"}",
	    "{\"connector_id\":\"b\xc3\xa9\"}",
	    "{\"connectorId\":\"5f0e7c3a-9b1d\"}",
	    "{}",
	    "{\"a\"}",
	    "null",
	    "7",
	    "[]",
	    "\"b\"",
	};
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		struct err err = ERR_INIT;
		struct decoded_listing listing;
		char body[2000];
		snprintf(body, sizeof(body), "[" CONNECTOR ",%s,{\"connector_id\":\"c\"}]", odd[i]);
		ck_assert_msg(decode_listing(span_of(body), &err, &listing) == 0, "%s", odd[i]);
		ck_assert_uint_eq(listing.count, 2);
		ck_assert_str_eq(listing.connectors[0].label, "nightly");
		ck_assert_str_eq(listing.connectors[1].connector_id, "c");
		ck_assert_uint_eq(listing.page.unreadable, 1);
		ck_assert_msg(strncmp(listing.page.odd, "entry 1: ", 9) == 0, "%s", odd[i]);
		decoded_done(&listing.decoded);
	}
}
END_TEST

START_TEST(an_entry_too_deep_or_too_long_an_id_spoils_itself_alone)
{
	struct buffer body _cleanup_buffer_;
	struct err err = ERR_INIT;
	struct decoded_listing listing;
	buffer_init(&body, 4096);
	buffer_printf(&body, "[{\"connector_id\":\"a\"},{\"connector_id\":\"%0*d\"},",
	    CONNECTOR_ID_LENGTH_LIMIT + 1, 7);
	buffer_printf(&body, "{\"connector_id\":\"b\",\"x\":");
	for (int i = 0; i < 70; i++)
		buffer_printf(&body, "[");
	for (int i = 0; i < 70; i++)
		buffer_printf(&body, "]");
	buffer_printf(&body, "}]");
	ck_assert_int_eq(decode_listing(span_of(buffer_text(&body)), &err, &listing), 0);
	ck_assert_uint_eq(listing.count, 1);
	ck_assert_uint_eq(listing.page.unreadable, 2);
	decoded_done(&listing.decoded);
}
END_TEST

START_TEST(every_cut_of_a_listing_is_refused)
{
	static const char body[] =
	    "{\"status\":\"ok\",\"results\":{\"has_more\":false,\"data\":[" CONNECTOR "]}}";
	for (size_t len = 0; len < sizeof(body) - 1; len++) {
		/* A copy of just that many bytes, so that a sanitizer sees a step too far. */
		char *cut _cleanup_free_ = malloc(len + 1);
		memcpy(cut, body, len);
		cut[len] = '\0';
		ck_assert_msg(!is_listing(cut), "taken: %s", cut);
	}
}
END_TEST

START_TEST(the_next_page_is_told)
{
	static const struct {
		const char *body;
		bool has_more;
		const char *next_url;
	} forms[] = {
	    {"{\"data\":[],\"has_more\":true,\"url\":\"/next\"}", true, "/next"},
	    {"{\"data\":[],\"has_more\":true,\"url\":null}", true, NULL},
	    {"{\"data\":[],\"has_more\":true,\"url\":\"\"}", true, NULL},
	    {"{\"data\":[],\"has_more\":false,\"url\":\"/self\"}", false, "/self"},
	    {"{\"data\":[],\"url\":\"/next\"}", true, "/next"},
	    {"{\"data\":[]}", true, NULL},
	    {"[]", true, NULL},
	    {"{\"data\":[],\"url\":7,\"has_more\":false}", false, NULL},
	    {"{\"data\":[],\"url\":{},\"has_more\":\"no\"}", true, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct err err = ERR_INIT;
		struct decoded_listing listing;
		ck_assert_int_eq(decode_listing(span_of(forms[i].body), &err, &listing), 0);
		ck_assert_int_eq(listing.page.has_more, forms[i].has_more);
		ck_assert(text_same(listing.page.next_url, forms[i].next_url));
		decoded_done(&listing.decoded);
	}
}
END_TEST

START_TEST(every_member_of_a_run_is_taken)
{
	struct buffer body _cleanup_buffer_;
	struct decoded_history history;
	get_run(RUN, &body, &history);
	const struct run *run = &history.runs[0];
	ck_assert_ptr_null(run->run_id);
	ck_assert_int_eq(run->start_time, START + 831793);
	ck_assert_int_eq(run->end_time, TIMESTAMP_NONE);
	ck_assert_int_eq(run->status, JOB_RUNNING);
	ck_assert_str_eq(run->upstream_status, "running");
	ck_assert(span_equals(run->progress, "0.10"));
	ck_assert_ptr_null(run->error_code);
	ck_assert_ptr_null(run->error_message);
	ck_assert(span_equals(run->stats, "{\"num_events_imported\":13,\"new_counter\":0.1}"));
	ck_assert(span_equals(run->raw, RUN));
	decoded_done(&history.decoded);
}
END_TEST

START_TEST(run_ids_have_two_names_and_two_types)
{
	static const struct {
		const char *entry, *run_id;
	} forms[] = {
	    {"{\"status\":\"queued\",\"id\":\"r1\"}", "r1"},
	    {"{\"status\":\"queued\",\"run_id\":\"r1\"}", "r1"},
	    {"{\"status\":\"queued\",\"id\":\"\",\"run_id\":\"r1\"}", "r1"},
	    {"{\"status\":\"queued\",\"id\":9007199254740993}", "9007199254740993"},
	    {"{\"status\":\"queued\",\"run_id\": 12 }", "12"},
	    {"{\"status\":\"queued\",\"id\":0}", NULL},
	    {"{\"status\":\"queued\",\"id\":null,\"run_id\":\"\"}", NULL},
	    {"{\"status\":\"queued\",\"id\":1.5}", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct buffer body _cleanup_buffer_;
		struct decoded_history history;
		get_run(forms[i].entry, &body, &history);
		ck_assert_msg(
		    text_same(history.runs[0].run_id, forms[i].run_id), "%s", forms[i].entry);
		decoded_done(&history.decoded);
	}
}
END_TEST

START_TEST(run_errors_come_in_many_forms)
{
	static const struct {
		const char *entry, *code, *message;
	} forms[] = {
	    {"{\"status\":\"failed\",\"error\":{\"message\":\"no\",\"code\":\"c\"}}", "c", "no"},
	    {"{\"status\":\"failed\",\"error\":{\"message\":\"no\",\"type\":\"t\"}}", "t", "no"},
	    {"{\"status\":\"failed\",\"error\":{\"message\":\"\",\"code\":\"\",\"type\":\"t\"}}",
		"t", NULL},
	    {"{\"status\":\"failed\",\"error\":{\"code\":403}}", "403", NULL},
	    {"{\"status\":\"failed\",\"error\":\"no\"}", NULL, "no"},
	    {"{\"status\":\"failed\",\"error\":null}", NULL, NULL},
	    {"{\"status\":\"failed\",\"error\":[]}", NULL, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct buffer body _cleanup_buffer_;
		struct decoded_history history;
		get_run(forms[i].entry, &body, &history);
		ck_assert(text_same(history.runs[0].error_code, forms[i].code));
		ck_assert(text_same(history.runs[0].error_message, forms[i].message));
		decoded_done(&history.decoded);
	}
}
END_TEST

START_TEST(statuses_never_seen_before_are_kept)
{
	static const struct {
		const char *entry;
		enum job_status status;
		const char *upstream_status;
	} forms[] = {
	    {"{\"status\":\"success\"}", JOB_SUCCEEDED, "success"},
	    {"{\"status\":\"succeeded\"}", JOB_SUCCEEDED, "succeeded"},
	    {"{\"status\":\"levitating\"}", JOB_UNKNOWN, "levitating"},
	    {"{\"status\":null}", JOB_UNKNOWN, ""},
	    {"{\"status\":7}", JOB_UNKNOWN, ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct buffer body _cleanup_buffer_;
		struct decoded_history history;
		get_run(forms[i].entry, &body, &history);
		ck_assert_int_eq(history.runs[0].status, forms[i].status);
		ck_assert_str_eq(history.runs[0].upstream_status, forms[i].upstream_status);
		decoded_done(&history.decoded);
	}
}
END_TEST

START_TEST(what_is_no_history_is_refused)
{
	static const char *const others[] = {
	    "{\"status\":\"ok\",\"results\":{}}",
	    "{\"status\":\"error\",\"results\":{\"data\":[]}}",
	    "{\"status\":\"ok\",\"success\":false,\"results\":[]}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		ck_assert_msg(!is_history(others[i]), "taken: %s", others[i]);
	ck_assert(is_history("[]"));
	ck_assert(is_history(
	    "{\"status\":\"ok\",\"results\":{\"url\":null,\"has_more\":false,\"data\":[" RUN "," RUN
	    "]}}"));
}
END_TEST

START_TEST(an_odd_run_spoils_itself_alone)
{
	static const char *const odd[] = {"7", "{}", "{\"id\":\"x\"}",
	    "{\"status\":\"failed\",\"connector_properties\":{\"n\":1e400}}",
	    "{\"status\":\"failed\",\"error\":\"\\udc00\"}"};
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		struct err err = ERR_INIT;
		struct decoded_history history;
		char body[2000];
		snprintf(body, sizeof(body), "[%s," RUN "]", odd[i]);
		ck_assert_msg(decode_history(span_of(body), &err, &history) == 0, "%s", odd[i]);
		ck_assert_uint_eq(history.count, 1);
		ck_assert_uint_eq(history.page.unreadable, 1);
		ck_assert_str_ne(history.page.odd, "");
		decoded_done(&history.decoded);
	}
}
END_TEST

/* What would be taken by a decoder that has the document parsed as a whole. */
static bool is_history_as_a_whole(struct span body)
{
	struct err err = ERR_INIT;
	_cleanup_json_ json_t *document = NULL;
	if (jsontext_parse(body, 0, &err, &document) < 0)
		return false;
	const char *status = json_string_value(json_object_get(document, "status"));
	if (status && strcmp(status, "ok") != 0 && strcmp(status, "success") != 0)
		return false;
	if (!status && !json_is_null(json_object_get(document, "status")) &&
	    json_object_get(document, "status"))
		return false;
	const json_t *results = json_object_get(document, "results");
	const json_t *content = results ? results : document;
	const json_t *data = json_is_object(content) ? json_object_get(content, "data") : content;
	size_t index;
	const json_t *entry;
	json_array_foreach (data, index, entry)
		if (!json_object_get(entry, "status") && !json_object_get(entry, "start_time"))
			return false;
	return json_is_array(data);
}

static bool is_history_both_ways(const char *text, size_t len)
{
	/* Memory of exactly this size, so that a byte too far is noticed. */
	_cleanup_free_ char *copy = malloc(len + (len == 0));
	memcpy(copy, text, len);
	struct span body = {.ptr = copy, .len = len};
	struct err err = ERR_INIT;
	struct decoded_history history;
	bool taken = false;
	if (decode_history(body, &err, &history) == 0) {
		taken = history.page.unreadable == 0;
		decoded_done(&history.decoded);
	}
	if (taken != is_history_as_a_whole(body))
		ck_abort_msg("%s: %.*s", taken ? "taken" : "refused", (int)len, copy);
	return taken;
}

/* Every byte of a small history left out, and replaced and preceded by each byte that means
 * something to JSON. */
START_TEST(entry_by_entry_is_as_strict_as_the_whole)
{
	static const char *const bodies[] = {
	    "{\"status\":\"ok\",\"results\": {\"url\":null, \"data\": [{\"status\":\"\"} ,"
	    "{\"start_time\":[1,{}],\"id\":1.5e3}] ,\"has_more\":true}, \"a\":\"\\\"]\"}",
	    " [{\"status\":null},{\"status\":[\"}\"]}]\n",
	};
	static const char bytes[] = "{}[]:,\"\\ \n01-.eaund\xc3";
	int taken = 0;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		size_t len = strlen(bodies[i]);
		char text[256];
		ck_assert(is_history_both_ways(bodies[i], len));
		for (size_t at = 0; at < len; at++) {
			memcpy(text, bodies[i], at);
			memcpy(text + at, bodies[i] + at + 1, len - at - 1);
			taken += is_history_both_ways(text, len - 1);
			for (size_t b = 0; b < sizeof(bytes); b++) {
				text[at] = bytes[b];
				memcpy(text + at + 1, bodies[i] + at + 1, len - at - 1);
				taken += is_history_both_ways(text, len);
				memcpy(text + at + 1, bodies[i] + at, len - at);
				taken += is_history_both_ways(text, len + 1);
			}
		}
	}
	ck_assert_int_gt(taken, 1000);
}
END_TEST

START_TEST(only_a_success_confirms_a_deletion)
{
	static const struct {
		const char *body;
		bool confirms;
	} forms[] = {
	    {"{\"status\":\"ok\",\"results\":\"Successfully deleted\"}", true},
	    {"{\"status\":\"success\",\"message\":\"gone\"}", true},
	    {"{\"status\":\"error\",\"error\":\"no\"}", false},
	    {"{\"status\":\"ok\",\"success\":false}", false},
	    {"{\"status\":\"ok\",\"error\":\"no\"}", false},
	    {"{\"status\":\"ok\",\"errors\":{\"a\":1}}", false},
	    {"{\"status\":\"ok\",\"error\":\"\",\"errors\":[]}", true},
	    {"{\"status\":null}", false},
	    {"{}", false},
	    {"[]", false},
	    {"", false},
	    {"ok", false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct err err = ERR_INIT;
		ck_assert_int_eq(
		    decode_deleted(span_of(forms[i].body), &err) == 0, forms[i].confirms);
	}
}
END_TEST

START_TEST(error_messages_become_one_clean_line)
{
	static const struct {
		const char *body, *message;
	} forms[] = {
	    {"{\"status\":\"error\",\"error\":\"no such project\"}", "no such project"},
	    {"{\"status\":\"error\",\"type\":\"invalid_property\",\"message\":\"bad\","
	     "\"details\":\"gcs_bucket\"}",
		"bad: gcs_bucket"},
	    {"{\"status\":\"error\",\"type\":\"invalid_property\"}", "invalid_property"},
	    {"{\"error\":{\"message\":\"inner\"}}", "inner"},
	    {"{\"error\":\"a <b> \\u0007 c\\n\\td\"}", "a <b> c d"},
	    {"{\"error\":\"turn\\u202Earound\\u0085x\"}", "turn around x"},
	    {"\"only text\"", "only text"},
	    {"{\"status\":\"error\"}", ""},
	    {"{\"error\":[1]}", ""},
	    {"[]", ""},
	    {"", ""},
	    {"upstream connect error\r\n", "upstream connect error"},
	    {"1 < 2 and <", "1 < 2 and <"},
	    {"<!DOCTYPE html><html><head><title>502 Bad Gateway</title><style>p > a {}</style>"
	     "<SCRIPT>if (1 < 2) alert('x')</SCRIPT></head>\n<body><!-- a > b --><h1>nginx</h1>",
		"502 Bad Gateway nginx"},
	    {"<p>cut <b", "cut"},
	    {"<script>never ends", ""},
	    {"bad \xff byte \xc3", "bad ? byte ?"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		char message[200];
		decode_error_message(span_of(forms[i].body), message, sizeof(message));
		ck_assert_str_eq(message, forms[i].message);
	}
}
END_TEST

START_TEST(long_error_messages_are_cut_at_a_character)
{
	static const char body[] = "{\"error\":\"a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"}";
	static const char *const cuts[] = {"", "a", "a", "a\xc3\xa9", "a\xc3\xa9", "a\xc3\xa9",
	    "a\xc3\xa9\xe2\x82\xac", "a\xc3\xa9\xe2\x82\xac", "a\xc3\xa9\xe2\x82\xac",
	    "a\xc3\xa9\xe2\x82\xac", "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"};
	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		char message[16];
		decode_error_message(span_of(body), message, i + 1);
		ck_assert_str_eq(message, cuts[i]);
	}
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"every member of a connector is taken", every_member_of_a_connector_is_taken},
	    {"a connector comes in many forms", a_connector_comes_in_many_forms},
	    {"what is no connector is refused", what_is_no_connector_is_refused},
	    {"creators are text or objects", creators_are_text_or_objects},
	    {"times come in many forms", times_come_in_many_forms},
	    {"a listing comes in many forms", a_listing_comes_in_many_forms},
	    {"what is no listing is refused as a whole", what_is_no_listing_is_refused_as_a_whole},
	    {"an odd entry spoils itself alone", an_odd_entry_spoils_itself_alone},
	    {"an entry too deep or too long an id spoils itself alone",
		an_entry_too_deep_or_too_long_an_id_spoils_itself_alone},
	    {"an odd run spoils itself alone", an_odd_run_spoils_itself_alone},
	    {"every cut of a listing is refused", every_cut_of_a_listing_is_refused},
	    {"the next page is told", the_next_page_is_told},
	    {"every member of a run is taken", every_member_of_a_run_is_taken},
	    {"run ids have two names and two types", run_ids_have_two_names_and_two_types},
	    {"run errors come in many forms", run_errors_come_in_many_forms},
	    {"statuses never seen before are kept", statuses_never_seen_before_are_kept},
	    {"what is no history is refused", what_is_no_history_is_refused},
	    {"entry by entry is as strict as the whole", entry_by_entry_is_as_strict_as_the_whole},
	    {"only a success confirms a deletion", only_a_success_confirms_a_deletion},
	    {"error messages become one clean line", error_messages_become_one_clean_line},
	    {"long error messages are cut at a character",
		long_error_messages_are_cut_at_a_character},
	    {NULL, NULL},
	};
	return unit_main("decode", cases);
}
