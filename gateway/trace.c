#include "gateway/trace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/clock.h"

struct slot {
    bool is_armed;
    size_t machine;
    size_t tag;
    struct wake *wake;
    struct trace_view view;
};

/* What was published while anything was armed: it may be quicker than the poller's word of it.
 */
enum { PASSED_MAX = 32 };
struct passed {
    uint64_t seq;
    int64_t published_us;
    int64_t acknowledged_us;
    char *sent;
    char topic[TOPIC_SIZE];
};

struct trace {
    const struct factory *factory;
    atomic_uint armed_count;
    pthread_mutex_t mutex; /* for what follows */
    struct slot slots[TRACES_MAX];
    uint64_t committed; /* the last that was told while anything was armed */
    int64_t committed_us;
    struct passed passed[PASSED_MAX];
    size_t passed_next;
};

struct trace *trace_create(const struct factory *factory)
{
    struct trace *trace = memory_allocate(1, sizeof *trace);
    (void)pthread_mutex_init(&trace->mutex, NULL);
    trace->factory = factory;
    return trace;
}

void trace_release(struct trace_view *view)
{
    free(view->value);
    free(view->payload);
    free(view->sent);
    *view = (struct trace_view){.value = NULL};
}

void trace_destroy(struct trace *trace)
{
    for (size_t at = 0; at < TRACES_MAX; at++) {
        trace_release(&trace->slots[at].view);
    }
    for (size_t at = 0; at < PASSED_MAX; at++) {
        free(trace->passed[at].sent);
    }
    (void)pthread_mutex_destroy(&trace->mutex);
    free(trace);
}

static bool is_armed(struct trace *trace)
{
    return trace != NULL && atomic_load_explicit(&trace->armed_count, memory_order_relaxed) > 0;
}

/* ---- whoever looks ---- */

int trace_arm(struct trace *trace, size_t machine, size_t tag, struct wake *wake)
{
    int number = 0;
    (void)pthread_mutex_lock(&trace->mutex);
    while (number < TRACES_MAX && trace->slots[number].is_armed) {
        number++;
    }
    if (number < TRACES_MAX) {
        trace->slots[number] =
            (struct slot){.is_armed = true, .machine = machine, .tag = tag, .wake = wake};
        atomic_fetch_add(&trace->armed_count, 1);
    }
    (void)pthread_mutex_unlock(&trace->mutex);
    return number < TRACES_MAX ? number : -1;
}

void trace_disarm(struct trace *trace, int number)
{
    (void)pthread_mutex_lock(&trace->mutex);
    trace_release(&trace->slots[number].view);
    trace->slots[number].is_armed = false;
    atomic_fetch_sub(&trace->armed_count, 1);
    (void)pthread_mutex_unlock(&trace->mutex);
}

static char *copy(const char *text)
{
    return text != NULL ? memory_copy(text) : NULL;
}

bool trace_look(struct trace *trace, int number, struct trace_view *view)
{
    (void)pthread_mutex_lock(&trace->mutex);
    *view = trace->slots[number].view;
    view->value = copy(view->value);
    view->payload = copy(view->payload);
    view->sent = copy(view->sent);
    (void)pthread_mutex_unlock(&trace->mutex);
    return view->ended_us[TRACE_PUBACK] != 0;
}

/* ---- the poller ---- */

bool trace_is_awaited(struct trace *trace, size_t machine)
{
    if (!is_armed(trace)) {
        return false;
    }
    bool is_awaited = false;
    (void)pthread_mutex_lock(&trace->mutex);
    for (size_t at = 0; at < TRACES_MAX; at++) {
        const struct slot *slot = &trace->slots[at];
        is_awaited |= slot->is_armed && slot->machine == machine && !slot->view.has_sample;
    }
    (void)pthread_mutex_unlock(&trace->mutex);
    return is_awaited;
}

/* The request that reads the tag: of its pace. One of another pace may bridge its registers. */
static const struct driver_request *find_request(const struct trace_poll *poll,
                                                 const struct machine *machine, size_t index)
{
    const struct tag *tag = &machine->map->tags[index];
    uint16_t address = machine_wire_address(machine, tag);
    for (size_t at = 0; at < poll->requests_count; at++) {
        const struct driver_request *request = &poll->requests[at];
        if (request->table == tag->table && request->period == machine->tag_periods[index] &&
            request->last->request_length > 0 && address >= request->address &&
            address < request->address + request->count) {
            return request;
        }
    }
    return NULL;
}

static char *copy_part(const char *text, size_t length)
{
    char *made = memory_allocate(length + 1, 1);
    (void)memcpy(made, text, length);
    return made;
}

/* With the lock held: what has happened to the sample already. */
static void catch_up(struct trace *trace, struct trace_view *view)
{
    if (trace->committed >= view->seq) {
        view->ended_us[TRACE_COMMIT] = trace->committed_us;
    }
    for (size_t at = 0; at < PASSED_MAX; at++) {
        const struct passed *passed = &trace->passed[at];
        if (passed->sent != NULL && passed->seq == view->seq) {
            view->sent = memory_copy(passed->sent);
            (void)memcpy(view->topic, passed->topic, sizeof view->topic);
            view->ended_us[TRACE_PUBLISH] = passed->published_us;
            view->ended_us[TRACE_PUBACK] = passed->acknowledged_us;
        }
    }
}

/* With the lock held. The sample came of this exchange when the value bears its time, and is
 * not older than the oldest in it. */
static void take_poll(struct trace *trace, struct slot *slot, const struct trace_poll *poll)
{
    const struct machine *machine = &trace->factory->machines[slot->machine];
    const struct driver_request *request = find_request(poll, machine, slot->tag);
    const struct point *point = &poll->view->points[slot->tag];
    struct trace_view *view = &slot->view;
    if (request == NULL) {
        return;
    }
    view->is_asked = true;
    view->exchange = *request->last;
    view->table = request->table;
    view->address = request->address;
    view->count = request->count;
    view->begun_us = clock_monotonic_us() - (clock_wall_us() - request->last->sent_us);
    view->ended_us[TRACE_REQUEST] = view->begun_us + request->last->duration_us;
    if (point->time_us != request->last->answered_us || poll->view->seq == 0 ||
        point->time_us < poll->view->time_us) { /* of an earlier beat */
        return;
    }
    view->has_sample = true;
    view->seq = poll->view->seq;
    view->point = *point;
    view->value = copy_part(poll->view->texts + point->text, point->text_length);
    view->payload = copy_part(poll->view->payload, poll->view->payload_length);
    view->ended_us[TRACE_DECODE] = poll->decoded_us;
    view->ended_us[TRACE_QUEUE] = poll->queued_us;
    catch_up(trace, view);
}

void trace_poll(struct trace *trace, const struct trace_poll *poll)
{
    struct wake *wakes[TRACES_MAX];
    size_t count = 0;
    (void)pthread_mutex_lock(&trace->mutex);
    for (size_t at = 0; at < TRACES_MAX; at++) {
        struct slot *slot = &trace->slots[at];
        if (!slot->is_armed || slot->machine != poll->machine || slot->view.has_sample) {
            continue;
        }
        take_poll(trace, slot, poll);
        if (slot->view.ended_us[TRACE_PUBACK] != 0) {
            wakes[count++] = slot->wake;
        }
    }
    (void)pthread_mutex_unlock(&trace->mutex);
    for (size_t at = 0; at < count; at++) {
        wake_up(wakes[at]);
    }
}

/* ---- behind it ---- */

void trace_commit(struct trace *trace, uint64_t seq)
{
    if (!is_armed(trace)) {
        return;
    }
    int64_t now_us = clock_monotonic_us();
    (void)pthread_mutex_lock(&trace->mutex);
    trace->committed = seq;
    trace->committed_us = now_us;
    for (size_t at = 0; at < TRACES_MAX; at++) {
        struct trace_view *view = &trace->slots[at].view;
        if (view->has_sample && view->seq <= seq && view->ended_us[TRACE_COMMIT] == 0) {
            view->ended_us[TRACE_COMMIT] = now_us;
        }
    }
    (void)pthread_mutex_unlock(&trace->mutex);
}

void trace_publish(struct trace *trace, uint64_t seq, const char *topic, const char *payload,
                   size_t length)
{
    if (!is_armed(trace)) {
        return;
    }
    int64_t now_us = clock_monotonic_us();
    (void)pthread_mutex_lock(&trace->mutex);
    struct passed *passed = &trace->passed[trace->passed_next++ % PASSED_MAX];
    free(passed->sent);
    *passed =
        (struct passed){.seq = seq, .published_us = now_us, .sent = copy_part(payload, length)};
    (void)snprintf(passed->topic, sizeof passed->topic, "%s", topic);
    for (size_t at = 0; at < TRACES_MAX; at++) {
        struct trace_view *view = &trace->slots[at].view;
        if (view->has_sample && view->seq == seq && view->sent == NULL) {
            view->sent = copy_part(payload, length);
            (void)snprintf(view->topic, sizeof view->topic, "%s", topic);
            view->ended_us[TRACE_PUBLISH] = now_us;
        }
    }
    (void)pthread_mutex_unlock(&trace->mutex);
}

void trace_acknowledge(struct trace *trace, uint64_t seq)
{
    if (!is_armed(trace)) {
        return;
    }
    int64_t now_us = clock_monotonic_us();
    struct wake *wakes[TRACES_MAX];
    size_t count = 0;
    (void)pthread_mutex_lock(&trace->mutex);
    for (size_t at = 0; at < PASSED_MAX; at++) {
        if (trace->passed[at].seq == seq) {
            trace->passed[at].acknowledged_us = now_us;
        }
    }
    for (size_t at = 0; at < TRACES_MAX; at++) {
        struct slot *slot = &trace->slots[at];
        if (slot->view.has_sample && slot->view.seq == seq) {
            slot->view.ended_us[TRACE_PUBACK] = now_us;
            wakes[count++] = slot->wake;
        }
    }
    (void)pthread_mutex_unlock(&trace->mutex);
    for (size_t at = 0; at < count; at++) {
        wake_up(wakes[at]);
    }
}
