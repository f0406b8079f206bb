/* A station: one machine as its poller sees it. When it is due, how it is doing, and what
 * becomes of its readings: a sample for the journal and for the page, or word that it is lost.
 *
 * Belongs to its poller's thread. */
#ifndef GATEWAY_STATION_H
#define GATEWAY_STATION_H

#include <stdbool.h>
#include <stdint.h>

#include "config/factory.h"
#include "drivers/reading.h"
#include "gateway/events.h"
#include "gateway/live.h"
#include "gateway/pace.h"
#include "gateway/queue.h"
#include "gateway/samples.h"

/* Where the readings go: owned by the caller, shared with all other stations. */
struct station_parts {
    const struct factory *factory;
    struct queue *queue;
    struct live *live;
    struct events *events;
    struct samples *samples;
};

struct station {
    const struct station_parts *parts;
    const struct machine *machine;
    size_t index;     /* into factory.machines */
    int64_t first_us; /* monotonic: when the first poll is due */
    struct pace paces[FACTORY_PERIODS_MAX];
    bool is_all_due;    /* the last poll left something unanswered */
    bool is_second_try; /* the poll under way reads all tags for that reason */
    struct health health;
    struct told *told; /* with `record = changes`, one a tag: what the journal got last */
    unsigned failed_in_row;
    int64_t lost_us;            /* monotonic: when the polls began to fail */
    int64_t bad_sample_next_us; /* monotonic */
    int64_t last_poll_us;       /* monotonic; 0: none yet */
    double achieved_us;         /* running mean of the period; 0: not known yet */
    uint8_t *refused;           /* one a tag: the exception it is refused with, 0: none */
};

void station_init(struct station *station, const struct station_parts *parts, size_t machine);
void station_release(struct station *station);

/* The first poll, of all tags, is due at `now_us` (monotonic, as all times here): nobody waits
 * for the first value. The beats follow on a grid of the machine's own, so that not all
 * machines are polled at one moment. */
void station_start(struct station *station, int64_t now_us);

/* When it wants to be polled next. */
int64_t station_due_us(const struct station *station);

/* A poll begins: returns the paces that are due, as the driver's bits, and moves them on. All
 * are due after a poll that failed: slow tags are not to stay bad for their whole period. After
 * one that was answered in part they are once: a block that is never answered would cost its
 * timeout at each beat. */
uint32_t station_begin_poll(struct station *station, int64_t now_us);

/* A beat passes without a poll, since the machine failed and is not to be asked yet: it does
 * not count as one. `readings` is room for all tags of the machine; the bad sample of each
 * minute is told as in station_failed. */
void station_hold_back(struct station *station, struct reading *readings, int64_t now_us);

/* It ended with an answer: some readings may be bad for reasons of their own. */
void station_answered(struct station *station, const struct reading *readings, int64_t now_us);

/* Nothing was asked: all that was due is refused at present. Says nothing of the machine. */
void station_idle(struct station *station, const struct reading *readings);

/* It ended without one. `readings` is room for all tags of the machine. The first failure
 * publishes every tag as bad, the third tells that the machine is offline. */
void station_failed(struct station *station, uint8_t reason, uint8_t exception,
                    struct reading *readings, int64_t now_us);

#endif
