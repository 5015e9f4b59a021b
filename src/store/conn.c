/* SPDX-License-Identifier: MIT */
/* What can go wrong with the file, and why it does not.
 *
 * Two writers. SQLite up to 3.51.2 can lose commits of a WAL database when two connections write or
 * checkpoint at once. PATH.lock keeps other daemons out before the database is touched; in this
 * process one connection writes, readers are opened read-only and never checkpoint. So that one
 * file has one lock, links are followed first, and a file of more than one name is refused.
 *
 * A file that is not ours, is newer, or is damaged. It is looked at before it is opened for
 * writing: read-only, and `immutable` when there is no log, so that not even a -wal or -shm file
 * appears beside it. With a log of a crash beside it, SQLite reads both together, read-only still.
 * What is refused stays as it was, byte for byte.
 *
 * Checking everything takes too long: quick_check reads the whole file, half a second for
 * 100,000 jobs (110 MB). But in WAL mode the file itself is only written by a checkpoint. So after
 * each one it is sealed (see lock.c), and as long as the seal fits, nobody has touched the file
 * since SQLite last synced it; that holds after a kill or a power cut too, since the log has
 * checksums of its own. Whenever the seal does not fit (restored, copied, overwritten, cut in the
 * middle of a checkpoint) the whole file is checked. What a disk spoils by itself without a write
 * shows when SQLite reads the page, as STORE_BROKEN.
 *
 * Half a database. A new one is made complete under another name, closed, synced, and then renamed;
 * each of that can fail, and is looked at.
 *
 * A log without its database. SQLite would replay an old log into a new file, so that is refused.
 *
 * A database without its log, after an end that was none. What was acknowledged last is in the log
 * alone. When the seal fits and says that whoever set it was still at work, the log was beside the
 * file; where somebody else has moved it into the database meanwhile, the seal does not fit.
 *
 * Files that are removed or replaced under the open database. Writing goes on into what has no name
 * any more, and is lost with the process: after each commit, before anything is acknowledged, the
 * names are compared with what was opened.
 *
 * A log that grows under readers that never rest. As long as one of them reads, it is not emptied.
 * Far past its limit the checkpoint waits for those at work, which read for milliseconds; who comes
 * meanwhile reads the database alone and holds nothing up.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store/conn_private.h"
#include "store/database.h"
#include "store/migrate.h"
#include "util/log.h"
#include "util/timestamp.h"

#define WAL_LIMIT (4 * 1024 * 1024)
/* From this size on, readers are waited for this long. */
#define WAL_MUCH (4 * WAL_LIMIT)
#define WAL_PATIENCE_MS 500

/* A disk on which a commit takes longer is not asked for more at the end than has to be. */
#define SLOW_COMMIT (300 * MICROSECONDS_PER_MILLISECOND)

/* Ticks of file times last at most 10 ms. */
#define SEAL_ATTEMPTS 20

/* Page caches, in KiB. Four readers and the writer come to 12 MiB of the daemon's 48. No mmap:
 * mapped pages would count as resident, without a limit of their own. */
#define SETTINGS_READER                                                                            \
	"PRAGMA cache_size = -2048; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"             \
	"PRAGMA query_only = ON"
#define SETTINGS_WRITER                                                                            \
	"PRAGMA cache_size = -4096; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"             \
	"PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = ON"

static _Atomic uint64_t generation;

uint64_t store_generation(void)
{
	return atomic_load(&generation);
}

void store_generation_count(void)
{
	atomic_fetch_add(&generation, 1);
}

sqlite3_stmt *stmt_use(struct conn *conn, const struct statement *statement)
{
	sqlite3_stmt *stmt = stmts_find(conn->stmts, statement);
	assert(stmt && !sqlite3_stmt_busy(stmt));
	return stmt;
}

sqlite3_stmt *stmt_bound(struct conn *conn, const struct statement *statement, struct values values)
{
	sqlite3_stmt *stmt = stmt_use(conn, statement);
	for (size_t i = 0; i < values.count; i++)
		bind_value(stmt, (int)i + 1, values.list[i]);
	return stmt;
}

int stmt_each(struct conn *conn, const struct statement *statement, struct values values,
    deliver_fn *deliver, void *sink, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_bound(conn, statement, values);
	int step;
	while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
		int r = deliver(conn, &(struct columns){.stmt = stmt}, sink, err);
		if (r)
			return r;
	}
	return step == SQLITE_DONE ? 0 : conn_read_failed(conn, err, statement->doing);
}

int stmt_one(struct conn *conn, const struct statement *statement, struct values values,
    deliver_fn *deliver, void *sink, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_bound(conn, statement, values);
	int step = sqlite3_step(stmt);
	if (step == SQLITE_ROW)
		return deliver(conn, &(struct columns){.stmt = stmt}, sink, err);
	return step == SQLITE_DONE ? STORE_NONE : conn_read_failed(conn, err, statement->doing);
}

static int deliver_number(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	(void)conn, (void)err;
	*(int64_t *)sink = column_integer(columns);
	return 0;
}

int stmt_number(struct conn *conn, const struct statement *statement, struct values values,
    struct err *err, int64_t *ret_number)
{
	return stmt_one(conn, statement, values, deliver_number, ret_number, err);
}

int stmt_write(
    struct conn *writer, const struct statement *statement, struct values values, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = stmt_bound(writer, statement, values);
	return sqlite3_step(stmt) == SQLITE_DONE ? 0
						 : conn_write_failed(writer, err, statement->doing);
}

/* Failures -------------------------------------------------------------------------------------*/

/* Why the last write failed; 0 when something else did. COMMIT does not set sqlite3_system_errno(),
 * so the file is asked, the database or its log: SQLITE_FCNTL_FILE_POINTER or _JOURNAL_POINTER. It
 * never forgets its last failure, so the current error is checked first. */
static int write_errno(sqlite3 *db, int written)
{
	sqlite3_file *file = NULL;
	int reason = 0;
	if (sqlite3_extended_errcode(db) == SQLITE_IOERR_WRITE &&
	    sqlite3_file_control(db, NULL, written, &file) == SQLITE_OK && file && file->pMethods)
		file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &reason);
	return reason;
}

/* A write that found no space left an incomplete commit, which is none. A failed fsync is another
 * matter, whatever the reason: what was written before may be there or not. */
static bool is_out_of_space(sqlite3 *db, int reason)
{
	return sqlite3_errcode(db) == SQLITE_FULL || reason == ENOSPC || reason == EFBIG ||
	       reason == EDQUOT;
}

static int outcome_of(sqlite3 *db, int reason)
{
	if (is_out_of_space(db, reason))
		return STORE_FULL;
	switch (sqlite3_errcode(db) & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return STORE_BROKEN;
	case SQLITE_CONSTRAINT:
		return sqlite3_extended_errcode(db) == SQLITE_CONSTRAINT_UNIQUE ? STORE_CONFLICT
										: -1;
	default:
		return -1;
	}
}

/* Fills err and says what it amounts to. A damaged file ends all writing, however it was met. */
static int conn_failed(struct conn *conn, struct err *err, const char *doing, int reason)
{
	const char *what = sqlite3_errmsg(conn->db);
	if (reason)
		err_set_errno(err, reason, "database %s: cannot %s: %s", conn->path, doing, what);
	else
		err_set(err, "database %s: cannot %s: %s", conn->path, doing, what);
	int outcome = outcome_of(conn->db, reason);
	if (outcome == STORE_BROKEN) {
		conn->failure = STORE_BROKEN;
		conn->broken = true;
	}
	return outcome;
}

int conn_read_failed(struct conn *conn, struct err *err, const char *doing)
{
	conn_failed(conn, err, doing, 0);
	return -1;
}

static int write_failed(struct conn *conn, struct err *err, const char *doing, int written)
{
	int outcome = conn_failed(conn, err, doing, write_errno(conn->db, written));
	if (outcome == STORE_FULL)
		conn->failure = STORE_FULL;
	return outcome;
}

int conn_write_failed(struct conn *conn, struct err *err, const char *doing)
{
	return write_failed(conn, err, doing, SQLITE_FCNTL_JOURNAL_POINTER);
}

/* Opening --------------------------------------------------------------------------------------*/

static char *path_with(const char *path, const char *suffix)
{
	char *name = NULL;
	return asprintf(&name, "%s%s", path, suffix) < 0 ? NULL : name;
}

/* The size of PATH with a suffix; 0 when there is no such file. */
static int64_t size_of(const char *path, const char *suffix)
{
	_cleanup_free_ char *name = path_with(path, suffix);
	struct stat file;
	return name && stat(name, &file) == 0 ? (int64_t)file.st_size : 0;
}

static bool is_there(const char *path, const char *suffix)
{
	_cleanup_free_ char *name = path_with(path, suffix);
	struct stat file;
	return name && lstat(name, &file) == 0;
}

/* Returns 0, or -1 when there is no such file. */
static int identify(const char *path, const char *suffix, struct file_identity *ret_identity)
{
	_cleanup_free_ char *name = path_with(path, suffix);
	struct stat file;
	if (!name || stat(name, &file) < 0)
		return -1;
	*ret_identity = (struct file_identity){.device = file.st_dev, .inode = file.st_ino};
	return 0;
}

static int check_file(
    const char *path, const char *suffix, const struct file_identity *opened, struct err *err)
{
	struct file_identity found;
	if (identify(path, suffix, &found) == 0 && found.device == opened->device &&
	    found.inode == opened->inode)
		return 0;
	return err_set(err,
	    "%s%s was removed or replaced while it was in use: what was written last is not in it."
	    " Put the file back before the next start, or restore a copy",
	    path, suffix);
}

int conn_check_files(const struct conn *writer, struct err *err)
{
	if (check_file(writer->path, "", &writer->file, err) < 0 ||
	    check_file(writer->path, "-wal", &writer->log, err) < 0)
		return -1;
	return 0;
}

static int examine_header(sqlite3 *db, struct err *err)
{
	int application = 0;
	int version = 0;
	if (migrate_pragma(db, "PRAGMA application_id", err, &application) < 0 ||
	    migrate_version(db, err, &version) < 0)
		return err_wrap(
		    err, "it is damaged or not a database (restore a copy, or move it away)");
	if (application != MIGRATE_APPLICATION_ID || version < 1)
		return err_set(err, "it belongs to another application; nothing was changed");
	if (version > migration_count)
		return err_set(err,
		    "its schema version %d is newer than this program's %d: install the newer"
		    " program, or restore a copy made by this one",
		    version, migration_count);
	return 0;
}

/* Characters that mean something in a URI are escaped. */
static char *immutable_uri(const char *path)
{
	struct buffer uri;
	buffer_init(&uri, 4 * strlen(path) + 64);
	buffer_append_text(&uri, "file:");
	for (; *path; path++) {
		if (strchr("%?#", *path))
			buffer_printf(&uri, "%%%02x", (unsigned)*path);
		else
			buffer_append(&uri, path, 1);
	}
	buffer_append_text(&uri, "?immutable=1");
	char *text = buffer_steal(&uri, &(size_t){0});
	buffer_done(&uri);
	return text;
}

static int examine(const char *path, const struct lock *lock, struct err *err)
{
	_cleanup_sqlite_ sqlite3 *db = NULL;
	int r;
	if (!is_there(path, "-wal") && lock_is_left_open(lock))
		return err_set(err,
		    "its log %s-wal is gone, and what was acknowledged last was in it: put the log"
		    " back, or restore a copy; to go on without it, remove %s.lock",
		    path, path);
	if (size_of(path, "-wal") > 0 || size_of(path, "-journal") > 0) {
		r = database_open(path, SQLITE_OPEN_READONLY, err, &db);
	} else {
		_cleanup_free_ char *uri = immutable_uri(path);
		if (!uri)
			return err_set(err, "no memory to open it");
		r = database_open(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err, &db);
	}
	if (r < 0 || examine_header(db, err) < 0)
		return -1;
	if (!lock_is_sealed(lock) && migrate_check(db, err) < 0)
		return err_wrap(err, "it is damaged (restore a copy, or move it away)");
	return 0;
}

static void remove_new(const char *path)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		_cleanup_free_ char *name = path_with(path, suffixes[i]);
		if (name)
			unlink(name);
	}
}

/* What every writer begins with. */
static int conn_prepare(sqlite3 *db, const char *path, struct err *err)
{
	if (database_exec(db, SETTINGS_WRITER, err) < 0 || database_turn_on_log(db, err) < 0)
		return -1;
	return migrate_run(db, path, migrations, migration_count, err);
}

/* Complete when it returns 0: closing it, which writes it, can fail too. */
static int conn_build(const char *path, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(err, errno, "cannot create %s", path);
	sqlite3 *db = NULL;
	if (database_open(path, SQLITE_OPEN_READWRITE, err, &db) < 0)
		return err_wrap(err, "cannot make %s", path);
	struct err closing = ERR_INIT;
	int made = conn_prepare(db, path, err);
	int closed = database_close(&db, made < 0 ? &closing : err);
	if (made < 0 || closed < 0)
		return err_wrap(err, "cannot make %s", path);
	if (is_there(path, "-wal"))
		return err_set(err, "cannot make %s: its log could not be emptied", path);
	if (fsync(fd) < 0)
		return err_set_errno(err, errno, "cannot sync %s", path);
	return 0;
}

static int conn_create(const char *path, struct err *err)
{
	if (size_of(path, "-wal") > 0)
		return err_set(err,
		    "it is missing, but its log %s-wal is there: restore the database, or move the"
		    " log away to begin anew",
		    path);
	_cleanup_free_ char *name = path_with(path, ".new");
	if (!name)
		return err_set(err, "no memory to create it");
	remove_new(name);
	int r = conn_build(name, err);
	if (r == 0 && rename(name, path) < 0)
		r = err_set_errno(err, errno, "cannot rename %s", name);
	if (r < 0) {
		remove_new(name);
		return -1;
	}
	return migrate_sync_folder(path, err);
}

/* Makes sure that there is a database at path that may be opened for writing. */
static int make_sure(const char *path, const struct lock *lock, struct err *err)
{
	struct stat file;
	if (stat(path, &file) < 0) {
		if (errno != ENOENT)
			return err_set_errno(err, errno, "cannot look at it");
		return conn_create(path, err);
	}
	if (!S_ISREG(file.st_mode))
		return err_set(err, "it is not a regular file");
	if (file.st_nlink > 1)
		return err_set(err,
		    "it has %ju names (hard links), and by another one a second daemon could use"
		    " it: remove the others, or restore a copy",
		    (uintmax_t)file.st_nlink);
	if (file.st_size == 0)
		return err_set(err, "it is empty: restore a copy, or remove it to begin anew");
	return examine(path, lock, err);
}

STATEMENT(sql_instance, FOR_ALL, "read its instance number",
	"SELECT instance FROM store WHERE only_row = 1");

/* What goes into answers tells nothing of what keeps a secret, though both come from one number. */
static void derive(const char *purpose, int64_t instance, uint8_t ret_digest[DIGEST_SIZE])
{
	char text[64];
	int len = snprintf(text, sizeof(text), "mixport %s %lld", purpose, (long long)instance);
	digest_sha256(text, (size_t)len, ret_digest);
}

static int read_instance(struct conn *conn, struct err *err)
{
	int64_t instance = 0;
	uint8_t digest[DIGEST_SIZE];
	int r = stmt_number(conn, &sql_instance, VALUES_NONE, err, &instance);
	derive("fingerprint", instance, digest);
	memcpy(&conn->instance, digest, sizeof(conn->instance));
	derive("secret", instance, conn->secret);
	return r > 0 ? err_set(err, "its row of counts is missing") : r;
}

/* The path without links; of a file that is to be made, that of its folder and its name. */
static int conn_resolve(const char *path, struct err *err, char **ret_path)
{
	char *resolved = realpath(path, NULL);
	if (!resolved && errno != ENOENT)
		return err_set_errno(err, errno, "cannot find it");
	if (!resolved) {
		struct stat link;
		if (lstat(path, &link) == 0)
			return err_set(err, "it is a link to what is not there");
		const char *slash = strrchr(path, '/');
		_cleanup_free_ char *folder =
		    slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
		_cleanup_free_ char *resolved_folder = folder ? realpath(folder, NULL) : NULL;
		if (!resolved_folder)
			return err_set_errno(err, errno, "cannot find its folder");
		if (asprintf(&resolved, "%s/%s", resolved_folder, slash ? slash + 1 : path) < 0)
			return err_set(err, "no memory for its name");
	}
	*ret_path = resolved;
	return 0;
}

static struct conn *conn_new(const char *path, bool writer, struct err *err)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	if (!conn) {
		err_set(err, "no memory to open it");
		return NULL;
	}
	conn->writer = writer;
	return conn_resolve(path, err, &conn->path) < 0 ? conn_close(conn) : conn;
}

static int open_to_write(struct conn *conn, struct err *err)
{
	if (database_open(conn->path, SQLITE_OPEN_READWRITE, err, &conn->db) < 0)
		return -1;
	return conn_prepare(conn->db, conn->path, err);
}

/* Whether the index of the log could not be made for want of room. */
static bool lacks_room_for_index(sqlite3 *db)
{
	switch (db ? sqlite3_extended_errcode(db) : SQLITE_OK) {
	case SQLITE_IOERR_SHMOPEN:
	case SQLITE_IOERR_SHMSIZE:
	case SQLITE_IOERR_SHMMAP:
		return true;
	default:
		return false;
	}
}

/* With a full disk what is there is served all the same. */
static int open_somehow(struct conn *conn, struct err *err)
{
	if (open_to_write(conn, err) == 0)
		return 0;
	if (!lacks_room_for_index(conn->db))
		return -1;
	sqlite3_db_config(conn->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(conn->db);
	conn->db = NULL;
	database_keep_index_in_memory(true);
	conn->without_index = true;
	log_warning(
	    "database %s: there is no room for the index of its log, which is kept in memory"
	    " until the daemon ends: no other program can read the database meanwhile",
	    conn->path);
	return open_to_write(conn, err);
}

static int open_writer(struct conn *conn, struct err *err)
{
	if (lock_take(conn->path, err, &conn->lock) < 0 ||
	    make_sure(conn->path, conn->lock, err) < 0 || lock_take_file(conn->lock, err) < 0 ||
	    open_somehow(conn, err) < 0 ||
	    stmts_prepare(conn->db, conn->writer, err, &conn->stmts) < 0 ||
	    read_instance(conn, err) < 0)
		return -1;
	if (identify(conn->path, "", &conn->file) < 0 ||
	    identify(conn->path, "-wal", &conn->log) < 0)
		return err_set_errno(err, errno, "it, or its log, is gone again");
	/* At once where nothing was written to it: from now on there is a log to be missed. */
	conn->seal_due = !lock_is_sealed(conn->lock) || lock_seal(conn->lock, true) == 1;
	conn->opened = true;
	return 0;
}

int conn_open_writer(const char *path, struct err *err, struct conn **ret_conn)
{
	struct conn *conn = conn_new(path, true, err);
	if (!conn || open_writer(conn, err) < 0) {
		conn_close(conn);
		return err_wrap(err, "database %s", path);
	}
	*ret_conn = conn;
	return 0;
}

static int conn_start_reader(struct conn *conn, struct err *err)
{
	if (database_open(conn->path, SQLITE_OPEN_READONLY, err, &conn->db) < 0 ||
	    database_exec(conn->db, SETTINGS_READER, err) < 0 ||
	    stmts_prepare(conn->db, conn->writer, err, &conn->stmts) < 0)
		return -1;
	return read_instance(conn, err);
}

int conn_open_reader(const char *path, struct err *err, struct conn **ret_conn)
{
	struct conn *conn = conn_new(path, false, err);
	if (!conn || conn_start_reader(conn, err) < 0) {
		conn_close(conn);
		return err_wrap(err, "database %s, for reading", path);
	}
	*ret_conn = conn;
	return 0;
}

/* Closing --------------------------------------------------------------------------------------*/

/* Before SQLite writes to the file: a write that was not SQLite's must not be sealed with it. */
static void watch_for_meddling(struct conn *writer)
{
	if (!writer->seal_due && !lock_is_sealed(writer->lock))
		writer->meddled = true;
}

/* With a last checkpoint; the log goes with it. Without one the log stays, and the next start reads
 * it. */
static void close_writer(struct conn *writer)
{
	struct err err = ERR_INIT;
	if (!writer->opened || writer->broken) {
		/* What is refused, or may be damaged, stays as it is. */
		sqlite3_db_config(writer->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		sqlite3_close(writer->db);
		return;
	}
	if (writer->commit_took > SLOW_COMMIT) {
		/* The checkpoint would take as long several times over, and nothing is lost. */
		sqlite3_db_config(writer->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		sqlite3_close(writer->db);
		return;
	}
	watch_for_meddling(writer);
	sqlite3_busy_timeout(writer->db, WAL_PATIENCE_MS);
	if (database_close(&writer->db, &err) < 0)
		log_warning(
		    "database %s: its log stays for the next start: %s", writer->path, err.text);
	if (!writer->meddled && size_of(writer->path, "-wal") == 0) {
		/* Waits for the tick of the last write to pass. Without a seal the next start
		 * checks the file. */
		for (int i = 0; i < SEAL_ATTEMPTS && lock_seal(writer->lock, false) == 1; i++)
			poll(NULL, 0, 1);
	}
}

struct conn *conn_close(struct conn *conn)
{
	if (!conn)
		return NULL;
	if (conn->watch)
		conn->watch->closed(conn);
	conn->stmts = stmts_free(conn->stmts);
	if (conn->db && conn->writer)
		close_writer(conn);
	else if (sqlite3_close(conn->db) != SQLITE_OK)
		log_error("database %s: a statement was left open", conn->path);
	if (conn->without_index)
		database_keep_index_in_memory(false);
	lock_free(conn->lock);
	free(conn->path);
	free(conn);
	return NULL;
}

/* The rest -------------------------------------------------------------------------------------*/

uint64_t conn_instance(const struct conn *conn)
{
	return conn->instance;
}

const uint8_t *conn_secret(const struct conn *conn)
{
	return conn->secret;
}

int conn_checkpoint_if_large(struct conn *writer, struct err *err)
{
	if (writer->seal_due && lock_seal(writer->lock, true) != 1)
		writer->seal_due = false;
	int64_t size = size_of(writer->path, "-wal");
	if (size <= WAL_LIMIT)
		return 0;
	/* A reader at work keeps part of the log; the next call tries again. */
	watch_for_meddling(writer);
	sqlite3_busy_timeout(writer->db, size > WAL_MUCH ? WAL_PATIENCE_MS : 0);
	int r = sqlite3_wal_checkpoint_v2(writer->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(writer->db, DATABASE_BUSY_MS);
	writer->seal_due = !writer->meddled;
	if (r == SQLITE_OK || (r & 0xff) == SQLITE_BUSY || (r & 0xff) == SQLITE_LOCKED)
		return 0;
	int outcome =
	    write_failed(writer, err, "empty the log into the database", SQLITE_FCNTL_FILE_POINTER);
	if (outcome == STORE_FULL)
		return outcome;
	writer->broken = true;
	return STORE_BROKEN;
}

int64_t conn_free_bytes(const struct conn *conn)
{
	struct statvfs system;
	if (statvfs(conn->path, &system) < 0)
		return -1;
	return (int64_t)system.f_bavail * (int64_t)system.f_frsize;
}

STATEMENT(sql_stats, FOR_ALL, "read its figures",
	"SELECT jobs, snapshots, operations, (SELECT total(connectors)"
	" FROM projects), (SELECT count(*) FROM operations WHERE state = 'unknown')"
	" FROM store WHERE only_row = 1");

static int deliver_stats(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	struct store_stats *stats = sink;
	int64_t free_bytes = conn_free_bytes(conn);
	(void)err;
	*stats = (struct store_stats){
	    .database_bytes = size_of(conn->path, ""),
	    .wal_bytes = size_of(conn->path, "-wal"),
	    .free_bytes = free_bytes > 0 ? free_bytes : 0,
	};
	stats->jobs = column_integer(columns);
	stats->snapshots = column_integer(columns);
	stats->operations = column_integer(columns);
	stats->connectors = column_integer(columns);
	stats->operations_unknown = column_integer(columns);
	return 0;
}

int store_stats(struct conn *conn, struct err *err, struct store_stats *ret_stats)
{
	return stmt_one(conn, &sql_stats, VALUES_NONE, deliver_stats, ret_stats, err);
}

STATEMENT(sql_touch, FOR_WRITER, "write anything",
	"UPDATE store SET jobs = jobs + ?1 WHERE only_row = 1");

/* There and back again: a page that is written as it was before is not written by SQLite. */
int store_touch(struct conn *writer, struct err *err)
{
	for (int change = 1; change >= -1; change -= 2) {
		int r = stmt_write(writer, &sql_touch, VALUES(v_integer(change)), err);
		if (r)
			return r;
	}
	return 0;
}
