/* SPDX-License-Identifier: MIT */
/* What the configuration says, as plain data; config.h has what is done with it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/access.h"
#include "config/credential.h"
#include "config/region.h"
#include "util/log.h"

/* One [project NAME] section. Durations are microseconds. */
struct config_project {
	char *name;
	int64_t project_id;
	enum region region;
	char *credential_name;
	char *base_url; /* in force: the region's, or the one given; no slash at the end */
	int64_t list_interval;
	int64_t active_interval;
	int64_t idle_interval;
	int64_t status_interval; /* single reads: what a list does not tell */
	int64_t settle_time;     /* how long Mixpanel's own lists may lag behind it */
	uint64_t rate_limit;     /* upstream requests a minute */
	uint64_t max_concurrent;
	int64_t timeout;       /* of one upstream read */
	int64_t write_timeout; /* of one upstream write */
	char *proxy;           /* "http://HOST:PORT"; NULL: none */
	char *ca_file;         /* instead of the system's authorities; NULL: those */
	struct credential *credential;
};

/* The most that failing_critical may be: so many ended jobs of a connector are looked at. */
#define CONFIG_FAILING_CRITICAL_LIMIT 50

/* The section [attention]: when something needs it. Durations are microseconds. */
struct config_attention {
	uint64_t failing_critical; /* jobs in a row; 1…CONFIG_FAILING_CRITICAL_LIMIT */
	int64_t never_succeeded_after;
	int64_t success_within; /* 0: off */
	int64_t queued_after;
	int64_t running_after;
	int64_t stalled_after;
	int64_t keep_for;
	uint64_t dropped_percent; /* 1…100 */
	int64_t upstream_after;
	int64_t clear_after;
	int64_t operation_after;
};

/* An address to listen on. present is false for the empty value: no such listener. */
struct config_listen {
	bool present;
	char *text;    /* as written, "127.0.0.1:6973" or "[::1]:6973" */
	uint16_t port; /* 0: the kernel chooses */
	bool ipv6;
	uint8_t address[16]; /* network order; 4 bytes used for IPv4 */
};

/* Invariant: complete and valid; nothing changes after config_load. */
struct config {
	unsigned references; /* atomic */
	char *path;
	int64_t loaded_at; /* wall clock */

	char *socket; /* NULL: none */
	unsigned socket_mode;
	struct config_listen listen;
	struct config_listen health_listen;
	char *database;
	char *tokens_path;
	char **hosts; /* NULL-terminated, lower case */
	enum log_level log_level;
	uint64_t max_connections;
	int64_t request_timeout;
	uint64_t requests_per_second; /* of one caller; 0: no limit */

	struct access access;
	struct tokens tokens;

	int64_t jobs_max_age;
	uint64_t jobs_max_count;
	int64_t operations_max_age;
	uint64_t operations_max_count;
	int64_t events_max_age;
	uint64_t events_max_count;
	int64_t audit_max_age;
	uint64_t audit_max_count;

	struct config_attention attention;

	struct config_project *projects;
	size_t project_count;
};
