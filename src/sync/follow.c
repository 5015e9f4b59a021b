/* SPDX-License-Identifier: MIT */
/* Listings, histories and single connectors: asked for page by page, gathered, and applied as a
 * whole. What cannot be read changes nothing but the error that stands beside the last good state.
 */
#include "sync/follow.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

/* What the sync block of a record shows when its refresh failed. */
struct failure {
	const char *code;
	int64_t retry_after; /* microseconds, when Mixpanel asked for it; else 0 */
	char message[256];
};

PRINTF_LIKE(3, 4)
static void failure_set(struct failure *failure, const char *code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	failure->code = code;
	failure->retry_after = 0;
	vsnprintf(failure->message, sizeof(failure->message), format, arguments);
	va_end(arguments);
}

/* A call for the list, a history or a single connector. */
struct read_call {
	struct call call; /* first, see read_of */
	struct plan plan; /* of kind PLAN_NOTHING for what nobody planned */
	uint64_t ticket;  /* of the refresh that waits for a single connector; 0: none */
	int64_t last_row; /* the last connector known when the list was asked for */
	struct pages pages;
	struct buffer next_url; /* the page that waits for its turn */
	STAILQ_ENTRY(read_call) paged;
};

static struct read_call *read_of(struct call *call)
{
	return (struct read_call *)call;
}

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

struct failed_work {
	struct read_call *read;
	const struct failure *failure;
};

static int write_failure(struct conn *writer, void *context, struct err *err)
{
	struct failed_work *work = context;
	struct read_call *read = work->read;
	struct project *project = read->call.project;
	const struct store_failure failure = {
	    .code = work->failure->code,
	    .message = work->failure->message,
	    .at = project_wall(project),
	};
	int r = 0;
	if (read->call.endpoint == ENDPOINT_LIST)
		r = project_store_list_failed(writer, project->settings->project_id, &failure, err);
	else
		r = connector_store_failed(writer, read->plan.connector_row,
		    read->call.endpoint == ENDPOINT_GET ? CONNECTOR_PART_SINGLE
							: CONNECTOR_PART_HISTORY,
		    &failure, err);
	if (r == 0)
		project_changed(project,
		    read->call.endpoint == ENDPOINT_LIST ? CHANGE_PROJECT : CHANGE_CONNECTOR, NULL);
	return r;
}

static int take_failing(const struct connector_record *record, void *context)
{
	*(bool *)context = record->history_error_code != NULL;
	return 0;
}

/* The call ends without a result; it is planned again after its backoff, at least the delay. */
static void call_given_up(struct read_call *read, int64_t delay)
{
	struct project *project = read->call.project;
	if (read->plan.kind != PLAN_NOTHING)
		planner_done(project->planner, &read->plan, delay, project_now(project));
	if (read->call.endpoint == ENDPOINT_LIST)
		refresh_listed(project, false, read->call.begun_at);
	else if (read->call.endpoint == ENDPOINT_HISTORY)
		refresh_history_read(project, read->plan.connector_row, read->call.begun_at);
	else
		refresh_single_read(project, read->ticket, false);
}

static void call_failed(struct read_call *read, const struct failure *failure)
{
	struct project *project = read->call.project;
	struct failed_work work = {.read = read, .failure = failure};
	struct err err = ERR_INIT;
	(void)project_write(project, write_failure, &work, &err);
	if (read->call.endpoint == ENDPOINT_LIST) {
		upstream_listed(
		    &project->upstream, failure->code, failure->message, project_wall(project));
		project_troubled(project, failure->message);
	} else {
		log_debug("project %s: connector %s could not be refreshed: %s",
		    project->settings->name, read->call.connector_id, failure->message);
	}
	call_given_up(read, failure->retry_after > 0 ? failure->retry_after : 1);
}

/* Our own store could not take the answer, which says nothing about Mixpanel. */
static void store_failed(struct read_call *read, const struct err *err)
{
	log_write(commit_level(&read->call.project->sync->commit, LOG_LEVEL_WARNING),
	    "project %s: Mixpanel's answer to the %s call could not be stored: %s",
	    read->call.project->settings->name, endpoint_name(read->call.endpoint), err->text);
	call_given_up(read, 1);
}

/* The planned call could not be made at all; NULL for none. */
static void not_sent(
    struct project *project, struct read_call *read, const struct plan *plan, const char *message)
{
	log_error("project %s: a request to Mixpanel could not be made: %s",
	    project->settings->name, message);
	if (plan)
		planner_done(project->planner, plan, 1, project_now(project));
	project->list_tried |= plan && plan->kind == PLAN_LIST;
	read_free(read);
	refresh_end_all(project);
}

/* Applying -------------------------------------------------------------------------------------*/

/* What the sync block shows of a list or a history that was read, but not all of it. Returns
 * whether there is something to show. */
static bool tell_incomplete(const struct read_call *read, struct failure *failure)
{
	const struct pages *pages = &read->pages;
	if (pages->complete)
		return false;
	if (pages->unreadable > 0)
		failure_set(failure, "upstream-entries-unreadable",
		    "%zu of the entries of Mixpanel's %s cannot be read, beginning with %s",
		    pages->unreadable, endpoint_name(read->call.endpoint), pages->odd);
	else
		failure_set(failure, "upstream-listing-incomplete",
		    "Mixpanel's %s is not whole: %s", endpoint_name(read->call.endpoint),
		    pages->cut);
	return true;
}

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

/* A deleted connector that a list shows is looked at by itself, as if somebody had asked. */
static void look_again(struct project *project, int64_t row)
{
	struct err err = ERR_INIT;
	char connector_id[CONNECTOR_ID_LENGTH_LIMIT + 1];
	uint64_t ticket;
	if (connector_store_get_row(project_writer(project), row, take_id, connector_id, &err) !=
		0 ||
	    refresh_begin(project, row, connector_id, &ticket) < 0)
		log_error("project %s: cannot look at a connector again: %s",
		    project->settings->name, err.text[0] ? err.text : "no memory");
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
	for (size_t i = 0; i < outcome->doubted.count; i++)
		look_again(project, outcome->doubted.rows[i]);
	if (!read->pages.complete)
		return;
	const struct row_list *missing = &outcome->missing;
	if (witness_lacking(&project->witness, missing->rows, missing->count, now) < 0)
		log_error("project %s: no memory to look for %zu connectors that the list lacks",
		    project->settings->name, missing->count);
	for (size_t i = 0; i < missing->count; i++)
		planner_want_single(project->planner, missing->rows[i], now);
}

static void note_listed(struct read_call *read)
{
	struct project *project = read->call.project;
	int64_t wall = project_wall(project);
	struct failure failure;
	if (!tell_incomplete(read, &failure)) {
		upstream_listed(&project->upstream, NULL, NULL, wall);
		return;
	}
	upstream_listed(&project->upstream, failure.code, failure.message, wall);
	project_troubled(project, failure.message);
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
		int64_t now = project_now(project);
		project->loaded = true;
		project->list_begun_at = read->call.begun_at;
		project->complete_listings += read->pages.complete;
		tally_changed(&project->sync->tally, 0, work.outcome.updated);
		take_presence(read, &work.outcome);
		search_listed(project, read->pages.complete, read->call.begun_at);
		note_listed(read);
		planner_done(project->planner, &read->plan, 0, now);
		refresh_listed(project, true, read->call.begun_at);
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
	struct failure failure;
	if (r)
		return r;
	if (tell_incomplete(read, &failure)) {
		const struct store_failure lack = {
		    .code = failure.code,
		    .message = failure.message,
		    .at = project_wall(project),
		};
		return connector_store_failed(
		    writer, read->plan.connector_row, CONNECTOR_PART_HISTORY, &lack, err);
	}
	return connector_store_read(writer, read->plan.connector_row, CONNECTOR_PART_HISTORY, err);
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
	planner_done(project->planner, &read->plan, 0, now);
	/* Mixpanel pauses what fails, and only a single read tells. */
	if (work.outcome.ended_badly)
		planner_want_single(project->planner, read->plan.connector_row, now);
	refresh_history_read(project, read->plan.connector_row, read->call.begun_at);
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

/* The planned call came to an end; the refresh that asked for it goes on with the history. */
static void single_over(struct read_call *read)
{
	struct project *project = read->call.project;
	if (read->plan.kind == PLAN_SINGLE)
		planner_done(project->planner, &read->plan, 0, project_now(project));
	refresh_single_read(project, read->ticket, true);
}

static void apply_single_call(struct read_call *read, struct span body)
{
	struct project *project = read->call.project;
	struct failure failure;
	struct err err = ERR_INIT;
	struct decoded_connector answer;
	if (decode_connector(body, &err, &answer) < 0) {
		tally_undecodable(&project->sync->tally);
		failure_set(&failure, "upstream-undecodable", "%s", err.text);
		call_failed(read, &failure);
		return;
	}
	struct single_work work = {.read = read, .connector = &answer.connector};
	if (!text_same(answer.connector.connector_id, read->call.connector_id)) {
		failure_set(&failure, "upstream-undecodable",
		    "asked for connector %s, Mixpanel answered with another one",
		    read->call.connector_id);
		call_failed(read, &failure);
	} else if (project_write(project, write_single, &work, &err) != 0) {
		store_failed(read, &err);
	} else {
		tally_changed(&project->sync->tally, 0, work.change != CONNECTOR_SAME);
		if (work.change == CONNECTOR_NEW || work.change == CONNECTOR_REVIVED)
			project_follow(project, &work.followed);
		if (work.change != CONNECTOR_STAYS_DELETED) {
			witness_not_absent(&project->witness, work.followed.row);
			project_settle(project, work.followed.row, WITNESS_SEEN);
		}
		single_over(read);
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
	single_over(read);
	refresh_drop(project, row);
}

/* Answers --------------------------------------------------------------------------------------*/

static int take_next_url(struct read_call *read, const char *next_url)
{
	struct pages *pages = &read->pages;
	struct err err = ERR_INIT;
	if (!next_url)
		return pages_cut(pages, "it is said to go on, but not where");
	if (!pages->list[pages->count - 1].news)
		return pages_cut(pages, "page %zu brings nothing new", pages->count);
	buffer_clear(&read->next_url);
	if (url_next(&read->next_url, read->call.settings->base_url, next_url, &err) < 0)
		return pages_cut(pages, "the address of the next page is refused: %s", err.text);
	int r = pages_follow(pages, buffer_text(&read->next_url));
	return r < 0 ? pages_cut(pages, "no memory for the next page") : -r;
}

/* Whether the call goes on with another page. Where it does not although there is more, the answer
 * is incomplete: what came is kept, nothing is concluded from what is missing. */
static bool queue_next_page(struct read_call *read)
{
	const struct decoded_page *said = pages_last(&read->pages);
	if (read->pages.cut[0] || !said->has_more || take_next_url(read, said->next_url) < 0)
		return false;
	STAILQ_INSERT_TAIL(&read->call.project->paged, read, paged);
	return true;
}

/* Returns whether the call goes on. */
static bool page_arrived(struct read_call *read, struct span body)
{
	struct err err = ERR_INIT;
	struct failure failure;
	int r = pages_add(&read->pages, body, &err);
	if (r < 0) {
		tally_undecodable(&read->call.project->sync->tally);
		failure_set(&failure, "upstream-undecodable", "%s", err.text);
		call_failed(read, &failure);
		return false;
	}
	if (read->pages.count == 0) {
		failure_set(&failure, "upstream-listing-incomplete", "%s", read->pages.cut);
		call_failed(read, &failure);
		return false;
	}
	if (queue_next_page(read))
		return true;
	struct pages *pages = &read->pages;
	if (pages->unreadable > 0)
		tally_undecodable(&read->call.project->sync->tally);
	pages->complete = !pages_last(pages)->has_more && !pages->cut[0] && pages->unreadable == 0;
	if (read->call.endpoint == ENDPOINT_LIST)
		apply_listing_call(read);
	else
		apply_history_call(read);
	return false;
}

static const char *code_of_status(long status)
{
	switch (status) {
	case 401:
	case 403:
		return "upstream-unauthorized";
	case 404:
		return "upstream-not-found";
	case 429:
		return "upstream-rate-limited";
	default:
		return "upstream-error";
	}
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

/* Whether a single read that found nothing is the second witness. */
static bool may_be_gone(const struct read_call *read)
{
	const struct witness *witness = &read->call.project->witness;
	int64_t row = read->plan.connector_row;
	return witness_is_absent(witness, row, read->call.begun_at) &&
	       witness_held(witness, row, read->call.begun_at, project_now(read->call.project)) ==
		   WITNESS_FREE;
}

static void take_refusal(struct read_call *read, const struct client_answer *answer)
{
	struct failure failure;
	if (answer->outcome == CLIENT_ANSWERED)
		failure.code = code_of_status(answer->status);
	else
		failure.code = answer->status ? "upstream-undecodable" : "upstream-unreachable";
	failure.retry_after = answer->retry_after;
	answer_describe(answer, failure.message, sizeof(failure.message));
	bool unknown = read->call.endpoint != ENDPOINT_LIST && answer->outcome == CLIENT_ANSWERED &&
		       answer->status == 404 && decode_is_refusal(answer->body);
	if (unknown && read->call.endpoint == ENDPOINT_GET && may_be_gone(read)) {
		apply_gone(read);
		return;
	}
	if (unknown)
		look_for_unknown(read);
	call_failed(read, &failure);
}

static void read_ended(
    struct call *call, const struct client_answer *answer, enum call_verdict verdict)
{
	struct read_call *read = read_of(call);
	struct project *project = call->project;
	bool list = call->endpoint == ENDPOINT_LIST;
	bool goes_on = false;
	if (verdict == CALL_OUTDATED)
		call_given_up(read, 1);
	else if (!answer_succeeded(answer))
		take_refusal(read, answer);
	else if (call->endpoint == ENDPOINT_GET)
		apply_single_call(read, answer->body);
	else
		goes_on = page_arrived(read, answer->body);
	if (goes_on)
		return;
	project->list_tried |= list;
	read_free(read);
	if (verdict == CALL_FAILED)
		refresh_end_all(project);
}

static void read_drop(struct call *call)
{
	read_free(read_of(call));
}

/* Sending --------------------------------------------------------------------------------------*/

static const struct call_owner read_owner = {.ended = read_ended, .drop = read_drop};

static enum endpoint plan_endpoint(const struct plan *plan)
{
	const struct import_kind *kind = import_kind(CONNECTOR_CLOUD_IMPORT);
	return plan->kind == PLAN_LIST      ? kind->list
	       : plan->kind == PLAN_HISTORY ? kind->history
					    : kind->single;
}

/* NULL without memory. */
static struct read_call *read_new(struct project *project, const struct plan *plan)
{
	struct read_call *read = calloc(1, sizeof(*read));
	if (!read)
		return NULL;
	call_init(&read->call, &read_owner, project, plan_endpoint(plan), NULL);
	read->plan = *plan;
	read->call.known = plan->retry;
	read->call.subject =
	    plan->kind == PLAN_LIST ? UPSTREAM_LIST : (uint64_t)plan->connector_row;
	pages_init(&read->pages, plan->kind == PLAN_LIST ? PAGES_LISTING : PAGES_HISTORY,
	    &project->sync->page_bytes);
	buffer_init(&read->next_url, 8192);
	return read;
}

/* Asks for the page at next_url. */
static int read_send(struct read_call *read, struct err *err)
{
	return call_send(&read->call, buffer_text(&read->next_url), SPAN_NONE, err);
}

static int read_send_first(struct read_call *read, struct err *err)
{
	if (call_url(&read->call, &read->next_url, err) < 0)
		return -1;
	if (pages_follow(&read->pages, buffer_text(&read->next_url)) < 0)
		return err_set(
		    err, "no memory for the %s call", endpoint_name(read->call.endpoint));
	return read_send(read, err);
}

/* What the call has to know of the store. Returns 0, 1 when the connector is not there, or -1. */
static int follow_prepare(struct read_call *read, struct err *err)
{
	struct conn *writer = project_writer(read->call.project);
	if (read->call.endpoint == ENDPOINT_LIST)
		return connector_store_last_row(writer, err, &read->last_row);
	return connector_store_get_row(
	    writer, read->plan.connector_row, take_id, read->call.connector_id, err);
}

void follow_send_plan(struct project *project, const struct plan *plan, int64_t now)
{
	struct err err = ERR_INIT;
	planner_started(project->planner, plan, now);
	struct read_call *read = read_new(project, plan);
	if (!read) {
		not_sent(project, NULL, plan, "no memory");
		return;
	}
	if (follow_prepare(read, &err) != 0 || read_send_first(read, &err) < 0)
		not_sent(project, read, plan, err.text);
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
	struct plan plan = read->plan;
	STAILQ_REMOVE_HEAD(&project->paged, paged);
	if (read_send(read, &err) < 0)
		not_sent(project, read, &plan, err.text);
}

void follow_send_single(struct project *project, const struct refresh_single *single)
{
	struct err err = ERR_INIT;
	const struct plan plan = {.kind = PLAN_SINGLE, .connector_row = single->row};
	struct read_call *read = read_new(project, &plan);
	if (!read) {
		not_sent(project, NULL, NULL, "no memory");
		return;
	}
	read->plan.kind = PLAN_NOTHING;
	read->ticket = single->ticket;
	snprintf(
	    read->call.connector_id, sizeof(read->call.connector_id), "%s", single->connector_id);
	refresh_single_sent(project, single->ticket);
	if (read_send_first(read, &err) < 0)
		not_sent(project, read, NULL, err.text);
}
