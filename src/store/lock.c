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
 * by hand. stat(2) is all it takes: opening and closing the file would drop SQLite's locks. */
#define SEAL_FORMAT "sealed %" PRIu64 " %" PRId64 " %" PRId64 " %ld\n"
#define SEAL_SIZE 128

struct lock {
	char *path; /* of the database */
	int fd;
};

struct lock *lock_free(struct lock *lock)
{
	if (!lock)
		return NULL;
	cleanup_close(&lock->fd);
	free(lock->path);
	free(lock);
	return NULL;
}

static int take(struct lock *lock, struct err *err)
{
	char name[PATH_MAX];
	int len = snprintf(name, sizeof(name), "%s.lock", lock->path);
	if (len < 0 || (size_t)len >= sizeof(name))
		return err_set(err, "the path is too long");
	lock->fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock->fd < 0)
		return err_set_errno(err, errno, "cannot open the lock file %s", name);
	if (flock(lock->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return err_set(
		    err, "another daemon is using it (and holds %s): stop that one first", name);
	return err_set_errno(err, errno, "cannot lock %s", name);
}

int lock_take(const char *path, struct err *err, struct lock **ret_lock)
{
	struct lock *lock = calloc(1, sizeof(*lock));
	if (!lock)
		return err_set(err, "no memory for its lock");
	lock->fd = -1;
	lock->path = strdup(path);
	if (!lock->path) {
		lock_free(lock);
		return err_set(err, "no memory for its lock");
	}
	if (take(lock, err) < 0) {
		lock_free(lock);
		return -1;
	}
	*ret_lock = lock;
	return 0;
}

static void seal_format(const struct stat *file, char *ret_seal)
{
	snprintf(ret_seal, SEAL_SIZE, SEAL_FORMAT, (uint64_t)file->st_ino, (int64_t)file->st_size,
	    (int64_t)file->st_ctim.tv_sec, file->st_ctim.tv_nsec);
}

bool lock_is_sealed(const struct lock *lock)
{
	struct stat file;
	if (stat(lock->path, &file) < 0)
		return false;
	char expected[SEAL_SIZE];
	seal_format(&file, expected);
	char found[SEAL_SIZE];
	ssize_t len = pread(lock->fd, found, sizeof(found), 0);
	return len > 0 && (size_t)len == strlen(expected) &&
	       memcmp(found, expected, (size_t)len) == 0;
}

int lock_seal(struct lock *lock)
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
	seal_format(&file, seal);
	size_t len = strlen(seal);
	if (ftruncate(lock->fd, 0) < 0 || pwrite(lock->fd, seal, len, 0) != (ssize_t)len)
		return -1;
	return 0;
}
