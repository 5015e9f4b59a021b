/* SPDX-License-Identifier: MIT */
/* Asking the API: an answer that is what was hoped for, or why it is not. */
#pragma once

#include <jansson.h>

#include "ctl/ctl.h"
#include "util/jsontext.h"

/* A path and query in the making; starts empty. */
struct target {
	struct buffer text;
	bool query; /* there is a parameter already */
};

void target_init(struct target *target, const char *path);
void target_done(struct target *target);
#define _cleanup_target_ _cleanup_(target_done)

/* Appends a slash and one more step of the path. */
void target_step(struct target *target, const char *step);

/* Appends a query parameter; nothing for a value of NULL. */
void target_parameter(struct target *target, const char *name, const char *value);
void target_number(struct target *target, const char *name, int64_t value);

/* ?wait= for what Mixpanel has to answer, so that --max-time is not up before the daemon says what
 * it knows. */
void target_wait(struct target *target, const struct options *options);

/* The text; NULL after a failure (no memory, or far too long). */
const char *target_text(const struct target *target);

/* Asks, and says what is wrong with the answer: there is none, it is not mixportd's, or a problem.
 * EXIT_DONE with any status from 200 to 299; the exchange is the caller's to end in any case. */
enum exit_code ask(struct ctl *ctl, struct exchange *exchange);

/* GET of what the target says. */
enum exit_code ask_get(struct ctl *ctl, const struct target *target, struct exchange *exchange);

/* Says what problem an answer from status 300 on is. */
enum exit_code ask_complain(struct ctl *ctl, const struct exchange *exchange);

/* Appends what is to blame for a fault or warning, and a colon: the option that set it; the place
 * itself where it was not typed by options. */
void ask_append_setter(const struct ctl *ctl, const json_t *fault, struct buffer *text);

/* Whether an answer is JSON by its type and its bytes, or empty. Bytes that were copied elsewhere
 * are taken as they are. */
bool ask_is_json(const struct exchange *exchange);

/* Says that it is not. */
enum exit_code ask_not_ours(struct ctl *ctl, const struct exchange *exchange);

/* The document of an answer, which the caller owns. */
enum exit_code ask_parse(struct ctl *ctl, const struct exchange *exchange, json_t **ret_json);

/* The bytes of an answer's body. */
struct span ask_body(const struct exchange *exchange);

/* Members, NULL or the default when they are missing or something else. */
const char *member_text(const json_t *object, const char *name);
const json_t *member(const json_t *object, const char *name);
/* A number without its fraction, as near as 64 bits come to it. */
int64_t member_integer(const json_t *object, const char *name, int64_t otherwise);
/* A number of seconds, in microseconds: 10,000 years at most, so that few of them can be added. */
int64_t member_seconds(const json_t *object, const char *name, int64_t otherwise);
