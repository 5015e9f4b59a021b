/* SPDX-License-Identifier: MIT */
/* One project: what is due, what is under way, and in which order they get a turn. */
#include <string.h>

#include "store/connector_store.h"
#include "store/operation_store.h"
#include "store/project_store.h"
#include "sync/engine_private.h"
#include "util/backoff.h"
#include "util/hash.h"
#include "util/log.h"
#include "util/timestamp.h"

#define RETRY_MINIMUM (2 * MICROSECONDS_PER_SECOND)
#define RETRY_MAXIMUM (60 * MICROSECONDS_PER_SECOND)

static struct planner_settings planner_settings_of(const struct config_project *settings)
{
	return (struct planner_settings){
	    .list_interval = settings->list_interval,
	    .active_interval = settings->active_interval,
	    .idle_interval = settings->idle_interval,
	    .status_interval = settings->status_interval,
	    .per_minute = settings->rate_limit,
	};
}

static void take_record(const struct project_record *record, void *context)
{
	struct project *project = context;
	project->complete_listings = record->complete_listings;
	project->loaded = record->listed_at != TIMESTAMP_NONE;
	project->list_tried = project->loaded;
}

static int ensure_row(struct conn *writer, void *context, struct err *err)
{
	struct project *project = context;
	return project_store_ensure(writer, project->settings->project_id, err);
}

int project_new(struct engine *engine, struct config *config, const struct config_project *settings,
    struct err *err, struct project **ret_project)
{
	struct project *project = calloc(1, sizeof(*project));
	if (!project)
		return err_set(err, "no memory for project %s", settings->name);
	STAILQ_INIT(&project->tasks);
	LIST_INIT(&project->refreshes);
	LIST_INIT(&project->calls);
	STAILQ_INIT(&project->paged);
	STAILQ_INIT(&project->unsaved);
	project->engine = engine;
	project->config = config_ref(config);
	project->settings = settings;
	int64_t now = engine_now(engine);
	project->date_ahead = TIMESTAMP_NONE;
	project->troubled_since = INT64_MIN;
	project->list_begun_at = INT64_MIN;
	ratelimit_init(&project->limit, settings->rate_limit, now);
	upstream_init(&project->upstream, engine_wall(engine));
	struct planner_settings plan = planner_settings_of(settings);
	uint64_t seed = engine->options.seed ^ (uint64_t)settings->project_id;
	int r = planner_new(&plan, seed, now, err, &project->planner);
	if (r == 0)
		r = engine_write(engine, ensure_row, project, err);
	if (r == 0)
		r = project_store_get(
		    engine->writer, settings->project_id, take_record, project, err);
	if (r != 0) {
		project_free(project);
		err_wrap(err, "project %s", settings->name);
		return r;
	}
	*ret_project = project;
	return 0;
}

struct project *project_free(struct project *project)
{
	if (!project)
		return NULL;
	while (!STAILQ_EMPTY(&project->tasks)) {
		struct task *task = STAILQ_FIRST(&project->tasks);
		STAILQ_REMOVE_HEAD(&project->tasks, entry);
		free(task);
	}
	refresh_end_all(project);
	while (!LIST_EMPTY(&project->calls))
		call_free(LIST_FIRST(&project->calls));
	search_forget(project);
	witness_done(&project->witness);
	planner_free(project->planner);
	config_unref(project->config);
	free(project);
	return NULL;
}

/* Loading --------------------------------------------------------------------------------------*/

static int take_open(const struct open_operation *operation, void *context)
{
	struct project *project = context;
	if (operation->state == OPERATION_PLANNED)
		return operation_enqueue(project, operation->operation_id, operation->kind);
	if (operation->kind == OPERATION_CREATE)
		search_unknown(project, operation->row, operation->search_base,
		    engine_now(project->engine), operation->search_over);
	return 0;
}

/* Until when it would have settled is not known, for the wall clock may have been set meanwhile:
 * the whole time is given again. */
static int take_settling(int64_t row, enum connector_settling settling, void *context)
{
	static const enum witness_hold holds[] = {
	    [SETTLING_CREATED] = WITNESS_CREATED,
	    [SETTLING_DELETED] = WITNESS_REMOVED,
	    [SETTLING_OBSERVED] = WITNESS_OBSERVED,
	};
	project_settle(context, row, holds[settling]);
	return 0;
}

/* A moment of the wall clock on the monotonic one; not later than now. */
static int64_t monotonic_of(const struct project *project, int64_t wall)
{
	if (wall == TIMESTAMP_NONE)
		return INT64_MIN;
	int64_t now = engine_now(project->engine);
	int64_t at = wall - (engine_wall(project->engine) - now);
	return at > now ? now : at;
}

/* When each connector was last asked survives a restart, so that a restart asks nothing twice. */
int project_follow(const struct followed_connector *connector, void *context)
{
	struct project *project = context;
	/* A connector that says it was created in the future is created now. */
	const struct planner_connector facts = {
	    .row = connector->row,
	    .active = connector->unfinished,
	    .young_until = monotonic_of(project, connector->created_at) + PLANNER_YOUNG_FOR,
	    .history_read_at = monotonic_of(project, connector->history_synced_at),
	    .single_read_at = monotonic_of(project, connector->status_known_at),
	};
	return planner_put(project->planner, &facts, engine_now(project->engine));
}

int project_load(struct project *project, struct err *err)
{
	struct conn *writer = project->engine->writer;
	int64_t id = project->settings->project_id;
	if (connector_store_each_followed(writer, id, project_follow, project, err) != 0 ||
	    connector_store_each_settling(writer, id, take_settling, project, err) != 0 ||
	    operation_store_each_open(writer, id, take_open, project, err) != 0)
		return err_wrap(err, "project %s", project->settings->name);
	return 0;
}

/* Whether both ask the same Mixpanel as the same account. */
static bool same_upstream(const struct config_project *a, const struct config_project *b)
{
	return strcmp(a->credential->fingerprint, b->credential->fingerprint) == 0 &&
	       strcmp(a->base_url, b->base_url) == 0;
}

void project_change(
    struct project *project, struct config *config, const struct config_project *settings)
{
	struct config *before = project->config;
	int64_t now = engine_now(project->engine);
	/* Another service account may do what the old one could not: ask at once. */
	bool renewed = !same_upstream(project->settings, settings);
	project->config = config_ref(config);
	project->settings = settings;
	project->removed = false;
	ratelimit_change(&project->limit, settings->rate_limit, now);
	struct planner_settings plan = planner_settings_of(settings);
	planner_change(project->planner, &plan, now);
	if (renewed) {
		upstream_init(&project->upstream, engine_wall(project->engine));
		project->date_ahead = TIMESTAMP_NONE;
		project->troubled_since = INT64_MIN;
		planner_list_not_later(project->planner, now);
	}
	config_unref(before);
}

/* Presence -------------------------------------------------------------------------------------*/

void project_settle(struct project *project, int64_t row, enum witness_hold hold)
{
	int64_t now = engine_now(project->engine);
	if (witness_settle(
		&project->witness, row, hold, now, now + project->settings->settle_time) < 0)
		log_error(
		    "project %s: no memory to let a connector settle", project->settings->name);
}

static int take_row(
    const struct connector_record *record, const struct job_record *latest, void *context)
{
	(void)latest;
	*(int64_t *)context = record->row;
	return 0;
}

int project_connector_row(
    const struct project *project, const char *connector_id, struct err *err, int64_t *ret_row)
{
	return connector_store_get(project->engine->writer, project->settings->project_id,
	    connector_id, take_row, ret_row, err);
}

enum witness_hold project_held(const struct project *project, const char *connector_id)
{
	struct err err = ERR_INIT;
	int64_t row = 0;
	int64_t now = engine_now(project->engine);
	if (project_connector_row(project, connector_id, &err, &row) != 0)
		return WITNESS_FREE;
	return witness_held(&project->witness, row, now, now);
}

#define SETTLED_BATCH 64

struct settled {
	int64_t rows[SETTLED_BATCH];
	size_t count;
};

static int write_settled(struct conn *writer, void *context, struct err *err)
{
	const struct settled *settled = context;
	int r = 0;
	for (size_t i = 0; i < settled->count && r == 0; i++)
		r = connector_store_settled(writer, settled->rows[i], err);
	return r;
}

/* What has settled is forgotten. One that the store does not take, the next start takes for
 * settling a little longer: no harm. */
static void forget_settled(struct project *project, int64_t now)
{
	struct settled settled;
	struct err err = ERR_INIT;
	int64_t oldest = now;
	const struct call *call;
	LIST_FOREACH (call, &project->calls, entry)
		if (call->begun_at < oldest)
			oldest = call->begun_at;
	settled.count = witness_expire(&project->witness, now, oldest, settled.rows, SETTLED_BATCH);
	if (settled.count > 0 && engine_write(project->engine, write_settled, &settled, &err) != 0)
		log_debug("project %s: %s", project->settings->name, err.text);
}

static void earlier(int64_t *next, int64_t at)
{
	if (at < *next)
		*next = at;
}

/* Sending --------------------------------------------------------------------------------------*/

/* Takes one request out of the budget; brings *next forward when there is none. */
static bool take(
    struct project *project, enum ratelimit_class rate_class, int64_t now, int64_t *next)
{
	if (ratelimit_take(&project->limit, rate_class, now))
		return true;
	earlier(next, ratelimit_next(&project->limit, rate_class, now));
	return false;
}

static enum ratelimit_class class_of(const struct plan *plan)
{
	return plan->waited ? RATELIMIT_WAITED : RATELIMIT_SCHEDULED;
}

int64_t project_retry_delay(struct project *project, int64_t since)
{
	int64_t delay = engine_now(project->engine) - since;
	if (delay < RETRY_MINIMUM)
		delay = RETRY_MINIMUM;
	if (delay > RETRY_MAXIMUM)
		delay = RETRY_MAXIMUM;
	return delay +
	       random_sequence_between(&project->engine->random, 0, MICROSECONDS_PER_SECOND);
}

/* A caller's own wish is tried while requests are held back; the thousands of histories that come
 * with the refresh of a whole project are not. */
static bool is_own_wish(const struct plan *plan)
{
	return plan->waited && !plan->bulk;
}

/* One place is left free for what somebody waits for, so that a few answers that hang do not hold a
 * create back. It is asked for again when a request ends. */
static bool has_place(const struct project *project, const struct plan *plan)
{
	uint64_t places = project->settings->max_concurrent;
	return is_own_wish(plan) || places == 1 || project->in_flight + 1 < places;
}

static bool send_planned(struct project *project, int64_t now, int64_t *next)
{
	struct plan plan =
	    planner_next(project->planner, now, (unsigned)project->settings->max_concurrent);
	if (plan.kind == PLAN_NOTHING) {
		earlier(next, plan.due);
		return false;
	}
	if (!has_place(project, &plan))
		return false;
	if (!upstream_may_ask(&project->upstream, is_own_wish(&plan), now)) {
		earlier(next, upstream_next(&project->upstream, now));
		return false;
	}
	if (!take(project, class_of(&plan), now, next))
		return false;
	refresh_send_plan(project, &plan, now);
	return true;
}

static bool send_page(struct project *project, int64_t now, int64_t *next)
{
	struct call *call = STAILQ_FIRST(&project->paged);
	if (!call)
		return false;
	if (!upstream_may_ask(&project->upstream, true, now)) {
		earlier(next, upstream_next(&project->upstream, now));
		return false;
	}
	if (!take(project, class_of(&call->plan), now, next))
		return false;
	STAILQ_REMOVE_HEAD(&project->paged, paged);
	refresh_send_page(call);
	return true;
}

static bool send_get(struct project *project, int64_t now, int64_t *next)
{
	struct refresh *refresh;
	LIST_FOREACH (refresh, &project->refreshes, entry) {
		if (refresh->connector_row == 0 || refresh->phase != REFRESH_RECORDS)
			continue;
		if (!upstream_may_ask(&project->upstream, true, now)) {
			earlier(next, upstream_next(&project->upstream, now));
			return false;
		}
		if (!take(project, RATELIMIT_WAITED, now, next))
			return false;
		refresh_send_get(project, refresh);
		return true;
	}
	return false;
}

int64_t project_turn(struct project *project, int64_t now)
{
	int64_t next = INT64_MAX;
	if (!STAILQ_EMPTY(&project->unsaved))
		operation_save_unsaved(project);
	forget_settled(project, now);
	if (engine_may_write(project->engine, now) && search_turn(project))
		next = now;
	/* What was planned for a project that is no longer configured stays written down. */
	while (!project->removed && !engine_is_stopping(project->engine) &&
	       project->in_flight < project->settings->max_concurrent &&
	       engine_may_write(project->engine, now)) {
		if (operation_send_next(project, now, &next) > 0)
			continue;
		if (send_get(project, now, &next) || send_page(project, now, &next) ||
		    send_planned(project, now, &next))
			continue;
		break;
	}
	return next;
}

struct upstream_status project_status(struct project *project)
{
	int64_t now = engine_now(project->engine);
	struct planner_intervals intervals = planner_intervals(project->planner);
	struct upstream_status status = {
	    .budget_per_minute = project->settings->rate_limit,
	    .budget_available = ratelimit_available(&project->limit, now),
	    .loaded = project->loaded,
	    .list_interval = intervals.list,
	    .active_interval = intervals.active,
	    .idle_interval = intervals.idle,
	    .stretched = intervals.stretched,
	};
	upstream_publish(&project->upstream, now, engine_wall(project->engine), &status);
	return status;
}

/* Calls ----------------------------------------------------------------------------------------*/

struct call *call_new(struct project *project, enum call_kind kind, enum endpoint endpoint)
{
	struct call *call = calloc(1, sizeof(*call));
	if (!call)
		return NULL;
	call->project = project;
	call->config = config_ref(project->config);
	call->settings = project->settings;
	call->kind = kind;
	call->endpoint = endpoint;
	call->started_at = engine_wall(project->engine);
	call->begun_at = engine_now(project->engine);
	pages_init(&call->pages, &project->engine->page_bytes);
	buffer_init(&call->next_url, 8192);
	LIST_INSERT_HEAD(&project->calls, call, entry);
	return call;
}

struct call *call_free(struct call *call)
{
	if (!call)
		return NULL;
	LIST_REMOVE(call, entry);
	pages_done(&call->pages);
	buffer_done(&call->next_url);
	free(call->end_body);
	free(call->end_message);
	config_unref(call->config);
	free(call);
	return NULL;
}

/* One number for each connector or operation, and one for the list. */
static uint64_t subject_of(const struct call *call)
{
	if (call->kind == CALL_LIST)
		return UPSTREAM_LIST;
	if (call->kind != CALL_OPERATION)
		return (uint64_t)call->plan.connector_row;
	/* Rows stay far below the highest bit. */
	return hash_of(span_of(call->operation_id)) | UINT64_C(1) << 63;
}

static enum upstream_verdict judge_answer(struct call *call, const struct client_answer *answer)
{
	struct project *project = call->project;
	struct engine *engine = project->engine;
	const struct upstream_request request = {
	    .write = endpoint_writes(call->endpoint),
	    .subject = subject_of(call),
	    .known = call->plan.retry,
	    .started = call->asked_at,
	};
	return upstream_ended(&project->upstream, answer, &request, engine_now(engine),
	    engine_wall(engine), &engine->random);
}

void project_troubled(struct project *project, const char *message)
{
	if (project->troubled_since != INT64_MIN)
		return;
	project->troubled_since = engine_now(project->engine);
	log_warning("project %s: upstream %s: %s", project->settings->name,
	    upstream_state_name(project->upstream.state), message);
}

/* An outage lasts hours: one line when it begins, one when it is over. */
static void note_recovery(struct project *project, enum upstream_state before)
{
	if (project->upstream.state != UPSTREAM_OK || before == UPSTREAM_OK)
		return;
	int64_t since = project->troubled_since;
	project->troubled_since = INT64_MIN;
	if (since == INT64_MIN)
		log_info("project %s: upstream ok", project->settings->name);
	else
		log_info("project %s: upstream ok again, after %lld s", project->settings->name,
		    (long long)((engine_now(project->engine) - since) / MICROSECONDS_PER_SECOND));
}

static void take_answer(struct call *call, const struct client_answer *answer)
{
	struct project *project = call->project;
	struct engine *engine = project->engine;
	project->in_flight--;
	if (!engine_takes_answers(engine, call->kind == CALL_OPERATION)) {
		call_free(call);
		return;
	}
	engine_count(engine, call->endpoint, answer);
	/* What another origin, or another account, was answered says nothing of the one in force
	 * now; but what became of an operation is told by whom it was sent to. */
	if (!same_upstream(call->settings, project->settings)) {
		if (call->kind == CALL_OPERATION)
			operation_ended(call, answer);
		else
			refresh_outdated(call);
		return;
	}
	if (answer->date != TIMESTAMP_NONE)
		project->date_ahead = answer->date - engine_now(engine);
	enum upstream_state before = project->upstream.state;
	enum upstream_verdict verdict = judge_answer(call, answer);
	if (verdict == VERDICT_FAILED)
		project_troubled(project, project->upstream.message);
	if (call->kind == CALL_OPERATION)
		operation_ended(call, answer);
	else
		refresh_ended(call, answer, verdict == VERDICT_FAILED);
	if (verdict == VERDICT_GOOD)
		note_recovery(project, before);
}

/* An answer may repeat what was sent. Nothing of our credential goes on from here. */
static void call_ended(const struct client_answer *answer, void *context)
{
	struct call *call = context;
	const struct credential *credential = call->settings->credential;
	struct client_answer clean = *answer;
	union {
		const char *received;
		char *data;
	} body = {.received = answer->body.ptr};
	_cleanup_free_ char *copy = NULL;
	if (body.data && credential_found_in(credential, body.data, answer->body.len, false)) {
		clean.body = SPAN_NONE;
		copy = malloc(answer->body.len + 1);
		if (copy) {
			memcpy(copy, answer->body.ptr, answer->body.len);
			copy[answer->body.len] = '\0';
			credential_found_in(credential, copy, answer->body.len, true);
			clean.body = (struct span){.ptr = copy, .len = answer->body.len};
		}
	}
	take_answer(call, &clean);
}

int call_send(struct call *call, const char *url, struct span body, struct err *err)
{
	struct project *project = call->project;
	/* All that makes up the request is of one configuration: the one the call was made under.
	 */
	const struct config_project *settings = call->settings;
	struct buffer own _cleanup_buffer_;
	buffer_init(&own, 8192);
	if (!url) {
		if (endpoint_url(&own, call->endpoint, settings->base_url, settings->project_id,
			call->connector_id) < 0)
			return err_set(err, "the URL of the %s call is too long",
			    endpoint_name(call->endpoint));
		url = buffer_text(&own);
	}
	if (call->pages.count == 0 && pages_follow(&call->pages, url) < 0)
		return err_set(err, "no memory for the %s call", endpoint_name(call->endpoint));
	call->asked_at = engine_now(project->engine);
	const struct client_request request = {
	    .name = endpoint_name(call->endpoint),
	    .method = endpoint_method(call->endpoint),
	    .once = endpoint_writes(call->endpoint),
	    .url = url,
	    .credential = settings->credential->pair->data,
	    .proxy = settings->proxy,
	    .ca_file = settings->ca_file,
	    .body = body,
	    .timeout =
		endpoint_writes(call->endpoint) ? settings->write_timeout : settings->timeout,
	    .done = call_ended,
	    .context = call,
	};
	if (client_submit(project->engine->client, &request, err) < 0)
		return -1;
	project->in_flight++;
	upstream_asked(&project->upstream, call->asked_at);
	return 0;
}
