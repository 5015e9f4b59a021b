/* SPDX-License-Identifier: MIT */
/* Rows that the daemon never wrote, in a schema that it made: whatever a column can hold. A line of
 * text is a row: the table, then column=value, with tabs between. A value is a number after #, NULL
 * as -, or else bytes as they are; what is not given has a value that is in order. */
#pragma once

#include <sqlite3.h>

#include "store/conn.h"
#include "util/text.h"

/* Makes a database in memory, which goes with the process, and opens it as the writer; once. */
struct conn *rows_open(void);

/* Where it is. */
const char *rows_database(void);

/* Puts the rows in, until rows_end takes back all that was written since. */
void rows_begin(struct span text);
void rows_end(void);

/* Instead of rows_end: what was put in is there for other connections, too, until rows_remove takes
 * all rows away, whoever wrote them. */
void rows_keep(void);
void rows_remove(void);

/* Puts the rows into another database, of whatever schema of ours. Not where rows_open was called.
 */
void rows_put(sqlite3 *db, struct span text);
