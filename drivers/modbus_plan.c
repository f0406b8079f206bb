#include "drivers/modbus_plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"

enum { BITS_PER_REGISTER = 16 };

/* A tag, and what is known about reading it. */
struct item {
    struct modbus_plan_tag tag;
    uint32_t low; /* what must be read with it, in one request: low ≤ address … < high */
    uint32_t high;
    uint32_t island; /* no request spans two islands: the hole between them is too wide */
    bool is_single;  /* read in a request of its own (shared with tags of the same extent) */
    bool is_quarantined;
    uint8_t exception;
    int64_t retry_us;
};

struct entry {
    struct modbus_plan_request request;
    uint32_t split;   /* the two halves of a split share a number; 0: none */
    bool is_accepted; /* since it was made */
    bool is_refused;  /* and could not be split yet */
};

/* No request may contain all of first … end - 1. */
struct barrier {
    enum table table;
    uint32_t first;
    uint32_t end;
};

struct modbus_plan {
    struct modbus_plan_limits limits;
    size_t items_count;
    struct item *items;
    uint32_t *order;   /* all items, request by request */
    uint32_t *waiting; /* only while joining: those of an island without a request yet */
    struct entry *entries;
    size_t entries_count;
    size_t entries_room;
    struct barrier *barriers;
    size_t barriers_count;
    size_t barriers_room;
    uint32_t splits;
    bool is_stale; /* something was learnt since the requests were joined */
};

typedef uint64_t key_function(const struct item *item);

static uint32_t end_of(const struct item *item)
{
    return (uint32_t)item->tag.address + item->tag.count;
}

static uint64_t address_key(const struct item *item)
{
    return (uint64_t)item->tag.table << 32 | (uint64_t)item->tag.address << 12 |
           item->tag.count;
}

/* Singles last; then by request group and island, then from left to right. */
static uint64_t group_key(const struct item *item)
{
    return (uint64_t)item->is_single << 63 | (uint64_t)item->tag.period << 58 |
           (uint64_t)item->tag.table << 56 | (uint64_t)item->low << 36 |
           (uint64_t)item->tag.address << 16 | item->tag.count;
}

/* Moves the last of `count` indices, `gap` apart, down to where it belongs. */
static void sift(const struct modbus_plan *plan, uint32_t *last, size_t count, size_t gap,
                 key_function *key)
{
    uint32_t moved = *last;
    uint64_t moved_key = key(&plan->items[moved]);

    while (count > gap && key(&plan->items[last[-(ptrdiff_t)gap]]) > moved_key) {
        *last = last[-(ptrdiff_t)gap];
        last -= gap;
        count -= gap;
    }
    *last = moved;
}

/* Shell's sort (Ciura's gaps): in place, and quick on what is nearly sorted. */
static void sort(const struct modbus_plan *plan, uint32_t *indices, size_t count,
                 key_function *key)
{
    static const uint16_t gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1};

    for (size_t g = 0; g < sizeof gaps / sizeof *gaps; g++) {
        for (size_t i = gaps[g]; i < count; i++) {
            sift(plan, &indices[i], i + 1, gaps[g], key);
        }
    }
}

static uint32_t limit_of(const struct modbus_plan *plan, enum table table)
{
    return table_is_bits(table) ? plan->limits.max_bits : plan->limits.max_registers;
}

static uint32_t hole_of(const struct modbus_plan *plan, enum table table)
{
    return plan->limits.max_hole * (table_is_bits(table) ? (uint32_t)BITS_PER_REGISTER : 1U);
}

static bool is_same_extent(const struct item *a, const struct item *b)
{
    return a->tag.table == b->tag.table && a->tag.address == b->tag.address &&
           a->tag.count == b->tag.count;
}

static bool is_same_group(const struct item *a, const struct item *b)
{
    return a->is_single == b->is_single && a->tag.period == b->tag.period &&
           a->tag.table == b->tag.table;
}

/* The end that a request from `low` may have at most: the limit, and short of what the device
 * refuses: the barriers and the quarantined tags behind `low`. */
static uint32_t farthest_end(const struct modbus_plan *plan, enum table table, uint32_t low)
{
    uint32_t end = low + limit_of(plan, table);

    for (size_t i = 0; i < plan->barriers_count; i++) {
        const struct barrier *barrier = &plan->barriers[i];

        if (barrier->table == table && barrier->first >= low && barrier->end <= end) {
            end = barrier->end - 1;
        }
    }
    for (size_t i = 0; i < plan->items_count; i++) {
        const struct item *item = &plan->items[i];

        if (item->is_quarantined && item->tag.table == table && item->tag.address >= low &&
            end_of(item) <= end) {
            end = end_of(item) - 1;
        }
    }
    return end;
}

static void extend(struct item *item, uint32_t low, uint32_t high)
{
    item->low = low;
    item->high = high;
}

/* Tags that overlap are read together, so that no request ends inside a value. A chain of them
 * longer than a request is cut. Expects the order of group_key(). */
static void find_overlaps(struct modbus_plan *plan)
{
    size_t first = 0; /* of the overlapping ones */

    for (size_t i = 1; i < plan->items_count; i++) {
        const struct item *head = &plan->items[plan->order[first]];
        const struct item *item = &plan->items[plan->order[i]];
        uint32_t high = item->high > head->high ? item->high : head->high;

        if (item->is_single || !is_same_group(item, head) || item->low >= head->high ||
            high - head->low > limit_of(plan, item->tag.table)) {
            first = i;
            continue;
        }
        for (size_t k = first; k <= i; k++) {
            extend(&plan->items[plan->order[k]], head->low, high);
        }
    }
}

static void find_islands(struct modbus_plan *plan)
{
    uint32_t island = 0;
    uint32_t reach = 0;

    for (size_t i = 0; i < plan->items_count; i++) {
        struct item *item = &plan->items[plan->order[i]];

        if (i == 0 || !is_same_group(item, &plan->items[plan->order[i - 1]]) ||
            item->low > reach + hole_of(plan, item->tag.table)) {
            island++;
            reach = item->high;
        }
        reach = item->high > reach ? item->high : reach;
        item->island = island;
    }
}

/* A value and its exponent become one extent; false when they are one, or cannot be. */
static bool join_partner(struct modbus_plan *plan, struct item *value)
{
    struct item *partner = value->tag.partner < 0 ? value : &plan->items[value->tag.partner];
    uint32_t low = value->low < partner->low ? value->low : partner->low;
    uint32_t high = value->high > partner->high ? value->high : partner->high;
    bool is_equal = value->low == partner->low && value->high == partner->high;

    if (is_equal || value->is_single || partner->is_single ||
        value->island != partner->island || high > farthest_end(plan, value->tag.table, low)) {
        return false;
    }
    value->low = partner->low = low;
    value->high = partner->high = high;
    return true;
}

/* Until all that share an exponent have the same extent. */
static void join_partners(struct modbus_plan *plan)
{
    bool is_changed;

    do {
        is_changed = false;
        for (size_t i = 0; i < plan->items_count; i++) {
            is_changed = join_partner(plan, &plan->items[i]) || is_changed;
        }
    } while (is_changed);
}

static void describe(const struct modbus_plan *plan, struct modbus_plan_request *request)
{
    const struct item *head = &plan->items[request->tags[0]];
    uint32_t reach = head->tag.address;
    uint32_t unused = 0;

    for (size_t i = 0; i < request->tags_count; i++) {
        const struct item *item = &plan->items[request->tags[i]];

        unused += item->tag.address > reach ? item->tag.address - reach : 0;
        reach = end_of(item) > reach ? end_of(item) : reach;
    }
    request->table = head->tag.table;
    request->period = head->tag.period;
    request->address = head->tag.address;
    request->count = (uint16_t)(reach - head->tag.address);
    request->unused = (uint16_t)unused;
    request->is_quarantined = head->is_quarantined;
}

static void make_room(struct modbus_plan *plan)
{
    plan->entries = memory_grow(plan->entries, &plan->entries_room, plan->entries_count + 1,
                                sizeof *plan->entries);
}

static void add_request(struct modbus_plan *plan, size_t first, size_t count)
{
    struct entry *entry;

    make_room(plan);
    entry = &plan->entries[plan->entries_count++];
    memset(entry, 0, sizeof *entry);
    sort(plan, plan->order + first, count, address_key);
    entry->request.tags = plan->order + first;
    entry->request.tags_count = count;
    describe(plan, &entry->request);
}

/* Moves those of the first `count` that wait and end by `end` to `order`; returns how many. */
static size_t take(struct modbus_plan *plan, uint32_t *order, size_t count, uint32_t end)
{
    size_t taken = 0;
    size_t left = 0;

    for (size_t i = 0; i < count; i++) {
        if (plan->items[plan->waiting[i]].high <= end) {
            order[taken++] = plan->waiting[i];
        } else {
            plan->waiting[left++] = plan->waiting[i];
        }
    }
    return taken;
}

/* Fills requests from left to right, each as far as it may go: the leftmost value needs a
 * request that begins with it or before, and beginning before gains nothing. */
static void join_island(struct modbus_plan *plan, size_t first, size_t count)
{
    memcpy(plan->waiting, plan->order + first, count * sizeof *plan->waiting);
    while (count > 0) {
        const struct item *head = &plan->items[plan->waiting[0]];
        uint32_t end = farthest_end(plan, head->tag.table, head->low);
        size_t taken =
            take(plan, plan->order + first, count, end > head->high ? end : head->high);

        add_request(plan, first, taken);
        first += taken;
        count -= taken;
    }
}

/* Whether two neighbours in order are joined as one: an island, or tags of one extent. */
static bool is_together(const struct item *a, const struct item *b)
{
    return is_same_group(a, b) &&
           (a->is_single ? is_same_extent(a, b) : a->island == b->island);
}

static void join(struct modbus_plan *plan)
{
    for (size_t i = 0; i < plan->items_count; i++) {
        extend(&plan->items[i], plan->items[i].tag.address, end_of(&plan->items[i]));
    }
    sort(plan, plan->order, plan->items_count, group_key);
    find_overlaps(plan);
    find_islands(plan);
    join_partners(plan);
    sort(plan, plan->order, plan->items_count, group_key);
    plan->waiting = memory_allocate(plan->items_count, sizeof *plan->waiting);
    plan->entries_count = 0;
    for (size_t first = 0; first < plan->items_count;) {
        const struct item *head = &plan->items[plan->order[first]];
        size_t end = first + 1;

        while (end < plan->items_count && is_together(head, &plan->items[plan->order[end]])) {
            end++;
        }
        if (head->is_single) {
            add_request(plan, first, end - first);
        } else {
            join_island(plan, first, end - first);
        }
        first = end;
    }
    free(plan->waiting);
    plan->waiting = NULL;
    plan->is_stale = false;
}

struct modbus_plan *modbus_plan_create(const struct modbus_plan_tag *tags, size_t tags_count,
                                       const struct modbus_plan_limits *limits)
{
    struct modbus_plan *plan = memory_allocate(1, sizeof *plan);

    plan->limits = *limits;
    plan->items_count = tags_count;
    plan->items = memory_allocate(tags_count, sizeof *plan->items);
    plan->order = memory_allocate(tags_count, sizeof *plan->order);
    for (size_t i = 0; i < tags_count; i++) {
        assert(tags[i].count >= 1 && tags[i].count <= limit_of(plan, tags[i].table));
        assert(tags[i].address + tags[i].count <= UINT16_MAX + 1);
        assert(tags[i].partner < (int)tags_count);
        plan->items[i].tag = tags[i];
        plan->order[i] = (uint32_t)i;
    }
    join(plan);
    return plan;
}

void modbus_plan_destroy(struct modbus_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    free(plan->items);
    free(plan->order);
    free(plan->entries);
    free(plan->barriers);
    free(plan);
}

size_t modbus_plan_count(const struct modbus_plan *plan)
{
    return plan->entries_count;
}

const struct modbus_plan_request *modbus_plan_get(const struct modbus_plan *plan,
                                                  size_t request)
{
    assert(request < plan->entries_count);
    return &plan->entries[request].request;
}

uint8_t modbus_plan_exception(const struct modbus_plan *plan, size_t request)
{
    return plan->items[modbus_plan_get(plan, request)->tags[0]].exception;
}

int64_t modbus_plan_retry_us(const struct modbus_plan *plan, size_t request)
{
    return plan->items[modbus_plan_get(plan, request)->tags[0]].retry_us;
}

/* Both halves are good and the whole was not: they are to be kept apart. */
static void keep_apart(struct modbus_plan *plan, struct entry *left, struct entry *right)
{
    struct barrier barrier = {.table = left->request.table,
                              .first = left->request.address + left->request.count - 1U,
                              .end = right->request.address + 1U};
    struct entry *halves[] = {left, right};

    left->split = right->split = 0;
    if (barrier.first + 1 < barrier.end) {
        if (plan->barriers_count < 2 * plan->items_count) {
            plan->barriers = memory_grow(plan->barriers, &plan->barriers_room,
                                         plan->barriers_count + 1, sizeof *plan->barriers);
            plan->barriers[plan->barriers_count++] = barrier;
        }
        return;
    }
    for (size_t h = 0; h < 2; h++) { /* they overlap: no address lies between them */
        for (size_t i = 0; i < halves[h]->request.tags_count; i++) {
            plan->items[halves[h]->request.tags[i]].is_single = true;
        }
    }
}

void modbus_plan_accept(struct modbus_plan *plan, size_t request)
{
    struct entry *entry = &plan->entries[request];

    assert(request < plan->entries_count);
    entry->is_accepted = true;
    entry->is_refused = false;
    if (entry->request.is_quarantined) {
        for (size_t i = 0; i < entry->request.tags_count; i++) {
            plan->items[entry->request.tags[i]].is_quarantined = false;
            plan->items[entry->request.tags[i]].is_single = false;
        }
        entry->request.is_quarantined = false;
        plan->is_stale = true;
    }
    if (request > 0 && entry->split != 0 && entry[-1].split == entry->split &&
        entry[-1].is_accepted) {
        keep_apart(plan, entry - 1, entry);
    }
}

enum cut { CUT_NONE, CUT_EXTENT, CUT_VALUE, CUT_HOLE };

/* How good a place for a cut is before the request's `at`-th tag, whose predecessors reach to
 * `reach`: in a hole is best, then between two values, then between two that overlap. */
static enum cut rate_cut(const struct modbus_plan *plan,
                         const struct modbus_plan_request *request, size_t at, uint32_t reach)
{
    const struct item *before = &plan->items[request->tags[at - 1]];
    const struct item *behind = &plan->items[request->tags[at]];

    if (behind->tag.address > reach) {
        return CUT_HOLE;
    }
    if (behind->tag.address == reach) {
        return CUT_VALUE;
    }
    return is_same_extent(before, behind) ? CUT_NONE : CUT_EXTENT;
}

/* The tag that the right half begins with, 0 when the request cannot be split: the best place,
 * and of those the nearest to the middle. */
static size_t find_cut(const struct modbus_plan *plan,
                       const struct modbus_plan_request *request)
{
    size_t middle = request->tags_count / 2;
    enum cut best = CUT_NONE;
    size_t best_at = 0;
    size_t best_distance = 0;
    uint32_t reach = 0;

    for (size_t at = 1; at < request->tags_count; at++) {
        uint32_t end = end_of(&plan->items[request->tags[at - 1]]);
        size_t distance = at > middle ? at - middle : middle - at;
        enum cut cut;

        reach = end > reach ? end : reach;
        cut = rate_cut(plan, request, at, reach);
        if (cut > best || (cut == best && cut != CUT_NONE && distance < best_distance)) {
            best = cut;
            best_at = at;
            best_distance = distance;
        }
    }
    return best_at;
}

static void split(struct modbus_plan *plan, size_t request, size_t cut)
{
    struct entry *left;
    struct entry *right;

    assert(plan->entries_count < plan->items_count);
    make_room(plan);
    left = &plan->entries[request];
    right = left + 1;
    memmove(right + 1, right, (plan->entries_count - request - 1) * sizeof *right);
    plan->entries_count++;
    plan->splits++;
    left->split = plan->splits;
    left->is_accepted = false;
    left->is_refused = false;
    *right = *left;
    right->request.tags += cut;
    right->request.tags_count -= cut;
    left->request.tags_count = cut;
    describe(plan, &left->request);
    describe(plan, &right->request);
    plan->is_stale = true;
}

bool modbus_plan_refuse(struct modbus_plan *plan, size_t request, bool may_split,
                        uint8_t exception, int64_t retry_us)
{
    struct entry *entry = &plan->entries[request];
    size_t cut = find_cut(plan, &entry->request);

    assert(request < plan->entries_count);
    entry->is_accepted = false;
    if (cut != 0) {
        entry->is_refused = !may_split;
        if (may_split) {
            split(plan, request, cut);
        }
        return may_split;
    }
    for (size_t i = 0; i < entry->request.tags_count; i++) {
        struct item *item = &plan->items[entry->request.tags[i]];

        plan->is_stale = plan->is_stale || !item->is_quarantined;
        item->is_single = true;
        item->is_quarantined = true;
        item->exception = exception;
        item->retry_us = retry_us;
    }
    entry->request.is_quarantined = true;
    return false;
}

bool modbus_plan_renew(struct modbus_plan *plan)
{
    if (!plan->is_stale) {
        return false;
    }
    for (size_t i = 0; i < plan->entries_count; i++) {
        if (plan->entries[i].is_refused) {
            return false;
        }
    }
    join(plan);
    return true;
}
