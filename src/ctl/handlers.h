/* SPDX-License-Identifier: MIT */
/* What runs each command, in the files of their groups. Each returns the exit status, after saying
 * what went wrong. */
#pragma once

#include "ctl/exits.h"

struct ctl;

/* records.c: what there is */
enum exit_code run_projects(struct ctl *ctl);
enum exit_code run_list(struct ctl *ctl);
enum exit_code run_show(struct ctl *ctl);
enum exit_code run_jobs(struct ctl *ctl);
enum exit_code run_operations(struct ctl *ctl);
enum exit_code run_attention(struct ctl *ctl);

/* create.c, change.c */
enum exit_code run_create(struct ctl *ctl);
enum exit_code run_delete(struct ctl *ctl);
enum exit_code run_refresh(struct ctl *ctl);
enum exit_code run_resolve(struct ctl *ctl);

/* calls.c: single calls of the API */
enum exit_code run_health(struct ctl *ctl);
enum exit_code run_reload(struct ctl *ctl);
enum exit_code run_api(struct ctl *ctl);

/* status.c, check.c, doctor.c */
enum exit_code run_status(struct ctl *ctl);
enum exit_code run_check(struct ctl *ctl);
enum exit_code run_doctor(struct ctl *ctl);

/* tokens.c */
enum exit_code run_token_new(struct ctl *ctl);
enum exit_code run_token_list(struct ctl *ctl);
enum exit_code run_token_revoke(struct ctl *ctl);

/* wait.c, watch.c */
enum exit_code run_wait(struct ctl *ctl);
enum exit_code run_watch(struct ctl *ctl);

/* completion.c */
enum exit_code run_completion(struct ctl *ctl);
enum exit_code run_complete(struct ctl *ctl);

/* help.c */
enum exit_code run_help(struct ctl *ctl);
