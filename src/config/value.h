/* SPDX-License-Identifier: MIT */
/* The values of the configuration, each read, written and freed as its key in the schema says. */
#pragma once

#include "config/schema.h"
#include "util/err.h"

/* The record of a key is a struct config_project for SCHEMA_PROJECT, else the struct config. */

/* Reads a value into its record; an empty text is a value too. Returns 0, or -1 and what is wrong
 * with the value, but not what is allowed; a value that could be a secret is not quoted. */
int value_read(const struct schema_key *key, const char *text, void *record, struct err *err);

/* Appends the value in the form that value_read takes. Returns 0; 1 when it was never given and no
 * text stands for that. */
int value_write(const struct schema_key *key, const void *record, struct buffer *buffer);

/* Frees what the values of a section hold. Takes a record that is zeroed or half read. */
void values_done(enum schema_section section, void *record);
