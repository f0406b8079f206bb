#include "gateway/poller.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "config/memory.h"
#include "drivers/driver.h"
#include "gateway/backoff.h"
#include "gateway/clock.h"
#include "gateway/station.h"
#include "gateway/thread.h"
#include "gateway/wake.h"

enum { RETRY_FIRST_MS = 500, RETRY_MAX_MS = 5000 };   /* connecting again */
enum { RETRY_LONG_MS = 30000, LONG_SILENCE_S = 600 }; /* after ten minutes without an answer */
enum {
    UNIT_RETRY_FIRST_MS = 1000,
    UNIT_RETRY_MAX_MS = 30000
}; /* a dead unit on a shared link */

/* A unit that does not answer behind a shared link is probed less and less often, so that it
 * cannot eat its neighbours' time. */
struct probing {
    struct backoff backoff;
    int64_t retry_us; /* monotonic: not before */
};

struct poller {
    const struct link *link;
    size_t link_index;
    struct bus *bus;
    struct trace *trace;
    struct ready *ready;
    const struct driver *driver;
    void *driver_link;
    struct station_parts station_parts;
    struct station *stations; /* one a machine of the link, in its order */
    struct probing *probings; /* the same */
    struct reading *readings; /* of the machine with the most tags */
    struct wake wake;
    atomic_bool is_stopping;
    pthread_t thread;

    bool is_open;
    bool has_answered; /* since it was opened */
    struct backoff backoff;
    int64_t retry_us;       /* monotonic: connecting again not before */
    int64_t last_answer_us; /* monotonic */
    enum driver_status last_status;
    uint64_t opened;             /* connections made */
    struct driver_request *plan; /* NULL until somebody looked at the bus */
    size_t plan_room;
};

static void create_stations(struct poller *poller)
{
    const struct factory *factory = poller->station_parts.factory;
    size_t count = poller->link->machines_count;
    size_t tags_max = 0;
    poller->stations = memory_allocate(count + 1, sizeof *poller->stations);
    poller->probings = memory_allocate(count + 1, sizeof *poller->probings);
    for (size_t at = 0; at < count; at++) {
        size_t machine = poller->link->machines[at];
        size_t tags_count = factory->machines[machine].map->tags_count;
        station_init(&poller->stations[at], &poller->station_parts, machine);
        poller->probings[at].backoff =
            backoff_create(UNIT_RETRY_FIRST_MS, UNIT_RETRY_MAX_MS, machine);
        tags_max = tags_count > tags_max ? tags_count : tags_max;
    }
    poller->readings = memory_allocate(tags_max + 1, sizeof *poller->readings);
}

struct poller *poller_create(const struct poller_parts *parts, size_t link,
                             struct driver_error *error)
{
    const struct factory *factory = parts->factory;
    struct poller *poller = memory_allocate(1, sizeof *poller);
    poller->link = &factory->links[link];
    poller->link_index = link;
    poller->bus = parts->bus;
    poller->trace = parts->trace;
    poller->ready = parts->ready;
    poller->driver = driver_find(poller->link->driver);
    poller->driver_link = poller->driver->create(factory, poller->link, error);
    if (poller->driver_link == NULL) {
        free(poller);
        return NULL;
    }
    poller->station_parts = (struct station_parts){
        .factory = factory,
        .queue = parts->queue,
        .live = parts->live,
        .events = parts->events,
        .samples = parts->samples,
    };
    wake_init(&poller->wake);
    poller->backoff = backoff_create(RETRY_FIRST_MS, RETRY_MAX_MS, link);
    create_stations(poller);
    return poller;
}

static void schedule_retry(struct poller *poller, int64_t now_us)
{
    int64_t silence_us = now_us - poller->last_answer_us;
    poller->backoff.max_ms =
        silence_us > LONG_SILENCE_S * INT64_C(1000000) ? RETRY_LONG_MS : RETRY_MAX_MS;
    poller->retry_us = now_us + backoff_next_us(&poller->backoff);
}

/* A connection that had answered may have been closed for idleness or by a reboot: it is opened
 * again at the next beat. So is one that several units share, where a dead one must not keep
 * the others waiting. One that never answered waits longer and longer. */
static void close_link(struct poller *poller, int64_t now_us)
{
    poller->driver->close(poller->driver_link);
    poller->is_open = false;
    if (poller->has_answered || poller->link->machines_count > 1) {
        poller->retry_us = now_us;
    } else {
        schedule_retry(poller, now_us);
    }
}

static bool open_link(struct poller *poller)
{
    if (poller->is_open) {
        return true;
    }
    if (clock_monotonic_us() < poller->retry_us) {
        return false;
    }
    poller->last_status = poller->driver->open(poller->driver_link);
    poller->is_open = poller->last_status == DRIVER_OK;
    poller->opened += poller->is_open ? 1 : 0;
    poller->has_answered = false;
    if (!poller->is_open) {
        poller->driver->close(poller->driver_link);
        schedule_retry(poller, clock_monotonic_us());
    }
    return poller->is_open;
}

/* Whether the device said anything about any tag. */
static bool has_answer(const struct reading *readings, size_t count)
{
    for (size_t tag = 0; tag < count; tag++) {
        if (readings[tag].kind != READING_ABSENT && !reading_is_silence(&readings[tag])) {
            return true;
        }
    }
    return false;
}

/* Why a read failed: all its tags say the same. */
static const struct reading *find_bad(const struct reading *readings, size_t count)
{
    for (size_t tag = 0; tag < count; tag++) {
        if (readings[tag].kind == READING_BAD) {
            return &readings[tag];
        }
    }
    return NULL;
}

/* No answer: from this unit, or from the whole link. */
static void give_up(struct poller *poller, size_t index, int64_t now_us)
{
    struct probing *probing = &poller->probings[index];
    struct station *station = &poller->stations[index];
    const struct reading *bad = find_bad(poller->readings, station->machine->map->tags_count);
    if (poller->link->machines_count > 1) {
        probing->retry_us = now_us + backoff_next_us(&probing->backoff);
    }
    station_failed(station, bad != NULL ? bad->reason : REASON_NO_LINK,
                   bad != NULL ? bad->exception : 0, poller->readings, now_us);
}

static size_t copy_plan(struct poller *poller, size_t index)
{
    const struct driver *driver = poller->driver;
    size_t count = driver->plan(poller->driver_link, index, NULL, 0);
    poller->plan =
        memory_grow(poller->plan, &poller->plan_room, count + 1, sizeof *poller->plan);
    return driver->plan(poller->driver_link, index, poller->plan, count);
}

/* Somebody wants to see where a value of this machine comes from. */
static void show_trace(struct poller *poller, size_t index, int64_t decoded_us)
{
    struct live *live = poller->station_parts.live;
    struct live_view view;
    struct trace_poll poll = {
        .machine = poller->link->machines[index],
        .view = &view,
        .decoded_us = decoded_us,
        .queued_us = clock_monotonic_us(),
    };
    live_view_create(live, poll.machine, &view);
    (void)live_look(live, poll.machine, &view);
    poll.requests_count = copy_plan(poller, index);
    poll.requests = poller->plan;
    trace_poll(poller->trace, &poll);
    live_view_release(&view);
}

/* Reads the due tags, and judges: an answer, a dead unit on a living link, or a dead link.
 * Where nothing was asked there is nothing to judge. */
static void read_station(struct poller *poller, size_t index, uint32_t due)
{
    struct station *station = &poller->stations[index];
    enum driver_status status =
        poller->driver->read(poller->driver_link, index, due, poller->readings);
    if (status == DRIVER_INTERRUPTED) {
        return;
    }
    int64_t now_us = clock_monotonic_us();
    if (status == DRIVER_IDLE) {
        station_idle(station, poller->readings);
        return;
    }
    if (status != DRIVER_UNIT_DEAD &&
        has_answer(poller->readings, station->machine->map->tags_count)) {
        poller->has_answered = true;
        poller->last_answer_us = now_us;
        backoff_reset(&poller->backoff);
        backoff_reset(&poller->probings[index].backoff);
        station_answered(station, poller->readings, now_us);
    } else {
        give_up(poller, index, now_us);
    }
    if (trace_is_awaited(poller->trace, poller->link->machines[index])) {
        show_trace(poller, index, now_us);
    }
    if (status >= DRIVER_TIMEOUT) {
        poller->last_status = status;
        close_link(poller, now_us);
    }
}

static void poll_station(struct poller *poller, size_t index)
{
    struct station *station = &poller->stations[index];
    int64_t now_us = clock_monotonic_us();
    if (now_us < poller->probings[index].retry_us) {
        station_hold_back(station, poller->readings, now_us);
        return;
    }
    uint32_t due = station_begin_poll(station, now_us);
    if (open_link(poller)) {
        read_station(poller, index, due);
    } else if (poller->last_status != DRIVER_INTERRUPTED) {
        station_failed(station, (uint8_t)driver_status_reason(poller->last_status), 0,
                       poller->readings, clock_monotonic_us());
    }
}

/* For the page: how the link does and, while somebody looks, what was asked and answered. */
static void report_bus(struct poller *poller, size_t index)
{
    int64_t now_us = clock_monotonic_us();
    bool is_waiting = !poller->is_open && poller->retry_us > now_us;
    struct bus_link state = {
        .is_open = poller->is_open,
        .status = poller->is_open ? DRIVER_OK : poller->last_status,
        .retry_us = is_waiting ? clock_wall_us() + poller->retry_us - now_us : 0,
        .opened = poller->opened,
    };
    poller->driver->count(poller->driver_link, &state.counters);
    bus_report(poller->bus, poller->link_index, &state);
    if (bus_is_watched(poller->bus, now_us)) {
        size_t count = copy_plan(poller, index);
        bus_show(poller->bus, poller->link->machines[index], poller->plan, count);
    }
}

static size_t next_station(const struct poller *poller)
{
    size_t next = 0;
    for (size_t at = 1; at < poller->link->machines_count; at++) {
        if (station_due_us(&poller->stations[at]) < station_due_us(&poller->stations[next])) {
            next = at;
        }
    }
    return next;
}

static void *run(void *argument)
{
    struct poller *poller = argument;
    bool is_ready_told = false;
    poller->last_answer_us = clock_monotonic_us();
    for (size_t at = 0; at < poller->link->machines_count; at++) {
        station_start(&poller->stations[at], poller->last_answer_us);
    }
    while (!atomic_load(&poller->is_stopping)) {
        size_t next = next_station(poller);
        int64_t due_us = station_due_us(&poller->stations[next]);
        if (clock_monotonic_us() < due_us) {
            (void)wake_wait(&poller->wake, due_us);
            continue;
        }
        poll_station(poller, next);
        report_bus(poller, next);
        if (!is_ready_told) {
            is_ready_told = true;
            ready_report(poller->ready);
        }
    }
    poller->driver->close(poller->driver_link);
    return NULL;
}

void poller_start(struct poller *poller)
{
    thread_start(&poller->thread, poller->link->name, run, poller);
}

void poller_interrupt(struct poller *poller)
{
    atomic_store(&poller->is_stopping, true);
    poller->driver->interrupt(poller->driver_link);
    wake_up(&poller->wake);
}

void poller_join(struct poller *poller)
{
    (void)pthread_join(poller->thread, NULL);
}

void poller_destroy(struct poller *poller)
{
    for (size_t at = 0; at < poller->link->machines_count; at++) {
        station_release(&poller->stations[at]);
    }
    poller->driver->destroy(poller->driver_link);
    wake_destroy(&poller->wake);
    free(poller->plan);
    free(poller->readings);
    free(poller->stations);
    free(poller->probings);
    free(poller);
}
