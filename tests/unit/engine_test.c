/* SPDX-License-Identifier: MIT */
/* The whole engine over a database of its own, against a Mixpanel on loopback in this program: what
 * it does where the disk is full, a request is on its way, or it is stopped. */
#include "sync/engine.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "store/attention_store.h"
#include "store_fixture.h"
#include "util/clock.h"
#include "util/secret.h"

#define PATIENCE_SECONDS 20
#define CONNECTIONS 64

#define CONNECTOR(id)                                                                              \
	"{\"connector_id\":\"" id "\",\"connector_type\":\"gcsImport\",\"connector_properties\":"  \
	"{\"gcs_bucket\":\"b\",\"gcs_prefix\":\"p\"},\"category_properties\":"                     \
	"{\"data_format\":\"mixpanel_event\"}}"
#define LIST(data)                                                                                 \
	"{\"status\":\"ok\",\"results\":{\"url\":null,\"has_more\":false,\"data\":[" data "]}}"
#define REQUEST                                                                                    \
	"{\"connector_type\":\"gcsImport\",\"connector_properties\":"                              \
	"{\"gcs_bucket\":\"b\",\"gcs_prefix\":\"p\"},\"category_properties\":"                     \
	"{\"data_format\":\"mixpanel_event\"}}"

/* What a case plays with. The mutex guards nothing but the wait: whatever may make a condition true
 * broadcasts. */
struct stage {
	struct fixture store;
	struct conn *reader;
	struct config config;
	struct config_project project;
	struct credential credential;
	char base_url[64];
	struct engine *engine;

	int listener;
	pthread_t thread;
	pthread_t connections[CONNECTIONS];
	size_t connection_count;
	_Atomic(const char *) listing;
	atomic_bool full_on_create; /* the disk is full once a create has arrived */
	atomic_bool hold_histories; /* histories are answered only when this is false again */
	atomic_uint creates;
	atomic_uint lists;
	atomic_uint histories;

	pthread_mutex_t mutex;
	pthread_cond_t condition;
};

/* Waiting --------------------------------------------------------------------------------------*/

static void tell(struct stage *stage)
{
	pthread_mutex_lock(&stage->mutex);
	pthread_cond_broadcast(&stage->condition);
	pthread_mutex_unlock(&stage->mutex);
}

typedef bool condition_fn(struct stage *stage, const void *argument);

/* Looks again on every news, and now and then: not everything is told. */
static void wait_until(struct stage *stage, condition_fn *holds, const void *argument)
{
	int64_t end = clock_monotonic(&clock_system) + PATIENCE_SECONDS * SECOND;
	pthread_mutex_lock(&stage->mutex);
	while (!holds(stage, argument)) {
		ck_assert_msg(clock_monotonic(&clock_system) < end, "it does not come about");
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 10000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&stage->condition, &stage->mutex, &until);
	}
	pthread_mutex_unlock(&stage->mutex);
}

/* The disk -------------------------------------------------------------------------------------
 *
 * SQLite's own, except that it is full when told, from whatever thread: for every file, or for the
 * database while its log has room. */

static atomic_bool disk_is_full;
static atomic_bool database_is_full;
static int (*write_for_real)(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset);

static struct {
	const sqlite3_io_methods *real;
	sqlite3_io_methods ours;
	sqlite3_io_methods of_database;
} methods[4];

static void fill_disk(bool full)
{
	disk_is_full = full;
}

static int write_unless_full(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
	return disk_is_full ? SQLITE_FULL : write_for_real(file, data, size, offset);
}

static int write_database(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
	return database_is_full ? SQLITE_FULL : write_unless_full(file, data, size, offset);
}

static int open_file(
    sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	int r = sqlite3_vfs_find("unix")->xOpen(vfs, name, file, flags, ret_flags);
	if (r != SQLITE_OK)
		return r;
	size_t i = 0;
	while (methods[i].real && methods[i].real != file->pMethods)
		i++;
	ck_assert_uint_lt(i, ARRAY_SIZE(methods) - 1);
	if (!methods[i].real) {
		methods[i].real = file->pMethods;
		methods[i].ours = *file->pMethods;
		methods[i].ours.xWrite = write_unless_full;
		methods[i].of_database = methods[i].ours;
		methods[i].of_database.xWrite = write_database;
		write_for_real = file->pMethods->xWrite;
	}
	file->pMethods = flags & SQLITE_OPEN_MAIN_DB ? &methods[i].of_database : &methods[i].ours;
	return SQLITE_OK;
}

static void install_disk(void)
{
	static sqlite3_vfs disk;
	ck_assert_int_eq(sqlite3_initialize(), SQLITE_OK);
	disk = *sqlite3_vfs_find("unix");
	disk.zName = "disk";
	disk.xOpen = open_file;
	ck_assert_int_eq(sqlite3_vfs_register(&disk, 1), SQLITE_OK);
}

/* Mixpanel -------------------------------------------------------------------------------------*/

static bool histories_may_go(struct stage *stage, const void *argument)
{
	(void)argument;
	return !stage->hold_histories;
}

static const char *answer_to(struct stage *stage, const char *request)
{
	if (strncmp(request, "POST ", 5) == 0) {
		atomic_fetch_add(&stage->creates, 1);
		if (stage->full_on_create)
			fill_disk(true);
		return CONNECTOR("made");
	}
	if (strncmp(request, "DELETE ", 7) == 0)
		return "{\"status\":\"ok\",\"results\":\"Successfully deleted Connector\"}";
	const char *line_end = strchr(request, '\r');
	const char *history = strstr(request, "/history");
	if (history && history < line_end) {
		atomic_fetch_add(&stage->histories, 1);
		tell(stage);
		wait_until(stage, histories_may_go, NULL);
		return LIST("");
	}
	atomic_fetch_add(&stage->lists, 1);
	return stage->listing;
}

static bool is_whole(const char *request)
{
	const char *body = strstr(request, "\r\n\r\n");
	const char *length = strcasestr(request, "content-length:");
	return body && (!length || strlen(body + 4) >= strtoul(length + 15, NULL, 10));
}

struct visit {
	struct stage *stage;
	int fd;
};

/* One request, one answer. */
static void *serve_one(void *context)
{
	struct visit visit = *(struct visit *)context;
	char request[8192] = "";
	char answer[8192];
	size_t len = 0;
	free(context);
	while (!is_whole(request) && len < sizeof(request) - 1) {
		ssize_t n = recv(visit.fd, request + len, sizeof(request) - 1 - len, 0);
		if (n <= 0)
			break;
		len += (size_t)n;
		request[len] = '\0';
	}
	if (is_whole(request)) {
		const char *body = answer_to(visit.stage, request);
		int size = snprintf(answer, sizeof(answer),
		    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
		    strlen(body), body);
		(void)send(visit.fd, answer, (size_t)size, MSG_NOSIGNAL);
	}
	close(visit.fd);
	tell(visit.stage);
	return NULL;
}

static void *serve(void *context)
{
	struct stage *stage = context;
	int fd;
	while ((fd = accept(stage->listener, NULL, NULL)) >= 0) {
		struct visit *visit = malloc(sizeof(*visit));
		ck_assert_ptr_nonnull(visit);
		*visit = (struct visit){.stage = stage, .fd = fd};
		ck_assert_uint_lt(stage->connection_count, CONNECTIONS);
		pthread_create(
		    &stage->connections[stage->connection_count++], NULL, serve_one, visit);
	}
	return NULL;
}

static void open_mixpanel(struct stage *stage)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	stage->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(stage->listener, (struct sockaddr *)&address, size), 0);
	ck_assert_int_eq(listen(stage->listener, 16), 0);
	ck_assert_int_eq(getsockname(stage->listener, (struct sockaddr *)&address, &size), 0);
	snprintf(stage->base_url, sizeof(stage->base_url), "http://127.0.0.1:%u/api/app",
	    (unsigned)ntohs(address.sin_port));
	ck_assert_int_eq(pthread_create(&stage->thread, NULL, serve, stage), 0);
}

/* After the engine: its connections are what the threads wait on. */
static void close_mixpanel(struct stage *stage)
{
	shutdown(stage->listener, SHUT_RDWR);
	pthread_join(stage->thread, NULL);
	for (size_t i = 0; i < stage->connection_count; i++)
		pthread_join(stage->connections[i], NULL);
	close(stage->listener);
}

/* The engine -----------------------------------------------------------------------------------*/

static void note_changes(const struct change *changes, size_t count, void *context)
{
	(void)changes;
	(void)count;
	tell(context);
}

static struct config config_of(struct config_project *projects, size_t count)
{
	return (struct config){
	    .references = 1000, /* it is not on the heap */
	    .jobs_max_age = MICROSECONDS_PER_HOUR,
	    .jobs_max_count = 1000,
	    .operations_max_age = MICROSECONDS_PER_HOUR,
	    .operations_max_count = 1000,
	    .audit_max_count = 1000,
	    .events_max_count = 1000,
	    .projects = projects,
	    .project_count = count,
	};
}

static void fill_config(struct stage *stage)
{
	static char name[] = "demo";
	ck_assert_int_eq(
	    secret_new("robot:secret", 12, &stage->store.err, &stage->credential.pair), 0);
	stage->project = (struct config_project){
	    .name = name,
	    .project_id = PROJECT,
	    .base_url = stage->base_url,
	    .list_interval = MICROSECONDS_PER_HOUR,
	    .active_interval = MICROSECONDS_PER_HOUR,
	    .idle_interval = MICROSECONDS_PER_HOUR,
	    .status_interval = MICROSECONDS_PER_HOUR,
	    .settle_time = MICROSECONDS_PER_SECOND,
	    .write_timeout = 10 * MICROSECONDS_PER_SECOND,
	    .rate_limit = 100000,
	    .max_concurrent = 4,
	    .timeout = PATIENCE_SECONDS * SECOND,
	    .credential = &stage->credential,
	};
	stage->config = config_of(&stage->project, 1);
}

static void make_engine(struct stage *stage)
{
	const struct engine_options options = {
	    .version = "1",
	    .user_agent = "mixport/test",
	    .clock = &clock_system,
	    .seed = 1,
	    .changed = note_changes,
	    .context = stage,
	};
	struct err err = ERR_INIT;
	ck_assert_msg(
	    engine_new(stage->store.writer, &stage->config, &options, &err, &stage->engine) == 0,
	    "%s", err.text);
}

static void stage_init(struct stage *stage, const char *listing)
{
	*stage = (struct stage){.listing = listing};
	install_disk();
	ck_assert_int_eq(curl_global_init(CURL_GLOBAL_DEFAULT), 0);
	pthread_mutex_init(&stage->mutex, NULL);
	pthread_cond_init(&stage->condition, NULL);
	fixture_init(&stage->store);
	stage->reader = fixture_reader(&stage->store);
	open_mixpanel(stage);
	fill_config(stage);
	make_engine(stage);
}

static bool is_loaded(struct stage *stage, const void *argument)
{
	(void)argument;
	struct upstream_status status;
	return engine_upstream(stage->engine, PROJECT, &status) == 0 && status.loaded;
}

/* Starts the engine and waits for the first listing. */
static void start(struct stage *stage)
{
	struct err err = ERR_INIT;
	ck_assert_int_eq(engine_start(stage->engine, &err), 0);
	wait_until(stage, is_loaded, NULL);
}

static void stage_done(struct stage *stage)
{
	engine_stop(stage->engine);
	engine_free(stage->engine);
	close_mixpanel(stage);
	secret_free(stage->credential.pair);
	conn_close(stage->reader);
	fixture_done(&stage->store);
	curl_global_cleanup();
}

/* Commands -------------------------------------------------------------------------------------*/

struct wish {
	struct command command;
	struct stage *stage;
	bool fill_disk; /* the disk is full from here on */
	atomic_uint done;
};

static void wish_done(struct command *command)
{
	struct wish *wish = command->context;
	if (wish->fill_disk)
		fill_disk(true);
	atomic_fetch_add(&wish->done, 1);
	tell(wish->stage);
}

static void wish_for(struct stage *stage, struct wish *wish, enum command_kind kind)
{
	wish->stage = stage;
	wish->command.kind = kind;
	wish->command.project_id = PROJECT;
	wish->command.client = "tester";
	wish->command.body = span_of(REQUEST);
	wish->command.done = wish_done;
	wish->command.context = wish;
	engine_submit(stage->engine, &wish->command);
}

static bool is_done(struct stage *stage, const void *argument)
{
	(void)stage;
	return ((const struct wish *)argument)->done == 1;
}

static enum command_result ask(struct stage *stage, struct wish *wish, enum command_kind kind)
{
	wish_for(stage, wish, kind);
	wait_until(stage, is_done, wish);
	return wish->command.result;
}

/* What is stored of an operation. */
struct outcome {
	enum operation_state state;
	char connector_id[64];
};

static int take_outcome(const struct operation_record *record, void *context)
{
	struct outcome *outcome = context;
	outcome->state = record->state;
	snprintf(outcome->connector_id, sizeof(outcome->connector_id), "%s",
	    record->connector_id ? record->connector_id : "");
	return 0;
}

static struct outcome outcome_of(struct stage *stage, const struct wish *wish)
{
	struct err err = ERR_INIT;
	struct outcome outcome = {.state = OPERATION_PLANNED};
	ck_assert_int_eq(operation_store_get(stage->reader, wish->command.result_operation_id,
			     take_outcome, &outcome, &err),
	    0);
	return outcome;
}

static bool has_succeeded(struct stage *stage, const void *argument)
{
	return outcome_of(stage, argument).state == OPERATION_SUCCEEDED;
}

static bool is_disk_full(struct stage *stage, const void *argument)
{
	(void)argument;
	return engine_store_unavailable(stage->engine);
}

static bool is_available(struct stage *stage, const void *argument)
{
	return !is_disk_full(stage, argument);
}

/* Cases ----------------------------------------------------------------------------------------*/

START_TEST(what_cannot_be_written_down_is_not_sent)
{
	struct stage stage;
	struct wish wish = {.fill_disk = true};
	stage_init(&stage, LIST(""));
	start(&stage);
	ck_assert_int_eq(ask(&stage, &wish, COMMAND_CREATE), COMMAND_ACCEPTED);
	wait_until(&stage, is_disk_full, NULL);
	/* Stopping waits for whatever may be on its way. */
	engine_stop(stage.engine);
	ck_assert_uint_eq(stage.creates, 0);
	ck_assert_int_eq(outcome_of(&stage, &wish).state, OPERATION_PLANNED);
	fill_disk(false);
	stage_done(&stage);
}
END_TEST

START_TEST(what_could_not_be_written_down_is_sent_once_it_can)
{
	struct stage stage;
	struct wish wish = {.fill_disk = true};
	stage_init(&stage, LIST(""));
	start(&stage);
	ck_assert_int_eq(ask(&stage, &wish, COMMAND_CREATE), COMMAND_ACCEPTED);
	wait_until(&stage, is_disk_full, NULL);
	fill_disk(false);
	wait_until(&stage, has_succeeded, &wish);
	ck_assert_uint_eq(stage.creates, 1);
	stage_done(&stage);
}
END_TEST

/* Mixpanel carries the create out, and its answer finds the disk full. */
static void create_on_a_disk_that_fills_up(struct stage *stage, struct wish *wish)
{
	stage_init(stage, LIST(""));
	start(stage);
	stage->full_on_create = true;
	ck_assert_int_eq(ask(stage, wish, COMMAND_CREATE), COMMAND_ACCEPTED);
	wait_until(stage, is_disk_full, NULL);
}

START_TEST(an_end_that_cannot_be_written_is_kept_and_written_later)
{
	struct stage stage;
	struct wish wish = {.fill_disk = false};
	struct wish second = {.fill_disk = false};
	create_on_a_disk_that_fills_up(&stage, &wish);
	ck_assert_int_eq(outcome_of(&stage, &wish).state, OPERATION_SENDING);
	second.command.allow_duplicate = true;
	ck_assert_int_eq(ask(&stage, &second, COMMAND_CREATE), COMMAND_STORE_UNAVAILABLE);
	stage.full_on_create = false;
	fill_disk(false);
	wait_until(&stage, has_succeeded, &wish);
	ck_assert_str_eq(outcome_of(&stage, &wish).connector_id, "made");
	ck_assert_uint_eq(stage.creates, 1);
	stage_done(&stage);
}
END_TEST

START_TEST(an_end_that_was_lost_is_unknown_and_found_in_the_list)
{
	struct stage stage;
	struct wish wish = {.fill_disk = false};
	create_on_a_disk_that_fills_up(&stage, &wish);
	engine_stop(stage.engine);
	engine_free(stage.engine);
	fill_disk(false);
	make_engine(&stage);
	ck_assert_int_eq(outcome_of(&stage, &wish).state, OPERATION_UNKNOWN);
	stage.listing = LIST(CONNECTOR("made"));
	start(&stage);
	wait_until(&stage, has_succeeded, &wish);
	ck_assert_str_eq(outcome_of(&stage, &wish).connector_id, "made");
	ck_assert_uint_eq(stage.creates, 1);
	stage_done(&stage);
}
END_TEST

static atomic_bool full_on_outcome;

/* SQLite calls it as the engine writes, in the middle of the transaction. */
static void fill_disk_on_outcome(
    void *context, int what, const char *database, const char *table, sqlite3_int64 row)
{
	(void)context;
	(void)what;
	(void)database;
	(void)row;
	if (full_on_outcome && strcmp(table, "operations") == 0)
		fill_disk(true);
}

START_TEST(a_disk_that_fills_up_during_a_search_does_not_end_it)
{
	struct stage stage;
	struct wish wish = {.fill_disk = false};
	struct wish refresh = {.fill_disk = false};
	create_on_a_disk_that_fills_up(&stage, &wish);
	engine_stop(stage.engine);
	engine_free(stage.engine);
	stage.full_on_create = false;
	fill_disk(false);
	make_engine(&stage);
	stage.listing = LIST(CONNECTOR("made"));
	full_on_outcome = true;
	sqlite3_update_hook(stage.store.writer->db, fill_disk_on_outcome, NULL);
	start(&stage);
	wait_until(&stage, is_disk_full, NULL);
	ck_assert_int_eq(outcome_of(&stage, &wish).state, OPERATION_UNKNOWN);
	full_on_outcome = false;
	fill_disk(false);
	wait_until(&stage, is_available, NULL);
	ck_assert_int_eq(ask(&stage, &refresh, COMMAND_REFRESH_PROJECT), COMMAND_ACCEPTED);
	wait_until(&stage, has_succeeded, &wish);
	ck_assert_str_eq(outcome_of(&stage, &wish).connector_id, "made");
	ck_assert_uint_eq(stage.creates, 1);
	stage_done(&stage);
}
END_TEST

/* What the engine does by itself is not taken for a write that went well. */
static void stays_full(struct stage *stage)
{
	for (int i = 0; i < 5; i++) {
		struct wish wish = {.command.allow_duplicate = true};
		int64_t end = clock_monotonic(&clock_system) + SECOND / 50;
		do {
			ck_assert(engine_store_unavailable(stage->engine));
		} while (clock_monotonic(&clock_system) < end);
		ck_assert_int_eq(ask(stage, &wish, COMMAND_CREATE), COMMAND_STORE_UNAVAILABLE);
	}
}

START_TEST(a_full_disk_is_tried_though_there_is_nothing_to_write)
{
	struct stage stage;
	struct wish wish = {.fill_disk = false};
	stage_init(&stage, LIST(""));
	start(&stage);
	fill_disk(true);
	ck_assert_int_eq(ask(&stage, &wish, COMMAND_CREATE), COMMAND_STORE_UNAVAILABLE);
	stays_full(&stage);
	fill_disk(false);
	wait_until(&stage, is_available, NULL);
	ck_assert_uint_eq(stage.creates, 0);
	stage_done(&stage);
}
END_TEST

static int put_large(struct conn *writer, void *context, struct err *err)
{
	(void)context;
	for (int i = 0; i < 80; i++) {
		char id[16];
		snprintf(id, sizeof(id), "%d", i);
		int r = fixture_put_large(writer, id, err);
		if (r)
			return r;
	}
	return 0;
}

static bool has_committed(struct stage *stage, const void *argument)
{
	(void)stage;
	return store_generation() > *(const uint64_t *)argument;
}

static bool file_says(FILE *file, const char *what)
{
	char line[1024];
	bool found = false;
	rewind(file);
	while (fgets(line, sizeof(line), file))
		found |= strstr(line, what) != NULL;
	return found;
}

START_TEST(room_in_the_log_is_not_room_in_the_database)
{
	struct stage stage;
	struct wish wish = {.command.allow_duplicate = true};
	stage_init(&stage, LIST(""));
	ck_assert_int_eq(tx_write(stage.store.writer, put_large, NULL, &stage.store.err), 0);
	FILE *log = tmpfile();
	ck_assert_ptr_nonnull(log);
	int usual = dup(STDERR_FILENO);
	dup2(fileno(log), STDERR_FILENO);
	database_is_full = true;
	ck_assert_int_eq(engine_start(stage.engine, &stage.store.err), 0);
	wait_until(&stage, is_disk_full, NULL);
	const uint64_t generation = store_generation();
	wait_until(&stage, has_committed, &generation);
	/* The turn of that write is over when a command after it is answered. */
	ck_assert_int_eq(ask(&stage, &wish, COMMAND_CREATE), COMMAND_ACCEPTED);
	ck_assert(!file_says(log, "can be written again"));
	ck_assert(file_says(log, "nothing can be written"));
	database_is_full = false;
	dup2(usual, STDERR_FILENO);
	close(usual);
	fclose(log);
	stage_done(&stage);
}
END_TEST

START_TEST(a_full_disk_at_the_start_is_waited_for)
{
	struct stage stage;
	struct wish wish = {.fill_disk = false};
	create_on_a_disk_that_fills_up(&stage, &wish);
	engine_stop(stage.engine);
	engine_free(stage.engine);
	make_engine(&stage);
	struct err err = ERR_INIT;
	ck_assert_int_eq(engine_start(stage.engine, &err), 0);
	stays_full(&stage);
	ck_assert_int_eq(outcome_of(&stage, &wish).state, OPERATION_SENDING);
	stage.full_on_create = false;
	fill_disk(false);
	stage.listing = LIST(CONNECTOR("made"));
	wait_until(&stage, has_succeeded, &wish);
	ck_assert_uint_eq(stage.creates, 1);
	stage_done(&stage);
}
END_TEST

static bool is_other_loaded(struct stage *stage, const void *argument)
{
	struct upstream_status status;
	return engine_upstream(stage->engine, *(const int64_t *)argument, &status) == 0 &&
	       status.loaded;
}

START_TEST(a_project_added_while_the_disk_is_full_is_followed_later)
{
	struct stage stage;
	struct wish wish = {.fill_disk = true};
	const int64_t other = PROJECT + 1;
	stage_init(&stage, LIST(""));
	start(&stage);
	ck_assert_int_eq(ask(&stage, &wish, COMMAND_CREATE), COMMAND_ACCEPTED);
	wait_until(&stage, is_disk_full, NULL);
	struct config_project projects[2] = {stage.project, stage.project};
	static char other_name[] = "other";
	projects[1].name = other_name;
	projects[1].project_id = other;
	struct config config = config_of(projects, 2);
	engine_reload(stage.engine, &config);
	/* Whoever is answered comes after the reload. */
	struct wish second = {.command.allow_duplicate = true};
	ck_assert_int_eq(ask(&stage, &second, COMMAND_CREATE), COMMAND_STORE_UNAVAILABLE);
	ck_assert(!is_other_loaded(&stage, &other));
	fill_disk(false);
	wait_until(&stage, is_other_loaded, &other);
	stage_done(&stage);
}
END_TEST

static bool is_unknown(struct stage *stage, const void *argument)
{
	return outcome_of(stage, argument).state == OPERATION_UNKNOWN;
}

START_TEST(an_end_that_the_store_does_not_take_is_unknown)
{
	struct stage stage;
	struct wish wish = {.fill_disk = false};
	stage_init(&stage, LIST(""));
	ck_assert_int_eq(sqlite3_exec(stage.store.writer->db,
			     "CREATE TRIGGER no BEFORE INSERT ON connectors"
			     " BEGIN SELECT RAISE(ABORT, 'not this one'); END",
			     NULL, NULL, NULL),
	    SQLITE_OK);
	start(&stage);
	ck_assert_int_eq(ask(&stage, &wish, COMMAND_CREATE), COMMAND_ACCEPTED);
	wait_until(&stage, is_unknown, &wish);
	ck_assert_uint_eq(stage.creates, 1);
	stage_done(&stage);
}
END_TEST

static void add_open(struct stage *stage, const char *client, unsigned number)
{
	char id[RANDOM_ID_SIZE];
	struct operation_record record = {
	    .kind = OPERATION_DELETE,
	    .project_id = PROJECT + 1,
	    .state = OPERATION_UNKNOWN,
	    .client = client,
	    .operation_id = id,
	    .sent_at = TIMESTAMP_NONE,
	    .finished_at = TIMESTAMP_NONE,
	    .sent_upstream_at = TIMESTAMP_NONE,
	};
	snprintf(id, sizeof(id), "op_%u", number);
	ck_assert_int_eq(
	    operation_store_insert(stage->store.writer, &record, &stage->store.err, &record.row),
	    0);
}

/* Those of others do not count. */
static void ask_with_open(unsigned own, enum command_result expected)
{
	struct stage stage;
	struct wish wish = {.fill_disk = false};
	stage_init(&stage, LIST(""));
	fixture_begin(&stage.store);
	for (unsigned i = 0; i < 1999; i++)
		add_open(&stage, i < own ? "tester" : "somebody", i);
	fixture_commit(&stage.store);
	start(&stage);
	ck_assert_int_eq(ask(&stage, &wish, COMMAND_CREATE), expected);
	if (expected == COMMAND_ACCEPTED)
		wait_until(&stage, has_succeeded, &wish);
	ck_assert_uint_eq(stage.creates, expected == COMMAND_ACCEPTED);
	stage_done(&stage);
}

START_TEST(a_client_with_fewer_than_a_thousand_open_operations_gets_another)
{
	ask_with_open(999, COMMAND_ACCEPTED);
}
END_TEST

START_TEST(a_client_with_a_thousand_open_operations_gets_no_other)
{
	ask_with_open(1000, COMMAND_TOO_MANY);
}
END_TEST

static bool has_failed(struct stage *stage, const void *argument)
{
	return outcome_of(stage, argument).state == OPERATION_UNREACHABLE;
}

/* Puts a create in whose body cannot be read, as the engine finds it at its start. */
static void start_with_unreadable(struct stage *stage, enum operation_state state)
{
	struct operation_record record = {
	    .kind = OPERATION_CREATE,
	    .project_id = PROJECT,
	    .state = state,
	    .client = "tester",
	    .operation_id = "op_1",
	    .request = span_of("{"),
	    .import_key = "gcsImport\nmixpanel_event\nb\np",
	    .known_row = -1,
	    .sent_at = TIMESTAMP_NONE,
	    .finished_at = TIMESTAMP_NONE,
	    .sent_upstream_at = TIMESTAMP_NONE,
	};
	stage_init(stage, LIST(""));
	fixture_begin(&stage->store);
	ck_assert_int_eq(
	    operation_store_insert(stage->store.writer, &record, &stage->store.err, &record.row),
	    0);
	fixture_commit(&stage->store);
	engine_stop(stage->engine);
	engine_free(stage->engine);
	make_engine(stage);
	start(stage);
}

START_TEST(a_create_whose_body_cannot_be_read_is_not_sent)
{
	struct stage stage;
	struct wish wish = {.command = {.result_operation_id = "op_1"}};
	start_with_unreadable(&stage, OPERATION_PLANNED);
	wait_until(&stage, has_failed, &wish);
	ck_assert_uint_eq(stage.creates, 0);
	stage_done(&stage);
}
END_TEST

START_TEST(a_create_whose_body_cannot_be_read_may_be_for_the_same_import)
{
	struct stage stage;
	struct wish wish = {.fill_disk = false};
	start_with_unreadable(&stage, OPERATION_UNKNOWN);
	ck_assert_int_eq(ask(&stage, &wish, COMMAND_CREATE), COMMAND_IN_PROGRESS);
	ck_assert_str_eq(wish.command.result_operation_id, "op_1");
	ck_assert_uint_eq(stage.creates, 0);
	stage_done(&stage);
}
END_TEST

START_TEST(commands_that_wait_are_answered_when_it_stops)
{
	struct stage stage;
	struct wish wishes[3] = {{.fill_disk = false}};
	stage_init(&stage, LIST(""));
	for (int i = 0; i < 2; i++)
		wish_for(&stage, &wishes[i], COMMAND_CREATE);
	ck_assert_uint_eq(wishes[0].done, 0);
	engine_stop(stage.engine);
	wish_for(&stage, &wishes[2], COMMAND_CREATE);
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(wishes[i].done, 1);
		ck_assert_int_eq(wishes[i].command.result, COMMAND_STOPPING);
	}
	stage_done(&stage);
}
END_TEST

static bool histories_are_asked(struct stage *stage, const void *argument)
{
	return stage->histories == *(const unsigned *)argument;
}

static bool is_listed_again(struct stage *stage, const void *argument)
{
	(void)argument;
	return stage->lists == 2;
}

static bool refresh_is_done(struct stage *stage, const void *argument)
{
	const struct wish *wish = argument;
	return engine_refresh_done(stage->engine, wish->command.result_ticket);
}

/* Four places and one of them kept free: three histories are on their way, one waits. The three are
 * asked once more, for they were begun before the refresh. */
START_TEST(a_refresh_ends_though_a_connector_it_waits_for_is_deleted)
{
	struct stage stage;
	struct wish refresh = {.fill_disk = false};
	struct wish wish = {.command.connector_id = "d"};
	const unsigned first = 3;
	const unsigned again = 6;
	stage_init(
	    &stage, LIST(CONNECTOR("a") "," CONNECTOR("b") "," CONNECTOR("c") "," CONNECTOR("d")));
	stage.hold_histories = true;
	start(&stage);
	wait_until(&stage, histories_are_asked, &first);
	ck_assert_int_eq(ask(&stage, &refresh, COMMAND_REFRESH_PROJECT), COMMAND_ACCEPTED);
	wait_until(&stage, is_listed_again, NULL);
	ck_assert_int_eq(ask(&stage, &wish, COMMAND_DELETE), COMMAND_ACCEPTED);
	wait_until(&stage, has_succeeded, &wish);
	ck_assert(!refresh_is_done(&stage, &refresh));
	stage.hold_histories = false;
	tell(&stage);
	wait_until(&stage, refresh_is_done, &refresh);
	ck_assert_uint_eq(stage.histories, again);
	stage_done(&stage);
}
END_TEST

static bool needs_attention(struct stage *stage, const void *argument)
{
	const struct attention_about about = {
	    .subject = ATTENTION_OF_CONNECTOR, .row = *(const int64_t *)argument};
	struct attention_reason open[ATTENTION_CODE_COUNT];
	struct err err = ERR_INIT;
	size_t count = 0;
	return attention_store_open(stage->reader, &about, &err, open, &count) == 0 && count > 0;
}

/* Only a damaged file has such a row. */
START_TEST(one_that_cannot_be_read_keeps_no_other_from_being_looked_at)
{
	struct stage stage;
	struct connector paused = fixture_connector("well");
	stage_init(&stage, LIST(""));
	paused.status = "paused";
	paused.bucket = "other";
	fixture_begin(&stage.store);
	fixture_add(&stage.store, "odd", T0);
	int64_t row = fixture_put(&stage.store, &paused, T0, CONNECTOR_NEW);
	fixture_commit(&stage.store);
	ck_assert_int_eq(
	    sqlite3_exec(stage.store.writer->db,
		"UPDATE connectors SET kind = '?' WHERE connector_id = 'odd'", NULL, NULL, NULL),
	    SQLITE_OK);
	ck_assert_int_eq(engine_start(stage.engine, &stage.store.err), 0);
	wait_until(&stage, needs_attention, &row);
	stage_done(&stage);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"one that cannot be read keeps no other from being looked at",
		one_that_cannot_be_read_keeps_no_other_from_being_looked_at},
	    {"what cannot be written down is not sent", what_cannot_be_written_down_is_not_sent},
	    {"what could not be written down is sent once it can",
		what_could_not_be_written_down_is_sent_once_it_can},
	    {"an end that cannot be written is kept and written later",
		an_end_that_cannot_be_written_is_kept_and_written_later},
	    {"an end that was lost is unknown and found in the list",
		an_end_that_was_lost_is_unknown_and_found_in_the_list},
	    {"a disk that fills up during a search does not end it",
		a_disk_that_fills_up_during_a_search_does_not_end_it},
	    {"a full disk is tried though there is nothing to write",
		a_full_disk_is_tried_though_there_is_nothing_to_write},
	    {"room in the log is not room in the database",
		room_in_the_log_is_not_room_in_the_database},
	    {"a full disk at the start is waited for", a_full_disk_at_the_start_is_waited_for},
	    {"a project added while the disk is full is followed later",
		a_project_added_while_the_disk_is_full_is_followed_later},
	    {"an end that the store does not take is unknown",
		an_end_that_the_store_does_not_take_is_unknown},
	    {"a client with fewer than a thousand open operations gets another",
		a_client_with_fewer_than_a_thousand_open_operations_gets_another},
	    {"a client with a thousand open operations gets no other",
		a_client_with_a_thousand_open_operations_gets_no_other},
	    {"a create whose body cannot be read is not sent",
		a_create_whose_body_cannot_be_read_is_not_sent},
	    {"a create whose body cannot be read may be for the same import",
		a_create_whose_body_cannot_be_read_may_be_for_the_same_import},
	    {"commands that wait are answered when it stops",
		commands_that_wait_are_answered_when_it_stops},
	    {"a refresh ends though a connector it waits for is deleted",
		a_refresh_ends_though_a_connector_it_waits_for_is_deleted},
	    {NULL, NULL},
	};
	return unit_main("engine", cases);
}
