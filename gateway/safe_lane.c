#include <inttypes.h>
#include <stdlib.h>

#include "config/memory.h"
#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/refusal.h"
#include "gateway/safe_lane_private.h"
#include "gateway/topic.h"

enum { RETRY_FIRST_MS = 200, RETRY_MAX_MS = 5000 };
enum { LATE_US = 1000 * 1000 }; /* sent so long after its commit, a sample is late */
/* How far things are, as the journal tells. */
static void take_place(struct safe_lane *lane)
{
    struct ledger_view view;
    lane->is_blind = ledger_allowed(lane->ledger) == 0;
    if (lane->is_blind) {
        return;
    }
    ledger_read(lane->ledger, &view);
    outbox_init(&lane->outbox, view.acknowledged);
    if (view.parked > 0 && view.parked <= view.acknowledged) {
        parking_resume(&lane->parking, view.parked, view.acknowledged);
    }
    ledger_park(lane->ledger, &lane->parking); /* else nothing of it waits any more */
}

struct safe_lane *safe_lane_create(const struct factory *factory, struct ledger *ledger,
                                   struct events *events, struct trace *trace, uint64_t run)
{
    struct safe_lane *lane = memory_allocate(1, sizeof *lane);
    lane->factory = factory;
    lane->ledger = ledger;
    lane->events = events;
    lane->trace = trace;
    lane->run = run;
    lane->backoff = backoff_create(RETRY_FIRST_MS, RETRY_MAX_MS, run);
    take_place(lane);
    safe_lane_watch(lane); /* an earlier run's backlog */
    return lane;
}

/* A journal that could not be opened at the start has told how far things are. */
static void follow_journal(struct safe_lane *lane)
{
    struct ledger_view view;
    if (!lane->is_blind) {
        return;
    }
    take_place(lane);
    ledger_read(lane->ledger, &view);
    lane->opened_at = lane->is_blind ? lane->opened_at : view.committed;
}

void safe_lane_destroy(struct safe_lane *lane)
{
    if (lane->reader != NULL) {
        journal_reader_close(lane->reader);
    }
    parking_release(&lane->parking);
    free(lane->payload);
    free(lane);
}

void safe_lane_watch(struct safe_lane *lane)
{
    struct ledger_view view;
    follow_journal(lane);
    ledger_read(lane->ledger, &view);
    if (lane->has_backlog || lane->is_blind || view.committed <= lane->outbox.cursor) {
        return;
    }
    lane->has_backlog = true;
    lane->backlog_from = lane->outbox.cursor + 1;
    lane->backlog_to = 0;
    lane->backlog_base = lane->outbox.acknowledged;
    events_push(lane->events, EVENT_OF_GATEWAY, topic_events[TOPIC_BACKLOG_STARTED],
                "\"from\":%" PRIu64, lane->backlog_from);
}

void safe_lane_open(struct safe_lane *lane, size_t window)
{
    struct ledger_view view;
    follow_journal(lane);
    ledger_read(lane->ledger, &view);
    lane->window = window < OUTBOX_MAX ? window : OUTBOX_MAX;
    lane->opened_at = lane->was_closed ? view.committed : 0;
    lane->read_to = 0;
    lane->pause_us = 0;
    lane->backlog_to = view.committed;
    parking_renew(&lane->parking);
}

void safe_lane_close(struct safe_lane *lane)
{
    lane->was_closed = true;
    outbox_rewind(&lane->outbox);
    lane->window = 0;
    lane->offered = NULL;
    lane->read_to = 0;
    lane->pause_us = 0;
}

static void announce_drained(struct safe_lane *lane)
{
    const struct outbox *outbox = &lane->outbox;
    if (!lane->has_backlog || lane->backlog_to == 0 || outbox->cursor < lane->backlog_to) {
        return;
    }
    uint64_t count = outbox->acknowledged - lane->backlog_base;
    lane->has_backlog = false;
    events_push(lane->events, EVENT_OF_GATEWAY, topic_events[TOPIC_BACKLOG_DRAINED],
                "\"count\":%" PRIu64 ",\"from\":%" PRIu64 ",\"to\":%" PRIu64, count,
                lane->backlog_from, lane->backlog_to);
}

static void move_on(struct safe_lane *lane, uint64_t cursor_before)
{
    if (lane->outbox.cursor > cursor_before) {
        ledger_acknowledge(lane->ledger, lane->outbox.cursor);
        announce_drained(lane);
    }
}

/* ---- sending ---- */

/* Reading failed, which may pass. Returns whether it has done so too often. */
static bool is_hopeless(struct safe_lane *lane, int64_t now_us)
{
    safe_lane_note_unreadable(lane, journal_reader_message(lane->reader), now_us);
    lane->read_failures++;
    return lane->read_failures >= READ_TRIES;
}

/* One after the other, so that none overtakes; for as long as the broker refuses. */
static void send_again(struct safe_lane *lane, struct mqtt *mqtt, int64_t now_us)
{
    uint64_t seq = 0;
    struct journal_row row;
    if (lane->outbox.sent > 0 || !outbox_first_refused(&lane->outbox, &seq) ||
        seq > ledger_allowed(lane->ledger) || !safe_lane_seek(lane, seq - 1, now_us)) {
        return;
    }
    uint64_t cursor_before = lane->outbox.cursor;
    uint64_t late_to = ledger_committed_before(lane->ledger, now_us, LATE_US);
    enum journal_next next = journal_reader_next(lane->reader, &row);
    if (next == JOURNAL_NEXT_FAILED) {
        if (is_hopeless(lane, now_us)) {
            safe_lane_tell_damaged(lane, seq, seq);
            outbox_settle(&lane->outbox, seq, OUTBOX_SET_ASIDE);
        }
        safe_lane_close_reader(lane);
    } else if (next == JOURNAL_NEXT_ROW && row.seq == seq && row.is_damaged) {
        safe_lane_tell_damaged(lane, seq, seq); /* it was whole when it was first sent */
        outbox_settle(&lane->outbox, seq, OUTBOX_SET_ASIDE);
    } else if (next == JOURNAL_NEXT_END || row.seq != seq) {
        /* Retention took it meanwhile, and has announced that. */
        outbox_settle(&lane->outbox, seq, OUTBOX_SET_ASIDE);
    } else if (safe_lane_send_row(lane, mqtt, &row, late_to)) {
        outbox_settle(&lane->outbox, seq, OUTBOX_SENT);
    }
    if (lane->reader != NULL) {
        journal_reader_reset(lane->reader);
    }
    move_on(lane, cursor_before);
}

/* Returns whether the row was taken care of. */
static bool take_row(struct safe_lane *lane, struct mqtt *mqtt, const struct journal_row *row,
                     uint64_t late_to)
{
    if (row->seq > ledger_allowed(lane->ledger)) {
        return false;
    }
    uint64_t hole_to = safe_lane_find_hole(lane, row->seq);
    if (hole_to > 0) {
        outbox_add(&lane->outbox, hole_to, OUTBOX_SET_ASIDE); /* for all of them */
    }
    if (outbox_room(&lane->outbox) == 0) {
        return false;
    }
    if (row->is_damaged) {
        safe_lane_tell_damaged(lane, row->seq, row->seq);
        outbox_add(&lane->outbox, row->seq, OUTBOX_SET_ASIDE);
        return true;
    }
    if (safe_lane_join(lane, row)) {
        outbox_add(&lane->outbox, row->seq, OUTBOX_SET_ASIDE);
        return true;
    }
    if (!safe_lane_send_row(lane, mqtt, row, late_to)) {
        return false;
    }
    outbox_add(&lane->outbox, row->seq, OUTBOX_SENT);
    return true;
}

/* What stays unreadable up to the next row that can be read will never be sent. With no such
 * row all stays as it is: the recorder meets the same damage, and begins a new file. */
static void pass_unreadable(struct safe_lane *lane, uint64_t committed, int64_t now_us)
{
    uint64_t newest = lane->outbox.newest;
    uint64_t readable_seq = 0;
    if (!is_hopeless(lane, now_us) ||
        !journal_reader_find_readable(lane->reader, newest, committed, &readable_seq)) {
        safe_lane_close_reader(lane);
        return;
    }
    lane->read_failures = 0;
    lane->pause_us = 0;
    if (readable_seq > newest + 1) {
        safe_lane_tell_damaged(lane, newest + 1, readable_seq - 1);
        outbox_add(&lane->outbox, readable_seq - 1, OUTBOX_SET_ASIDE); /* for all of them */
    }
}

static void send_new(struct safe_lane *lane, struct mqtt *mqtt, uint64_t committed,
                     int64_t now_us)
{
    struct outbox *outbox = &lane->outbox;
    struct journal_row row;
    uint64_t cursor_before = outbox->cursor;
    uint64_t late_to = ledger_committed_before(lane->ledger, now_us, LATE_US);
    if (!safe_lane_seek(lane, outbox->newest, now_us)) {
        return;
    }
    bool is_taken = true;
    while (is_taken && outbox->sent < lane->window && outbox_room(outbox) > 0) {
        enum journal_next next = journal_reader_next(lane->reader, &row);
        if (next == JOURNAL_NEXT_FAILED) {
            pass_unreadable(lane, committed, now_us);
            break;
        }
        safe_lane_note_readable(lane);
        if (next == JOURNAL_NEXT_END) {
            lane->read_to = committed;
            break;
        }
        /* A row may be seen a moment before the ledger is told of its commit. */
        is_taken = row.seq <= committed && take_row(lane, mqtt, &row, late_to);
    }
    if (lane->reader != NULL) {
        journal_reader_reset(lane->reader);
    }
    move_on(lane, cursor_before);
}

/* What was refused is offered when nothing older waits, and nothing may still have to be saved
 * before it. */
static bool may_offer(const struct safe_lane *lane)
{
    return lane->outbox.refused == 0 && ledger_allowed(lane->ledger) == UINT64_MAX;
}

void safe_lane_fill(struct safe_lane *lane, struct mqtt *mqtt, int64_t now_us)
{
    struct outbox *outbox = &lane->outbox;
    if (now_us < lane->pause_us) {
        return;
    }
    lane->pause_us = 0;
    safe_lane_tell_lots(lane, now_us);
    if (outbox->refused > 0) {
        send_again(lane, mqtt, now_us);
        return;
    }
    struct ledger_view view;
    follow_journal(lane);
    ledger_read(lane->ledger, &view);
    /* A read transaction costs more than a row: one for each half of the window. */
    bool is_worth_it =
        outbox->sent <= lane->window / 2 && outbox->newest < ledger_allowed(lane->ledger);
    if (is_worth_it && view.committed > outbox->newest && view.committed > lane->read_to) {
        send_new(lane, mqtt, view.committed, now_us);
    }
    if (may_offer(lane)) {
        safe_lane_offer(lane, mqtt, now_us);
    }
}

/* ---- answers ---- */

/* Whether the sample is to be sent again before everything else: the broker takes nothing at
 * present, or it does not say why it refuses, which the oldest is asked for a few times. */
static bool is_passing(const struct safe_lane *lane, const struct mqtt_event *event)
{
    enum refusal refusal = refusal_of(event->reason_code);
    return refusal == REFUSAL_OF_ALL ||
           (refusal == REFUSAL_UNSAID &&
            (lane->tries < REFUSAL_TRIES_MAX || event->token != outbox_oldest(&lane->outbox)));
}

static void pause_for_refusal(struct safe_lane *lane, const struct mqtt_event *event,
                              int64_t now_us)
{
    outbox_settle(&lane->outbox, event->token, OUTBOX_REFUSED);
    if (now_us >= lane->pause_us) { /* the window's other refusals are the same one */
        lane->pause_us = now_us + backoff_next_us(&lane->backoff);
        lane->tries++;
    }
    if (!lane->is_refusing) {
        lane->is_refusing = true;
        log_line(LOG_LEVEL_WARNING, "publisher",
                 "event=refused seq=%" PRIu64 " reason_code=0x%02x reason=\"%s\"", event->token,
                 event->reason_code, mqtt_reason_text(event->reason_code));
    }
}

static void set_aside(struct safe_lane *lane, const struct mqtt_event *event, bool is_parked)
{
    outbox_settle(&lane->outbox, event->token, OUTBOX_SET_ASIDE);
    lane->rejected++;
    lane->tries = 0;
    safe_lane_note_refused(lane, event->token, event->reason_code, is_parked);
}

/* What cannot be parked now is not given up for that: it is sent again. */
static void take_refusal(struct safe_lane *lane, const struct mqtt_event *event, int64_t now_us)
{
    enum parked parked = is_passing(lane, event)
                             ? PARKED_NOT_YET
                             : safe_lane_park(lane, event->token, event->reason_code, now_us);
    if (parked == PARKED_NOT_YET) {
        pause_for_refusal(lane, event, now_us);
    } else {
        set_aside(lane, event, parked == PARKED);
    }
}

void safe_lane_answer(struct safe_lane *lane, const struct mqtt_event *event, int64_t now_us)
{
    if (lane->offered != NULL && event->token == lane->offered_seq) {
        safe_lane_take_offer(lane, event, now_us);
        return;
    }
    uint64_t cursor_before = lane->outbox.cursor;
    if (event->kind == MQTT_EVENT_REJECTED) {
        take_refusal(lane, event, now_us);
    } else {
        trace_acknowledge(lane->trace, event->token);
        outbox_settle(&lane->outbox, event->token, OUTBOX_ACKNOWLEDGED);
    }
    bool is_accepted = event->kind == MQTT_EVENT_ACKNOWLEDGED && lane->outbox.refused == 0;
    if (lane->is_refusing && is_accepted) {
        lane->is_refusing = false;
        lane->tries = 0;
        backoff_reset(&lane->backoff);
        log_line(LOG_LEVEL_INFO, "publisher", "event=accepted seq=%" PRIu64, event->token);
    }
    move_on(lane, cursor_before);
}

int64_t safe_lane_due_us(const struct safe_lane *lane)
{
    if (lane->pause_us > 0) { /* nothing is offered before, either */
        return lane->pause_us;
    }
    int64_t due_us = safe_lane_tell_due_us(lane);
    bool is_waiting = lane->offered == NULL && may_offer(lane);
    return is_waiting ? clock_sooner(due_us, parking_due_us(&lane->parking)) : due_us;
}

bool safe_lane_is_drained(const struct safe_lane *lane)
{
    struct ledger_view view;
    ledger_read(lane->ledger, &view);
    const struct outbox *outbox = &lane->outbox;
    return outbox->count == 0 &&
           (outbox->newest >= view.committed || lane->read_to >= view.committed);
}

uint64_t safe_lane_published(const struct safe_lane *lane)
{
    return lane->outbox.acknowledged;
}

uint64_t safe_lane_rejected(const struct safe_lane *lane)
{
    return lane->rejected;
}
