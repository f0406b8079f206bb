#include "simulator/mbap.h"

#include <assert.h>
#include <string.h>

enum {
    LENGTH_MIN = 2, /* unit and function */
    LENGTH_MAX = 254,
    COIL_ON = 0xFF00,
};

/* What a function's request looks like after the function code. */
struct shape {
    bool is_read;
    bool is_bits;
    bool has_count;     /* else the second word is the value */
    uint16_t count_max; /* 0: there is no such function */
};

static const struct shape shapes[] = {
    [MBAP_READ_COILS] = {true, true, true, MBAP_BITS_MAX},
    [MBAP_READ_DISCRETES] = {true, true, true, MBAP_BITS_MAX},
    [MBAP_READ_HOLDINGS] = {true, false, true, MBAP_REGISTERS_MAX},
    [MBAP_READ_INPUTS] = {true, false, true, MBAP_REGISTERS_MAX},
    [MBAP_WRITE_COIL] = {false, true, false, 1},
    [MBAP_WRITE_HOLDING] = {false, false, false, 1},
    [MBAP_WRITE_COILS] = {false, true, true, MBAP_WRITE_BITS_MAX},
    [MBAP_WRITE_HOLDINGS] = {false, false, true, MBAP_WRITE_REGISTERS_MAX},
};
static const struct shape unknown_shape;

static const struct shape *shape_of(uint8_t function)
{
    return function < sizeof shapes / sizeof shapes[0] ? &shapes[function] : &unknown_shape;
}

static uint16_t get_word(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void put_word(uint8_t *bytes, size_t word)
{
    bytes[0] = (uint8_t)(word >> 8);
    bytes[1] = (uint8_t)word;
}

bool mbap_is_read(uint8_t function)
{
    return shape_of(function)->is_read;
}

bool mbap_is_bits(uint8_t function)
{
    return shape_of(function)->is_bits;
}

static size_t data_size(bool is_bits, size_t count)
{
    return is_bits ? (count + 7) / 8 : count * 2;
}

/* `body` is what follows the function code. */
static enum mbap_exception parse_body(const uint8_t *body, size_t length,
                                      struct mbap_request *request)
{
    const struct shape *shape = shape_of(request->function);
    if (shape->count_max == 0) {
        return MBAP_ILLEGAL_FUNCTION;
    }
    if (length < 4) {
        return MBAP_ILLEGAL_VALUE;
    }
    request->address = get_word(body);
    request->count = shape->has_count ? get_word(body + 2) : 1;
    if (request->count == 0 || request->count > shape->count_max) {
        return MBAP_ILLEGAL_VALUE;
    }
    if (shape->is_read) {
        return length == 4 ? MBAP_NO_EXCEPTION : MBAP_ILLEGAL_VALUE;
    }
    if (!shape->has_count) {
        uint16_t value = get_word(body + 2);
        bool is_legal = !shape->is_bits || value == 0 || value == COIL_ON;
        request->data = body + 2;
        return length == 4 && is_legal ? MBAP_NO_EXCEPTION : MBAP_ILLEGAL_VALUE;
    }
    size_t size = data_size(shape->is_bits, request->count);
    request->data = body + 5;
    return length == 5 + size && body[4] == size ? MBAP_NO_EXCEPTION : MBAP_ILLEGAL_VALUE;
}

enum mbap_status mbap_parse(const uint8_t *bytes, size_t length, struct mbap_request *request)
{
    /* A wrong header is told as soon as it can be seen, so that it never stalls a connection.
     */
    if (length >= 4 && get_word(bytes + 2) != 0) {
        return MBAP_BROKEN;
    }
    if (length < 6) {
        return MBAP_INCOMPLETE;
    }
    size_t rest = get_word(bytes + 4);
    if (rest < LENGTH_MIN || rest > LENGTH_MAX) {
        return MBAP_BROKEN;
    }
    if (length < 6 + rest) {
        return MBAP_INCOMPLETE;
    }
    *request = (struct mbap_request){
        .transaction = get_word(bytes),
        .unit = bytes[6],
        .function = bytes[7],
        .size = 6 + rest,
    };
    request->exception = (uint8_t)parse_body(bytes + 8, rest - LENGTH_MIN, request);
    return MBAP_COMPLETE;
}

uint16_t mbap_written_word(const struct mbap_request *request, size_t i)
{
    assert(request->data != NULL);
    assert(i < request->count);
    if (request->function == MBAP_WRITE_COIL) {
        return get_word(request->data) == COIL_ON;
    }
    if (request->function == MBAP_WRITE_COILS) {
        return request->data[i / 8] >> (i % 8) & 1;
    }
    return get_word(request->data + 2 * i);
}

/* `pdu_size` counts from the function code on. */
static size_t put_header(const struct mbap_request *request, size_t pdu_size, uint8_t *reply)
{
    put_word(reply, request->transaction);
    put_word(reply + 2, 0);
    put_word(reply + 4, 1 + pdu_size);
    reply[6] = request->unit;
    reply[7] = request->function;
    return MBAP_HEADER_SIZE + pdu_size;
}

size_t mbap_build_read(const struct mbap_request *request, const uint16_t *words,
                       uint8_t reply[static MBAP_ADU_MAX])
{
    assert(mbap_is_read(request->function));
    assert(request->count <= shape_of(request->function)->count_max);
    bool is_bits = mbap_is_bits(request->function);
    size_t size = data_size(is_bits, request->count);
    uint8_t *data = reply + 9;
    reply[8] = (uint8_t)size;
    if (is_bits) {
        memset(data, 0, size);
    }
    for (size_t i = 0; i < request->count; i++) {
        if (is_bits) {
            data[i / 8] = (uint8_t)(data[i / 8] | (words[i] & 1) << (i % 8));
        } else {
            put_word(data + 2 * i, words[i]);
        }
    }
    return put_header(request, 2 + size, reply);
}

size_t mbap_build_written(const struct mbap_request *request,
                          uint8_t reply[static MBAP_ADU_MAX])
{
    assert(request->data != NULL);
    const struct shape *shape = shape_of(request->function);
    put_word(reply + 8, request->address);
    put_word(reply + 10, shape->has_count ? request->count : get_word(request->data));
    return put_header(request, 5, reply);
}

size_t mbap_build_exception(const struct mbap_request *request, uint8_t exception,
                            uint8_t reply[static MBAP_ADU_MAX])
{
    size_t size = put_header(request, 2, reply);
    reply[7] |= 0x80;
    reply[8] = exception;
    return size;
}
