/* SPDX-License-Identifier: MIT */
/* The columns of jobs and of what Mixpanel says of a run, which connectors and snapshots have too:
 * each list, and the functions that read and bind it, follow one order. */
#pragma once

#include "model/job.h"
#include "store/stmts.h"

/* clang-format off */
#define RUN_COLUMNS(t)                                                                             \
	t ".run_id, " t ".start_time, " t ".end_time, " t ".status, " t ".upstream_status, "       \
	t ".progress, " t ".error_code, " t ".error_message, " t ".stats"

/* Of jobs j and their connectors c. */
#define JOB_COLUMNS                                                                                \
	"j.job_row, j.job_id, j.connector_row, j.project_id, j.first_seen_at, j.updated_at,"       \
	" j.gone_at, j.listed, j.confirmed_at, j.revision, " RUN_COLUMNS("j") ", j.raw,"           \
	" c.connector_id, c.history_synced_at, c.history_error_code,"                              \
	" c.history_error_message, c.history_error_since"
/* clang-format on */

/* The values of a run, without raw, for VALUES. */
#define RUN_VALUES(run)                                                                            \
	v_text((run)->run_id), v_time((run)->start_time), v_time((run)->end_time),                 \
	    v_text(job_status_names[(run)->status]), v_text((run)->upstream_status),               \
	    v_span((run)->progress), v_text((run)->error_code), v_text((run)->error_message),      \
	    v_span((run)->stats)

/* The members of a run, without raw. */
void column_run(struct columns *columns, struct run *ret_run);

/* A job. */
void column_job(struct columns *columns, struct job_record *ret_record);
