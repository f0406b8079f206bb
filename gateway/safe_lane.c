#include "gateway/safe_lane.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/backoff.h"
#include "gateway/clock.h"
#include "gateway/journal_reader.h"
#include "gateway/log.h"
#include "gateway/outbox.h"
#include "gateway/parking.h"
#include "gateway/topic.h"

enum { RETRY_FIRST_MS = 200, RETRY_MAX_MS = 5000 };
enum { TRIES_MAX = 10 };        /* of a sample that the broker refuses without saying why */
enum { LATE_US = 1000 * 1000 }; /* sent so long after its commit, a sample is late */
enum { READ_RETRY_US = 1000 * 1000 };       /* after the journal could not be read */
enum { PARKED_TELL_US = 10 * 1000 * 1000 }; /* between two announcements of lots that grow */
enum { PARKED_FULL_US = 20 * 1000 };        /* until the window may have room again */
enum { PARKED_STEPS = 1000 };               /* rows of others that are passed in one go */
enum { READ_TRIES = 3 }; /* at one place, before what is behind it is looked for */

struct safe_lane {
    const struct factory *factory;
    struct ledger *ledger;
    struct events *events;
    struct trace *trace;
    uint64_t run;
    struct journal_reader *reader;
    bool is_reader_failing;
    unsigned read_failures; /* at the present place */
    struct outbox outbox;
    size_t window;
    uint64_t opened_at; /* late up to this seq: committed before the connection came up */
    bool was_closed;    /* a connection ended before, or a try failed */
    uint64_t hole_told; /* the row behind the last hole that was announced */
    uint64_t read_to;   /* no row beyond outbox.newest up to this seq */
    int64_t pause_us;   /* nothing is sent before (monotonic) */
    struct backoff backoff;
    bool is_refusing; /* the broker takes nothing at present, for reasons of its own */
    unsigned tries;   /* pauses since it last took something, or since one was set aside */
    uint64_t rejected;
    uint8_t rejected_code; /* the last one that the log knows */
    struct parking parking;
    uint64_t parked_topic;   /* of the lot that has one under way */
    uint64_t parked_seq;     /* the one under way; 0: none */
    int64_t parked_told_us;  /* when the lots were last announced */
    bool has_parked_to_tell; /* they have grown since */
    bool has_backlog;        /* announced, and not yet drained */
    uint64_t backlog_from;   /* the first seq of it */
    uint64_t backlog_to;     /* the last one, once the connection is up; 0: not known */
    uint64_t backlog_base;   /* outbox.acknowledged when it began */
    char *payload;           /* a late sample's */
    size_t payload_room;
};

struct safe_lane *safe_lane_create(const struct factory *factory, struct ledger *ledger,
                                   struct events *events, struct trace *trace, uint64_t run)
{
    struct safe_lane *lane = memory_allocate(1, sizeof *lane);
    struct ledger_view view;
    ledger_read(ledger, &view);
    lane->factory = factory;
    lane->ledger = ledger;
    lane->events = events;
    lane->trace = trace;
    lane->run = run;
    lane->backoff = backoff_create(RETRY_FIRST_MS, RETRY_MAX_MS, run);
    outbox_init(&lane->outbox, view.acknowledged);
    if (view.parked > 0 && view.parked <= view.acknowledged) {
        parking_resume(&lane->parking, view.parked, view.acknowledged);
    }
    if (view.committed > view.acknowledged) { /* an earlier run's */
        safe_lane_watch(lane);
    }
    return lane;
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
    ledger_read(lane->ledger, &view);
    if (lane->has_backlog || view.committed <= lane->outbox.cursor ||
        ledger_allowed(lane->ledger) == 0) { /* nobody knows yet what there is */
        return;
    }
    lane->has_backlog = true;
    lane->backlog_from = lane->outbox.cursor + 1;
    lane->backlog_to = 0;
    lane->backlog_base = lane->outbox.acknowledged;
    events_push(lane->events, EVENT_OF_GATEWAY, "backlog-started", "\"from\":%" PRIu64,
                lane->backlog_from);
}

void safe_lane_open(struct safe_lane *lane, size_t window)
{
    struct ledger_view view;
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
    lane->parked_seq = 0;
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
    events_push(lane->events, EVENT_OF_GATEWAY, "backlog-drained",
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

static void note_unreadable(struct safe_lane *lane, const char *error, int64_t now_us)
{
    if (!lane->is_reader_failing) {
        lane->is_reader_failing = true;
        log_line(LOG_LEVEL_ERROR, "publisher", "event=journal-unreadable error=\"%s\"", error);
    }
    lane->pause_us = now_us + READ_RETRY_US;
}

static void note_readable(struct safe_lane *lane)
{
    lane->read_failures = 0;
    if (lane->is_reader_failing) {
        lane->is_reader_failing = false;
        log_line(LOG_LEVEL_INFO, "publisher", "event=journal-readable");
    }
}

static void close_reader(struct safe_lane *lane)
{
    journal_reader_close(lane->reader);
    lane->reader = NULL;
}

static bool open_reader(struct safe_lane *lane, int64_t now_us)
{
    struct journal_error error;
    if (lane->reader != NULL) {
        return true;
    }
    lane->reader = journal_reader_open(lane->factory->journal.file, &error);
    if (lane->reader == NULL) {
        note_unreadable(lane, error.text, now_us);
    }
    return lane->reader != NULL;
}

static bool seek(struct safe_lane *lane, uint64_t after_seq, int64_t now_us)
{
    if (!open_reader(lane, now_us)) {
        return false;
    }
    if (!journal_reader_seek(lane->reader, after_seq)) {
        note_unreadable(lane, journal_reader_message(lane->reader), now_us);
        close_reader(lane); /* a new one may fare better */
        return false;
    }
    return true;
}

/* The payload with `,"late":true` before its closing brace. */
static void make_late(struct safe_lane *lane, struct mqtt_message *message)
{
    static const char late[] = ",\"late\":true}";
    size_t kept = message->length > 0 ? message->length - 1 : 0;
    lane->payload =
        memory_grow(lane->payload, &lane->payload_room, kept + sizeof late, sizeof(char));
    memcpy(lane->payload, message->payload, kept);
    memcpy(lane->payload + kept, late, sizeof late);
    message->payload = lane->payload;
    message->length = kept + sizeof late - 1;
}

static bool send_row(struct safe_lane *lane, struct mqtt *mqtt, const struct journal_row *row,
                     uint64_t late_to)
{
    char topic[TOPIC_SIZE];
    topic_below_root(lane->factory, row->topic, "samples", topic);
    struct mqtt_message message = {
        .topic = topic,
        .payload = row->payload,
        .length = row->payload_length,
        .qos = 1,
        .is_json = true,
    };
    if (row->run != lane->run || row->seq <= lane->opened_at || row->seq <= late_to) {
        make_late(lane, &message);
    }
    bool is_sent = mqtt_publish(mqtt, &message, row->seq);
    if (is_sent) {
        trace_publish(lane->trace, row->seq, topic, message.payload, message.length);
    }
    return is_sent;
}

static void tell_damaged(struct safe_lane *lane, uint64_t from, uint64_t to)
{
    uint64_t count = to - from + 1;
    log_line(LOG_LEVEL_ERROR, "publisher",
             "event=damaged count=%" PRIu64 " from=%" PRIu64 " to=%" PRIu64, count, from, to);
    events_push(lane->events, EVENT_OF_GATEWAY, "damaged",
                "\"count\":%" PRIu64 ",\"from\":%" PRIu64 ",\"to\":%" PRIu64, count, from, to);
}

/* Reading failed, which may pass. Returns whether it has done so too often. */
static bool is_hopeless(struct safe_lane *lane, int64_t now_us)
{
    note_unreadable(lane, journal_reader_message(lane->reader), now_us);
    lane->read_failures++;
    return lane->read_failures >= READ_TRIES;
}

/* One after the other, so that none overtakes; for as long as the broker refuses. */
static void send_again(struct safe_lane *lane, struct mqtt *mqtt, int64_t now_us)
{
    uint64_t seq = 0;
    struct journal_row row;
    if (lane->outbox.sent > 0 || !outbox_first_refused(&lane->outbox, &seq) ||
        seq > ledger_allowed(lane->ledger) || !seek(lane, seq - 1, now_us)) {
        return;
    }
    uint64_t cursor_before = lane->outbox.cursor;
    uint64_t late_to = ledger_committed_before(lane->ledger, now_us, LATE_US);
    enum journal_next next = journal_reader_next(lane->reader, &row);
    if (next == JOURNAL_NEXT_FAILED) {
        if (is_hopeless(lane, now_us)) {
            tell_damaged(lane, seq, seq);
            outbox_settle(&lane->outbox, seq, OUTBOX_SET_ASIDE);
        }
        close_reader(lane);
    } else if (next == JOURNAL_NEXT_ROW && row.seq == seq && row.is_damaged) {
        tell_damaged(lane, seq, seq); /* it was whole when it was first sent */
        outbox_settle(&lane->outbox, seq, OUTBOX_SET_ASIDE);
    } else if (next == JOURNAL_NEXT_END || row.seq != seq) {
        /* Retention took it meanwhile, and has announced that. */
        outbox_settle(&lane->outbox, seq, OUTBOX_SET_ASIDE);
    } else if (send_row(lane, mqtt, &row, late_to)) {
        outbox_settle(&lane->outbox, seq, OUTBOX_SENT);
    }
    if (lane->reader != NULL) {
        journal_reader_reset(lane->reader);
    }
    move_on(lane, cursor_before);
}

/* Numbers follow each other, but for what the journal names as lost. Who it was lost for is
 * told when the place is passed: the recorder announces what it takes, but may be killed
 * before. A hole that nobody knows of was made by damage: it must not pass in silence either.
 * Behind a cursor that was not legible, what is missing may have been sent long ago. */
static void watch_for_hole(struct safe_lane *lane, uint64_t seq)
{
    uint64_t newest = lane->outbox.newest;
    if (newest == 0 || seq == newest + 1) {
        return;
    }
    if (!journal_reader_explains(lane->reader, newest + 1, seq - 1)) {
        tell_damaged(lane, newest + 1, seq - 1);
        outbox_add(&lane->outbox, seq - 1, OUTBOX_SET_ASIDE); /* for all of them */
    } else if (lane->hole_told < seq) {
        lane->hole_told = seq;
        events_push(lane->events, EVENT_OF_GATEWAY, "evicted",
                    "\"count\":%" PRIu64 ",\"from\":%" PRIu64 ",\"to\":%" PRIu64
                    ",\"reason\":\"evicted\"",
                    seq - 1 - newest, newest + 1, seq - 1);
    }
}

/* The lot that this row has to join because its whole topic is refused; NULL: it may be sent.
 */
static struct parking_lot *parking_find_blocking(struct safe_lane *lane,
                                                 const struct journal_row *row)
{
    if (lane->parking.count == 0) {
        return NULL;
    }
    struct parking_lot *lot = parking_find(&lane->parking, parking_topic(row->topic));
    return lot != NULL && lot->is_whole_topic ? lot : NULL;
}

/* Returns whether the row was taken care of. */
static bool take_row(struct safe_lane *lane, struct mqtt *mqtt, const struct journal_row *row,
                     uint64_t late_to)
{
    if (row->seq > ledger_allowed(lane->ledger)) {
        return false;
    }
    watch_for_hole(lane, row->seq);
    if (outbox_room(&lane->outbox) == 0) {
        return false;
    }
    if (row->is_damaged) {
        tell_damaged(lane, row->seq, row->seq);
        outbox_add(&lane->outbox, row->seq, OUTBOX_SET_ASIDE);
        return true;
    }
    struct parking_lot *lot = parking_find_blocking(lane, row);
    if (lot != NULL) {
        parking_join(lot, row->seq);
        lane->rejected++;
        lane->has_parked_to_tell = true;
        outbox_add(&lane->outbox, row->seq, OUTBOX_SET_ASIDE);
        return true;
    }
    if (!send_row(lane, mqtt, row, late_to)) {
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
        close_reader(lane);
        return;
    }
    lane->read_failures = 0;
    lane->pause_us = 0;
    if (readable_seq > newest + 1) {
        tell_damaged(lane, newest + 1, readable_seq - 1);
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
    if (!seek(lane, outbox->newest, now_us)) {
        return;
    }
    bool is_taken = true;
    while (is_taken && outbox->sent < lane->window && outbox_room(outbox) > 0) {
        enum journal_next next = journal_reader_next(lane->reader, &row);
        if (next == JOURNAL_NEXT_FAILED) {
            pass_unreadable(lane, committed, now_us);
            break;
        }
        note_readable(lane);
        if (next == JOURNAL_NEXT_END) {
            lane->read_to = committed;
            break;
        }
        is_taken = take_row(lane, mqtt, &row, late_to);
    }
    if (lane->reader != NULL) {
        journal_reader_reset(lane->reader);
    }
    move_on(lane, cursor_before);
}

/* A journal that could not be opened at the start has told how far things are. */
static void follow_ledger(struct safe_lane *lane, const struct ledger_view *view)
{
    if (view->acknowledged > lane->outbox.cursor) {
        outbox_init(&lane->outbox, view->acknowledged);
        lane->opened_at = view->committed;
        if (view->parked > 0 && view->parked <= view->acknowledged) {
            parking_resume(&lane->parking, view->parked, view->acknowledged);
        }
    }
}

/* ---- what was refused, offered again ---- */

static void tell_lot(struct safe_lane *lane, const struct parking_lot *lot, const char *event)
{
    events_push(lane->events, EVENT_OF_GATEWAY, event,
                "\"seq\":%" PRIu64 ",\"count\":%" PRIu64 ",\"from\":%" PRIu64 ",\"to\":%" PRIu64
                ",\"reason\":\"%s\",\"reason_code\":%u",
                lot->from, lot->count, lot->from, lot->to, mqtt_reason_text(lot->reason_code),
                lot->reason_code);
}

/* Lots that grow are announced anew now and then, not with each sample. */
static void tell_lots(struct safe_lane *lane, int64_t now_us)
{
    if (!lane->has_parked_to_tell || now_us < lane->parked_told_us + PARKED_TELL_US) {
        return;
    }
    lane->has_parked_to_tell = false;
    lane->parked_told_us = now_us;
    for (size_t at = 0; at < lane->parking.count; at++) {
        if (lane->parking.lots[at]->topic != PARKING_ANY) {
            tell_lot(lane, lane->parking.lots[at], "rejected");
        }
    }
}

static void pass_parked(struct safe_lane *lane, struct parking_lot *lot, uint64_t seq)
{
    struct parking_lot done;
    bool is_done = parking_pass(&lane->parking, lot, seq, &done);
    ledger_park(lane->ledger, parking_first(&lane->parking));
    if (is_done && done.topic != PARKING_ANY) {
        log_line(LOG_LEVEL_INFO, "publisher", "event=accepted count=%" PRIu64 " to=%" PRIu64,
                 done.count, done.to);
        lane->rejected_code = 0;
    }
}

/* The lot's next sample that is still there; what is passed on the way to it is left behind. */
static bool find_parked(struct safe_lane *lane, struct parking_lot *lot,
                        struct journal_row *row, int64_t now_us)
{
    for (unsigned steps = 0; steps < PARKED_STEPS; steps++) {
        enum journal_next next = journal_reader_next(lane->reader, row);
        if (next == JOURNAL_NEXT_FAILED) {
            parking_wait(lot, now_us);
            return false;
        }
        if (next == JOURNAL_NEXT_END || row->seq > lot->to) {
            lot->from = lot->to + 1;
            return false;
        }
        struct parking_lot *blocking = parking_find_blocking(lane, row);
        bool is_its = lot->topic == PARKING_ANY || parking_topic(row->topic) == lot->topic;
        if (!row->is_damaged && is_its && (blocking == NULL || blocking == lot)) {
            return true;
        }
        if (is_its && blocking != NULL) {
            parking_join(blocking, row->seq);
        }
        lot->from = row->seq + 1;
    }
    return false;
}

/* One sample at a time: it must not hold up the others, nor come before an older one. */
static void offer_parked(struct safe_lane *lane, struct mqtt *mqtt, int64_t now_us)
{
    struct parking_lot *lot =
        lane->parked_seq == 0 ? parking_due(&lane->parking, now_us) : NULL;
    struct journal_row row;
    if (lot == NULL || !seek(lane, lot->from - 1, now_us)) {
        return;
    }
    bool is_found = find_parked(lane, lot, &row, now_us);
    if (is_found && send_row(lane, mqtt, &row, row.seq)) {
        lane->parked_seq = row.seq;
        lane->parked_topic = lot->topic;
    } else if (is_found) {
        lot->offer_us = now_us + PARKED_FULL_US;
    } else if (lot->from > lot->to) {
        pass_parked(lane, lot, lot->to); /* retention took what was left */
    }
    journal_reader_reset(lane->reader);
}

void safe_lane_fill(struct safe_lane *lane, struct mqtt *mqtt, int64_t now_us)
{
    struct outbox *outbox = &lane->outbox;
    if (now_us < lane->pause_us) {
        return;
    }
    lane->pause_us = 0;
    tell_lots(lane, now_us);
    if (outbox->refused > 0) {
        send_again(lane, mqtt, now_us);
        return;
    }
    struct ledger_view view;
    ledger_read(lane->ledger, &view);
    follow_ledger(lane, &view);
    /* A read transaction costs more than a row: one for each half of the window. */
    bool is_worth_it =
        outbox->sent <= lane->window / 2 && outbox->newest < ledger_allowed(lane->ledger);
    if (is_worth_it && view.committed > outbox->newest && view.committed > lane->read_to) {
        send_new(lane, mqtt, view.committed, now_us);
    }
    if (ledger_allowed(lane->ledger) == UINT64_MAX) { /* else they may still have to be saved */
        offer_parked(lane, mqtt, now_us);
    }
}

/* ---- answers ---- */

/* Whether a refusal concerns the broker's state and not the message (MQTT 5, 3.4.2.1). A full
 * quota does, however long it lasts. The two codes that say nothing may mean either: the oldest
 * sample is set aside when it was tried often enough, so that it cannot block the rest for
 * ever. */
static bool is_passing(const struct safe_lane *lane, const struct mqtt_event *event)
{
    enum { UNSPECIFIED = 0x80, IMPLEMENTATION_SPECIFIC = 0x83, QUOTA_EXCEEDED = 0x97 };
    if (event->reason_code == QUOTA_EXCEEDED) {
        return true;
    }
    if (event->reason_code != UNSPECIFIED && event->reason_code != IMPLEMENTATION_SPECIFIC) {
        return false;
    }
    return lane->tries < TRIES_MAX || event->token != outbox_oldest(&lane->outbox);
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

/* Where a refused sample can be offered again, it waits for that. */
static bool park(struct safe_lane *lane, const struct mqtt_event *event, int64_t now_us)
{
    struct journal_row row;
    if (!parking_takes(event->reason_code) || !seek(lane, event->token - 1, now_us)) {
        return false;
    }
    bool is_there =
        journal_reader_next(lane->reader, &row) == JOURNAL_NEXT_ROW && row.seq == event->token;
    uint64_t topic = is_there ? parking_topic(row.topic) : 0;
    journal_reader_reset(lane->reader);
    if (!is_there) {
        return false;
    }
    bool is_new = parking_find(&lane->parking, topic) == NULL;
    if (!parking_add(&lane->parking, topic, event->token, event->reason_code, now_us)) {
        return false;
    }
    ledger_park(lane->ledger, parking_first(&lane->parking));
    if (is_new) {
        tell_lot(lane, parking_find(&lane->parking, topic), "rejected");
        lane->parked_told_us = now_us;
    }
    lane->has_parked_to_tell = lane->has_parked_to_tell || !is_new;
    return true;
}

static void set_aside(struct safe_lane *lane, const struct mqtt_event *event, int64_t now_us)
{
    const char *reason = mqtt_reason_text(event->reason_code);
    bool is_parked = park(lane, event, now_us);
    outbox_settle(&lane->outbox, event->token, OUTBOX_SET_ASIDE);
    lane->rejected++;
    lane->tries = 0;
    if (lane->rejected_code != event->reason_code) {
        lane->rejected_code = event->reason_code;
        log_line(LOG_LEVEL_ERROR, "publisher",
                 "event=rejected seq=%" PRIu64 " reason_code=0x%02x reason=\"%s\" parked=%s",
                 event->token, event->reason_code, reason, is_parked ? "yes" : "no");
    }
    if (!is_parked) {
        struct parking_lot one = {.from = event->token,
                                  .to = event->token,
                                  .count = 1,
                                  .reason_code = event->reason_code};
        tell_lot(lane, &one, "rejected");
    }
}

static void answer_parked(struct safe_lane *lane, const struct mqtt_event *event,
                          int64_t now_us)
{
    struct parking_lot *lot = parking_find(&lane->parking, lane->parked_topic);
    uint64_t seq = lane->parked_seq;
    lane->parked_seq = 0;
    if (lot == NULL) {
        return;
    }
    bool is_rejected = event->kind == MQTT_EVENT_REJECTED;
    bool is_moved = is_rejected && lot->topic == PARKING_ANY && park(lane, event, now_us);
    if (is_rejected && !is_moved) {
        parking_wait(lot, now_us);
    } else {
        pass_parked(lane, lot, seq);
    }
}

void safe_lane_answer(struct safe_lane *lane, const struct mqtt_event *event, int64_t now_us)
{
    if (lane->parked_seq != 0 && event->token == lane->parked_seq) {
        answer_parked(lane, event, now_us);
        return;
    }
    uint64_t cursor_before = lane->outbox.cursor;
    if (event->kind == MQTT_EVENT_REJECTED && is_passing(lane, event)) {
        pause_for_refusal(lane, event, now_us);
        return;
    }
    if (event->kind == MQTT_EVENT_REJECTED) {
        set_aside(lane, event, now_us);
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
    int64_t parked_us = lane->parked_seq == 0 ? parking_due_us(&lane->parking) : WAKE_NEVER;
    if (lane->has_parked_to_tell && lane->parked_told_us + PARKED_TELL_US < parked_us) {
        parked_us = lane->parked_told_us + PARKED_TELL_US;
    }
    if (lane->pause_us > 0) { /* nothing is offered before */
        return lane->pause_us;
    }
    return parked_us;
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
