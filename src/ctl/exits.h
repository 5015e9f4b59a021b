/* SPDX-License-Identifier: MIT */
/* The exit statuses, which scripts rely on: see mixportctl(1). What can fail in this folder says
 * why on standard error, at once, and returns one of these for its caller to pass on. */
#pragma once

enum exit_code {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,      /* refused, or failed otherwise */
	EXIT_BAD_END = 2,      /* what was waited for ended badly */
	EXIT_TIME_UP = 3,      /* before there was an answer, or an end */
	EXIT_NO_SUCH = 4,      /* no such thing, or several fit */
	EXIT_UNCLEAR = 5,      /* Mixpanel may have carried it out, or not: not to be repeated */
	EXIT_INPUT = 6,        /* the daemon or Mixpanel does not take what was asked for */
	EXIT_USAGE = 64,       /* nothing was asked */
	EXIT_NO_DAEMON = 69,   /* nobody answers */
	EXIT_FILE = 74,        /* a file cannot be read or written */
	EXIT_NOT_ALLOWED = 77, /* by the daemon, or by its socket */
	EXIT_CONFIG = 78,      /* a configuration or a token file is not as it should be */
	EXIT_INTERRUPTED = 130,
};
