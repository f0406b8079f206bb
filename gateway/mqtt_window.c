#include "gateway/mqtt_window.h"

#include <assert.h>

bool mqtt_window_has_room(const struct mqtt_window *window, size_t receive_maximum)
{
    return window->unacknowledged < receive_maximum &&
           window->sent_count + window->answers_count < MQTT_WINDOW_MAX;
}

void mqtt_window_settle(struct mqtt_window *window, uint64_t token, uint8_t reason_code)
{
    assert(window->answers_count < MQTT_WINDOW_MAX);
    size_t last = (window->answers_first + window->answers_count) % MQTT_WINDOW_MAX;
    window->answers[last] = (struct mqtt_answer){.token = token, .reason_code = reason_code};
    window->answers_count++;
}

static struct mqtt_sent *find(struct mqtt_window *window, int packet_id)
{
    for (size_t at = 0; at < window->sent_count; at++) {
        struct mqtt_sent *sent = &window->sent[(window->sent_first + at) % MQTT_WINDOW_MAX];
        if (sent->packet_id == packet_id && !sent->is_answered) {
            return sent;
        }
    }
    return NULL;
}

void mqtt_window_acknowledge(struct mqtt_window *window, int packet_id, uint8_t reason_code)
{
    struct mqtt_sent *sent = find(window, packet_id);
    if (sent == NULL) {
        window->early_id = packet_id;
        window->early_code = reason_code;
        return;
    }
    sent->is_answered = true;
    window->unacknowledged--;
    while (window->sent_count > 0 && window->sent[window->sent_first].is_answered) {
        window->sent_first = (window->sent_first + 1) % MQTT_WINDOW_MAX;
        window->sent_count--;
    }
    mqtt_window_settle(window, sent->token, reason_code);
}

void mqtt_window_enter(struct mqtt_window *window, uint64_t token, int packet_id,
                       int64_t now_us)
{
    assert(window->sent_count < MQTT_WINDOW_MAX);
    size_t last = (window->sent_first + window->sent_count) % MQTT_WINDOW_MAX;
    window->sent[last] =
        (struct mqtt_sent){.token = token, .since_us = now_us, .packet_id = packet_id};
    window->sent_count++;
    window->unacknowledged++;
    if (window->early_id == packet_id) {
        mqtt_window_acknowledge(window, packet_id, window->early_code);
    }
    window->early_id = 0;
}

bool mqtt_window_take(struct mqtt_window *window, struct mqtt_answer *answer)
{
    if (window->answers_count == 0) {
        return false;
    }
    *answer = window->answers[window->answers_first];
    window->answers_first = (window->answers_first + 1) % MQTT_WINDOW_MAX;
    window->answers_count--;
    return true;
}

int64_t mqtt_window_since_us(const struct mqtt_window *window, int64_t otherwise)
{
    return window->sent_count > 0 ? window->sent[window->sent_first].since_us : otherwise;
}
