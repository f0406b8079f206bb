/* The recorder: one thread that moves numbered samples from the queue into the journal.
 *
 * One transaction per `commit` interval; the publisher's cursor rides along. When commits fail
 * (disk full, I/O error) samples wait in bounded memory, the oldest are dropped and counted,
 * and everything heals by itself. It also does retention, in small steps. */
#ifndef GATEWAY_RECORDER_H
#define GATEWAY_RECORDER_H

#include "config/factory.h"
#include "gateway/events.h"
#include "gateway/journal.h"
#include "gateway/ledger.h"
#include "gateway/queue.h"
#include "gateway/trace.h"
#include "gateway/wake.h"

struct recorder;

/* All parts belong to the caller and outlive it; the journal is the recorder's alone from here
 * until recorder_stop has returned. `wake` is the one the queue tells. */
struct recorder_parts {
    const struct factory *factory;
    struct queue *queue;
    struct journal *journal;
    struct ledger *ledger;
    struct events *events;
    struct trace *trace; /* told of commits; NULL: none */
    struct wake *wake;
    uint64_t run;
};
struct recorder *recorder_start(const struct recorder_parts *parts);

/* After the pollers have ended: commits everything in hand, for half a second at most, and goes
 * on storing the publisher's cursor until recorder_stop. */
void recorder_finish(struct recorder *recorder);

/* Stores the last cursor, ends the thread within a third of a second and frees. False when
 * samples that were in hand could not be committed; the log then names them. */
bool recorder_stop(struct recorder *recorder);

#endif
