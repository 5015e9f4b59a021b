/* SPDX-License-Identifier: MIT */
/* Listings, histories and single connectors: asked for page by page, gathered, and applied as a
 * whole. What cannot be read changes nothing but the error that stands beside the last good state.
 */
#include <string.h>

#include "mixpanel/decode.h"
#include "store/connector_store.h"
#include "store/job_store.h"
#include "store/project_store.h"
#include "sync/engine_private.h"
#include "util/log.h"
#include "util/timestamp.h"
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

/* Refreshes somebody asked for -----------------------------------------------------------------*/

static void refresh_end(struct project *project, struct refresh *refresh)
{
	LIST_REMOVE(refresh, entry);
	engine_close_ticket(project->engine, project->settings->project_id, refresh->ticket);
	free(refresh->rows);
	free(refresh);
}

void refresh_end_all(struct project *project)
{
	while (!LIST_EMPTY(&project->refreshes))
		refresh_end(project, LIST_FIRST(&project->refreshes));
}

static struct refresh *find_refresh(struct project *project, uint64_t ticket)
{
	struct refresh *refresh;
	LIST_FOREACH (refresh, &project->refreshes, entry)
		if (refresh->ticket == ticket)
			return refresh;
	return NULL;
}

int refresh_begin(
    struct project *project, int64_t row, const char *connector_id, uint64_t *ret_ticket)
{
	struct refresh *refresh;
	LIST_FOREACH (refresh, &project->refreshes, entry)
		if (refresh->connector_row == row) {
			*ret_ticket = refresh->ticket;
			return 0;
		}
	refresh = calloc(1, sizeof(*refresh));
	if (!refresh || engine_open_ticket(project->engine, &refresh->ticket) < 0) {
		free(refresh);
		return -1;
	}
	refresh->begun_at = engine_now(project->engine);
	refresh->connector_row = row;
	snprintf(refresh->connector_id, sizeof(refresh->connector_id), "%s",
	    connector_id ? connector_id : "");
	LIST_INSERT_HEAD(&project->refreshes, refresh, entry);
	if (row == 0)
		planner_want_list(project->planner, true);
	*ret_ticket = refresh->ticket;
	return 0;
}

/* Rows are positive, and negated once they are done with. */
static int compare_rows(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a;
	int64_t right = *(const int64_t *)b;
	left = left < 0 ? -left : left;
	right = right < 0 ? -right : right;
	return (left > right) - (left < right);
}

static void note_history_row(struct project *project, struct refresh *refresh, int64_t row)
{
	int64_t *found = refresh->count == 0 ? NULL
					     : bsearch(&row, refresh->rows, refresh->count,
						   sizeof(row), compare_rows);
	if (!found || *found < 0)
		return;
	*found = -row;
	if (--refresh->left == 0)
		refresh_end(project, refresh);
}

/* A history was read, or will not be. begun_at tells which refreshes it counts for. */
static void note_history(struct project *project, int64_t row, int64_t begun_at)
{
	struct refresh *refresh = LIST_FIRST(&project->refreshes);
	while (refresh) {
		struct refresh *following = LIST_NEXT(refresh, entry);
		if (refresh->phase == REFRESH_HISTORIES && refresh->begun_at <= begun_at)
			note_history_row(project, refresh, row);
		refresh = following;
	}
}

static int refresh_add_row(struct refresh *refresh, int64_t row)
{
	if (refresh->count == refresh->size) {
		size_t size = refresh->size ? 2 * refresh->size : 16;
		int64_t *rows = reallocarray(refresh->rows, size, sizeof(*rows));
		if (!rows)
			return -1;
		refresh->rows = rows;
		refresh->size = size;
	}
	refresh->rows[refresh->count++] = row;
	return 0;
}

static int gather_row(const struct followed_connector *connector, void *context)
{
	return refresh_add_row(context, connector->row);
}

/* Those that are not followed will not be read. */
static void want_histories(struct project *project, struct refresh *refresh)
{
	refresh->left = refresh->count;
	for (size_t i = 0; i < refresh->count; i++) {
		int64_t row = refresh->rows[i];
		bool wanted = refresh->connector_row
				  ? planner_want_history(project->planner, row, true)
				  : planner_want_bulk(project->planner, row, true);
		if (wanted)
			continue;
		refresh->rows[i] = -row;
		refresh->left--;
	}
}

/* The records are in; now the histories of all of them. */
static void refresh_go_on(struct project *project, struct refresh *refresh)
{
	struct err err = ERR_INIT;
	refresh->phase = REFRESH_HISTORIES;
	int r = refresh->connector_row
		    ? refresh_add_row(refresh, refresh->connector_row)
		    : connector_store_each_followed(project->engine->writer,
			  project->settings->project_id, gather_row, refresh, &err);
	if (r == 0)
		want_histories(project, refresh);
	else
		log_error("project %s: a refresh ends early: %s", project->settings->name,
		    err.text[0] ? err.text : "no memory");
	if (refresh->left == 0)
		refresh_end(project, refresh);
}

/* The list was read, or could not be. */
static void note_listing(struct project *project, bool good, int64_t begun_at)
{
	struct refresh *refresh = LIST_FIRST(&project->refreshes);
	while (refresh) {
		struct refresh *following = LIST_NEXT(refresh, entry);
		if (refresh->connector_row == 0 && refresh->phase == REFRESH_RECORDS &&
		    refresh->begun_at <= begun_at) {
			if (good)
				refresh_go_on(project, refresh);
			else
				refresh_end(project, refresh);
		}
		refresh = following;
	}
}

/* Into room for CONNECTOR_ID_LENGTH_LIMIT + 1 bytes. */
static int take_id(
    const struct connector_record *record, const struct job_record *latest, void *context)
{
	(void)latest;
	snprintf(context, CONNECTOR_ID_LENGTH_LIMIT + 1, "%s", record->connector.connector_id);
	return 0;
}

/* Following ------------------------------------------------------------------------------------*/

/* Nothing is read of it any more, so no refresh is to wait for that. */
void refresh_drop(struct project *project, int64_t row)
{
	planner_remove(project->planner, row);
	note_history(project, row, INT64_MAX);
}

static int is_unfinished(const struct job_record *record, void *context)
{
	(void)context;
	return job_is_over(record) ? 0 : 1;
}

/* Whether a job is still to come to its end; the latest tells, unless that one is gone. */
static bool has_unfinished(struct project *project, int64_t row, const struct job_record *latest)
{
	struct err err = ERR_INIT;
	if (!latest || !job_is_over(latest))
		return latest != NULL;
	return job_store_each_open(project->engine->writer, row, is_unfinished, NULL, &err) > 0;
}

static int follow_record(
    const struct connector_record *record, const struct job_record *latest, void *context)
{
	struct project *project = context;
	/* Deleted while its history was on its way, say. */
	if (record->deleted_at != TIMESTAMP_NONE) {
		refresh_drop(project, record->row);
		return 0;
	}
	int64_t created_at = record->connector.created_at;
	const struct followed_connector connector = {
	    .row = record->row,
	    .created_at = created_at == TIMESTAMP_NONE ? record->first_seen_at : created_at,
	    .history_synced_at = record->history_synced_at,
	    .status_known_at = record->status_known_at,
	    .unfinished = has_unfinished(project, record->row, latest),
	};
	return project_follow(&connector, project);
}

void refresh_follow(struct project *project, int64_t row)
{
	struct err err = ERR_INIT;
	if (connector_store_get_row(project->engine->writer, row, follow_record, project, &err) < 0)
		log_error("project %s: cannot follow a connector: %s", project->settings->name,
		    err.text[0] ? err.text : "no memory");
}

/* Failures -------------------------------------------------------------------------------------*/

struct failed_work {
	struct call *call;
	const struct failure *failure;
};

static int write_failure(struct conn *writer, void *context, struct err *err)
{
	struct failed_work *work = context;
	struct call *call = work->call;
	struct engine *engine = call->project->engine;
	int64_t project_id = call->project->settings->project_id;
	int64_t now = engine_wall(engine);
	int r = 0;
	if (call->kind == CALL_LIST)
		r = project_store_list_failed(
		    writer, project_id, work->failure->code, work->failure->message, now, err);
	else
		r = connector_store_failed(writer, call->plan.connector_row,
		    call->kind == CALL_GET ? CONNECTOR_PART_SINGLE : CONNECTOR_PART_HISTORY,
		    work->failure->code, work->failure->message, now, err);
	if (r == 0)
		changes_add(&engine->changes,
		    call->kind == CALL_LIST ? CHANGE_PROJECT : CHANGE_CONNECTOR, project_id, NULL);
	return r;
}

static int take_failing(
    const struct connector_record *record, const struct job_record *latest, void *context)
{
	(void)latest;
	*(bool *)context = record->history_error_code != NULL;
	return 0;
}

/* Whether the connector could not be read the last time either. */
static bool was_failing(struct call *call)
{
	struct err err = ERR_INIT;
	bool failing = false;
	(void)connector_store_get_row(
	    call->project->engine->writer, call->plan.connector_row, take_failing, &failing, &err);
	return failing;
}

/* The call ends without a result; it is planned again after its backoff, at least the delay. */
static void call_given_up(struct call *call, int64_t delay)
{
	struct project *project = call->project;
	struct refresh *refresh = find_refresh(project, call->ticket);
	if (call->plan.kind != PLAN_NOTHING)
		planner_done(project->planner, &call->plan, delay, engine_now(project->engine));
	if (call->kind == CALL_LIST)
		note_listing(project, false, call->begun_at);
	else if (call->kind == CALL_HISTORY)
		note_history(project, call->plan.connector_row, call->begun_at);
	else if (refresh)
		refresh_end(project, refresh);
}

static void call_failed(struct call *call, const struct failure *failure)
{
	struct project *project = call->project;
	struct engine *engine = project->engine;
	struct failed_work work = {.call = call, .failure = failure};
	struct err err = ERR_INIT;
	(void)engine_write(engine, write_failure, &work, &err);
	if (call->kind == CALL_LIST) {
		upstream_listed(
		    &project->upstream, failure->code, failure->message, engine_wall(engine));
		project_troubled(project, failure->message);
	} else {
		log_debug("project %s: connector %s could not be refreshed: %s",
		    project->settings->name, call->connector_id, failure->message);
	}
	call_given_up(call, failure->retry_after > 0 ? failure->retry_after : 1);
}

/* Our own store could not take the answer: nothing is said about Mixpanel. */
static void store_failed(struct call *call, const struct err *err)
{
	log_write(engine_write_level(call->project->engine, LOG_LEVEL_WARNING),
	    "project %s: Mixpanel's answer to the %s call could not be stored: %s",
	    call->project->settings->name, endpoint_name(call->endpoint), err->text);
	call_given_up(call, 1);
}

void refresh_not_sent(
    struct project *project, struct call *call, const struct plan *plan, const char *message)
{
	log_error("project %s: a request to Mixpanel could not be made: %s",
	    project->settings->name, message);
	if (plan)
		planner_done(project->planner, plan, 1, engine_now(project->engine));
	project->list_tried |= plan && plan->kind == PLAN_LIST;
	call_free(call);
	refresh_end_all(project);
}

/* Applying -------------------------------------------------------------------------------------*/

/* What the sync block shows of a list or a history that was read, but not all of it. Returns
 * whether there is something to show. */
static bool tell_incomplete(const struct call *call, struct failure *failure)
{
	const struct pages *pages = &call->pages;
	if (pages->complete)
		return false;
	if (pages->unreadable > 0)
		failure_set(failure, "upstream-entries-unreadable",
		    "%zu of the entries of Mixpanel's %s cannot be read, beginning with %s",
		    pages->unreadable, endpoint_name(call->endpoint), pages->odd);
	else
		failure_set(failure, "upstream-listing-incomplete",
		    "Mixpanel's %s is not whole: %s", endpoint_name(call->endpoint), pages->cut);
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
	struct engine *engine = work->project->engine;
	return apply_listing(writer, &work->listing, &engine->changes, err, &work->outcome);
}

/* A deleted connector that a list shows is looked at by itself, as if somebody had asked. */
static void look_again(struct project *project, int64_t row)
{
	struct err err = ERR_INIT;
	char connector_id[CONNECTOR_ID_LENGTH_LIMIT + 1];
	uint64_t ticket;
	if (connector_store_get_row(project->engine->writer, row, take_id, connector_id, &err) !=
		0 ||
	    refresh_begin(project, row, connector_id, &ticket) < 0)
		log_error("project %s: cannot look at a connector again: %s",
		    project->settings->name, err.text[0] ? err.text : "no memory");
}

/* What the listing lacks is looked at one by one; what it shows is there. */
static void take_presence(struct call *call, const struct listing_outcome *outcome)
{
	struct project *project = call->project;
	int64_t now = engine_now(project->engine);
	for (size_t i = 0; i < outcome->came.count; i++) {
		refresh_follow(project, outcome->came.rows[i]);
		search_connector(project, outcome->came.rows[i]);
	}
	for (size_t i = 0; i < outcome->doubted.count; i++)
		look_again(project, outcome->doubted.rows[i]);
	if (!call->pages.complete)
		return;
	const struct row_list *missing = &outcome->missing;
	if (witness_lacking(&project->witness, missing->rows, missing->count, now) < 0)
		log_error("project %s: no memory to look for %zu connectors that the list lacks",
		    project->settings->name, missing->count);
	for (size_t i = 0; i < missing->count; i++)
		planner_want_single(project->planner, missing->rows[i], now);
}

static void note_listed(struct call *call)
{
	struct project *project = call->project;
	int64_t wall = engine_wall(project->engine);
	struct failure failure;
	if (!tell_incomplete(call, &failure)) {
		upstream_listed(&project->upstream, NULL, NULL, wall);
		return;
	}
	upstream_listed(&project->upstream, failure.code, failure.message, wall);
	project_troubled(project, failure.message);
}

static void listing_applied(struct call *call, const struct listing_work *work)
{
	struct project *project = call->project;
	struct engine *engine = project->engine;
	int64_t now = engine_now(engine);
	project->loaded = true;
	project->list_begun_at = call->begun_at;
	project->complete_listings += call->pages.complete;
	engine_count_changed(engine, 0, work->outcome.updated);
	take_presence(call, &work->outcome);
	search_listed(project, call->pages.complete, call->begun_at);
	note_listed(call);
	planner_done(project->planner, &call->plan, 0, now);
	note_listing(project, true, call->begun_at);
}

static void apply_listing_call(struct call *call)
{
	struct project *project = call->project;
	struct listing_work work = {
	    .project = project,
	    .listing =
		{
		    .project_id = project->settings->project_id,
		    .pages = &call->pages,
		    .witness = &project->witness,
		    .last_row = call->last_row,
		    .started_at = call->started_at,
		    .begun_at = call->begun_at,
		    .now = engine_wall(project->engine),
		    .now_monotonic = engine_now(project->engine),
		},
	};
	struct err err = ERR_INIT;
	if (engine_write(project->engine, write_listing, &work, &err) == 0)
		listing_applied(call, &work);
	else
		store_failed(call, &err);
	listing_outcome_done(&work.outcome);
}

struct history_work {
	struct call *call;
	struct history history;
	struct history_outcome outcome;
};

static int write_history(struct conn *writer, void *context, struct err *err)
{
	struct history_work *work = context;
	struct call *call = work->call;
	struct engine *engine = call->project->engine;
	int r = apply_history(writer, &work->history, &engine->changes, err, &work->outcome);
	struct failure failure;
	if (r)
		return r;
	if (tell_incomplete(call, &failure))
		return connector_store_failed(writer, call->plan.connector_row,
		    CONNECTOR_PART_HISTORY, failure.code, failure.message, engine_wall(engine),
		    err);
	return connector_store_read(writer, call->plan.connector_row, CONNECTOR_PART_HISTORY, err);
}

static void apply_history_call(struct call *call)
{
	struct project *project = call->project;
	struct history_work work = {
	    .call = call,
	    .history =
		{
		    .project_id = project->settings->project_id,
		    .connector_row = call->plan.connector_row,
		    .pages = &call->pages,
		    .doubts = &project->doubts,
		    .settle_time = call->settings->settle_time,
		    .started_at = call->started_at,
		    .begun_at = call->begun_at,
		    .now = engine_wall(project->engine),
		},
	};
	struct err err = ERR_INIT;
	if (engine_write(project->engine, write_history, &work, &err) != 0) {
		store_failed(call, &err);
		return;
	}
	int64_t now = engine_now(project->engine);
	engine_count_changed(project->engine, work.outcome.changed, 0);
	refresh_follow(project, call->plan.connector_row);
	planner_done(project->planner, &call->plan, 0, now);
	/* Mixpanel pauses what fails, and only a single read tells. */
	if (work.outcome.ended_badly)
		planner_want_single(project->planner, call->plan.connector_row, now);
	note_history(project, call->plan.connector_row, call->begun_at);
}

struct single_work {
	struct call *call;
	const struct connector *connector;
	enum connector_change change;
	int64_t row;
};

static int write_single(struct conn *writer, void *context, struct err *err)
{
	struct single_work *work = context;
	struct call *call = work->call;
	struct project *project = call->project;
	const struct connector_put put = {
	    .project_id = project->settings->project_id,
	    .connector = work->connector,
	    .revive = witness_held(&project->witness, call->plan.connector_row, call->begun_at,
			  engine_now(project->engine)) != WITNESS_REMOVED,
	    .observed_at = call->started_at,
	    .confirmed = call->started_at,
	    .now = engine_wall(project->engine),
	};
	int r = connector_store_put(writer, &put, err, &work->change, &work->row);
	if (r == 0)
		r = connector_store_read(writer, work->row, CONNECTOR_PART_SINGLE, err);
	if (r == 0 && work->change != CONNECTOR_SAME)
		changes_add(&project->engine->changes, CHANGE_CONNECTOR, put.project_id, NULL);
	return r;
}

/* The planned call came to an end; the refresh that asked for it goes on with the history. */
static void single_over(struct call *call)
{
	struct project *project = call->project;
	struct refresh *refresh = find_refresh(project, call->ticket);
	if (call->plan.kind == PLAN_SINGLE)
		planner_done(project->planner, &call->plan, 0, engine_now(project->engine));
	if (refresh)
		refresh_go_on(project, refresh);
}

static void single_found(struct call *call, const struct single_work *work)
{
	struct project *project = call->project;
	engine_count_changed(project->engine, 0, work->change != CONNECTOR_SAME);
	if (work->change == CONNECTOR_NEW || work->change == CONNECTOR_REVIVED)
		refresh_follow(project, work->row);
	if (work->change != CONNECTOR_STAYS_DELETED) {
		witness_not_absent(&project->witness, work->row);
		project_settle(project, work->row, WITNESS_SEEN);
	}
	single_over(call);
}

static void apply_single_call(struct call *call, struct span body)
{
	struct project *project = call->project;
	struct failure failure;
	struct err err = ERR_INIT;
	struct decoded_connector answer;
	if (decode_connector(body, &err, &answer) < 0) {
		engine_count_undecodable(project->engine);
		failure_set(&failure, "upstream-undecodable", "%s", err.text);
		call_failed(call, &failure);
		return;
	}
	struct single_work work = {.call = call, .connector = &answer.connector};
	if (!text_same(answer.connector.connector_id, call->connector_id)) {
		failure_set(&failure, "upstream-undecodable",
		    "asked for connector %s, Mixpanel answered with another one",
		    call->connector_id);
		call_failed(call, &failure);
	} else if (engine_write(project->engine, write_single, &work, &err) != 0) {
		store_failed(call, &err);
	} else {
		single_found(call, &work);
	}
	decoded_done(&answer.decoded);
}

static int write_gone(struct conn *writer, void *context, struct err *err)
{
	struct call *call = context;
	struct engine *engine = call->project->engine;
	int64_t project_id = call->project->settings->project_id;
	changes_add(&engine->changes, CHANGE_CONNECTOR, project_id, NULL);
	changes_add(&engine->changes, CHANGE_PROJECT, project_id, NULL);
	return connector_store_delete(
	    writer, call->plan.connector_row, false, engine_wall(engine), err);
}

/* The second witness: a complete listing lacks the connector, and Mixpanel itself says, asked
 * afterwards, that it does not know it. */
static void apply_gone(struct call *call)
{
	struct project *project = call->project;
	int64_t row = call->plan.connector_row;
	struct err err = ERR_INIT;
	if (engine_write(project->engine, write_gone, call, &err) != 0) {
		store_failed(call, &err);
		return;
	}
	log_info("project %s: connector %s is gone from Mixpanel", project->settings->name,
	    call->connector_id);
	engine_count_changed(project->engine, 0, 1);
	witness_not_absent(&project->witness, row);
	project_settle(project, row, WITNESS_OBSERVED);
	search_connector(project, row);
	single_over(call);
	refresh_drop(project, row);
}

/* Answers --------------------------------------------------------------------------------------*/

/* What a page says of the next one. */
struct page_end {
	bool has_more;
	bool news; /* it has an entry that no page before it had, or one that cannot be read */
	char next_url[4096];
};

static void take_page(struct pages *pages, const struct decoded_page *page, struct page_end *end)
{
	end->has_more = page->has_more;
	end->news = page->unreadable > 0;
	int len = snprintf(
	    end->next_url, sizeof(end->next_url), "%s", page->next_url ? page->next_url : "");
	/* An address cut short would be another address. */
	if (len < 0 || (size_t)len >= sizeof(end->next_url))
		end->next_url[0] = '\0';
	if (pages->unreadable == 0 && page->odd)
		snprintf(pages->odd, sizeof(pages->odd), "%s", page->odd);
	pages->unreadable += page->unreadable;
}

/* Which entries there are matters only where there is more than one page. */
static bool is_paged(const struct call *call, const struct page_end *end)
{
	return end->has_more || call->pages.count > 0;
}

static int decode_listing_page(
    struct call *call, struct span body, struct err *err, struct page_end *end)
{
	struct decoded_listing page;
	int r = 0;
	if (decode_listing(body, err, &page) < 0)
		return -1;
	take_page(&call->pages, &page.page, end);
	for (size_t i = 0; i < page.count && r >= 0 && is_paged(call, end); i++) {
		r = pages_note(&call->pages, span_of(page.connectors[i].connector_id));
		end->news |= r > 0;
	}
	decoded_done(&page.decoded);
	return r < 0 ? err_set(err, "no memory for a page of the list") : 0;
}

static int decode_history_page(
    struct call *call, struct span body, struct err *err, struct page_end *end)
{
	struct decoded_history page;
	int r = 0;
	if (decode_history(body, err, &page) < 0)
		return -1;
	take_page(&call->pages, &page.page, end);
	for (size_t i = 0; i < page.count && r >= 0 && is_paged(call, end); i++) {
		r = pages_note(&call->pages, page.runs[i].raw);
		end->news |= r > 0;
	}
	decoded_done(&page.decoded);
	return r < 0 ? err_set(err, "no memory for a page of the history") : 0;
}

static int take_next_url(struct call *call, const struct page_end *end)
{
	struct pages *pages = &call->pages;
	struct err err = ERR_INIT;
	if (!end->next_url[0])
		return pages_cut(pages, "it is said to go on, but not where");
	if (!end->news)
		return pages_cut(pages, "page %zu brings nothing new", pages->count);
	buffer_clear(&call->next_url);
	if (url_next(&call->next_url, call->settings->base_url, end->next_url, &err) < 0)
		return pages_cut(pages, "the address of the next page is refused: %s", err.text);
	int r = pages_follow(pages, buffer_text(&call->next_url));
	return r < 0 ? pages_cut(pages, "no memory for the next page") : -r;
}

/* Whether the call goes on with another page. Where it does not although there is more, the answer
 * is incomplete: what came is kept, nothing is concluded from what is missing. */
static bool queue_next_page(struct call *call, const struct page_end *end)
{
	if (call->pages.cut[0] || !end->has_more || take_next_url(call, end) < 0)
		return false;
	STAILQ_INSERT_TAIL(&call->project->paged, call, paged);
	return true;
}

static void pages_ended(struct call *call, const struct page_end *end)
{
	struct pages *pages = &call->pages;
	if (pages->unreadable > 0)
		engine_count_undecodable(call->project->engine);
	pages->complete = !end->has_more && !pages->cut[0] && pages->unreadable == 0;
	if (call->kind == CALL_LIST)
		apply_listing_call(call);
	else
		apply_history_call(call);
}

/* Returns whether the call goes on. */
static bool page_arrived(struct call *call, struct span body)
{
	struct err err = ERR_INIT;
	struct failure failure;
	struct page_end end = {.has_more = false};
	int r = call->kind == CALL_LIST ? decode_listing_page(call, body, &err, &end)
					: decode_history_page(call, body, &err, &end);
	if (r == 0)
		r = pages_add(&call->pages, body, &err);
	if (r < 0) {
		engine_count_undecodable(call->project->engine);
		failure_set(&failure, "upstream-undecodable", "%s", err.text);
		call_failed(call, &failure);
		return false;
	}
	if (call->pages.count == 0) {
		failure_set(&failure, "upstream-listing-incomplete", "%s", call->pages.cut);
		call_failed(call, &failure);
		return false;
	}
	if (queue_next_page(call, &end))
		return true;
	pages_ended(call, &end);
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

static void describe(struct failure *failure, const struct client_answer *answer)
{
	if (answer->outcome == CLIENT_ANSWERED)
		failure->code = code_of_status(answer->status);
	else
		failure->code = answer->status ? "upstream-undecodable" : "upstream-unreachable";
	failure->retry_after = answer->retry_after;
	upstream_describe(answer, failure->message, sizeof(failure->message));
}

/* Only a complete list says that a connector is gone: look. Once, for if it is still listed looking
 * again will not help. */
static void look_for_unknown(struct call *call)
{
	struct project *project = call->project;
	if (was_failing(call))
		return;
	int64_t at = engine_now(project->engine);
	if (project->list_begun_at > at - LOOK_APART)
		at = project->list_begun_at + LOOK_APART;
	planner_list_not_later(project->planner, at);
}

/* Whether a single read that found nothing is the second witness. */
static bool may_be_gone(const struct call *call)
{
	const struct witness *witness = &call->project->witness;
	int64_t row = call->plan.connector_row;
	return witness_is_absent(witness, row, call->begun_at) &&
	       witness_held(witness, row, call->begun_at, engine_now(call->project->engine)) ==
		   WITNESS_FREE;
}

static void take_refusal(struct call *call, const struct client_answer *answer)
{
	struct failure failure;
	describe(&failure, answer);
	bool unknown = call->kind != CALL_LIST && answer->outcome == CLIENT_ANSWERED &&
		       answer->status == 404 && decode_is_refusal(answer->body);
	if (unknown && call->kind == CALL_GET && may_be_gone(call)) {
		apply_gone(call);
		return;
	}
	if (unknown)
		look_for_unknown(call);
	call_failed(call, &failure);
}

void refresh_ended(struct call *call, const struct client_answer *answer, bool failed)
{
	struct project *project = call->project;
	bool goes_on = false;
	if (!upstream_succeeded(answer))
		take_refusal(call, answer);
	else if (call->kind == CALL_GET)
		apply_single_call(call, answer->body);
	else
		goes_on = page_arrived(call, answer->body);
	if (goes_on)
		return;
	project->list_tried |= call->kind == CALL_LIST;
	call_free(call);
	if (failed)
		refresh_end_all(project);
}

void refresh_outdated(struct call *call)
{
	call->project->list_tried |= call->kind == CALL_LIST;
	call_given_up(call, 1);
	call_free(call);
}

/* Sending --------------------------------------------------------------------------------------*/

static const struct {
	enum call_kind kind;
	enum endpoint endpoint;
} calls_of[] = {
    [PLAN_LIST] = {CALL_LIST, ENDPOINT_LIST},
    [PLAN_HISTORY] = {CALL_HISTORY, ENDPOINT_HISTORY},
    [PLAN_SINGLE] = {CALL_GET, ENDPOINT_GET},
};
_Static_assert(ARRAY_SIZE(calls_of) == PLAN_SINGLE + 1, "a plan has no call");

/* What the call has to know of the store. Returns 0, 1 when the connector is not there, or -1. */
static int prepare_call(struct call *call, struct err *err)
{
	struct conn *writer = call->project->engine->writer;
	if (call->kind == CALL_LIST)
		return connector_store_last_row(writer, err, &call->last_row);
	return connector_store_get_row(
	    writer, call->plan.connector_row, take_id, call->connector_id, err);
}

void refresh_send_plan(struct project *project, const struct plan *plan, int64_t now)
{
	struct err err = ERR_INIT;
	planner_started(project->planner, plan, now);
	struct call *call =
	    call_new(project, calls_of[plan->kind].kind, calls_of[plan->kind].endpoint);
	if (!call) {
		refresh_not_sent(project, NULL, plan, "no memory");
		return;
	}
	call->plan = *plan;
	if (prepare_call(call, &err) != 0 || call_send(call, NULL, SPAN_NONE, &err) < 0)
		refresh_not_sent(project, call, plan, err.text);
}

void refresh_send_page(struct call *call)
{
	struct err err = ERR_INIT;
	struct plan plan = call->plan;
	if (call_send(call, buffer_text(&call->next_url), SPAN_NONE, &err) < 0)
		refresh_not_sent(call->project, call, &plan, err.text);
}

void refresh_send_get(struct project *project, struct refresh *refresh)
{
	struct err err = ERR_INIT;
	struct call *call = call_new(project, CALL_GET, ENDPOINT_GET);
	if (!call) {
		refresh_not_sent(project, NULL, NULL, "no memory");
		return;
	}
	call->ticket = refresh->ticket;
	call->plan.connector_row = refresh->connector_row;
	snprintf(call->connector_id, sizeof(call->connector_id), "%s", refresh->connector_id);
	refresh->phase = REFRESH_RECORDS_FLIGHT;
	if (call_send(call, NULL, SPAN_NONE, &err) < 0)
		refresh_not_sent(project, call, NULL, err.text);
}
