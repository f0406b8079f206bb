/* A world is a device that a driver under contract can be pointed at, told to misbehave.
 *
 * It serves units 1 and 2; of each table the addresses below WORLD_SIZE, their contents being
 * world_word(). A new driver brings a `static const struct world` in a header of its own. */
#ifndef TESTS_CONTRACT_WORLD_H
#define TESTS_CONTRACT_WORLD_H

#include "config/factory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORLD_SIZE = 4000 };

enum behaviour {
    BEHAVE_WELL,
    BEHAVE_MUTE,           /* takes requests, answers none */
    BEHAVE_ONE_BYTE,       /* a byte of the answer, then nothing */
    BEHAVE_DRIBBLE,        /* 10 bytes of the answer, one each 75 ms */
    BEHAVE_BYTE_BY_BYTE,   /* the whole answer at once, a byte a segment */
    BEHAVE_LATE,           /* the answer after the timeout */
    BEHAVE_TWICE,          /* the answer, and again */
    BEHAVE_STALE_FIRST,    /* the last answer and this one, in one segment */
    BEHAVE_STALE_ONLY,     /* the last answer ten times, one each 75 ms */
    BEHAVE_TRANSACTION,    /* a number that was never asked with */
    BEHAVE_UNIT,           /* for another unit */
    BEHAVE_PROTOCOL,       /* another protocol */
    BEHAVE_FUNCTION,       /* another function */
    BEHAVE_LENGTH,         /* the header tells more than comes */
    BEHAVE_LENGTH_LESS,    /* the header tells less than comes */
    BEHAVE_BYTES_MORE,     /* the byte count tells more than comes */
    BEHAVE_BYTES_LESS,     /* two bytes less, consistently */
    BEHAVE_TRUNCATE,       /* half an answer, then the end */
    BEHAVE_CLOSE,          /* the end instead of an answer */
    BEHAVE_RESET,          /* a reset instead of an answer */
    BEHAVE_GARBAGE,        /* bytes that mean nothing */
    BEHAVE_EXCEPTION_ZERO, /* an exception without a code */
    BEHAVE_EXCEPTION,      /* + the code: refuses everything */
    BEHAVE_EXCEPTION_LAST = BEHAVE_EXCEPTION + 255,
};

struct device;

struct world {
    const char *driver;

    struct device *(*start)(void);
    void (*stop)(struct device *device);

    /* Makes the link point at the device. */
    void (*locate)(const struct device *device, struct link *link);

    /* From now on, after `good` more requests answered well. */
    void (*behave)(struct device *device, int behaviour, unsigned good);

    /* Whether reads that touch the address are refused with exception 2. */
    void (*refuse)(struct device *device, enum table table, uint16_t address, bool is_refused);

    /* Refuses requests for more than so many registers with exception 3. */
    void (*limit)(struct device *device, uint16_t count);

    /* Waits until the device has done all that it does about the requests so far. */
    void (*await)(struct device *device);

    unsigned (*requests)(struct device *device);    /* so far */
    unsigned (*connections)(struct device *device); /* so far */
};

static inline uint16_t world_word(uint8_t unit_id, enum table table, uint16_t address)
{
    return (uint16_t)(address * 7U + unit_id * 1000U + (unsigned)table * 10000U);
}

static inline bool world_bit(uint8_t unit_id, enum table table, uint16_t address)
{
    return world_word(unit_id, table, address) / 7 % 3 == 0;
}

#endif
