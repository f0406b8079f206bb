/* What is under way on one MQTT connection: which QoS 1 messages wait for their PUBACK, and
 * which answers have come and were not yet taken. It knows packet identifiers and tokens, and
 * no library. Of one thread; zeroed memory is an empty window. */
#ifndef GATEWAY_MQTT_WINDOW_H
#define GATEWAY_MQTT_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MQTT_WINDOW_MAX = 200 }; /* messages handed over whose answer was not yet taken */

/* MQTT 5, 2.4: a reason code of 0x80 or above tells a failure. */
enum { MQTT_REFUSED_FROM = 0x80 };

struct mqtt_answer {
    uint64_t token;
    uint8_t reason_code;
};

/* A message whose PUBACK has not come, or came before that of an older one. */
struct mqtt_sent {
    uint64_t token;
    int64_t since_us; /* monotonic */
    int packet_id;
    bool is_answered;
};

/* Two rings. What waits for its PUBACK and what waits to be taken are MQTT_WINDOW_MAX at most.
 */
struct mqtt_window {
    struct mqtt_sent sent[MQTT_WINDOW_MAX]; /* the oldest, never answered, at `sent_first` */
    size_t sent_first;
    size_t sent_count;
    size_t unacknowledged;                       /* of those, without a PUBACK */
    struct mqtt_answer answers[MQTT_WINDOW_MAX]; /* the oldest at `answers_first` */
    size_t answers_first;
    size_t answers_count;
    int early_id; /* answered before its message was entered; 0: none */
    uint8_t early_code;
};

/* Whether one more message may be handed over, of any QoS. `receive_maximum` is the broker's
 * (MQTT 5, 3.2.2.3.3). */
bool mqtt_window_has_room(const struct mqtt_window *window, size_t receive_maximum);

/* Enters a QoS 1 message that was handed over. Its PUBACK may have come already. Needs room. */
void mqtt_window_enter(struct mqtt_window *window, uint64_t token, int packet_id,
                       int64_t now_us);

/* Enters a message that waits for no PUBACK, with its answer. Needs room. */
void mqtt_window_settle(struct mqtt_window *window, uint64_t token, uint8_t reason_code);

/* A PUBACK has come, in any order. One without its message is kept until the next is entered,
 * and then forgotten unless it is that message's. */
void mqtt_window_acknowledge(struct mqtt_window *window, int packet_id, uint8_t reason_code);

/* Takes the oldest answer; false: there is none. */
bool mqtt_window_take(struct mqtt_window *window, struct mqtt_answer *answer);

/* When the oldest message without a PUBACK was handed over; `otherwise` when none is. */
int64_t mqtt_window_since_us(const struct mqtt_window *window, int64_t otherwise);

#endif
