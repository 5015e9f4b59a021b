/* SPDX-License-Identifier: MIT */
/* The event is handed over in a file in memory: a program that does not read it holds nobody up. */
#include "ctl/program.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/complain.h"
#include "util/cleanup.h"

#define PATH_LIMIT 4096

/* What is told by the environment; unset for null. */
static const struct {
	const char *name;
	const char *member;
} variables[] = {
    {"MIXPORT_EVENT_TYPE", "type"},
    {"MIXPORT_EVENT_ID", "id"},
    {"MIXPORT_EVENT_PROJECT", "project"},
    {"MIXPORT_EVENT_CONNECTOR_ID", "connector_id"},
    {"MIXPORT_EVENT_JOB_ID", "job_id"},
};

enum exit_code program_check(const char *name)
{
	char path[PATH_LIMIT];
	const char *folders = getenv("PATH");
	if (strchr(name, '/'))
		return access(name, X_OK) == 0
			   ? EXIT_DONE
			   : complain(EXIT_USAGE, "--exec %s: %s", name, strerror(errno));
	for (const char *at = folders ? folders : ""; *at;) {
		size_t len = strcspn(at, ":");
		snprintf(path, sizeof(path), "%.*s/%s", (int)len, at, name);
		if (*name && access(path, X_OK) == 0)
			return EXIT_DONE;
		at += len + (at[len] == ':');
	}
	return complain(EXIT_USAGE, "--exec %s: there is no such program in PATH", name);
}

/* An open file with the event in it, at its beginning; -1 when there is none. */
static int event_file(struct span json)
{
	int fd = memfd_create("event", MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	if (write(fd, json.ptr, json.len) == (ssize_t)json.len && write(fd, "\n", 1) == 1 &&
	    lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The token is nobody else's. */
static void set_variables(const json_t *event)
{
	(void)unsetenv("MIXPORT_TOKEN");
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		const char *value = member_text(event, variables[i].member);
		if (value)
			(void)setenv(variables[i].name, value, 1);
		else
			(void)unsetenv(variables[i].name);
	}
}

static int program_wait(pid_t pid)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int program_run(const char *name, struct span json, const json_t *event)
{
	_cleanup_close_ int fd = event_file(json);
	posix_spawn_file_actions_t actions;
	char *arguments[] = {strdup(name), NULL};
	char *copy _cleanup_free_ = arguments[0];
	pid_t pid;
	if (fd < 0 || !copy || posix_spawn_file_actions_init(&actions) != 0) {
		complain(EXIT_REFUSED, "no memory to run %s", name);
		return -1;
	}
	set_variables(event);
	int r = posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
	if (r == 0)
		r = posix_spawnp(&pid, name, &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r == 0)
		return program_wait(pid);
	complain(EXIT_REFUSED, "%s could not be run: %s", name, strerror(r));
	return -1;
}
