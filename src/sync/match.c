/* SPDX-License-Identifier: MIT */
/* Passes over both lists, from the surest sign to the weakest. */
#include "sync/match.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/timestamp.h"

/* What can go wrong here: a job changes its id, or two runs become one job. Callers hold ids, so
 * either is worse than a job too many. Mixpanel's answers say which run is which only by a run id,
 * which every sample leaves empty, by the start time, which two runs can share and which queued
 * runs lack, and by their order.
 *
 * Why it does not: each rule takes jobs away from the rules after it, and no job is given twice.
 * Two different ids never meet. An id decides only where it names one run on each side; one that
 * several runs carry is no id. Among jobs that a rule cannot tell apart, first is settled which of
 * them are meant (those listed last time before those that had dropped out), then they are given
 * out in the order they were stored. That is the order in which match_order stored them, so the
 * same answer finds every run where it was put, whatever had to be guessed the first time.
 *
 * What remains: of several runs that share everything but the place, one that goes shifts the
 * others. Nothing in the answer tells them apart. */

/* A run or a job, and what it is looked up by. */
struct key {
	const char *run_id;
	int64_t start_time;
	size_t index;
};

struct matching {
	const struct match_stored *stored;
	size_t stored_count;
	const struct run *entries;
	size_t entry_count;
	size_t *of_entry;
	bool *taken;   /* stored jobs that were given to an entry */
	bool *chosen;  /* stored jobs that the rule at work may give */
	bool *no_news; /* entries that started at the time of a stored job */
	struct key *entry_keys;
	struct key *stored_keys;
};

static int compare_starts(const void *left, const void *right)
{
	const struct key *a = left;
	const struct key *b = right;
	if (a->start_time != b->start_time)
		return a->start_time < b->start_time ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

static int match_compare_ids(const void *left, const void *right)
{
	const struct key *a = left;
	const struct key *b = right;
	int order = strcmp(a->run_id, b->run_id);
	return order ? order : compare_starts(a, b);
}

static void sort(struct key *keys, size_t count, int (*compare)(const void *, const void *))
{
	if (count > 1)
		qsort(keys, count, sizeof(*keys), compare);
}

static bool has_id(const char *run_id)
{
	return run_id && run_id[0] != '\0';
}

/* Times ----------------------------------------------------------------------------------------*/

static bool has_fraction(int64_t time)
{
	return time % MICROSECONDS_PER_SECOND != 0;
}

static int64_t second_of(int64_t time)
{
	int64_t fraction = time % MICROSECONDS_PER_SECOND;
	return time - (fraction < 0 ? fraction + MICROSECONDS_PER_SECOND : fraction);
}

bool match_same_time(int64_t a, int64_t b)
{
	if (a == b || a == TIMESTAMP_NONE || b == TIMESTAMP_NONE)
		return a == b;
	return second_of(a) == second_of(b) && (!has_fraction(a) || !has_fraction(b));
}

/* Gathering ------------------------------------------------------------------------------------*/

enum gather {
	GATHER_NAMED,   /* those with an id */
	GATHER_STARTED, /* those with a start time */
	GATHER_WAITING, /* those without one */
};

static bool is_gathered(enum gather what, const char *run_id, int64_t start_time)
{
	switch (what) {
	case GATHER_NAMED:
		return has_id(run_id);
	case GATHER_STARTED:
		return start_time != TIMESTAMP_NONE;
	case GATHER_WAITING:
		return start_time == TIMESTAMP_NONE;
	}
	assert(false);
	return false;
}

/* The entries that are nobody yet. */
static size_t gather_entries(struct matching *m, enum gather what)
{
	size_t count = 0;
	for (size_t i = 0; i < m->entry_count; i++) {
		const struct run *run = &m->entries[i];
		if (m->of_entry[i] == MATCH_NEW && is_gathered(what, run->run_id, run->start_time))
			m->entry_keys[count++] = (struct key){
			    .run_id = run->run_id, .start_time = run->start_time, .index = i};
	}
	return count;
}

/* The stored jobs that are nobody's yet. */
static size_t gather_stored(struct matching *m, enum gather what)
{
	size_t count = 0;
	for (size_t i = 0; i < m->stored_count; i++) {
		const struct match_stored *job = &m->stored[i];
		if (!m->taken[i] && is_gathered(what, job->run_id, job->start_time))
			m->stored_keys[count++] = (struct key){
			    .run_id = job->run_id, .start_time = job->start_time, .index = i};
	}
	return count;
}

static void give(struct matching *m, size_t entry, size_t job)
{
	assert(!m->taken[job] && m->of_entry[entry] == MATCH_NEW);
	m->of_entry[entry] = job;
	m->taken[job] = true;
}

/* By id ----------------------------------------------------------------------------------------*/

/* How many keys from the first one on carry its id. */
static size_t id_group(const struct key *keys, size_t count)
{
	size_t n = 1;
	while (n < count && strcmp(keys[n].run_id, keys[0].run_id) == 0)
		n++;
	return n;
}

/* A run that moved from one page to the next while they were read is sent twice. Returns how many
 * runs there are besides such repetitions. */
static size_t mark_repeated(struct matching *m, const struct key *keys, size_t count)
{
	size_t runs = 1;
	for (size_t i = 1; i < count; i++) {
		if (keys[i].start_time == keys[i - 1].start_time)
			m->of_entry[keys[i].index] = MATCH_REPEATED;
		else
			runs++;
	}
	return runs;
}

static void match_ids(struct matching *m)
{
	size_t entry_count = gather_entries(m, GATHER_NAMED);
	size_t stored_count = gather_stored(m, GATHER_NAMED);
	sort(m->entry_keys, entry_count, match_compare_ids);
	sort(m->stored_keys, stored_count, match_compare_ids);
	size_t s = 0;
	size_t e = 0;
	while (e < entry_count) {
		const struct key *entry = &m->entry_keys[e];
		size_t entries = id_group(entry, entry_count - e);
		size_t runs = mark_repeated(m, entry, entries);
		e += entries;
		while (s < stored_count && strcmp(m->stored_keys[s].run_id, entry->run_id) < 0)
			s++;
		if (s == stored_count)
			continue; /* the rest is still looked through for repetitions */
		const struct key *job = &m->stored_keys[s];
		if (runs == 1 && strcmp(job->run_id, entry->run_id) == 0 &&
		    id_group(job, stored_count - s) == 1)
			give(m, entry->index, job->index);
	}
}

/* By place -------------------------------------------------------------------------------------*/

/* Which of the jobs that a rule cannot tell apart are meant: the lowest rank first. */
#define RANK_COUNT 3
#define RANK_NEVER RANK_COUNT

typedef unsigned rank_fn(const struct match_stored *job);

static unsigned rank_same_start(const struct match_stored *job)
{
	return job->listed ? 0 : 1;
}

/* For an entry that came to its end without having started. */
static unsigned rank_ended(const struct match_stored *job)
{
	if (!job->listed)
		return 2;
	return job->over ? 0 : 1;
}

/* For one that waits. What was seen at its end does not wait again. */
static unsigned rank_waiting(const struct match_stored *job)
{
	if (job->done)
		return RANK_NEVER;
	return job->listed ? 0 : 1;
}

/* For one that has just started. */
static unsigned rank_starting(const struct match_stored *job)
{
	return job->over ? RANK_NEVER : 0;
}

/* The entries and the stored jobs that one rule looks at, each in its order. */
struct rule {
	const struct key *entries;
	size_t entry_count;
	const struct key *jobs;
	size_t job_count;
	rank_fn *rank;
};

static void give_same_id(struct matching *m, const struct rule *rule, const struct key *entry)
{
	for (size_t i = 0; i < rule->job_count; i++) {
		const struct key *job = &rule->jobs[i];
		if (m->taken[job->index] || !has_id(job->run_id) ||
		    strcmp(job->run_id, entry->run_id) != 0 ||
		    rule->rank(&m->stored[job->index]) == RANK_NEVER)
			continue;
		give(m, entry->index, job->index);
		return;
	}
}

/* Which jobs are meant. An entry with an id can only be a job without one by now; one without an id
 * is rather a job without one too. */
static void choose(struct matching *m, const struct rule *rule, bool with_id, size_t wanted)
{
	for (unsigned turn = 0; turn < 2 * RANK_COUNT; turn++)
		for (size_t i = 0; i < rule->job_count && wanted > 0; i++) {
			size_t job = rule->jobs[i].index;
			bool named = has_id(rule->jobs[i].run_id);
			if (m->taken[job] || (with_id && named) ||
			    2 * rule->rank(&m->stored[job]) + named != turn)
				continue;
			m->chosen[job] = true;
			wanted--;
		}
}

static bool is_open(const struct matching *m, const struct key *entry, bool with_id)
{
	return m->of_entry[entry->index] == MATCH_NEW && has_id(entry->run_id) == with_id;
}

static void give_in_order(struct matching *m, const struct rule *rule, bool with_id)
{
	size_t wanted = 0;
	for (size_t e = 0; e < rule->entry_count; e++)
		wanted += is_open(m, &rule->entries[e], with_id);
	choose(m, rule, with_id, wanted);
	size_t e = 0;
	for (size_t i = 0; i < rule->job_count; i++) {
		size_t job = rule->jobs[i].index;
		if (!m->chosen[job])
			continue;
		m->chosen[job] = false;
		while (!is_open(m, &rule->entries[e], with_id))
			e++;
		give(m, rule->entries[e].index, job);
	}
}

static void apply_rule(struct matching *m, const struct rule *rule)
{
	for (size_t e = 0; e < rule->entry_count; e++)
		if (has_id(rule->entries[e].run_id))
			give_same_id(m, rule, &rule->entries[e]);
	give_in_order(m, rule, true);
	give_in_order(m, rule, false);
}

static size_t start_group(const struct key *keys, size_t count)
{
	size_t n = 1;
	while (n < count && keys[n].start_time == keys[0].start_time)
		n++;
	return n;
}

/* Joins the gathered entries and jobs by their start. */
static void join_starts(struct matching *m, size_t entry_count, size_t stored_count)
{
	sort(m->entry_keys, entry_count, compare_starts);
	sort(m->stored_keys, stored_count, compare_starts);
	size_t s = 0;
	size_t e = 0;
	while (e < entry_count && s < stored_count) {
		const struct key *entry = &m->entry_keys[e];
		const struct key *job = &m->stored_keys[s];
		size_t entries = start_group(entry, entry_count - e);
		if (job->start_time < entry->start_time) {
			s++;
			continue;
		}
		e += entries;
		if (job->start_time > entry->start_time)
			continue;
		apply_rule(m, &(const struct rule){
				  .entries = entry,
				  .entry_count = entries,
				  .jobs = job,
				  .job_count = start_group(job, stored_count - s),
				  .rank = rank_same_start,
			      });
		for (size_t i = 0; i < entries; i++)
			m->no_news[entry[i].index] = true;
	}
}

static void match_same_start(struct matching *m)
{
	size_t entry_count = gather_entries(m, GATHER_STARTED);
	size_t stored_count = gather_stored(m, GATHER_STARTED);
	join_starts(m, entry_count, stored_count);
}

/* Keeps those with a fraction, or those without, and of them the second. */
static size_t keep_seconds(struct key *keys, size_t count, bool fraction)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (has_fraction(keys[i].start_time) != fraction)
			continue;
		keys[kept] = keys[i];
		keys[kept++].start_time = second_of(keys[i].start_time);
	}
	return kept;
}

/* Those whose start one side tells with its fraction and the other without. */
static void match_same_second(struct matching *m, bool entries_with_fraction)
{
	size_t entry_count = gather_entries(m, GATHER_STARTED);
	size_t stored_count = gather_stored(m, GATHER_STARTED);
	entry_count = keep_seconds(m->entry_keys, entry_count, entries_with_fraction);
	stored_count = keep_seconds(m->stored_keys, stored_count, !entries_with_fraction);
	join_starts(m, entry_count, stored_count);
}

/* A run that started at the very time of one that is known has not been waiting since. */
static size_t gather_just_started(struct matching *m)
{
	size_t count = gather_entries(m, GATHER_STARTED);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (!m->no_news[m->entry_keys[i].index])
			m->entry_keys[kept++] = m->entry_keys[i];
	return kept;
}

/* When fewer wait than before and others have started, those that waited longest have: what waits
 * now is one of the rest. */
static size_t leave_out_started(
    struct matching *m, size_t job_count, size_t waiting, size_t started)
{
	size_t waited = 0;
	for (size_t i = 0; i < job_count; i++)
		waited +=
		    !m->stored[m->stored_keys[i].index].over && !has_id(m->stored_keys[i].run_id);
	size_t left = waited > waiting ? waited - waiting : 0;
	if (left > started)
		left = started;
	size_t kept = 0;
	for (size_t i = 0; i < job_count; i++) {
		const struct key *job = &m->stored_keys[i];
		if (left > 0 && !m->stored[job->index].over && !has_id(job->run_id))
			left--;
		else
			m->stored_keys[kept++] = *job;
	}
	return kept;
}

static void match_without_start(struct matching *m, bool ended)
{
	size_t started = ended ? 0 : gather_just_started(m);
	size_t entries = gather_entries(m, GATHER_WAITING);
	size_t kept = 0;
	for (size_t i = 0; i < entries; i++)
		if (job_status_is_done(m->entries[m->entry_keys[i].index].status) == ended)
			m->entry_keys[kept++] = m->entry_keys[i];
	entries = kept;
	size_t jobs = gather_stored(m, GATHER_WAITING);
	jobs = leave_out_started(m, jobs, entries, started);
	apply_rule(m, &(const struct rule){
			  .entries = m->entry_keys,
			  .entry_count = entries,
			  .jobs = m->stored_keys,
			  .job_count = jobs,
			  .rank = ended ? rank_ended : rank_waiting,
		      });
}

static void match_just_started(struct matching *m)
{
	size_t entries = gather_just_started(m);
	sort(m->entry_keys, entries, compare_starts);
	size_t jobs = gather_stored(m, GATHER_WAITING);
	apply_rule(m, &(const struct rule){
			  .entries = m->entry_keys,
			  .entry_count = entries,
			  .jobs = m->stored_keys,
			  .job_count = jobs,
			  .rank = rank_starting,
		      });
}

static void matching_done(struct matching *m)
{
	free(m->taken);
	free(m->chosen);
	free(m->no_news);
	free(m->entry_keys);
	free(m->stored_keys);
}

int match_history(const struct match_stored *stored, size_t stored_count, const struct run *entries,
    size_t entry_count, size_t *ret_of_entry)
{
	_cleanup_(matching_done) struct matching m = {
	    .stored = stored,
	    .stored_count = stored_count,
	    .entries = entries,
	    .entry_count = entry_count,
	    .of_entry = ret_of_entry,
	    .taken = calloc(stored_count + 1, sizeof(*m.taken)),
	    .chosen = calloc(stored_count + 1, sizeof(*m.chosen)),
	    .no_news = calloc(entry_count + 1, sizeof(*m.no_news)),
	    .entry_keys = calloc(entry_count + 1, sizeof(*m.entry_keys)),
	    .stored_keys = calloc(stored_count + 1, sizeof(*m.stored_keys)),
	};
	if (!m.taken || !m.chosen || !m.no_news || !m.entry_keys || !m.stored_keys)
		return -1;
	for (size_t i = 0; i < entry_count; i++)
		ret_of_entry[i] = MATCH_NEW;
	match_ids(&m);
	match_same_start(&m);
	match_same_second(&m, false);
	match_same_second(&m, true);
	/* First those that ended without a start, so that a job that was seen at its end keeps it
	 * and is not handed on to a run that waits. */
	match_without_start(&m, true);
	match_without_start(&m, false);
	match_just_started(&m);
	return 0;
}

/* Order ----------------------------------------------------------------------------------------*/

int match_order(const struct run *entries, size_t entry_count, size_t *ret_order)
{
	_cleanup_free_ struct key *keys = calloc(entry_count + 1, sizeof(*keys));
	if (!keys)
		return -1;
	for (size_t i = 0; i < entry_count; i++) {
		int64_t start = entries[i].start_time;
		keys[i].index = i;
		keys[i].start_time = start == TIMESTAMP_NONE ? INT64_MAX : start;
	}
	sort(keys, entry_count, compare_starts);
	for (size_t i = 0; i < entry_count; i++)
		ret_order[i] = keys[i].index;
	return 0;
}

/* Pages ----------------------------------------------------------------------------------------*/

/* Whether the later is the earlier, read again. */
static bool comes_again(const struct run *earlier, const struct run *later)
{
	if (has_id(earlier->run_id) || has_id(later->run_id))
		return text_same(earlier->run_id, later->run_id);
	if (!match_same_time(earlier->start_time, later->start_time))
		return false;
	/* One that is under way goes on between two pages. */
	return run_same(earlier, later) ||
	       (earlier->start_time != TIMESTAMP_NONE && !job_status_is_done(earlier->status));
}

static bool is_doubtful(const struct run *earlier, const struct run *later)
{
	return !has_id(earlier->run_id) &&
	       (earlier->start_time == TIMESTAMP_NONE || !run_same(earlier, later));
}

size_t match_overlap(const struct run *before, size_t before_count, const struct run *after,
    size_t after_count, bool *ret_doubtful)
{
	size_t most = before_count < after_count ? before_count : after_count;
	if (most > MATCH_OVERLAP_LIMIT)
		most = MATCH_OVERLAP_LIMIT;
	for (size_t count = most; count > 0; count--) {
		const struct run *last = before + (before_count - count);
		bool doubtful = false;
		size_t same = 0;
		while (same < count && comes_again(&last[same], &after[same])) {
			doubtful |= is_doubtful(&last[same], &after[same]);
			same++;
		}
		if (same == count) {
			*ret_doubtful |= doubtful;
			return count;
		}
	}
	return 0;
}
