/* SPDX-License-Identifier: MIT */
/* Sends calls, judges their answers, and hands them to their owners. */
#include "sync/call.h"

#include <stdlib.h>
#include <string.h>

#include "config/credential.h"
#include "util/log.h"
#include "util/timestamp.h"

void call_init(struct call *call, const struct call_owner *owner, struct project *project,
    enum endpoint endpoint, const char *connector_id)
{
	call->owner = owner;
	call->project = project;
	call->config = config_ref(project->config);
	call->settings = project->settings;
	call->endpoint = endpoint;
	call->started_at = project_wall(project);
	call->begun_at = project_now(project);
	snprintf(
	    call->connector_id, sizeof(call->connector_id), "%s", connector_id ? connector_id : "");
	LIST_INSERT_HEAD(&project->calls, call, entry);
}

void call_done(struct call *call)
{
	LIST_REMOVE(call, entry);
	config_unref(call->config);
}

static void take_answer(struct call *call, const struct client_answer *answer)
{
	struct project *project = call->project;
	project->in_flight--;
	/* While the daemon stops only answers to operations are taken in, and not what comes too
	 * late for a disk on which each commit takes a second. */
	const struct sync *sync = project->sync;
	if (sync_is_stopping(sync) &&
	    !(endpoint_writes(call->endpoint) && sync_now(sync) < sync->last_answers_until)) {
		call->owner->drop(call);
		return;
	}
	tally_request(&project->sync->tally, call->endpoint, answer);
	if (!project_same_upstream(call->settings, project->settings)) {
		call->owner->ended(call, answer, CALL_OUTDATED);
		return;
	}
	if (answer->date != TIMESTAMP_NONE)
		project->date_ahead = answer->date - project_now(project);
	enum upstream_state before = project->upstream.state;
	const struct upstream_request request = {
	    .write = endpoint_writes(call->endpoint),
	    .subject = call->subject,
	    .known = call->known,
	    .started = call->asked_at,
	};
	enum upstream_verdict verdict = upstream_ended(&project->upstream, answer, &request,
	    project_now(project), project_wall(project), &project->sync->random);
	if (verdict == VERDICT_FAILED)
		project_troubled(project, project->upstream.message);
	call->owner->ended(call, answer, verdict == VERDICT_FAILED ? CALL_FAILED : CALL_GOOD);
	if (verdict == VERDICT_GOOD)
		project_recovered(project, before);
}

/* A text without what is of the credential in it: itself, or *ret_copy, or none when there is no
 * memory for one. */
static struct span clean_text(
    const struct credential *credential, struct span text, char **ret_copy)
{
	union {
		const char *received;
		char *data;
	} read = {.received = text.ptr};
	if (!text.ptr || !credential_found_in(credential, read.data, text.len, false))
		return text;
	char *copy = malloc(text.len + 1);
	if (!copy)
		return SPAN_NONE;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	credential_found_in(credential, copy, text.len, true);
	*ret_copy = copy;
	return (struct span){.ptr = copy, .len = text.len};
}

/* For whoever looks into why requests are refused. Cut only now: of a secret that is cut in two,
 * neither part would be found. */
static void log_limit(const struct call *call, const char *header, const char *value)
{
	_cleanup_free_ char *copy = NULL;
	struct span clean = clean_text(call->settings->credential, span_of(value), &copy);
	if (clean.ptr)
		log_debug("the answer to the %s call has %s: %.200s", endpoint_name(call->endpoint),
		    header, clean.ptr);
}

/* An answer may repeat what was sent, in its headers too, and so may what libcurl says of it.
 * Nothing of our credential goes on from here. */
static void call_ended(const struct client_answer *answer, void *context)
{
	struct call *call = context;
	const struct credential *credential = call->settings->credential;
	struct client_answer clean = *answer;
	_cleanup_free_ char *body = NULL;
	_cleanup_free_ char *message = NULL;
	clean.body = clean_text(credential, answer->body, &body);
	clean.message = clean_text(credential, span_of(answer->message), &message).ptr;
	if (!clean.message)
		clean.message = "";
	if (credential_found_in(credential, clean.request_id, strlen(clean.request_id), false))
		clean.request_id[0] = '\0';
	log_limit(call, "RateLimit", answer->rate_limit);
	log_limit(call, "RateLimit-Policy", answer->rate_limit_policy);
	clean.rate_limit = clean.rate_limit_policy = NULL;
	take_answer(call, &clean);
}

int call_url(const struct call *call, struct buffer *buffer, struct err *err)
{
	const struct config_project *settings = call->settings;
	if (endpoint_url(buffer, call->endpoint, settings->base_url, settings->project_id,
		call->connector_id) < 0)
		return err_set(
		    err, "the URL of the %s call is too long", endpoint_name(call->endpoint));
	return 0;
}

int call_send(struct call *call, const char *url, struct span body, struct err *err)
{
	struct project *project = call->project;
	/* All that makes up the request is of one configuration: the one the call was made under.
	 */
	const struct config_project *settings = call->settings;
	bool writes = endpoint_writes(call->endpoint);
	const struct client_request request = {
	    .name = endpoint_name(call->endpoint),
	    .method = endpoint_method(call->endpoint),
	    .once = writes,
	    .url = url,
	    .credential = settings->credential->pair->data,
	    .proxy = settings->proxy,
	    .ca_file = settings->ca_file,
	    .body = body,
	    .timeout = writes ? settings->write_timeout : settings->timeout,
	    .done = call_ended,
	    .context = call,
	};
	call->asked_at = project_now(project);
	if (client_submit(project->sync->client, &request, err) < 0)
		return -1;
	project->in_flight++;
	upstream_asked(&project->upstream, call->asked_at);
	return 0;
}
