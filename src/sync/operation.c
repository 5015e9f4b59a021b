/* SPDX-License-Identifier: MIT */
/* Creates and deletes: written down before anything is sent, and carried out at most once.
 *
 * What can go wrong: the process dies, the connection breaks, the answer is lost or cannot be read,
 * the disk is full, at any point of a create. Mixpanel's create is not idempotent, so sending it a
 * second time starts a second import and counts every event twice.
 *
 * Why it cannot: an operation is `sending` in the database, synced, before a connection is opened
 * (send_task). From there a create goes back to `planned` only when Mixpanel itself said 429, which
 * means that it was not carried out. Every other end that does not prove what happened is
 * `unknown`, and so is, at the next start, whatever was left `sending`. Nothing sends an `unknown`
 * create: only a connector that turns up in a list (search.c), or a person, decides it. */
#include <string.h>

#include "mixpanel/decode.h"
#include "model/operation.h"
#include "store/connector_store.h"
#include "store/operation_store.h"
#include "sync/engine_private.h"
#include "util/log.h"
#include "util/timestamp.h"

#define OPERATION_MEMORY_LIMIT (1024 * 1024)
#define RETRY_AFTER MICROSECONDS_PER_SECOND

/* Loading --------------------------------------------------------------------------------------*/

static const char *keep_text(struct loaded_operation *loaded, struct arena *arena, const char *text)
{
	const char *copy = arena_text(arena, text);
	loaded->incomplete |= text && !copy;
	return copy;
}

static struct span keep_span(struct loaded_operation *loaded, struct arena *arena, struct span span)
{
	if (!span.ptr)
		return SPAN_NONE;
	const char *copy = arena_copy(arena, span.ptr, span.len);
	loaded->incomplete |= !copy;
	return (struct span){.ptr = copy, .len = copy ? span.len : 0};
}

static void keep_record(
    struct loaded_operation *loaded, struct arena *arena, const struct operation_record *record)
{
	struct operation_record copy = *record;
	copy.operation_id = keep_text(loaded, arena, record->operation_id);
	copy.connector_id = keep_text(loaded, arena, record->connector_id);
	copy.candidates = keep_span(loaded, arena, record->candidates);
	copy.idempotency_key = keep_text(loaded, arena, record->idempotency_key);
	copy.client = keep_text(loaded, arena, record->client);
	copy.request = keep_span(loaded, arena, record->request);
	copy.error_code = keep_text(loaded, arena, record->error_code);
	copy.error_message = keep_text(loaded, arena, record->error_message);
	copy.import_key = keep_text(loaded, arena, record->import_key);
	copy.account = keep_text(loaded, arena, record->account);
	loaded->record = copy;
}

static int take_operation(const struct operation_record *record, void *context)
{
	struct loaded_operation *loaded = context;
	keep_record(loaded, &loaded->arena, record);
	return loaded->incomplete ? -1 : 0;
}

void loaded_operation_done(struct loaded_operation *loaded)
{
	arena_done(&loaded->arena);
}

int operation_load_row(
    struct engine *engine, int64_t row, struct err *err, struct loaded_operation *loaded)
{
	*loaded = (struct loaded_operation){.incomplete = false};
	arena_init(&loaded->arena, OPERATION_MEMORY_LIMIT);
	return operation_store_get_row(engine->writer, row, take_operation, loaded, err);
}

/* Returns 0, 1 when there is none, or -1. */
static int load(struct engine *engine, const char *operation_id, struct err *err,
    struct loaded_operation *loaded)
{
	*loaded = (struct loaded_operation){.incomplete = false};
	arena_init(&loaded->arena, OPERATION_MEMORY_LIMIT);
	return operation_store_get(engine->writer, operation_id, take_operation, loaded, err);
}

/* Tasks ----------------------------------------------------------------------------------------*/

int operation_enqueue(struct project *project, const char *operation_id, enum operation_kind kind)
{
	struct task *task = calloc(1, sizeof(*task));
	if (!task)
		return -1;
	snprintf(task->operation_id, sizeof(task->operation_id), "%s", operation_id);
	task->kind = kind;
	task->not_before = INT64_MIN;
	task->failing_since = INT64_MIN;
	STAILQ_INSERT_TAIL(&project->tasks, task, entry);
	return 0;
}

static struct task *find_task(struct project *project, const char *operation_id)
{
	struct task *task;
	STAILQ_FOREACH (task, &project->tasks, entry)
		if (strcmp(task->operation_id, operation_id) == 0)
			return task;
	return NULL;
}

static void task_over(struct project *project, struct task *task)
{
	STAILQ_REMOVE(&project->tasks, task, task, entry);
	free(task);
}

/* Writing --------------------------------------------------------------------------------------*/

struct operation_work {
	struct project *project;
	struct operation_record *record;
	const struct connector *created; /* the connector of a create that succeeded */
	bool deleted;                    /* a delete that succeeded */
	int64_t observed_at;             /* when the request was sent */
	int64_t begun_at;                /* monotonic: the same */
	int64_t connector_row;
};

static int write_outcome(struct operation_work *work, struct conn *writer, struct err *err)
{
	struct engine *engine = work->project->engine;
	int64_t project_id = work->record->project_id;
	int64_t now = engine_wall(engine);
	int r = 0;
	if (work->created) {
		const struct connector_put put = {
		    .project_id = project_id,
		    .connector = work->created,
		    .revive = true,
		    .observed_at = work->observed_at,
		    .confirmed = work->observed_at,
		    .now = now,
		};
		enum connector_change change;
		r = connector_store_put(writer, &put, err, &change, &work->connector_row);
		if (r == 0)
			r = connector_store_created_by_us(
			    writer, work->connector_row, work->record->import_key, err);
	} else if (work->deleted) {
		r = project_connector_row(
		    work->project, work->record->connector_id, err, &work->connector_row);
		if (r == 0)
			r = connector_store_delete(writer, work->connector_row, true, now, err);
		r = r == 1 ? 0 : r;
	} else {
		return 0;
	}
	changes_add(&engine->changes, CHANGE_CONNECTOR, project_id, NULL);
	changes_add(&engine->changes, CHANGE_PROJECT, project_id, NULL);
	return r;
}

static int write_operation(struct conn *writer, void *context, struct err *err)
{
	struct operation_work *work = context;
	int r = write_outcome(work, writer, err);
	if (r)
		return r;
	changes_add(&work->project->engine->changes, CHANGE_OPERATION, work->record->project_id,
	    work->record->operation_id);
	return operation_store_update(writer, work->record, err);
}

/* Sending --------------------------------------------------------------------------------------*/

/* NULL without memory. */
static struct call *call_for(struct project *project, const struct operation_record *record)
{
	bool create = record->kind == OPERATION_CREATE;
	struct call *call =
	    call_new(project, CALL_OPERATION, create ? ENDPOINT_CREATE : ENDPOINT_DELETE);
	if (!call)
		return NULL;
	snprintf(call->operation_id, sizeof(call->operation_id), "%s", record->operation_id);
	snprintf(call->connector_id, sizeof(call->connector_id), "%s",
	    record->connector_id ? record->connector_id : "");
	return call;
}

/* What will tell, if the outcome is not known, which connectors are new. Returns 0, or -1. */
static int note_sending(struct call *call, struct operation_record *record, struct err *err)
{
	struct project *project = call->project;
	int64_t now = engine_now(project->engine);
	record->state = OPERATION_SENDING;
	record->sent_at = engine_wall(project->engine);
	record->account = call->settings->credential->fingerprint;
	record->sent_upstream_at =
	    project->date_ahead == TIMESTAMP_NONE ? TIMESTAMP_NONE : now + project->date_ahead;
	record->known_row = -1;
	if (!project->loaded)
		return 0;
	return connector_store_last_row(project->engine->writer, err, &record->known_row);
}

/* The commit that says `sending` stands before the connection: see the top of this file. */
static void send_operation(
    struct project *project, struct task *task, struct operation_record *record)
{
	struct engine *engine = project->engine;
	struct err err = ERR_INIT;
	struct call *call = call_for(project, record);
	if (!call) {
		task->not_before = engine_now(engine) + RETRY_AFTER;
		return;
	}
	struct operation_work work = {.project = project, .record = record};
	if (note_sending(call, record, &err) < 0 ||
	    engine_write(engine, write_operation, &work, &err) != 0) {
		log_write(engine_write_level(engine, LOG_LEVEL_ERROR),
		    "operation %s stays planned: %s", record->operation_id, err.text);
		task->not_before = engine_now(engine) + RETRY_AFTER;
		call_free(call);
		return;
	}
	task->in_flight = true;
	project->creates_in_flight += record->kind == OPERATION_CREATE;
	if (call_send(call, NULL, record->request, &err) == 0)
		return;
	const struct client_answer none = {.outcome = CLIENT_NOT_SENT, .message = err.text};
	operation_ended(call, &none);
}

static void send_task(struct project *project, struct task *task)
{
	struct loaded_operation loaded _cleanup_(loaded_operation_done);
	struct err err = ERR_INIT;
	int r = load(project->engine, task->operation_id, &err, &loaded);
	if (r < 0) {
		log_error("operation %s cannot be read: %s", task->operation_id, err.text);
		task->not_before = engine_now(project->engine) + RETRY_AFTER;
	} else if (r > 0 || loaded.record.state != OPERATION_PLANNED) {
		task_over(project, task);
	} else {
		send_operation(project, task, &loaded.record);
	}
}

static void earlier(int64_t *next, int64_t at)
{
	if (at < *next)
		*next = at;
}

/* One create at a time, so that reconciliation cannot mistake whose connector is whose; and none
 * before the first listing was tried, after which a connector that is new is new indeed. */
static bool may_create(const struct project *project)
{
	return project->creates_in_flight == 0 && project->list_tried;
}

static bool may_go(
    const struct project *project, const struct task *task, int64_t now, int64_t *next)
{
	if (task->in_flight || (task->kind == OPERATION_CREATE && !may_create(project)))
		return false;
	if (task->not_before > now) {
		earlier(next, task->not_before);
		return false;
	}
	return true;
}

int operation_send_next(struct project *project, int64_t now, int64_t *next)
{
	struct task *task;
	STAILQ_FOREACH (task, &project->tasks, entry)
		if (may_go(project, task, now, next))
			break;
	if (!task)
		return 0;
	if (!upstream_may_ask(&project->upstream, true, now)) {
		earlier(next, upstream_next(&project->upstream, now));
		return 0;
	}
	if (!ratelimit_take(&project->limit, RATELIMIT_WRITE, now)) {
		earlier(next, ratelimit_next(&project->limit, RATELIMIT_WRITE, now));
		return 0;
	}
	send_task(project, task);
	return 1;
}

/* Deciding -------------------------------------------------------------------------------------*/

/* What an answer makes of an operation; it is decided here and nowhere else. */
struct decision {
	enum operation_state state;
	const char *code;
	char message[512];
	struct decoded_connector created;
	bool has_created;
};

/* A refusal is told in Mixpanel's own words alone: its status goes beside them. */
static void decide_refusal(struct decision *decision, const struct client_answer *answer)
{
	decision->state = OPERATION_REJECTED;
	decision->code =
	    upstream_refuses_account(answer) ? "upstream-unauthorized" : "upstream-rejected";
	char said[400];
	decode_error_message(answer->body, said, sizeof(said));
	if (said[0])
		snprintf(decision->message, sizeof(decision->message), "%s", said);
}

/* A refusal that proves that nothing was carried out. 408 and 409 do not. */
static bool is_refusal(long status)
{
	return status >= 400 && status < 500 && status != 408 && status != 409 && status != 429;
}

static void decide_created(struct decision *decision, const struct client_answer *answer)
{
	struct err err = ERR_INIT;
	if (decode_connector(answer->body, &err, &decision->created) == 0) {
		decision->state = OPERATION_SUCCEEDED;
		decision->code = NULL;
		decision->has_created = true;
		return;
	}
	decision->state = OPERATION_UNKNOWN;
	decision->code = "upstream-undecodable";
	snprintf(decision->message, sizeof(decision->message),
	    "Mixpanel answered %ld, but not with a connector: %.400s", answer->status, err.text);
}

static void decide_create(struct decision *decision, const struct client_answer *answer)
{
	if (answer->outcome == CLIENT_NOT_SENT) {
		decision->state = OPERATION_UNREACHABLE;
		decision->code = "upstream-unreachable";
	} else if (answer->outcome == CLIENT_UNCLEAR) {
		decision->state = OPERATION_UNKNOWN;
		decision->code = "outcome-unknown";
	} else if (answer->status == 200 || answer->status == 201) {
		decide_created(decision, answer);
	} else if (answer->status == 429) {
		decision->state = OPERATION_PLANNED;
		decision->code = "upstream-rate-limited";
	} else if (is_refusal(answer->status)) {
		decide_refusal(decision, answer);
	} else {
		decision->state = OPERATION_UNKNOWN;
		decision->code = "outcome-unknown";
	}
}

/* Whether the answer confirms that the connector is gone. 404 does in Mixpanel's own shape, not as
 * a balancer's page; and not while it settles that the connector is there. */
static bool is_deleted(const struct client_answer *answer, bool settling)
{
	struct err err = ERR_INIT;
	if (answer->status == 404)
		return !settling && decode_is_refusal(answer->body);
	return upstream_succeeded(answer) && decode_deleted(answer->body, &err) == 0;
}

static void decide_delete(
    struct decision *decision, const struct client_answer *answer, bool settling)
{
	decision->state = OPERATION_PLANNED;
	if (answer->outcome != CLIENT_ANSWERED) {
		decision->code = "upstream-unreachable";
	} else if (is_deleted(answer, settling)) {
		decision->state = OPERATION_SUCCEEDED;
		decision->code = NULL;
	} else if (answer->status == 404) {
		decision->code = "upstream-not-found";
	} else if (is_refusal(answer->status)) {
		decide_refusal(decision, answer);
	} else {
		decision->code = answer->status == 429 ? "upstream-rate-limited" : "upstream-error";
	}
}

/* settling: it was confirmed of late that the connector to be deleted is there. */
static void decide(struct decision *decision, enum operation_kind kind, bool settling,
    const struct client_answer *answer)
{
	*decision = (struct decision){.code = NULL};
	upstream_describe(answer, decision->message, sizeof(decision->message));
	if (kind == OPERATION_CREATE)
		decide_create(decision, answer);
	else
		decide_delete(decision, answer, settling);
}

static void fill_record(struct operation_record *record, struct decision *decision,
    const struct client_answer *answer, int64_t wall)
{
	record->state = decision->state;
	record->error_code = decision->code;
	record->error_message = decision->code ? decision->message : NULL;
	record->upstream_status = answer->outcome == CLIENT_ANSWERED ? answer->status : 0;
	if (decision->state == OPERATION_UNREACHABLE)
		record->sent_at = TIMESTAMP_NONE;
	if (decision->has_created)
		record->connector_id = decision->created.connector.connector_id;
	if (decision->state != OPERATION_PLANNED && decision->state != OPERATION_UNKNOWN)
		record->finished_at = wall;
}

void operation_log(const struct project *project, const struct operation_record *record)
{
	enum log_level level = LOG_LEVEL_INFO;
	if (record->state == OPERATION_UNKNOWN || record->state == OPERATION_UNREACHABLE)
		level = LOG_LEVEL_WARNING;
	else if (record->state == OPERATION_PLANNED)
		level = LOG_LEVEL_DEBUG; /* it comes again and again while Mixpanel is down */
	log_write(level, "project %s: %s %s of %s: %s%s%s%s%s", project->settings->name,
	    operation_kind_name(record->kind), record->operation_id, record->client,
	    operation_state_name(record->state), record->connector_id ? ", connector " : "",
	    record->connector_id ? record->connector_id : "", record->error_message ? ": " : "",
	    record->error_message ? record->error_message : "");
}

/* The end is written: what it means for the rest of the project. */
static void after_end(struct project *project, const struct operation_work *work, int64_t pause)
{
	const struct operation_record *record = work->record;
	struct task *task = find_task(project, record->operation_id);
	int64_t now = engine_now(project->engine);
	operation_log(project, record);
	if (work->created) {
		project_settle(project, work->connector_row, WITNESS_CREATED);
		refresh_follow(project, work->connector_row);
	}
	if (work->deleted && work->connector_row) {
		project_settle(project, work->connector_row, WITNESS_REMOVED);
		refresh_drop(project, work->connector_row);
	}
	if (record->state == OPERATION_UNKNOWN)
		search_unknown(project, record->row, record->search_base, work->begun_at, false);
	/* What another unknown create of the same import waited for may be decided by this. */
	if (record->kind == OPERATION_CREATE)
		search_same_import(project, record->import_key);
	if (!task)
		return;
	task->in_flight = false;
	if (record->state != OPERATION_PLANNED) {
		task_over(project, task);
		return;
	}
	if (task->failing_since == INT64_MIN)
		task->failing_since = now;
	int64_t delay = project_retry_delay(project, task->failing_since);
	task->not_before = now + (pause > delay ? pause : delay);
}

/* A list that is on its way was asked for too early to tell of what ends now. */
static unsigned lists_in_flight(const struct project *project)
{
	const struct call *call;
	LIST_FOREACH (call, &project->calls, entry)
		if (call->kind == CALL_LIST)
			return 1;
	return 0;
}

static bool is_settling(const struct project *project, const struct operation_record *record)
{
	if (record->kind != OPERATION_DELETE)
		return false;
	enum witness_hold hold = project_held(project, record->connector_id);
	return hold == WITNESS_CREATED || hold == WITNESS_SEEN;
}

/* Returns 0, or what engine_write returned: nothing is written then. */
static int write_decision(struct call *call, struct operation_record *record,
    struct decision *decision, const struct client_answer *answer, struct err *err)
{
	struct project *project = call->project;
	fill_record(record, decision, answer, engine_wall(project->engine));
	if (decision->state == OPERATION_UNKNOWN)
		record->search_base = project->complete_listings + lists_in_flight(project);
	struct operation_work work = {
	    .project = project,
	    .record = record,
	    .created = decision->has_created ? &decision->created.connector : NULL,
	    .deleted = record->kind == OPERATION_DELETE && decision->state == OPERATION_SUCCEEDED,
	    .observed_at = call->started_at,
	    .begun_at = call->begun_at,
	};
	int r = engine_write(project->engine, write_operation, &work, err);
	if (r == 0)
		after_end(project, &work, answer->retry_after);
	return r;
}

static int write_end(struct call *call, const struct client_answer *answer, struct err *err)
{
	struct project *project = call->project;
	struct loaded_operation loaded _cleanup_(loaded_operation_done);
	int r = load(project->engine, call->operation_id, err, &loaded);
	if (r < 0)
		return -1;
	if (r > 0) {
		log_error("operation %s ended, but it is not in the store", call->operation_id);
		return 0;
	}
	struct decision decision;
	decide(&decision, loaded.record.kind, is_settling(project, &loaded.record), answer);
	r = write_decision(call, &loaded.record, &decision, answer, err);
	/* What is told of a refusal is Mixpanel's own words alone. */
	if (r == 0 && decision.state == OPERATION_REJECTED && answer->request_id[0])
		log_info("project %s: %s was refused with x-mp-request-id %s",
		    project->settings->name, call->operation_id, answer->request_id);
	if (decision.has_created)
		decoded_done(&decision.created.decoded);
	return r;
}

/* The store does not take what the answer makes of the operation, for a reason that will not pass.
 * That the answer was not understood it does take; a listing or a person decides a create then. */
static int write_doubt(struct call *call, struct err *err)
{
	const struct client_answer none = {
	    .outcome = CLIENT_UNCLEAR,
	    .message = "Mixpanel answered, but the answer could not be stored",
	};
	struct err why = *err;
	int r = write_end(call, &none, err);
	if (r == 0)
		log_error("project %s: Mixpanel's answer to operation %s could not be stored: %s",
		    call->project->settings->name, call->operation_id, why.text);
	return r;
}

static int write_somehow(struct call *call, const struct client_answer *answer, struct err *err)
{
	int r = write_end(call, answer, err);
	return r == 0 || r == STORE_FULL || r == STORE_BROKEN ? r : write_doubt(call, err);
}

/* The end is written. */
static void call_over(struct call *call)
{
	struct project *project = call->project;
	project->creates_in_flight -= call->endpoint == ENDPOINT_CREATE;
	call_free(call);
}

/* The end is kept until it can be written. In the database the operation is still `sending`, so
 * that a crash makes it unknown; so does an answer for which there is no memory. */
static void keep_unsaved(struct call *call, const struct client_answer *answer)
{
	call->ended = true;
	call->end = *answer;
	call->end_message = strdup(answer->message ? answer->message : "");
	call->end_body = malloc(answer->body.len + 1);
	if (call->end_message && call->end_body) {
		if (answer->body.len > 0)
			memcpy(call->end_body, answer->body.ptr, answer->body.len);
		call->end_body[answer->body.len] = '\0';
		call->end.message = call->end_message;
		call->end.body.ptr = call->end_body;
	} else {
		call->end = (struct client_answer){
		    .outcome = CLIENT_UNCLEAR,
		    .message = "no memory for Mixpanel's answer",
		};
	}
	STAILQ_INSERT_TAIL(&call->project->unsaved, call, unsaved);
}

void operation_ended(struct call *call, const struct client_answer *answer)
{
	struct project *project = call->project;
	struct err err = ERR_INIT;
	if (write_somehow(call, answer, &err) == 0) {
		call_over(call);
		return;
	}
	log_error("project %s: the end of operation %s could not be written, keeping it: %s",
	    project->settings->name, call->operation_id, err.text);
	keep_unsaved(call, answer);
}

/* Each by itself: one that cannot be written holds no other up. */
void operation_save_unsaved(struct project *project)
{
	struct unsaved_list rest = STAILQ_HEAD_INITIALIZER(rest);
	struct call *call;
	STAILQ_CONCAT(&rest, &project->unsaved);
	while ((call = STAILQ_FIRST(&rest))) {
		struct err err = ERR_INIT;
		STAILQ_REMOVE_HEAD(&rest, unsaved);
		int r = write_somehow(call, &call->end, &err);
		if (r == 0)
			call_over(call);
		else
			STAILQ_INSERT_TAIL(&project->unsaved, call, unsaved);
		if (r == STORE_FULL || r == STORE_BROKEN)
			break;
	}
	STAILQ_CONCAT(&project->unsaved, &rest);
}
