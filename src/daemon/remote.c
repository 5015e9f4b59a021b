/* SPDX-License-Identifier: MIT */
/* Asks the running daemon to reload, and prints its answer. */
#include "daemon/remote.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "util/clock.h"

#define PATIENCE 60 /* seconds */
#define ANSWER_LIMIT (1024 * 1024)
#define STATUS_LINE "HTTP/1.1 "

/* Returns 0; 1 when nobody is there; -1. */
static int connect_to(int fd, const char *path, struct err *err)
{
	const struct timeval patience = {.tv_sec = PATIENCE};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return err_set_errno(err, errno, "cannot make a socket");
	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(err, "%s is too long for the path of a socket", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	err_set_errno(err, errno, "no daemon can be reached at %s", path);
	return 1;
}

static int send_all(int fd, const struct buffer *request, struct err *err)
{
	for (size_t sent = 0; sent < request->len;) {
		ssize_t more = send(fd, request->data + sent, request->len - sent, MSG_NOSIGNAL);
		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return err_set_errno(err, errno, "the daemon took no request");
		sent += (size_t)more;
	}
	return 0;
}

/* Reads to the end of the connection, which the request asked for. */
static int receive_all(int fd, struct buffer *text, struct err *err)
{
	int64_t end = clock_monotonic(&clock_system) + PATIENCE * MICROSECONDS_PER_SECOND;
	for (;;) {
		char piece[4096];
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		int64_t left = end - clock_monotonic(&clock_system);
		if (left <= 0)
			return err_set(err, "the daemon gave no answer in %d seconds", PATIENCE);
		if (poll(&readable, 1, (int)(left / MICROSECONDS_PER_MILLISECOND) + 1) <= 0)
			continue;
		ssize_t got = read(fd, piece, sizeof(piece));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set_errno(err, errno, "the daemon's answer was cut off");
		if (got == 0)
			return 0;
		if (buffer_append(text, piece, (size_t)got) < 0)
			return err_set(err, "the daemon's answer has over %d bytes", ANSWER_LIMIT);
	}
}

static int read_answer(struct remote_answer *answer, struct err *err)
{
	const char *text = buffer_text(&answer->text);
	const char *end = strstr(text, "\r\n\r\n");
	if (!end || strncmp(text, STATUS_LINE, strlen(STATUS_LINE)) != 0)
		return err_set(err, "what answered is not the daemon");
	answer->status = (unsigned)strtoul(text + strlen(STATUS_LINE), NULL, 10);
	answer->body = end + strlen("\r\n\r\n");
	return 0;
}

int remote_post(const char *socket_path, const char *target, const char *json, struct err *err,
    struct remote_answer *ret_answer)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = connect_to(fd, socket_path, err);
	if (r != 0)
		return r;
	_cleanup_buffer_ struct buffer request;
	buffer_init(&request, ANSWER_LIMIT);
	_cleanup_remote_answer_ struct remote_answer answer = {.status = 0};
	buffer_init(&answer.text, ANSWER_LIMIT);
	buffer_printf(&request,
	    "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
	    target, strlen(json), json);
	if (buffer_failed(&request))
		return err_set(err, "no memory for a request");
	if (send_all(fd, &request, err) < 0 || receive_all(fd, &answer.text, err) < 0 ||
	    read_answer(&answer, err) < 0)
		return -1;
	*ret_answer = answer;
	answer = (struct remote_answer){.status = 0};
	return 0;
}

void remote_answer_done(struct remote_answer *answer)
{
	buffer_done(&answer->text);
	answer->body = NULL;
}
