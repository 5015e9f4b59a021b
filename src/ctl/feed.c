/* SPDX-License-Identifier: MIT */
/* Asks for events again and again, each time waiting for the next one: the position is the
 * caller's, so that nothing is lost when the daemon restarts in between. */
#include "ctl/feed.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/complain.h"
#include "util/clock.h"

#define EVENTS_AT_ONCE 500
#define PATIENCE (10 * MICROSECONDS_PER_SECOND) /* beyond what the daemon was asked to wait */
#define PAUSE_SHORTEST (100 * MICROSECONDS_PER_MILLISECOND)
#define PAUSE_LONGEST MICROSECONDS_PER_SECOND

void feed_sleep(int64_t microseconds)
{
	const struct timespec time = {
	    .tv_sec = microseconds / MICROSECONDS_PER_SECOND,
	    .tv_nsec = microseconds % MICROSECONDS_PER_SECOND * 1000,
	};
	(void)nanosleep(&time, NULL);
}

void feed_pause(unsigned *tries)
{
	int64_t pause = PAUSE_SHORTEST << (*tries < 4 ? *tries : 4);
	feed_sleep(pause < PAUSE_LONGEST ? pause : PAUSE_LONGEST);
	++*tries;
}

bool feed_is_position(const char *text)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	if (strncmp(text, "evt_", 4) != 0 || strspn(text + 4, digits) != 8 || text[12] != '_')
		return false;
	size_t len = strspn(text + 13, "0123456789");
	return len > 0 && len < 20 && text[13 + len] == '\0';
}

static void feed_target(const struct feed *feed, int64_t wait, struct target *target)
{
	target_init(target, "/v1/events");
	target_parameter(target, "since", feed->position);
	target_parameter(target, "project", feed->project);
	target_parameter(target, "connector_id", feed->connector_id);
	target_parameter(target, "job_id", feed->job_id);
	target_parameter(target, "type", feed->types);
	target_number(target, "limit", EVENTS_AT_ONCE);
	target_number(target, "wait", wait);
}

static enum feed_end stopped(struct feed *feed, enum exit_code code)
{
	feed->code = code;
	return FEED_STOPPED;
}

/* The position moves past what filters hid, too. */
static enum feed_end feed_move(struct ctl *ctl, struct feed *feed, const struct exchange *exchange)
{
	struct err err = ERR_INIT;
	json_t *page _cleanup_json_ = NULL;
	struct span list = jsontext_member(ask_body(exchange), "data");
	if (!list.ptr || jsontext_parse_around(ask_body(exchange), list, 0, &err, &page) < 0)
		return stopped(feed, ask_not_ours(ctl, exchange));
	const char *next = member_text(page, "next_cursor");
	if (!next || !feed_is_position(next))
		return stopped(feed, ask_not_ours(ctl, exchange));
	snprintf(feed->position, sizeof(feed->position), "%s", next);
	return FEED_READ;
}

static enum feed_end feed_gone(struct ctl *ctl, struct feed *feed, const struct exchange *exchange)
{
	json_t *problem _cleanup_json_ = NULL;
	enum exit_code code = ask_parse(ctl, exchange, &problem);
	if (code)
		return stopped(feed, code);
	const char *detail = member_text(problem, "detail");
	const char *name = member_text(problem, "code");
	const char *oldest = member_text(problem, "oldest_cursor");
	snprintf(feed->reason, sizeof(feed->reason), "%s [%s]%s", detail ? detail : "",
	    name ? name : "", oldest ? "; --since oldest begins with what is left" : "");
	return FEED_GONE;
}

/* The daemon may be back in a moment. */
static enum feed_end feed_lost(struct ctl *ctl, struct feed *feed, const struct exchange *exchange)
{
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, sizeof(feed->reason));
	feed->code = link_explain(ctl->link, exchange, &text);
	if (exchange->end == LINK_ANSWERED) {
		feed->code = EXIT_REFUSED;
		buffer_printf(&text, "it is answered %u for now", exchange->status);
	}
	snprintf(feed->reason, sizeof(feed->reason), "%s", buffer_text(&text));
	return FEED_LOST;
}

static bool may_come_back(const struct exchange *exchange)
{
	switch (exchange->end) {
	case LINK_NO_SOCKET:
	case LINK_NOBODY:
	case LINK_LOST:
	case LINK_TIME_UP:
		return true;
	case LINK_ANSWERED:
		return exchange->status == 503 || exchange->status == 429;
	case LINK_NOT_ALLOWED:
	case LINK_TOO_LONG:
	case LINK_UNWRITABLE:
	case LINK_FAILED:
		return false;
	}
	return false;
}

enum feed_end feed_look(
    struct ctl *ctl, struct feed *feed, int64_t wait, listing_fn *each, void *context)
{
	struct target target _cleanup_target_;
	struct exchange exchange _cleanup_exchange_ = {.method = "GET",
	    .patience = wait * MICROSECONDS_PER_SECOND + PATIENCE,
	    .tick = feed->tick,
	    .tick_context = feed->tick_context};
	struct jsontext_iterator iterator;
	struct span key;
	struct span event;
	feed_target(feed, wait, &target);
	exchange.target = target_text(&target);
	if (!exchange.target)
		return stopped(feed, complain(EXIT_USAGE, "what is asked for is too long"));
	link_exchange(ctl->link, &exchange);
	if (may_come_back(&exchange))
		return feed_lost(ctl, feed, &exchange);
	if (exchange.end != LINK_ANSWERED)
		return stopped(feed, link_complain(ctl->link, &exchange));
	if (!ask_is_json(&exchange))
		return stopped(feed, ask_not_ours(ctl, &exchange));
	if (exchange.status == 410)
		return feed_gone(ctl, feed, &exchange);
	if (exchange.status != 200)
		return stopped(feed, ask_complain(ctl, &exchange));
	jsontext_iterate(&iterator, jsontext_member(ask_body(&exchange), "data"));
	while (jsontext_next(&iterator, &key, &event)) {
		enum exit_code code = each(ctl, event, context);
		if (code)
			return stopped(feed, code);
	}
	return feed_move(ctl, feed, &exchange);
}

static enum exit_code feed_pass_over(struct ctl *ctl, struct span event, void *context)
{
	(void)ctl, (void)event, (void)context;
	return EXIT_DONE;
}

enum feed_end feed_now(struct ctl *ctl, struct feed *feed)
{
	snprintf(feed->position, sizeof(feed->position), "now");
	return feed_look(ctl, feed, 0, feed_pass_over, NULL);
}
