/* SPDX-License-Identifier: MIT */
/* The forms in which the simulated Mixpanel answers, wherever its vendor's pages disagree, and its
 * pace. One table serves the command line, POST /sim/settings and GET /sim/settings. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "util/err.h"
#include "util/writer.h"

enum job_time { JOB_TIME_GO, JOB_TIME_GO_WHOLE, JOB_TIME_EPOCH, JOB_TIME_ISO };
enum created_time { CREATED_TIME_ISO, CREATED_TIME_EPOCH, CREATED_TIME_GO };
enum failure { FAILURE_NONE, FAILURE_COMPRESSION, FAILURE_PERMISSIONS, FAILURE_SIZE };

/* All members are int64_t so that the table can reach them: truth values are 0 or 1, choices are
 * the position of the name in the table. */
struct settings {
	int64_t envelope;
	int64_t connector_id_member;
	int64_t run_id_member;
	int64_t run_ids;
	int64_t success_word;
	int64_t error_member;
	int64_t job_time;
	int64_t created_time;
	int64_t creator;
	int64_t create_status;
	int64_t delete_answer;
	int64_t list_status;
	int64_t label;
	int64_t trailing_slash;
	int64_t history_order;
	int64_t page;
	int64_t history_page;
	int64_t page_url;
	int64_t queued_ms;
	int64_t running_ms;
	int64_t speed;
	int64_t fail;
	int64_t latency_ms;
	int64_t date_ago;
};

/* The forms of the vendor's samples; jobs queue for 1 s and run for 3 s. */
void settings_init(struct settings *settings);

/* Sets one from text, as in "page" "50", "job_time" "epoch", "envelope" "false". Returns 0, or -1
 * with what is allowed. */
int settings_set(struct settings *settings, const char *name, const char *value, struct err *err);

/* Sets every member of a JSON object, all or none. Returns as settings_set. */
int settings_set_json(struct settings *settings, json_t *object, struct err *err);

/* Writes them all as an object that settings_set_json takes. */
void settings_write(const struct settings *settings, struct writer *writer);

/* The failure of that name. Returns 0, or -1. */
int failure_parse(struct span name, enum failure *ret_failure);
