/* SPDX-License-Identifier: MIT */
/* Ties the edge, which knows nothing of what it serves, to the store and the engine. */
#include "api/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "http/server.h"

#define TOPICS_AT_ONCE 32

_Static_assert(TOPIC_RELOAD < TOPIC_KINDS, "there are more kinds of topics than the edge knows");
_Static_assert(TOPIC_ID_SIZE >= RANDOM_ID_SIZE, "an id is longer than that of a topic");

const struct service *request_service(const struct request *request)
{
	return request_application(request);
}

struct conn *request_reader(const struct request *request)
{
	return request_thread(request);
}

struct engine *request_engine(const struct request *request)
{
	return request_service(request)->engine;
}

void topic_refresh(uint64_t ticket, char ret_id[TOPIC_ID_SIZE])
{
	snprintf(ret_id, TOPIC_ID_SIZE, "%" PRIu64, ticket);
}

void service_changed(struct server *server, const struct change *changes, size_t count)
{
	while (count > 0) {
		struct topic topics[TOPICS_AT_ONCE];
		size_t taken = 0;
		for (; taken < count && taken < TOPICS_AT_ONCE; taken++) {
			const struct change *change = &changes[taken];
			struct topic *topic = &topics[taken];
			topic->kind = change->kind;
			if (change->ticket)
				topic_refresh(change->ticket, topic->id);
			else
				snprintf(topic->id, sizeof(topic->id), "%s", change->id);
		}
		server_notify(server, topics, taken);
		changes += taken;
		count -= taken;
	}
}

void service_reloaded(struct server *server)
{
	server_notify(server, &(struct topic){.kind = TOPIC_RELOAD}, 1);
}
