/* SPDX-License-Identifier: MIT */
/* A process may read its own files in /proc whoever owns them: those of one that can be neither
 * dumped nor traced are root's. Nothing is read that ProcSubset=pid hides. */
#include "util/process.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/file.h"

static int64_t microseconds_of(const struct timeval *time)
{
	return (int64_t)time->tv_sec * MICROSECONDS_PER_SECOND + time->tv_usec;
}

/* The second number of the file, in pages. */
static int64_t resident_bytes(void)
{
	struct err err = ERR_INIT;
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, 1024);
	if (file_read("/proc/self/statm", &text, &err) != 0)
		return -1;
	const char *second = strchr(buffer_text(&text), ' ');
	return second ? strtoll(second, NULL, 10) * sysconf(_SC_PAGESIZE) : -1;
}

/* Without the one that it takes to look. */
static int64_t count_descriptors(void)
{
	int64_t count = -1;
	DIR *folder = opendir("/proc/self/fd");
	if (!folder)
		return -1;
	const struct dirent *entry;
	while ((entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

struct process_figures process_figures(void)
{
	struct process_figures figures = {
	    .cpu_microseconds = -1,
	    .resident_bytes = resident_bytes(),
	    .open_descriptors = count_descriptors(),
	    .descriptors_limit = -1,
	};
	struct rusage usage;
	struct rlimit limit;
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		figures.cpu_microseconds =
		    microseconds_of(&usage.ru_utime) + microseconds_of(&usage.ru_stime);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		figures.descriptors_limit =
		    limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
	return figures;
}
