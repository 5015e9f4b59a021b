/* SPDX-License-Identifier: MIT */
/* Log lines on standard error, each with the <N> priority that the journal reads
 * (sd-daemon(3)). One line is one write(2), so threads do not interleave. Control characters,
 * backslashes and bytes that are not UTF-8 are escaped (as \n, \xHH): a message built from what a
 * client or Mixpanel sent cannot forge a line. Lines are cut at 2 KiB. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* The least important level that is still written; info at start. May be called at any time from
 * any thread. */
void log_set_level(enum log_level level);

/* Their names in the configuration, by level; NULL at the end. */
extern const char *const log_level_names[];

/* Writes one line. Never fails, keeps errno. */
void log_write(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

/* As log_write, for one line that text_escape has made fit to be shown already: what is escaped
 * twice cannot be read any more. */
void log_escaped(enum log_level level, const char *text, size_t len);

/* The fields of an entry that are written, and the bytes of a value with its NUL; what is more is
 * cut off. */
#define LOG_FIELDS_LIMIT 16
#define LOG_VALUE_SIZE 256

/* A field of an entry in the journal: a name such as "MIXPORT_CLIENT", and a value. */
struct log_field {
	const char *name;
	const char *value; /* NULL: left out */
};

/* As log_write; the journal, where there is one, gets the same line and the fields, whose values
 * are escaped as the line is, and cut between characters. */
void log_with_fields(enum log_level level, const struct log_field *fields, size_t count,
    const char *format, ...) PRINTF_LIKE(4, 5);

/* Writes an entry to the journal: level as syslog(3) counts, message and values escaped. Returns
 * whether it did. */
typedef bool log_journal_fn(
    int level, const char *message, const struct log_field *fields, size_t count);

/* What log_with_fields writes through, where standard error is the journal's. Before any thread is
 * started. */
void log_set_journal(log_journal_fn *journal);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
