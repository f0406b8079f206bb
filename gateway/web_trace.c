#include "gateway/web_trace.h"

#include <pthread.h>
#include <stdlib.h>

#include "config/memory.h"
#include "gateway/clock.h"
#include "gateway/thread.h"
#include "gateway/wake.h"
#include "gateway/web_steps.h"
#include "gateway/web_tag.h"

enum {
    WAIT_US = 3000000,        /* behind the tag's next beat */
    PERIOD_MAX_US = 15000000, /* nobody looks at a page that does nothing for longer */
};

/* Somebody who waits. */
struct follower {
    struct web_trace *owner;
    struct http_waiter *waiter;
    struct tag_reference of;
    int number;     /* of the trace; -1: this place is free */
    int64_t due_us; /* monotonic: then what is known is told */
};

struct web_trace {
    const struct web_parts *parts;
    pthread_t thread;
    struct wake wake;
    pthread_mutex_t mutex; /* for what follows */
    struct follower followers[TRACES_MAX];
    bool is_stopping;
};

static void tell(const struct web_trace *trace, const struct follower *follower,
                 const struct trace_view *view)
{
    struct http_response response;
    size_t length;
    char *text = web_steps_write(trace->parts, &follower->of, view, &length);
    http_json(&response, text, length);
    http_finish(follower->waiter, &response);
}

/* Takes one whose trace has ended or whose time is over out of the list; false when there is
 * none, and then `due_us` is when the next time is over. */
static bool take_done(struct web_trace *trace, int64_t now_us, struct follower *done,
                      struct trace_view *view, int64_t *due_us)
{
    *due_us = WAKE_NEVER;
    for (size_t at = 0; at < TRACES_MAX; at++) {
        (void)pthread_mutex_lock(&trace->mutex);
        *done = trace->followers[at];
        bool is_stopping = trace->is_stopping;
        (void)pthread_mutex_unlock(&trace->mutex);
        if (done->number < 0) {
            continue;
        }
        if (trace_look(trace->parts->trace, done->number, view) || is_stopping ||
            now_us >= done->due_us) {
            trace_disarm(trace->parts->trace, done->number);
            (void)pthread_mutex_lock(&trace->mutex);
            trace->followers[at].number = -1;
            (void)pthread_mutex_unlock(&trace->mutex);
            return true;
        }
        trace_release(view);
        *due_us = done->due_us < *due_us ? done->due_us : *due_us;
    }
    return false;
}

static bool is_stopping(struct web_trace *trace)
{
    (void)pthread_mutex_lock(&trace->mutex);
    bool is_wanted = trace->is_stopping;
    (void)pthread_mutex_unlock(&trace->mutex);
    return is_wanted;
}

static void *run(void *argument)
{
    struct web_trace *trace = argument;
    bool is_last = false;
    while (!is_last) {
        struct follower done;
        struct trace_view view;
        int64_t due_us;
        is_last = is_stopping(trace);
        while (take_done(trace, clock_monotonic_us(), &done, &view, &due_us)) {
            tell(trace, &done, &view);
            trace_release(&view);
        }
        if (!is_last) {
            (void)wake_wait(&trace->wake, due_us);
        }
    }
    return NULL;
}

struct web_trace *web_trace_start(const struct web_parts *parts)
{
    struct web_trace *trace = memory_allocate(1, sizeof *trace);
    trace->parts = parts;
    for (size_t at = 0; at < TRACES_MAX; at++) {
        trace->followers[at].number = -1;
    }
    (void)pthread_mutex_init(&trace->mutex, NULL);
    wake_init(&trace->wake);
    thread_start(&trace->thread, "trace", run, trace);
    return trace;
}

void web_trace_stop(struct web_trace *trace)
{
    (void)pthread_mutex_lock(&trace->mutex);
    trace->is_stopping = true;
    (void)pthread_mutex_unlock(&trace->mutex);
    wake_up(&trace->wake);
    (void)pthread_join(trace->thread, NULL);
}

void web_trace_destroy(struct web_trace *trace)
{
    wake_destroy(&trace->wake);
    (void)pthread_mutex_destroy(&trace->mutex);
    free(trace);
}

/* ---- questions ---- */

static int64_t due_of(const struct tag_reference *of)
{
    size_t tag = (size_t)(of->tag - of->machine->map->tags);
    int64_t period_us = (int64_t)machine_tag_period_ms(of->machine, tag) * 1000;
    return clock_monotonic_us() + WAIT_US +
           (period_us < PERIOD_MAX_US ? period_us : PERIOD_MAX_US);
}

/* Whether there was a place. */
static bool enter(struct web_trace *trace, const struct follower *follower)
{
    bool is_entered = false;
    (void)pthread_mutex_lock(&trace->mutex);
    for (size_t at = 0; at < TRACES_MAX && !is_entered && !trace->is_stopping; at++) {
        if (trace->followers[at].number < 0) {
            trace->followers[at] = *follower;
            is_entered = true;
        }
    }
    (void)pthread_mutex_unlock(&trace->mutex);
    return is_entered;
}

static void start(void *data, struct http_waiter *waiter)
{
    struct follower *follower = data;
    struct web_trace *trace = follower->owner;
    const struct factory *factory = trace->parts->factory;
    follower->waiter = waiter;
    follower->due_us = due_of(&follower->of);
    follower->number =
        trace_arm(trace->parts->trace, (size_t)(follower->of.machine - factory->machines),
                  (size_t)(follower->of.tag - follower->of.machine->map->tags), &trace->wake);
    if (follower->number >= 0 && enter(trace, follower)) {
        wake_up(&trace->wake);
    } else {
        struct http_response response;
        if (follower->number >= 0) {
            trace_disarm(trace->parts->trace, follower->number);
        }
        http_fail(&response, 503, "too many follow values at once");
        response.retry_s = 1;
        http_finish(waiter, &response);
    }
    free(follower);
}

void web_trace_answer(struct web_trace *trace, const struct http_request *request,
                      struct http_response *response)
{
    struct tag_reference of = web_tag_find(trace->parts->factory, request);
    if (of.tag == NULL) {
        http_fail(response, 404, "there is no such machine or tag");
        return;
    }
    struct follower *follower = memory_allocate(1, sizeof *follower);
    *follower = (struct follower){.owner = trace, .of = of};
    *response = (struct http_response){
        .kind = HTTP_LATER, .job = {.start = start, .discard = free, .data = follower}};
}
