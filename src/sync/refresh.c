/* SPDX-License-Identifier: MIT */
/* Refreshes that somebody asked for, shared by all who asked while they run. */
#include "sync/refresh.h"

#include <stdio.h>
#include <stdlib.h>

#include "util/array.h"
#include "util/timestamp.h"

struct refresh {
	uint64_t ticket;
	int64_t begun_at;      /* monotonic: what was asked before it does not count */
	int64_t connector_row; /* 0: the whole project */
	char connector_id[CONNECTOR_ID_LENGTH_LIMIT + 1];
	enum {
		REFRESH_RECORDS,        /* the list, or the single connector, is to be asked for */
		REFRESH_RECORDS_FLIGHT, /* it is on its way (single connector only) */
		REFRESH_HISTORIES,      /* histories are being read */
	} phase;
	int64_t *rows; /* connectors whose history is awaited, sorted; negated once it came */
	size_t count;
	size_t left;
	LIST_ENTRY(refresh) entry;
};

static void refresh_end(struct project *project, struct refresh *refresh)
{
	LIST_REMOVE(refresh, entry);
	const struct commit *commit = &project->sync->commit;
	const struct change change = {
	    .kind = CHANGE_REFRESH,
	    .project_id = project->settings->project_id,
	    .ticket = refresh->ticket,
	};
	tickets_close(&project->sync->tickets, refresh->ticket);
	if (commit->changed)
		commit->changed(&change, 1, commit->context);
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
	if (!refresh || tickets_open(&project->sync->tickets, &refresh->ticket) < 0) {
		free(refresh);
		return -1;
	}
	refresh->begun_at = project_now(project);
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
static int refresh_compare_rows(const void *a, const void *b)
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
						   sizeof(row), refresh_compare_rows);
	if (!found || *found < 0)
		return;
	*found = -row;
	if (--refresh->left == 0)
		refresh_end(project, refresh);
}

void refresh_history_read(struct project *project, int64_t row, int64_t begun_at)
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
	int64_t *rows = array_grow(refresh->rows, refresh->count, sizeof(*rows));
	if (!rows)
		return -1;
	refresh->rows = rows;
	rows[refresh->count++] = row;
	return 0;
}

static int gather_row(const struct followed_connector *connector, void *context)
{
	return refresh_add_row(context, connector->row);
}

/* The records are in; now the histories of all of them. */
static void refresh_go_on(struct project *project, struct refresh *refresh)
{
	struct err err = ERR_INIT;
	refresh->phase = REFRESH_HISTORIES;
	int r = refresh->connector_row
		    ? refresh_add_row(refresh, refresh->connector_row)
		    : connector_store_each_followed(project_writer(project),
			  project->settings->project_id, gather_row, refresh, &err);
	if (r == 0) {
		/* Those that are not followed will not be read. */
		refresh->left = refresh->count;
		for (size_t i = 0; i < refresh->count; i++) {
			int64_t row = refresh->rows[i];
			if (planner_want_history(
				project->planner, row, !refresh->connector_row, true))
				continue;
			refresh->rows[i] = -row;
			refresh->left--;
		}
	} else {
		log_error("project %s: a refresh ends early: %s", project->settings->name,
		    err.text[0] ? err.text : "no memory");
	}
	if (refresh->left == 0)
		refresh_end(project, refresh);
}

void refresh_listed(struct project *project, bool good, int64_t begun_at)
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

/* Single connectors -----------------------------------------------------------------------------*/

bool refresh_wants_single(const struct project *project, struct refresh_single *ret_single)
{
	const struct refresh *refresh;
	LIST_FOREACH (refresh, &project->refreshes, entry) {
		if (refresh->connector_row == 0 || refresh->phase != REFRESH_RECORDS)
			continue;
		*ret_single = (struct refresh_single){
		    .ticket = refresh->ticket,
		    .row = refresh->connector_row,
		    .connector_id = refresh->connector_id,
		};
		return true;
	}
	return false;
}

void refresh_single_sent(struct project *project, uint64_t ticket)
{
	struct refresh *refresh = find_refresh(project, ticket);
	if (refresh)
		refresh->phase = REFRESH_RECORDS_FLIGHT;
}

void refresh_single_read(struct project *project, uint64_t ticket, bool good)
{
	struct refresh *refresh = find_refresh(project, ticket);
	if (refresh && good)
		refresh_go_on(project, refresh);
	else if (refresh)
		refresh_end(project, refresh);
}

/* Following ------------------------------------------------------------------------------------*/

/* Nothing is read of it any more, so no refresh is to wait for that. */
void refresh_drop(struct project *project, int64_t row)
{
	planner_remove(project->planner, row);
	refresh_history_read(project, row, INT64_MAX);
}
