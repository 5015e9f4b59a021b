/* SPDX-License-Identifier: MIT */
/* Wraps sd_notify and the socket names, so that only this file needs libsystemd. */
#include "daemon/supervisor.h"

#include "config.h"

#ifdef HAVE_SYSTEMD

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

#include "util/clock.h"
#include "util/log.h"
#include "util/timestamp.h"

#define HANG_UP_FOR MICROSECONDS_PER_SECOND
/* A name has 64 characters at most. */
#define JOURNAL_FIELD_SIZE (64 + 1 + LOG_VALUE_SIZE)

/* Filled once: sd_listen_fds_with_names clears the environment it reads. */
static struct {
	bool read;
	int count;
	char **names; /* NULL in place of those that are given away or closed */
} passed;

static void read_passed(void)
{
	passed.read = true;
	int count = sd_listen_fds_with_names(1, &passed.names);
	if (count < 0)
		log_warning(
		    "the sockets that systemd passed cannot be taken: %s", strerrordesc_np(-count));
	passed.count = count > 0 ? count : 0;
	for (int i = 0; i < passed.count; i++) {
		if (strcmp(passed.names[i], "api") == 0 || strcmp(passed.names[i], "tcp") == 0 ||
		    strcmp(passed.names[i], "health") == 0)
			continue;
		log_warning("systemd passed a socket named \"%s\", which is none of api, "
			    "tcp, health; it is closed",
		    passed.names[i]);
		close(SD_LISTEN_FDS_START + i);
		free(TAKE(passed.names[i]));
	}
}

int supervisor_passed_socket(const char *name)
{
	if (!passed.read)
		read_passed();
	for (int i = 0; i < passed.count; i++)
		if (passed.names[i] && strcmp(passed.names[i], name) == 0) {
			/* Each is given away once. */
			free(TAKE(passed.names[i]));
			return SD_LISTEN_FDS_START + i;
		}
	return -1;
}

/* Hangs up on one who waits at each of the sockets that are ready. Returns on how many. */
static size_t hang_up(const struct pollfd *sockets, size_t count)
{
	size_t done = 0;
	for (size_t i = 0; i < count; i++) {
		int fd = sockets[i].revents
			     ? accept4(sockets[i].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)
			     : -1;
		done += fd >= 0;
		cleanup_close(&fd);
	}
	return done;
}

void supervisor_turn_away(void)
{
	size_t count = 0;
	size_t turned_away = 0;
	int64_t patience = 0;
	int64_t end = clock_monotonic(&clock_system) + HANG_UP_FOR;
	if (!passed.read)
		read_passed();
	_cleanup_free_ struct pollfd *sockets = calloc((size_t)passed.count + 1, sizeof(*sockets));
	for (int i = 0; i < passed.count && sockets; i++)
		if (passed.names[i])
			sockets[count++] =
			    (struct pollfd){.fd = SD_LISTEN_FDS_START + i, .events = POLLIN};
	while (patience >= 0 &&
	       poll(sockets, count, (int)(patience / MICROSECONDS_PER_MILLISECOND)) > 0) {
		size_t done = hang_up(sockets, count);
		if (done == 0)
			break;
		turned_away += done;
		patience = end - clock_monotonic(&clock_system);
	}
	if (turned_away > 0)
		log_info("connections hung up on: %zu", turned_away);
}

int64_t supervisor_watchdog_interval(void)
{
	uint64_t interval = 0;
	return sd_watchdog_enabled(0, &interval) > 0 ? (int64_t)interval : 0;
}

/* sd_journal_sendv(3). */
static bool write_to_journal(
    int level, const char *message, const struct log_field *fields, size_t count)
{
	char texts[LOG_FIELDS_LIMIT][JOURNAL_FIELD_SIZE];
	struct iovec parts[LOG_FIELDS_LIMIT + 2];
	char *whole = NULL;
	char priority[sizeof("PRIORITY=7")];
	int used = 0;
	int len = asprintf(&whole, "MESSAGE=%s", message);
	if (len < 0)
		return false;
	parts[used++] = (struct iovec){.iov_base = whole, .iov_len = (size_t)len};
	len = snprintf(priority, sizeof(priority), "PRIORITY=%d", level);
	parts[used++] = (struct iovec){.iov_base = priority, .iov_len = (size_t)len};
	for (size_t i = 0; i < count && i < LOG_FIELDS_LIMIT; i++) {
		if (!fields[i].value)
			continue;
		snprintf(texts[i], sizeof(texts[i]), "%s=%s", fields[i].name, fields[i].value);
		parts[used++] = (struct iovec){.iov_base = texts[i], .iov_len = strlen(texts[i])};
	}
	int r = sd_journal_sendv(parts, used);
	free(whole);
	return r >= 0;
}

void supervisor_take_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat file;
	char named[64];
	if (!stream || fstat(STDERR_FILENO, &file) < 0)
		return;
	snprintf(named, sizeof(named), "%ju:%ju", (uintmax_t)file.st_dev, (uintmax_t)file.st_ino);
	if (strcmp(stream, named) == 0)
		log_set_journal(write_to_journal);
}

void supervisor_notify(const char *format, ...)
{
	char state[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(state, sizeof(state), format, arguments);
	va_end(arguments);
	(void)sd_notify(0, state);
}

#else

int supervisor_passed_socket(const char *name)
{
	(void)name;
	return -1;
}

void supervisor_turn_away(void)
{
}

int64_t supervisor_watchdog_interval(void)
{
	return 0;
}

void supervisor_take_journal(void)
{
}

void supervisor_notify(const char *format, ...)
{
	(void)format;
}

#endif
