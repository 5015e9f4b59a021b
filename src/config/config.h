/* The configuration in force: immutable, reference-counted, loaded as a whole together with the
 * credentials and tokens it names. The keys, their types, defaults and ranges are in schema.h. */
#ifndef MIXPORT_CONFIG_CONFIG_H
#define MIXPORT_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/access.h"
#include "config/credential.h"
#include "util/log.h"

enum region { REGION_NONE, REGION_US, REGION_EU, REGION_IN };

/* "us", "eu", "in". */
const char *region_name(enum region region);

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

	struct access access;
	struct tokens tokens;

	int64_t jobs_max_age;
	uint64_t jobs_max_count;
	int64_t operations_max_age;

	struct config_project *projects;
	size_t project_count;
};

/* Reads the file, the credentials and the tokens. Every fault goes to faults. now is wall-clock
 * time. Returns 0 and a reference; -1 when there is any fault. */
int config_load(const char *path, int64_t now, struct faults *faults, struct config **ret_config);

/* Finds the socket that the file names, or has by default, whatever else is wrong with it. Opens no
 * other file. Returns 0 and the path, which the caller frees; 1 when it names none, or cannot be
 * read so far. */
int config_find_socket(const char *path, char **ret_socket);

/* Takes one more reference: the configuration with its projects, credentials and tokens stays as it
 * is for whoever holds it, whatever is put in force meanwhile. Any thread. */
struct config *config_ref(struct config *config);

/* Gives a reference back; the last one wipes the credentials and frees. Takes NULL; returns NULL.
 */
struct config *config_unref(struct config *config);

static inline void cleanup_config(struct config **config)
{
	config_unref(*config);
}
#define _cleanup_config_ _cleanup_(cleanup_config)

/* Checks that a reload changes only what can change in a running daemon (the schema says which
 * keys). Each key that would need a restart becomes a fault. Returns 0, or -1. */
int config_check_reload(
    const struct config *running, const struct config *loaded, struct faults *faults);

/* Writes everything in force in the form of a configuration file, never a secret. */
void config_dump(const struct config *config, FILE *out);

/* The project with this section name or this decimal project id; NULL when there is none. */
const struct config_project *config_find_project(
    const struct config *config, const char *name_or_id);

/* The project with this id; NULL when there is none. */
const struct config_project *config_find_project_id(
    const struct config *config, int64_t project_id);

#endif
