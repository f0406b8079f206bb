#include "gateway/events.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/memory.h"
#include "gateway/clock.h"

struct events {
    pthread_mutex_t mutex;
    struct wake *publisher;
    struct event ring[EVENTS_MAX]; /* the oldest at `first` */
    size_t first;
    size_t count;
    uint64_t pushed; /* what was popped stays in the ring until it is overwritten */
};

struct events *events_create(struct wake *publisher)
{
    struct events *events = memory_allocate(1, sizeof *events);
    (void)pthread_mutex_init(&events->mutex, NULL);
    events->publisher = publisher;
    return events;
}

void events_destroy(struct events *events)
{
    (void)pthread_mutex_destroy(&events->mutex);
    free(events);
}

void events_push(struct events *events, size_t machine, const char *name, const char *format,
                 ...)
{
    struct event event = {.machine = machine, .time_us = clock_wall_us()};
    (void)snprintf(event.name, sizeof event.name, "%s", name);
    if (format != NULL) {
        va_list arguments;
        va_start(arguments, format);
        int length = vsnprintf(event.text, sizeof event.text, format, arguments);
        va_end(arguments);
        if (length < 0 || (size_t)length >= sizeof event.text) {
            event.text[0] = '\0'; /* half a JSON member would spoil the whole event */
        }
    }
    (void)pthread_mutex_lock(&events->mutex);
    if (events->count == EVENTS_MAX) {
        events->first = (events->first + 1) % EVENTS_MAX;
        events->count--;
    }
    events->ring[(events->first + events->count) % EVENTS_MAX] = event;
    events->count++;
    events->pushed++;
    (void)pthread_mutex_unlock(&events->mutex);
    wake_up(events->publisher);
}

uint64_t events_pushed(struct events *events)
{
    (void)pthread_mutex_lock(&events->mutex);
    uint64_t pushed = events->pushed;
    (void)pthread_mutex_unlock(&events->mutex);
    return pushed;
}

bool events_get(struct events *events, uint64_t number, struct event *event)
{
    (void)pthread_mutex_lock(&events->mutex);
    bool is_there = number < events->pushed && events->pushed - number <= EVENTS_MAX;
    if (is_there) {
        *event = events->ring[number % EVENTS_MAX];
    }
    (void)pthread_mutex_unlock(&events->mutex);
    return is_there;
}

bool events_pop(struct events *events, struct event *event)
{
    (void)pthread_mutex_lock(&events->mutex);
    bool is_there = events->count > 0;
    if (is_there) {
        *event = events->ring[events->first];
        events->first = (events->first + 1) % EVENTS_MAX;
        events->count--;
    }
    (void)pthread_mutex_unlock(&events->mutex);
    return is_there;
}
