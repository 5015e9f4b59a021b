/* SPDX-License-Identifier: MIT */
/* What the files of the engine share; nobody else includes it.
 *
 *	engine.c      the thread: mailbox, turns, publishing
 *	project.c     one project: what goes out next, what its answers mean for it
 *	refresh.c     listings, histories and single connectors: asked, gathered, applied
 *	operation.c   creates and deletes: written down, sent at most once, decided
 *	search.c      what became of creates whose outcome is unknown
 *	command.c     what callers wish for
 */
#ifndef MIXPORT_SYNC_ENGINE_PRIVATE_H
#define MIXPORT_SYNC_ENGINE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "mixpanel/endpoints.h"
#include "mixpanel/ratelimit.h"
#include "model/connector.h"
#include "model/job.h"
#include "store/connector_store.h"
#include "store/tx.h"
#include "sync/apply.h"
#include "sync/changes.h"
#include "sync/doubts.h"
#include "sync/engine.h"
#include "sync/planner.h"
#include "sync/upstream.h"
#include "sync/witness.h"
#include "transfer/client.h"
#include "util/arena.h"
#include "util/log.h"

/* An operation that is to be sent, or on its way. */
struct task {
	char operation_id[RANDOM_ID_SIZE];
	enum operation_kind kind;
	int64_t not_before;    /* monotonic */
	int64_t failing_since; /* the same; INT64_MIN while it has not failed */
	bool in_flight;
	STAILQ_ENTRY(task) entry;
};

/* A refresh that somebody asked for, shared by all who asked while it runs. */
struct refresh {
	uint64_t ticket;
	int64_t begun_at;      /* monotonic: what was asked before it does not count */
	int64_t connector_row; /* 0: the whole project */
	char connector_id[CONNECTOR_ID_LENGTH_LIMIT + 1];
	enum {
		REFRESH_RECORDS,        /* the list, or the single connector, is to be asked for */
		REFRESH_RECORDS_FLIGHT, /* it is on its way (single connector only) */
		REFRESH_HISTORIES,      /* histories are being read */
	} phase;
	int64_t *rows; /* connectors whose history is awaited, sorted; negated once it came */
	size_t count;
	size_t size;
	size_t left;
	LIST_ENTRY(refresh) entry;
};

enum call_kind { CALL_LIST, CALL_HISTORY, CALL_GET, CALL_OPERATION };

/* One thing asked of Mixpanel, over as many pages as it takes. */
struct call {
	struct project *project;
	/* What it was made under, whatever is in force meanwhile: origin, credential, and so what
	 * is scrubbed from its answer, are one. */
	struct config *config;
	const struct config_project *settings;
	enum call_kind kind;
	enum endpoint endpoint;
	struct plan plan; /* of kind PLAN_NOTHING for what nobody planned */
	uint64_t ticket;  /* CALL_GET that somebody waits for */
	char connector_id[CONNECTOR_ID_LENGTH_LIMIT + 1];
	char operation_id[RANDOM_ID_SIZE];
	int64_t started_at; /* wall clock, of the first page */
	int64_t begun_at;   /* monotonic, of the first page */
	int64_t asked_at;   /* monotonic, of this page */
	int64_t last_row;   /* CALL_LIST: the last connector known when it was asked for */
	struct pages pages;
	struct buffer next_url;   /* the page that waits for its turn */
	bool ended;               /* CALL_OPERATION: only its end is still to be written: */
	struct client_answer end; /* points into */
	char *end_body;           /* these */
	char *end_message;
	STAILQ_ENTRY(call) paged;
	STAILQ_ENTRY(call) unsaved;
	LIST_ENTRY(call) entry;
};

/* A create whose outcome is unknown, and when to look for it. Times are monotonic. */
struct search {
	int64_t row;
	int64_t listings_from; /* of the project's complete listings, those beyond count */
	int64_t look_from;     /* a list asked for earlier says nothing of it */
	int64_t over_from;     /* a complete list asked for so late is the last hope */
	bool fresh;            /* no list has been looked through yet */
	bool look;             /* now */
	bool give_up;          /* and say so, if it is not found */
	bool over;             /* it was said */
};

/* One project being followed. Belongs to the sync thread. */
struct project {
	struct engine *engine;
	struct config *config; /* the reference that settings points into */
	const struct config_project *settings;
	struct planner *planner;
	struct ratelimit limit;
	struct upstream upstream;
	unsigned in_flight;
	unsigned creates_in_flight;         /* until their end is written */
	STAILQ_HEAD(task_list, task) tasks; /* in the order they were asked for */
	LIST_HEAD(refresh_list, refresh) refreshes;
	LIST_HEAD(call_list, call) calls;        /* every one there is */
	STAILQ_HEAD(paged_list, call) paged;     /* those whose next page waits for budget */
	STAILQ_HEAD(unsaved_list, call) unsaved; /* operations whose end is not written yet */
	struct witness witness;
	struct doubts doubts;
	int64_t
	    troubled_since; /* monotonic: it was told that Mixpanel is in trouble; or INT64_MIN */
	bool loaded;        /* a listing was applied once */
	bool list_tried;    /* it was, or at least one was asked for and came to an end */
	bool removed;       /* no longer configured: goes when nothing is in flight */
	struct search *searches; /* sorted by row */
	size_t search_count;
	int64_t complete_listings; /* how many were applied, ever */
	int64_t list_begun_at;     /* monotonic: when the last one that was applied was asked for */
	int64_t date_ahead; /* Mixpanel's clock less the monotonic one; TIMESTAMP_NONE: not known */
	LIST_ENTRY(project) entry;
};

/* What other threads may read, under the mutex. */
struct published {
	int64_t project_id;
	struct upstream_status status;
};

struct engine {
	struct conn *writer;
	struct client *client;
	struct engine_options options;
	struct random_sequence random;
	LIST_HEAD(project_list, project) projects;
	struct changes changes;
	size_t page_bytes; /* of all answers that are being gathered */
	bool broken;       /* nothing may be written any more */
	uint64_t commits;
	bool recovered;         /* what was left in the middle is unknown now */
	bool incomplete;        /* a configured project is not followed yet */
	int64_t complete_at;    /* monotonic: when to try again */
	int64_t store_retry_at; /* monotonic; after a full disk */
	int64_t store_retry_after;
	int64_t next_retention; /* monotonic */

	pthread_t thread;
	bool started;
	atomic_bool stopping;
	int64_t last_answers_until; /* monotonic; INT64_MAX until it stops */
	atomic_bool store_unavailable;
	_Atomic int64_t last_turn;

	pthread_mutex_t mutex; /* guards what follows */
	struct command *first_command;
	struct command **last_command;
	unsigned commands_waiting;
	char (*told)[RANDOM_ID_SIZE]; /* operations whose end was told, to be written down */
	size_t told_count;
	bool closed;
	struct config *config; /* in force */
	bool config_changed;
	struct published *published;
	size_t published_count;
	uint64_t next_ticket;
	uint64_t *open_tickets;
	size_t open_ticket_count;
	struct engine_counters counters;
};

/* engine.c ------------------------------------------------------------------------------------*/

int64_t engine_now(const struct engine *engine);  /* Monotonic microseconds. */
int64_t engine_wall(const struct engine *engine); /* Wall clock microseconds. */

/* Whether an answer to an operation, or another one, is still to be taken in. While it stops others
 * are not, and those that come too late for a disk on which each commit takes a second. */
bool engine_takes_answers(const struct engine *engine, bool operation);

/* Whether it is to end: nothing new is begun. */
bool engine_is_stopping(const struct engine *engine);

/* Whether Mixpanel's own date, in the last answer to one of the projects since the start, is within
 * an hour of the wall clock. Until then nothing is removed, and nothing expires, by age. */
bool engine_date_is_sure(const struct engine *engine);

/* Runs body in a transaction; tells what changed once it is committed. Keeps track of a full disk,
 * and ends the process' work when the outcome of a commit is unknown. Returns as tx_write. */
int engine_write(struct engine *engine,
    int (*body)(struct conn *conn, void *context, struct err *err), void *context, struct err *err);

/* Whether the store takes writes as far as is known, or it is time to try again whether it does. */
bool engine_may_write(const struct engine *engine, int64_t now);
/* Whether the project is to be followed, though it may not be yet: on a full disk, it cannot. */
bool engine_is_configured(struct engine *engine, int64_t project_id);

/* The level of what is said about a failed write: little while it is known that nothing can be
 * written at all. */
enum log_level engine_write_level(const struct engine *engine, enum log_level level);

/* The project with this id that is configured; NULL for none. */
struct project *engine_find_project(struct engine *engine, int64_t project_id);

/* A ticket for a refresh that begins. Returns 0, or -1 without memory. */
int engine_open_ticket(struct engine *engine, uint64_t *ret_ticket);

/* The refresh with this ticket has ended; whoever waits is told. */
void engine_close_ticket(struct engine *engine, int64_t project_id, uint64_t ticket);

/* Lets other threads see how every project is doing. */
void engine_publish(struct engine *engine);

/* Counts one request; one answer that could not be read; what was changed in the store. */
void engine_count(
    struct engine *engine, enum endpoint endpoint, const struct client_answer *answer);
void engine_count_undecodable(struct engine *engine);
void engine_count_changed(struct engine *engine, size_t jobs, size_t connectors);

/* project.c -----------------------------------------------------------------------------------*/

/* A project to follow, loaded from the store. Takes a reference to config. Returns 0, a store
 * outcome, or -1. */
int project_new(struct engine *engine, struct config *config, const struct config_project *settings,
    struct err *err, struct project **ret_project);

/* Frees a project with nothing in flight, or whose client is gone. Returns NULL. */
struct project *project_free(struct project *project);

/* Loads its connectors and open operations from the store. Returns 0, or -1. */
int project_load(struct project *project, struct err *err);

/* Something was confirmed or concluded of a connector: it outranks what is read for settle_time. */
void project_settle(struct project *project, int64_t row, enum witness_hold hold);

/* The row of a connector. Returns 0, 1 when it was never known, or -1. */
int project_connector_row(
    const struct project *project, const char *connector_id, struct err *err, int64_t *ret_row);

/* What outranks what is read of a connector now; not what was asked for before. */
enum witness_hold project_held(const struct project *project, const char *connector_id);

/* Tells the planner of a connector; a followed_connector_fn whose context is the project. */
int project_follow(const struct followed_connector *connector, void *context);

/* New settings. Takes a reference to config. */
void project_change(
    struct project *project, struct config *config, const struct config_project *settings);

/* Sends what may go out now. Returns when to call again at the latest, monotonic. */
int64_t project_turn(struct project *project, int64_t now);

/* Mixpanel is in trouble: says so in the log, once until it is well again. */
void project_troubled(struct project *project, const char *message);

/* What the API shows of it. */
struct upstream_status project_status(struct project *project);

/* A call to be filled and sent. NULL without memory. */
struct call *call_new(struct project *project, enum call_kind kind, enum endpoint endpoint);

/* Takes NULL; returns NULL. */
struct call *call_free(struct call *call);

/* Sends a call, to url or to its endpoint's own; body for a create. The budget was taken. Returns
 * 0, or -1 when nothing was sent; the caller keeps the call then. */
int call_send(struct call *call, const char *url, struct span body, struct err *err);

/* How long a thing that fails again and again is left alone: as long as it has failed already, from
 * 2 s to a minute, with jitter. since is monotonic. */
int64_t project_retry_delay(struct project *project, int64_t since);

/* refresh.c -----------------------------------------------------------------------------------*/

/* Sends the list or the history of a plan. */
void refresh_send_plan(struct project *project, const struct plan *plan, int64_t now);

/* Sends the next page of a call that waited for budget. */
void refresh_send_page(struct call *call);

/* Sends the single connector of a refresh. */
void refresh_send_get(struct project *project, struct refresh *refresh);

/* An answer came in for a call of the three kinds; takes the call over. failed: the failure
 * concerns the whole project. */
void refresh_ended(struct call *call, const struct client_answer *answer, bool failed);

/* An answer came in to what was asked of another origin, or by another account, than is in force
 * now: it is asked again. Takes the call over. */
void refresh_outdated(struct call *call);

/* The planned call could not be made at all; takes the call over (NULL for none). */
void refresh_not_sent(
    struct project *project, struct call *call, const struct plan *plan, const char *message);

/* Begins a refresh of the project (row 0) or of one connector, or joins the one that runs. Returns
 * 0, or -1 without memory. */
int refresh_begin(
    struct project *project, int64_t row, const char *connector_id, uint64_t *ret_ticket);

/* Tells the planner what the store now holds of a connector. */
void refresh_follow(struct project *project, int64_t row);

/* The connector is deleted: it is not followed any more. */
void refresh_drop(struct project *project, int64_t row);

/* Ends every refresh of the project: nothing more will come. */
void refresh_end_all(struct project *project);

/* operation.c ---------------------------------------------------------------------------------*/

/* Puts an operation on the list of those to be sent. Returns 0, or -1 without memory. */
int operation_enqueue(struct project *project, const char *operation_id, enum operation_kind kind);

/* Sends the next operation that may go out. Returns 1 when one was sent or came to an end, 0 when
 * there is none; *ret_next is then brought forward to when to look again. */
int operation_send_next(struct project *project, int64_t now, int64_t *ret_next);

/* An answer came in for an operation; takes the call over. */
void operation_ended(struct call *call, const struct client_answer *answer);

/* Writes down those ends that could not be written before. What stays unwritten becomes unknown at
 * the next start. */
void operation_save_unsaved(struct project *project);

/* An operation as stored, for longer than the row's callback. */
struct loaded_operation {
	struct arena arena;
	struct operation_record record;
	bool incomplete; /* no memory for a part of it */
};

/* Loads it; to be freed with loaded_operation_done in every case. Returns 0, 1 when there is none,
 * or -1. */
int operation_load_row(
    struct engine *engine, int64_t row, struct err *err, struct loaded_operation *loaded);

/* Frees. */
void loaded_operation_done(struct loaded_operation *loaded);

/* Says in the log what became of an operation. */
void operation_log(const struct project *project, const struct operation_record *record);

/* search.c ------------------------------------------------------------------------------------*/

/* The outcome of a create is unknown: it is looked for from now on. search_base is that of its
 * record; sent_at is when it was sent at the latest (monotonic); over tells that it was said
 * already that there is no more hope: it may turn up all the same. */
void search_unknown(
    struct project *project, int64_t row, int64_t search_base, int64_t sent_at, bool over);

/* It is known. */
void search_end(struct project *project, int64_t row);

/* Something with this import key came, went or was decided: those that ask for the same are looked
 * for again. NULL is fine. The same for what a connector imports. */
void search_same_import(struct project *project, const char *import_key);
void search_connector(struct project *project, int64_t connector_row);

/* A list was applied that was asked for at begun_at (monotonic). */
void search_listed(struct project *project, bool complete, int64_t begun_at);

/* Looks for some of those that are to be looked for. Returns whether others are left. */
bool search_turn(struct project *project);

/* Frees. */
void search_forget(struct project *project);

/* command.c -----------------------------------------------------------------------------------*/

/* Does what the command wishes and fills its result; does not call done. */
void command_run(struct engine *engine, struct command *command);

#endif
