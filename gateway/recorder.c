#include "gateway/recorder.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "config/memory.h"
#include "gateway/clock.h"
#include "gateway/incident.h"
#include "gateway/log.h"
#include "gateway/parking.h"
#include "gateway/steady_clock.h"
#include "gateway/thread.h"

enum {
    EVICT_ROWS = 1000, /* one step of retention */
    EVICT_STEPS = 64,  /* in a row, when the journal is full */
    ROOM_TRIES = 4,    /* for one chunk: within the quota, then on the disk */
    FINISH_US = 500000,
    STOP_US = 300000,
    BUSY_TOLD_US = 5000000, /* another's lock that lasts so long is worth a line */
    TICK_US = 1000000,      /* retention, cursor and figures at rest */
    RETRY_MIN_US = 100000,
    RETRY_MAX_US = 2000000,
    ANNOUNCE_MIN_US = 1000000,
    ANNOUNCE_MAX_US = 900000000, /* 256 events then tell of two days without a broker */
};
#define STEADY_US  INT64_C(3600000000) /* after a step of the clock; then an age is believed */
#define RING_BYTES ((size_t)64 << 20)  /* of memory touched only while commits fail */

enum wish { WISH_RECORD, WISH_FINISH, WISH_STOP };

struct recorder {
    struct recorder_parts parts;
    pthread_t thread;
    _Atomic enum wish wish;
    struct wake finished;

    /* The thread's own. Times are monotonic. */
    struct ring *ring;  /* taken, not yet committed */
    uint64_t taken;     /* the last number that left the queue */
    uint64_t committed; /* the last one journaled, as a row or in a gap */
    int64_t take_due_us;
    int64_t taken_us; /* when the queue was last emptied */
    int64_t tick_due_us;

    bool is_failing;
    bool is_told; /* the log and the ledger know */
    bool must_reopen;
    int64_t failing_since_us;
    int64_t retry_due_us;
    int64_t retry_pause_us;

    struct steady_clock clock;
    bool is_evicting;           /* another step is wanted */
    struct journal_gap evicted; /* not yet announced */
    uint64_t evicted_count;     /* journaled losses since the start */
    int64_t announce_due_us;
    int64_t announce_pause_us;

    bool is_salvaging; /* another step is wanted */

    bool is_blind; /* the journal has not been open yet */
    bool is_held;  /* a reader keeps the log long */
    bool is_obsolete_forgotten;
    bool is_done;
};

static struct ledger_view look(const struct recorder *recorder)
{
    struct ledger_view view;
    ledger_read(recorder->parts.ledger, &view);
    return view;
}

/* ---- failing and healing ---- */

/* Samples that memory did not hold until they could be journaled: their numbers are missing. */
static uint64_t count_dropped(const struct recorder *recorder)
{
    return recorder->taken - recorder->committed - ring_count(recorder->ring);
}

static void report(struct recorder *recorder)
{
    const struct ledger_view view = look(recorder);
    struct journal *journal = recorder->parts.journal;
    bool has_backlog = view.committed > view.acknowledged;
    ledger_report(recorder->parts.ledger, !recorder->is_told, journal_size(journal),
                  recorder->evicted_count + count_dropped(recorder),
                  has_backlog ? journal_oldest_us(journal, view.acknowledged) : 0,
                  journal_is_salvaging(journal));
}

static void note_failure(struct recorder *recorder, enum journal_status status)
{
    int64_t now_us = clock_monotonic_us();
    recorder->must_reopen = recorder->must_reopen || status == JOURNAL_FAILED;
    recorder->is_evicting = false;
    if (!recorder->is_failing) {
        recorder->is_failing = true;
        recorder->failing_since_us = now_us;
        recorder->retry_pause_us = RETRY_MIN_US;
    }
    bool is_worth_it =
        status != JOURNAL_BUSY || now_us - recorder->failing_since_us > BUSY_TOLD_US;
    if (is_worth_it && !recorder->is_told) {
        static const char *const names[] = {
            [JOURNAL_FULL] = "full", [JOURNAL_BUSY] = "busy", [JOURNAL_FAILED] = "failed"};
        recorder->is_told = true;
        log_line(LOG_LEVEL_ERROR, "recorder", "event=journal-%s error=\"%s\"", names[status],
                 journal_message(recorder->parts.journal));
        report(recorder);
    }
    recorder->retry_due_us = now_us + recorder->retry_pause_us;
    recorder->retry_pause_us = recorder->retry_pause_us * 2 > RETRY_MAX_US
                                   ? RETRY_MAX_US
                                   : recorder->retry_pause_us * 2;
}

static void note_success(struct recorder *recorder)
{
    recorder->is_failing = false;
    if (recorder->is_told) {
        recorder->is_told = false;
        int64_t after_ms = (clock_monotonic_us() - recorder->failing_since_us) / 1000;
        log_line(LOG_LEVEL_INFO, "recorder", "event=journal-back after_ms=%" PRId64, after_ms);
        report(recorder);
    }
}

/* What the journal's last opening or reopening found amiss. */
static void tell_findings(struct recorder *recorder)
{
    struct journal *journal = recorder->parts.journal;
    const struct journal_gap lost = journal_lost(journal);
    if (journal_set_aside(journal)[0] != '\0') {
        incident_set_aside(recorder->parts.events, journal_set_aside(journal));
    }
    if (lost.count > 0) {
        recorder->evicted_count += lost.count;
        incident_lost(recorder->parts.events, "recorder", &lost);
    }
    recorder->is_salvaging = journal_is_salvaging(journal);
}

/* The first opening after a start without a journal. Should numbers have been given that the
 * journal knows already, then what is in hand, and what comes, is numbered behind them. */
static void open_at_last(struct recorder *recorder)
{
    struct journal *journal = recorder->parts.journal;
    uint64_t last = journal_last_seq(journal);
    recorder->is_blind = false;
    if (last > recorder->committed) {
        uint64_t shift = last - recorder->committed;
        recorder->taken = queue_take(recorder->parts.queue, recorder->ring, shift) + shift;
        ring_renumber(recorder->ring, shift);
    }
    recorder->committed = last;
    ledger_park_any(recorder->parts.ledger, journal_parked(journal));
    ledger_open(recorder->parts.ledger, last, journal_cursor(journal));
}

/* After a failed sync SQLite's connection must not be trusted again. Meanwhile nothing leaves
 * that a new file might hold before it holds what comes first. */
static enum journal_status reopen(struct recorder *recorder)
{
    struct journal *journal = recorder->parts.journal;
    ledger_allow(recorder->parts.ledger, recorder->is_blind ? 0 : recorder->committed);
    enum journal_status status = journal_reopen(journal);
    recorder->must_reopen = status != JOURNAL_OK;
    tell_findings(recorder);
    if (status == JOURNAL_OK) {
        if (recorder->is_blind) {
            open_at_last(recorder);
        }
        ledger_allow(recorder->parts.ledger, journal_sendable(journal));
    }
    return status;
}

/* ---- retention ---- */

static bool is_waiting(void *context, uint64_t seq, const char *topic, size_t length)
{
    return ledger_is_parked(context, seq, parking_topic(topic), length);
}

/* A clock that is wrong for some minutes would make everything old, and what goes never comes
 * back. */
static void watch_clock(struct recorder *recorder, int64_t wall_us)
{
    int64_t steady_us = steady_clock_follow(&recorder->clock, wall_us, clock_monotonic_us());
    int64_t max_age_us = (int64_t)(recorder->parts.factory->journal.max_age_s * 1000000);
    journal_doubt_clock(recorder->parts.journal,
                        steady_us < (max_age_us < STEADY_US ? max_age_us : STEADY_US));
}

static enum journal_status evict(struct recorder *recorder)
{
    int64_t wall_us = clock_wall_us();
    watch_clock(recorder, wall_us);
    uint64_t before = recorder->evicted.count;
    recorder->is_evicting = false;
    /* The first of those that wait is told before the cursor passes it. */
    const struct ledger_view view = look(recorder);
    const struct journal_unsent unsent = {.cursor = view.acknowledged,
                                          .is_waiting = view.parked > 0 ? is_waiting : NULL,
                                          .context = recorder->parts.ledger};
    enum journal_status status =
        journal_evict(recorder->parts.journal, &unsent, wall_us, EVICT_ROWS, &recorder->evicted,
                      &recorder->is_evicting);
    recorder->evicted_count += recorder->evicted.count - before;
    return status;
}

/* A long eviction is told in fewer and fewer, larger and larger pieces: an event must outlive
 * the outage that causes it. */
static void announce_evicted(struct recorder *recorder, int64_t now_us)
{
    if (now_us < recorder->announce_due_us) {
        return;
    }
    if (recorder->evicted.count == 0) {
        recorder->announce_pause_us = ANNOUNCE_MIN_US;
        return;
    }
    incident_lost(recorder->parts.events, "recorder", &recorder->evicted);
    recorder->evicted = (struct journal_gap){0};
    recorder->announce_due_us = now_us + recorder->announce_pause_us;
    recorder->announce_pause_us = recorder->announce_pause_us * 2 > ANNOUNCE_MAX_US
                                      ? ANNOUNCE_MAX_US
                                      : recorder->announce_pause_us * 2;
}

/* Of the journal's own quota, or on the disk. */
static enum journal_status make_room(struct recorder *recorder, bool is_disk_full)
{
    enum journal_status status =
        is_disk_full ? journal_make_room(recorder->parts.journal) : JOURNAL_OK;
    status = status == JOURNAL_OK ? evict(recorder) : status;
    for (int step = 1; status == JOURNAL_OK && recorder->is_evicting && step < EVICT_STEPS;
         step++) {
        status = evict(recorder);
    }
    return status;
}

/* ---- committing ---- */

/* One transaction: what was dropped before the oldest record, then records up to the next
 * number that is missing. */
struct chunk {
    size_t records;
    uint64_t last_seq;
    struct journal_gap gap;
};

static enum journal_status write_records(struct recorder *recorder, struct chunk *chunk)
{
    uint64_t bytes_max = journal_transaction_bytes(recorder->parts.journal);
    uint64_t bytes = 0;
    enum journal_status status = JOURNAL_OK;
    const struct record *record = ring_first(recorder->ring);
    while (record != NULL && status == JOURNAL_OK && record->seq == chunk->last_seq + 1 &&
           (chunk->records == 0 || bytes < bytes_max)) {
        struct journal_row row = {
            .seq = record->seq,
            .run = recorder->parts.run,
            .time_us = record->time_us,
            .machine = record->machine,
            .payload = record_payload(record),
            .payload_length = record->payload_length,
            .uncertain = record_uncertain(record),
            .uncertain_length = record->uncertain_length,
        };
        status = journal_append(recorder->parts.journal, &row);
        chunk->records++;
        chunk->last_seq = row.seq;
        bytes += record->size;
        record = ring_next(recorder->ring, record);
    }
    return status;
}

/* How far the broker is, and what it refused: as they were at one moment. */
static enum journal_status commit_with_cursor(struct recorder *recorder)
{
    struct ledger_view view = look(recorder);
    journal_park(recorder->parts.journal, view.parked);
    return journal_commit(recorder->parts.journal, view.acknowledged);
}

static enum journal_status write_chunk(struct recorder *recorder, struct chunk *chunk)
{
    struct journal *journal = recorder->parts.journal;
    const struct record *first = ring_first(recorder->ring);
    uint64_t before = first != NULL ? first->seq - 1 : recorder->committed;
    *chunk = (struct chunk){.last_seq = before,
                            .gap = {.from = recorder->committed + 1,
                                    .to = before,
                                    .count = before - recorder->committed,
                                    .reason = "disk-full"}};
    enum journal_status status = journal_begin(journal);
    if (status == JOURNAL_OK && chunk->gap.count > 0) {
        status = journal_append_gap(journal, &chunk->gap);
    }
    if (status == JOURNAL_OK) {
        status = write_records(recorder, chunk);
    }
    return status == JOURNAL_OK ? commit_with_cursor(recorder) : status;
}

static void forget_chunk(struct recorder *recorder, const struct chunk *chunk)
{
    for (size_t at = 0; at < chunk->records; at++) {
        ring_remove_first(recorder->ring);
    }
    if (chunk->gap.count > 0) {
        recorder->evicted_count += chunk->gap.count;
        incident_lost(recorder->parts.events, "recorder", &chunk->gap);
    }
    if (chunk->records > 0) {
        recorder->committed = chunk->last_seq;
        trace_commit(recorder->parts.trace, chunk->last_seq);
        ledger_commit(recorder->parts.ledger, chunk->last_seq, clock_monotonic_us());
    }
}

static bool has_work(const struct recorder *recorder)
{
    const struct journal *journal = recorder->parts.journal;
    return ring_first(recorder->ring) != NULL ||
           (journal_is_open(journal) && !journal_is_begun(journal));
}

static enum journal_status store_cursor(struct recorder *recorder)
{
    struct journal *journal = recorder->parts.journal;
    struct ledger_view view = look(recorder);
    if (view.acknowledged == journal_cursor(journal) &&
        view.parked == journal_parked(journal)) {
        return JOURNAL_OK;
    }
    enum journal_status status = journal_begin(journal);
    return status == JOURNAL_OK ? commit_with_cursor(recorder) : status;
}

/* After so many attempts in a row to write one chunk. */
static enum journal_status make_more_room(struct recorder *recorder, unsigned tries)
{
    enum journal_status status = make_room(recorder, tries > 1);
    return status == JOURNAL_FULL && tries == 1 ? make_room(recorder, true) : status;
}

/* Commits everything in hand, or notes why not. */
static void commit_all(struct recorder *recorder)
{
    enum journal_status status = recorder->must_reopen ? reopen(recorder) : JOURNAL_OK;
    unsigned tries = 0;
    if (status == JOURNAL_OK && !has_work(recorder)) {
        status = store_cursor(recorder); /* else a failure would pass for healed */
    }
    while (status == JOURNAL_OK && has_work(recorder)) {
        struct chunk chunk;
        status = write_chunk(recorder, &chunk);
        if (status == JOURNAL_FULL && tries < ROOM_TRIES) {
            status = make_more_room(recorder, ++tries);
        } else if (status == JOURNAL_OK) {
            tries = 0;
            forget_chunk(recorder, &chunk);
        }
    }
    if (status == JOURNAL_OK) {
        note_success(recorder);
    } else {
        note_failure(recorder, status);
    }
}

/* ---- salvage ---- */

/* One step. What is on its way to the broker goes first, so the disk gets room by force only
 * once a second. */
static enum journal_status salvage(struct recorder *recorder)
{
    struct journal *journal = recorder->parts.journal;
    struct journal_salvaged salvaged;
    watch_clock(recorder, clock_wall_us());
    enum journal_status status = journal_salvage(journal, &salvaged);
    recorder->is_salvaging =
        status == JOURNAL_OK && !salvaged.is_waiting && journal_is_salvaging(journal);
    if (status == JOURNAL_FULL) {
        return make_room(recorder, true);
    }
    if (status == JOURNAL_OK && salvaged.lost.count > 0) {
        recorder->evicted_count += salvaged.lost.count;
        incident_lost(recorder->parts.events, "recorder", &salvaged.lost);
    }
    if (status == JOURNAL_OK && salvaged.is_done) {
        incident_salvaged(recorder->parts.events, &salvaged);
    }
    ledger_allow(recorder->parts.ledger, journal_sendable(journal));
    return status;
}

/* ---- housekeeping ---- */

static enum journal_status forget_obsolete(struct recorder *recorder)
{
    if (recorder->is_obsolete_forgotten || !look(recorder).is_obsolete_cleared) {
        return JOURNAL_OK;
    }
    enum journal_status status = journal_forget_obsolete(recorder->parts.journal);
    recorder->is_obsolete_forgotten = status == JOURNAL_OK;
    return status;
}

static void watch_readers(struct recorder *recorder)
{
    uint64_t bytes = journal_wal_size(recorder->parts.journal);
    bool is_held = bytes > journal_max_size(recorder->parts.journal) / 4;
    if (is_held != recorder->is_held) {
        recorder->is_held = is_held;
        ledger_hold(recorder->parts.ledger, is_held);
        incident_held(recorder->parts.events, is_held, bytes);
    }
}

/* Once a second. */
static enum journal_status tick(struct recorder *recorder, int64_t now_us)
{
    enum journal_status status = JOURNAL_OK;
    if (!recorder->is_failing) {
        status = store_cursor(recorder);
        status = status == JOURNAL_OK ? forget_obsolete(recorder) : status;
        recorder->is_salvaging = journal_is_salvaging(recorder->parts.journal);
        journal_keep_ballast(recorder->parts.journal);
    }
    announce_evicted(recorder, now_us);
    watch_readers(recorder);
    report(recorder);
    return status;
}

/* A full disk is noted by the next commit: deleting may fail where a small commit still fits.
 */
static void note_housework(struct recorder *recorder, enum journal_status status)
{
    if (status == JOURNAL_FAILED) {
        note_failure(recorder, status);
    }
}

/* What cannot be done waits for the next tick, and keeps nothing else from being done. */
static void keep_house(struct recorder *recorder, int64_t now_us)
{
    bool is_tick = now_us >= recorder->tick_due_us;
    recorder->tick_due_us = is_tick ? now_us + TICK_US : recorder->tick_due_us;
    if ((is_tick || recorder->is_evicting) && !recorder->is_failing) {
        note_housework(recorder, evict(recorder));
    }
    if (is_tick) {
        note_housework(recorder, tick(recorder, now_us));
    }
    if (recorder->is_salvaging && !recorder->is_failing) {
        note_housework(recorder, salvage(recorder));
    }
}

/* ---- the thread ---- */

static int64_t next_due_us(const struct recorder *recorder)
{
    int64_t due_us = recorder->tick_due_us;
    if (recorder->take_due_us < due_us) {
        due_us = recorder->take_due_us;
    }
    if (recorder->is_failing && recorder->retry_due_us < due_us) {
        due_us = recorder->retry_due_us;
    }
    bool is_busy = recorder->is_evicting || (recorder->is_salvaging && !recorder->is_failing);
    return is_busy ? 0 : due_us;
}

static void step(struct recorder *recorder, enum wish wish)
{
    int64_t now_us = clock_monotonic_us();
    if (wish != WISH_RECORD || now_us >= recorder->take_due_us) {
        recorder->take_due_us = WAKE_NEVER;
        recorder->taken_us = now_us;
        recorder->taken = queue_take(recorder->parts.queue, recorder->ring, 0);
    }
    bool is_due = recorder->is_failing ? now_us >= recorder->retry_due_us || wish == WISH_STOP
                                       : has_work(recorder);
    if (is_due) {
        commit_all(recorder);
    }
    keep_house(recorder, now_us);
    if (wish != WISH_RECORD && !recorder->is_done && !recorder->is_failing) {
        recorder->is_done = true;
        wake_up(&recorder->finished);
    }
}

static void *record_until_stopped(void *argument)
{
    struct recorder *recorder = argument;
    enum wish wish = WISH_RECORD;
    while (wish != WISH_STOP) {
        bool was_told = wake_wait(recorder->parts.wake, next_due_us(recorder));
        wish = atomic_load(&recorder->wish);
        if (was_told && recorder->take_due_us == WAKE_NEVER) { /* after a pause at once */
            recorder->take_due_us =
                recorder->taken_us + (int64_t)recorder->parts.factory->journal.commit_ms * 1000;
        }
        step(recorder, wish);
    }
    if (!recorder->is_failing && store_cursor(recorder) != JOURNAL_OK) {
        log_line(LOG_LEVEL_WARNING, "recorder", "event=no-cursor error=\"%s\"",
                 journal_message(recorder->parts.journal));
    }
    return NULL;
}

struct recorder *recorder_start(const struct recorder_parts *parts)
{
    struct recorder *recorder = memory_allocate(1, sizeof *recorder);
    recorder->parts = *parts;
    recorder->ring = ring_create(RING_BYTES);
    recorder->committed = journal_last_seq(parts->journal);
    recorder->taken = recorder->committed;
    recorder->take_due_us = WAKE_NEVER;
    recorder->tick_due_us = clock_monotonic_us();
    recorder->announce_pause_us = ANNOUNCE_MIN_US;
    recorder->clock = steady_clock_start(clock_wall_us(), clock_monotonic_us());
    tell_findings(recorder);
    ledger_allow(parts->ledger, journal_sendable(parts->journal));
    if (!journal_is_open(parts->journal)) {
        recorder->is_blind = true;
        ledger_allow(parts->ledger, 0);
        note_failure(recorder, JOURNAL_FAILED);
    }
    wake_init(&recorder->finished);
    thread_start(&recorder->thread, "recorder", record_until_stopped, recorder);
    return recorder;
}

void recorder_finish(struct recorder *recorder)
{
    int64_t until_us = clock_monotonic_us() + FINISH_US;
    journal_hurry(recorder->parts.journal, until_us);
    atomic_store(&recorder->wish, WISH_FINISH);
    wake_up(recorder->parts.wake);
    (void)wake_wait(&recorder->finished, until_us); /* or the disk does not permit it */
}

/* Returns whether there was nothing. */
static bool tell_lost(const struct recorder *recorder)
{
    uint64_t count = recorder->taken - recorder->committed;
    if (count > 0) {
        log_line(LOG_LEVEL_ERROR, "recorder",
                 "event=lost count=%" PRIu64 " from=%" PRIu64 " to=%" PRIu64 " error=\"%s\"",
                 count, recorder->committed + 1, recorder->taken,
                 journal_message(recorder->parts.journal));
    }
    return count == 0;
}

bool recorder_stop(struct recorder *recorder)
{
    journal_hurry(recorder->parts.journal, clock_monotonic_us() + STOP_US);
    atomic_store(&recorder->wish, WISH_STOP);
    wake_up(recorder->parts.wake);
    (void)pthread_join(recorder->thread, NULL);
    bool is_all_kept = tell_lost(recorder);
    wake_destroy(&recorder->finished);
    ring_destroy(recorder->ring);
    free(recorder);
    return is_all_kept;
}
