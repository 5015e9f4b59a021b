/* SPDX-License-Identifier: MIT */
/* A Mixpanel project: what we hold of it, and how its upstream is doing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What the store holds. Pointers are borrowed from the row. */
struct project_record {
	int64_t project_id;
	int64_t listed_at; /* start of the last complete listing that was applied; it confirmed
			    * every connector that is present. TIMESTAMP_NONE for never */
	const char *list_error_code; /* NULL when the last listing went well */
	const char *list_error_message;
	int64_t list_error_since;
	int64_t complete_listings;  /* how many were applied, ever */
	int64_t connectors;         /* present ones */
	int64_t jobs_active;        /* neither done nor gone, of present connectors */
	int64_t attention_critical; /* open reasons, of all that is the project's */
	int64_t attention_warning;
};

enum upstream_state {
	UPSTREAM_UNKNOWN, /* nothing asked yet */
	UPSTREAM_OK,
	UPSTREAM_DEGRADED,     /* answers, but with errors or in a way we cannot read */
	UPSTREAM_RATE_LIMITED, /* 429 */
	UPSTREAM_UNAUTHORIZED, /* 401 or 403: our credential */
	UPSTREAM_UNREACHABLE,  /* no connection, or no answer in time */
};
#define UPSTREAM_STATE_COUNT (UPSTREAM_UNREACHABLE + 1)

/* Their names, ended by NULL. */
extern const char *const upstream_state_names[UPSTREAM_STATE_COUNT + 1];

/* How the upstream of one project is doing; a copy that the sync thread publishes. */
struct upstream_status {
	enum upstream_state state;
	int64_t since; /* wall clock */
	unsigned consecutive_failures;
	int64_t next_attempt_at; /* wall clock; TIMESTAMP_NONE when nothing holds requests back */
	uint64_t budget_per_minute;
	uint64_t budget_available;
	char error_code[32]; /* "" when ok */
	char error_message[256];
	bool loaded; /* a listing was applied once, now or in an earlier life */
	/* the intervals in force, stretched when the budget is too small; microseconds */
	int64_t list_interval;
	int64_t active_interval;
	int64_t idle_interval;
	bool stretched;
};
