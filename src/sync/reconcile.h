/* SPDX-License-Identifier: MIT */
/* Which new connector is whose create? Pure.
 *
 * A create whose outcome is unknown is decided by evidence, however late it comes, or by a person:
 * time alone decides nothing. Exactly one connector that was not known when the create was sent,
 * that asks for the same import, that no other operation claims or may have made (search.c looks
 * for those), and that speaks of neither an earlier time nor another creator, is its outcome. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Mixpanel's created_at and its Date header come from different clocks of its own. */
#define RECONCILE_CLOCKS_APART INT64_C(120000000)

/* A create as it was sent. Times are wall clock, TIMESTAMP_NONE for not known. */
struct reconcile_create {
	int64_t known_row; /* the last connector known then; -1 while no list had been read */
	int64_t sent_at;   /* by our clock */
	int64_t sent_upstream_at; /* by Mixpanel's */
	const char *creator;      /* whom Mixpanel names for our creates; NULL for not known */
};

/* A connector that is there and asks for the same import. */
struct reconcile_connector {
	int64_t row;
	int64_t created_at;     /* as Mixpanel says */
	const char *created_by; /* the same; NULL for not known */
};

enum reconcile_fit {
	RECONCILE_OTHER,    /* it was there before: not the outcome */
	RECONCILE_POSSIBLE, /* a person must say */
	RECONCILE_FITS,
};

/* How a connector fits. One that was not known only because no list had been read yet needs
 * Mixpanel's own word that it is new. */
enum reconcile_fit reconcile_fit(
    const struct reconcile_create *create, const struct reconcile_connector *connector);
