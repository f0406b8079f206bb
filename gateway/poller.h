/* The poller: one thread per link that reads its machines at a fixed rate, and nothing else.
 *
 * Connect, read what is due, hand over, wait. A sick device costs this thread only. */
#ifndef GATEWAY_POLLER_H
#define GATEWAY_POLLER_H

#include "config/factory.h"
#include "drivers/driver.h"
#include "gateway/bus.h"
#include "gateway/events.h"
#include "gateway/live.h"
#include "gateway/queue.h"
#include "gateway/ready.h"
#include "gateway/samples.h"
#include "gateway/trace.h"

struct poller;

/* All parts belong to the caller and outlive the poller. The link has a machine at least. */
struct poller_parts {
    const struct factory *factory;
    struct queue *queue;
    struct live *live;
    struct events *events;
    struct bus *bus;
    struct trace *trace;
    struct samples *samples;
    struct ready *ready; /* told after the first try of the link */
};

/* Makes the driver's link and plans; starts nothing. NULL with `error` filled when the
 * configuration cannot work. `link` is an index into factory.links. */
struct poller *poller_create(const struct poller_parts *parts, size_t link,
                             struct driver_error *error);
void poller_start(struct poller *poller);

/* Interrupts the call in progress; then join. Two steps, so that many stop at once. */
void poller_interrupt(struct poller *poller);
void poller_join(struct poller *poller);
void poller_destroy(struct poller *poller);

#endif
