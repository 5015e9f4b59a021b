#include "sync/planner.h"

#include <assert.h>
#include <search.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "util/cleanup.h"
#include "util/random.h"

/* What can go wrong here: a connector is forgotten, asked without end, or the many keep the few
 * waiting.
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
 * Stretching must not cost a walk over all connectors each time one comes, goes or turns active. So
 * a queue is ordered by when its items would be due with the configured interval, jitter included,
 * and the whole class is `stretch` later than that: one number. What is due at a time of its own (a
 * first read, a retry) is in a queue beside it that is not stretched. */

#define JITTER_PER_MILLE 50 /* to either side of an interval */
#define GAP_MINIMUM INT64_C(50000)
#define MINUTE 60e6

/* What scheduled refreshes may use of the budget; the rest is for those who wait (ratelimit.h). */
#define SCHEDULED_SHARE 0.95
#define IDLE_SHARE 0.2

/* One in so many scheduled requests is an idle connector's when one is due. */
#define IDLE_TURN 5

#define NEVER INT64_MIN
#define NO_TIME INT64_MIN

enum item_class { CLASS_ACTIVE, CLASS_IDLE, CLASS_COUNT };

enum item_place {
	PLACE_NOWHERE,
	PLACE_REGULAR,
	PLACE_FIXED,
	PLACE_WAITED,
	PLACE_BULK,
	PLACE_FLIGHT
};

/* One connector. */
struct item {
	int64_t row;
	int64_t asked_at; /* NEVER for not yet */
	int64_t fixed_at; /* due at this very time; NO_TIME: after the interval of its class */
	int64_t young_until;
	int64_t key;              /* its order in a queue */
	size_t slot;              /* its place in a queue */
	TAILQ_ENTRY(item) waited; /* in either list of those somebody waits for */
	int jitter;               /* per mille of the interval */
	enum item_class item_class;
	enum item_place place;
	bool unfinished; /* its newest job is */
	bool again;      /* once more after the one in flight */
	bool removed;    /* kept until what is in flight has ended */
};

TAILQ_HEAD(item_list, item);

/* A binary heap with room for every item there is, so that moving one cannot fail. */
struct queue {
	struct item **items;
	size_t count;
	size_t size;
};

struct item_group {
	struct queue regular; /* due `stretch` after the key */
	struct queue fixed;   /* due at the key */
	size_t count;         /* of the class, wherever they are */
	int64_t interval;     /* as configured */
	int64_t stretch;
};

struct list_item {
	int64_t asked_at; /* NEVER for not yet */
	int64_t fixed_at; /* as in struct item */
	int64_t not_later;
	int jitter;
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
	void *items;             /* tsearch tree of struct item by row */
	size_t count;
	size_t allocated;    /* count and the removed ones that are in flight */
	unsigned since_idle; /* scheduled requests since an idle connector's */
};

/* Queues ---------------------------------------------------------------------------------------*/

static bool is_before(const struct item *a, const struct item *b)
{
	return a->key != b->key ? a->key < b->key : a->row < b->row;
}

static void queue_set(struct queue *queue, size_t slot, struct item *item)
{
	queue->items[slot] = item;
	item->slot = slot;
}

static void queue_rise(struct queue *queue, struct item *item)
{
	size_t slot = item->slot;
	while (slot > 0 && is_before(item, queue->items[(slot - 1) / 2])) {
		queue_set(queue, slot, queue->items[(slot - 1) / 2]);
		slot = (slot - 1) / 2;
	}
	queue_set(queue, slot, item);
}

static void queue_sink(struct queue *queue, struct item *item)
{
	size_t slot = item->slot;
	for (;;) {
		size_t child = 2 * slot + 1;
		if (child >= queue->count)
			break;
		if (child + 1 < queue->count &&
		    is_before(queue->items[child + 1], queue->items[child]))
			child++;
		if (!is_before(queue->items[child], item))
			break;
		queue_set(queue, slot, queue->items[child]);
		slot = child;
	}
	queue_set(queue, slot, item);
}

static int queue_reserve(struct queue *queue, size_t count)
{
	if (count <= queue->size)
		return 0;
	size_t size = queue->size ? 2 * queue->size : 16;
	struct item **items = reallocarray(queue->items, size, sizeof(struct item *));
	if (!items)
		return -1;
	queue->items = items;
	queue->size = size;
	return 0;
}

static void queue_add(struct queue *queue, struct item *item)
{
	assert(queue->count < queue->size);
	queue_set(queue, queue->count++, item);
	queue_rise(queue, item);
}

static void queue_remove(struct queue *queue, struct item *item)
{
	struct item *last = queue->items[--queue->count];
	if (last == item)
		return;
	queue_set(queue, item->slot, last);
	queue_rise(queue, last);
	queue_sink(queue, last);
}

/* After every key may have changed. */
static void queue_rebuild(struct queue *queue)
{
	for (size_t slot = queue->count / 2; slot-- > 0;)
		queue_sink(queue, queue->items[slot]);
}

/* Intervals ------------------------------------------------------------------------------------*/

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

/* The interval at which so many are asked with the rate they get. */
static int64_t interval_in_force(size_t count, double wants, double gets, int64_t interval)
{
	bool enough = gets >= wants * (1 - 1e-9); /* but for rounding */
	return enough ? interval : (int64_t)((double)count * MINUTE / gets);
}

/* Shares out the budget: the idle ones get what the others leave, at least their fifth; of the rest
 * the list is held to a half only when the active ones would need that. */
static void share_out(struct planner *planner)
{
	struct item_group *active = &planner->groups[CLASS_ACTIVE];
	struct item_group *idle = &planner->groups[CLASS_IDLE];
	double budget = SCHEDULED_SHARE * (double)planner->settings.per_minute;
	double list_wants = MINUTE / (double)planner->settings.list_interval;
	double active_wants = (double)active->count * MINUTE / (double)active->interval;
	double idle_wants = (double)idle->count * MINUTE / (double)idle->interval;

	double left = budget - list_wants - active_wants;
	double idle_gets = smaller(idle_wants, larger(IDLE_SHARE * budget, left));
	left = budget - idle_gets;
	double list_gets = smaller(list_wants, larger(left / 2, left - active_wants));
	double active_gets = smaller(active_wants, left - list_gets);

	planner->list_interval =
	    interval_in_force(1, list_wants, list_gets, planner->settings.list_interval);
	active->stretch =
	    interval_in_force(active->count, active_wants, active_gets, active->interval) -
	    active->interval;
	idle->stretch =
	    interval_in_force(idle->count, idle_wants, idle_gets, idle->interval) - idle->interval;
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
		item->key = item->fixed_at;
		return;
	}
	int64_t interval = with_jitter(planner->groups[item->item_class].interval, item->jitter);
	int64_t gap = minimum_gap(planner);
	item->key = item->asked_at + (interval > gap ? interval : gap);
}

static void lift(struct planner *planner, struct item *item)
{
	struct item_group *group = &planner->groups[item->item_class];
	switch (item->place) {
	case PLACE_REGULAR:
		queue_remove(&group->regular, item);
		break;
	case PLACE_FIXED:
		queue_remove(&group->fixed, item);
		break;
	case PLACE_WAITED:
		TAILQ_REMOVE(&planner->waited, item, waited);
		break;
	case PLACE_BULK:
		TAILQ_REMOVE(&planner->bulk, item, waited);
		break;
	case PLACE_NOWHERE:
	case PLACE_FLIGHT:
		break;
	}
	item->place = PLACE_NOWHERE;
}

/* Into the queue where it belongs by its facts. */
static void enqueue(struct planner *planner, struct item *item)
{
	struct item_group *group = &planner->groups[item->item_class];
	set_key(planner, item);
	if (item->fixed_at != NO_TIME) {
		queue_add(&group->fixed, item);
		item->place = PLACE_FIXED;
	} else {
		queue_add(&group->regular, item);
		item->place = PLACE_REGULAR;
	}
}

static void enqueue_waited(struct planner *planner, struct item *item)
{
	TAILQ_INSERT_TAIL(&planner->waited, item, waited);
	item->place = PLACE_WAITED;
}

static void enqueue_bulk(struct planner *planner, struct item *item)
{
	TAILQ_INSERT_TAIL(&planner->bulk, item, waited);
	item->place = PLACE_BULK;
}

static bool is_queued(const struct item *item)
{
	return item->place == PLACE_REGULAR || item->place == PLACE_FIXED;
}

/* Moves an item to the class its facts give it, and to its place there. */
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

static int compare_items(const void *a, const void *b)
{
	int64_t left = ((const struct item *)a)->row;
	int64_t right = ((const struct item *)b)->row;
	return (left > right) - (left < right);
}

static struct item *find_item(const struct planner *planner, int64_t row)
{
	const struct item wanted = {.row = row};
	struct item *const *found = tfind(&wanted, &planner->items, compare_items);
	return found ? *found : NULL;
}

static int reserve(struct planner *planner, size_t count)
{
	for (size_t i = 0; i < CLASS_COUNT; i++)
		if (queue_reserve(&planner->groups[i].regular, count) < 0 ||
		    queue_reserve(&planner->groups[i].fixed, count) < 0)
			return -1;
	return 0;
}

static struct item *new_item(struct planner *planner, int64_t row)
{
	if (reserve(planner, planner->allocated + 1) < 0)
		return NULL;
	struct item *item = calloc(1, sizeof(*item));
	if (!item)
		return NULL;
	item->row = row;
	item->asked_at = NEVER;
	item->item_class = CLASS_IDLE;
	item->jitter = roll_jitter(planner);
	if (!tsearch(item, &planner->items, compare_items)) {
		free(item);
		return NULL;
	}
	planner->allocated++;
	return item;
}

static void free_item(struct planner *planner, struct item *item)
{
	tdelete(item, &planner->items, compare_items);
	planner->allocated--;
	free(item);
}

static void count_in(struct planner *planner, struct item *item)
{
	planner->count++;
	planner->groups[item->item_class].count++;
	share_out(planner);
}

static void count_out(struct planner *planner, struct item *item)
{
	planner->count--;
	planner->groups[item->item_class].count--;
	share_out(planner);
}

int planner_put(struct planner *planner, int64_t connector_row, bool active, int64_t young_until,
    int64_t synced_at, int64_t now)
{
	struct item *item = find_item(planner, connector_row);
	bool counted = item && !item->removed;
	if (!item)
		item = new_item(planner, connector_row);
	if (!item)
		return -1;
	item->removed = false;
	item->unfinished = active;
	item->young_until = young_until;
	if (!counted)
		count_in(planner, item);
	/* What the planner asked itself it knows better than the wall clock of the store. */
	if (item->asked_at == NEVER && synced_at != INT64_MIN) {
		item->asked_at = synced_at < now ? synced_at : now;
		if (item->place == PLACE_FIXED)
			lift(planner, item);
		item->fixed_at = NO_TIME;
	} else if (item->asked_at == NEVER && item->place == PLACE_NOWHERE) {
		item->fixed_at = now;
	}
	classify(planner, item, now);
	if (item->place == PLACE_NOWHERE)
		enqueue(planner, item);
	return 0;
}

void planner_remove(struct planner *planner, int64_t connector_row)
{
	struct item *item = find_item(planner, connector_row);
	if (!item || item->removed)
		return;
	count_out(planner, item);
	if (item->place == PLACE_FLIGHT) {
		item->removed = true;
		item->again = false;
		return;
	}
	lift(planner, item);
	free_item(planner, item);
}

size_t planner_count(const struct planner *planner)
{
	return planner->count;
}

/* Making and changing --------------------------------------------------------------------------*/

static void take_settings(struct planner *planner, const struct planner_settings *settings)
{
	assert(settings->list_interval > 0 && settings->active_interval > 0 &&
	       settings->idle_interval > 0 && settings->per_minute > 0);
	planner->settings = *settings;
	planner->groups[CLASS_ACTIVE].interval = settings->active_interval;
	planner->groups[CLASS_IDLE].interval = settings->idle_interval;
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
	tdestroy(planner->items, free);
	for (size_t i = 0; i < CLASS_COUNT; i++) {
		free(planner->groups[i].regular.items);
		free(planner->groups[i].fixed.items);
	}
	free(planner);
	return NULL;
}

static void rekey(struct planner *planner, struct queue *queue, int64_t latest)
{
	for (size_t i = 0; i < queue->count; i++) {
		struct item *item = queue->items[i];
		if (item->fixed_at != NO_TIME && item->fixed_at > latest)
			item->fixed_at = latest;
		set_key(planner, item);
	}
	queue_rebuild(queue);
}

void planner_change(struct planner *planner, const struct planner_settings *settings, int64_t now)
{
	take_settings(planner, settings);
	if (planner->list.fixed_at != NO_TIME &&
	    planner->list.fixed_at > now + planner->list_interval)
		planner->list.fixed_at = now + planner->list_interval;
	for (size_t i = 0; i < CLASS_COUNT; i++) {
		struct item_group *group = &planner->groups[i];
		rekey(planner, &group->regular, INT64_MAX);
		rekey(planner, &group->fixed, now + group->interval + group->stretch);
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

bool planner_want_history(struct planner *planner, int64_t connector_row, bool again)
{
	struct item *item = find_item(planner, connector_row);
	if (!item || item->removed)
		return false;
	if (item->place == PLACE_FLIGHT) {
		item->again |= again;
	} else if (item->place != PLACE_WAITED) {
		lift(planner, item);
		enqueue_waited(planner, item);
	}
	return true;
}

bool planner_want_bulk(struct planner *planner, int64_t connector_row, bool again)
{
	struct item *item = find_item(planner, connector_row);
	if (!item || item->removed)
		return false;
	if (item->place == PLACE_FLIGHT) {
		item->again |= again;
	} else if (item->place != PLACE_WAITED && item->place != PLACE_BULK) {
		lift(planner, item);
		enqueue_bulk(planner, item);
	}
	return true;
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

/* The longest overdue of a class; NULL with INT64_MAX when it has none. */
static const struct item *first_due(const struct item_group *group, int64_t *ret_due)
{
	const struct item *first = NULL;
	int64_t due = INT64_MAX;
	if (group->regular.count > 0) {
		first = group->regular.items[0];
		due = first->key + group->stretch;
	}
	if (group->fixed.count > 0 && (!first || group->fixed.items[0]->key < due)) {
		first = group->fixed.items[0];
		due = first->key;
	}
	*ret_due = due;
	return first;
}

static struct plan plan_history(const struct item *item, bool waited)
{
	return (struct plan){.kind = PLAN_HISTORY, .connector_row = item->row, .waited = waited};
}

static struct plan plan_nothing(int64_t list, int64_t active, int64_t idle)
{
	int64_t due = list < active ? list : active;
	return (struct plan){.kind = PLAN_NOTHING, .due = due < idle ? due : idle};
}

/* What is due by the clock, whatever anybody waits for. */
static struct plan plan_due(const struct planner *planner, int64_t now)
{
	int64_t active_due;
	int64_t idle_due;
	const struct item *active = first_due(&planner->groups[CLASS_ACTIVE], &active_due);
	const struct item *idle = first_due(&planner->groups[CLASS_IDLE], &idle_due);
	if (idle && idle_due <= now && planner->since_idle + 1 >= IDLE_TURN)
		return plan_history(idle, false);
	if (list_due(planner) <= now)
		return (struct plan){.kind = PLAN_LIST};
	if (active && active_due <= now)
		return plan_history(active, false);
	if (idle && idle_due <= now)
		return plan_history(idle, false);
	return plan_nothing(list_due(planner), active_due, idle_due);
}

struct plan planner_next(struct planner *planner, int64_t now)
{
	if (planner->list.waited)
		return (struct plan){.kind = PLAN_LIST, .waited = true};
	if (!TAILQ_EMPTY(&planner->waited))
		return plan_history(TAILQ_FIRST(&planner->waited), true);

	struct plan due = plan_due(planner, now);
	if (TAILQ_EMPTY(&planner->bulk) || (planner->bulk_last && due.kind != PLAN_NOTHING))
		return due;
	struct plan bulk = plan_history(TAILQ_FIRST(&planner->bulk), true);
	bulk.bulk = true;
	return bulk;
}

/* In flight and back ---------------------------------------------------------------------------*/

static void count_turn(struct planner *planner, bool idle)
{
	if (idle)
		planner->since_idle = 0;
	else if (planner->since_idle < IDLE_TURN)
		planner->since_idle++;
}

static void list_started(struct planner *planner, int64_t now)
{
	struct list_item *list = &planner->list;
	list->in_flight = true;
	list->waited = false;
	list->asked_at = now;
	list->fixed_at = NO_TIME;
	list->jitter = roll_jitter(planner);
	if (list->not_later <= now)
		list->not_later = INT64_MAX;
}

void planner_started(struct planner *planner, const struct plan *plan, int64_t now)
{
	struct item *item = NULL;
	if (plan->kind == PLAN_LIST)
		list_started(planner, now);
	else if (plan->kind == PLAN_HISTORY)
		item = find_item(planner, plan->connector_row);
	if (item) {
		lift(planner, item);
		item->place = PLACE_FLIGHT;
		item->asked_at = now;
		item->fixed_at = NO_TIME;
		item->jitter = roll_jitter(planner);
	}
	if (!plan->waited)
		count_turn(planner, item && item->item_class == CLASS_IDLE);
	if (plan->bulk || !plan->waited)
		planner->bulk_last = plan->bulk;
}

static void list_done(struct planner *planner, int64_t retry_after, int64_t now)
{
	struct list_item *list = &planner->list;
	list->in_flight = false;
	list->waited |= list->again;
	list->again = false;
	if (retry_after > 0)
		list->fixed_at = now + retry_after;
}

static void history_done(
    struct planner *planner, struct item *item, int64_t retry_after, int64_t now)
{
	item->place = PLACE_NOWHERE;
	if (item->removed) {
		free_item(planner, item);
		return;
	}
	if (retry_after > 0) {
		int64_t soonest = item->asked_at + minimum_gap(planner);
		item->fixed_at = now + retry_after > soonest ? now + retry_after : soonest;
	}
	classify(planner, item, now);
	if (item->again)
		enqueue_waited(planner, item);
	else
		enqueue(planner, item);
	item->again = false;
}

void planner_done(
    struct planner *planner, const struct plan *plan, int64_t retry_after, int64_t now)
{
	if (plan->kind == PLAN_LIST && planner->list.in_flight)
		list_done(planner, retry_after, now);
	if (plan->kind != PLAN_HISTORY)
		return;
	struct item *item = find_item(planner, plan->connector_row);
	if (item && item->place == PLACE_FLIGHT)
		history_done(planner, item, retry_after, now);
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
