/* SPDX-License-Identifier: MIT */
/* Each event is a transaction of its own. */
#include "sync/news.h"

#include "store/recorder.h"
#include "store/render.h"

#define NEWS_LIMIT 4096

void news_init(struct news *news, const char *version)
{
	*news = (struct news){.version = version};
	pthread_mutex_init(&news->mutex, NULL);
}

void news_done(struct news *news)
{
	pthread_mutex_destroy(&news->mutex);
}

void news_reloaded(struct news *news)
{
	pthread_mutex_lock(&news->mutex);
	news->reloaded++;
	pthread_mutex_unlock(&news->mutex);
}

void news_refused(struct news *news, size_t faults)
{
	pthread_mutex_lock(&news->mutex);
	news->refused++;
	news->faults = faults;
	pthread_mutex_unlock(&news->mutex);
}

static int write_event(struct conn *writer, void *context, struct err *err)
{
	return recorder_tell(writer, context, err);
}

/* Returns whether it is told. */
static bool tell_event(struct sync *sync, struct event_put *event, const struct buffer *data)
{
	struct err err = ERR_INIT;
	event->data = (struct span){.ptr = buffer_text(data), .len = data->len};
	if (commit_write(&sync->commit, write_event, event, &err) == 0)
		return true;
	log_write(commit_level(&sync->commit, LOG_LEVEL_WARNING),
	    "the event %s could not be written: %s", event_type_names[event->type], err.text);
	return false;
}

static bool news_tell_daemon(struct sync *sync, enum event_type type, const char *format, ...)
    PRINTF_LIKE(3, 4);

static bool news_tell_daemon(struct sync *sync, enum event_type type, const char *format, ...)
{
	struct event_put event = {.type = type};
	struct buffer data _cleanup_buffer_;
	char text[128];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	buffer_init(&data, NEWS_LIMIT);
	buffer_append_text(&data, text);
	return tell_event(sync, &event, &data);
}

/* How often each happened since; they are told once each. */
static void tell_reloads(struct news *news, struct sync *sync)
{
	pthread_mutex_lock(&news->mutex);
	unsigned reloaded = news->reloaded, refused = news->refused;
	size_t faults = news->faults;
	pthread_mutex_unlock(&news->mutex);
	unsigned told = 0, told_refused = 0;
	while (told < reloaded && news_tell_daemon(sync, EVENT_DAEMON_RELOADED, "{}"))
		told++;
	while (told_refused < refused &&
	       news_tell_daemon(sync, EVENT_DAEMON_RELOAD_REFUSED, "{\"faults\":%zu}", faults))
		told_refused++;
	pthread_mutex_lock(&news->mutex);
	news->reloaded -= told;
	news->refused -= told_refused;
	pthread_mutex_unlock(&news->mutex);
}

static void tell_upstream(struct project *project)
{
	struct upstream_status status = project_status(project);
	/* That nothing is known yet is no news. */
	if (project->told_state == (int)status.state ||
	    (project->told_state < 0 && status.state == UPSTREAM_UNKNOWN))
		return;
	struct buffer data _cleanup_buffer_;
	char previous[64];
	struct writer writer;
	struct event_put event = {
	    .type = EVENT_UPSTREAM_CHANGED, .project_id = project->settings->project_id};
	buffer_init(&data, NEWS_LIMIT);
	writer_init(&writer, &data);
	writer_begin_object(&writer);
	writer_key(&writer, "upstream");
	render_own_upstream(&writer, &status);
	writer_end_object(&writer);
	if (project->told_state >= 0) {
		snprintf(previous, sizeof(previous), "{\"state\":\"%s\"}",
		    upstream_state_names[project->told_state]);
		event.previous = span_of(previous);
	}
	if (!buffer_failed(&data) && tell_event(project->sync, &event, &data))
		project->told_state = (int)status.state;
}

void news_tell(struct news *news, struct sync *sync)
{
	struct project *project;
	if (!commit_may_write(&sync->commit, sync_now(sync)))
		return;
	if (!news->started)
		news->started = news_tell_daemon(
		    sync, EVENT_DAEMON_STARTED, "{\"version\":\"%s\"}", news->version);
	tell_reloads(news, sync);
	LIST_FOREACH (project, &sync->projects, entry)
		tell_upstream(project);
}
