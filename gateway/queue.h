/* The way from all pollers to the one recorder: samples are numbered and handed over in order.
 *
 * Bounded: when the recorder stands still, the oldest samples go first; the numbers that are
 * missing tell which. Pushing never blocks and never allocates; a sample is copied in, so the
 * poller keeps its own. */
#ifndef GATEWAY_QUEUE_H
#define GATEWAY_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/sample.h"
#include "gateway/wake.h"

/* One numbered sample as it lies in memory; its bytes stand at the end of it. */
struct record {
    uint64_t seq;
    int64_t time_us;
    uint32_t machine;          /* index into factory.machines */
    uint32_t payload_length;   /* bytes of the payload, at record_payload() */
    uint32_t uncertain_length; /* bytes of the JSON array behind it, 0: none */
    uint32_t size;             /* of the whole record, a multiple of 8 */
};

const char *record_payload(const struct record *record);
const char *record_uncertain(const struct record *record);

/* A first-in first-out ring of records in one piece of memory. No lock of its own. */
struct ring;
struct ring *ring_create(size_t size_bytes);
void ring_destroy(struct ring *ring);
/* Room for a record of this size; while there is none, the oldest go. */
struct record *ring_append(struct ring *ring, uint32_t size);
size_t ring_count(const struct ring *ring); /* records */
/* The oldest, or the one after `record`; NULL when there is none. */
const struct record *ring_first(const struct ring *ring);
const struct record *ring_next(const struct ring *ring, const struct record *record);
void ring_remove_first(struct ring *ring);
/* Adds `shift` to the number of every record, in its payload too. */
void ring_renumber(struct ring *ring, uint64_t shift);
/* Everything goes; memory that was touched is used again from the start. */
void ring_clear(struct ring *ring);

struct queue;

/* `first_seq` is the next number to give; `wake` is told when a sample enters an empty queue.
 */
struct queue *queue_create(size_t size_bytes, uint64_t run, uint64_t first_seq,
                           struct wake *wake);
void queue_destroy(struct queue *queue);

/* Numbers the sample (seq and run are written into it) and copies it in. Any thread. */
void queue_push(struct queue *queue, struct sample *sample);

/* Moves everything to the ring of the caller, and leaves out the next `skipped` numbers.
 * Returns the last one given before. One thread. */
uint64_t queue_take(struct queue *queue, struct ring *ring, uint64_t skipped);

#endif
