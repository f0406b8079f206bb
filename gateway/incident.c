#include "gateway/incident.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/json.h"
#include "gateway/log.h"
#include "gateway/topic.h"

void incident_lost(struct events *events, const char *component, const struct journal_gap *gap)
{
    bool is_damage = strcmp(gap->reason, "damaged") == 0;
    char reason[2 * sizeof gap->reason] = "";
    if (!is_damage) {
        (void)snprintf(reason, sizeof reason, ",\"reason\":\"%s\"", gap->reason);
    }
    const char *name = topic_events[is_damage ? TOPIC_DAMAGED : TOPIC_EVICTED];
    log_line(is_damage ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, component,
             "event=%s reason=%s count=%" PRIu64 " from=%" PRIu64 " to=%" PRIu64, name,
             gap->reason, gap->count, gap->from, gap->to);
    events_push(events, EVENT_OF_GATEWAY, name,
                "\"count\":%" PRIu64 ",\"from\":%" PRIu64 ",\"to\":%" PRIu64 "%s", gap->count,
                gap->from, gap->to, reason);
}

/* `"file":…` with further members behind it. */
static void push_of_file(struct events *events, enum topic_event kind, const char *file,
                         const struct journal_salvaged *salvaged)
{
    char members[EVENT_TEXT_SIZE];
    struct json json = json_begin(members, sizeof members);
    json_string(&json, "file", file);
    if (salvaged != NULL) {
        json_unsigned(&json, "saved", salvaged->saved);
        json_unsigned(&json, "lost", salvaged->lost_count);
    }
    size_t length = json_end(&json); /* of an object, whose members alone are wanted */
    events_push(events, EVENT_OF_GATEWAY, topic_events[kind], "%.*s",
                length > 2 ? (int)length - 2 : 0, members + 1);
}

void incident_set_aside(struct events *events, const char *file)
{
    const char *slash = strrchr(file, '/');
    log_line(LOG_LEVEL_ERROR, "recorder", "event=journal-damaged set_aside=%s", file);
    push_of_file(events, TOPIC_JOURNAL_DAMAGED, slash != NULL ? slash + 1 : file, NULL);
}

void incident_salvaged(struct events *events, const struct journal_salvaged *salvaged)
{
    log_line(LOG_LEVEL_WARNING, "recorder",
             "event=journal-salvaged file=%s saved=%" PRIu64 " lost=%" PRIu64, salvaged->file,
             salvaged->saved, salvaged->lost_count);
    push_of_file(events, TOPIC_JOURNAL_SALVAGED, salvaged->file, salvaged);
}

void incident_held(struct events *events, bool is_held, uint64_t log_bytes)
{
    log_line(is_held ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "recorder",
             "event=journal-%s log_bytes=%" PRIu64, is_held ? "held" : "released", log_bytes);
    if (is_held) {
        events_push(events, EVENT_OF_GATEWAY, topic_events[TOPIC_JOURNAL_HELD],
                    "\"log_bytes\":%" PRIu64, log_bytes);
    }
}
