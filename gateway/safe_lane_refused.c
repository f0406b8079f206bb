/* What the broker refused for its topic or its size: it waits, and is offered again. */
#include <inttypes.h>

#include "gateway/log.h"
#include "gateway/safe_lane_private.h"

enum { TELL_US = 10 * 1000 * 1000 }; /* between two announcements of lots that grow */
enum { FULL_US = 20 * 1000 };        /* until the window may have room again */
enum { STEPS_MAX = 1000 };           /* rows of others that are passed in one go */

/* ---- announcing ---- */

static void tell_lot(struct safe_lane *lane, const struct parking_lot *lot)
{
    events_push(lane->events, EVENT_OF_GATEWAY, "rejected",
                "\"seq\":%" PRIu64 ",\"count\":%" PRIu64 ",\"from\":%" PRIu64 ",\"to\":%" PRIu64
                ",\"reason\":\"%s\",\"reason_code\":%u",
                lot->from, lot->count, lot->from, lot->to, mqtt_reason_text(lot->reason_code),
                lot->reason_code);
}

void safe_lane_tell_refused(struct safe_lane *lane, uint64_t seq, uint8_t reason_code)
{
    const struct parking_lot one = {
        .from = seq, .to = seq, .count = 1, .reason_code = reason_code};
    tell_lot(lane, &one);
}

/* Not with each sample that joins them. */
void safe_lane_tell_lots(struct safe_lane *lane, int64_t now_us)
{
    if (!lane->has_parked_to_tell || now_us < lane->parked_told_us + TELL_US) {
        return;
    }
    lane->has_parked_to_tell = false;
    lane->parked_told_us = now_us;
    for (size_t at = 0; at < lane->parking.count; at++) {
        if (lane->parking.lots[at]->topic != PARKING_ANY) {
            tell_lot(lane, lane->parking.lots[at]);
        }
    }
}

/* ---- coming in ---- */

enum parked safe_lane_park(struct safe_lane *lane, uint64_t seq, uint8_t reason_code,
                           int64_t now_us)
{
    struct journal_row row;
    if (!parking_takes(reason_code)) {
        return PARKED_NEVER;
    }
    if (!safe_lane_seek(lane, seq - 1, now_us)) {
        return PARKED_NOT_YET;
    }
    enum journal_next next = journal_reader_next(lane->reader, &row);
    bool is_there = next == JOURNAL_NEXT_ROW && row.seq == seq && !row.is_damaged;
    uint64_t topic = is_there ? parking_topic(row.topic) : 0;
    journal_reader_reset(lane->reader);
    if (!is_there) {
        return next == JOURNAL_NEXT_FAILED ? PARKED_NOT_YET : PARKED_NEVER;
    }
    bool is_new = parking_find(&lane->parking, topic) == NULL;
    if (!parking_add(&lane->parking, topic, seq, reason_code, now_us)) {
        return PARKED_NOT_YET;
    }
    ledger_park(lane->ledger, &lane->parking);
    if (is_new) {
        tell_lot(lane, parking_find(&lane->parking, topic));
        lane->parked_told_us = now_us;
    }
    lane->has_parked_to_tell = lane->has_parked_to_tell || !is_new;
    return PARKED;
}

/* The lot that this row has to join because its whole topic is refused; NULL: none. */
static struct parking_lot *find_blocking(struct safe_lane *lane, const struct journal_row *row)
{
    if (lane->parking.count == 0) {
        return NULL;
    }
    struct parking_lot *lot = parking_find(&lane->parking, parking_topic(row->topic));
    return lot != NULL && lot->is_whole_topic ? lot : NULL;
}

bool safe_lane_join(struct safe_lane *lane, const struct journal_row *row)
{
    struct parking_lot *lot = find_blocking(lane, row);
    if (lot == NULL) {
        return false;
    }
    parking_join(lot, row->seq);
    lane->rejected++;
    lane->has_parked_to_tell = true;
    return true;
}

/* ---- going out again ---- */

static void pass(struct safe_lane *lane, struct parking_lot *lot, uint64_t seq, bool is_taken)
{
    struct parking_lot done;
    bool is_done = parking_pass(&lane->parking, lot, seq, &done);
    ledger_park(lane->ledger, &lane->parking);
    if (is_done && is_taken && done.topic != PARKING_ANY) {
        log_line(LOG_LEVEL_INFO, "publisher", "event=accepted count=%" PRIu64 " to=%" PRIu64,
                 done.count, done.to);
        lane->rejected_code = 0;
    }
}

/* Beyond what stays unreadable the lot goes on; with nothing legible behind it all stays as it
 * is: the recorder meets the same damage, and begins a new file. */
static void pass_unreadable(struct safe_lane *lane, struct parking_lot *lot, int64_t now_us)
{
    uint64_t readable = 0;
    safe_lane_note_unreadable(lane, journal_reader_message(lane->reader), now_us);
    lane->parked_failures++;
    if (lane->parked_failures >= READ_TRIES &&
        journal_reader_find_readable(lane->reader, lot->from - 1, lot->to, &readable)) {
        lane->parked_failures = 0;
        if (readable > lot->from) {
            safe_lane_tell_damaged(lane, lot->from, readable - 1);
        }
        lot->from = readable;
    }
    parking_wait(lot, now_us);
    safe_lane_close_reader(lane);
}

/* Whose a damaged row was nobody can tell: it is announced as one of those that wait. */
static void note_damage(struct safe_lane *lane, uint64_t seq)
{
    if (seq > lane->parked_damage) { /* else another lot has come past it */
        lane->parked_damage = seq;
        safe_lane_tell_damaged(lane, seq, seq);
    }
}

/* The lot's next sample that is still there; what is passed on the way to it is left behind. */
static bool find_row(struct safe_lane *lane, struct parking_lot *lot, struct journal_row *row,
                     int64_t now_us)
{
    for (unsigned steps = 0; steps < STEPS_MAX; steps++) {
        enum journal_next next = journal_reader_next(lane->reader, row);
        if (next == JOURNAL_NEXT_FAILED) {
            pass_unreadable(lane, lot, now_us);
            return false;
        }
        lane->parked_failures = 0;
        if (next == JOURNAL_NEXT_END || row->seq > lot->to) {
            lot->from = lot->to + 1;
            return false;
        }
        lot->from = row->seq;
        struct parking_lot *blocking = find_blocking(lane, row);
        bool is_its = lot->topic == PARKING_ANY || parking_topic(row->topic) == lot->topic;
        if (row->is_damaged) {
            note_damage(lane, row->seq);
        } else if (is_its && (blocking == NULL || blocking == lot)) {
            return true;
        } else if (is_its) {
            parking_join(blocking, row->seq);
        }
        lot->from = row->seq + 1;
    }
    return false;
}

/* One sample at a time: it must not hold up the others, nor come before an older one. */
void safe_lane_offer(struct safe_lane *lane, struct mqtt *mqtt, int64_t now_us)
{
    struct parking_lot *lot =
        lane->parked_seq == 0 ? parking_due(&lane->parking, now_us) : NULL;
    struct journal_row row;
    if (lot == NULL || !safe_lane_seek(lane, lot->from - 1, now_us)) {
        return;
    }
    bool is_found = find_row(lane, lot, &row, now_us);
    if (is_found && safe_lane_send_row(lane, mqtt, &row, row.seq)) {
        lane->parked_seq = row.seq;
        lane->parked_topic = lot->topic;
    } else if (is_found) {
        lot->offer_us = now_us + FULL_US;
    } else if (lot->from > lot->to) {
        pass(lane, lot, lot->to, false); /* retention took what was left */
    }
    if (lane->reader != NULL) {
        journal_reader_reset(lane->reader);
    }
}

static void take_refusal(struct safe_lane *lane, struct parking_lot *lot, uint64_t seq,
                         uint8_t reason_code, int64_t now_us)
{
    if (lot->topic == PARKING_ANY && safe_lane_park(lane, seq, reason_code, now_us) == PARKED) {
        pass(lane, lot, seq, false);
    } else if (!parking_refuse(lot, reason_code, now_us)) {
        /* It must not hold those behind it for ever. */
        log_line(LOG_LEVEL_ERROR, "publisher",
                 "event=rejected seq=%" PRIu64 " reason_code=0x%02x reason=\"%s\" parked=no",
                 seq, reason_code, mqtt_reason_text(reason_code));
        safe_lane_tell_refused(lane, seq, reason_code);
        pass(lane, lot, seq, false);
    }
}

void safe_lane_take_offer(struct safe_lane *lane, const struct mqtt_event *event,
                          int64_t now_us)
{
    struct parking_lot *lot = parking_find(&lane->parking, lane->parked_topic);
    uint64_t seq = lane->parked_seq;
    lane->parked_seq = 0;
    if (lot == NULL) {
        return;
    }
    if (event->kind == MQTT_EVENT_REJECTED) {
        take_refusal(lane, lot, seq, event->reason_code, now_us);
    } else {
        trace_acknowledge(lane->trace, seq);
        pass(lane, lot, seq, true);
    }
}

int64_t safe_lane_offer_due_us(const struct safe_lane *lane)
{
    int64_t due_us = lane->parked_seq == 0 ? parking_due_us(&lane->parking) : WAKE_NEVER;
    if (lane->has_parked_to_tell && lane->parked_told_us + TELL_US < due_us) {
        due_us = lane->parked_told_us + TELL_US;
    }
    return due_us;
}
