/* SPDX-License-Identifier: MIT */
/* What the store promises of its records, lists and transactions. */
#include "store_fixture.h"

#include <signal.h>
#include <sys/wait.h>

#include "store/event_store.h"

#include "store/audit_store.h"

/* Connectors -----------------------------------------------------------------------------------*/

struct seen {
	int count;
	int64_t revision;
	int64_t updated_at;
	int64_t deleted_at;
	int64_t latest_row;
	enum job_status latest_status;
	bool deleted_by_us;
	int64_t status_known_at;
	char status[32];
	char failure_message[32];
	char label[32];
	char raw[64];
	int64_t history_synced_at;
	int64_t history_error_since;
	char history_error_code[32];
};

static int see(const struct connector_record *record, void *context)
{
	struct seen *seen = context;
	seen->count++;
	seen->revision = record->revision;
	seen->updated_at = record->updated_at;
	seen->deleted_at = record->deleted_at;
	seen->deleted_by_us = record->deleted_by_us;
	seen->status_known_at = record->status_known_at;
	snprintf(seen->status, sizeof(seen->status), "%s",
	    record->connector.status ? record->connector.status : "");
	snprintf(seen->failure_message, sizeof(seen->failure_message), "%s",
	    record->connector.failure_message ? record->connector.failure_message : "");
	seen->latest_row = record->latest ? record->latest->row : 0;
	seen->latest_status = record->latest ? record->latest->run.status : JOB_UNKNOWN;
	seen->history_synced_at = record->history_synced_at;
	seen->history_error_since = record->history_error_since;
	snprintf(seen->label, sizeof(seen->label), "%s", record->connector.label);
	snprintf(seen->raw, sizeof(seen->raw), "%.*s", (int)record->connector.raw.len,
	    record->connector.raw.ptr);
	snprintf(seen->history_error_code, sizeof(seen->history_error_code), "%s",
	    record->history_error_code ? record->history_error_code : "");
	return 0;
}

static struct seen get(struct fixture *fixture, const char *id)
{
	struct seen seen = {0};
	ck_assert_int_eq(
	    connector_store_get(fixture->writer, PROJECT, id, see, &seen, &fixture->err), 0);
	ck_assert_int_eq(seen.count, 1);
	return seen;
}

START_TEST(putting_tells_what_changed)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct connector connector = fixture_connector("a");
	int64_t row = fixture_put(&fixture, &connector, T0, CONNECTOR_NEW);
	ck_assert_int_eq(fixture_put(&fixture, &connector, T0 + 1, CONNECTOR_SAME), row);
	struct seen before = get(&fixture, "a");
	connector.raw = span_of("{\"more\":1}");
	fixture_put(&fixture, &connector, T0 + 2, CONNECTOR_SAME);
	struct seen raw = get(&fixture, "a");
	ck_assert_str_eq(raw.raw, "{\"more\":1}");
	ck_assert_int_eq(raw.revision, before.revision);
	ck_assert_int_eq(raw.updated_at, T0);
	connector.label = "new";
	fixture_put(&fixture, &connector, T0 + 3, CONNECTOR_CHANGED);
	struct seen changed = get(&fixture, "a");
	ck_assert_str_eq(changed.label, "new");
	ck_assert_int_gt(changed.revision, raw.revision);
	ck_assert_int_eq(changed.updated_at, T0 + 3);
	ck_assert_int_eq(
	    connector_store_get(fixture.writer, PROJECT + 1, "a", see, &before, &fixture.err), 1);
	ck_assert_int_eq(
	    connector_store_get_row(fixture.writer, row, see, &before, &fixture.err), 0);
	ck_assert_str_eq(before.label, "new");
	ck_assert_int_eq(
	    connector_store_get_row(fixture.writer, row + 1, see, &before, &fixture.err), 1);
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_deleted_connector_comes_back_only_when_told_so)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct connector connector = fixture_connector("a");
	int64_t row = fixture_put(&fixture, &connector, T0, CONNECTOR_NEW);
	fixture_delete(&fixture, "a", T0 + 10);
	fixture_delete(&fixture, "a", T0 + 11);
	ck_assert_int_eq(get(&fixture, "a").deleted_at, T0 + 10);
	ck_assert(!get(&fixture, "a").deleted_by_us);
	int64_t revision = get(&fixture, "a").revision;
	ck_assert_int_eq(fixture_put(&fixture, &connector, T0 + 12, CONNECTOR_STAYS_DELETED), row);
	ck_assert_int_eq(get(&fixture, "a").deleted_at, T0 + 10);
	/* Our own delete of one that was concluded to be gone says more. */
	ck_assert_int_eq(
	    connector_store_delete(fixture.writer, row, true, T0 + 13, &fixture.err), 0);
	ck_assert(get(&fixture, "a").deleted_by_us);
	ck_assert_int_eq(get(&fixture, "a").deleted_at, T0 + 10);
	struct connector_put put = fixture_single(&connector, T0 + 14);
	put.revive = true;
	enum connector_change change;
	ck_assert_int_eq(fixture_put_row(fixture.writer, &put, &fixture.err, &change, &row), 0);
	ck_assert_int_eq(change, CONNECTOR_REVIVED);
	ck_assert_int_eq(get(&fixture, "a").deleted_at, TIMESTAMP_NONE);
	ck_assert(!get(&fixture, "a").deleted_by_us);
	ck_assert_int_gt(get(&fixture, "a").revision, revision);
	fixture_done(&fixture);
}
END_TEST

/* A list's null is silence; a single answer's null is news. */
START_TEST(a_list_keeps_the_status_that_a_single_answer_told)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct connector connector = fixture_connector("a");
	struct connector_put put = fixture_single(&connector, T0);
	enum connector_change change;
	int64_t row;
	put.listed = true;
	fixture_put_row(fixture.writer, &put, &fixture.err, &change, &row);
	ck_assert_int_eq(get(&fixture, "a").status_known_at, TIMESTAMP_NONE);
	connector.status = "paused";
	connector.failure_message = "no permission";
	fixture_put(&fixture, &connector, T0 + 1, CONNECTOR_CHANGED);
	connector.status = connector.failure_message = NULL;
	put.observed_at = T0 + 2;
	fixture_put_row(fixture.writer, &put, &fixture.err, &change, &row);
	ck_assert_int_eq(change, CONNECTOR_SAME);
	connector.label = "new";
	fixture_put_row(fixture.writer, &put, &fixture.err, &change, &row);
	ck_assert_int_eq(change, CONNECTOR_CHANGED);
	struct seen kept = get(&fixture, "a");
	ck_assert_str_eq(kept.status, "paused");
	ck_assert_str_eq(kept.failure_message, "no permission");
	ck_assert_int_eq(kept.status_known_at, T0 + 1);
	fixture_put(&fixture, &connector, T0 + 3, CONNECTOR_CHANGED);
	ck_assert_str_eq(get(&fixture, "a").status, "");
	ck_assert_int_eq(get(&fixture, "a").status_known_at, T0 + 3);
	int64_t revision = get(&fixture, "a").revision;
	fixture_put(&fixture, &connector, T0 + 4, CONNECTOR_SAME);
	ck_assert_int_eq(get(&fixture, "a").status_known_at, T0 + 4);
	ck_assert_int_eq(get(&fixture, "a").revision, revision);
	/* A list that does tell is believed. */
	connector.status = "active";
	put.observed_at = T0 + 5;
	fixture_put_row(fixture.writer, &put, &fixture.err, &change, &row);
	ck_assert_int_eq(change, CONNECTOR_CHANGED);
	ck_assert_str_eq(get(&fixture, "a").status, "active");
	ck_assert_int_eq(get(&fixture, "a").status_known_at, T0 + 5);
	fixture_done(&fixture);
}
END_TEST

static int count_gone(const struct job_record *record, void *context)
{
	*(unsigned *)context += record->gone_at != TIMESTAMP_NONE;
	return 0;
}

static void check_counts(struct fixture *fixture);

START_TEST(the_jobs_of_a_connector_end_with_it)
{
	struct fixture fixture;
	fixture_init(&fixture);
	int64_t row = fixture_add(&fixture, "a", T0);
	fixture_job(&fixture, row, JOB_SUCCEEDED, T0);
	fixture_job(&fixture, row, JOB_RUNNING, T0 + 1);
	fixture_delete(&fixture, "a", T0 + 2);
	unsigned open = 0;
	ck_assert_int_eq(
	    job_store_each_open(fixture.writer, row, count_gone, &open, &fixture.err), 0);
	ck_assert_uint_eq(open, 0);
	unsigned gone = 0;
	ck_assert_int_eq(
	    job_store_each_recent(fixture.writer, row, 10, count_gone, &gone, &fixture.err), 0);
	ck_assert_uint_eq(gone, 1);
	check_counts(&fixture);
	/* Retention takes what is not the newest. */
	unsigned removed = 0;
	ck_assert_int_eq(
	    job_store_retain(fixture.writer, T0 + 100, 100, 100, &fixture.err, &removed), 0);
	ck_assert_uint_eq(removed, 1);
	fixture_done(&fixture);
}
END_TEST

static int remember_settling(int64_t row, enum connector_settling settling, void *context)
{
	enum connector_settling *list = context;
	list[row] = settling;
	return 0;
}

START_TEST(what_settles_is_told_until_it_has_settled)
{
	struct fixture fixture;
	fixture_init(&fixture);
	int64_t a = fixture_add(&fixture, "a", T0);
	int64_t b = fixture_add(&fixture, "b", T0);
	int64_t c = fixture_add(&fixture, "c", T0);
	int64_t d = fixture_add(&fixture, "d", T0);
	connector_store_created_by_us(fixture.writer, a, "k", &fixture.err);
	connector_store_delete(fixture.writer, b, true, T0, &fixture.err);
	connector_store_delete(fixture.writer, c, false, T0, &fixture.err);
	connector_store_delete(fixture.writer, d, false, T0, &fixture.err);
	connector_store_settled(fixture.writer, d, &fixture.err);
	enum connector_settling list[8];
	memset(list, 0x55, sizeof(list));
	enum connector_settling untouched = list[d];
	ck_assert_int_eq(connector_store_each_settling(
			     fixture.writer, PROJECT, remember_settling, list, &fixture.err),
	    0);
	ck_assert_int_eq(list[a], SETTLING_CREATED);
	ck_assert_int_eq(list[b], SETTLING_DELETED);
	ck_assert_int_eq(list[c], SETTLING_OBSERVED);
	ck_assert_int_eq(list[d], untouched);
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_history_error_keeps_its_beginning_until_a_good_one)
{
	struct fixture fixture;
	fixture_init(&fixture);
	int64_t row = fixture_add(&fixture, "a", T0);
	int64_t revision = get(&fixture, "a").revision;
	struct conn *writer = fixture.writer;
	for (int i = 1; i <= 2; i++)
		ck_assert_int_eq(connector_store_failed(writer, row, CONNECTOR_PART_HISTORY,
				     &(struct store_failure){"timeout", "m", T0 + i}, &fixture.err),
		    0);
	ck_assert_int_eq(connector_store_read(writer, row, CONNECTOR_PART_SINGLE, &fixture.err), 0);
	ck_assert_int_eq(get(&fixture, "a").history_error_since, T0 + 1);
	ck_assert_str_eq(get(&fixture, "a").history_error_code, "timeout");
	ck_assert_int_eq(connector_store_history_synced(writer, row, T0 + 5, &fixture.err), 0);
	ck_assert_int_eq(get(&fixture, "a").history_error_since, T0 + 1);
	ck_assert_int_eq(
	    connector_store_read(writer, row, CONNECTOR_PART_HISTORY, &fixture.err), 0);
	ck_assert_int_eq(get(&fixture, "a").history_error_since, TIMESTAMP_NONE);
	ck_assert_int_eq(get(&fixture, "a").history_synced_at, T0 + 5);
	ck_assert_int_eq(get(&fixture, "a").revision, revision);
	fixture_done(&fixture);
}
END_TEST

START_TEST(filters_combine)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct connector connector = fixture_connector("a");
	connector.status = "active";
	connector.label = "x";
	int64_t a = fixture_put(&fixture, &connector, T0, CONNECTOR_NEW);
	connector.connector_id = "b";
	connector.status = "paused";
	int64_t b = fixture_put(&fixture, &connector, T0 + 1, CONNECTOR_NEW);
	fixture_job(&fixture, b, JOB_FAILED, T0);
	fixture_add(&fixture, "c", T0 + 2);
	fixture_delete(&fixture, "c", T0 + 3);
	const struct {
		struct connector_query query;
		size_t count;
		int64_t first;
	} cases[] = {
	    {{.presence = PRESENCE_PRESENT}, 2, a},
	    {{.presence = PRESENCE_PRESENT, .newest_first = true}, 2, b},
	    {{.presence = PRESENCE_ALL}, 3, a},
	    {{.presence = PRESENCE_DELETED}, 1, 3},
	    {{.status = "paused"}, 1, b},
	    {{.status = "paused", .label = "x", .job_status = "failed"}, 1, b},
	    {{.status = "active", .job_status = "failed"}, 0, 0},
	    {{.connector_type = "s3Import"}, 0, 0},
	    {{.data_format = "mixpanel_event", .connector_type = "gcsImport"}, 2, a},
	    {{.id_prefix = "b"}, 1, b},
	    {{.id_prefix = "b", .label = "y"}, 0, 0},
	    {{.id_prefix = "bb"}, 0, 0},
	};
	static const int64_t project[] = {PROJECT};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct connector_query query = cases[i].query;
		query.slice.project_ids = project;
		query.slice.project_count = 1;
		query.slice.limit = 10;
		struct rows rows = {0};
		struct slice_end end = {.more = true};
		ck_assert_int_eq(connector_store_list(fixture.writer, &query, rows_add_connector,
				     &rows, &fixture.err, &end),
		    0);
		ck_assert_uint_eq(rows.count, cases[i].count);
		ck_assert(!end.more);
		if (rows.count)
			ck_assert_int_eq(rows.list[0], cases[i].first);
	}
	fixture_done(&fixture);
}
END_TEST

static struct rows imports_of(struct fixture *fixture, const char *key, int64_t after_row)
{
	struct rows rows = {0};
	const struct import_query query = {
	    .project_id = PROJECT, .import_key = key, .after_row = after_row};
	ck_assert_int_eq(connector_store_each_import(
			     fixture->writer, &query, rows_add_connector, &rows, &fixture->err),
	    0);
	return rows;
}

START_TEST(imports_are_found_by_their_key_while_they_are_there_or_settle)
{
	static const char key[] = "gcsImport\nmixpanel_event\nb\n";
	struct fixture fixture;
	fixture_init(&fixture);
	int64_t a = fixture_add(&fixture, "a", T0);
	struct connector connector = fixture_connector("b");
	connector.prefix = "//";
	int64_t b = fixture_put(&fixture, &connector, T0, CONNECTOR_NEW);
	connector.connector_id = "c";
	connector.prefix = "c";
	int64_t c = fixture_put(&fixture, &connector, T0, CONNECTOR_NEW);
	ck_assert_uint_eq(imports_of(&fixture, key, 0).count, 2);
	ck_assert_int_eq(imports_of(&fixture, key, a).list[0], b);
	ck_assert_uint_eq(imports_of(&fixture, key, b).count, 0);
	connector.prefix = "";
	fixture_put(&fixture, &connector, T0 + 1, CONNECTOR_CHANGED);
	ck_assert_int_eq(imports_of(&fixture, key, b).list[0], c);
	fixture_delete(&fixture, "a", T0);
	connector_store_delete(fixture.writer, b, true, T0, &fixture.err);
	ck_assert_int_eq(imports_of(&fixture, key, 0).list[0], a);
	ck_assert_uint_eq(imports_of(&fixture, key, 0).count, 2);
	connector_store_settled(fixture.writer, a, &fixture.err);
	ck_assert_uint_eq(imports_of(&fixture, key, 0).count, 1);
	fixture_done(&fixture);
}
END_TEST

struct sent {
	char connector_id[8];
	char request[8];
};

static int take_sent(const char *connector_id, struct span request, void *context)
{
	struct sent *sent = context;
	snprintf(sent->connector_id, sizeof(sent->connector_id), "%s", connector_id);
	snprintf(sent->request, sizeof(sent->request), "%.*s", (int)request.len, request.ptr);
	return 0;
}

struct followed {
	int count;
	struct followed_connector last;
	int64_t unfinished[16];
	size_t unfinished_count;
};

static int follow(const struct followed_connector *connector, void *context)
{
	struct followed *followed = context;
	ck_assert_int_gt(connector->row, followed->last.row);
	followed->count++;
	followed->last = *connector;
	followed->last.connector_id = NULL;
	if (connector->unfinished)
		followed->unfinished[followed->unfinished_count++] = connector->row;
	return connector->row == INT64_C(4) ? 77 : 0;
}

static struct followed follow_all(struct fixture *fixture, int expected)
{
	struct followed followed = {0};
	ck_assert_int_eq(connector_store_each_followed(
			     fixture->writer, PROJECT, follow, &followed, &fixture->err),
	    expected);
	return followed;
}

START_TEST(following_takes_times_of_those_that_are_present)
{
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_add(&fixture, "deleted", T0);
	fixture_delete(&fixture, "deleted", T0 + 1);
	struct connector connector = fixture_connector("a");
	enum connector_change change;
	int64_t row = 0;
	struct connector_put put = fixture_single(&connector, T0 + 2);
	put.confirmed = T0 + 3;
	ck_assert_int_eq(fixture_put_row(fixture.writer, &put, &fixture.err, &change, &row), 0);
	put.project_id = PROJECT + 1;
	ck_assert_int_eq(fixture_put_row(fixture.writer, &put, &fixture.err, &change, &row), 0);
	struct followed followed = follow_all(&fixture, 0);
	ck_assert_int_eq(followed.count, 1);
	ck_assert_int_eq(followed.last.row, 2);
	ck_assert_int_eq(followed.last.created_at, T0 + 2);
	ck_assert_int_eq(followed.last.history_synced_at, TIMESTAMP_NONE);
	ck_assert(!followed.last.unfinished);
	connector.created_at = T0 - 5;
	fixture_put(&fixture, &connector, T0 + 6, CONNECTOR_CHANGED);
	ck_assert_int_eq(
	    connector_store_history_synced(fixture.writer, 2, T0 + 7, &fixture.err), 0);
	followed = follow_all(&fixture, 0);
	ck_assert_int_eq(followed.last.created_at, T0 - 5);
	ck_assert_int_eq(followed.last.history_synced_at, T0 + 7);
	/* What the callback returns ends the walk. */
	fixture_add(&fixture, "b", T0);
	fixture_add(&fixture, "c", T0);
	ck_assert_int_eq(follow_all(&fixture, 77).count, 2);
	fixture_done(&fixture);
}
END_TEST

/* Of every status, as the latest job and as an earlier one, gone or not. */
START_TEST(following_tells_whether_a_job_is_unfinished)
{
	struct fixture fixture;
	fixture_init(&fixture);
	int64_t row = 4; /* skips the one that ends the walk */
	for (int i = 0; i < 4; i++)
		fixture_add(&fixture, (const char *[]){"a", "b", "c", "d"}[i], T0);
	fixture_delete(&fixture, "d", T0 + 1);
	struct followed expected = {0};
	for (int status = JOB_QUEUED; status <= JOB_UNKNOWN; status++) {
		for (int variant = 0; variant < 3; variant++, row++) {
			char id[32];
			snprintf(id, sizeof(id), "c%d-%d", status, variant);
			int64_t added = fixture_add(&fixture, id, T0);
			int64_t job =
			    fixture_job(&fixture, added, (enum job_status)status, T0 + 10);
			if (variant == 1)
				fixture_job(&fixture, added, JOB_SUCCEEDED, T0 + 20);
			if (variant == 2)
				ck_assert_int_eq(job_store_unlisted(fixture.writer, job, T0 + 20,
						     true, T0 + 30, &fixture.err),
				    0);
			else if (!job_status_is_done((enum job_status)status))
				expected.unfinished[expected.unfinished_count++] = added;
		}
	}
	struct followed followed = follow_all(&fixture, 0);
	ck_assert_uint_eq(expected.unfinished_count, 8);
	ck_assert_uint_eq(followed.unfinished_count, expected.unfinished_count);
	ck_assert_mem_eq(
	    followed.unfinished, expected.unfinished, expected.unfinished_count * sizeof(int64_t));
	fixture_done(&fixture);
}
END_TEST

/* Jobs -----------------------------------------------------------------------------------------*/

static struct rows list_jobs(struct conn *conn, struct job_query query, unsigned limit)
{
	struct rows rows = {0};
	struct err err = ERR_INIT;
	query.slice.limit = limit;
	struct slice_end end = {.more = true};
	while (end.more) {
		size_t before = rows.count;
		ck_assert_msg(job_store_list(conn, &query, rows_add_job, &rows, &err, &end) == 0,
		    "%s", err.text);
		ck_assert_uint_le(rows.count - before, limit);
		query.slice.after = true;
		query.slice.position = end.last;
	}
	return rows;
}

START_TEST(the_latest_job_is_the_newest_by_start)
{
	struct fixture fixture;
	fixture_init(&fixture);
	int64_t row = fixture_add(&fixture, "a", T0);
	int64_t revision = get(&fixture, "a").revision;
	int64_t first = fixture_job(&fixture, row, JOB_SUCCEEDED, T0 + 10);
	ck_assert_int_eq(get(&fixture, "a").latest_row, first);
	ck_assert_int_gt(get(&fixture, "a").revision, revision);
	fixture_job(&fixture, row, JOB_FAILED, T0 + 5);
	ck_assert_int_eq(get(&fixture, "a").latest_row, first);
	int64_t third = fixture_job(&fixture, row, JOB_RUNNING, T0 + 10);
	ck_assert_int_eq(get(&fixture, "a").latest_row, third);
	ck_assert_int_eq(get(&fixture, "a").latest_status, JOB_RUNNING);
	fixture_done(&fixture);
}
END_TEST

struct snapshots {
	size_t count;
	enum job_status status[16];
	int64_t observed_at[16];
	int64_t gone_at[16];
	int64_t last;
};

static int add_snapshot(const struct snapshot_record *record, void *context)
{
	struct snapshots *snapshots = context;
	snapshots->status[snapshots->count] = record->run.status;
	snapshots->observed_at[snapshots->count] = record->observed_at;
	snapshots->gone_at[snapshots->count++] = record->gone_at;
	snapshots->last = record->row;
	ck_assert(span_equals(record->run.progress, "0.10"));
	return 0;
}

START_TEST(a_job_keeps_a_snapshot_of_all_it_said)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct conn *writer = fixture.writer;
	struct err *err = &fixture.err;
	int64_t connector = fixture_add(&fixture, "a", T0);
	int64_t row = fixture_job(&fixture, connector, JOB_QUEUED, TIMESTAMP_NONE);
	struct run run = fixture_run(JOB_RUNNING, T0 + 5);
	ck_assert_int_eq(job_store_update(writer, row, &run, T0 + 10, err), 0);
	ck_assert_int_eq(job_store_unlisted(writer, row, T0 + 10, true, T0 + 20, err), 0);
	ck_assert_int_eq(job_store_relisted(writer, row, T0 + 30, err), 0);
	ck_assert_int_eq(job_store_relisted(writer, row, T0 + 31, err), 0);
	ck_assert_int_eq(job_store_unlisted(writer, row, T0 + 31, false, T0 + 40, err), 0);
	struct snapshots all = {0};
	struct slice_end end;
	struct snapshot_query query = {.job_row = row, .slice.limit = 16};
	ck_assert_int_eq(job_store_snapshots(writer, &query, add_snapshot, &all, err, &end), 0);
	ck_assert(!end.more);
	ck_assert_uint_eq(all.count, 4);
	ck_assert_int_eq(all.status[0], JOB_QUEUED);
	ck_assert_int_eq(all.status[1], JOB_RUNNING);
	ck_assert_int_eq(all.gone_at[2], T0 + 20);
	ck_assert_int_eq(all.gone_at[3], TIMESTAMP_NONE);
	ck_assert_int_eq(all.observed_at[3], T0 + 30);
	struct snapshots paged = {0};
	query.slice.limit = 3;
	ck_assert_int_eq(job_store_snapshots(writer, &query, add_snapshot, &paged, err, &end), 0);
	ck_assert(end.more);
	ck_assert_int_eq(end.last.row, paged.last);
	query.slice.after = true;
	query.slice.position = end.last;
	ck_assert_int_eq(job_store_snapshots(writer, &query, add_snapshot, &paged, err, &end), 0);
	ck_assert(!end.more);
	ck_assert_uint_eq(paged.count, 4);
	fixture_done(&fixture);
}
END_TEST

static int check_bytes(const struct job_record *record, void *context)
{
	(void)context;
	ck_assert(span_equals(record->run.raw, "{\"n\": 0.10,\t\"x\":1e3}"));
	ck_assert(span_equals(record->run.stats, "{\"n\":18446744073709551616}"));
	ck_assert_ptr_null(record->run.run_id);
	ck_assert_ptr_null(record->run.progress.ptr);
	ck_assert_str_eq(record->connector_id, "a");
	ck_assert(record->listed);
	return 0;
}

START_TEST(bytes_come_back_as_received)
{
	struct fixture fixture;
	fixture_init(&fixture);
	int64_t connector = fixture_add(&fixture, "a", T0);
	struct run run = fixture_run(JOB_SUCCEEDED, T0);
	run.raw = span_of("{\"n\": 0.10,\t\"x\":1e3}");
	run.stats = span_of("{\"n\":18446744073709551616}");
	run.progress = SPAN_NONE;
	int64_t row = 0;
	char id[RANDOM_ID_SIZE];
	const struct new_job job = {
	    .project_id = PROJECT, .connector_row = connector, .run = &run, .now = T0};
	ck_assert_int_eq(job_store_insert(fixture.writer, &job, &fixture.err, &row, id), 0);
	ck_assert_int_eq(job_store_get(fixture.writer, id, check_bytes, NULL, &fixture.err), 0);
	ck_assert_int_eq(
	    job_store_get(fixture.writer, "job_x", check_bytes, NULL, &fixture.err), 1);
	fixture_done(&fixture);
}
END_TEST

START_TEST(jobs_are_listed_over_the_projects_asked_for)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct connector connector = fixture_connector("a");
	int64_t connectors[3];
	int64_t expected[3][30];
	fixture_begin(&fixture);
	for (int p = 0; p < 3; p++) {
		enum connector_change change;
		struct connector_put put = fixture_single(&connector, T0);
		put.project_id = p + 1;
		ck_assert_int_eq(
		    fixture_put_row(fixture.writer, &put, &fixture.err, &change, &connectors[p]),
		    0);
	}
	for (int i = 0; i < 30; i++)
		for (int p = 0; p < 3; p++)
			expected[p][29 - i] = fixture_job_of(&fixture, p + 1, connectors[p],
			    i % 3 ? JOB_SUCCEEDED : JOB_FAILED, T0 + i * 10);
	fixture_commit(&fixture);
	struct job_query query = {.since = TIMESTAMP_NONE};
	ck_assert_uint_eq(list_jobs(fixture.writer, query, 7).count, 90);
	const int64_t some[] = {1, 3};
	query.slice.project_ids = some;
	query.slice.project_count = 2;
	struct rows rows = list_jobs(fixture.writer, query, 7);
	ck_assert_uint_eq(rows.count, 60);
	for (size_t i = 0; i < 60; i++)
		ck_assert_int_eq(rows.list[i], expected[i % 2 ? 0 : 2][i / 2]);
	query.since = T0 + 10 * 20;
	ck_assert_uint_eq(list_jobs(fixture.writer, query, 7).count, 20);
	query.statuses = 1U << JOB_FAILED;
	ck_assert_uint_eq(list_jobs(fixture.writer, query, 7).count, 6);
	query.slice.project_count = 0;
	ck_assert_uint_eq(list_jobs(fixture.writer, query, 7).count, 0);
	struct job_query one = {
	    .statuses = 1U << JOB_FAILED, .since = TIMESTAMP_NONE, .connector_row = connectors[1]};
	ck_assert_uint_eq(list_jobs(fixture.writer, one, 7).count, 10);
	fixture_done(&fixture);
}
END_TEST

START_TEST(open_and_recent_jobs_come_oldest_first)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct conn *writer = fixture.writer;
	int64_t connector = fixture_add(&fixture, "a", T0);
	int64_t jobs[5];
	for (int i = 0; i < 5; i++)
		jobs[i] =
		    fixture_job(&fixture, connector, i == 1 ? JOB_RUNNING : JOB_SUCCEEDED, T0 + i);
	for (int i = 0; i < 3; i++)
		job_store_unlisted(writer, jobs[i], T0, false, T0, &fixture.err);
	struct rows open = {0};
	ck_assert_int_eq(
	    job_store_each_open(writer, connector, rows_add_job, &open, &fixture.err), 0);
	ck_assert_uint_eq(open.count, 3);
	ck_assert_int_eq(open.list[0], jobs[1]);
	ck_assert_int_eq(open.list[2], jobs[4]);
	struct rows recent = {0};
	ck_assert_int_eq(
	    job_store_each_recent(writer, connector, 2, rows_add_job, &recent, &fixture.err), 0);
	ck_assert_uint_eq(recent.count, 2);
	ck_assert_int_eq(recent.list[0], jobs[3]);
	fixture_done(&fixture);
}
END_TEST

START_TEST(retention_spares_the_newest_and_what_is_listed)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct conn *writer = fixture.writer;
	int64_t a = fixture_add(&fixture, "a", T0);
	int64_t b = fixture_add(&fixture, "b", T0);
	int64_t jobs[10];
	for (int i = 0; i < 10; i++) {
		jobs[i] = fixture_job(&fixture, a, JOB_SUCCEEDED, T0 + i);
		if (i != 4)
			job_store_unlisted(writer, jobs[i], T0, false, T0, &fixture.err);
	}
	int64_t old = fixture_job(&fixture, b, JOB_FAILED, T0 - SECOND);
	job_store_unlisted(writer, old, T0, false, T0, &fixture.err);
	int64_t active = fixture_job(&fixture, b, JOB_RUNNING, T0 - 2 * SECOND);
	job_store_unlisted(writer, active, T0, false, T0, &fixture.err);
	unsigned removed = 0;
	struct err *err = &fixture.err;
	ck_assert_int_eq(job_store_retain(writer, T0, 100, 100, err, &removed), 0);
	ck_assert_uint_eq(removed, 0);
	ck_assert_int_eq(job_store_retain(writer, T0 + 2, 100, 1, err, &removed), 0);
	ck_assert_uint_eq(removed, 1);
	ck_assert_int_eq(job_store_retain(writer, T0 + 2, 100, 100, err, &removed), 0);
	ck_assert_uint_eq(removed, 1);
	ck_assert_int_eq(job_store_retain(writer, T0, 3, 100, err, &removed), 0);
	ck_assert_uint_eq(removed, 4);
	ck_assert_int_eq(job_store_retain(writer, INT64_MAX, 0, 100, err, &removed), 0);
	ck_assert_uint_eq(removed, 2);
	ck_assert_int_eq(fixture_count(writer, "SELECT count(*) FROM jobs"), 4);
	ck_assert_int_eq(fixture_count(writer, "SELECT count(*) FROM snapshots"), 4);
	fixture_done(&fixture);
}
END_TEST

static void check_counts(struct fixture *fixture)
{
	struct store_stats stats;
	struct conn *conn = fixture->writer;
	ck_assert_int_eq(store_stats(conn, &fixture->err, &stats), 0);
	ck_assert_int_eq(stats.jobs, fixture_count(conn, "SELECT count(*) FROM jobs"));
	ck_assert_int_eq(stats.snapshots, fixture_count(conn, "SELECT count(*) FROM snapshots"));
	ck_assert_int_eq(stats.connectors,
	    fixture_count(conn, "SELECT count(*) FROM connectors WHERE deleted_at IS NULL"));
	ck_assert_int_eq(fixture_count(conn, "SELECT total(jobs_active) FROM projects"),
	    fixture_count(conn, "SELECT count(*) FROM jobs JOIN connectors USING (connector_row)"
				" WHERE jobs.status NOT IN ('succeeded', 'failed', 'cancelled')"
				" AND gone_at IS NULL AND deleted_at IS NULL"));
	ck_assert_int_eq(
	    fixture_count(conn, "SELECT total(job_count) FROM connectors"), stats.jobs);
	ck_assert_int_gt(stats.free_bytes, 0);
	ck_assert_int_gt(stats.database_bytes, 0);
}

/* One random step in the life of a few connectors and their jobs. */
static void random_step(struct fixture *fixture, struct random_sequence *sequence)
{
	struct conn *writer = fixture->writer;
	struct err *err = &fixture->err;
	char id[8];
	snprintf(id, sizeof(id), "c%d", (int)random_sequence_between(sequence, 0, 4));
	int64_t now = T0 + random_sequence_between(sequence, 0, 1000);
	int64_t job = random_sequence_between(sequence, 1, 60);
	struct run run =
	    fixture_run((enum job_status)random_sequence_between(sequence, 0, JOB_UNKNOWN), now);
	struct connector connector = fixture_connector(id);
	struct connector_put put = fixture_single(&connector, now);
	enum connector_change change;
	int64_t row = 0;
	char job_id[RANDOM_ID_SIZE];
	unsigned removed;
	int r = 0;
	switch (random_sequence_between(sequence, 0, 6)) {
	case 0:
		r = connector_store_get(writer, PROJECT, id, fixture_take_row, &row, err);
		if (r == 0)
			r = connector_store_delete(writer, row, job % 2, now, err);
		break;
	case 1:
	case 2:
		put.revive = job % 2;
		r = fixture_put_row(writer, &put, err, &change, &row);
		if (r == 0)
			r = job_store_insert(
			    writer, &(struct new_job){PROJECT, row, &run, now}, err, &row, job_id);
		break;
	case 3:
		r = job_store_update(writer, job, &run, now, err);
		break;
	case 4:
		r = job_store_unlisted(writer, job, now, job % 2, now, err);
		break;
	case 5:
		r = job_store_relisted(writer, job, now, err);
		break;
	case 6:
		r = job_store_retain(writer, now - 500, 8, 2, err, &removed);
		break;
	}
	ck_assert_msg(r == 0 || r == 1, "%s", err->text);
}

START_TEST(counts_agree_with_the_rows_after_any_history)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct fixture fixture;
		fixture_init(&fixture);
		struct random_sequence sequence;
		random_sequence_init(&sequence, seed);
		fixture_begin(&fixture);
		for (int i = 0; i < 300; i++) {
			random_step(&fixture, &sequence);
			if (i % 10 == 0)
				check_counts(&fixture);
		}
		fixture_commit(&fixture);
		fixture_done(&fixture);
	}
}
END_TEST

/* Operations -----------------------------------------------------------------------------------*/

static struct operation_record operation(const char *id, enum operation_state state)
{
	return (struct operation_record){
	    .operation_id = id,
	    .kind = OPERATION_CREATE,
	    .project_id = PROJECT,
	    .state = state,
	    .client = "c",
	    .request = span_of("{ }"),
	    .created_at = T0,
	    .sent_at = TIMESTAMP_NONE,
	    .finished_at = TIMESTAMP_NONE,
	    .sent_upstream_at = TIMESTAMP_NONE,
	};
}

/* Whatever Mixpanel made of the prefix in its echo. */
START_TEST(what_was_sent_is_found_by_its_own_key)
{
	struct fixture fixture;
	fixture_init(&fixture);
	int64_t row = fixture_add(&fixture, "a", T0);
	struct operation_record record = operation("op_1", OPERATION_SUCCEEDED);
	record.connector_id = "a";
	operation_store_insert(fixture.writer, &record, &fixture.err, &record.row);
	connector_store_created_by_us(fixture.writer, row, "sent", &fixture.err);
	struct sent sent = {.connector_id = ""};
	ck_assert_int_eq(connector_store_each_sent(
			     fixture.writer, PROJECT, "other", take_sent, &sent, &fixture.err),
	    0);
	ck_assert_str_eq(sent.connector_id, "");
	ck_assert_int_eq(connector_store_each_sent(
			     fixture.writer, PROJECT, "sent", take_sent, &sent, &fixture.err),
	    0);
	ck_assert_str_eq(sent.connector_id, "a");
	ck_assert_str_eq(sent.request, "{ }");
	fixture_done(&fixture);
}
END_TEST

static int count_open(const struct open_operation *open, void *context)
{
	struct rows *rows = context;
	rows->list[rows->count++] = open->row;
	return 0;
}

static int copy_operation(const struct operation_record *record, void *context)
{
	struct operation_record *copy = context;
	copy->state = record->state;
	copy->row = record->row;
	copy->sent_at = record->sent_at;
	copy->revision = record->revision;
	ck_assert(record->kind == OPERATION_DELETE || span_equals(record->request, "{ }"));
	return 0;
}

START_TEST(a_key_binds_once_unless_nothing_was_sent)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct conn *writer = fixture.writer;
	struct err *err = &fixture.err;
	struct operation_record first = operation("op_1", OPERATION_PLANNED);
	first.idempotency_key = "k";
	ck_assert_int_eq(operation_store_insert(writer, &first, err, &first.row), 0);
	struct operation_record second = operation("op_2", OPERATION_PLANNED);
	second.idempotency_key = "k";
	ck_assert_int_eq(operation_store_insert(writer, &second, err, &second.row), STORE_CONFLICT);
	second.client = "other";
	ck_assert_int_eq(operation_store_insert(writer, &second, err, &second.row), 0);
	struct operation_record found = {0};
	const struct operation_owner owner = {.project_id = PROJECT, .client = "c"};
	ck_assert_int_eq(
	    operation_store_get_by_key(writer, &owner, "k", copy_operation, &found, err), 0);
	ck_assert_int_eq(found.row, first.row);
	first.state = OPERATION_SENDING;
	ck_assert_int_eq(operation_store_update(writer, &first, err), 0);
	first.state = OPERATION_UNREACHABLE;
	first.finished_at = T0 + 1;
	ck_assert_int_eq(operation_store_update(writer, &first, err), 0);
	ck_assert_int_eq(
	    operation_store_get_by_key(writer, &owner, "k", copy_operation, &found, err), 1);
	struct operation_record third = operation("op_3", OPERATION_PLANNED);
	third.idempotency_key = "k";
	ck_assert_int_eq(operation_store_insert(writer, &third, err, &third.row), 0);
	fixture_done(&fixture);
}
END_TEST

START_TEST(what_was_left_sending_is_unknown_or_repeated)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct conn *writer = fixture.writer;
	struct err *err = &fixture.err;
	struct operation_record create = operation("op_1", OPERATION_SENDING);
	struct operation_record delete = operation("op_2", OPERATION_SENDING);
	delete.kind = OPERATION_DELETE;
	delete.request = SPAN_NONE;
	struct operation_record planned = operation("op_3", OPERATION_PLANNED);
	operation_store_insert(writer, &create, err, &create.row);
	operation_store_insert(writer, &delete, err, &delete.row);
	operation_store_insert(writer, &planned, err, &planned.row);
	unsigned unknown = 0;
	ck_assert_int_eq(operation_store_recover(writer, T0 + 9, err, &unknown), 0);
	ck_assert_uint_eq(unknown, 1);
	struct operation_record found = {0};
	operation_store_get(writer, "op_1", copy_operation, &found, err);
	ck_assert_int_eq(found.state, OPERATION_UNKNOWN);
	ck_assert_int_eq(found.sent_at, T0 + 9);
	operation_store_get(writer, "op_2", copy_operation, &found, err);
	ck_assert_int_eq(found.state, OPERATION_PLANNED);
	struct rows open = {0};
	ck_assert_int_eq(operation_store_each_open(writer, PROJECT, count_open, &open, err), 0);
	ck_assert_uint_eq(open.count, 3);
	ck_assert_int_eq(open.list[0], create.row);
	struct store_stats stats;
	ck_assert_int_eq(store_stats(writer, err, &stats), 0);
	ck_assert_int_eq(stats.operations, 3);
	ck_assert_int_eq(stats.operations_unknown, 1);
	fixture_done(&fixture);
}
END_TEST

static void run_sql(struct fixture *fixture, const char *sql)
{
	ck_assert_msg(sqlite3_exec(fixture->writer->db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s",
	    sqlite3_errmsg(fixture->writer->db));
}

static int see_nothing_readable(const struct connector_record *record, void *context)
{
	(void)context;
	ck_assert_ptr_null(record->connector.properties.ptr);
	ck_assert_ptr_null(record->connector.category.ptr);
	ck_assert_ptr_null(record->connector.raw.ptr);
	ck_assert_int_eq(record->connector.created_at, TIMESTAMP_NONE);
	ck_assert_int_eq(record->confirmed_at, TIMESTAMP_NONE);
	ck_assert_ptr_null(record->latest);
	return 0;
}

static int see_no_job(const struct job_record *record, void *context)
{
	(void)context;
	ck_assert_ptr_null(record->run.progress.ptr);
	ck_assert_ptr_null(record->run.stats.ptr);
	ck_assert_ptr_null(record->run.raw.ptr);
	ck_assert_int_eq(record->run.start_time, TIMESTAMP_NONE);
	return 0;
}

static int see_no_request(const struct operation_record *record, void *context)
{
	(void)context;
	ck_assert_ptr_null(record->candidates.ptr);
	ck_assert_ptr_null(record->request.ptr);
	ck_assert_int_eq(record->listings, 0);
	return 0;
}

static bool wants_all(int64_t project_id, void *context)
{
	(void)project_id, (void)context;
	return true;
}

static int see_empty_event(const struct event_record *record, void *context)
{
	++*(unsigned *)context;
	ck_assert_ptr_null(record->previous.ptr);
	ck_assert_ptr_null(record->changed.ptr);
	ck_assert_ptr_null(record->data.ptr);
	return 0;
}

START_TEST(what_cannot_be_read_of_the_feed_counts_as_unknown)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct event_feed feed;
	unsigned seen = 0;
	int64_t seq = 0;
	const struct event_query query = {.wants_project = wants_all};
	const struct event_put event = {.type = EVENT_JOB_UPDATED,
	    .at = T0,
	    .previous = span_of("{}"),
	    .changed = span_of("[]"),
	    .data = span_of("{}")};
	ck_assert_int_eq(event_store_put(fixture.writer, &event, &fixture.err), 0);
	run_sql(&fixture, "UPDATE events SET previous = CAST('[]' AS BLOB),"
			  " changed = CAST('[1' AS BLOB), data = x'7b22ff223a317d'");
	run_sql(&fixture, "UPDATE store SET feed = 'abc' || char(10) || 'efgh'");
	ck_assert_int_eq(
	    event_store_list(fixture.writer, &query, see_empty_event, &seen, &fixture.err, &seq),
	    0);
	ck_assert_uint_eq(seen, 1);
	ck_assert_int_eq(event_store_feed(fixture.writer, &fixture.err, &feed), 0);
	ck_assert_str_eq(feed.name, "");
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_job_without_its_connector_is_passed_over_in_lists)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct rows found = {.count = 0};
	struct slice_end end = {.more = false};
	int64_t projects[] = {PROJECT};
	struct job_query query = {.since = TIMESTAMP_NONE,
	    .slice = {.project_ids = projects, .project_count = 1, .limit = 2}};
	int64_t first = fixture_job(&fixture, fixture_add(&fixture, "a", T0), JOB_FAILED, T0);
	fixture_job(&fixture, fixture_add(&fixture, "b", T0), JOB_FAILED, T0 + 1);
	fixture_job(&fixture, fixture_add(&fixture, "c", T0), JOB_FAILED, T0 + 2);
	run_sql(&fixture, "PRAGMA foreign_keys = OFF");
	run_sql(&fixture, "DELETE FROM connectors WHERE connector_id <> 'a'");
	ck_assert_int_eq(
	    job_store_list(fixture.writer, &query, rows_add_job, &found, &fixture.err, &end), 0);
	ck_assert_uint_eq(found.count, 0);
	ck_assert(end.more);
	query.slice.after = true;
	query.slice.position = end.last;
	ck_assert_int_eq(
	    job_store_list(fixture.writer, &query, rows_add_job, &found, &fixture.err, &end), 0);
	ck_assert_uint_eq(found.count, 1);
	ck_assert_int_eq(found.list[0], first);
	fixture_done(&fixture);
}
END_TEST

/* Somebody else wrote to the file, or the disk did. */
START_TEST(what_cannot_be_read_in_a_row_counts_as_unknown)
{
	struct fixture fixture;
	fixture_init(&fixture);
	int64_t connector = fixture_add(&fixture, "a", T0);
	fixture_job(&fixture, connector, JOB_RUNNING, T0);
	struct operation_record create = operation("op_1", OPERATION_UNKNOWN);
	operation_store_insert(fixture.writer, &create, &fixture.err, &create.row);
	run_sql(&fixture, "UPDATE connectors SET properties = CAST('{\"a\":' AS BLOB),"
			  " category = CAST('[]' AS BLOB), raw = x'7b7d00',"
			  " created_at = 9223372036854775807, confirmed_at = -9223372036854775807,"
			  " latest_job_row = 77");
	run_sql(&fixture, "UPDATE jobs SET progress = CAST('{}' AS BLOB), stats = x'',"
			  " raw = x'7b22ff223a317d', start_time = 9223372036854775807");
	run_sql(&fixture, "UPDATE operations SET candidates = CAST('{}' AS BLOB),"
			  " request = CAST('1,' AS BLOB), search_base = -9223372036854775807");
	run_sql(&fixture, "UPDATE projects SET complete_listings = 9223372036854775807");
	ck_assert_int_eq(connector_store_get(fixture.writer, PROJECT, "a", see_nothing_readable,
			     NULL, &fixture.err),
	    0);
	ck_assert_int_eq(
	    job_store_each_open(fixture.writer, connector, see_no_job, NULL, &fixture.err), 0);
	ck_assert_int_eq(
	    operation_store_get(fixture.writer, "op_1", see_no_request, NULL, &fixture.err), 0);
	fixture_done(&fixture);
}
END_TEST

START_TEST(operations_are_listed_newest_first_and_kept_while_unknown)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct conn *writer = fixture.writer;
	struct err *err = &fixture.err;
	static const enum operation_state states[] = {OPERATION_UNKNOWN, OPERATION_REJECTED,
	    OPERATION_SUCCEEDED, OPERATION_PLANNED, OPERATION_UNREACHABLE};
	for (int i = 0; i < 10; i++) {
		char id[16];
		snprintf(id, sizeof(id), "op_%d", i);
		struct operation_record record = operation(id, states[i % 5]);
		record.project_id = 1 + i % 2;
		record.connector_id = i == 2 ? "a" : NULL;
		record.finished_at = i % 5 == 3 ? TIMESTAMP_NONE : T0 + i;
		ck_assert_int_eq(operation_store_insert(writer, &record, err, &record.row), 0);
	}
	struct operation_query query = {.kind = -1, .state = -1, .slice.limit = 4};
	struct rows rows = {0};
	struct slice_end end = {.more = true};
	while (end.more) {
		ck_assert_int_eq(
		    operation_store_list(writer, &query, rows_add_operation, &rows, err, &end), 0);
		query.slice.after = true;
		query.slice.position = end.last;
	}
	ck_assert_uint_eq(rows.count, 10);
	for (size_t i = 0; i < 10; i++)
		ck_assert_int_eq(rows.list[i], 10 - (int64_t)i);
	static const struct {
		const char *prefix;
		int state;
		size_t count;
	} prefixes[] = {
	    {"op_", -1, 10},
	    {"op_5", -1, 1},
	    {"op_50", -1, 0},
	    {"ops", -1, 0},
	    {"op_5", OPERATION_UNKNOWN, 1},
	    {"op_5", OPERATION_PLANNED, 0},
	    {"op_1-more", OPERATION_REJECTED, 2},
	    {"op_1-more-a", OPERATION_REJECTED, 1},
	    {"op_1-more", -1, 2},
	    {"op_1-more", OPERATION_PLANNED, 0},
	};
	for (int i = 0; i < 2; i++) {
		struct operation_record record =
		    operation(i ? "op_1-more-a" : "op_1-more-b", OPERATION_REJECTED);
		record.project_id = 1;
		record.finished_at = INT64_MAX - 1;
		ck_assert_int_eq(operation_store_insert(writer, &record, err, &record.row), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		const struct operation_query by_id = {.kind = -1,
		    .state = prefixes[i].state,
		    .id_prefix = prefixes[i].prefix,
		    .slice.limit = 100};
		rows.count = 0;
		ck_assert_int_eq(
		    operation_store_list(writer, &by_id, rows_add_operation, &rows, err, &end), 0);
		size_t others = strcmp(prefixes[i].prefix, "op_") == 0 ? 2 : 0;
		ck_assert_msg(rows.count == prefixes[i].count + others, "%zu: %zu", i, rows.count);
	}
	const int64_t one[] = {2};
	query = (struct operation_query){.slice.project_ids = one,
	    .slice.project_count = 1,
	    .kind = OPERATION_CREATE,
	    .state = OPERATION_UNKNOWN,
	    .slice.limit = 4};
	rows.count = 0;
	ck_assert_int_eq(
	    operation_store_list(writer, &query, rows_add_operation, &rows, err, &end), 0);
	ck_assert_uint_eq(rows.count, 1);
	ck_assert_int_eq(operation_store_claims(writer, 1, "a", 99, err), 1);
	ck_assert_int_eq(operation_store_claims(writer, 1, "a", 3, err), 0);
	ck_assert_int_eq(operation_store_claims(writer, 2, "a", 99, err), 0);
	unsigned removed = 0;
	struct operation_retention old = {.before = T0 + 7, .keep = UINT64_MAX, .owed = INT64_MIN};
	ck_assert_int_eq(operation_store_retain(writer, &old, 100, err, &removed), 0);
	ck_assert_uint_eq(removed, 4);
	old.before = INT64_MAX;
	ck_assert_int_eq(operation_store_retain(writer, &old, 100, err, &removed), 0);
	ck_assert_int_eq(
	    fixture_count(writer, "SELECT count(*) FROM operations WHERE state = 'unknown'"), 2);
	fixture_done(&fixture);
}
END_TEST

/* Rows 1 to 10: ended long ago and with a key; ended, with a key; succeeded, not told; unknown;
 * with a key that it does not bind, as nothing was sent; rejected, not told; and four that ended
 * and that nobody needs. */
START_TEST(the_oldest_operations_go_when_they_are_too_many)
{
	static const enum operation_state states[] = {OPERATION_REJECTED, OPERATION_REJECTED,
	    OPERATION_SUCCEEDED, OPERATION_UNKNOWN, OPERATION_UNREACHABLE};
	struct fixture fixture;
	fixture_init(&fixture);
	struct conn *writer = fixture.writer;
	struct err *err = &fixture.err;
	unsigned removed = 0;
	for (int i = 1; i <= 10; i++) {
		char id[RANDOM_ID_SIZE];
		char key[16];
		snprintf(id, sizeof(id), "op_%d", i);
		snprintf(key, sizeof(key), "key %d", i);
		struct operation_record record =
		    operation(id, i <= 5 ? states[i - 1] : OPERATION_REJECTED);
		record.idempotency_key = i <= 2 || i == 5 ? key : NULL;
		record.undelivered = i == 3 || i == 6;
		record.finished_at = i == 4 ? TIMESTAMP_NONE : T0 + i;
		ck_assert_int_eq(operation_store_insert(writer, &record, err, &record.row), 0);
	}
	struct operation_retention many = {.before = INT64_MIN, .keep = 10, .owed = T0 + 2};
	ck_assert_int_eq(operation_store_retain(writer, &many, 100, err, &removed), 0);
	ck_assert_uint_eq(removed, 0);
	many.keep = 4;
	ck_assert_int_eq(operation_store_retain(writer, &many, 2, err, &removed), 0);
	ck_assert_uint_eq(removed, 2);
	ck_assert_int_eq(operation_store_retain(writer, &many, 100, err, &removed), 0);
	ck_assert_uint_eq(removed, 1);
	ck_assert_int_eq(fixture_count(writer, "SELECT count(*) FROM operations"
					       " WHERE operation_id IN ('op_2', 'op_3', 'op_4',"
					       " 'op_7', 'op_8', 'op_9', 'op_10')"),
	    7);
	many.keep = 0;
	many.owed = INT64_MAX;
	ck_assert_int_eq(operation_store_retain(writer, &many, 100, err, &removed), 0);
	ck_assert_uint_eq(removed, 6);
	fixture_done(&fixture);
}
END_TEST

START_TEST(the_open_operations_of_a_client_are_counted_up_to_a_limit)
{
	static const enum operation_state states[] = {OPERATION_PLANNED, OPERATION_SENDING,
	    OPERATION_UNKNOWN, OPERATION_SUCCEEDED, OPERATION_REJECTED, OPERATION_UNREACHABLE};
	struct fixture fixture;
	fixture_init(&fixture);
	struct conn *writer = fixture.writer;
	unsigned count = 0;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(states); i++) {
		char id[RANDOM_ID_SIZE];
		snprintf(id, sizeof(id), "op_%zu", i);
		struct operation_record record = operation(id, states[i / 2]);
		record.client = i % 2 ? "one" : "other";
		record.project_id = (int64_t)i;
		record.idempotency_key = NULL;
		ck_assert_int_eq(
		    operation_store_insert(writer, &record, &fixture.err, &record.row), 0);
	}
	ck_assert_int_eq(operation_store_count_open(writer, "one", 10, &fixture.err, &count), 0);
	ck_assert_uint_eq(count, 3);
	ck_assert_int_eq(operation_store_count_open(writer, "one", 2, &fixture.err, &count), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(operation_store_count_open(writer, "none", 2, &fixture.err, &count), 0);
	ck_assert_uint_eq(count, 0);
	fixture_done(&fixture);
}
END_TEST

/* Projects -------------------------------------------------------------------------------------*/

static void copy_project(const struct project_record *record, void *context)
{
	struct project_record *copy = context;
	*copy = *record;
	copy->list_error_code = record->list_error_code ? "set" : NULL;
	copy->list_error_message = NULL;
}

START_TEST(a_listing_error_keeps_its_beginning_until_a_good_one)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct conn *writer = fixture.writer;
	struct err *err = &fixture.err;
	struct project_record record = {0};
	ck_assert_int_eq(project_store_get(writer, PROJECT, copy_project, &record, err), 1);
	ck_assert_int_eq(project_store_ensure(writer, PROJECT, err), 0);
	ck_assert_int_eq(project_store_ensure(writer, PROJECT, err), 0);
	ck_assert_int_eq(project_store_get(writer, PROJECT, copy_project, &record, err), 0);
	ck_assert_int_eq(record.listed_at, TIMESTAMP_NONE);
	project_store_list_failed(writer, PROJECT, &(struct store_failure){"x", "m", T0 + 1}, err);
	project_store_list_failed(writer, PROJECT, &(struct store_failure){"x", "m", T0 + 2}, err);
	project_store_get(writer, PROJECT, copy_project, &record, err);
	ck_assert_int_eq(record.list_error_since, T0 + 1);
	ck_assert_ptr_nonnull(record.list_error_code);
	project_store_listed(writer, PROJECT, T0 + 3, err);
	project_store_get(writer, PROJECT, copy_project, &record, err);
	ck_assert_int_eq(record.listed_at, T0 + 3);
	ck_assert_int_eq(record.list_error_since, TIMESTAMP_NONE);
	ck_assert_ptr_null(record.list_error_code);
	fixture_done(&fixture);
}
END_TEST

/* Transactions, paging under writes ------------------------------------------------------------*/

static int add_one(struct conn *writer, void *context, struct err *err)
{
	struct connector connector = fixture_connector(context);
	enum connector_change change;
	int64_t row = 0;
	const struct connector_put put = fixture_single(&connector, T0);
	return fixture_put_row(writer, &put, err, &change, &row);
}

static int add_one_and_give_up(struct conn *writer, void *context, struct err *err)
{
	int r = add_one(writer, context, err);
	return r ? r : 42;
}

START_TEST(a_transaction_is_all_or_nothing)
{
	struct fixture fixture;
	fixture_init(&fixture);
	char a[] = "a";
	char b[] = "b";
	uint64_t generation = store_generation();
	ck_assert_int_eq(tx_write(fixture.writer, add_one_and_give_up, a, &fixture.err), 42);
	ck_assert_uint_eq(store_generation(), generation);
	ck_assert_int_eq(tx_write(fixture.writer, add_one, b, &fixture.err), 0);
	ck_assert_uint_eq(store_generation(), generation + 1);
	struct conn *reader = fixture_reader(&fixture);
	ck_assert_int_eq(fixture_count(reader, "SELECT count(*) FROM connectors"), 1);
	conn_close(reader);
	fixture_done(&fixture);
}
END_TEST

static int count_before_and_after(struct conn *reader, void *context, struct err *err)
{
	struct fixture *fixture = context;
	static const char sql[] = "SELECT count(*) FROM connectors";
	int64_t before = fixture_count(reader, sql);
	char id[] = "written meanwhile";
	ck_assert_int_eq(tx_write(fixture->writer, add_one, id, err), 0);
	ck_assert_int_eq(fixture_count(reader, sql), before);
	return 0;
}

START_TEST(a_reader_holds_up_no_writer_and_reads_one_moment)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct conn *reader = fixture_reader(&fixture);
	ck_assert_int_eq(tx_read(reader, count_before_and_after, &fixture, &fixture.err), 0);
	ck_assert_int_eq(fixture_count(reader, "SELECT count(*) FROM connectors"), 1);
	ck_assert_int_ne(
	    sqlite3_exec(reader->db, "DELETE FROM connectors", NULL, NULL, NULL), SQLITE_OK);
	ck_assert_uint_eq(conn_instance(reader), conn_instance(fixture.writer));
	conn_close(reader);
	fixture_done(&fixture);
}
END_TEST

static int compare_rows(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a;
	int64_t right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

/* Every row from 1 to last, which were there throughout, came exactly once. */
static void check_pages(struct rows *rows, int64_t last)
{
	qsort(rows->list, rows->count, sizeof(*rows->list), compare_rows);
	int64_t expected = 1;
	for (size_t i = 0; i < rows->count; i++) {
		ck_assert(i == 0 || rows->list[i] != rows->list[i - 1]);
		if (rows->list[i] <= last)
			ck_assert_int_eq(rows->list[i], expected++);
	}
	ck_assert_int_eq(expected, last + 1);
}

static int copy_job_id(const struct job_record *record, void *context)
{
	snprintf(context, RANDOM_ID_SIZE, "%s", record->job_id);
	return 0;
}

static size_t jobs_that_begin(struct fixture *fixture, struct job_query query, const char *prefix)
{
	query.id_prefix = prefix;
	return list_jobs(fixture->writer, query, 100).count;
}

START_TEST(jobs_are_found_by_the_beginning_of_their_id)
{
	struct fixture fixture;
	fixture_init(&fixture);
	static const int64_t other[] = {PROJECT + 1};
	const struct job_query all = {.since = TIMESTAMP_NONE};
	const struct job_query queries[] = {
	    all,
	    {.since = TIMESTAMP_NONE, .connector_row = fixture_add(&fixture, "a", T0)},
	    {.since = T0, .statuses = 1U << JOB_FAILED | 1U << JOB_QUEUED},
	    {.since = TIMESTAMP_NONE, .slice.project_ids = other, .slice.project_count = 1},
	    {.since = T0 + 1},
	    {.since = TIMESTAMP_NONE, .statuses = 1U << JOB_RUNNING},
	};
	static const size_t counts[] = {1, 1, 1, 0, 0, 0};
	char id[RANDOM_ID_SIZE] = "";
	for (int i = 0; i < 40; i++)
		fixture_job(&fixture, queries[1].connector_row, JOB_FAILED, T0);
	struct job_query some = all;
	some.slice.limit = 7;
	struct slice_end end;
	ck_assert_int_eq(
	    job_store_list(fixture.writer, &some, copy_job_id, id, &fixture.err, &end), 0);
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		ck_assert_uint_eq(jobs_that_begin(&fixture, queries[i], id), counts[i]);
		ck_assert_uint_eq(jobs_that_begin(&fixture, queries[i], "job_-"), 0);
		ck_assert_uint_eq(jobs_that_begin(&fixture, queries[i], "job_-other"), 0);
		ck_assert_uint_eq(jobs_that_begin(&fixture, queries[i], "jobs"), 0);
		ck_assert_uint_eq(jobs_that_begin(&fixture, queries[i], "job_"), 40 * counts[i]);
	}
	size_t begin = 0;
	for (int c = '0'; c <= 'z'; c++) {
		char prefix[] = {'j', 'o', 'b', '_', (char)c, '\0'};
		begin += jobs_that_begin(&fixture, all, prefix);
	}
	ck_assert_uint_eq(begin, 40);
	id[8] = '\0';
	ck_assert_uint_ge(jobs_that_begin(&fixture, all, id), 1);
	fixture_done(&fixture);
}
END_TEST

START_TEST(paging_neither_skips_nor_repeats_while_things_change)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct random_sequence sequence;
	random_sequence_init(&sequence, 7);
	int64_t connector = fixture_add(&fixture, "a", T0);
	fixture_begin(&fixture);
	for (int i = 0; i < 200; i++)
		fixture_job(&fixture, connector, JOB_QUEUED,
		    T0 + random_sequence_between(&sequence, 0, 40));
	fixture_commit(&fixture);
	struct conn *reader = fixture_reader(&fixture);
	struct job_query query = {.since = TIMESTAMP_NONE, .slice.limit = 9};
	struct rows rows = {0};
	struct slice_end end = {.more = true};
	while (end.more) {
		ck_assert_int_eq(
		    job_store_list(reader, &query, rows_add_job, &rows, &fixture.err, &end), 0);
		query.slice.after = true;
		query.slice.position = end.last;
		fixture_begin(&fixture);
		for (int i = 0; i < 5; i++) {
			int64_t time = T0 + random_sequence_between(&sequence, -40, 80);
			fixture_job(&fixture, connector, JOB_RUNNING, time);
			struct run run = fixture_run(JOB_SUCCEEDED, time);
			ck_assert_int_eq(
			    job_store_update(fixture.writer,
				random_sequence_between(&sequence, 1, 200), &run, T0, &fixture.err),
			    0);
		}
		fixture_commit(&fixture);
	}
	check_pages(&rows, 200);
	conn_close(reader);
	fixture_done(&fixture);
}
END_TEST

static void put_into(struct fixture *fixture, int64_t project_id, const char *id, int64_t now)
{
	struct connector connector = fixture_connector(id);
	enum connector_change change;
	int64_t row = 0;
	struct connector_put put = fixture_single(&connector, now);
	put.project_id = project_id;
	ck_assert_int_eq(fixture_put_row(fixture->writer, &put, &fixture->err, &change, &row), 0);
}

START_TEST(paging_connectors_neither_skips_nor_repeats)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct random_sequence sequence;
	random_sequence_init(&sequence, 8);
	static const int64_t projects[] = {PROJECT, PROJECT + 1, PROJECT + 2};
	for (int descending = 0; descending < 2; descending++) {
		struct connector_query query = {.slice.project_ids = projects,
		    .slice.project_count = ARRAY_SIZE(projects),
		    .presence = PRESENCE_ALL,
		    .newest_first = descending,
		    .slice.limit = 7};
		int64_t last = fixture_count(fixture.writer, "SELECT count(*) FROM connectors");
		for (; last < 50 + 100 * descending; last++) {
			char id[32];
			snprintf(id, sizeof(id), "%d", (int)last);
			put_into(&fixture, PROJECT + last % 3, id,
			    T0 + random_sequence_between(&sequence, 0, 9));
		}
		struct rows rows = {0};
		struct slice_end end = {.more = true};
		for (int i = 0; end.more; i++) {
			ck_assert_int_eq(connector_store_list(fixture.writer, &query,
					     rows_add_connector, &rows, &fixture.err, &end),
			    0);
			query.slice.after = true;
			query.slice.position = end.last;
			char id[32];
			snprintf(id, sizeof(id), "later-%d-%d", descending, i);
			fixture_add(&fixture, id, T0 + random_sequence_between(&sequence, 0, 9));
			snprintf(id, sizeof(id), "%d", 3 * (i % 16));
			fixture_delete(&fixture, id, T0);
		}
		check_pages(&rows, last);
	}
	fixture_done(&fixture);
}
END_TEST

/* Failures -------------------------------------------------------------------------------------*/

struct filling {
	int from;
	int count;
};

static int fill(struct conn *writer, void *context, struct err *err)
{
	const struct filling *filling = context;
	for (int i = 0; i < filling->count; i++) {
		char id[32];
		snprintf(id, sizeof(id), "fill-%d", filling->from + i);
		int r = fixture_put_large(writer, id, err);
		if (r)
			return r;
	}
	return 0;
}

static int fill_and_ignore(struct conn *writer, void *context, struct err *err)
{
	struct filling *filling = context;
	int r = fill(writer, filling, err);
	(void)r;
	return 0;
}

static int look_for_nothing(struct conn *writer, void *context, struct err *err)
{
	int64_t row = 0;
	(void)context;
	return connector_store_get(writer, PROJECT, "nowhere", fixture_take_row, &row, err);
}

START_TEST(a_full_disk_changes_nothing_and_is_got_over)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct conn *writer = fixture.writer;
	char a[] = "a";
	ck_assert_int_eq(tx_write(writer, add_one, a, &fixture.err), 0);
	int64_t pages = fixture_count(writer, "PRAGMA page_count");
	char sql[64];
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %d", (int)pages);
	ck_assert_int_eq(sqlite3_exec(writer->db, sql, NULL, NULL, NULL), SQLITE_OK);
	struct filling filling = {.from = 0, .count = 50};
	ck_assert_int_eq(tx_write(writer, fill, &filling, &fixture.err), STORE_FULL);
	ck_assert_ptr_nonnull(strstr(fixture.err.text, "store_test.c:"));
	/* Nor is it taken for a row that is not there: they were the same number once. */
	ck_assert_int_eq(tx_write(writer, look_for_nothing, NULL, &fixture.err), STORE_NONE);
	ck_assert_int_ne(STORE_NONE, STORE_FULL);
	/* Even when the body makes nothing of it. */
	ck_assert_int_eq(tx_write(writer, fill_and_ignore, &filling, &fixture.err), STORE_FULL);
	ck_assert_int_eq(fixture_count(writer, "SELECT count(*) FROM connectors"), 1);
	ck_assert_int_eq(
	    sqlite3_exec(writer->db, "PRAGMA max_page_count = 1000000", NULL, NULL, NULL),
	    SQLITE_OK);
	ck_assert_int_eq(tx_write(writer, fill, &filling, &fixture.err), 0);
	ck_assert_int_eq(fixture_count(writer, "SELECT count(*) FROM connectors"), 51);
	fixture_done(&fixture);
}
END_TEST

/* Commits one connector, then dies with another one written but not committed. */
static void die_in_a_transaction(struct fixture *fixture)
{
	struct conn *writer = fixture_open(fixture);
	char a[] = "a";
	char b[] = "b";
	struct err err = ERR_INIT;
	if (tx_write(writer, add_one, a, &err) != 0 ||
	    sqlite3_exec(writer->db, "PRAGMA cache_size = 1; BEGIN IMMEDIATE", NULL, NULL, NULL) ||
	    add_one(writer, b, &err) != 0)
		_exit(1);
	kill(getpid(), SIGKILL);
}

/* Banned in the program, which is threaded; a test may. */
#undef fork

START_TEST(what_was_committed_survives_a_kill_and_nothing_else)
{
	struct fixture fixture;
	fixture_folder(&fixture);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		die_in_a_transaction(&fixture);
	int status = 0;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	fixture.writer = fixture_open(&fixture);
	ck_assert_int_eq(fixture_count(fixture.writer, "SELECT count(*) FROM connectors"), 1);
	ck_assert_int_eq(get(&fixture, "a").count, 1);
	fixture_done(&fixture);
}
END_TEST

START_TEST(the_log_is_emptied_past_its_limit)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct conn *writer = fixture.writer;
	struct store_stats stats = {0};
	for (int i = 0; i < 10; i++) {
		struct filling filling = {.from = i * 20, .count = 20};
		ck_assert_int_eq(tx_write(writer, fill, &filling, &fixture.err), 0);
		ck_assert_int_eq(conn_checkpoint_if_large(writer, &fixture.err), 0);
		ck_assert_int_eq(store_stats(writer, &fixture.err, &stats), 0);
		ck_assert_int_le(stats.wal_bytes, 4 * 1024 * 1024);
	}
	ck_assert_int_eq(stats.connectors, 200);
	ck_assert_int_gt(stats.database_bytes, 1024 * 1024);
	fixture_done(&fixture);
}
END_TEST

/* Plans ----------------------------------------------------------------------------------------*/

START_TEST(no_statement_scans_a_table_that_grows)
{
	struct fixture fixture;
	fixture_init(&fixture);
	for (size_t i = 0; i < statement_count(); i++) {
		const char *statement = statement_at(i)->sql;
		char sql[4096];
		snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", statement);
		sqlite3_stmt *plan = NULL;
		ck_assert_int_eq(
		    sqlite3_prepare_v2(fixture.writer->db, sql, -1, &plan, NULL), SQLITE_OK);
		while (sqlite3_step(plan) == SQLITE_ROW) {
			const char *step = (const char *)sqlite3_column_text(plan, 3);
			bool small = strstr(step, "projects") || strstr(step, "CONSTANT ROW") ||
				     strcmp(step, "SCAN n") == 0 ||
				     strcmp(step, "SCAN store") == 0 ||
				     strcmp(step, "SCAN sqlite_sequence") == 0;
			/* From the old end, up to the first that is young. */
			small |=
			    strstr(statement, "NOT INDEXED WHERE at >= ?1 ORDER BY seq LIMIT 1") &&
			    strcmp(step, "SCAN events") == 0;
			ck_assert_msg(!strstr(step, "SCAN") || small, "%s: %s", statement, step);
			/* Only the few open operations, recent jobs and look-alikes are sorted. */
			ck_assert_msg(!strstr(step, "TEMP B-TREE") ||
					  strstr(statement, " AND state IN (") ||
					  strstr(statement, " LIMIT ?2) n CROSS JOIN "),
			    "%s: %s", statement, step);
		}
		sqlite3_finalize(plan);
	}
	fixture_done(&fixture);
}
END_TEST

/* The audit ------------------------------------------------------------------------------------*/

static int put_entry(struct conn *writer, void *context, struct err *err)
{
	return audit_store_put(writer, context, err);
}

static struct audit_entry audit_entry(const char *id, const char *client, int64_t project_id)
{
	struct audit_entry entry = {
	    .asked_at = T0,
	    .answered_at = TIMESTAMP_NONE,
	    .uid = -1,
	    .action = audit_actions[AUDIT_CREATE],
	    .project_id = project_id,
	};
	snprintf(entry.audit_id, sizeof(entry.audit_id), "%s", id);
	snprintf(entry.client, sizeof(entry.client), "%s", client);
	return entry;
}

struct listed {
	char ids[64];
	int64_t status;
	bool has_code, has_uid, answered;
};

static int list_entry(const struct audit_record *record, void *context)
{
	struct listed *listed = context;
	size_t len = strlen(listed->ids);
	snprintf(listed->ids + len, sizeof(listed->ids) - len, "%s ", record->audit_id);
	listed->status = record->status;
	listed->has_code = record->code != NULL;
	listed->has_uid = record->uid >= 0;
	listed->answered = record->answered_at != TIMESTAMP_NONE;
	return 0;
}

static struct listed list_audit(struct fixture *fixture, struct audit_query query)
{
	struct listed listed = {.ids = ""};
	struct slice_end end;
	query.slice.limit = query.slice.limit ? query.slice.limit : 10;
	ck_assert_int_eq(
	    audit_store_list(fixture->writer, &query, list_entry, &listed, &fixture->err, &end), 0);
	return listed;
}

START_TEST(an_entry_of_the_audit_is_written_when_asked_for_and_again_when_answered)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct audit_entry entry = audit_entry("a", "shop", PROJECT);
	ck_assert_int_eq(tx_write(fixture.writer, put_entry, &entry, &fixture.err), 0);
	struct listed listed = list_audit(&fixture, (struct audit_query){.since = TIMESTAMP_NONE});
	ck_assert_str_eq(listed.ids, "a ");
	ck_assert(listed.status == 0 && !listed.has_code && !listed.has_uid && !listed.answered);
	entry.status = 201;
	entry.answered_at = T0 + SECOND;
	ck_assert_int_eq(tx_write(fixture.writer, put_entry, &entry, &fixture.err), 0);
	listed = list_audit(&fixture, (struct audit_query){.since = TIMESTAMP_NONE});
	ck_assert_str_eq(listed.ids, "a ");
	ck_assert(listed.status == 201 && listed.answered);
	fixture_done(&fixture);
}
END_TEST

static int put_done(struct conn *writer, void *context, struct err *err)
{
	return audit_store_done(writer, context, "op_1", "because", err);
}

/* Whether it was there or not, and although what was asked for is put in afterwards. */
START_TEST(an_entry_of_the_audit_is_there_with_what_was_done)
{
	struct fixture fixture;
	fixture_init(&fixture);
	for (int before = 0; before <= 1; before++) {
		struct audit_entry entry =
		    audit_entry(before ? "b" : "a", "shop", before ? 0 : PROJECT);
		struct audit_entry done = entry;
		done.project_id = PROJECT;
		if (before)
			ck_assert_int_eq(
			    tx_write(fixture.writer, put_entry, &entry, &fixture.err), 0);
		ck_assert_int_eq(tx_write(fixture.writer, put_done, &done, &fixture.err), 0);
		entry.project_id = 0;
		ck_assert_int_eq(tx_write(fixture.writer, put_entry, &entry, &fixture.err), 0);
	}
	ck_assert_int_eq(fixture_count(fixture.writer,
			     "SELECT count(*) FROM audit WHERE done = 1 AND operation_id = 'op_1'"
			     " AND reason = 'because' AND project_id > 0"),
	    2);
	fixture_done(&fixture);
}
END_TEST

static unsigned trim_audit(struct fixture *fixture, uint64_t keep, unsigned limit)
{
	unsigned removed = 0;
	ck_assert_int_eq(
	    audit_store_trim(fixture->writer, keep, limit, &fixture->err, &removed), 0);
	return removed;
}

START_TEST(entries_that_led_to_nothing_go_before_those_that_did)
{
	struct fixture fixture;
	const struct audit_query all = {.since = TIMESTAMP_NONE};
	fixture_init(&fixture);
	for (const char *id = "a\0b\0c\0d\0"; *id; id += 2) {
		struct audit_entry entry = audit_entry(id, "shop", PROJECT);
		entry.done = *id == 'a' || *id == 'c';
		ck_assert_int_eq(tx_write(fixture.writer, put_entry, &entry, &fixture.err), 0);
	}
	ck_assert_uint_eq(trim_audit(&fixture, 4, 100), 0);
	ck_assert_uint_eq(trim_audit(&fixture, 3, 100), 1);
	ck_assert_str_eq(list_audit(&fixture, all).ids, "d c a ");
	ck_assert_uint_eq(trim_audit(&fixture, 1, 1), 1);
	ck_assert_str_eq(list_audit(&fixture, all).ids, "c a ");
	ck_assert_uint_eq(trim_audit(&fixture, 1, 100), 1);
	ck_assert_str_eq(list_audit(&fixture, all).ids, "c ");
	ck_assert_uint_eq(trim_audit(&fixture, UINT64_MAX, 100), 0);
	fixture_done(&fixture);
}
END_TEST

START_TEST(the_audit_is_listed_by_project_client_action_and_time_and_removed_by_age_and_number)
{
	static const int64_t projects[] = {PROJECT};
	struct fixture fixture;
	unsigned removed = 0;
	fixture_init(&fixture);
	struct audit_entry entries[] = {audit_entry("a", "shop", PROJECT),
	    audit_entry("b", "shop", 0), audit_entry("c", "uid:0", PROJECT)};
	entries[2].asked_at = T0 + SECOND;
	entries[2].action = audit_actions[AUDIT_DELETE];
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		ck_assert_int_eq(tx_write(fixture.writer, put_entry, &entries[i], &fixture.err), 0);
	const struct {
		struct audit_query query;
		const char *ids;
	} cases[] = {
	    {{.since = TIMESTAMP_NONE}, "c b a "},
	    {{.since = TIMESTAMP_NONE, .slice.limit = 2}, "c b "},
	    {{.since = TIMESTAMP_NONE, .slice = {.after = true, .position.row = 3}}, "b a "},
	    {{.since = TIMESTAMP_NONE, .client = "shop"}, "b a "},
	    {{.since = TIMESTAMP_NONE, .action = "delete"}, "c "},
	    {{.since = T0 + SECOND}, "c "},
	    {{.since = TIMESTAMP_NONE, .slice = {.project_ids = projects, .project_count = 1}},
		"c a "},
	    {{.since = TIMESTAMP_NONE, .slice = {.project_ids = projects, .project_count = 0}}, ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_str_eq(list_audit(&fixture, cases[i].query).ids, cases[i].ids);
	ck_assert_int_eq(
	    audit_store_retain(fixture.writer, INT64_MIN, 2, 100, &fixture.err, &removed), 0);
	ck_assert_uint_eq(removed, 1);
	ck_assert_str_eq(list_audit(&fixture, cases[0].query).ids, "c b ");
	ck_assert_int_eq(
	    audit_store_retain(fixture.writer, T0 + 1, 100, 100, &fixture.err, &removed), 0);
	ck_assert_uint_eq(removed, 1);
	ck_assert_str_eq(list_audit(&fixture, cases[0].query).ids, "c ");
	fixture_done(&fixture);
}
END_TEST

static int take_success(const struct connector_record *record, void *context)
{
	*(int64_t *)context = record->succeeded_at;
	ck_assert(record->jobs_trimmed);
	return 0;
}

/* Nor is a success in the future believed, by whatever clock Mixpanel goes. */
START_TEST(a_success_is_remembered_when_its_job_is_removed)
{
	struct fixture fixture;
	unsigned removed = 0;
	int64_t succeeded_at = 0;
	fixture_init(&fixture);
	fixture_begin(&fixture);
	int64_t row = fixture_add(&fixture, "a", T0);
	struct run run = fixture_run(JOB_SUCCEEDED, T0 - 10);
	run.end_time = T0 + MICROSECONDS_PER_DAY;
	char id[RANDOM_ID_SIZE];
	int64_t job = 0;
	const struct new_job success = {
	    .project_id = PROJECT, .connector_row = row, .run = &run, .now = T0};
	ck_assert_int_eq(job_store_insert(fixture.writer, &success, &fixture.err, &job, id), 0);
	ck_assert_int_eq(job_store_unlisted(fixture.writer, job, T0, false, T0, &fixture.err), 0);
	fixture_job(&fixture, row, JOB_FAILED, T0);
	ck_assert_int_eq(
	    job_store_retain(fixture.writer, T0 + 1, 1, 10, &fixture.err, &removed), 0);
	fixture_commit(&fixture);
	ck_assert_uint_eq(removed, 1);
	ck_assert_int_eq(
	    connector_store_get_row(fixture.writer, row, take_success, &succeeded_at, &fixture.err),
	    0);
	ck_assert_int_eq(succeeded_at, T0);
	fixture_done(&fixture);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"a success is remembered when its job is removed",
		a_success_is_remembered_when_its_job_is_removed},
	    {"putting tells what changed", putting_tells_what_changed},
	    {"a deleted connector comes back only when told so",
		a_deleted_connector_comes_back_only_when_told_so},
	    {"a list keeps the status that a single answer told",
		a_list_keeps_the_status_that_a_single_answer_told},
	    {"the jobs of a connector end with it", the_jobs_of_a_connector_end_with_it},
	    {"what settles is told until it has settled",
		what_settles_is_told_until_it_has_settled},
	    {"a history error keeps its beginning until a good one",
		a_history_error_keeps_its_beginning_until_a_good_one},
	    {"filters combine", filters_combine},
	    {"imports are found by their key while they are there or settle",
		imports_are_found_by_their_key_while_they_are_there_or_settle},
	    {"what was sent is found by its own key", what_was_sent_is_found_by_its_own_key},
	    {"following takes times of those that are present",
		following_takes_times_of_those_that_are_present},
	    {"following tells whether a job is unfinished",
		following_tells_whether_a_job_is_unfinished},
	    {"the latest job is the newest by start", the_latest_job_is_the_newest_by_start},
	    {"a job keeps a snapshot of all it said", a_job_keeps_a_snapshot_of_all_it_said},
	    {"bytes come back as received", bytes_come_back_as_received},
	    {"jobs are listed over the projects asked for",
		jobs_are_listed_over_the_projects_asked_for},
	    {"open and recent jobs come oldest first", open_and_recent_jobs_come_oldest_first},
	    {"the oldest operations go when they are too many",
		the_oldest_operations_go_when_they_are_too_many},
	    {"the open operations of a client are counted up to a limit",
		the_open_operations_of_a_client_are_counted_up_to_a_limit},
	    {"retention spares the newest and what is listed",
		retention_spares_the_newest_and_what_is_listed},
	    {"counts agree with the rows after any history",
		counts_agree_with_the_rows_after_any_history},
	    {"a key binds once unless nothing was sent", a_key_binds_once_unless_nothing_was_sent},
	    {"what was left sending is unknown or repeated",
		what_was_left_sending_is_unknown_or_repeated},
	    {"jobs are found by the beginning of their id",
		jobs_are_found_by_the_beginning_of_their_id},
	    {"what cannot be read of the feed counts as unknown",
		what_cannot_be_read_of_the_feed_counts_as_unknown},
	    {"a job without its connector is passed over in lists",
		a_job_without_its_connector_is_passed_over_in_lists},
	    {"what cannot be read in a row counts as unknown",
		what_cannot_be_read_in_a_row_counts_as_unknown},
	    {"operations are listed newest first and kept while unknown",
		operations_are_listed_newest_first_and_kept_while_unknown},
	    {"a listing error keeps its beginning until a good one",
		a_listing_error_keeps_its_beginning_until_a_good_one},
	    {"a transaction is all or nothing", a_transaction_is_all_or_nothing},
	    {"a reader holds up no writer and reads one moment",
		a_reader_holds_up_no_writer_and_reads_one_moment},
	    {"paging neither skips nor repeats while things change",
		paging_neither_skips_nor_repeats_while_things_change},
	    {"paging connectors neither skips nor repeats",
		paging_connectors_neither_skips_nor_repeats},
	    {"a full disk changes nothing and is got over",
		a_full_disk_changes_nothing_and_is_got_over},
	    {"what was committed survives a kill and nothing else",
		what_was_committed_survives_a_kill_and_nothing_else},
	    {"the log is emptied past its limit", the_log_is_emptied_past_its_limit},
	    {"no statement scans a table that grows", no_statement_scans_a_table_that_grows},
	    {"an entry of the audit is written when asked for, and again when answered",
		an_entry_of_the_audit_is_written_when_asked_for_and_again_when_answered},
	    {"an entry of the audit is there with what was done",
		an_entry_of_the_audit_is_there_with_what_was_done},
	    {"entries that led to nothing go before those that did",
		entries_that_led_to_nothing_go_before_those_that_did},
	    {"the audit is listed by project, client, action and time, and removed by age and "
	     "number",
		the_audit_is_listed_by_project_client_action_and_time_and_removed_by_age_and_number},
	    {NULL, NULL},
	};
	return unit_main("store", cases);
}
