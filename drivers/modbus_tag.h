/* From the bytes of a Modbus reply to a tag's reading: sentinels, byte order, type, mask. Pure.
 */
#ifndef DRIVERS_MODBUS_TAG_H
#define DRIVERS_MODBUS_TAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/map.h"
#include "drivers/reading.h"

/* Bytes that the tag's readings need for their text; 0 when they are no text. */
size_t modbus_tag_text_size(const struct tag *tag);

/* Decodes the tag's registers, 2 × `tag->registers` bytes as they arrived, and sets kind, value
 * and reason; time and exception are the caller's. `text` has modbus_tag_text_size() bytes, and
 * the reading points into it. */
void modbus_tag_decode(const struct tag *tag, const uint8_t *bytes, char *text,
                       struct reading *reading);

/* What most tags are: whole registers in their natural order, whose every pattern is a value.
 */
enum modbus_plain {
    MODBUS_PLAIN_NOT, /* for modbus_tag_decode() */
    MODBUS_PLAIN_UINT16,
    MODBUS_PLAIN_INT16,
    MODBUS_PLAIN_UINT32,
    MODBUS_PLAIN_INT32,
};

enum modbus_plain modbus_tag_plain(const struct tag *tag);

/* The same as modbus_tag_decode() for a plain tag, and the time; without a look at the tag: its
 * registers alone tell all. */
static inline void modbus_tag_decode_plain(enum modbus_plain plain, const uint8_t *bytes,
                                           int64_t time_us, struct reading *reading)
{
    const bool is_short = plain == MODBUS_PLAIN_UINT16 || plain == MODBUS_PLAIN_INT16;
    const bool is_signed = plain == MODBUS_PLAIN_INT16 || plain == MODBUS_PLAIN_INT32;
    const uint32_t first = (uint32_t)bytes[0] << 8 | bytes[1];
    uint32_t raw = first;
    int64_t value = (int16_t)first;

    if (!is_short) {
        raw = first << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
        value = (int32_t)raw;
    }
    *reading = (struct reading){
        .time_us = time_us,
        .value.integer = is_signed ? value : (int64_t)raw,
        .kind = is_signed ? READING_INTEGER : READING_UNSIGNED,
    };
}

/* The same for a coil or discrete input. */
void modbus_tag_decode_bit(bool bit, struct reading *reading);

#endif
