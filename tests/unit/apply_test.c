/* SPDX-License-Identifier: MIT */
/* Matching and applying, over a real database. The histories are those of a small world of runs
 * that queue, start, finish, drop out of the answer and come back; each run carries a number among
 * its counters, which nothing but this test looks at, so that it can be told which job it became.
 */
#include "store_fixture.h"
#include "sync/apply.h"
#include "util/buffer.h"

#define MINUTE MICROSECONDS_PER_MINUTE
#define RUNS 48

static size_t room;

static struct pages one_page(enum pages_kind kind, const char *text, bool complete)
{
	struct pages pages;
	struct err err = ERR_INIT;
	pages_init(&pages, kind, &room);
	if (pages_add(&pages, span_of(text), &err) != 0)
		ck_abort_msg("%s", err.text);
	pages.complete = complete;
	return pages;
}

/* Histories ------------------------------------------------------------------------------------*/

enum phase { PHASE_QUEUED, PHASE_RUNNING, PHASE_OVER };

/* What the world, and the last answer, say of a run. */
struct sight {
	enum phase phase;
	int64_t start;    /* seconds, 0 for not started */
	unsigned percent; /* of its progress */
	bool cancelled;
};

struct truth {
	struct sight now;
	struct sight told; /* as last applied */
	bool known;        /* it was in an answer */
	bool listed;       /* it was in the last answer */
	bool hidden;       /* it is not in the next one */
	unsigned snapshots;
	char job_id[RANDOM_ID_SIZE];
};

struct world {
	struct fixture fixture;
	struct random_sequence random;
	struct changes changes;
	struct doubts doubts;
	int64_t connector;
	int64_t now;
	int64_t clock; /* seconds, of start times */
	int64_t told;  /* up to this start time runs were told of as started */
	bool ids;      /* runs carry ids */
	struct truth runs[RUNS];
	size_t count;
	size_t jobs; /* found in the store by the last check */
};

static int64_t pick(struct world *world, int64_t minimum, int64_t maximum)
{
	return random_sequence_between(&world->random, minimum, maximum);
}

static void add_run(struct buffer *buffer, const struct world *world, size_t number)
{
	const struct sight *sight = &world->runs[number].now;
	static const char *const statuses[] = {"queued", "running", "success"};
	char id[16] = "";
	if (world->ids)
		snprintf(id, sizeof(id), "run-%zu", number);
	buffer_printf(buffer, "{\"id\":\"%s\",\"status\":\"%s\",\"progress\":0.%02u,", id,
	    sight->cancelled ? "canceled" : statuses[sight->phase], sight->percent);
	if (sight->start)
		buffer_printf(buffer, "\"start_time\":\"%lld\",", (long long)sight->start);
	else
		buffer_append_text(buffer, "\"start_time\":\"0001-01-01 00:00:00 +0000 UTC\",");
	buffer_printf(buffer, "\"connector_properties\":{\"n\":%zu}}", number);
}

/* Sends the runs from the newest or from the oldest on; those that share a start time, and those
 * that wait, stay in their order. With ids any order will do. */
static size_t order_runs(struct world *world, size_t *order)
{
	size_t count = 0;
	for (size_t i = 0; i < world->count; i++)
		if (!world->runs[i].hidden)
			order[count++] = i;
	bool stable = !world->ids;
	for (size_t swaps = 0; count > 1 && swaps < 2 * count; swaps++) {
		size_t i = (size_t)pick(world, 0, (int64_t)count - 2);
		const struct sight *a = &world->runs[order[i]].now;
		const struct sight *b = &world->runs[order[i + 1]].now;
		if (stable && a->start == b->start)
			continue;
		size_t kept = order[i];
		order[i] = order[i + 1];
		order[i + 1] = kept;
	}
	return count;
}

static size_t apply_pages(struct world *world, const struct pages *pages)
{
	struct err err = ERR_INIT;
	const struct history history = {
	    .project_id = PROJECT,
	    .connector_row = world->connector,
	    .pages = pages,
	    .doubts = &world->doubts,
	    .settle_time = 2 * MINUTE,
	    .begun_at = world->now,
	    .started_at = world->now,
	    .now = world->now + 1,
	};
	struct history_outcome outcome = {0};
	world->changes.count = 0;
	if (apply_history(world->fixture.writer, &history, &world->changes, &err, &outcome) != 0)
		ck_abort_msg("%s", err.text);
	/* Whether the connector is followed closely hangs on it. */
	char sql[128];
	snprintf(sql, sizeof(sql),
	    "SELECT count(*) FROM jobs WHERE active = 1 AND connector_row = %d",
	    (int)world->connector);
	bool unfinished = fixture_count(world->fixture.writer, sql) > 0;
	if (outcome.unfinished != unfinished)
		ck_abort_msg("unfinished: %d, not %d", outcome.unfinished, unfinished);
	world->now += MINUTE;
	return outcome.changed;
}

static bool same_sight(const struct sight *a, const struct sight *b)
{
	return a->phase == b->phase && a->start == b->start && a->percent == b->percent &&
	       a->cancelled == b->cancelled;
}

/* What the answer must change of one run. Returns whether it changes anything. */
static bool expect(struct truth *run)
{
	bool listed = !run->hidden;
	bool was_gone = run->known && !run->listed && run->told.phase != PHASE_OVER;
	bool changed = false;
	if (listed && (!run->known || was_gone || !same_sight(&run->now, &run->told))) {
		run->snapshots++;
		changed = true;
	} else if (!listed && run->known && run->listed && run->told.phase != PHASE_OVER) {
		run->snapshots++; /* gone */
		changed = true;
	}
	changed |= run->known && listed != run->listed;
	if (listed) {
		run->told = run->now;
		run->known = true;
	}
	run->listed = listed && run->known;
	return changed;
}

static int count_snapshot(const struct snapshot_record *record, void *context)
{
	(void)record;
	++*(unsigned *)context;
	return 0;
}

static unsigned snapshots_of(struct world *world, int64_t job_row)
{
	struct err err = ERR_INIT;
	unsigned count = 0;
	struct slice_end end = {.more = false};
	const struct snapshot_query query = {.job_row = job_row, .slice.limit = 1000};
	if (job_store_snapshots(
		world->fixture.writer, &query, count_snapshot, &count, &err, &end) != 0 ||
	    end.more)
		ck_abort_msg("%s", err.text);
	return count;
}

static size_t number_of(const struct run *run)
{
	unsigned number = RUNS;
	if (run->stats.len > 5)
		number = (unsigned)strtoul(run->stats.ptr + 5, NULL, 10);
	if (number >= RUNS)
		ck_abort_msg("a job of no run");
	return number;
}

static int check_job(const struct job_record *job, void *context)
{
	struct world *world = context;
	struct truth *run = &world->runs[number_of(&job->run)];
	if (run->job_id[0] == '\0')
		snprintf(run->job_id, sizeof(run->job_id), "%s", job->job_id);
	if (strcmp(run->job_id, job->job_id) != 0)
		ck_abort_msg("run %zu became another job", number_of(&job->run));
	if (job->listed != run->listed)
		ck_abort_msg("run %zu: listed", number_of(&job->run));
	bool gone = !run->listed && run->told.phase != PHASE_OVER;
	if ((job->gone_at != TIMESTAMP_NONE) != gone)
		ck_abort_msg("run %zu: gone", number_of(&job->run));
	world->jobs++;
	return 0;
}

static int check_snapshots(const struct job_record *job, void *context)
{
	struct world *world = context;
	const struct truth *run = &world->runs[number_of(&job->run)];
	unsigned found = snapshots_of(world, job->row);
	if (found != run->snapshots)
		ck_abort_msg("run %zu has %u snapshots, not %u", number_of(&job->run), found,
		    run->snapshots);
	return 0;
}

static void each_job(struct world *world, job_row_fn *row)
{
	struct err err = ERR_INIT;
	if (job_store_each_recent(
		world->fixture.writer, world->connector, 1000, row, world, &err) != 0)
		ck_abort_msg("%s", err.text);
}

/* Every run that was ever told of is one job, its own. */
static void check_jobs(struct world *world)
{
	size_t known = 0;
	for (size_t i = 0; i < world->count; i++)
		known += world->runs[i].known;
	world->jobs = 0;
	each_job(world, check_job);
	if (world->jobs != known)
		ck_abort_msg("%zu jobs for %zu runs", world->jobs, known);
}

/* Sends the world as it is, twice: the second time nothing changes. */
static void tell(struct world *world)
{
	size_t order[RUNS];
	size_t count = order_runs(world, order);
	struct buffer body _cleanup_buffer_;
	buffer_init(&body, 1 << 20);
	buffer_append_text(&body, "{\"status\":\"ok\",\"results\":[");
	for (size_t i = 0; i < count; i++) {
		buffer_append_text(&body, i ? "," : "");
		add_run(&body, world, order[i]);
	}
	buffer_append_text(&body, "]}");
	struct pages pages = one_page(PAGES_HISTORY, buffer_text(&body), true);
	size_t expected = 0;
	for (size_t i = 0; i < world->count; i++)
		expected += expect(&world->runs[i]);
	size_t changed = apply_pages(world, &pages);
	if (changed != expected)
		ck_abort_msg("%zu jobs changed, not %zu", changed, expected);
	check_jobs(world);
	world->told = world->clock;
	if (apply_pages(world, &pages) != 0 || world->changes.count != 0)
		ck_abort_msg("the same answer changed something");
	check_jobs(world);
	pages_done(&pages);
}

/* The world turns ------------------------------------------------------------------------------*/

/* Without ids nothing but its turn tells a queued run from another. */
static bool start_one(struct world *world, bool at_the_same_time)
{
	for (size_t i = 0; i < world->count; i++) {
		struct sight *sight = &world->runs[i].now;
		if (sight->phase != PHASE_QUEUED)
			continue;
		if (!at_the_same_time)
			world->clock += pick(world, 1, 100);
		sight->start = world->clock;
		sight->phase = PHASE_RUNNING;
		return true;
	}
	return false;
}

static void move_on(struct world *world)
{
	for (size_t i = 0; i < world->count; i++) {
		struct sight *sight = &world->runs[i].now;
		if (sight->phase != PHASE_RUNNING || pick(world, 0, 1))
			continue;
		sight->percent = (unsigned)pick(world, 0, 99);
		sight->cancelled = pick(world, 0, 9) == 0;
		if (sight->cancelled || pick(world, 0, 2) == 0)
			sight->phase = PHASE_OVER;
	}
}

/* Old runs drop out of what Mixpanel shows, all that share a start time together, and come back.
 * One that was last told of as queued does not: it could not be known again. */
static void hide_some(struct world *world)
{
	int64_t until = pick(world, 0, 2) ? 0 : world->clock - pick(world, 0, 500);
	for (size_t i = 0; i < world->count; i++) {
		struct truth *run = &world->runs[i];
		run->hidden =
		    run->now.start && run->now.start < until && run->now.start <= world->told;
		if (world->ids && run->known && run->now.phase != PHASE_QUEUED)
			run->hidden = pick(world, 0, 5) == 0;
	}
}

static void empty_answer(struct world *world)
{
	for (size_t i = 0; i < world->count; i++)
		world->runs[i].hidden = true;
	tell(world);
	for (size_t i = 0; i < world->count; i++)
		world->runs[i].hidden = false;
	/* Runs that nobody has heard of yet come in with the others. */
	tell(world);
}

/* Without ids a run that queues hides another that starts between the same two answers. */
static void turn(struct world *world)
{
	bool started = pick(world, 0, 1) && start_one(world, false);
	if (pick(world, 0, 3) == 0)
		started |= start_one(world, started && pick(world, 0, 1));
	if (world->count < RUNS && (world->ids || !started))
		world->count += (size_t)pick(world, 0, 2);
	if (world->count > RUNS)
		world->count = RUNS;
	move_on(world);
	hide_some(world);
	tell(world);
	if (pick(world, 0, 9) == 0)
		empty_answer(world);
}

static void random_histories(bool ids, uint64_t seeds)
{
	struct world *world = calloc(1, sizeof(*world));
	ck_assert_ptr_nonnull(world);
	fixture_init(&world->fixture);
	fixture_begin(&world->fixture);
	ck_assert_int_eq(
	    project_store_ensure(world->fixture.writer, PROJECT, &world->fixture.err), 0);
	for (uint64_t seed = 0; seed < seeds; seed++) {
		char id[32];
		snprintf(id, sizeof(id), "connector-%u", (unsigned)seed);
		memset(world->runs, 0, sizeof(world->runs));
		random_sequence_init(&world->random, seed);
		world->connector = fixture_add(&world->fixture, id, T0);
		world->now = T0;
		world->clock = 1000;
		world->told = 0;
		world->ids = ids;
		world->count = 0;
		for (unsigned step = 0; step < 40; step++)
			turn(world);
		each_job(world, check_snapshots);
	}
	fixture_commit(&world->fixture);
	free(world->changes.list);
	fixture_done(&world->fixture);
	free(world);
}

START_TEST(jobs_without_ids_keep_their_own_and_snapshots_are_the_changes)
{
	random_histories(false, 15);
}
END_TEST

START_TEST(jobs_with_ids_keep_their_own_and_snapshots_are_the_changes)
{
	random_histories(true, 10);
}
END_TEST

/* Single histories -----------------------------------------------------------------------------*/

static void world_init(struct world *world)
{
	*world = (struct world){.now = T0};
	fixture_init(&world->fixture);
	fixture_begin(&world->fixture);
	ck_assert_int_eq(
	    project_store_ensure(world->fixture.writer, PROJECT, &world->fixture.err), 0);
	world->connector = fixture_add(&world->fixture, "c", T0);
}

static void world_done(struct world *world)
{
	fixture_commit(&world->fixture);
	free(world->changes.list);
	fixture_done(&world->fixture);
}

static size_t apply_text(struct world *world, const char *text, bool complete)
{
	struct pages pages = one_page(PAGES_HISTORY, text, complete);
	size_t changed = apply_pages(world, &pages);
	pages_done(&pages);
	return changed;
}

static int64_t count_jobs(struct world *world, const char *condition)
{
	char sql[128];
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM jobs WHERE %s", condition);
	return fixture_count(world->fixture.writer, sql);
}

START_TEST(an_incomplete_history_says_nothing_of_what_it_lacks)
{
	struct world *world = calloc(1, sizeof(*world));
	world_init(world);
	ck_assert_uint_eq(apply_text(world,
			      "[{\"start_time\":\"20\",\"status\":\"running\"},"
			      "{\"start_time\":\"10\",\"status\":\"running\"}]",
			      true),
	    2);
	ck_assert_uint_eq(
	    apply_text(world, "[{\"start_time\":\"20\",\"status\":\"running\"}]", false), 0);
	ck_assert_int_eq(count_jobs(world, "gone_at IS NULL"), 2);
	ck_assert_uint_eq(
	    apply_text(world, "[{\"start_time\":\"20\",\"status\":\"running\"}]", true), 1);
	ck_assert_int_eq(count_jobs(world, "gone_at IS NULL"), 1);
	world_done(world);
	free(world);
}
END_TEST

START_TEST(a_run_that_two_pages_hold_is_one_job)
{
	struct world *world = calloc(1, sizeof(*world));
	world_init(world);
	struct err err = ERR_INIT;
	struct pages pages = one_page(PAGES_HISTORY,
	    "[{\"id\":\"b\",\"start_time\":\"20\"},{\"id\":\"a\",\"start_time\":\"10\"}]", true);
	ck_assert_int_eq(
	    pages_add(&pages, span_of("[{\"id\":\"a\",\"start_time\":\"10\"}]"), &err), 0);
	ck_assert_uint_eq(apply_pages(world, &pages), 2);
	ck_assert_uint_eq(apply_pages(world, &pages), 0);
	ck_assert_int_eq(count_jobs(world, "1"), 2);
	pages_done(&pages);
	world_done(world);
	free(world);
}
END_TEST

/* Applies two pages of a history, the second read after the first. */
static size_t apply_two(struct world *world, const char *first, const char *second)
{
	struct err err = ERR_INIT;
	struct pages pages = one_page(PAGES_HISTORY, first, true);
	ck_assert_int_eq(pages_add(&pages, span_of(second), &err), 0);
	size_t changed = apply_pages(world, &pages);
	pages_done(&pages);
	return changed;
}

#define RUN(start, status) "{\"start_time\":\"" #start "\",\"status\":\"" status "\"}"
#define QUEUED "{\"status\":\"queued\"}"

START_TEST(what_a_shifted_history_repeats_counts_once)
{
	struct world *world = calloc(1, sizeof(*world));
	world_init(world);
	ck_assert_uint_eq(
	    apply_text(world,
		"[" RUN(30, "running") "," RUN(20, "success") "," RUN(10, "success") "]", true),
	    3);
	/* Another was added after the first page was read. */
	ck_assert_uint_eq(apply_two(world, "[" RUN(30, "running") "," RUN(20, "success") "]",
			      "[" RUN(20, "success") "," RUN(10, "success") "]"),
	    0);
	ck_assert_uint_eq(
	    apply_two(world, "[" RUN(30, "running") "]",
		"[" RUN(30, "success") "," RUN(20, "success") "," RUN(10, "success") "]"),
	    1);
	ck_assert_int_eq(count_jobs(world, "1"), 3);
	ck_assert_int_eq(count_jobs(world, "status = 'succeeded'"), 3);
	world_done(world);
	free(world);
}
END_TEST

START_TEST(a_job_that_is_over_stays_over_until_two_answers_far_apart_deny_it)
{
	static const char *const running = "[" RUN(10, "running") "]";
	static const char *const over = "[" RUN(10, "success") "]";
	struct world *world = calloc(1, sizeof(*world));
	world_init(world);
	apply_text(world, over, true);
	/* Answers are a minute apart, and two minutes are asked for. */
	ck_assert_uint_eq(apply_text(world, running, true), 0);
	ck_assert_uint_eq(apply_text(world, running, true), 0);
	ck_assert_uint_eq(apply_text(world, over, true), 0);
	ck_assert_uint_eq(apply_text(world, running, true), 0);
	ck_assert_uint_eq(apply_text(world, running, true), 0);
	ck_assert_int_eq(count_jobs(world, "status = 'succeeded'"), 1);
	ck_assert_uint_eq(apply_text(world, running, true), 1);
	ck_assert_int_eq(count_jobs(world, "status = 'running'"), 1);
	/* Another end is believed at once, and so is an end. */
	ck_assert_uint_eq(apply_text(world, "[" RUN(10, "failed") "]", true), 1);
	ck_assert_uint_eq(apply_text(world, over, true), 1);
	ck_assert_int_eq(count_jobs(world, "1"), 1);
	world_done(world);
	free(world);
}
END_TEST

START_TEST(a_fraction_that_comes_and_goes_is_no_news)
{
	struct world *world = calloc(1, sizeof(*world));
	world_init(world);
	ck_assert_uint_eq(apply_text(world, "[" RUN(10, "running") "]", true), 1);
	ck_assert_uint_eq(apply_text(world, "[" RUN(10.25, "running") "]", true), 1);
	ck_assert_uint_eq(apply_text(world, "[" RUN(10, "running") "]", true), 0);
	ck_assert_uint_eq(apply_text(world, "[" RUN(10.25, "running") "]", true), 0);
	/* Another fraction is another run. */
	ck_assert_uint_eq(
	    apply_text(world, "[" RUN(10.5, "running") "," RUN(10.25, "running") "]", true), 1);
	ck_assert_int_eq(count_jobs(world, "1"), 2);
	world_done(world);
	free(world);
}
END_TEST

START_TEST(the_oldest_doubt_makes_room)
{
	struct doubts *doubts = calloc(1, sizeof(*doubts));
	for (int64_t row = 1; row <= DOUBTS_LIMIT + 1; row++)
		ck_assert(!doubts_believe(doubts, row, row, 0));
	ck_assert(doubts_believe(doubts, 2, 2, 0));
	ck_assert(!doubts_believe(doubts, 1, 2, 0));
	doubts_end(doubts, 1);
	doubts_end(doubts, 1);
	ck_assert(!doubts_believe(doubts, 1, 2, 0));
	free(doubts);
}
END_TEST

START_TEST(where_two_runs_may_only_look_alike_none_is_gone)
{
	struct world *world = calloc(1, sizeof(*world));
	world_init(world);
	ck_assert_uint_eq(apply_text(world, "[" QUEUED "," QUEUED "]", true), 2);
	ck_assert_uint_eq(apply_two(world, "[" QUEUED "]", "[" QUEUED "]"), 0);
	ck_assert_int_eq(count_jobs(world, "gone_at IS NULL"), 2);
	world_done(world);
	free(world);
}
END_TEST

/* Listings -------------------------------------------------------------------------------------*/

struct scene {
	struct fixture fixture;
	struct changes changes;
	int64_t now;
	struct listing listing;
	struct witness witness;
	struct listing_outcome outcome;
};

static int ensure_project(struct conn *writer, void *context, struct err *err)
{
	(void)context;
	return project_store_ensure(writer, PROJECT, err);
}

static int apply_in_transaction(struct conn *writer, void *context, struct err *err)
{
	struct scene *scene = context;
	return apply_listing(writer, &scene->listing, &scene->changes, err, &scene->outcome);
}

static void scene_init(struct scene *scene)
{
	*scene = (struct scene){.now = T0};
	fixture_init(&scene->fixture);
	ck_assert_int_eq(
	    tx_write(scene->fixture.writer, ensure_project, NULL, &scene->fixture.err), 0);
}

static void scene_done(struct scene *scene)
{
	witness_done(&scene->witness);
	listing_outcome_done(&scene->outcome);
	free(scene->changes.list);
	fixture_done(&scene->fixture);
}

/* A listing of the connectors named by the letters, asked for now. */
static void ask(struct scene *scene)
{
	scene->listing = (struct listing){
	    .project_id = PROJECT,
	    .witness = &scene->witness,
	    .started_at = scene->now,
	    .begun_at = scene->now,
	};
	ck_assert_int_eq(connector_store_last_row(
			     scene->fixture.writer, &scene->fixture.err, &scene->listing.last_row),
	    0);
}

static void answer(struct scene *scene, const char *letters, bool complete)
{
	struct buffer body _cleanup_buffer_;
	buffer_init(&body, 4096);
	for (size_t i = 0; letters[i]; i++)
		buffer_printf(&body, "%s{\"connector_id\":\"%c\",\"connector_type\":\"gcsImport\"}",
		    i ? "," : "[", letters[i]);
	buffer_append_text(&body, letters[0] ? "]" : "[]");
	struct pages pages = one_page(PAGES_LISTING, buffer_text(&body), complete);
	scene->listing.pages = &pages;
	scene->listing.now = scene->listing.now_monotonic = scene->now + SECOND;
	listing_outcome_done(&scene->outcome);
	scene->changes.count = 0;
	ck_assert_int_eq(
	    tx_write(scene->fixture.writer, apply_in_transaction, scene, &scene->fixture.err), 0);
	pages_done(&pages);
	scene->now += MINUTE;
}

static void list(struct scene *scene, const char *letters, bool complete)
{
	ask(scene);
	answer(scene, letters, complete);
}

static int add_letter(const struct connector_record *record, void *context)
{
	char *letters = context;
	size_t used = strlen(letters);
	letters[used] = record->connector.connector_id[0];
	letters[used + 1] = '\0';
	return 0;
}

static void assert_present(struct scene *scene, const char *expected)
{
	static const int64_t project[] = {PROJECT};
	const struct connector_query present = {
	    .slice.project_ids = project, .slice.project_count = 1, .slice.limit = 31};
	char letters[32] = "";
	struct slice_end end;
	ck_assert_int_eq(connector_store_list(scene->fixture.writer, &present, add_letter, letters,
			     &scene->fixture.err, &end),
	    0);
	ck_assert_str_eq(letters, expected);
}

static int64_t row_of(struct scene *scene, const char *id)
{
	int64_t row = 0;
	ck_assert_int_eq(connector_store_get(scene->fixture.writer, PROJECT, id, fixture_take_row,
			     &row, &scene->fixture.err),
	    0);
	return row;
}

static void assert_rows(const struct row_list *list, size_t count, int64_t first)
{
	ck_assert_uint_eq(list->count, count);
	if (count > 0)
		ck_assert_int_eq(list->rows[0], first);
}

static void assert_came(const struct scene *scene, size_t count, int64_t first)
{
	const struct followed_list *came = &scene->outcome.came;
	ck_assert_uint_eq(came->count, count);
	for (size_t i = 0; i < count; i++) {
		ck_assert_int_eq(came->list[i].history_synced_at, TIMESTAMP_NONE);
		ck_assert(!came->list[i].unfinished);
	}
	if (count > 0)
		ck_assert_int_eq(came->list[0].row, first);
}

START_TEST(a_listing_deletes_nothing_and_tells_what_it_lacks)
{
	struct scene scene;
	scene_init(&scene);
	list(&scene, "abc", true);
	ck_assert_uint_eq(scene.outcome.updated, 3);
	assert_came(&scene, 3, row_of(&scene, "a"));
	list(&scene, "ca", true);
	assert_present(&scene, "abc");
	assert_rows(&scene.outcome.missing, 1, row_of(&scene, "b"));
	assert_came(&scene, 0, 0);
	ck_assert_uint_eq(scene.outcome.updated, 0);
	list(&scene, "", true);
	assert_present(&scene, "abc");
	assert_rows(&scene.outcome.missing, 3, row_of(&scene, "a"));
	list(&scene, "a", false);
	assert_rows(&scene.outcome.missing, 0, 0);
	scene_done(&scene);
}
END_TEST

START_TEST(a_connector_that_comes_back_is_the_same_one)
{
	struct scene scene;
	scene_init(&scene);
	list(&scene, "abc", true);
	int64_t row = row_of(&scene, "b");
	fixture_delete(&scene.fixture, "b", scene.now);
	list(&scene, "abc", true);
	assert_came(&scene, 1, row);
	ck_assert_int_eq(row_of(&scene, "b"), row);
	assert_present(&scene, "abc");
	scene_done(&scene);
}
END_TEST

/* By row, not by the clock: setting it back changes nothing. */
START_TEST(what_is_newer_than_the_listing_is_not_missing_in_it)
{
	struct scene scene;
	scene_init(&scene);
	list(&scene, "abc", true);
	ask(&scene);
	fixture_begin(&scene.fixture);
	fixture_add(&scene.fixture, "d", scene.now - 100 * MINUTE);
	fixture_commit(&scene.fixture);
	answer(&scene, "abc", true);
	assert_rows(&scene.outcome.missing, 0, 0);
	list(&scene, "abc", true);
	assert_rows(&scene.outcome.missing, 1, row_of(&scene, "d"));
	scene_done(&scene);
}
END_TEST

START_TEST(what_settles_outranks_a_listing)
{
	struct scene scene;
	scene_init(&scene);
	list(&scene, "abcd", true);
	const char *letters[] = {"a", "b", "c", "d"};
	const enum witness_hold holds[] = {
	    WITNESS_CREATED, WITNESS_SEEN, WITNESS_REMOVED, WITNESS_OBSERVED};
	for (size_t i = 0; i < 4; i++)
		witness_settle(&scene.witness, row_of(&scene, letters[i]), holds[i], scene.now,
		    scene.now + 2 * MINUTE + 2 * SECOND);
	fixture_delete(&scene.fixture, "c", scene.now);
	fixture_delete(&scene.fixture, "d", scene.now);
	list(&scene, "", true);
	assert_rows(&scene.outcome.missing, 0, 0);
	list(&scene, "abcd", true);
	assert_present(&scene, "ab");
	assert_rows(&scene.outcome.doubted, 1, row_of(&scene, "d"));
	/* Asked for while it settled, so long is it believed before what the list says. */
	scene.now -= 3 * MINUTE;
	ask(&scene);
	scene.now += 5 * MINUTE;
	answer(&scene, "cd", true);
	assert_present(&scene, "ab");
	assert_rows(&scene.outcome.missing, 0, 0);
	list(&scene, "cd", true);
	assert_present(&scene, "abcd");
	assert_rows(&scene.outcome.missing, 2, row_of(&scene, "a"));
	scene_done(&scene);
}
END_TEST

int main(void)
{
	const struct unit_case cases[] = {
	    {"jobs without ids keep their own, and snapshots are the changes",
		jobs_without_ids_keep_their_own_and_snapshots_are_the_changes},
	    {"jobs with ids keep their own, and snapshots are the changes",
		jobs_with_ids_keep_their_own_and_snapshots_are_the_changes},
	    {"an incomplete history says nothing of what it lacks",
		an_incomplete_history_says_nothing_of_what_it_lacks},
	    {"a run that two pages hold is one job", a_run_that_two_pages_hold_is_one_job},
	    {"what a shifted history repeats counts once",
		what_a_shifted_history_repeats_counts_once},
	    {"a job that is over stays over until two answers far apart deny it",
		a_job_that_is_over_stays_over_until_two_answers_far_apart_deny_it},
	    {"a fraction that comes and goes is no news",
		a_fraction_that_comes_and_goes_is_no_news},
	    {"the oldest doubt makes room", the_oldest_doubt_makes_room},
	    {"where two runs may only look alike none is gone",
		where_two_runs_may_only_look_alike_none_is_gone},
	    {"a listing deletes nothing and tells what it lacks",
		a_listing_deletes_nothing_and_tells_what_it_lacks},
	    {"a connector that comes back is the same one",
		a_connector_that_comes_back_is_the_same_one},
	    {"what is newer than the listing is not missing in it",
		what_is_newer_than_the_listing_is_not_missing_in_it},
	    {"what settles outranks a listing", what_settles_outranks_a_listing},
	    {NULL, NULL},
	};
	return unit_main("apply", cases);
}
