/* SPDX-License-Identifier: MIT */
/* Prepares what lies in the section of statements, and binds and reads values. */
#include "store/stmts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/jsontext.h"
#include "util/timestamp.h"

/* The linker names the ends of a section whose name is an identifier. */
extern const struct statement first_statement[] __asm__("__start_statements");
extern const struct statement behind_statements[] __asm__("__stop_statements");

/* To the compiler each statement is an object of its own, so that it is addresses that tell. */
static size_t statement_index(const struct statement *statement)
{
	return ((uintptr_t)statement - (uintptr_t)first_statement) / sizeof(*statement);
}

size_t statement_count(void)
{
	return statement_index(behind_statements);
}

const struct statement *statement_at(size_t index)
{
	return &first_statement[index];
}

sqlite3_stmt *stmts_find(sqlite3_stmt *const *stmts, const struct statement *statement)
{
	return stmts[statement_index(statement)];
}

int stmts_prepare(sqlite3 *db, bool writer, struct err *err, sqlite3_stmt ***ret_stmts)
{
	sqlite3_stmt **stmts = calloc(statement_count(), sizeof(sqlite3_stmt *));
	if (!stmts)
		return err_set(err, "no memory for the statements");
	for (size_t i = 0; i < statement_count(); i++) {
		const struct statement *statement = statement_at(i);
		if (statement->user == FOR_WRITER && !writer)
			continue;
		if (sqlite3_prepare_v3(db, statement->sql, -1, SQLITE_PREPARE_PERSISTENT, &stmts[i],
			NULL) == SQLITE_OK)
			continue;
		err_set(err, "database %s: %s (in: %.60s)", sqlite3_db_filename(db, "main"),
		    sqlite3_errmsg(db), statement->sql);
		stmts_free(stmts);
		return -1;
	}
	*ret_stmts = stmts;
	return 0;
}

sqlite3_stmt **stmts_free(sqlite3_stmt **stmts)
{
	for (size_t i = 0; stmts && i < statement_count(); i++)
		sqlite3_finalize(stmts[i]);
	free(stmts);
	return NULL;
}

struct value v_integer(int64_t value)
{
	return (struct value){.kind = VALUE_INTEGER, .integer = value};
}

struct value v_time(int64_t timestamp)
{
	return (struct value){.null = timestamp == TIMESTAMP_NONE, .integer = timestamp};
}

struct value v_text(const char *text)
{
	return (struct value){.kind = VALUE_TEXT, .null = !text, .span = span_of(text)};
}

struct value v_span(struct span span)
{
	return (struct value){.kind = VALUE_BLOB, .null = !span.ptr, .span = span};
}

/* Binding what outlives the statement copies nothing; it fails for a wrong index or a gigabyte. */
void bind_value(sqlite3_stmt *stmt, int index, struct value value)
{
	int r = SQLITE_OK;
	if (value.null)
		r = sqlite3_bind_null(stmt, index);
	else if (value.kind == VALUE_INTEGER)
		r = sqlite3_bind_int64(stmt, index, value.integer);
	else if (value.kind == VALUE_TEXT)
		r = sqlite3_bind_text64(
		    stmt, index, value.span.ptr, value.span.len, SQLITE_STATIC, SQLITE_UTF8);
	else
		r = sqlite3_bind_blob64(stmt, index, value.span.ptr, value.span.len, SQLITE_STATIC);
	assert(r == SQLITE_OK);
}

int64_t column_integer(struct columns *columns)
{
	return sqlite3_column_int64(columns->stmt, columns->index++);
}

int64_t column_time(struct columns *columns)
{
	int index = columns->index++;
	if (sqlite3_column_type(columns->stmt, index) == SQLITE_NULL)
		return TIMESTAMP_NONE;
	int64_t time = sqlite3_column_int64(columns->stmt, index);
	return time > TIMESTAMP_LIMIT || time < -TIMESTAMP_LIMIT ? TIMESTAMP_NONE : time;
}

const char *column_text(struct columns *columns)
{
	return (const char *)sqlite3_column_text(columns->stmt, columns->index++);
}

struct span column_span(struct columns *columns)
{
	int index = columns->index++;
	if (sqlite3_column_type(columns->stmt, index) == SQLITE_NULL)
		return SPAN_NONE;
	const char *data = sqlite3_column_blob(columns->stmt, index);
	size_t len = (size_t)sqlite3_column_bytes(columns->stmt, index);
	/* An empty blob comes as NULL. */
	return (struct span){.ptr = data ? data : "", .len = len};
}

/* It goes into answers as it is. */
static struct span column_json(struct columns *columns, const char *beginnings)
{
	struct span json = column_span(columns);
	struct span value = jsontext_value(json);
	bool fits = value.ptr && strchr(beginnings, value.ptr[0]) && jsontext_is_valid(json);
	return fits ? json : SPAN_NONE;
}

struct span column_object(struct columns *columns)
{
	return column_json(columns, "{");
}

struct span column_array(struct columns *columns)
{
	return column_json(columns, "[");
}

struct span column_number(struct columns *columns)
{
	return column_json(columns, "-0123456789");
}
