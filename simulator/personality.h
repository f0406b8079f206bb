/* How a device behaves on the wire, beyond what it measures: one row a model (FACTORY, 5.2). */
#ifndef SIMULATOR_PERSONALITY_H
#define SIMULATOR_PERSONALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "simulator/registers.h"

enum { PERSONALITY_ALIASES_MAX = 2 };

struct personality {
    const char *model;   /* NULL: every other model */
    uint32_t latency_us; /* of a reply, mean */
    uint32_t jitter_us;  /* ± */
    double late_chance;  /* of a reply that comes late_us later */
    uint32_t late_us;
    double drop_chance;        /* of a request that ends the connection */
    double busy_chance;        /* of a write that is answered with exception 6 */
    uint16_t max_registers;    /* more in one read: exception 3 */
    uint16_t max_connections;  /* 0: no limit */
    bool answers_surplus;      /* connections beyond the limit: exception 0x0B, else closed */
    bool is_silent_for_others; /* units that are not there: silence, else exception 0x0B */
    int silent_unit;           /* silence for this one; -1: none */
    bool ignores_unit;         /* any unit id is the first machine's */
    uint8_t aliases[PERSONALITY_ALIASES_MAX]; /* unit ids that are the first machine's too */
    size_t aliases_count;
    uint32_t stranger_us;         /* before the exception for a unit that is not there */
    uint32_t gap_us;              /* a request sooner than this after a reply is dropped */
    uint32_t settle_us;           /* what comes sooner after connecting is ignored */
    uint32_t idle_us;             /* without a request: the connection is closed; 0: never */
    bool kicks_out;               /* a connection beyond the limit ends the oldest */
    bool sends_single_bytes;      /* each in a segment of its own */
    bool glues_replies;           /* when another request waits, its reply joins this one */
    const uint16_t *acknowledged; /* NULL, or the holding register whose write is answered 5 */
    bool refuses_cut_values;      /* a read that starts or ends inside a value: exception 2 */
    const struct registers_range *extra; /* NULL or a list */
};

/* Never NULL. */
const struct personality *personality_find(const char *model);

/* For `personality = off`: answers at once, whatever the model; addresses and units as before.
 */
const struct personality *personality_none(void);

#endif
