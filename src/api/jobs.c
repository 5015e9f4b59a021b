/* SPDX-License-Identifier: MIT */
/* Jobs: lists, one by its id, its snapshots, and waiting for it to change. */
#include <string.h>

#include "api/handlers.h"
#include "api/reading.h"
#include "api/renewal.h"
#include "store/connector_store.h"
#include "store/job_store.h"
#include "util/timestamp.h"

#define JOB_WAIT_MAXIMUM 60

static struct answered job_not_found(struct request *request)
{
	return reply_problem(request, PROBLEM_JOB_NOT_FOUND,
	    "no job %s; GET /v1/jobs lists those there are", request_segment(request, 0));
}

/* Lists -----------------------------------------------------------------------------------------*/

struct job_page {
	struct reading reading;
	struct job_query query;
	const char *connector_id; /* of this connector of the request's project; NULL for all */
	uint64_t list;
};

static int add_job(const struct job_record *record, void *context)
{
	struct job_page *page = context;
	const struct project_view *view = NULL;
	if (reading_view(&page->reading, record->project_id, &view) != 0)
		return -1;
	const struct reading_row row = reading_begin_row(&page->reading);
	reading_job(&page->reading, view, record);
	return reading_end_row(&page->reading, &row);
}

static int jobs_take_row(const struct connector_record *record, void *context)
{
	*(int64_t *)context = record->row;
	return 0;
}

static int jobs_read_page(struct conn *conn, void *context, struct err *err)
{
	struct job_page *page = context;
	struct request *request = page->reading.request;
	struct slice_end end;
	int r = 0;
	if (page->connector_id)
		r = connector_store_get(conn, request_project(request)->project_id,
		    page->connector_id, jobs_take_row, &page->query.connector_row, err);
	if (r)
		return r;
	reading_begin_list(&page->reading);
	r = job_store_list(conn, &page->query, add_job, page, err, &end);
	if (r)
		return -1;
	reading_end_list(&page->reading, &end, CURSOR_JOBS, page->list);
	return 0;
}

/* One status or several, with commas between them. */
static int read_statuses(struct request *request, unsigned *ret_statuses)
{
	const char *text = request_parameter(request, "status");
	while (text) {
		char name[16];
		size_t len = strcspn(text, ",");
		snprintf(name, sizeof(name), "%.*s", len < sizeof(name) ? (int)len : 0, text);
		int status = text_find(job_status_names, name);
		if (status < 0)
			return request_parameter_refused(request, "status",
			    "One or several of these are needed, with commas between them: queued, "
			    "running, paused, succeeded, failed, cancelled, unknown.");
		*ret_statuses |= 1U << status;
		text = text[len] ? text + len + 1 : NULL;
	}
	return 0;
}

static struct answered jobs_answer_page(
    struct request *request, const struct config_project *project, struct job_page *page)
{
	struct err err = ERR_INIT;
	struct job_query *query = &page->query;
	query->since = TIMESTAMP_NONE;
	int faults = read_statuses(request, &query->statuses);
	faults += page_id_prefix(request, &query->id_prefix);
	if (!page->connector_id) {
		faults += page_since(request, &query->since);
		query->connector_id = request_parameter(request, "connector_id");
	}
	page->list = page_list(request, CURSOR_JOBS);
	page->list = fingerprint_add(page->list, project ? (uint64_t)project->project_id : 0);
	page->list = fingerprint_add_text(page->list, page->connector_id);
	page->list = fingerprint_add_text(page->list, query->connector_id);
	faults += page_read(request, CURSOR_JOBS, page->list, &query->slice);
	if (faults < 0)
		return parameters_refused(request);
	if (page_project_ids(request, project, &err, &query->slice) < 0)
		return reply_failed(request, &err);
	int r = reading_read(&page->reading, request, jobs_read_page, page);
	return r ? reading_failed(&page->reading, r, connector_not_found)
		 : reading_answer(&page->reading, true);
}

struct answered jobs_list(struct request *request)
{
	const struct config_project *project = NULL;
	struct job_page page = {.connector_id = NULL};
	if (page_project(request, &project) > 0)
		return project_refused(request);
	return jobs_answer_page(request, project, &page);
}

struct answered jobs_of_connector(struct request *request)
{
	struct job_page page = {.connector_id = request_segment(request, 1)};
	return jobs_answer_page(request, request_project(request), &page);
}

/* One -------------------------------------------------------------------------------------------*/

/* What a read of one job found; strings live as long as the request. */
struct job_found {
	const struct config_project *project;
	const char *connector_id;
	struct freshness freshness; /* without its error */
	int64_t revision;
	bool over;
};

struct job_read {
	struct reading reading;
	struct job_found found;
};

/* Reads the job that the request names, if its caller may see it. */
static int get_visible(
    struct conn *conn, struct request *request, job_row_fn *row, void *context, struct err *err)
{
	const char *job_id = request_segment(request, 0);
	int64_t project_id = 0;
	/* First: how long it takes must not tell that there is such a job. */
	int r = job_store_project(conn, job_id, err, &project_id);
	if (r)
		return r;
	return request_visible_project(request, project_id)
		   ? job_store_get(conn, job_id, row, context, err)
		   : STORE_NONE;
}

static int take_job(const struct job_record *record, void *context)
{
	struct job_read *read = context;
	struct request *request = read->reading.request;
	const struct project_view *view = NULL;
	int r = reading_view(&read->reading, record->project_id, &view);
	if (r)
		return r;
	struct freshness freshness = freshness_of_job(record, view, read->reading.now);
	freshness.error_code = freshness.error_message = NULL;
	read->found = (struct job_found){
	    .project = view->settings,
	    .connector_id = arena_text(request_arena(request), record->connector_id),
	    .freshness = freshness,
	    .revision = record->revision,
	    .over = job_is_over(record),
	};
	reading_job(&read->reading, view, record);
	return 0;
}

static int jobs_read_one(struct conn *conn, void *context, struct err *err)
{
	struct job_read *read = context;
	return get_visible(conn, read->reading.request, take_job, read, err);
}

/* Reads the job and composes the answer. Returns 0; 1 when there is none to be seen; -1. */
static int read_job(struct request *request, struct job_read *read)
{
	buffer_clear(reply_body(request));
	return reading_read(&read->reading, request, jobs_read_one, read);
}

static struct answered jobs_answer_current(struct request *request)
{
	struct job_read read = {.found.project = NULL};
	int r = read_job(request, &read);
	if (r)
		return reading_failed(&read.reading, r, job_not_found);
	return reading_answer(&read.reading, !request_parameter(request, "max_age"));
}

/* What a caller waits for, in request_state(request): the job to be over, or to differ from what it
 * was when the caller came. */
struct job_wait {
	bool until_done;
	bool refreshes;
	int64_t revision;
};

static struct answered jobs_look(struct request *request)
{
	const struct job_wait *wait = request_state(request);
	struct job_read read = {.found.project = NULL};
	request_watch(request, CHANGE_JOB, request_segment(request, 0));
	int r = read_job(request, &read);
	if (r)
		return reading_failed(&read.reading, r, job_not_found);
	bool holds = wait->until_done ? read.found.over : read.found.revision != wait->revision;
	/* A refresh that was refused brings nothing to wait for. */
	holds |= wait->refreshes && !renewal_accepted(request);
	if (holds || request_wait_over(request))
		return reading_answer(&read.reading, false);
	buffer_clear(reply_body(request));
	return reply_wait(request, jobs_look);
}

/* Asked for both, a refresh is begun, and the wait ends by what it brings. */
static struct answered await_job(
    struct request *request, const struct job_found *found, uint64_t seconds, bool refresh)
{
	struct job_wait *wait = arena_alloc(request_arena(request), sizeof(*wait));
	if (!wait)
		return reply_failed(request, &(struct err){.text = "no memory to wait for a job"});
	wait->until_done = text_same(request_parameter(request, "until"), "done");
	wait->revision = found->revision;
	wait->refreshes = refresh;
	request_set_state(request, wait);
	request_wait_for(request, seconds);
	if (!refresh)
		return jobs_look(request);
	const struct command command = {
	    .kind = COMMAND_REFRESH_CONNECTOR,
	    .project_id = found->project->project_id,
	    .connector_id = found->connector_id,
	    .client = request_caller(request)->name,
	};
	return reply_after_command(request, &command, jobs_look);
}

struct answered jobs_get(struct request *request)
{
	static const char *const until_choices[] = {"changed", "done", NULL};
	uint64_t max_age = 0;
	uint64_t seconds = 0;
	int until = 0;
	int faults = request_parameter_unsigned(request, "wait", 1, JOB_WAIT_MAXIMUM, &seconds);
	faults += request_parameter_choice(request, "until", until_choices, &until);
	faults += renewal_max_age(request, &max_age);
	if (faults < 0)
		return parameters_refused(request);
	bool renews = request_parameter(request, "max_age") != NULL;
	if (!renews && seconds == 0)
		return jobs_answer_current(request);
	struct job_read read = {.found.project = NULL};
	/* Before the state is read: a change between the two must not be missed. */
	if (seconds > 0)
		request_watch(request, CHANGE_JOB, request_segment(request, 0));
	int r = read_job(request, &read);
	buffer_clear(reply_body(request));
	if (r)
		return reading_failed(&read.reading, r, job_not_found);
	const struct job_found *found = &read.found;
	bool old = renews && found->connector_id &&
		   freshness_is_older(&found->freshness, max_age, read.reading.now);
	if (seconds > 0)
		return await_job(request, found, seconds, old);
	if (!old)
		return jobs_answer_current(request);
	return renew(request, found->project, found->connector_id, RENEWAL_MAX_AGE_WAIT,
	    jobs_answer_current);
}

/* Snapshots -------------------------------------------------------------------------------------*/

struct snapshot_page {
	struct reading reading;
	struct snapshot_query query;
	uint64_t list;
	const struct project_view *view;
	const struct job_record *record; /* while the job's row is there */
};

static int add_snapshot(const struct snapshot_record *snapshot, void *context)
{
	struct snapshot_page *page = context;
	const struct reading_row row = reading_begin_row(&page->reading);
	reading_snapshot(&page->reading, page->view, snapshot, page->record);
	return reading_end_row(&page->reading, &row);
}

static int read_snapshots(const struct job_record *record, void *context)
{
	struct snapshot_page *page = context;
	struct reading *reading = &page->reading;
	int r = reading_view(reading, record->project_id, &page->view);
	if (r)
		return r;
	struct slice_end end;
	page->record = record;
	page->query.job_row = record->row;
	reading->tag = fingerprint_add(reading->tag, (uint64_t)record->row);
	reading_begin_list(reading);
	r = job_store_snapshots(
	    reading->conn, &page->query, add_snapshot, page, &reading->err, &end);
	if (r)
		return -1;
	reading_end_list(reading, &end, CURSOR_SNAPSHOTS, page->list);
	return 0;
}

static int read_snapshot_page(struct conn *conn, void *context, struct err *err)
{
	struct snapshot_page *page = context;
	return get_visible(conn, page->reading.request, read_snapshots, page, err);
}

struct answered jobs_snapshots(struct request *request)
{
	struct snapshot_page page = {.list = page_list(request, CURSOR_SNAPSHOTS)};
	page.list = fingerprint_add_text(page.list, request_segment(request, 0));
	if (page_read(request, CURSOR_SNAPSHOTS, page.list, &page.query.slice) < 0)
		return parameters_refused(request);
	int r = reading_read(&page.reading, request, read_snapshot_page, &page);
	return r ? reading_failed(&page.reading, r, job_not_found)
		 : reading_answer(&page.reading, true);
}
