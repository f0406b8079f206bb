/* What the page may look at: all that other modules let anybody read. */
#ifndef GATEWAY_WEB_PARTS_H
#define GATEWAY_WEB_PARTS_H

#include <stdint.h>

#include "config/factory.h"
#include "gateway/bus.h"
#include "gateway/events.h"
#include "gateway/ledger.h"
#include "gateway/live.h"
#include "gateway/ready.h"
#include "gateway/trace.h"
#include "gateway/uplink.h"

/* All belong to the caller and outlive the page. */
struct web_parts {
    const struct factory *factory;
    struct live *live;
    struct ledger *ledger;
    struct events *events;
    struct uplink *uplink;
    struct bus *bus;
    struct trace *trace;
    struct ready *ready;
    uint64_t run;
    int64_t started_us; /* wall clock */
    const char *page;   /* its address */
};

#endif
