/* Frames of Modbus TCP, the server's side: requests taken apart, replies put together. Pure.
 *
 * Facts from the Modbus Application Protocol Specification V1.1b3 and the Modbus Messaging on
 * TCP/IP Implementation Guide V1.0b, 3.1.3. */
#ifndef SIMULATOR_MBAP_H
#define SIMULATOR_MBAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MBAP_HEADER_SIZE = 7, /* transaction, protocol, length, unit */
    MBAP_ADU_MAX = 260,
    MBAP_REGISTERS_MAX = 125,
    MBAP_BITS_MAX = 2000,
    MBAP_WRITE_REGISTERS_MAX = 123,
    MBAP_WRITE_BITS_MAX = 1968,
};

enum mbap_function {
    MBAP_READ_COILS = 1,
    MBAP_READ_DISCRETES = 2,
    MBAP_READ_HOLDINGS = 3,
    MBAP_READ_INPUTS = 4,
    MBAP_WRITE_COIL = 5,
    MBAP_WRITE_HOLDING = 6,
    MBAP_WRITE_COILS = 15,
    MBAP_WRITE_HOLDINGS = 16,
};

enum mbap_exception {
    MBAP_NO_EXCEPTION = 0,
    MBAP_ILLEGAL_FUNCTION = 1,
    MBAP_ILLEGAL_ADDRESS = 2,
    MBAP_ILLEGAL_VALUE = 3,
    MBAP_ACKNOWLEDGE = 5,
    MBAP_BUSY = 6,
    MBAP_TARGET_SILENT = 11,
};

enum mbap_status {
    MBAP_INCOMPLETE, /* more bytes are needed */
    MBAP_BROKEN,     /* no request can start like this: drop the connection */
    MBAP_COMPLETE,
};

struct mbap_request {
    uint16_t transaction;
    uint8_t unit;
    uint8_t function;
    uint8_t exception;   /* what the frame alone already deserves: 0, 1 or 3 */
    uint16_t address;    /* this and the rest only when there is no exception */
    uint16_t count;      /* registers or bits; 1 for functions 5 and 6 */
    const uint8_t *data; /* of a write: into the bytes that were parsed; else NULL */
    size_t size;         /* bytes of the whole frame */
};

/* Takes the first frame of `bytes` apart; `request` is filled when it is complete. */
enum mbap_status mbap_parse(const uint8_t *bytes, size_t length, struct mbap_request *request);

bool mbap_is_read(uint8_t function);
bool mbap_is_bits(uint8_t function);

/* The i-th register of a write request, or its i-th bit as 0 or 1. i < request->count. */
uint16_t mbap_written_word(const struct mbap_request *request, size_t i);

/* The replies. Each writes at most MBAP_ADU_MAX bytes and returns how many. */

/* To functions 1 to 4: request->count words; bits are words of 0 and 1. */
size_t mbap_build_read(const struct mbap_request *request, const uint16_t *words,
                       uint8_t reply[static MBAP_ADU_MAX]);

/* To functions 5, 6, 15, 16. */
size_t mbap_build_written(const struct mbap_request *request,
                          uint8_t reply[static MBAP_ADU_MAX]);

size_t mbap_build_exception(const struct mbap_request *request, uint8_t exception,
                            uint8_t reply[static MBAP_ADU_MAX]);

#endif
