#include "drivers/modbus_frame.h"

enum {
    LENGTH_COUNTED = 6,     /* the MBAP length counts what follows itself */
    EXCEPTION_LENGTH = 9,   /* MBAP, function, code */
    REQUEST_PDU_LENGTH = 6, /* unit, function, address, count */
    EXCEPTION_BIT = 0x80,
};

/* The position of each field in a frame. */
enum {
    AT_TRANSACTION = 0,
    AT_PROTOCOL = 2,
    AT_LENGTH = 4,
    AT_UNIT = 6,
    AT_FUNCTION = 7,
    AT_BYTES = 8,
    AT_CODE = 8,
    AT_ADDRESS = 8,
    AT_COUNT = 10,
};

/* Read coils, discrete inputs, holding registers, input registers: 1 to 4. */
static const uint8_t functions[TABLES_COUNT] = {
    [TABLE_COIL] = 1, [TABLE_DISCRETE] = 2, [TABLE_HOLDING] = 3, [TABLE_INPUT] = 4};

static void put16(uint8_t *bytes, unsigned value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static uint16_t get16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

void modbus_frame_encode(const struct modbus_frame_read *read,
                         uint8_t request[static DRIVER_REQUEST_MAX])
{
    put16(request + AT_TRANSACTION, read->transaction);
    put16(request + AT_PROTOCOL, 0);
    put16(request + AT_LENGTH, REQUEST_PDU_LENGTH);
    request[AT_UNIT] = read->unit_id;
    request[AT_FUNCTION] = functions[read->table];
    put16(request + AT_ADDRESS, read->address);
    put16(request + AT_COUNT, read->count);
}

size_t modbus_frame_bytes(enum table table, uint16_t count)
{
    return table_is_bits(table) ? (count + 7U) / 8U : count * 2U;
}

enum modbus_frame_verdict modbus_frame_check(const struct modbus_frame_read *read,
                                             const uint8_t *reply, size_t length,
                                             uint16_t earlier)
{
    uint8_t function = functions[read->table];
    size_t bytes = modbus_frame_bytes(read->table, read->count);
    uint16_t age;

    if (length < EXCEPTION_LENGTH || get16(reply + AT_PROTOCOL) != 0 ||
        get16(reply + AT_LENGTH) != length - LENGTH_COUNTED) {
        return MODBUS_FRAME_WRONG;
    }
    age = (uint16_t)(read->transaction - get16(reply + AT_TRANSACTION));
    if (age != 0) {
        return age <= earlier ? MODBUS_FRAME_STALE : MODBUS_FRAME_WRONG;
    }
    if (reply[AT_UNIT] != read->unit_id) {
        return MODBUS_FRAME_WRONG;
    }
    if (reply[AT_FUNCTION] == function) {
        return reply[AT_BYTES] == bytes && length == MODBUS_FRAME_VALUES + bytes
                   ? MODBUS_FRAME_ANSWER
                   : MODBUS_FRAME_WRONG;
    }
    return reply[AT_FUNCTION] == (function | EXCEPTION_BIT) && reply[AT_CODE] != 0 &&
                   length == EXCEPTION_LENGTH
               ? MODBUS_FRAME_EXCEPTION
               : MODBUS_FRAME_WRONG;
}

uint16_t modbus_frame_word(enum table table, const uint8_t *values, size_t index)
{
    if (table_is_bits(table)) {
        return (values[index / 8] >> (index % 8) & 1) != 0;
    }
    return get16(values + 2 * index);
}
