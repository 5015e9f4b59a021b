/* SPDX-License-Identifier: MIT */
/* The feed of events: asked for, or listened to. Both read from a position on and give the same
 * bytes; a position is the id of an event. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "api/handlers.h"
#include "api/reading.h"
#include "http/stream.h"
#include "http/suspend.h"
#include "store/event_store.h"
#include "store/tx.h"
#include "util/timestamp.h"

#define EVENTS_BYTES_LIMIT ((size_t)1024 * 1024)
#define EVENTS_DEFAULT 100
#define EVENTS_MAXIMUM 500
#define EVENTS_WAIT_MAXIMUM 60
/* Of a stream at a time, so that a thread serves others in between, and bytes, so that one who does
 * not read leaves little in memory. */
#define STREAM_EVENTS 100
#define STREAM_BYTES_LIMIT ((size_t)64 * 1024)
#define BOOKMARK_INTERVAL MICROSECONDS_PER_MINUTE
#define EVENT_ID_PREFIX "evt_"
#define EVENT_ID_SIZE 40
#define PIECE_NAME_LIMIT 4096
#define TYPES_NEEDED                                                                               \
	"Types of events are needed, with commas between them, such as job.failed or job.*."

_Static_assert(EVENT_TYPE_COUNT <= 64, "a type has no bit");

/* Why a position is no good. */
enum gone { GONE_NOT, GONE_EXPIRED, GONE_REPLACED, GONE_AHEAD };
static const char *const gone_reasons[] = {
    [GONE_EXPIRED] = "expired", [GONE_REPLACED] = "replaced", [GONE_AHEAD] = "ahead"};
static const char *const gone_details[] = {
    [GONE_EXPIRED] = "what followed this event is not kept any more",
    [GONE_REPLACED] = "this event is of another database, or an older copy was put back",
    [GONE_AHEAD] = "this event is not in the database, of which an older copy was put back"};

/* How a request follows the feed; in its arena. */
struct following {
	struct reading reading;
	struct event_query query;
	char feed[FEED_LENGTH + 1]; /* that the position is of */
	int64_t project_id;         /* the only one that is wanted; 0: all */
	unsigned limit;
	size_t bytes_limit;
	/* of what was read last */
	struct event_feed now;
	unsigned count;
	bool more;
	enum gone gone;
	/* a stream */
	struct buffer *part; /* what events go to; NULL: into a list */
	int64_t bookmark_at; /* monotonic: not before */
	int64_t told;        /* the position that the client knows */
};

static void event_id(const char *feed, int64_t seq, char ret_id[EVENT_ID_SIZE])
{
	snprintf(ret_id, EVENT_ID_SIZE, EVENT_ID_PREFIX "%s_%" PRId64, feed, seq);
}

/* Returns 0, or -1 for what is no id of an event. */
static int parse_id(const char *text, char ret_feed[FEED_LENGTH + 1], int64_t *ret_seq)
{
	const size_t start = strlen(EVENT_ID_PREFIX);
	uint64_t seq;
	if (strncmp(text, EVENT_ID_PREFIX, start) != 0 ||
	    strspn(text + start, "0123456789abcdefghijklmnopqrstuvwxyz") != FEED_LENGTH ||
	    text[start + FEED_LENGTH] != '_' ||
	    text_parse_unsigned(text + start + FEED_LENGTH + 1, 0, INT64_MAX, &seq) < 0)
		return -1;
	memcpy(ret_feed, text + start, FEED_LENGTH);
	ret_feed[FEED_LENGTH] = '\0';
	*ret_seq = (int64_t)seq;
	return 0;
}

/* Rendering -------------------------------------------------------------------------------------*/

static void render_event(
    struct writer *writer, const struct event_record *record, const char *id, const char *project)
{
	writer_begin_object(writer);
	writer_member_text(writer, "id", id);
	writer_member_integer(writer, "seq", record->seq);
	writer_member_text(writer, "type", event_type_names[record->type]);
	writer_member_time(writer, "timestamp", record->at);
	writer_member_text(writer, "project", project);
	writer_key(writer, "project_id");
	if (record->project_id)
		writer_integer(writer, record->project_id);
	else
		writer_null(writer);
	writer_member_text(writer, "connector_id", record->connector_id);
	writer_member_text(writer, "job_id", record->job_id);
	writer_member_text(writer, "operation_id", record->operation_id);
	writer_member_raw(writer, "previous", record->previous);
	writer_member_raw(writer, "changed", record->changed);
	writer_member_raw(writer, "data", record->data);
	writer_end_object(writer);
}

/* A line of a stream ends where one of what others wrote does. In JSON a line ends between values
 * only, where a blank says the same. */
static void put_on_one_line(struct buffer *buffer, size_t start)
{
	for (size_t i = start; i < buffer->len; i++)
		if (buffer->data[i] == '\n' || buffer->data[i] == '\r')
			buffer->data[i] = ' ';
}

static int add_event(const struct event_record *record, void *context)
{
	struct following *following = context;
	const struct config_project *project =
	    request_visible_project(following->reading.request, record->project_id);
	const char *name = project ? project->name : NULL;
	char id[EVENT_ID_SIZE];
	struct buffer *buffer = following->part;
	if (following->count == following->limit ||
	    (following->count > 0 &&
		following->reading.writer.buffer->len > following->bytes_limit))
		return STORE_PAGE_FULL;
	following->count++;
	event_id(following->now.name, record->seq, id);
	if (!buffer) {
		render_event(&following->reading.writer, record, id, name);
		return 0;
	}
	struct writer writer;
	buffer_printf(buffer, "id: %s\nevent: %s\ndata: ", id, event_type_names[record->type]);
	size_t start = buffer->len;
	writer_init(&writer, buffer);
	render_event(&writer, record, id, name);
	put_on_one_line(buffer, start);
	buffer_append_text(buffer, "\n\n");
	following->told = record->seq;
	return 0;
}

static bool wants_project(int64_t project_id, void *context)
{
	const struct following *following = context;
	struct request *request = following->reading.request;
	if (following->project_id && project_id != following->project_id)
		return false;
	return project_id ? request_visible_project(request, project_id) != NULL
			  : !caller_is_limited(request_caller(request));
}

/* Reading ---------------------------------------------------------------------------------------*/

static enum gone position_is_gone(const struct following *following)
{
	if (strcmp(following->feed, following->now.name) != 0)
		return GONE_REPLACED;
	if (following->query.after > following->now.newest)
		return GONE_AHEAD;
	return following->query.after < following->now.oldest ? GONE_EXPIRED : GONE_NOT;
}

/* Goes on from the position, and moves it. */
static int read_on(struct conn *conn, struct following *following, struct err *err)
{
	following->count = 0;
	following->gone = position_is_gone(following);
	if (following->gone)
		return 0;
	int64_t seq = following->query.after;
	int r = event_store_list(conn, &following->query, add_event, following, err, &seq);
	following->query.after = seq;
	following->more = r == STORE_PAGE_FULL;
	return following->more ? 0 : r;
}

static int read_feed(struct conn *conn, void *context, struct err *err)
{
	struct following *following = context;
	int r = event_store_feed(conn, err, &following->now);
	return r ? r : read_on(conn, following, err);
}

/* Where to begin
 * ---------------------------------------------------------------------------------*/

struct beginning {
	struct following *following;
	const char *since;
	int64_t at; /* the time that since is; TIMESTAMP_NONE: it is none */
};

/* Of the present feed, unless it is an id. */
static int find_beginning(struct conn *conn, void *context, struct err *err)
{
	const struct beginning *beginning = context;
	struct following *following = beginning->following;
	int r = event_store_feed(conn, err, &following->now);
	if (r || following->feed[0])
		return r;
	memcpy(following->feed, following->now.name, sizeof(following->feed));
	if (beginning->at != TIMESTAMP_NONE)
		return event_store_since(conn, beginning->at, err, &following->query.after);
	following->query.after =
	    text_same(beginning->since, "now") ? following->now.newest : following->now.oldest;
	return 0;
}

/* Returns 0, -1 after a fault, 1 when the store failed. */
static int begin_at(struct request *request, struct following *following, struct err *err)
{
	const char *id = request_wants_stream(request) ? request_last_event_id(request) : NULL;
	struct beginning beginning = {
	    .following = following,
	    .since = id ? id : request_parameter(request, "since"),
	    .at = TIMESTAMP_NONE,
	};
	const char *since = beginning.since;
	if (since && strncmp(since, EVENT_ID_PREFIX, strlen(EVENT_ID_PREFIX)) == 0) {
		if (parse_id(since, following->feed, &following->query.after) < 0)
			return request_parameter_refused(
			    request, "since", "This is not the id of an event.");
	} else if (since && strcmp(since, "oldest") != 0 && strcmp(since, "now") != 0) {
		if (id)
			return request_parameter_refused(
			    request, "since", "The Last-Event-ID is not the id of an event.");
		if (page_since(request, &beginning.at) < 0)
			return -1;
	}
	return tx_read(request_reader(request), find_beginning, &beginning, err) < 0;
}

/* One type, or all of a kind: "job.*". Returns 0 for none. */
static uint64_t types_of(struct span name)
{
	uint64_t types = 0;
	bool all = name.len > 2 && name.ptr[name.len - 1] == '*' && name.ptr[name.len - 2] == '.';
	for (int i = 0; i < EVENT_TYPE_COUNT; i++)
		if (all ? strncmp(event_type_names[i], name.ptr, name.len - 1) == 0
			: span_equals(name, event_type_names[i]))
			types |= UINT64_C(1) << i;
	return types;
}

static int read_types(struct request *request, uint64_t *ret_types)
{
	const char *text = request_parameter(request, "type");
	while (text) {
		size_t len = strcspn(text, ",");
		uint64_t types = types_of((struct span){.ptr = text, .len = len});
		if (!types)
			return request_parameter_refused(request, "type", TYPES_NEEDED);
		*ret_types |= types;
		text = text[len] ? text + len + 1 : NULL;
	}
	return 0;
}

/* Answers ---------------------------------------------------------------------------------------*/

static void gone_members(struct writer *writer, const struct following *following)
{
	char id[EVENT_ID_SIZE];
	event_id(following->now.name, following->now.oldest, id);
	writer_member_text(writer, "reason", gone_reasons[following->gone]);
	writer_member_text(writer, "oldest_cursor", id);
}

#define GONE_DETAIL                                                                                \
	"%s; read the records anew, and go on from oldest_cursor for all events that are left, "   \
	"or "                                                                                      \
	"from now"

static struct answered answer_gone(struct request *request, const struct following *following)
{
	struct writer writer;
	reply_problem_members(request, &writer);
	gone_members(&writer, following);
	return reply_problem(
	    request, PROBLEM_CURSOR_GONE, GONE_DETAIL, gone_details[following->gone]);
}

static struct answered events_look(struct request *request)
{
	struct following *following = request_state(request);
	char id[EVENT_ID_SIZE];
	request_watch(request, CHANGE_EVENT, "");
	struct writer *writer = &following->reading.writer;
	buffer_clear(reply_body(request));
	writer_init(writer, reply_body(request));
	writer_begin_object(writer);
	writer_key(writer, "data");
	writer_begin_array(writer);
	int r = tx_read(following->reading.conn, read_feed, following, &following->reading.err);
	if (r)
		return reading_failed(&following->reading, r, NULL);
	if (following->gone)
		return answer_gone(request, following);
	/* Where there is more to look at, the caller goes on from there: others have their turn. */
	if (following->count == 0 && !following->more && !request_wait_over(request))
		return reply_wait(request, events_look);
	writer_end_array(writer);
	writer_member_boolean(writer, "has_more", following->more);
	event_id(following->now.name, following->query.after, id);
	writer_member_text(writer, "next_cursor", id);
	event_id(following->now.name, following->now.oldest, id);
	writer_member_text(writer, "oldest_cursor", id);
	writer_end_object(writer);
	return reply_json(request, 200);
}

/* The end of a stream whose position is no good any more. */
static int say_gone(const struct following *following, struct buffer *part)
{
	const struct problem_entry *entry = problem_entry(PROBLEM_CURSOR_GONE);
	struct writer writer;
	char text[256];
	buffer_append_text(part, "event: gone\ndata: ");
	writer_init(&writer, part);
	writer_begin_object(&writer);
	snprintf(text, sizeof(text), "https://mixport.invalid/problems/%s", entry->code);
	writer_member_text(&writer, "type", text);
	writer_member_text(&writer, "title", entry->title);
	writer_member_integer(&writer, "status", entry->status);
	writer_member_text(&writer, "code", entry->code);
	snprintf(text, sizeof(text), GONE_DETAIL, gone_details[following->gone]);
	writer_member_text(&writer, "detail", text);
	writer_member_text(&writer, "request_id", request_id(following->reading.request));
	gone_members(&writer, following);
	writer_end_object(&writer);
	buffer_append_text(part, "\n\n");
	return 1;
}

/* Streams that stand at one place and want the same are given the same bytes: the first of a thread
 * that gets there reads and renders them, the others find them, with where they stand afterwards
 * behind them. */
struct piece_end {
	int64_t after;
	int64_t told;
	int64_t more; /* not 0: there is */
};

static void name_filter(struct buffer *name, const char *filter)
{
	if (filter)
		buffer_printf(name, " %zu:%s", strlen(filter), filter);
	else
		buffer_append_text(name, " -");
}

static void name_piece(const struct following *following, struct buffer *name)
{
	const struct event_query *query = &following->query;
	buffer_printf(name, "events %s %" PRId64 " %" PRIx64 " %" PRId64, following->feed,
	    query->after, query->types, following->project_id);
	name_filter(name, query->connector_id);
	name_filter(name, query->job_id);
}

static struct span piece_span(const struct buffer *buffer)
{
	return (struct span){.ptr = buffer->data, .len = buffer->len};
}

static void keep_piece(struct request *request, const struct following *following,
    const struct buffer *name, struct buffer *part)
{
	const struct piece_end end = {
	    .after = following->query.after, .told = following->told, .more = following->more};
	size_t len = part->len;
	if (buffer_append(part, &end, sizeof(end)) == 0)
		stream_keep_piece(request, piece_span(name), piece_span(part));
	buffer_cut(part, len);
}

/* Returns 0, or -1. */
static int next_piece(
    struct request *request, struct following *following, struct buffer *part, struct err *err)
{
	struct piece_end end;
	struct buffer name _cleanup_buffer_;
	buffer_init(&name, PIECE_NAME_LIMIT);
	name_piece(following, &name);
	bool named = !buffer_failed(&name);
	struct span kept = named ? stream_find_piece(request, piece_span(&name)) : SPAN_NONE;
	if (kept.len >= sizeof(end)) {
		size_t len = kept.len - sizeof(end);
		memcpy(&end, kept.ptr + len, sizeof(end));
		following->query.after = end.after;
		following->more = end.more != 0;
		following->told = len > 0 ? end.told : following->told;
		return buffer_append(part, kept.ptr, len);
	}
	int r = tx_read(request_reader(request), read_feed, following, err);
	if (r == 0 && !following->gone && named)
		keep_piece(request, following, &name, part);
	return r ? -1 : 0;
}

static int next_events(struct request *request, void *state, struct buffer *part, struct err *err)
{
	struct following *following = state;
	request_watch(request, CHANGE_EVENT, "");
	following->part = part;
	following->reading.writer.buffer = part;
	if (next_piece(request, following, part, err) < 0)
		return -1;
	if (following->gone)
		return say_gone(following, part);
	/* Over what is hidden: at most once a minute. */
	int64_t now = clock_monotonic(request_service(request)->clock);
	if (following->told < following->query.after && now >= following->bookmark_at) {
		char id[EVENT_ID_SIZE];
		event_id(following->now.name, following->query.after, id);
		buffer_printf(part, "id: %s\nevent: bookmark\ndata: {\"id\":\"%s\"}\n\n", id, id);
		following->told = following->query.after;
		following->bookmark_at = now + BOOKMARK_INTERVAL;
	}
	if (following->more)
		request_go_on(request);
	return 0;
}

static struct answered answer_stream(struct request *request, struct following *following)
{
	following->limit = STREAM_EVENTS;
	following->bytes_limit = STREAM_BYTES_LIMIT;
	following->told = following->query.after;
	following->bookmark_at =
	    clock_monotonic(request_service(request)->clock) + BOOKMARK_INTERVAL;
	following->gone = position_is_gone(following);
	if (following->gone)
		return answer_gone(request, following);
	buffer_append_text(reply_body(request), "retry: 3000\n\n");
	return reply_stream(request, next_events, following);
}

static int refuse_in_stream(struct request *request, const char *name)
{
	return request_parameter(request, name)
		   ? request_parameter_refused(request, name, "A stream takes no such parameter.")
		   : 0;
}

struct answered events_get(struct request *request)
{
	struct err err = ERR_INIT;
	const struct config_project *project = NULL;
	uint64_t limit = EVENTS_DEFAULT, wait = 0;
	struct following *following = arena_alloc(request_arena(request), sizeof(*following));
	if (!following)
		return reply_failed(request, &(struct err){.text = "no memory for events"});
	*following = (struct following){.query.wants_project = wants_project};
	reading_init(&following->reading, request);
	if (page_project(request, &project) > 0)
		return project_refused(request);
	following->project_id = project ? project->project_id : 0;
	following->query.connector_id = request_parameter(request, "connector_id");
	following->query.job_id = request_parameter(request, "job_id");
	int faults = read_types(request, &following->query.types);
	if (request_wants_stream(request)) {
		faults += refuse_in_stream(request, "wait");
		faults += refuse_in_stream(request, "limit");
	}
	faults += request_parameter_unsigned(request, "limit", 1, EVENTS_MAXIMUM, &limit);
	faults += request_parameter_unsigned(request, "wait", 0, EVENTS_WAIT_MAXIMUM, &wait);
	int r = begin_at(request, following, &err);
	if (r > 0)
		return reply_failed(request, &err);
	if (r < 0 || faults < 0)
		return parameters_refused(request);
	following->limit = (unsigned)limit;
	following->bytes_limit = EVENTS_BYTES_LIMIT;
	request_set_state(request, following);
	if (request_wants_stream(request))
		return answer_stream(request, following);
	request_wait_for(request, wait);
	return events_look(request);
}
