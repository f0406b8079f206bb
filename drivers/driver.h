/* What a driver is: eleven functions that read the machines behind one link.
 *
 * A driver is blocking, lock-free and log-free, and never retries: the poller decides. All
 * functions of one link are called by one thread, except `interrupt`. A link is made from the
 * immutable factory, which outlives it. Nothing is allocated per read: after `create` only a
 * block that the device refuses for the first time takes memory for its parts. */
#ifndef DRIVERS_DRIVER_H
#define DRIVERS_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/factory.h"
#include "drivers/reading.h"

/* How a call ended, as far as the link is concerned. */
enum driver_status {
    DRIVER_OK,          /* an answer came for everything asked; exceptions are answers */
    DRIVER_IDLE,        /* nothing was asked: all that is due is quarantined at present */
    DRIVER_UNIT_DEAD,   /* the gateway device answered for the unit: exception 0x0A or 0x0B;
                           the connection is sound, this machine is not there */
    DRIVER_TIMEOUT,     /* connecting, or an answer, took longer than the link's timeout */
    DRIVER_REFUSED,     /* nobody listens there */
    DRIVER_UNREACHABLE, /* no route, or the name has no address */
    DRIVER_CLOSED,      /* the peer closed or reset the connection */
    DRIVER_BAD_REPLY,   /* something came that cannot be the answer */
    DRIVER_INTERRUPTED, /* interrupt() was called */
    DRIVER_LIMIT,       /* out of descriptors or memory */
};
/* Everything from DRIVER_TIMEOUT on: the caller closes the link before its next open. */

enum { DRIVER_REQUEST_MAX = 12, DRIVER_REPLY_MAX = 260 }; /* bytes of a Modbus TCP ADU */

enum { DRIVER_TEXT_MAX = MAP_STRING_MAX }; /* bytes of a reading's text */

/* The last time a request went over the wire: for `read`, `explain` and the page. */
struct driver_exchange {
    int64_t sent_us;     /* wall clock, UTC */
    int64_t answered_us; /* when the answer was complete, or given up */
    uint32_t duration_us;
    enum driver_status status;
    uint8_t exception; /* Modbus exception code, 0: none */
    uint16_t request_length;
    uint16_t reply_length;
    uint8_t request[DRIVER_REQUEST_MAX];
    uint8_t reply[DRIVER_REPLY_MAX];
};

/* One request of a machine's plan. */
struct driver_request {
    enum table table;
    uint16_t address;    /* zero-based, as on the wire */
    uint16_t count;      /* registers or bits */
    uint16_t tags_count; /* tags that it serves */
    uint16_t unused;     /* registers or bits read for nothing (holes bridged) */
    uint8_t period;      /* index into machine.periods_ms */
    bool is_quarantined; /* refused by the device; tried again now and then */
    const struct driver_exchange
        *last; /* owned by the link, changes with each read; never NULL */
};

/* What went over a link since `create`: plain numbers, that only grow but for those of the last
 * answer. Connecting is not counted here: the caller does that. */
enum { DRIVER_EXCEPTIONS_MAX = 12, DRIVER_RTT_STEPS = 14 };
struct driver_counters {
    uint64_t requests;    /* sent, or tried to */
    uint64_t timeouts;    /* of these */
    uint64_t bad_replies; /* an answer that did not fit */
    uint64_t broken;      /* the connection ended instead of an answer */
    uint64_t dropped;     /* late or doubled answers, passed over */
    uint64_t answers;     /* what follows counts these: exceptions are answers */
    uint64_t exceptions[DRIVER_EXCEPTIONS_MAX]; /* by code; those without a name at 0 */
    uint32_t rtt_last_us;
    uint32_t rtt_min_us; /* 0: no answer yet */
    uint32_t rtt_max_us;
    uint64_t rtt_sum_us;
    uint64_t rtt_steps[DRIVER_RTT_STEPS]; /* up to driver_rtt_us[i]; the last: above all */
};

/* The upper ends of rtt_steps, but for the last. */
extern const uint32_t driver_rtt_us[DRIVER_RTT_STEPS - 1];

/* What a driver tells about a link when it cannot be made. */
struct driver_error {
    char text[160];
};

struct driver {
    const char *name; /* the link's `driver` */

    /* Checks, plans and allocates for one link and all its machines; opens nothing. Returns
     * NULL and fills `error` when the configuration cannot work. The caller destroys it. */
    void *(*create)(const struct factory *factory, const struct link *link,
                    struct driver_error *error);

    /* Connects, within the link's timeout, then waits its settle time. Not called while open.
     */
    enum driver_status (*open)(void *link);

    /* Reads the due tags of the machine, the link's `machine`-th (0-based). Bit p of `due` says
     * that tags with period index p are due. Fills all of `readings` (one a tag, in the map's
     * order) whatever happens: not due → ABSENT, due → a value or BAD. A refused block
     * (exception 2 or 3) is bisected; what stays refused is quarantined and tried again every
     * 60 s. Ends within (requests × (timeout + gap)); after a status of DRIVER_TIMEOUT or worse
     * no further request of that read is tried, and the tags not read are BAD with that reason.
     */
    enum driver_status (*read)(void *link, size_t machine, uint32_t due,
                               struct reading *readings);

    /* Reads `count` raw registers (or bits, one a word) for `explain`: unit, table, address as
     * on the wire; words in host order. Needs an open link. The exchange is filled in any case.
     */
    enum driver_status (*probe)(void *link, uint8_t unit_id, enum table table, uint16_t address,
                                uint16_t count, uint16_t *words,
                                struct driver_exchange *exchange);

    /* Decodes words that `probe` gave as `read` would: `tag->registers` of them, or the one bit
     * of a coil or discrete input. Sets kind, value and reason of the reading; its text is put
     * in `text`, of DRIVER_TEXT_MAX bytes. Pure: needs no link, any thread may call it. */
    void (*interpret)(const struct tag *tag, const uint16_t *words, char *text,
                      struct reading *reading);

    /* Copies up to `size` requests of the machine's plan, as it stands now, to `requests` (NULL
     * only with size 0); returns how many there are. */
    size_t (*plan)(const void *link, size_t machine, struct driver_request *requests,
                   size_t size);

    /* Copies what was counted so far. */
    void (*count)(const void *link, struct driver_counters *counters);

    /* Ends the call in progress, and every later one, with DRIVER_INTERRUPTED within 100 ms.
     * The only function that any thread may call, at any time between create and destroy. */
    void (*interrupt)(void *link);

    /* Ends the connection; harmless when there is none. */
    void (*close)(void *link);

    void (*destroy)(void *link); /* closes first; NULL is harmless */
};

/* The driver of that name, NULL if there is none. */
const struct driver *driver_find(const char *name);

/* All drivers, for lists and for the contract tests. */
const struct driver *const *driver_all(size_t *count);

/* "ok", "timeout", "refused" …: one word for logs and the page. */
const char *driver_status_text(enum driver_status status);

/* The reason that tags get when a read ended with this status. */
enum reason driver_status_reason(enum driver_status status);

#endif
