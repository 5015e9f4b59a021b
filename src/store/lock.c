/* SPDX-License-Identifier: MIT */
/* Locks with flock(2), which ends with the process; seals with what stat(2) says of the file. */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "util/cleanup.h"

/* The seal is the inode, the size and the change time of the database file. Whoever writes to the
 * file, replaces it or restores a copy changes at least one of them; the change time cannot be set
 * by hand. stat(2) is all it takes. A word behind it tells whether it was sealed at the end, or at
 * work. */
#define SEAL_FORMAT "sealed %" PRIu64 " %" PRId64 " %" PRId64 " %ld "
#define SEAL_OPEN "open\n"
#define SEAL_SHUT "shut\n"
#define SEAL_SIZE 128

/* Two locks. That of PATH.lock is there before the database is, and while it is replaced; but
 * somebody may delete the file, and a second daemon would lock another one of that name. That of
 * the database file itself holds as long as the file does. It is flock's, which SQLite's fcntl
 * locks do not meet; but closing the descriptor would drop those, so it stays open until SQLite is
 * done. */
struct lock {
	char *path; /* of the database */
	int fd;     /* of PATH.lock */
	int file;   /* of the database; -1 until there is one */
};

struct lock *lock_free(struct lock *lock)
{
	if (!lock)
		return NULL;
	cleanup_close(&lock->file);
	cleanup_close(&lock->fd);
	free(lock->path);
	free(lock);
	return NULL;
}

static int lock_descriptor(int fd, const char *name, struct err *err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return err_set(
		    err, "another daemon is using it (and holds %s): stop that one first", name);
	return err_set_errno(err, errno, "cannot lock %s", name);
}

static int lock_take_range(struct lock *lock, struct err *err)
{
	char name[PATH_MAX];
	int len = snprintf(name, sizeof(name), "%s.lock", lock->path);
	if (len < 0 || (size_t)len >= sizeof(name))
		return err_set(err, "the path is too long");
	lock->fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock->fd < 0)
		return err_set_errno(err, errno, "cannot open the lock file %s", name);
	return lock_descriptor(lock->fd, name, err);
}

int lock_take(const char *path, struct err *err, struct lock **ret_lock)
{
	struct lock *lock = calloc(1, sizeof(*lock));
	if (!lock)
		return err_set(err, "no memory for its lock");
	lock->fd = lock->file = -1;
	lock->path = strdup(path);
	if (!lock->path) {
		lock_free(lock);
		return err_set(err, "no memory for its lock");
	}
	if (lock_take_range(lock, err) < 0) {
		lock_free(lock);
		return -1;
	}
	*ret_lock = lock;
	return 0;
}

int lock_take_file(struct lock *lock, struct err *err)
{
	lock->file = open(lock->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (lock->file < 0)
		return err_set_errno(err, errno, "cannot open it");
	return lock_descriptor(lock->file, lock->path, err);
}

static size_t seal_format(const struct stat *file, const char *end, char *ret_seal)
{
	int len = snprintf(ret_seal, SEAL_SIZE, SEAL_FORMAT "%s", (uint64_t)file->st_ino,
	    (int64_t)file->st_size, (int64_t)file->st_ctim.tv_sec, file->st_ctim.tv_nsec, end);
	return (size_t)len;
}

/* Whether the seal fits the file, up to the word behind it, or with that word. */
static bool fits(const struct lock *lock, const char *end)
{
	struct stat file;
	if (stat(lock->path, &file) < 0)
		return false;
	char expected[SEAL_SIZE];
	size_t len = seal_format(&file, end, expected);
	char found[SEAL_SIZE];
	ssize_t got = pread(lock->fd, found, sizeof(found), 0);
	return got >= (ssize_t)len && memcmp(found, expected, len) == 0;
}

bool lock_is_sealed(const struct lock *lock)
{
	return fits(lock, "");
}

bool lock_is_left_open(const struct lock *lock)
{
	return fits(lock, SEAL_OPEN);
}

int lock_seal(struct lock *lock, bool open)
{
	struct stat file;
	if (stat(lock->path, &file) < 0)
		return -1;
	/* File times move in ticks of a few milliseconds: only once the tick of the last write is
	 * over does a further write show. */
	struct timespec now;
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (now.tv_sec < file.st_ctim.tv_sec ||
	    (now.tv_sec == file.st_ctim.tv_sec && now.tv_nsec <= file.st_ctim.tv_nsec))
		return 1;
	char seal[SEAL_SIZE];
	size_t len = seal_format(&file, open ? SEAL_OPEN : SEAL_SHUT, seal);
	if (ftruncate(lock->fd, 0) < 0 || pwrite(lock->fd, seal, len, 0) != (ssize_t)len)
		return -1;
	return 0;
}
