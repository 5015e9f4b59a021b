/* SPDX-License-Identifier: MIT */
/* What the files of the HTTP edge share; no handler includes it.
 *
 *	server.c      listeners, libmicrohttpd's callbacks, start and stop
 *	worker.c      one serving thread: its reader, configuration, counters, cache
 *	connection.c  one client: the request under way, its deadline
 *	guard.c       what a request must satisfy before a handler sees it
 *	request.c     what a handler may ask of a request
 *	reply.c       answers
 *	wait.c        requests that are suspended: for a change, for the engine
 *	attendant.c   the thread that ends what takes too long
 */
#ifndef MIXPORT_API_SERVER_PRIVATE_H
#define MIXPORT_API_SERVER_PRIVATE_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "api/auth.h"
#include "api/cache.h"
#include "api/reply.h"
#include "api/request.h"
#include "api/server.h"
#include "util/timestamp.h"

#define TARGET_LIMIT 4096
#define CONNECTION_MEMORY (12 * 1024)
#define THREADS_LIMIT 2

/* Microseconds without a next request until a kept connection is closed. */
#define IDLE_LIMIT (75 * INT64_C(1000000))
#define IDLE_LIMIT_TEXT "timeout=75"
/* Microseconds for a client to take its answer. */
#define ANSWER_LIMIT (120 * INT64_C(1000000))
/* Bytes of a body that is too long which are read before the connection is cut instead. */
#define DISCARD_LIMIT ((uint64_t)8 * 1024 * 1024)

/* A reference to a configuration, shared by the requests of one worker, so that they do not all
 * count on one place in memory. */
struct hold {
	struct config *config;
	unsigned generation; /* the number of the configuration */
	atomic_uint uses;
};

/* Written by one thread, read by any: no increment needs a locked instruction. */
struct counters {
	_Atomic uint64_t by_status[6];
	_Atomic uint64_t problems[PROBLEM_COUNT];
	_Atomic uint64_t duration_buckets[SERVER_DURATION_BUCKETS];
	_Atomic uint64_t duration_microseconds;
};

static inline void count_more(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
	    memory_order_relaxed);
}

/* What libmicrohttpd has said lately, so that it is not logged again and again. */
#define SAID_LIMIT 4
struct said {
	const char *format;
	int64_t at; /* monotonic */
};

struct worker {
	struct server *server;
	struct listener *listener;
	struct MHD_Daemon *daemon; /* NULL: the thread does not run */
	int fd;                    /* of the listening socket, for the daemon alone; -1: none */
	struct said said[SAID_LIMIT];
	struct conn *reader;
	char id_prefix[RANDOM_ID_SIZE];
	uint64_t id_count;
	struct cache cache;
	unsigned cache_generation; /* of the configuration that what is kept belongs to */
	struct counters counters;
	_Atomic uint64_t calls;     /* of our code by the thread */
	atomic_int events;          /* the epoll descriptor of the thread; -1: it does not run */
	uint64_t calls_seen;        /* the attendant's */
	_Atomic int64_t still_for;  /* microseconds since the attendant saw that it turns */
	_Atomic uint64_t started;   /* requests whose first line arrived */
	_Atomic uint64_t completed; /* of them, those that are over */

	pthread_mutex_t mutex; /* guards the list, between this thread and the attendant */
	struct connection *connections;

	pthread_mutex_t hold_mutex; /* guards hold, between this thread and who reloads */
	struct hold *hold;          /* of the configuration in force */
};

struct listener {
	struct server *server;
	enum listener_kind kind;
	int fd;
	bool passed;
	gid_t group;
	uint16_t port; /* 0 for a UNIX socket */
	struct worker workers[THREADS_LIMIT];
	unsigned worker_count;
};

/* wait.c */

enum command_state {
	COMMAND_STATE_NONE,
	COMMAND_STATE_PENDING,
	COMMAND_STATE_DONE,
	COMMAND_STATE_ABANDONED
};

#define WATCHES_LIMIT 4
#define WATCH_KINDS (CHANGE_RELOAD + 1)
#define WATCH_BUCKETS 64

struct watch {
	enum change_kind kind;
	char id[RANDOM_ID_SIZE]; /* "": any */
	uint64_t ticket;
	struct wait *wait;
	struct watch *next;
	struct watch **link; /* what points here */
};

struct wait {
	struct connection *connection;
	int64_t deadline;    /* monotonic; 0: not set */
	_Atomic int command; /* enum command_state */

	/* guarded by the mutex of struct waits */
	struct watch watches[WATCHES_LIMIT];
	size_t watch_count;
	bool fired;
	bool suspended;
	struct wait *next;
	struct wait *previous;
};

struct waits {
	pthread_mutex_t mutex;
	struct watch *watches[WATCH_KINDS][WATCH_BUCKETS];
	struct wait *suspended;
	size_t suspended_count;
	int64_t attendant_wakes; /* monotonic; when it will look round by itself */
	int wakeup;              /* eventfd of the attendant */
	atomic_bool ending;      /* no wait goes on */
	bool closed;             /* no command is taken any more */
};

int waits_init(struct waits *waits);
void waits_done(struct waits *waits);
void waits_changed(struct waits *waits, const struct change *changes, size_t count);
/* Ends every wait for a change, and those to come; commands go on. */
void waits_end(struct waits *waits);
/* Refuses commands from now on and gives up those the engine has not answered. */
void waits_close(struct waits *waits);
size_t waits_count(struct waits *waits);
/* Ends the waits whose time is over. planned is when the attendant looks round anyway; the nearer
 * of it and the nearest deadline comes back. */
int64_t waits_round(struct waits *waits, int64_t now, int64_t planned);
/* Ends the wait of a client that has left, if it waits. */
void waits_left(struct waits *waits, struct wait *wait);
/* Wakes the attendant. */
void waits_wake(struct waits *waits);
/* Goes on with a request that was resumed. */
struct answered wait_over(struct request *request);
/* Forgets what a request watched: at its end. */
void wait_reset(struct wait *wait);

/* connection.c */

/* Who is waited for, when the deadline of a connection passes. */
enum stage { STAGE_ARRIVING, STAGE_SERVING, STAGE_IDLE };

enum phase {
	PHASE_NONE,       /* no request */
	PHASE_ARRIVED,    /* its first line did */
	PHASE_FRAMED,     /* its head did; there is no body */
	PHASE_BODY,       /* admitted, the body is being read */
	PHASE_DISCARDING, /* the body turned out too long, its rest is thrown away */
	PHASE_HANDLED,    /* in the handler's hands */
	PHASE_SUSPENDED,
	PHASE_ANSWERED,
	PHASE_FAILED, /* to be cut: nothing can be answered */
};

#define HEADERS_ETAGS_LIMIT 4

/* The header fields that the edge itself looks at. */
struct headers {
	struct span host, origin, fetch_site, authorization, content_length, transfer_encoding,
	    content_type, request_id, idempotency_key;
	struct span etags[HEADERS_ETAGS_LIMIT]; /* If-None-Match */
	size_t etag_count;
	unsigned request_ids;
	const char *fault;    /* a sentence, when the head is not acceptable */
	const char *line_end; /* where the line before ended, in libmicrohttpd's memory */
};

#define REPLY_HEADERS_LIMIT 8

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
	bool close; /* the connection, after it */
	int64_t keep_until;
};

/* A client. The request under way is embedded: one at a time, no allocation for each. */
struct connection {
	struct request request; /* first, see connection_of */
	struct worker *worker;
	int fd;
	atomic_uint references; /* its own, and one for a command with the engine */
	struct connection *next;
	struct connection *previous;
	_Atomic int64_t deadline; /* monotonic; DEADLINE_… */
	_Atomic int stage;        /* enum stage */
	atomic_bool left;         /* the client sends no more; it may still listen */
	_Atomic uint64_t requests;
	int64_t opened_at;

	struct config *abandoned_config; /* for the strings of a command that was given up */

	bool peer_known;
	struct auth_peer peer;
	enum scope peer_scope;
	unsigned peer_generation; /* of the configuration that peer_scope was found with */

	enum phase phase;
	struct hold *hold;
	const char *target_at; /* in libmicrohttpd's memory */
	struct span target;    /* our copy */
	bool target_too_long;
	bool http_1_0;
	struct span authority; /* of the target, in absolute form */
	struct headers headers;
	bool has_body;
	bool body_unread;
	uint64_t discarded;
	int64_t running_since;
	int64_t busy;
	uint64_t generation; /* of the store, before the handler read it */
	const char *parameters[ROUTE_PARAMETERS_LIMIT]; /* decoded, in the order of the route */
	struct reply reply;
	struct wait wait;
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

/* The worker's thread. Returns NULL without memory. */
struct connection *connection_open(struct worker *worker, struct MHD_Connection *mhd);
void connection_close(struct connection *connection);
struct connection *connection_ref(struct connection *connection);
void connection_unref(struct connection *connection);
/* A new request: its target, in libmicrohttpd's memory. */
void connection_begin(
    struct connection *connection, struct MHD_Connection *mhd, const char *target);
/* The request is over, however it went. */
void connection_end(struct connection *connection);
/* Sets the next deadline; false when the last one has passed: the attendant has cut the connection,
 * and nothing may be written to it. */
bool connection_set_deadline(struct connection *connection, enum stage stage, int64_t deadline);
/* Room that lives as long as the request. NULL without memory. */
char *connection_text(struct connection *connection, struct span text);
/* Whether libmicrohttpd keeps the connection once the request is answered, when the answer is
 * queued now and says nothing else. The worker's thread. */
bool connection_stays(struct connection *connection);
/* Makes libmicrohttpd read to the end of what a client that has left had sent. Any thread that
 * keeps the connection from being closed meanwhile. */
void connection_read_out(struct connection *connection);

/* worker.c */

int worker_init(struct worker *worker, struct listener *listener, struct err *err);
void worker_done(struct worker *worker);
/* A use of the configuration in force. The worker's thread. */
struct hold *worker_hold(struct worker *worker);
void worker_release(struct hold *hold);
/* Gives up the configuration before the one in force, when the worker has it still. Any thread. */
void worker_reload(struct worker *worker);
/* Writes an identifier that no other request has. */
void worker_request_id(struct worker *worker, char ret_id[REQUEST_ID_SIZE]);
void counters_problem(struct counters *counters, enum problem problem);
void counters_answer(struct counters *counters, unsigned status, int64_t duration);

/* attendant.c */

struct attendant {
	struct server *server;
	pthread_t thread;
	atomic_bool running;
	atomic_bool stopping;
	_Atomic int64_t last_turn;
	struct counters counters;
	int pulse;             /* eventfd that wakes the serving threads */
	int64_t pulsed_at;     /* monotonic */
	int events;            /* epoll: the clients, and the wakeup of waits */
	pthread_mutex_t mutex; /* held while an event is taken and acted upon */
};

int attendant_init(struct attendant *attendant, struct server *server, struct err *err);
void attendant_done(struct attendant *attendant);
int attendant_start(struct attendant *attendant, struct err *err);
void attendant_stop(struct attendant *attendant);
/* Sees from now on whether the worker's thread turns, whose epoll descriptor this is; it stays open
 * until attendant_stop is over. Returns 0, or -1. */
int attendant_mind(struct attendant *attendant, struct worker *worker, int events, struct err *err);
/* Notices from now on when the client leaves, until attendant_forget. */
void attendant_watch(struct attendant *attendant, struct connection *connection);
void attendant_forget(struct attendant *attendant, struct connection *connection);

/* request.c */

/* What tells apart who sees which projects: a restricted token, or NULL for everything. */
const void *request_viewer(const struct request *request);

/* reply.c */

void reply_init(struct reply *reply);
void reply_done(struct reply *reply);
/* Answers with a body that was kept. */
struct answered reply_kept(struct request *request, struct kept *kept);
/* Whether the faults noted so far are about parameters. */
bool reply_has_parameter_fault(const struct request *request);

/* server.c */

struct server {
	struct server_options options;
	int64_t started_at;
	struct listener listeners[LISTENER_SOCKETS_LIMIT];
	size_t listener_count;
	pthread_mutex_t config_mutex;
	struct config *config;
	atomic_uint config_generation; /* grows with each configuration; workers look at it first */
	struct waits waits;
	struct attendant attendant;
	atomic_bool stopping;
};

static inline int64_t server_now(const struct server *server)
{
	return clock_monotonic(server->options.clock);
}

/* The configuration in force, a reference, and its number. */
struct config *server_config(struct server *server, unsigned *ret_generation);

#endif
