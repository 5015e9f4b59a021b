/* SPDX-License-Identifier: MIT */
/* A client and its request under way, as the files of the edge see them; to all others struct
 * request is opaque (see request.h).
 *
 * One request at a time, so it is embedded, and none of them is allocated. It goes through three
 * stretches: arrived (raw line, headers), admitted (route, caller, project, parameters, body),
 * answering (the reply being composed, a wait). */
#pragma once

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/auth.h"
#include "http/router.h"
#include "http/waits.h"
#include "http/worker.h"
#include "util/arena.h"
#include "util/buffer.h"

#define TARGET_LIMIT 4096
/* What libmicrohttpd has for each connection: its head, what came behind that, and the head of the
 * answer. */
#define CONNECTION_MEMORY ((size_t)16 * 1024)
/* A page of 4 MiB, or one record with what two answers of Mixpanel's said in it. */
#define BODY_LIMIT ((size_t)16 * 1024 * 1024)

/* Microseconds without a next request until a kept connection is closed. */
#define IDLE_LIMIT (75 * INT64_C(1000000))
#define IDLE_LIMIT_TEXT "timeout=75"
/* Microseconds for a client to take its answer. */
#define ANSWER_LIMIT (120 * INT64_C(1000000))

/* Who is waited for, when the deadline of a connection passes. */
enum stage { STAGE_ARRIVING, STAGE_SERVING, STAGE_IDLE };

enum phase {
	PHASE_NONE,    /* no request */
	PHASE_ARRIVED, /* its first line did */
	PHASE_FRAMED,  /* its head did; there is no body */
	PHASE_BODY,    /* admitted, the body is being read */
	PHASE_HANDLED, /* in the handler's hands */
	PHASE_SUSPENDED,
	PHASE_ANSWERED,
	PHASE_FAILED, /* to be cut: nothing can be answered */
};

#define HEADERS_ETAGS_LIMIT 4

/* The header fields that the edge itself looks at. */
struct headers {
	struct span host, origin, fetch_site, authorization, content_length, transfer_encoding,
	    content_type, content_encoding, request_id, idempotency_key, last_event_id;
	struct span etags[HEADERS_ETAGS_LIMIT]; /* If-None-Match */
	size_t etag_count;
	unsigned request_ids;
	size_t records; /* bytes that libmicrohttpd keeps of the fields beside the head */
	bool cookie;
	bool expects;         /* 100-continue */
	bool event_stream;    /* Accept names it */
	const char *fault;    /* a sentence, when the head is not acceptable */
	const char *line_end; /* where the line before ended, in libmicrohttpd's memory */
};

#define REPLY_HEADERS_LIMIT 8

/* An answer being composed. */
struct reply {
	struct buffer body;
	struct {
		const char *name, *value;
	} headers[REPLY_HEADERS_LIMIT];
	size_t header_count;
	const char *etag;
	struct buffer faults;  /* rendered, with commas between */
	struct buffer members; /* rendered, with commas between */
	unsigned fault_count;
	bool parameter_fault;
	const char *problem; /* its code, when it is one */
	bool close;          /* the connection, after it */
	int64_t keep_until;
};

/* Zeroed between two requests, but for its id. */
struct request {
	/* arrived */
	struct MHD_Connection *mhd;
	struct arena arena; /* what lives as long as the request; 256 KiB at most */
	const char *method;
	bool head;             /* HEAD: served as GET, without its body */
	struct span path;      /* raw */
	struct span query;     /* raw, without the question mark */
	int64_t arrived_at;    /* monotonic */
	struct config *config; /* of the edition in force when the request arrived */
	const char *target_at; /* in libmicrohttpd's memory */
	struct span target;    /* our copy */
	struct span authority; /* of the target, in absolute form */
	bool target_too_long;
	bool http_1_0;
	bool has_body;
	struct headers headers;

	/* admitted */
	const struct route *route;
	const char *segments[ROUTE_SEGMENTS_LIMIT];     /* of the path, decoded */
	const char *parameters[ROUTE_PARAMETERS_LIMIT]; /* decoded, in the order of the route */
	const struct config_project *project;           /* ROUTE_PROJECT: the one named */
	struct caller caller;
	struct buffer body; /* as received */

	/* answering */
	int64_t running_since;
	int64_t busy;
	uint64_t generation; /* of the application, before the handler read from it */
	handler_fn *resume;  /* continues after a wait */
	void *state;         /* the handler's own, in the arena */
	void *call;          /* the last one that was begun, in the arena */
	void *note;          /* the application's own, in the arena */

	char id[REQUEST_ID_SIZE]; /* last: the attendant may be reading it */
};

struct connection {
	struct request request; /* first, see connection_of */
	struct reply reply;
	struct wait wait;
	struct edition *edition; /* of the request under way */
	enum phase phase;
	bool body_unread;
	struct worker *worker;
	int fd;
	atomic_uint references;       /* its own, and one for each call that is not done */
	LIST_ENTRY(connection) entry; /* of its worker */
	_Atomic int64_t deadline;     /* monotonic; DEADLINE_… */
	_Atomic int stage;            /* enum stage */
	atomic_bool left;             /* the client sends no more; it may still listen */
	atomic_bool identified;       /* the request under way has its id */
	_Atomic uint64_t requests;
	int64_t opened_at;
	_Atomic uint64_t holder; /* see share.h */
	atomic_bool streaming;   /* its answer has no end */

	/* see share.h; for the worker's thread */
	uint64_t opener;            /* whose the peer is on a UNIX socket, else HOLDER_NOBODY */
	bool stranger;              /* it is on the list of them */
	struct share_holder *claim; /* NULL: nobody's */
	TAILQ_ENTRY(connection) stranger_entry;

	struct config *abandoned_config; /* for the strings of a call that was abandoned */

	char *peer_unit; /* NULL: none, or not known */
	bool peer_known;
	struct auth_peer peer;
	enum scope peer_scope;
	unsigned peer_edition; /* that peer_scope was found with */

	size_t text_used;
	char text[1024]; /* the target and what is decoded from it, when it fits */
};

#define DEADLINE_NONE INT64_MAX
#define DEADLINE_PASSED INT64_MIN

static inline struct connection *connection_of(const struct request *request)
{
	union {
		const struct request *request;
		struct connection *connection;
	} same = {.request = request};
	return same.connection;
}

/* Monotonic time by the application's clock. */
static inline int64_t connection_now(const struct connection *connection)
{
	return worker_now(connection->worker);
}

/* The worker's thread. Returns NULL without memory. */
struct connection *connection_open(struct worker *worker, struct MHD_Connection *mhd);

/* Off the worker's list, and a reference less; the end of a request that libmicrohttpd did not
 * tell. The attendant has forgotten it. */
void connection_close(struct connection *connection);

/* One more reference, and one less: the last one frees. Any thread. */
struct connection *connection_ref(struct connection *connection);
void connection_unref(struct connection *connection);

/* A new request: its target, in libmicrohttpd's memory. */
void connection_begin(
    struct connection *connection, struct MHD_Connection *mhd, const char *target);

/* Whether who was let in under the edition of the request would be under this one, too, with the
 * same rights; then token, which is the caller's of before, becomes the one of this edition. */
bool connection_admitted_by(
    const struct connection *connection, const struct edition *edition, const struct token **token);

/* The same by the edition in force. The worker's thread. */
bool connection_stays_admitted(const struct connection *connection);

/* Answers a request that no call was or will be made for, straight to the socket: nothing was
 * written to it, and whoever calls sees to it that nothing else will be. Returns whether the answer
 * was sent: only then it is counted. */
bool connection_refuse(struct connection *connection, struct counters *counters,
    enum problem problem, const char *id, const char *detail);

/* The request is over, however it went. */
void connection_end(struct connection *connection);

/* Sets the next deadline; false when the last one has passed: the attendant has cut the connection,
 * and nothing may be written to it. */
bool connection_set_deadline(struct connection *connection, enum stage stage, int64_t deadline);

/* A copy that lives as long as the request. NULL without memory. */
char *connection_text(struct connection *connection, struct span text);

/* Whether libmicrohttpd keeps the connection once the request is answered, when the answer is
 * queued now and says nothing else. The worker's thread. */
bool connection_stays(struct connection *connection);

/* Writes the address of the peer, "127.0.0.1:41234"; "" on a UNIX socket. */
#define CONNECTION_ADDRESS_SIZE 56
void connection_address(
    const struct connection *connection, char ret_address[CONNECTION_ADDRESS_SIZE]);

/* Makes libmicrohttpd read to the end of what a client that has left had sent. Any thread that
 * keeps the connection from being closed meanwhile. */
void connection_read_out(struct connection *connection);
