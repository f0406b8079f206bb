/* One MQTT connection: the only file that knows paho. A second client could stand beside it.
 *
 * A handle lives for one connection and is destroyed after each loss: paho sends what was left
 * in a handle's queue on its next connection, before everything else. All functions are called
 * by one thread (the publisher's), which also does what paho's own threads would do; a thread
 * of ours only connects, since that blocks. Paho's buffering, persistence and reconnect stay
 * off. */
#ifndef GATEWAY_MQTT_H
#define GATEWAY_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/factory.h"
#include "gateway/wake.h"

enum { MQTT_ERROR_SIZE = 320 };

struct mqtt_settings {
    const struct broker *broker;
    const struct broker_url *url;
    const char
        *address; /* the URL's host looked up; "" leaves that to paho, which then holds
                     all its locks meanwhile. Not used with TLS: certificates bear names */
    const char *client_id;
    const char *will_topic; /* QoS 1, retained */
    const char *will_payload;
    unsigned timeout_s; /* of connecting */
    unsigned keepalive_s;
};

enum mqtt_event_kind {
    MQTT_EVENT_NONE,
    MQTT_EVENT_CONNECTED,    /* receive_maximum is set */
    MQTT_EVENT_FAILED,       /* connecting failed: error */
    MQTT_EVENT_LOST,         /* the connection ended: error */
    MQTT_EVENT_ACKNOWLEDGED, /* token: PUBACK with success, or a QoS 0 message was written */
    MQTT_EVENT_REJECTED,     /* token: PUBACK with reason_code, MQTT 5 only */
};

struct mqtt_event {
    enum mqtt_event_kind kind;
    uint64_t token;
    uint16_t receive_maximum;    /* the broker's, 65535 when it names none */
    uint8_t reason_code;         /* MQTT 5, 2.4: 0x80 or above */
    char error[MQTT_ERROR_SIZE]; /* a sentence for the log, without secrets */
};

struct mqtt;

/* Once, before the first thread. */
void mqtt_global_init(void);

/* Starts connecting; the outcome comes as an event, and `wake` is told. NULL with `error`
 * filled when it cannot even try (a file is missing or unreadable, the try before has not ended
 * …). The password file is read here and its memory wiped. Not within 100 ms of a failure or
 * loss: paho may still hold that error for the number of the descriptor, which the new
 * connection may get.
 */
struct mqtt *mqtt_connect(const struct mqtt_settings *settings, struct wake *wake,
                          char error[static MQTT_ERROR_SIZE]);

/* Hands a message over (copied); it leaves with the next mqtt_wait(), together with others.
 * `token` comes back in exactly one event, unless the connection is lost first. False: not now
 * (MQTT_WINDOW_MAX are under way, or as many of QoS 1 as the broker takes; the peer takes
 * nothing at present; or the connection is gone). A message larger than the broker takes is
 * rejected here. */
struct mqtt_message {
    const char *topic;
    const char *payload;
    size_t length;
    int qos;
    bool is_retained;
    bool is_json; /* MQTT 5: content type application/json */
};
bool mqtt_publish(struct mqtt *mqtt, const struct mqtt_message *message, uint64_t token);

/* When the oldest message that is still under way was handed over (monotonic); WAKE_NEVER when
 * none is. */
int64_t mqtt_waiting_since_us(const struct mqtt *mqtt);

/* Takes the oldest event, after reading what the broker sent; kind NONE and false when there is
 * none. */
bool mqtt_next_event(struct mqtt *mqtt, struct mqtt_event *event);

/* Sends what was handed over, then sleeps until `wake` is told, the broker sent something,
 * there is room again, or the monotonic time `until_us` has come. To be called at least that
 * often: it keeps the connection alive. */
void mqtt_wait(struct mqtt *mqtt, int64_t until_us);

/* Ends the connection and frees the handle. When not `is_orderly` the broker is asked to send
 * the will (MQTT 5 only: with 3.1.1 paho always takes leave). NULL is harmless. */
void mqtt_destroy(struct mqtt *mqtt, bool is_orderly);

/* What a reason code means, for logs: "Not authorized". */
const char *mqtt_reason_text(uint8_t reason_code);

#endif
