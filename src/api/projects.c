/* SPDX-License-Identifier: MIT */
/* Projects: the list, one by its name or number, and refreshing all of it. */
#include "api/handlers.h"
#include "api/reading.h"
#include "api/renewal.h"

struct project_page {
	struct reading reading;
	struct slice slice;
	uint64_t list;
	const int64_t *ids; /* sorted */
	size_t count;
};

/* Projects come from the configuration, so their pages are cut here: in order of their ids, which a
 * reload does not change. */
static int projects_read_page(struct conn *conn, void *context, struct err *err)
{
	struct project_page *page = context;
	struct reading *reading = &page->reading;
	struct slice_end end = {.more = false};
	unsigned taken = 0;
	reading_begin_list(reading);
	for (size_t i = 0; i < page->count && !end.more; i++) {
		if (page->slice.after && page->ids[i] <= page->slice.position.row)
			continue;
		end.more = taken == page->slice.limit;
		if (end.more)
			break;
		struct project_view view;
		if (reading_load_view(reading->request, conn,
			config_find_project_id(request_config(reading->request), page->ids[i]), err,
			&view) < 0)
			return -1;
		const struct reading_row row = reading_begin_row(reading);
		reading_project(reading, &view);
		end.more = reading_end_row(reading, &row) == STORE_PAGE_FULL;
		if (end.more)
			break;
		end.last.row = page->ids[i];
		taken++;
	}
	reading_end_list(reading, &end, CURSOR_PROJECTS, page->list);
	return 0;
}

struct answered projects_list(struct request *request)
{
	struct err err = ERR_INIT;
	struct project_page page = {.list = page_list(request, CURSOR_PROJECTS)};
	if (page_read(request, CURSOR_PROJECTS, page.list, &page.slice) < 0)
		return parameters_refused(request);
	if (page_project_ids(request, NULL, &err, &page.ids, &page.count) < 0 ||
	    reading_read(&page.reading, request, projects_read_page, &page, &err) != 0)
		return reply_failed(request, &err);
	return reading_answer(&page.reading, false);
}

static int projects_read_one(struct conn *conn, void *context, struct err *err)
{
	struct reading *reading = context;
	struct request *request = reading->request;
	struct project_view view;
	if (reading_load_view(request, conn, request_project(request), err, &view) < 0)
		return -1;
	reading_project(reading, &view);
	return 0;
}

struct answered projects_get(struct request *request)
{
	struct err err = ERR_INIT;
	struct reading reading;
	if (reading_read(&reading, request, projects_read_one, &reading, &err) != 0)
		return reply_failed(request, &err);
	return reading_answer(&reading, false);
}

static struct answered projects_answer_refreshed(struct request *request)
{
	if (!renewal_accepted(request))
		return command_refused(request);
	struct err err = ERR_INIT;
	struct reading reading;
	if (reading_read(&reading, request, projects_read_one, &reading, &err) != 0)
		return reply_failed(request, &err);
	return reply_json(request, renewal_status(request));
}

struct answered projects_refresh(struct request *request)
{
	uint64_t wait = 0;
	if (renewal_wait(request, &wait) < 0)
		return parameters_refused(request);
	return renew(request, request_project(request), NULL, wait, projects_answer_refreshed);
}
