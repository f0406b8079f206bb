#include "gateway/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/backoff.h"
#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/lookup.h"
#include "gateway/topic.h"

enum { RETRY_FIRST_MS = 200, RETRY_MAX_MS = 5000 };
/* A connection that lasted so long was a success: the next loss is followed by a short pause
 * again. Two clients with one name throw each other out sooner than that, and so wait longer
 * and longer. */
enum { LASTING_US = 1000 * 1000 };
enum { CLIENT_ID_SIZE = 128 };

enum state { STATE_WAITING, STATE_LOOKING_UP, STATE_CONNECTING, STATE_UP };

struct session {
    const struct broker *broker;
    struct wake *wake;
    enum state state;
    int64_t due_us; /* end of waiting, or of the try */
    int64_t up_us;  /* since when it is up */
    size_t url;
    struct backoff backoff;
    struct lookup *lookup;
    struct mqtt *mqtt;
    bool is_dropped;               /* `dropped` is to be handed out */
    struct mqtt_event dropped;     /* a failure or loss that was found out here */
    char (*told)[MQTT_ERROR_SIZE]; /* by URL: what the log knows already */
    char client_id[CLIENT_ID_SIZE];
    char will_topic[TOPIC_SIZE];
};

struct session *session_create(const struct factory *factory, struct wake *wake)
{
    struct session *session = memory_allocate(1, sizeof *session);
    session->broker = &factory->broker;
    if (session->broker->version == MQTT_VERSION_3_1_1) {
        log_line(
            LOG_LEVEL_WARNING, "publisher",
            "event=mqtt-3.1.1 advice=\"a message that the broker refuses cannot be told from "
            "one that it took; version = 5 can\"");
    }
    session->wake = wake;
    session->backoff = backoff_create(RETRY_FIRST_MS, RETRY_MAX_MS, (uint64_t)clock_wall_us());
    session->told = memory_allocate(factory->broker.urls_count, sizeof *session->told);
    (void)snprintf(session->client_id, sizeof session->client_id, "formlab-%s",
                   factory->gateway.name);
    topic_of_gateway(factory, "status", NULL, session->will_topic);
    return session;
}

void session_destroy(struct session *session, bool is_orderly)
{
    lookup_release(session->lookup);
    mqtt_destroy(session->mqtt, is_orderly);
    free(session->told);
    free(session);
}

struct mqtt *session_mqtt(struct session *session)
{
    return session->state == STATE_UP ? session->mqtt : NULL;
}

const char *session_url(const struct session *session)
{
    return session->broker->urls[session->url].text;
}

int64_t session_due_us(struct session *session)
{
    if (session->is_dropped) {
        return 0;
    }
    if (session->state != STATE_UP) {
        return session->due_us;
    }
    int64_t since_us = mqtt_waiting_since_us(session->mqtt);
    return since_us == WAKE_NEVER ? WAKE_NEVER
                                  : since_us + SESSION_SILENCE_S * INT64_C(1000000);
}

void session_wait(struct session *session, int64_t until_us)
{
    if (session->mqtt != NULL) {
        mqtt_wait(session->mqtt, until_us);
    } else {
        (void)wake_wait(session->wake, until_us);
    }
}

/* Everything is put away; `event` tells why, and is handed out as it is. */
static void drop(struct session *session, const struct mqtt_event *event, int64_t now_us)
{
    const struct broker_url *url = &session->broker->urls[session->url];
    char *told = session->told[session->url];
    lookup_release(session->lookup);
    session->lookup = NULL;
    mqtt_destroy(session->mqtt, false);
    session->mqtt = NULL;
    bool was_up = session->state == STATE_UP;
    if (was_up && now_us - session->up_us >= LASTING_US) {
        backoff_reset(&session->backoff);
    }
    session->state = STATE_WAITING;
    session->due_us = now_us + backoff_next_us(&session->backoff);
    if (was_up || strcmp(told, event->error) != 0) {
        (void)snprintf(told, MQTT_ERROR_SIZE, "%s", event->error);
        log_line(LOG_LEVEL_WARNING, "publisher",
                 "broker=%s event=%s reason=\"%s\" retry_ms=%lld", url->text,
                 was_up ? "lost" : "failed", event->error,
                 (long long)(session->due_us - now_us) / 1000);
    }
    session->url = (session->url + 1) % session->broker->urls_count;
}

/* A failure or loss that was found out here, not by paho. */
static void drop_for(struct session *session, int64_t now_us, const char *format,
                     const char *detail)
{
    struct mqtt_event *event = &session->dropped;
    *event = (struct mqtt_event){.kind = session->state == STATE_UP ? MQTT_EVENT_LOST
                                                                    : MQTT_EVENT_FAILED};
    const struct broker_url *url = &session->broker->urls[session->url];
    (void)snprintf(event->error, sizeof event->error, "%s:%u: %s%s", url->host, url->port,
                   format, detail);
    session->is_dropped = true;
    drop(session, event, now_us);
}

static void start_looking_up(struct session *session, int64_t now_us)
{
    session->lookup = lookup_start(session->broker->urls[session->url].host, session->wake);
    session->state = STATE_LOOKING_UP;
    session->due_us = now_us + SESSION_TRY_S * INT64_C(1000000);
}

static void start_connecting(struct session *session, const char *address, int64_t now_us)
{
    char error[MQTT_ERROR_SIZE];
    struct mqtt_settings settings = {
        .broker = session->broker,
        .url = &session->broker->urls[session->url],
        .address = address,
        .client_id = session->client_id,
        .will_topic = session->will_topic,
        .will_payload = "offline",
        .timeout_s = SESSION_TRY_S,
        .keepalive_s = SESSION_KEEPALIVE_S,
    };
    session->state = STATE_CONNECTING;
    session->mqtt = mqtt_connect(&settings, session->wake, error);
    if (session->mqtt == NULL) {
        drop_for(session, now_us, error, "");
    }
}

static void do_due(struct session *session, int64_t now_us)
{
    char address[LOOKUP_ADDRESS_SIZE];
    if (session->state == STATE_WAITING && now_us >= session->due_us) {
        start_looking_up(session, now_us);
    }
    if (session->state == STATE_LOOKING_UP) {
        enum lookup_state found = lookup_result(session->lookup, address);
        if (found == LOOKUP_FOUND) {
            lookup_release(session->lookup);
            session->lookup = NULL;
            start_connecting(session, address, now_us);
        } else if (found == LOOKUP_FAILED) {
            drop_for(session, now_us, "the name has no address: ", address);
        }
    }
    if (session->state != STATE_WAITING && now_us >= session_due_us(session)) {
        drop_for(session, now_us,
                 session->state == STATE_UP ? "a message was not acknowledged within 5 s"
                                            : "no answer within 5 s",
                 "");
    }
}

static void come_up(struct session *session, const struct mqtt_event *event, int64_t now_us)
{
    session->state = STATE_UP;
    session->up_us = now_us;
    for (size_t at = 0; at < session->broker->urls_count; at++) {
        session->told[at][0] = '\0';
    }
    log_line(
        LOG_LEVEL_INFO, "publisher", "broker=%s event=connected version=%s receive_maximum=%u",
        session->broker->urls[session->url].text,
        session->broker->version == MQTT_VERSION_5 ? "5" : "3.1.1", event->receive_maximum);
}

bool session_next_event(struct session *session, int64_t now_us, struct mqtt_event *event)
{
    if (!session->is_dropped) {
        do_due(session, now_us);
    }
    if (session->is_dropped) {
        session->is_dropped = false;
        *event = session->dropped;
        return true;
    }
    if (session->mqtt == NULL || !mqtt_next_event(session->mqtt, event)) {
        return false;
    }
    if (event->kind == MQTT_EVENT_CONNECTED) {
        come_up(session, event, now_us);
    } else if (event->kind == MQTT_EVENT_FAILED || event->kind == MQTT_EVENT_LOST) {
        drop(session, event, now_us);
    }
    return true;
}
