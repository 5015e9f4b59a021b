/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "store/render.h"
#include "unit.h"
#include "util/jsontext.h"
#include "util/timestamp.h"

/* 2026-07-01T00:00:00Z */
#define DAY (INT64_C(1782864000) * MICROSECONDS_PER_SECOND)
#define SECONDS(n) ((n)*MICROSECONDS_PER_SECOND)

static struct config_project settings = {
    .name = (char *)(uintptr_t) "demo",
    .project_id = 123456789,
    .region = REGION_US,
    .list_interval = SECONDS(60),
    .active_interval = SECONDS(15),
    .idle_interval = SECONDS(600),
};

static struct project_view view_listed_at(int64_t listed_at)
{
	return (struct project_view){
	    .settings = &settings,
	    .record = {.project_id = 123456789,
		.listed_at = listed_at,
		.connectors = 12,
		.jobs_active = 1},
	    .upstream = {.state = UPSTREAM_OK,
		.since = DAY,
		.next_attempt_at = TIMESTAMP_NONE,
		.budget_per_minute = 60,
		.budget_available = 41},
	};
}

static struct job_record plain_job(void)
{
	return (struct job_record){
	    .run = {.start_time = DAY,
		.end_time = DAY + SECONDS(90) + 500000,
		.status = JOB_SUCCEEDED,
		.upstream_status = "success",
		.progress = span_of("0.1"),
		.stats = span_of("{\"num_events_imported\":13,\"new\":1e2}")},
	    .job_id = "job_1",
	    .connector_id = "c-1",
	    .project_id = 123456789,
	    .first_seen_at = DAY,
	    .updated_at = DAY + SECONDS(91),
	    .gone_at = TIMESTAMP_NONE,
	    .listed = true,
	    .confirmed_at = TIMESTAMP_NONE,
	    .history_synced_at = DAY + SECONDS(100),
	    .history_error_since = TIMESTAMP_NONE,
	};
}

#define PLAIN_JOB                                                                                  \
	"\"job_id\":\"job_1\",\"connector_id\":\"c-1\",\"project\":\"demo\",\"run_id\":null,"      \
	"\"status\":\"succeeded\",\"upstream_status\":\"success\","                                \
	"\"start_time\":\"2026-07-01T00:00:00Z\",\"end_time\":\"2026-07-01T00:01:30.5Z\","         \
	"\"duration_seconds\":90.5,\"progress\":0.1,\"error\":null,"                               \
	"\"stats\":{\"num_events_imported\":13,\"new\":1e2},"                                      \
	"\"first_seen_at\":\"2026-07-01T00:00:00Z\",\"updated_at\":\"2026-07-01T00:01:31Z\","      \
	"\"gone_at\":null"

static struct connector_record plain_connector(void)
{
	return (struct connector_record){
	    .connector = {.connector_id = "c-1",
		.label = "",
		.connector_type = "gcsImport",
		.properties = span_of("{\"gcs_bucket\":\"b\",\"big\":9007199254740993}"),
		.category = span_of("{\"data_format\":\"mixpanel_event\"}"),
		.created_at = DAY + 1},
	    .project_id = 123456789,
	    .first_seen_at = DAY,
	    .updated_at = DAY,
	    .deleted_at = TIMESTAMP_NONE,
	    .status_known_at = TIMESTAMP_NONE,
	    .confirmed_at = TIMESTAMP_NONE,
	    .history_synced_at = TIMESTAMP_NONE,
	    .history_error_since = TIMESTAMP_NONE,
	};
}

#define PLAIN_CONNECTOR                                                                            \
	"\"connector_id\":\"c-1\",\"kind\":\"cloud_import\",\"project\":\"demo\",\"project_id\":"  \
	"123456789,\"label\":\"\","                                                                \
	"\"connector_type\":\"gcsImport\","                                                        \
	"\"connector_properties\":{\"gcs_bucket\":\"b\",\"big\":9007199254740993},"                \
	"\"category_properties\":{\"data_format\":\"mixpanel_event\"},"                            \
	"\"status\":null,\"failure_message\":null,\"status_known_at\":null,\"created_at\":\"2026-" \
	"07-01T00:00:00.000001Z\","                                                                \
	"\"created_by\":null,\"state\":\"present\",\"deleted_at\":null,"                           \
	"\"first_seen_at\":\"2026-07-01T00:00:00Z\",\"updated_at\":\"2026-07-01T00:00:00Z\","      \
	"\"attention\":[]"

#define FRESH "\"sync\":{\"synced_at\":\"2026-07-01T00:00:00Z\",\"stale\":false,\"error\":null}"

static const struct freshness fresh = {.synced_at = DAY, .turns_at = INT64_MAX};

/* Compares what was written with what is expected, and sees that it is JSON. */
static void check_written(const struct buffer *buffer, const char *expected)
{
	struct err err = ERR_INIT;
	json_t *value _cleanup_json_ = NULL;
	ck_assert_str_eq(buffer_text(buffer), expected);
	struct span text = {.ptr = buffer->data, .len = buffer->len};
	ck_assert_msg(
	    jsontext_parse(text, JSONTEXT_REJECT_DUPLICATES | JSONTEXT_ANY, &err, &value) == 0,
	    "%s", err.text);
}

static void check_project(const struct project_view *view, const char *expected)
{
	struct buffer buffer _cleanup_buffer_;
	struct writer writer;
	buffer_init(&buffer, 65536);
	writer_init(&writer, &buffer);
	render_project(&writer, view, &fresh);
	check_written(&buffer, expected);
}

static void check_connector(
    const struct connector_record *record, struct span warnings, const char *expected)
{
	struct buffer buffer _cleanup_buffer_;
	struct writer writer;
	struct project_view view = view_listed_at(DAY);
	buffer_init(&buffer, 65536);
	writer_init(&writer, &buffer);
	render_connector(&writer, record, &view, &fresh, warnings);
	check_written(&buffer, expected);
}

static void check_job(
    const struct job_record *record, const struct freshness *freshness, const char *expected)
{
	struct buffer buffer _cleanup_buffer_;
	struct writer writer;
	buffer_init(&buffer, 65536);
	writer_init(&writer, &buffer);
	render_job(&writer, record, "demo", freshness);
	check_written(&buffer, expected);
}

static void check_operation(const struct operation_record *record, const char *expected)
{
	struct buffer buffer _cleanup_buffer_;
	struct writer writer;
	buffer_init(&buffer, 65536);
	writer_init(&writer, &buffer);
	render_operation(&writer, record, "demo");
	check_written(&buffer, expected);
}

START_TEST(a_project)
{
	struct project_view view = view_listed_at(DAY);
	check_project(&view,
	    "{\"project\":\"demo\",\"project_id\":123456789,\"region\":\"us\",\"connectors\":12,"
	    "\"jobs_active\":1,\"attention\":{\"critical\":0,\"warning\":0},\"upstream\":{"
	    "\"state\":\"ok\",\"since\":\"2026-07-01T00:00:00Z\","
	    "\"consecutive_failures\":0,\"next_attempt_at\":null,"
	    "\"budget\":{\"per_minute\":60,\"available\":41}}," FRESH "}");
}
END_TEST

START_TEST(a_connector_keeps_numbers_as_sent)
{
	struct connector_record record = plain_connector();
	check_connector(&record, SPAN_NONE, "{" PLAIN_CONNECTOR ",\"latest_job\":null," FRESH "}");
}
END_TEST

START_TEST(a_connector_carries_its_latest_job_without_sync)
{
	struct connector_record record = plain_connector();
	struct job_record job = plain_job();
	record.latest = &job;
	check_connector(
	    &record, SPAN_NONE, "{" PLAIN_CONNECTOR ",\"latest_job\":{" PLAIN_JOB "}," FRESH "}");
}
END_TEST

START_TEST(a_connector_carries_warnings_when_there_are_any)
{
	struct connector_record record = plain_connector();
	check_connector(&record, span_of("[1]"),
	    "{" PLAIN_CONNECTOR ",\"latest_job\":null," FRESH ",\"warnings\":[1]}");
}
END_TEST

START_TEST(a_deleted_connector_says_so)
{
	struct connector_record record = plain_connector();
	record.connector = (struct connector){
	    .connector_id = "x\"y",
	    .label = "l\n",
	    .connector_type = "",
	    .status = "paused",
	    .failure_message = "no access",
	    .created_by = "a@example.com",
	    .created_at = TIMESTAMP_NONE,
	};
	record.deleted_at = DAY + SECONDS(5);
	check_connector(&record, SPAN_NONE,
	    "{\"connector_id\":\"x\\\"y\",\"kind\":\"cloud_import\",\"project\":\"demo\",\"project_"
	    "id\":123456789,"
	    "\"label\":\"l\\n\",\"connector_type\":\"\",\"connector_properties\":{},"
	    "\"category_properties\":{},\"status\":\"paused\",\"failure_message\":\"no access\","
	    "\"status_known_at\":null,"
	    "\"created_at\":null,\"created_by\":\"a@example.com\",\"state\":\"deleted\","
	    "\"deleted_at\":\"2026-07-01T00:00:05Z\",\"first_seen_at\":\"2026-07-01T00:00:00Z\","
	    "\"updated_at\":\"2026-07-01T00:00:00Z\",\"attention\":[],\"latest_job\":null," FRESH
	    "}");
}
END_TEST

START_TEST(a_job)
{
	struct job_record job = plain_job();
	check_job(&job, NULL, "{" PLAIN_JOB "}");
	check_job(&job, &fresh, "{" PLAIN_JOB "," FRESH "}");
}
END_TEST

START_TEST(a_job_of_which_little_is_known_is_null_there)
{
	struct job_record job = plain_job();
	job.run = (struct run){.start_time = TIMESTAMP_NONE,
	    .end_time = TIMESTAMP_NONE,
	    .status = JOB_UNKNOWN,
	    .upstream_status = "",
	    .error_message = "broken"};
	job.gone_at = DAY;
	check_job(&job, NULL,
	    "{\"job_id\":\"job_1\",\"connector_id\":\"c-1\",\"project\":\"demo\",\"run_id\":null,"
	    "\"status\":\"unknown\",\"upstream_status\":\"\",\"start_time\":null,\"end_time\":null,"
	    "\"duration_seconds\":null,\"progress\":null,"
	    "\"error\":{\"code\":null,\"message\":\"broken\"},\"stats\":{},"
	    "\"first_seen_at\":\"2026-07-01T00:00:00Z\",\"updated_at\":\"2026-07-01T00:01:31Z\","
	    "\"gone_at\":\"2026-07-01T00:00:00Z\"}");
}
END_TEST

START_TEST(a_snapshot_shows_the_job_at_its_time)
{
	struct job_record job = plain_job();
	struct snapshot_record snapshot = {
	    .run = {.start_time = DAY,
		.end_time = TIMESTAMP_NONE,
		.status = JOB_RUNNING,
		.upstream_status = "running",
		.progress = span_of("0.25")},
	    .observed_at = DAY + SECONDS(1),
	    .gone_at = TIMESTAMP_NONE,
	};
	struct buffer buffer _cleanup_buffer_;
	struct writer writer;
	buffer_init(&buffer, 65536);
	writer_init(&writer, &buffer);
	render_snapshot(&writer, &snapshot, &job, "demo");
	check_written(&buffer,
	    "{\"job_id\":\"job_1\",\"connector_id\":\"c-1\",\"project\":\"demo\",\"run_id\":null,"
	    "\"status\":\"running\",\"upstream_status\":\"running\","
	    "\"start_time\":\"2026-07-01T00:00:00Z\",\"end_time\":null,\"duration_seconds\":null,"
	    "\"progress\":0.25,\"error\":null,\"stats\":{},"
	    "\"first_seen_at\":\"2026-07-01T00:00:00Z\",\"updated_at\":\"2026-07-01T00:00:01Z\","
	    "\"gone_at\":null,\"observed_at\":\"2026-07-01T00:00:01Z\"}");
}
END_TEST

START_TEST(an_operation)
{
	struct operation_record record = {
	    .operation_id = "op_1",
	    .kind = OPERATION_CREATE,
	    .state = OPERATION_UNKNOWN,
	    .candidates = span_of("[\"c-1\",\"c-2\"]"),
	    .idempotency_key = "k",
	    .client = "etl",
	    .request = span_of("{\"connector_type\": \"gcsImport\"}"),
	    .error_code = "timeout",
	    .error_message = "no answer in 30 s",
	    .listings = 3,
	    .last_listed_at = DAY,
	    .search_over = true,
	    .created_at = DAY,
	    .sent_at = DAY + 1000,
	    .finished_at = TIMESTAMP_NONE,
	};
	check_operation(&record,
	    "{\"operation_id\":\"op_1\",\"kind\":\"create\",\"project\":\"demo\","
	    "\"connector_id\":null,\"state\":\"unknown\",\"candidates\":[\"c-1\",\"c-2\"],"
	    "\"idempotency_key\":\"k\",\"client\":\"etl\","
	    "\"request\":{\"connector_type\": \"gcsImport\"},"
	    "\"error\":{\"code\":\"timeout\",\"message\":\"no answer in 30 s\"},"
	    "\"search\":{\"listings\":3,\"last_at\":\"2026-07-01T00:00:00Z\",\"over\":true},"
	    "\"created_at\":\"2026-07-01T00:00:00Z\",\"sent_at\":\"2026-07-01T00:00:00.001Z\","
	    "\"finished_at\":null}");
}
END_TEST

START_TEST(a_delete_has_no_request)
{
	struct operation_record record = {
	    .operation_id = "op_2",
	    .kind = OPERATION_DELETE,
	    .connector_id = "c-1",
	    .state = OPERATION_SUCCEEDED,
	    .client = "uid:0",
	    .created_at = DAY,
	    .sent_at = DAY,
	    .finished_at = DAY,
	};
	check_operation(&record,
	    "{\"operation_id\":\"op_2\",\"kind\":\"delete\",\"project\":\"demo\","
	    "\"connector_id\":\"c-1\",\"state\":\"succeeded\",\"candidates\":[],"
	    "\"idempotency_key\":null,\"client\":\"uid:0\",\"request\":null,\"error\":null,"
	    "\"search\":null,"
	    "\"created_at\":\"2026-07-01T00:00:00Z\",\"sent_at\":\"2026-07-01T00:00:00Z\","
	    "\"finished_at\":\"2026-07-01T00:00:00Z\"}");
}
END_TEST

START_TEST(a_sync_block_with_an_error)
{
	struct buffer buffer _cleanup_buffer_;
	struct writer writer;
	buffer_init(&buffer, 65536);
	writer_init(&writer, &buffer);
	render_sync(&writer, &(struct freshness){.synced_at = TIMESTAMP_NONE,
				 .stale = true,
				 .error_code = "upstream-unreachable",
				 .error_message = "no \"route\"",
				 .error_since = DAY});
	check_written(&buffer,
	    "{\"synced_at\":null,\"stale\":true,\"error\":{\"code\":\"upstream-unreachable\","
	    "\"message\":\"no \\\"route\\\"\",\"since\":\"2026-07-01T00:00:00Z\"}}");
}
END_TEST

START_TEST(warnings_leave_errors_out)
{
	struct connector_fault list[] = {
	    {(char *)(uintptr_t) "/a", "required", (char *)(uintptr_t) "d", false},
	    {(char *)(uintptr_t) "/b~1c", "unknown-member", (char *)(uintptr_t) "e", true},
	};
	struct connector_faults faults = {.list = list, .count = 2, .errors = 1};
	struct buffer buffer _cleanup_buffer_;
	struct writer writer;
	buffer_init(&buffer, 65536);
	writer_init(&writer, &buffer);
	render_warnings(&writer, &faults);
	check_written(
	    &buffer, "[{\"pointer\":\"/b~1c\",\"code\":\"unknown-member\",\"detail\":\"e\"}]");
}
END_TEST

int main(void)
{
	return unit_main("render",
	    (const struct unit_case[]){
		{"a project", a_project},
		{"a connector keeps numbers as sent", a_connector_keeps_numbers_as_sent},
		{"a connector carries its latest job without sync",
		    a_connector_carries_its_latest_job_without_sync},
		{"a connector carries warnings when there are any",
		    a_connector_carries_warnings_when_there_are_any},
		{"a deleted connector says so", a_deleted_connector_says_so},
		{"a job", a_job},
		{"a job of which little is known is null there",
		    a_job_of_which_little_is_known_is_null_there},
		{"a snapshot shows the job at its time", a_snapshot_shows_the_job_at_its_time},
		{"an operation", an_operation},
		{"a delete has no request", a_delete_has_no_request},
		{"a sync block with an error", a_sync_block_with_an_error},
		{"warnings leave errors out", warnings_leave_errors_out},
		{NULL, NULL},
	    });
}
