/* SPDX-License-Identifier: MIT */
/* A folder for the files of one process, in memory where that is possible: a disk would be waited
 * for at each input. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SCRATCH_SIZE 40

/* Makes it; the caller removes it. */
static inline void scratch_make(char ret_folder[SCRATCH_SIZE])
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(ret_folder, SCRATCH_SIZE, "%s/mixport-fuzz-XXXXXX", base);
	if (!mkdtemp(ret_folder))
		abort();
}

/* Removes what is in it: files, and empty folders. */
static inline void scratch_empty(const char *folder)
{
	DIR *all = opendir(folder);
	const struct dirent *entry;
	if (!all)
		abort();
	while ((entry = readdir(all)))
		if (entry->d_name[0] != '.')
			unlinkat(
			    dirfd(all), entry->d_name, entry->d_type == DT_DIR ? AT_REMOVEDIR : 0);
	closedir(all);
}
