/* SPDX-License-Identifier: MIT */
/* Which files are opened, which are refused, and that a refused one stays as it was. */
#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "store/migrate.h"
#include "util/file.h"

#define FILE_LIMIT (64 * 1024 * 1024)

/* Banned in the program, which is threaded; a test may. */
#undef fork

static void read_whole(const char *path, struct buffer *buffer)
{
	struct err err = ERR_INIT;
	buffer_init(buffer, FILE_LIMIT);
	ck_assert_msg(file_read(path, buffer, &err) == 0, "%s", err.text);
}

static void overwrite(const char *path, off_t at, size_t len)
{
	_cleanup_close_ int fd = open(path, O_WRONLY);
	ck_assert_int_ge(fd, 0);
	char garbage[4096];
	memset(garbage, 0x5a, sizeof(garbage));
	for (size_t done = 0; done < len; done += sizeof(garbage))
		ck_assert_int_eq(
		    pwrite(fd, garbage, sizeof(garbage), at + (off_t)done), sizeof(garbage));
}

/* Opening fails, says why, and leaves every byte and the folder as they were. */
static void check_refused(struct fixture *fixture, const char *reason)
{
	struct buffer before;
	struct buffer after;
	char log[128];
	snprintf(log, sizeof(log), "%s-wal", fixture->path);
	bool has_log = access(log, F_OK) == 0;
	struct buffer log_before;
	if (has_log)
		read_whole(log, &log_before);
	read_whole(fixture->path, &before);
	struct conn *conn = NULL;
	ck_assert_int_eq(conn_open_writer(fixture->path, &fixture->err, &conn), -1);
	ck_assert_ptr_null(conn);
	ck_assert_msg(strstr(fixture->err.text, reason) != NULL, "%s", fixture->err.text);
	ck_assert_ptr_nonnull(strstr(fixture->err.text, fixture->path));
	read_whole(fixture->path, &after);
	ck_assert_uint_eq(before.len, after.len);
	ck_assert_mem_eq(before.data, after.data, before.len);
	buffer_done(&before);
	buffer_done(&after);
	ck_assert(has_log == (access(log, F_OK) == 0));
	if (has_log) {
		struct buffer log_after;
		read_whole(log, &log_after);
		ck_assert(span_same((struct span){.ptr = log_before.data, .len = log_before.len},
		    (struct span){.ptr = log_after.data, .len = log_after.len}));
		buffer_done(&log_after);
		buffer_done(&log_before);
	}
}

/* A database of some size, closed. */
static void make_filled(struct fixture *fixture)
{
	fixture_init(fixture);
	fixture_begin(fixture);
	for (int i = 0; i < 500; i++) {
		char id[32];
		snprintf(id, sizeof(id), "connector-%d", i);
		fixture_job(fixture, fixture_add(fixture, id, T0 + i), JOB_SUCCEEDED, T0 + i);
	}
	fixture_commit(fixture);
	fixture->writer = conn_close(fixture->writer);
}

START_TEST(a_new_database_is_private_and_set_up)
{
	struct fixture fixture;
	fixture_folder(&fixture);
	fixture.writer = fixture_open(&fixture);
	struct stat file;
	ck_assert_int_eq(stat(fixture.path, &file), 0);
	ck_assert_int_eq(file.st_mode & 07777, 0600);
	struct conn *writer = fixture.writer;
	ck_assert_int_eq(fixture_count(writer, "PRAGMA application_id"), MIGRATE_APPLICATION_ID);
	ck_assert_int_eq(fixture_count(writer, "PRAGMA user_version"), migration_count);
	ck_assert_int_eq(fixture_count(writer, "PRAGMA synchronous"), 2);
	ck_assert_int_eq(fixture_count(writer, "PRAGMA foreign_keys"), 1);
	ck_assert_int_eq(fixture_count(writer, "PRAGMA wal_autocheckpoint"), 0);
	ck_assert_int_eq(fixture_count(writer, "PRAGMA trusted_schema"), 0);
	ck_assert_int_eq(fixture_count(writer, "SELECT count(*) FROM pragma_journal_mode"
					       " WHERE journal_mode = 'wal'"),
	    1);
	ck_assert_int_ne(
	    sqlite3_exec(writer->db, "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema", NULL,
		NULL, NULL),
	    SQLITE_OK);
	uint64_t instance = conn_instance(writer);
	conn_close(writer);
	fixture.writer = fixture_open(&fixture);
	ck_assert_uint_eq(conn_instance(fixture.writer), instance);
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_second_daemon_is_refused_until_the_first_ends)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct conn *second = NULL;
	ck_assert_int_eq(conn_open_writer(fixture.path, &fixture.err, &second), -1);
	ck_assert_ptr_nonnull(strstr(fixture.err.text, "another daemon"));
	conn_close(fixture.writer);
	fixture.writer = fixture_open(&fixture);
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_second_daemon_is_refused_by_another_name_too)
{
	struct fixture fixture;
	struct conn *second = NULL;
	char folder[128];
	char name[128];
	fixture_init(&fixture);
	snprintf(name, sizeof(name), "%s/link.db", fixture.folder);
	ck_assert_int_eq(symlink("mixportd.db", name), 0);
	ck_assert_int_eq(conn_open_writer(name, &fixture.err, &second), -1);
	ck_assert_msg(strstr(fixture.err.text, "another daemon") != NULL, "%s", fixture.err.text);
	ck_assert_ptr_nonnull(strstr(fixture.err.text, name));

	snprintf(folder, sizeof(folder), "%s/folder", fixture.folder);
	ck_assert_int_eq(symlink(".", folder), 0);
	snprintf(name, sizeof(name), "%s/folder/mixportd.db", fixture.folder);
	ck_assert_int_eq(conn_open_writer(name, &fixture.err, &second), -1);
	ck_assert_msg(strstr(fixture.err.text, "another daemon") != NULL, "%s", fixture.err.text);

	snprintf(name, sizeof(name), "%s/hard.db", fixture.folder);
	ck_assert_int_eq(link(fixture.path, name), 0);
	ck_assert_int_eq(conn_open_writer(name, &fixture.err, &second), -1);
	ck_assert_msg(strstr(fixture.err.text, "2 names") != NULL, "%s", fixture.err.text);
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_link_is_opened_as_what_it_names)
{
	struct fixture fixture;
	char name[128];
	fixture_folder(&fixture);
	snprintf(name, sizeof(name), "%s/link.db", fixture.folder);
	ck_assert_int_eq(symlink("mixportd.db", name), 0);
	ck_assert_int_eq(conn_open_writer(name, &fixture.err, &fixture.writer), -1);
	ck_assert_msg(strstr(fixture.err.text, "not there") != NULL, "%s", fixture.err.text);
	conn_close(fixture_open(&fixture));
	ck_assert_int_eq(conn_open_writer(name, &fixture.err, &fixture.writer), 0);
	struct store_stats stats;
	fixture_begin(&fixture);
	fixture_add(&fixture, "a", T0);
	fixture_commit(&fixture);
	ck_assert_int_eq(store_stats(fixture.writer, &fixture.err, &stats), 0);
	ck_assert_int_gt(stats.wal_bytes, 0);
	fixture_done(&fixture);
}
END_TEST

START_TEST(garbage_is_found_wherever_it_is)
{
	struct fixture fixture;
	make_filled(&fixture);
	struct stat file;
	ck_assert_int_eq(stat(fixture.path, &file), 0);
	ck_assert_int_gt(file.st_size, 64 * 4096);
	struct buffer good;
	read_whole(fixture.path, &good);
	for (int page = 0; page < 64; page += 7) {
		overwrite(fixture.path, page * 4096, 4 * 4096);
		check_refused(&fixture, "damaged");
		_cleanup_close_ int fd = open(fixture.path, O_WRONLY);
		ck_assert_int_eq(pwrite(fd, good.data, good.len, 0), good.len);
	}
	ck_assert_int_eq(truncate(fixture.path, file.st_size / 4096 / 2 * 4096), 0);
	check_refused(&fixture, "damaged");
	ck_assert_int_eq(truncate(fixture.path, 0), 0);
	check_refused(&fixture, "empty");
	buffer_done(&good);
	fixture_done(&fixture);
}
END_TEST

START_TEST(the_database_of_another_application_is_refused)
{
	struct fixture fixture;
	fixture_folder(&fixture);
	sqlite3 *db = NULL;
	ck_assert_int_eq(sqlite3_open(fixture.path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db,
			     "PRAGMA journal_mode = WAL; PRAGMA user_version = 1;"
			     "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)",
			     NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(db);
	check_refused(&fixture, "another application");
	FILE *text = fopen(fixture.path, "w");
	ck_assert_ptr_nonnull(text);
	for (int i = 0; i < 1000; i++)
		fputs("not a database\n", text);
	fclose(text);
	check_refused(&fixture, "not a database");
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_newer_schema_is_refused)
{
	struct fixture fixture;
	fixture_init(&fixture);
	ck_assert_int_eq(
	    sqlite3_exec(fixture.writer->db, "PRAGMA user_version = 999", NULL, NULL, NULL),
	    SQLITE_OK);
	fixture.writer = conn_close(fixture.writer);
	check_refused(&fixture, "newer");
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_log_without_its_database_is_refused)
{
	struct fixture fixture;
	fixture_folder(&fixture);
	char name[128];
	snprintf(name, sizeof(name), "%s-wal", fixture.path);
	FILE *log = fopen(name, "w");
	fputs("something", log);
	fclose(log);
	struct conn *conn = NULL;
	ck_assert_int_eq(conn_open_writer(fixture.path, &fixture.err, &conn), -1);
	ck_assert_ptr_nonnull(strstr(fixture.err.text, "-wal is there"));
	ck_assert_int_ne(access(fixture.path, F_OK), 0);
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_half_made_database_is_made_anew)
{
	struct fixture fixture;
	fixture_folder(&fixture);
	char name[128];
	snprintf(name, sizeof(name), "%s.new", fixture.path);
	FILE *half = fopen(name, "w");
	fputs("SQLite format 3", half);
	fclose(half);
	fixture.writer = fixture_open(&fixture);
	ck_assert_int_ne(access(name, F_OK), 0);
	fixture_done(&fixture);
}
END_TEST

START_TEST(the_name_may_hold_what_means_something_in_a_uri)
{
	struct fixture fixture;
	fixture_folder(&fixture);
	snprintf(fixture.path, sizeof(fixture.path), "%s/a%%20b?c=#d e.db", fixture.folder);
	conn_close(fixture_open(&fixture));
	fixture.writer = fixture_open(&fixture);
	ck_assert_int_eq(access(fixture.path, F_OK), 0);
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_folder_that_is_missing_is_named)
{
	struct err err = ERR_INIT;
	struct conn *conn = NULL;
	ck_assert_int_eq(conn_open_writer("/nonexistent/x.db", &err, &conn), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/x.db"));
	ck_assert_int_eq(conn_open_reader("/nonexistent/x.db", &err, &conn), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/x.db"));
}
END_TEST

static bool is_sealed(struct fixture *fixture)
{
	struct lock *lock = NULL;
	ck_assert_int_eq(lock_take(fixture->path, &fixture->err, &lock), 0);
	bool sealed = lock_is_sealed(lock);
	lock_free(lock);
	return sealed;
}

START_TEST(the_seal_fits_until_somebody_writes)
{
	struct fixture fixture;
	make_filled(&fixture);
	ck_assert(is_sealed(&fixture));
	overwrite(fixture.path, 40 * 4096, 4096);
	ck_assert(!is_sealed(&fixture));
	fixture_done(&fixture);
}
END_TEST

START_TEST(what_somebody_else_wrote_meanwhile_is_not_sealed)
{
	struct fixture fixture;
	make_filled(&fixture);
	fixture.writer = fixture_open(&fixture);
	overwrite(fixture.path, 40 * 4096, 4096);
	fixture_begin(&fixture);
	fixture_add(&fixture, "another", T0);
	fixture_commit(&fixture);
	fixture.writer = conn_close(fixture.writer);
	ck_assert(!is_sealed(&fixture));
	fixture_done(&fixture);
}
END_TEST

static int add_many(struct conn *writer, void *context, struct err *err)
{
	const int *from = context;
	for (int i = 0; i < 30; i++) {
		char id[32];
		snprintf(id, sizeof(id), "%d", *from + i);
		int r = fixture_put_large(writer, id, err);
		if (r)
			return r;
	}
	return 0;
}

/* Writes until the log was emptied at least once, seals, and is killed. */
static void write_and_die(struct fixture *fixture)
{
	struct err err = ERR_INIT;
	struct conn *writer = NULL;
	if (conn_open_writer(fixture->path, &err, &writer) < 0)
		_exit(1);
	for (int from = 0; from < 120; from += 30)
		if (tx_write(writer, add_many, &from, &err) != 0 ||
		    conn_checkpoint_if_large(writer, &err) != 0)
			_exit(1);
	while (!lock_is_sealed(writer->lock))
		if (conn_checkpoint_if_large(writer, &err) != 0)
			_exit(1);
	kill(getpid(), SIGKILL);
}

static void let_write_and_die(struct fixture *fixture)
{
	fixture_folder(fixture);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		write_and_die(fixture);
	int status = 0;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
}

START_TEST(after_a_kill_the_log_is_read_and_the_seal_still_fits)
{
	struct fixture fixture;
	let_write_and_die(&fixture);
	ck_assert(is_sealed(&fixture));
	fixture.writer = fixture_open(&fixture);
	ck_assert_int_eq(fixture_count(fixture.writer, "SELECT count(*) FROM connectors"), 120);
	fixture_done(&fixture);
}
END_TEST

static void remove_beside(const struct fixture *fixture, const char *suffix)
{
	char name[128];
	snprintf(name, sizeof(name), "%s%s", fixture->path, suffix);
	ck_assert_int_eq(unlink(name), 0);
}

START_TEST(after_a_kill_a_log_that_is_gone_is_missed)
{
	struct fixture fixture;
	let_write_and_die(&fixture);
	remove_beside(&fixture, "-wal");
	check_refused(&fixture, "was in it");
	/* As the message says. */
	remove_beside(&fixture, ".lock");
	fixture.writer = fixture_open(&fixture);
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_log_that_somebody_else_emptied_is_not_missed)
{
	struct fixture fixture;
	let_write_and_die(&fixture);
	sqlite3 *db = NULL;
	ck_assert_int_eq(sqlite3_open(fixture.path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "SELECT * FROM jobs", NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
	fixture.writer = fixture_open(&fixture);
	ck_assert_int_eq(fixture_count(fixture.writer, "SELECT count(*) FROM connectors"), 120);
	fixture_done(&fixture);
}
END_TEST

START_TEST(nothing_is_acknowledged_into_a_file_that_is_gone)
{
	static const char *const gone[] = {"", "-wal"};
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++) {
		struct fixture fixture;
		fixture_folder(&fixture);
		fixture.writer = fixture_open(&fixture);
		int from = 0;
		ck_assert_int_eq(tx_write(fixture.writer, add_many, &from, &fixture.err), 0);
		remove_beside(&fixture, gone[i]);
		from = 30;
		ck_assert_int_eq(
		    tx_write(fixture.writer, add_many, &from, &fixture.err), STORE_BROKEN);
		ck_assert_msg(strstr(fixture.err.text, "removed or replaced") != NULL, "%s",
		    fixture.err.text);
		fixture_done(&fixture);
	}
}
END_TEST

START_TEST(a_second_daemon_is_refused_though_the_lock_file_is_gone)
{
	struct fixture fixture;
	fixture_init(&fixture);
	remove_beside(&fixture, ".lock");
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		struct conn *writer = NULL;
		bool refused = conn_open_writer(fixture.path, &fixture.err, &writer) < 0 &&
			       strstr(fixture.err.text, "another daemon is using it");
		_exit(refused ? 0 : 1);
	}
	int status = 0;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	fixture_done(&fixture);
}
END_TEST

/* Two readers of whom one is always inside a transaction: each stays in its own until some commits
 * were made and the other one has begun again. */
#define READ_COMMITS 3
#define READ_LIMIT_MS 20

struct relay {
	struct fixture *fixture;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	unsigned begun[2];
	unsigned commits;
	bool over;
};

struct runner {
	struct relay *relay;
	size_t number;
	pthread_t thread;
};

static struct timespec read_deadline(void)
{
	struct timespec deadline;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_nsec += READ_LIMIT_MS * 1000000L;
	if (deadline.tv_nsec >= 1000000000L) {
		deadline.tv_nsec -= 1000000000L;
		deadline.tv_sec++;
	}
	return deadline;
}

static int read_until_relieved(struct conn *reader, void *context, struct err *err)
{
	(void)err;
	struct runner *runner = context;
	struct relay *relay = runner->relay;
	const struct timespec deadline = read_deadline();
	/* A read transaction begins with what it reads. */
	(void)fixture_count(reader, "SELECT count(*) FROM connectors");
	pthread_mutex_lock(&relay->mutex);
	const unsigned *other = &relay->begun[!runner->number];
	const unsigned other_before = *other;
	const unsigned commits = relay->commits;
	int late = 0;
	relay->begun[runner->number]++;
	pthread_cond_broadcast(&relay->changed);
	/* The writer may itself be waiting for the readers to end. */
	while (!relay->over && !late && relay->commits < commits + READ_COMMITS)
		late = pthread_cond_timedwait(&relay->changed, &relay->mutex, &deadline);
	while (!relay->over && *other == other_before)
		pthread_cond_wait(&relay->changed, &relay->mutex);
	pthread_mutex_unlock(&relay->mutex);
	return 0;
}

static bool relay_is_over(struct relay *relay)
{
	pthread_mutex_lock(&relay->mutex);
	bool over = relay->over;
	pthread_mutex_unlock(&relay->mutex);
	return over;
}

static void *read_by_turns(void *context)
{
	struct runner *runner = context;
	struct conn *reader = fixture_reader(runner->relay->fixture);
	struct err err = ERR_INIT;
	while (!relay_is_over(runner->relay))
		(void)tx_read(reader, read_until_relieved, runner, &err);
	conn_close(reader);
	return NULL;
}

static void relay_start(struct relay *relay, struct runner runners[2])
{
	for (size_t i = 0; i < 2; i++) {
		runners[i] = (struct runner){.relay = relay, .number = i};
		ck_assert_int_eq(
		    pthread_create(&runners[i].thread, NULL, read_by_turns, &runners[i]), 0);
	}
	pthread_mutex_lock(&relay->mutex);
	while (relay->begun[0] == 0 || relay->begun[1] == 0)
		pthread_cond_wait(&relay->changed, &relay->mutex);
	pthread_mutex_unlock(&relay->mutex);
}

static void relay_tell(struct relay *relay, unsigned commits, bool over)
{
	pthread_mutex_lock(&relay->mutex);
	relay->commits += commits;
	relay->over = over;
	pthread_cond_broadcast(&relay->changed);
	pthread_mutex_unlock(&relay->mutex);
}

static int put_again(struct conn *writer, void *context, struct err *err)
{
	const int *number = context;
	char id[32];
	snprintf(id, sizeof(id), "%d", *number);
	return fixture_put_large(writer, id, err);
}

START_TEST(the_log_is_bounded_under_readers_that_never_rest)
{
	struct fixture fixture;
	fixture_init(&fixture);
	struct relay relay = {.fixture = &fixture,
	    .mutex = PTHREAD_MUTEX_INITIALIZER,
	    .changed = PTHREAD_COND_INITIALIZER};
	struct runner runners[2];
	relay_start(&relay, runners);
	int64_t most = 0;
	/* 30 MiB. */
	for (int number = 0; number < 480; number++) {
		struct store_stats stats;
		ck_assert_int_eq(tx_write(fixture.writer, put_again, &number, &fixture.err), 0);
		relay_tell(&relay, 1, false);
		ck_assert_int_eq(conn_checkpoint_if_large(fixture.writer, &fixture.err), 0);
		ck_assert_int_eq(store_stats(fixture.writer, &fixture.err, &stats), 0);
		most = stats.wal_bytes > most ? stats.wal_bytes : most;
	}
	relay_tell(&relay, 0, true);
	for (size_t i = 0; i < 2; i++)
		pthread_join(runners[i].thread, NULL);
	ck_assert_msg(most < 20 * 1024 * 1024, "%lld bytes", (long long)most);
	fixture_done(&fixture);
}
END_TEST

START_TEST(a_damaged_page_met_at_work_stops_all_writing)
{
	struct fixture fixture;
	make_filled(&fixture);
	fixture.writer = fixture_open(&fixture);
	struct stat file;
	ck_assert_int_eq(stat(fixture.path, &file), 0);
	overwrite(fixture.path, 8 * 4096, (size_t)file.st_size / 4096 * 4096 - 8 * 4096);
	int from = 0;
	ck_assert_int_eq(tx_write(fixture.writer, add_many, &from, &fixture.err), STORE_BROKEN);
	ck_assert_int_eq(tx_write(fixture.writer, add_many, &from, &fixture.err), STORE_BROKEN);
	fixture.writer = conn_close(fixture.writer);
	check_refused(&fixture, "damaged");
	fixture_done(&fixture);
}
END_TEST

#define ROUNDS 300

struct reading {
	struct conn *reader;
	atomic_bool *over;
	uint64_t generation; /* when the test began */
	bool wrong;
};

static int add_two(struct conn *writer, void *context, struct err *err)
{
	const int *round = context;
	for (int i = 0; i < 2; i++) {
		char id[32];
		snprintf(id, sizeof(id), "%d of %d", i, *round);
		struct connector connector = fixture_connector(id);
		enum connector_change change;
		int64_t row = 0;
		const struct connector_put put = fixture_single(&connector, T0);
		int r = fixture_put_row(writer, &put, err, &change, &row);
		if (r)
			return r;
	}
	return 0;
}

/* Checks what holds at every moment; check's assertions are for the main thread alone. */
static void *read_on(void *context)
{
	struct reading *reading = context;
	struct err err = ERR_INIT;
	struct store_stats stats;
	int64_t before = 0;
	while (!atomic_load(reading->over)) {
		int64_t commits = (int64_t)(store_generation() - reading->generation);
		if (store_stats(reading->reader, &err, &stats) < 0 || stats.connectors % 2 != 0 ||
		    stats.connectors < before || stats.connectors < 2 * commits)
			reading->wrong = true;
		before = stats.connectors;
	}
	return NULL;
}

START_TEST(readers_see_whole_commits_while_one_writes)
{
	struct fixture fixture;
	fixture_init(&fixture);
	atomic_bool over = false;
	const uint64_t generation = store_generation();
	struct reading readings[2];
	pthread_t threads[2];
	for (size_t i = 0; i < 2; i++) {
		readings[i] = (struct reading){
		    .reader = fixture_reader(&fixture), .over = &over, .generation = generation};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, read_on, &readings[i]), 0);
	}
	for (int round = 0; round < ROUNDS; round++) {
		ck_assert_int_eq(tx_write(fixture.writer, add_two, &round, &fixture.err), 0);
		ck_assert_int_eq(conn_checkpoint_if_large(fixture.writer, &fixture.err), 0);
	}
	atomic_store(&over, true);
	for (size_t i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		ck_assert(!readings[i].wrong);
		conn_close(readings[i].reader);
	}
	ck_assert_int_eq(
	    fixture_count(fixture.writer, "SELECT count(*) FROM connectors"), 2 * ROUNDS);
	fixture_done(&fixture);
}
END_TEST

/* As on a full disk, though with another error: no file of this process grows beyond the size. */
static void limit_files(rlim_t size)
{
	struct rlimit limit;
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(a_file_size_limit_is_a_full_disk_and_passes)
{
	struct fixture fixture;
	fixture_folder(&fixture);
	fixture.writer = fixture_open(&fixture);
	int from = 0;
	limit_files(4096);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
		    tx_write(fixture.writer, add_many, &from, &fixture.err), STORE_FULL);
	limit_files(RLIM_INFINITY);
	ck_assert_int_eq(fixture_count(fixture.writer, "SELECT count(*) FROM connectors"), 0);
	for (; from < 90; from += 30)
		ck_assert_int_eq(tx_write(fixture.writer, add_many, &from, &fixture.err), 0);
	/* The log is there already; the database has to grow. */
	limit_files(64 * 1024);
	ck_assert_int_eq(conn_checkpoint_if_large(fixture.writer, &fixture.err), STORE_FULL);
	limit_files(RLIM_INFINITY);
	ck_assert_int_eq(conn_checkpoint_if_large(fixture.writer, &fixture.err), 0);
	fixture.writer = conn_close(fixture.writer);
	fixture.writer = fixture_open(&fixture);
	ck_assert_int_eq(fixture_count(fixture.writer, "SELECT count(*) FROM connectors"), 90);
	fixture_done(&fixture);
}
END_TEST

/* What SQLite meets when it writes, and when it waits for the disk; 0 for success. */
static int write_errno;
static int sync_errno;

static ssize_t write_or_fail(int fd, const void *data, size_t size)
{
	errno = write_errno;
	return write_errno ? -1 : write(fd, data, size);
}

static ssize_t pwrite_or_fail(int fd, const void *data, size_t size, off_t at)
{
	errno = write_errno;
	return write_errno ? -1 : pwrite(fd, data, size, at);
}

/* Stands before the one of the C library. */
int fdatasync(int fd)
{
	errno = sync_errno;
	return sync_errno ? -1 : (int)syscall(SYS_fdatasync, fd);
}

/* SQLite uses one of them. */
static void wrap_writing(void)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	vfs->xSetSystemCall(vfs, "write", (sqlite3_syscall_ptr)write_or_fail);
	vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)pwrite_or_fail);
	vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)pwrite_or_fail);
}

START_TEST(only_what_leaves_the_outcome_unknown_stops_all_writing)
{
	static const struct {
		int write_errno;
		int sync_errno;
		int outcome;
	} cases[] = {
	    {ENOSPC, 0, STORE_FULL},
	    {EFBIG, 0, STORE_FULL},
	    {EDQUOT, 0, STORE_FULL},
	    {EIO, 0, STORE_BROKEN},
	    {0, EIO, STORE_BROKEN},
	    {0, ENOSPC, STORE_BROKEN},
	    {0, EDQUOT, STORE_BROKEN},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture fixture;
		fixture_folder(&fixture);
		fixture.writer = fixture_open(&fixture);
		int from = 0;
		wrap_writing();
		/* An earlier failure is not mistaken for the reason of this one. */
		write_errno = EFBIG;
		ck_assert_int_eq(
		    tx_write(fixture.writer, add_many, &from, &fixture.err), STORE_FULL);
		write_errno = cases[i].write_errno;
		sync_errno = cases[i].sync_errno;
		int r = tx_write(fixture.writer, add_many, &from, &fixture.err);
		ck_assert_msg(r == cases[i].outcome, "%zu: %d, %s", i, r, fixture.err.text);
		write_errno = 0;
		sync_errno = 0;
		ck_assert_int_eq(tx_write(fixture.writer, add_many, &from, &fixture.err),
		    cases[i].outcome == STORE_FULL ? 0 : STORE_BROKEN);
		fixture_done(&fixture);
	}
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"a new database is private and set up", a_new_database_is_private_and_set_up},
	    {"a second daemon is refused until the first ends",
		a_second_daemon_is_refused_until_the_first_ends},
	    {"a second daemon is refused by another name too",
		a_second_daemon_is_refused_by_another_name_too},
	    {"a link is opened as what it names", a_link_is_opened_as_what_it_names},
	    {"garbage is found wherever it is", garbage_is_found_wherever_it_is},
	    {"the database of another application is refused",
		the_database_of_another_application_is_refused},
	    {"a newer schema is refused", a_newer_schema_is_refused},
	    {"a log without its database is refused", a_log_without_its_database_is_refused},
	    {"a half made database is made anew", a_half_made_database_is_made_anew},
	    {"the name may hold what means something in a URI",
		the_name_may_hold_what_means_something_in_a_uri},
	    {"a folder that is missing is named", a_folder_that_is_missing_is_named},
	    {"the seal fits until somebody writes", the_seal_fits_until_somebody_writes},
	    {"what somebody else wrote meanwhile is not sealed",
		what_somebody_else_wrote_meanwhile_is_not_sealed},
	    {"after a kill the log is read and the seal still fits",
		after_a_kill_the_log_is_read_and_the_seal_still_fits},
	    {"after a kill a log that is gone is missed",
		after_a_kill_a_log_that_is_gone_is_missed},
	    {"a log that somebody else emptied is not missed",
		a_log_that_somebody_else_emptied_is_not_missed},
	    {"nothing is acknowledged into a file that is gone",
		nothing_is_acknowledged_into_a_file_that_is_gone},
	    {"a second daemon is refused though the lock file is gone",
		a_second_daemon_is_refused_though_the_lock_file_is_gone},
	    {"the log is bounded under readers that never rest",
		the_log_is_bounded_under_readers_that_never_rest},
	    {"a damaged page met at work stops all writing",
		a_damaged_page_met_at_work_stops_all_writing},
	    {"readers see whole commits while one writes",
		readers_see_whole_commits_while_one_writes},
	    {"a file size limit is a full disk and passes",
		a_file_size_limit_is_a_full_disk_and_passes},
	    {"only what leaves the outcome unknown stops all writing",
		only_what_leaves_the_outcome_unknown_stops_all_writing},
	    {NULL, NULL},
	};
	return unit_main("conn", cases);
}
