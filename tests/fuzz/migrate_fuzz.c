/* SPDX-License-Identifier: MIT */
/* A database of an older version with rows that the daemon of then never wrote (see rows.h), as the
 * daemon finds it at its start. Either it is refused, with a reason, and all it held is there yet;
 * or it has become what a new one is, with those rows in it, and opens again. What it held before
 * is in a copy in both cases, unless nothing was changed.
 *
 * The first byte is the version, and its highest bit whether it is opened as the daemon does, which
 * takes longer, or only migrated; the rest is the rows. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rows.h"
#include "scratch.h"
#include "store/conn_private.h"
#include "store/database.h"
#include "store/migrate.h"
#include "util/file.h"
#include "util/log.h"
#include "walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_LIMIT ((size_t)4 * 1024 * 1024)
#define VERSIONS_LIMIT 64
#define SHAPE_LIMIT ((size_t)1024 * 1024)

static char folder[SCRATCH_SIZE];
static char path[64];
/* A database of each version but the newest, without rows. */
static struct buffer templates[VERSIONS_LIMIT];
/* Of a new database, as SQL. */
static struct buffer shape;

static void end(void)
{
	scratch_empty(folder);
	rmdir(folder);
	for (int i = 0; i < migration_count; i++)
		buffer_done(&templates[i]);
	buffer_done(&shape);
}

static void run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		abort();
}

static sqlite3 *open_plain(const char *name)
{
	struct err err = ERR_INIT;
	sqlite3 *db = NULL;
	if (database_open(name, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &err, &db) < 0)
		abort();
	run(db, "PRAGMA synchronous = OFF");
	return db;
}

static int version_of(sqlite3 *db)
{
	struct err err = ERR_INIT;
	int version = 0;
	if (migrate_version(db, &err, &version) < 0)
		abort();
	return version;
}

/* What it holds
 * -----------------------------------------------------------------------------------*/

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		abort();
	return stmt;
}

static void read_shape(sqlite3 *db, struct buffer *ret_shape)
{
	buffer_init(ret_shape, SHAPE_LIMIT);
	sqlite3_stmt *stmt =
	    prepare(db, "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name");
	while (sqlite3_step(stmt) == SQLITE_ROW)
		buffer_printf(ret_shape, "%s: %s\n", (const char *)sqlite3_column_text(stmt, 0),
		    (const char *)sqlite3_column_text(stmt, 1));
	sqlite3_finalize(stmt);
	assert(!buffer_failed(ret_shape));
}

static uint64_t add_bytes(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
	return (sum ^ len) * UINT64_C(0x100000001b3);
}

static uint64_t add_table(uint64_t sum, sqlite3 *db, const char *table)
{
	char sql[128];
	snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\"", table);
	sqlite3_stmt *stmt = prepare(db, sql);
	sum = add_bytes(sum, table, strlen(table));
	while (sqlite3_step(stmt) == SQLITE_ROW)
		for (int i = 0; i < sqlite3_column_count(stmt); i++) {
			int type = sqlite3_column_type(stmt, i);
			const void *value = sqlite3_column_blob(stmt, i);
			sum = add_bytes(sum, &type, sizeof(type));
			sum = add_bytes(sum, value, (size_t)sqlite3_column_bytes(stmt, i));
		}
	sqlite3_finalize(stmt);
	return sum;
}

/* A sum of its shape and all its rows. */
static uint64_t sum_of(sqlite3 *db)
{
	_cleanup_buffer_ struct buffer own;
	read_shape(db, &own);
	uint64_t sum = add_bytes(UINT64_C(0xcbf29ce484222325), own.data, own.len);
	sqlite3_stmt *stmt =
	    prepare(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
	while (sqlite3_step(stmt) == SQLITE_ROW)
		sum = add_table(sum, db, (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	return sum;
}

static uint64_t sum_of_file(const char *name, int *ret_version)
{
	sqlite3 *db = open_plain(name);
	uint64_t sum = sum_of(db);
	*ret_version = version_of(db);
	sqlite3_close(db);
	return sum;
}

/* Templates
 * ---------------------------------------------------------------------------------------*/

static void read_whole(struct buffer *bytes)
{
	struct err err = ERR_INIT;
	buffer_init(bytes, FILE_LIMIT);
	if (file_read(path, bytes, &err) != 0)
		abort();
}

static void make_template(int version)
{
	struct err err = ERR_INIT;
	char sql[64];
	sqlite3 *db = open_plain(path);
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", MIGRATE_APPLICATION_ID);
	run(db, sql);
	if (migrate_run(db, path, migrations, version, &err) < 0)
		abort();
	if (version == migration_count)
		read_shape(db, &shape);
	sqlite3_close(db);
	if (version < migration_count)
		read_whole(&templates[version]);
	scratch_empty(folder);
}

static void begin(void)
{
	scratch_make(folder);
	snprintf(path, sizeof(path), "%s/db", folder);
	log_set_level(LOG_LEVEL_ERROR);
	assert(migration_count < VERSIONS_LIMIT);
	for (int version = 1; version <= migration_count; version++)
		make_template(version);
	atexit(end);
}

static void write_template(int version)
{
	const struct buffer *bytes = &templates[version];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, bytes->data, bytes->len) != (ssize_t)bytes->len)
		abort();
	close(fd);
}

/* Migrating
 * ---------------------------------------------------------------------------------------*/

/* The copy holds what was there before. Returns whether there is one. */
static bool check_copy(int version, uint64_t before)
{
	char name[96];
	int copied = 0;
	snprintf(name, sizeof(name), "%s.v%d-backup", path, version);
	if (access(name, F_OK) < 0)
		return false;
	uint64_t sum = sum_of_file(name, &copied);
	assert(sum == before && copied == version);
	return true;
}

static void check_refused(const struct err *err, int version, uint64_t before)
{
	int after = 0;
	uint64_t sum = sum_of_file(path, &after);
	assert(err->text[0]);
	assert(after >= version);
	if (after == version)
		assert(sum == before);
	else
		assert(check_copy(version, before));
}

/* By a reader, as the daemon's own check: a writer would look for CHECKs, too. */
static void check_sound(void)
{
	struct err err = ERR_INIT;
	sqlite3 *db = NULL;
	if (database_open(path, SQLITE_OPEN_READONLY, &err, &db) < 0)
		abort();
	sqlite3_stmt *stmt = prepare(db, "PRAGMA integrity_check(1)");
	assert(sqlite3_step(stmt) == SQLITE_ROW);
	assert(strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static void check_migrated(sqlite3 *db, int version, uint64_t before)
{
	_cleanup_buffer_ struct buffer own;
	assert(version_of(db) == migration_count);
	assert(check_copy(version, before));
	read_shape(db, &own);
	assert(own.len == shape.len && memcmp(own.data, shape.data, own.len) == 0);
	check_sound();
}

/* As after a crash: without a seal. */
static void leave(struct conn *conn)
{
	conn->broken = true;
	conn_close(conn);
}

static void open_as_daemon(int version, uint64_t before)
{
	struct err err = ERR_INIT;
	struct conn *conn = NULL;
	if (conn_open_writer(path, &err, &conn) < 0) {
		check_refused(&err, version, before);
		return;
	}
	check_migrated(conn->db, version, before);
	walk_store(conn, true);
	leave(conn);
	int r = conn_open_writer(path, &err, &conn);
	assert(r == 0);
	leave(conn);
}

static void only_migrate(int version, uint64_t before)
{
	struct err err = ERR_INIT;
	sqlite3 *db = open_plain(path);
	int r = migrate_run(db, path, migrations, migration_count, &err);
	if (r == 0)
		check_migrated(db, version, before);
	sqlite3_close(db);
	if (r < 0)
		check_refused(&err, version, before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 16 * 1024)
		return 0;
	if (!folder[0])
		begin();
	assert(migration_count > 1);
	int version = 1 + (data[0] & 0x7f) % (migration_count - 1);
	write_template(version);
	sqlite3 *db = open_plain(path);
	rows_put(db, (struct span){.ptr = (const char *)data + 1, .len = size - 1});
	uint64_t before = sum_of(db);
	sqlite3_close(db);
	if (data[0] & 0x80)
		open_as_daemon(version, before);
	else
		only_migrate(version, before);
	scratch_empty(folder);
	return 0;
}
