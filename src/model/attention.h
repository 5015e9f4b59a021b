/* SPDX-License-Identifier: MIT */
/* What needs somebody's attention: the words for it, with what to do about each. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/job.h"
#include "util/random.h"

/* What a reason is about. */
enum attention_subject {
	ATTENTION_OF_CONNECTOR,
	ATTENTION_OF_PROJECT,
	ATTENTION_OF_OPERATION,
	ATTENTION_OF_DAEMON,
};
#define ATTENTION_SUBJECT_COUNT (ATTENTION_OF_DAEMON + 1)

/* The worst is the highest. */
enum attention_severity { ATTENTION_WARNING, ATTENTION_CRITICAL };
#define ATTENTION_SEVERITY_COUNT (ATTENTION_CRITICAL + 1)

/* Those of a connector first, then those of a project, an operation and the daemon. */
enum attention_code {
	ATTENTION_FAILING,
	ATTENTION_NEVER_SUCCEEDED,
	ATTENTION_OVERDUE,
	ATTENTION_STUCK,
	ATTENTION_STALLED,
	ATTENTION_VANISHED,
	ATTENTION_NOTHING_IMPORTED,
	ATTENTION_MANY_DROPPED,
	ATTENTION_PAUSED,
	ATTENTION_DUPLICATE_IMPORT,
	ATTENTION_DELETED_ELSEWHERE,
	ATTENTION_HISTORY_GAP,
	ATTENTION_UPSTREAM,
	ATTENTION_INTERVALS_STRETCHED,
	ATTENTION_OPERATION_UNKNOWN,
	ATTENTION_RELOAD_REFUSED,
	ATTENTION_DISK_LOW,
};
#define ATTENTION_CODE_COUNT (ATTENTION_DISK_LOW + 1)

/* Why jobs fail, as far as Mixpanel's words tell. Codes other than failing have no cause. */
enum attention_cause {
	ATTENTION_CAUSE_NONE,
	ATTENTION_CAUSE_BUCKET_PERMISSION,
	ATTENTION_CAUSE_WRONG_COMPRESSION,
	ATTENTION_CAUSE_FILE_TOO_LARGE,
	ATTENTION_CAUSE_OTHER,
};
#define ATTENTION_CAUSE_COUNT (ATTENTION_CAUSE_OTHER + 1)

/* Their names, ended by NULL. That of ATTENTION_CAUSE_NONE is "", which is the name of nothing. */
extern const char *const attention_subject_names[ATTENTION_SUBJECT_COUNT + 1];
extern const char *const attention_severity_names[ATTENTION_SEVERITY_COUNT + 1];
extern const char *const attention_code_names[ATTENTION_CODE_COUNT + 1];
extern const char *const attention_cause_names[ATTENTION_CAUSE_COUNT + 1];

#define ATTENTION_DETAIL_SIZE 512

/* One reason why its subject needs attention: a value that owns its texts. A subject has at most
 * one of each code. */
struct attention_reason {
	enum attention_code code;
	enum attention_severity severity;
	enum attention_cause cause;
	int64_t since;                      /* when it began; timestamp.h */
	char detail[ATTENTION_DETAIL_SIZE]; /* for people, UTF-8; it may quote Mixpanel */
	char job_id[RANDOM_ID_SIZE];        /* the job to look at; "" for none */
};

/* What a code is about. */
enum attention_subject attention_code_subject(enum attention_code code);

/* Whether reasons with this code ever have this severity. */
bool attention_code_has(enum attention_code code, enum attention_severity severity);

/* The cause of a failed or cancelled run: the first in the table that fits. */
enum attention_cause attention_cause_of(const struct run *run);

/* What to do, in one or two sentences: about the cause, where there is one, else about the code. */
const char *attention_advice(enum attention_code code, enum attention_cause cause);

/* The order of reasons: worst first, then by code. As for qsort. */
int attention_compare(const void *a, const void *b);

/* Whether two reasons say the same; every member counts. */
bool attention_reason_same(const struct attention_reason *a, const struct attention_reason *b);
