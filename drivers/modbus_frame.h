/* The frames of Modbus TCP for the four read functions: pure functions over bytes (Modbus
 * Application Protocol V1.1b3, 6.1 to 6.4; Messaging on TCP/IP V1.0b, 3.1.3). */
#ifndef DRIVERS_MODBUS_FRAME_H
#define DRIVERS_MODBUS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/map.h"
#include "drivers/driver.h"

/* The protocol's own limits of one read. */
enum { MODBUS_FRAME_REGISTERS_MAX = 125, MODBUS_FRAME_BITS_MAX = 2000 };

/* Where the values begin in a reply: MBAP header, function, byte count. */
enum { MODBUS_FRAME_VALUES = 9 };

struct modbus_frame_read {
    uint16_t transaction;
    uint8_t unit_id;
    enum table table;
    uint16_t address;
    uint16_t count; /* 1 to the protocol's limit */
};

enum modbus_frame_verdict {
    MODBUS_FRAME_ANSWER,    /* the values asked for */
    MODBUS_FRAME_EXCEPTION, /* refused; the code is reply[8], never 0 */
    MODBUS_FRAME_STALE, /* a whole frame for an earlier request of this connection: drop it */
    MODBUS_FRAME_WRONG, /* anything else: what follows on this connection cannot be trusted */
};

void modbus_frame_encode(const struct modbus_frame_read *read,
                         uint8_t request[static DRIVER_REQUEST_MAX]);

/* Judges a reply of `length` bytes; everything is checked: protocol, length, transaction, unit,
 * function, byte count. `earlier` transactions before this one were sent on the connection. */
enum modbus_frame_verdict modbus_frame_check(const struct modbus_frame_read *read,
                                             const uint8_t *reply, size_t length,
                                             uint16_t earlier);

/* Bytes that so many registers or bits take in a reply. */
size_t modbus_frame_bytes(enum table table, uint16_t count);

/* Register or bit `index` of a reply's values. */
uint16_t modbus_frame_word(enum table table, const uint8_t *values, size_t index);

#endif
