/* SPDX-License-Identifier: MIT */
/* Steps from one schema to the next: each whole or not at all, and a copy of what was before. */
#include "store_fixture.h"

#include <sys/stat.h>

#include "store/connector_store.h"
#include "store/database.h"
#include "store/migrate.h"
#include "store/operation_store.h"
#include "util/file.h"
#include "util/jsontext.h"
#include "util/timestamp.h"

#define OLD_KEY "gcsImport\nmixpanel_event\nb\np/q"

static const struct migration steps[] = {
    {"CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1)"},
    {"ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = 2 * x"},
    {"CREATE TABLE b (z INTEGER) STRICT; INSERT INTO b SELECT y FROM a"},
};

static const struct migration failing[] = {
    {"CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1)"},
    {"ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = 2 * x"},
    {"DELETE FROM a; INSERT INTO nowhere VALUES (1)"},
};

static sqlite3 *open_plain(struct fixture *fixture)
{
	sqlite3 *db = NULL;
	ck_assert_msg(database_open(fixture->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
			  &fixture->err, &db) == 0,
	    "%s", fixture->err.text);
	return db;
}

static int number(sqlite3 *db, const char *sql)
{
	struct err err = ERR_INIT;
	int value = -1;
	ck_assert_msg(migrate_pragma(db, sql, &err, &value) == 0, "%s", err.text);
	return value;
}

static bool backup_exists(struct fixture *fixture, int version, const char *suffix)
{
	char name[160];
	snprintf(name, sizeof(name), "%s.v%d-backup%s", fixture->path, version, suffix);
	return access(name, F_OK) == 0;
}

START_TEST(a_new_database_takes_every_step_without_a_copy)
{
	struct fixture fixture;
	fixture_folder(&fixture);
	sqlite3 *db = open_plain(&fixture);
	ck_assert_int_eq(migrate_run(db, fixture.path, steps, 3, &fixture.err), 0);
	ck_assert_int_eq(number(db, "PRAGMA user_version"), 3);
	ck_assert_int_eq(number(db, "SELECT z FROM b"), 2);
	ck_assert(!backup_exists(&fixture, 0, ""));
	ck_assert_int_eq(migrate_run(db, fixture.path, steps, 3, &fixture.err), 0);
	ck_assert(!backup_exists(&fixture, 3, ""));
	sqlite3_close(db);
	fixture_done(&fixture);
}
END_TEST

START_TEST(an_older_database_is_copied_first_and_goes_on_from_where_it_is)
{
	struct fixture fixture;
	fixture_folder(&fixture);
	sqlite3 *db = open_plain(&fixture);
	ck_assert_int_eq(migrate_run(db, fixture.path, steps, 1, &fixture.err), 0);
	ck_assert_int_eq(sqlite3_exec(db, "UPDATE a SET x = 21", NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(migrate_run(db, fixture.path, steps, 3, &fixture.err), 0);
	ck_assert_int_eq(number(db, "SELECT z FROM b"), 42);
	sqlite3_close(db);
	ck_assert(backup_exists(&fixture, 1, ""));
	ck_assert(!backup_exists(&fixture, 1, ".new"));
	ck_assert(!backup_exists(&fixture, 2, ""));
	snprintf(fixture.path, sizeof(fixture.path), "%s/mixportd.db.v1-backup", fixture.folder);
	struct stat file;
	ck_assert_int_eq(stat(fixture.path, &file), 0);
	ck_assert_int_eq(file.st_mode & 07777, 0600);
	sqlite3 *copy = open_plain(&fixture);
	ck_assert_int_eq(number(copy, "PRAGMA user_version"), 1);
	ck_assert_int_eq(number(copy, "SELECT x FROM a"), 21);
	sqlite3_close(copy);
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_step_that_fails_leaves_the_one_before)
{
	struct fixture fixture;
	fixture_folder(&fixture);
	sqlite3 *db = open_plain(&fixture);
	ck_assert_int_eq(migrate_run(db, fixture.path, failing, 3, &fixture.err), -1);
	ck_assert_ptr_nonnull(strstr(fixture.err.text, "version 3"));
	ck_assert_int_eq(sqlite3_get_autocommit(db), 1);
	ck_assert_int_eq(number(db, "PRAGMA user_version"), 2);
	ck_assert_int_eq(number(db, "SELECT y FROM a"), 2);
	ck_assert_int_eq(migrate_run(db, fixture.path, steps, 3, &fixture.err), 0);
	ck_assert(backup_exists(&fixture, 2, ""));
	sqlite3_close(db);
	fixture_done(&fixture);
}
END_TEST

START_TEST(without_a_copy_nothing_is_migrated)
{
	struct fixture fixture;
	fixture_folder(&fixture);
	sqlite3 *db = open_plain(&fixture);
	ck_assert_int_eq(migrate_run(db, fixture.path, steps, 1, &fixture.err), 0);
	char name[160];
	snprintf(name, sizeof(name), "%s.v1-backup", fixture.path);
	ck_assert_int_eq(mkdir(name, 0700), 0);
	ck_assert_int_eq(migrate_run(db, fixture.path, steps, 3, &fixture.err), -1);
	ck_assert_ptr_nonnull(strstr(fixture.err.text, "nothing was changed"));
	ck_assert_int_eq(number(db, "PRAGMA user_version"), 1);
	ck_assert(!backup_exists(&fixture, 1, ".new"));
	ck_assert_int_eq(rmdir(name), 0);
	sqlite3_close(db);
	fixture_done(&fixture);
}
END_TEST

static int check_old_job(const struct job_record *record, void *context)
{
	bool *found = context;
	*found = true;
	ck_assert_int_eq(record->run.status, JOB_RUNNING);
	ck_assert_int_eq(record->run.start_time, INT64_C(1600309069831793));
	ck_assert_str_eq(record->connector_id, "232f40cc-0000-4000-8000-00000000000a");
	ck_assert(span_equals(record->run.progress, "0.25"));
	return 0;
}

static const char old_imports[] =
    "UPDATE connectors SET prefix = '/p/q//';"
    "UPDATE operations SET request = CAST('{\"connector_type\":\"s3Import\","
    "\"connector_properties\":{\"s3_bucket\":\"b\",\"s3_prefix\":\"//p/\",\"gcs_prefix\":null},"
    "\"category_properties\":{\"data_format\":\"remap_event\"}}' AS BLOB);";

/* What a migration computes in SQL is what the model computes. */
static int check_old_connector(const struct connector_record *record, void *context)
{
	unsigned *found = context;
	const struct connector *connector = &record->connector;
	struct buffer key _cleanup_buffer_;
	buffer_init(&key, 4096);
	ck_assert_int_eq(connector_import_key(&key, connector->connector_type,
			     connector->data_format, connector->bucket, connector->prefix),
	    0);
	ck_assert_str_eq(buffer_text(&key), OLD_KEY);
	(*found)++;
	return 0;
}

static int check_old_operation(const struct operation_record *record, void *context)
{
	unsigned *found = context;
	struct err err = ERR_INIT;
	json_t *body _cleanup_json_ = NULL;
	ck_assert_int_eq(jsontext_parse(record->request, 0, &err, &body), 0);
	struct buffer key _cleanup_buffer_;
	buffer_init(&key, 4096);
	ck_assert_int_eq(connector_body_import_key(&key, body), 0);
	ck_assert_str_eq(buffer_text(&key), record->import_key);
	(*found)++;
	return 0;
}

static int check_open_operation(const struct open_operation *open, void *context)
{
	struct fixture *fixture = context;
	unsigned found = 0;
	ck_assert_int_eq(operation_store_get_row(fixture->writer, open->row, check_old_operation,
			     &found, &fixture->err),
	    0);
	ck_assert_uint_eq(found, 1);
	return 0;
}

static void check_old_keys(struct fixture *fixture)
{
	unsigned found = 0;
	const struct import_query query = {.project_id = PROJECT, .import_key = OLD_KEY};
	ck_assert_int_eq(connector_store_each_import(
			     fixture->writer, &query, check_old_connector, &found, &fixture->err),
	    0);
	ck_assert_uint_eq(found, 1);
	ck_assert_int_eq(operation_store_each_open(fixture->writer, PROJECT, check_open_operation,
			     fixture, &fixture->err),
	    0);
}

/* tests/unit/data holds one database for each schema there ever was, as SQL. */
static void restore(struct fixture *fixture, int version, const char *change)
{
	fixture_folder(fixture);
	const char *source = getenv("srcdir");
	char name[512];
	snprintf(
	    name, sizeof(name), "%s/tests/unit/data/schema-%d.sql", source ? source : ".", version);
	struct buffer sql;
	buffer_init(&sql, 1024 * 1024);
	ck_assert_msg(file_read(name, &sql, &fixture->err) == 0, "cannot read %s", name);
	sqlite3 *db = NULL;
	ck_assert_int_eq(sqlite3_open(fixture->path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, buffer_text(&sql), NULL, NULL, NULL) == SQLITE_OK, "%s",
	    sqlite3_errmsg(db));
	ck_assert_int_eq(sqlite3_exec(db, change, NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(number(db, "PRAGMA user_version"), version);
	sqlite3_close(db);
	buffer_done(&sql);
}

START_TEST(a_database_of_schema_1_opens_with_all_it_held)
{
	struct fixture fixture;
	restore(&fixture, 1, old_imports);
	fixture.writer = fixture_open(&fixture);
	struct store_stats stats;
	ck_assert_int_eq(store_stats(fixture.writer, &fixture.err, &stats), 0);
	ck_assert_int_eq(stats.connectors, 1);
	ck_assert_int_eq(stats.jobs, 2);
	ck_assert_int_eq(stats.snapshots, 3);
	ck_assert_int_eq(stats.operations, 1);
	ck_assert_int_eq(stats.operations_unknown, 1);
	bool found = false;
	ck_assert_int_eq(job_store_get(fixture.writer, "job_bbbbbbbbbbbbbbbbbbbbbbbbbb",
			     check_old_job, &found, &fixture.err),
	    0);
	ck_assert(found);
	check_old_keys(&fixture);
	fixture_done(&fixture);
}
END_TEST

/* Both connectors, whether there or not, are of the only kind there was. */
static int check_kind(const struct connector_record *record, void *context)
{
	unsigned *found = context;
	ck_assert_int_eq(record->connector.kind, CONNECTOR_CLOUD_IMPORT);
	ck_assert_int_eq(record->deleted_by_us, record->row == 2);
	(*found)++;
	return 0;
}

static int check_settling(int64_t row, enum connector_settling settling, void *context)
{
	unsigned *found = context;
	ck_assert(settling == (row == 1 ? SETTLING_CREATED : SETTLING_DELETED));
	(*found)++;
	return 0;
}

START_TEST(a_database_of_schema_2_opens_with_all_it_held)
{
	struct fixture fixture;
	unsigned found = 0;
	restore(&fixture, 2, "");
	fixture.writer = fixture_open(&fixture);
	ck_assert(backup_exists(&fixture, 2, ""));
	for (int64_t row = 1; row <= 2; row++)
		ck_assert_int_eq(
		    connector_store_get_row(fixture.writer, row, check_kind, &found, &fixture.err),
		    0);
	ck_assert_uint_eq(found, 2);
	found = 0;
	ck_assert_int_eq(connector_store_each_settling(
			     fixture.writer, PROJECT, check_settling, &found, &fixture.err),
	    0);
	ck_assert_uint_eq(found, 1);
	check_old_keys(&fixture);
	struct store_stats stats;
	ck_assert_int_eq(store_stats(fixture.writer, &fixture.err, &stats), 0);
	ck_assert_int_eq(stats.connectors, 1);
	ck_assert_int_eq(stats.jobs, 2);
	ck_assert_int_eq(stats.snapshots, 3);
	ck_assert_int_eq(stats.operations, 2);
	fixture_done(&fixture);
}
END_TEST

static void check_later(int version)
{
	struct fixture fixture;
	unsigned count = 0;
	restore(&fixture, version, "");
	fixture.writer = fixture_open(&fixture);
	ck_assert(backup_exists(&fixture, version, ""));
	check_old_keys(&fixture);
	ck_assert_int_eq(
	    operation_store_count_open(fixture.writer, "uid:0", 10, &fixture.err, &count), 0);
	ck_assert_uint_eq(count, 1);
	struct store_stats stats;
	ck_assert_int_eq(store_stats(fixture.writer, &fixture.err, &stats), 0);
	ck_assert_int_eq(stats.connectors, 1);
	ck_assert_int_eq(stats.jobs, 2);
	ck_assert_int_eq(stats.snapshots, 3);
	ck_assert_int_eq(stats.operations, 2);
	fixture_done(&fixture);
}

START_TEST(a_database_of_schema_3_opens_with_all_it_held)
{
	check_later(3);
}
END_TEST

START_TEST(a_database_of_schema_4_opens_with_all_it_held)
{
	check_later(4);
}
END_TEST

START_TEST(a_database_of_schema_5_opens_with_all_it_held)
{
	check_later(5);
}
END_TEST

static int check_facts(const struct connector_record *record, void *context)
{
	*(bool *)context = true;
	ck_assert_int_eq(record->succeeded_at, INT64_C(1600000001000000));
	ck_assert_int_eq(record->gap_at, TIMESTAMP_NONE);
	ck_assert(record->jobs_trimmed);
	return 0;
}

static int check_unknown(const struct operation_record *record, void *context)
{
	*(bool *)context = true;
	ck_assert_int_eq(record->unknown_at, INT64_C(1600000000000001));
	return 0;
}

/* What retention may have removed before nobody can tell. */
START_TEST(a_database_of_schema_6_opens_with_all_it_held)
{
	struct fixture fixture;
	bool connector = false;
	bool operation = false;
	check_later(6);
	restore(&fixture, 6, "");
	fixture.writer = fixture_open(&fixture);
	ck_assert_int_eq(
	    connector_store_get_row(fixture.writer, 1, check_facts, &connector, &fixture.err), 0);
	ck_assert_int_eq(
	    operation_store_get_row(fixture.writer, 1, check_unknown, &operation, &fixture.err), 0);
	ck_assert(connector && operation);
	fixture_done(&fixture);
}
END_TEST

/* Of what was asked for before, only what led to nothing goes first. */
START_TEST(a_database_of_schema_7_opens_with_all_it_held)
{
	struct fixture fixture;
	check_later(7);
	restore(&fixture, 7, "");
	fixture.writer = fixture_open(&fixture);
	ck_assert_int_eq(fixture_count(fixture.writer, "SELECT audited FROM store"), 3);
	ck_assert_int_eq(
	    fixture_count(fixture.writer, "SELECT group_concat(audit_row, '') FROM audit"
					  " WHERE done = 1"),
	    23);
	fixture_done(&fixture);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"a new database takes every step without a copy",
		a_new_database_takes_every_step_without_a_copy},
	    {"an older database is copied first and goes on from where it is",
		an_older_database_is_copied_first_and_goes_on_from_where_it_is},
	    {"a step that fails leaves the one before", a_step_that_fails_leaves_the_one_before},
	    {"without a copy nothing is migrated", without_a_copy_nothing_is_migrated},
	    {"a database of schema 1 opens with all it held",
		a_database_of_schema_1_opens_with_all_it_held},
	    {"a database of schema 2 opens with all it held",
		a_database_of_schema_2_opens_with_all_it_held},
	    {"a database of schema 3 opens with all it held",
		a_database_of_schema_3_opens_with_all_it_held},
	    {"a database of schema 4 opens with all it held",
		a_database_of_schema_4_opens_with_all_it_held},
	    {"a database of schema 5 opens with all it held",
		a_database_of_schema_5_opens_with_all_it_held},
	    {"a database of schema 6 opens with all it held",
		a_database_of_schema_6_opens_with_all_it_held},
	    {"a database of schema 7 opens with all it held",
		a_database_of_schema_7_opens_with_all_it_held},
	    {NULL, NULL},
	};
	return unit_main("migrate", cases);
}
