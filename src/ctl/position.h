/* SPDX-License-Identifier: MIT */
/* A file that keeps the position of a watcher. */
#pragma once

#include "ctl/exits.h"
#include "ctl/feed.h"

/* Plain data; path is the caller's. */
struct position_file {
	const char *path;
	int lock;
};

/* Takes the lock, which another watcher may hold, and reads the position; ret_position stays as it
 * was when the file is absent or empty. EXIT_FILE when it cannot be had or holds something else. */
enum exit_code position_open(
    const char *path, struct position_file *ret_file, char ret_position[FEED_POSITION_SIZE]);

/* Writes the position, by a file beside it and a rename. */
enum exit_code position_write(const struct position_file *file, const char *position);

/* Gives the lock back. Takes one that was never opened, with a lock of -1. */
void position_close(struct position_file *file);
