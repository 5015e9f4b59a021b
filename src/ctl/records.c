/* SPDX-License-Identifier: MIT */
/* What there is: projects, connectors, jobs, operations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/complain.h"
#include "ctl/describe.h"
#include "ctl/handlers.h"
#include "ctl/listing.h"
#include "ctl/reference.h"

#define JOBS_USUAL 20

/* Lists ----------------------------------------------------------------------------------------*/

enum exit_code run_projects(struct ctl *ctl)
{
	const char *project = ctl->options->value[OPTION_PROJECT];
	struct target target _cleanup_target_;
	target_init(&target, "/v1/projects");
	if (!project)
		return listing_print(ctl, &target, LISTING_ALL, &describe_projects);
	struct exchange exchange _cleanup_exchange_ = {.method = "GET"};
	target_step(&target, project);
	enum exit_code code = ask_get(ctl, &target, &exchange);
	return code ? code : listing_print_one(ctl, ask_body(&exchange), &describe_projects);
}

/* A status of a job is asked of a connector often enough to be worth a hint. */
static enum exit_code check_status(const char *status)
{
	static const char *const words[] = {"active", "stopped", "paused", NULL};
	if (!status || text_find(words, status) >= 0)
		return EXIT_DONE;
	return complain(EXIT_USAGE,
	    "--status is what Mixpanel says of a connector: active, stopped, paused. For jobs: "
	    "--job-status %s",
	    status);
}

enum exit_code run_list(struct ctl *ctl)
{
	const char *const *value = ctl->options->value;
	struct target target _cleanup_target_;
	target_init(&target, "/v1/connectors");
	target_parameter(&target, "project", value[OPTION_PROJECT]);
	target_parameter(&target, "connector_type", value[OPTION_TYPE]);
	target_parameter(&target, "data_format", value[OPTION_FORMAT]);
	target_parameter(&target, "status", value[OPTION_STATUS]);
	target_parameter(&target, "job_status", value[OPTION_JOB_STATUS]);
	target_parameter(&target, "label", value[OPTION_LABEL]);
	target_parameter(&target, "attention", value[OPTION_ATTENTION]);
	target_parameter(&target, "kind", value[OPTION_KIND]);
	target_parameter(&target, "state", value[OPTION_STATE]);
	target_parameter(&target, "sort", value[OPTION_SORT]);
	enum exit_code code = check_status(value[OPTION_STATUS]);
	return code ? code : listing_print(ctl, &target, LISTING_ALL, &describe_connectors);
}

static enum exit_code read_count(const struct options *options, int64_t *ret_count)
{
	const char *text = options->value[OPTION_COUNT];
	uint64_t count = JOBS_USUAL;
	if (text && text_parse_unsigned(text, 1, INT64_MAX, &count) < 0)
		return complain(EXIT_USAGE, "-n is a number from 1 up, not \"%s\"", text);
	*ret_count = (int64_t)count;
	return EXIT_DONE;
}

enum exit_code run_jobs(struct ctl *ctl)
{
	const struct options *options = ctl->options;
	struct found found _cleanup_found_ = {.text = NULL};
	struct target target _cleanup_target_;
	int64_t count = 0;
	target_init(&target, "/v1/jobs");
	enum exit_code code = read_count(options, &count);
	if (!code && options->count > 0)
		code = reference_find_connector(ctl, options->arguments[0], &found);
	if (code)
		return code;
	target_parameter(&target, "project",
	    found.json ? member_text(found.json, "project") : options->value[OPTION_PROJECT]);
	target_parameter(&target, "connector_id", member_text(found.json, "connector_id"));
	target_parameter(&target, "status", options->value[OPTION_STATUS]);
	target_parameter(&target, "since", options->value[OPTION_SINCE]);
	return listing_print(ctl, &target, count, &describe_jobs);
}

enum exit_code run_operations(struct ctl *ctl)
{
	const char *const *value = ctl->options->value;
	struct target target _cleanup_target_;
	target_init(&target, "/v1/operations");
	target_parameter(&target, "project", value[OPTION_PROJECT]);
	target_parameter(&target, "state", value[OPTION_STATE]);
	target_parameter(&target, "kind", value[OPTION_KIND]);
	return listing_print(ctl, &target, LISTING_ALL, &describe_operations);
}

enum exit_code run_attention(struct ctl *ctl)
{
	struct target target _cleanup_target_;
	target_init(&target, "/v1/attention");
	target_parameter(&target, "project", ctl->options->value[OPTION_PROJECT]);
	return listing_print(ctl, &target, LISTING_ALL, &describe_attention);
}

/* One ------------------------------------------------------------------------------------------*/

static enum exit_code show_history(struct ctl *ctl, const struct found *found)
{
	struct target target _cleanup_target_;
	target_init(&target, "/v1/jobs");
	target_step(&target, member_text(found->json, "job_id"));
	buffer_append_text(&target.text, "/snapshots");
	return listing_print(ctl, &target, LISTING_ALL, &describe_snapshots);
}

enum exit_code run_show(struct ctl *ctl)
{
	const char *word = ctl->options->arguments[0];
	bool history = options_have(ctl->options, OPTION_HISTORY);
	struct reference reference _cleanup_reference_ = {.word = word};
	struct found found _cleanup_found_ = {.text = NULL};
	struct buffer text _cleanup_buffer_;
	buffer_init(&text, DESCRIPTION_LIMIT);
	enum exit_code code = reference_parse(word, &reference);
	if (!code && history && reference.kind != REFERENCE_JOB)
		code = complain(EXIT_USAGE, "--history is of a job; mixportctl jobs %s", word);
	reference_done(&reference);
	if (!code)
		code = reference_find(ctl, word, &reference, &found);
	if (code)
		return code;
	if (history)
		return show_history(ctl, &found);
	switch (reference.kind) {
	case REFERENCE_CONNECTOR:
		describe_connector(&ctl->output, found.json, &text);
		return describe_print(&ctl->output, &found, "connector_id", &text);
	case REFERENCE_JOB:
		describe_job(&ctl->output, found.json, &text);
		return describe_print(&ctl->output, &found, "job_id", &text);
	case REFERENCE_OPERATION:
		describe_operation(&ctl->output, found.json, &text);
		return describe_print(&ctl->output, &found, "operation_id", &text);
	}
	return EXIT_REFUSED;
}
