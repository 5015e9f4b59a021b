/* SPDX-License-Identifier: MIT */
/* A stream has no queue: it is asked for the next piece when the client has taken the one before.
 * In between its connection is suspended, as one that waits is, but from within the function that
 * libmicrohttpd takes the body from. That one must not return 0 without being suspended: the thread
 * would turn without end. */
#include "http/stream.h"

#include <stdlib.h>
#include <string.h>

#include "http/connection.h"
#include "http/quota.h"
#include "http/share.h"
#include "http/suspend.h"
#include "util/log.h"

#define STREAM_BLOCK ((size_t)64 * 1024)
#define STREAM_PART_LIMIT ((size_t)2 * 1024 * 1024)
#define STREAM_SILENCE (15 * MICROSECONDS_PER_SECOND)

struct stream {
	struct connection *connection;
	stream_next_fn *next;
	void *state;
	struct buffer part;
	size_t sent;          /* of the part */
	int64_t last_sent_at; /* monotonic */
	bool last;
};

static void stream_free(void *context)
{
	struct stream *stream = context;
	atomic_store(&stream->connection->streaming, false);
	buffer_done(&stream->part);
	free(stream);
}

/* Whether the caller may still ask, by the configuration in force; the request is of that from now
 * on, and what was withdrawn is kept by nobody. */
static bool move_to_edition(struct connection *connection)
{
	struct request *request = &connection->request;
	struct edition *edition = worker_edition(connection->worker);
	struct edition *before = connection->edition;
	const struct token *token = request->caller.token;
	bool stays = connection_admitted_by(connection, edition, &token);
	if (stays) {
		request->caller.token = token;
		if (token)
			request->caller.name = token->name;
		connection->edition = edition;
		request->config = edition->config;
		edition = before;
	}
	edition_release(edition);
	return stays;
}

/* Returns 0; 1 when it has come to its end; -1. */
static int stream_renew(struct stream *stream)
{
	struct connection *connection = stream->connection;
	struct request *request = &connection->request;
	struct err err = ERR_INIT;
	int64_t now = connection_now(connection);
	if (stream->last || atomic_load(&connection->left) ||
	    atomic_load(&connection->wait.waits->ending) || !move_to_edition(connection))
		return 1;
	buffer_clear(&stream->part);
	stream->sent = 0;
	int r = stream->next(request, stream->state, &stream->part, &err);
	if (r >= 0 && buffer_failed(&stream->part))
		r = err_set(&err, "no memory for a stream");
	if (r < 0) {
		log_error("request %s: the stream breaks off: %s", request->id, err.text);
		return -1;
	}
	stream->last = r == 1;
	if (stream->part.len == 0 && !stream->last && now - stream->last_sent_at >= STREAM_SILENCE)
		buffer_append_text(&stream->part, ":\n\n");
	return stream->part.len == 0 && stream->last;
}

static bool stream_is_over(void *context)
{
	return request_wait_over(context);
}

/* Called by libmicrohttpd when the connection takes more. */
static ssize_t stream_read(void *context, uint64_t position, char *data, size_t size)
{
	struct stream *stream = context;
	struct connection *connection = stream->connection;
	(void)position;
	if (stream->sent == stream->part.len) {
		int r = stream_renew(stream);
		if (r != 0)
			return r < 0 ? MHD_CONTENT_READER_END_WITH_ERROR
				     : MHD_CONTENT_READER_END_OF_STREAM;
	}
	bool waits = stream->sent == stream->part.len;
	int64_t now = connection_now(connection);
	if (!connection_set_deadline(
		connection, STAGE_SERVING, waits ? DEADLINE_NONE : now + ANSWER_LIMIT))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (waits) {
		connection->wait.deadline = stream->last_sent_at + STREAM_SILENCE;
		wait_suspend(&connection->wait, stream_is_over, &connection->request);
		return 0;
	}
	size_t rest = stream->part.len - stream->sent;
	size_t len = rest < size ? rest : size;
	memcpy(data, stream->part.data + stream->sent, len);
	stream->sent += len;
	stream->last_sent_at = now;
	return (ssize_t)len;
}

/* Returns 0, or 1 when there are too many. */
static int claim(struct connection *connection)
{
	struct quota *quota = connection->worker->quota;
	pthread_mutex_lock(&quota->mutex);
	struct share_streams there = share_count_streams(connection);
	bool full = there.all >= STREAMS_LIMIT || there.of_holder >= STREAMS_OF_CALLER_LIMIT ||
		    there.of_listener >= connection->worker->endpoint->connections / 4 * 3;
	if (!full)
		atomic_store(&connection->streaming, true);
	pthread_mutex_unlock(&quota->mutex);
	return full;
}

static struct MHD_Response *stream_response(
    struct request *request, stream_next_fn *next, void *state)
{
	struct connection *connection = connection_of(request);
	struct stream *stream = calloc(1, sizeof(*stream));
	if (!stream)
		return NULL;
	*stream = (struct stream){
	    .connection = connection,
	    .next = next,
	    .state = state,
	    .part = connection->reply.body,
	    .last_sent_at = connection_now(connection),
	};
	buffer_init(&connection->reply.body, BODY_LIMIT);
	stream->part.limit = STREAM_PART_LIMIT;
	struct MHD_Response *response = MHD_create_response_from_callback(
	    MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, stream, stream_free);
	if (!response)
		stream_free(stream);
	return response;
}

struct answered reply_stream(struct request *request, stream_next_fn *next, void *state)
{
	struct connection *connection = connection_of(request);
	if (request->head)
		return reply_text(request, 200, "text/event-stream");
	if (claim(connection) != 0) {
		reply_header(request, "Retry-After", "10");
		return reply_problem(request, PROBLEM_TOO_MANY_STREAMS,
		    "There are too many streams: at most %d of one caller, %d in all, and three "
		    "quarters of a listener's connections. Close one, or ask with wait instead.",
		    STREAMS_OF_CALLER_LIMIT, STREAMS_LIMIT);
	}
	return reply_response(request, stream_response(request, next, state), "text/event-stream");
}

/* Kept pieces ----------------------------------------------------------------------------------*/

struct span stream_find_piece(struct request *request, struct span name)
{
	const struct kept *kept = reply_find_kept(request, name);
	return kept ? (struct span){.ptr = kept->data, .len = kept->len} : SPAN_NONE;
}

void stream_keep_piece(struct request *request, struct span name, struct span piece)
{
	struct buffer copy _cleanup_buffer_;
	buffer_init(&copy, CACHE_BODY_LIMIT);
	struct kept *kept = buffer_append(&copy, piece.ptr, piece.len) == 0
				? kept_new(copy.data, copy.len, NULL)
				: NULL;
	if (!kept)
		return;
	size_t len;
	buffer_steal(&copy, &len);
	reply_keep_as(request, name, INT64_MAX, kept);
	kept_unref(kept);
}
