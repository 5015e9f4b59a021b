/* SPDX-License-Identifier: MIT */
/* Creates and deletes: written down before anything is sent, and carried out at most once.
 *
 * What can go wrong: the process dies, the connection breaks, the answer is lost or cannot be read,
 * the disk is full, at any point of a create. Mixpanel's create is not idempotent, so sending it a
 * second time starts a second import and counts every event twice.
 *
 * Why it cannot: an operation is `sending` in the database, synced, before a connection is opened
 * (outbox_send). From there a create goes back to `planned` only when Mixpanel itself said 429,
 * which means that it was not carried out. Every other end that does not prove what happened is
 * `unknown`, and so is, at the next start, whatever was left `sending`. Nothing sends an `unknown`
 * create: only a connector that turns up in a list (search.c), or a person, decides it. */
#include "sync/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "mixpanel/kind.h"
#include "store/connector_store.h"
#include "store/operation_store.h"
#include "sync/call.h"
#include "sync/operation.h"
#include "sync/refresh.h"
#include "sync/search.h"
#include "util/hash.h"
#include "util/log.h"
#include "util/timestamp.h"

#define RETRY_AFTER MICROSECONDS_PER_SECOND

/* An operation that is to be sent, or on its way. */
struct outgoing {
	char operation_id[RANDOM_ID_SIZE];
	const struct verb *verb;
	int64_t not_before;    /* monotonic */
	int64_t failing_since; /* the same; INT64_MIN while it has not failed */
	bool in_flight;
	STAILQ_ENTRY(outgoing) entry;
};

/* A call for an operation. */
struct send_call {
	struct call call; /* first: the one is cast to the other */
	char operation_id[RANDOM_ID_SIZE];
	const struct verb *verb;
	bool ended;               /* only its end is still to be written: */
	struct client_answer end; /* points into */
	char *end_body;           /* these */
	char *end_message;
	STAILQ_ENTRY(send_call) unsaved;
};

static void send_free(struct send_call *send)
{
	call_done(&send->call);
	free(send->end_body);
	free(send->end_message);
	free(send);
}

/* What is to be sent ----------------------------------------------------------------------------*/

static const struct verb *verb_of(enum operation_kind kind)
{
	return &import_kind(CONNECTOR_CLOUD_IMPORT)->verbs[kind];
}

int outbox_put(struct project *project, const char *operation_id, enum operation_kind kind)
{
	struct outgoing *outgoing = calloc(1, sizeof(*outgoing));
	if (!outgoing)
		return -1;
	snprintf(outgoing->operation_id, sizeof(outgoing->operation_id), "%s", operation_id);
	outgoing->verb = verb_of(kind);
	outgoing->not_before = INT64_MIN;
	outgoing->failing_since = INT64_MIN;
	STAILQ_INSERT_TAIL(&project->outgoing, outgoing, entry);
	return 0;
}

static void outgoing_over(struct project *project, struct outgoing *outgoing)
{
	STAILQ_REMOVE(&project->outgoing, outgoing, outgoing, entry);
	free(outgoing);
}

void outbox_clear(struct project *project)
{
	while (!STAILQ_EMPTY(&project->outgoing))
		outgoing_over(project, STAILQ_FIRST(&project->outgoing));
}

/* Writing --------------------------------------------------------------------------------------*/

struct operation_work {
	const struct call *call;
	struct operation_record *record;
	const struct connector *created; /* the connector of a create that succeeded */
	bool deleted;                    /* a delete that succeeded */
	struct followed_connector followed;
};

static int write_operation(struct conn *writer, void *context, struct err *err)
{
	struct operation_work *work = context;
	struct project *project = work->call->project;
	int64_t now = project_wall(project);
	int r = 0;
	if (work->created) {
		const struct connector_put put = {
		    .project_id = work->record->project_id,
		    .connector = work->created,
		    .revive = true,
		    .observed_at = work->call->started_at,
		    .confirmed = work->call->started_at,
		    .now = now,
		};
		enum connector_change change;
		r = connector_store_put(writer, &put, err, &change, &work->followed);
		if (r == 0)
			r = connector_store_created_by_us(
			    writer, work->followed.row, work->record->import_key, err);
	} else if (work->deleted) {
		struct found_connector found = {.row = 0};
		r = project_find_connector(project, work->record->connector_id, err, &found);
		if (r == 0)
			r = connector_store_delete(writer, found.row, true, now, err);
		work->followed.row = found.row;
		r = r == STORE_NONE ? 0 : r;
	}
	if (r)
		return r;
	if (work->created || work->deleted) {
		project_changed(project, CHANGE_CONNECTOR, NULL);
		project_changed(project, CHANGE_PROJECT, NULL);
	}
	project_changed(project, CHANGE_OPERATION, work->record->operation_id);
	return operation_store_update(writer, work->record, err);
}

/* Sending --------------------------------------------------------------------------------------*/

static const struct call_owner send_owner;

/* NULL without memory. */
static struct send_call *send_new(struct project *project, const struct operation_record *record)
{
	struct send_call *send = calloc(1, sizeof(*send));
	if (!send)
		return NULL;
	send->verb = verb_of(record->kind);
	call_init(&send->call, &send_owner, project, send->verb->endpoint, record->connector_id);
	snprintf(send->operation_id, sizeof(send->operation_id), "%s", record->operation_id);
	/* Rows of connectors, which are the other subjects, stay far below the highest bit. */
	send->call.subject = hash_of(span_of(record->operation_id)) | UINT64_C(1) << 63;
	return send;
}

static void operation_ended(struct send_call *send, const struct client_answer *answer);

/* The commit that says `sending` stands before the connection: see the top of this file. */
static void send_operation(
    struct project *project, struct outgoing *outgoing, struct operation_record *record)
{
	struct err err = ERR_INIT;
	struct send_call *send = send_new(project, record);
	if (!send) {
		outgoing->not_before = project_now(project) + RETRY_AFTER;
		return;
	}
	record->state = OPERATION_SENDING;
	record->sent_at = project_wall(project);
	record->account = send->call.settings->credential->fingerprint;
	record->sent_upstream_at = project->date_ahead == TIMESTAMP_NONE
				       ? TIMESTAMP_NONE
				       : project_now(project) + project->date_ahead;
	/* What will tell, if the outcome is not known, which connectors are new. */
	record->known_row = -1;
	int r = 0;
	if (project->loaded)
		r = connector_store_last_row(project_writer(project), &err, &record->known_row);
	struct operation_work work = {.call = &send->call, .record = record};
	if (r == 0)
		r = project_write(project, write_operation, &work, &err);
	if (r != 0) {
		log_write(commit_level(&project->sync->commit, LOG_LEVEL_ERROR),
		    "operation %s stays planned: %s", record->operation_id, err.text);
		outgoing->not_before = project_now(project) + RETRY_AFTER;
		send_free(send);
		return;
	}
	outgoing->in_flight = true;
	project->once_in_flight += !send->verb->repeatable;
	struct buffer url _cleanup_buffer_;
	buffer_init(&url, 8192);
	/* A body that the store cannot read is not the same as none. */
	if (record->kind == OPERATION_CREATE && !record->request.ptr)
		err_set(&err, "what is to be created cannot be read from the database any more");
	else if (call_url(&send->call, &url, &err) == 0 &&
		 call_send(&send->call, buffer_text(&url), record->request, &err) == 0)
		return;
	const struct client_answer none = {.outcome = CLIENT_NOT_SENT, .message = err.text};
	operation_ended(send, &none);
}

/* One create at a time, so that reconciliation cannot mistake whose connector is whose; and none
 * before the first listing was tried, after which a connector that is new is new indeed. */
static bool may_go(
    const struct project *project, const struct outgoing *outgoing, int64_t now, int64_t *next)
{
	if (outgoing->in_flight ||
	    (!outgoing->verb->repeatable && (project->once_in_flight > 0 || !project->list_tried)))
		return false;
	if (outgoing->not_before > now && outgoing->not_before < *next)
		*next = outgoing->not_before;
	return outgoing->not_before <= now;
}

bool outbox_send(struct project *project, int64_t now, int64_t *next)
{
	struct outgoing *outgoing;
	STAILQ_FOREACH (outgoing, &project->outgoing, entry)
		if (may_go(project, outgoing, now, next))
			break;
	if (!outgoing || !project_may_send(project, true, RATELIMIT_WRITE, now, next))
		return false;
	struct loaded_operation loaded _cleanup_loaded_operation_;
	struct err err = ERR_INIT;
	int r = operation_load(project, outgoing->operation_id, &err, &loaded);
	if (r < 0) {
		log_error("operation %s cannot be read: %s", outgoing->operation_id, err.text);
		outgoing->not_before = project_now(project) + RETRY_AFTER;
	} else if (r > 0 || loaded.record.state != OPERATION_PLANNED) {
		outgoing_over(project, outgoing);
	} else {
		send_operation(project, outgoing, &loaded.record);
	}
	return true;
}

/* Deciding -------------------------------------------------------------------------------------*/

/* The end is written: what it means for the rest of the project. */
static void after_end(const struct operation_work *work, int64_t pause)
{
	struct project *project = work->call->project;
	const struct operation_record *record = work->record;
	int64_t now = project_now(project);
	operation_log(project, record);
	if (work->created) {
		project_settle(project, work->followed.row, WITNESS_CREATED);
		project_follow(project, &work->followed);
	}
	if (work->deleted && work->followed.row) {
		project_settle(project, work->followed.row, WITNESS_REMOVED);
		refresh_drop(project, work->followed.row);
	}
	if (record->state == OPERATION_UNKNOWN)
		search_unknown(
		    project, record->row, record->search_base, work->call->begun_at, false);
	/* What another unknown create of the same import waited for may be decided by this. */
	if (record->kind == OPERATION_CREATE)
		search_same_import(project, record->import_key);
	struct outgoing *outgoing;
	STAILQ_FOREACH (outgoing, &project->outgoing, entry)
		if (strcmp(outgoing->operation_id, record->operation_id) == 0)
			break;
	if (!outgoing)
		return;
	outgoing->in_flight = false;
	if (record->state != OPERATION_PLANNED) {
		outgoing_over(project, outgoing);
		return;
	}
	if (outgoing->failing_since == INT64_MIN)
		outgoing->failing_since = now;
	int64_t delay = project_retry_delay(project, outgoing->failing_since);
	outgoing->not_before = now + (pause > delay ? pause : delay);
}

/* A list that is on its way was asked for too early to tell of what ends now. */
static unsigned lists_in_flight(const struct project *project)
{
	const struct call *call;
	LIST_FOREACH (call, &project->calls, entry)
		if (call->endpoint == ENDPOINT_LIST)
			return 1;
	return 0;
}

/* Whether it was confirmed of late that the connector which is to be deleted is there. */
static bool is_settling(const struct project *project, const struct operation_record *record)
{
	struct err err = ERR_INIT;
	struct found_connector found;
	if (record->kind != OPERATION_DELETE ||
	    project_find_connector(project, record->connector_id, &err, &found) != 0)
		return false;
	int64_t now = project_now(project);
	enum witness_hold hold = witness_held(&project->witness, found.row, now, now);
	return hold == WITNESS_CREATED || hold == WITNESS_SEEN;
}

/* Returns 0, or what project_write returned: nothing is written then. */
static int write_verdict(struct send_call *send, struct operation_record *record,
    struct verdict *verdict, const struct client_answer *answer, struct err *err)
{
	struct project *project = send->call.project;
	record->state = verdict->state;
	record->error_code = verdict->code;
	record->error_message = verdict->code ? verdict->message : NULL;
	record->upstream_status = answer->outcome == CLIENT_ANSWERED ? answer->status : 0;
	if (verdict->state == OPERATION_UNREACHABLE)
		record->sent_at = TIMESTAMP_NONE;
	if (verdict->has_connector)
		record->connector_id = verdict->connector.connector.connector_id;
	if (verdict->state != OPERATION_PLANNED && verdict->state != OPERATION_UNKNOWN)
		record->finished_at = project_wall(project);
	if (verdict->state == OPERATION_UNKNOWN) {
		record->unknown_at = project_wall(project);
		record->search_base = project->complete_listings + lists_in_flight(project);
	}
	struct operation_work work = {
	    .call = &send->call,
	    .record = record,
	    .created = verdict->has_connector ? &verdict->connector.connector : NULL,
	    .deleted = send->verb->removes && verdict->state == OPERATION_SUCCEEDED,
	};
	int r = project_write(project, write_operation, &work, err);
	if (r == 0)
		after_end(&work, answer->retry_after);
	return r;
}

static int write_end(struct send_call *send, const struct client_answer *answer, struct err *err)
{
	struct project *project = send->call.project;
	struct loaded_operation loaded _cleanup_loaded_operation_;
	int r = operation_load(project, send->operation_id, err, &loaded);
	if (r < 0)
		return -1;
	if (r > 0) {
		log_error("operation %s ended, but it is not in the store", send->operation_id);
		return 0;
	}
	struct verdict verdict _cleanup_verdict_;
	verb_decide(send->verb, answer, is_settling(project, &loaded.record), &verdict);
	r = write_verdict(send, &loaded.record, &verdict, answer, err);
	/* The stored message of a refusal is Mixpanel's own and lacks its id. */
	if (r == 0 && verdict.state == OPERATION_REJECTED && answer->request_id[0])
		log_info("project %s: %s was refused with " ENDPOINT_ID_HEADER " %s",
		    project->settings->name, send->operation_id, answer->request_id);
	return r;
}

/* An answer that the store does not take, for a reason that will not pass, is written as one that
 * was not understood: a listing or a person decides a create then. */
static int write_somehow(
    struct send_call *send, const struct client_answer *answer, struct err *err)
{
	int r = write_end(send, answer, err);
	if (r == 0 || r == STORE_FULL || r == STORE_BROKEN)
		return r;
	const struct client_answer none = {
	    .outcome = CLIENT_UNCLEAR,
	    .message = "Mixpanel answered, but the answer could not be stored",
	};
	struct err why = *err;
	r = write_end(send, &none, err);
	if (r == 0)
		log_error("project %s: Mixpanel's answer to operation %s could not be stored: %s",
		    send->call.project->settings->name, send->operation_id, why.text);
	return r;
}

/* The end is written. */
static void send_over(struct send_call *send)
{
	struct project *project = send->call.project;
	project->once_in_flight -= !send->verb->repeatable;
	send_free(send);
}

/* An end that cannot be written is kept until it can. In the database the operation is still
 * `sending`, so that a crash makes it unknown; so does an answer for which there is no memory. */
static void operation_ended(struct send_call *send, const struct client_answer *answer)
{
	struct project *project = send->call.project;
	struct err err = ERR_INIT;
	if (write_somehow(send, answer, &err) == 0) {
		send_over(send);
		return;
	}
	log_error("project %s: the end of operation %s could not be written, keeping it: %s",
	    project->settings->name, send->operation_id, err.text);
	send->ended = true;
	send->end = *answer;
	send->end_message = strdup(answer->message ? answer->message : "");
	send->end_body = malloc(answer->body.len + 1);
	if (send->end_message && send->end_body) {
		if (answer->body.len > 0)
			memcpy(send->end_body, answer->body.ptr, answer->body.len);
		send->end_body[answer->body.len] = '\0';
		send->end.message = send->end_message;
		send->end.body.ptr = send->end_body;
	} else {
		send->end = (struct client_answer){
		    .outcome = CLIENT_UNCLEAR,
		    .message = "no memory for Mixpanel's answer",
		};
	}
	STAILQ_INSERT_TAIL(&project->unsaved, send, unsaved);
}

/* Each by itself: one that cannot be written holds no other up. */
void outbox_save(struct project *project)
{
	struct unsaved_list rest = STAILQ_HEAD_INITIALIZER(rest);
	struct send_call *send;
	STAILQ_CONCAT(&rest, &project->unsaved);
	while ((send = STAILQ_FIRST(&rest))) {
		struct err err = ERR_INIT;
		STAILQ_REMOVE_HEAD(&rest, unsaved);
		int r = write_somehow(send, &send->end, &err);
		if (r == 0)
			send_over(send);
		else
			STAILQ_INSERT_TAIL(&project->unsaved, send, unsaved);
		if (r == STORE_FULL || r == STORE_BROKEN)
			break;
	}
	STAILQ_CONCAT(&project->unsaved, &rest);
}

static void send_ended(
    struct call *call, const struct client_answer *answer, enum call_verdict verdict)
{
	/* An operation's outcome comes from whomever it was sent to, whatever is configured now. */
	(void)verdict;
	operation_ended((struct send_call *)call, answer);
}

static void send_drop(struct call *call)
{
	send_free((struct send_call *)call);
}

static const struct call_owner send_owner = {.ended = send_ended, .drop = send_drop};

bool outbox_is_saved(const struct project *project)
{
	return STAILQ_EMPTY(&project->unsaved);
}

bool outbox_in_flight(const struct project *project)
{
	struct call *call;
	LIST_FOREACH (call, &project->calls, entry)
		if (call->owner == &send_owner && !((struct send_call *)call)->ended)
			return true;
	return false;
}
