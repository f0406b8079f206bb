/* Events on their way to the broker: `event/<name>`, from any thread to the publisher.
 *
 * Bounded: beyond EVENTS_MAX the oldest go. */
#ifndef GATEWAY_EVENTS_H
#define GATEWAY_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/wake.h"

enum { EVENTS_MAX = 256, EVENT_NAME_SIZE = 32, EVENT_TEXT_SIZE = 256 };
#define EVENT_OF_GATEWAY SIZE_MAX /* instead of a machine's index */

struct event {
    size_t machine;
    int64_t time_us;            /* wall clock */
    char name[EVENT_NAME_SIZE]; /* "link-lost" */
    char text[EVENT_TEXT_SIZE]; /* further JSON members, `"reason":"timeout"`; "" when none */
};

struct events;
struct events *events_create(struct wake *publisher);
void events_destroy(struct events *events);

/* `format` makes the members; NULL: none. */
void events_push(struct events *events, size_t machine, const char *name, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));

/* Publisher. Takes the oldest; false when there is none. */
bool events_pop(struct events *events, struct event *event);

/* The page looks back: how many were ever pushed, and a copy of the `number`-th (from 0). False
 * when it is not there yet, or EVENTS_MAX others have followed. */
uint64_t events_pushed(struct events *events);
bool events_get(struct events *events, uint64_t number, struct event *event);

#endif
