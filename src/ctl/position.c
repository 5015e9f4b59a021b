/* SPDX-License-Identifier: MIT */
/* The lock is on a file of its own, for the other one is renamed away with each write. */
#include "ctl/position.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ctl/complain.h"
#include "util/cleanup.h"
#include "util/file.h"

#define PATH_LIMIT 4096

static enum exit_code take_lock(const char *path, struct position_file *file)
{
	char lock[PATH_LIMIT];
	int len = snprintf(lock, sizeof(lock), "%s.lock", path);
	if (len < 0 || (size_t)len >= sizeof(lock))
		return complain(EXIT_FILE, "the path of the state is too long");
	file->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file->lock < 0)
		return complain(EXIT_FILE, "%s: %s", lock, strerror(errno));
	if (flock(file->lock, LOCK_EX | LOCK_NB) == 0)
		return EXIT_DONE;
	return errno == EWOULDBLOCK
		   ? complain(EXIT_FILE, "%s: another watcher has it; one for each", path)
		   : complain(EXIT_FILE, "%s: %s", lock, strerror(errno));
}

static enum exit_code read_position(const char *path, char ret_position[FEED_POSITION_SIZE])
{
	struct err err = ERR_INIT;
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, 4096);
	int r = file_read(path, &text, &err);
	if (r < 0)
		return complain(EXIT_FILE, "%s", err.text);
	if (r > 0)
		return EXIT_DONE;
	while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]))
		buffer_cut(&text, text.len - 1);
	if (text.len == 0)
		return EXIT_DONE;
	if (!feed_is_position(buffer_text(&text)) || text.len >= FEED_POSITION_SIZE)
		return complain(EXIT_FILE,
		    "%s does not hold the id of an event; remove it to begin anew", path);
	snprintf(ret_position, FEED_POSITION_SIZE, "%s", buffer_text(&text));
	return EXIT_DONE;
}

enum exit_code position_open(
    const char *path, struct position_file *ret_file, char ret_position[FEED_POSITION_SIZE])
{
	struct position_file file = {.path = path, .lock = -1};
	enum exit_code code = take_lock(path, &file);
	if (!code)
		code = read_position(path, ret_position);
	if (code)
		position_close(&file);
	else
		*ret_file = file;
	return code;
}

void position_close(struct position_file *file)
{
	if (file->lock >= 0)
		close(file->lock);
	file->lock = -1;
}

enum exit_code position_write(const struct position_file *file, const char *position)
{
	char beside[PATH_LIMIT];
	char line[FEED_POSITION_SIZE + 1];
	/* Whoever has the lock has this name, too; what an interrupted one has left is overwritten.
	 */
	snprintf(beside, sizeof(beside), "%s.new", file->path);
	int len = snprintf(line, sizeof(line), "%s\n", position);
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return complain(EXIT_FILE, "%s: %s", beside, strerror(errno));
	bool good = write(fd, line, (size_t)len) == len && fsync(fd) == 0;
	good = close(fd) == 0 && good;
	if (good && rename(beside, file->path) == 0)
		return EXIT_DONE;
	int errno_value = errno;
	(void)unlink(beside);
	return complain(EXIT_FILE, "%s: %s", file->path, strerror(errno_value));
}
