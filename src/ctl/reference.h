/* SPDX-License-Identifier: MIT */
/* How connectors, jobs and operations are named on the command line, and what the names mean. */
#pragma once

#include "ctl/ask.h"

enum reference_kind { REFERENCE_CONNECTOR, REFERENCE_JOB, REFERENCE_OPERATION };

/* A name taken apart. Invariant: project is NULL or lies in the memory of `word`, len bytes. */
struct reference {
	enum reference_kind kind;
	const char *word;  /* as it was typed */
	char *project;     /* before the slash; NULL: as -p says */
	const char *label; /* label:NAME; else NULL */
	const char *id;    /* or the beginning of one; else NULL */
};

/* Takes a name apart. EXIT_USAGE for one that cannot be right. */
enum exit_code reference_parse(const char *word, struct reference *ret_reference);

void reference_done(struct reference *reference);
#define _cleanup_reference_ _cleanup_(reference_done)

/* A record that a name means: its own bytes, and parsed. */
struct found {
	char *text;
	size_t len;
	json_t *json;
};

void found_done(struct found *found);
#define _cleanup_found_ _cleanup_(found_done)

/* Looks up what a word means, by the API's own index. A whole id wins, also when it begins another;
 * it may be that of a deleted connector. Otherwise exactly one present connector, job or operation
 * must fit: EXIT_NO_SUCH when none or several do. */
enum exit_code reference_find(
    struct ctl *ctl, const char *word, struct reference *ret_reference, struct found *ret_found);

/* As reference_find for a connector; anything else is refused. */
enum exit_code reference_find_connector(struct ctl *ctl, const char *word, struct found *ret_found);

/* The bytes of the record. */
struct span found_span(const struct found *found);
