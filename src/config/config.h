/* SPDX-License-Identifier: MIT */
/* The configuration in force: immutable, reference-counted, loaded as a whole together with the
 * credentials and tokens it names. The keys, their types, defaults and ranges are in schema.h. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "config/settings.h"
#include "util/text.h"

/* Reads the file, the credentials and the tokens. Every fault goes to faults. now is wall-clock
 * time. Returns 0 and a reference; -1 when there is any fault. */
int config_load(const char *path, int64_t now, struct faults *faults, struct config **ret_config);

/* As config_load on a text that is in memory already; file is its name in the faults. Opens no
 * file: tokens stay empty, credentials NULL. (Names in [access] are looked up.) */
int config_parse_text(
    const char *file, struct span text, struct faults *faults, struct config **ret_config);

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
