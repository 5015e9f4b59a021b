/* SPDX-License-Identifier: MIT */
/* Which event a change is, for every state before and after; and how the recorder writes it. */
#include "store/recorder.h"

#include "store_fixture.h"
#include "util/jsontext.h"

/* Types ----------------------------------------------------------------------------------------*/

START_TEST(an_operation_is_told_when_it_is_planned_and_when_it_ends)
{
	static const enum event_type ends[] = {
	    [OPERATION_PLANNED] = EVENT_NONE,
	    [OPERATION_SENDING] = EVENT_NONE,
	    [OPERATION_SUCCEEDED] = EVENT_OPERATION_SUCCEEDED,
	    [OPERATION_REJECTED] = EVENT_OPERATION_REJECTED,
	    [OPERATION_UNREACHABLE] = EVENT_OPERATION_UNREACHABLE,
	    [OPERATION_UNKNOWN] = EVENT_OPERATION_UNKNOWN,
	};
	const struct event_facts none = {.known = false};
	const struct event_facts planned = {.known = true, .state = OPERATION_PLANNED};
	ck_assert_int_eq(event_of_operation(&none, &planned), EVENT_OPERATION_PLANNED);
	for (int from = 0; from < OPERATION_STATE_COUNT; from++)
		for (int to = 0; to < OPERATION_STATE_COUNT; to++) {
			const struct event_facts before = {
			    .known = true, .state = (enum operation_state)from};
			const struct event_facts after = {
			    .known = true, .state = (enum operation_state)to};
			ck_assert_int_eq(event_of_operation(&before, &after),
			    from == to ? EVENT_NONE : ends[to]);
		}
}
END_TEST

START_TEST(a_connector_is_created_updated_deleted_and_returns)
{
	const struct event_facts none = {.known = false}, there = {.known = true},
				 gone = {.known = true, .deleted = true};
	ck_assert_int_eq(event_of_connector(&none, &there, false), EVENT_CONNECTOR_CREATED);
	ck_assert_int_eq(event_of_connector(&there, &there, false), EVENT_NONE);
	ck_assert_int_eq(event_of_connector(&there, &there, true), EVENT_CONNECTOR_UPDATED);
	ck_assert_int_eq(event_of_connector(&there, &gone, true), EVENT_CONNECTOR_DELETED);
	ck_assert_int_eq(event_of_connector(&gone, &there, true), EVENT_CONNECTOR_RETURNED);
	ck_assert_int_eq(event_of_connector(&gone, &gone, false), EVENT_NONE);
}
END_TEST

/* Written out again, row by row of the manual. */
static enum event_type job_event(
    const struct event_facts *before, const struct event_facts *after, bool differs, bool loaded)
{
	static const enum event_type ends[JOB_STATUS_COUNT] = {
	    [JOB_SUCCEEDED] = EVENT_JOB_SUCCEEDED,
	    [JOB_FAILED] = EVENT_JOB_FAILED,
	    [JOB_CANCELLED] = EVENT_JOB_CANCELLED,
	};
	bool done = ends[after->status] != 0;
	bool was_done = before->known && ends[before->status] != 0;
	if (done && !was_done)
		return before->known || loaded ? ends[after->status] : EVENT_NONE;
	if (!before->known)
		return EVENT_JOB_CREATED;
	if (!before->gone && after->gone)
		return EVENT_JOB_GONE;
	if (before->gone && !after->gone)
		return EVENT_JOB_RETURNED;
	return !differs ? EVENT_NONE : was_done ? EVENT_JOB_REVISED : EVENT_JOB_UPDATED;
}

START_TEST(a_job_is_told_by_the_first_row_that_fits)
{
	for (unsigned i = 0; i < 7 * 7 * 2 * 2 * 2 * 2 * 2; i++) {
		unsigned rest = i;
		struct event_facts before = {.status = (enum job_status)(rest % 7)};
		struct event_facts after = {
		    .known = true, .status = (enum job_status)((rest /= 7) % 7)};
		before.known = (rest /= 7) % 2;
		before.gone = (rest /= 2) % 2;
		after.gone = (rest /= 2) % 2;
		bool differs = (rest /= 2) % 2, loaded = (rest / 2) % 2;
		ck_assert_int_eq(event_of_job(&before, &after, differs, loaded),
		    job_event(&before, &after, differs, loaded));
	}
}
END_TEST

/* The recorder ---------------------------------------------------------------------------------*/

struct feed {
	char types[512];
	int64_t last;
	unsigned count;
};

static int take_event(const struct event_record *record, void *context)
{
	struct feed *feed = context;
	size_t len = strlen(feed->types);
	ck_assert_int_eq(record->seq, feed->last + 1);
	ck_assert(jsontext_is_valid(record->data));
	feed->last = record->seq;
	feed->count++;
	snprintf(
	    feed->types + len, sizeof(feed->types) - len, "%s ", event_type_names[record->type]);
	return 0;
}

static bool any_project(int64_t project_id, void *context)
{
	(void)project_id, (void)context;
	return true;
}

static struct feed feed_of(struct fixture *fixture)
{
	struct feed feed = {.last = 0};
	int64_t seq = 0;
	const struct event_query query = {.wants_project = any_project};
	ck_assert_int_eq(
	    event_store_list(fixture->writer, &query, take_event, &feed, &fixture->err, &seq), 0);
	return feed;
}

static int put_one(struct conn *writer, void *context, struct err *err)
{
	const struct connector connector = fixture_connector("a");
	const struct connector_put put = fixture_single(&connector, T0);
	enum connector_change change;
	int64_t row = 0;
	(void)context;
	return fixture_put_row(writer, &put, err, &change, &row);
}

static int put_job(struct conn *writer, void *context, struct err *err)
{
	struct run *run = context;
	char id[RANDOM_ID_SIZE];
	int64_t row = 0;
	int r = job_store_insert(writer,
	    &(struct new_job){.project_id = PROJECT, .connector_row = 1, .run = run, .now = T0},
	    err, &row, id);
	return r ? r : recorder_history(writer, 1, err);
}

static int end_job(struct conn *writer, void *context, struct err *err)
{
	return job_store_update(writer, 1, context, T0 + SECOND, err);
}

static int fail_after(struct conn *writer, void *context, struct err *err)
{
	return end_job(writer, context, err) ? -1 : err_set(err, "on purpose");
}

START_TEST(what_a_transaction_changes_is_told_once_and_not_when_it_fails)
{
	struct fixture fixture;
	fixture_init(&fixture);
	ck_assert_int_eq(recorder_attach(fixture.writer, &clock_system, &fixture.err), 0);
	ck_assert_int_eq(tx_write(fixture.writer, put_one, NULL, &fixture.err), 0);
	struct run run = {.start_time = T0,
	    .end_time = TIMESTAMP_NONE,
	    .status = JOB_RUNNING,
	    .upstream_status = "running",
	    .progress = SPAN_NONE,
	    .stats = SPAN_NONE,
	    .raw = SPAN_NONE};
	ck_assert_int_eq(tx_write(fixture.writer, put_job, &run, &fixture.err), 0);
	run.status = JOB_SUCCEEDED;
	ck_assert_int_eq(tx_write(fixture.writer, fail_after, &run, &fixture.err), -1);
	uint64_t before = recorder_count(fixture.writer);
	ck_assert_int_eq(tx_write(fixture.writer, end_job, &run, &fixture.err), 0);
	ck_assert_uint_eq(recorder_count(fixture.writer), before + 1);
	ck_assert_int_eq(tx_write(fixture.writer, end_job, &run, &fixture.err), 0);
	struct feed feed = feed_of(&fixture);
	ck_assert_str_eq(feed.types, "connector.created history.loaded job.created job.succeeded ");
	ck_assert_uint_eq(recorder_count(fixture.writer), 4);
	fixture_done(&fixture);
}
END_TEST

static int tell(struct conn *writer, void *context, struct err *err)
{
	return recorder_tell(writer, context, err);
}

START_TEST(the_feed_has_a_name_and_is_cut_at_its_old_end)
{
	struct fixture fixture;
	struct event_feed feed, later;
	unsigned removed = 0;
	fixture_init(&fixture);
	ck_assert_int_eq(recorder_attach(fixture.writer, &clock_system, &fixture.err), 0);
	struct event_put event = {.type = EVENT_DAEMON_RELOADED, .data = span_of("{}")};
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(tx_write(fixture.writer, tell, &event, &fixture.err), 0);
	ck_assert_int_eq(event_store_feed(fixture.writer, &fixture.err, &feed), 0);
	ck_assert_uint_eq(strlen(feed.name), FEED_LENGTH);
	ck_assert_int_eq(feed.oldest, 0);
	ck_assert_int_eq(feed.newest, 20);
	ck_assert_int_eq(
	    event_store_retain(fixture.writer, INT64_MIN, 15, 3, &fixture.err, &removed), 0);
	ck_assert_uint_eq(removed, 3);
	ck_assert_int_eq(event_store_feed(fixture.writer, &fixture.err, &later), 0);
	ck_assert_str_eq(later.name, feed.name);
	ck_assert_int_eq(later.oldest, 3);
	/* All are older than the year 2100. */
	ck_assert_int_eq(event_store_retain(fixture.writer, INT64_C(4102444800000000), 100, 100,
			     &fixture.err, &removed),
	    0);
	ck_assert_uint_eq(removed, 17);
	ck_assert_int_eq(event_store_feed(fixture.writer, &fixture.err, &later), 0);
	ck_assert_int_eq(later.oldest, 20);
	ck_assert_int_eq(later.newest, 20);
	fixture_done(&fixture);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"an operation is told when it is planned and when it ends",
		an_operation_is_told_when_it_is_planned_and_when_it_ends},
	    {"a connector is created, updated, deleted and returns",
		a_connector_is_created_updated_deleted_and_returns},
	    {"a job is told by the first row that fits", a_job_is_told_by_the_first_row_that_fits},
	    {"what a transaction changes is told once, and not when it fails",
		what_a_transaction_changes_is_told_once_and_not_when_it_fails},
	    {"the feed has a name and is cut at its old end",
		the_feed_has_a_name_and_is_cut_at_its_old_end},
	    {NULL, NULL},
	};
	return unit_main("event", cases);
}
