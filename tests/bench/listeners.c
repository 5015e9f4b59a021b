/* SPDX-License-Identifier: MIT */
/* Many listeners of the feed of events, in one thread that does little else: what a stream costs
 * the daemon is measured, not what it costs its reader. Each looks that no event is left out. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define LISTENERS_LIMIT 256
#define LINE_LIMIT 64
#define BLOCK ((size_t)256 * 1024)

/* Where a listener stands in the answer: its head, and then chunks, which have a line with their
 * size before them and an empty one behind. */
enum phase { PHASE_STATUS, PHASE_HEAD, PHASE_SIZE, PHASE_DATA };

struct listener {
	int fd;
	enum phase phase;
	char line[LINE_LIMIT]; /* the beginning of the one that is being read, of the head or a size
				*/
	size_t len;
	char text[LINE_LIMIT]; /* the same, of the stream */
	size_t text_len;
	size_t left;  /* of the chunk */
	int64_t last; /* the number of the last event; 0: none yet */
	uint64_t events;
};

static void give_up(const char *why)
{
	fprintf(stderr, "listeners: %s\n", why);
	exit(1);
}

/* Takes bytes up to the end of a line. Returns how many, and in ret_ended whether it is there. */
static size_t take_line(char *line, size_t *len, const char *data, size_t size, bool *ret_ended)
{
	const char *end = memchr(data, '\n', size);
	size_t used = end ? (size_t)(end - data) : size;
	size_t room = LINE_LIMIT - 1 - *len;
	size_t kept = used < room ? used : room;
	memcpy(line + *len, data, kept);
	*len += kept;
	line[*len] = '\0';
	*ret_ended = end != NULL;
	return used + (end != NULL);
}

static void hear_id(struct listener *listener)
{
	const char *number = strrchr(listener->text, '_');
	if (strncmp(listener->text, "id: evt_", 8) != 0 || !number)
		return;
	int64_t seq = strtoll(number + 1, NULL, 10);
	if (listener->last > 0 && seq != listener->last + 1)
		give_up("a stream left out an event");
	listener->last = seq;
	listener->events++;
}

static void hear_data(struct listener *listener, const char *data, size_t size)
{
	for (size_t used = 0; used < size;) {
		bool ended;
		used += take_line(
		    listener->text, &listener->text_len, data + used, size - used, &ended);
		if (ended) {
			hear_id(listener);
			listener->text_len = 0;
		}
	}
}

/* A line of the head, or of what is between chunks. */
static void hear_line(struct listener *listener)
{
	const char *line = listener->line;
	switch (listener->phase) {
	case PHASE_STATUS:
		if (strncmp(line, "HTTP/1.1 200 ", 13) != 0)
			give_up(line);
		listener->phase = PHASE_HEAD;
		break;
	case PHASE_HEAD:
		if (strcmp(line, "\r") == 0)
			listener->phase = PHASE_SIZE;
		break;
	case PHASE_SIZE:
		listener->left = strtoul(line, NULL, 16);
		if (listener->left > 0)
			listener->phase = PHASE_DATA;
		else if (strcmp(line, "\r") != 0)
			give_up("the daemon ended a stream");
		break;
	case PHASE_DATA:
		break;
	}
	listener->len = 0;
}

static void hear(struct listener *listener, const char *data, size_t size)
{
	for (size_t used = 0; used < size;) {
		bool ended = false;
		size_t rest = size - used;
		if (listener->phase != PHASE_DATA) {
			used +=
			    take_line(listener->line, &listener->len, data + used, rest, &ended);
			if (ended)
				hear_line(listener);
			continue;
		}
		size_t part = listener->left < rest ? listener->left : rest;
		hear_data(listener, data + used, part);
		used += part;
		listener->left -= part;
		if (listener->left == 0)
			listener->phase = PHASE_SIZE;
	}
}

static void begin_listening(struct listener *listener, uint16_t port, const char *token)
{
	const struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	char head[512];
	int len = snprintf(head, sizeof(head),
	    "GET /v1/events?since=now HTTP/1.1\r\nHost: localhost\r\n"
	    "Accept: text/event-stream\r\nAuthorization: Bearer %s\r\n\r\n",
	    token);
	listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener->fd < 0 ||
	    connect(listener->fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    write(listener->fd, head, (size_t)len) != len)
		give_up("the daemon cannot be reached");
}

/* The fewest events that one heard, and the number of the last that all did. */
static void print_result(const struct listener *listeners, size_t count)
{
	uint64_t least = UINT64_MAX;
	int64_t last = INT64_MAX;
	for (size_t i = 0; i < count; i++) {
		least = listeners[i].events < least ? listeners[i].events : least;
		last = listeners[i].last < last ? listeners[i].last : last;
	}
	printf("%" PRIu64 " %" PRId64 "\n", least, last);
}

/* Until standard input ends. */
static void listen_on(int epoll, size_t count)
{
	static char block[BLOCK];
	struct epoll_event ready[LISTENERS_LIMIT];
	size_t begun = 0;
	for (;;) {
		int n = epoll_wait(epoll, ready, LISTENERS_LIMIT, -1);
		for (int i = 0; i < n; i++) {
			struct listener *listener = ready[i].data.ptr;
			if (!listener)
				return;
			bool first = listener->phase == PHASE_STATUS;
			ssize_t size = read(listener->fd, block, sizeof(block));
			if (size <= 0)
				give_up("a stream broke off");
			hear(listener, block, (size_t)size);
			if (first && listener->phase != PHASE_STATUS && ++begun == count) {
				puts("listening");
				fflush(stdout);
			}
		}
	}
}

int main(int argc, char **argv)
{
	static struct listener listeners[LISTENERS_LIMIT];
	if (argc < 4) {
		fprintf(stderr, "usage: %s PORT STREAMS TOKEN...\n", argv[0]);
		return 2;
	}
	size_t count = strtoul(argv[2], NULL, 10);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	if (count < 1 || count > LISTENERS_LIMIT || epoll < 0)
		give_up("too many streams");
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
	for (size_t i = 0; i < count; i++) {
		begin_listening(&listeners[i], (uint16_t)strtoul(argv[1], NULL, 10),
		    argv[3 + i % (size_t)(argc - 3)]);
		event.data.ptr = &listeners[i];
		epoll_ctl(epoll, EPOLL_CTL_ADD, listeners[i].fd, &event);
	}
	listen_on(epoll, count);
	print_result(listeners, count);
	return 0;
}
