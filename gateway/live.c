#include "gateway/live.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/clock.h"

enum { SECOND_US = 1000000, WORD_BITS = 64 };

/* A set of a machine's tags. */
struct tag_set {
    uint64_t *words;
    size_t words_count;
    size_t count;
};

/* One machine's newest, and what of it the broker has not been told yet. */
struct slot {
    struct health health;
    struct point *points; /* one a tag; `text` is its place in `texts`, for ever */
    char *texts;          /* the values: a tag may be absent from the newest payload */
    size_t texts_size;
    char *payload; /* of the newest sample */
    size_t payload_room;
    size_t payload_length; /* 0: no sample yet */
    uint64_t seq;          /* of the newest sample */
    int64_t time_us;
    uint64_t revision; /* counts what the page can see */
    uint64_t samples;  /* since the start */
    uint64_t taken[LIVE_KINDS_COUNT];
    uint32_t *taken_now; /* one a tag; NULL when `now` says nothing */

    bool is_status_due;
    bool is_info_due;
    bool is_snapshot_due;
    int64_t info_next_us; /* monotonic: not before */
    int64_t snapshot_next_us;
    int64_t now_next_us;
    uint32_t achieved_told_ms;
    struct told *told;      /* one a tag: what `now` said last; NULL when it says nothing */
    struct tag_set moved;   /* differ from what was told, wait for now_next_us */
    struct tag_set leaving; /* let go, one after the other */

    int64_t due_us; /* when the next of all that is due; WAKE_NEVER: nothing */
    size_t place;   /* in the heap */
};

struct live {
    const struct factory *factory;
    struct wake *publisher;
    pthread_mutex_t mutex;
    struct slot *slots;
    size_t *heap;     /* indices of slots, the earliest due first */
    int64_t asked_us; /* the publisher sleeps until then */
    size_t text_size;
    struct live_totals totals;
};

static void set_create(struct tag_set *set, size_t tags_count)
{
    set->words_count = tags_count / WORD_BITS + 1;
    set->words = memory_allocate(set->words_count, sizeof *set->words);
}

static bool set_has(const struct tag_set *set, size_t tag)
{
    return (set->words[tag / WORD_BITS] >> (tag % WORD_BITS) & 1) != 0;
}

static void set_add(struct tag_set *set, size_t tag)
{
    if (!set_has(set, tag)) {
        set->words[tag / WORD_BITS] |= UINT64_C(1) << (tag % WORD_BITS);
        set->count++;
    }
}

/* Takes the lowest; the set must not be empty. */
static size_t set_take(struct tag_set *set)
{
    size_t word = 0;
    while (set->words[word] == 0) {
        word++;
        assert(word < set->words_count);
    }
    size_t bit = (size_t)__builtin_ctzll(set->words[word]);
    set->words[word] &= set->words[word] - 1;
    set->count--;
    return word * WORD_BITS + bit;
}

static void set_move(struct tag_set *to, struct tag_set *from)
{
    for (size_t word = 0; word < to->words_count; word++) {
        to->words[word] = from->words[word];
        from->words[word] = 0;
    }
    to->count = from->count;
    from->count = 0;
}

static int64_t due_at(const struct live *live, size_t place)
{
    return live->slots[live->heap[place]].due_us;
}

static void swap_places(struct live *live, size_t one, size_t other)
{
    size_t slot = live->heap[one];
    live->heap[one] = live->heap[other];
    live->heap[other] = slot;
    live->slots[live->heap[one]].place = one;
    live->slots[live->heap[other]].place = other;
}

/* Brings a slot to its place after its due time changed. */
static void settle(struct live *live, size_t place)
{
    size_t count = live->factory->machines_count;
    while (place > 0 && due_at(live, place) < due_at(live, (place - 1) / 2)) {
        swap_places(live, place, (place - 1) / 2);
        place = (place - 1) / 2;
    }
    for (;;) {
        size_t earliest = place;
        for (size_t child = 2 * place + 1; child <= 2 * place + 2 && child < count; child++) {
            earliest = due_at(live, child) < due_at(live, earliest) ? child : earliest;
        }
        if (earliest == place) {
            return;
        }
        swap_places(live, place, earliest);
        place = earliest;
    }
}

static void schedule(struct live *live, struct slot *slot)
{
    int64_t due_us = slot->is_status_due || slot->leaving.count > 0 ? 0 : WAKE_NEVER;
    if (slot->is_info_due) {
        due_us = clock_sooner(due_us, slot->info_next_us);
    }
    if (slot->is_snapshot_due) {
        due_us = clock_sooner(due_us, slot->snapshot_next_us);
    }
    if (slot->moved.count > 0) {
        due_us = clock_sooner(due_us, slot->now_next_us);
    }
    slot->due_us = due_us;
    settle(live, slot->place);
}

/* Unlocks, and wakes the publisher when something is due before it would look by itself. */
static void unlock_and_tell(struct live *live)
{
    int64_t due_us = live->factory->machines_count > 0 ? due_at(live, 0) : WAKE_NEVER;
    bool is_early = due_us < live->asked_us;
    if (is_early) {
        live->asked_us = due_us;
    }
    (void)pthread_mutex_unlock(&live->mutex);
    if (is_early) {
        wake_up(live->publisher);
    }
}

static void slot_create(struct slot *slot, const struct machine *machine)
{
    const struct map *map = machine->map;
    slot->points = memory_allocate(map->tags_count + 1, sizeof *slot->points);
    slot->told = machine->now_is_enabled
                     ? memory_allocate(map->tags_count + 1, sizeof *slot->told)
                     : NULL;
    slot->taken_now = machine->now_is_enabled
                          ? memory_allocate(map->tags_count + 1, sizeof *slot->taken_now)
                          : NULL;
    set_create(&slot->moved, map->tags_count);
    set_create(&slot->leaving, map->tags_count);
    slot->due_us = WAKE_NEVER;
    uint32_t texts_size = 0;
    for (size_t tag = 0; tag < map->tags_count; tag++) {
        slot->points[tag].text = texts_size;
        texts_size += (uint32_t)sample_value_size(&map->tags[tag]);
    }
    slot->texts_size = texts_size;
    slot->texts = memory_allocate(texts_size + 1, 1);
}

struct live *live_create(const struct factory *factory, struct wake *publisher)
{
    struct live *live = memory_allocate(1, sizeof *live);
    live->factory = factory;
    live->publisher = publisher;
    live->asked_us = WAKE_NEVER;
    (void)pthread_mutex_init(&live->mutex, NULL);
    live->slots = memory_allocate(factory->machines_count + 1, sizeof *live->slots);
    live->heap = memory_allocate(factory->machines_count + 1, sizeof *live->heap);
    for (size_t at = 0; at < factory->machines_count; at++) {
        const struct map *map = factory->machines[at].map;
        slot_create(&live->slots[at], &factory->machines[at]);
        live->slots[at].place = at;
        live->heap[at] = at;
        size_t payload_size = sample_payload_size(map);
        live->text_size = payload_size > live->text_size ? payload_size : live->text_size;
    }
    return live;
}

void live_destroy(struct live *live)
{
    for (size_t at = 0; at < live->factory->machines_count; at++) {
        struct slot *slot = &live->slots[at];
        free(slot->points);
        free(slot->told);
        free(slot->taken_now);
        free(slot->texts);
        free(slot->payload);
        free(slot->moved.words);
        free(slot->leaving.words);
    }
    free(live->slots);
    free(live->heap);
    (void)pthread_mutex_destroy(&live->mutex);
    free(live);
}

/* A point of the sample becomes the newest of its tag. */
static void take_point(struct live *live, struct slot *slot, const struct sample *sample,
                       size_t index)
{
    const struct machine *machine = &live->factory->machines[sample->machine];
    const struct point *point = &sample->points[index];
    const char *text = sample_value(sample, index);
    if (machine->now_is_enabled && !set_has(&slot->leaving, index) &&
        told_has_moved(&slot->told[index], &machine->map->tags[index], point, text)) {
        set_add(&slot->moved, index);
    }
    uint32_t place = slot->points[index].text;
    slot->points[index] = *point;
    slot->points[index].text = place;
    (void)memcpy(slot->texts + place, text, point->text_length);
    live->totals.readings += point->quality != QUALITY_BAD ? 1 : 0;
}

/* A payload may be several times as large as most are: room is made for what came so far. */
static void take_payload(struct slot *slot, const char *payload, size_t length)
{
    if (length > slot->payload_room) {
        free(slot->payload);
        slot->payload_room = 0;
        slot->payload = memory_grow(NULL, &slot->payload_room, length + length / 8, 1);
    }
    (void)memcpy(slot->payload, payload, length);
    slot->payload_length = length;
}

void live_update(struct live *live, const struct sample *sample)
{
    assert(sample->seq > 0);
    (void)pthread_mutex_lock(&live->mutex);
    struct slot *slot = &live->slots[sample->machine];
    for (size_t index = 0; index < sample->points_count; index++) {
        if (sample->points[index].is_present) {
            take_point(live, slot, sample, index);
        }
    }
    take_payload(slot, sample->text + sample->payload, sample->payload_length);
    slot->seq = sample->seq;
    slot->time_us = sample->time_us;
    slot->revision++;
    slot->samples++;
    slot->is_snapshot_due = true;
    live->totals.samples++;
    schedule(live, slot);
    unlock_and_tell(live);
}

static bool has_other_pace(const struct slot *slot, uint32_t achieved_ms)
{
    uint32_t told_ms = slot->achieved_told_ms;
    uint32_t difference = achieved_ms > told_ms ? achieved_ms - told_ms : told_ms - achieved_ms;
    return difference * 50 > told_ms; /* 2 % */
}

void live_report(struct live *live, size_t machine, const struct health *health)
{
    (void)pthread_mutex_lock(&live->mutex);
    struct slot *slot = &live->slots[machine];
    struct health *old = &slot->health;
    live->totals.polls += health->polls - old->polls;
    live->totals.failed += health->failed - old->failed;
    live->totals.missed += health->missed - old->missed;
    live->totals.machines_online += health->is_online ? 1 : 0;
    live->totals.machines_online -= old->is_online ? 1 : 0;
    if (health->is_known != old->is_known || health->is_online != old->is_online) {
        slot->is_status_due = true;
        slot->is_info_due = true;
        slot->info_next_us = 0;
    } else if (health->is_known &&
               (health->reason != old->reason || health->exception != old->exception ||
                strcmp(health->detail, old->detail) != 0 ||
                has_other_pace(slot, health->achieved_ms))) {
        slot->is_info_due = true;
    }
    *old = *health;
    slot->revision++;
    schedule(live, slot);
    unlock_and_tell(live);
}

size_t live_text_size(const struct live *live)
{
    return live->text_size;
}

static void copy_text(struct live_item *item, const char *text, size_t length)
{
    assert(length <= item->text_size);
    (void)memcpy(item->text, text, length);
    item->text_length = length;
}

static void take_now(struct slot *slot, struct live_item *item)
{
    size_t tag = set_take(&slot->leaving);
    const struct point *point = &slot->points[tag];
    const char *text = slot->texts + point->text;
    item->kind = LIVE_NOW;
    item->tag = tag;
    item->point = *point;
    copy_text(item, text, point->text_length);
    told_remember(&slot->told[tag], point, text);
}

/* The least time between two beats of `now`. Who is read no oftener than shown is shown as soon
 * as it is read: a pause would only add one beat's unpunctuality to the next. */
static int64_t now_pause_us(const struct machine *machine)
{
    bool is_slow = machine->periods_ms[0] >= machine->now_ms;
    return is_slow ? 0 : (int64_t)machine->now_ms * 1000;
}

/* What of this slot comes first; false when nothing of it is due at `now_us`. */
static bool take_from(const struct machine *machine, struct slot *slot, int64_t now_us,
                      struct live_item *item)
{
    item->health = slot->health;
    if (slot->is_status_due) {
        slot->is_status_due = false;
        item->kind = LIVE_STATUS;
        return true;
    }
    if (slot->is_info_due && slot->info_next_us <= now_us) {
        slot->is_info_due = false;
        slot->info_next_us = now_us + SECOND_US;
        slot->achieved_told_ms = slot->health.achieved_ms;
        item->kind = LIVE_INFO;
        return true;
    }
    if (slot->leaving.count == 0 && slot->moved.count > 0 && slot->now_next_us <= now_us) {
        set_move(&slot->leaving, &slot->moved);
        slot->now_next_us = now_us + now_pause_us(machine);
    }
    if (slot->leaving.count > 0) {
        take_now(slot, item);
        return true;
    }
    if (slot->is_snapshot_due && slot->snapshot_next_us <= now_us) {
        slot->is_snapshot_due = false;
        slot->snapshot_next_us = now_us + SECOND_US;
        item->kind = LIVE_SNAPSHOT;
        copy_text(item, slot->payload, slot->payload_length);
        return true;
    }
    return false;
}

static void count_taken(struct slot *slot, const struct live_item *item)
{
    slot->taken[item->kind]++;
    if (item->kind == LIVE_NOW) {
        slot->taken_now[item->tag]++;
    }
}

bool live_take(struct live *live, int64_t now_us, struct live_item *item, int64_t *due_us)
{
    (void)pthread_mutex_lock(&live->mutex);
    bool is_found = false;
    while (!is_found && live->factory->machines_count > 0 && due_at(live, 0) <= now_us) {
        item->machine = live->heap[0];
        struct slot *slot = &live->slots[item->machine];
        is_found = take_from(&live->factory->machines[item->machine], slot, now_us, item);
        if (is_found) {
            count_taken(slot, item);
        }
        schedule(live, slot);
    }
    *due_us = live->factory->machines_count > 0 ? due_at(live, 0) : WAKE_NEVER;
    live->asked_us = *due_us;
    (void)pthread_mutex_unlock(&live->mutex);
    return is_found;
}

static void renew_slot(struct slot *slot, const struct machine *machine)
{
    /* Also of a machine that nobody has heard yet: the `online` that an earlier run left with
     * the broker must not stand until the third poll fails. */
    slot->is_status_due = true;
    slot->is_info_due = slot->health.is_known;
    slot->is_snapshot_due = slot->payload_length > 0;
    slot->info_next_us = 0;
    slot->snapshot_next_us = 0;
    slot->now_next_us = 0;
    size_t tags_count = machine->now_is_enabled ? machine->map->tags_count : 0;
    for (size_t tag = 0; tag < tags_count; tag++) {
        if (slot->points[tag].is_present && !set_has(&slot->leaving, tag)) {
            set_add(&slot->moved, tag);
        }
    }
}

void live_renew(struct live *live)
{
    (void)pthread_mutex_lock(&live->mutex);
    for (size_t at = 0; at < live->factory->machines_count; at++) {
        renew_slot(&live->slots[at], &live->factory->machines[at]);
        schedule(live, &live->slots[at]);
    }
    unlock_and_tell(live);
}

void live_health(struct live *live, size_t machine, struct health *health)
{
    (void)pthread_mutex_lock(&live->mutex);
    *health = live->slots[machine].health;
    (void)pthread_mutex_unlock(&live->mutex);
}

void live_view_create(const struct live *live, size_t machine, struct live_view *view)
{
    const struct map *map = live->factory->machines[machine].map;
    *view = (struct live_view){
        .points = memory_allocate(map->tags_count + 1, sizeof *view->points),
        .texts_size = live->slots[machine].texts_size,
        .texts = memory_allocate(live->slots[machine].texts_size + 1, 1),
        .payload = memory_allocate(sample_payload_size(map), 1),
        .taken_now = memory_allocate(map->tags_count + 1, sizeof *view->taken_now),
    };
}

void live_view_release(struct live_view *view)
{
    free(view->points);
    free(view->texts);
    free(view->payload);
    free(view->taken_now);
}

bool live_look(struct live *live, size_t machine, struct live_view *view)
{
    const struct map *map = live->factory->machines[machine].map;
    (void)pthread_mutex_lock(&live->mutex);
    const struct slot *slot = &live->slots[machine];
    bool is_new = view->revision != slot->revision + 1;
    if (is_new) {
        view->revision = slot->revision + 1;
        view->health = slot->health;
        view->seq = slot->seq;
        view->time_us = slot->time_us;
        view->payload_length = slot->payload_length;
        view->samples = slot->samples;
        (void)memcpy(view->taken, slot->taken, sizeof view->taken);
        if (slot->taken_now != NULL) {
            (void)memcpy(view->taken_now, slot->taken_now,
                         map->tags_count * sizeof *view->taken_now);
        }
        (void)memcpy(view->points, slot->points, map->tags_count * sizeof *view->points);
        (void)memcpy(view->texts, slot->texts, slot->texts_size);
        if (slot->payload_length > 0) {
            (void)memcpy(view->payload, slot->payload, slot->payload_length);
        }
    }
    (void)pthread_mutex_unlock(&live->mutex);
    return is_new;
}

void live_totals(struct live *live, struct live_totals *totals)
{
    (void)pthread_mutex_lock(&live->mutex);
    *totals = live->totals;
    (void)pthread_mutex_unlock(&live->mutex);
}
