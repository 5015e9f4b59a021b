/* SPDX-License-Identifier: MIT */
/* Listings, histories and single connectors: asked for page by page, gathered, and applied as a
 * whole. What cannot be read changes nothing but the error that stands beside the last good state.
 */
#include "sync/follow.h"
#include "sync/agenda.h"

#include <stdarg.h>
#include <stdlib.h>

#include "mixpanel/decode.h"
#include "mixpanel/envelope.h"
#include "mixpanel/kind.h"
#include "store/connector_store.h"
#include "store/project_store.h"
#include "sync/apply.h"
#include "sync/call.h"
#include "sync/search.h"
#include "util/log.h"
#include "util/url.h"

/* A connector that Mixpanel does not know has the list read, but not one list for each of many. */
#define LOOK_APART (5 * MICROSECONDS_PER_SECOND)

/* A call for the list, a history or a single connector. */
struct read_call {
	struct call call; /* first: the one is cast to the other */
	struct plan plan; /* of kind PLAN_NOTHING for the single connector of a refresh */
	uint64_t ticket;  /* of the refresh that waits for a single connector; 0: none */
	int64_t last_row; /* the last connector known when the list was asked for */
	struct pages pages;
	struct buffer next_url; /* the page that waits for its turn */
	/* What the sync block of the record is to show, why it was not read or not all of it; a
	 * code of NULL for nothing. */
	struct store_failure failure;
	char failure_message[256];
	STAILQ_ENTRY(read_call) paged;
};

static void read_free(struct read_call *read)
{
	if (!read)
		return;
	call_done(&read->call);
	pages_done(&read->pages);
	buffer_done(&read->next_url);
	free(read);
}

/* Into room for CONNECTOR_ID_LENGTH_LIMIT + 1 bytes. */
static int take_id(const struct connector_record *record, void *context)
{
	snprintf(context, CONNECTOR_ID_LENGTH_LIMIT + 1, "%s", record->connector.connector_id);
	return 0;
}

/* Failures -------------------------------------------------------------------------------------*/

PRINTF_LIKE(3, 4)
static void failure_set(struct read_call *read, const char *code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(read->failure_message, sizeof(read->failure_message), format, arguments);
	va_end(arguments);
	read->failure = (struct store_failure){
	    .code = code,
	    .message = read->failure_message,
	    .at = project_wall(read->call.project),
	};
}

static int write_failure(struct conn *writer, void *context, struct err *err)
{
	const struct read_call *read = context;
	struct project *project = read->call.project;
	if (read->call.endpoint == ENDPOINT_LIST) {
		project_changed(project, CHANGE_PROJECT, NULL);
		return project_store_list_failed(
		    writer, project->settings->project_id, &read->failure, err);
	}
	project_changed(project, CHANGE_CONNECTOR, NULL);
	return connector_store_failed(writer, read->plan.connector_row,
	    read->call.endpoint == ENDPOINT_GET ? CONNECTOR_PART_SINGLE : CONNECTOR_PART_HISTORY,
	    &read->failure, err);
}

static int take_failing(const struct connector_record *record, void *context)
{
	*(bool *)context = record->history_error_code != NULL;
	return 0;
}

/* The call comes to an end. Delay 0: it went well; otherwise it has no result, and what was planned
 * is asked again after its backoff, at least the delay. */
static void read_over(struct read_call *read, int64_t delay)
{
	struct project *project = read->call.project;
	bool good = delay == 0;
	planner_done(project->planner, &read->plan, delay, project_now(project));
	if (read->call.endpoint == ENDPOINT_LIST)
		refresh_listed(project, good, read->call.begun_at);
	else if (read->call.endpoint == ENDPOINT_HISTORY)
		refresh_history_read(project, read->plan.connector_row, read->call.begun_at);
	else
		refresh_single_read(project, read->ticket, good);
}

/* How the list does, when a list came to an end. */
static void note_listed(struct read_call *read)
{
	struct project *project = read->call.project;
	const struct store_failure *failure = &read->failure;
	upstream_listed(&project->upstream, failure->code, failure->message, project_wall(project));
	if (failure->code)
		project_troubled(project, failure->message);
}

/* The call ends with the failure that was set. */
static void call_failed(struct read_call *read, int64_t retry_after)
{
	struct project *project = read->call.project;
	struct err err = ERR_INIT;
	(void)project_write(project, write_failure, read, &err);
	if (read->call.endpoint == ENDPOINT_LIST)
		note_listed(read);
	else
		log_debug("project %s: connector %s could not be refreshed: %s",
		    project->settings->name, read->call.connector_id, read->failure_message);
	read_over(read, retry_after > 0 ? retry_after : 1);
}

static void call_undecodable(struct read_call *read, const struct err *err)
{
	tally_undecodable(&read->call.project->sync->tally);
	failure_set(read, "upstream-undecodable", "%s", err->text);
	call_failed(read, 0);
}

/* Our own store could not take the answer, which says nothing about Mixpanel. */
static void store_failed(struct read_call *read, const struct err *err)
{
	log_write(commit_level(&read->call.project->sync->commit, LOG_LEVEL_WARNING),
	    "project %s: Mixpanel's answer to the %s call could not be stored: %s",
	    read->call.project->settings->name, endpoint_name(read->call.endpoint), err->text);
	read_over(read, 1);
}

/* The call of the plan could not be made at all; read may be NULL. */
static void not_sent(
    struct project *project, struct read_call *read, const struct plan *plan, const char *message)
{
	log_error("project %s: a request to Mixpanel could not be made: %s",
	    project->settings->name, message);
	planner_done(project->planner, plan, 1, project_now(project));
	project->list_tried |= plan->kind == PLAN_LIST;
	read_free(read);
	refresh_end_all(project);
}

/* Applying -------------------------------------------------------------------------------------*/

struct listing_work {
	struct project *project;
	struct listing listing;
	struct listing_outcome outcome;
};

static int write_listing(struct conn *writer, void *context, struct err *err)
{
	struct listing_work *work = context;
	return apply_listing(
	    writer, &work->listing, &work->project->sync->commit.changes, err, &work->outcome);
}

/* What the listing lacks is looked at one by one; what it shows is there. */
static void take_presence(struct read_call *read, const struct listing_outcome *outcome)
{
	struct project *project = read->call.project;
	int64_t now = project_now(project);
	for (size_t i = 0; i < outcome->came.count; i++) {
		project_follow(project, &outcome->came.list[i]);
		search_connector(project, outcome->came.list[i].row);
	}
	for (size_t i = 0; i < outcome->doubted.count; i++) {
		/* Deleted, but listed: it is looked at by itself, as if somebody had asked. */
		int64_t row = outcome->doubted.rows[i];
		struct err err = ERR_INIT;
		char connector_id[CONNECTOR_ID_LENGTH_LIMIT + 1];
		uint64_t ticket;
		if (connector_store_get_row(
			project_writer(project), row, take_id, connector_id, &err) != 0 ||
		    refresh_begin(project, row, connector_id, &ticket) < 0)
			log_error("project %s: cannot look at a connector again: %s",
			    project->settings->name, err.text[0] ? err.text : "no memory");
	}
	if (!read->pages.complete)
		return;
	const struct row_list *missing = &outcome->missing;
	if (witness_lacking(&project->witness, missing->rows, missing->count, now) < 0)
		log_error("project %s: no memory to look for %zu connectors that the list lacks",
		    project->settings->name, missing->count);
	for (size_t i = 0; i < missing->count; i++)
		planner_want_single(project->planner, missing->rows[i], now);
}

static void apply_listing_call(struct read_call *read)
{
	struct project *project = read->call.project;
	struct listing_work work = {
	    .project = project,
	    .listing =
		{
		    .project_id = project->settings->project_id,
		    .pages = &read->pages,
		    .witness = &project->witness,
		    .last_row = read->last_row,
		    .started_at = read->call.started_at,
		    .begun_at = read->call.begun_at,
		    .now = project_wall(project),
		    .now_monotonic = project_now(project),
		},
	};
	struct err err = ERR_INIT;
	if (project_write(project, write_listing, &work, &err) == 0) {
		project->loaded = true;
		project->list_begun_at = read->call.begun_at;
		project->complete_listings += read->pages.complete;
		tally_changed(&project->sync->tally, 0, work.outcome.updated);
		take_presence(read, &work.outcome);
		search_listed(project, read->pages.complete, read->call.begun_at);
		agenda_project_read(project->sync->agenda, work.listing.project_id);
		note_listed(read);
		read_over(read, 0);
	} else {
		store_failed(read, &err);
	}
	listing_outcome_done(&work.outcome);
}

struct history_work {
	struct read_call *read;
	struct history history;
	struct history_outcome outcome;
};

static int write_history(struct conn *writer, void *context, struct err *err)
{
	struct history_work *work = context;
	struct read_call *read = work->read;
	struct project *project = read->call.project;
	int r = apply_history(
	    writer, &work->history, &project->sync->commit.changes, err, &work->outcome);
	if (r)
		return r;
	int64_t row = read->plan.connector_row;
	if (read->failure.code)
		return connector_store_failed(
		    writer, row, CONNECTOR_PART_HISTORY, &read->failure, err);
	return connector_store_read(writer, row, CONNECTOR_PART_HISTORY, err);
}

static void apply_history_call(struct read_call *read)
{
	struct project *project = read->call.project;
	struct history_work work = {
	    .read = read,
	    .history =
		{
		    .project_id = project->settings->project_id,
		    .connector_row = read->plan.connector_row,
		    .pages = &read->pages,
		    .doubts = &project->doubts,
		    .settle_time = read->call.settings->settle_time,
		    .started_at = read->call.started_at,
		    .begun_at = read->call.begun_at,
		    .now = project_wall(project),
		},
	};
	struct err err = ERR_INIT;
	if (project_write(project, write_history, &work, &err) != 0) {
		store_failed(read, &err);
		return;
	}
	int64_t now = project_now(project);
	tally_changed(&project->sync->tally, work.outcome.changed, 0);
	planner_found(project->planner, read->plan.connector_row, work.outcome.unfinished, now);
	agenda_read(project->sync->agenda, read->plan.connector_row);
	read_over(read, 0);
	/* Mixpanel pauses what fails, and only a single read tells. */
	if (work.outcome.ended_badly)
		planner_want_single(project->planner, read->plan.connector_row, now);
}

struct single_work {
	struct read_call *read;
	const struct connector *connector;
	enum connector_change change;
	struct followed_connector followed;
};

static int write_single(struct conn *writer, void *context, struct err *err)
{
	struct single_work *work = context;
	struct read_call *read = work->read;
	struct project *project = read->call.project;
	const struct connector_put put = {
	    .project_id = project->settings->project_id,
	    .connector = work->connector,
	    .revive = witness_held(&project->witness, read->plan.connector_row, read->call.begun_at,
			  project_now(project)) != WITNESS_REMOVED,
	    .observed_at = read->call.started_at,
	    .confirmed = read->call.started_at,
	    .now = project_wall(project),
	};
	int r = connector_store_put(writer, &put, err, &work->change, &work->followed);
	if (r == 0)
		r = connector_store_read(writer, work->followed.row, CONNECTOR_PART_SINGLE, err);
	if (r == 0 && work->change != CONNECTOR_SAME)
		project_changed(project, CHANGE_CONNECTOR, NULL);
	return r;
}

static void apply_single_call(struct read_call *read, struct span body)
{
	struct project *project = read->call.project;
	struct err err = ERR_INIT;
	struct decoded_connector answer;
	if (decode_connector(body, &err, &answer) < 0) {
		call_undecodable(read, &err);
		return;
	}
	struct single_work work = {.read = read, .connector = &answer.connector};
	if (!text_same(answer.connector.connector_id, read->call.connector_id)) {
		failure_set(read, "upstream-undecodable",
		    "asked for connector %s, Mixpanel answered with another one",
		    read->call.connector_id);
		call_failed(read, 0);
	} else if (project_write(project, write_single, &work, &err) != 0) {
		store_failed(read, &err);
	} else {
		tally_changed(&project->sync->tally, 0, work.change != CONNECTOR_SAME);
		if (work.change == CONNECTOR_NEW || work.change == CONNECTOR_REVIVED)
			project_follow(project, &work.followed);
		agenda_read(project->sync->agenda, work.followed.row);
		if (work.change != CONNECTOR_STAYS_DELETED) {
			witness_not_absent(&project->witness, work.followed.row);
			project_settle(project, work.followed.row, WITNESS_SEEN);
		}
		read_over(read, 0);
	}
	decoded_done(&answer.decoded);
}

static int write_gone(struct conn *writer, void *context, struct err *err)
{
	struct read_call *read = context;
	struct project *project = read->call.project;
	project_changed(project, CHANGE_CONNECTOR, NULL);
	project_changed(project, CHANGE_PROJECT, NULL);
	return connector_store_delete(
	    writer, read->plan.connector_row, false, project_wall(project), err);
}

/* The second witness: a complete listing lacks the connector, and Mixpanel itself says, asked
 * afterwards, that it does not know it. */
static void apply_gone(struct read_call *read)
{
	struct project *project = read->call.project;
	int64_t row = read->plan.connector_row;
	struct err err = ERR_INIT;
	if (project_write(project, write_gone, read, &err) != 0) {
		store_failed(read, &err);
		return;
	}
	log_info("project %s: connector %s is gone from Mixpanel", project->settings->name,
	    read->call.connector_id);
	tally_changed(&project->sync->tally, 0, 1);
	witness_not_absent(&project->witness, row);
	project_settle(project, row, WITNESS_OBSERVED);
	search_connector(project, row);
	read_over(read, 0);
	refresh_drop(project, row);
}

/* Answers --------------------------------------------------------------------------------------*/

/* Whether the call goes on with another page. Where it does not although there is more, the answer
 * is incomplete: what came is kept, nothing is concluded from what is missing. */
static bool has_next_page(struct read_call *read)
{
	struct pages *pages = &read->pages;
	const struct decoded_page *said = pages_last(pages);
	struct err err = ERR_INIT;
	if (pages->cut[0] || !said->has_more)
		return false;
	buffer_clear(&read->next_url);
	if (!said->next_url)
		pages_cut(pages, "it is said to go on, but not where");
	else if (!pages->list[pages->count - 1].news)
		pages_cut(pages, "page %zu brings nothing new", pages->count);
	else if (url_next(&read->next_url, read->call.settings->base_url, said->next_url, &err) < 0)
		pages_cut(pages, "the address of the next page is refused: %s", err.text);
	else if (pages_follow(pages, buffer_text(&read->next_url)) < 0)
		pages_cut(pages, "no memory for the next page");
	return !pages->cut[0];
}

/* Returns whether the call goes on. */
static bool page_arrived(struct read_call *read, struct span body)
{
	struct project *project = read->call.project;
	struct pages *pages = &read->pages;
	struct err err = ERR_INIT;
	if (pages_add(pages, body, &err) < 0) {
		call_undecodable(read, &err);
		return false;
	}
	if (pages->count == 0) {
		failure_set(read, "upstream-listing-incomplete", "%s", pages->cut);
		call_failed(read, 0);
		return false;
	}
	if (has_next_page(read)) {
		STAILQ_INSERT_TAIL(&project->paged, read, paged);
		return true;
	}
	pages->complete = !pages_last(pages)->has_more && !pages->cut[0] && pages->unreadable == 0;
	const char *name = endpoint_name(read->call.endpoint);
	if (pages->unreadable > 0) {
		tally_undecodable(&project->sync->tally);
		failure_set(read, "upstream-entries-unreadable",
		    "%zu of the entries of Mixpanel's %s cannot be read, beginning with %s",
		    pages->unreadable, name, pages->odd);
	} else if (!pages->complete) {
		failure_set(read, "upstream-listing-incomplete", "Mixpanel's %s is not whole: %s",
		    name, pages->cut);
	}
	if (read->call.endpoint == ENDPOINT_LIST)
		apply_listing_call(read);
	else
		apply_history_call(read);
	return false;
}

/* Only a complete list says that a connector is gone: look. Once, for if it is still listed looking
 * again will not help. */
static void look_for_unknown(struct read_call *read)
{
	struct project *project = read->call.project;
	/* Whether the connector could not be read the last time either. */
	struct err err = ERR_INIT;
	bool failing = false;
	(void)connector_store_get_row(
	    project_writer(project), read->plan.connector_row, take_failing, &failing, &err);
	if (failing)
		return;
	int64_t at = project_now(project);
	if (project->list_begun_at > at - LOOK_APART)
		at = project->list_begun_at + LOOK_APART;
	planner_list_not_later(project->planner, at);
}

static void take_refusal(struct read_call *read, const struct client_answer *answer)
{
	struct project *project = read->call.project;
	int64_t row = read->plan.connector_row;
	int64_t begun_at = read->call.begun_at;
	bool unknown = read->call.endpoint != ENDPOINT_LIST && answer->outcome == CLIENT_ANSWERED &&
		       answer->status == 404 && decode_is_refusal(answer->body);
	if (unknown && read->call.endpoint == ENDPOINT_GET &&
	    witness_is_absent(&project->witness, row, begun_at) &&
	    witness_held(&project->witness, row, begun_at, project_now(project)) == WITNESS_FREE) {
		apply_gone(read);
		return;
	}
	if (unknown)
		look_for_unknown(read);
	char message[sizeof(read->failure_message)];
	answer_describe(answer, message, sizeof(message));
	const char *code = upstream_judge(answer, false).code;
	if (!code[0])
		code = answer->status == 404 ? "upstream-not-found" : "upstream-error";
	failure_set(read, code, "%s", message);
	call_failed(read, answer->retry_after);
}

static void read_ended(
    struct call *call, const struct client_answer *answer, enum call_verdict verdict)
{
	struct read_call *read = (struct read_call *)call;
	struct project *project = call->project;
	bool goes_on = false;
	if (verdict == CALL_OUTDATED)
		read_over(read, 1);
	else if (!answer_succeeded(answer))
		take_refusal(read, answer);
	else if (call->endpoint == ENDPOINT_GET)
		apply_single_call(read, answer->body);
	else
		goes_on = page_arrived(read, answer->body);
	if (goes_on)
		return;
	project->list_tried |= call->endpoint == ENDPOINT_LIST;
	read_free(read);
	if (verdict == CALL_FAILED)
		refresh_end_all(project);
}

static void read_drop(struct call *call)
{
	read_free((struct read_call *)call);
}

/* Sending --------------------------------------------------------------------------------------*/

static const struct call_owner read_owner = {.ended = read_ended, .drop = read_drop};

/* Asks for the page at next_url. */
static int read_send(struct read_call *read, struct err *err)
{
	return call_send(&read->call, buffer_text(&read->next_url), SPAN_NONE, err);
}

/* NULL without memory. */
static struct read_call *read_new(
    struct project *project, const struct plan *plan, const char *connector_id)
{
	const struct import_kind *kind = import_kind(CONNECTOR_CLOUD_IMPORT);
	bool list = plan->kind == PLAN_LIST;
	struct read_call *read = calloc(1, sizeof(*read));
	if (!read)
		return NULL;
	call_init(&read->call, &read_owner, project,
	    list                         ? kind->list
	    : plan->kind == PLAN_HISTORY ? kind->history
					 : kind->single,
	    connector_id);
	read->plan = *plan;
	read->call.known = plan->retry;
	read->call.subject = list ? UPSTREAM_LIST : (uint64_t)plan->connector_row;
	pages_init(&read->pages, list ? PAGES_LISTING : PAGES_HISTORY, &project->sync->page_bytes);
	buffer_init(&read->next_url, 8192);
	return read;
}

/* Makes the call of a plan, or the one for a single connector that a refresh waits for, else NULL,
 * and asks for its first page. */
static void read_begin(
    struct project *project, const struct plan *plan, const struct refresh_single *single)
{
	struct err err = ERR_INIT;
	struct read_call *read = read_new(project, plan, single ? single->connector_id : NULL);
	if (!read) {
		not_sent(project, NULL, plan, "no memory");
		return;
	}
	int r = 0;
	if (single) {
		read->ticket = single->ticket;
		refresh_single_sent(project, single->ticket);
	} else if (plan->kind == PLAN_LIST) {
		r = connector_store_last_row(project_writer(project), &err, &read->last_row);
	} else {
		r = connector_store_get_row(project_writer(project), plan->connector_row, take_id,
		    read->call.connector_id, &err);
	}
	if (r == 0)
		r = call_url(&read->call, &read->next_url, &err);
	if (r == 0 && pages_follow(&read->pages, buffer_text(&read->next_url)) < 0)
		r = err_set(&err, "no memory for the %s call", endpoint_name(read->call.endpoint));
	if (r == 0)
		r = read_send(read, &err);
	if (r != 0)
		not_sent(project, read, plan, err.text);
}

void follow_send_plan(struct project *project, const struct plan *plan, int64_t now)
{
	planner_started(project->planner, plan, now);
	read_begin(project, plan, NULL);
}

const struct plan *follow_waiting_page(const struct project *project)
{
	const struct read_call *read = STAILQ_FIRST(&project->paged);
	return read ? &read->plan : NULL;
}

void follow_send_page(struct project *project)
{
	struct err err = ERR_INIT;
	struct read_call *read = STAILQ_FIRST(&project->paged);
	STAILQ_REMOVE_HEAD(&project->paged, paged);
	if (read_send(read, &err) < 0)
		not_sent(project, read, &read->plan, err.text);
}

void follow_send_single(struct project *project, const struct refresh_single *single)
{
	const struct plan plan = {.kind = PLAN_NOTHING, .connector_row = single->row};
	read_begin(project, &plan, single);
}
