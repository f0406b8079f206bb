#include "gateway/parking.h"

#include <stdlib.h>
#include <string.h>

#include "config/hash.h"
#include "config/memory.h"
#include "gateway/refusal.h"

enum { PAUSE_FIRST_MS = 1000, PAUSE_MAX_MS = 60000 };

uint64_t parking_topic(const char *topic)
{
    return hash_text(topic, strlen(topic)) | 1; /* never PARKING_ANY */
}

uint64_t parking_first(const struct parking *parking)
{
    uint64_t first = 0;
    for (size_t at = 0; at < parking->count; at++) {
        uint64_t from = parking->lots[at]->from;
        first = first == 0 || from < first ? from : first;
    }
    return first;
}

bool parking_takes(uint8_t reason_code)
{
    enum refusal refusal = refusal_of(reason_code);
    return refusal == REFUSAL_OF_TOPIC || refusal == REFUSAL_OF_SIZE ||
           refusal == REFUSAL_UNSAID;
}

static struct parking_lot *find(const struct parking *parking, uint64_t topic,
                                bool is_whole_topic)
{
    for (size_t at = 0; at < parking->count; at++) {
        struct parking_lot *lot = parking->lots[at];
        if (lot->topic == topic && lot->is_whole_topic == is_whole_topic) {
            return lot;
        }
    }
    return NULL;
}

struct parking_lot *parking_find(const struct parking *parking, uint64_t topic)
{
    return find(parking, topic, true);
}

bool parking_holds(const struct parking_lot *lot, uint64_t topic, size_t length)
{
    return (lot->topic == topic || lot->topic == PARKING_ANY) &&
           (lot->is_whole_topic || length >= lot->length_min);
}

static struct parking_lot *make_lot(struct parking *parking, uint64_t topic, uint64_t from,
                                    uint64_t to)
{
    if (parking->count == PARKING_MAX) {
        return NULL;
    }
    struct parking_lot *lot = memory_allocate(1, sizeof *lot);
    *lot = (struct parking_lot){.topic = topic,
                                .from = from,
                                .to = to,
                                .count = 1,
                                .backoff = backoff_create(PAUSE_FIRST_MS, PAUSE_MAX_MS, topic)};
    parking->lots[parking->count++] = lot;
    return lot;
}

void parking_resume(struct parking *parking, uint64_t from, uint64_t to)
{
    (void)make_lot(parking, PARKING_ANY, from, to);
}

struct parking_lot *parking_add(struct parking *parking, uint64_t topic, uint64_t seq,
                                size_t length, uint8_t reason_code, int64_t now_us)
{
    bool is_whole_topic = refusal_of(reason_code) != REFUSAL_OF_SIZE;
    struct parking_lot *lot = find(parking, topic, is_whole_topic);
    if (lot != NULL) {
        parking_join(lot, seq, length);
        return lot;
    }
    lot = make_lot(parking, topic, seq, seq);
    if (lot != NULL) {
        lot->is_whole_topic = is_whole_topic;
        lot->length_min = is_whole_topic ? 0 : length;
        lot->reason_code = reason_code;
        lot->has_grown = true;
        parking_wait(lot, now_us);
    }
    return lot;
}

void parking_join(struct parking_lot *lot, uint64_t seq, size_t length)
{
    if (seq > lot->to) { /* else a new connection has sent it again */
        lot->to = seq;
        lot->count++;
        lot->has_grown = true;
    }
    lot->from = seq < lot->from ? seq : lot->from; /* answers may come in any order */
    lot->length_min = length < lot->length_min ? length : lot->length_min;
}

struct parking_lot *parking_due(struct parking *parking, int64_t now_us)
{
    for (size_t step = 0; step < parking->count; step++) {
        size_t at = (parking->turn + step) % parking->count;
        if (parking->lots[at]->offer_us <= now_us) {
            parking->turn = at + 1;
            return parking->lots[at];
        }
    }
    return NULL;
}

int64_t parking_due_us(const struct parking *parking)
{
    int64_t due_us = INT64_MAX;
    for (size_t at = 0; at < parking->count; at++) {
        int64_t offer_us = parking->lots[at]->offer_us;
        due_us = offer_us < due_us ? offer_us : due_us;
    }
    return due_us;
}

bool parking_pass(struct parking *parking, struct parking_lot *lot, uint64_t seq,
                  struct parking_lot *done)
{
    if (lot->from >= seq) { /* else an older one has joined meanwhile */
        lot->from = seq + 1;
    }
    lot->offer_us = 0;
    lot->unsaid = 0;
    backoff_reset(&lot->backoff);
    if (lot->from <= lot->to) {
        return false;
    }
    *done = *lot;
    for (size_t at = 0; at < parking->count; at++) {
        if (parking->lots[at] == lot) {
            parking->lots[at] = parking->lots[--parking->count];
            break;
        }
    }
    free(lot);
    return true;
}

bool parking_refuse(struct parking_lot *lot, uint8_t reason_code, int64_t now_us)
{
    enum refusal refusal = refusal_of(reason_code);
    lot->unsaid += refusal == REFUSAL_UNSAID ? 1 : 0;
    parking_wait(lot, now_us);
    return refusal != REFUSAL_OF_SAMPLE && lot->unsaid < REFUSAL_TRIES_MAX;
}

void parking_wait(struct parking_lot *lot, int64_t now_us)
{
    lot->offer_us = now_us + backoff_next_us(&lot->backoff);
}

void parking_renew(struct parking *parking)
{
    for (size_t at = 0; at < parking->count; at++) {
        parking->lots[at]->offer_us = 0;
        backoff_reset(&parking->lots[at]->backoff);
    }
}

void parking_release(struct parking *parking)
{
    while (parking->count > 0) {
        free(parking->lots[--parking->count]);
    }
}
