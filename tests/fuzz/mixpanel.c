/* SPDX-License-Identifier: MIT */
/* The thread that asks and the one that turns it hand over to each other: never do both run. */
#include "mixpanel.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "util/timestamp.h"

#define ANSWERS_LIMIT 64
/* No input has so much to do that it takes more turns. */
#define TURNS_LIMIT 20000

/* 2026-01-01 */
#define WALL_START (INT64_C(1767225600) * MICROSECONDS_PER_SECOND)

#define LIST "{\"status\":\"ok\",\"results\":{\"url\":null,\"has_more\":false,\"data\":[]}}"
#define CONNECTOR                                                                                  \
	"{\"connector_id\":\"made\",\"connector_type\":\"gcsImport\",\"connector_properties\":"    \
	"{\"gcs_bucket\":\"b\",\"gcs_prefix\":\"p\"},\"category_properties\":"                     \
	"{\"data_format\":\"mixpanel_event\"}}"
#define DELETED "{\"status\":\"ok\",\"results\":\"Successfully deleted Connector\"}"

struct transfer {
	client_done_fn *done;
	void *context;
	struct mixpanel_answer answer;
	LIST_ENTRY(transfer) entry;
};

struct client {
	LIST_HEAD(transfer_list, transfer) transfers;
	unsigned in_flight;
};

static struct {
	_Atomic int64_t time;
	struct mixpanel_answer answers[ANSWERS_LIMIT];
	size_t first, count;
	mixpanel_sent_fn *sent;
	sem_t waits; /* posted when the thread has nothing left to do */
	sem_t goes;  /* posted when it may go on */
	atomic_bool woken;
	bool to_answer;
	bool let_go;
	unsigned turns;
} mixpanel;

/* libFuzzer has signals come. */
static void wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0)
		;
}

static int64_t tell_time(void *context)
{
	(void)context;
	return mixpanel.time;
}

static int64_t tell_date(void *context)
{
	(void)context;
	return WALL_START + mixpanel.time;
}

const struct clock mixpanel_clock = {.monotonic = tell_time, .wall = tell_date};

void mixpanel_pass(int64_t time)
{
	mixpanel.time += time;
	mixpanel.woken = true;
}

void mixpanel_say(const struct mixpanel_answer *answer)
{
	if (mixpanel.count < ANSWERS_LIMIT)
		mixpanel.answers[mixpanel.count++] = *answer;
}

void mixpanel_watch(mixpanel_sent_fn *sent)
{
	mixpanel.sent = sent;
}

void mixpanel_begin(void)
{
	wait_for(&mixpanel.waits);
}

bool mixpanel_turn(void)
{
	if (!mixpanel.woken && !mixpanel.to_answer)
		return false;
	if (mixpanel.turns++ == TURNS_LIMIT) {
		fprintf(stderr, "the engine does not come to rest\n");
		abort();
	}
	mixpanel.woken = false;
	/* Else what is due at this very moment could stay so. */
	mixpanel.time++;
	sem_post(&mixpanel.goes);
	wait_for(&mixpanel.waits);
	return true;
}

void mixpanel_let_go(void)
{
	mixpanel.let_go = true;
	sem_post(&mixpanel.goes);
}

void mixpanel_forget(void)
{
	sem_destroy(&mixpanel.waits);
	sem_destroy(&mixpanel.goes);
	mixpanel.first = mixpanel.count = 0;
	mixpanel.woken = mixpanel.to_answer = mixpanel.let_go = false;
	mixpanel.turns = 0;
	mixpanel.time = MICROSECONDS_PER_HOUR;
}

/* In the place of the client --------------------------------------------------------------------*/

int client_library_init(struct err *err)
{
	(void)err;
	return 0;
}

void client_library_done(void)
{
}

int client_new(
    const char *user_agent, const char *id_header, struct err *err, struct client **ret_client)
{
	(void)user_agent, (void)id_header, (void)err;
	struct client *client = calloc(1, sizeof(*client));
	if (!client)
		abort();
	sem_init(&mixpanel.waits, 0, 0);
	sem_init(&mixpanel.goes, 0, 0);
	LIST_INIT(&client->transfers);
	*ret_client = client;
	return 0;
}

struct client *client_free(struct client *client)
{
	struct transfer *transfer;
	if (!client)
		return NULL;
	while ((transfer = LIST_FIRST(&client->transfers))) {
		LIST_REMOVE(transfer, entry);
		free(transfer);
	}
	free(client);
	return NULL;
}

static struct mixpanel_answer usual_answer(const struct client_request *request)
{
	const char *body = strcmp(request->method, "POST") == 0     ? CONNECTOR
			   : strcmp(request->method, "DELETE") == 0 ? DELETED
								    : LIST;
	return (struct mixpanel_answer){
	    .outcome = CLIENT_ANSWERED, .status = 200, .body = span_of(body)};
}

int client_submit(struct client *client, const struct client_request *request, struct err *err)
{
	(void)err;
	struct transfer *transfer = calloc(1, sizeof(*transfer));
	if (!transfer)
		abort();
	transfer->done = request->done;
	transfer->context = request->context;
	transfer->answer = mixpanel.first < mixpanel.count ? mixpanel.answers[mixpanel.first++]
							   : usual_answer(request);
	if (mixpanel.sent)
		mixpanel.sent(request, &transfer->answer);
	LIST_INSERT_HEAD(&client->transfers, transfer, entry);
	client->in_flight++;
	mixpanel.to_answer = mixpanel.to_answer || !transfer->answer.never;
	return 0;
}

unsigned client_in_flight(const struct client *client)
{
	return client->in_flight;
}

static void finish(struct client *client, struct transfer *transfer)
{
	const struct mixpanel_answer *said = &transfer->answer;
	bool answered = said->outcome == CLIENT_ANSWERED;
	_cleanup_free_ char *text = strndup(said->body.ptr ? said->body.ptr : "", said->body.len);
	struct client_answer answer = {
	    .outcome = said->outcome,
	    .status = answered ? said->status : 0,
	    .body = answered ? said->body : SPAN_NONE,
	    .message = answered ? "" : text,
	    .retry_after = said->retry_after,
	    .date = answered ? tell_date(NULL) : TIMESTAMP_NONE,
	    .started_at = tell_date(NULL),
	};
	snprintf(answer.request_id, sizeof(answer.request_id), "%.*s", (int)said->request_id.len,
	    said->request_id.ptr ? said->request_id.ptr : "");
	LIST_REMOVE(transfer, entry);
	client->in_flight--;
	transfer->done(&answer, transfer->context);
	free(transfer);
}

/* Those that are asked for meanwhile are answered in the next turn. */
static void answer_all(struct client *client)
{
	struct transfer_list due = LIST_HEAD_INITIALIZER(due);
	struct transfer *transfer = LIST_FIRST(&client->transfers);
	while (transfer) {
		struct transfer *next = LIST_NEXT(transfer, entry);
		if (!transfer->answer.never) {
			LIST_REMOVE(transfer, entry);
			LIST_INSERT_HEAD(&due, transfer, entry);
		}
		transfer = next;
	}
	while ((transfer = LIST_FIRST(&due)))
		finish(client, transfer);
}

void client_run(struct client *client, int64_t timeout)
{
	if (mixpanel.let_go) {
		mixpanel.time += timeout;
	} else {
		mixpanel.woken = mixpanel.woken || timeout <= 0;
		sem_post(&mixpanel.waits);
		wait_for(&mixpanel.goes);
	}
	mixpanel.to_answer = false;
	answer_all(client);
}

void client_wake(struct client *client)
{
	(void)client;
	mixpanel.woken = true;
}
