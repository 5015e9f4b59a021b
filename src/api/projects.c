/* SPDX-License-Identifier: MIT */
/* Projects: the list, one by its name or number, and refreshing all of it. */
#include "api/handlers.h"
#include "api/reading.h"
#include "api/renewal.h"

struct project_page {
	struct reading reading;
	struct slice slice;
	uint64_t list;
};

/* Projects come from the configuration, so their pages are cut here: in order of their ids, which a
 * reload does not change. */
static int projects_read_page(struct conn *conn, void *context, struct err *err)
{
	struct project_page *page = context;
	struct reading *reading = &page->reading;
	const struct slice *slice = &page->slice;
	struct slice_end end = {.more = false};
	unsigned taken = 0;
	(void)conn, (void)err;
	reading_begin_list(reading);
	for (size_t i = 0; i < slice->project_count && !end.more; i++) {
		int64_t id = slice->project_ids[i];
		if (slice->after && id <= slice->position.row)
			continue;
		end.more = taken == slice->limit;
		if (end.more)
			break;
		struct project_view view;
		if (reading_load_view(reading,
			config_find_project_id(request_config(reading->request), id), &view) < 0)
			return -1;
		const struct reading_row row = reading_begin_row(reading);
		reading_project(reading, &view);
		end.more = reading_end_row(reading, &row) == STORE_PAGE_FULL;
		if (end.more)
			break;
		end.last.row = id;
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
	if (page_project_ids(request, NULL, &err, &page.slice) < 0)
		return reply_failed(request, &err);
	int r = reading_read(&page.reading, request, projects_read_page, &page);
	return r ? reading_failed(&page.reading, r, NULL) : reading_answer(&page.reading, false);
}

static int projects_read_one(struct conn *conn, void *context, struct err *err)
{
	struct reading *reading = context;
	struct project_view view;
	(void)conn, (void)err;
	if (reading_load_view(reading, request_project(reading->request), &view) < 0)
		return -1;
	reading_project(reading, &view);
	return 0;
}

struct answered projects_get(struct request *request)
{
	struct reading reading;
	int r = reading_read(&reading, request, projects_read_one, &reading);
	return r ? reading_failed(&reading, r, NULL) : reading_answer(&reading, false);
}

static struct answered projects_answer_refreshed(struct request *request)
{
	if (!renewal_accepted(request))
		return command_refused(request);
	struct reading reading;
	int r = reading_read(&reading, request, projects_read_one, &reading);
	return r ? reading_failed(&reading, r, NULL) : reply_json(request, renewal_status(request));
}

struct answered projects_refresh(struct request *request)
{
	uint64_t wait = 0;
	if (renewal_wait(request, &wait) < 0)
		return parameters_refused(request);
	return renew(request, request_project(request), NULL, wait, projects_answer_refreshed);
}
