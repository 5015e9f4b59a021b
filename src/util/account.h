/* SPDX-License-Identifier: MIT */
/* The users and groups of this machine, as the name service knows them (nsswitch.conf(5)). */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "util/buffer.h"

/* A user and the primary group. */
struct account {
	uid_t uid;
	gid_t gid;
};

/* Finds a user by name. Any thread. Returns 0, or -1 when this machine has none of that name. */
int account_find_user(const char *name, struct account *ret_account);

/* Finds a group by name. Any thread. Returns 0, or -1 when this machine has none of that name. */
int account_find_group(const char *name, gid_t *ret_gid);

/* Appends the name of a user or group, or the number when it has none. Any thread. */
void account_append_user(uid_t uid, struct buffer *buffer);
void account_append_group(gid_t gid, struct buffer *buffer);

/* Whether nobody but root and this user is in the group, neither as a listed member nor by having
 * it as the primary group. A group without an entry has no members. One thread at a time: going
 * through all users has one position in a process. */
bool account_group_is_private(gid_t gid, uid_t uid);
