/* SPDX-License-Identifier: MIT */
/* The inside of a connection, for the files of this folder and their tests. */
#pragma once

#include <sqlite3.h>
#include <sys/types.h>

#include "store/conn.h"
#include "store/lock.h"
#include "store/stmts.h"
#include "util/digest.h"

/* Which file it is, whatever its name names meanwhile. */
struct file_identity {
	dev_t device;
	ino_t inode;
};

/* What a transaction may touch, in the order in which it is told of. */
enum entity { ENTITY_OPERATION, ENTITY_CONNECTOR, ENTITY_HISTORY, ENTITY_GAP, ENTITY_JOB };
#define ENTITY_COUNT (ENTITY_JOB + 1)

/* Who sees what the transactions of a writer change, see recorder.h. The first two return 0, a
 * store outcome, or -1. */
struct conn_watch {
	/* A row is about to be changed, or was added. */
	int (*touched)(
	    struct conn *writer, enum entity entity, int64_t row, bool added, struct err *err);
	int (*ending)(struct conn *writer, struct err *err); /* before the commit */
	void (*over)(struct conn *writer, bool committed);   /* after it, or after a rollback */
	void (*closed)(struct conn *writer);
};
struct recorder;

/* Invariant: every statement of its set is prepared and reset while no function of this folder is
 * at work with it. */
struct conn {
	char *path;
	sqlite3 *db;
	sqlite3_stmt **stmts; /* see stmts_prepare */
	uint64_t instance;
	uint8_t secret[DIGEST_SIZE];
	bool writer;
	bool opened;               /* all the way */
	bool without_index;        /* the writer's: the index of the log is in memory */
	struct lock *lock;         /* the writer's; NULL in a reader */
	struct file_identity file; /* of the writer's database */
	struct file_identity log;  /* and of its log */
	bool seal_due;             /* the file is as SQLite left it, but is not sealed yet */
	int64_t commit_took;       /* microseconds, the last one */
	bool meddled;              /* somebody else wrote to the file: it is not sealed again */
	/* Of the running transaction: STORE_FULL or STORE_BROKEN once a statement failed so. The
	 * transaction then fails with it, whatever its body makes of the failure. */
	int failure;
	const struct conn_watch *watch; /* the writer's; NULL: nobody */
	struct recorder *recorder;
	bool broken; /* the outcome of a commit is unknown, or the file is damaged: never write
			again */
};

/* What a failed sqlite3 call on the writer amounts to: a store outcome, or -1. Fills err with what
 * was being done, to which file, and why it failed. */
int conn_write_failed(struct conn *conn, struct err *err, const char *doing);

/* The same for a call that only read: always -1. On the writer, a damaged file still fails the
 * transaction with STORE_BROKEN. */
int conn_read_failed(struct conn *conn, struct err *err, const char *doing);

/* Whether the names still name the database and the log that the writer has open: what is written
 * into a file that was removed is lost. Returns 0, or -1 with which is not. */
int conn_check_files(const struct conn *writer, struct err *err);

/* Tells who watches that a row is about to be changed, or was added. Returns 0, a store outcome, or
 * -1. */
static inline int conn_touch(
    struct conn *writer, enum entity entity, int64_t row, bool added, struct err *err)
{
	return writer->watch ? writer->watch->touched(writer, entity, row, added, err) : 0;
}

/* Counts a commit. */
void store_generation_count(void);

/* A statement, ready for binding. It must not be in use already: a row callback must not call back
 * for the same thing. To be held in a _cleanup_stmt_ variable, which resets it at the end of the
 * scope, so that no unfinished read keeps the log from being emptied. */
sqlite3_stmt *stmt_use(struct conn *conn, const struct statement *statement);

/* The same with its parameters bound. */
sqlite3_stmt *stmt_bound(
    struct conn *conn, const struct statement *statement, struct values values);

/* Delivers a row of a statement to a sink. Returns 0 to go on, anything else to stop. */
typedef int deliver_fn(struct conn *conn, struct columns *columns, void *sink, struct err *err);

/* Delivers every row. Returns 0, what deliver returned, or -1. */
int stmt_each(struct conn *conn, const struct statement *statement, struct values values,
    deliver_fn *deliver, void *sink, struct err *err);

/* Delivers the only row. Returns what deliver returned; STORE_NONE when there is none; -1. */
int stmt_one(struct conn *conn, const struct statement *statement, struct values values,
    deliver_fn *deliver, void *sink, struct err *err);

/* Reads the number in the only row. Returns 0; STORE_NONE when there is none; -1. */
int stmt_number(struct conn *conn, const struct statement *statement, struct values values,
    struct err *err, int64_t *ret_number);

/* Runs a statement that gives no rows. Returns 0, a store outcome, or -1. */
int stmt_write(
    struct conn *writer, const struct statement *statement, struct values values, struct err *err);
