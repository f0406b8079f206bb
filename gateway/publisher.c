#include "gateway/publisher.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/births.h"
#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/mqtt_window.h"
#include "gateway/payload.h"
#include "gateway/refusal.h"
#include "gateway/safe_lane.h"
#include "gateway/session.h"
#include "gateway/thread.h"
#include "gateway/throttle.h"
#include "gateway/topic.h"

/* A token says whose message it was; a sample's is its seq alone. */
#define TOKEN_OF_BIRTH  (UINT64_C(1) << 56)
#define TOKEN_OF_CLEAR  (UINT64_C(2) << 56)
#define TOKEN_OF_EVENT  (UINT64_C(3) << 56)
#define TOKEN_OF_STATS  (UINT64_C(4) << 56)
#define TOKEN_OF_QUICK  (UINT64_C(5) << 56)
#define TOKEN_KIND(t)   ((t) & (UINT64_C(0xff) << 56))
#define TOKEN_DETAIL(t) ((t) & ~(UINT64_C(0xff) << 56))

enum { STATS_US = 5 * 1000 * 1000 };
enum { FAREWELL_US = 400 * 1000 };      /* of the stopping time, for the offline births */
enum { BIRTHS_ALONE_US = 1000 * 1000 }; /* then live values no longer wait for a long `meta` */
enum { QUICK_MAX = 32 }; /* QoS 0 in paho's queue: what a sample may have to wait for */
enum { PLAIN_MAX = 4 };  /* QoS 1 that are no samples */
enum { EVENTS_WINDOW = 4, EVENTS_PAUSE_US = 2 * 1000 * 1000 };

/* Running, then sending the rest, then saying good-bye. */
enum phase { PHASE_RUNNING, PHASE_DRAINING, PHASE_FAREWELL, PHASE_DONE };

/* An event stays here until it is acknowledged, or refused for what it is. */
struct kept_event {
    struct event event;
    bool is_kept;
    bool is_sent;
    unsigned refusals; /* without a reason */
};

struct publisher {
    struct publisher_parts parts;
    pthread_t thread;
    _Atomic int64_t stop_us; /* 0: nobody wants to stop */
    enum phase phase;
    struct session *session;
    struct safe_lane *lane;
    struct births *births;
    bool is_known; /* ready was told */
    int64_t up_us;
    size_t plain;     /* QoS 1 under way that are no samples */
    size_t plain_max; /* the broker's window may be small */
    bool is_narrow;   /* it takes one message at a time */
    size_t quick;     /* QoS 0 under way */
    struct throttle throttle;
    size_t cleared;
    int64_t live_due_us;
    int64_t stats_due_us;
    int64_t stats_us; /* when the last were made */
    uint64_t reconnects;
    struct live_totals totals; /* at the last stats */
    struct kept_event events[EVENTS_WINDOW];
    int64_t events_due_us; /* none is sent before: the broker takes nothing at present */
    struct live_item item;
    bool is_item_kept; /* taken from live and not yet sent */
};

/* ---- one message each ---- */

static bool is_up(struct publisher *publisher)
{
    return session_mqtt(publisher->session) != NULL;
}

static bool has_room(struct publisher *publisher, int qos)
{
    if (qos > 0) {
        return publisher->plain < publisher->plain_max;
    }
    int64_t waiting_since_us = mqtt_waiting_since_us(session_mqtt(publisher->session));
    return publisher->quick < QUICK_MAX &&
           throttle_allows(&publisher->throttle, waiting_since_us, clock_monotonic_us());
}

/* Hands a message of either small window over; false: not now. */
static bool hand_over(struct publisher *publisher, const struct mqtt_message *message,
                      uint64_t token)
{
    size_t *under_way = message->qos > 0 ? &publisher->plain : &publisher->quick;
    if (!has_room(publisher, message->qos) ||
        !mqtt_publish(session_mqtt(publisher->session), message, token)) {
        return false;
    }
    (*under_way)++;
    return true;
}

/* The births up to the first that has to wait; those of one QoS only, so that `meta` comes
 * after the samples' turn. */
static void send_births(struct publisher *publisher, int qos)
{
    const struct mqtt_message *message;
    while ((message = births_peek(publisher->births)) != NULL && message->qos == qos) {
        uint64_t token = qos == 0 ? TOKEN_OF_QUICK : TOKEN_OF_BIRTH;
        if (births_is_clearing(publisher->births)) {
            token = TOKEN_OF_CLEAR;
        }
        bool is_empty = message->is_json && message->length == 0; /* did not fit: never will */
        if (!is_empty && !hand_over(publisher, message, token)) {
            return;
        }
        births_advance(publisher->births);
    }
}

static bool send_event(struct publisher *publisher, size_t index)
{
    const struct event *event = &publisher->events[index].event;
    const struct factory *factory = publisher->parts.factory;
    char topic[TOPIC_SIZE];
    char payload[PAYLOAD_SIZE];
    struct mqtt_message message = {
        .topic = topic, .payload = payload, .qos = 1, .is_json = true};
    if (event->machine == EVENT_OF_GATEWAY) {
        topic_of_gateway(factory, "event", event->name, topic);
    } else {
        topic_of_machine(factory, event->machine, "event", event->name, topic);
    }
    message.length = payload_event(event, payload, sizeof payload);
    return hand_over(publisher, &message, TOKEN_OF_EVENT | index);
}

static void send_events(struct publisher *publisher, int64_t now_us)
{
    if (now_us < publisher->events_due_us) {
        return;
    }
    publisher->events_due_us = 0;
    for (size_t at = 0; at < EVENTS_WINDOW; at++) {
        struct kept_event *kept = &publisher->events[at];
        if (!kept->is_kept) {
            kept->is_kept = events_pop(publisher->parts.events, &kept->event);
            kept->is_sent = false;
            kept->refusals = 0;
        }
        if (kept->is_kept && !kept->is_sent) {
            kept->is_sent = send_event(publisher, at);
        }
    }
}

static bool has_events(const struct publisher *publisher)
{
    for (size_t at = 0; at < EVENTS_WINDOW; at++) {
        if (publisher->events[at].is_kept) {
            return true;
        }
    }
    return false;
}

/* As with samples: what the broker's state refuses is sent again, what it will never take goes.
 */
static void take_event_answer(struct publisher *publisher, struct kept_event *kept,
                              const struct mqtt_event *event, int64_t now_us)
{
    enum refusal refusal = refusal_of(event->reason_code);
    kept->is_kept = false;
    if (event->kind != MQTT_EVENT_REJECTED) {
        return;
    }
    kept->refusals += refusal == REFUSAL_UNSAID ? 1 : 0;
    if (refusal == REFUSAL_OF_ALL ||
        (refusal == REFUSAL_UNSAID && kept->refusals < REFUSAL_TRIES_MAX)) {
        kept->is_kept = true;
        kept->is_sent = false;
        publisher->events_due_us = now_us + EVENTS_PAUSE_US;
        return;
    }
    log_line(LOG_LEVEL_WARNING, "publisher",
             "event=event-refused name=%s reason_code=0x%02x reason=\"%s\"", kept->event.name,
             event->reason_code, mqtt_reason_text(event->reason_code));
}

static double per_second(uint64_t after, uint64_t before, int64_t elapsed_us)
{
    return elapsed_us > 0 ? (double)(after - before) * 1e6 / (double)elapsed_us : 0.0;
}

static void send_stats(struct publisher *publisher, int64_t now_us)
{
    if (now_us < publisher->stats_due_us || publisher->plain >= publisher->plain_max) {
        return;
    }
    char topic[TOPIC_SIZE];
    char payload[PAYLOAD_SIZE];
    struct stats stats = {
        .time_us = clock_wall_us(),
        .published = safe_lane_published(publisher->lane),
        .rejected = safe_lane_rejected(publisher->lane),
        .reconnects = publisher->reconnects,
    };
    int64_t elapsed_us = now_us - publisher->stats_us;
    ledger_read(publisher->parts.ledger, &stats.ledger);
    live_totals(publisher->parts.live, &stats.totals);
    stats.samples_per_s =
        per_second(stats.totals.samples, publisher->totals.samples, elapsed_us);
    stats.readings_per_s =
        per_second(stats.totals.readings, publisher->totals.readings, elapsed_us);
    topic_of_gateway(publisher->parts.factory, "stats", NULL, topic);
    struct mqtt_message message = {
        .topic = topic,
        .payload = payload,
        .length = payload_stats(&stats, payload, sizeof payload),
        .qos = 1,
        .is_retained = true,
        .is_json = true,
    };
    if (hand_over(publisher, &message, TOKEN_OF_STATS)) {
        publisher->totals = stats.totals;
        publisher->stats_us = now_us;
        publisher->stats_due_us = now_us + STATS_US;
    }
}

/* ---- the fast lane ---- */

static bool send_live(struct publisher *publisher)
{
    const struct factory *factory = publisher->parts.factory;
    const struct live_item *item = &publisher->item;
    const struct machine *machine = &factory->machines[item->machine];
    static const char *const leaves[] = {
        [LIVE_STATUS] = "status",
        [LIVE_INFO] = "info",
        [LIVE_SNAPSHOT] = "snapshot",
        [LIVE_NOW] = "now",
    };
    const struct tag *tag = item->kind == LIVE_NOW ? &machine->map->tags[item->tag] : NULL;
    char topic[TOPIC_SIZE];
    char payload[PAYLOAD_SIZE];
    topic_of_machine(factory, item->machine, leaves[item->kind], tag != NULL ? tag->name : NULL,
                     topic);
    struct mqtt_message message = {
        .topic = topic, .payload = payload, .is_retained = true, .is_json = true};
    switch (item->kind) {
    case LIVE_STATUS:
        message.payload = item->health.is_online ? "online" : "offline";
        message.length = strlen(message.payload);
        message.is_json = false;
        break;
    case LIVE_INFO:
        message.length =
            payload_info(factory, item->machine, &item->health, payload, sizeof payload);
        break;
    case LIVE_SNAPSHOT:
        message.payload = item->text;
        message.length = item->text_length;
        break;
    case LIVE_NOW: message.length = payload_now(tag, item, payload, sizeof payload); break;
    }
    return message.length == 0 || hand_over(publisher, &message, TOKEN_OF_QUICK);
}

static void send_fast_lane(struct publisher *publisher, int64_t now_us)
{
    int64_t open_us = publisher->up_us + BIRTHS_ALONE_US;
    if (births_peek(publisher->births) != NULL && now_us < open_us) {
        publisher->live_due_us = open_us;
        return;
    }
    while (publisher->quick < QUICK_MAX) {
        if (!publisher->is_item_kept) {
            publisher->is_item_kept = live_take(publisher->parts.live, now_us, &publisher->item,
                                                &publisher->live_due_us);
        }
        if (!publisher->is_item_kept) {
            return;
        }
        if (!send_live(publisher)) {
            break; /* the next answer wakes us, or the throttle's next share is due */
        }
        publisher->is_item_kept = false;
    }
    publisher->live_due_us =
        publisher->throttle.share > 0 ? throttle_due_us(&publisher->throttle) : WAKE_NEVER;
}

/* ---- the connection ---- */

static void come_up(struct publisher *publisher, const struct mqtt_event *event, int64_t now_us)
{
    size_t window =
        event->receive_maximum < MQTT_WINDOW_MAX ? event->receive_maximum : MQTT_WINDOW_MAX;
    publisher->is_narrow = window == 1;
    publisher->plain_max = window / 4 >= PLAIN_MAX ? PLAIN_MAX : 1;
    publisher->plain = 0;
    publisher->quick = 0;
    publisher->cleared = 0;
    throttle_reset(&publisher->throttle);
    publisher->up_us = now_us;
    publisher->live_due_us = now_us;
    publisher->stats_due_us = now_us;
    publisher->is_item_kept = false;
    for (size_t at = 0; at < EVENTS_WINDOW; at++) {
        publisher->events[at].is_sent = false;
    }
    publisher->events_due_us = 0;
    births_begin(publisher->births);
    live_renew(publisher->parts.live);
    safe_lane_open(publisher->lane,
                   window > publisher->plain_max ? window - publisher->plain_max : window);
}

static void report_known(struct publisher *publisher)
{
    if (!publisher->is_known) {
        publisher->is_known = true;
        ready_report(publisher->parts.ready);
    }
}

static void count_cleared(struct publisher *publisher)
{
    publisher->cleared++;
    if (publisher->cleared == publisher->parts.obsolete_count) {
        ledger_obsolete_cleared(publisher->parts.ledger);
    }
}

static void take_answer(struct publisher *publisher, const struct mqtt_event *event,
                        int64_t now_us)
{
    uint64_t kind = TOKEN_KIND(event->token);
    if (kind != TOKEN_OF_QUICK) {
        throttle_answered(&publisher->throttle, now_us);
    }
    if (kind == 0) {
        safe_lane_answer(publisher->lane, event, now_us);
    } else if (kind == TOKEN_OF_QUICK) {
        publisher->quick--;
    } else {
        publisher->plain--;
        if (kind == TOKEN_OF_EVENT) {
            take_event_answer(publisher, &publisher->events[TOKEN_DETAIL(event->token)], event,
                              now_us);
        } else if (kind == TOKEN_OF_CLEAR && event->kind == MQTT_EVENT_ACKNOWLEDGED) {
            count_cleared(publisher);
        }
    }
}

static void take_event(struct publisher *publisher, const struct mqtt_event *event,
                       int64_t now_us)
{
    struct uplink *uplink = publisher->parts.uplink;
    const char *url = session_url(publisher->session);
    switch (event->kind) {
    case MQTT_EVENT_CONNECTED:
        uplink_report(uplink, UPLINK_CONNECTED, url, NULL);
        come_up(publisher, event, now_us);
        report_known(publisher);
        break;
    case MQTT_EVENT_LOST: publisher->reconnects++; __attribute__((fallthrough));
    case MQTT_EVENT_FAILED:
        uplink_report(uplink, UPLINK_DOWN, url, event->error);
        safe_lane_close(publisher->lane);
        report_known(publisher);
        break;
    case MQTT_EVENT_ACKNOWLEDGED:
    case MQTT_EVENT_REJECTED: take_answer(publisher, event, now_us); break;
    case MQTT_EVENT_NONE: break;
    }
}

/* ---- the thread ---- */

static void send_live_values(struct publisher *publisher, int64_t now_us)
{
    if (publisher->phase == PHASE_RUNNING) {
        send_births(publisher, 0);
        send_fast_lane(publisher, now_us);
    }
}

/* Samples go first; what is before them is little: births, events, figures. But where one of
 * them fills the window, live values would never find it open while a backlog drains. */
static void send_all(struct publisher *publisher, int64_t now_us)
{
    send_births(publisher, 1);
    if (publisher->phase == PHASE_FAREWELL) {
        return;
    }
    send_events(publisher, now_us);
    send_stats(publisher, now_us);
    publisher->live_due_us = WAKE_NEVER;
    if (publisher->is_narrow) {
        send_live_values(publisher, now_us);
    }
    safe_lane_fill(publisher->lane, session_mqtt(publisher->session), now_us);
    if (!publisher->is_narrow) {
        send_live_values(publisher, now_us);
    }
}

static void begin_farewell(struct publisher *publisher)
{
    publisher->phase = PHASE_FAREWELL;
    births_begin_farewell(publisher->births);
}

/* Moves from phase to phase once somebody wants to stop. */
static void approach_end(struct publisher *publisher, int64_t stop_us, int64_t now_us)
{
    if (publisher->phase == PHASE_RUNNING) {
        publisher->phase = PHASE_DRAINING;
    }
    if (!is_up(publisher) || now_us >= stop_us) {
        publisher->phase = PHASE_DONE;
        return;
    }
    bool is_drained = safe_lane_is_drained(publisher->lane) && !has_events(publisher);
    if (publisher->phase == PHASE_DRAINING && (is_drained || now_us >= stop_us - FAREWELL_US)) {
        begin_farewell(publisher);
        send_all(publisher, now_us);
    }
    if (publisher->phase == PHASE_FAREWELL && births_peek(publisher->births) == NULL &&
        publisher->plain == 0) {
        publisher->phase = PHASE_DONE;
    }
}

static int64_t due_us(struct publisher *publisher, int64_t stop_us, int64_t now_us)
{
    int64_t due = session_due_us(publisher->session);
    if (is_up(publisher) && publisher->phase != PHASE_FAREWELL) {
        due = clock_sooner(due, publisher->live_due_us);
        due = clock_sooner(due, safe_lane_due_us(publisher->lane));
        due = publisher->events_due_us > 0 ? clock_sooner(due, publisher->events_due_us) : due;
        if (publisher->stats_due_us >
            now_us) { /* else the window is full: an answer wakes us */
            due = clock_sooner(due, publisher->stats_due_us);
        }
    }
    if (stop_us != 0) {
        due = clock_sooner(due, publisher->phase == PHASE_DRAINING ? stop_us - FAREWELL_US
                                                                   : stop_us);
    }
    return due;
}

static void *run(void *argument)
{
    struct publisher *publisher = argument;
    while (publisher->phase != PHASE_DONE) {
        int64_t now_us = clock_monotonic_us();
        int64_t stop_us = atomic_load(&publisher->stop_us);
        struct mqtt_event event;
        while (session_next_event(publisher->session, now_us, &event)) {
            take_event(publisher, &event, now_us);
        }
        if (is_up(publisher)) {
            send_all(publisher, now_us);
        } else if (publisher->is_known) {
            safe_lane_watch(publisher->lane);
        }
        if (stop_us != 0) {
            approach_end(publisher, stop_us, now_us);
        }
        uplink_count(publisher->parts.uplink, safe_lane_published(publisher->lane),
                     safe_lane_rejected(publisher->lane));
        if (publisher->phase != PHASE_DONE) {
            session_wait(publisher->session, due_us(publisher, stop_us, now_us));
        }
    }
    return NULL;
}

struct publisher *publisher_start(const struct publisher_parts *parts)
{
    struct publisher *publisher = memory_allocate(1, sizeof *publisher);
    publisher->parts = *parts;
    publisher->stats_us = clock_monotonic_us();
    publisher->item.text_size = live_text_size(parts->live);
    publisher->item.text = memory_allocate(publisher->item.text_size, 1);
    publisher->session = session_create(parts->factory, parts->wake);
    uplink_report(parts->uplink, UPLINK_CONNECTING, session_url(publisher->session), NULL);
    publisher->lane = safe_lane_create(parts->factory, parts->ledger, parts->events,
                                       parts->trace, parts->info.run);
    publisher->births =
        births_create(parts->factory, parts->obsolete, parts->obsolete_count, &parts->info);
    thread_start(&publisher->thread, "publisher", run, publisher);
    (void)pthread_setname_np(publisher->thread, "publisher");
    return publisher;
}

void publisher_stop(struct publisher *publisher, int64_t until_us)
{
    atomic_store(&publisher->stop_us, until_us > 0 ? until_us : 1);
    wake_up(publisher->parts.wake);
    (void)pthread_join(publisher->thread, NULL);
    bool is_orderly =
        is_up(publisher) && births_peek(publisher->births) == NULL && publisher->plain == 0;
    session_destroy(publisher->session, is_orderly);
    births_destroy(publisher->births);
    safe_lane_destroy(publisher->lane);
    free(publisher->item.text);
    free(publisher);
}
