/* A Modbus TCP frame taken apart: each field of the MBAP header and the PDU with its name and
 * what it says. Pure.
 *
 * Modbus Messaging on TCP/IP V1.0b, 3.1.3; Modbus Application Protocol V1.1b3, 6. */
#ifndef GATEWAY_FRAME_H
#define GATEWAY_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum { FRAME_FIELDS_MAX = 7, FRAME_NOTE_SIZE = 160 };

struct frame_field {
    const char *name;           /* "transaction" */
    size_t offset;              /* bytes from the start of the frame */
    size_t length;              /* bytes */
    char note[FRAME_NOTE_SIZE]; /* "3: read holding registers"; "" when there is none */
};

enum frame_kind { FRAME_REQUEST, FRAME_REPLY, FRAME_REFUSAL };

/* Takes apart what is there, however short; returns how many fields that are. */
size_t frame_fields(enum frame_kind kind, const uint8_t *bytes, size_t length,
                    struct frame_field fields[static FRAME_FIELDS_MAX]);

#endif
