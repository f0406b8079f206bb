/* Follows samples on their way: from the bytes of a machine to the broker's acknowledgement.
 *
 * Whoever wants to see one arms a trace for a tag; the threads on the way enter what they did
 * with its next sample. While nothing is armed each of them pays one relaxed atomic load. NULL
 * instead of a trace is never armed. */
#ifndef GATEWAY_TRACE_H
#define GATEWAY_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/factory.h"
#include "drivers/driver.h"
#include "gateway/live.h"
#include "gateway/topic.h"
#include "gateway/wake.h"

enum { TRACES_MAX = 16 };

enum trace_step {
    TRACE_REQUEST, /* ends with the answer, or without */
    TRACE_DECODE,
    TRACE_QUEUE,
    TRACE_COMMIT,
    TRACE_PUBLISH,
    TRACE_PUBACK,
    TRACE_STEPS_COUNT
};

/* What is known so far; a copy with texts of its own. */
struct trace_view {
    bool is_asked;                   /* the exchange is there */
    bool has_sample;                 /* and so are seq to payload */
    struct driver_exchange exchange; /* that carried the tag */
    enum table table;                /* of the request */
    uint16_t address;                /* its first, as on the wire */
    uint16_t count;                  /* registers or bits */
    uint64_t seq;
    struct point point;                  /* its text is at `value` */
    char *value;                         /* JSON */
    char *payload;                       /* of the sample, as the journal gets it */
    char *sent;                          /* as it was published; NULL: not yet */
    char topic[TOPIC_SIZE];              /* where to */
    int64_t begun_us;                    /* monotonic: when the request was sent */
    int64_t ended_us[TRACE_STEPS_COUNT]; /* monotonic; 0: not yet */
};

struct trace;
struct trace *trace_create(const struct factory *factory);
void trace_destroy(struct trace *trace);

/* Whoever looks. `machine` and `tag` are indices; returns the trace's number, -1 when
 * TRACES_MAX are armed. `wake`, which outlives the trace, is told of its end. */
int trace_arm(struct trace *trace, size_t machine, size_t tag, struct wake *wake);
void trace_disarm(struct trace *trace, int number);

/* Copies; `trace_release` frees what it holds. Returns whether the sample is at its end. */
bool trace_look(struct trace *trace, int number, struct trace_view *view);
void trace_release(struct trace_view *view);

/* The poller, after a poll: does anybody wait for this machine? */
bool trace_is_awaited(struct trace *trace, size_t machine);

/* Then: what was asked and answered, and the sample that came of it, as live.h has it. Times
 * are monotonic. */
struct trace_poll {
    size_t machine;
    const struct driver_request *requests;
    size_t requests_count;
    const struct live_view *view;
    int64_t decoded_us;
    int64_t queued_us;
};
void trace_poll(struct trace *trace, const struct trace_poll *poll);

/* Recorder: everything up to `seq` is committed. */
void trace_commit(struct trace *trace, uint64_t seq);

/* Publisher. */
void trace_publish(struct trace *trace, uint64_t seq, const char *topic, const char *payload,
                   size_t length);
void trace_acknowledge(struct trace *trace, uint64_t seq);

#endif
