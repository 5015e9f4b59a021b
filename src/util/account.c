/* SPDX-License-Identifier: MIT */
/* Calls the reentrant functions of the name service, with a buffer that grows as they ask. */
#include "util/account.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>

#define LOOKUP_LIMIT (1024 * 1024)

/* The reentrant lookups, because other threads run during a reload. Asked by name, or by number
 * when the name is NULL. Return 0 and the entry, whose strings are in *memory; -1 when there is
 * none. */
static int find_user(const char *name, uid_t uid, char **memory, struct passwd *ret_entry)
{
	struct passwd *found = NULL;
	int r = ERANGE;
	for (size_t size = 1024; r == ERANGE && size <= LOOKUP_LIMIT; size *= 4) {
		char *larger = realloc(*memory, size);
		if (!larger)
			return -1;
		*memory = larger;
		r = name ? getpwnam_r(name, ret_entry, larger, size, &found)
			 : getpwuid_r(uid, ret_entry, larger, size, &found);
	}
	return found ? 0 : -1;
}

static int find_group(const char *name, gid_t gid, char **memory, struct group *ret_entry)
{
	struct group *found = NULL;
	int r = ERANGE;
	for (size_t size = 1024; r == ERANGE && size <= LOOKUP_LIMIT; size *= 4) {
		char *larger = realloc(*memory, size);
		if (!larger)
			return -1;
		*memory = larger;
		r = name ? getgrnam_r(name, ret_entry, larger, size, &found)
			 : getgrgid_r(gid, ret_entry, larger, size, &found);
	}
	return found ? 0 : -1;
}

int account_find_user(const char *name, struct account *ret_account)
{
	_cleanup_free_ char *memory = NULL;
	struct passwd entry;
	if (find_user(name, 0, &memory, &entry) < 0)
		return -1;
	*ret_account = (struct account){.uid = entry.pw_uid, .gid = entry.pw_gid};
	return 0;
}

int account_find_group(const char *name, gid_t *ret_gid)
{
	_cleanup_free_ char *memory = NULL;
	struct group entry;
	if (find_group(name, 0, &memory, &entry) < 0)
		return -1;
	*ret_gid = entry.gr_gid;
	return 0;
}

void account_append_user(uid_t uid, struct buffer *buffer)
{
	_cleanup_free_ char *memory = NULL;
	struct passwd entry;
	if (find_user(NULL, uid, &memory, &entry) == 0)
		buffer_append_text(buffer, entry.pw_name);
	else
		buffer_printf(buffer, "%" PRIu32, (uint32_t)uid);
}

void account_append_group(gid_t gid, struct buffer *buffer)
{
	_cleanup_free_ char *memory = NULL;
	struct group entry;
	if (find_group(NULL, gid, &memory, &entry) == 0)
		buffer_append_text(buffer, entry.gr_name);
	else
		buffer_printf(buffer, "%" PRIu32, (uint32_t)gid);
}

static bool is_root_or(uid_t uid, uid_t other)
{
	return other == 0 || other == uid;
}

/* A listed name that is no user's lets nobody in. */
static bool has_other_members(gid_t gid, uid_t uid)
{
	_cleanup_free_ char *memory = NULL;
	struct group entry;
	if (find_group(NULL, gid, &memory, &entry) < 0)
		return false;
	for (char **name = entry.gr_mem; *name; name++) {
		struct account member;
		if (account_find_user(*name, &member) == 0 && !is_root_or(uid, member.uid))
			return true;
	}
	return false;
}

static bool is_primary_of_others(gid_t gid, uid_t uid)
{
	const struct passwd *entry;
	bool others = false;
	setpwent();
	while (!others && (entry = getpwent()))
		others = entry->pw_gid == gid && !is_root_or(uid, entry->pw_uid);
	endpwent();
	return others;
}

bool account_group_is_private(gid_t gid, uid_t uid)
{
	return !has_other_members(gid, uid) && !is_primary_of_others(gid, uid);
}
