/* The inside of a connection, for the files of this folder and their tests. */
#ifndef MIXPORT_STORE_CONN_PRIVATE_H
#define MIXPORT_STORE_CONN_PRIVATE_H

#include <sqlite3.h>

#include "store/conn.h"
#include "store/lock.h"
#include "store/stmts.h"

/* Invariant: every statement of its set is prepared and reset while no function of this folder is
 * at work with it. */
struct conn {
	char *path;
	sqlite3 *db;
	sqlite3_stmt *stmts[STMT_COUNT];
	uint64_t instance;
	bool writer;
	bool opened;       /* all the way */
	struct lock *lock; /* the writer's; NULL in a reader */
	bool seal_due;     /* the file is as SQLite left it, but is not sealed yet */
	bool meddled;      /* somebody else wrote to the file: no more seals */
	/* Of the running transaction: STORE_FULL or STORE_BROKEN once a statement failed so. The
	 * transaction then fails with it, whatever its body makes of the failure. */
	int failure;
	bool broken; /* the outcome of a commit is unknown, or the file is damaged: never write
			again */
};

/* What a failed sqlite3 call on the writer amounts to: a store outcome, or -1. Fills err with what
 * was being done, to which file, and why it failed. */
int conn_write_failed(struct conn *conn, struct err *err, const char *doing);

/* The same for a call that only read: always -1. On the writer, a damaged file still fails the
 * transaction with STORE_BROKEN. */
int conn_read_failed(struct conn *conn, struct err *err, const char *doing);

/* Counts a commit. */
void store_generation_count(void);

/* Opens a database file that exists, with the settings every connection shares; flags as for
 * sqlite3_open_v2, uri when path is one. Returns 0, or -1 (nothing is left open). */
int conn_open_database(const char *path, int flags, struct err *err, sqlite3 **ret_db);

static inline void cleanup_sqlite(sqlite3 **db)
{
	sqlite3_close(*db);
}
#define _cleanup_sqlite_ _cleanup_(cleanup_sqlite)

#endif
