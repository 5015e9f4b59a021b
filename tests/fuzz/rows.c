/* SPDX-License-Identifier: MIT */
/* Puts what is given into every column there is, by the names that the schema has. */
#include "rows.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "store/conn_private.h"

#define COLUMNS_LIMIT 64
#define LINES_LIMIT 40

/* A table, and how a row is put into it. */
struct table {
	const char *name;
	char columns[COLUMNS_LIMIT][32];
	char types[COLUMNS_LIMIT][16];
	size_t count;
	sqlite3_stmt *insert;
};

static struct table tables[] = {
    {.name = "connectors"},
    {.name = "jobs"},
    {.name = "snapshots"},
    {.name = "operations"},
    {.name = "projects"},
    {.name = "store"},
    {.name = "audit"},
    {.name = "events"},
    {.name = "attention"},
};

static char folder[SCRATCH_SIZE];
static char database[64];
static struct conn *conn;
static sqlite3 *db; /* that of conn, but for rows_put */

static void run(const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		abort();
}

static sqlite3_stmt *prepare(const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		abort();
	return stmt;
}

/* Those that are generated cannot be written. */
static void learn_columns(struct table *table)
{
	char sql[2048];
	snprintf(sql, sizeof(sql),
	    "SELECT name, type FROM pragma_table_xinfo('%s') WHERE hidden = 0", table->name);
	sqlite3_stmt *stmt = prepare(sql);
	for (table->count = 0; sqlite3_step(stmt) == SQLITE_ROW; table->count++) {
		assert(table->count < COLUMNS_LIMIT);
		snprintf(table->columns[table->count], sizeof(table->columns[0]), "%s",
		    (const char *)sqlite3_column_text(stmt, 0));
		snprintf(table->types[table->count], sizeof(table->types[0]), "%s",
		    (const char *)sqlite3_column_text(stmt, 1));
	}
	sqlite3_finalize(stmt);
	/* An older schema does not have all tables. */
	if (table->count == 0)
		return;
	size_t len = (size_t)snprintf(sql, sizeof(sql), "INSERT OR REPLACE INTO %s (", table->name);
	for (size_t i = 0; i < table->count; i++)
		len += (size_t)snprintf(
		    sql + len, sizeof(sql) - len, "%s%s", i ? ", " : "", table->columns[i]);
	len += (size_t)snprintf(sql + len, sizeof(sql) - len, ") VALUES (");
	for (size_t i = 0; i < table->count; i++)
		len += (size_t)snprintf(sql + len, sizeof(sql) - len, "%s?", i ? ", " : "");
	snprintf(sql + len, sizeof(sql) - len, ")");
	table->insert = prepare(sql);
}

static void open_tables(void)
{
	/* Who damages a file cares for no rule. */
	run("PRAGMA foreign_keys = OFF");
	run("PRAGMA ignore_check_constraints = ON");
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		learn_columns(&tables[i]);
}

static void close_tables(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		sqlite3_finalize(tables[i].insert);
		tables[i].insert = NULL;
	}
}

static void end(void)
{
	static const char *const names[] = {"/db", "/db-wal", "/db-shm", "/db.lock", ""};
	close_tables();
	conn_close(conn);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64];
		snprintf(path, sizeof(path), "%s%s", folder, names[i]);
		remove(path);
	}
}

struct conn *rows_open(void)
{
	struct err err = ERR_INIT;
	scratch_make(folder);
	snprintf(database, sizeof(database), "%s/db", folder);
	if (conn_open_writer(database, &err, &conn) < 0)
		abort();
	db = conn->db;
	run("PRAGMA synchronous = OFF");
	open_tables();
	run("CREATE TEMP TABLE first_store AS SELECT * FROM store");
	atexit(end);
	return conn;
}

const char *rows_database(void)
{
	return database;
}

/* A value that is in order; NULL: NULL. */
static const char *usual(const char *column)
{
	static const char *const values[][2] = {
	    {"connector_id", "c"},
	    {"label", "x"},
	    {"connector_type", "gcsImport"},
	    {"data_format", "mixpanel_event"},
	    {"kind", "cloud_import"},
	    {"status", "running"},
	    {"upstream_status", "running"},
	    {"job_id", "job_1"},
	    {"operation_id", "op_1"},
	    {"state", "planned"},
	    {"client", "uid:0"},
	    {"account", "account"},
	    {"import_key", "gcsImport\nmixpanel_event\nb\n"},
	    {"sent_key", "gcsImport\nmixpanel_event\nb\n"},
	    {"properties", "{}"},
	    {"category", "{}"},
	    {"stats", "{}"},
	    {"raw", "{}"},
	    {"request", "{}"},
	    {"candidates", "[]"},
	    {"progress", "0.5"},
	    {"audit_id", "aud_1"},
	    {"request_id", "r"},
	    {"action", "create"},
	    {"type", "job.updated"},
	    {"data", "{}"},
	    {"feed", "abcdefgh"},
	    {"subject", "connector"},
	    {"subject_id", "c"},
	    {"code", "failing"},
	    {"severity", "warning"},
	    {"cause", "other"},
	    {"detail", "the last job failed"},
	    {"attention", "[]"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		if (strcmp(column, values[i][0]) == 0)
			return values[i][1];
	return NULL;
}

/* Times and marks are NULL unless they are given; what may not be so is 1. */
static void bind_usual(const struct table *table, size_t index)
{
	const char *column = table->columns[index];
	const char *text = usual(column);
	bool create = table == &tables[3] && strcmp(column, "kind") == 0;
	int place = (int)index + 1;
	size_t len = strlen(column);
	if (create)
		text = "create";
	if (table == &tables[3] && strcmp(column, "upstream_status") == 0)
		text = NULL;
	if (strcmp(table->types[index], "INTEGER") == 0) {
		bool maybe = len > 3 && strcmp(column + len - 3, "_at") == 0 &&
			     strcmp(column, "first_seen_at") != 0 &&
			     strcmp(column, "updated_at") != 0 &&
			     strcmp(column, "observed_at") != 0 &&
			     !(table == &tables[3] && strcmp(column, "created_at") == 0);
		if (maybe || strstr(column, "time") || strstr(column, "since"))
			sqlite3_bind_null(table->insert, place);
		else
			sqlite3_bind_int64(table->insert, place, 1);
	} else if (!text) {
		sqlite3_bind_null(table->insert, place);
	} else if (strcmp(table->types[index], "BLOB") == 0) {
		sqlite3_bind_blob(table->insert, place, text, (int)strlen(text), SQLITE_STATIC);
	} else {
		sqlite3_bind_text(table->insert, place, text, -1, SQLITE_STATIC);
	}
}

static struct span take(struct span *rest, char end)
{
	const char *at = rest->len > 0 ? memchr(rest->ptr, end, rest->len) : NULL;
	struct span part = {.ptr = rest->ptr, .len = at ? (size_t)(at - rest->ptr) : rest->len};
	size_t taken = part.len + (at ? 1 : 0);
	*rest = (struct span){.ptr = rest->ptr + taken, .len = rest->len - taken};
	return part;
}

static int64_t number_of(struct span digits)
{
	char text[32];
	snprintf(text, sizeof(text), "%.*s", (int)(digits.len < 30 ? digits.len : 30), digits.ptr);
	return strtoll(text, NULL, 10);
}

static void bind_given(struct table *table, struct span pair)
{
	struct span name = take(&pair, '=');
	size_t index = 0;
	while (index < table->count && !span_equals(name, table->columns[index]))
		index++;
	if (index == table->count)
		return;
	int place = (int)index + 1;
	if (span_equals(pair, "-"))
		sqlite3_bind_null(table->insert, place);
	else if (strcmp(table->types[index], "INTEGER") == 0)
		sqlite3_bind_int64(table->insert, place,
		    number_of((struct span){pair.ptr + (pair.len > 0), pair.len - (pair.len > 0)}));
	else if (strcmp(table->types[index], "BLOB") == 0)
		sqlite3_bind_blob(table->insert, place, pair.ptr, (int)pair.len, SQLITE_STATIC);
	else
		sqlite3_bind_text(table->insert, place, pair.ptr, (int)pair.len, SQLITE_STATIC);
}

static void put_row(struct span line)
{
	struct span name = take(&line, '\t');
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		struct table *table = &tables[i];
		if (!span_equals(name, table->name) || !table->insert)
			continue;
		for (size_t j = 0; j < table->count; j++)
			bind_usual(table, j);
		while (line.len > 0)
			bind_given(table, take(&line, '\t'));
		/* What the schema does not let in cannot be there. */
		sqlite3_step(table->insert);
		sqlite3_reset(table->insert);
	}
}

static void put_rows(struct span text)
{
	for (unsigned lines = 0; text.len > 0 && lines < LINES_LIMIT; lines++)
		put_row(take(&text, '\n'));
}

void rows_begin(struct span text)
{
	run("BEGIN");
	put_rows(text);
}

void rows_put(sqlite3 *other, struct span text)
{
	db = other;
	open_tables();
	run("BEGIN");
	put_rows(text);
	run("COMMIT");
	close_tables();
}

void rows_end(void)
{
	assert(!conn->broken);
	if (!sqlite3_get_autocommit(conn->db))
		run("ROLLBACK");
}

void rows_keep(void)
{
	run("COMMIT");
}

/* What is told of the whole comes last: triggers count along. */
void rows_remove(void)
{
	run("BEGIN");
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		char sql[64];
		snprintf(sql, sizeof(sql), "DELETE FROM %s", tables[i].name);
		run(sql);
	}
	run("DELETE FROM projects; DELETE FROM sqlite_sequence; DELETE FROM store;"
	    "INSERT INTO store SELECT * FROM first_store; COMMIT");
}
