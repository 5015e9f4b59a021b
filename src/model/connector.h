/* SPDX-License-Identifier: MIT */
/* A Cloud Import connector: what Mixpanel says of it, what we hold of it, and the rules for a new
 * one. Facts of the vendor's Connectors reference (developer.mixpanel.com, "Connectors"). */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/text.h"

#define CONNECTOR_ID_LENGTH_LIMIT 128

struct job_record;

/* The kinds of import. Each has a file pair in mixpanel/. */
enum connector_kind {
	CONNECTOR_CLOUD_IMPORT,
};
#define CONNECTOR_KIND_COUNT (CONNECTOR_CLOUD_IMPORT + 1)

/* Their names, ended by NULL. */
extern const char *const connector_kind_names[CONNECTOR_KIND_COUNT + 1];

/* What Mixpanel is known to say of a connector's status, ended by NULL. */
#define CONNECTOR_STATUS_COUNT 3
extern const char *const connector_status_names[CONNECTOR_STATUS_COUNT + 1];

/* What Mixpanel says of a connector. Plain data; every pointer is borrowed from the decoded answer
 * or the store's row and says until when it holds. NULL and SPAN_NONE are "unknown".
 * Invariant: connector_id is 1…CONNECTOR_ID_LENGTH_LIMIT bytes of printable ASCII without blanks or
 * "/", and neither "." nor "..". */
struct connector {
	enum connector_kind kind;
	const char *connector_id;
	const char *label;          /* "" when missing */
	const char *connector_type; /* as sent; "" when missing */
	struct span properties;     /* the bytes of connector_properties, an object */
	struct span category;       /* the bytes of category_properties, an object */
	const char *data_format;    /* from category_properties; NULL when missing */
	const char *bucket;         /* gcs_bucket or s3_bucket; NULL when missing */
	const char *prefix;         /* gcs_prefix or s3_prefix; NULL when missing */
	const char *status;         /* as sent; NULL for null */
	const char *failure_message;
	const char *created_by;
	int64_t created_at; /* timestamp.h */
	struct span raw;    /* the whole object, the bytes received */
};

/* What we hold of a connector: the above and our own book-keeping. */
struct connector_record {
	struct connector connector;
	int64_t row; /* key in the store */
	int64_t project_id;
	int64_t first_seen_at;
	int64_t updated_at;
	int64_t deleted_at; /* TIMESTAMP_NONE while present */
	bool deleted_by_us; /* our own delete was confirmed; else it was concluded */
	int64_t
	    status_known_at;  /* when Mixpanel last reported the status; TIMESTAMP_NONE for never */
	int64_t confirmed_at; /* when Mixpanel last confirmed it one by one; a complete listing
			       * confirms all present ones at once, see struct project_record */
	int64_t history_synced_at;      /* last good history; TIMESTAMP_NONE for never */
	const char *history_error_code; /* NULL when the last history refresh went well */
	const char *history_error_message;
	int64_t history_error_since;
	int64_t revision;      /* changes whenever what it says about Mixpanel changes */
	struct span attention; /* why it needs attention, worst first, as the API shows it; a JSON
				* array, SPAN_NONE for an empty one */
	int64_t succeeded_at;  /* when a job last succeeded, kept or not; TIMESTAMP_NONE */
	int64_t gap_at;        /* when runs may last have been missed; TIMESTAMP_NONE */
	bool jobs_trimmed;     /* there may have been older jobs than those that are kept */
	const struct job_record *latest; /* the latest job, borrowed; NULL for none */
};

/* Whether text may stand as a connector id (the invariant above). */
bool connector_id_is_valid(const char *text);

/* One fault of a body that asks for a new connector. */
struct connector_fault {
	char *pointer;    /* RFC 6901, into the body */
	const char *code; /* required, wrong-type, unknown-value, unknown-member */
	char *detail;
	bool warning;
};

/* Every fault and warning of one body, in the order of the body's rules. */
struct connector_faults {
	struct connector_fault *list;
	size_t count;
	size_t errors; /* how many are not warnings */
};

/* Checks a body against every rule for a new connector, all at once. null counts as absent. Unknown
 * members at the top are faults unless lenient (the drop-in paths pass them on); unknown members
 * inside connector_properties and category_properties, and an unknown s3_region, are warnings.
 * Returns 0 (look at faults), or -1 without memory. */
int connector_validate(const json_t *body, bool lenient, struct connector_faults *faults);

/* Frees the faults. */
void connector_faults_done(struct connector_faults *faults);
#define _cleanup_connector_faults_ _cleanup_(connector_faults_done)

/* Whether two bodies, a body and a connector that exists, or two of these ask for the same import:
 * same type, same data_format, and every member of connector_properties that both name the same.
 * null and absent are one; a prefix is compared without the slashes around it, a region whatever
 * its case; a role makes no other source. What cannot be parsed is never the same. */
bool connector_bodies_same_import(const json_t *a, const json_t *b);
bool connector_is_same_import(const json_t *body, const struct connector *connector);
bool connectors_are_same_import(const struct connector *a, const struct connector *b);

/* Appends the key that two have in common whenever they are the same import, for an index: those
 * with one key are few, and are compared as above. Returns 0; 1 when a type or bucket is missing,
 * for which there is none; -1 without memory. schema_2 computes the same. */
int connector_import_key(struct buffer *key, const char *connector_type, const char *data_format,
    const char *bucket, const char *prefix);
int connector_body_import_key(struct buffer *key, const json_t *body);

/* The bucket and prefix a body names, by its connector_type; NULL where there is none. Borrowed
 * from the body. */
const char *connector_body_bucket(const json_t *body);
const char *connector_body_prefix(const json_t *body);
