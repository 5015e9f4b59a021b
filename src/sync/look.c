/* SPDX-License-Identifier: MIT */
/* A look reads what is stored of a subject, has it judged, and notes what differs from what is
 * open. What all the looks of a turn found is written in one transaction, each change with its
 * event. */
#include "sync/look.h"

#include <stdlib.h>
#include <string.h>

#include "store/attention_store.h"
#include "store/connector_store.h"
#include "store/job_store.h"
#include "store/operation_store.h"
#include "store/project_store.h"
#include "store/recorder.h"
#include "store/render.h"
#include "util/array.h"
#include "util/timestamp.h"

#define LOOK_MEMORY_LIMIT ((size_t)64 * 1024 * 1024)
#define RENDERED_LIMIT ((size_t)64 * 1024)
#define IMPORT_KEY_LIMIT ((size_t)8 * 1024 * 1024)

/* Looking --------------------------------------------------------------------------------------*/

/* A subject that was looked at, and what is to be written of it. */
struct look {
	struct attention_about about;
	struct attention_reason *open, *reasons;
	size_t open_count, count;
	struct span rendered; /* of a connector: its reasons, SPAN_NONE for none */
	const char *project;
	STAILQ_ENTRY(look) entry;
};

static const struct attention_reason *reason_of(
    const struct attention_reason *reasons, size_t count, enum attention_code code)
{
	for (size_t i = 0; i < count; i++)
		if (reasons[i].code == code)
			return &reasons[i];
	return NULL;
}

static bool same_reasons(const struct look *look)
{
	for (size_t i = 0; i < look->count; i++) {
		const struct attention_reason *open =
		    reason_of(look->open, look->open_count, look->reasons[i].code);
		if (!open || !attention_reason_same(open, &look->reasons[i]))
			return false;
	}
	return look->open_count == look->count;
}

static int no_memory(struct looking *looking)
{
	return err_set(&looking->err, "no memory to look for what needs attention");
}

/* Renders the reasons of a connector. */
static int look_render(struct looking *looking, struct look *look)
{
	struct buffer json _cleanup_buffer_;
	struct writer writer;
	buffer_init(&json, RENDERED_LIMIT);
	if (look->count == 0)
		return 0;
	writer_init(&writer, &json);
	writer_begin_array(&writer);
	for (size_t i = 0; i < look->count; i++)
		render_reason(&writer, &look->reasons[i]);
	writer_end_array(&writer);
	char *copy = buffer_failed(&json) ? NULL : arena_copy(&looking->arena, json.data, json.len);
	look->rendered = (struct span){.ptr = copy, .len = json.len};
	return copy ? 0 : no_memory(looking);
}

/* Begins a look: reads what is open. */
static struct look *look_begin(struct looking *looking, const struct attention_about *about,
    const struct project *project, struct attention_moment *ret_moment)
{
	struct look *look = arena_alloc(&looking->arena, sizeof(*look));
	if (look)
		look->open = arena_alloc(
		    &looking->arena, ATTENTION_CODE_COUNT * sizeof(struct attention_reason));
	if (!look || !look->open) {
		no_memory(looking);
		return NULL;
	}
	look->about = *about;
	look->about.id = arena_text(&looking->arena, about->id);
	look->project = project ? arena_text(&looking->arena, project->settings->name) : NULL;
	if (attention_store_open(looking->sync->commit.writer, about, &looking->err, look->open,
		&look->open_count) < 0)
		return NULL;
	*ret_moment = (struct attention_moment){
	    .settings = looking->settings,
	    .now = looking->now,
	    .open = look->open,
	    .open_count = look->open_count,
	};
	return look;
}

/* Ends it with what was judged; shown is what a connector shows now. */
static int look_end(struct looking *looking, struct look *look,
    const struct attention_outcome *outcome, struct span shown)
{
	size_t size = outcome->count * sizeof(outcome->reasons[0]);
	look->count = outcome->count;
	look->reasons = arena_alloc(&looking->arena, size + 1);
	if (!look->reasons)
		return no_memory(looking);
	memcpy(look->reasons, outcome->reasons, size);
	if (look->about.subject == ATTENTION_OF_CONNECTOR && look_render(looking, look) < 0)
		return -1;
	if (!same_reasons(look) || !span_same(look->rendered, shown))
		STAILQ_INSERT_TAIL(&looking->looks, look, entry);
	return 0;
}

static void look_again(const struct looking *looking, const struct look *look,
    const struct attention_outcome *outcome, bool when_read)
{
	const struct agenda_item item = {.subject = look->about.subject, .row = look->about.row};
	agenda_set(looking->agenda, &item, outcome->look_at, outcome->look_when_read || when_read,
	    look->about.project_id);
}

/* Connectors -----------------------------------------------------------------------------------*/

struct look_at_connector {
	struct looking *looking;
	struct attention_connector facts;
	struct job_record *ended, *unfinished;
	struct connector_record twin;
	struct job_record gone;
};

/* What a look reads of a job. */
static int look_copy_job(struct arena *arena, const struct job_record *from, struct job_record *to)
{
	struct run *run = &to->run;
	*to = *from;
	run->raw = run->progress = SPAN_NONE;
	to->job_id = arena_text(arena, from->job_id);
	to->connector_id = NULL;
	to->history_error_code = to->history_error_message = NULL;
	run->run_id = run->upstream_status = NULL;
	run->error_code = arena_text(arena, from->run.error_code);
	run->error_message = arena_text(arena, from->run.error_message);
	if (from->run.stats.ptr)
		run->stats.ptr = arena_copy(arena, from->run.stats.ptr, from->run.stats.len);
	return to->job_id && !run->error_code == !from->run.error_code &&
		       !run->error_message == !from->run.error_message &&
		       !run->stats.ptr == !from->run.stats.ptr
		   ? 0
		   : -1;
}

static int look_take_ended(const struct job_record *record, void *context)
{
	struct look_at_connector *look = context;
	struct attention_connector *facts = &look->facts;
	if (facts->ended_count == ATTENTION_ENDED_LIMIT) {
		facts->ended_more = true;
		return STORE_ENOUGH;
	}
	return look_copy_job(&look->looking->arena, record, &look->ended[facts->ended_count++]);
}

static int look_take_unfinished(const struct job_record *record, void *context)
{
	struct look_at_connector *look = context;
	struct job_record *list =
	    array_grow(look->unfinished, look->facts.unfinished_count, sizeof(*list));
	if (!list)
		return -1;
	look->unfinished = list;
	return look_copy_job(&look->looking->arena, record, &list[look->facts.unfinished_count++]);
}

static int look_take_gone(const struct job_record *record, void *context)
{
	struct look_at_connector *look = context;
	return look_copy_job(&look->looking->arena, record, &look->gone);
}

static int read_jobs(struct look_at_connector *look)
{
	struct looking *looking = look->looking;
	struct conn *writer = looking->sync->commit.writer;
	struct attention_connector *facts = &look->facts;
	int64_t row = facts->record->row;
	look->ended =
	    arena_alloc(&looking->arena, ATTENTION_ENDED_LIMIT * sizeof(struct job_record));
	if (!look->ended)
		return no_memory(looking);
	facts->ended = look->ended;
	facts->ended_more = facts->record->jobs_trimmed;
	int r = job_store_each_ended(
	    writer, row, ATTENTION_ENDED_LIMIT + 1, look_take_ended, look, &looking->err);
	if (r == 0 || r == STORE_ENOUGH)
		r = job_store_each_unfinished(
		    writer, row, look_take_unfinished, look, &looking->err);
	facts->unfinished = look->unfinished;
	if (r == 0)
		r = job_store_get_gone(writer, row, look_take_gone, look, &looking->err);
	if (r == 0)
		facts->gone = &look->gone;
	return r < 0 ? err_wrap(&looking->err, "the jobs of a connector") : 0;
}

/* Of those that import the same, the first. */
static int take_twin(const struct connector_record *record, void *context)
{
	struct look_at_connector *look = context;
	const struct connector_record *self = look->facts.record;
	if (record->row == self->row || record->deleted_at != TIMESTAMP_NONE ||
	    !connectors_are_same_import(&self->connector, &record->connector))
		return 0;
	look->twin = (struct connector_record){
	    .connector =
		{
		    .connector_id =
			arena_text(&look->looking->arena, record->connector.connector_id),
		    .created_at = record->connector.created_at,
		},
	    .row = record->row,
	    .first_seen_at = record->first_seen_at,
	};
	return look->twin.connector.connector_id ? STORE_ENOUGH : -1;
}

/* Calls each for the present connectors that may import the same. */
static int each_alike(struct looking *looking, const struct connector_record *record,
    connector_row_fn *each, void *context)
{
	struct buffer key _cleanup_buffer_;
	const struct connector *connector = &record->connector;
	buffer_init(&key, IMPORT_KEY_LIMIT);
	int r = connector_import_key(&key, connector->connector_type, connector->data_format,
	    connector->bucket, connector->prefix);
	if (r)
		return r < 0 ? no_memory(looking) : 0;
	const struct import_query query = {
	    .project_id = record->project_id, .import_key = buffer_text(&key)};
	return connector_store_each_import(
	    looking->sync->commit.writer, &query, each, context, &looking->err);
}

static int touch_row(int64_t row, void *context)
{
	const struct looking *looking = context;
	agenda_touch(looking->agenda, ATTENTION_OF_CONNECTOR, row);
	return 0;
}

static int touch_record(const struct connector_record *record, void *context)
{
	return touch_row(record->row, context);
}

static bool has_twin(const struct attention_reason *reasons, size_t count)
{
	return reason_of(reasons, count, ATTENTION_DUPLICATE_IMPORT) != NULL;
}

/* Who imports the same, or did, is looked at when that begins or ends. */
static int touch_twins(
    struct looking *looking, const struct look *look, const struct connector_record *record)
{
	bool before = has_twin(look->open, look->open_count);
	bool now = has_twin(look->reasons, look->count);
	int r = 0;
	if (now && !before)
		r = each_alike(looking, record, touch_record, looking);
	if (before && !now)
		r = attention_store_each_subject(looking->sync->commit.writer, record->project_id,
		    ATTENTION_DUPLICATE_IMPORT, touch_row, looking, &looking->err);
	return r;
}

static void copy_listed(const struct project_record *record, void *context)
{
	struct project_view *view = context;
	view->record = *record;
	/* Only whether there is one counts here. */
	view->record.list_error_code = record->list_error_code ? "" : NULL;
	view->record.list_error_message = NULL;
}

static int look_is_stale(struct looking *looking, struct project *project,
    const struct connector_record *record, bool *ret_stale)
{
	struct project_view view = {
	    .settings = project->settings,
	    .record = {.project_id = record->project_id, .listed_at = TIMESTAMP_NONE},
	    .upstream = project_status(project),
	};
	if (project_store_get(
		project_writer(project), record->project_id, copy_listed, &view, &looking->err) < 0)
		return -1;
	*ret_stale = freshness_of_connector(record, &view, looking->now).stale;
	return 0;
}

static int look_gather(struct look_at_connector *look, struct project *project)
{
	struct looking *looking = look->looking;
	struct attention_connector *facts = &look->facts;
	const struct connector_record *record = facts->record;
	char operation_id[RANDOM_ID_SIZE];
	int r = look_is_stale(looking, project, record, &facts->stale);
	if (r == 0)
		r = operation_store_deleting(project_writer(project), record->project_id,
		    record->connector.connector_id, &looking->err, operation_id);
	facts->deleting = r == 0;
	if (r < 0 || record->deleted_at != TIMESTAMP_NONE)
		return r < 0 ? r : 0;
	facts->succeeded_at = record->succeeded_at;
	facts->gap_at = record->gap_at;
	r = read_jobs(look);
	if (r == 0)
		r = each_alike(looking, record, take_twin, look);
	if (r == STORE_ENOUGH)
		facts->twin = &look->twin;
	return r < 0 ? r : 0;
}

static int look_take_connector(const struct connector_record *record, void *context)
{
	struct looking *looking = context;
	struct project *project = project_find(looking->sync, record->project_id, false);
	const struct attention_about about = {.subject = ATTENTION_OF_CONNECTOR,
	    .row = record->row,
	    .project_id = record->project_id,
	    .id = record->connector.connector_id};
	struct look_at_connector at = {.looking = looking, .facts = {.record = record}};
	struct attention_moment moment;
	struct attention_outcome outcome;
	if (!project)
		return STORE_NONE;
	struct look *look = look_begin(looking, &about, project, &moment);
	int r = look ? look_gather(&at, project) : -1;
	if (r == 0) {
		attention_of_connector(&at.facts, &moment, &outcome);
		r = look_end(looking, look, &outcome, record->attention);
	}
	free(at.unfinished);
	if (r < 0)
		return -1;
	bool present = record->deleted_at == TIMESTAMP_NONE;
	look_again(looking, look, &outcome, present && at.facts.stale);
	return touch_twins(looking, look, record);
}

/* Operations -----------------------------------------------------------------------------------*/

static int look_take_operation(const struct operation_record *record, void *context)
{
	struct looking *looking = context;
	struct project *project = project_find(looking->sync, record->project_id, false);
	const struct attention_about about = {.subject = ATTENTION_OF_OPERATION,
	    .row = record->row,
	    .project_id = record->project_id,
	    .id = record->operation_id};
	struct attention_moment moment;
	struct attention_outcome outcome;
	if (!project)
		return STORE_NONE;
	/* Whether a delete of ours is under way is a fact of its connector. */
	if (record->kind == OPERATION_DELETE && record->connector_id &&
	    connector_store_get(project_writer(project), record->project_id, record->connector_id,
		touch_record, looking, &looking->err) < 0)
		return -1;
	struct look *look = look_begin(looking, &about, project, &moment);
	if (!look)
		return -1;
	attention_of_operation(record,
	    record->unknown_at != TIMESTAMP_NONE ? record->unknown_at : record->created_at, &moment,
	    &outcome);
	look_again(looking, look, &outcome, false);
	return look_end(looking, look, &outcome, SPAN_NONE);
}

int look_at_item(struct looking *looking, const struct agenda_item *item)
{
	struct conn *writer = looking->sync->commit.writer;
	int r = item->subject == ATTENTION_OF_OPERATION
		    ? operation_store_get_row(
			  writer, item->row, look_take_operation, looking, &looking->err)
		    : connector_store_get_row(
			  writer, item->row, look_take_connector, looking, &looking->err);
	/* Retention may have removed an operation since. */
	if (r == STORE_NONE)
		agenda_set(looking->agenda, item, INT64_MAX, false, 0);
	return r < 0 ? -1 : 0;
}

/* Projects -------------------------------------------------------------------------------------*/

int look_at_project(struct looking *looking, struct project *project)
{
	const struct upstream_status status = project_status(project);
	const struct attention_about about = {.subject = ATTENTION_OF_PROJECT,
	    .row = project->settings->project_id,
	    .project_id = project->settings->project_id};
	struct attention_moment moment;
	struct attention_outcome outcome;
	if (attention_watch(&project->watch, &status, looking->now)) {
		project->attention_at = AGENDA_NOW;
		agenda_project_read(looking->agenda, about.project_id);
	}
	if (project->removed || looking->now < project->attention_at)
		return 0;
	struct look *look = look_begin(looking, &about, project, &moment);
	if (!look)
		return -1;
	attention_of_project(&project->watch, &moment, &outcome);
	project->attention_at = outcome.look_at;
	return look_end(looking, look, &outcome, SPAN_NONE);
}

/* The daemon -----------------------------------------------------------------------------------*/

int look_at_daemon(struct looking *looking, struct look_daemon *daemon)
{
	static const struct attention_about about = {.subject = ATTENTION_OF_DAEMON};
	const struct commit *commit = &looking->sync->commit;
	const struct attention_outcome before = daemon->outcome;
	struct attention_moment moment;
	struct look *look = look_begin(looking, &about, NULL, &moment);
	if (!look)
		return -1;
	int64_t bytes = conn_free_bytes(commit->writer);
	daemon->facts.writable = !atomic_load(&commit->unavailable);
	daemon->facts.free_bytes = bytes < 0 ? ATTENTION_FREE_UNKNOWN : (uint64_t)bytes;
	/* What could not be written is open all the same. */
	if (daemon->looked) {
		moment.open = before.reasons;
		moment.open_count = before.count;
	}
	attention_of_daemon(&daemon->facts, &moment, &daemon->outcome);
	daemon->looked = true;
	return look_end(looking, look, &daemon->outcome, SPAN_NONE);
}

/* Writing --------------------------------------------------------------------------------------*/

/* before is NULL but for a severity that has changed. */
static int tell_reason(struct conn *writer, const struct look *look, enum event_type type,
    const struct attention_reason *reason, const struct attention_reason *before, struct err *err)
{
	const struct attention_about *about = &look->about;
	const bool of_connector = about->subject == ATTENTION_OF_CONNECTOR;
	const char *connector_id = of_connector ? about->id : NULL;
	struct buffer data _cleanup_buffer_;
	char previous[64];
	struct writer json;
	buffer_init(&data, RENDERED_LIMIT);
	writer_init(&json, &data);
	render_told_reason(&json, reason, connector_id);
	if (buffer_failed(&data))
		return err_set(err, "no memory for an event");
	struct event_put event = {
	    .type = type,
	    .project_id = about->project_id,
	    .connector_id = connector_id,
	    .job_id = *reason->job_id ? reason->job_id : NULL,
	    .operation_id = about->subject == ATTENTION_OF_OPERATION ? about->id : NULL,
	    .data = {.ptr = data.data, .len = data.len},
	};
	if (before) {
		snprintf(previous, sizeof(previous), "{\"severity\":\"%s\"}",
		    attention_severity_names[before->severity]);
		event.previous = span_of(previous);
	}
	return recorder_tell(writer, &event, err);
}

static int write_reasons(struct conn *writer, const struct look *look, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < look->open_count && r == 0; i++) {
		const struct attention_reason *open = &look->open[i];
		if (reason_of(look->reasons, look->count, open->code))
			continue;
		r = attention_store_clear(writer, &look->about, open->code, err);
		if (r == 0)
			r = tell_reason(writer, look, EVENT_ATTENTION_CLEARED, open, NULL, err);
	}
	for (size_t i = 0; i < look->count && r == 0; i++) {
		const struct attention_reason *reason = &look->reasons[i];
		const struct attention_reason *open =
		    reason_of(look->open, look->open_count, reason->code);
		if (open && attention_reason_same(open, reason))
			continue;
		r = attention_store_put(writer, &look->about, reason, err);
		if (r == 0 && (!open || open->severity != reason->severity))
			r = tell_reason(writer, look, EVENT_ATTENTION_RAISED, reason, open, err);
	}
	return r;
}

static int write_look(struct conn *writer, const struct look *look, struct err *err)
{
	int r = write_reasons(writer, look, err);
	if (r == 0 && look->about.subject == ATTENTION_OF_CONNECTOR)
		r = connector_store_attention(writer, look->about.row, look->rendered, err);
	return r;
}

static int write_looks(struct conn *writer, void *context, struct err *err)
{
	const struct looking *looking = context;
	struct changes *changes = &looking->sync->commit.changes;
	const struct look *look;
	int r = 0;
	STAILQ_FOREACH (look, &looking->looks, entry) {
		if (looking->only && look != looking->only)
			continue;
		r = r ? r : write_look(writer, look, err);
		changes_add(changes, CHANGE_CONNECTOR, look->about.project_id, NULL);
		changes_add(changes, CHANGE_PROJECT, look->about.project_id, NULL);
	}
	return r;
}

static void log_reason(const struct look *look, const struct attention_reason *reason, bool over)
{
	const struct attention_about *about = &look->about;
	bool named = about->id != NULL;
	log_write(over ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "%s%s%s%s%s%s%s: %s%s%s",
	    look->project ? "project " : "", look->project ? look->project : "mixportd",
	    named ? ", " : "", named ? attention_subject_names[about->subject] : "",
	    named ? " " : "", named ? about->id : "",
	    over ? " needs attention no longer" : " needs attention",
	    attention_code_names[reason->code],
	    over ? "" : (reason->severity == ATTENTION_CRITICAL ? ", critical: " : ", warning: "),
	    over ? "" : reason->detail);
}

static void log_look(const struct look *look)
{
	for (size_t i = 0; i < look->open_count; i++)
		if (!reason_of(look->reasons, look->count, look->open[i].code))
			log_reason(look, &look->open[i], true);
	for (size_t i = 0; i < look->count; i++) {
		const struct attention_reason *open =
		    reason_of(look->open, look->open_count, look->reasons[i].code);
		if (!open || open->severity != look->reasons[i].severity)
			log_reason(look, &look->reasons[i], false);
	}
}

static bool write_those(struct looking *looking)
{
	struct commit *commit = &looking->sync->commit;
	const struct look *look;
	if (commit_write(commit, write_looks, looking, &looking->err) != 0) {
		log_write(commit_level(commit, LOG_LEVEL_WARNING),
		    "what needs attention could not be written down: %s", looking->err.text);
		return false;
	}
	STAILQ_FOREACH (look, &looking->looks, entry)
		if (!looking->only || look == looking->only)
			log_look(look);
	return true;
}

bool looking_write(struct looking *looking)
{
	const struct sync *sync = looking->sync;
	const struct look *look;
	bool well = true;
	if (STAILQ_EMPTY(&looking->looks) || write_those(looking))
		return true;
	/* One must not keep the others from being written. */
	STAILQ_FOREACH (look, &looking->looks, entry) {
		looking->only = look;
		well =
		    commit_may_write(&sync->commit, sync_now(sync)) && write_those(looking) && well;
	}
	looking->only = NULL;
	return well;
}

void looking_init(struct looking *looking, struct sync *sync, struct agenda *agenda,
    const struct config_attention *settings)
{
	*looking = (struct looking){.sync = sync, .agenda = agenda, .settings = settings};
	looking->now = sync_wall(sync);
	arena_init(&looking->arena, LOOK_MEMORY_LIMIT);
	STAILQ_INIT(&looking->looks);
}

void looking_done(struct looking *looking)
{
	arena_done(&looking->arena);
}
