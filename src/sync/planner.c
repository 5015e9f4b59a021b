/* SPDX-License-Identifier: MIT */
/* Queues ordered by the time when each request is due, and the rules for who goes first. */
#include "sync/planner.h"

#include <assert.h>
#include <search.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "util/array.h"
#include "util/backoff.h"
#include "util/cleanup.h"
#include "util/heap.h"
#include "util/random.h"

/* What can go wrong here: a connector is forgotten, asked without end, or the many keep the few
 * waiting, or those that fail the others.
 *
 * Forgotten: an item is always in exactly one place: in flight, in one of the two lists of those
 * somebody waits for, or in a queue of its class. It leaves the first only by planner_done, which
 * puts it into one of the others.
 *
 * Asked without end: what was asked is due again after an interval or a delay, never before the
 * minimum gap. Facts about a connector that is known move its class, never the time it was asked.
 *
 * The many: intervals are stretched by what the budget gives to a class, and beside that every
 * fifth request that nobody waits for is an idle connector's whenever one is due, so that a wrong
 * estimate of the budget starves nobody either. A caller who wants the histories of a whole project
 * adds thousands at once: they have a list of their own, behind single wishes, and every second
 * request is left to what is due without them.
 *
 * Those that fail: each is retried with its own backoff, and all of them together hold one place in
 * four at most.
 *
 * Stretching must not cost a walk over all connectors each time one comes, goes or turns active. So
 * a queue is ordered by when its items would be due with the configured interval, jitter included,
 * and the whole class is `stretch` later than that: one number. What is due at a time of its own (a
 * first read, a retry) is in a queue beside it that is not stretched. */

#define JITTER_PER_MILLE 50 /* to either side of an interval */
#define GAP_MINIMUM INT64_C(50000)
#define MINUTE 60e6

/* What scheduled refreshes may use of the budget; the rest is for writes (ratelimit.h). */
#define SCHEDULED_SHARE 0.8
#define IDLE_SHARE 0.2
#define SINGLE_SHARE 0.05

/* When one is due, one in this many scheduled requests is an idle connector's or a single read. */
#define IDLE_TURN 5
#define SINGLE_TURN 20

/* One in this many places is for what failed last time, however many of those there are. */
#define PLACES_FOR_RETRY 4

#define NEVER INT64_MIN
#define NO_TIME INT64_MIN

/* The last is that of single reads; the others are histories. */
enum item_class { CLASS_ACTIVE, CLASS_IDLE, CLASS_SINGLE, CLASS_COUNT };

/* The first are the queues of a group. */
enum item_place {
	PLACE_REGULAR, /* due `stretch` after the key */
	PLACE_FIXED,   /* due at the key */
	PLACE_RETRY,   /* the same, of those that failed last time */
	PLACE_QUEUES,
	PLACE_WAITED = PLACE_QUEUES,
	PLACE_BULK,
	PLACE_FLIGHT,
	PLACE_NOWHERE
};

/* The history of one connector, or its single read. */
struct item {
	struct heap_node node; /* the row; its order in a queue */
	int64_t asked_at;      /* NEVER for not yet */
	int64_t fixed_at;      /* due at this very time; NO_TIME: after the interval of its class */
	int64_t young_until;
	TAILQ_ENTRY(item) waited; /* in either list of those somebody waits for */
	int jitter;               /* per mille of the interval */
	enum item_class item_class;
	enum item_place place;
	bool unfinished;   /* its newest job is */
	bool again;        /* once more after the one in flight */
	bool removed;      /* kept until what is in flight has ended */
	unsigned failures; /* in a row */
};

TAILQ_HEAD(item_list, item);

struct item_group {
	struct heap queues[PLACE_QUEUES]; /* each with room for every item there is */
	size_t count;                     /* of the class, wherever they are */
	int64_t interval;                 /* as configured */
	int64_t stretch;
};

struct list_item {
	int64_t asked_at; /* NEVER for not yet */
	int64_t fixed_at; /* as in struct item */
	int64_t not_later;
	int jitter;
	unsigned failures; /* in a row */
	bool in_flight;
	bool waited;
	bool again;
};

struct planner {
	struct planner_settings settings;
	struct random_sequence random;
	struct list_item list;
	int64_t list_interval; /* in force */
	struct item_group groups[CLASS_COUNT];
	struct item_list waited; /* single wishes */
	struct item_list bulk;   /* those of a whole project */
	bool bulk_last;          /* the last request, single wishes aside, was one of bulk */
	void *histories;         /* tsearch tree of struct item by row */
	void *singles;           /* the same */
	size_t allocated;        /* items, the removed ones that are in flight too */
	unsigned retrying;       /* items in flight that failed last time */
	unsigned since_idle;     /* scheduled requests since an idle connector's */
	unsigned since_single;   /* the same for a single read */
};

/* Intervals ------------------------------------------------------------------------------------*/

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

/* The interval at which this many can be asked at the rate they get. */
static int64_t interval_in_force(size_t count, double wants, double gets, int64_t interval)
{
	bool enough = gets >= wants * (1 - 1e-9); /* but for rounding */
	return enough ? interval : (int64_t)((double)count * MINUTE / gets);
}

/* How many requests a minute the whole class would like. */
static double wants_of(const struct item_group *group)
{
	return (double)group->count * MINUTE / (double)group->interval;
}

static void stretch(struct item_group *group, double wants, double gets)
{
	group->stretch =
	    interval_in_force(group->count, wants, gets, group->interval) - group->interval;
}

/* Shares out the budget. Single reads get what all others leave, at least their twentieth; the idle
 * histories what list and active ones leave, at least their fifth; of the rest the list is held to
 * a half only when the active ones would need that. */
static void share_out(struct planner *planner)
{
	struct item_group *active = &planner->groups[CLASS_ACTIVE];
	struct item_group *idle = &planner->groups[CLASS_IDLE];
	double budget = SCHEDULED_SHARE * (double)planner->settings.per_minute;
	double list_wants = MINUTE / (double)planner->settings.list_interval;
	double active_wants = wants_of(active);
	double idle_wants = wants_of(idle);
	double singles_want = wants_of(&planner->groups[CLASS_SINGLE]);

	double left = budget - list_wants - active_wants - idle_wants;
	double singles_get = smaller(singles_want, larger(SINGLE_SHARE * budget, left));
	budget -= singles_get;
	left = budget - list_wants - active_wants;
	double idle_gets = smaller(idle_wants, larger(IDLE_SHARE * budget, left));
	left = budget - idle_gets;
	double list_gets = smaller(list_wants, larger(left / 2, left - active_wants));
	double active_gets = smaller(active_wants, left - list_gets);

	planner->list_interval =
	    interval_in_force(1, list_wants, list_gets, planner->settings.list_interval);
	stretch(active, active_wants, active_gets);
	stretch(idle, idle_wants, idle_gets);
	stretch(&planner->groups[CLASS_SINGLE], singles_want, singles_get);
}

static int64_t minimum_gap(const struct planner *planner)
{
	int64_t gap = planner->settings.active_interval / 10;
	return gap > GAP_MINIMUM ? gap : GAP_MINIMUM;
}

static int roll_jitter(struct planner *planner)
{
	return (int)random_sequence_between(&planner->random, -JITTER_PER_MILLE, JITTER_PER_MILLE);
}

static int64_t with_jitter(int64_t interval, int jitter)
{
	return interval + interval / 1000 * jitter;
}

/* Places ---------------------------------------------------------------------------------------*/

static void set_key(const struct planner *planner, struct item *item)
{
	if (item->fixed_at != NO_TIME) {
		item->node.key = item->fixed_at;
		return;
	}
	int64_t interval = with_jitter(planner->groups[item->item_class].interval, item->jitter);
	int64_t gap = minimum_gap(planner);
	item->node.key = item->asked_at + (interval > gap ? interval : gap);
}

static bool is_queued(const struct item *item)
{
	return item->place < PLACE_QUEUES;
}

static void lift(struct planner *planner, struct item *item)
{
	if (is_queued(item))
		heap_remove(&planner->groups[item->item_class].queues[item->place], &item->node);
	else if (item->place == PLACE_WAITED)
		TAILQ_REMOVE(&planner->waited, item, waited);
	else if (item->place == PLACE_BULK)
		TAILQ_REMOVE(&planner->bulk, item, waited);
	item->place = PLACE_NOWHERE;
}

/* Into the queue where it belongs by its facts. */
static void enqueue(struct planner *planner, struct item *item)
{
	set_key(planner, item);
	item->place = item->fixed_at == NO_TIME ? PLACE_REGULAR
		      : item->failures > 0      ? PLACE_RETRY
						: PLACE_FIXED;
	heap_add(&planner->groups[item->item_class].queues[item->place], &item->node);
}

static void enqueue_waited(struct planner *planner, struct item *item, bool bulk)
{
	TAILQ_INSERT_TAIL(bulk ? &planner->bulk : &planner->waited, item, waited);
	item->place = bulk ? PLACE_BULK : PLACE_WAITED;
}

/* Moves a history to the class its facts give it, and to its place there. */
static void classify(struct planner *planner, struct item *item, int64_t now)
{
	bool queued = is_queued(item);
	if (queued)
		lift(planner, item);
	enum item_class item_class =
	    item->unfinished || now < item->young_until ? CLASS_ACTIVE : CLASS_IDLE;
	if (item_class != item->item_class) {
		planner->groups[item->item_class].count--;
		planner->groups[item_class].count++;
		item->item_class = item_class;
		share_out(planner);
	}
	if (queued)
		enqueue(planner, item);
}

/* Items ----------------------------------------------------------------------------------------*/

static struct item *find_item(void *const *tree, int64_t row)
{
	const struct item wanted = {.node.id = row};
	struct item *const *found = tfind(&wanted, tree, array_compare);
	return found ? *found : NULL;
}

/* NULL for one that is not followed. */
static struct item *find_followed(void *const *tree, int64_t row)
{
	struct item *item = find_item(tree, row);
	return item && !item->removed ? item : NULL;
}

static int reserve(struct planner *planner, size_t count)
{
	for (size_t i = 0; i < CLASS_COUNT; i++)
		for (size_t k = 0; k < PLACE_QUEUES; k++)
			if (heap_reserve(&planner->groups[i].queues[k], count) < 0)
				return -1;
	return 0;
}

static struct item *new_item(
    struct planner *planner, void **tree, int64_t row, enum item_class item_class)
{
	if (reserve(planner, planner->allocated + 1) < 0)
		return NULL;
	struct item *item = calloc(1, sizeof(*item));
	if (!item)
		return NULL;
	item->node.id = row;
	item->asked_at = NEVER;
	item->item_class = item_class;
	item->place = PLACE_NOWHERE;
	item->removed = true; /* until it is put */
	item->jitter = roll_jitter(planner);
	if (!tsearch(item, tree, array_compare)) {
		free(item);
		return NULL;
	}
	planner->allocated++;
	return item;
}

static void free_item(struct planner *planner, struct item *item)
{
	tdelete(item, item->item_class == CLASS_SINGLE ? &planner->singles : &planner->histories,
	    array_compare);
	planner->allocated--;
	free(item);
}

static struct item *find_or_new(
    struct planner *planner, void **tree, int64_t row, enum item_class item_class)
{
	struct item *item = find_item(tree, row);
	return item ? item : new_item(planner, tree, row, item_class);
}

static void count_in(struct planner *planner, struct item *item)
{
	if (!item->removed)
		return;
	item->removed = false;
	planner->groups[item->item_class].count++;
	share_out(planner);
}

/* asked_at NO_TIME: never, so due now. */
static void put_item(struct planner *planner, struct item *item, int64_t asked_at, int64_t now)
{
	count_in(planner, item);
	/* What the planner asked itself it knows better than the wall clock of the store. */
	if (item->asked_at == NEVER && asked_at != NO_TIME) {
		item->asked_at = asked_at < now ? asked_at : now;
		if (item->place == PLACE_FIXED)
			lift(planner, item);
		item->fixed_at = NO_TIME;
	} else if (item->asked_at == NEVER && item->place == PLACE_NOWHERE) {
		item->fixed_at = now;
	}
	if (item->item_class != CLASS_SINGLE)
		classify(planner, item, now);
	if (item->place == PLACE_NOWHERE)
		enqueue(planner, item);
}

/* A connector that was never read by itself gets its turn somewhere in the first interval, so that
 * the many of a first list do not come all at once. */
static int64_t spread(struct planner *planner, int64_t now)
{
	return now -
	       random_sequence_between(&planner->random, 0, planner->settings.status_interval);
}

int planner_put(struct planner *planner, const struct planner_connector *connector, int64_t now)
{
	struct item *history =
	    find_or_new(planner, &planner->histories, connector->row, CLASS_IDLE);
	struct item *single = find_or_new(planner, &planner->singles, connector->row, CLASS_SINGLE);
	if (!history || !single)
		return -1;
	history->unfinished = connector->active;
	history->young_until = connector->young_until;
	put_item(planner, history, connector->history_read_at, now);
	int64_t single_read_at = connector->single_read_at;
	if (single_read_at == NO_TIME && single->asked_at == NEVER)
		single_read_at = spread(planner, now);
	put_item(planner, single, single_read_at, now);
	return 0;
}

void planner_found(struct planner *planner, int64_t connector_row, bool unfinished, int64_t now)
{
	struct item *history = find_followed(&planner->histories, connector_row);
	if (!history)
		return;
	history->unfinished = unfinished;
	put_item(planner, history, NO_TIME, now);
}

static void remove_item(struct planner *planner, struct item *item)
{
	if (!item || item->removed)
		return;
	planner->groups[item->item_class].count--;
	share_out(planner);
	if (item->place == PLACE_FLIGHT) {
		item->removed = true;
		item->again = false;
		return;
	}
	lift(planner, item);
	free_item(planner, item);
}

void planner_remove(struct planner *planner, int64_t connector_row)
{
	remove_item(planner, find_item(&planner->histories, connector_row));
	remove_item(planner, find_item(&planner->singles, connector_row));
}

/* Making and changing --------------------------------------------------------------------------*/

static void take_settings(struct planner *planner, const struct planner_settings *settings)
{
	assert(settings->list_interval > 0 && settings->active_interval > 0 &&
	       settings->idle_interval > 0 && settings->status_interval > 0 &&
	       settings->per_minute > 0);
	planner->settings = *settings;
	planner->groups[CLASS_ACTIVE].interval = settings->active_interval;
	planner->groups[CLASS_IDLE].interval = settings->idle_interval;
	planner->groups[CLASS_SINGLE].interval = settings->status_interval;
	share_out(planner);
}

int planner_new(const struct planner_settings *settings, uint64_t seed, int64_t now,
    struct err *err, struct planner **ret_planner)
{
	struct planner *planner = calloc(1, sizeof(*planner));
	if (!planner)
		return err_set(err, "no memory to plan refreshes");
	random_sequence_init(&planner->random, seed);
	TAILQ_INIT(&planner->waited);
	TAILQ_INIT(&planner->bulk);
	planner->list = (struct list_item){
	    .asked_at = NEVER,
	    .fixed_at = now,
	    .not_later = INT64_MAX,
	    .jitter = roll_jitter(planner),
	};
	take_settings(planner, settings);
	*ret_planner = planner;
	return 0;
}

struct planner *planner_free(struct planner *planner)
{
	if (!planner)
		return NULL;
	tdestroy(planner->histories, free);
	tdestroy(planner->singles, free);
	for (size_t i = 0; i < CLASS_COUNT; i++)
		for (size_t k = 0; k < PLACE_QUEUES; k++)
			heap_done(&planner->groups[i].queues[k]);
	free(planner);
	return NULL;
}

static void rekey(struct planner *planner, struct heap *queue, int64_t latest)
{
	for (size_t i = 0; i < queue->count; i++) {
		struct item *item = (struct item *)queue->nodes[i];
		if (item->fixed_at != NO_TIME && item->fixed_at > latest)
			item->fixed_at = latest;
		set_key(planner, item);
	}
	heap_restore(queue);
}

void planner_change(struct planner *planner, const struct planner_settings *settings, int64_t now)
{
	take_settings(planner, settings);
	if (planner->list.fixed_at != NO_TIME &&
	    planner->list.fixed_at > now + planner->list_interval)
		planner->list.fixed_at = now + planner->list_interval;
	for (size_t i = 0; i < CLASS_COUNT; i++) {
		struct item_group *group = &planner->groups[i];
		for (size_t k = 0; k < PLACE_QUEUES; k++)
			rekey(planner, &group->queues[k], now + group->interval + group->stretch);
	}
}

/* Wishes ---------------------------------------------------------------------------------------*/

void planner_want_list(struct planner *planner, bool again)
{
	if (planner->list.in_flight)
		planner->list.again |= again;
	else
		planner->list.waited = true;
}

bool planner_want_history(struct planner *planner, int64_t connector_row, bool bulk, bool again)
{
	struct item *item = find_followed(&planner->histories, connector_row);
	if (!item)
		return false;
	if (item->place == PLACE_FLIGHT) {
		item->again |= again;
	} else if (item->place != PLACE_WAITED && !(bulk && item->place == PLACE_BULK)) {
		lift(planner, item);
		enqueue_waited(planner, item, bulk);
	}
	return true;
}

void planner_want_single(struct planner *planner, int64_t connector_row, int64_t now)
{
	struct item *item = find_followed(&planner->singles, connector_row);
	if (!item)
		return;
	if (item->place == PLACE_FLIGHT) {
		item->again = true;
	} else if (item->place == PLACE_REGULAR ||
		   (item->place == PLACE_FIXED && item->fixed_at > now)) {
		lift(planner, item);
		item->fixed_at = now;
		enqueue(planner, item);
	}
}

void planner_list_not_later(struct planner *planner, int64_t at)
{
	if (at < planner->list.not_later)
		planner->list.not_later = at;
}

/* What is next ---------------------------------------------------------------------------------*/

static int64_t list_due(const struct planner *planner)
{
	const struct list_item *list = &planner->list;
	if (list->in_flight)
		return INT64_MAX;
	int64_t due = list->fixed_at;
	if (due == NO_TIME)
		due = list->asked_at + with_jitter(planner->list_interval, list->jitter);
	return due < list->not_later ? due : list->not_later;
}

/* Takes the first of a queue if it is due earlier than what was found so far. */
static void look_at(
    const struct heap *queue, int64_t later, const struct item **first, int64_t *due)
{
	if (queue->count == 0 || (*first && queue->nodes[0]->key + later >= *due))
		return;
	*first = (const struct item *)queue->nodes[0];
	*due = (*first)->node.key + later;
}

/* The longest overdue of a class; NULL with INT64_MAX when it has none. */
static const struct item *first_due(const struct item_group *group, bool retries, int64_t *ret_due)
{
	const struct item *first = NULL;
	int64_t due = INT64_MAX;
	look_at(&group->queues[PLACE_REGULAR], group->stretch, &first, &due);
	look_at(&group->queues[PLACE_FIXED], 0, &first, &due);
	if (retries)
		look_at(&group->queues[PLACE_RETRY], 0, &first, &due);
	*ret_due = due;
	return first;
}

static struct plan plan_item(const struct item *item, bool waited)
{
	return (struct plan){
	    .kind = item->item_class == CLASS_SINGLE ? PLAN_SINGLE : PLAN_HISTORY,
	    .connector_row = item->node.id,
	    .waited = waited,
	    .retry = item->failures > 0,
	};
}

/* The first of each class, and when it is due. */
struct due {
	const struct item *first[CLASS_COUNT];
	int64_t at[CLASS_COUNT];
};

static bool is_due(const struct due *due, enum item_class item_class, int64_t now)
{
	return due->first[item_class] && due->at[item_class] <= now;
}

/* What is due by the clock, whatever anybody waits for. */
static struct plan plan_due(const struct planner *planner, int64_t now, unsigned places)
{
	unsigned most = places / PLACES_FOR_RETRY;
	bool retries = planner->retrying < (most > 1 ? most : 1);
	struct due due;
	for (size_t i = 0; i < CLASS_COUNT; i++)
		due.first[i] = first_due(&planner->groups[i], retries, &due.at[i]);
	if (is_due(&due, CLASS_IDLE, now) && planner->since_idle + 1 >= IDLE_TURN)
		return plan_item(due.first[CLASS_IDLE], false);
	if (is_due(&due, CLASS_SINGLE, now) && planner->since_single + 1 >= SINGLE_TURN)
		return plan_item(due.first[CLASS_SINGLE], false);
	if (list_due(planner) <= now)
		return (struct plan){.kind = PLAN_LIST};
	for (size_t i = 0; i < CLASS_COUNT; i++)
		if (is_due(&due, (enum item_class)i, now))
			return plan_item(due.first[i], false);
	int64_t at = list_due(planner);
	for (size_t i = 0; i < CLASS_COUNT; i++)
		if (due.at[i] < at)
			at = due.at[i];
	return (struct plan){.kind = PLAN_NOTHING, .due = at};
}

struct plan planner_next(struct planner *planner, int64_t now, unsigned places)
{
	if (planner->list.waited)
		return (struct plan){.kind = PLAN_LIST, .waited = true};
	if (!TAILQ_EMPTY(&planner->waited))
		return plan_item(TAILQ_FIRST(&planner->waited), true);

	struct plan due = plan_due(planner, now, places);
	if (TAILQ_EMPTY(&planner->bulk) || (planner->bulk_last && due.kind != PLAN_NOTHING))
		return due;
	struct plan bulk = plan_item(TAILQ_FIRST(&planner->bulk), true);
	bulk.bulk = true;
	return bulk;
}

/* In flight and back ---------------------------------------------------------------------------*/

static void count_turn(unsigned *since, bool reset, unsigned turn)
{
	if (reset)
		*since = 0;
	else if (*since < turn)
		(*since)++;
}

static struct item *item_of(const struct planner *planner, const struct plan *plan)
{
	switch (plan->kind) {
	case PLAN_HISTORY:
		return find_item(&planner->histories, plan->connector_row);
	case PLAN_SINGLE:
		return find_item(&planner->singles, plan->connector_row);
	case PLAN_NOTHING:
	case PLAN_LIST:
		break;
	}
	return NULL;
}

void planner_started(struct planner *planner, const struct plan *plan, int64_t now)
{
	struct item *item = item_of(planner, plan);
	if (plan->kind == PLAN_LIST) {
		struct list_item *list = &planner->list;
		list->in_flight = true;
		list->waited = false;
		list->asked_at = now;
		list->fixed_at = NO_TIME;
		list->jitter = roll_jitter(planner);
		if (list->not_later <= now)
			list->not_later = INT64_MAX;
	}
	if (item) {
		lift(planner, item);
		item->place = PLACE_FLIGHT;
		item->asked_at = now;
		item->fixed_at = NO_TIME;
		item->jitter = roll_jitter(planner);
		planner->retrying += item->failures > 0;
	}
	if (!plan->waited) {
		count_turn(&planner->since_idle, item && item->item_class == CLASS_IDLE, IDLE_TURN);
		count_turn(&planner->since_single, plan->kind == PLAN_SINGLE, SINGLE_TURN);
	}
	if (plan->bulk || !plan->waited)
		planner->bulk_last = plan->bulk;
}

/* When what failed again is due. */
static int64_t retry_at(
    struct planner *planner, unsigned *failures, int64_t retry_after, int64_t now)
{
	int64_t delay = backoff_delay(++*failures, &planner->random);
	return now + (delay > retry_after ? delay : retry_after);
}

static void item_done(struct planner *planner, struct item *item, int64_t retry_after, int64_t now)
{
	item->place = PLACE_NOWHERE;
	planner->retrying -= item->failures > 0;
	if (item->removed) {
		free_item(planner, item);
		return;
	}
	if (retry_after > 0) {
		int64_t soonest = item->asked_at + minimum_gap(planner);
		int64_t at = retry_at(planner, &item->failures, retry_after, now);
		item->fixed_at = at > soonest ? at : soonest;
	} else {
		item->failures = 0;
	}
	if (item->item_class != CLASS_SINGLE)
		classify(planner, item, now);
	else if (item->again && retry_after == 0)
		item->fixed_at = now;
	if (item->again && item->item_class != CLASS_SINGLE)
		enqueue_waited(planner, item, false);
	else
		enqueue(planner, item);
	item->again = false;
}

void planner_done(
    struct planner *planner, const struct plan *plan, int64_t retry_after, int64_t now)
{
	if (plan->kind == PLAN_LIST && planner->list.in_flight) {
		struct list_item *list = &planner->list;
		list->in_flight = false;
		list->waited |= list->again;
		list->again = false;
		if (retry_after > 0)
			list->fixed_at = retry_at(planner, &list->failures, retry_after, now);
		else
			list->failures = 0;
	}
	struct item *item = item_of(planner, plan);
	if (item && item->place == PLACE_FLIGHT)
		item_done(planner, item, retry_after, now);
}

struct planner_intervals planner_intervals(const struct planner *planner)
{
	const struct item_group *active = &planner->groups[CLASS_ACTIVE];
	const struct item_group *idle = &planner->groups[CLASS_IDLE];
	return (struct planner_intervals){
	    .list = planner->list_interval,
	    .active = active->interval + active->stretch,
	    .idle = idle->interval + idle->stretch,
	    .stretched = active->stretch > 0 || idle->stretch > 0 ||
			 planner->list_interval > planner->settings.list_interval,
	};
}
