/* SPDX-License-Identifier: MIT */
/* The functions that write a record say so beforehand (conn_touch). The first time that a
 * transaction touches one, it is rendered as it was; before the commit each is rendered again.
 * Nobody who changes something can so forget to tell, and what is written twice to the same effect
 * tells nothing. */
#include "store/recorder.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "store/conn_private.h"
#include "store/connector_store.h"
#include "store/event_store.h"
#include "store/job_counters.h"
#include "store/job_store.h"
#include "store/operation_store.h"
#include "store/render.h"
#include "util/array.h"
#include "util/hash.h"
#include "util/jsontext.h"
#include "util/random.h"
#include "util/timestamp.h"

/* A record with two answers of Mixpanel's in it. */
#define RECORD_LIMIT ((size_t)16 * 1024 * 1024)
#define DATA_LIMIT ((size_t)16 * 1024)

/* A record that the transaction touches. */
struct note {
	enum entity entity;
	int64_t row;
	int64_t connector_row; /* of a job, once it is told */
	struct event_facts before;
	char *json; /* as it was, NULL for a new one; owned */
	size_t len;
	int64_t last_snapshot; /* of a job that was there, as it was */
};

struct recorder {
	const struct clock *clock;
	recorder_heard_fn *heard; /* NULL: nobody */
	void *heard_context;
	struct note *notes;
	size_t count;
	struct hash_set known; /* of them */
	uint64_t written;
	uint64_t committed;
	unsigned pending[EVENT_TYPE_COUNT];        /* of the transaction that runs */
	_Atomic uint64_t totals[EVENT_TYPE_COUNT]; /* committed */
	struct job_counters jobs;
};

/* A record as it is. */
struct rendering {
	struct buffer json;
	struct event_facts facts;
	int64_t project_id;
	int64_t connector_row; /* of a job */
	char connector_id[CONNECTOR_ID_LENGTH_LIMIT + 1];
	char id[RANDOM_ID_SIZE]; /* of a job or an operation */
	struct job_end end;      /* of a job */
};

static void rendering_done(struct rendering *rendering)
{
	buffer_done(&rendering->json);
}
#define _cleanup_rendering_ _cleanup_(rendering_done)

static int recorder_take_operation(const struct operation_record *record, void *context)
{
	struct rendering *rendering = context;
	struct writer writer;
	writer_init(&writer, &rendering->json);
	render_own_operation(&writer, record);
	rendering->facts = (struct event_facts){.known = true, .state = record->state};
	rendering->project_id = record->project_id;
	snprintf(rendering->connector_id, sizeof(rendering->connector_id), "%s",
	    record->connector_id ? record->connector_id : "");
	snprintf(rendering->id, sizeof(rendering->id), "%s", record->operation_id);
	return 0;
}

static int recorder_take_connector(const struct connector_record *record, void *context)
{
	struct rendering *rendering = context;
	struct writer writer;
	writer_init(&writer, &rendering->json);
	render_own_connector(&writer, record);
	rendering->facts =
	    (struct event_facts){.known = true, .deleted = record->deleted_at != TIMESTAMP_NONE};
	rendering->project_id = record->project_id;
	snprintf(rendering->connector_id, sizeof(rendering->connector_id), "%s",
	    record->connector.connector_id);
	return 0;
}

static int recorder_take_job(const struct job_record *record, void *context)
{
	struct rendering *rendering = context;
	struct writer writer;
	writer_init(&writer, &rendering->json);
	render_own_job(&writer, record);
	rendering->facts = (struct event_facts){
	    .known = true, .status = record->run.status, .gone = record->gone_at != TIMESTAMP_NONE};
	rendering->project_id = record->project_id;
	rendering->connector_row = record->connector_row;
	rendering->end = job_end_of(record);
	snprintf(
	    rendering->connector_id, sizeof(rendering->connector_id), "%s", record->connector_id);
	snprintf(rendering->id, sizeof(rendering->id), "%s", record->job_id);
	return 0;
}

/* Returns 0, or -1. */
static int render(struct conn *writer, enum entity entity, int64_t row, struct err *err,
    struct rendering *ret_rendering)
{
	int r = 0;
	*ret_rendering = (struct rendering){.project_id = 0};
	buffer_init(&ret_rendering->json, RECORD_LIMIT);
	switch (entity) {
	case ENTITY_OPERATION:
		r = operation_store_get_row(
		    writer, row, recorder_take_operation, ret_rendering, err);
		break;
	case ENTITY_CONNECTOR:
	case ENTITY_HISTORY:
	case ENTITY_GAP:
		r = connector_store_get_row(
		    writer, row, recorder_take_connector, ret_rendering, err);
		break;
	case ENTITY_JOB:
		r = job_store_get_row(writer, row, recorder_take_job, ret_rendering, err);
		break;
	}
	if (r > 0)
		return err_set(
		    err, "the record of an event is not there (row %lld)", (long long)row);
	if (r == 0 && buffer_failed(&ret_rendering->json))
		return err_set(err, "no memory for an event");
	return r;
}

/* Noting ---------------------------------------------------------------------------------------*/

static struct note *add_note(
    struct recorder *recorder, enum entity entity, int64_t row, struct err *err)
{
	struct note *notes = array_grow(recorder->notes, recorder->count, sizeof(*notes));
	if (!notes) {
		err_set(err, "no memory for an event");
		return NULL;
	}
	recorder->notes = notes;
	notes[recorder->count] = (struct note){.entity = entity, .row = row};
	return &notes[recorder->count++];
}

static int recorder_touched(
    struct conn *writer, enum entity entity, int64_t row, bool added, struct err *err)
{
	struct recorder *recorder = writer->recorder;
	/* One for each, and never 0: rows begin at 1. */
	int is_new =
	    hash_set_add(&recorder->known, (uint64_t)row * ENTITY_COUNT + (uint64_t)entity);
	if (is_new <= 0)
		return is_new < 0 ? err_set(err, "no memory for an event") : 0;
	struct note *note = add_note(recorder, entity, row, err);
	if (!note || added)
		return note ? 0 : -1;
	_cleanup_rendering_ struct rendering rendering;
	if (render(writer, entity, row, err, &rendering) < 0)
		return -1;
	note->before = rendering.facts;
	note->json = buffer_steal(&rendering.json, &note->len);
	return entity == ENTITY_JOB
		   ? job_counters_last_snapshot(writer, row, err, &note->last_snapshot)
		   : 0;
}

/* Telling --------------------------------------------------------------------------------------*/

/* What differs between two renderings of one record, which have the same members in one order. */
struct difference {
	struct buffer changed;  /* an array of names */
	struct buffer previous; /* the member that decides the type, as it was; empty: the same */
	bool any;
};

static void difference_done(struct difference *difference)
{
	buffer_done(&difference->changed);
	buffer_done(&difference->previous);
}

static void find_difference(
    const struct note *note, const struct rendering *after, struct difference *difference)
{
	const char *decides = note->entity == ENTITY_OPERATION ? "state" : "status";
	struct jsontext_iterator olds, news;
	struct span old_key, old_value, key, value;
	buffer_init(&difference->changed, RECORD_LIMIT);
	buffer_init(&difference->previous, RECORD_LIMIT);
	if (!note->json)
		return;
	buffer_append_text(&difference->changed, "[");
	jsontext_iterate(&olds, (struct span){.ptr = note->json, .len = note->len});
	jsontext_iterate(&news, (struct span){.ptr = after->json.data, .len = after->json.len});
	while (jsontext_next(&olds, &old_key, &old_value) && jsontext_next(&news, &key, &value)) {
		/* Only where the store holds what nobody wrote. */
		if (!span_same(old_key, key)) {
			difference->any = true;
			break;
		}
		if (span_same(old_value, value))
			continue;
		buffer_printf(&difference->changed, "%s\"%.*s\"",
		    difference->changed.len > 1 ? "," : "", (int)key.len, key.ptr);
		difference->any = true;
		if (span_equals(key, decides))
			buffer_printf(&difference->previous, "{\"%s\":%.*s}", decides,
			    (int)old_value.len, old_value.ptr);
	}
	buffer_append_text(&difference->changed, "]");
}

static struct span span_of_buffer(const struct buffer *buffer)
{
	return buffer->len > 0 ? (struct span){.ptr = buffer->data, .len = buffer->len} : SPAN_NONE;
}

/* The ids alone, of a record that is too long. */
static void write_truncated(struct buffer *buffer, const struct event_put *event)
{
	struct writer writer;
	writer_init(&writer, buffer);
	writer_begin_object(&writer);
	if (event->job_id)
		writer_member_text(&writer, "job_id", event->job_id);
	if (event->operation_id)
		writer_member_text(&writer, "operation_id", event->operation_id);
	writer_member_text(&writer, "connector_id", event->connector_id);
	writer_member_boolean(&writer, "truncated", true);
	writer_end_object(&writer);
}

int recorder_tell(struct conn *writer, struct event_put *event, struct err *err)
{
	struct recorder *recorder = writer->recorder;
	struct buffer ids _cleanup_buffer_;
	buffer_init(&ids, DATA_LIMIT);
	if (event->data.len > DATA_LIMIT) {
		write_truncated(&ids, event);
		event->data = span_of_buffer(&ids);
	}
	event->at = clock_wall(recorder->clock);
	recorder->written++;
	recorder->pending[event->type]++;
	return event_store_put(writer, event, err);
}

STATEMENT(sql_history_loaded, FOR_WRITER, "read whether a history was read",
	"SELECT history_loaded FROM connectors WHERE connector_row = ?1");

static enum event_type type_of(
    const struct note *note, const struct rendering *after, bool differs, bool loaded)
{
	switch (note->entity) {
	case ENTITY_OPERATION:
		return event_of_operation(&note->before, &after->facts);
	case ENTITY_CONNECTOR:
		return event_of_connector(&note->before, &after->facts, differs);
	case ENTITY_HISTORY:
		return EVENT_HISTORY_LOADED;
	case ENTITY_GAP:
		return EVENT_HISTORY_GAP;
	case ENTITY_JOB:
		return event_of_job(&note->before, &after->facts, differs, loaded);
	}
	return EVENT_NONE;
}

/* Of connectors and jobs whose members changed, and stayed what they were otherwise. */
static bool names_members(enum event_type type)
{
	return type == EVENT_CONNECTOR_UPDATED || type == EVENT_JOB_UPDATED ||
	       type == EVENT_JOB_REVISED;
}

STATEMENT(sql_history_counts, FOR_WRITER, "count the jobs of a connector",
	"SELECT count(*), coalesce(sum(active = 0), 0) FROM jobs WHERE connector_row = ?1");

static int write_counts(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	struct writer writer;
	(void)conn, (void)err;
	writer_init(&writer, sink);
	writer_begin_object(&writer);
	writer_member_integer(&writer, "jobs", column_integer(columns));
	writer_member_integer(&writer, "jobs_over", column_integer(columns));
	writer_end_object(&writer);
	return 0;
}

static int data_of(
    struct conn *writer, const struct note *note, struct buffer *json, struct err *err)
{
	if (note->entity != ENTITY_HISTORY && note->entity != ENTITY_GAP)
		return 0;
	buffer_clear(json);
	if (note->entity == ENTITY_HISTORY)
		return stmt_one(writer, &sql_history_counts, VALUES(v_integer(note->row)),
		    write_counts, json, err);
	buffer_append_text(json, "{}");
	return 0;
}

/* What is over in a first history ended before anybody counted. */
static int count_job(struct conn *writer, const struct note *note, struct rendering *after,
    bool loaded, struct err *err)
{
	if (!after->end.over || (!note->before.known && !loaded))
		return 0;
	after->end.last_snapshot = note->last_snapshot;
	return job_counters_add(&writer->recorder->jobs, writer, &after->end, err);
}

static int tell_note(struct conn *writer, struct note *note, struct err *err)
{
	_cleanup_rendering_ struct rendering after;
	_cleanup_(difference_done) struct difference difference = {.any = false};
	int64_t loaded = 1;
	int r = render(writer, note->entity, note->row, err, &after);
	note->connector_row = after.connector_row;
	if (r == 0 && note->entity == ENTITY_JOB)
		r = stmt_number(writer, &sql_history_loaded, VALUES(v_integer(after.connector_row)),
		    err, &loaded);
	if (r == 0 && note->entity == ENTITY_JOB)
		r = count_job(writer, note, &after, loaded != 0, err);
	if (r == 0)
		find_difference(note, &after, &difference);
	enum event_type type = type_of(note, &after, difference.any, loaded != 0);
	if (r || type == EVENT_NONE)
		return r;
	r = data_of(writer, note, &after.json, err);
	struct event_put event = {
	    .type = type,
	    .project_id = after.project_id,
	    .connector_id = after.connector_id[0] ? after.connector_id : NULL,
	    .job_id = note->entity == ENTITY_JOB ? after.id : NULL,
	    .operation_id = note->entity == ENTITY_OPERATION ? after.id : NULL,
	    .previous = span_of_buffer(&difference.previous),
	    .changed = names_members(type) ? span_of_buffer(&difference.changed) : SPAN_NONE,
	    .data = span_of_buffer(&after.json),
	};
	return r ? r : recorder_tell(writer, &event, err);
}

STATEMENT(sql_history_load, FOR_WRITER, "note that a history was read",
	"UPDATE connectors SET history_loaded = 1 WHERE connector_row = ?1");

static int recorder_ending(struct conn *writer, struct err *err)
{
	struct recorder *recorder = writer->recorder;
	int r = 0;
	for (enum entity entity = 0; entity < ENTITY_COUNT && r == 0; entity++)
		for (size_t i = 0; i < recorder->count && r == 0; i++)
			if (recorder->notes[i].entity == entity)
				r = tell_note(writer, &recorder->notes[i], err);
	/* Not before its jobs were told of. */
	for (size_t i = 0; i < recorder->count && r == 0; i++)
		if (recorder->notes[i].entity == ENTITY_HISTORY)
			r = stmt_write(writer, &sql_history_load,
			    VALUES(v_integer(recorder->notes[i].row)), err);
	return r == 0 && recorder->written > recorder->committed ? event_store_own(writer, err) : r;
}

static void be_heard(const struct recorder *recorder)
{
	for (size_t i = 0; i < recorder->count && recorder->heard; i++) {
		const struct note *note = &recorder->notes[i];
		bool operation = note->entity == ENTITY_OPERATION;
		recorder->heard(operation ? ATTENTION_OF_OPERATION : ATTENTION_OF_CONNECTOR,
		    note->entity == ENTITY_JOB ? note->connector_row : note->row,
		    recorder->heard_context);
	}
}

static void recorder_over(struct conn *writer, bool committed)
{
	struct recorder *recorder = writer->recorder;
	if (committed)
		be_heard(recorder);
	for (size_t i = 0; i < recorder->count; i++)
		free(recorder->notes[i].json);
	free(TAKE(recorder->notes));
	recorder->count = 0;
	hash_set_done(&recorder->known);
	recorder->known = (struct hash_set){.count = 0};
	for (size_t i = 0; i < EVENT_TYPE_COUNT; i++) {
		if (committed && recorder->pending[i] > 0)
			atomic_fetch_add(&recorder->totals[i], recorder->pending[i]);
		recorder->pending[i] = 0;
	}
	job_counters_over(&recorder->jobs, committed);
	if (committed)
		recorder->committed = recorder->written;
	else
		recorder->written = recorder->committed;
}

static void recorder_closed(struct conn *writer)
{
	if (writer->recorder)
		job_counters_done(&writer->recorder->jobs);
	free(TAKE(writer->recorder));
}

static const struct conn_watch watch = {
    .touched = recorder_touched,
    .ending = recorder_ending,
    .over = recorder_over,
    .closed = recorder_closed,
};

int recorder_attach(struct conn *writer, const struct clock *clock, struct err *err)
{
	struct recorder *recorder = writer->recorder;
	if (!recorder) {
		recorder = calloc(1, sizeof(*recorder));
		if (!recorder)
			return err_set(err, "no memory to record changes");
		job_counters_init(&recorder->jobs);
	}
	recorder->clock = clock;
	writer->recorder = recorder;
	writer->watch = &watch;
	return 0;
}

void recorder_hear(struct conn *writer, recorder_heard_fn *heard, void *context)
{
	writer->recorder->heard = heard;
	writer->recorder->heard_context = context;
}

uint64_t recorder_count(const struct conn *writer)
{
	return writer->recorder ? writer->recorder->committed : 0;
}

void recorder_totals(const struct conn *writer, uint64_t ret_totals[EVENT_TYPE_COUNT])
{
	for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
		ret_totals[i] = writer->recorder ? atomic_load(&writer->recorder->totals[i]) : 0;
}

void recorder_jobs(const struct conn *writer, int64_t project_id, struct job_counts *ret_counts)
{
	job_counters_read(&writer->recorder->jobs, project_id, ret_counts);
}

/* Of histories ---------------------------------------------------------------------------------*/

int recorder_history(struct conn *writer, int64_t connector_row, struct err *err)
{
	int64_t loaded = 0;
	int r = stmt_number(
	    writer, &sql_history_loaded, VALUES(v_integer(connector_row)), err, &loaded);
	return r || loaded ? r : conn_touch(writer, ENTITY_HISTORY, connector_row, true, err);
}
