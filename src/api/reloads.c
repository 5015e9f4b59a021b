/* SPDX-License-Identifier: MIT */
/* Counts the reloads that were requested and done, so that requests can share one. */
#include "api/reloads.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "api/handlers.h"
#include "api/service.h"
#include "http/reply.h"
#include "http/suspend.h"
#include "util/jsontext.h"

/* Seconds; reading some files takes none of them. mixportd --reload waits a little longer. */
#define RELOAD_WAIT 50

struct reloads {
	int asked; /* eventfd */
	pthread_mutex_t mutex;
	uint64_t begun; /* how many have */
	struct reload_outcome last;
};

int reloads_new(struct err *err, struct reloads **ret_reloads)
{
	struct reloads *reloads = calloc(1, sizeof(*reloads));
	if (!reloads)
		return err_set(err, "no memory for reloads");
	reloads->asked = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (reloads->asked < 0) {
		int errno_value = errno;
		free(reloads);
		return err_set_errno(err, errno_value, "cannot make an eventfd");
	}
	pthread_mutex_init(&reloads->mutex, NULL);
	*ret_reloads = reloads;
	return 0;
}

struct reloads *reloads_free(struct reloads *reloads)
{
	if (!reloads)
		return NULL;
	close(reloads->asked);
	pthread_mutex_destroy(&reloads->mutex);
	reload_outcome_done(&reloads->last);
	free(reloads);
	return NULL;
}

int reloads_fd(const struct reloads *reloads)
{
	return reloads->asked;
}

uint64_t reloads_ask(struct reloads *reloads)
{
	const uint64_t one = 1;
	pthread_mutex_lock(&reloads->mutex);
	uint64_t number = reloads->begun + 1;
	(void)!write(reloads->asked, &one, sizeof(one));
	pthread_mutex_unlock(&reloads->mutex);
	return number;
}

void reloads_begin(struct reloads *reloads)
{
	uint64_t asked;
	pthread_mutex_lock(&reloads->mutex);
	(void)!read(reloads->asked, &asked, sizeof(asked));
	reloads->begun++;
	pthread_mutex_unlock(&reloads->mutex);
}

void reloads_end(struct reloads *reloads, int64_t at, const struct faults *faults)
{
	struct reload_outcome outcome = {
	    .done = faults->count == 0,
	    .at = at,
	    .count = faults->count,
	    .lines = faults->count > 0 ? strdup(buffer_text(&faults->lines)) : NULL,
	};
	pthread_mutex_lock(&reloads->mutex);
	struct reload_outcome before = reloads->last;
	outcome.number = reloads->begun;
	reloads->last = outcome;
	pthread_mutex_unlock(&reloads->mutex);
	reload_outcome_done(&before);
}

void reloads_last(struct reloads *reloads, struct reload_outcome *ret_outcome)
{
	pthread_mutex_lock(&reloads->mutex);
	*ret_outcome = reloads->last;
	ret_outcome->lines = reloads->last.lines ? strdup(reloads->last.lines) : NULL;
	pthread_mutex_unlock(&reloads->mutex);
}

void reload_outcome_done(struct reload_outcome *outcome)
{
	free(outcome->lines);
	outcome->lines = NULL;
}

/* POST /v1/reload -------------------------------------------------------------------------------*/

static struct answered answer_done(struct request *request, const struct reload_outcome *outcome)
{
	struct writer writer;
	writer_init(&writer, reply_body(request));
	writer_begin_object(&writer);
	writer_member_boolean(&writer, "reloaded", true);
	writer_member_time(&writer, "loaded_at", outcome->at);
	writer_end_object(&writer);
	return reply_json(request, 200);
}

static struct answered answer_refused(struct request *request, const struct reload_outcome *outcome)
{
	char *rest = outcome->lines;
	for (char *line; (line = strsep(&rest, "\n"));)
		if (*line)
			reply_fault(request, "pointer", "", "configuration-fault", line);
	return reply_problem(request, PROBLEM_CONFIGURATION_INVALID,
	    "the configuration stays as it was: what would replace it has %zu fault%s, see errors",
	    outcome->count, outcome->count == 1 ? "" : "s");
}

static struct answered await_outcome(struct request *request)
{
	struct reloads *reloads = request_service(request)->reloads;
	struct reload_outcome outcome _cleanup_reload_outcome_;
	request_watch(request, TOPIC_RELOAD, "");
	reloads_last(reloads, &outcome);
	if (outcome.number >= *(const uint64_t *)request_state(request))
		return outcome.done ? answer_done(request, &outcome)
				    : answer_refused(request, &outcome);
	if (!request_wait_over(request))
		return reply_wait(request, await_outcome);
	return reply_problem(request, PROBLEM_STOPPING,
	    "the daemon stops, the reload takes too long, or its client sends no more, before it "
	    "is known what comes of it; GET /v1/health tells the outcome of the last one");
}

/* The body has no members yet: one that is there asks for what is not done. */
static int reloads_check_body(struct request *request, struct err *err)
{
	json_t *body _cleanup_json_ = NULL;
	if (request_body(request).len == 0)
		return 0;
	if (request_json(request, err, &body) < 0)
		return -1;
	if (!json_is_object(body) || json_object_size(body) > 0)
		return err_set(err, "the body of a reload is {}");
	return 0;
}

struct answered reload_post(struct request *request)
{
	struct err err = ERR_INIT;
	if (caller_is_limited(request_caller(request)))
		return reply_problem(request, PROBLEM_INSUFFICIENT_SCOPE,
		    "%s is limited to some projects; a reload concerns all of them",
		    request_caller(request)->name);
	if (reloads_check_body(request, &err) < 0)
		return reply_problem(request, PROBLEM_INVALID_JSON, "%s", err.text);
	uint64_t *number = arena_alloc(request_arena(request), sizeof(*number));
	if (!number)
		return reply_failed(request, &(struct err){.text = "no memory for a reload"});
	request_set_state(request, number);
	request_wait_for(request, RELOAD_WAIT);
	*number = reloads_ask(request_service(request)->reloads);
	return await_outcome(request);
}
