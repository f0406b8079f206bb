#include "gateway/queue.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"

/* Records lie one behind the other, each in one piece:
 *
 *     not wrapped:  ........[oldest … newest]........      head < tail, end == tail
 *     wrapped:      [… newest]........[oldest …]xxxx      tail <= head, end <= size
 */
struct ring {
    char *memory;
    size_t size;
    size_t head;  /* where the oldest record starts */
    size_t tail;  /* where the next one will start */
    size_t end;   /* where the records before the wrap end */
    size_t count; /* records */
};

enum { RECORD_ALIGNMENT = 8 };
enum { DIGITS_MORE = 19 }; /* kept free before the payload: another number may be longer */

const char *record_payload(const struct record *record)
{
    uint32_t texts_length = record->payload_length + record->uncertain_length;
    return (const char *)record + record->size - texts_length;
}

const char *record_uncertain(const struct record *record)
{
    return record_payload(record) + record->payload_length;
}

struct ring *ring_create(size_t size_bytes)
{
    struct ring *ring = memory_allocate(1, sizeof *ring);
    ring->memory = memory_allocate(size_bytes, 1);
    ring->size = size_bytes;
    return ring;
}

void ring_destroy(struct ring *ring)
{
    free(ring->memory);
    free(ring);
}

static struct record *record_at(const struct ring *ring, size_t offset)
{
    return (struct record *)(void *)(ring->memory + offset);
}

static bool is_wrapped(const struct ring *ring)
{
    return ring->count > 0 && ring->tail <= ring->head;
}

/* Moves the tail to where `size` bytes are free in one piece; false when there is none. */
static bool make_room(struct ring *ring, size_t size)
{
    if (is_wrapped(ring)) {
        return ring->head - ring->tail >= size;
    }
    if (ring->size - ring->tail >= size) {
        return true;
    }
    if (ring->head < size) {
        return false;
    }
    ring->end = ring->tail;
    ring->tail = 0;
    return true;
}

struct record *ring_append(struct ring *ring, uint32_t size)
{
    assert(size <= ring->size);
    while (!make_room(ring, size)) {
        ring_remove_first(ring);
    }
    bool is_behind_wrap = is_wrapped(ring);
    struct record *record = record_at(ring, ring->tail);
    record->size = size;
    ring->tail += size;
    if (!is_behind_wrap) {
        ring->end = ring->tail;
    }
    ring->count++;
    return record;
}

size_t ring_count(const struct ring *ring)
{
    return ring->count;
}

const struct record *ring_first(const struct ring *ring)
{
    return ring->count > 0 ? record_at(ring, ring->head) : NULL;
}

const struct record *ring_next(const struct ring *ring, const struct record *record)
{
    size_t next = (size_t)((const char *)record - ring->memory) + record->size;
    if (next == ring->tail) {
        return NULL;
    }
    return record_at(ring, next == ring->end ? 0 : next);
}

void ring_remove_first(struct ring *ring)
{
    assert(ring->count > 0);
    ring->head += record_at(ring, ring->head)->size;
    ring->count--;
    if (ring->count == 0) {
        ring_clear(ring);
    } else if (ring->head == ring->end) {
        ring->head = 0;
        ring->end = ring->tail;
    }
}

/* `{"seq":N,…`: another N. */
static void renumber(struct record *record, uint64_t seq)
{
    char head[32];
    int length = snprintf(head, sizeof head, "{\"seq\":%" PRIu64, seq);
    char *end = (char *)record + record->size - record->uncertain_length;
    char *rest = memchr(end - record->payload_length, ',', record->payload_length);
    assert(rest != NULL);
    char *payload = rest - length;
    (void)memcpy(payload, head, (size_t)length);
    record->payload_length = (uint32_t)(end - payload);
    record->seq = seq;
}

void ring_renumber(struct ring *ring, uint64_t shift)
{
    for (const struct record *record = ring_first(ring); record != NULL;
         record = ring_next(ring, record)) {
        renumber(record_at(ring, (size_t)((const char *)record - ring->memory)),
                 record->seq + shift);
    }
}

void ring_clear(struct ring *ring)
{
    ring->head = 0;
    ring->tail = 0;
    ring->end = 0;
    ring->count = 0;
}

struct queue {
    pthread_mutex_t mutex;
    struct ring *ring;
    uint64_t run;
    uint64_t next_seq;
    struct wake *wake;
};

struct queue *queue_create(size_t size_bytes, uint64_t run, uint64_t first_seq,
                           struct wake *wake)
{
    struct queue *queue = memory_allocate(1, sizeof *queue);
    (void)pthread_mutex_init(&queue->mutex, NULL);
    queue->ring = ring_create(size_bytes);
    queue->run = run;
    queue->next_seq = first_seq;
    queue->wake = wake;
    return queue;
}

void queue_destroy(struct queue *queue)
{
    ring_destroy(queue->ring);
    (void)pthread_mutex_destroy(&queue->mutex);
    free(queue);
}

static uint32_t record_size(uint32_t texts_length)
{
    uint32_t size = (uint32_t)sizeof(struct record) + DIGITS_MORE + texts_length;
    return (size + RECORD_ALIGNMENT - 1) / RECORD_ALIGNMENT * RECORD_ALIGNMENT;
}

/* The seq is given and the sample copied under one lock: order in the queue is order of seq. */
void queue_push(struct queue *queue, struct sample *sample)
{
    (void)pthread_mutex_lock(&queue->mutex);
    bool was_empty = ring_first(queue->ring) == NULL;
    sample_number(sample, queue->next_seq++, queue->run);
    uint32_t length = sample->payload_length + sample->uncertain_length;
    struct record *record = ring_append(queue->ring, record_size(length));
    record->seq = sample->seq;
    record->time_us = sample->time_us;
    record->machine = (uint32_t)sample->machine;
    record->payload_length = sample->payload_length;
    record->uncertain_length = sample->uncertain_length;
    (void)memcpy((char *)record + record->size - length, sample->text + sample->payload,
                 length);
    (void)pthread_mutex_unlock(&queue->mutex);
    if (was_empty) {
        wake_up(queue->wake);
    }
}

uint64_t queue_take(struct queue *queue, struct ring *ring, uint64_t skipped)
{
    (void)pthread_mutex_lock(&queue->mutex);
    for (const struct record *from = ring_first(queue->ring); from != NULL;
         from = ring_next(queue->ring, from)) {
        (void)memcpy(ring_append(ring, from->size), from, from->size);
    }
    ring_clear(queue->ring);
    uint64_t last = queue->next_seq - 1;
    queue->next_seq += skipped;
    (void)pthread_mutex_unlock(&queue->mutex);
    return last;
}
