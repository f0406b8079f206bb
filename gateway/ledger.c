#include "gateway/ledger.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "config/memory.h"

/* How old a commit is, kept in steps of 50 ms for the last 3 s: that is all that "late" asks.
 */
enum { MARKS_MAX = 64, MARK_STEP_US = 50000 };

struct mark {
    int64_t time_us; /* monotonic */
    uint64_t seq;    /* committed at that time or before */
};

struct ledger {
    pthread_mutex_t mutex;
    struct wake *publisher;
    struct ledger_view view;
    uint64_t allowed;
    struct parking_lot *parked; /* copies of the lots */
    size_t parked_count;
    size_t parked_room;
    struct mark marks[MARKS_MAX]; /* a ring, oldest at `first` */
    size_t first;
    size_t count;
    uint64_t forgotten; /* committed before the oldest mark */
};

struct ledger *ledger_create(uint64_t run, uint64_t committed, uint64_t acknowledged,
                             struct wake *publisher)
{
    struct ledger *ledger = memory_allocate(1, sizeof *ledger);
    (void)pthread_mutex_init(&ledger->mutex, NULL);
    ledger->publisher = publisher;
    ledger->view.run = run;
    ledger->view.committed = committed;
    ledger->view.acknowledged = acknowledged;
    ledger->view.is_journal_ok = true;
    ledger->forgotten = committed;
    ledger->allowed = UINT64_MAX;
    return ledger;
}

void ledger_destroy(struct ledger *ledger)
{
    (void)pthread_mutex_destroy(&ledger->mutex);
    free(ledger->parked);
    free(ledger);
}

void ledger_read(struct ledger *ledger, struct ledger_view *view)
{
    (void)pthread_mutex_lock(&ledger->mutex);
    *view = ledger->view;
    (void)pthread_mutex_unlock(&ledger->mutex);
}

static void add_mark(struct ledger *ledger, uint64_t seq, int64_t now_us)
{
    struct mark *newest = &ledger->marks[(ledger->first + ledger->count - 1) % MARKS_MAX];
    if (ledger->count > 0 && now_us - newest->time_us < MARK_STEP_US) {
        newest->seq =
            seq; /* seems older than it is by one step at most: late is never missed */
        return;
    }
    if (ledger->count == MARKS_MAX) {
        ledger->forgotten = ledger->marks[ledger->first].seq;
        ledger->first = (ledger->first + 1) % MARKS_MAX;
        ledger->count--;
    }
    ledger->marks[(ledger->first + ledger->count) % MARKS_MAX] =
        (struct mark){.time_us = now_us, .seq = seq};
    ledger->count++;
}

void ledger_commit(struct ledger *ledger, uint64_t seq, int64_t now_us)
{
    (void)pthread_mutex_lock(&ledger->mutex);
    assert(seq >= ledger->view.committed);
    ledger->view.committed = seq;
    add_mark(ledger, seq, now_us);
    (void)pthread_mutex_unlock(&ledger->mutex);
    wake_up(ledger->publisher);
}

void ledger_report(struct ledger *ledger, bool is_journal_ok, uint64_t journal_bytes,
                   uint64_t evicted_count, int64_t oldest_us, bool is_salvaging)
{
    (void)pthread_mutex_lock(&ledger->mutex);
    ledger->view.is_journal_ok = is_journal_ok;
    ledger->view.journal_bytes = journal_bytes;
    ledger->view.evicted_count = evicted_count;
    ledger->view.oldest_us = oldest_us;
    ledger->view.is_salvaging = is_salvaging;
    (void)pthread_mutex_unlock(&ledger->mutex);
}

void ledger_allow(struct ledger *ledger, uint64_t seq)
{
    (void)pthread_mutex_lock(&ledger->mutex);
    bool is_more = seq > ledger->allowed;
    ledger->allowed = seq;
    (void)pthread_mutex_unlock(&ledger->mutex);
    if (is_more) {
        wake_up(ledger->publisher);
    }
}

uint64_t ledger_allowed(struct ledger *ledger)
{
    (void)pthread_mutex_lock(&ledger->mutex);
    uint64_t seq = ledger->allowed;
    (void)pthread_mutex_unlock(&ledger->mutex);
    return seq;
}

void ledger_open(struct ledger *ledger, uint64_t committed, uint64_t acknowledged)
{
    (void)pthread_mutex_lock(&ledger->mutex);
    ledger->view.committed = committed;
    ledger->view.acknowledged = acknowledged;
    ledger->forgotten = committed;
    ledger->count = 0;
    (void)pthread_mutex_unlock(&ledger->mutex);
}

void ledger_hold(struct ledger *ledger, bool is_held)
{
    (void)pthread_mutex_lock(&ledger->mutex);
    ledger->view.is_journal_held = is_held;
    (void)pthread_mutex_unlock(&ledger->mutex);
}

void ledger_acknowledge(struct ledger *ledger, uint64_t seq)
{
    (void)pthread_mutex_lock(&ledger->mutex);
    assert(seq >= ledger->view.acknowledged);
    ledger->view.acknowledged = seq;
    (void)pthread_mutex_unlock(&ledger->mutex);
}

void ledger_park(struct ledger *ledger, const struct parking *parking)
{
    (void)pthread_mutex_lock(&ledger->mutex);
    ledger->parked = memory_grow(ledger->parked, &ledger->parked_room, parking->count,
                                 sizeof *ledger->parked);
    for (size_t at = 0; at < parking->count; at++) {
        struct parking_lot *parked = &ledger->parked[at];
        *parked = *parking->lots[at];
        parked->to = parked->is_whole_topic ? UINT64_MAX : parked->to; /* it grows unsaid */
    }
    ledger->parked_count = parking->count;
    ledger->view.parked = parking_first(parking);
    (void)pthread_mutex_unlock(&ledger->mutex);
}

void ledger_park_any(struct ledger *ledger, uint64_t first)
{
    struct parking_lot lot = {.topic = PARKING_ANY, .from = first, .to = UINT64_MAX};
    const struct parking parking = {.lots = {&lot}, .count = first > 0 ? 1 : 0};
    ledger_park(ledger, &parking);
}

bool ledger_is_parked(struct ledger *ledger, uint64_t seq, uint64_t topic, size_t length)
{
    bool is_parked = false;
    (void)pthread_mutex_lock(&ledger->mutex);
    for (size_t at = 0; at < ledger->parked_count && !is_parked; at++) {
        const struct parking_lot *lot = &ledger->parked[at];
        is_parked = seq >= lot->from && seq <= lot->to && parking_holds(lot, topic, length);
    }
    (void)pthread_mutex_unlock(&ledger->mutex);
    return is_parked;
}

void ledger_obsolete_cleared(struct ledger *ledger)
{
    (void)pthread_mutex_lock(&ledger->mutex);
    ledger->view.is_obsolete_cleared = true;
    (void)pthread_mutex_unlock(&ledger->mutex);
}

uint64_t ledger_committed_before(struct ledger *ledger, int64_t now_us, int64_t age_us)
{
    (void)pthread_mutex_lock(&ledger->mutex);
    uint64_t seq = ledger->forgotten;
    for (size_t at = 0; at < ledger->count; at++) {
        const struct mark *mark = &ledger->marks[(ledger->first + at) % MARKS_MAX];
        if (now_us - mark->time_us <= age_us) {
            break;
        }
        seq = mark->seq;
    }
    (void)pthread_mutex_unlock(&ledger->mutex);
    return seq;
}
