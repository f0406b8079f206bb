/* How the links do, copied out for the page: counters always, plans and frames only while
 * somebody looks.
 *
 * Pollers enter, whoever looks gets copies; one mutex, never held across a call out. */
#ifndef GATEWAY_BUS_H
#define GATEWAY_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/factory.h"
#include "drivers/driver.h"

enum { BUS_WATCH_S = 10 }; /* so long after a look plans are copied */

struct bus_link {
    bool is_open;
    enum driver_status status; /* of the last call */
    int64_t retry_us;          /* wall clock: connecting again not before; 0: not waiting */
    uint64_t opened;           /* connections made since the start */
    struct driver_counters counters;
};

/* A request of a plan with its last exchange, which `last` does not point to here. */
struct bus_request {
    struct driver_request request;
    struct driver_exchange exchange;
};

/* A growing list of them, the looker's own. */
struct bus_plan {
    struct bus_request *requests;
    size_t count;
    size_t room;
};

struct bus;
struct bus *bus_create(const struct factory *factory);
void bus_destroy(struct bus *bus);

/* Pollers, after each poll. */
void bus_report(struct bus *bus, size_t link, const struct bus_link *state);
bool bus_is_watched(struct bus *bus, int64_t now_us); /* monotonic; costs no lock */
void bus_show(struct bus *bus, size_t machine, const struct driver_request *requests,
              size_t count);

/* Whoever looks: from now on plans are copied. `link` and `machine` are the factory's. */
void bus_watch(struct bus *bus, int64_t now_us);
void bus_look(struct bus *bus, size_t link, struct bus_link *state);
void bus_look_at_plan(struct bus *bus, size_t machine, struct bus_plan *plan);

#endif
