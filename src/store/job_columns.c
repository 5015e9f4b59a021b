/* SPDX-License-Identifier: MIT */
/* Reads and binds jobs and runs. */
#include "store/job_columns.h"

void column_run(struct columns *columns, struct run *ret_run)
{
	*ret_run = (struct run){.run_id = column_text(columns)};
	ret_run->start_time = column_time(columns);
	ret_run->end_time = column_time(columns);
	const char *status = column_text(columns);
	/* Only names of ours are ever written. */
	int known = text_find(job_status_names, status);
	ret_run->status = known < 0 ? JOB_UNKNOWN : (enum job_status)known;
	ret_run->upstream_status = column_text(columns);
	ret_run->progress = column_number(columns);
	ret_run->error_code = column_text(columns);
	ret_run->error_message = column_text(columns);
	ret_run->stats = column_object(columns);
}

void column_job(struct columns *columns, struct job_record *ret_record)
{
	*ret_record = (struct job_record){.row = column_integer(columns)};
	ret_record->job_id = column_text(columns);
	ret_record->connector_row = column_integer(columns);
	ret_record->project_id = column_integer(columns);
	ret_record->first_seen_at = column_time(columns);
	ret_record->updated_at = column_time(columns);
	ret_record->gone_at = column_time(columns);
	ret_record->listed = column_integer(columns) != 0;
	ret_record->confirmed_at = column_time(columns);
	ret_record->revision = column_integer(columns);
	column_run(columns, &ret_record->run);
	ret_record->run.raw = column_object(columns);
	ret_record->connector_id = column_text(columns);
	ret_record->history_synced_at = column_time(columns);
	ret_record->history_error_code = column_text(columns);
	ret_record->history_error_message = column_text(columns);
	ret_record->history_error_since = column_time(columns);
}
