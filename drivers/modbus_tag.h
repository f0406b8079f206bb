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

/* The same for a coil or discrete input. */
void modbus_tag_decode_bit(bool bit, struct reading *reading);

#endif
