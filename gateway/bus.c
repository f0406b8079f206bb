#include "gateway/bus.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"

struct bus {
    const struct factory *factory;
    _Atomic int64_t watched_until_us; /* monotonic */
    pthread_mutex_t mutex;            /* for what follows */
    struct bus_link *links;
    struct bus_plan *plans; /* by machine; empty until somebody looked */
};

struct bus *bus_create(const struct factory *factory)
{
    struct bus *bus = memory_allocate(1, sizeof *bus);
    (void)pthread_mutex_init(&bus->mutex, NULL);
    bus->factory = factory;
    bus->links = memory_allocate(factory->links_count, sizeof *bus->links);
    bus->plans = memory_allocate(factory->machines_count, sizeof *bus->plans);
    return bus;
}

void bus_destroy(struct bus *bus)
{
    for (size_t at = 0; at < bus->factory->machines_count; at++) {
        free(bus->plans[at].requests);
    }
    free(bus->plans);
    free(bus->links);
    (void)pthread_mutex_destroy(&bus->mutex);
    free(bus);
}

void bus_report(struct bus *bus, size_t link, const struct bus_link *state)
{
    (void)pthread_mutex_lock(&bus->mutex);
    bus->links[link] = *state;
    (void)pthread_mutex_unlock(&bus->mutex);
}

bool bus_is_watched(struct bus *bus, int64_t now_us)
{
    return now_us < atomic_load_explicit(&bus->watched_until_us, memory_order_relaxed);
}

static void make_room(struct bus_plan *plan, size_t count)
{
    plan->requests =
        memory_grow(plan->requests, &plan->room, count + 1, sizeof *plan->requests);
    plan->count = count;
}

void bus_show(struct bus *bus, size_t machine, const struct driver_request *requests,
              size_t count)
{
    (void)pthread_mutex_lock(&bus->mutex);
    struct bus_plan *plan = &bus->plans[machine];
    make_room(plan, count);
    for (size_t at = 0; at < count; at++) {
        plan->requests[at].request = requests[at];
        plan->requests[at].request.last = NULL;
        plan->requests[at].exchange = *requests[at].last;
    }
    (void)pthread_mutex_unlock(&bus->mutex);
}

void bus_watch(struct bus *bus, int64_t now_us)
{
    atomic_store_explicit(&bus->watched_until_us, now_us + BUS_WATCH_S * INT64_C(1000000),
                          memory_order_relaxed);
}

void bus_look(struct bus *bus, size_t link, struct bus_link *state)
{
    (void)pthread_mutex_lock(&bus->mutex);
    *state = bus->links[link];
    (void)pthread_mutex_unlock(&bus->mutex);
}

void bus_look_at_plan(struct bus *bus, size_t machine, struct bus_plan *plan)
{
    (void)pthread_mutex_lock(&bus->mutex);
    const struct bus_plan *shown = &bus->plans[machine];
    make_room(plan, shown->count);
    if (shown->count > 0) {
        (void)memcpy(plan->requests, shown->requests, shown->count * sizeof *plan->requests);
    }
    (void)pthread_mutex_unlock(&bus->mutex);
}
