/* SPDX-License-Identifier: MIT */
/* A client that is refused may not have sent its body yet: many send it in a second piece. Closing
 * the socket would fail that sending, by EPIPE or a reset, and most clients then tell of a broken
 * connection instead of the answer that is already there. So the closed connection is held a
 * moment longer, by a descriptor of our own, as RFC 9112 advises (9.6): the client sees the end
 * behind its answer, and may send to the end what it began.
 *
 * It belongs to nobody: neither libmicrohttpd nor the shares of the callers count it any more. So
 * there are few places, and the one that is longest there makes room: under a flood each stays for
 * a shorter time, and nothing else suffers. */
#include "http/lingering.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"

#define LINGER_LIMIT MICROSECONDS_PER_SECOND
/* Bytes that are read of one client before it is cut, and in one go. */
#define DISCARD_LIMIT (UINT64_C(8) * 1024 * 1024)
#define DISCARD_AT_ONCE (UINT64_C(64) * 1024)

int lingering_init(struct lingering *lingering, struct err *err)
{
	lingering->next = 0;
	for (size_t i = 0; i < LINGER_PLACES; i++)
		lingering->places[i].fd = -1;
	lingering->events = epoll_create1(EPOLL_CLOEXEC);
	if (lingering->events < 0)
		return err_set_errno(err, errno, "cannot watch what refused clients still send");
	pthread_mutex_init(&lingering->mutex, NULL);
	return 0;
}

/* Throws away what has come, within limits. Returns whether more may come. */
static bool discard(int fd, uint64_t *discarded)
{
	char bytes[4096];
	uint64_t before = *discarded;
	ssize_t len = 1;
	while (len > 0 && *discarded - before < DISCARD_AT_ONCE) {
		len = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		*discarded += len > 0 ? (uint64_t)len : 0;
	}
	return len != 0 && (len > 0 || errno == EAGAIN) && *discarded < DISCARD_LIMIT;
}

/* Closing a socket with unread bytes resets the connection, and the reset could overtake the
 * answer.
 */
static void let_go(struct lingering *lingering, size_t place)
{
	int fd = lingering->places[place].fd;
	if (fd < 0)
		return;
	discard(fd, &lingering->places[place].discarded);
	epoll_ctl(lingering->events, EPOLL_CTL_DEL, fd, NULL);
	close(fd);
	lingering->places[place].fd = -1;
}

void lingering_done(struct lingering *lingering)
{
	for (size_t i = 0; i < LINGER_PLACES; i++)
		let_go(lingering, i);
	close(lingering->events);
	pthread_mutex_destroy(&lingering->mutex);
}

void lingering_take(struct lingering *lingering, int fd, int64_t now)
{
	uint64_t discarded = 0;
	if (!discard(fd, &discarded))
		return;
	int held = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (held < 0)
		return;
	shutdown(held, SHUT_WR);
	pthread_mutex_lock(&lingering->mutex);
	size_t place = lingering->next;
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.u64 = place};
	lingering->next = (place + 1) % LINGER_PLACES;
	let_go(lingering, place);
	lingering->places[place].fd = held;
	lingering->places[place].until = now + LINGER_LIMIT;
	lingering->places[place].discarded = discarded;
	if (epoll_ctl(lingering->events, EPOLL_CTL_ADD, held, &event) < 0)
		let_go(lingering, place);
	pthread_mutex_unlock(&lingering->mutex);
}

void lingering_turn(struct lingering *lingering, int64_t now)
{
	struct epoll_event ready[LINGER_PLACES];
	pthread_mutex_lock(&lingering->mutex);
	int count = epoll_wait(lingering->events, ready, LINGER_PLACES, 0);
	for (int i = 0; i < count; i++) {
		size_t place = ready[i].data.u64;
		if (!discard(lingering->places[place].fd, &lingering->places[place].discarded))
			let_go(lingering, place);
	}
	for (size_t i = 0; i < LINGER_PLACES; i++)
		if (now >= lingering->places[i].until)
			let_go(lingering, i);
	pthread_mutex_unlock(&lingering->mutex);
}
