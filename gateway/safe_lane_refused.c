/* What the broker refused for its topic or its size: it waits, and is offered again. */
#include <inttypes.h>

#include "gateway/log.h"
#include "gateway/refusal.h"
#include "gateway/safe_lane_private.h"
#include "gateway/topic.h"

enum { TELL_US = 10 * 1000 * 1000 }; /* between two announcements of lots that grow */
enum { TELL_MAX = 32 }; /* lots in that time: other events must not be pushed out by them */
enum { FULL_US = 20 * 1000 }; /* until the window may have room again */
enum { STEPS_MAX = 1000 };    /* rows of others that are passed in one go */

/* ---- announcing ---- */

static void tell(struct safe_lane *lane, const struct parking_lot *lot)
{
    events_push(lane->events, EVENT_OF_GATEWAY, topic_events[TOPIC_REJECTED],
                "\"seq\":%" PRIu64 ",\"count\":%" PRIu64 ",\"from\":%" PRIu64 ",\"to\":%" PRIu64
                ",\"reason\":\"%s\",\"reason_code\":%u",
                lot->from, lot->count, lot->from, lot->to, mqtt_reason_text(lot->reason_code),
                lot->reason_code);
}

static void tell_lot(struct safe_lane *lane, struct parking_lot *lot)
{
    if (lot->has_grown && lane->told < TELL_MAX) {
        lot->has_grown = false;
        lane->told++;
        tell(lane, lot);
    }
}

void safe_lane_note_refused(struct safe_lane *lane, uint64_t seq, uint8_t reason_code,
                            bool is_parked)
{
    if (lane->rejected_code != reason_code) {
        lane->rejected_code = reason_code;
        log_line(LOG_LEVEL_ERROR, "publisher",
                 "event=rejected seq=%" PRIu64 " reason_code=0x%02x reason=\"%s\" parked=%s",
                 seq, reason_code, mqtt_reason_text(reason_code), is_parked ? "yes" : "no");
    }
    if (!is_parked) {
        const struct parking_lot one = {
            .from = seq, .to = seq, .count = 1, .reason_code = reason_code};
        tell(lane, &one);
    }
}

static bool has_to_tell(const struct safe_lane *lane)
{
    for (size_t at = 0; at < lane->parking.count; at++) {
        if (lane->parking.lots[at]->has_grown) {
            return true;
        }
    }
    return false;
}

/* Not with each sample that joins them. */
void safe_lane_tell_lots(struct safe_lane *lane, int64_t now_us)
{
    if (now_us < lane->told_us + TELL_US || !has_to_tell(lane)) {
        return;
    }
    lane->told_us = now_us;
    lane->told = 0;
    size_t count = lane->parking.count;
    size_t first = lane->tell_turn;
    for (size_t step = 0; step < count && lane->told < TELL_MAX; step++) {
        tell_lot(lane, lane->parking.lots[(first + step) % count]);
        lane->tell_turn = (first + step + 1) % count;
    }
}

int64_t safe_lane_tell_due_us(const struct safe_lane *lane)
{
    return has_to_tell(lane) ? lane->told_us + TELL_US : WAKE_NEVER;
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
    size_t length = is_there ? row.payload_length : 0;
    journal_reader_reset(lane->reader);
    if (!is_there) {
        return next == JOURNAL_NEXT_FAILED ? PARKED_NOT_YET : PARKED_NEVER;
    }
    struct parking_lot *lot =
        parking_add(&lane->parking, topic, seq, length, reason_code, now_us);
    if (lot == NULL) {
        return PARKED_NOT_YET;
    }
    ledger_park(lane->ledger, &lane->parking);
    if (lot->count == 1) { /* a new one: at once */
        tell_lot(lane, lot);
    }
    return PARKED;
}

bool safe_lane_join(struct safe_lane *lane, const struct journal_row *row)
{
    if (lane->parking.count == 0) {
        return false;
    }
    struct parking_lot *lot = parking_find(&lane->parking, parking_topic(row->topic));
    if (lot == NULL) {
        return false;
    }
    parking_join(lot, row->seq, row->payload_length);
    lane->rejected++;
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
        uint64_t topic = parking_topic(row->topic);
        struct parking_lot *blocking = parking_find(&lane->parking, topic);
        bool is_its = parking_holds(lot, topic, row->payload_length);
        if (row->is_damaged) {
            note_damage(lane, row->seq);
        } else if (is_its && (blocking == NULL || blocking == lot)) {
            return true;
        } else if (is_its) {
            parking_join(blocking, row->seq, row->payload_length);
        }
        lot->from = row->seq + 1;
    }
    return false;
}

/* One sample at a time: it must not hold up the others, nor come before an older one. */
void safe_lane_offer(struct safe_lane *lane, struct mqtt *mqtt, int64_t now_us)
{
    struct parking_lot *lot =
        lane->offered == NULL ? parking_due(&lane->parking, now_us) : NULL;
    struct journal_row row;
    if (lot == NULL || !safe_lane_seek(lane, lot->from - 1, now_us)) {
        return;
    }
    bool is_found = find_row(lane, lot, &row, now_us);
    if (is_found && safe_lane_send_row(lane, mqtt, &row, row.seq)) {
        lane->offered_seq = row.seq;
        lane->offered = lot;
    } else if (is_found) {
        lot->offer_us = now_us + FULL_US;
    } else if (lot->from > lot->to) {
        pass(lane, lot, lot->to, false); /* retention took what was left */
    }
    if (lane->reader != NULL) {
        journal_reader_reset(lane->reader);
    }
}

/* Refused for another reason than the lot's, it waits in another lot. */
static bool changes_lot(const struct parking_lot *lot, uint8_t reason_code)
{
    enum refusal refusal = refusal_of(reason_code);
    return lot->topic == PARKING_ANY || (refusal == REFUSAL_OF_TOPIC && !lot->is_whole_topic) ||
           (refusal == REFUSAL_OF_SIZE && lot->is_whole_topic);
}

static void take_refusal(struct safe_lane *lane, struct parking_lot *lot, uint64_t seq,
                         uint8_t reason_code, int64_t now_us)
{
    if (changes_lot(lot, reason_code) &&
        safe_lane_park(lane, seq, reason_code, now_us) == PARKED) {
        pass(lane, lot, seq, false);
    } else if (!parking_refuse(lot, reason_code, now_us)) {
        /* It must not hold those behind it for ever. */
        safe_lane_note_refused(lane, seq, reason_code, false);
        pass(lane, lot, seq, false);
    }
}

void safe_lane_take_offer(struct safe_lane *lane, const struct mqtt_event *event,
                          int64_t now_us)
{
    struct parking_lot *lot = lane->offered;
    uint64_t seq = lane->offered_seq;
    lane->offered = NULL;
    if (event->kind == MQTT_EVENT_REJECTED) {
        take_refusal(lane, lot, seq, event->reason_code, now_us);
    } else {
        trace_acknowledge(lane->trace, seq);
        pass(lane, lot, seq, true);
    }
}
