/* SPDX-License-Identifier: MIT */
/* Finds each socket among those passed, or binds it and removes what a crash left. */
#include "daemon/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "daemon/supervisor.h"
#include "http/listener.h"
#include "util/log.h"

#define LISTEN_BACKLOG 1024
/* Who asks stands behind all that are there: so many are taken within some 10 ms. */
#define UNIX_BACKLOG 128
#define SOCKET_GROUP "mixport"

static const char *const listener_names[LISTENER_COUNT] = {
    [LISTENER_SOCKET] = "api",
    [LISTENER_TCP] = "tcp",
    [LISTENER_HEALTH] = "health",
};

/* Passed ---------------------------------------------------------------------------------------*/

/* A new place for a socket of this kind; NULL when there is none left. */
static struct listener_socket *add(struct listeners *listeners, enum listener_kind kind, int fd)
{
	if (listeners->count == LISTENER_SOCKETS_LIMIT)
		return NULL;
	struct listener_socket *listener = &listeners->sockets[listeners->count++];
	*listener = (struct listener_socket){.fd = fd, .kind = kind};
	return listener;
}

static bool has(const struct listeners *listeners, enum listener_kind kind)
{
	for (size_t i = 0; i < listeners->count; i++)
		if (listeners->sockets[i].kind == kind)
			return true;
	return false;
}

static int no_place(const char *address, struct err *err)
{
	return err_set(err,
	    "cannot listen on %s: systemd passed %d sockets, and more are not served", address,
	    LISTENER_SOCKETS_LIMIT);
}

static int check_passed(int fd, enum listener_kind kind, struct err *err)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);
	int listens = 0;
	socklen_t size = sizeof(listens);
	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0)
		return err_set_errno(
		    err, errno, "the socket \"%s\" that systemd passed", listener_names[kind]);
	bool local = address.ss_family == AF_UNIX;
	if (local != (kind == LISTENER_SOCKET))
		return err_set(err, "the socket \"%s\" that systemd passed is %sa UNIX socket",
		    listener_names[kind], local ? "" : "not ");
	if (!listens)
		return err_set(err,
		    "the socket \"%s\" that systemd passed does not listen; its unit wants "
		    "ListenStream= and no Accept=yes",
		    listener_names[kind]);
	return 0;
}

/* The group of the socket's file decides who manages (see config/access.h). */
static gid_t group_of_socket(int fd)
{
	struct sockaddr_un address = {0};
	socklen_t len = sizeof(address);
	struct stat status;
	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0 ||
	    len <= offsetof(struct sockaddr_un, sun_path) || address.sun_path[0] == '\0' ||
	    stat(address.sun_path, &status) < 0)
		return getgid();
	return status.st_gid;
}

static int take_socket(
    struct listeners *listeners, enum listener_kind kind, int fd, struct err *err)
{
	struct listener_socket *listener = add(listeners, kind, fd);
	if (!listener) {
		close(fd);
		return err_set(err,
		    "systemd passed more than %d sockets; the socket units list too many",
		    LISTENER_SOCKETS_LIMIT);
	}
	listener->passed = true;
	if (check_passed(fd, kind, err) < 0)
		return -1;
	if (kind == LISTENER_SOCKET)
		listener->group = group_of_socket(fd);
	log_info("listening on the socket \"%s\" passed by systemd", listener_names[kind]);
	return 0;
}

static int take_passed(struct listeners *listeners, struct err *err)
{
	int fd;
	for (int kind = 0; kind < LISTENER_COUNT; kind++)
		while ((fd = supervisor_passed_socket(listener_names[kind])) >= 0)
			if (take_socket(listeners, (enum listener_kind)kind, fd, err) < 0)
				return -1;
	return 0;
}

/* UNIX -----------------------------------------------------------------------------------------*/

/* Clears the way for bind(2): only a socket that nobody listens on is removed. */
static int clear_path(const struct sockaddr_un *address, struct err *err)
{
	struct stat status;
	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? 0 : err_set_errno(err, errno, "%s", address->sun_path);
	if (!S_ISSOCK(status.st_mode))
		return err_set(err,
		    "%s is there and is not a socket; remove it, or set `socket` to "
		    "another path",
		    address->sun_path);
	/* With a full queue of connections a blocking one would wait. */
	int probe _cleanup_close_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return err_set_errno(err, errno, "%s", address->sun_path);
	if (connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
	    errno == EAGAIN)
		return err_set(err, "%s is in use by another process", address->sun_path);
	if (errno != ECONNREFUSED)
		return err_set_errno(err, errno, "%s", address->sun_path);
	if (unlink(address->sun_path) < 0)
		return err_set_errno(err, errno, "cannot remove the stale %s", address->sun_path);
	return 0;
}

static int bind_unix(int fd, const struct sockaddr_un *address)
{
	/* Nobody gets in before the mode is set. */
	mode_t before = umask(0177);
	int r = bind(fd, (const struct sockaddr *)address, sizeof(*address));
	umask(before);
	return r < 0 || listen(fd, UNIX_BACKLOG) < 0 ? -1 : 0;
}

static int open_unix(struct listeners *listeners, const struct config *config, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(config->socket) >= sizeof(address.sun_path))
		return err_set(err, "%s is longer than the %zu bytes a socket's path may have",
		    config->socket, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, config->socket, strlen(config->socket) + 1);
	if (clear_path(&address, err) < 0)
		return -1;
	struct listener_socket *listener = add(listeners, LISTENER_SOCKET,
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (!listener)
		return no_place(config->socket, err);
	if (listener->fd < 0 || bind_unix(listener->fd, &address) < 0)
		return err_set_errno(err, errno, "cannot listen on %s", config->socket);
	listeners->unlink_path = strdup(config->socket);
	/* Gives the socket to the group that manages by default, where there is one and we may. */
	struct stat status;
	const struct group *group = getgrnam(SOCKET_GROUP);
	if (group && chown(config->socket, (uid_t)-1, group->gr_gid) < 0)
		log_warning("%s is not given to the group %s: %s", config->socket, SOCKET_GROUP,
		    strerrordesc_np(errno));
	listener->group = stat(config->socket, &status) == 0 ? status.st_gid : getgid();
	if (chmod(config->socket, config->socket_mode) < 0)
		return err_set_errno(err, errno, "cannot set the mode of %s", config->socket);
	log_info("listening on %s", config->socket);
	return 0;
}

/* TCP ------------------------------------------------------------------------------------------*/

static socklen_t fill_address(
    const struct config_listen *listen_on, struct sockaddr_storage *address)
{
	memset(address, 0, sizeof(*address));
	if (listen_on->ipv6) {
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(listen_on->port);
		memcpy(&v6->sin6_addr, listen_on->address, sizeof(v6->sin6_addr));
		return sizeof(*v6);
	}
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	v4->sin_family = AF_INET;
	v4->sin_port = htons(listen_on->port);
	memcpy(&v4->sin_addr, listen_on->address, sizeof(v4->sin_addr));
	return sizeof(*v4);
}

static int open_tcp(struct listeners *listeners, enum listener_kind kind,
    const struct config_listen *listen_on, struct err *err)
{
	struct sockaddr_storage address = {0};
	socklen_t len = fill_address(listen_on, &address);
	int on = 1;
	struct listener_socket *listener = add(listeners, kind,
	    socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (!listener)
		return no_place(listen_on->text, err);
	if (listener->fd < 0 ||
	    setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (listen_on->ipv6 &&
		setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    bind(listener->fd, (const struct sockaddr *)&address, len) < 0 ||
	    listen(listener->fd, LISTEN_BACKLOG) < 0)
		return err_set_errno(err, errno, "cannot listen on %s", listen_on->text);
	if (listen_on->port == 0)
		log_info("listening on %s, port %u", listen_on->text,
		    (unsigned)listener_port(listener->fd));
	else
		log_info("listening on %s", listen_on->text);
	return 0;
}

/* All ------------------------------------------------------------------------------------------*/

static int open_missing(struct listeners *listeners, const struct config *config, struct err *err)
{
	if (!has(listeners, LISTENER_SOCKET) && config->socket &&
	    open_unix(listeners, config, err) < 0)
		return -1;
	if (!has(listeners, LISTENER_TCP) && config->listen.present &&
	    open_tcp(listeners, LISTENER_TCP, &config->listen, err) < 0)
		return -1;
	if (!has(listeners, LISTENER_HEALTH) && config->health_listen.present &&
	    open_tcp(listeners, LISTENER_HEALTH, &config->health_listen, err) < 0)
		return -1;
	return 0;
}

int listeners_open(struct listeners *listeners, const struct config *config, struct err *err)
{
	*listeners = (struct listeners){.count = 0};
	if (take_passed(listeners, err) < 0 || open_missing(listeners, config, err) < 0) {
		listeners_done(listeners);
		return -1;
	}
	return 0;
}

void listeners_handed_over(struct listeners *listeners)
{
	listeners->count = 0;
}

void listeners_done(struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++)
		cleanup_close(&listeners->sockets[i].fd);
	listeners_handed_over(listeners);
	if (listeners->unlink_path)
		(void)unlink(listeners->unlink_path);
	free(listeners->unlink_path);
	listeners->unlink_path = NULL;
}
