/* The newest of everything: values, states, paces. What `now`, `snapshot`, `status`, `info` and
 * the page show. Live only: the backlog never comes here.
 *
 * Pollers write, the publisher and the page read; one mutex inside, never held across a call
 * out. It is also the fast lane's queue, and that is a set: what was not yet taken when a newer
 * value comes is overwritten, so it cannot grow. */
#ifndef GATEWAY_LIVE_H
#define GATEWAY_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/factory.h"
#include "gateway/sample.h"
#include "gateway/wake.h"

enum { LIVE_DETAIL_SIZE = 160 };

/* How a machine is doing: what its `info` says. */
struct health {
    bool is_online;   /* false from the third failed poll on, and before the first good one */
    bool is_known;    /* false until its first answer or its third failed poll */
    int64_t since_us; /* wall clock: of the last change of is_online */
    uint8_t reason;   /* enum reason when offline */
    uint8_t exception;
    uint32_t achieved_ms;          /* mean period of the last polls; 0: not known yet */
    uint64_t polls;                /* since the start */
    uint64_t failed;               /* of these */
    uint64_t missed;               /* beats skipped because the last poll took too long */
    char detail[LIVE_DETAIL_SIZE]; /* "refused: input 18, input 20"; "" when all is well */
};

struct live;
struct live *live_create(const struct factory *factory, struct wake *publisher);
void live_destroy(struct live *live);

/* Pollers. A numbered sample; the values that moved are due for `now`, the whole as snapshot.
 */
void live_update(struct live *live, const struct sample *sample);

/* Pollers. `status` and `info` become due when anything but the counters changed (and when the
 * achieved pace moved by more than 2 %). */
void live_report(struct live *live, size_t machine, const struct health *health);

enum live_kind { LIVE_STATUS, LIVE_INFO, LIVE_SNAPSHOT, LIVE_NOW };
enum { LIVE_KINDS_COUNT = 4 };

/* One message of the fast lane, copied out. Its buffer is the caller's, made once. */
struct live_item {
    enum live_kind kind;
    size_t machine;
    size_t tag;           /* LIVE_NOW */
    struct health health; /* LIVE_STATUS, LIVE_INFO */
    struct point point;   /* LIVE_NOW: its text is at `text` */
    char *text;           /* LIVE_SNAPSHOT: the payload; LIVE_NOW: the JSON value */
    size_t text_length;
    size_t text_size; /* live_text_size() is enough */
};

size_t live_text_size(const struct live *live);

/* Publisher. Takes the next message that is due at the monotonic time `now_us`; false when
 * there is none, and then `due_us` tells when to ask again (WAKE_NEVER: when woken). */
bool live_take(struct live *live, int64_t now_us, struct live_item *item, int64_t *due_us);

/* Publisher, after connecting: every status, info, snapshot and value is due at once. */
void live_renew(struct live *live);

/* Any thread: a copy. */
void live_health(struct live *live, size_t machine, struct health *health);

/* One machine's newest, copied out for the page. Its buffers are made once. */
struct live_view {
    uint64_t revision; /* grows with everything that changes; 0: never looked */
    struct health health;
    uint64_t seq;         /* of the newest sample; 0: none yet */
    int64_t time_us;      /* of that sample */
    struct point *points; /* one a tag; `text` is the place of its value in `texts` */
    char *texts;
    size_t texts_size;
    char *payload; /* of the newest sample */
    size_t payload_length;
    uint64_t samples;                 /* since the start */
    uint64_t taken[LIVE_KINDS_COUNT]; /* messages of the fast lane; of LIVE_NOW, the sum of */
    uint32_t *taken_now;              /* those of each tag */
};
void live_view_create(const struct live *live, size_t machine, struct live_view *view);
void live_view_release(struct live_view *view);

/* Any thread. Copies; false, and nothing is copied, when nothing changed since the view's last
 * look at this machine. */
bool live_look(struct live *live, size_t machine, struct live_view *view);

/* Sums over all machines for `stats`: counters only. */
struct live_totals {
    size_t machines_online;
    uint64_t polls;
    uint64_t failed;
    uint64_t missed;
    uint64_t readings; /* values with quality good or uncertain */
    uint64_t samples;
};
void live_totals(struct live *live, struct live_totals *totals);

#endif
