/* SPDX-License-Identifier: MIT */
/* Whether a file can be trusted is a question about its whole path: whoever may write a folder may
 * replace what is in it, a link too. The path is walked as the kernel does, and every folder that
 * is looked into on the way is checked before. Between the check and a later open nothing can
 * change, except by root or this user: each folder was found to be closed to everybody else.
 *
 * A mode alone does not tell who has access. With an access list the group bits are its mask, the
 * most that any listed user or group can have. systemd hands over a credential as root's file of
 * mode 0400 with a list that lets the service's user read it, which shows as 0440. So where there
 * is a list, its entries are judged one by one, each cut by the mask, and the group bits are not.
 *
 * A group is as good as this user when it is the process's own and nobody else is in it: a file of
 * root:GROUP with mode 0640 then lets in nobody but root and this user, who cannot change it. The
 * group of root is never taken for one.
 */
#include "util/file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "util/account.h"
#include "util/secret.h"
#include "util/text.h"

#define ACL_ATTRIBUTE "system.posix_acl_access"
#define ACL_VERSION 2
#define ACL_TAG_USER 0x02
#define ACL_TAG_GROUP_OWNER 0x04
#define ACL_TAG_GROUP 0x08
#define ACL_TAG_MASK 0x10
#define ACL_TAG_OTHER 0x20
#define ACL_ENTRIES_LIMIT 512

#define ACCOUNT_LIMIT 256

/* As many as the kernel follows. */
#define LINKS_LIMIT 40

#define MAY_READ 04
#define MAY_WRITE 02

/* The layout of the attribute (linux/posix_acl_xattr.h), little-endian on every machine. */
struct acl_entry {
	uint16_t tag;
	uint16_t permissions;
	uint32_t id;
};

struct acl {
	uint32_t version;
	struct acl_entry entries[ACL_ENTRIES_LIMIT];
};

/* Reading to the end of the space first and then by single bytes, so that a file as large as the
 * limit passes and a secret is not left behind in memory that was outgrown. */
static int read_to_end(int fd, struct buffer *buffer)
{
	for (;;) {
		size_t room = buffer->size - buffer->len - 1;
		char extra;
		ssize_t got = room ? read(fd, buffer->data + buffer->len, room)
				   : read(fd, &extra, sizeof(extra));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -1 : 0;
		if (room) {
			buffer->len += (size_t)got;
			buffer->data[buffer->len] = '\0';
		} else if (buffer_append(buffer, &extra, sizeof(extra)) < 0) {
			errno = EFBIG;
			return -1;
		}
	}
}

static int read_open_file(int fd, const char *path, struct buffer *buffer, struct err *err)
{
	struct stat status;
	if (fstat(fd, &status) < 0)
		return err_set_errno(err, errno, "cannot examine %s", path);
	if (!S_ISREG(status.st_mode))
		return err_set(err, "%s is not a regular file", path);
	if ((uint64_t)status.st_size > buffer->limit - buffer->len)
		return err_set(err, "%s is larger than the %zu bytes allowed", path, buffer->limit);
	if (buffer_reserve(buffer, (size_t)status.st_size) < 0)
		return err_set(err, "no memory to read %s", path);
	if (read_to_end(fd, buffer) == 0)
		return 0;
	if (errno == EFBIG)
		return err_set(err, "%s is larger than the %zu bytes allowed", path, buffer->limit);
	return err_set_errno(err, errno, "cannot read %s", path);
}

/* Which user it is, because root checks a configuration as another one. */
static int not_allowed(const char *path, struct err *err)
{
	_cleanup_buffer_ struct buffer user;
	buffer_init(&user, ACCOUNT_LIMIT);
	account_append_user(geteuid(), &user);
	return err_set(err, "user %s may not read %s, or not look into a folder on the way to it",
	    buffer_text(&user), path);
}

int file_read(const char *path, struct buffer *buffer, struct err *err)
{
	/* Without O_NONBLOCK, opening a FIFO would wait for a writer. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 1;
	if (fd < 0 && errno == EACCES)
		return not_allowed(path, err);
	if (fd < 0)
		return err_set_errno(err, errno, "cannot open %s", path);
	size_t len_before = buffer->len;
	if (read_open_file(fd, path, buffer, err) == 0)
		return 0;
	if (buffer->data) {
		secret_wipe(buffer->data + len_before, buffer->len - len_before);
		buffer->len = len_before;
	}
	return -1;
}

static bool is_trusted_user(uint32_t uid)
{
	return uid == 0 || uid == geteuid();
}

static bool is_trusted_group(uint32_t gid)
{
	return gid != 0 && gid == getegid() && account_group_is_private(gid, geteuid());
}

static const char *verb(unsigned access)
{
	return access & MAY_WRITE ? "changed" : "read";
}

/* Loads the access list. Returns the number of its entries, 0 without one, or -1. */
static int acl_load(const char *path, struct acl *acl, struct err *err)
{
	ssize_t size = getxattr(path, ACL_ATTRIBUTE, acl, sizeof(*acl));
	if (size < 0 && (errno == ENODATA || errno == ENOTSUP))
		return 0;
	if (size < 0)
		return err_set_errno(err, errno, "cannot read the access list of %s", path);
	if ((size_t)size < sizeof(acl->version) || le32toh(acl->version) != ACL_VERSION)
		return err_set(
		    err, "the access list of %s is of an unknown kind: setfacl -b %s", path, path);
	return (int)(((size_t)size - sizeof(acl->version)) / sizeof(struct acl_entry));
}

static unsigned acl_mask(const struct acl *acl, int count)
{
	for (int i = 0; i < count; i++) {
		if (le16toh(acl->entries[i].tag) == ACL_TAG_MASK)
			return le16toh(acl->entries[i].permissions);
	}
	return MAY_READ | MAY_WRITE;
}

/* What an entry lets somebody else do, of the access that is forbidden. */
static unsigned acl_entry_loose(
    const struct acl_entry *entry, gid_t owner, unsigned mask, unsigned forbidden)
{
	unsigned granted = le16toh(entry->permissions) & forbidden;
	switch (le16toh(entry->tag)) {
	case ACL_TAG_USER:
		granted &= mask;
		return granted && !is_trusted_user(le32toh(entry->id)) ? granted : 0;
	case ACL_TAG_GROUP_OWNER:
		granted &= mask;
		return granted && !is_trusted_group(owner) ? granted : 0;
	case ACL_TAG_GROUP:
		granted &= mask;
		return granted && !is_trusted_group(le32toh(entry->id)) ? granted : 0;
	case ACL_TAG_OTHER:
		return granted;
	default:
		return 0; /* the owner, who is checked elsewhere, and the mask itself */
	}
}

static int check_acl(const char *path, gid_t owner, const struct acl *acl, int count,
    unsigned forbidden, struct err *err)
{
	unsigned mask = acl_mask(acl, count);
	for (int i = 0; i < count; i++) {
		const struct acl_entry *entry = &acl->entries[i];
		unsigned loose = acl_entry_loose(entry, owner, mask, forbidden);
		unsigned id = le32toh(entry->id);
		if (!loose)
			continue;
		if (le16toh(entry->tag) == ACL_TAG_USER)
			return err_set(err,
			    "%s may be %s by user %u, by its access list: setfacl -x u:%u %s", path,
			    verb(loose), id, id, path);
		if (le16toh(entry->tag) == ACL_TAG_GROUP)
			return err_set(err,
			    "%s may be %s by group %u, by its access list: setfacl -x g:%u %s",
			    path, verb(loose), id, id, path);
		return err_set(err,
		    "%s may be %s by others, by its access list: setfacl -m g::-,o::- %s", path,
		    verb(loose), path);
	}
	return 0;
}

static int check_mode(
    const char *path, const struct stat *status, unsigned forbidden, struct err *err)
{
	unsigned mode = (unsigned)status->st_mode & 07777;
	unsigned group = (mode >> 3) & forbidden;
	unsigned others = mode & forbidden;
	bool ours = group && is_trusted_group(status->st_gid);
	if (!others && (!group || ours))
		return 0;
	const char *bits = forbidden & MAY_READ ? "rwx" : "w";
	if (!others && status->st_gid == getegid() && status->st_gid != 0)
		return err_set(err,
		    "%s may be %s by its group %u, which is not this user's alone (mode %04o): "
		    "chmod g-%s %s",
		    path, verb(group), (unsigned)status->st_gid, mode, bits, path);
	return err_set(err, "%s may be %s by others (mode %04o): chmod %s-%s %s", path,
	    verb(others | (ours ? 0 : group)), mode, ours ? "o" : "go", bits, path);
}

/* Checks one entry: the file itself, or a folder on the way to it. */
static int check_entry(const char *path, unsigned forbidden, bool folder, struct err *err)
{
	struct stat status;
	if (lstat(path, &status) < 0)
		return err_set_errno(err, errno, "cannot examine %s", path);
	if (!is_trusted_user(status.st_uid))
		return err_set(err, "%s belongs to user %u: chown %u %s", path,
		    (unsigned)status.st_uid, (unsigned)geteuid(), path);
	/* In a sticky folder others cannot replace the entry, whose owner is checked next. */
	if (folder && (status.st_mode & S_ISVTX))
		return 0;
	struct acl acl;
	int count = acl_load(path, &acl, err);
	if (count < 0)
		return -1;
	return count > 0 ? check_acl(path, status.st_gid, &acl, count, forbidden, err)
			 : check_mode(path, &status, forbidden, err);
}

/* The way to a file. Invariant: there is no link in `at`, and every folder above it was checked. */
struct walk {
	const char *given;
	char at[PATH_MAX];   /* what was reached; the root is "" */
	char rest[PATH_MAX]; /* what remains, from there on */
	unsigned links;
};

static int walk_failed(const struct walk *walk, int errno_value, struct err *err)
{
	return err_set_errno(err, errno_value, "cannot find %s", walk->given);
}

static int walk_begin(struct walk *walk, const char *path, struct err *err)
{
	*walk = (struct walk){.given = path};
	char from[PATH_MAX] = "";
	if (path[0] != '/' && !getcwd(from, sizeof(from)))
		return walk_failed(walk, errno, err);
	int len = snprintf(walk->rest, sizeof(walk->rest), "%s/%s", from, path);
	return (size_t)len < sizeof(walk->rest) ? 0 : walk_failed(walk, ENAMETOOLONG, err);
}

/* Puts what the link names, from its folder or the root on, before what remains. */
static int follow_link(struct walk *walk, const struct stat *status, struct err *err)
{
	if (!is_trusted_user(status->st_uid))
		return err_set(err, "%s belongs to user %u: chown -h %u %s", walk->at,
		    (unsigned)status->st_uid, (unsigned)geteuid(), walk->at);
	if (++walk->links > LINKS_LIMIT)
		return walk_failed(walk, ELOOP, err);
	char rest[2 * PATH_MAX];
	ssize_t target = readlink(walk->at, rest, PATH_MAX);
	if (target < 0)
		return walk_failed(walk, errno, err);
	int more = snprintf(rest + target, sizeof(rest) - (size_t)target, "/%s", walk->rest);
	size_t len = (size_t)target + (size_t)more;
	if (len >= sizeof(walk->rest))
		return walk_failed(walk, ENAMETOOLONG, err);
	memcpy(walk->rest, rest, len + 1);
	*(rest[0] == '/' ? walk->at : strrchr(walk->at, '/')) = '\0';
	return 0;
}

/* Takes the next name off what remains. Returns 0, or -1. */
static int take_name(struct walk *walk, char ret_name[NAME_MAX + 1], struct err *err)
{
	const char *name = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(name, "/");
	if (len > NAME_MAX)
		return walk_failed(walk, ENAMETOOLONG, err);
	memcpy(ret_name, name, len);
	ret_name[len] = '\0';
	memmove(walk->rest, name + len, strlen(name + len) + 1);
	return 0;
}

static int walk_step(struct walk *walk, struct err *err)
{
	char name[NAME_MAX + 1];
	if (take_name(walk, name, err) < 0 ||
	    check_entry(walk->at[0] ? walk->at : "/", MAY_WRITE, true, err) < 0)
		return -1;
	if (text_same(name, "") || text_same(name, "."))
		return 0;
	if (text_same(name, "..")) {
		char *slash = strrchr(walk->at, '/');
		if (slash)
			*slash = '\0';
		return 0;
	}
	size_t len = strlen(walk->at);
	size_t room = sizeof(walk->at) - len;
	if ((size_t)snprintf(walk->at + len, room, "/%s", name) >= room)
		return walk_failed(walk, ENAMETOOLONG, err);
	struct stat status;
	if (lstat(walk->at, &status) < 0)
		return walk_failed(walk, errno, err);
	return S_ISLNK(status.st_mode) ? follow_link(walk, &status, err) : 0;
}

int file_check_trust(const char *path, enum file_trust trust, struct err *err)
{
	struct walk walk;
	if (walk_begin(&walk, path, err) < 0)
		return -1;
	while (walk.rest[0] != '\0') {
		if (walk_step(&walk, err) < 0)
			return -1;
	}
	unsigned forbidden = trust == FILE_TRUST_SECRET ? MAY_READ | MAY_WRITE : MAY_WRITE;
	return check_entry(walk.at[0] ? walk.at : "/", forbidden, false, err);
}
