/* The safe lane's rows: from the journal to the connection. */
#include <inttypes.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/incident.h"
#include "gateway/log.h"
#include "gateway/safe_lane_private.h"
#include "gateway/topic.h"

enum { READ_RETRY_US = 1000 * 1000 }; /* after the journal could not be read */

/* ---- reading ---- */

void safe_lane_note_unreadable(struct safe_lane *lane, const char *error, int64_t now_us)
{
    if (!lane->is_reader_failing) {
        lane->is_reader_failing = true;
        log_line(LOG_LEVEL_ERROR, "publisher", "event=journal-unreadable error=\"%s\"", error);
    }
    lane->pause_us = now_us + READ_RETRY_US;
}

void safe_lane_note_readable(struct safe_lane *lane)
{
    lane->read_failures = 0;
    if (lane->is_reader_failing) {
        lane->is_reader_failing = false;
        log_line(LOG_LEVEL_INFO, "publisher", "event=journal-readable");
    }
}

void safe_lane_close_reader(struct safe_lane *lane)
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
        safe_lane_note_unreadable(lane, error.text, now_us);
    }
    return lane->reader != NULL;
}

bool safe_lane_seek(struct safe_lane *lane, uint64_t after_seq, int64_t now_us)
{
    if (!open_reader(lane, now_us)) {
        return false;
    }
    if (!journal_reader_seek(lane->reader, after_seq)) {
        safe_lane_note_unreadable(lane, journal_reader_message(lane->reader), now_us);
        safe_lane_close_reader(lane);
        return false;
    }
    return true;
}

/* ---- sending ---- */

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

bool safe_lane_send_row(struct safe_lane *lane, struct mqtt *mqtt,
                        const struct journal_row *row, uint64_t late_to)
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

/* ---- what is missing ---- */

void safe_lane_tell_damaged(struct safe_lane *lane, uint64_t from, uint64_t to)
{
    const struct journal_gap gap = {
        .from = from, .to = to, .count = to - from + 1, .reason = "damaged"};
    incident_lost(lane->events, "publisher", &gap);
}

/* Numbers follow each other, but for what the journal names as lost. Who it was lost for is
 * told when the place is passed: the recorder announces what it takes, but may be killed
 * before. A hole that nobody knows of was made by damage: it must not pass in silence either.
 * Behind a cursor that was not legible, what is missing may have been sent long ago. */
uint64_t safe_lane_find_hole(struct safe_lane *lane, uint64_t seq)
{
    uint64_t newest = lane->outbox.newest;
    struct journal_gap gap;
    if (seq == newest + 1) {
        return 0;
    }
    if (!journal_reader_explains(lane->reader, newest + 1, seq - 1, &gap)) {
        if (newest == 0) {
            return 0;
        }
        safe_lane_tell_damaged(lane, newest + 1, seq - 1);
        return seq - 1;
    }
    if (lane->hole_told < seq) {
        lane->hole_told = seq;
        incident_lost(lane->events, "publisher", &gap);
    }
    return 0;
}
