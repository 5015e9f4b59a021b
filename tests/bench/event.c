/* SPDX-License-Identifier: MIT */
/* What writing events costs: the same histories applied to two databases in one folder, with and
 * without the recorder, in turn. Prints a line for each size of a history: how long a transaction
 * takes, which is waiting for the disk for the most part, and how much of that is work. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "store/connector_store.h"
#include "store/project_store.h"
#include "store/recorder.h"
#include "store/tx.h"
#include "sync/apply.h"
#include "util/timestamp.h"

#define PROJECT INT64_C(123456789)
#define ROUNDS 301

/* One of the two databases. */
struct side {
	struct conn *writer;
	struct changes changes;
	struct history history; /* that is applied to it */
	int64_t took[ROUNDS];
	int64_t worked[ROUNDS]; /* CPU time */
};

static void need(int r, const struct err *err)
{
	if (r == 0)
		return;
	fprintf(stderr, "event: %d: %s\n", r, err->text);
	exit(1);
}

static int put_connector(struct conn *writer, void *context, struct err *err)
{
	struct side *side = context;
	const struct connector connector = {
	    .connector_id = "14cf8bfe-4baa-4d53-a0d7-2d3f2f5a3bd1",
	    .label = "",
	    .connector_type = "gcsImport",
	    .properties = span_of("{\"gcs_bucket\":\"bucket\",\"gcs_prefix\":\"exports/\"}"),
	    .category = span_of("{\"data_format\":\"mixpanel_event\"}"),
	    .data_format = "mixpanel_event",
	    .bucket = "bucket",
	    .prefix = "exports/",
	    .created_at = TIMESTAMP_NONE,
	    .raw = span_of("{}"),
	};
	const int64_t now = clock_wall(&clock_system);
	const struct connector_put put = {
	    .project_id = PROJECT,
	    .connector = &connector,
	    .observed_at = now,
	    .confirmed = TIMESTAMP_NONE,
	    .now = now,
	};
	enum connector_change change;
	struct followed_connector followed = {.row = 0};
	int r = project_store_ensure(writer, PROJECT, err);
	if (r == 0)
		r = connector_store_put(writer, &put, err, &change, &followed);
	side->history.connector_row = followed.row;
	return r;
}

static void open_side(
    struct side *side, const char *folder, const char *name, unsigned count, bool recorded)
{
	static struct doubts doubts;
	struct err err = ERR_INIT;
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s-%u.db", folder, name, count);
	side->history.project_id = PROJECT;
	side->history.doubts = &doubts;
	need(conn_open_writer(path, &err, &side->writer), &err);
	if (recorded)
		need(recorder_attach(side->writer, &clock_system, &err), &err);
	need(tx_write(side->writer, put_connector, side, &err), &err);
}

/* As Mixpanel tells of jobs that run, each turn a little further on. */
static struct pages history_at(unsigned turn, unsigned count)
{
	static size_t room;
	struct buffer text _cleanup_buffer_;
	struct err err = ERR_INIT;
	struct pages pages;
	buffer_init(&text, 1024 * 1024);
	buffer_append_text(&text, "[");
	for (unsigned i = 0; i < count; i++)
		buffer_printf(&text,
		    "%s{\"id\":\"\",\"start_time\":\"2020-09-17 02:17:%02u.831793 +0000 UTC\","
		    "\"end_time\":\"\",\"status\":\"running\",\"progress\":0.25,\"error\":{"
		    "\"message\":\"\",\"code\":\"\"},\"connector_properties\":{"
		    "\"num_events_imported\":%u,\"num_events_processed\":%u,"
		    "\"num_events_dropped\":0,\"num_files_imported\":7,\"size_imported\":%u}}",
		    i ? "," : "", i, 1000 + turn, 1000 + turn, 350000 + turn);
	buffer_append_text(&text, "]");
	pages_init(&pages, PAGES_HISTORY, &room);
	need(pages_add(&pages, (struct span){.ptr = text.data, .len = text.len}, &err), &err);
	pages.complete = true;
	return pages;
}

static int apply(struct conn *writer, void *context, struct err *err)
{
	struct side *side = context;
	struct history_outcome outcome;
	side->changes.count = 0;
	return apply_history(writer, &side->history, &side->changes, err, &outcome);
}

static int64_t cpu_time(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * MICROSECONDS_PER_SECOND + now.tv_nsec / 1000;
}

static void measure_one(struct side *side, const struct pages *pages, unsigned round)
{
	struct err err = ERR_INIT;
	int64_t begun_at = clock_monotonic(&clock_system), worked = cpu_time();
	side->history.pages = pages;
	side->history.begun_at = begun_at;
	side->history.now = side->history.started_at = clock_wall(&clock_system);
	need(tx_write(side->writer, apply, side, &err), &err);
	side->worked[round] = cpu_time() - worked;
	side->took[round] = clock_monotonic(&clock_system) - begun_at;
	need(conn_checkpoint_if_large(side->writer, &err), &err);
}

static int compare(const void *a, const void *b)
{
	const int64_t *one = a, *other = b;
	return (*one > *other) - (*one < *other);
}

static int64_t median(int64_t figures[ROUNDS])
{
	qsort(figures, ROUNDS, sizeof(figures[0]), compare);
	return figures[ROUNDS / 2];
}

static double share(int64_t with, int64_t without)
{
	return 1 - (double)without / (double)with;
}

static void close_side(struct side *side)
{
	conn_close(side->writer);
	free(side->changes.list);
	*side = (struct side){.writer = NULL};
}

static void measure(const char *folder, unsigned count)
{
	static struct side with, without;
	open_side(&with, folder, "with", count, true);
	open_side(&without, folder, "without", count, false);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct pages pages = history_at(round, count);
		measure_one(round % 2 ? &with : &without, &pages, round);
		measure_one(round % 2 ? &without : &with, &pages, round);
		pages_done(&pages);
	}
	int64_t took = median(with.took), least = median(without.took);
	int64_t work = median(with.worked), least_work = median(without.worked);
	printf("e  events in a transaction of %2u changes %6lld us of %lld   share %.2f"
	       "   of its CPU time %lld us of %lld, %.2f\n",
	    count, (long long)(took - least), (long long)took, share(took, least),
	    (long long)(work - least_work), (long long)work, share(work, least_work));
	close_side(&with);
	close_side(&without);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	measure(argv[1], 1);
	measure(argv[1], 50);
	return 0;
}
