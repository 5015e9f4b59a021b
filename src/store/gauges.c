/* SPDX-License-Identifier: MIT */
/* Looks at each connector that is present, and at no more jobs than need be. */
#include "store/gauges.h"

#include "store/conn_private.h"
#include "util/timestamp.h"

struct gauges_sink {
	const struct project_view *view;
	int64_t now;
	struct gauges gauges;
};

/* What decides whether a connector is stale, and its status. */
STATEMENT(sql_connector_gauges, FOR_ALL, "count connectors",
	"SELECT status, confirmed_at, history_error_code FROM connectors INDEXED BY connectors_present"
	" WHERE project_id = ?1 AND deleted_at IS NULL");

static int count_connector(struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	(void)conn, (void)err;
	struct gauges_sink *to = sink;
	int status = text_find(connector_status_names, column_text(columns));
	struct connector_record record = {.deleted_at = TIMESTAMP_NONE};
	record.confirmed_at = column_time(columns);
	record.history_error_code = column_text(columns);
	to->gauges.connectors[status < 0 ? CONNECTOR_STATUS_COUNT : status]++;
	to->gauges.stale += freshness_of_connector(&record, to->view, to->now).stale;
	return 0;
}

STATEMENT(sql_active_gauge, FOR_ALL, "count jobs",
	"SELECT count(*) FROM jobs INDEXED BY jobs_by_project_status"
	" WHERE project_id = ?1 AND status = ?2 AND gone_at IS NULL");

/* Newest first. A time in the future is no success that was. */
STATEMENT(sql_last_success, FOR_ALL, "find the last success",
	"SELECT max(at) FROM (SELECT coalesce(end_time, start_time) AS at FROM jobs"
	" INDEXED BY jobs_by_project_status WHERE project_id = ?1 AND status = 'succeeded'"
	" ORDER BY position DESC LIMIT ?3) WHERE at <= ?2");

static int take_last_success(
    struct conn *conn, struct columns *columns, void *sink, struct err *err)
{
	(void)conn, (void)err;
	struct gauges_sink *to = sink;
	to->gauges.last_success_at = column_time(columns);
	return 0;
}

int gauges_read(struct conn *conn, const struct project_view *view, int64_t now, struct err *err,
    struct gauges *ret_gauges)
{
	int64_t project_id = view->settings->project_id;
	struct gauges_sink sink = {.view = view, .now = now};
	int r = stmt_each(conn, &sql_connector_gauges, VALUES(v_integer(project_id)),
	    count_connector, &sink, err);
	for (int status = 0; status < JOB_STATUS_COUNT && r == 0; status++) {
		int64_t count = 0;
		if (job_status_is_done((enum job_status)status))
			continue;
		r = stmt_number(conn, &sql_active_gauge,
		    VALUES(v_integer(project_id), v_text(job_status_names[status])), err, &count);
		sink.gauges.active[status] = (uint64_t)count;
	}
	if (r == 0)
		r = stmt_one(conn, &sql_last_success,
		    VALUES(v_integer(project_id), v_integer(now), v_integer(GAUGES_SUCCESSES)),
		    take_last_success, &sink, err);
	if (r)
		return -1;
	*ret_gauges = sink.gauges;
	return 0;
}
