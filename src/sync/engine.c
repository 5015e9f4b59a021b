/* SPDX-License-Identifier: MIT */
/* The thread: its turns, its projects, and what other threads may see of them. */
#include "sync/engine.h"

#include <stdlib.h>
#include <string.h>

#include "mixpanel/endpoints.h"
#include "store/audit_store.h"
#include "store/job_store.h"
#include "store/operation_store.h"
#include "store/recorder.h"
#include "sync/audit.h"
#include "sync/command.h"
#include "sync/inspection.h"
#include "sync/news.h"
#include "sync/outbox.h"
#include "sync/schedule.h"
#include "util/array.h"
#include "util/log.h"

#define DELIVERED_LIMIT 4096
#define TURN_MAXIMUM MICROSECONDS_PER_SECOND
/* Each create is a commit of its own, on a slow disk tens of milliseconds: what callers wish must
 * not keep answers from being taken in until they time out, nor make the thread look stuck. */
#define COMMANDS_WITHIN (MICROSECONDS_PER_SECOND / 10)
#define COMPLETE_RETRY (5 * MICROSECONDS_PER_SECOND)
#define RETENTION_INTERVAL MICROSECONDS_PER_MINUTE
/* While the date is not sure. */
#define RETENTION_RETRY MICROSECONDS_PER_SECOND
/* An idempotency key lives as long as its operation: at least a day, whatever is configured. */
#define KEYS_KEPT_FOR MICROSECONDS_PER_DAY
#define RETENTION_BATCH 500
#define RETENTION_BATCH_AFTER (MICROSECONDS_PER_SECOND / 10)
#define LAST_ANSWERS_WITHIN (2 * MICROSECONDS_PER_SECOND)
#define THREAD_STACK_SIZE (1024 * 1024)

/* What other threads may read, under the mutex. */
struct published {
	int64_t project_id;
	struct upstream_status status;
};

struct engine {
	struct sync sync;
	struct mailbox mailbox;
	struct audit audit;
	struct news news;
	struct inspection inspection;
	bool recovered;         /* what was left in the middle is unknown now */
	bool incomplete;        /* a configured project is not followed yet */
	int64_t complete_at;    /* monotonic: when to try again */
	int64_t next_retention; /* monotonic */

	pthread_t thread;
	bool started;
	_Atomic int64_t last_turn;

	pthread_mutex_t mutex; /* guards what follows */
	char (
	    *delivered)[RANDOM_ID_SIZE]; /* operations whose outcome was delivered, to be stored */
	size_t delivered_count;
	struct config *config; /* in force */
	bool config_changed;
	bool reload_refused;                                   /* the last one */
	int64_t reloaded_at;                                   /* wall clock */
	struct attention_reason reasons[ATTENTION_CODE_COUNT]; /* of the daemon */
	size_t reason_count;
	struct published *published;
	size_t published_count;
};

/* Projects -------------------------------------------------------------------------------------*/

/* Follows every project of the configuration that is not followed yet, each by itself. Returns 0,
 * STORE_FULL, or -1, with what is wrong with the last of those that fail. */
static int complete(struct engine *engine, struct config *config, struct err *err)
{
	int failed = 0;
	/* What was left in the middle must be settled before anything is loaded. */
	if (!engine->recovered) {
		unsigned unknown = 0;
		int r = operation_store_recover(
		    engine->sync.commit.writer, sync_wall(&engine->sync), err, &unknown);
		if (r != 0) {
			err_wrap(err, "operations left in the middle");
			return r;
		}
		engine->recovered = true;
		if (unknown > 0)
			log_warning("%u operations were left in the middle; their outcome is "
				    "unknown until a listing or a person decides it",
			    unknown);
	}
	for (size_t i = 0; i < config->project_count; i++) {
		const struct config_project *settings = &config->projects[i];
		if (project_find(&engine->sync, settings->project_id, true))
			continue;
		int r = schedule_add(&engine->sync, config, settings, err);
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
	engine->complete_at = sync_now(&engine->sync) + COMPLETE_RETRY;
	if (r == STORE_FULL)
		commit_full(&engine->sync.commit, &err);
	log_write(again ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR,
	    "a project is not followed yet, trying again: %s", err.text);
}

/* Publishing -----------------------------------------------------------------------------------*/

static void publish(struct engine *engine)
{
	size_t count = 0;
	struct project *project;
	LIST_FOREACH (project, &engine->sync.projects, entry)
		count++;
	struct published *published = calloc(count + 1, sizeof(*published));
	if (!published)
		return;
	size_t i = 0;
	LIST_FOREACH (project, &engine->sync.projects, entry)
		published[i++] = (struct published){
		    .project_id = project->settings->project_id,
		    .status = project_status(project),
		};
	pthread_mutex_lock(&engine->mutex);
	struct published *before = engine->published;
	engine->published = published;
	engine->published_count = count;
	pthread_mutex_unlock(&engine->mutex);
	free(before);
	tally_set(
	    &engine->sync.tally, engine->sync.commit.count, client_in_flight(engine->sync.client));
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

size_t engine_attention(
    struct engine *engine, struct attention_reason ret_reasons[ATTENTION_CODE_COUNT])
{
	pthread_mutex_lock(&engine->mutex);
	size_t count = engine->reason_count;
	memcpy(ret_reasons, engine->reasons, count * sizeof(engine->reasons[0]));
	pthread_mutex_unlock(&engine->mutex);
	return count;
}

int64_t engine_last_turn(const struct engine *engine)
{
	return atomic_load(&engine->last_turn);
}

bool engine_store_unavailable(const struct engine *engine)
{
	return atomic_load(&engine->sync.commit.unavailable);
}

bool engine_refresh_done(struct engine *engine, uint64_t ticket)
{
	return !tickets_are_open(&engine->sync.tickets, ticket);
}

const char *engine_endpoint_name(size_t endpoint)
{
	return endpoint_name((enum endpoint)endpoint);
}

void engine_counters(struct engine *engine, struct engine_counters *ret_counters)
{
	tally_read(&engine->sync.tally, ret_counters);
}

void engine_events(const struct engine *engine, uint64_t ret_totals[EVENT_TYPE_COUNT])
{
	recorder_totals(engine->sync.commit.writer, ret_totals);
}

void engine_jobs(const struct engine *engine, int64_t project_id, struct job_counts *ret_counts)
{
	recorder_jobs(engine->sync.commit.writer, project_id, ret_counts);
}

/* Building -------------------------------------------------------------------------------------*/

int engine_new(struct conn *writer, struct config *config, const struct engine_options *options,
    struct err *err, struct engine **ret_engine)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	if (!engine)
		return err_set(err, "no memory for the engine");
	struct sync *sync = &engine->sync;
	pthread_mutex_init(&engine->mutex, NULL);
	engine->config = config_ref(config);
	*sync = (struct sync){
	    .clock = options->clock,
	    .seed = options->seed,
	    .commit =
		{
		    .writer = writer,
		    .clock = options->clock,
		    .changed = options->changed,
		    .failed = options->broken,
		    .context = options->context,
		},
	    .last_answers_until = INT64_MAX,
	    .agenda = &engine->inspection.agenda,
	};
	commit_init(&sync->commit);
	tickets_init(&sync->tickets);
	tally_init(&sync->tally);
	mailbox_init(&engine->mailbox);
	audit_init(&engine->audit);
	news_init(&engine->news, options->version);
	LIST_INIT(&sync->projects);
	random_sequence_init(&sync->random, options->seed);
	atomic_store(&engine->last_turn, sync_now(sync));
	int r = recorder_attach(writer, options->clock, err);
	if (r == 0)
		inspection_init(&engine->inspection, sync);
	if (r == 0)
		r = client_new(options->user_agent, ENDPOINT_ID_HEADER, err, &sync->client);
	if (r == 0)
		r = complete(engine, config, err);
	if (r == STORE_FULL) {
		engine->incomplete = true;
		commit_full(&sync->commit, err);
		r = 0;
	}
	if (r != 0) {
		engine_free(engine);
		return -1;
	}
	inspection_all(&engine->inspection);
	publish(engine);
	*ret_engine = engine;
	return 0;
}

struct engine *engine_free(struct engine *engine)
{
	if (!engine)
		return NULL;
	/* First the client: it knows calls that the projects own. */
	client_free(engine->sync.client);
	while (!LIST_EMPTY(&engine->sync.projects))
		schedule_remove(LIST_FIRST(&engine->sync.projects));
	commit_done(&engine->sync.commit);
	tickets_done(&engine->sync.tickets);
	tally_done(&engine->sync.tally);
	mailbox_done(&engine->mailbox);
	audit_done(&engine->audit);
	news_done(&engine->news);
	inspection_done(&engine->inspection);
	config_unref(engine->config);
	free(engine->published);
	free(engine->delivered);
	pthread_mutex_destroy(&engine->mutex);
	free(engine);
	return NULL;
}

/* What was told ---------------------------------------------------------------------------------*/

struct delivered {
	char (*list)[RANDOM_ID_SIZE];
	size_t count;
};

static int write_delivered(struct conn *writer, void *context, struct err *err)
{
	const struct delivered *delivered = context;
	int r = 0;
	for (size_t i = 0; i < delivered->count && r == 0; i++)
		r = operation_store_delivered(writer, delivered->list[i], err);
	return r;
}

static void store_delivered(struct engine *engine)
{
	struct err err = ERR_INIT;
	pthread_mutex_lock(&engine->mutex);
	struct delivered delivered = {.list = engine->delivered, .count = engine->delivered_count};
	engine->delivered = NULL;
	engine->delivered_count = 0;
	pthread_mutex_unlock(&engine->mutex);
	if (delivered.count > 0 &&
	    commit_write(&engine->sync.commit, write_delivered, &delivered, &err) != 0)
		log_debug("the delivery of outcomes could not be stored: %s", err.text);
	free(delivered.list);
}

/* The mailbox ----------------------------------------------------------------------------------*/

void engine_submit(struct engine *engine, struct command *command)
{
	if (mailbox_put(&engine->mailbox, command))
		client_wake(engine->sync.client);
}

void engine_delivered(struct engine *engine, const char *operation_id)
{
	pthread_mutex_lock(&engine->mutex);
	char(*delivered)[RANDOM_ID_SIZE] = NULL;
	if (engine->delivered_count < DELIVERED_LIMIT)
		delivered =
		    array_grow(engine->delivered, engine->delivered_count, sizeof(*delivered));
	if (delivered) {
		engine->delivered = delivered;
		snprintf(
		    delivered[engine->delivered_count++], sizeof(*delivered), "%s", operation_id);
	}
	pthread_mutex_unlock(&engine->mutex);
	client_wake(engine->sync.client);
}

bool engine_audit(struct engine *engine, const struct audit_entry *entry, bool done)
{
	bool taken = audit_put(&engine->audit, entry, done ? AUDIT_DONE_LIMIT : AUDIT_LIMIT);
	client_wake(engine->sync.client);
	return taken;
}

uint64_t engine_audit_mark(struct engine *engine)
{
	return audit_mark(&engine->audit);
}

bool engine_audit_is_stored(struct engine *engine, uint64_t mark)
{
	return audit_is_stored(&engine->audit, mark);
}

static struct config *config_in_force(struct engine *engine)
{
	pthread_mutex_lock(&engine->mutex);
	struct config *config = config_ref(engine->config);
	pthread_mutex_unlock(&engine->mutex);
	return config;
}

/* What was noted meanwhile: who learned an outcome, and what was asked for. */
static void store_notes(struct engine *engine)
{
	store_delivered(engine);
	if (!commit_may_write(&engine->sync.commit, sync_now(&engine->sync)))
		return;
	_cleanup_config_ struct config *config = config_in_force(engine);
	audit_store(&engine->audit, &engine->sync.commit, config->audit_max_count);
}

void engine_reload(struct engine *engine, struct config *config)
{
	pthread_mutex_lock(&engine->mutex);
	struct config *before = engine->config;
	engine->config = config_ref(config);
	engine->config_changed = true;
	engine->reload_refused = false;
	engine->reloaded_at = sync_wall(&engine->sync);
	pthread_mutex_unlock(&engine->mutex);
	config_unref(before);
	news_reloaded(&engine->news);
	client_wake(engine->sync.client);
}

void engine_reload_refused(struct engine *engine, size_t faults)
{
	pthread_mutex_lock(&engine->mutex);
	engine->reload_refused = true;
	engine->reloaded_at = sync_wall(&engine->sync);
	pthread_mutex_unlock(&engine->mutex);
	news_refused(&engine->news, faults);
	client_wake(engine->sync.client);
}

/* Returns whether some may be left for the next turn. */
static bool run_commands(struct engine *engine, int64_t now)
{
	struct command *command;
	while (!sync_is_stopping(&engine->sync) && (command = mailbox_take(&engine->mailbox))) {
		/* An outcome that was delivered before this command came is not delivered again;
		 * and nothing is done before it is written down who asked for it. */
		store_notes(engine);
		struct project *project = project_find(&engine->sync, command->project_id, false);
		if (project) {
			command_run(project, command);
		} else {
			/* To be followed, though it may not be yet: on a full disk, it cannot. */
			_cleanup_config_ struct config *config = config_in_force(engine);
			command->result = config_find_project_id(config, command->project_id)
					      ? COMMAND_STORE_UNAVAILABLE
					      : COMMAND_NOT_FOUND;
		}
		/* The caller owns it again, and may have freed it when this returns. */
		command->done(command);
		if (sync_now(&engine->sync) - now >= COMMANDS_WITHIN)
			return true;
	}
	return false;
}

static void take_config(struct engine *engine)
{
	struct config *config _cleanup_config_ = NULL;
	pthread_mutex_lock(&engine->mutex);
	if (engine->config_changed)
		config = config_ref(engine->config);
	engine->config_changed = false;
	pthread_mutex_unlock(&engine->mutex);
	if (!config)
		return;
	struct project *project;
	LIST_FOREACH (project, &engine->sync.projects, entry)
		project->removed = !config_find_project_id(config, project->settings->project_id);
	for (size_t i = 0; i < config->project_count; i++) {
		const struct config_project *settings = &config->projects[i];
		project = project_find(&engine->sync, settings->project_id, true);
		if (project)
			project_change(project, config, settings);
	}
	engine->incomplete = false;
	complete_now(engine, config);
	inspection_all(&engine->inspection);
	/* It may keep less than the one before. */
	engine->next_retention = 0;
}

/* Retention ------------------------------------------------------------------------------------*/

struct retention {
	int64_t now;
	bool date_is_sure;
	const struct config *config;
	bool full; /* as much as one transaction may remove was removed */
};

/* now is INT64_MIN when it is not known. */
static int64_t before(int64_t now, int64_t age)
{
	return now == INT64_MIN ? now : now - age;
}

static int write_retention(struct conn *writer, void *context, struct err *err)
{
	struct retention *retention = context;
	const struct config *config = retention->config;
	unsigned jobs = 0;
	unsigned operations = 0;
	unsigned entries = 0;
	unsigned events = 0;
	/* A clock that is years ahead would delete history irrecoverably. */
	int64_t now = retention->date_is_sure ? retention->now : INT64_MIN;
	int64_t age = config->operations_max_age;
	const struct operation_retention old = {
	    .before = before(now, age > KEYS_KEPT_FOR ? age : KEYS_KEPT_FOR),
	    .keep = config->operations_max_count,
	    .owed = before(now, KEYS_KEPT_FOR),
	};
	int r = job_store_retain(writer, before(now, config->jobs_max_age), config->jobs_max_count,
	    RETENTION_BATCH, err, &jobs);
	if (r == 0)
		r = operation_store_retain(writer, &old, RETENTION_BATCH, err, &operations);
	if (r == 0)
		r = audit_store_retain(writer, before(now, config->audit_max_age),
		    config->audit_max_count, RETENTION_BATCH, err, &entries);
	if (r == 0)
		r = event_store_retain(writer, before(now, config->events_max_age),
		    config->events_max_count, RETENTION_BATCH, err, &events);
	/* Whether any of them may have more. */
	retention->full = jobs == RETENTION_BATCH || operations == RETENTION_BATCH ||
			  entries == RETENTION_BATCH || events == RETENTION_BATCH;
	return r;
}

/* In small transactions, so that nobody waits for it. */
static void retain(struct engine *engine, int64_t now)
{
	if (now < engine->next_retention || !commit_may_write(&engine->sync.commit, now))
		return;
	struct err err = ERR_INIT;
	_cleanup_config_ struct config *config = config_in_force(engine);
	struct retention retention = {
	    .now = sync_wall(&engine->sync),
	    .date_is_sure = project_date_is_sure(&engine->sync),
	    .config = config,
	};
	int r = commit_write(&engine->sync.commit, write_retention, &retention, &err);
	if (r != 0)
		log_write(commit_level(&engine->sync.commit, LOG_LEVEL_WARNING),
		    "what is past its retention could not be removed: %s", err.text);
	if (r == 0 && retention.full)
		engine->next_retention = now + RETENTION_BATCH_AFTER;
	else
		engine->next_retention =
		    now + (retention.date_is_sure ? RETENTION_INTERVAL : RETENTION_RETRY);
}

/* Attention ------------------------------------------------------------------------------------*/

/* Returns when to go on; not after next. */
static int64_t inspect(struct engine *engine, int64_t next)
{
	_cleanup_config_ struct config *config = config_in_force(engine);
	pthread_mutex_lock(&engine->mutex);
	bool refused = engine->reload_refused;
	int64_t at = engine->reloaded_at;
	pthread_mutex_unlock(&engine->mutex);
	inspection_reloaded(&engine->inspection, refused, at);
	next = inspection_turn(&engine->inspection, config, next);
	const struct attention_outcome *outcome = &engine->inspection.daemon.outcome;
	pthread_mutex_lock(&engine->mutex);
	engine->reason_count = outcome->count;
	memcpy(engine->reasons, outcome->reasons, outcome->count * sizeof(engine->reasons[0]));
	pthread_mutex_unlock(&engine->mutex);
	return next;
}

/* The thread -----------------------------------------------------------------------------------*/

static int64_t turn_projects(struct engine *engine, int64_t now)
{
	int64_t next = now + TURN_MAXIMUM;
	/* What cannot be stored need not be asked for. */
	if (!commit_may_write(&engine->sync.commit, now))
		return engine->sync.commit.broken || engine->sync.commit.retry_at > next
			   ? next
			   : engine->sync.commit.retry_at;
	struct project *project;
	LIST_FOREACH (project, &engine->sync.projects, entry) {
		if (sync_is_stopping(&engine->sync))
			break;
		int64_t due = schedule_turn(project, now);
		if (due < next)
			next = due;
	}
	return next;
}

static void engine_turn(struct engine *engine)
{
	int64_t now = sync_now(&engine->sync);
	atomic_store(&engine->last_turn, now);
	if (commit_probe(&engine->sync.commit, now))
		engine->complete_at = now;
	take_config(engine);
	if (engine->incomplete && now >= engine->complete_at &&
	    commit_may_write(&engine->sync.commit, now)) {
		_cleanup_config_ struct config *config = config_in_force(engine);
		complete_now(engine, config);
	}
	bool more = run_commands(engine, now);
	store_notes(engine);
	now = sync_now(&engine->sync);
	int64_t next = turn_projects(engine, now);
	schedule_drop_removed(&engine->sync);
	/* Before anything else takes its time: what was read is there already. */
	publish(engine);
	if (sync_is_stopping(&engine->sync))
		return;
	news_tell(&engine->news, &engine->sync);
	next = inspect(engine, next);
	retain(engine, now);
	if (commit_may_write(&engine->sync.commit, now))
		(void)commit_empty_log(&engine->sync.commit);
	now = sync_now(&engine->sync);
	client_run(engine->sync.client, next > now && !more ? next - now : 0);
}

static bool operation_in_flight(const struct engine *engine)
{
	const struct project *project;
	LIST_FOREACH (project, &engine->sync.projects, entry)
		if (outbox_in_flight(project))
			return true;
	return false;
}

static void *engine_run(void *context)
{
	struct engine *engine = context;
	while (!sync_is_stopping(&engine->sync))
		engine_turn(engine);
	mailbox_close(&engine->mailbox);
	/* An operation on its way may still end well: a little patience leaves fewer of them
	 * unknown. */
	int64_t deadline = sync_now(&engine->sync) + LAST_ANSWERS_WITHIN;
	int64_t now;
	engine->sync.last_answers_until = deadline;
	while (operation_in_flight(engine) && (now = sync_now(&engine->sync)) < deadline)
		client_run(engine->sync.client, deadline - now);
	struct project *project;
	LIST_FOREACH (project, &engine->sync.projects, entry)
		if (sync_now(&engine->sync) < deadline)
			outbox_save(project);
	store_notes(engine);
	return NULL;
}

int engine_start(struct engine *engine, struct err *err)
{
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK_SIZE);
	int r = pthread_create(&engine->thread, &attributes, engine_run, engine);
	pthread_attr_destroy(&attributes);
	if (r != 0)
		return err_set_errno(err, r, "cannot start the sync thread");
	pthread_setname_np(engine->thread, "sync");
	engine->started = true;
	return 0;
}

void engine_end(struct engine *engine)
{
	atomic_store(&engine->sync.stopping, true);
	if (engine->started)
		client_wake(engine->sync.client);
}

void engine_stop(struct engine *engine)
{
	engine_end(engine);
	if (engine->started) {
		pthread_join(engine->thread, NULL);
		engine->started = false;
		/* What was answered after the thread had ended. */
		store_notes(engine);
	} else {
		mailbox_close(&engine->mailbox);
	}
}
