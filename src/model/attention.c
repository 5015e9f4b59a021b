/* SPDX-License-Identifier: MIT */
/* The tables of codes and causes: their severities and what to do about each. */
#include "model/attention.h"

#include <string.h>

#include "util/cleanup.h"

const char *const attention_subject_names[ATTENTION_SUBJECT_COUNT + 1] = {
    [ATTENTION_OF_CONNECTOR] = "connector",
    [ATTENTION_OF_PROJECT] = "project",
    [ATTENTION_OF_OPERATION] = "operation",
    [ATTENTION_OF_DAEMON] = "daemon",
};

const char *const attention_severity_names[ATTENTION_SEVERITY_COUNT + 1] = {
    [ATTENTION_WARNING] = "warning",
    [ATTENTION_CRITICAL] = "critical",
};

const char *const attention_code_names[ATTENTION_CODE_COUNT + 1] = {
    [ATTENTION_FAILING] = "failing",
    [ATTENTION_NEVER_SUCCEEDED] = "never-succeeded",
    [ATTENTION_OVERDUE] = "overdue",
    [ATTENTION_STUCK] = "stuck",
    [ATTENTION_STALLED] = "stalled",
    [ATTENTION_VANISHED] = "vanished",
    [ATTENTION_NOTHING_IMPORTED] = "nothing-imported",
    [ATTENTION_MANY_DROPPED] = "many-dropped",
    [ATTENTION_PAUSED] = "paused",
    [ATTENTION_DUPLICATE_IMPORT] = "duplicate-import",
    [ATTENTION_DELETED_ELSEWHERE] = "deleted-elsewhere",
    [ATTENTION_HISTORY_GAP] = "history-gap",
    [ATTENTION_UPSTREAM] = "upstream",
    [ATTENTION_INTERVALS_STRETCHED] = "intervals-stretched",
    [ATTENTION_OPERATION_UNKNOWN] = "operation-unknown",
    [ATTENTION_RELOAD_REFUSED] = "reload-refused",
    [ATTENTION_DISK_LOW] = "disk-low",
};

const char *const attention_cause_names[ATTENTION_CAUSE_COUNT + 1] = {
    [ATTENTION_CAUSE_NONE] = "",
    [ATTENTION_CAUSE_BUCKET_PERMISSION] = "bucket-permission",
    [ATTENTION_CAUSE_WRONG_COMPRESSION] = "wrong-compression",
    [ATTENTION_CAUSE_FILE_TOO_LARGE] = "file-too-large",
    [ATTENTION_CAUSE_OTHER] = "other",
};

/* Codes -----------------------------------------------------------------------------------------*/

#define WARNING (1U << ATTENTION_WARNING)
#define CRITICAL (1U << ATTENTION_CRITICAL)

static const struct {
	unsigned severities;
	enum attention_subject subject;
	const char *advice;
} codes[] = {
    [ATTENTION_FAILING] = {WARNING | CRITICAL, ATTENTION_OF_CONNECTOR,
	"Mend what Mixpanel names. Where the connector itself is wrong, delete it and create it "
	"anew."},
    [ATTENTION_NEVER_SUCCEEDED] = {WARNING, ATTENTION_OF_CONNECTOR,
	"Look at its jobs. Where there are none, see that its bucket and prefix hold files."},
    [ATTENTION_OVERDUE] = {CRITICAL, ATTENTION_OF_CONNECTOR,
	"See whether new files reach the bucket, and what became of the last jobs."},
    [ATTENTION_STUCK] = {WARNING, ATTENTION_OF_CONNECTOR,
	"Look at the job in Mixpanel. When it does not go on there either, ask Mixpanel's "
	"support."},
    [ATTENTION_STALLED] = {WARNING, ATTENTION_OF_CONNECTOR,
	"Look at the job in Mixpanel. When nothing moves there either, ask Mixpanel's support."},
    [ATTENTION_VANISHED] = {WARNING, ATTENTION_OF_CONNECTOR,
	"Look in Mixpanel for what became of the job, and whether its events are there."},
    [ATTENTION_NOTHING_IMPORTED] = {WARNING, ATTENTION_OF_CONNECTOR,
	"See that the bucket and prefix hold new files, and that their records have the form that "
	"data_format names."},
    [ATTENTION_MANY_DROPPED] = {WARNING | CRITICAL, ATTENTION_OF_CONNECTOR,
	"Look at the records in the bucket. An event without a time, for one, is dropped."},
    [ATTENTION_PAUSED] = {WARNING | CRITICAL, ATTENTION_OF_CONNECTOR,
	"Mend what Mixpanel names, and have it go on in Mixpanel, or create it anew."},
    [ATTENTION_DUPLICATE_IMPORT] = {CRITICAL, ATTENTION_OF_CONNECTOR,
	"Delete one of them: what both of them import may be counted twice."},
    [ATTENTION_DELETED_ELSEWHERE] = {WARNING, ATTENTION_OF_CONNECTOR,
	"Find out who deleted it in Mixpanel. Create it anew if it is still wanted."},
    [ATTENTION_HISTORY_GAP] = {WARNING, ATTENTION_OF_CONNECTOR,
	"Look in Mixpanel for the runs of that time. A shorter idle_interval or a higher "
	"rate_limit keeps up with more of them."},
    [ATTENTION_UPSTREAM] = {CRITICAL | WARNING, ATTENTION_OF_PROJECT,
	"The project's upstream tells what Mixpanel answers. When it is unauthorized, see to the "
	"service account and reload; else to the network, or wait."},
    [ATTENTION_INTERVALS_STRETCHED] = {WARNING, ATTENTION_OF_PROJECT,
	"Raise the project's rate_limit, or lengthen its intervals."},
    [ATTENTION_OPERATION_UNKNOWN] = {WARNING | CRITICAL, ATTENTION_OF_OPERATION,
	"The next lists may decide it. Once its search is over, look in Mixpanel for what it made, "
	"and resolve it."},
    [ATTENTION_RELOAD_REFUSED] = {WARNING, ATTENTION_OF_DAEMON,
	"mixportd --check-config tells what is wrong. Mend it, and reload again."},
    [ATTENTION_DISK_LOW] = {WARNING | CRITICAL, ATTENTION_OF_DAEMON,
	"Make space where the database is."},
};
_Static_assert(ARRAY_SIZE(codes) == ATTENTION_CODE_COUNT, "a code has no advice");

enum attention_subject attention_code_subject(enum attention_code code)
{
	return codes[code].subject;
}

bool attention_code_has(enum attention_code code, enum attention_severity severity)
{
	return (codes[code].severities & 1U << severity) != 0;
}

/* Causes ----------------------------------------------------------------------------------------*/

/* In the order in which they are tried. What is NULL or false fits no run. */
static const struct {
	enum attention_cause cause;
	const char *code_begins;
	const char *message_has;
	bool cancelled;
	const char *advice;
} causes[] = {
    {
	.cause = ATTENTION_CAUSE_BUCKET_PERMISSION,
	.code_begins = "invalid_permissions",
	.advice = "Let Mixpanel's service account read the bucket, then create the connector "
		  "anew.",
    },
    {
	.cause = ATTENTION_CAUSE_WRONG_COMPRESSION,
	.message_has = "Gzip detected",
	.advice = "Delete the connector, and create it with the compression that its files have.",
    },
    {
	.cause = ATTENTION_CAUSE_FILE_TOO_LARGE,
	.message_has = "2 GB",
	.cancelled = true,
	.advice = "Mixpanel cancels a job over a file of 2 GB or more. Split such files into some "
		  "of 500 MB to 1 GB.",
    },
};
_Static_assert(ARRAY_SIZE(causes) + 2 == ATTENTION_CAUSE_COUNT, "a cause cannot be found");

enum attention_cause attention_cause_of(const struct run *run)
{
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		const char *begins = causes[i].code_begins;
		const char *has = causes[i].message_has;
		if (begins && run->error_code &&
		    strncmp(run->error_code, begins, strlen(begins)) == 0)
			return causes[i].cause;
		if (has && run->error_message && strstr(run->error_message, has))
			return causes[i].cause;
		if (causes[i].cancelled && run->status == JOB_CANCELLED)
			return causes[i].cause;
	}
	return ATTENTION_CAUSE_OTHER;
}

const char *attention_advice(enum attention_code code, enum attention_cause cause)
{
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++)
		if (causes[i].cause == cause)
			return causes[i].advice;
	return codes[code].advice;
}

/* Reasons ---------------------------------------------------------------------------------------*/

int attention_compare(const void *a, const void *b)
{
	const struct attention_reason *one = a;
	const struct attention_reason *other = b;
	if (one->severity != other->severity)
		return one->severity > other->severity ? -1 : 1;
	return (one->code > other->code) - (one->code < other->code);
}

bool attention_reason_same(const struct attention_reason *a, const struct attention_reason *b)
{
	return a->code == b->code && a->severity == b->severity && a->cause == b->cause &&
	       a->since == b->since && strcmp(a->detail, b->detail) == 0 &&
	       strcmp(a->job_id, b->job_id) == 0;
}
