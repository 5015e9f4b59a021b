/* SPDX-License-Identifier: MIT */
/* What comes back from whoever is taken for Mixpanel, to the real client, over a connection of this
 * machine's. Each request ends once, and as what it is: no answer that was cut short passes for a
 * whole one, what changes something is sent at most once, and of the head of an answer comes what
 * it says, within limits.
 *
 * The lowest bit of the first byte says whether the first request changes something, the next two
 * in what pieces answers come, the fourth whether the connection stays open behind one, the fifth
 * whether the requests after the first change something. What follows is the answers, with a 0x1e
 * between them: one for each request that arrives, and none when they are used up. As long as there
 * are some, further requests are made. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http1.h"
#include "mixpanel/endpoints.h"
#include "mixpanel/envelope.h"
#include "sync/upstream.h"
#include "transfer/client.h"
#include "util/backoff.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CREDENTIAL "robot:s3:cret-of-the-robot"
#define BODY "{\"a\":1}"
#define ANSWER_END '\x1e'
#define PEERS 16
#define ASKS_LIMIT 4
#define TIMEOUT (20 * MICROSECONDS_PER_SECOND)

/* One connection, as the server has it. */
struct peer {
	int fd; /* -1: none */
	struct span unsent;
	bool ends; /* behind what is unsent */
	unsigned matched;
};

static struct {
	struct client *client;
	int listener;
	char url[64];
	struct peer peers[PEERS];

	/* of this input */
	bool writes;
	size_t piece;
	bool stays;
	struct span answers;
	bool answers_left;

	/* of this request */
	unsigned arrived;  /* as far as the server saw */
	struct span given; /* the last answer it was given */
	bool given_whole;  /* that was all there is on its connection */
	unsigned ended;
} call;

/* The server ------------------------------------------------------------------------------------*/

static struct span next_answer(void)
{
	struct span part;
	if (!http1_take_part(&call.answers, ANSWER_END, &part)) {
		part = call.answers;
		call.answers = SPAN_NONE;
		call.answers_left = false;
	}
	return part;
}

static void hang_up(struct peer *peer)
{
	close(peer->fd);
	peer->fd = -1;
}

static void take_connection(void)
{
	int fd = accept4(call.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	for (size_t i = 0; i < PEERS; i++)
		if (call.peers[i].fd < 0) {
			call.peers[i] = (struct peer){.fd = fd};
			return;
		}
	abort();
}

/* A request has arrived with the end of its head: its body, if any, has none in it. */
static void hear_request(struct peer *peer, char c)
{
	static const char end[] = "\r\n\r\n";
	peer->matched = c == end[peer->matched] ? peer->matched + 1 : c == '\r';
	if (peer->matched < 4)
		return;
	peer->matched = 0;
	call.arrived++;
	peer->ends = !call.stays || !call.answers_left;
	call.given_whole = peer->ends && peer->unsent.len == 0;
	call.given = call.answers_left ? next_answer() : SPAN_NONE;
	peer->unsent = call.given;
}

static void serve(struct peer *peer)
{
	static char bytes[4096];
	ssize_t len;
	while ((len = recv(peer->fd, bytes, sizeof(bytes), 0)) > 0)
		for (ssize_t i = 0; i < len; i++)
			hear_request(peer, bytes[i]);
	if (len == 0 || errno != EAGAIN) {
		hang_up(peer);
		return;
	}
	size_t size =
	    call.piece > 0 && call.piece < peer->unsent.len ? call.piece : peer->unsent.len;
	len = size > 0 ? send(peer->fd, peer->unsent.ptr, size, MSG_NOSIGNAL) : 0;
	if (len > 0)
		peer->unsent = (struct span){
		    .ptr = peer->unsent.ptr + len, .len = peer->unsent.len - (size_t)len};
	/* When it stays open, what is not whole must come to an end all the same. */
	if (peer->unsent.len == 0 && peer->ends)
		shutdown(peer->fd, SHUT_WR);
	peer->ends = peer->ends || (len == 0 && call.given.ptr && !call.ended);
}

/* What is answered
 * --------------------------------------------------------------------------------*/

/* Whether all of an answer's bytes are such that every reader reads them alike. */
static bool is_plain(struct span head)
{
	for (size_t i = 0; i < head.len; i++) {
		unsigned char c = (unsigned char)head.ptr[i];
		if (c > '~' || (c < ' ' && c != '\r' && c != '\n'))
			return false;
		if ((c == '\n' && (i == 0 || head.ptr[i - 1] != '\r')) ||
		    (c == '\r' && (i + 1 == head.len || head.ptr[i + 1] != '\n')))
			return false;
	}
	return true;
}

static bool is_digits(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
	return text.len > 0;
}

/* Right below 100,000, and above as large. */
static int64_t small_number(struct span digits)
{
	int64_t number = 0;
	for (size_t i = 0; i < digits.len && number < 100000; i++)
		number = number * 10 + (digits.ptr[i] - '0');
	return number;
}

/* What stands in a head once, and can be told without doubt, has come. */
static void check_head(const struct http1_head *head, const struct client_answer *answer)
{
	struct span value;
	unsigned count = http1_find(head, "Retry-After", &value);
	if (count == 0)
		assert(answer->retry_after == 0);
	if (count == 1 && is_digits(value))
		assert(
		    answer->retry_after == (small_number(value) < 1         ? 1
					       : small_number(value) > 3600 ? 3600
									    : small_number(value)) *
					       MICROSECONDS_PER_SECOND);
	count = http1_find(head, ENDPOINT_ID_HEADER, &value);
	if (count != 1)
		assert(answer->request_id[0] == '\0');
	else if (is_digits(value) && value.len < CLIENT_REQUEST_ID_SIZE)
		assert(span_equals(value, answer->request_id));
	if (http1_find(head, "Date", &value) == 0)
		assert(answer->date == TIMESTAMP_NONE);
	count = http1_find(head, "RateLimit", &value);
	assert((answer->rate_limit != NULL) == (count == 1));
}

/* Whether more was promised than came. A length that no number holds libcurl takes for none, and
 * reads to the end. */
static bool is_cut(const struct http1_answer *given, struct span behind)
{
	struct span length, value;
	bool empty = given->status < 200 || given->status == 204 || given->status == 304;
	return !empty && http1_find(&given->head, "Transfer-Encoding", &value) == 0 &&
	       http1_find(&given->head, "Content-Length", &length) == 1 && is_digits(length) &&
	       length.len <= 18 && small_number(length) > (int64_t)behind.len;
}

/* By a reader of its own, where what came leaves no doubt. */
static void check_given(const struct client_answer *answer)
{
	static char copy[64 * 1024];
	struct http1_answer given = {.status = 0};
	struct span value;
	if (!call.given_whole || call.arrived != 1 || call.given.len > sizeof(copy))
		return;
	if (call.given.len > 0)
		memcpy(copy, call.given.ptr, call.given.len);
	struct span rest = {.ptr = copy, .len = call.given.len};
	bool answered = answer->outcome == CLIENT_ANSWERED, whole;
	do {
		const char *end = rest.len > 3 ? memmem(rest.ptr, rest.len, "\r\n\r\n", 4) : NULL;
		if (!end) {
			/* Of what begins with a NUL where a line does, libcurl drops what came
			 * along with it. */
			assert(!answered || !is_plain(rest));
			return;
		}
		struct span head = {.ptr = rest.ptr, .len = (size_t)(end + 4 - rest.ptr)};
		struct span behind = {.ptr = end + 4, .len = rest.len - head.len};
		given = (struct http1_answer){.status = 0};
		whole = http1_take_answer(&rest, false, &given);
		if (!is_plain(head) || !given.status)
			return;
		assert(!answered || whole || !is_cut(&given, behind));
	} while (whole && given.status < 200 && given.status != 101);
	if (!whole || given.status < 200 || !answered)
		return;
	assert(answer->status == (long)given.status);
	if (http1_find(&given.head, "Content-Encoding", &value) == 0)
		assert(answer->body.len == given.body.len &&
		       (given.body.len == 0 ||
			   memcmp(answer->body.ptr, given.body.ptr, given.body.len) == 0));
	check_head(&given.head, answer);
}

static void check_upstream(const struct client_answer *answer)
{
	struct upstream upstream;
	struct random_sequence random;
	char text[512];
	int64_t now = MICROSECONDS_PER_HOUR;
	const struct upstream_request request = {
	    .write = call.writes, .subject = UPSTREAM_LIST, .started = now - 1};
	upstream_init(&upstream, 0);
	random_sequence_init(&random, 1);
	enum upstream_verdict verdict =
	    upstream_ended(&upstream, answer, &request, now, now, &random);
	assert(verdict == VERDICT_GOOD || upstream.code[0]);
	assert(upstream.hold_until <= now + BACKOFF_RETRY_AFTER_MAXIMUM);
	assert(
	    upstream.hold_until == INT64_MIN || upstream.hold_until >= now + answer->retry_after);
	answer_describe(answer, text, sizeof(text));
	for (const char *at = text; *at; at++)
		assert((unsigned char)*at >= ' ' && *at != 0x7f);
}

static void ended(const struct client_answer *answer, void *context)
{
	(void)context;
	call.ended++;
	assert(answer->outcome != CLIENT_NOT_SENT || call.arrived == 0);
	assert(answer->status == 0 || (answer->status >= 100 && answer->status <= 999));
	assert(answer->outcome != CLIENT_ANSWERED || (answer->status && !answer->message[0]));
	assert(answer->outcome == CLIENT_ANSWERED || (answer->message[0] && !answer->body.ptr));
	assert(answer->outcome == CLIENT_ANSWERED || answer->retry_after == 0);
	assert(answer->retry_after == 0 || (answer->retry_after >= BACKOFF_RETRY_AFTER_MINIMUM &&
					       answer->retry_after <= BACKOFF_RETRY_AFTER_MAXIMUM));
	size_t len = strlen(answer->request_id);
	assert(len < CLIENT_REQUEST_ID_SIZE);
	for (size_t i = 0; i < len; i++)
		assert(strchr("._-", answer->request_id[i]) ||
		       ((answer->request_id[i] | 0x20) >= 'a' &&
			   (answer->request_id[i] | 0x20) <= 'z') ||
		       (answer->request_id[i] >= '0' && answer->request_id[i] <= '9'));
	check_given(answer);
	check_upstream(answer);
}

/* Asking ----------------------------------------------------------------------------------------*/

static void ask(bool writes)
{
	struct err err = ERR_INIT;
	const struct client_request request = {
	    .name = writes ? "create" : "list",
	    .method = writes ? "POST" : "GET",
	    .once = writes,
	    .url = call.url,
	    .credential = CREDENTIAL,
	    .body = writes ? span_of(BODY) : SPAN_NONE,
	    .timeout = TIMEOUT,
	    .done = ended,
	};
	int64_t start = clock_monotonic(&clock_system);
	call.writes = writes;
	call.arrived = call.ended = 0;
	call.given = SPAN_NONE;
	call.given_whole = false;
	if (client_submit(call.client, &request, &err) < 0)
		abort();
	while (call.ended == 0) {
		take_connection();
		for (size_t i = 0; i < PEERS; i++)
			if (call.peers[i].fd >= 0)
				serve(&call.peers[i]);
		client_run(call.client, 0);
		assert(clock_monotonic(&clock_system) - start < TIMEOUT);
	}
	assert(call.ended == 1 && client_in_flight(call.client) == 0);
	/* A read may be sent again, and follow one redirect. */
	assert(call.arrived <= (writes ? 1 : 4));
}

static void end(void)
{
	close(call.listener);
	client_library_done();
}

static void begin(void)
{
	struct err err = ERR_INIT;
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	log_set_level(LOG_LEVEL_ERROR);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	call.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (call.listener < 0 || bind(call.listener, (struct sockaddr *)&address, size) < 0 ||
	    listen(call.listener, PEERS) < 0 ||
	    getsockname(call.listener, (struct sockaddr *)&address, &size) < 0 ||
	    client_library_init(&err) < 0)
		abort();
	snprintf(call.url, sizeof(call.url), "http://127.0.0.1:%u/connectors",
	    (unsigned)ntohs(address.sin_port));
	for (size_t i = 0; i < PEERS; i++)
		call.peers[i].fd = -1;
	atexit(end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[] = {0, 1, 7, 100};
	struct err err = ERR_INIT;
	if (size < 1 || size > 16 * 1024)
		return 0;
	if (!call.url[0])
		begin();
	if (client_new("fuzz", ENDPOINT_ID_HEADER, &err, &call.client) < 0)
		abort();
	call.piece = pieces[data[0] >> 1 & 3];
	call.stays = data[0] & 8;
	call.answers = (struct span){.ptr = (const char *)data + 1, .len = size - 1};
	call.answers_left = true;
	for (unsigned i = 0; i < ASKS_LIMIT && call.answers_left; i++)
		ask(data[0] & (i == 0 ? 1 : 16));
	client_free(call.client);
	for (size_t i = 0; i < PEERS; i++)
		if (call.peers[i].fd >= 0)
			hang_up(&call.peers[i]);
	return 0;
}
