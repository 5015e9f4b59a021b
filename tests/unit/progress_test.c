/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "ctl/progress.h"
#include "unit.h"
#include "util/clock.h"

#define SECONDS(n) ((n)*MICROSECONDS_PER_SECOND)

START_TEST(a_line_tells_what_is_known)
{
	static const struct {
		const char *status;
		double part;
		int64_t elapsed;
		const char *line;
	} cases[] = {
	    {"queued", -1, -1, "job_ds8zhvy8zz\xe2\x80\xa6  queued"},
	    {"running", -1, SECONDS(72), "job_ds8zhvy8zz\xe2\x80\xa6  running  1m12s"},
	    {"running", 0, SECONDS(72),
		"job_ds8zhvy8zz\xe2\x80\xa6  running  [........................................]   "
		"0 %  "
		"1m12s"},
	    {"running", 0.33, SECONDS(72),
		"job_ds8zhvy8zz\xe2\x80\xa6  running  [#############...........................]  "
		"33 %  "
		"1m12s  about 2m26s left"},
	    {"running", 0.5, SECONDS(9),
		"job_ds8zhvy8zz\xe2\x80\xa6  running  [####################....................]  "
		"50 %  "
		"9s"},
	    {"running", 0.04, SECONDS(600),
		"job_ds8zhvy8zz\xe2\x80\xa6  running  [#.......................................]   "
		"4 %  "
		"10m"},
	    {"running", 1, SECONDS(20),
		"job_ds8zhvy8zz\xe2\x80\xa6  running  [########################################]  "
		"100 "
		"%  20s  about 0s left"},
	    {"running", 7, SECONDS(20), "job_ds8zhvy8zz\xe2\x80\xa6  running  20s"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buffer line _cleanup_buffer_;
		struct progress progress = {
		    .job_id = "job_ds8zhvy8zzrecqn6q0800c9we6", .part = cases[i].part};
		snprintf(progress.status, sizeof(progress.status), "%s", cases[i].status);
		buffer_init(&line, 4096);
		progress_append(&progress, cases[i].elapsed, &line);
		ck_assert_str_eq(buffer_text(&line), cases[i].line);
	}
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"a line tells what is known", a_line_tells_what_is_known},
	    {NULL, NULL},
	};
	return unit_main("progress", cases);
}
