/* SPDX-License-Identifier: MIT */
/* What became of the creates whose outcome is unknown.
 *
 * What can go wrong: searching for them undoes or blocks something else, permanently when there are
 * many; a connector is given to the wrong create; one that turns up late is overlooked.
 *
 * Why it cannot: each create is looked at in a transaction of its own, a few in each turn, with one
 * look-up by index for what could be its outcome, however many others are open. It is looked
 * at after the first list that was asked for since it became unknown, and again whenever something
 * came, went or was decided that asks for the same import: any list may decide it, the thousandth
 * too. The deciding itself is in reconcile.h. */
#include "sync/search.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "model/operation.h"
#include "store/operation_store.h"
#include "sync/operation.h"
#include "sync/reconcile.h"
#include "util/array.h"
#include "util/jsontext.h"
#include "util/timestamp.h"
#include "util/writer.h"

/* A create whose answer was lost may still be on its way through Mixpanel. This delay gives it time
 * to arrive before a list is searched for it; by then its caller knows that the outcome is unknown.
 */
#define SEARCH_AFTER MICROSECONDS_PER_SECOND

/* So many are looked at in a turn, and offered to a person at most. */
#define SEARCHES_A_TURN 8
#define CANDIDATES_LIMIT 100
#define CANDIDATES_JSON_LIMIT ((size_t)64 * 1024)

/* After this many complete lists it is considered lost. */
#define LISTINGS_NEEDED 2

/* A create whose outcome is unknown, and when to look for it. Times are monotonic. */
struct search {
	int64_t row;
	int64_t listings_from; /* of the project's complete listings, those beyond count */
	int64_t look_from;     /* a list asked for earlier says nothing of it */
	int64_t over_from;     /* a complete list asked for so late is the last hope */
	bool fresh;            /* no list has been looked through yet */
	bool look;             /* now */
	bool give_up;          /* and say so, if it is not found */
	bool over;             /* the record says so */
};

static struct search *find_search(const struct project *project, int64_t row)
{
	const struct search wanted = {.row = row};
	if (project->searches.count == 0)
		return NULL;
	return bsearch(&wanted, project->searches.list, project->searches.count, sizeof(wanted),
	    array_compare);
}

void search_unknown(
    struct project *project, int64_t row, int64_t search_base, int64_t sent_at, bool over)
{
	const struct config_project *settings = project->settings;
	/* Neither may Mixpanel carry it out later, nor its lists show it later than so. */
	int64_t wait = settings->settle_time > settings->write_timeout ? settings->settle_time
								       : settings->write_timeout;
	const struct search search = {
	    .row = row,
	    .listings_from = search_base,
	    .look_from = project_now(project) + SEARCH_AFTER,
	    .over_from = sent_at + wait,
	    .fresh = true,
	    .over = over,
	};
	planner_list_not_later(project->planner, search.look_from);
	if (find_search(project, row))
		return;
	struct search *list =
	    array_grow(project->searches.list, project->searches.count, sizeof(*list));
	if (!list) {
		log_error("project %s: no memory to look for the outcome of a create before the "
			  "next start",
		    settings->name);
		return;
	}
	size_t place = project->searches.count++;
	for (; place > 0 && list[place - 1].row > row; place--)
		list[place] = list[place - 1];
	list[place] = search;
	project->searches.list = list;
}

void search_end(struct project *project, int64_t row)
{
	struct search *search = find_search(project, row);
	if (!search)
		return;
	size_t behind = (size_t)(project->searches.list + project->searches.count - (search + 1));
	memmove(search, search + 1, behind * sizeof(*search));
	project->searches.count--;
}

static int look_at_one(const struct operation_record *record, void *context)
{
	struct search *search = find_search(context, record->row);
	if (search && !search->fresh)
		search->look = true;
	return 0;
}

void search_same_import(struct project *project, const char *import_key)
{
	struct err err = ERR_INIT;
	if (project->searches.count == 0 || !import_key)
		return;
	if (operation_store_each_import(project_writer(project), project->settings->project_id,
		import_key, look_at_one, project, &err) != 0)
		log_error("project %s: cannot look for the outcomes of creates: %s",
		    project->settings->name, err.text);
}

static int take_connector_key(const struct connector_record *record, void *context)
{
	const struct connector *connector = &record->connector;
	return connector_import_key(context, connector->connector_type, connector->data_format,
	    connector->bucket, connector->prefix);
}

void search_connector(struct project *project, int64_t connector_row)
{
	struct err err = ERR_INIT;
	struct buffer key _cleanup_buffer_;
	buffer_init(&key, 1024 * 1024);
	if (project->searches.count == 0)
		return;
	if (connector_store_get_row(
		project_writer(project), connector_row, take_connector_key, &key, &err) == 0)
		search_same_import(project, buffer_text(&key));
}

void search_listed(struct project *project, bool complete, int64_t begun_at)
{
	for (size_t i = 0; i < project->searches.count; i++) {
		struct search *search = &project->searches.list[i];
		if (search->fresh && begun_at >= search->look_from) {
			search->fresh = false;
			search->look = true;
		}
		search->give_up |=
		    complete && !search->over && begun_at >= search->over_from &&
		    project->complete_listings >= search->listings_from + LISTINGS_NEEDED;
		search->look |= search->give_up;
	}
}

/* Looking --------------------------------------------------------------------------------------*/

struct looking {
	struct project *project;
	const struct search *search;
	const struct operation_record *record; /* as it is stored */
	json_t *body;                          /* what was asked for */
	struct reconcile_create create;
	struct buffer candidates; /* JSON */
	struct writer writer;
	size_t candidate_count;
	/* the last of them: */
	char outcome[CONNECTOR_ID_LENGTH_LIMIT + 1];
	int64_t outcome_row;
	bool fits;
	bool undecided; /* until another create has come to its end */
	enum operation_state state;
	struct err *err;
};

/* Another open create that may have made the only candidate there is. */
static int look_at_rival(const struct operation_record *record, void *context)
{
	struct looking *looking = context;
	if (record->row == looking->record->row || record->state == OPERATION_PLANNED ||
	    record->known_row >= looking->outcome_row)
		return 0;
	struct err err = ERR_INIT;
	json_t *body _cleanup_json_ = NULL;
	if (jsontext_parse(record->request, 0, &err, &body) == 0 &&
	    !connector_bodies_same_import(looking->body, body))
		return 0;
	looking->undecided = record->state == OPERATION_SENDING;
	return STORE_ENOUGH;
}

static int take_candidate(const struct connector_record *record, void *context)
{
	struct looking *looking = context;
	const struct operation_record *create = looking->record;
	const char *id = record->connector.connector_id;
	if (record->deleted_at != TIMESTAMP_NONE || looking->candidate_count == CANDIDATES_LIMIT ||
	    !connector_is_same_import(looking->body, &record->connector))
		return 0;
	int claimed = operation_store_claims(
	    project_writer(looking->project), create->project_id, id, create->row, looking->err);
	if (claimed != 0)
		return claimed < 0 ? -1 : 0;
	const struct reconcile_connector connector = {
	    .row = record->row,
	    .created_at = record->connector.created_at,
	    .created_by = record->connector.created_by,
	};
	enum reconcile_fit fit = reconcile_fit(&looking->create, &connector);
	if (fit == RECONCILE_OTHER)
		return 0;
	looking->fits = fit == RECONCILE_FITS;
	looking->outcome_row = record->row;
	snprintf(looking->outcome, sizeof(looking->outcome), "%s", id);
	writer_text(&looking->writer, id);
	looking->candidate_count++;
	return 0;
}

/* Returns 0, or -1. */
static int gather(struct looking *looking)
{
	struct conn *writer = project_writer(looking->project);
	const struct operation_record *create = looking->record;
	struct buffer creator _cleanup_buffer_;
	buffer_init(&creator, 64 * 1024);
	looking->create = (struct reconcile_create){
	    .known_row = create->known_row,
	    .sent_at = create->sent_at,
	    .sent_upstream_at = create->sent_upstream_at,
	};
	int r = 1;
	if (create->account)
		r = operation_store_creator(
		    writer, create->project_id, create->account, looking->err, &creator);
	if (r < 0)
		return -1;
	if (r == 0)
		looking->create.creator = buffer_text(&creator);
	writer_begin_array(&looking->writer);
	/* Mixpanel's echo may have a form of its own, which is why the key is not the last word. */
	const struct import_query later = {
	    .project_id = create->project_id,
	    .import_key = create->import_key,
	    .after_row = create->known_row,
	};
	r = connector_store_each_import(writer, &later, take_candidate, looking, looking->err);
	writer_end_array(&looking->writer);
	if (r == 0 && buffer_failed(&looking->candidates))
		r = err_set(looking->err, "no memory for the candidates of a create");
	if (r == 0 && looking->candidate_count == 1 && looking->fits) {
		r = operation_store_each_import(writer, create->project_id, create->import_key,
		    look_at_rival, looking, looking->err);
		looking->fits = r == 0;
	}
	return r < 0 ? -1 : 0;
}

struct found_work {
	struct project *project;
	const struct operation_record *record;
};

static int write_found(struct conn *writer, void *context, struct err *err)
{
	const struct found_work *work = context;
	project_changed(work->project, CHANGE_OPERATION, work->record->operation_id);
	return operation_store_update(writer, work->record, err);
}

static int search_look(struct looking *looking)
{
	const struct operation_record *stored = looking->record;
	struct operation_record record = *stored;
	looking->state = record.state;
	/* It was validated when it was accepted. */
	if (record.state != OPERATION_UNKNOWN || !record.import_key ||
	    jsontext_parse(record.request, 0, looking->err, &looking->body) < 0)
		return 0;
	if (gather(looking) < 0)
		return -1;
	if (looking->undecided)
		return 0;
	record.candidates = SPAN_NONE;
	if (looking->candidate_count == 1 && looking->fits) {
		record.state = OPERATION_SUCCEEDED;
		record.connector_id = looking->outcome;
		record.error_code = record.error_message = NULL;
		record.finished_at = project_wall(looking->project);
	} else if (looking->candidate_count > 0) {
		record.candidates =
		    (struct span){.ptr = looking->candidates.data, .len = looking->candidates.len};
	}
	record.search_over |= looking->search->give_up;
	if (record.state == stored->state && record.search_over == stored->search_over &&
	    span_same(record.candidates, stored->candidates))
		return 0;
	struct found_work work = {.project = looking->project, .record = &record};
	int r = project_write(looking->project, write_found, &work, looking->err);
	if (r != 0)
		return r;
	looking->state = record.state;
	if (record.state == OPERATION_SUCCEEDED)
		operation_log(looking->project, &record);
	return 0;
}

/* Looks once. What cannot be written is looked at again with the next list. */
static void look_once(struct project *project, struct search *search)
{
	struct err err = ERR_INIT;
	struct loaded_operation loaded _cleanup_loaded_operation_;
	struct looking looking = {
	    .project = project,
	    .search = search,
	    .record = &loaded.record,
	    .err = &err,
	};
	buffer_init(&looking.candidates, CANDIDATES_JSON_LIMIT);
	writer_init(&looking.writer, &looking.candidates);
	search->look = false;
	int r = operation_load_row(project, search->row, &err, &loaded);
	if (r == 0)
		r = search_look(&looking);
	if (r != 0 && r != STORE_NONE) {
		log_write(commit_level(&project->sync->commit, LOG_LEVEL_ERROR),
		    "project %s: the outcome of a create could not be looked for: %s",
		    project->settings->name, err.text);
		search->fresh = true;
	} else if (r == STORE_NONE || looking.state != OPERATION_UNKNOWN) {
		search_end(project, search->row);
	} else {
		search->over |= search->give_up;
		search->give_up = false;
	}
	json_decref(looking.body);
	buffer_done(&looking.candidates);
}

bool search_turn(struct project *project)
{
	size_t looked = 0;
	for (size_t i = project->searches.count; i-- > 0;) {
		if (!project->searches.list[i].look)
			continue;
		if (looked++ == SEARCHES_A_TURN)
			return true;
		look_once(project, &project->searches.list[i]);
	}
	return false;
}
