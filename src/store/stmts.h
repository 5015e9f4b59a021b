/* SPDX-License-Identifier: MIT */
/* Statements: each stands beside the function that uses it, and is prepared on every connection
 * when the database is opened. */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"
#include "util/text.h"

enum statement_user { FOR_ALL, FOR_WRITER };

/* All of them lie in one section of the program, and so in one array. */
struct statement {
	const char *sql;
	const char *doing; /* what it does, for an error: "read a job" */
	enum statement_user user;
} __attribute__((aligned(16)));

/* A statement of this file: STATEMENT(name, user, "doing", "SQL"). */
#define STATEMENT(name, user, doing, ...)                                                          \
	static const struct statement name                                                         \
	    __attribute__((section("statements"), used)) = {__VA_ARGS__, doing, user}

/* How many there are, and each of them. */
size_t statement_count(void);
const struct statement *statement_at(size_t index);

/* Prepares all on an open database, or only those that a reader may run. Returns 0 and an array of
 * statement_count, to be freed with stmts_free; or -1. */
int stmts_prepare(sqlite3 *db, bool writer, struct err *err, sqlite3_stmt ***ret_stmts);

/* Finalises them. Takes NULL; returns NULL. */
sqlite3_stmt **stmts_free(sqlite3_stmt **stmts);

/* The prepared one. */
sqlite3_stmt *stmts_find(sqlite3_stmt *const *stmts, const struct statement *statement);

static inline void cleanup_stmt(sqlite3_stmt **stmt)
{
	sqlite3_reset(*stmt);
	sqlite3_clear_bindings(*stmt);
}
#define _cleanup_stmt_ _cleanup_(cleanup_stmt)

/* A value for a parameter of a statement; what it points to outlives the use of the statement. */
struct value {
	enum { VALUE_INTEGER, VALUE_TEXT, VALUE_BLOB } kind;
	bool null;
	int64_t integer;
	struct span span;
};

struct value v_integer(int64_t value);
struct value v_time(int64_t timestamp); /* NULL for TIMESTAMP_NONE. */
struct value v_text(const char *text);  /* NULL for NULL. */
struct value v_span(struct span span);  /* A blob; NULL for SPAN_NONE. */

/* Values for the parameters of a statement, from the first to the last. */
struct values {
	const struct value *list;
	size_t count;
};

#define VALUES(...)                                                                                \
	((struct values){((const struct value[]){__VA_ARGS__}),                                    \
	    sizeof((const struct value[]){__VA_ARGS__}) / sizeof(struct value)})
#define VALUES_NONE ((struct values){NULL, 0})

/* Binds the parameter of this number, from 1. */
void bind_value(sqlite3_stmt *stmt, int index, struct value value);

/* Takes the columns of a row from the first to the last; pointers hold until the next step. */
struct columns {
	sqlite3_stmt *stmt;
	int index;
};

int64_t column_integer(struct columns *columns);
int64_t column_time(
    struct columns *columns); /* TIMESTAMP_NONE for one beyond TIMESTAMP_LIMIT too */
const char *column_text(struct columns *columns);
struct span column_span(struct columns *columns);

/* The same for what is JSON where the file is as it was written: SPAN_NONE when it is none, or no
 * object, array or number, so that what cannot be read counts as unknown. */
struct span column_object(struct columns *columns);
struct span column_array(struct columns *columns);
struct span column_number(struct columns *columns);
