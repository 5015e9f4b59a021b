/* SPDX-License-Identifier: MIT */
/* An entry is lined up for the sync thread before the command that it is about, so that it is on
 * the disk when that is carried out; once answered it is completed, and told the log in one line.
 *
 * A caller who asks in vain again and again, who is refused or for whom there is nothing to do,
 * must not push out of the audit what was really done: of such requests some thousand are written
 * down, then ten a second. Beforehand nobody knows which they are. So the command takes the entry
 * along, and the transaction that plans or resolves an operation writes it when it is not there
 * yet: of what is done none is missing. */
#include "api/audit.h"

#include <assert.h>
#include <string.h>

#include "api/command.h"
#include "api/handlers.h"
#include "api/note.h"
#include "api/reading.h"
#include "http/share.h"
#include "store/audit_store.h"
#include "store/operation_store.h"
#include "store/tx.h"
#include "util/timestamp.h"

static const struct bucket_rule in_vain = {.per_second = 10, .burst = 1000};

/* Writing ---------------------------------------------------------------------------------------*/

static const char *action_of(const struct route *route)
{
	static const struct {
		handler_fn *handler;
		enum audit_action action;
	} known[] = {
	    {connectors_create, AUDIT_CREATE},
	    {dropin_create, AUDIT_CREATE},
	    {connectors_delete, AUDIT_DELETE},
	    {dropin_delete, AUDIT_DELETE},
	    {connectors_refresh, AUDIT_REFRESH},
	    {projects_refresh, AUDIT_REFRESH},
	    {operations_resolve, AUDIT_RESOLVE},
	    {reload_post, AUDIT_RELOAD},
	};
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].handler == route->handler)
			return audit_actions[known[i].action];
	assert(false && "a route that asks for a change has no action");
	return NULL;
}

/* What the path names: the connector of a project, or an operation. */
static void name_object(const struct request *request, struct audit_entry *entry)
{
	const char *first = request_segment(request, 0);
	const char *second = request_segment(request, 1);
	if (entry->action == audit_actions[AUDIT_RESOLVE])
		text_fit(entry->operation_id, sizeof(entry->operation_id), first);
	else
		text_fit(entry->connector_id, sizeof(entry->connector_id), second);
}

static struct note *begin_note(struct request *request)
{
	struct note *note = arena_alloc(request_arena(request), sizeof(*note));
	if (!note)
		return NULL;
	struct audit_entry *entry = &note->entry;
	struct origin origin;
	request_origin(request, &origin);
	note->written = false;
	*entry = (struct audit_entry){
	    .asked_at = reading_now(request),
	    .answered_at = TIMESTAMP_NONE,
	    .uid = origin.uid,
	    .action = action_of(request_route(request)),
	};
	random_id(AUDIT_ID_PREFIX, entry->audit_id);
	text_fit(entry->request_id, sizeof(entry->request_id), request_id(request));
	text_fit(entry->client, sizeof(entry->client), request_caller(request)->name);
	snprintf(entry->address, sizeof(entry->address), "%s", origin.address);
	text_fit(entry->unit, sizeof(entry->unit), origin.unit);
	const struct config_project *project = request_named_project(request);
	entry->project_id = project ? project->project_id : 0;
	name_object(request, entry);
	return note;
}

static bool may_be_in_vain(struct request *request)
{
	struct service *service = request_application(request);
	return buckets_take(&service->audited, share_of_token(request_caller(request)->name),
		   &in_vain, clock_monotonic(service->clock)) == 0;
}

static void refuse_unaudited(struct request *request)
{
	bool full = engine_store_unavailable(request_engine(request));
	reply_header(request, "Retry-After", full ? "30" : "1");
	if (full)
		reply_problem(request, PROBLEM_STORE_UNAVAILABLE,
		    "nothing can be written to the database at present, not even who asks for "
		    "this; nothing was done; make room on its disk and try again");
	else
		reply_problem(request, PROBLEM_BUSY,
		    "too many changes are asked for at once to write down who asks for this one; "
		    "nothing was done; try again");
}

/* Which asks for no change. */
static bool only_validates(const struct request *request)
{
	return text_same(request_parameter(request, "validate_only"), "true");
}

void audit_asked(struct request *request)
{
	if (only_validates(request))
		return;
	struct note *note = begin_note(request);
	if (!note) {
		reply_failed(request, &(struct err){.text = "no memory for the audit"});
		return;
	}
	request_set_note(request, note);
	if (!may_be_in_vain(request))
		return;
	/* A configuration that makes room must be let in while there is none. */
	note->written = engine_audit(request_engine(request), &note->entry,
	    note->entry.action == audit_actions[AUDIT_RELOAD]);
	if (!note->written)
		refuse_unaudited(request);
}

/* What the engine made of it. */
static void take_result(struct request *request, struct audit_entry *entry)
{
	const struct command *command = request_command(request);
	entry->done = command
			  ? command->changed
			  : entry->action == audit_actions[AUDIT_RELOAD] && entry->status == 200;
	if (!command)
		return;
	entry->project_id = command->project_id;
	if (command->result_operation_id[0])
		snprintf(entry->operation_id, sizeof(entry->operation_id), "%s",
		    command->result_operation_id);
}

static void audit_tell(const struct audit_entry *entry, const char *project, const char *reason)
{
	char status[16] = "not answered";
	if (entry->status > 0)
		snprintf(status, sizeof(status), "%u", entry->status);
	const struct log_field fields[] = {
	    {"MIXPORT_AUDIT_ID", entry->audit_id},
	    {"MIXPORT_REQUEST_ID", entry->request_id},
	    {"MIXPORT_CLIENT", entry->client},
	    {"MIXPORT_UNIT", entry->unit[0] ? entry->unit : NULL},
	    {"MIXPORT_ADDRESS", entry->address[0] ? entry->address : NULL},
	    {"MIXPORT_ACTION", entry->action},
	    {"MIXPORT_PROJECT", project},
	    {"MIXPORT_CONNECTOR_ID", entry->connector_id[0] ? entry->connector_id : NULL},
	    {"MIXPORT_OPERATION_ID", entry->operation_id[0] ? entry->operation_id : NULL},
	    {"MIXPORT_STATUS", entry->status > 0 ? status : NULL},
	    {"MIXPORT_CODE", entry->code[0] ? entry->code : NULL},
	    {"MIXPORT_REASON", reason},
	};
	const char *from = entry->unit[0] ? entry->unit : entry->address;
	log_with_fields(LOG_LEVEL_INFO, fields, ARRAY_SIZE(fields),
	    "audit: %s by %s%s%s%s%s%s%s%s%s: %s%s%s, request %s", entry->action, entry->client,
	    *from ? " from " : "", from, project ? ", project " : "", project ? project : "",
	    entry->connector_id[0] ? ", connector " : "", entry->connector_id,
	    entry->operation_id[0] ? ", operation " : "", entry->operation_id, status,
	    entry->code[0] ? " " : "", entry->code, entry->request_id);
}

static int take_project_id(const struct operation_record *record, void *context)
{
	*(int64_t *)context = record->project_id;
	return 0;
}

struct named_operation {
	const char *operation_id;
	int64_t project_id;
};

static int read_project_id(struct conn *conn, void *context, struct err *err)
{
	struct named_operation *named = context;
	return operation_store_get(
	    conn, named->operation_id, take_project_id, &named->project_id, err);
}

/* Of an operation that was named, whether the caller may see it or not. */
static void find_project(struct request *request, struct audit_entry *entry)
{
	struct err err = ERR_INIT;
	struct named_operation named = {.operation_id = entry->operation_id};
	if (tx_read(request_reader(request), read_project_id, &named, &err) == 0)
		entry->project_id = named.project_id;
}

void audit_answered(struct request *request, unsigned status, const char *code)
{
	struct service *service = request_application(request);
	struct note *note = request_note(request);
	if (only_validates(request))
		return;
	/* Refused before its handler ran. */
	if (!note)
		note = begin_note(request);
	if (note) {
		note->entry.status = status;
		take_result(request, &note->entry);
	}
	if (!note || (!note->entry.done && !note->written && !may_be_in_vain(request))) {
		atomic_fetch_add(&service->unaudited, 1);
		return;
	}
	struct audit_entry *entry = &note->entry;
	entry->answered_at = status > 0 ? reading_now(request) : TIMESTAMP_NONE;
	snprintf(entry->code, sizeof(entry->code), "%s", code ? code : "");
	if (entry->project_id == 0 && entry->action == audit_actions[AUDIT_RESOLVE])
		find_project(request, entry);
	const struct config_project *project =
	    config_find_project_id(request_config(request), entry->project_id);
	const struct command *command = entry->done ? request_command(request) : NULL;
	audit_tell(entry, project ? project->name : NULL, command ? command->reason : NULL);
	if (!engine_audit(service->engine, entry, entry->done))
		atomic_fetch_add(&service->unaudited, 1);
}

void audit_signalled(
    struct service *service, int64_t uid, const char *unit, int64_t asked_at, bool done)
{
	struct audit_entry entry = {
	    .asked_at = asked_at,
	    .answered_at = clock_wall(service->clock),
	    .client = "signal:HUP",
	    .uid = uid,
	    .action = audit_actions[AUDIT_RELOAD],
	    .status = done ? 200 : problem_entry(PROBLEM_CONFIGURATION_INVALID)->status,
	    .done = done,
	};
	random_id(AUDIT_ID_PREFIX, entry.audit_id);
	random_id("sig_", entry.request_id);
	text_fit(entry.unit, sizeof(entry.unit), unit);
	text_fit(entry.code, sizeof(entry.code),
	    done ? NULL : problem_entry(PROBLEM_CONFIGURATION_INVALID)->code);
	audit_tell(&entry, NULL, NULL);
	if (!engine_audit(service->engine, &entry, true))
		atomic_fetch_add(&service->unaudited, 1);
}

/* Reading ---------------------------------------------------------------------------------------*/

struct audit_page {
	struct reading reading;
	struct audit_query query;
	uint64_t list;
};

static void write_known(struct writer *writer, const char *name, bool known, int64_t number)
{
	if (known)
		writer_member_integer(writer, name, number);
	else
		writer_member_null(writer, name);
}

static int add_entry(const struct audit_record *record, void *context)
{
	struct audit_page *page = context;
	const struct config_project *project =
	    request_visible_project(page->reading.request, record->project_id);
	const struct reading_row row = reading_begin_row(&page->reading);
	struct writer *writer = &page->reading.writer;
	writer_begin_object(writer);
	writer_member_text(writer, "audit_id", record->audit_id);
	writer_member_time(writer, "asked_at", record->asked_at);
	writer_member_time(writer, "answered_at", record->answered_at);
	writer_member_text(writer, "request_id", record->request_id);
	writer_member_text(writer, "client", record->client);
	write_known(writer, "uid", record->uid >= 0, record->uid);
	writer_member_text(writer, "unit", record->unit);
	writer_member_text(writer, "address", record->address);
	writer_member_text(writer, "action", record->action);
	writer_member_text(writer, "project", project ? project->name : NULL);
	write_known(writer, "project_id", record->project_id > 0, record->project_id);
	writer_member_text(writer, "connector_id", record->connector_id);
	writer_member_text(writer, "operation_id", record->operation_id);
	writer_member_text(writer, "operation_state", record->operation_state);
	write_known(writer, "status", record->status > 0, record->status);
	writer_member_text(writer, "code", record->code);
	writer_member_text(writer, "reason", record->reason);
	writer_end_object(writer);
	return reading_end_row(&page->reading, &row);
}

static int audit_read_page(struct conn *conn, void *context, struct err *err)
{
	struct audit_page *page = context;
	struct slice_end end;
	reading_begin_list(&page->reading);
	int r = audit_store_list(conn, &page->query, add_entry, page, err, &end);
	if (r)
		return r;
	reading_end_list(&page->reading, &end, CURSOR_AUDIT, page->list);
	return 0;
}

/* Whoever has had an answer finds in the audit what was asked for: what is on its way there is
 * waited for, though not for long, as on a full disk it does not get there. Returns 0 when all is
 * there, or the time is over; 1 to wait; -1 without memory. */
static int await_stored(struct request *request, struct err *err)
{
	struct engine *engine = request_engine(request);
	uint64_t *mark = request_state(request);
	if (!mark) {
		mark = arena_alloc(request_arena(request), sizeof(*mark));
		if (!mark)
			return err_set(err, "no memory to wait for the audit");
		*mark = engine_audit_mark(engine);
		request_set_state(request, mark);
		request_wait_for(request, 1);
	}
	request_watch(request, CHANGE_AUDIT, "");
	return !engine_audit_is_stored(engine, *mark) && !request_wait_over(request);
}

struct answered audit_list(struct request *request)
{
	struct err err = ERR_INIT;
	const struct config_project *project = NULL;
	int action = -1;
	struct audit_page page = {.list = page_list(request, CURSOR_AUDIT)};
	int waits = await_stored(request, &err);
	if (waits != 0)
		return waits > 0 ? reply_wait(request, audit_list) : reply_failed(request, &err);
	if (page_project(request, &project) > 0)
		return project_refused(request);
	struct audit_query *query = &page.query;
	query->client = request_parameter(request, "client");
	query->since = TIMESTAMP_NONE;
	int faults = request_parameter_choice(request, "action", audit_actions, &action);
	faults += page_since(request, &query->since);
	query->action = action >= 0 ? audit_actions[action] : NULL;
	page.list = fingerprint_add(page.list, project ? (uint64_t)project->project_id : 0);
	faults += page_read(request, CURSOR_AUDIT, page.list, &query->slice);
	if (faults < 0)
		return parameters_refused(request);
	/* Those of no project, or of one that is configured no more, are not for a caller who is
	 * limited to some. */
	if ((project || caller_is_limited(request_caller(request))) &&
	    page_project_ids(request, project, &err, &query->slice) < 0)
		return reply_failed(request, &err);
	int r = reading_read(&page.reading, request, audit_read_page, &page);
	return r ? reading_failed(&page.reading, r, NULL) : reply_json(request, 200);
}
