/* SPDX-License-Identifier: MIT */
/* A database in a folder of its own, and short ways to fill and read it. */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/conn_private.h"
#include "store/connector_store.h"
#include "store/job_store.h"
#include "store/operation_store.h"
#include "store/project_store.h"
#include "store/tx.h"
#include "unit.h"
#include "util/random.h"
#include "util/timestamp.h"

#define PROJECT INT64_C(123456789)
#define T0 INT64_C(1600000000000000)
#define SECOND MICROSECONDS_PER_SECOND

struct fixture {
	char folder[64];
	char path[96];
	struct conn *writer;
	struct err err;
};

static inline int fixture_put_row(struct conn *writer, const struct connector_put *put,
    struct err *err, enum connector_change *ret_change, int64_t *ret_row)
{
	struct followed_connector followed = {.row = 0};
	int r = connector_store_put(writer, put, err, ret_change, &followed);
	if (r == 0)
		*ret_row = followed.row;
	return r;
}

static inline struct conn *fixture_open(struct fixture *fixture)
{
	struct conn *conn = NULL;
	ck_assert_msg(
	    conn_open_writer(fixture->path, &fixture->err, &conn) == 0, "%s", fixture->err.text);
	return conn;
}

static inline struct conn *fixture_reader(struct fixture *fixture)
{
	struct conn *conn = NULL;
	ck_assert_msg(
	    conn_open_reader(fixture->path, &fixture->err, &conn) == 0, "%s", fixture->err.text);
	return conn;
}

/* In memory where that is possible: much is committed here, and each commit waits for the disk. */
static inline void fixture_folder(struct fixture *fixture)
{
	const char *base = getenv("TMPDIR");
	*fixture = (struct fixture){.err = ERR_INIT};
	if (!base || strlen(base) > 32)
		base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(fixture->folder, sizeof(fixture->folder), "%s/mixport-store-XXXXXX", base);
	ck_assert_ptr_nonnull(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof(fixture->path), "%s/mixportd.db", fixture->folder);
}

/* Without waiting for the disk: what a kill leaves does not depend on that. */
static inline void fixture_init(struct fixture *fixture)
{
	fixture_folder(fixture);
	fixture->writer = fixture_open(fixture);
	ck_assert_int_eq(
	    sqlite3_exec(fixture->writer->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL),
	    SQLITE_OK);
}

static inline void fixture_done(struct fixture *fixture)
{
	conn_close(fixture->writer);
	DIR *folder = opendir(fixture->folder);
	ck_assert_ptr_nonnull(folder);
	const struct dirent *entry;
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(folder), entry->d_name, 0);
	closedir(folder);
	rmdir(fixture->folder);
}

/* Between two calls everything is in one transaction. */
static inline void fixture_begin(struct fixture *fixture)
{
	ck_assert_int_eq(
	    sqlite3_exec(fixture->writer->db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
}

static inline void fixture_commit(struct fixture *fixture)
{
	ck_assert_int_eq(sqlite3_exec(fixture->writer->db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
}

static inline struct connector fixture_connector(const char *id)
{
	return (struct connector){
	    .connector_id = id,
	    .label = "",
	    .connector_type = "gcsImport",
	    .properties = span_of("{\"gcs_bucket\":\"b\",\"gcs_prefix\":\"\"}"),
	    .category = span_of("{\"data_format\":\"mixpanel_event\"}"),
	    .data_format = "mixpanel_event",
	    .bucket = "b",
	    .prefix = "",
	    .created_at = TIMESTAMP_NONE,
	    .raw = span_of("{}"),
	};
}

/* As a single read would put it; one marked deleted stays so. */
static inline struct connector_put fixture_single(const struct connector *connector, int64_t now)
{
	return (struct connector_put){
	    .project_id = PROJECT,
	    .connector = connector,
	    .observed_at = now,
	    .confirmed = TIMESTAMP_NONE,
	    .now = now,
	};
}

static inline int64_t fixture_put(struct fixture *fixture, const struct connector *connector,
    int64_t now, enum connector_change expected)
{
	enum connector_change change = CONNECTOR_SAME;
	int64_t row = 0;
	const struct connector_put put = fixture_single(connector, now);
	ck_assert_msg(fixture_put_row(fixture->writer, &put, &fixture->err, &change, &row) == 0,
	    "%s", fixture->err.text);
	ck_assert_int_eq(change, expected);
	return row;
}

static inline int fixture_take_row(const struct connector_record *record, void *context)
{
	*(int64_t *)context = record->row;
	return 0;
}

/* It is concluded that the connector is gone. */
static inline void fixture_delete(struct fixture *fixture, const char *id, int64_t now)
{
	int64_t row = 0;
	ck_assert_int_eq(connector_store_get(
			     fixture->writer, PROJECT, id, fixture_take_row, &row, &fixture->err),
	    0);
	ck_assert_int_eq(
	    connector_store_delete(fixture->writer, row, false, now, &fixture->err), 0);
}

static inline int64_t fixture_add(struct fixture *fixture, const char *id, int64_t now)
{
	struct connector connector = fixture_connector(id);
	return fixture_put(fixture, &connector, now, CONNECTOR_NEW);
}

static inline struct run fixture_run(enum job_status status, int64_t start_time)
{
	return (struct run){
	    .start_time = start_time,
	    .end_time = TIMESTAMP_NONE,
	    .status = status,
	    .upstream_status = job_status_names[status],
	    .progress = span_of("0.10"),
	    .stats = span_of("{\"num_events_imported\":13}"),
	    .raw = span_of("{\"status\":\"x\"}"),
	};
}

static inline int64_t fixture_job_of(struct fixture *fixture, int64_t project_id,
    int64_t connector_row, enum job_status status, int64_t start_time)
{
	struct run run = fixture_run(status, start_time);
	int64_t row = 0;
	char id[RANDOM_ID_SIZE];
	const struct new_job job = {
	    .project_id = project_id, .connector_row = connector_row, .run = &run, .now = T0};
	ck_assert_msg(job_store_insert(fixture->writer, &job, &fixture->err, &row, id) == 0, "%s",
	    fixture->err.text);
	return row;
}

static inline int64_t fixture_job(
    struct fixture *fixture, int64_t connector_row, enum job_status status, int64_t start_time)
{
	return fixture_job_of(fixture, PROJECT, connector_row, status, start_time);
}

/* A connector that takes 64 KiB, to make the file grow fast. In a transaction. */
static inline int fixture_put_large(struct conn *writer, const char *id, struct err *err)
{
	static char bytes[64 * 1024];
	memset(bytes, 'x', sizeof(bytes));
	struct connector connector = fixture_connector(id);
	connector.raw = (struct span){.ptr = bytes, .len = sizeof(bytes)};
	enum connector_change change;
	int64_t row = 0;
	const struct connector_put put = fixture_single(&connector, T0);
	return fixture_put_row(writer, &put, err, &change, &row);
}

/* Numbers of rows, in the order they came. */
struct rows {
	int64_t list[4096];
	size_t count;
};

static inline int rows_add_job(const struct job_record *record, void *context)
{
	struct rows *rows = context;
	ck_assert_uint_lt(rows->count, ARRAY_SIZE(rows->list));
	rows->list[rows->count++] = record->row;
	return 0;
}

static inline int rows_add_connector(const struct connector_record *record, void *context)
{
	struct rows *rows = context;
	ck_assert_uint_lt(rows->count, ARRAY_SIZE(rows->list));
	rows->list[rows->count++] = record->row;
	return 0;
}

static inline int rows_add_operation(const struct operation_record *record, void *context)
{
	struct rows *rows = context;
	ck_assert_uint_lt(rows->count, ARRAY_SIZE(rows->list));
	rows->list[rows->count++] = record->row;
	return 0;
}

static inline int64_t fixture_count(struct conn *conn, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	ck_assert_msg(sqlite3_prepare_v2(conn->db, sql, -1, &stmt, NULL) == SQLITE_OK, "%s",
	    sqlite3_errmsg(conn->db));
	ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
	int64_t count = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return count;
}
