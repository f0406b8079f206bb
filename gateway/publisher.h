/* The publisher: one thread that brings both lanes to the broker.
 *
 * Safe lane: every sample from the journal, in order of seq, QoS 1, a bounded window of
 * unacknowledged messages; the cursor moves over the contiguous acknowledged prefix. Fast lane:
 * what live.h says is due, retained, QoS 0, and never in the safe lane's way. */
#ifndef GATEWAY_PUBLISHER_H
#define GATEWAY_PUBLISHER_H

#include <stdint.h>

#include "config/factory.h"
#include "gateway/events.h"
#include "gateway/ledger.h"
#include "gateway/live.h"
#include "gateway/payload.h"
#include "gateway/ready.h"
#include "gateway/uplink.h"
#include "gateway/wake.h"

struct publisher;

/* All parts belong to the caller and outlive it. */
struct publisher_parts {
    const struct factory *factory;
    struct live *live;
    struct ledger *ledger;
    struct events *events;
    struct ready *ready;   /* told when the broker's state is known for the first time */
    struct trace *trace;   /* NULL: none */
    struct uplink *uplink; /* told how the connection does */
    struct wake *wake;
    char *const *obsolete; /* retained topics to clear, below the site's root */
    size_t obsolete_count;
    struct gateway_info info; /* its texts outlive the publisher */
};
struct publisher *publisher_start(const struct publisher_parts *parts);

/* Sends what is committed and unsent until `until_us` (monotonic) at the latest, then the
 * offline births, then ends the thread and frees. What the recorder commits later is left for
 * the next run: it should have finished. */
void publisher_stop(struct publisher *publisher, int64_t until_us);

#endif
