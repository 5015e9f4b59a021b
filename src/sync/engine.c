/* SPDX-License-Identifier: MIT */
/* The thread: its turns, its projects, and writing while the disk may be full. */
#include "sync/engine.h"

#include <string.h>

#include "store/job_store.h"
#include "store/operation_store.h"
#include "sync/engine_private.h"
#include "util/log.h"
#include "util/timestamp.h"

#define COMMANDS_LIMIT 4096
#define TOLD_LIMIT 4096
#define TURN_MAXIMUM MICROSECONDS_PER_SECOND
/* Each create is a commit of its own, on a slow disk tens of milliseconds: what callers wish must
 * not keep answers from being taken in until they time out, nor make the thread look stuck. */
#define COMMANDS_WITHIN (MICROSECONDS_PER_SECOND / 10)
#define STORE_RETRY_FIRST MICROSECONDS_PER_SECOND
#define STORE_RETRY_MAXIMUM (5 * MICROSECONDS_PER_SECOND)
#define RETENTION_INTERVAL (10 * MICROSECONDS_PER_MINUTE)
/* While the date is not sure. */
#define RETENTION_RETRY MICROSECONDS_PER_SECOND
/* So far the wall clock may be from Mixpanel's. */
#define DATE_TOLERANCE MICROSECONDS_PER_HOUR
/* An idempotency key lives as long as its operation: at least a day, whatever is configured. */
#define KEYS_KEPT_FOR MICROSECONDS_PER_DAY
#define RETENTION_BATCH 500
#define RETENTION_BATCH_AFTER (MICROSECONDS_PER_SECOND / 10)
#define LAST_ANSWERS_WITHIN (2 * MICROSECONDS_PER_SECOND)
#define THREAD_STACK_SIZE (1024 * 1024)

int64_t engine_now(const struct engine *engine)
{
	return clock_monotonic(engine->options.clock);
}

int64_t engine_wall(const struct engine *engine)
{
	return clock_wall(engine->options.clock);
}

bool engine_is_stopping(const struct engine *engine)
{
	return atomic_load(&engine->stopping);
}

bool engine_takes_answers(const struct engine *engine, bool operation)
{
	return !engine_is_stopping(engine) ||
	       (operation && engine_now(engine) < engine->last_answers_until);
}

/* Writing --------------------------------------------------------------------------------------*/

static void store_is_full(struct engine *engine, const struct err *err)
{
	if (!atomic_exchange(&engine->store_unavailable, true)) {
		log_error("nothing can be written, serving what is there: %s", err->text);
		engine->store_retry_after = STORE_RETRY_FIRST;
	}
	int64_t now = engine_now(engine);
	if (now < engine->store_retry_at)
		return;
	engine->store_retry_at = now + engine->store_retry_after;
	engine->store_retry_after *= 2;
	if (engine->store_retry_after > STORE_RETRY_MAXIMUM)
		engine->store_retry_after = STORE_RETRY_MAXIMUM;
}

static void store_is_broken(struct engine *engine, const struct err *err)
{
	if (engine->broken)
		return;
	engine->broken = true;
	atomic_store(&engine->store_unavailable, true);
	log_error(
	    "the store may not have kept what was written last, ending so that the next start "
	    "can read it again: %s",
	    err->text);
	if (engine->options.broken)
		engine->options.broken(engine->options.context);
}

int engine_write(struct engine *engine,
    int (*body)(struct conn *conn, void *context, struct err *err), void *context, struct err *err)
{
	if (engine->broken) {
		err_set(err, "the store failed before");
		return STORE_BROKEN;
	}
	int r = tx_write(engine->writer, body, context, err);
	if (r == 0) {
		/* It may have had nothing to write: the next turn finds out. */
		if (atomic_load(&engine->store_unavailable))
			engine->store_retry_at = engine_now(engine);
		engine->commits++;
		changes_tell(&engine->changes, engine->options.changed, engine->options.context);
		return 0;
	}
	changes_forget(&engine->changes);
	if (r == STORE_FULL)
		store_is_full(engine, err);
	else if (r == STORE_BROKEN)
		store_is_broken(engine, err);
	return r;
}

/* Returns 0, or what emptying the log has failed with; it is dealt with here. */
static int empty_log(struct engine *engine)
{
	struct err err = ERR_INIT;
	int r = conn_checkpoint_if_large(engine->writer, &err);
	if (r == STORE_FULL)
		store_is_full(engine, &err);
	else if (r == STORE_BROKEN)
		store_is_broken(engine, &err);
	return r;
}

static int write_probe(struct conn *writer, void *context, struct err *err)
{
	(void)context;
	return store_touch(writer, err);
}

/* Whether the disk is still full is asked by a write of its own: what there is to do meanwhile may
 * write nothing, and so succeed on any disk. Room in the log is not room in the database, either.
 */
static void probe_store(struct engine *engine, int64_t now)
{
	struct err err = ERR_INIT;
	if (!atomic_load(&engine->store_unavailable) || !engine_may_write(engine, now))
		return;
	if (engine_write(engine, write_probe, NULL, &err) != 0 || empty_log(engine) != 0)
		return;
	atomic_store(&engine->store_unavailable, false);
	engine->complete_at = now;
	log_info("the store can be written again");
}

bool engine_may_write(const struct engine *engine, int64_t now)
{
	return !engine->broken &&
	       (!atomic_load(&engine->store_unavailable) || now >= engine->store_retry_at);
}

enum log_level engine_write_level(const struct engine *engine, enum log_level level)
{
	return atomic_load(&engine->store_unavailable) ? LOG_LEVEL_DEBUG : level;
}

/* Projects -------------------------------------------------------------------------------------*/

struct project *engine_find_project(struct engine *engine, int64_t project_id)
{
	struct project *project;
	LIST_FOREACH (project, &engine->projects, entry)
		if (project->settings->project_id == project_id && !project->removed)
			return project;
	return NULL;
}

/* Returns 0, STORE_FULL, or -1. */
static int add_project(struct engine *engine, struct config *config,
    const struct config_project *settings, struct err *err)
{
	struct project *project = NULL;
	int r = project_new(engine, config, settings, err, &project);
	if (r != 0)
		return r;
	if (project_load(project, err) < 0) {
		project_free(project);
		return -1;
	}
	LIST_INSERT_HEAD(&engine->projects, project, entry);
	return 0;
}

static struct project *find_any(struct engine *engine, int64_t project_id)
{
	struct project *project;
	LIST_FOREACH (project, &engine->projects, entry)
		if (project->settings->project_id == project_id)
			return project;
	return NULL;
}

static int recover(struct engine *engine, struct err *err)
{
	unsigned unknown = 0;
	if (engine->recovered)
		return 0;
	int r = operation_store_recover(engine->writer, engine_wall(engine), err, &unknown);
	if (r != 0) {
		err_wrap(err, "operations left in the middle");
		return r;
	}
	engine->recovered = true;
	if (unknown > 0)
		log_warning("%u operations were left in the middle; their outcome is unknown until "
			    "a listing or a person decides it",
		    unknown);
	return 0;
}

/* Follows every project of the configuration that is not followed yet, each by itself. Returns 0,
 * STORE_FULL, or -1, with what is wrong with the last of those that fail. */
static int complete(struct engine *engine, struct config *config, struct err *err)
{
	/* What was left in the middle must be settled before anything is loaded. */
	int failed = recover(engine, err);
	if (failed)
		return failed;
	for (size_t i = 0; i < config->project_count; i++) {
		const struct config_project *settings = &config->projects[i];
		if (find_any(engine, settings->project_id))
			continue;
		int r = add_project(engine, config, settings, err);
		failed = r ? r : failed;
	}
	return failed;
}

/* Tried again until it goes well: the disk may have been full. */
static void complete_now(struct engine *engine, struct config *config)
{
	struct err err = ERR_INIT;
	bool again = engine->incomplete;
	int r = complete(engine, config, &err);
	engine->incomplete = r != 0;
	if (r == 0)
		return;
	engine->complete_at = engine_now(engine) + STORE_RETRY_MAXIMUM;
	if (r == STORE_FULL)
		store_is_full(engine, &err);
	log_write(again ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR,
	    "a project is not followed yet, trying again: %s", err.text);
}

static void reconfigure(struct engine *engine, struct config *config)
{
	struct project *project;
	LIST_FOREACH (project, &engine->projects, entry)
		project->removed = !config_find_project_id(config, project->settings->project_id);
	for (size_t i = 0; i < config->project_count; i++) {
		const struct config_project *settings = &config->projects[i];
		project = find_any(engine, settings->project_id);
		if (project)
			project_change(project, config, settings);
	}
	engine->incomplete = false;
	complete_now(engine, config);
}

static void drop_removed(struct engine *engine)
{
	struct project *project = LIST_FIRST(&engine->projects);
	while (project) {
		struct project *following = LIST_NEXT(project, entry);
		if (project->removed)
			refresh_end_all(project);
		if (project->removed && project->in_flight == 0 &&
		    STAILQ_EMPTY(&project->unsaved)) {
			LIST_REMOVE(project, entry);
			project_free(project);
		}
		project = following;
	}
}

/* Building -------------------------------------------------------------------------------------*/

int engine_new(struct conn *writer, struct config *config, const struct engine_options *options,
    struct err *err, struct engine **ret_engine)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	if (!engine)
		return err_set(err, "no memory for the engine");
	pthread_mutex_init(&engine->mutex, NULL);
	engine->writer = writer;
	engine->options = *options;
	engine->config = config_ref(config);
	engine->last_command = &engine->first_command;
	engine->next_ticket = 1;
	engine->store_retry_at = INT64_MIN;
	engine->last_answers_until = INT64_MAX;
	LIST_INIT(&engine->projects);
	random_sequence_init(&engine->random, options->seed);
	atomic_store(&engine->last_turn, engine_now(engine));
	int r = client_new(options->user_agent, ENDPOINT_ID_HEADER, err, &engine->client);
	if (r == 0)
		r = complete(engine, config, err);
	if (r == STORE_FULL) {
		engine->incomplete = true;
		store_is_full(engine, err);
		r = 0;
	}
	if (r != 0) {
		engine_free(engine);
		return -1;
	}
	engine_publish(engine);
	*ret_engine = engine;
	return 0;
}

struct engine *engine_free(struct engine *engine)
{
	if (!engine)
		return NULL;
	/* First the client: it knows calls that the projects own. */
	client_free(engine->client);
	while (!LIST_EMPTY(&engine->projects)) {
		struct project *project = LIST_FIRST(&engine->projects);
		LIST_REMOVE(project, entry);
		project_free(project);
	}
	changes_done(&engine->changes);
	config_unref(engine->config);
	free(engine->published);
	free(engine->open_tickets);
	free(engine->told);
	pthread_mutex_destroy(&engine->mutex);
	free(engine);
	return NULL;
}

/* Tickets --------------------------------------------------------------------------------------*/

int engine_open_ticket(struct engine *engine, uint64_t *ret_ticket)
{
	int r = -1;
	pthread_mutex_lock(&engine->mutex);
	uint64_t *tickets =
	    reallocarray(engine->open_tickets, engine->open_ticket_count + 1, sizeof(*tickets));
	if (tickets) {
		engine->open_tickets = tickets;
		tickets[engine->open_ticket_count++] = engine->next_ticket;
		*ret_ticket = engine->next_ticket++;
		r = 0;
	}
	pthread_mutex_unlock(&engine->mutex);
	return r;
}

void engine_close_ticket(struct engine *engine, int64_t project_id, uint64_t ticket)
{
	pthread_mutex_lock(&engine->mutex);
	for (size_t i = 0; i < engine->open_ticket_count; i++)
		if (engine->open_tickets[i] == ticket) {
			engine->open_tickets[i] = engine->open_tickets[--engine->open_ticket_count];
			break;
		}
	pthread_mutex_unlock(&engine->mutex);
	const struct change change = {
	    .kind = CHANGE_REFRESH,
	    .project_id = project_id,
	    .ticket = ticket,
	};
	if (engine->options.changed)
		engine->options.changed(&change, 1, engine->options.context);
}

bool engine_refresh_done(struct engine *engine, int64_t project_id, uint64_t ticket)
{
	(void)project_id;
	bool done = true;
	pthread_mutex_lock(&engine->mutex);
	for (size_t i = 0; i < engine->open_ticket_count; i++)
		if (engine->open_tickets[i] == ticket)
			done = false;
	pthread_mutex_unlock(&engine->mutex);
	return done;
}

/* Publishing -----------------------------------------------------------------------------------*/

void engine_publish(struct engine *engine)
{
	size_t count = 0;
	struct project *project;
	LIST_FOREACH (project, &engine->projects, entry)
		count++;
	struct published *published = calloc(count + 1, sizeof(*published));
	if (!published)
		return;
	size_t i = 0;
	LIST_FOREACH (project, &engine->projects, entry)
		published[i++] = (struct published){
		    .project_id = project->settings->project_id,
		    .status = project_status(project),
		};
	pthread_mutex_lock(&engine->mutex);
	struct published *before = engine->published;
	engine->published = published;
	engine->published_count = count;
	engine->counters.commits = engine->commits;
	engine->counters.in_flight = client_in_flight(engine->client);
	pthread_mutex_unlock(&engine->mutex);
	free(before);
}

int engine_upstream(struct engine *engine, int64_t project_id, struct upstream_status *ret_status)
{
	int r = 1;
	pthread_mutex_lock(&engine->mutex);
	for (size_t i = 0; i < engine->published_count && r; i++)
		if (engine->published[i].project_id == project_id) {
			*ret_status = engine->published[i].status;
			r = 0;
		}
	pthread_mutex_unlock(&engine->mutex);
	return r;
}

int64_t engine_last_turn(const struct engine *engine)
{
	return atomic_load(&engine->last_turn);
}

bool engine_store_unavailable(const struct engine *engine)
{
	return atomic_load(&engine->store_unavailable);
}

/* Counting -------------------------------------------------------------------------------------*/

_Static_assert(ENGINE_ENDPOINTS == ENDPOINT_COUNT, "an endpoint is not counted");

/* The column of engine_counters.requests. */
static size_t count_column(const struct client_answer *answer)
{
	if (answer->outcome == CLIENT_NOT_SENT)
		return 4;
	if (answer->outcome == CLIENT_UNCLEAR)
		return 5;
	if (answer->status < 300)
		return 0;
	return answer->status < 600 ? (size_t)answer->status / 100 - 2 : 3;
}

void engine_count(struct engine *engine, enum endpoint endpoint, const struct client_answer *answer)
{
	pthread_mutex_lock(&engine->mutex);
	engine->counters.requests[endpoint][count_column(answer)]++;
	engine->counters.request_microseconds[endpoint] += (uint64_t)answer->duration;
	pthread_mutex_unlock(&engine->mutex);
}

void engine_count_undecodable(struct engine *engine)
{
	pthread_mutex_lock(&engine->mutex);
	engine->counters.undecodable++;
	pthread_mutex_unlock(&engine->mutex);
}

void engine_count_changed(struct engine *engine, size_t jobs, size_t connectors)
{
	pthread_mutex_lock(&engine->mutex);
	engine->counters.jobs_changed += jobs;
	engine->counters.connectors_changed += connectors;
	pthread_mutex_unlock(&engine->mutex);
}

void engine_counters(struct engine *engine, struct engine_counters *ret_counters)
{
	pthread_mutex_lock(&engine->mutex);
	*ret_counters = engine->counters;
	pthread_mutex_unlock(&engine->mutex);
}

/* What was told ---------------------------------------------------------------------------------*/

struct told {
	char (*list)[RANDOM_ID_SIZE];
	size_t count;
};

static int write_told(struct conn *writer, void *context, struct err *err)
{
	const struct told *told = context;
	int r = 0;
	for (size_t i = 0; i < told->count && r == 0; i++)
		r = operation_store_told(writer, told->list[i], err);
	return r;
}

static void note_told(struct engine *engine)
{
	struct err err = ERR_INIT;
	pthread_mutex_lock(&engine->mutex);
	struct told told = {.list = engine->told, .count = engine->told_count};
	engine->told = NULL;
	engine->told_count = 0;
	pthread_mutex_unlock(&engine->mutex);
	if (told.count > 0 && engine_write(engine, write_told, &told, &err) != 0)
		log_debug("that outcomes were told is not written down: %s", err.text);
	free(told.list);
}

/* The mailbox ----------------------------------------------------------------------------------*/

void engine_submit(struct engine *engine, struct command *command)
{
	pthread_mutex_lock(&engine->mutex);
	command->next = NULL;
	bool closed = engine->closed;
	bool full = engine->commands_waiting == COMMANDS_LIMIT;
	if (!closed && !full) {
		*engine->last_command = command;
		engine->last_command = &command->next;
		engine->commands_waiting++;
	}
	pthread_mutex_unlock(&engine->mutex);
	if (closed || full) {
		command->result = closed ? COMMAND_STOPPING : COMMAND_BUSY;
		command->done(command);
		return;
	}
	client_wake(engine->client);
}

void engine_told(struct engine *engine, const char *operation_id)
{
	pthread_mutex_lock(&engine->mutex);
	char(*told)[RANDOM_ID_SIZE] = NULL;
	if (engine->told_count < TOLD_LIMIT)
		told = reallocarray(engine->told, engine->told_count + 1, sizeof(*told));
	if (told) {
		engine->told = told;
		snprintf(told[engine->told_count++], sizeof(*told), "%s", operation_id);
	}
	pthread_mutex_unlock(&engine->mutex);
	client_wake(engine->client);
}

void engine_reload(struct engine *engine, struct config *config)
{
	pthread_mutex_lock(&engine->mutex);
	struct config *before = engine->config;
	engine->config = config_ref(config);
	engine->config_changed = true;
	pthread_mutex_unlock(&engine->mutex);
	config_unref(before);
	client_wake(engine->client);
}

/* The one that waits longest; NULL for none. close lets nothing in any more. */
static struct command *take_command(struct engine *engine, bool close)
{
	pthread_mutex_lock(&engine->mutex);
	struct command *command = engine->first_command;
	if (command) {
		engine->first_command = command->next;
		engine->commands_waiting--;
	}
	if (!engine->first_command)
		engine->last_command = &engine->first_command;
	engine->closed |= close;
	pthread_mutex_unlock(&engine->mutex);
	return command;
}

/* Returns whether some may be left for the next turn. */
static bool run_commands(struct engine *engine, int64_t now)
{
	struct command *command;
	while (!engine_is_stopping(engine) && (command = take_command(engine, false))) {
		/* Whoever was told before this was asked is not told again. */
		note_told(engine);
		command_run(engine, command);
		/* The caller owns it again, and may have freed it when this returns. */
		command->done(command);
		if (engine_now(engine) - now >= COMMANDS_WITHIN)
			return true;
	}
	return false;
}

static void refuse_commands(struct engine *engine)
{
	struct command *command;
	while ((command = take_command(engine, true))) {
		command->result = COMMAND_STOPPING;
		command->done(command);
	}
}

static struct config *config_in_force(struct engine *engine)
{
	pthread_mutex_lock(&engine->mutex);
	struct config *config = config_ref(engine->config);
	pthread_mutex_unlock(&engine->mutex);
	return config;
}

bool engine_is_configured(struct engine *engine, int64_t project_id)
{
	_cleanup_config_ struct config *config = config_in_force(engine);
	return config_find_project_id(config, project_id) != NULL;
}

static void take_config(struct engine *engine)
{
	struct config *config _cleanup_config_ = NULL;
	pthread_mutex_lock(&engine->mutex);
	if (engine->config_changed)
		config = config_ref(engine->config);
	engine->config_changed = false;
	pthread_mutex_unlock(&engine->mutex);
	if (config)
		reconfigure(engine, config);
}

static void complete_later(struct engine *engine, int64_t now)
{
	if (!engine->incomplete || now < engine->complete_at || !engine_may_write(engine, now))
		return;
	_cleanup_config_ struct config *config = config_in_force(engine);
	complete_now(engine, config);
}

/* Retention ------------------------------------------------------------------------------------*/

bool engine_date_is_sure(const struct engine *engine)
{
	const struct project *project;
	int64_t ahead = engine_wall(engine) - engine_now(engine);
	LIST_FOREACH (project, &engine->projects, entry)
		if (project->date_ahead != TIMESTAMP_NONE &&
		    project->date_ahead >= ahead - DATE_TOLERANCE &&
		    project->date_ahead <= ahead + DATE_TOLERANCE)
			return true;
	return false;
}

struct retention {
	int64_t now;
	bool date_is_sure;
	const struct config *config;
	unsigned removed;
};

static int write_retention(struct conn *writer, void *context, struct err *err)
{
	struct retention *retention = context;
	const struct config *config = retention->config;
	unsigned jobs = 0;
	unsigned operations = 0;
	int64_t operations_age = config->operations_max_age;
	if (operations_age < KEYS_KEPT_FOR)
		operations_age = KEYS_KEPT_FOR;
	/* A clock that is years ahead would have history removed for good. */
	int64_t before =
	    retention->date_is_sure ? retention->now - config->jobs_max_age : INT64_MIN;
	int r =
	    job_store_retain(writer, before, config->jobs_max_count, RETENTION_BATCH, err, &jobs);
	if (r == 0 && retention->date_is_sure)
		r = operation_store_retain(
		    writer, retention->now - operations_age, RETENTION_BATCH, err, &operations);
	retention->removed = jobs > operations ? jobs : operations;
	return r;
}

/* In small transactions, so that nobody waits for it. */
static void retain(struct engine *engine, int64_t now)
{
	if (now < engine->next_retention || !engine_may_write(engine, now))
		return;
	struct err err = ERR_INIT;
	_cleanup_config_ struct config *config = config_in_force(engine);
	struct retention retention = {
	    .now = engine_wall(engine),
	    .date_is_sure = engine_date_is_sure(engine),
	    .config = config,
	};
	int r = engine_write(engine, write_retention, &retention, &err);
	if (r != 0)
		log_write(engine_write_level(engine, LOG_LEVEL_WARNING),
		    "what is past its retention could not be removed: %s", err.text);
	bool more = r == 0 && retention.removed == RETENTION_BATCH;
	engine->next_retention = now + RETENTION_INTERVAL;
	if (!retention.date_is_sure)
		engine->next_retention = now + RETENTION_RETRY;
	if (more)
		engine->next_retention = now + RETENTION_BATCH_AFTER;
}

/* The thread -----------------------------------------------------------------------------------*/

static int64_t turn_projects(struct engine *engine, int64_t now)
{
	int64_t next = now + TURN_MAXIMUM;
	/* What cannot be stored need not be asked for. */
	if (!engine_may_write(engine, now))
		return engine->broken || engine->store_retry_at > next ? next
								       : engine->store_retry_at;
	struct project *project;
	LIST_FOREACH (project, &engine->projects, entry) {
		if (engine_is_stopping(engine))
			break;
		int64_t due = project_turn(project, now);
		if (due < next)
			next = due;
	}
	return next;
}

static void turn(struct engine *engine)
{
	int64_t now = engine_now(engine);
	atomic_store(&engine->last_turn, now);
	probe_store(engine, now);
	take_config(engine);
	complete_later(engine, now);
	bool more = run_commands(engine, now);
	note_told(engine);
	now = engine_now(engine);
	int64_t next = turn_projects(engine, now);
	drop_removed(engine);
	if (engine_is_stopping(engine))
		return;
	retain(engine, now);
	if (engine_may_write(engine, now))
		(void)empty_log(engine);
	engine_publish(engine);
	now = engine_now(engine);
	client_run(engine->client, next > now && !more ? next - now : 0);
}

static bool operation_in_flight(const struct engine *engine)
{
	const struct project *project;
	const struct call *call;
	LIST_FOREACH (project, &engine->projects, entry)
		LIST_FOREACH (call, &project->calls, entry)
			if (call->kind == CALL_OPERATION && !call->ended)
				return true;
	return false;
}

/* An operation on its way may still end well: a little patience leaves fewer of them unknown. */
static void last_answers(struct engine *engine)
{
	int64_t deadline = engine_now(engine) + LAST_ANSWERS_WITHIN;
	int64_t now;
	engine->last_answers_until = deadline;
	while (operation_in_flight(engine) && (now = engine_now(engine)) < deadline)
		client_run(engine->client, deadline - now);
	struct project *project;
	LIST_FOREACH (project, &engine->projects, entry)
		if (engine_now(engine) < deadline)
			operation_save_unsaved(project);
}

static void *run(void *context)
{
	struct engine *engine = context;
	while (!engine_is_stopping(engine))
		turn(engine);
	refuse_commands(engine);
	last_answers(engine);
	note_told(engine);
	return NULL;
}

int engine_start(struct engine *engine, struct err *err)
{
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK_SIZE);
	int r = pthread_create(&engine->thread, &attributes, run, engine);
	pthread_attr_destroy(&attributes);
	if (r != 0)
		return err_set_errno(err, r, "cannot start the sync thread");
	pthread_setname_np(engine->thread, "sync");
	engine->started = true;
	return 0;
}

void engine_end(struct engine *engine)
{
	atomic_store(&engine->stopping, true);
	if (engine->started)
		client_wake(engine->client);
}

void engine_stop(struct engine *engine)
{
	engine_end(engine);
	if (engine->started) {
		pthread_join(engine->thread, NULL);
		engine->started = false;
	} else {
		refuse_commands(engine);
	}
}
