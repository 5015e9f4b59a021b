/* SPDX-License-Identifier: MIT */
/* The running daemon: the parts built in order, run until told to stop, torn down in reverse. */
#pragma once

#include "config/config.h"

/* Exit statuses (sysexits(3) where one fits). */
enum exit_status {
	EXIT_STATUS_STOPPED = 0,      /* a clean stop */
	EXIT_STATUS_FAILED = 1,       /* anything not below */
	EXIT_STATUS_USAGE = 64,       /* the command line */
	EXIT_STATUS_UNAVAILABLE = 69, /* a listener could not be bound */
	EXIT_STATUS_STORAGE = 74,     /* the database */
	EXIT_STATUS_CONFIG = 78,      /* the configuration, a credential or the tokens */
};

/* Blocks the signals that the daemon waits for and ignores those that must not end it. Before any
 * thread is started. Core dumps are turned off: the memory holds credentials. The umask takes
 * nothing from the owner. */
void daemon_prepare_process(void);

/* Runs with this configuration until SIGTERM or SIGINT, or until the store fails. SIGHUP loads
 * config->path again. Returns the status to exit with; why has been logged then. */
enum exit_status daemon_run(struct config *config);

/* Logs every fault and warning, one line each. */
void daemon_log_faults(const struct faults *faults);
