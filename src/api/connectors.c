/* SPDX-License-Identifier: MIT */
/* Connectors: lists, one by its id, refreshing, creating and deleting. */
#include "api/handlers.h"
#include "api/operate.h"
#include "api/reading.h"
#include "api/renewal.h"
#include "model/attention.h"
#include "store/connector_store.h"
#include "util/timestamp.h"

/* Lists -----------------------------------------------------------------------------------------*/

static const char *const state_choices[] = {"present", "deleted", "all", NULL};
static const char *const sort_choices[] = {"created_at", "-created_at", NULL};

struct connector_page {
	struct reading reading;
	struct connector_query query;
	uint64_t list;
};

static int connectors_add_connector(const struct connector_record *record, void *context)
{
	struct connector_page *page = context;
	const struct project_view *view = NULL;
	if (reading_view(&page->reading, record->project_id, &view) != 0)
		return -1;
	const struct reading_row row = reading_begin_row(&page->reading);
	reading_connector(&page->reading, view, record, SPAN_NONE);
	return reading_end_row(&page->reading, &row);
}

static int connectors_read_page(struct conn *conn, void *context, struct err *err)
{
	struct connector_page *page = context;
	struct slice_end end;
	reading_begin_list(&page->reading);
	int r = connector_store_list(conn, &page->query, connectors_add_connector, page, err, &end);
	if (r)
		return r;
	reading_end_list(&page->reading, &end, CURSOR_CONNECTORS, page->list);
	return 0;
}

static int read_choice(
    struct request *request, const char *name, const char *const *choices, const char **ret_value)
{
	int index = -1;
	if (request_parameter_choice(request, name, choices, &index) < 0)
		return -1;
	*ret_value = index < 0 ? NULL : choices[index];
	return 0;
}

/* A connector and its jobs each have a status: a caller who asks for the wrong one gets a hint. */
static int read_status(struct request *request, const char **ret_value)
{
	const char *text = request_parameter(request, "status");
	bool own = !text;
	for (const char *const *at = connector_status_names; *at && !own; at++)
		own = strcmp(text, *at) == 0;
	for (const char *const *at = job_status_names; *at && !own; at++) {
		if (!strstr(text, *at)) /* jobs take several, with commas between them */
			continue;
		return request_parameter_refused(request, "status",
		    "That is the status of a job: ask by job_status for connectors whose latest "
		    "job has it. A connector is active, stopped or paused.");
	}
	return read_choice(request, "status", connector_status_names, ret_value);
}

/* Whether it needs attention, and by how bad a reason, or by which. */
static int connectors_attention(struct request *request, struct connector_query *query)
{
	enum { ANY, NONE, WORDS };
	const char *choices[WORDS + ATTENTION_SEVERITY_COUNT + ATTENTION_CODE_COUNT + 1] = {
	    [ANY] = "any", [NONE] = "none"};
	size_t count = WORDS;
	int index = -1;
	for (size_t i = 0; i < ATTENTION_SEVERITY_COUNT; i++)
		choices[count++] = attention_severity_names[i];
	for (enum attention_code code = 0; code < ATTENTION_CODE_COUNT; code++)
		if (attention_code_subject(code) == ATTENTION_OF_CONNECTOR)
			choices[count++] = attention_code_names[code];
	int r = request_parameter_choice(request, "attention", choices, &index);
	if (r < 0 || index < 0)
		return r;
	query->attention = index == NONE ? ATTENTION_NONE : ATTENTION_ANY;
	query->attention_is = index >= WORDS ? choices[index] : NULL;
	return 0;
}

/* Of one project, or of all that the caller may see when it is NULL. */
static struct answered connectors_answer_page(
    struct request *request, const struct config_project *project)
{
	struct err err = ERR_INIT;
	struct connector_page page = {.list = 0};
	/* Every parameter is read, so that all that are bad are named at once. */
	struct connector_query *query = &page.query;
	int presence = PRESENCE_PRESENT;
	int order = 0;
	query->connector_type = request_parameter(request, "connector_type");
	query->data_format = request_parameter(request, "data_format");
	query->label = request_parameter(request, "label");
	int faults = read_status(request, &query->status);
	faults += read_choice(request, "job_status", job_status_names, &query->job_status);
	faults += connectors_attention(request, query);
	faults += page_id_prefix(request, &query->id_prefix);
	faults += read_choice(request, "kind", connector_kind_names, &query->kind);
	faults += request_parameter_choice(request, "state", state_choices, &presence);
	faults += request_parameter_choice(request, "sort", sort_choices, &order);
	page.list = page_list(request, CURSOR_CONNECTORS);
	page.list = fingerprint_add(page.list, project ? (uint64_t)project->project_id : 0);
	page.list = fingerprint_add(page.list, (uint64_t)order);
	faults += page_read(request, CURSOR_CONNECTORS, page.list, &query->slice);
	query->presence = (enum presence)presence;
	query->newest_first = order == 1;
	if (faults < 0)
		return parameters_refused(request);
	if (page_project_ids(request, project, &err, &query->slice) < 0)
		return reply_failed(request, &err);
	int r = reading_read(&page.reading, request, connectors_read_page, &page);
	return r ? reading_failed(&page.reading, r, NULL) : reading_answer(&page.reading, true);
}

struct answered connectors_list(struct request *request)
{
	return connectors_answer_page(request, request_project(request));
}

struct answered connectors_list_all(struct request *request)
{
	const struct config_project *project = NULL;
	if (page_project(request, &project) > 0)
		return project_refused(request);
	return connectors_answer_page(request, project);
}

/* One -------------------------------------------------------------------------------------------*/

struct connector_read {
	struct reading reading;
	const struct project_view *view;
	const char *connector_id;
	struct span warnings;
	struct freshness *freshness; /* instead of an answer, when not NULL */
};

static int connectors_take_connector(const struct connector_record *record, void *context)
{
	struct connector_read *read = context;
	if (read->freshness)
		*read->freshness = freshness_of_connector(record, read->view, read->reading.now);
	else
		reading_connector(&read->reading, read->view, record, read->warnings);
	return 0;
}

static int connectors_read_one(struct conn *conn, void *context, struct err *err)
{
	struct connector_read *read = context;
	int64_t project_id = request_project(read->reading.request)->project_id;
	if (reading_view(&read->reading, project_id, &read->view) != 0)
		return -1;
	return connector_store_get(
	    conn, project_id, read->connector_id, connectors_take_connector, read, err);
}

static int connectors_read_connector(struct request *request, struct connector_read *read)
{
	return reading_read(&read->reading, request, connectors_read_one, read);
}

struct answered connector_not_found(struct request *request)
{
	return reply_problem(request, PROBLEM_CONNECTOR_NOT_FOUND, "project %s has no connector %s",
	    request_project(request)->name, request_segment(request, 1));
}

static struct answered connectors_answer_current(struct request *request)
{
	struct connector_read read = {.connector_id = request_segment(request, 1)};
	int r = connectors_read_connector(request, &read);
	if (r)
		return reading_failed(&read.reading, r, connector_not_found);
	return reading_answer(&read.reading, !request_parameter(request, "max_age"));
}

struct answered connectors_get(struct request *request)
{
	uint64_t max_age = 0;
	if (!request_parameter(request, "max_age"))
		return connectors_answer_current(request);
	if (renewal_max_age(request, &max_age) < 0)
		return parameters_refused(request);
	struct freshness freshness = {.synced_at = TIMESTAMP_NONE};
	struct connector_read read = {
	    .connector_id = request_segment(request, 1), .freshness = &freshness};
	int r = connectors_read_connector(request, &read);
	if (r)
		return reading_failed(&read.reading, r, connector_not_found);
	if (!freshness_is_older(&freshness, max_age, read.reading.now))
		return connectors_answer_current(request);
	return renew(request, request_project(request), request_segment(request, 1),
	    RENEWAL_MAX_AGE_WAIT, connectors_answer_current);
}

static struct answered connectors_answer_refreshed(struct request *request)
{
	if (request_command(request)->result == COMMAND_NOT_FOUND)
		return connector_not_found(request);
	if (!renewal_accepted(request))
		return command_refused(request);
	struct connector_read read = {.connector_id = request_segment(request, 1)};
	int r = connectors_read_connector(request, &read);
	return r ? reading_failed(&read.reading, r, connector_not_found)
		 : reply_json(request, renewal_status(request));
}

struct answered connectors_refresh(struct request *request)
{
	uint64_t wait = 0;
	if (renewal_wait(request, &wait) < 0)
		return parameters_refused(request);
	return renew(request, request_project(request), request_segment(request, 1), wait,
	    connectors_answer_refreshed);
}

/* Changing --------------------------------------------------------------------------------------*/

static struct answered connectors_answer_open(struct request *request)
{
	return operation_answer(request, 202);
}

static struct answered connectors_answer_created(struct request *request)
{
	struct connector_read read = {
	    .connector_id = operate_connector_id(request),
	    .warnings = operate_warnings(request),
	};
	if (!read.connector_id)
		return connectors_answer_open(request);
	int r = connectors_read_connector(request, &read);
	if (r)
		return reading_failed(&read.reading, r, connectors_answer_open);
	struct buffer location _cleanup_buffer_;
	buffer_init(&location, 4096);
	buffer_printf(&location, "/v1/projects/%s/connectors/", request_project(request)->name);
	text_append_percent_encoded(&location, read.connector_id);
	if (buffer_failed(&location))
		return reply_failed(request, &(struct err){.text = "no memory for a Location"});
	reply_header(request, "Location", buffer_text(&location));
	return reply_json(request, 201);
}

struct answered connectors_create(struct request *request)
{
	struct operate_options options = {.wait = OPERATE_WAIT_DEFAULT,
	    .done = connectors_answer_created,
	    .open = connectors_answer_open};
	int faults = request_parameter_boolean(request, "validate_only", &options.validate_only);
	faults += request_parameter_boolean(request, "allow_duplicate", &options.allow_duplicate);
	faults +=
	    request_parameter_unsigned(request, "wait", 0, OPERATE_WAIT_MAXIMUM, &options.wait);
	if (faults < 0)
		return parameters_refused(request);
	return operate_create(request, &options);
}

struct answered connectors_delete(struct request *request)
{
	struct operate_options options = {
	    .wait = OPERATE_WAIT_DEFAULT, .done = reply_no_content, .open = connectors_answer_open};
	if (request_parameter_unsigned(request, "wait", 0, OPERATE_WAIT_MAXIMUM, &options.wait) < 0)
		return parameters_refused(request);
	return operate_delete(request, &options);
}
