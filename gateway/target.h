/* What `explain` points at: a device by its URL, and a place in its tables. Pure.
 *
 *     modbus-tcp://HOST[:PORT][?unit_id=N&timeout=DURATION]    TABLE:ADDRESS    COUNT
 *
 * Each function returns false and fills `error` with what is wrong and what is accepted. */
#ifndef GATEWAY_TARGET_H
#define GATEWAY_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "config/arena.h"
#include "config/map.h"

enum { TARGET_ERROR_SIZE = 300 };

struct target {
    const char *driver; /* the URL's scheme */
    const char *host;   /* without the brackets of an IPv6 address; in the arena */
    uint16_t port;      /* 502 when not given */
    uint8_t unit_id;    /* 1 when not given */
    uint32_t timeout_ms;
    enum table table;
    uint16_t address; /* zero-based, as on the wire */
    uint16_t count;   /* registers or bits */
    struct tag row;   /* scale, offset, min and max of what is there, as far as told */
};

/* What can be told of the numbers there. */
enum { TARGET_SCALE, TARGET_OFFSET, TARGET_MIN, TARGET_MAX, TARGET_DECIMALS_COUNT };

bool target_parse_url(struct arena *arena, const char *text, struct target *target,
                      char error[static TARGET_ERROR_SIZE]);

/* "input:0", "holding:0x1462", or as Modicon numbers it: "40001", "400001". */
bool target_parse_place(const char *text, struct target *target,
                        char error[static TARGET_ERROR_SIZE]);

/* Registers or bits, within the protocol's limits and the end of the table; NULL: 4, or what is
 * left of the table. The place must be known. */
bool target_parse_count(const char *text, struct target *target,
                        char error[static TARGET_ERROR_SIZE]);

/* Decimals, each NULL when it was not given. The place must be known. */
bool target_parse_decimals(const char *const texts[static TARGET_DECIMALS_COUNT],
                           struct target *target, char error[static TARGET_ERROR_SIZE]);

#endif
